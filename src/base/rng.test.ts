// Tests of the seeded generator: against its definition in 64-bit integers, repeatable, in range, evenly spread.
// Run by node:test; calls rng.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SeededRng } from './rng.ts';

const M = 0xffffffffn;
const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (32n - n))) & M;

/** xoshiro128** 1.1 and splitmix32, written from their definitions. */
function* model(seed: number): Generator<number, never> {
  let x = BigInt(seed >>> 0);
  const s = [0n, 0n, 0n, 0n].map(() => {
    x = (x + 0x9e3779b9n) & M;
    let z = ((x ^ (x >> 16n)) * 0x21f0aaadn) & M;
    z = ((z ^ (z >> 15n)) * 0x735a2d97n) & M;
    return z ^ (z >> 15n);
  });
  for (;;) {
    yield Number(BigInt.asIntN(32, (rotl((s[1]! * 5n) & M, 7n) * 9n) & M));
    const t = (s[1]! << 9n) & M;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotl(s[3]!, 11n);
  }
}

describe('SeededRng', () => {
  test('is xoshiro128** seeded by splitmix32', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (seed) => {
        const rng = new SeededRng(seed);
        const expected = model(seed);
        for (let i = 0; i < 20; i++) assert.equal(rng.int32(), expected.next().value);
      }),
      { numRuns: 30 },
    );
  });

  test('the same seed gives the same run, another one another', () => {
    const run = (seed: number): string => {
      const rng = new SeededRng(seed);
      return Array.from({ length: 8 }, () => rng.int32()).join();
    };
    assert.equal(run(7), run(7));
    assert.notEqual(run(7), run(8));
  });

  test('below() stays in its range, reaches all of it and is even', () => {
    const rng = new SeededRng(1);
    const seen = new Array<number>(6).fill(0);
    for (let i = 0; i < 60000; i++) seen[rng.below(6)]!++;
    assert.equal(seen.length, 6);
    for (const n of seen) assert.ok(Math.abs(n - 10000) < 500, seen.join());
    for (let i = 0; i < 1000; i++) {
      const n = rng.below(2 ** 31);
      assert.ok(Number.isInteger(n) && n >= 0 && n < 2 ** 31);
      assert.equal(rng.below(1), 0);
    }
  });

  test('unit() lies in [0, 1) with the right mean', () => {
    const rng = new SeededRng(2);
    let sum = 0;
    for (let i = 0; i < 20000; i++) {
      const u = rng.unit();
      assert.ok(u >= 0 && u < 1);
      sum += u;
    }
    assert.ok(Math.abs(sum / 20000 - 0.5) < 0.01);
  });
});
