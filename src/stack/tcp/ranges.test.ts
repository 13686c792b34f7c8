// The out-of-order queue against a model that keeps one cell per byte.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../base/arena.ts';
import { Spans } from '../../base/spans.ts';
import { Ranges } from './ranges.ts';
import { Tcb, tcbRows } from './tcb.ts';

class Fixture {
  readonly arena: Arena = new Arena(4 << 20);
  readonly spans: Spans;
  readonly ranges: Ranges;
  readonly t: Tcb;
  readonly #scratch: number;

  constructor(o: { chunks?: number; ranges?: number; rcvNxt?: number } = {}) {
    this.spans = new Spans(this.arena, o.chunks ?? 400);
    this.ranges = new Ranges(this.arena, this.spans, o.ranges ?? 64);
    const rows = tcbRows(this.arena, 4);
    this.t = new Tcb(rows).at(rows.alloc());
    this.t.rcvNxt = o.rcvNxt ?? 0;
    this.#scratch = this.arena.region('scratch', 65536);
  }

  /** Bytes with numbers counted from RCV.NXT. */
  insert(seq: number, data: Uint8Array, max = 64): number {
    this.arena.u8.set(data, this.#scratch);
    return this.ranges.insert(this.t, (this.t.rcvNxt + seq) | 0, data.length, this.#scratch, max);
  }

  list(): [number, number][] {
    return this.ranges.list(this.t).map(([a, b]) => [(a - this.t.rcvNxt) | 0, (b - this.t.rcvNxt) | 0]);
  }

  /** Pulls, and returns what the user can read then. */
  pull(): Uint8Array {
    const moved = this.ranges.pull(this.t);
    const out = new Uint8Array(moved + 1);
    assert.equal(this.spans.read(this.t.receiveList, out, 0, out.length), moved);
    this.t.rcvNxt = (this.t.rcvNxt + moved) | 0;
    return out.subarray(0, moved);
  }

  assertEmpty(): void {
    assert.deepEqual([this.ranges.used, this.spans.used, this.t.rangeCount, this.t.ranges], [0, 0, 0, 0]);
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('ranges', () => {
  test('are sorted, disjoint and do not touch', () => {
    const f = new Fixture();
    f.insert(10, bytes('k'));
    f.insert(30, bytes('ef'));
    f.insert(20, bytes('uv'));
    assert.deepEqual(f.list(), [
      [10, 11],
      [20, 22],
      [30, 32],
    ]);
    f.insert(11, bytes('lmnopqrst'));
    assert.deepEqual(f.list(), [
      [10, 22],
      [30, 32],
    ]);
    f.insert(5, bytes('x'.repeat(40)));
    assert.deepEqual(f.list(), [[5, 45]]);
    assert.equal(f.ranges.start(f.t), 5);
    assert.equal(f.ranges.end(f.t), 45);
    f.ranges.clear(f.t);
    f.assertEmpty();
    assert.equal(f.ranges.end(f.t), 0);
  });

  test('beyond the maximum are refused; those held still grow', () => {
    const f = new Fixture();
    assert.equal(f.insert(10, bytes('a'), 2), 1);
    assert.equal(f.insert(20, bytes('b'), 2), 1);
    assert.equal(f.insert(30, bytes('c'), 2), 0);
    assert.equal(f.insert(19, bytes('xyz'), 2), 0, 'it begins where a range of its own would be needed');
    assert.equal(f.insert(20, bytes('yz'), 2), 1);
    assert.deepEqual(f.list(), [
      [10, 11],
      [20, 22],
    ]);
  });

  test('are refused when the pool of ranges is empty', () => {
    const f = new Fixture({ ranges: 2 });
    assert.deepEqual([f.insert(10, bytes('a')), f.insert(20, bytes('b')), f.insert(30, bytes('c'))], [1, 1, 0]);
    f.ranges.clear(f.t);
    f.assertEmpty();
  });

  test('keep a part when chunks run out, and say how much', () => {
    const f = new Fixture({ chunks: 1 });
    assert.equal(f.insert(10, new Uint8Array(6000)), 4096);
    assert.deepEqual(f.list(), [[10, 10 + 4096]]);
    assert.equal(f.insert(10_000, bytes('x')), 0);
    assert.deepEqual(f.list(), [[10, 10 + 4096]]);
    f.ranges.clear(f.t);
    f.assertEmpty();
  });

  test('lists of few bytes are packed into one chunk', () => {
    const f = new Fixture();
    for (let n = 1; n < 100; n += 2) f.insert(n, bytes('b'));
    for (let n = 2; n < 100; n += 2) f.insert(n, bytes('a'));
    assert.equal(f.list().length, 1);
    assert.equal(f.spans.used, 1);
  });
});

test('any order of any segments gives each byte as it came first, and the memory back', () => {
  const segment = fc.record({
    seq: fc.nat(300),
    length: fc.integer({ min: 1, max: 80 }),
    pull: fc.nat(9).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 60 }), fc.constantFrom(0, -50, 2 ** 31 - 100), (segments, rcvNxt) => {
      const f = new Fixture({ rcvNxt });
      const model = new Int16Array(4000).fill(-1);
      let base = 0;
      let tag = 0;
      for (const { seq, length, pull } of segments) {
        tag = (tag + 1) & 255;
        let news = 0;
        for (let i = base + seq; i < base + seq + length; i++) {
          if (model[i]! >= 0) continue;
          model[i] = tag;
          news++;
        }
        assert.equal(f.insert(seq, new Uint8Array(length).fill(tag)), news);
        const held: [number, number][] = [];
        for (let i = base; i < model.length; i++) {
          if (model[i]! < 0) continue;
          if (held.at(-1)?.[1] === i - base) held.at(-1)![1]++;
          else held.push([i - base, i - base + 1]);
        }
        assert.deepEqual(f.list(), held);
        assert.equal(f.t.rangeCount, held.length);
        if (!pull) continue;
        let end = base;
        while (model[end]! >= 0) end++;
        assert.deepEqual([...f.pull()], [...model.subarray(base, end)]);
        base = end;
      }
      f.ranges.clear(f.t);
      f.assertEmpty();
    }),
    { numRuns: 150 },
  );
});
