// Queues of rows against an array.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../base/arena.ts';
import { F_ACTIVE, F_READY } from './flags.ts';
import { RowQueue } from './queues.ts';
import { TCB_ACTIVE, TCB_READY, Tcb, tcbRows } from './tcb.ts';

test('a queue keeps order and holds a row once, whatever is pushed, shifted and removed', () => {
  const op = fc.tuple(fc.constantFrom('push', 'push', 'shift', 'remove'), fc.integer({ min: 1, max: 8 }));
  fc.assert(
    fc.property(fc.array(op, { maxLength: 80 }), (ops) => {
      const rows = tcbRows(new Arena(1 << 20), 8);
      for (let n = 0; n < 8; n++) rows.alloc();
      const queue = new RowQueue(rows, TCB_ACTIVE, F_ACTIVE);
      let model: number[] = [];
      for (const [name, row] of ops) {
        if (name === 'push') {
          queue.push(row);
          if (!model.includes(row)) model.push(row);
        } else if (name === 'shift') assert.equal(queue.shift(), model.shift() ?? 0);
        else {
          queue.remove(row);
          model = model.filter((r) => r !== row);
        }
        assert.equal(queue.count, model.length);
        for (let r = 1; r <= 8; r++) assert.equal(new Tcb(rows).at(r).has(F_ACTIVE), model.includes(r));
      }
      for (const row of [...model, 0, 0]) assert.equal(queue.shift(), row);
    }),
  );
});

test('a row may stand in two queues with cells of their own', () => {
  const rows = tcbRows(new Arena(1 << 20), 3);
  for (let n = 0; n < 3; n++) rows.alloc();
  const active = new RowQueue(rows, TCB_ACTIVE, F_ACTIVE);
  const ready = new RowQueue(rows, TCB_READY, F_READY);
  for (const row of [1, 2, 3]) {
    active.push(row);
    ready.push(4 - row);
  }
  active.remove(2);
  assert.deepEqual([ready.shift(), ready.shift(), ready.shift(), ready.shift()], [3, 2, 1, 0]);
  assert.deepEqual([active.shift(), active.shift(), active.shift()], [1, 3, 0]);
});
