// Tests of sequence arithmetic against 64-bit integers.
// Run by node:test; calls seq.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, seqMax } from './seq.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const HALF = 2 ** 31 - 1;

describe('sequence numbers', () => {
  test('what is up to half the space ahead is later, wherever the space wraps', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 1, max: HALF }), (a, n) => {
        const b = seqAdd(a, n);
        assert.equal(b, b | 0);
        assert.equal(BigInt.asIntN(32, BigInt(a) + BigInt(n)), BigInt(b));
        assert.ok(seqLt(a, b) && seqLe(a, b) && seqGt(b, a) && seqGe(b, a));
        assert.ok(!seqLt(b, a) && !seqLe(b, a) && !seqGt(a, b) && !seqGe(a, b));
        assert.equal(seqDiff(b, a), n);
        assert.equal(seqDiff(a, b), -n);
        assert.equal(seqMax(a, b), b);
        assert.equal(seqMax(b, a), b);
      }),
    );
  });

  test('equal numbers are neither earlier nor later', () => {
    fc.assert(
      fc.property(int32, (a) => {
        assert.ok(seqLe(a, a) && seqGe(a, a) && !seqLt(a, a) && !seqGt(a, a));
        assert.equal(seqMax(a, a), a);
      }),
    );
  });

  test('the wrap lies between 0xffffffff and 0, and is none at 0x80000000', () => {
    assert.equal(seqAdd(-1, 1), 0);
    assert.ok(seqLt(-1, 0));
    assert.equal(seqAdd(0x7fffffff, 1), -(2 ** 31));
    assert.ok(seqLt(0x7fffffff, -(2 ** 31)));
  });
});
