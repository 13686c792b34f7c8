// Tests of pools against a set of the items taken, and of the two sizes of frame.
// Run by node:test; calls pool.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from './arena.ts';
import { Frames, HEADROOM, LARGE_FRAME, Pool, SMALL_FRAME } from './pool.ts';

describe('Pool', () => {
  test('hands out each item once until it is given back, as a model says', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 7 }), { maxLength: 200, size: 'max' }), (steps) => {
        const pool = new Pool(new Arena(65536), 'p', 6, 48);
        const taken: number[] = [];
        for (const step of steps) {
          if (step < 0) {
            const item = pool.alloc();
            if (taken.length === 6) assert.equal(item, 0);
            else {
              assert.equal((item - pool.base) % 48, 0);
              assert.ok(pool.owns(item) && pool.owns(item + 47));
              assert.ok(!taken.includes(item));
              taken.push(item);
            }
          } else if (taken.length > 0) {
            // Any byte of the item names it.
            pool.free(taken.splice(step % taken.length, 1)[0]! + step);
          }
          assert.equal(pool.used, taken.length);
          assert.equal(pool.available, 6 - taken.length);
        }
      }),
    );
  });

  test('serves what was freed last before memory that nobody touched', () => {
    const pool = new Pool(new Arena(65536), 'p', 100, 64);
    const first = pool.alloc();
    pool.free(first);
    assert.equal(pool.alloc(), first);
  });

  test('giving back twice, or what was never taken, is refused', () => {
    const pool = new Pool(new Arena(65536), 'p', 4, 64);
    const a = pool.alloc();
    const b = pool.alloc();
    pool.free(a);
    pool.free(b);
    for (const bad of [a, b, pool.base + 128, pool.base - 1, pool.base + 256, 0, -64]) {
      assert.throws(() => pool.free(bad), /not in use/, String(bad));
    }
    assert.equal(pool.used, 0);
  });

  test('names the start of the item in which an offset lies', () => {
    const pool = new Pool(new Arena(65536), 'p', 4, 100);
    assert.equal(pool.start(pool.base + 299), pool.base + 200);
    assert.ok(!pool.owns(pool.base - 1));
    assert.ok(!pool.owns(pool.base + 400));
  });
});

describe('Frames', () => {
  const make = (small: number, large: number): Frames => new Frames(new Arena(1 << 20), small, large);

  test('a packet gets a small frame where it fits behind the headroom, else a large one', () => {
    const frames = make(2, 2);
    const small = frames.alloc(SMALL_FRAME - HEADROOM);
    assert.ok(frames.small.owns(small));
    assert.equal(frames.end(small + HEADROOM), small + SMALL_FRAME);
    const large = frames.alloc(SMALL_FRAME - HEADROOM + 1);
    assert.ok(frames.large.owns(large));
    assert.equal(frames.end(large + 5000), large + LARGE_FRAME);
    assert.equal(frames.used, 2);
    frames.free(small + HEADROOM);
    frames.free(large + 60000);
    assert.equal(frames.used, 0);
  });

  test('small packets take large frames when the small ones are gone, and 0 when all are', () => {
    const frames = make(1, 1);
    assert.ok(frames.small.owns(frames.alloc(60)));
    assert.ok(frames.large.owns(frames.alloc(60)));
    assert.equal(frames.alloc(60), 0);
  });

  test('the largest IP packet and its Ethernet header fit; nothing beyond a large frame is promised', () => {
    const frames = make(1, 1);
    assert.notEqual(frames.alloc(65535 + 14), 0);
    assert.equal(frames.alloc(LARGE_FRAME - HEADROOM + 1), 0);
  });
});
