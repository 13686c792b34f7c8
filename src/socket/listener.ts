// Listener: a listening TCP handle of the stack and the loop that accepts from it. What node:net calls a server's handle.
// Made by listen() (listen.ts) for ring3's own Server and for node:http's, https's and http2's; calls tcp through Network.

import { AsyncResource } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import type { AddressInfo, DropArgument } from 'node:net';
import { EADDRNOTAVAIL } from '../base/errno.ts';
import { READY_ACCEPT } from '../stack/tcp/flags.ts';
import { type AddressWords, addressInfo } from './addresses.ts';
import { type Network, type ReadySink, uncaught } from './network.ts';
import type { AcceptedOptions, Socket } from './socket.ts';
import type { TcpOptions } from './tcp-options.ts';

/**
 * A server, as far as a listener is concerned: ring3's Server, or one of node:http, https, http2, tls, which are net.Servers and
 * have the same fields.
 */
export interface ListenOwner extends EventEmitter {
  allowHalfOpen?: boolean;
  pauseOnConnect?: boolean;
  noDelay?: boolean;
  keepAlive?: boolean;
  /** Seconds, as net.Server keeps it. */
  keepAliveInitialDelay?: number;
  highWaterMark?: number;
  maxConnections?: number;
  _tcpOptions?: TcpOptions;
  _connections: number;
  _emitCloseIfDrained(): void;
}

/** Makes the sockets: the class that is bound to the network. */
export type SocketClass = new (options?: AcceptedOptions) => Socket;

/** What 'drop' says of a connection that was turned away. */
function dropped(local: AddressInfo, remote: AddressInfo): DropArgument {
  return {
    localAddress: local.address,
    localPort: local.port,
    localFamily: local.family,
    remoteAddress: remote.address,
    remotePort: remote.port,
    remoteFamily: remote.family,
  };
}

export class Listener implements ReadySink {
  readonly scope: AsyncResource = new AsyncResource('RING3LISTENER');
  readonly #network: Network;
  readonly #Socket: SocketClass;
  readonly #owner: ListenOwner;
  #handle = 0;
  #referenced = true;

  constructor(network: Network, Socket: SocketClass, owner: ListenOwner) {
    this.#network = network;
    this.#Socket = Socket;
    this.#owner = owner;
  }

  /** Listens: 0, or -errno (-EADDRINUSE, -EADDRNOTAVAIL). Port 0: the stack chooses. */
  listen(address: AddressWords, port: number, backlog: number, ipv6Only: boolean): number {
    const { tcp, interfaces } = this.#network;
    const { w0, w1, w2, w3 } = address;
    const any = (w0 | w1 | w3) === 0 && (w2 === 0 || w2 === 0xffff);
    if (!any && !interfaces.isLocal(address.zone, w0, w1, w2, w3)) return -EADDRNOTAVAIL;
    const handle = tcp.listen(w0, w1, w2, w3, port, backlog, ipv6Only);
    if (handle < 0) return handle;
    this.#handle = handle;
    this.#owner._tcpOptions?.apply(handle);
    this.#network.watchTcp(handle, this);
    if (this.#referenced) this.#network.hold();
    return 0;
  }

  /** The stack's handle; 0 before listen() and after close(). */
  get handle(): number {
    return this.#handle;
  }

  /** Accepts everything that is ready. What a 'connection' listener throws does not hold up the others. */
  ready(flags: number): void {
    if ((flags & READY_ACCEPT) === 0) return;
    const { tcp } = this.#network;
    while (this.#handle !== 0) {
      const handle = tcp.accept(this.#handle);
      if (handle === 0) return;
      try {
        this.#accept(handle);
      } catch (error) {
        uncaught(error);
      }
    }
  }

  #accept(handle: number): void {
    const owner = this.#owner;
    if (owner.maxConnections && owner._connections >= owner.maxConnections) {
      this.#drop(handle);
      return;
    }
    const socket = new this.#Socket({
      accepted: handle,
      owner,
      allowHalfOpen: owner.allowHalfOpen ?? false,
      highWaterMark: owner.highWaterMark,
      noDelay: owner.noDelay,
      keepAlive: owner.keepAlive,
      keepAliveInitialDelay: (owner.keepAliveInitialDelay ?? 0) * 1000,
    });
    // As net.Server: paused means that not even the first bytes are read ahead.
    if (owner.pauseOnConnect) (socket as { readableFlowing: boolean | null }).readableFlowing = false;
    else socket.read(0);
    owner._connections++;
    try {
      owner.emit('connection', socket);
    } finally {
      socket._start();
    }
  }

  #drop(handle: number): void {
    const { tcp, endpoints: e } = this.#network;
    tcp.endpoints(handle, e);
    const local = addressInfo(e.local0, e.local1, e.local2, e.local3, e.iface, e.localPort);
    const remote = addressInfo(e.remote0, e.remote1, e.remote2, e.remote3, e.iface, e.remotePort);
    tcp.close(handle);
    this.#owner.emit('drop', dropped(local, remote));
  }

  // What net.Server's own methods ask of a handle.

  close(): void {
    if (this.#handle === 0) return;
    this.#network.forgetTcp(this.#handle);
    this.#network.tcp.close(this.#handle);
    this.#handle = 0;
    if (this.#referenced) this.#network.release();
  }

  /** Fills `out` with the address listened on; 0. */
  getsockname(out: Partial<AddressInfo>): number {
    const e = this.#network.endpoints;
    this.#network.tcp.endpoints(this.#handle, e);
    Object.assign(out, addressInfo(e.local0, e.local1, e.local2, e.local3, e.iface, e.localPort));
    return 0;
  }

  ref(): void {
    if (!this.#referenced && this.#handle !== 0) this.#network.hold();
    this.#referenced = true;
  }

  unref(): void {
    if (this.#referenced && this.#handle !== 0) this.#network.release();
    this.#referenced = false;
  }
}
