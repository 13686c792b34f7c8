// Socket: a TCP connection of the stack in the shape of net.Socket: connecting, options, timeouts, addresses.
// Made by net.connect() and by listeners (accept); extends StackStream; calls tcp through Network, and connect.ts.

import { AsyncResource } from 'node:async_hooks';
import type * as nodeNet from 'node:net';
import { Duplex, type DuplexOptions } from 'node:stream';
import { OPT_KEEPALIVE, OPT_KEEPIDLE, OPT_NODELAY } from '../stack/tcp/flags.ts';
import { type AddressWords, addressInfo } from './addresses.ts';
import { checkDuration, checkFunction, checkNumber, normalize } from './arguments.ts';
import { Connecting, type ConnectOptions } from './connect.ts';
import { nodeError } from './errors.ts';
import type { ListenOwner } from './listener.ts';
import type { Network } from './network.ts';
import { type OnRead, StackStream } from './stack-stream.ts';
import { type TcpControls, type TcpInfo, type TcpOptionName, TcpOptions, type TcpOptionValues } from './tcp-options.ts';

/** Options of `new Socket()`, as node:net has them. Its `fd` and `handle` have no meaning here. */
export interface SocketOptions extends DuplexOptions {
  onread?: OnRead | undefined;
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined;
}

/** The options of `new Socket()` that a listener adds: the connection, already established. */
export interface AcceptedOptions extends SocketOptions {
  readonly accepted: number;
  readonly owner: ListenOwner;
}

/** Either of the two ends, or nothing while there is none. */
type End = Partial<nodeNet.AddressInfo>;

function streamOptions(options: SocketOptions): DuplexOptions {
  if (options.objectMode || options.readableObjectMode || options.writableObjectMode) {
    throw nodeError('ERR_INVALID_ARG_VALUE', 'A socket carries bytes: object mode is not supported');
  }
  // 'close' comes from here (with its flag), strings are encoded on their way into the send buffer.
  return {
    ...options,
    allowHalfOpen: Boolean(options.allowHalfOpen),
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
  };
}

function usableOnRead(onread: OnRead | undefined): OnRead | undefined {
  const usable =
    onread != null &&
    typeof onread.callback === 'function' &&
    (typeof onread.buffer === 'function' || onread.buffer instanceof Uint8Array);
  return usable ? onread : undefined;
}

export class Socket extends StackStream implements nodeNet.Socket, TcpControls {
  /** The server that accepted it; node:http puts its own here. */
  server: unknown = null;
  /** Whose connections it counts among. */
  _server: ListenOwner | null = null;
  _hadError = false;
  _parent: null = null;
  timeout?: number;
  autoSelectFamilyAttemptedAddresses!: string[];
  #connecting: Connecting | null = null;
  #timer: NodeJS.Timeout | null = null;
  #peer: End | null = null;
  #local: End | null = null;
  #noDelay: boolean;
  #keepAlive: boolean;
  /** Seconds. */
  #keepAliveDelay: number;
  #tcpOptions: TcpOptions | null = null;

  /** As `new net.Socket(options)`, on `network`. */
  constructor(network: Network, options: SocketOptions | AcceptedOptions = {}) {
    super(network, streamOptions(options), usableOnRead(options.onread));
    const { keepAliveInitialDelay } = options;
    if (keepAliveInitialDelay !== undefined) checkNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    this.#noDelay = Boolean(options.noDelay);
    this.#keepAlive = Boolean(options.keepAlive);
    this.#keepAliveDelay = Math.floor(Math.max(keepAliveInitialDelay ?? 0, 0) / 1000);
    if (!('accepted' in options)) return;
    this.server = options.owner;
    this._server = options.owner;
    this.adopt(options.accepted);
    this.#applyOptions();
  }

  // -- connecting ----------------------------------------------------------------------------------------------------

  /** As net.Socket.connect: (options[, listener]) or (port[, host][, listener]). There are no Unix sockets here. */
  connect(...args: unknown[]): this {
    const { options, callback } = normalize<ConnectOptions>(args);
    if (callback !== null) this.once('connect', callback);
    if (options.path != null) {
      throw nodeError('ERR_INVALID_ARG_VALUE', `There are no Unix sockets on this stack: ${options.path}`);
    }
    if (options.port === undefined) {
      throw nodeError('ERR_MISSING_ARGS', 'The "options" or "port" or "path" argument must be specified');
    }
    this.#connecting?.done();
    this.letGo(false);
    if (this.destroyed || this.readableEnded || this.writableEnded) this.#reuse();
    this.scope = new AsyncResource('RING3SOCKET');
    this.touch();
    this.opened = true;
    this.connecting = true;
    this.#connecting = new Connecting(this, this.network, options);
    this.#connecting.start();
    return this;
  }

  /** A socket that has ended can connect once more: the stream starts as new. */
  #reuse(): void {
    (this as unknown as { _undestroy(): void })._undestroy();
    if (Object.hasOwn(this, 'write')) Reflect.deleteProperty(this, 'write');
    this.#peer = null;
    this.#local = null;
    this.broken = 0;
    this.resetting = false;
  }

  /** The stack's part of an attempt to connect: 0, or -errno at once. For Connecting. */
  _attempt(local: AddressWords, localPort: number, remote: AddressWords, port: number): number {
    const zone = remote.zone || local.zone;
    const handle = this.network.tcp.connect(
      local.w0,
      local.w1,
      local.w2,
      local.w3,
      localPort,
      remote.w0,
      remote.w1,
      remote.w2,
      remote.w3,
      port,
      zone,
    );
    if (handle < 0) return handle;
    this.broken = 0;
    this.adopt(handle);
    this.#applyOptions();
    return 0;
  }

  /** Drops the attempt under way. For Connecting. */
  _giveUp(): void {
    this.letGo(true);
  }

  protected override connected(): void {
    this.#connecting?.done();
    this.#connecting = null;
    this.connecting = false;
    this.#local = null;
    this.touch();
    this.emit('connect');
    this.emit('ready');
    // The first read, or the end at once. It consumes nothing.
    if (this.readable && !this.isPaused()) this.read(0);
    this._start();
  }

  protected override refused(errno: number): void {
    this.letGo(false);
    this.broken = 0;
    this.#connecting?.failed(errno);
  }

  // -- options and timeouts ------------------------------------------------------------------------------------------

  #applyOptions(): void {
    if (this.#noDelay) this.network.tcp.set(this.handle, OPT_NODELAY, 1);
    if (this.#keepAlive) this.#applyKeepAlive();
    this.#tcpOptions?.apply(this.handle);
  }

  /** Sets a TCP option that node:net has no method for (tcp-options.ts has the names); before connect(), for the connection. */
  setTcpOption<N extends TcpOptionName>(name: N, value: TcpOptionValues[N]): this {
    this.#tcpOptions ??= new TcpOptions(this.network);
    this.#tcpOptions.set(this.handle, name, value);
    return this;
  }

  getTcpOption<N extends TcpOptionName>(name: N): TcpOptionValues[N] | undefined {
    this.#tcpOptions ??= new TcpOptions(this.network);
    return this.#tcpOptions.get(this.handle, name);
  }

  /** What the stack knows of the connection, as TCP_INFO says it; null while there is none. */
  tcpInfo(): TcpInfo | null {
    return this.handle === 0 ? null : this.network.tcp.info(this.handle);
  }

  #applyKeepAlive(): void {
    const { tcp } = this.network;
    if (this.#keepAlive && this.#keepAliveDelay > 0)
      tcp.set(this.handle, OPT_KEEPIDLE, this.#keepAliveDelay * 1_000_000);
    tcp.set(this.handle, OPT_KEEPALIVE, this.#keepAlive ? 1 : 0);
  }

  /** Turns Nagle's algorithm off (or on again). */
  setNoDelay(enable?: boolean): this {
    const value = enable === undefined ? true : Boolean(enable);
    if (value !== this.#noDelay && this.handle !== 0) this.network.tcp.set(this.handle, OPT_NODELAY, value ? 1 : 0);
    this.#noDelay = value;
    return this;
  }

  /** Keepalive probes; `initialDelay` in ms of silence before the first (whole seconds; 0 leaves it as it is). */
  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    const delay = Math.trunc(Number(initialDelay) / 1000) || 0;
    const same = Boolean(enable) === this.#keepAlive && delay === this.#keepAliveDelay;
    this.#keepAlive = Boolean(enable);
    this.#keepAliveDelay = delay;
    if (!same && this.handle !== 0) this.#applyKeepAlive();
    return this;
  }

  /** 'timeout' after `msecs` without anything read or written; 0 turns it off. It closes nothing. */
  setTimeout(msecs: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.timeout = msecs;
    const delay = checkDuration(msecs, 'msecs');
    if (callback !== undefined) checkFunction(callback, 'callback');
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = delay === 0 ? null : setTimeout(() => this._onTimeout(), delay).unref();
    if (callback !== undefined) {
      if (delay === 0) this.removeListener('timeout', callback);
      else this.once('timeout', callback);
    }
    return this;
  }

  _onTimeout(): void {
    this.emit('timeout');
  }

  _unrefTimer(): void {
    this.touch();
  }

  protected override touch(): void {
    if (this.#timer !== null) this.#timer.refresh();
  }

  // -- the stream ----------------------------------------------------------------------------------------------------

  override pause(): this {
    if (this.ownBuffer) this.wanting = false;
    return super.pause();
  }

  override resume(): this {
    if (this.ownBuffer) this.wanting = true;
    return super.resume();
  }

  override read(size?: number): unknown {
    if (this.ownBuffer) this.wanting = true;
    return super.read(size);
  }

  override end(...args: unknown[]): this {
    Reflect.apply(Duplex.prototype.end, this, args);
    return this;
  }

  /** Ends the writable side and destroys the socket once everything has been handed to the stack. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', this.destroy);
  }

  /** Sends RST instead of FIN and destroys the socket. */
  resetAndDestroy(): this {
    if (this.handle === 0 && !this.connecting) return this.destroy(nodeError('ERR_SOCKET_CLOSED'));
    const reset = (): void => {
      this.resetting = true;
      this.destroy();
    };
    if (this.connecting) this.once('connect', reset);
    else reset();
    return this;
  }

  protected override released(): void {
    this.#connecting?.done();
    this.#connecting = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#local = null;
    const server = this._server;
    if (server === null) return;
    this._server = null;
    server._connections--;
    server._emitCloseIfDrained();
  }

  // -- what it says of itself ----------------------------------------------------------------------------------------

  get pending(): boolean {
    return this.handle === 0 || this.connecting;
  }

  get _connecting(): boolean {
    return this.connecting;
  }

  get readyState(): nodeNet.SocketReadyState {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  get bufferSize(): number {
    return this.handle === 0 ? 0 : this.writableLength;
  }

  get _bytesDispatched(): number {
    return this.dispatched;
  }

  /** Bytes written by the user, those that wait in the stream's buffer among them. */
  get bytesWritten(): number {
    const { writableBuffer } = this as unknown as {
      writableBuffer: { chunk: Buffer | string; encoding: BufferEncoding }[];
    };
    let n = this.dispatched + this.undispatched;
    for (const { chunk, encoding } of writableBuffer ?? []) {
      n += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length;
    }
    return n;
  }

  #ends(): boolean {
    return this.handle !== 0 && this.network.tcp.endpoints(this.handle, this.network.endpoints);
  }

  #peername(): End {
    if (this.#peer === null && !this.connecting && this.#ends()) {
      const e = this.network.endpoints;
      this.#peer = addressInfo(e.remote0, e.remote1, e.remote2, e.remote3, e.iface, e.remotePort);
    }
    return this.#peer ?? {};
  }

  #sockname(): End {
    if (this.#local === null && this.#ends()) {
      const e = this.network.endpoints;
      this.#local = addressInfo(e.local0, e.local1, e.local2, e.local3, e.iface, e.localPort);
    }
    return this.#local ?? {};
  }

  address(): nodeNet.AddressInfo | Record<string, never> {
    return this.#sockname() as nodeNet.AddressInfo;
  }

  get remoteAddress(): string | undefined {
    return this.#peername().address;
  }

  get remoteFamily(): string | undefined {
    return this.#peername().family;
  }

  get remotePort(): number | undefined {
    return this.#peername().port;
  }

  // node:net's types say that these are strings and numbers: without a connection they are undefined there, too.

  get localAddress(): string {
    return this.#sockname().address!;
  }

  get localFamily(): string {
    return this.#sockname().family!;
  }

  get localPort(): number {
    return this.#sockname().port!;
  }
}
