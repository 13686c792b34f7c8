// A UDP socket of the stack in the shape of dgram.Socket: bind, connect, send, receive, the queue in front of a full link.
// Made by dgram.createSocket(); extends DgramOptions (options and groups); calls udp through Network.

import type * as nodeDgram from 'node:dgram';
import { type AddressInfo, isIP } from 'node:net';
import { EAGAIN, EBADF, EINVAL, EMSGSIZE } from '../base/errno.ts';
import { UDP_ERROR, UDP_READABLE, UDP_WRITABLE } from '../stack/udp.ts';
import { AddressWords, addressInfo, addressText, familyName } from './addresses.ts';
import { checkPort, checkString, onAbort } from './arguments.ts';
import { readDestination, type SendArguments } from './dgram-arguments.ts';
import { DgramOptions, type SocketOptions } from './dgram-options.ts';
import { errnoError, hostPortError, nodeError } from './errors.ts';
import type { Network } from './network.ts';

type SendCallback = (error: Error | null, bytes: number) => void;

/** A datagram on its way out. Its bytes are the caller's, who keeps them still until the callback. */
interface Outgoing {
  readonly bytes: Uint8Array;
  /** Where to, as the user wrote it, and as a literal. Port 0: to the peer of a connected socket. */
  readonly address: string | undefined;
  readonly literal: string;
  readonly port: number;
  readonly callback: SendCallback | undefined;
}

/** A datagram over IPv4 carries less (RFC 768), but no stack takes more than this. */
const LARGEST = 65535;
const to = new AddressWords();

export class Socket extends DgramOptions implements nodeDgram.Socket {
  #bind: 'unbound' | 'binding' | 'bound' = 'unbound';
  #connect: 'disconnected' | 'connecting' | 'connected' = 'disconnected';
  /** Calls that wait until it is bound. */
  #later: (() => void)[] | null = null;
  readonly #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  // The text of the last sender's address: most datagrams come from where the last one came from.
  readonly #lastFrom: Int32Array = new Int32Array(5);
  #lastText = '';

  /** As dgram.createSocket(type or options[, listener]), on `network`. */
  constructor(
    network: Network,
    type: nodeDgram.SocketType | SocketOptions,
    listener?: nodeDgram.Socket['on'] | unknown,
  ) {
    const options = typeof type === 'object' && type !== null ? type : { type };
    super(network, options);
    if (typeof listener === 'function') this.on('message', listener as () => void);
    const { signal } = options;
    if (signal === undefined) return;
    const abort = (): void => {
      if (this.handle !== 0) this.close();
    };
    if (signal.aborted) abort();
    else this.once('close', onAbort(signal, abort));
  }

  ready(flags: number): void {
    if (this.handle === 0) return;
    if ((flags & UDP_ERROR) !== 0) {
      const errno = this.network.udp.takeError(this.handle);
      if (errno !== 0) this.emit('error', errnoError(errno, 'recvmsg'));
    }
    if ((flags & UDP_WRITABLE) !== 0) this.#flush();
    if ((flags & UDP_READABLE) !== 0) this.#receive();
  }

  // -- binding -------------------------------------------------------------------------------------------------------

  /** As dgram: ([port][, address][, listener]) or (options[, listener]). 'listening', or 'error', follows. */
  bind(...args: unknown[]): this {
    this.check();
    if (this.#bind !== 'unbound') throw nodeError('ERR_SOCKET_ALREADY_BOUND');
    this.#bind = 'binding';
    const callback = args.at(-1);
    if (typeof callback === 'function') this.#onceBound(callback as () => void);
    const first = args[0];
    const given = typeof first === 'object' && first !== null ? (first as nodeDgram.BindOptions) : undefined;
    const address = given === undefined ? args[1] : given.address;
    const wanted = given === undefined ? first : given.port;
    const port = wanted == null || typeof wanted === 'function' ? 0 : checkPort(wanted, 'Port');
    const name = typeof address === 'string' && address !== '' ? address : this.type === 'udp4' ? '0.0.0.0' : '::';
    this.lookup(name, (error, found) => {
      if (this.handle === 0) return;
      if (error === null) this.#bindTo(found, port);
      else this.#bindFailed(error);
    });
    return this;
  }

  #onceBound(callback: () => void): void {
    const off = (): void => {
      this.removeListener('error', off);
      this.removeListener('listening', on);
    };
    const on = (): void => {
      off();
      callback.call(this);
    };
    this.on('error', off);
    this.on('listening', on);
  }

  #bindFailed(error: Error): void {
    this.#bind = 'unbound';
    this.#later = null;
    this.emit('error', error);
  }

  #bindTo(address: string, port: number): void {
    const result = to.read(address)
      ? this.network.udp.bind(this.handle, to.w0, to.w1, to.w2, to.w3, port, to.zone)
      : -EINVAL;
    if (result < 0) {
      this.#bindFailed(hostPortError(result, 'bind', address, port));
      return;
    }
    this.#bind = 'bound';
    this.emit('listening');
    const later = this.#later;
    this.#later = null;
    for (const call of later ?? []) call();
  }

  /** Calls `fn` when the socket is bound; binds it to a port of the stack's choice if nobody has. True: it is bound now. */
  #whenBound(fn: () => void): boolean {
    if (this.#bind === 'bound') return true;
    this.#later ??= [];
    this.#later.push(fn);
    if (this.#bind === 'unbound') this.bind({ port: 0 });
    return false;
  }

  // -- connecting ----------------------------------------------------------------------------------------------------

  /** From now on only datagrams of this peer are received, and sent without naming it. */
  connect(port: number, address?: string | (() => void), callback?: (error?: Error) => void): void {
    const to = checkPort(port, 'Port', false);
    const done = typeof address === 'function' ? address : callback;
    const name = typeof address === 'function' ? '' : (address ?? '');
    checkString(name, 'address');
    if (this.#connect !== 'disconnected') throw nodeError('ERR_SOCKET_DGRAM_IS_CONNECTED');
    this.check();
    this.#connect = 'connecting';
    const go = (): void => this.#connectNow(to, name, done);
    if (this.#whenBound(go)) go();
  }

  #connectNow(port: number, name: string, done: ((error?: Error) => void) | undefined): void {
    if (done !== undefined) this.once('connect', done);
    this.lookup(name || this.ownHost, (error, address) => {
      if (this.handle === 0) return;
      let failure: Error | null = error;
      if (failure === null) {
        const result = to.read(address)
          ? this.network.udp.connect(this.handle, to.w0, to.w1, to.w2, to.w3, port, to.zone)
          : -EINVAL;
        if (result < 0) failure = hostPortError(result, 'connect', name, port);
      }
      this.#connect = failure === null ? 'connected' : 'disconnected';
      process.nextTick(() => {
        if (failure === null) this.emit('connect');
        else if (done === undefined) this.emit('error', failure);
        else {
          this.removeListener('connect', done);
          done(failure);
        }
      });
    });
  }

  disconnect(): void {
    this.#mustBeConnected();
    const result = this.network.udp.disconnect(this.handle);
    if (result < 0) throw errnoError(result, 'connect');
    this.#connect = 'disconnected';
  }

  #mustBeConnected(): void {
    this.check();
    if (this.#connect !== 'connected') throw nodeError('ERR_SOCKET_DGRAM_NOT_CONNECTED');
  }

  // -- sending -------------------------------------------------------------------------------------------------------

  /**
   * As dgram: (message[, offset, length][, port][, address][, callback]); message is text, a view or a list of these. An error
   * goes to the callback, and nowhere without one.
   */
  send(...args: unknown[]): void {
    const read = readDestination(args, this.#connect === 'connected');
    this.check();
    const go = (): void => this.#resolve(read);
    if (this.#whenBound(go)) go();
  }

  /** dgram's old name of send(), all arguments given. */
  sendto(...args: unknown[]): void {
    this.send(...args);
  }

  #resolve({ list, port, address, callback }: SendArguments): void {
    const bytes = list.length === 1 ? list[0]! : Buffer.concat(list);
    const name = address || this.ownHost;
    if (port === 0 || (isIP(name) !== 0 && !this.ownLookup)) {
      this.#dispatch({ bytes, address, literal: name, port, callback });
      return;
    }
    this.lookup(name, (error, literal) => {
      if (error === null) this.#dispatch({ bytes, address, literal, port, callback });
      else if (callback !== undefined) process.nextTick(callback, error);
      else process.nextTick(() => this.emit('error', error));
    });
  }

  #dispatch(datagram: Outgoing): void {
    if (this.handle === 0) return;
    // One after another: none overtakes those that wait for room.
    const result = this.#waiting.length > 0 ? -EAGAIN : this.#sendNow(datagram);
    if (result !== -EAGAIN) {
      this.#sent(datagram, result);
      return;
    }
    this.#waiting.push(datagram);
    this.#waitingBytes += datagram.bytes.length;
  }

  #sendNow({ bytes, port, literal }: Outgoing): number {
    if (bytes.length > LARGEST) return -EMSGSIZE;
    const { udp } = this.network;
    if (port === 0) return udp.send(this.handle, bytes, 0, bytes.length, 0, 0, 0, 0, 0);
    if (!to.read(literal)) return -EINVAL;
    return udp.send(this.handle, bytes, 0, bytes.length, to.w0, to.w1, to.w2, to.w3, port, to.zone);
  }

  #sent({ address, port, callback }: Outgoing, result: number): void {
    if (callback === undefined) return;
    if (result >= 0) process.nextTick(callback, null, result);
    else process.nextTick(callback, hostPortError(result, 'send', address, port));
  }

  #flush(): void {
    while (this.handle !== 0) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      const result = this.#sendNow(next);
      if (result === -EAGAIN) return;
      this.#waiting.shift();
      this.#waitingBytes -= next.bytes.length;
      this.#sent(next, result);
    }
  }

  getSendQueueSize(): number {
    return this.#waitingBytes;
  }

  getSendQueueCount(): number {
    return this.#waiting.length;
  }

  // -- receiving -----------------------------------------------------------------------------------------------------

  #receive(): void {
    const { udp } = this.network;
    while (this.handle !== 0) {
      const length = udp.nextLength(this.handle);
      if (length < 0) return;
      const bytes = Buffer.allocUnsafe(length);
      const n = udp.receive(this.handle, bytes, 0, length);
      if (n === -EAGAIN) return;
      if (n < 0) this.emit('error', errnoError(n, 'recvmsg'));
      else this.emit('message', bytes, this.#from(n));
    }
  }

  #from(size: number): nodeDgram.RemoteInfo {
    const { src0, src1, src2, src3, iface, port } = this.network.udp.from;
    const last = this.#lastFrom;
    if (
      this.#lastText === '' ||
      last[0] !== src0 ||
      last[1] !== src1 ||
      last[2] !== src2 ||
      last[3] !== src3 ||
      last[4] !== iface
    ) {
      last[0] = src0;
      last[1] = src1;
      last[2] = src2;
      last[3] = src3;
      last[4] = iface;
      this.#lastText = addressText(src0, src1, src2, src3, iface);
    }
    return { address: this.#lastText, family: familyName(src0, src1, src2), port, size };
  }

  // -- the rest ------------------------------------------------------------------------------------------------------

  /** Where it is bound. */
  address(): AddressInfo {
    this.check();
    const e = this.network.endpoints;
    if (this.#bind !== 'bound' || !this.network.udp.endpoints(this.handle, e)) throw errnoError(EBADF, 'getsockname');
    return addressInfo(e.local0, e.local1, e.local2, e.local3, e.iface, e.localPort);
  }

  /** The peer of a connected socket. */
  remoteAddress(): AddressInfo {
    this.#mustBeConnected();
    const e = this.network.endpoints;
    this.network.udp.endpoints(this.handle, e);
    return addressInfo(e.remote0, e.remote1, e.remote2, e.remote3, e.iface, e.remotePort);
  }

  /** Closes it; what still waits for its binding is done first. 'close' follows. */
  close(callback?: () => void): this {
    if (typeof callback === 'function') this.on('close', callback);
    if (this.#later !== null) {
      this.#later.push(() => void this.close());
      return this;
    }
    this.check();
    this.letGo();
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    process.nextTick(() => this.emit('close'));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.handle === 0) return;
    await new Promise<void>((resolve) => this.close(resolve));
  }
}
