// Tests of UDP over the host link: real clients of this machine's loopback against a stack behind it.
// Run by node:test; calls hostLink through served.test-support.ts. Needs no privilege.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ipv6, serve, until } from './clients.test-support.ts';
import { Served } from './served.test-support.ts';

describe('UDP over the host link', () => {
  /** A UDP client; `ask` sends and resolves with the answer and its sender. */
  function udp(
    t: TestContext,
    port: number,
    host = '127.0.0.1',
  ): { socket: UdpSocket; ask: (bytes: Uint8Array) => Promise<{ bytes: Buffer; from: string }> } {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    t.after(() => socket.close());
    return {
      socket,
      ask: async (bytes) => {
        const answer = once(socket, 'message', { signal: AbortSignal.timeout(3000) });
        socket.send(bytes, port, host);
        const [reply, from] = (await answer) as [Buffer, { address: string; port: number }];
        return { bytes: reply, from: `${from.address} ${from.port}` };
      },
    };
  }

  test('datagrams of every size come back from where they were sent to', async (t) => {
    const { served, udpPort } = await serve(t, { tcp: [], udp: [0] });
    served.udpEcho(udpPort);
    const { ask } = udp(t, udpPort);
    for (const size of [0, 1, 100, 1472, 9000, 65_507]) {
      const data = randomBytes(size);
      const { bytes, from } = await ask(data);
      assert.ok(bytes.equals(data), `${size} bytes`);
      assert.equal(from, `127.0.0.1 ${udpPort}`);
    }
    assert.equal(served.host.counts.udpClients, 1);
  });

  test('clients and ports are told apart; one client may use several ports', async (t) => {
    const served = new Served();
    t.after(() => served.close());
    const host = await served.open({ udp: [0, 0], ...(ipv6 ? {} : { address: '127.0.0.1' }) });
    served.udpEcho(host.udp[0]!, 'first ');
    served.udpEcho(host.udp[1]!, 'second ');
    for (const address of host.addresses) {
      const [one, other] = [udp(t, host.udp[0]!, address), udp(t, host.udp[0]!, address)];
      const answers = await Promise.all([one.ask(Buffer.from('a')), other.ask(Buffer.from('b'))]);
      assert.deepEqual(
        answers.map(({ bytes }) => String(bytes)),
        ['first a', 'first b'],
      );
      const answer = once(one.socket, 'message');
      one.socket.send('c', host.udp[1]!, address);
      const [bytes, from] = (await answer) as [Buffer, { port: number }];
      assert.deepEqual([String(bytes), from.port], ['second c', host.udp[1]]);
    }
    assert.equal(host.counts.udpClients, 2 * host.addresses.length);
  });

  test('silent clients are forgotten, and the oldest when there are too many; they may come back', async (t) => {
    const { served, udpPort } = await serve(t, { tcp: [], udp: [0], maxUdpClients: 2, udpIdle: 500 });
    served.udpEcho(udpPort);
    const clients = [udp(t, udpPort), udp(t, udpPort), udp(t, udpPort)];
    for (const { ask } of clients) assert.equal(String((await ask(Buffer.from('x'))).bytes), 'x');
    assert.equal(served.host.counts.udpClients, 2);
    await until(() => served.host.counts.udpClients === 0);
    assert.equal(String((await clients[0]!.ask(Buffer.from('y'))).bytes), 'y');
    assert.equal(served.host.counts.udpDropped, 0);
  });

  test('a port where nobody listens swallows datagrams', async (t) => {
    const { served, udpPort } = await serve(t, { tcp: [], udp: [0] });
    const { socket } = udp(t, udpPort);
    socket.send('x', udpPort, '127.0.0.1');
    await until(() => served.stack.core.counters.get('udp_received') > 0 || served.host.counts.udpClients === 1);
    await wait(5);
  });
});
