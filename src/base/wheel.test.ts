// Tests of the timing wheel against a map of deadlines: who expires, in which order, and when it wants to be called.
// Run by node:test; calls wheel.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from './arena.ts';
import { Rows } from './rows.ts';
import { Wheel } from './wheel.ts';

const TICK = 1024;
const ROWS = 40;
const SECOND = 1e6;
const HOUR = 3600 * SECOND;

/** A wheel over rows 1..count and the map of deadlines that it must agree with. */
class World {
  readonly wheel: Wheel;
  readonly model = new Map<number, number>();
  now: number;
  /** Where the wheel stands: the time of the last expire() that was called until 0. */
  #stands = 0;
  /** A row was set beyond the last level, seen from there: pollAt may name its slot. */
  far = false;

  constructor(now = 0, count = ROWS) {
    const arena = new Arena(4 * 65536);
    const rows = new Rows(arena, 't', count, 40);
    for (let i = 0; i < count; i++) rows.alloc();
    this.wheel = new Wheel(arena, 'wheel', rows, { links: 2, deadline: 3 });
    this.now = now;
  }

  schedule(row: number, at: number): void {
    this.wheel.schedule(row, at);
    this.model.set(row, at);
    if (at - this.#stands > 18 * HOUR) this.far = true;
  }

  cancel(row: number): void {
    this.wheel.cancel(row);
    this.model.delete(row);
  }

  soonest(): number {
    return Math.min(Infinity, ...this.model.values());
  }

  /** Moves time and takes what expires; `each` may schedule and cancel. Rows come within a tick of the order of deadlines. */
  expire(now: number, each: (row: number) => void = () => {}): number[] {
    this.now = now;
    const out: number[] = [];
    for (let row = this.wheel.expire(now); row !== 0; row = this.wheel.expire(now)) {
      const at = this.model.get(row);
      assert.ok(at !== undefined, `row ${row} expired but is not scheduled`);
      assert.ok(at <= now, `row ${row} expired ${at - now} us early`);
      assert.equal(this.wheel.deadline(row), Infinity);
      this.model.delete(row);
      out.push(row);
      each(row);
      assert.ok(out.length < 10000, 'no end');
    }
    this.#stands = now;
    assert.ok(this.soonest() > now, `a deadline at ${this.soonest()} was missed at ${now}`);
    return out;
  }

  check(exact: boolean): void {
    assert.equal(this.wheel.count, this.model.size);
    const at = this.wheel.pollAt();
    if (exact) assert.equal(at, this.soonest());
    else assert.ok(at <= this.soonest());
    for (const [row, deadline] of this.model) assert.equal(this.wheel.deadline(row), deadline);
  }
}

const row = fc.integer({ min: 1, max: ROWS });
/** Microseconds from now: within a tick, within each level, at the borders between levels, days. */
const span = fc.oneof(
  fc.integer({ min: -5000, max: 3000 }),
  fc.double({ min: 0, max: 300_000, noNaN: true }),
  fc.integer({ min: 0, max: 20 * SECOND }),
  fc.integer({ min: 0, max: 2 * HOUR }),
  fc.integer({ min: 0, max: 100 * HOUR }),
  fc
    .tuple(
      fc.constantFrom(1, 255, 256, 257, 16383, 16384, 16385, 1048575, 1048576, 1048576 * 63, 1048576 * 64),
      fc.integer({ min: -1025, max: 1025 }),
    )
    .map(([ticks, us]) => ticks * TICK + us),
);
const start = fc.constantFrom(0, 1, 255 * TICK, 256 * TICK - 1, 1048576 * TICK - 3, 3.2e13 + 0.5, 2 ** 49);

type Step = (w: World) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(row, span).map(
      ([r, d]): Step =>
        (w) =>
          w.schedule(r, w.now + d),
    ),
  },
  {
    weight: 2,
    arbitrary: row.map(
      (r): Step =>
        (w) =>
          w.cancel(r),
    ),
  },
  {
    weight: 3,
    arbitrary: span.map(
      (d): Step =>
        (w) =>
          w.expire(w.now + Math.max(0, d)),
    ),
  },
  // Exactly when something is due, and a little before.
  {
    weight: 3,
    arbitrary: fc.constantFrom(0, 0.5, 1, 700).map(
      (early): Step =>
        (w) => {
          const at = w.soonest() - early;
          if (at !== Infinity && at > w.now) w.expire(at);
        },
    ),
  },
  // Rows that come back from within the loop, as timers that set themselves again do.
  {
    weight: 2,
    arbitrary: fc.tuple(row, row, span, fc.array(span, { maxLength: 12 })).map(
      ([r, c, d, again]): Step =>
        (w) => {
          const left = [...again];
          w.expire(w.now + Math.max(0, d), (expired) => {
            const next = left.pop();
            if (next === undefined) return;
            w.schedule(expired, w.now + next);
            w.schedule(r, w.now + next / 2);
            w.cancel(c);
          });
        },
    ),
  },
);

describe('Wheel', () => {
  test('expires what a map of deadlines says, and wants to be called exactly then', () => {
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 120, size: 'max' }), (now, steps) => {
        const w = new World(now);
        w.expire(now);
        for (const run of steps) {
          run(w);
          // 32 rows in one slot are what pollAt looks at; and what was 18 hours away is named by its slot.
          w.check(w.model.size <= 32 && !w.far);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a loop that calls when it is asked to sees every deadline, in order, in few calls', () => {
    fc.assert(
      fc.property(start, fc.array(span, { minLength: 1, maxLength: ROWS, size: 'max' }), (now, spans) => {
        const w = new World(now);
        w.expire(now);
        spans.forEach((d, i) => {
          w.schedule(i + 1, now + Math.max(0, d));
        });
        const expected = [...w.model.values()].sort((a, b) => a - b);
        const seen: number[] = [];
        const deadlines = new Map(w.model);
        let calls = 0;
        while (w.model.size > 0) {
          const at = Math.max(w.wheel.pollAt(), w.now);
          for (const r of w.expire(at)) seen.push(deadlines.get(r)!);
          calls++;
          assert.ok(calls < 5 * ROWS, 'too many calls');
        }
        assert.deepEqual(
          seen,
          seen.slice().sort((a, b) => a - b),
        );
        assert.deepEqual(seen, expected);
      }),
      { numRuns: 150 },
    );
  });

  test('within one call rows come in the order of their ticks', () => {
    const w = new World();
    const at = [5_000_000, 300_000, 2_000, 40 * SECOND, 9_000, 2 * HOUR, 262_144];
    at.forEach((t, i) => {
      w.schedule(i + 1, t);
    });
    const order = w.expire(3 * HOUR).map((r) => at[r - 1]);
    assert.deepEqual(
      order,
      at.slice().sort((a, b) => a - b),
    );
  });

  test('a wheel first used at a high time does not walk there', () => {
    const w = new World(2 ** 50);
    w.schedule(1, 2 ** 50 + 5);
    assert.ok(w.wheel.pollAt() <= 2 ** 50 + 5);
    assert.deepEqual(w.expire(2 ** 50), []);
    assert.equal(w.wheel.pollAt(), 2 ** 50 + 5);
    assert.deepEqual(w.expire(2 ** 50 + 5), [1]);
  });

  test('a gap of a year with one row in it is jumped over', () => {
    const w = new World();
    w.schedule(1, 365 * 24 * HOUR);
    w.schedule(2, 100);
    assert.deepEqual(w.expire(100), [2]);
    assert.deepEqual(w.expire(365 * 24 * HOUR - 1), []);
    assert.equal(w.wheel.pollAt(), 365 * 24 * HOUR);
    assert.deepEqual(w.expire(366 * 24 * HOUR), [1]);
    assert.equal(w.wheel.pollAt(), Infinity);
  });

  test('a row from beyond the last level does not hide one scheduled later for an earlier time', () => {
    const w = new World();
    w.schedule(1, 100 * HOUR);
    w.expire(10 * HOUR);
    w.schedule(2, 20 * HOUR);
    assert.ok(w.wheel.pollAt() <= 20 * HOUR);
    assert.deepEqual(w.expire(20 * HOUR), [2]);
    assert.deepEqual(w.expire(100 * HOUR), [1]);
  });

  test('more rows in a slot than pollAt looks at: asked early once, never late, never without progress', () => {
    const n = 500;
    const w = new World(0, n);
    for (let r = 1; r <= n; r++) w.schedule(r, 50 * TICK + 10 + r);
    assert.equal(w.wheel.pollAt(), 50 * TICK + 11);
    // What is known from scheduling is forgotten with its row.
    w.schedule(1, 50);
    w.schedule(1, 50 * TICK + 11);
    assert.equal(w.wheel.pollAt(), 50 * TICK);
    assert.deepEqual(w.expire(50 * TICK), []);
    for (let r = 1; r <= n; r++) {
      assert.equal(w.wheel.pollAt(), 50 * TICK + 10 + r);
      assert.deepEqual(w.expire(50 * TICK + 10 + r), [r]);
    }
    assert.equal(w.wheel.count, 0);
  });

  test('taking the soonest away moves pollAt to the next', () => {
    const w = new World();
    w.schedule(1, 1000);
    w.schedule(2, 2000);
    assert.equal(w.wheel.pollAt(), 1000);
    w.schedule(1, 3000);
    assert.equal(w.wheel.pollAt(), 2000);
    w.cancel(2);
    assert.equal(w.wheel.pollAt(), 3000);
    w.cancel(1);
    assert.equal(w.wheel.pollAt(), Infinity);
    w.cancel(1);
    assert.equal(w.wheel.count, 0);
  });

  test('what has passed already is due at once; Infinity is never', () => {
    const w = new World();
    w.expire(HOUR);
    w.schedule(1, 5);
    w.schedule(2, Infinity);
    assert.equal(w.wheel.deadline(2), Infinity);
    assert.equal(w.wheel.count, 1);
    assert.ok(w.wheel.pollAt() <= HOUR);
    assert.equal(w.wheel.expire(HOUR), 1);
    w.schedule(1, HOUR + 1);
    w.schedule(1, Infinity);
    assert.equal(w.wheel.count, 0);
    assert.equal(w.wheel.pollAt(), Infinity);
  });

  test('a row that expires with others can still be cancelled or moved before its turn', () => {
    const w = new World();
    for (let r = 1; r <= 4; r++) w.schedule(r, 100);
    assert.equal(w.wheel.expire(100) !== 0, true);
    assert.equal(w.wheel.pollAt(), 0);
    const rest = [1, 2, 3, 4].filter((r) => w.wheel.deadline(r) !== Infinity);
    w.wheel.cancel(rest[0]!);
    w.wheel.schedule(rest[1]!, 5000);
    assert.equal(w.wheel.expire(100), rest[2]);
    assert.equal(w.wheel.expire(100), 0);
    assert.equal(w.wheel.pollAt(), 5000);
    assert.equal(w.wheel.expire(5000), rest[1]);
  });

  test('all of its state lies in the arena', () => {
    const arena = new Arena(4 * 65536);
    const rows = new Rows(arena, 't', 4, 40);
    const wheel = new Wheel(arena, 'wheel', rows, { links: 2, deadline: 3 });
    for (let i = 0; i < 4; i++) wheel.schedule(rows.alloc(), 1000 * (i + 1));
    const bytes = arena.u8.slice();
    wheel.expire(2500);
    wheel.cancel(4);
    arena.u8.set(bytes);
    assert.equal(wheel.count, 4);
    assert.equal(wheel.pollAt(), 1000);
    assert.deepEqual([0, 0, 0, 0, 0].map(() => wheel.expire(9000)).sort(), [0, 1, 2, 3, 4]);
  });
});
