// Server: a listening TCP socket of the stack in the shape of net.Server.
// Made by net.createServer(); calls listen.ts and its Listener.

import { EventEmitter } from 'node:events';
import type * as nodeNet from 'node:net';
import { checkNumber } from './arguments.ts';
import { argTypeError, nodeError } from './errors.ts';
import { type Listening, listen } from './listen.ts';
import type { Listener, SocketClass } from './listener.ts';
import type { Network } from './network.ts';
import { type TcpControls, type TcpOptionName, TcpOptions, type TcpOptionValues } from './tcp-options.ts';

type ConnectionListener = (socket: nodeNet.Socket) => void;

export class Server extends EventEmitter implements nodeNet.Server, Listening, TcpControls {
  allowHalfOpen: boolean;
  pauseOnConnect: boolean;
  noDelay: boolean;
  keepAlive: boolean;
  /** Seconds. */
  keepAliveInitialDelay: number;
  highWaterMark?: number;
  maxConnections!: number;
  _connections = 0;
  _handle: Listener | null = null;
  _listeningId = 1;
  _unref = false;
  /** What its connections get: for the listener. */
  readonly _tcpOptions: TcpOptions;
  readonly #network: Network;
  readonly #Socket: SocketClass;

  /** As `new net.Server([options][, connectionListener])`, on `network`; connections are made with `Socket`. */
  constructor(
    network: Network,
    Socket: SocketClass,
    options?: nodeNet.ServerOpts | ConnectionListener | null,
    connectionListener?: ConnectionListener,
  ) {
    super();
    this.#network = network;
    this._tcpOptions = new TcpOptions(network);
    this.#Socket = Socket;
    if (typeof options === 'function') {
      connectionListener = options;
      options = null;
    } else if (options != null && typeof options !== 'object') {
      throw argTypeError('options', 'of type object', options);
    }
    if (typeof connectionListener === 'function') this.on('connection', connectionListener);
    const { keepAliveInitialDelay, highWaterMark } = options ?? {};
    if (keepAliveInitialDelay !== undefined) checkNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay');
    if (highWaterMark !== undefined) checkNumber(highWaterMark, 'options.highWaterMark');
    this.allowHalfOpen = Boolean(options?.allowHalfOpen);
    this.pauseOnConnect = Boolean(options?.pauseOnConnect);
    this.noDelay = Boolean(options?.noDelay);
    this.keepAlive = Boolean(options?.keepAlive);
    this.keepAliveInitialDelay = Math.floor(Math.max(keepAliveInitialDelay ?? 0, 0) / 1000);
    if (highWaterMark !== undefined && highWaterMark >= 0) this.highWaterMark = highWaterMark;
  }

  listen(...args: unknown[]): this {
    listen(this, this.#network, this.#Socket, args);
    return this;
  }

  /** Sets a TCP option for all connections to come (tcp-options.ts has the names); before or after listen(). */
  setTcpOption<N extends TcpOptionName>(name: N, value: TcpOptionValues[N]): this {
    this._tcpOptions.set(this._handle?.handle ?? 0, name, value);
    return this;
  }

  getTcpOption<N extends TcpOptionName>(name: N): TcpOptionValues[N] | undefined {
    return this._tcpOptions.get(this._handle?.handle ?? 0, name);
  }

  get listening(): boolean {
    return this._handle !== null;
  }

  /** What is listened on; null while nothing is. */
  address(): nodeNet.AddressInfo | null {
    if (this._handle === null) return null;
    const out: Partial<nodeNet.AddressInfo> = {};
    this._handle.getsockname(out);
    return out as nodeNet.AddressInfo;
  }

  /** Takes no new connections; 'close' (and `callback`) when the last of the old ones has ended. */
  close(callback?: (error?: Error) => void): this {
    this._listeningId++;
    if (typeof callback === 'function') {
      if (this._handle === null) this.once('close', () => callback(nodeError('ERR_SERVER_NOT_RUNNING')));
      else this.once('close', callback);
    }
    this._handle?.close();
    this._handle = null;
    this._emitCloseIfDrained();
    return this;
  }

  _emitCloseIfDrained(): void {
    if (this._handle === null && this._connections === 0) process.nextTick(() => this.emit('close'));
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this._connections);
    return this;
  }

  get connections(): number {
    return this._connections;
  }

  ref(): this {
    this._unref = false;
    this._handle?.ref();
    return this;
  }

  unref(): this {
    this._unref = true;
    this._handle?.unref();
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this._handle === null) return;
    await new Promise<void>((resolve, reject) => this.close((error) => (error ? reject(error) : resolve())));
  }
}

/** With captureRejections: an async listener that fails takes its connection with it, not the process. */
function onRejection(this: Server, error: Error, event: string | symbol, socket: nodeNet.Socket): void {
  if (event === 'connection') socket.destroy(error);
  else this.emit('error', error);
}

Object.defineProperty(Server.prototype, EventEmitter.captureRejectionSymbol, {
  value: onRejection,
  configurable: true,
});
