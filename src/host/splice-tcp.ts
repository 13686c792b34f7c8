// TCP of the host link: each connection that the kernel accepts is continued by one of an inner stack to the served one.
// Made by host-link; called by node:net's events and after each pass; calls Tcp of the inner stack.
//
//   client ─ kernel ─ node:net socket ─ Flow ─ inner connection (from the client's address and port) ─ memory link ─ served stack
//
// Every end maps: FIN to FIN in either direction by itself, reset to reset, refusal to reset. What one side does not take
// makes the other stop: towards the stack by pausing the socket, towards the client by not reading the inner connection,
// whose window then closes (while a client's bytes wait, its reset is not seen before something is written to it or the
// waiting ends: nobody reads its socket). The inner connection is forgotten once both FINs are acknowledged, without TIME-WAIT: nothing
// old can linger on a memory link, and clients use their ports again soon.
//
// Reads are Node's own 'data' events: node:net has no `onread` for accepted sockets, and taking their handle to a new
// socket that has one was not measurably faster (300-byte requests, 1 MB pieces). Writes go from a few reused buffers.

import type { Socket } from 'node:net';
import { formatAddress } from '../base/address.ts';
import { EADDRINUSE, ENOBUFS } from '../base/errno.ts';
import type { Stack } from '../stack/stack.ts';
import { OPT_NODELAY, READY_CLOSED, READY_END, READY_ERROR, READY_READ, READY_WRITE } from '../stack/tcp/flags.ts';
import type { ClientAddress, ClientAddresses } from './splice-addresses.ts';

/** Bytes that may wait in Node for a client that does not read. */
const WAITING = 256 * 1024;
const BUFFER = 64 * 1024;
/** A shorter piece is copied out of the buffer, so that a slow client does not hold 64 KiB for it. */
const SHORT = 4096;
const SPARE_BUFFERS = 16;
/** How long to wait (ms) when the inner stack has no memory and no acknowledgement will call. */
const RETRY = 10;

/** One client connection. */
interface Flow {
  readonly socket: Socket;
  readonly client: ClientAddress;
  readonly key: string;
  /** Of the inner connection; 0 once that is gone. */
  handle: number;
  /** What the inner connection has not taken yet, from `pendingAt` on. */
  pending: Buffer | null;
  pendingAt: number;
  /** The client's FIN has come; the served stack's has been read. */
  clientEnded: boolean;
  stackEnded: boolean;
  /** The inner connection has nothing more to say. */
  closed: boolean;
}

export class TcpSplice {
  readonly #stack: Stack;
  readonly #clients: ClientAddresses;
  readonly #limit: number;
  readonly #tooMany: string;
  readonly #warn: (message: string) => void;
  readonly #flows: Map<number, Flow> = new Map();
  readonly #byTuple: Map<string, Flow> = new Map();
  readonly #spare: Buffer[] = [];
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER);

  /** At most `limit` connections; beyond, `tooMany` is the warning. */
  constructor(stack: Stack, clients: ClientAddresses, limit: number, tooMany: string, warn: (message: string) => void) {
    this.#stack = stack;
    this.#tooMany = tooMany;
    this.#clients = clients;
    this.#limit = limit;
    this.#warn = warn;
  }

  /** Client connections now. */
  get size(): number {
    return this.#flows.size;
  }

  /** Continues a connection that the kernel has accepted at `server`, on port `port` of the served stack. */
  accept(socket: Socket, server: ClientAddress, port: number): void {
    // Whatever happens to it before there is a flow: 'close' follows.
    socket.on('error', () => {});
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    if (this.#flows.size >= this.#limit) {
      this.#warn(this.#tooMany);
      resetSocket(socket);
      return;
    }
    const client = this.#clients.acquire(remoteAddress);
    if (client === undefined) {
      this.#warn(`a client from ${remoteAddress} cannot be served over the host link`);
      resetSocket(socket);
      return;
    }
    const key = `${remoteAddress} ${remotePort} ${formatAddress(server.w0, server.w1, server.w2, server.w3)} ${port}`;
    const handle = this.#connect(key, client, remotePort, server, port);
    if (handle < 0) {
      this.#clients.release(client);
      if (handle === -ENOBUFS) this.#warn('no memory for another connection: it is reset');
      resetSocket(socket);
      return;
    }
    this.#stack.tcp.set(handle, OPT_NODELAY, 1);
    const flow: Flow = {
      socket,
      client,
      key,
      handle,
      pending: null,
      pendingAt: 0,
      clientEnded: false,
      stackEnded: false,
      closed: false,
    };
    this.#flows.set(handle, flow);
    this.#byTuple.set(key, flow);
    socket.on('data', (bytes: Buffer) => this.#fromClient(flow, bytes));
    socket.on('end', () => this.#clientEnd(flow));
    socket.on('drain', () => this.#toClient(flow));
    socket.on('close', () => this.#clientClosed(flow));
  }

  /** Opens the inner connection. A client that uses its port again has ended the connection before, whatever we know of it. */
  #connect(key: string, client: ClientAddress, clientPort: number, server: ClientAddress, port: number): number {
    const { tcp } = this.#stack;
    const { w0, w1, w2, w3 } = client;
    const to = server;
    for (let tries = 0; ; tries++) {
      const handle = tcp.connect(w0, w1, w2, w3, clientPort, to.w0, to.w1, to.w2, to.w3, port, 0);
      const before = this.#byTuple.get(key);
      if (handle !== -EADDRINUSE || before === undefined || tries > 0) return handle;
      this.#reset(before);
    }
  }

  /** After each pass: what has happened to inner connections. */
  dispatch(): void {
    const { tcp } = this.#stack;
    for (let handle = tcp.nextReady(); handle !== 0; handle = tcp.nextReady()) {
      const ready = tcp.readyFlags;
      const flow = this.#flows.get(handle);
      if (flow === undefined) continue;
      if ((ready & READY_CLOSED) !== 0) flow.closed = true;
      if ((ready & READY_WRITE) !== 0) this.#feed(flow);
      // What came before a reset still belongs to the client.
      if ((ready & (READY_READ | READY_END | READY_ERROR | READY_CLOSED)) !== 0) this.#toClient(flow);
      if ((ready & READY_ERROR) !== 0) this.#reset(flow);
    }
  }

  // ---- from the client ---------------------------------------------------------------------------------------------

  #fromClient(flow: Flow, bytes: Buffer): void {
    if (flow.handle === 0) return;
    flow.pending = bytes;
    flow.pendingAt = 0;
    this.#feed(flow);
    if (flow.pending !== null) flow.socket.pause();
  }

  /** Gives the inner connection what waits for it; then the client may go on. */
  #feed(flow: Flow): void {
    const { pending } = flow;
    if (pending === null || flow.handle === 0) return;
    const took = this.#stack.tcp.write(flow.handle, pending, flow.pendingAt, pending.length - flow.pendingAt);
    if (took > 0) flow.pendingAt += took;
    if (took === -ENOBUFS) setTimeout(() => this.#feed(flow), RETRY).unref();
    else if (took < 0) flow.pending = null; // the inner connection is dead, and its event on its way
    if (flow.pendingAt < pending.length && flow.pending !== null) return;
    flow.pending = null;
    if (flow.clientEnded) this.#stack.tcp.shutdown(flow.handle);
    else if (flow.socket.isPaused()) flow.socket.resume();
  }

  #clientEnd(flow: Flow): void {
    flow.clientEnded = true;
    // A paused socket, too, says that it has ended: what waits goes first.
    if (flow.pending === null && flow.handle !== 0) this.#stack.tcp.shutdown(flow.handle);
  }

  /** The socket is gone: in order, or because the client has reset it (or could not be written to). */
  #clientClosed(flow: Flow): void {
    if (flow.clientEnded && flow.socket.writableFinished) this.#finish(flow);
    else this.#reset(flow);
  }

  // ---- to the client -----------------------------------------------------------------------------------------------

  /** Writes what the served stack has sent, as long as the client takes it. */
  #toClient(flow: Flow): void {
    const { socket } = flow;
    while (flow.handle !== 0 && !flow.stackEnded && !socket.destroyed && socket.writableLength < WAITING) {
      const n = this.#stack.tcp.read(flow.handle, this.#buffer, 0, BUFFER);
      if (n > 0) this.#write(socket, n);
      else {
        if (n === 0) {
          flow.stackEnded = true;
          socket.end();
        }
        break;
      }
    }
    this.#finish(flow);
  }

  /** Writes the first `n` bytes of the buffer, which is the socket's until it has been written. */
  #write(socket: Socket, n: number): void {
    const buffer = this.#buffer;
    if (n <= SHORT) {
      socket.write(Buffer.from(buffer.subarray(0, n)));
      return;
    }
    this.#buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER);
    socket.write(n === BUFFER ? buffer : buffer.subarray(0, n), () => {
      if (this.#spare.length < SPARE_BUFFERS) this.#spare.push(buffer);
    });
  }

  // ---- ends --------------------------------------------------------------------------------------------------------

  /** Forgets a flow whose inner connection has ended in order and been read to its end. */
  #finish(flow: Flow): void {
    if (flow.handle !== 0 && flow.closed && flow.stackEnded) this.#forget(flow);
  }

  /** Ends a flow on both sides by a reset. */
  #reset(flow: Flow): void {
    if (flow.handle !== 0) this.#forget(flow);
    resetSocket(flow.socket);
  }

  /** abort() sends a reset unless the connection is over anyway; what is left of TIME-WAIT goes with it. */
  #forget(flow: Flow): void {
    this.#stack.tcp.abort(flow.handle);
    this.#flows.delete(flow.handle);
    if (this.#byTuple.get(flow.key) === flow) this.#byTuple.delete(flow.key);
    this.#clients.release(flow.client);
    flow.handle = 0;
    flow.pending = null;
  }

  /** Connections whose client has not been given, as far as the kernel goes, all that the served stack had to say, and its end. */
  get undelivered(): number {
    let n = 0;
    for (const flow of this.#flows.values()) if (!delivered(flow)) n++;
    return n;
  }

  /** Resets every flow; a client for whom only the kernel has something left, gets that and an end in order. */
  close(): void {
    for (const flow of [...this.#flows.values()]) {
      if (delivered(flow)) {
        this.#forget(flow);
        flow.socket.destroy();
      } else this.#reset(flow);
    }
  }
}

/** Whether everything for the client, and the end of it, is in the kernel's hands. */
function delivered(flow: Flow): boolean {
  return flow.stackEnded && flow.socket.writableFinished;
}

/**
 * Resets a client. While the socket's FIN is on its way libuv refuses that (EINVAL), and Node (20 to 24) then never closes
 * the socket: so it waits for the FIN, which takes one turn.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  const ending = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (ending) socket.once('finish', () => resetSocket(socket));
  else socket.resetAndDestroy();
}
