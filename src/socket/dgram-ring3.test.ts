// What ring3/dgram does that the kernel's loopback cannot be asked to show: groups, broadcast, two families, a full link.
import assert from 'node:assert/strict';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDgram, type Dgram } from './dgram.ts';
import { type TwoOptions, twoNetworks } from './two.test-support.ts';

async function on(options: TwoOptions, fn: (a: Dgram, b: Dgram) => Promise<void>): Promise<void> {
  const two = twoNetworks(options);
  try {
    await fn(createDgram(two.a), createDgram(two.b));
    assert.equal(two.a.open + two.b.open, 0, 'handles');
    assert.equal(two.stackA.memory.spans.used + two.stackB.memory.spans.used, 0, 'chunks');
  } finally {
    two.close();
  }
}

async function bound(dgram: Dgram, type: 'udp4' | 'udp6', port = 0, address?: string): Promise<Socket> {
  const socket = dgram.createSocket(type);
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

describe('ring3/dgram', { timeout: 20_000 }, () => {
  for (const [type, group, wrong] of [
    ['udp4', '239.1.2.3', '10.0.0.77'],
    ['udp6', 'ff05::1:3', 'fd00::77'],
  ] as const) {
    test(`${type}: a group is heard from joining to leaving`, () =>
      on({}, async (a, b) => {
        const receiver = await bound(b, type, 5000);
        const heard: string[] = [];
        receiver.on('message', (m) => heard.push(String(m)));
        const own = type === 'udp4' ? '10.0.0.2' : 'fd00::2';
        const sender = await bound(a, type);
        sender.setMulticastInterface(type === 'udp4' ? '10.0.0.1' : '::%1');
        assert.throws(() => sender.setMulticastInterface(wrong), { code: 'EADDRNOTAVAIL' });
        const say = async (word: string): Promise<void> => {
          sender.send(word, 5000, group);
          await sleep(20);
        };
        await say('early');
        receiver.addMembership(group);
        await say('first');
        receiver.dropMembership(group);
        await say('between');
        receiver.addMembership(group, own);
        assert.throws(() => receiver.addMembership(group), { code: 'EADDRINUSE', syscall: 'addMembership' });
        assert.throws(() => receiver.addMembership(group, wrong), { code: 'EADDRNOTAVAIL' });
        await say('second');
        receiver.dropMembership(group, own);
        await say('late');
        assert.throws(() => receiver.dropMembership(group), { code: 'EADDRNOTAVAIL', syscall: 'dropMembership' });
        assert.throws(() => receiver.addSourceSpecificMembership(own, group), { code: 'EOPNOTSUPP' });
        assert.deepEqual(heard, ['first', 'second']);
        receiver.close();
        sender.close();
      }));
  }

  test('broadcast only for who has asked for it', () =>
    on({}, async (a, b) => {
      const receiver = await bound(b, 'udp4', 6000);
      const sender = await bound(a, 'udp4');
      const refused = await new Promise<NodeJS.ErrnoException | null>((resolve) =>
        sender.send('x', 6000, '10.0.0.255', resolve),
      );
      assert.deepEqual([refused?.code, refused?.message], ['EACCES', 'send EACCES 10.0.0.255:6000']);
      sender.setBroadcast(true);
      const heard = once(receiver, 'message');
      sender.send('everybody', 6000, '10.0.0.255');
      assert.equal(String((await heard)[0]), 'everybody');
      receiver.close();
      sender.close();
    }));

  test('a udp6 socket speaks to both families and shows each peer as what it is; ipv6Only does not', () =>
    on({}, async (a, b) => {
      const server = await bound(b, 'udp6', 7000);
      server.on('message', (m, r) => server.send(`${m} ${r.family} ${r.address}`, r.port, r.address));
      for (const [type, host, expected] of [
        ['udp4', '10.0.0.2', 'hi IPv4 10.0.0.1'],
        ['udp6', 'fd00::2', 'hi IPv6 fd00::1'],
      ] as const) {
        const client = await bound(a, type);
        client.send('hi', 7000, host);
        assert.equal(String((await once(client, 'message'))[0]), expected);
        client.close();
      }
      const only = b.createSocket({ type: 'udp6', ipv6Only: true });
      only.bind(7001);
      await once(only, 'listening');
      const client = await bound(a, 'udp4');
      client.connect(7001, '10.0.0.2');
      await once(client, 'connect');
      client.send('anybody?');
      assert.equal((await once(client, 'error'))[0].message, 'recvmsg ECONNREFUSED');
      for (const socket of [server, only, client]) socket.close();
    }));

  test('peers that take turns are told apart', () =>
    on({}, async (a, b) => {
      const receiver = await bound(b, 'udp4', 7100);
      const from: string[] = [];
      receiver.on('message', (m, r) => from.push(`${m} ${r.address}`));
      const senders = [await bound(a, 'udp4', 0, '10.0.0.1'), await bound(a, 'udp4', 0, '10.0.0.3')];
      for (let i = 0; i < 4; i++) senders[i % 2]!.send(String(i), 7100, '10.0.0.2');
      await sleep(20);
      assert.deepEqual(from, ['0 10.0.0.1', '1 10.0.0.3', '2 10.0.0.1', '3 10.0.0.3']);
      for (const socket of [receiver, ...senders]) socket.close();
    }));

  test('what a full link does not take waits in order, and is counted', () =>
    on({ link: { queue: 8 } }, async (a, b) => {
      const receiver = await bound(b, 'udp4', 8000, '10.0.0.2');
      const got: number[] = [];
      receiver.on('message', (m) => got.push(m.readInt32BE(0)));
      const sender = await bound(a, 'udp4');
      let sent = 0;
      for (let i = 0; i < 500; i++) {
        const m = Buffer.alloc(100);
        m.writeInt32BE(i);
        sender.send(m, 8000, '10.0.0.2', (error, n) => {
          assert.equal(error, null);
          assert.equal(n, 100);
          sent++;
        });
      }
      const [count, size] = [sender.getSendQueueCount(), sender.getSendQueueSize()];
      assert.ok(count > 100, `${count}`);
      assert.equal(size, count * 100);
      for (let i = 0; i < 400 && (sent < 500 || got.length < 500); i++) await sleep(5);
      assert.deepEqual([sent, sender.getSendQueueCount(), sender.getSendQueueSize()], [500, 0, 0]);
      assert.deepEqual(
        got,
        Array.from({ length: 500 }, (_v, i) => i),
      );
      receiver.close();
      sender.close();
    }));

  test('closed right after send(): the datagram still goes out; one that waits for its binding, too', () =>
    on({}, async (a, b) => {
      const receiver = await bound(b, 'udp4', 9000, '10.0.0.2');
      const heard = once(receiver, 'message');
      const sender = a.createSocket('udp4');
      sender.send('and gone', 9000, '10.0.0.2');
      sender.close();
      await once(sender, 'close');
      assert.equal(String((await heard)[0]), 'and gone');
      receiver.close();
    }));
});
