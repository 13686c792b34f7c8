// Tests of Now: one double and its wrapping int32 forms, in cells of the arena.
// Run by node:test; calls time.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from './arena.ts';
import { seqDiff } from './seq.ts';
import { Now } from './time.ts';

describe('Now', () => {
  const now = new Now(new Arena(65536));

  test('gives back microseconds whole, and their int32 forms', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 52, noNaN: true }), (us) => {
        now.set(us);
        assert.equal(now.us, us);
        assert.equal(BigInt(now.us32), BigInt.asIntN(32, BigInt(Math.trunc(us))));
        assert.equal(BigInt(now.ms32), BigInt.asIntN(32, BigInt(Math.trunc(us / 1000))));
      }),
    );
  });

  test('differences hold where the int32 forms wrap', () => {
    const wrap = 2 ** 32 * 1000; // both forms are zero here
    now.set(wrap - 5000);
    const [us, ms] = [now.us32, now.ms32];
    now.set(wrap + 5000);
    assert.equal(seqDiff(now.us32, us), 10000);
    assert.equal(seqDiff(now.ms32, ms), 10);
  });
});
