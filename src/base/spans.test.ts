// Tests of byte queues against plain arrays: every operation in any order, exhaustion, and that everything comes back.
// Run by node:test; calls spans.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from './arena.ts';
import { CHUNK, SpanCursor, Spans } from './spans.ts';

const LISTS = 3;
const CHUNKS = 12;
/** Bytes of memory that references point into. */
const SHARED = 4096;

/** Several lists, the arrays that say what they hold, and the checks that both agree. */
class World {
  readonly arena = new Arena(2 * 65536);
  readonly spans = new Spans(this.arena, CHUNKS);
  readonly cells = this.arena.region('lists', LISTS * 12) >> 2;
  readonly shared = this.arena.region('shared', SHARED);
  readonly model: number[][] = Array.from({ length: LISTS }, () => []);
  readonly #cursor = new SpanCursor();
  #next = 1;

  constructor() {
    for (let i = 0; i < SHARED; i++) this.arena.u8[this.shared + i] = i * 7;
  }

  list(i: number): number {
    return this.cells + i * 3;
  }

  #fresh(n: number): Uint8Array {
    return Uint8Array.from({ length: n }, () => (this.#next = (this.#next * 75 + 74) % 65537));
  }

  append(i: number, n: number, from: number): void {
    const src = this.#fresh(n + from + 3);
    const done = this.spans.append(this.list(i), src, from, n);
    assert.ok(done >= 0 && done <= n);
    if (done < n) assert.equal(this.spans.availableBytes, 0);
    this.model[i]!.push(...src.subarray(from, from + done));
  }

  appendFromArena(i: number, from: number, n: number): void {
    const bytes = [...this.arena.u8.subarray(this.shared + from, this.shared + from + n)];
    const done = this.spans.append(this.list(i), this.arena.u8, this.shared + from, n);
    this.model[i]!.push(...bytes.slice(0, done));
  }

  refer(i: number, from: number, n: number): void {
    if (this.spans.appendReference(this.list(i), this.shared + from, n)) {
      this.model[i]!.push(...this.arena.u8.subarray(this.shared + from, this.shared + from + n));
    }
  }

  peek(i: number, n: number): void {
    const into = new Uint8Array(n + 2).fill(0xee);
    const done = this.spans.peek(this.list(i), into, 1, n);
    assert.deepEqual([...into], [0xee, ...this.model[i]!.slice(0, n), ...new Array<number>(n + 1 - done).fill(0xee)]);
    assert.equal(done, Math.min(n, this.model[i]!.length));
  }

  read(i: number, n: number): void {
    const into = new Uint8Array(n);
    const done = this.spans.read(this.list(i), into, 0, n);
    assert.deepEqual([...into.subarray(0, done)], this.model[i]!.splice(0, n));
  }

  drop(i: number, n: number): void {
    this.spans.drop(this.list(i), n);
    this.model[i]!.splice(0, n);
  }

  join(i: number, j: number): void {
    if (i === j) return;
    this.spans.join(this.list(i), this.list(j));
    this.model[i]!.push(...this.model[j]!.splice(0));
  }

  clear(i: number): void {
    this.spans.clear(this.list(i));
    this.model[i] = [];
  }

  /** Walks from `position` in steps of `step`, reading what lies contiguous. */
  walk(i: number, position: number, step: number): void {
    const { u8 } = this.arena;
    const model = this.model[i]!;
    this.spans.seek(this.list(i), position, this.#cursor);
    let at = Math.min(position, model.length);
    for (;;) {
      const n = this.spans.contiguous(this.#cursor);
      assert.ok(n >= 0 && n <= model.length - at, `${n} bytes at ${at} of ${model.length}`);
      if (n === 0) break;
      assert.deepEqual([...u8.subarray(this.#cursor.at, this.#cursor.at + n)], model.slice(at, at + n));
      this.spans.advance(this.#cursor, step);
      at = Math.min(at + step, model.length);
    }
    assert.equal(at, model.length);
  }

  check(): void {
    for (let i = 0; i < LISTS; i++) {
      assert.equal(this.spans.bytes(this.list(i)), this.model[i]!.length);
      // An empty list has neither head nor tail.
      if (this.model[i]!.length === 0)
        assert.deepEqual([...this.arena.i32.subarray(this.list(i), this.list(i) + 2)], [0, 0]);
    }
  }
}

const list = fc.nat(LISTS - 1);
const size = fc.oneof(fc.nat(100), fc.nat(3 * CHUNK), fc.constantFrom(0, 1, 63, 64, CHUNK - 1, CHUNK, CHUNK + 1));
const part = fc.nat(SHARED / 2);
const step: fc.Arbitrary<(w: World) => void> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(list, size, fc.nat(5)).map(
      ([i, n, from]) =>
        (w: World) =>
          w.append(i, n, from),
    ),
  },
  fc.tuple(list, part, part).map(
    ([i, from, n]) =>
      (w: World) =>
        w.appendFromArena(i, from, n),
  ),
  {
    weight: 2,
    arbitrary: fc.tuple(list, part, part).map(
      ([i, from, n]) =>
        (w: World) =>
          w.refer(i, from, n),
    ),
  },
  fc.tuple(list, size).map(
    ([i, n]) =>
      (w: World) =>
        w.peek(i, n),
  ),
  {
    weight: 2,
    arbitrary: fc.tuple(list, size).map(
      ([i, n]) =>
        (w: World) =>
          w.read(i, n),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(list, size).map(
      ([i, n]) =>
        (w: World) =>
          w.drop(i, n),
    ),
  },
  fc.tuple(list, list).map(
    ([i, j]) =>
      (w: World) =>
        w.join(i, j),
  ),
  list.map((i) => (w: World) => w.clear(i)),
  fc.tuple(list, size, fc.integer({ min: 1, max: 5000 })).map(
    ([i, at, n]) =>
      (w: World) =>
        w.walk(i, at, n),
  ),
);

describe('Spans', () => {
  test('lists hold what a plain array holds, whatever is done to them, and give all of it back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const world = new World();
        for (const run of steps) {
          run(world);
          world.check();
        }
        for (let i = 0; i < LISTS; i++) world.clear(i);
        world.check();
        assert.equal(world.spans.used, 0);
        // Every chunk and every span can be had again.
        world.append(0, CHUNKS * CHUNK, 0);
        assert.equal(world.model[0]!.length, CHUNKS * CHUNK);
      }),
      { numRuns: 150 },
    );
  });

  test('small appends share a chunk; a chunk is released when its last byte is dropped', () => {
    const w = new World();
    for (let i = 0; i < 100; i++) w.append(0, 40, 0);
    assert.equal(w.spans.used, 1);
    w.append(0, 97, 0);
    assert.equal(w.spans.used, 2);
    w.drop(0, CHUNK - 1);
    assert.equal(w.spans.used, 2);
    w.drop(0, 1);
    assert.equal(w.spans.used, 1);
    w.check();
  });

  test('an append that finds the pool empty says how much fitted, and goes on later', () => {
    const w = new World();
    w.append(0, CHUNKS * CHUNK + 5, 0);
    assert.equal(w.spans.bytes(w.list(0)), CHUNKS * CHUNK);
    assert.equal(w.spans.append(w.list(1), new Uint8Array(1), 0, 1), 0);
    w.drop(0, CHUNK);
    w.append(1, 10, 0);
    assert.equal(w.spans.bytes(w.list(1)), 10);
    w.check();
  });

  test('references take spans, not chunks; when those are gone, the list is left as it was', () => {
    const w = new World();
    let taken = 0;
    while (w.spans.appendReference(w.list(0), w.shared, 2)) taken++;
    assert.ok(taken >= CHUNKS);
    assert.equal(w.spans.bytes(w.list(0)), taken * 2);
    assert.equal(w.spans.used, 0);
    // No span, no chunk: what append took in between is given back.
    assert.equal(w.spans.append(w.list(1), new Uint8Array(1), 0, 1), 0);
    assert.equal(w.spans.used, 0);
    w.spans.clear(w.list(0));
    w.append(1, 10, 0);
    assert.equal(w.spans.bytes(w.list(1)), 10);
  });

  test('a reference of no bytes leaves nothing behind', () => {
    const w = new World();
    assert.ok(w.spans.appendReference(w.list(0), w.shared, 0));
    w.check();
    w.append(0, 1, 0);
    w.clear(0);
    w.check();
  });

  test('what a reference points at is neither copied nor written over by later appends', () => {
    const w = new World();
    const before = [...w.arena.u8.subarray(w.shared, w.shared + SHARED)];
    w.refer(0, 10, 20);
    w.append(0, 500, 0);
    w.walk(0, 0, 7);
    assert.deepEqual([...w.arena.u8.subarray(w.shared, w.shared + SHARED)], before);
  });

  test('a cursor at the end sees what is appended after it', () => {
    const w = new World();
    const cursor = new SpanCursor();
    w.append(0, 10, 0);
    w.spans.seek(w.list(0), 10, cursor);
    assert.equal(w.spans.contiguous(cursor), 0);
    w.append(0, CHUNK, 0);
    assert.equal(w.spans.contiguous(cursor), CHUNK - 10);
    w.spans.advance(cursor, CHUNK - 10);
    assert.equal(w.spans.contiguous(cursor), 10);
    assert.equal(w.arena.u8[cursor.at], w.model[0]![CHUNK]);
  });

  test('an empty list has nothing to walk', () => {
    const w = new World();
    const cursor = new SpanCursor();
    w.spans.seek(w.list(0), 5, cursor);
    w.spans.advance(cursor, 5);
    assert.equal(w.spans.contiguous(cursor), 0);
    assert.equal(cursor.span, 0);
  });
});
