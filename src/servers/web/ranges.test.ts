// Tests of ranges: the examples of RFC 9110 section 14, and properties against a naive reading byte by byte.
// Run by node:test; calls ranges.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { contentRange, MAX_RANGES, multipart, readRange } from './ranges.ts';

/** Parts as [first, last], as they are written. */
function read(value: string, size: number): [number, number][] | null {
  return readRange(value, size)?.map(({ start, end }): [number, number] => [start, end - 1]) ?? null;
}

describe('Range', () => {
  const table: [value: string, size: number, parts: [number, number][] | null][] = [
    // RFC 9110 section 14.1.2
    ['bytes=0-499', 10000, [[0, 499]]],
    ['bytes=500-999', 10000, [[500, 999]]],
    ['bytes=-500', 10000, [[9500, 9999]]],
    ['bytes=9500-', 10000, [[9500, 9999]]],
    [
      'bytes=0-0,-1',
      10000,
      [
        [0, 0],
        [9999, 9999],
      ],
    ],
    [
      'bytes= 0-999, 4500-5499, -1000',
      10000,
      [
        [0, 999],
        [4500, 5499],
        [9000, 9999],
      ],
    ],
    ['bytes=500-600,601-999', 10000, [[500, 999]]],
    ['bytes=500-700,601-999', 10000, [[500, 999]]],
    // beyond the end
    ['bytes=0-', 1, [[0, 0]]],
    ['bytes=5-100', 10, [[5, 9]]],
    ['bytes=-100', 10, [[0, 9]]],
    ['bytes=10-', 10, []],
    ['bytes=10-20', 10, []],
    ['bytes=-0', 10, []],
    ['bytes=10-20,-0', 10, []],
    ['bytes=10-20,3-4', 10, [[3, 4]]],
    // order, and parts joined in the place of the first of them
    [
      'bytes=8-9,0-1',
      10,
      [
        [8, 9],
        [0, 1],
      ],
    ],
    [
      'bytes=6-7,0-1,7-8',
      10,
      [
        [6, 8],
        [0, 1],
      ],
    ],
    [
      'bytes=0-1,6-7,2-3',
      10,
      [
        [0, 3],
        [6, 7],
      ],
    ],
    ['bytes=0-9,0-9,0-9', 10, [[0, 9]]],
    // numerals of any length
    ['bytes=0-18446744073709551616', 10, [[0, 9]]],
    ['bytes=18446744073709551616-18446744073709551617', 10, []],
    ['bytes=18446744073709551617-18446744073709551616', 10, null],
    ['bytes=-99999999999999999999999999999', 10, [[0, 9]]],
    ['bytes=000000000000000000002-0000000000000000000000003', 10, [[2, 3]]],
    [`bytes=${'9'.repeat(400)}-`, 10, []],
    // the unit is case-insensitive; another one is ignored
    ['Bytes=0-1', 10, [[0, 1]]],
    ['lines=0-1', 10, null],
    ['none=', 10, null],
    // empty members
    ['bytes=,0-1,,', 10, [[0, 1]]],
    // not of the grammar
    ['bytes=5-4', 10, null],
    ['bytes=0-1,5-4', 10, null],
    ['bytes=', 10, null],
    ['bytes=,', 10, null],
    ['bytes=-', 10, null],
    ['bytes=a-b', 10, null],
    ['bytes=1', 10, null],
    ['bytes=1-2-3', 10, null],
    ['bytes=+1-2', 10, null],
    ['bytes=1 - 2', 10, null],
    ['bytes=0x1-2', 10, null],
    ['bytes', 10, null],
    ['bytes-', 10, null],
    ['0-1', 10, null],
    ['', 10, null],
    // nothing to cut
    ['bytes=0-1', 0, null],
    ['bytes=-1', 0, null],
    // too many
    [`bytes=${Array.from({ length: MAX_RANGES + 1 }, (_, i) => `${2 * i}-${2 * i}`)}`, 10000, null],
    [`bytes=${'0-,'.repeat(10_000)}`, 10000, null],
    [`bytes=${','.repeat(10_000)}0-1`, 10000, null],
  ];
  for (const [value, size, parts] of table) {
    test(`${value.slice(0, 50)} of ${size} bytes`, () => assert.deepEqual(read(value, size), parts));
  }

  test('exactly MAX_RANGES are answered', () => {
    const value = `bytes=${Array.from({ length: MAX_RANGES }, (_, i) => `${2 * i}-${2 * i}`)}`;
    assert.equal(read(value, 10000)?.length, MAX_RANGES);
  });

  const spec = fc.oneof(
    fc
      .tuple(fc.nat(60), fc.nat(60))
      .map(([a, n]): [string, (i: number, size: number) => boolean] => [`${a}-${a + n}`, (i) => i >= a && i <= a + n]),
    fc.nat(60).map((a): [string, (i: number, size: number) => boolean] => [`${a}-`, (i) => i >= a]),
    fc.nat(60).map((n): [string, (i: number, size: number) => boolean] => [`-${n}`, (i, size) => i >= size - n]),
  );

  test('the parts are exactly the bytes asked for, each once, in the order of the request', () => {
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 80 }), (specs, size) => {
        const parts = readRange(`bytes=${specs.map(([text]) => text).join(', ')}`, size);
        assert.ok(parts !== null);
        const times = new Array(size).fill(0);
        for (const { start, end } of parts) {
          assert.ok(start >= 0 && start < end && end <= size);
          for (let i = start; i < end; i++) times[i]++;
        }
        for (let i = 0; i < size; i++) {
          assert.equal(times[i], specs.some(([, has]) => has(i, size)) ? 1 : 0, `byte ${i}`);
        }
        const first = ({ start, end }: { start: number; end: number }): number =>
          specs.findIndex(([, has]) => {
            for (let i = start; i < end; i++) if (has(i, size)) return true;
            return false;
          });
        const order = parts.map(first);
        assert.deepEqual(
          order,
          [...order].sort((a, b) => a - b),
        );
      }),
    );
  });

  test('any text at all is ignored, refused or answered within bounds', () => {
    const text = fc.array(fc.constantFrom('bytes=', '0', '9', '-', ',', ' ', '=', 'x', '5-6'), { maxLength: 30 });
    fc.assert(
      fc.property(text, fc.nat(100), (pieces, size) => {
        const parts = readRange(pieces.join(''), size);
        let total = 0;
        for (const part of parts ?? []) total += part.end - part.start;
        assert.ok(total <= size && (parts ?? []).length <= MAX_RANGES);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('multipart/byteranges', () => {
  test('is laid out as RFC 9110 section 14.6 shows it, and its length is right', () => {
    const parts = [
      { start: 500, end: 1000 },
      { start: 7000, end: 8000 },
    ];
    const layout = multipart(parts, 8000, 'application/pdf', 'THIS');
    assert.equal(layout.contentType, 'multipart/byteranges; boundary=THIS');
    const body = parts.map((part, i) => layout.heads[i] + 'x'.repeat(part.end - part.start)).join('') + layout.tail;
    assert.equal(body.length, layout.length);
    assert.equal(
      body.replace(/x+/g, '…'),
      '--THIS\r\nContent-Type: application/pdf\r\nContent-Range: bytes 500-999/8000\r\n\r\n…' +
        '\r\n--THIS\r\nContent-Type: application/pdf\r\nContent-Range: bytes 7000-7999/8000\r\n\r\n…\r\n--THIS--\r\n',
    );
  });

  test('Content-Range as in RFC 9110 section 14.4', () => {
    assert.equal(contentRange({ start: 734, end: 1234 }, 1234), 'bytes 734-1233/1234');
  });
});
