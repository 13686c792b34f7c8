// What the hosts of a WAN run: a server on one port, and clients that move bytes to or from another host's and compare hashes.
// Called by wan-program.ts on ring3's net and by wan-host.ts on node:net; calls neither by name.

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { patternStream } from './pattern.ts';

/** The module node:net, or ring3's. */
export type Net = typeof import('node:net');

/** The port of every host's server. */
export const PORT = 5001;

/** What a host can be told to do towards the server at `host`. Bytes are those of pattern.ts, except in a flow. */
export type WanOrder =
  /** Receive, send, or both at once, and compare. From port `from` if given: then the server is the first to end. */
  | { readonly do: 'pull' | 'push' | 'swap'; readonly host: string; readonly bytes: number; readonly from?: number }
  /** Receive as fast as it goes for `ms` milliseconds from the connection on, then reset it. */
  | { readonly do: 'flow'; readonly host: string; readonly ms: number }
  /** What the stack says of itself. */
  | { readonly do: 'state' };

/** What became of a transfer: `sent` and `received` are what the receiver of each direction has counted and hashed. */
export interface Transfer {
  readonly ms: number;
  readonly sent?: { readonly bytes: number; readonly sha256: string };
  readonly received?: { readonly bytes: number; readonly sha256: string };
  readonly error?: string;
}

/** What became of a flow: bytes that the application has read in each tenth of a second since the connection stood. */
export interface Flow {
  readonly ms: number;
  readonly bytes: number;
  readonly tenths: readonly number[];
  readonly error?: string;
}

const BLOCK: Buffer = Buffer.alloc(65_536, 'ring3 ');

interface Request {
  readonly do: 'pull' | 'push' | 'swap' | 'flow';
  readonly bytes: number;
}

/** A line of JSON says what the client wants; then come the bytes; the server says in its last line what it has received. */
export function serve(net: Net): void {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    let head = Buffer.alloc(0);
    const first = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(10);
      if (end < 0) return;
      socket.off('data', first);
      socket.pause();
      answer(socket, JSON.parse(head.subarray(0, end).toString()) as Request, head.subarray(end + 1));
    };
    socket.on('data', first);
  });
  server.listen(PORT);
}

function answer(socket: Socket, request: Request, rest: Buffer): void {
  if (request.do === 'flow') {
    endless(socket);
    socket.resume();
    return;
  }
  const taken = digest();
  taken.add(rest);
  if (request.do !== 'push') patternStream(request.bytes).pipe(socket, { end: request.do === 'pull' });
  socket.on('data', taken.add);
  socket.on('end', () => {
    if (request.do === 'push') socket.end(`${JSON.stringify(taken.result())}\n`);
    // The pattern may still be on its way out: the line comes behind it.
    else if (request.do === 'swap')
      whenSent(socket, request.bytes, () => socket.end(`${JSON.stringify(taken.result())}\n`));
  });
  socket.resume();
}

function whenSent(socket: Socket, bytes: number, then: () => void): void {
  if (socket.bytesWritten >= bytes) then();
  else setTimeout(whenSent, 20, socket, bytes, then);
}

function endless(socket: Socket): void {
  const write = (): void => {
    while (!socket.destroyed && socket.write(BLOCK));
  };
  socket.on('drain', write);
  write();
}

function digest(): { add: (chunk: Buffer) => void; result: () => { bytes: number; sha256: string } } {
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    add: (chunk) => {
      bytes += chunk.length;
      hash.update(chunk);
    },
    result: () => ({ bytes, sha256: hash.digest('hex') }),
  };
}

/** Carries out an order on `net`; `state` is the caller's own answer to that order. */
export function obey(net: Net, order: WanOrder, state: () => object | Promise<object>): Promise<object> {
  if (order.do === 'state') return Promise.resolve(state());
  if (order.do === 'flow') return flow(net, order.host, order.ms);
  return transfer(net, order.do, order.host, order.bytes, order.from);
}

function transfer(
  net: Net,
  what: 'pull' | 'push' | 'swap',
  host: string,
  bytes: number,
  from: number | undefined,
): Promise<Transfer> {
  return new Promise((resolve) => {
    const start = performance.now();
    const local = from === undefined ? {} : { localPort: from };
    const socket = net.connect({ host, port: PORT, allowHalfOpen: true, ...local });
    const done = (rest: object): void => resolve({ ms: performance.now() - start, ...rest });
    socket.on('error', (error: NodeJS.ErrnoException) => done({ error: error.code ?? error.message }));
    socket.write(`${JSON.stringify({ do: what, bytes })}\n`);
    if (what === 'pull') from === undefined && socket.end();
    else patternStream(bytes).pipe(socket);
    const taken = digest();
    const expected = what === 'push' ? 0 : bytes;
    let count = 0;
    let tail = '';
    socket.on('data', (chunk: Buffer) => {
      const body = Math.max(0, Math.min(chunk.length, expected - count));
      if (body > 0) taken.add(chunk.subarray(0, body));
      tail += chunk.subarray(body).toString();
      count += chunk.length;
    });
    socket.on('end', () => {
      const result = what === 'push' ? {} : { received: taken.result() };
      // Where both have ended, nothing is left to do; otherwise our end goes out, and the connection is over when it has gone.
      if (what === 'pull') socket.end(() => done(result));
      else done({ sent: JSON.parse(tail || '{}'), ...result });
    });
  });
}

function flow(net: Net, host: string, ms: number): Promise<Flow> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: PORT });
    const tenths: number[] = [];
    let bytes = 0;
    let start = 0;
    const done = (error?: string): void => {
      resolve({ ms: performance.now() - start, bytes, tenths, ...(error === undefined ? {} : { error }) });
      socket.resetAndDestroy();
    };
    socket.on('connect', () => {
      start = performance.now();
      setTimeout(done, ms);
      socket.write(`${JSON.stringify({ do: 'flow', bytes: 0 })}\n`);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.on('end', () => done('ended'));
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      const tenth = Math.floor((performance.now() - start) / 100);
      while (tenths.length <= tenth) tenths.push(0);
      tenths[tenth]! += chunk.length;
    });
  });
}

/** Takes orders at a Unix socket (which every namespace reaches), one JSON a line, and answers each with a line. */
export function control<T>(path: string, carryOut: (order: T) => Promise<object>): void {
  rmSync(path, { force: true });
  createServer((socket) => {
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', async (line) => {
      const answer = await carryOut(JSON.parse(line) as T).catch((error: Error) => ({ error: error.message }));
      socket.write(`${JSON.stringify(answer)}\n`);
    });
  }).listen(path);
}
