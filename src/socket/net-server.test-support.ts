// Test support: scenarios of servers, timeouts and options, as programs on node:net see them.
// Used by net.test.ts; calls net-stage and what stands in for node:net.

import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter, once } from 'node:events';
import type nodeNet from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closed, describeError, listening, pair, type Scenario } from './net-stage.test-support.ts';

export const timers: Record<string, Scenario> = {
  async 'the idle timeout: an event, no more'(stage) {
    const { server, s, c } = await pair(stage);
    const log: unknown[] = [];
    const started = performance.now();
    c.setTimeout(160, () => log.push('called'));
    c.on('timeout', () => log.push('timeout'));
    log.push(c.timeout);
    // Traffic puts it off.
    for (let i = 0; i < 4; i++) {
      await sleep(60);
      if (i % 2 === 0) s.write('.');
      else c.write('.');
    }
    log.push(log.length);
    await once(c, 'timeout');
    log.push(performance.now() - started > 350, c.destroyed);
    c.setTimeout(0);
    log.push(c.timeout);
    await sleep(200);
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
    const { server, s, c } = await pair(stage, {
      server: { noDelay: true, keepAlive: true, keepAliveInitialDelay: 2000 },
    });
    const log = [
      c.setNoDelay(),
      c.setNoDelay(false),
      c.setKeepAlive(true, 1000),
      c.setKeepAlive(),
      c.ref(),
      c.unref(),
      c.ref(),
      c.pause(),
      c.resume(),
      c.setTimeout(5),
    ].map((r) => r === c);
    c.setTimeout(0);
    c.destroy();
    await closed(s);
    server.close();
    return log;
  },
};

export const servers: Record<string, Scenario> = {
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
    await new Promise<void>((resolve) =>
      server.close((e) => resolve(void log.push((e as NodeJS.ErrnoException).code))),
    );
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
  async 'closed while its name is looked up: it never listens'(stage) {
    const server = stage.server.createServer();
    const log: unknown[] = [];
    for (const event of ['listening', 'close', 'error']) server.on(event, () => log.push(event));
    server.listen(0, 'localhost');
    server.close();
    await sleep(30);
    return [log, server.listening];
  },
  async dispose(stage) {
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
  async "a local end of one's own"(stage) {
    const { server, port } = await listening(stage, {});
    const c = stage.client.connect({ port, host: stage.host, localPort: 23456 });
    const [[s]] = (await Promise.all([once(server, 'connection'), once(c, 'connect')])) as [[nodeNet.Socket], unknown];
    const log = [c.localPort, s.remotePort];
    // Reset: the port is free again for the next run.
    c.resetAndDestroy();
    s.on('error', () => {});
    await closed(s);
    server.close();
    return log;
  },
  async 'asynchronous context: each sees its own, nobody that of whoever caused the event'(stage) {
    const context = new AsyncLocalStorage<string>();
    const log: Record<string, unknown> = {};
    const note = (name: string) => (): void => void (log[name] ??= context.getStore() ?? 'none');
    const server = context.run('server', () => {
      const created = stage.server.createServer((s) => {
        note('connection')();
        // Which one these have depends on Node's version; but never that of whoever has sent something.
        const alone = (): void =>
          void (log['never'] ||= ['client', 'writer', 'ender'].includes(context.getStore() ?? ''));
        s.on('data', alone).on('end', alone).on('close', alone);
        s.write('hello');
      });
      return created.listen(0, stage.host, note('listening'));
    });
    await once(server, 'listening');
    const { port } = server.address() as nodeNet.AddressInfo;
    const c = context.run('client', () => {
      const socket = stage.client.connect(port, stage.host, note('connect'));
      socket.on('data', note('client data'));
      socket.on('close', note('client close'));
      return socket;
    });
    await once(c, 'connect');
    context.run('writer', () => c.write('x', note('written')));
    await sleep(20);
    context.run('ender', () => c.end());
    await closed(c);
    await sleep(10);
    server.close();
    return log;
  },
  async 'a listener that fails asynchronously destroys its connection'(stage) {
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
