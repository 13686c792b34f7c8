// Test support: things that programs do with node:dgram, each told as what they observe. Run on the kernel's sockets and on
// ring3's, they must observe the same. Used by dgram.test.ts; calls whatever stands in for node:dgram.

import type nodeDgram from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

type Dgram = typeof nodeDgram;

/** Where a scenario plays: two machines, or one twice. */
export interface DgramStage {
  readonly server: Dgram;
  readonly client: Dgram;
  readonly host: string;
  readonly type: nodeDgram.SocketType;
  readonly closedPort: number;
}

type Scenario = (stage: DgramStage) => Promise<unknown>;

function describeError(stage: DgramStage, error: unknown): object {
  const e = error as NodeJS.ErrnoException & { address?: string; port?: number };
  return {
    name: e.name,
    message: e.message.replaceAll(stage.host, 'HOST').replaceAll(/:\d+/g, ':PORT'),
    code: e.code,
    errno: e.errno,
    syscall: e.syscall,
    address: e.address === stage.host ? 'HOST' : e.address,
    port: typeof e.port,
  };
}

async function server(stage: DgramStage): Promise<[nodeDgram.Socket, number, string[]]> {
  const socket = stage.server.createSocket(stage.type);
  const got: string[] = [];
  socket.on('message', (m) => got.push(String(m)));
  socket.bind(0, stage.host);
  await once(socket, 'listening');
  return [socket, socket.address().port, got];
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await sleep(2);
}

function attempt(run: () => unknown): unknown {
  try {
    run();
    return 'nothing';
  } catch (error) {
    const e = error as NodeJS.ErrnoException;
    return [e.name, e.code];
  }
}

export const dgramScenarios: Record<string, Scenario> = {
  async 'a question, its answer, who sent them'(stage) {
    const s = stage.server.createSocket({ type: stage.type }, (message, rinfo) => {
      log.push([
        String(message),
        rinfo.address === stage.host || rinfo.port === c.address().port,
        rinfo.family,
        rinfo.size,
      ]);
      s.send(`re: ${message}`, rinfo.port, rinfo.address);
    });
    const log: unknown[] = [];
    s.on('listening', () => log.push('listening'));
    s.bind(0, stage.host, () => log.push('callback'));
    log.push('bind called');
    await once(s, 'listening');
    const c = stage.client.createSocket(stage.type);
    c.send('hello', s.address().port, stage.host, (error, bytes) => log.push([error, bytes]));
    const [answer, rinfo] = await once(c, 'message');
    log.push(String(answer), rinfo.address === stage.host, rinfo.port === s.address().port, Buffer.isBuffer(answer));
    log.push([s.address().family, s.address().address === stage.host]);
    c.close();
    s.close();
    return log;
  },
  async 'the forms of send()'(stage) {
    const [s, port, got] = await server(stage);
    const c = stage.client.createSocket(stage.type);
    const host = stage.host;
    c.send('text', port, host);
    c.send(Buffer.from('buffer'), port, host);
    c.send('..part..', 2, 4, port, host);
    c.send(new Uint8Array([104, 105]), port, host);
    c.send(new DataView(new Uint8Array([100, 118]).buffer), port, host);
    c.send(['li', Buffer.from('s'), 't'], port, host);
    c.send([], port, host);
    c.send('', port, host);
    await new Promise((resolve) => c.send('last', port, host, resolve));
    await until(() => got.length === 9);
    c.close();
    s.close();
    return got.sort();
  },
  async 'a connected socket'(stage) {
    const [s, port, got] = await server(stage);
    const c = stage.client.createSocket(stage.type);
    const log: unknown[] = [];
    c.on('connect', () => log.push('connect'));
    c.connect(port, stage.host, () => log.push('callback'));
    log.push(attempt(() => c.connect(port, stage.host)));
    log.push(attempt(() => c.remoteAddress()));
    await once(c, 'connect');
    log.push(c.remoteAddress().port === port, c.remoteAddress().address === stage.host);
    c.send('one', (e, n) => log.push([e, n]));
    c.send('..two..', 2, 3);
    log.push(attempt(() => c.send('x', port, stage.host)));
    await until(() => got.length === 2);
    c.disconnect();
    log.push(
      attempt(() => c.disconnect()),
      attempt(() => c.send('x')),
    );
    c.send('three', port, stage.host);
    await until(() => got.length === 3);
    c.close();
    s.close();
    return [log, got];
  },
  async 'nobody listens: a connected socket hears it'(stage) {
    const c = stage.client.createSocket(stage.type);
    c.connect(stage.closedPort, stage.host);
    await once(c, 'connect');
    c.send('hello?');
    const [error] = await once(c, 'error');
    c.close();
    return describeError(stage, error);
  },
  async 'a socket that is not connected does not hear it'(stage) {
    const c = stage.client.createSocket(stage.type);
    const log: unknown[] = [];
    c.on('error', (e) => log.push(e.message));
    c.send('hello?', stage.closedPort, stage.host, (e, n) => log.push([e, n]));
    await sleep(30);
    c.close();
    return log;
  },
  async 'too large'(stage) {
    const c = stage.client.createSocket(stage.type);
    const error = await new Promise((resolve) => c.send(Buffer.alloc(65_530), 9, stage.host, resolve));
    const beyond = await new Promise((resolve) => c.send(Buffer.alloc(70_000), 9, stage.host, resolve));
    c.close();
    return [describeError(stage, error), describeError(stage, beyond)];
  },
  async 'large datagrams arrive whole'(stage) {
    const [s, port] = await server(stage);
    const c = stage.client.createSocket(stage.type);
    const log: unknown[] = [];
    for (const size of [1472, 1473, 9000, 40_000]) {
      const sent = Buffer.alloc(size, size & 255);
      const arrived = once(s, 'message');
      c.send(sent, port, stage.host);
      const [message, rinfo] = await arrived;
      log.push([message.equals(sent), rinfo.size]);
    }
    c.close();
    s.close();
    return log;
  },
  async 'a port that is taken, and reuseAddr'(stage) {
    const [s, port] = await server(stage);
    const second = stage.server.createSocket(stage.type);
    second.bind(port, stage.host);
    const [error] = await once(second, 'error');
    second.close();
    s.close();
    const shared = [0, 1].map(() => stage.server.createSocket({ type: stage.type, reuseAddr: true }));
    shared[0]!.bind(0, stage.host);
    await once(shared[0]!, 'listening');
    shared[1]!.bind(shared[0]!.address().port, stage.host);
    await once(shared[1]!, 'listening');
    const same = shared[0]!.address().port === shared[1]!.address().port;
    for (const socket of shared) socket.close();
    return [describeError(stage, error), same];
  },
  async 'an address that is not ours'(stage) {
    const s = stage.server.createSocket(stage.type);
    s.bind(0, stage.type === 'udp4' ? '192.0.2.1' : '2001:db8::5');
    const [error] = await once(s, 'error');
    s.close();
    return describeError(stage, error);
  },
  async 'the forms of bind()'(stage) {
    const log: unknown[] = [];
    const any = stage.type === 'udp4' ? '0.0.0.0' : '::';
    const forms: ((s: nodeDgram.Socket, done: () => void) => nodeDgram.Socket)[] = [
      (s, done) => s.bind(done),
      (s, done) => s.bind(0, done),
      (s, done) => s.bind(0, stage.host, done),
      (s, done) => s.bind({ port: 0 }, done),
      (s, done) => s.bind({ port: 0, address: stage.host }, done),
      (s, done) => s.bind({}, done),
    ];
    for (const form of forms) {
      const s = stage.server.createSocket(stage.type);
      await new Promise<void>((resolve) => log.push(form(s, resolve) === s));
      const { address, port } = s.address();
      log.push(
        address === stage.host ? 'HOST' : address === any,
        port > 0,
        attempt(() => s.bind(0)),
      );
      s.close();
    }
    return log;
  },
  async 'close: once, with its event and callback'(stage) {
    const s = stage.server.createSocket(stage.type);
    const log: unknown[] = [attempt(() => s.address())];
    s.on('close', () => log.push('close'));
    await new Promise<void>((resolve) => log.push(s.close(resolve) === s));
    log.push(
      attempt(() => s.close()),
      attempt(() => s.send('x', 9, stage.host)),
      attempt(() => s.bind(0)),
      attempt(() => s.address()),
    );
    log.push(s.ref() === s, s.unref() === s);
    return log;
  },
  async 'signals and disposal'(stage) {
    const log: unknown[] = [];
    const abort = new AbortController();
    const s = stage.server.createSocket({ type: stage.type, signal: abort.signal });
    const gone = once(s, 'close');
    abort.abort();
    await gone;
    const disposed = stage.server.createSocket(stage.type);
    disposed.on('close', () => log.push('disposed'));
    await disposed[Symbol.asyncDispose]();
    await disposed[Symbol.asyncDispose]();
    return log;
  },
  async 'a lookup of the user, and its error'(stage) {
    const [s, port, got] = await server(stage);
    const log: unknown[] = [];
    const family = stage.type === 'udp4' ? 4 : 6;
    const c = stage.client.createSocket({
      type: stage.type,
      lookup: ((name: string, _family: unknown, callback: (...a: unknown[]) => void) => {
        log.push(name === stage.host ? 'HOST' : name);
        if (name === 'bad.example') setImmediate(callback, Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
        else if (name === 'good.example') setImmediate(callback, null, stage.host, family);
        else setImmediate(callback, null, name, family);
      }) as never,
    });
    c.bind(0);
    await once(c, 'listening');
    const error = await new Promise((resolve) => c.send('x', port, 'bad.example', resolve));
    log.push((error as NodeJS.ErrnoException).code);
    c.send('y', port, 'bad.example');
    log.push((await once(c, 'error'))[0].code);
    c.send('found', port, 'good.example');
    await until(() => got.length === 1);
    c.close();
    s.close();
    return [log, got];
  },
  async 'options and what they return'(stage) {
    const s = stage.server.createSocket(stage.type);
    s.bind(0, stage.host);
    await once(s, 'listening');
    const log: unknown[] = [s.setTTL(7), s.setMulticastTTL(3), s.setMulticastLoopback(false), s.setBroadcast(true)];
    log.push(
      attempt(() => s.setTTL(0)),
      attempt(() => s.setTTL(256)),
      attempt(() => s.setTTL('1' as never)),
    );
    s.setRecvBufferSize(100_000);
    s.setSendBufferSize(100_000);
    log.push(
      s.getRecvBufferSize() >= 100_000,
      s.getSendBufferSize() >= 100_000,
      s.getSendQueueSize(),
      s.getSendQueueCount(),
    );
    log.push(
      attempt(() => s.setRecvBufferSize(-1)),
      attempt(() => s.addMembership('')),
      attempt(() => s.addMembership('banana')),
    );
    s.close();
    return log;
  },
  async 'arguments that make no sense'(stage) {
    const c = stage.client.createSocket(stage.type);
    const log = [
      attempt(() => stage.client.createSocket('udp5' as never)),
      attempt(() => stage.client.createSocket({ type: stage.type, lookup: 5 as never })),
      attempt(() => c.send('x', 0, stage.host)),
      attempt(() => c.send('x', 70_000, stage.host)),
      attempt(() => c.send(5 as never, 9, stage.host)),
      attempt(() => c.send([5], 9, stage.host)),
      attempt(() => c.send('abc', 4, 1, 9, stage.host)),
      attempt(() => c.send('abc', 1, 3, 9, stage.host)),
      attempt(() => c.send('x', 9, 5 as never)),
      attempt(() => c.connect(0)),
      attempt(() => c.connect(9, 5 as never)),
      attempt(() => c.disconnect()),
      attempt(() => c.remoteAddress()),
    ];
    c.close();
    return log;
  },
};
