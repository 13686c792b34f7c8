// StackStream: a Duplex over one TCP handle of the stack. The bytes only: reading, writing, half close, the end; no addresses.
// Extended by Socket; woken by Network after a pass; calls tcp through Network.
//
// Reading: the stack's window closes by itself while nobody reads, so _read() only says that data is wanted, and data is
// copied out of the stack only then. Writing: bytes are copied into the send buffer and acknowledged to the caller at once
// while there is room; what does not fit waits here for READY_WRITE. An error of the connection is reported where Node
// would meet it: at the next read or write, and at once if one of them is under way.

import type { AsyncResource } from 'node:async_hooks';
import { Duplex, type DuplexOptions } from 'node:stream';
import { EAGAIN, ECANCELED, ECONNRESET, EINVAL, ENOBUFS, ENOTCONN } from '../base/errno.ts';
import { READY_CONNECTED, READY_END, READY_ERROR, READY_READ, READY_WRITE } from '../stack/tcp/flags.ts';
import { errnoError, nodeError } from './errors.ts';
import type { Network, ReadySink, Starved } from './network.ts';

type Callback = (error?: Error | null) => void;
type Chunk = { chunk: Buffer | string; encoding: BufferEncoding };

/** As in net.Socket: the user's own buffer, and what to call when there is something in it. */
export interface OnRead {
  readonly buffer: Uint8Array | (() => Uint8Array);
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
}

/** What node:net says instead of 'write after end' when the end was the peer's doing. */
function writeAfterFin(this: StackStream, ...args: unknown[]): boolean {
  if (!this.writableEnded) return Reflect.apply(Duplex.prototype.write, this, args) as boolean;
  const error = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });
  const callback = args.find((arg) => typeof arg === 'function') as Callback | undefined;
  if (callback !== undefined) process.nextTick(callback, error);
  this.destroy(error);
  return false;
}

function onEnd(this: StackStream): void {
  if (!this.allowHalfOpen) this.write = writeAfterFin as StackStream['write'];
}

/** Captured once: 'close' comes in a turn of its own, after what 'end' and 'error' have set going. */
const nextTurn = setImmediate;
/** Fewer bytes than this are copied even from a block. */
const BY_REFERENCE = 4096;

export abstract class StackStream extends Duplex implements ReadySink, Starved {
  /** Private, so that printing a socket does not print the stack. */
  readonly #network: Network;
  scope: AsyncResource;
  connecting = false;
  bytesRead = 0;
  /** Bytes that the stack has taken; bytesWritten adds what still waits here. */
  protected dispatched = 0;
  /** The stack's handle; 0 before connect() and after destroy(). */
  protected handle = 0;
  /** What has broken the connection, while nobody has been told yet. */
  protected broken = 0;
  protected resetting = false;
  /** connect() was called, or it was accepted. */
  protected opened = false;
  #referenced = true;
  #holding = false;
  #wanting = false;
  /** The peer's end has been passed on. */
  #ended = false;
  #starting = true;
  #onread: OnRead | null = null;
  #userBuffer: Uint8Array | null = null;
  // The write under way: its bytes from #outAt on, then the chunks from #restAt on; #done is called when all are taken.
  #out: Uint8Array | null = null;
  #outAt = 0;
  #rest: Chunk[] | null = null;
  #restAt = 0;
  #done: Callback | null = null;

  constructor(network: Network, options: DuplexOptions, onread: OnRead | undefined) {
    super(options);
    this.#network = network;
    this.scope = network.scope;
    if (onread !== undefined) this.#useBuffer(onread);
    this.on('end', onEnd);
  }

  protected get network(): Network {
    return this.#network;
  }

  /** Something has happened on the socket: its idle timer starts again. */
  protected abstract touch(): void;
  /** The handshake is over. */
  protected abstract connected(): void;
  /** The handshake has failed: `errno`, positive. */
  protected abstract refused(errno: number): void;
  /** The handle has been let go of, by destroy(). */
  protected abstract released(): void;

  /** Takes over a connection, made by connect() or accepted, whose bytes wait until _start. */
  protected adopt(handle: number): void {
    this.handle = handle;
    this.opened = true;
    this.#starting = true;
    this.#ended = false;
    this.network.watchTcp(handle, this);
    this.#count();
  }

  /** Lets go of the handle: closes the connection, or resets it. */
  protected letGo(reset: boolean): void {
    const { handle, network } = this;
    if (handle === 0) return;
    this.handle = 0;
    network.forgetTcp(handle);
    if (reset) network.tcp.abort(handle);
    else network.tcp.close(handle);
    this.#count();
  }

  ref(): this {
    this.#referenced = true;
    this.#count();
    return this;
  }

  unref(): this {
    this.#referenced = false;
    this.#count();
    return this;
  }

  /** An open handle keeps the process alive, unless unref() was called. */
  #count(): void {
    const holding = this.#referenced && this.handle !== 0;
    if (holding === this.#holding) return;
    this.#holding = holding;
    if (holding) this.network.hold();
    else this.network.release();
  }

  /** From now on data goes up and down. Called after 'connection' or 'connect' has been emitted. */
  _start(): void {
    this.#starting = false;
    if (this.#done !== null && this.handle !== 0) this.#push();
    if (this.#wanting) this.#pull();
  }

  ready(flags: number): void {
    if (this.handle === 0) return;
    if ((flags & READY_ERROR) !== 0) this.broken = this.network.tcp.error(this.handle) || ECONNRESET;
    if (this.connecting) {
      if (this.broken !== 0) this.refused(this.broken);
      else if ((flags & READY_CONNECTED) !== 0) this.connected();
      return;
    }
    if (this.#wanting && !this.#starting && (flags & (READY_READ | READY_END | READY_ERROR)) !== 0) this.#pull();
    if (this.#done !== null && (flags & (READY_WRITE | READY_ERROR)) !== 0) this.#push();
  }

  /** See Network.starve. */
  retry(): void {
    if (this.handle !== 0 && this.#done !== null && !this.connecting) this.#push();
  }

  // -- reading -------------------------------------------------------------------------------------------------------

  #useBuffer(onread: OnRead): void {
    this.#onread = onread;
    if (typeof onread.buffer !== 'function') this.#userBuffer = onread.buffer;
  }

  protected get ownBuffer(): boolean {
    return this.#onread !== null;
  }

  /** With `onread`, pause() and resume() switch reading itself: there is no buffer of ours in between. */
  protected set wanting(value: boolean) {
    if (this.connecting || this.handle === 0 || this.#ended || value === this.#wanting) return;
    this.#wanting = value;
    if (value && !this.#starting) this.#pull();
  }

  override _read(size: number): void {
    if (this.connecting || this.handle === 0) {
      this.once('connect', () => this._read(size));
      return;
    }
    this.#wanting = true;
    if (!this.#starting) this.#pull();
  }

  /** Moves what the stack has to the consumer, for as long as the consumer wants more. */
  #pull(): void {
    while (this.#wanting && this.handle !== 0) {
      const more = this.#onread === null ? this.#readSlab() : this.#readUser(this.#onread);
      if (!more) return;
    }
  }

  #readSlab(): boolean {
    const data = this.network.read(this.handle);
    if (typeof data === 'number') return this.#readOther(data);
    this.bytesRead += data.length;
    this.touch();
    if (!this.push(data)) this.#wanting = false;
    return true;
  }

  #readUser(onread: OnRead): boolean {
    let buffer = this.#userBuffer;
    if (typeof onread.buffer === 'function') {
      // Asked for when there is something to put into it, as node:net does after the first.
      buffer ??= onread.buffer();
      this.#userBuffer = buffer;
    }
    if (!(buffer instanceof Uint8Array)) return false;
    const n = this.network.tcp.read(this.handle, buffer, 0, buffer.length);
    if (n <= 0) return this.#readOther(n);
    this.bytesRead += n;
    this.touch();
    if (typeof onread.buffer === 'function') this.#userBuffer = null;
    if (onread.callback(n, buffer) === false) this.#wanting = false;
    return true;
  }

  /** The end (0), no data now (-EAGAIN), or why there will be none. */
  #readOther(result: number): false {
    if (result === -EAGAIN) return false;
    this.#wanting = false;
    if (result === 0) {
      this.#ended = true;
      this.touch();
      this.push(null);
      // Nobody need listen for data: 'end' comes as soon as everything has been read.
      this.read(0);
    } else {
      this.destroy(errnoError(this.broken || result, 'read'));
    }
    return false;
  }

  // -- writing -------------------------------------------------------------------------------------------------------

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: Callback): void {
    this.#done = callback;
    if (this.connecting) this.#rest = [{ chunk, encoding }];
    else if (this.handle !== 0) this.#take(chunk, encoding);
    this.#begin();
  }

  override _writev(chunks: Chunk[], callback: Callback): void {
    this.#done = callback;
    this.#rest = chunks;
    this.#begin();
  }

  /** Writing waits for the handshake (_start): a connection that fails has taken nothing. */
  #begin(): void {
    this.#restAt = 0;
    if (this.connecting) return;
    if (this.handle === 0) {
      this.#finish(nodeError('ERR_SOCKET_CLOSED'));
      return;
    }
    this.touch();
    this.#push();
  }

  /** Hands a chunk to the stack; what does not fit stays in #out. */
  #take(chunk: Buffer | string, encoding: BufferEncoding): void {
    if (typeof chunk !== 'string') {
      this.#send(chunk, chunk.length, false);
      return;
    }
    const { scratch } = this.network;
    if (chunk.length * 3 > scratch.length) {
      const bytes = Buffer.from(chunk, encoding);
      this.#send(bytes, bytes.length, false);
    } else {
      this.#send(scratch, scratch.write(chunk, 0, encoding), true);
    }
  }

  #send(bytes: Uint8Array, length: number, shared: boolean): void {
    const n = this.#copyIn(bytes, 0, length);
    if (n === length || n < 0) return;
    this.#out = shared ? Buffer.from(bytes.subarray(n, length)) : bytes;
    this.#outAt = shared ? 0 : n;
  }

  /** Copies [from, to) into the send buffer; returns how many bytes it took, or -1 after an error, which is in `broken`. */
  #copyIn(bytes: Uint8Array, from: number, to: number): number {
    if (this.broken !== 0) return -1;
    if (from === to) return 0;
    const n = this.#write(bytes, from, to - from);
    if (n === -ENOBUFS) {
      // The whole stack is out of memory, and no acknowledgement of ours will bring some back.
      this.network.starve(this);
      return 0;
    }
    if (n < 0) {
      this.broken = -n;
      return -1;
    }
    this.dispatched += n;
    return n;
  }

  /** Bytes in a block of the stack's memory go by reference; short pieces are cheaper to copy than to keep account of. */
  #write(bytes: Uint8Array, from: number, n: number): number {
    const { network } = this;
    if (n >= BY_REFERENCE && bytes.buffer === network.memory.arena.memory.buffer) {
      const result = network.tcp.writeBlock(this.handle, bytes.byteOffset + from, n);
      if (result !== -EINVAL) return result;
    }
    return network.tcp.write(this.handle, bytes, from, n);
  }

  /** Goes on with the write under way; calls back when all of it is taken, or with what broke the connection. */
  #push(): void {
    if (this.#out !== null && this.broken === 0) {
      const n = this.#copyIn(this.#out, this.#outAt, this.#out.length);
      if (n > 0) this.touch();
      if (n >= 0 && (this.#outAt += n) === this.#out.length) this.#out = null;
    }
    while (this.#out === null && this.broken === 0 && this.#rest !== null) {
      const next = this.#rest[this.#restAt++];
      if (next === undefined) this.#rest = null;
      else this.#take(next.chunk, next.encoding);
    }
    if (this.#out !== null && this.broken === 0) return;
    this.#finish(this.broken === 0 ? null : errnoError(this.broken, 'write'));
  }

  #finish(error: Error | null): void {
    const done = this.#done;
    this.#out = null;
    this.#rest = null;
    this.#done = null;
    if (done !== null) done(error);
  }

  /** Bytes of the write under way that the stack has not taken yet. */
  protected get undispatched(): number {
    let n = this.#out === null ? 0 : this.#out.length - this.#outAt;
    for (let i = this.#restAt; this.#rest !== null && i < this.#rest.length; i++) {
      const { chunk, encoding } = this.#rest[i]!;
      n += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length;
    }
    return n;
  }

  override _final(callback: Callback): void {
    if (this.connecting) {
      this.once('connect', () => this._final(callback));
      return;
    }
    if (this.handle === 0) {
      callback();
      return;
    }
    const result = this.network.tcp.shutdown(this.handle);
    callback(result < 0 && result !== -ENOTCONN ? errnoError(result, 'shutdown') : null);
  }

  // -- the end -------------------------------------------------------------------------------------------------------

  override _destroy(error: Error | null, callback: Callback): void {
    const { connecting } = this;
    this.connecting = false;
    this.#wanting = false;
    this.letGo(this.resetting);
    this.released();
    // A write that waits for room will not be made. Its caller hears it, as from Node 24 on (before, it was told of success).
    if (!connecting) this.#finish(error ?? errnoError(ECANCELED, 'write'));
    callback(error);
    if (this.opened) {
      nextTurn(() => {
        this.emit('close', error !== null);
        if (connecting) this.#finish(nodeError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION'));
      });
    } else {
      // As node:net: without the flag where there never was a connection to have an error.
      process.nextTick(() => this.emit('close'));
    }
  }
}
