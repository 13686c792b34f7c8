// A program for tests: clients and servers on the kernel's sockets, for what nc and curl cannot do. Prints a JSON array.
// Started by kernel-rig.ts inside a namespace with its jobs, [[MODE, ARGS…], …], as JSON; calls node:net and node:dgram.

import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { patternStream } from './pattern.ts';

const MODES: Record<string, (...args: string[]) => Promise<object>> = {
  udp,
  download,
  upload,
  echoServer,
  keepAlive,
  churn,
};

/** Sends `count` datagrams of `size` bytes, one after the other, each again after 300 ms without an echo. */
async function udp(host: string, port: string, size: string, count: string): Promise<object> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let echoed = 0;
  let sent = 0;
  for (let i = 0; i < Number(count); i++) {
    const message = Buffer.alloc(Number(size), i + 1);
    for (let tries = 0; tries < 10; tries++) {
      sent++;
      const answer = await new Promise<Buffer | string | null>((resolve) => {
        const timer = setTimeout(resolve, 300, null);
        const settle = (value: Buffer | string): void => {
          clearTimeout(timer);
          resolve(value);
        };
        socket.removeAllListeners('message').removeAllListeners('error');
        socket.once('message', settle);
        socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
        socket.send(message, Number(port), host, (error) => error && settle((error as NodeJS.ErrnoException).code!));
      });
      if (typeof answer === 'string') return { error: answer };
      if (answer === null) continue;
      if (answer.equals(message)) echoed++;
      break;
    }
  }
  socket.close();
  return { echoed, sent };
}

/** One datagram from a connected socket: what the kernel says of it. */
MODES['udpConnected'] = (host: string, port: string) =>
  new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const timer = setTimeout(() => done(null), 2000);
    const done = (error: string | null): void => {
      clearTimeout(timer);
      socket.close();
      resolve({ error });
    };
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.connect(Number(port), host, () => socket.send('x'));
  });

/** Reads `bytes` of pattern from a source (TCP 19); `slow`: with pauses, so that windows close. */
async function download(host: string, port: string, bytes: string, slow = ''): Promise<object> {
  const socket = connect({ host, port: Number(port) });
  const hash = createHash('sha256');
  let received = 0;
  let pauses = slow === '' ? 0 : Number(slow);
  const start = performance.now();
  socket.write(`${bytes}\n`);
  socket.on('data', (chunk) => {
    received += chunk.length;
    hash.update(chunk);
    if (pauses > 0 && received > (Number(bytes) / (Number(slow) + 1)) * (Number(slow) - pauses + 1)) {
      pauses--;
      socket.pause();
      setTimeout(() => socket.resume(), 700);
    }
  });
  await ended(socket);
  return { received, sha256: hash.digest('hex'), ms: performance.now() - start };
}

/** Writes `bytes` of pattern to a sink (TCP 9), ends, and reads what it says. */
async function upload(host: string, port: string, bytes: string): Promise<object> {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  const start = performance.now();
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  patternStream(Number(bytes)).pipe(socket);
  await ended(socket);
  const [received, sha256] = answer.trim().split(' ');
  return { received: Number(received), sha256, ms: performance.now() - start };
}

/** Echoes one connection on `port`, half-open, and says from where it came. */
function echoServer(port: string): Promise<object> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const from = socket.remoteAddress;
      server.close();
      socket.pipe(socket);
      ended(socket).then(() => resolve({ from }), reject);
    });
    server.listen(Number(port), '::', () => process.stderr.write('listening\n'));
  });
}

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('end', resolve);
  });
}

/** One request over a kept connection; resolves to the body's bytes. */
function request(socket: Socket, host: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const data = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      if (head < 0 || length === undefined || text.length < head + 4 + Number(length)) return;
      done();
      if (text.startsWith('HTTP/1.1 200')) resolve(Number(length));
      else reject(new Error(text.slice(0, 60)));
    };
    const end = (error?: Error): void => {
      done();
      reject(error ?? new Error('the connection ended'));
    };
    const done = (): void => {
      socket.off('data', data);
      socket.off('error', end);
      socket.off('close', end);
    };
    socket.on('data', data);
    socket.on('error', end);
    socket.on('close', end);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host.includes(':') ? `[${host}]` : host}\r\n\r\n`);
  });
}

function open(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/** Runs `work` for 0..count-1, at most `parallel` at once; resolves to how many failed, and why the first did. */
async function all(
  count: number,
  parallel: number,
  work: (i: number) => Promise<void>,
): Promise<{ failed: number; why: string }> {
  let next = 0;
  let failed = 0;
  let why = '';
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) {
      await work(i).catch((error: Error) => {
        failed++;
        why ||= error.message;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker));
  return { failed, why };
}

/** Opens `count` connections and keeps them, then asks twice on each. */
async function keepAlive(host: string, port: string, path: string, count: string): Promise<object> {
  const sockets: Socket[] = [];
  const start = performance.now();
  const opened = await all(Number(count), 200, async () => {
    sockets.push(await open(host, Number(port)));
  });
  const openedAt = performance.now();
  let bytes = 0;
  const served: { failed: number; why: string }[] = [];
  for (let round = 0; round < 2; round++) {
    served.push(
      await all(sockets.length, 200, async (i) => {
        const n = await request(sockets[i]!, host, path);
        bytes += n;
      }),
    );
  }
  const end = performance.now();
  for (const socket of sockets) socket.destroy();
  return { open: sockets.length, opened, served, bytes, openMs: openedAt - start, serveMs: end - openedAt };
}

/** Opens, asks once and closes, `count` times. */
async function churn(host: string, port: string, path: string, count: string): Promise<object> {
  const start = performance.now();
  let bytes = 0;
  const result = await all(Number(count), 50, async () => {
    const socket = await open(host, Number(port));
    const n = await request(socket, host, path);
    bytes += n;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end();
      socket.resume();
    });
  });
  return { ...result, bytes, ms: performance.now() - start };
}

const results: object[] = [];
for (const [mode, ...args] of JSON.parse(process.argv[2]!) as (string | number)[][]) {
  results.push(await MODES[mode as string]!(...args.map(String)));
}
process.stdout.write(`${JSON.stringify(results)}\n`);
