// The options and multicast groups of a UDP socket, its handle and its lookups: what dgram.Socket has besides sending.
// Extended by the dgram Socket; calls udp and interfaces through Network.

import type { AsyncResource } from 'node:async_hooks';
import { AsyncResource as Resource } from 'node:async_hooks';
import type * as nodeDgram from 'node:dgram';
import type { LookupOneOptions } from 'node:dns';
import { EventEmitter } from 'node:events';
import type { LookupFunction } from 'node:net';
import { EADDRNOTAVAIL, EBADF, EINVAL, EOPNOTSUPP } from '../base/errno.ts';
import {
  UDP_OPTION_BROADCAST,
  UDP_OPTION_MULTICAST_INTERFACE,
  UDP_OPTION_MULTICAST_LOOP,
  UDP_OPTION_MULTICAST_TTL,
  UDP_OPTION_RECEIVE_BUFFER,
  UDP_OPTION_REUSE_ADDRESS,
  UDP_OPTION_TTL,
  type UdpOption,
} from '../stack/udp-options.ts';
import { AddressWords } from './addresses.ts';
import { checkFunction, checkNumber, checkString } from './arguments.ts';
import { errnoError, nodeError } from './errors.ts';
import type { Network, ReadySink } from './network.ts';

export type SocketOptions = nodeDgram.SocketOptions;

type Found = (error: Error | null, address: string) => void;

/** Datagrams leave at once: this is only what a program is told it has set. */
const SEND_BUFFER = 212_992;
const words = new AddressWords();

export abstract class DgramOptions extends EventEmitter implements ReadySink {
  readonly type: nodeDgram.SocketType;
  /** Private, so that printing a socket does not print the stack. */
  readonly #network: Network;
  readonly scope: AsyncResource = new Resource('RING3UDP');
  /** The stack's handle; 0 once closed. */
  protected handle: number;
  readonly #lookup: SocketOptions['lookup'];
  #sendBuffer: number = SEND_BUFFER;
  #referenced = true;
  #holding = false;

  constructor(network: Network, options: SocketOptions) {
    super();
    const { type, lookup } = options;
    if (type !== 'udp4' && type !== 'udp6') throw nodeError('ERR_SOCKET_BAD_TYPE');
    if (lookup !== undefined) checkFunction(lookup, 'lookup');
    this.type = type;
    this.#network = network;
    this.#lookup = lookup;
    const handle = network.udp.open({ family: type === 'udp4' ? 4 : 6, ipv6Only: Boolean(options.ipv6Only) });
    if (handle < 0) throw errnoError(handle, 'socket');
    this.handle = handle;
    network.watchUdp(handle, this);
    this.#count();
    if (options.reuseAddr) network.udp.set(handle, UDP_OPTION_REUSE_ADDRESS, 1);
    if (options.recvBufferSize) this.setRecvBufferSize(options.recvBufferSize);
    if (options.sendBufferSize) this.setSendBufferSize(options.sendBufferSize);
  }

  protected get network(): Network {
    return this.#network;
  }

  abstract ready(flags: number): void;

  /** Where a datagram goes that names no host. */
  protected get ownHost(): string {
    return this.type === 'udp4' ? '127.0.0.1' : '::1';
  }

  /** The user resolves names, and literals too. */
  protected get ownLookup(): boolean {
    return this.#lookup !== undefined;
  }

  /** An address of the socket's family for `name`; answers on a later tick. */
  protected lookup(name: string, found: Found): void {
    const options: LookupOneOptions = { family: this.type === 'udp4' ? 4 : 6 };
    const lookup = (this.#lookup ?? this.network.lookup) as LookupFunction;
    lookup(name, options, (error, address) => found(error, address as string));
  }

  protected letGo(): void {
    const { handle } = this;
    this.handle = 0;
    this.network.forgetUdp(handle);
    this.network.udp.close(handle);
    this.#count();
  }

  /** Throws if it is closed. */
  protected check(): void {
    if (this.handle === 0) throw nodeError('ERR_SOCKET_DGRAM_NOT_RUNNING');
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

  #count(): void {
    const holding = this.#referenced && this.handle !== 0;
    if (holding === this.#holding) return;
    this.#holding = holding;
    if (holding) this.network.hold();
    else this.network.release();
  }

  #set(option: UdpOption, value: number, syscall: string): void {
    const result = this.handle === 0 ? -EBADF : this.network.udp.set(this.handle, option, value);
    if (result < 0) throw errnoError(result, syscall);
  }

  setBroadcast(flag: boolean): void {
    this.#set(UDP_OPTION_BROADCAST, flag ? 1 : 0, 'setBroadcast');
  }

  /** 1 to 255. */
  setTTL(ttl: number): number {
    checkNumber(ttl, 'ttl');
    if (ttl < 1 || ttl > 255) throw errnoError(EINVAL, 'setTTL');
    this.#set(UDP_OPTION_TTL, ttl, 'setTTL');
    return ttl;
  }

  /** 0 to 255. */
  setMulticastTTL(ttl: number): number {
    checkNumber(ttl, 'ttl');
    this.#set(UDP_OPTION_MULTICAST_TTL, ttl, 'setMulticastTTL');
    return ttl;
  }

  setMulticastLoopback(flag: boolean): boolean {
    this.#set(UDP_OPTION_MULTICAST_LOOP, flag ? 1 : 0, 'setMulticastLoopback');
    return flag;
  }

  /** An address of the interface, or for IPv6 "::%2" with its index; any address: the routes choose. */
  setMulticastInterface(multicastInterface: string): void {
    this.check();
    checkString(multicastInterface, 'interfaceAddress');
    const index = this.#interface(multicastInterface);
    if (index < 0) throw errnoError(index, 'setMulticastInterface');
    this.#set(UDP_OPTION_MULTICAST_INTERFACE, index, 'setMulticastInterface');
  }

  /** The index of the interface that an address or a zone names; 0: any; -errno. */
  #interface(text: string | undefined): number {
    if (!text) return 0;
    if (!words.read(text)) return -EINVAL;
    if (words.zone !== 0) return words.zone;
    const { w0, w1, w2, w3 } = words;
    if ((w0 | w1 | w3) === 0 && (w2 === 0 || w2 === 0xffff)) return 0;
    return this.network.interfaces.owner(0, w0, w1, w2, w3) || -EADDRNOTAVAIL;
  }

  addMembership(multicastAddress: string, multicastInterface?: string): void {
    this.#membership(multicastAddress, multicastInterface, 'addMembership');
  }

  dropMembership(multicastAddress: string, multicastInterface?: string): void {
    this.#membership(multicastAddress, multicastInterface, 'dropMembership');
  }

  #membership(
    group: string,
    multicastInterface: string | undefined,
    syscall: 'addMembership' | 'dropMembership',
  ): void {
    this.check();
    if (!group) throw nodeError('ERR_MISSING_ARGS', 'The "multicastAddress" argument must be specified');
    const { udp } = this.network;
    let result = this.#interface(multicastInterface);
    if (result >= 0) {
      const iface = result;
      result = !words.read(group)
        ? -EINVAL
        : syscall === 'addMembership'
          ? udp.join(this.handle, words.w0, words.w1, words.w2, words.w3, iface || words.zone)
          : udp.leave(this.handle, words.w0, words.w1, words.w2, words.w3, iface || words.zone);
    }
    if (result < 0) throw errnoError(result, syscall);
  }

  /** Source filters are not among the stack's abilities: EOPNOTSUPP. */
  addSourceSpecificMembership(sourceAddress: string, groupAddress: string): void {
    this.#sourceSpecific(sourceAddress, groupAddress, 'addSourceSpecificMembership');
  }

  dropSourceSpecificMembership(sourceAddress: string, groupAddress: string): void {
    this.#sourceSpecific(sourceAddress, groupAddress, 'dropSourceSpecificMembership');
  }

  #sourceSpecific(sourceAddress: string, groupAddress: string, syscall: string): never {
    this.check();
    checkString(sourceAddress, 'sourceAddress');
    checkString(groupAddress, 'groupAddress');
    throw errnoError(EOPNOTSUPP, syscall);
  }

  #checkSize(size: number): void {
    this.check();
    if (size >>> 0 !== size) throw nodeError('ERR_SOCKET_BAD_BUFFER_SIZE');
  }

  /** Bytes; each datagram counts 48 more. */
  setRecvBufferSize(size: number): void {
    this.#checkSize(size);
    this.#set(UDP_OPTION_RECEIVE_BUFFER, size, 'uv_recv_buffer_size');
  }

  getRecvBufferSize(): number {
    this.check();
    return this.network.udp.get(this.handle, UDP_OPTION_RECEIVE_BUFFER);
  }

  setSendBufferSize(size: number): void {
    this.#checkSize(size);
    this.#sendBuffer = size;
  }

  getSendBufferSize(): number {
    this.check();
    return this.#sendBuffer;
  }
}
