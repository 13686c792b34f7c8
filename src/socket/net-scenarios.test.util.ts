// Test support: things that programs do with node:net, each told as what they observe. Run on the kernel's sockets and on
// ring3's, they must observe the same. Used by net.test.ts; calls whatever stands in for node:net.

import { once } from 'node:events';
import type nodeNet from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

type Net = typeof nodeNet;

/** Where a scenario plays: the server's module and address, the client's module. */
export interface Stage {
  readonly server: Net;
  readonly client: Net;
  readonly host: string;
  /** Another address of the same machine, on which nobody listens. */
  readonly other: string;
  /** A port nobody listens on. */
  readonly closedPort: number;
}

/** Everything but addresses and ports, which differ from stage to stage. */
export function describeError(stage: Stage, error: unknown): object {
  const e = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const text = e.message.replaceAll(stage.host, 'HOST').replaceAll(/:\d+/g, ':PORT');
  return {
    name: e.name,
    message: text,
    code: e.code,
    errno: e.errno,
    syscall: e.syscall,
    address: e.address === stage.host ? 'HOST' : e.address,
    port: typeof e.port,
  };
}

async function listening(stage: Stage, options: nodeNet.ServerOpts, listener?: (s: nodeNet.Socket) => void) {
  const server = stage.server.createServer(options, listener);
  server.listen(0, stage.host);
  await once(server, 'listening');
  const { port } = server.address() as nodeNet.AddressInfo;
  return { server, port };
}

function logged(log: unknown[], name: string, socket: nodeNet.Socket, stage: Stage): void {
  for (const event of ['connect', 'ready', 'end', 'finish', 'timeout']) socket.on(event, () => log.push(`${name} ${event}`));
  socket.on('close', (hadError) => log.push(`${name} close ${hadError}`));
  socket.on('error', (error) => log.push([`${name} error`, describeError(stage, error)]));
}

async function closed(...sockets: (nodeNet.Socket | nodeNet.Server)[]): Promise<void> {
  const one = (s: nodeNet.Socket | nodeNet.Server): Promise<void> =>
    new Promise((resolve) => {
      s.once('close', () => resolve());
      // Its 'close' may have been emitted already, or come soon.
      if ('closed' in s && s.closed) setTimeout(resolve, 20);
    });
  await Promise.all(sockets.map(one));
}

async function text(socket: nodeNet.Socket): Promise<string> {
  let out = '';
  for await (const chunk of socket) out += chunk;
  return out;
}

/** A connected pair: the server's end and the client's. */
async function pair(
  stage: Stage,
  options: { server?: nodeNet.ServerOpts; client?: nodeNet.SocketConstructorOpts & nodeNet.ConnectOpts } = {},
) {
  const { server, port } = await listening(stage, options.server ?? {});
  const c = stage.client.connect({ port, host: stage.host, ...options.client });
  const [[s]] = (await Promise.all([once(server, 'connection'), once(c, 'connect')])) as [[nodeNet.Socket], unknown];
  return { server, port, s, c };
}

type Scenario = (stage: Stage) => Promise<unknown>;

const life: Record<string, Scenario> = {
  async 'a request and its answer: the order of events on both sides'(stage) {
    const serverLog: unknown[] = [];
    const clientLog: unknown[] = [];
    let accepted: nodeNet.Socket | undefined;
    const { server, port } = await listening(stage, {}, (s) => {
      accepted = s;
      serverLog.push(['connection', s.readyState, s.pending, s.connecting]);
      logged(serverLog, 'server', s, stage);
      s.on('data', (d) => {
        serverLog.push(`server data ${d}`);
        s.end('answer');
      });
    });
    const c = stage.client.connect(port, stage.host);
    clientLog.push([c.readyState, c.pending, c.connecting]);
    logged(clientLog, 'client', c, stage);
    c.on('data', (d) => clientLog.push(`client data ${d}`));
    c.on('connect', () => clientLog.push([c.readyState, c.pending, c.connecting]));
    c.write('question');
    await closed(c);
    await closed(accepted!);
    clientLog.push([c.readyState, c.pending, c.destroyed, c.bytesRead, c.bytesWritten, c.remoteFamily]);
    server.close();
    await closed(server);
    return { serverLog, clientLog };
  },
  async 'what is written before the connection is there arrives'(stage) {
    const { server, port } = await listening(stage, {});
    const got = once(server, 'connection').then(([s]) => text(s as nodeNet.Socket));
    const c = stage.client.connect(port, stage.host);
    const log: unknown[] = [c.write('one '), c.bytesWritten];
    c.write('two ', () => log.push(['written', c.connecting]));
    c.end('three', () => log.push('finished'));
    log.push(c.bytesWritten, await got);
    await closed(c);
    log.push(c.bytesWritten);
    server.close();
    return log;
  },
  async 'half-open: the server answers after the client has ended'(stage) {
    const { server, s, c } = await pair(stage, { server: { allowHalfOpen: true }, client: { allowHalfOpen: true } });
    const log: unknown[] = [];
    c.end('request');
    log.push(await text(s), s.readyState, s.writable);
    for (const part of ['a', 'b', 'c']) {
      s.write(part);
      await sleep(1);
    }
    s.end();
    log.push(await text(c), c.readyState);
    await Promise.all([closed(c), closed(s)]);
    server.close();
    return log;
  },
  async 'without half-open the other end is ended by itself, and a write after it is EPIPE'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    s.resume();
    s.on('end', () => log.push(['end', s.readyState, s.allowHalfOpen]));
    s.on('error', (e) => log.push(describeError(stage, e)));
    const done = new Promise<void>((resolve) =>
      s.on('end', () => setImmediate(() => s.write('late', (e) => resolve(void log.push((e as NodeJS.ErrnoException)?.code))))),
    );
    c.resume();
    c.end();
    await done;
    await closed(s);
    server.close();
    return log;
  },
  async 'destroy with an error'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    logged(log, 'client', c, stage);
    s.on('error', () => {});
    c.destroy(new Error('mine'));
    log.push([c.destroyed, c.readyState, c.remoteAddress, c.localPort]);
    await closed(c, s);
    server.close();
    return log;
  },
  async 'destroySoon sends everything first'(stage) {
    const { server, s, c } = await pair(stage);
    const got = text(s);
    c.write('x'.repeat(300_000));
    c.destroySoon();
    const log: unknown[] = [c.destroyed, (await got).length];
    await closed(c);
    server.close();
    return log;
  },
  async 'one socket object connects twice'(stage) {
    const { server, port } = await listening(stage, {}, (s) => s.end('hello'));
    const c = new stage.client.Socket();
    const log: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      c.connect(port, stage.host);
      log.push(await text2(c), c.destroyed, c.bytesRead > 0);
    }
    server.close();
    return log;
  },
  async 'async iteration and pipeline'(stage) {
    const { server, port } = await listening(stage, {}, (s) => void pipeline(s, s).catch(() => {}));
    const c = stage.client.connect(port, stage.host);
    c.end('round and round');
    const log = [await text(c)];
    await closed(c);
    server.close();
    return log;
  },
};

/** As text(), for a socket that is used again: an iterator would destroy it for good. */
async function text2(socket: nodeNet.Socket): Promise<string> {
  let out = '';
  const add = (d: Buffer): void => void (out += d);
  socket.on('data', add);
  await closed(socket);
  socket.off('data', add);
  return out;
}

const data: Record<string, Scenario> = {
  async 'encodings, and setEncoding'(stage) {
    const { server, s, c } = await pair(stage);
    s.setEncoding('hex');
    c.write('grüße', 'utf8');
    c.write('ff00', 'hex');
    c.write('é', 'latin1');
    c.write('AQI=', 'base64');
    c.write('hi', 'utf16le');
    c.write(new Uint8Array([1, 2, 3]));
    c.end();
    const log = [await text(s), c.bytesWritten];
    server.close();
    return log;
  },
  async 'cork gathers, and callbacks come in order'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    c.cork();
    for (const [i, part] of ['a', Buffer.from('b'), 'ü', 'd'].entries()) c.write(part, () => log.push(i));
    log.push(c.writableLength, c.bytesWritten, c.bufferSize);
    c.uncork();
    c.end();
    log.push(await text(s), c.bytesWritten);
    server.close();
    return log;
  },
  async 'a reader that pauses stops the writer, until it goes on'(stage) {
    const { server, s, c } = await pair(stage);
    s.pause();
    const block = Buffer.alloc(1 << 20, 7);
    let written = 0;
    let stuck = 0;
    let drained = 0;
    let done = 0;
    c.on('drain', () => drained++);
    // Until the writer has had no room for a while.
    while (stuck < 5) {
      if (c.writableNeedDrain) {
        stuck++;
        await sleep(20);
      } else {
        stuck = 0;
        c.write(block, () => done++);
        written += block.length;
      }
    }
    const blocked = done < written / block.length && c.writableLength > 0;
    const drainedBefore = drained;
    let got = 0;
    s.on('data', (d) => (got += d.length));
    s.resume();
    c.end();
    await closed(s);
    server.close();
    return [blocked, got === written, c.bytesWritten === written, done === written / block.length, drained > drainedBefore || written < block.length * 2];
  },
  async 'pauseOnConnect: nothing is read before resume()'(stage) {
    const { server, port } = await listening(stage, { pauseOnConnect: true });
    const c = stage.client.connect(port, stage.host);
    const [s] = (await once(server, 'connection')) as [nodeNet.Socket];
    const log: unknown[] = [s.isPaused(), s.readableFlowing];
    let got = '';
    s.on('data', (d) => (got += d));
    c.end('early');
    await sleep(50);
    log.push(got, s.readableLength, s.bytesRead);
    s.resume();
    await closed(s);
    log.push(got);
    server.close();
    return log;
  },
  async 'onread: one buffer of the user, and pause by returning false'(stage) {
    const { server, port } = await listening(stage, {});
    const log: unknown[] = [];
    const buffer = Buffer.alloc(4);
    let same = true;
    let got = '';
    const c = stage.client.connect({
      port,
      host: stage.host,
      onread: {
        buffer,
        callback(n, b) {
          same &&= b === buffer && n <= 4;
          got += Buffer.from(b.subarray(0, n)).toString();
          return got.length < 4;
        },
      },
    });
    const [s] = (await once(server, 'connection')) as [nodeNet.Socket];
    s.write('abcdefgh');
    await sleep(50);
    log.push(got, same);
    c.resume();
    while (got.length < 8) await sleep(5);
    log.push(got, same, c.bytesRead);
    s.end();
    c.on('end', () => log.push('end'));
    c.resume();
    await closed(c);
    server.close();
    return log;
  },
  async 'onread: a buffer for each piece from a function'(stage) {
    const { server, port } = await listening(stage, {}, (s) => s.end('0123456789'));
    const buffers: Uint8Array[] = [];
    let got = '';
    const c = stage.client.connect({
      port,
      host: stage.host,
      onread: {
        buffer() {
          buffers.push(Buffer.alloc(3));
          return buffers.at(-1)!;
        },
        callback(n, b) {
          got += Buffer.from(b.subarray(0, n)).toString();
          return true;
        },
      },
    });
    await closed(c);
    server.close();
    return [got, new Set(buffers).size >= 4];
  },
  async 'writes that a destroyed socket has not made fail'(stage) {
    const { server, s, c } = await pair(stage);
    s.pause();
    s.on('error', () => {});
    const log: unknown[] = [];
    for (let i = 0; i < 3; i++) c.write(Buffer.alloc(20 << 20), (e) => i > 0 && log.push((e as NodeJS.ErrnoException)?.code));
    await sleep(50);
    c.destroy();
    await closed(c);
    log.push(c.write('late', (e) => log.push((e as NodeJS.ErrnoException).code)));
    await sleep(10);
    server.close();
    s.destroy();
    return log;
  },
};

const failures: Record<string, Scenario> = {
  async 'refused'(stage) {
    const log: unknown[] = [];
    const c = stage.client.connect(stage.closedPort, stage.host);
    c.on('connectionAttempt', (_ip, _port, family) => log.push(['attempt', family]));
    c.on('connectionAttemptFailed', (_ip, _port, family) => log.push(['failed', family]));
    logged(log, 'client', c, stage);
    c.write('never', (e) => log.push(['write', (e as NodeJS.ErrnoException).code]));
    await closed(c);
    log.push([c.readyState, c.destroyed, c.connecting, c.pending]);
    return log;
  },
  async 'the peer resets while we read'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    logged(log, 'client', c, stage);
    s.on('close', (hadError) => log.push(['server close', hadError]));
    c.resume();
    s.resetAndDestroy();
    await closed(c, s);
    server.close();
    return log.sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1));
  },
  async 'the peer resets while we write to it'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    c.on('error', (e: NodeJS.ErrnoException) => log.push(['error', e.syscall === 'read' || e.syscall === 'write', e.code === 'ECONNRESET' || e.code === 'EPIPE']));
    s.resetAndDestroy();
    for (let i = 0; i < 100 && !c.destroyed; i++) {
      c.write('x');
      await sleep(2);
    }
    log.push(c.destroyed);
    server.close();
    return log;
  },
  async 'a socket that is closed with unread data resets the connection'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    s.pause();
    c.resume();
    c.on('error', (e: NodeJS.ErrnoException) => log.push(e.code));
    c.write(Buffer.alloc(500_000));
    await sleep(50);
    s.destroy();
    await closed(c);
    server.close();
    return log;
  },
  async 'resetAndDestroy of a socket that never connected'(stage) {
    const c = new stage.client.Socket();
    const log: unknown[] = [];
    logged(log, 'client', c, stage);
    c.resetAndDestroy();
    await closed(c);
    return log;
  },
  async 'writing to a socket that never connected'(stage) {
    const c = new stage.client.Socket();
    const log: unknown[] = [c.readyState, c.pending, c.connecting, c.address(), c.remoteAddress, c.bytesRead, c.bytesWritten];
    logged(log, 'client', c, stage);
    c.write('x', (e) => log.push((e as NodeJS.ErrnoException).code));
    await closed(c);
    return log;
  },
  async 'an abort signal ends a socket'(stage) {
    const { server, port } = await listening(stage, {});
    const log: unknown[] = [];
    const abort = new AbortController();
    const c = stage.client.connect({ port, host: stage.host, signal: abort.signal });
    logged(log, 'client', c, stage);
    await once(c, 'connect');
    abort.abort();
    await closed(c);
    server.close();
    return log;
  },
  async 'destroyed before it is connected'(stage) {
    const { server, port } = await listening(stage, {});
    const log: unknown[] = [];
    const c = stage.client.connect(port, stage.host);
    logged(log, 'client', c, stage);
    c.destroy();
    await closed(c);
    server.close();
    return log;
  },
  async 'a lookup of the user: its events, its errors, its nonsense'(stage) {
    const { server, port } = await listening(stage, {}, (s) => s.end());
    const log: unknown[] = [];
    const answers: unknown[][] = [
      [null, stage.host, stage.host.includes(':') ? 6 : 4],
      [Object.assign(new Error('nobody knows'), { code: 'ENOTFOUND' })],
      [null, 'not-an-address', 4],
    ];
    for (const answer of answers) {
      const c = stage.client.connect({
        port,
        host: 'name.example',
        family: 4,
        lookup: ((name: string, options: object, callback: (...a: unknown[]) => void) => {
          log.push([name, typeof options]);
          setImmediate(() => callback(...answer));
        }) as unknown as nodeNet.LookupFunction,
      });
      c.on('lookup', (error, address, family, host) => log.push([error?.message, address === stage.host, family, host]));
      c.on('error', (e: NodeJS.ErrnoException) => log.push(e.code));
      c.resume();
      await closed(c);
    }
    server.close();
    return log;
  },
  async 'several addresses are tried in turn'(stage) {
    const { server, port } = await listening(stage, {}, (s) => s.end());
    const dead = stage.other;
    const log: unknown[] = [];
    const run = async (addresses: string[], to: number): Promise<void> => {
      const c = stage.client.connect({
        port: to,
        host: 'many.example',
        autoSelectFamily: true,
        lookup: ((_n: string, _o: object, callback: (...a: unknown[]) => void) =>
          callback(
            null,
            addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
          )) as unknown as nodeNet.LookupFunction,
      });
      c.on('connectionAttempt', (ip) => log.push(['attempt', ip === stage.host]));
      c.on('connectionAttemptFailed', (ip) => log.push(['failed', ip === stage.host]));
      c.on('connect', () => log.push('connected'));
      c.on('error', (e: NodeJS.ErrnoException & AggregateError) => log.push([e.name, typeof e.code, e.errors?.length]));
      c.resume();
      await closed(c);
      log.push(c.autoSelectFamilyAttemptedAddresses?.length);
    };
    await run([stage.host, stage.host], port);
    await run([dead, stage.host], port);
    await run([dead, stage.host], stage.closedPort);
    server.close();
    return log;
  },
  async 'arguments that make no sense'(stage) {
    const tries: Record<string, () => unknown> = {
      'connect without port': () => new stage.client.Socket().connect({} as never),
      'connect to port 70000': () => stage.client.connect(70000, stage.host),
      'connect to port -1': () => stage.client.connect(-1, stage.host),
      'connect to port true': () => stage.client.connect({ port: true as never, host: stage.host }),
      'bad localAddress': () => stage.client.connect({ port: 1, host: stage.host, localAddress: 'here' }),
      'bad localPort': () => stage.client.connect({ port: 1, host: stage.host, localPort: 'x' as never }),
      'bad lookup': () => stage.client.connect({ port: 1, host: 'name.example', lookup: 5 as never }),
      'object mode': () => new stage.client.Socket({ objectMode: true } as never),
      'timeout text': () => new stage.client.Socket().setTimeout('1' as never),
      'timeout negative': () => new stage.client.Socket().setTimeout(-1),
      'timeout callback': () => new stage.client.Socket().setTimeout(1, 5 as never),
      'keepalive delay': () => new stage.client.Socket({ keepAliveInitialDelay: 'x' } as never),
      'listen on port 70000': () => stage.server.createServer().listen(70000),
      'listen on nothing': () => stage.server.createServer().listen({}),
      'server options': () => stage.server.createServer('x' as never),
    };
    return Object.entries(tries).map(([name, run]) => {
      try {
        run();
        return [name, 'nothing'];
      } catch (error) {
        const e = error as NodeJS.ErrnoException;
        return [name, e.name, e.code];
      }
    });
  },
};

const timers: Record<string, Scenario> = {
  async 'the idle timeout: an event, no more'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    const started = performance.now();
    c.setTimeout(60, () => log.push('called'));
    c.on('timeout', () => log.push('timeout'));
    log.push(c.timeout);
    // Traffic puts it off.
    for (let i = 0; i < 4; i++) {
      await sleep(30);
      if (i % 2 === 0) s.write('.');
      else c.write('.');
    }
    log.push(log.length);
    await once(c, 'timeout');
    log.push(performance.now() - started > 150, c.destroyed);
    c.setTimeout(0);
    log.push(c.timeout);
    await sleep(90);
    c.destroy();
    s.destroy();
    server.close();
    return log;
  },
  async 'the timeout option of connect()'(stage) {
    const { server, port } = await listening(stage, {});
    const c = stage.client.connect({ port, host: stage.host, timeout: 30 });
    const log: unknown[] = [c.timeout];
    await once(c, 'timeout');
    log.push(c.readyState);
    c.destroy();
    server.close();
    return log;
  },
  async 'options return the socket'(stage) {
    const { server, s, c } = await pair(stage, { server: { noDelay: true, keepAlive: true, keepAliveInitialDelay: 2000 } });
    const log = [c.setNoDelay(), c.setNoDelay(false), c.setKeepAlive(true, 1000), c.setKeepAlive(), c.ref(), c.unref(), c.ref(), c.pause(), c.resume(), c.setTimeout(5)].map((r) => r === c);
    c.setTimeout(0);
    c.destroy();
    await closed(s);
    server.close();
    return log;
  },
};

const servers: Record<string, Scenario> = {
  async 'a port that is taken'(stage) {
    const { server, port } = await listening(stage, {});
    const second = stage.server.createServer();
    second.listen(port, stage.host);
    const [error] = await once(second, 'error');
    const log = [describeError(stage, error), second.listening, second.address()];
    server.close();
    return log;
  },
  async 'listening twice, closing twice'(stage) {
    const { server } = await listening(stage, {});
    const log: unknown[] = [server.listening];
    try {
      server.listen(0, stage.host);
    } catch (e) {
      log.push((e as NodeJS.ErrnoException).code);
    }
    await new Promise<void>((resolve) => server.close((e) => resolve(void log.push(e))));
    await new Promise<void>((resolve) => server.close((e) => resolve(void log.push((e as NodeJS.ErrnoException).code))));
    log.push(server.listening, server.address());
    server.listen(0, stage.host);
    await once(server, 'listening');
    log.push(server.listening);
    server.close();
    return log;
  },
  async 'close waits for the connections'(stage) {
    const { server, s, c } = await pair(stage);
    const count = (): Promise<number> => new Promise((resolve) => server.getConnections((_e, n) => resolve(n)));
    const log: unknown[] = [await count()];
    server.close(() => log.push('closed'));
    await sleep(20);
    log.push(server.listening, await count());
    c.end();
    c.resume();
    s.resume();
    await closed(server);
    log.push(await count());
    return log;
  },
  async 'maxConnections turns the next one away'(stage) {
    const { server, port } = await listening(stage, {}, (s) => s.on('error', () => {}));
    server.maxConnections = 1;
    const log: unknown[] = [];
    server.on('drop', (d) => log.push(['drop', d?.localPort === port, d?.remoteFamily, typeof d?.remotePort]));
    const first = stage.client.connect(port, stage.host);
    await once(first, 'connect');
    await sleep(20);
    const second = stage.client.connect(port, stage.host);
    second.on('error', () => {});
    second.resume();
    await closed(second);
    first.destroy();
    server.close();
    return log;
  },
  async 'forms of listen()'(stage) {
    const log: unknown[] = [];
    const forms: ((s: nodeNet.Server, done: () => void) => nodeNet.Server)[] = [
      (s, done) => s.listen(done),
      (s, done) => s.listen(0, done),
      (s, done) => s.listen(0, stage.host, done),
      (s, done) => s.listen(0, stage.host, 5, done),
      (s, done) => s.listen(0, 5, done),
      (s, done) => s.listen({ port: 0, host: stage.host, backlog: 3 }, done),
      (s, done) => s.listen('0' as never, stage.host, done),
      (s, done) => s.listen(null as never, done),
    ];
    for (const form of forms) {
      const server = stage.server.createServer();
      await new Promise<void>((resolve) => log.push(form(server, resolve) === server));
      const { address, family, port } = server.address() as nodeNet.AddressInfo;
      log.push([address === stage.host ? 'HOST' : address, family, port > 0]);
      server.close();
    }
    return log;
  },
  async 'an abort signal closes a server'(stage) {
    const abort = new AbortController();
    const server = stage.server.createServer();
    server.listen({ port: 0, host: stage.host, signal: abort.signal });
    await once(server, 'listening');
    abort.abort();
    await once(server, 'close');
    return server.listening;
  },
  async 'dispose'(stage) {
    const { server } = await listening(stage, {});
    await server[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    return server.listening;
  },
  async 'addresses of both ends'(stage) {
    const { server, port, s, c } = await pair(stage);
    const log = [
      s.remotePort === c.localPort,
      s.localPort === port,
      c.remotePort === port,
      s.remoteAddress === c.localAddress,
      c.remoteAddress === stage.host,
      s.remoteFamily,
      c.remoteFamily,
      c.localFamily,
      Object.keys(c.address()).sort(),
      (s as unknown as { server: unknown }).server === server,
    ];
    c.destroy();
    s.resume();
    await closed(s);
    // Asked for while it was open, it stays.
    log.push(c.remotePort === port, c.localAddress === undefined);
    server.close();
    return log;
  },
  async 'a local end of one\'s own'(stage) {
    const { server, port } = await listening(stage, {});
    const c = stage.client.connect({ port, host: stage.host, localPort: 41234 });
    const [[s]] = (await Promise.all([once(server, 'connection'), once(c, 'connect')])) as [[nodeNet.Socket], unknown];
    const log = [c.localPort, s.remotePort];
    // Reset: the port is free again for the next run.
    c.resetAndDestroy();
    s.on('error', () => {});
    await closed(s);
    server.close();
    return log;
  },
  async 'a listener that fails asynchronously destroys its connection'(stage) {
    const server = stage.server.createServer();
    (server as unknown as Record<symbol, boolean>)[Symbol.for('nodejs.rejection')] ??= true;
    const { EventEmitter } = await import('node:events');
    EventEmitter.captureRejections = true;
    const rejecting = stage.server.createServer();
    EventEmitter.captureRejections = false;
    const log: unknown[] = [];
    rejecting.on('connection', async (s: nodeNet.Socket) => {
      s.on('error', (e) => log.push(e.message));
      throw new Error('oops');
    });
    rejecting.listen(0, stage.host);
    await once(rejecting, 'listening');
    const c = stage.client.connect((rejecting.address() as nodeNet.AddressInfo).port, stage.host);
    c.resume();
    c.on('error', () => {});
    await closed(c);
    rejecting.close();
    return log;
  },
};

/** All of them, by name. */
export const scenarios: Record<string, Scenario> = { ...life, ...data, ...failures, ...timers, ...servers };
