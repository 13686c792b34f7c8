// Tests of software segmentation against a slow model that builds each segment anew.
// Run by node:test; calls segment.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HEADROOM } from '../base/pool.ts';
import { decode, makeMemory, packet, pattern, tcp, testFrame } from './packets.test-support.ts';
import { Segmenter } from './segment.ts';

const FIN = 1;
const SYN = 2;
const PSH = 8;
const ACK = 16;
const URG = 32;
const CWR = 128;

const memory = makeMemory(64, 4);
const { u8 } = memory.arena;
const source = memory.frames.large.alloc() + HEADROOM;
const target = memory.frames.large.alloc() + HEADROOM;

/** All segments of a superframe, and what the code returned. */
function cut(segmenter: Segmenter, bytes: Uint8Array, begin: (at: number) => number): Uint8Array[] {
  u8.set(bytes, source);
  const count = begin(source);
  const out = Array.from({ length: count }, (_, i) => {
    const length = segmenter.write(i, target);
    assert.equal(length, segmenter.length(i));
    return u8.slice(target, target + length);
  });
  assert.deepEqual(u8.slice(source, source + bytes.length), bytes, 'the superframe stays as it was');
  return out;
}

const superframe = fc.record({
  medium: fc.constantFrom('ip' as const, 'ethernet' as const),
  version: fc.constantFrom(4 as const, 6 as const),
  seq: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  flags: fc.nat(255).map((f) => f & ~(SYN | URG)),
  tcpOptions: fc.constantFrom([], [1, 1, 1, 0], [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]),
  ipOptions: fc.boolean(),
  id: fc.nat(0xffff),
  bytes: fc.integer({ min: 0, max: 20000 }),
  size: fc.oneof(fc.integer({ min: 100, max: 9000 }), fc.constantFrom(536, 1448, 1460, 20000)),
  partial: fc.boolean(),
});

/** IPv4: router alert; IPv6: destination options that are padding. */
const OPTIONS = { 4: [148, 4, 0, 0], 6: [6, 0, 1, 4, 0, 0, 0, 0] };

describe('Segmenter', () => {
  test('makes the segments that a slow model makes', () => {
    fc.assert(
      fc.property(superframe, (s) => {
        const options = s.ipOptions ? OPTIONS[s.version] : [];
        const common = { medium: s.medium, version: s.version, protocol: 6 as const, options };
        const data = pattern(s.bytes, s.seq);
        const bytes = packet({
          ...common,
          id: s.id,
          partial: s.partial,
          transport: tcp(s.seq, s.flags, s.tcpOptions, data),
        });
        const expected: Uint8Array[] = [];
        const count = Math.max(1, Math.ceil(s.bytes / s.size));
        for (let i = 0; i < count; i++) {
          let flags = s.flags;
          if (i !== 0) flags &= ~CWR;
          if (i !== count - 1) flags &= ~(FIN | PSH);
          const part = data.slice(i * s.size, (i + 1) * s.size);
          const transport = tcp(s.seq + i * s.size, flags, s.tcpOptions, part);
          expected.push(packet({ ...common, id: (s.id + i) & 0xffff, transport }));
        }
        const segmenter = new Segmenter(memory, s.medium);
        const got = cut(segmenter, bytes, (at) => segmenter.begin(at, bytes.length, s.size));
        assert.deepEqual(got, expected);
      }),
      { numRuns: 60 },
    );
  });

  test('every segment is a right packet, and together they are the data', () => {
    const data = pattern(60000);
    const bytes = packet({
      version: 6,
      medium: 'ethernet',
      protocol: 6,
      transport: tcp(-5, FIN | PSH | ACK | CWR, [], data),
    });
    const segmenter = new Segmenter(memory, 'ethernet');
    const got = cut(segmenter, bytes, (at) => segmenter.begin(at, bytes.length, 1440)).map((b) =>
      decode(b, 'ethernet'),
    );
    assert.equal(got.length, 42);
    assert.deepEqual(
      got.flatMap((one) => one.data),
      data,
    );
    assert.deepEqual(
      got.map((one) => one.seq),
      got.map((_, i) => (-5 + i * 1440) | 0),
    );
    assert.equal(got[0]!.flags, ACK | CWR);
    assert.equal(got[1]!.flags, ACK);
    assert.equal(got[41]!.flags, FIN | PSH | ACK);
  });

  test('cut by MTU, no packet is larger and only the last is smaller', () => {
    for (const version of [4, 6] as const) {
      for (const options of [[], OPTIONS[version]]) {
        const transport = tcp(1, ACK, [1, 1, 1, 1], pattern(10000));
        const bytes = packet({ version, protocol: 6, options, transport });
        const segmenter = new Segmenter(memory, 'ip');
        const got = cut(segmenter, bytes, (at) => segmenter.beginMtu(at, bytes.length, 1500));
        assert.ok(got.slice(0, -1).every((b) => b.length === 1500));
        assert.ok(got.at(-1)!.length <= 1500);
        assert.equal(got.flatMap((b) => decode(b, 'ip').data).length, 10000);
      }
    }
  });

  test('the padding behind a short packet goes with no segment', () => {
    const bytes = packet({ medium: 'ethernet', protocol: 6, transport: tcp(1, ACK, [], [7]) });
    const padded = new Uint8Array(60).fill(0xee);
    padded.set(bytes);
    const segmenter = new Segmenter(memory, 'ethernet');
    const got = cut(segmenter, padded, (at) => segmenter.begin(at, padded.length, 1000));
    assert.deepEqual(got, [bytes]);
  });

  test('refuses what cannot be cut', () => {
    const segmenter = new Segmenter(memory, 'ip');
    const begin = (bytes: Uint8Array, size = 1000): number => {
      u8.set(bytes, source);
      return segmenter.begin(source, bytes.length, size);
    };
    const plain = packet({ protocol: 6, transport: tcp(1, ACK, [], pattern(3000)) });
    assert.equal(begin(plain), 3);
    assert.equal(begin(plain, 0), 0);
    assert.equal(begin(plain, -1), 0);
    assert.equal(begin(testFrame('ip', 1, 3000)), 0, 'UDP');
    assert.equal(begin(packet({ protocol: 6, transport: tcp(1, ACK | SYN, [], pattern(3000)) })), 0, 'SYN');
    assert.equal(begin(packet({ protocol: 6, transport: tcp(1, ACK | URG, [], pattern(3000)) })), 0, 'URG');
    assert.equal(begin(packet({ protocol: 6, transport: tcp(1, SYN, [], []) })), 1, 'a SYN alone needs no cutting');
    const fragment = plain.slice();
    fragment[6] = 0x20;
    assert.equal(begin(fragment), 0, 'a fragment');
    for (let length = 0; length < 44; length++) assert.equal(begin(plain.slice(0, length)), 0, `${length} bytes`);
    for (const offset of [0, 1, 4, 5, 6]) {
      const bad = plain.slice();
      bad[20 + 12] = offset << 4;
      assert.equal(begin(bad), offset < 5 ? 0 : 3, `data offset ${offset}`);
    }
  });

  test('never reads or writes outside, whatever the bytes say', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 200, size: 'max' }),
        fc.nat(300),
        fc.boolean(),
        (noise, size, ethernet) => {
          const bytes = packet({
            medium: ethernet ? 'ethernet' : 'ip',
            protocol: 6,
            transport: tcp(1, ACK, [], pattern(100)),
          });
          noise.forEach((b, i) => {
            if (i < bytes.length && (b & 7) === 0) bytes[i] = b * 3;
          });
          const segmenter = new Segmenter(memory, ethernet ? 'ethernet' : 'ip');
          u8.set(bytes, source);
          const count = segmenter.begin(source, bytes.length, size);
          let total = 0;
          for (let i = 0; i < count; i++) {
            assert.ok(segmenter.length(i) <= bytes.length);
            total += segmenter.length(i);
            u8.fill(0xaa, target - 8, target + 400);
            const length = segmenter.write(i, target);
            assert.ok(u8.subarray(target - 8, target).every((b) => b === 0xaa));
            assert.ok(u8.subarray(target + length, target + 400).every((b) => b === 0xaa));
          }
          assert.ok(total <= bytes.length + count * 120);
        },
      ),
    );
  });
});
