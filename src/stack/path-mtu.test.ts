// Tests of path-mtu.ts and aged-rows.ts: what is believed, for how long, and how much is kept.
// Run by node:test; calls fast-check, the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { AgedRows } from './aged-rows.ts';
import { PEER4, PEER6, words } from './ip-packets.test-support.ts';
import { Rig } from './ip-rig.test-support.ts';
import { plateauBelow } from './path-mtu.ts';
import { Way } from './way.ts';

describe('path MTU cache', () => {
  test('a learned MTU limits the way, and raises the epoch of routes', () => {
    const rig = new Rig();
    const way = new Way();
    [way.dst0, way.dst1, way.dst2, way.dst3] = words(PEER6);
    assert.equal(rig.routes.findWay(way), 0);
    assert.equal(way.mtu, 1500);
    const epoch = rig.routes.epoch;
    rig.pathMtu.learn(...words(PEER6), 1300);
    assert.notEqual(rig.routes.epoch, epoch);
    assert.equal(rig.routes.findWay(way), 0);
    assert.equal(way.mtu, 1300);
    assert.equal(rig.pathMtu.get(...words(PEER4)), 0);
  });

  test('a larger value is not believed, a smaller one is', () => {
    const rig = new Rig();
    rig.pathMtu.learn(...words(PEER4), 1300);
    const epoch = rig.routes.epoch;
    rig.pathMtu.learn(...words(PEER4), 1400);
    rig.pathMtu.learn(...words(PEER4), 1300);
    assert.equal(rig.pathMtu.get(...words(PEER4)), 1300);
    assert.equal(rig.routes.epoch, epoch);
    rig.pathMtu.learn(...words(PEER4), 600);
    assert.equal(rig.pathMtu.get(...words(PEER4)), 600);
  });

  test('it is forgotten ten minutes after it was last lowered', () => {
    const rig = new Rig();
    rig.pathMtu.learn(...words(PEER4), 1300);
    rig.pass(300_000_000);
    rig.pathMtu.learn(...words(PEER4), 1200);
    assert.equal(rig.pathMtu.pollAt(), rig.now + 600_000_000);
    rig.pass(599_999_999);
    assert.equal(rig.pathMtu.get(...words(PEER4)), 1200);
    const epoch = rig.routes.epoch;
    rig.pass(1);
    assert.equal(rig.pathMtu.get(...words(PEER4)), 0);
    assert.notEqual(rig.routes.epoch, epoch);
    assert.equal(rig.pathMtu.pollAt(), Infinity);
  });

  test('it is bounded: the oldest goes', () => {
    const rig = new Rig({ settings: { pathMtus: 8 } });
    for (let i = 1; i <= 20; i++) rig.pathMtu.learn(0, 0, 0xffff, i, 1000);
    assert.equal(rig.pathMtu.used, 8);
    assert.equal(rig.pathMtu.get(0, 0, 0xffff, 12), 0);
    for (let i = 13; i <= 20; i++) assert.equal(rig.pathMtu.get(0, 0, 0xffff, i), 1000);
  });

  test('plateaus of RFC 1191 for routers that name no MTU', () => {
    assert.equal(plateauBelow(1500), 1492);
    assert.equal(plateauBelow(1492), 1006);
    assert.equal(plateauBelow(9000), 8166);
    assert.equal(plateauBelow(600), 552);
    assert.equal(plateauBelow(100), 552);
  });
});

describe('aged rows', () => {
  test('agree with a list, whatever is inserted, renewed and removed', () => {
    const op = fc.oneof(
      fc.record({ op: fc.constant('insert' as const), hash: fc.integer({ min: -5, max: 5 }) }),
      fc.record({ op: fc.constant('remove' as const), hash: fc.nat(20) }),
      fc.record({ op: fc.constant('renew' as const), hash: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const table = new AgedRows(new Rig({ small: 1, large: 1, chunks: 1 }).core.arena, 't', 12, 2);
        const model: { row: number; hash: number; at: number }[] = [];
        ops.forEach((o, now) => {
          const picked = model[o.hash % Math.max(model.length, 1)];
          if (o.op === 'insert') {
            const row = table.insert(o.hash, now);
            assert.equal(row === 0, model.length === 12);
            if (row !== 0) model.push({ row, hash: o.hash, at: now });
          } else if (picked !== undefined) {
            model.splice(model.indexOf(picked), 1);
            if (o.op === 'remove') table.remove(picked.row);
            else {
              table.renew(picked.row, now);
              model.push({ ...picked, at: now });
            }
          }
          assert.equal(table.pollAt(), model[0]?.at ?? Infinity);
          const order: number[] = [];
          for (let row = table.oldest; row !== 0; row = table.younger(row)) order.push(row);
          assert.deepEqual(
            order,
            model.map((m) => m.row),
          );
          for (const m of model) {
            let row = table.first(m.hash);
            while (row !== m.row && row !== 0) row = table.next(row);
            assert.equal(row, m.row);
            assert.equal(table.hash(row), m.hash);
          }
        });
      }),
      { numRuns: 60 },
    );
  });
});
