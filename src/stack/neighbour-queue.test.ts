// Tests of neighbour-queue.ts through neighbours: what waits for an answer, what is dropped, what is handed back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DROP_NEIGHBOUR_QUEUE_FULL, DROP_NEIGHBOUR_UNREACHABLE } from '../base/drop.ts';
import { mac, OUR_MAC, ourHost, PEER_MAC, reachable, SECOND } from './neighbour.test-support.ts';
import { MAX_QUEUED_FRAMES } from './neighbour-queue.ts';
import { ADVERTISED_OVERRIDE, ADVERTISED_SOLICITED } from './neighbours.ts';

const PEER = '10.0.0.2';
const SOLICITED = ADVERTISED_SOLICITED | ADVERTISED_OVERRIDE;

describe('what waits for an answer', () => {
  test('goes out in order with the MAC address of the answer', () => {
    const h = ourHost();
    const entry = h.entry(PEER);
    h.neighbours.ready(entry);
    h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER), 60);
    h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER), 61);
    h.sent();
    const epoch = h.neighbours.epoch;
    h.neighbours.advertised(entry, true, ...mac(PEER_MAC), SOLICITED);
    assert.notEqual(h.neighbours.epoch, epoch);
    h.iface.flush();
    assert.deepEqual(
      h.link.sent.map((f) => f.length),
      [74, 75],
    );
    assert.deepEqual(h.sent(), [`ip | ${OUR_MAC} > ${PEER_MAC}`, `ip | ${OUR_MAC} > ${PEER_MAC}`]);
    assert.equal(h.core.frames.used, 0);
    assert.equal(h.neighbours.queued, 0);
  });

  test('both versions get their own EtherType', () => {
    const h = ourHost();
    for (const [src, dst] of [
      ['10.0.0.1', PEER],
      ['fd00::1', 'fd00::2'],
    ] as const) {
      const entry = h.entry(dst);
      h.neighbours.ready(entry);
      h.sent();
      h.neighbours.enqueue(entry, h.packet(src, dst), 60);
      h.neighbours.advertised(entry, true, ...mac(PEER_MAC), SOLICITED);
      h.iface.flush();
      const frame = h.link.sent.pop()!;
      assert.equal((frame[12]! << 8) | frame[13]!, dst.includes(':') ? 0x86dd : 0x0800);
    }
  });

  test('the oldest is dropped beyond the limit', () => {
    const h = ourHost({ settings: { neighbourQueue: 3 } });
    const entry = h.entry(PEER);
    h.neighbours.ready(entry);
    for (let i = 0; i < 5; i++) h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER), 60 + i);
    assert.equal(h.core.counters.dropped(DROP_NEIGHBOUR_QUEUE_FULL), 2);
    h.sent();
    h.neighbours.advertised(entry, true, ...mac(PEER_MAC), SOLICITED);
    h.iface.flush();
    assert.deepEqual(
      h.link.sent.map((f) => f.length),
      [76, 77, 78],
    );
    assert.equal(h.core.frames.used, 0);
  });

  for (const [src, dst] of [
    ['10.0.0.1', PEER],
    ['fd00::1', 'fd00::2'],
  ] as const) {
    test(`the fragments of a datagram count as one and are dropped together (${dst})`, () => {
      const h = ourHost({ settings: { neighbourQueue: 2 } });
      const entry = h.entry(dst);
      h.neighbours.ready(entry);
      for (let datagram = 0; datagram < 3; datagram++) {
        for (let f = 0; f < 45; f++) h.neighbours.enqueue(entry, h.packet(src, dst, f), 60 + datagram);
      }
      assert.equal(h.core.counters.dropped(DROP_NEIGHBOUR_QUEUE_FULL), 45);
      h.sent();
      h.neighbours.advertised(entry, true, ...mac(PEER_MAC), SOLICITED);
      h.iface.flush();
      assert.deepEqual(new Set(h.link.sent.map((f) => f.length)), new Set([75, 76]));
      assert.equal(h.link.sent.length, 90);
    });
  }

  test('later fragments of a datagram that was dropped are dropped', () => {
    const h = ourHost();
    const entry = h.entry(PEER);
    h.neighbours.ready(entry);
    h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER, 3), 60);
    assert.equal(h.core.counters.dropped(DROP_NEIGHBOUR_QUEUE_FULL), 1);
    assert.equal(h.neighbours.queued, 0);
  });

  test('is bounded over all neighbours', () => {
    const h = ourHost({ settings: { neighbourQueue: 50 } });
    for (let i = 2; i < 30; i++) {
      const entry = h.entry(`10.0.0.${i}`);
      h.neighbours.ready(entry);
      for (let n = 0; n < 30; n++) h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER), 60);
    }
    h.sent();
    assert.equal(h.neighbours.queued, MAX_QUEUED_FRAMES);
    assert.equal(h.core.frames.used, MAX_QUEUED_FRAMES);
  });

  test('is handed back when nobody answers, for its sender to be told', () => {
    const h = ourHost();
    for (const [dst, length] of [
      [PEER, 60],
      ['10.0.0.3', 70],
    ] as const) {
      const entry = h.entry(dst);
      h.neighbours.ready(entry);
      h.neighbours.enqueue(entry, h.packet('10.0.0.1', dst), length);
      h.neighbours.enqueue(entry, h.packet('10.0.0.1', dst), length + 1);
    }
    assert.equal(h.neighbours.nextFailed(), 0);
    h.run(3 * SECOND);
    const lengths: number[] = [];
    for (let at = h.neighbours.nextFailed(); at !== 0; at = h.neighbours.nextFailed()) {
      lengths.push(h.neighbours.failedLength);
      h.core.frames.free(at);
    }
    assert.deepEqual(lengths, [60, 61, 70, 71]);
    assert.equal(h.core.counters.dropped(DROP_NEIGHBOUR_UNREACHABLE), 4);
    h.sent();
    assert.equal(h.core.frames.used, 0);
    assert.equal(h.neighbours.queued, 0);
  });

  test('an entry that is no longer being resolved takes nothing', () => {
    const h = ourHost();
    const entry = reachable(h, PEER);
    h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER), 60);
    assert.equal(h.core.frames.used, 0);
  });
});
