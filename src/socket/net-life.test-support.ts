// Test support: scenarios of a connection's life and its bytes, as programs on node:net see them.
// Used by net.test.ts; calls net-stage and what stands in for node:net.

import { once } from 'node:events';
import type nodeNet from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { closed, describeError, listening, logged, pair, type Scenario, text } from './net-stage.test-support.ts';

/** What comes until the socket has closed. */
async function received(socket: nodeNet.Socket): Promise<string> {
  let out = '';
  const add = (data: Buffer): void => void (out += data);
  socket.on('data', add);
  await closed(socket);
  socket.off('data', add);
  return out;
}

export const life: Record<string, Scenario> = {
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
      s.on('end', () =>
        setImmediate(() => s.write('late', (e) => resolve(void log.push((e as NodeJS.ErrnoException)?.code)))),
      ),
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
    const c = new stage.client.Socket();
    const log: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const { server, port } = await listening(stage, {}, (s) => s.end('hello'));
      const right = new Promise((resolve) => c.once('connect', () => resolve(c.remotePort === port)));
      c.connect(port, stage.host);
      log.push(await received(c), await right, c.destroyed, c.bytesRead > 0);
      server.close();
    }
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

export const data: Record<string, Scenario> = {
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
    return [
      blocked,
      got === written,
      c.bytesWritten === written,
      done === written / block.length,
      drained > drainedBefore || written < block.length * 2,
    ];
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
    for (let i = 0; i < 3; i++) c.write(Buffer.alloc(20 << 20), (e) => i > 0 && log.push(e instanceof Error));
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
