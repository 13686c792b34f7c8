// Whole connections between two stacks on a memory link: open, both ways, close, and nothing left behind.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { A4, B4, Pair, pattern, transfer } from '../pair.test-support.ts';
import * as F from './flags.ts';
import { CLOSE_WAIT, CLOSED, ESTABLISHED, FIN_WAIT_2, TIME_WAIT } from './state.ts';
import { Endpoints } from './tcp.ts';

for (const medium of ['ip', 'ethernet'] as const) {
  for (const gso of [0, 65535]) {
    describe(`over ${medium}${gso ? ' with superframes' : ''}`, () => {
      const link = { medium, gso, txChecksum: gso ? ('partial' as const) : ('full' as const) };

      test('a connection opens, carries both ways and closes', () => {
        const pair = new Pair({ link });
        if (medium === 'ethernet') pair.run(5_000_000);
        const framesA = pair.a.core.frames.used;
        const framesB = pair.b.core.frames.used;
        const [client, server, listener] = pair.connect();
        assert.equal(pair.a.tcp.state(client), ESTABLISHED);
        assert.equal(pair.b.tcp.state(server), ESTABLISHED);
        const ends = new Endpoints();
        pair.b.tcp.endpoints(server, ends);
        assert.equal(ends.localPort, 80);
        assert.equal(ends.remote3, A4[3]);
        const up = pattern(300_000, 3);
        const down = pattern(3_000_000, 5);
        assert.deepEqual(transfer(pair, pair.a, client, pair.b, server, up), up);
        assert.equal(pair.b.tcp.state(server), CLOSE_WAIT);
        assert.equal(pair.a.tcp.state(client), FIN_WAIT_2);
        assert.deepEqual(transfer(pair, pair.b, server, pair.a, client, down), down);
        assert.equal(pair.a.tcp.state(client), TIME_WAIT);
        assert.equal(pair.b.tcp.state(server), CLOSED);
        pair.a.tcp.close(client);
        pair.b.tcp.close(server);
        pair.b.tcp.close(listener);
        pair.run(120_000_000);
        for (const [stack, frames] of [
          [pair.a, framesA],
          [pair.b, framesB],
        ] as const) {
          assert.equal(stack.tcp.used, 0);
          assert.equal(stack.core.spans.used, 0);
          assert.equal(stack.core.frames.used, frames);
        }
      });
    });
  }
}

test('a link that says superframes but leaves checksums to us gets segments', () => {
  const pair = new Pair({ link: { gso: 65535, txChecksum: 'full' } });
  const [client, server] = pair.connect();
  const data = pattern(200_000);
  assert.deepEqual(transfer(pair, pair.a, client, pair.b, server, data), data);
  assert.equal(pair.a.core.counters.get('tcp_retransmitted'), 0);
});

test('a refused connection reports it at once', () => {
  const pair = new Pair();
  const h = pair.a.tcp.connect(0, 0, 0, 0, 0, ...B4, 81, 0);
  pair.step();
  assert.equal(pair.a.tcp.nextReady(), h);
  assert.equal(pair.a.tcp.readyFlags, F.READY_ERROR);
  assert.equal(pair.a.tcp.error(h), 111);
  pair.a.tcp.close(h);
  assert.equal(pair.a.tcp.used, 0);
});

test('a host that does not answer ARP is unreachable after its probes, not after minutes of SYNs', () => {
  const pair = new Pair({ link: { medium: 'ethernet' } });
  pair.run(5_000_000);
  const h = pair.a.tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000063, 80, 0);
  const before = pair.now;
  assert.ok(pair.runUntil(() => pair.a.tcp.nextReady() === h, 10_000_000));
  assert.equal(pair.a.tcp.error(h), 113);
  assert.ok(pair.now - before <= 4_000_000);
});

test('after a standstill the acknowledgements that wait are read before retransmission timers fire', () => {
  const pair = new Pair();
  const [client, server] = pair.connect();
  pair.a.tcp.write(client, pattern(100_000), 0, 100_000);
  pair.a.poll(pair.now);
  pair.b.poll(pair.now);
  // Its answer lies on the wire, and the first stack's process sleeps for longer than any timeout.
  pair.now += 30_000_000;
  pair.step();
  assert.equal(pair.b.tcp.readable(server), 100_000);
  assert.equal(pair.a.core.counters.get('tcp_timeouts'), 0);
  assert.equal(pair.a.core.counters.get('tcp_retransmitted'), 0);
});
