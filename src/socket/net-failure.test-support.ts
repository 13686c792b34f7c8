// Test support: scenarios of what goes wrong, as programs on node:net see it.
// Used by net.test.ts; calls net-stage and what stands in for node:net.

import { once } from 'node:events';
import type nodeNet from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { closed, listening, logged, pair, type Scenario } from './net-stage.test-support.ts';

export const failures: Record<string, Scenario> = {
  async refused(stage) {
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
    c.on('error', (e: NodeJS.ErrnoException) =>
      log.push(['error', e.syscall === 'read' || e.syscall === 'write', e.code === 'ECONNRESET' || e.code === 'EPIPE']),
    );
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
    const log: unknown[] = [
      c.readyState,
      c.pending,
      c.connecting,
      c.address(),
      c.remoteAddress,
      c.bytesRead,
      c.bytesWritten,
    ];
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
      c.on('lookup', (error, address, family, host) =>
        log.push([error?.message, address === stage.host, family, host]),
      );
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
