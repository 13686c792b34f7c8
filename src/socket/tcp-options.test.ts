// setTcpOption, getTcpOption and tcpInfo: what Socket and Server have beside node:net.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createNet } from './net.ts';
import type { Server } from './server.ts';
import type { Socket } from './socket.ts';
import { type Two, twoNetworks } from './two.test-support.ts';

const HOST = '10.0.0.2';

async function on(
  fn: (two: Two, connect: (c: Socket) => Promise<Socket>, server: Server) => Promise<void>,
): Promise<void> {
  const two = twoNetworks();
  const server = createNet(two.b).createServer() as unknown as Server;
  try {
    const connect = async (c: Socket): Promise<Socket> => {
      if (!server.listening) await once(server.listen(0, HOST), 'listening');
      c.connect((server.address() as AddressInfo).port, HOST);
      const [[s]] = (await Promise.all([once(server, 'connection'), once(c, 'connect')])) as [[Socket], unknown];
      return s;
    };
    await fn(two, connect, server);
  } finally {
    two.close();
  }
}

function client(two: Two): Socket {
  return new (createNet(two.a).Socket)() as unknown as Socket;
}

test('options set before connect() hold for the connection, those set later at once; times are milliseconds', () =>
  on(async (two, connect) => {
    const c = client(two).setTcpOption('maxSeg', 700).setTcpOption('userTimeout', 3000);
    assert.equal(c.getTcpOption('userTimeout'), 3000);
    assert.equal(c.getTcpOption('linger'), undefined);
    assert.equal(c.tcpInfo(), null);
    await connect(c);
    assert.equal(c.getTcpOption('userTimeout'), 3000);
    assert.equal(c.tcpInfo()!.advmss, 700);
    assert.equal(c.tcpInfo()!.state, 'ESTABLISHED');
    c.setTcpOption('keepIdle', 5000).setTcpOption('linger', 2000);
    assert.equal(c.getTcpOption('keepIdle'), 5000);
    assert.equal(c.getTcpOption('linger'), 2000);
    c.destroy();
    assert.equal(c.tcpInfo(), null);
  }));

test('a server’s hold for its connections, set before listen() or after', () =>
  on(async (two, connect, server) => {
    server.setTcpOption('userTimeout', 4000);
    const first = await connect(client(two));
    assert.equal(first.getTcpOption('userTimeout'), 4000);
    server.setTcpOption('notsentLowat', 16384);
    const second = await connect(client(two));
    assert.equal(second.getTcpOption('userTimeout'), 4000);
    assert.equal(second.getTcpOption('notsentLowat'), 16384);
    assert.equal(first.getTcpOption('notsentLowat'), 0);
    assert.equal(server.getTcpOption('notsentLowat'), 16384);
  }));

test('with little allowed unsent a transfer comes through all the same', () =>
  on(async (two, connect) => {
    const c = client(two).setTcpOption('notsentLowat', 4096);
    const s = await connect(c);
    c.end(Buffer.alloc(300_000, 'x'));
    let got = 0;
    for await (const chunk of s) got += (chunk as Buffer).length;
    assert.equal(got, 300_000);
    s.destroy();
  }));

test('with cork text goes out at the end', () =>
  on(async (two, connect) => {
    const c = client(two).setTcpOption('cork', 1);
    const s = await connect(c);
    c.write('one ');
    c.write('two ');
    c.end('three');
    let text = '';
    for await (const chunk of s) text += String(chunk);
    assert.equal(text, 'one two three');
    s.destroy();
  }));

test('names and values that cannot be throw ERR_INVALID_ARG_VALUE', () =>
  on(async (two, connect) => {
    const bad = [
      ['nonsense', 1],
      ['toString', 1],
      ['cork', 2],
      ['synCount', 0],
      ['userTimeout', -1],
      ['userTimeout', Number.NaN],
      ['userTimeout', '5'],
    ] as const;
    const c = client(two);
    for (const [name, value] of bad) {
      assert.throws(() => c.setTcpOption(name as 'cork', value as number), { code: 'ERR_INVALID_ARG_VALUE' }, name);
    }
    assert.throws(() => c.getTcpOption('nonsense' as 'cork'), /there are: maxSeg/);
    await connect(c);
    assert.throws(() => c.setTcpOption('maxSeg', 5), { code: 'ERR_INVALID_ARG_VALUE' });
    c.destroy();
  }));

test('tcpInfo() counts: bytes, segments each way, and when', () =>
  on(async (two, connect) => {
    const c = client(two);
    const s = await connect(c);
    c.write('hello');
    await once(s, 'data');
    const info = s.tcpInfo()!;
    assert.equal(info.bytesReceived, 5);
    assert.equal(info.dataSegsIn, 1);
    assert.ok(info.segsIn >= 2 && info.segsOut >= 1);
    assert.ok(info.lastDataReceivedMs >= 0 && info.lastDataReceivedMs < 5000);
    assert.equal(info.lastDataSentMs >= 0, true, 'the SYN-ACK counts');
    assert.equal(info.timestamps, true);
    assert.ok(info.sendScale >= 0);
    s.destroy();
  }));

test('the congestion control goes by name, the largest rate by bytes a second', () =>
  on(async (two, connect, server) => {
    server.setTcpOption('congestion', 'reno').setTcpOption('maxPacingRate', 1e6);
    const c = client(two).setTcpOption('congestion', 'none');
    const s = await connect(c);
    assert.deepEqual([c.tcpInfo()!.congestion, s.tcpInfo()!.congestion], ['none', 'newreno']);
    assert.deepEqual([s.getTcpOption('congestion'), s.getTcpOption('maxPacingRate')], ['newreno', 1e6]);
    c.setTcpOption('congestion', 'cubic');
    assert.equal(c.tcpInfo()!.congestion, 'cubic');
    assert.throws(() => c.setTcpOption('congestion', 'vegas'), {
      code: 'ERR_INVALID_ARG_VALUE',
      message: /vegas is no congestion control; there are: newreno, cubic, none/,
    });
    assert.equal(c.tcpInfo()!.congestion, 'cubic');
    assert.throws(() => c.setTcpOption('linger', -1), { message: /linger is a number from 0 to/ });
  }));
