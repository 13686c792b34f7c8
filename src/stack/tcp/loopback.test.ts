// A stack that speaks to itself over a loopback link: both ends of a connection in one table.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRng } from '../../base/rng.ts';
import { loopbackLink } from '../../link/loopback.ts';
import { pattern } from '../pair.test-support.ts';
import { createMemory, Stack } from '../stack.ts';
import { ESTABLISHED } from './state.ts';

const HOME: [number, number, number, number] = [0, 0, 0xffff, 0x7f000001];
const HOME6: [number, number, number, number] = [0, 0, 0, 1];

class Alone {
  readonly stack: Stack;
  now = 1_000_000;

  constructor() {
    const rng = new SeededRng(3);
    const secret = Int32Array.from({ length: 8 }, () => rng.int32());
    const memory = createMemory({ arenaBytes: 32 << 20, small: 256, large: 64, chunks: 2048 });
    this.stack = new Stack(memory, { rng, secret, settings: { tcpRows: 64, udpRows: 4 } });
    this.stack.attach(loopbackLink(memory), { addresses: ['127.0.0.1/8', '::1/128'] });
  }

  /** Passes until the link is empty; for `us` microseconds if given. */
  run(us = 0): void {
    const until = this.now + us;
    const { counters } = this.stack.core;
    for (;;) {
      let before = -1;
      while (this.stack.poll(this.now) || counters.get('frames_received') !== before)
        before = counters.get('frames_received');
      const next = this.stack.pollAt();
      if (next > until) break;
      this.now = Math.max(next, this.now + 0.001);
    }
    this.now = until;
  }
}

for (const home of [HOME, HOME6]) {
  test(`a connection to ${home === HOME ? '127.0.0.1' : '::1'} carries both ways and closes`, () => {
    const a = new Alone();
    const { tcp } = a.stack;
    const listener = tcp.listen(0, 0, 0, 0, 80, 4, false);
    const client = tcp.connect(0, 0, 0, 0, 0, ...home, 80, 0);
    assert.ok(client > 0);
    a.run();
    const server = tcp.accept(listener);
    assert.ok(server > 0);
    const data = pattern(200_000);
    const got = new Uint8Array(data.length);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      let sent = 0;
      let received = 0;
      while (received < data.length) {
        sent += tcp.write(from, data, sent, data.length - sent);
        a.run();
        received += Math.max(0, tcp.read(to, got, received, data.length - received));
        a.run();
      }
      assert.deepEqual(got, data);
    }
    for (const h of [client, server, listener]) tcp.close(h);
    a.run(200_000_000);
    assert.deepEqual([tcp.used, a.stack.core.spans.used, a.stack.core.frames.used], [0, 0, 0]);
  });
}

test('a connection to its own port is a simultaneous open with itself', () => {
  const a = new Alone();
  const { tcp } = a.stack;
  const h = tcp.connect(...HOME, 7777, ...HOME, 7777, 0);
  a.run(10_000_000);
  assert.equal(tcp.state(h), ESTABLISHED);
  assert.equal(tcp.write(h, pattern(1000), 0, 1000), 1000);
  a.run();
  const got = new Uint8Array(1000);
  assert.equal(tcp.read(h, got, 0, 1000), 1000);
  assert.deepEqual(got, pattern(1000));
  tcp.close(h);
  a.run(200_000_000);
  assert.equal(tcp.used, 0);
});
