// Tests of neighbour-table.ts through neighbours: who is evicted, and what becomes of entries that are gone.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ip, mac, ourHost, PEER_MAC, reachable, SECOND } from './neighbour.test-support.ts';
import { ADVERTISED_OVERRIDE, ADVERTISED_SOLICITED } from './neighbours.ts';

const PEER = '10.0.0.2';
const SOLICITED = ADVERTISED_SOLICITED | ADVERTISED_OVERRIDE;

test('a configured entry is never asked for, changed or evicted', () => {
  const h = ourHost({ settings: { neighbours: 4 } });
  h.neighbours.set(1, ...ip(PEER), ...mac(PEER_MAC));
  const entry = h.entry(PEER);
  h.neighbours.hear(1, ...ip(PEER), ...mac('02:00:00:00:00:77'), true, false);
  h.neighbours.advertised(entry, true, ...mac('02:00:00:00:00:77'), SOLICITED);
  h.run(1000 * SECOND);
  assert.equal(h.neighbours.ready(entry), 1);
  for (let i = 3; i < 40; i++) h.entry(`10.0.0.${i}`);
  assert.equal(h.neighbour(PEER), `permanent ${PEER_MAC}`);
  assert.deepEqual(h.sent(), []);
});

describe('a full table', () => {
  const N = 16;

  test('never gives up what is in use, whoever else shows up', () => {
    const h = ourHost({ settings: { neighbours: N } });
    for (let i = 2; i < 10; i++) reachable(h, `10.0.0.${i}`);
    for (let n = 0; n < 2000; n++) {
      h.neighbours.hear(1, 0, 0, 0xffff, 0x0a000100 + n, 0x0200, n, true, true);
      if (n % 50 === 0) {
        h.run(1 * SECOND);
        for (let i = 2; i < 10; i++) {
          assert.equal(h.neighbours.ready(h.entry(`10.0.0.${i}`)), 1);
          h.neighbours.confirm(h.entry(`10.0.0.${i}`));
        }
      }
    }
    for (let i = 2; i < 10; i++) assert.match(h.neighbour(`10.0.0.${i}`), new RegExp(PEER_MAC));
    assert.equal(h.neighbours.count, N);
    // A neighbour that we want finds a place among those we never used.
    assert.notEqual(h.entry('10.0.0.99'), 0);
  });

  test('gives the places of failed entries first, then of idle ones, and none when all are in use', () => {
    const h = ourHost({ settings: { neighbours: 3 } });
    reachable(h, '10.0.0.2');
    h.run(1 * SECOND);
    reachable(h, '10.0.0.3');
    h.neighbours.ready(h.entry('10.0.0.4'));
    assert.equal(h.entry('10.0.0.5'), 0);
    h.run(3 * SECOND);
    assert.notEqual(h.entry('10.0.0.5'), 0);
    assert.equal(h.neighbour('10.0.0.4'), '-');
    h.neighbours.ready(h.entry('10.0.0.5'));
    assert.equal(h.entry('10.0.0.6'), 0);
    h.run(58 * SECOND);
    reachable(h, '10.0.0.5');
    // 10.0.0.2 was used a second before 10.0.0.3.
    assert.notEqual(h.entry('10.0.0.6'), 0);
    assert.equal(h.neighbour('10.0.0.2'), '-');
    assert.match(h.neighbour('10.0.0.3'), /^stale|^reachable/);
  });

  test('an entry held by somebody after its row went to another says so, and makes ways be found anew', () => {
    const h = ourHost({ settings: { neighbours: 2 } });
    const old = reachable(h, '10.0.0.2');
    h.run(61 * SECOND);
    reachable(h, '10.0.0.3', '02:00:00:00:00:33');
    const entry = reachable(h, '10.0.0.4', '02:00:00:00:00:44');
    assert.notEqual(entry, old);
    const [routes, neighbours] = [h.routes.epoch, h.neighbours.epoch];
    assert.equal(h.neighbours.ready(old), 0);
    assert.notEqual(h.routes.epoch, routes);
    assert.notEqual(h.neighbours.epoch, neighbours);
    h.neighbours.confirm(old);
    h.neighbours.enqueue(old, h.packet('10.0.0.1', '10.0.0.2'), 60);
    assert.equal(h.core.frames.used, 0);
  });

  test('drops what waits for an evicted neighbour', () => {
    const h = ourHost({ settings: { neighbours: 2 } });
    for (const a of ['10.0.0.2', '10.0.0.3']) {
      const entry = h.entry(a);
      h.neighbours.ready(entry);
      h.neighbours.enqueue(entry, h.packet('10.0.0.1', a), 60);
    }
    h.run(1.5 * SECOND);
    assert.notEqual(h.entry('10.0.0.4'), 0);
    h.sent();
    assert.equal(h.core.frames.used, 1);
  });
});
