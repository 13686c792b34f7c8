// What ring3/net does that the kernel's sockets cannot be asked to show: its errors on demand, its memory, its hold on the process.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo, Socket, TcpNetConnectOpts } from 'node:net';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Link } from '../base/link.ts';
import { OPT_KEEPALIVE, OPT_KEEPIDLE, OPT_NODELAY } from '../stack/tcp/flags.ts';
import { createNet, type Net } from './net.ts';
import { Network } from './network.ts';
import { type Two, type TwoOptions, twoNetworks } from './two.test-support.ts';

const HOST = '10.0.0.2';

interface Stage extends Two {
  readonly netA: Net;
  readonly netB: Net;
}

async function on(options: TwoOptions, fn: (stage: Stage) => Promise<void>): Promise<void> {
  const two = twoNetworks(options);
  try {
    await fn({ ...two, netA: createNet(two.a), netB: createNet(two.b) });
  } finally {
    two.close();
  }
}

async function pair(
  { netA, netB }: Stage,
  options: object = {},
): Promise<[client: Socket, server: Socket, close: () => void]> {
  const listener = netB.createServer(options).listen(0, HOST);
  await once(listener, 'listening');
  const c = netA.connect((listener.address() as AddressInfo).port, HOST);
  const [[s]] = (await Promise.all([once(listener, 'connection'), once(c, 'connect')])) as [[Socket], unknown];
  return [
    c,
    s,
    () => {
      c.destroy();
      s.destroy();
      listener.close();
    },
  ];
}

/** A link whose wire can be cut: what is sent then is lost. */
function cuttable(link: Link, cut: { now: boolean }): Link {
  return new Proxy(link, {
    get(target, name) {
      if (name === 'transmit' && cut.now) {
        return (batch: Parameters<Link['transmit']>[0]) => {
          for (let i = 0; i < batch.count; i++) target.memory.frames.free(batch.offset[i]!);
          const n = batch.count;
          batch.clear();
          return n;
        };
      }
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('ring3/net', { timeout: 30_000 }, () => {
  test('a wire that is cut: ETIMEDOUT for the connection, ETIMEDOUT for the next attempt', () => {
    const cut = { now: false };
    // A SYN that is answered late would put the first timeout at 3 s (RFC 6298 section 5.7).
    const settings = { tcpRtoInitial: 300_000, tcpRtoMin: 10_000, tcpRetries: 3, tcpSynRetries: 1 };
    return on({ settings, wrap: (link) => cuttable(link, cut) }, async (stage) => {
      const [c, s, close] = await pair(stage);
      c.write('there');
      await once(s, 'data');
      cut.now = true;
      c.resume();
      c.write('into nowhere');
      const [error] = await once(c, 'error');
      assert.equal(error.message, 'read ETIMEDOUT');
      const again = stage.netA.connect(80, HOST);
      const [second] = await once(again, 'error');
      assert.equal(second.message, `connect ETIMEDOUT ${HOST}:80`);
      assert.deepEqual([second.address, second.port, second.syscall], [HOST, 80, 'connect']);
      close();
    });
  });

  test('no route, no such address of ours', () =>
    on({}, async ({ netA, netB }) => {
      const [unreachable] = await once(netA.connect(80, '192.0.2.1'), 'error');
      assert.equal(unreachable.message, 'connect ENETUNREACH 192.0.2.1:80');
      const [local] = await once(netA.connect({ port: 80, host: HOST, localAddress: '10.0.0.77' }), 'error');
      assert.equal(local.message, 'bind EADDRNOTAVAIL 10.0.0.77');
      const [listen] = await once(netB.createServer().listen(80, '10.0.0.77'), 'error');
      assert.match(listen.message, /^listen EADDRNOTAVAIL: .* 10\.0\.0\.77:80$/);
      assert.throws(() => netA.connect('/tmp/socket'), { code: 'ERR_INVALID_ARG_VALUE' });
      assert.throws(() => netB.createServer().listen('/tmp/socket'), { code: 'ERR_INVALID_ARG_VALUE' });
    }));

  test('a server on :: serves both families and shows each client as what it is', () =>
    on({}, async ({ netA, netB }) => {
      const server = netB
        .createServer((s) => s.end(`${s.remoteFamily} ${s.remoteAddress} ${s.localAddress}`))
        .listen(80);
      await once(server, 'listening');
      assert.deepEqual(server.address(), { address: '::', family: 'IPv6', port: 80 });
      const answers: string[] = [];
      for (const host of ['10.0.0.2', 'fd00::2', '::ffff:10.0.0.2']) {
        const c = netA.connect(80, host);
        answers.push(String((await once(c, 'data'))[0]));
        await once(c, 'close');
      }
      server.close();
      assert.deepEqual(answers, ['IPv4 10.0.0.1 10.0.0.2', 'IPv6 fd00::1 fd00::2', 'IPv4 10.0.0.1 10.0.0.2']);
    }));

  test('what is pushed is memory of its own, small pieces never part of a slab', () =>
    on({}, async (stage) => {
      const [c, s, close] = await pair(stage);
      const arena = stage.stackA.memory.arena.u8.buffer;
      const pieces: Buffer[] = [];
      c.on('data', (piece) => pieces.push(piece));
      for (const size of [10, 5000, 200_000]) {
        s.write(Buffer.alloc(size, 1));
        while (Buffer.concat(pieces).length < size) await new Promise(setImmediate);
        for (const piece of pieces.splice(0)) {
          assert.notEqual(piece.buffer, arena);
          assert.ok(piece.length >= 4096 || piece.buffer.byteLength < 256 * 1024, `${piece.buffer.byteLength}`);
        }
      }
      close();
    }));

  test('a reader that does not read closes the window: no more than the buffers hold is taken', () =>
    on({ settings: { tcpReceiveBuffer: 100_000, tcpSendBuffer: 100_000 } }, async (stage) => {
      const [c, s, close] = await pair(stage, { pauseOnConnect: true });
      let taken = 0;
      for (let i = 0; i < 100; i++) c.write(Buffer.alloc(10_000), () => (taken += 10_000));
      await new Promise((resolve) => setTimeout(resolve, 100));
      const before = taken;
      assert.ok(before >= 100_000 && before <= 210_000, `${before}`);
      assert.ok(stage.stackB.memory.spans.used * 4096 <= 140_000);
      assert.equal(s.readableLength, 0);
      s.resume();
      while (taken < 1_000_000) await new Promise((resolve) => setTimeout(resolve, 5));
      close();
    }));

  test('a write that waits for room when its socket is destroyed has failed', () =>
    on({}, async (stage) => {
      const [c, s, close] = await pair(stage, { pauseOnConnect: true });
      const failed = new Promise<NodeJS.ErrnoException>((resolve) => {
        c.write(Buffer.alloc(8 << 20), (error) => resolve(error as NodeJS.ErrnoException));
      });
      await new Promise((resolve) => setTimeout(resolve, 30));
      c.destroy();
      assert.equal((await failed).message, 'write ECANCELED');
      assert.equal((await failed).code, 'ECANCELED');
      s.destroy();
      close();
    }));

  test('text that does not fit at once is kept, whatever others write meanwhile', () =>
    on({ settings: { tcpSendBuffer: 10_000, tcpReceiveBuffer: 10_000 } }, async (stage) => {
      const [c, s, close] = await pair(stage, { pauseOnConnect: true });
      const [other, , closeOther] = await pair(stage);
      c.write('a'.repeat(19_000));
      c.end('end');
      other.write('b'.repeat(9000));
      let got = '';
      s.on('data', (data) => (got += data));
      s.resume();
      await once(s, 'end');
      assert.ok(got === `${'a'.repeat(19_000)}end`);
      close();
      closeOther();
    }));

  test('an address that does not answer has only so long, if there is another', () =>
    on({}, async ({ netA, netB }) => {
      const server = netB.createServer((s) => s.end()).listen(80, HOST);
      await once(server, 'listening');
      const lookup = (_name: string, _options: unknown, callback: (...answer: unknown[]) => void): void =>
        callback(null, [
          { address: '10.0.0.77', family: 4 },
          { address: HOST, family: 4 },
        ]);
      const options = { port: 80, host: 'x.example', lookup, autoSelectFamilyAttemptTimeout: 20 } as TcpNetConnectOpts;
      const c = netA.connect(options);
      const late = once(c, 'connectionAttemptTimeout');
      await once(c, 'connect');
      assert.deepEqual(await late, ['10.0.0.77', 80, 4]);
      assert.equal(c.remoteAddress, HOST);
      assert.deepEqual(c.autoSelectFamilyAttemptedAddresses, ['10.0.0.77:80', `${HOST}:80`]);
      await once(c.resume(), 'close');
      const given = netA.connect(options);
      given.on('connectionAttemptTimeout', () => given.destroy());
      await once(given, 'close');
      assert.deepEqual(given.autoSelectFamilyAttemptedAddresses, ['10.0.0.77:80']);
      server.close();
    }));

  test('a socket told to connect elsewhere forgets the name it was looking up; a lookup may answer with one address', () =>
    on({}, async ({ netA, netB }) => {
      const servers = [80, 81].map((port) => netB.createServer((s) => s.end(String(port))).listen(port, HOST));
      await Promise.all(servers.map((server) => once(server, 'listening')));
      const answers: (() => void)[] = [];
      const lookup = (_name: string, _options: unknown, callback: (...answer: unknown[]) => void): void =>
        void answers.push(() => callback(null, HOST, 4));
      const c = new netA.Socket();
      c.connect({ port: 80, host: 'slow.example', lookup } as TcpNetConnectOpts);
      c.connect({ port: 81, host: 'next.example', lookup } as TcpNetConnectOpts);
      let got = '';
      c.on('data', (data) => (got += data));
      for (const answer of answers) answer();
      await once(c, 'close');
      assert.equal(got, '81');
      for (const server of servers) server.close();
    }));

  test('options reach the connection, once', () =>
    on({}, async (stage) => {
      const set: number[][] = [];
      const { tcp } = stage.stackA;
      const own = tcp.set.bind(tcp);
      tcp.set = (h, option, value) => {
        set.push([option, value]);
        return own(h, option, value);
      };
      const [c, , close] = await pair(stage);
      c.setNoDelay();
      c.setNoDelay(true);
      c.setKeepAlive(true, 2500);
      c.setKeepAlive(true, 2500);
      c.setKeepAlive(false);
      assert.deepEqual(set, [
        [OPT_NODELAY, 1],
        [OPT_KEEPIDLE, 2_000_000],
        [OPT_KEEPALIVE, 1],
        [OPT_KEEPALIVE, 0],
      ]);
      set.length = 0;
      const early = new stage.netA.Socket({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 } as object);
      early.on('error', () => {});
      early.connect(1, HOST);
      await new Promise((resolve) => early.once('close', resolve));
      assert.deepEqual(set, [
        [OPT_NODELAY, 1],
        [OPT_KEEPIDLE, 1_000_000],
        [OPT_KEEPALIVE, 1],
      ]);
      close();
    }));

  test('names: localhost is answered here, others by the lookup given', () =>
    on({}, async ({ a, loop, stackA, netB }) => {
      const asked: unknown[] = [];
      assert.throws(() => new Network(stackA, loop), /has a network already/);
      a.close();
      const network = new Network(stackA, loop, {
        lookup: (name, options, callback) => {
          asked.push(name);
          setImmediate(() => (options.all ? callback(null, [{ address: HOST, family: 4 }]) : callback(null, HOST, 4)));
        },
      });
      const net = createNet(network);
      const server = netB.createServer((s) => s.end()).listen(80, HOST);
      await once(server, 'listening');
      const c = net.connect(80, 'server.example');
      await once(c.resume(), 'close');
      // No loopback interface on this stack.
      const [error] = await once(net.connect(80, 'localhost'), 'error');
      assert.equal(error.name, 'AggregateError');
      assert.equal(error.code, 'ENETUNREACH');
      assert.deepEqual(
        error.errors.map((e: { address: string }) => e.address),
        ['127.0.0.1', '::1'],
      );
      assert.deepEqual(asked, ['server.example']);
      server.close();
      network.close();
    }));

  test('open handles keep the process alive, unless unref() was called', () =>
    on({}, async (stage) => {
      const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const idle = timers();
      const server = stage.netB.createServer().listen(80, HOST);
      await once(server, 'listening');
      assert.equal(timers(), idle + 1);
      server.unref();
      assert.equal(timers(), idle);
      server.ref();
      server.close();
      await once(server, 'close');
      assert.equal(timers(), idle);
      const [c, s, close] = await pair(stage);
      assert.equal(timers(), idle + 2, 'one for each network');
      c.unref();
      s.unref();
      close();
      assert.equal(timers(), idle);
      const unborn = new stage.netA.Socket().unref();
      unborn.on('error', () => {});
      unborn.connect(1, HOST);
      assert.equal(timers(), idle);
      await new Promise((resolve) => unborn.once('close', resolve));
    }));

  test('what a listener throws is uncaught, and nobody else misses anything', async () => {
    const program = fileURLToPath(new URL('./uncaught.test-support.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
    assert.deepEqual(JSON.parse(stdout), [
      'answer bad',
      'answer fine',
      'answer good',
      'connection',
      'uncaught in connection',
      'uncaught in connection',
      'uncaught in data',
    ]);
  });

  test('the modules of one network are one module; a stranger is refused', () =>
    on({}, async ({ a, b, netA }) => {
      assert.equal(createNet(a), netA);
      assert.notEqual(createNet(b), netA);
      assert.equal(netA.isIPv6('::1'), true);
      const [one, other] = [new netA.Socket(), new (createNet(b).Socket)()];
      assert.ok(one instanceof netA.Socket && !(other instanceof netA.Socket));
      assert.equal(one.constructor.name, 'Socket');
    }));
});
