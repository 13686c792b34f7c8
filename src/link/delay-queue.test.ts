// Tests of the delay queue against a stable sort.
// Run by node:test; calls delay-queue.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DelayQueue } from './delay-queue.ts';

describe('DelayQueue', () => {
  test('gives frames by their time, and in their order where times are equal, as a stable sort does', () => {
    const steps = fc.array(fc.oneof(fc.nat(9), fc.constant(-1)), { maxLength: 120, size: 'max' });
    fc.assert(
      fc.property(steps, (list) => {
        const queue = new DelayQueue(20);
        let model: { due: number; id: number }[] = [];
        list.forEach((due, id) => {
          if (due >= 0) {
            assert.equal(queue.push(due, id + 1, id + 2, id + 3), model.length < 20);
            if (model.length < 20) model.push({ due, id });
            model = model.sort((a, b) => a.due - b.due);
          } else {
            const first = model.shift();
            assert.equal(queue.pop(), first !== undefined);
            if (first !== undefined) {
              assert.deepEqual([queue.offset, queue.length, queue.flags], [first.id + 1, first.id + 2, first.id + 3]);
            }
          }
          assert.equal(queue.count, model.length);
          assert.equal(queue.free, 20 - model.length);
          assert.equal(queue.due, model[0]?.due ?? Infinity);
        });
      }),
    );
  });
});
