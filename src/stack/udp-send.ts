// UDP output (RFC 768) and echo requests of ping sockets: the way, the header, our own copy of what goes to groups.
// Called by udp; calls routes, output and udp-input (groups of our own).

import { put16 } from '../base/bytes.ts';
import { DROP_LINK_FULL, DROP_NEIGHBOUR_UNREACHABLE, DROP_NO_MEMORY } from '../base/drop.ts';
import { EACCES, EAGAIN, EHOSTUNREACH, EINVAL, EMSGSIZE, ENETUNREACH } from '../base/errno.ts';
import { ICMP_CHECKSUM_OFFSET, ICMP4_ECHO, ICMP4_HEADER_LENGTH } from '../wire/icmp4.ts';
import { ICMP6_ECHO } from '../wire/icmp6.ts';
import { IP4_HEADER_LENGTH, IP4_MAX_LENGTH, PROTO_ICMP4, PROTO_UDP } from '../wire/ip4.ts';
import { PROTO_ICMP6 } from '../wire/ip6.ts';
import { putUdpHeader, UDP_CHECKSUM_OFFSET, UDP_HEADER_LENGTH } from '../wire/udp.ts';
import { isIp4, isMulticast } from './address-kinds.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { Interfaces } from './interfaces.ts';
import type { Output } from './output.ts';
import type { Routes } from './routes.ts';
import type { UdpInput } from './udp-input.ts';
import {
  BROADCAST,
  DONT_FRAGMENT,
  FLAGS,
  IFACE,
  IP6,
  isAny,
  KEY,
  LOCAL,
  MULTICAST_IFACE,
  MULTICAST_LOOP,
  MULTICAST_TTL,
  PING,
  TRAFFIC_CLASS,
  TTL,
  type UdpRows,
} from './udp-rows.ts';
import { Way } from './way.ts';

const UDP_SENT: number = counter('udp_sent');
const ICMP_SENT: number = counter('icmp_sent');
/** The largest payload: of IPv4 because its packet ends at 65535, of IPv6 because UDP's length does. */
const LONGEST4: number = IP4_MAX_LENGTH - IP4_HEADER_LENGTH;
const LONGEST6 = 65535;

export class UdpSend {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #routes: Routes;
  readonly #output: Output;
  readonly #rows: UdpRows;
  readonly #input: UdpInput;
  readonly #way: Way = new Way();
  // What the way was found for: while it is the same again and routes have not changed, it still holds.
  #row = 0;
  #epoch = -1;
  #iface = 0;
  #dst0 = 0;
  #dst1 = 0;
  #dst2 = 0;
  #dst3 = 0;

  constructor(core: Core, interfaces: Interfaces, routes: Routes, output: Output, rows: UdpRows, input: UdpInput) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#routes = routes;
    this.#output = output;
    this.#rows = rows;
    this.#input = input;
  }

  /** Addresses, interfaces or options of some socket have changed: the way kept from its last datagram no longer holds. */
  forget(): void {
    this.#epoch = -1;
  }

  /**
   * Finds the way from the socket `row` to an address (four words) by `iface` (0: as the socket and the routes have it), with
   * its options. 0, or -errno of routes.findWay; -EACCES for a broadcast address without permission (RFC 1122 section
   * 4.1.3.6 leaves that to the interface; sockets want SO_BROADCAST); -ENETUNREACH where the socket does not speak
   * that version.
   */
  findWay(row: number, w0: number, w1: number, w2: number, w3: number, iface: number): number {
    const way = this.#way;
    const i32 = this.#core.i32;
    const c = this.#rows.cell(row);
    if (
      this.#epoch === this.#routes.epoch &&
      this.#row === row &&
      this.#iface === iface &&
      this.#dstIs(w0, w1, w2, w3)
    ) {
      return 0;
    }
    this.#epoch = -1;
    const l0 = i32[c + LOCAL]!;
    const l1 = i32[c + LOCAL + 1]!;
    const l2 = i32[c + LOCAL + 2]!;
    const l3 = i32[c + LOCAL + 3]!;
    const four = isIp4(w0, w1, w2);
    // Bound to a group or a broadcast address, a socket sends from what the route chooses.
    const own = !isAny(l0, l1, l2, l3) && this.#interfaces.isLocal(0, l0, l1, l2, l3);
    if (own && isIp4(l0, l1, l2) !== four) return -ENETUNREACH;
    const multicast = isMulticast(w0, w1, w2, w3);
    way.iface = iface !== 0 ? iface : i32[c + IFACE]!;
    if (multicast && way.iface === 0) way.iface = i32[c + MULTICAST_IFACE]!;
    way.dst0 = w0;
    way.dst1 = w1;
    way.dst2 = w2;
    way.dst3 = w3;
    way.src0 = own ? l0 : 0;
    way.src1 = own ? l1 : 0;
    way.src2 = own ? l2 : 0;
    way.src3 = own ? l3 : 0;
    const error = this.#routes.findWay(way);
    if (error !== 0) return error;
    const flags = i32[c + FLAGS]!;
    if (four && !multicast && (flags & BROADCAST) === 0 && this.#interfaces.isBroadcast(way.iface, w3)) return -EACCES;
    if (multicast) way.hopLimit = i32[c + MULTICAST_TTL]!;
    else if (i32[c + TTL] !== 0) way.hopLimit = i32[c + TTL]!;
    way.trafficClass = i32[c + TRAFFIC_CLASS]!;
    way.dontFragment = (flags & DONT_FRAGMENT) !== 0;
    this.#row = row;
    this.#iface = iface;
    this.#dst0 = w0;
    this.#dst1 = w1;
    this.#dst2 = w2;
    this.#dst3 = w3;
    this.#epoch = this.#routes.epoch;
    return 0;
  }

  /** The way that findWay() found last. */
  get way(): Way {
    return this.#way;
  }

  /**
   * Sends `n` bytes of `src` from `from` along the way found, to `port`. Returns n or -errno: -EMSGSIZE; -EAGAIN: no room now, the
   * socket is told when there is; -EHOSTUNREACH, -ENETUNREACH.
   */
  send(row: number, src: Uint8Array, from: number, n: number, port: number): number {
    const way = this.#way;
    const i32 = this.#core.i32;
    const flags = i32[this.#rows.cell(row) + FLAGS]!;
    const ping = (flags & PING) !== 0;
    const header = ping ? 0 : UDP_HEADER_LENGTH;
    if (header + n > (way.version === 4 ? LONGEST4 : LONGEST6)) return -EMSGSIZE;
    if (ping && !this.#isEcho(src, from, n, flags)) return -EINVAL;
    if (this.#output.room(way.iface) <= 0) return this.#wait(row);
    const l4 = this.#output.open(header + n);
    if (l4 === 0) return this.#wait(row);
    copy(src, from, n, this.#core.u8, l4 + header);
    if (ping) return this.#finish(row, l4, n, this.#putEcho(row, l4, flags), ICMP_CHECKSUM_OFFSET, n);
    const key = i32[this.#rows.cell(row) + KEY]!;
    putUdpHeader(this.#core.u8, l4, key & 0xffff, port, header + n);
    if (way.neighbour === 0 && this.#toOurselves(way)) {
      if ((flags & MULTICAST_LOOP) !== 0) this.#loop(way, l4, n, key & 0xffff, port);
      if (way.hopLimit === 0) {
        this.#core.frames.free(l4);
        return n;
      }
    }
    this.#core.counters.add(UDP_SENT, 1);
    return this.#finish(row, l4, header + n, PROTO_UDP, UDP_CHECKSUM_OFFSET, n);
  }

  #finish(row: number, l4: number, length: number, protocol: number, sumOffset: number, n: number): number {
    const result = this.#output.send(this.#way, l4, length, protocol, sumOffset);
    if (result === 0) return n;
    if (result < 0) return result;
    if (result === DROP_NO_MEMORY || result === DROP_LINK_FULL) return this.#wait(row);
    return result === DROP_NEIGHBOUR_UNREACHABLE ? -EHOSTUNREACH : -ENETUNREACH;
  }

  #wait(row: number): number {
    this.#rows.block(row, this.#way.iface);
    return -EAGAIN;
  }

  /** What a ping socket may send: a whole echo request, as on Linux (its identifier and checksum are ours to fill in). */
  #isEcho(src: Uint8Array, from: number, n: number, flags: number): boolean {
    const type = (flags & IP6) !== 0 ? ICMP6_ECHO : ICMP4_ECHO;
    return n >= ICMP4_HEADER_LENGTH && src[from] === type && src[from + 1] === 0;
  }

  #putEcho(row: number, l4: number, flags: number): number {
    put16(this.#core.u8, l4 + 4, this.#core.i32[this.#rows.cell(row) + KEY]! & 0xffff);
    this.#core.counters.add(ICMP_SENT, 1);
    return (flags & IP6) !== 0 ? PROTO_ICMP6 : PROTO_ICMP4;
  }

  /** Whether sockets of this stack are among those a datagram is for: members of the group, all for a broadcast. */
  #toOurselves(way: Way): boolean {
    if (isMulticast(way.dst0, way.dst1, way.dst2, way.dst3)) {
      return this.#interfaces.joined(way.iface, way.dst0, way.dst1, way.dst2, way.dst3);
    }
    return way.version === 4 && this.#interfaces.isBroadcast(way.iface, way.dst3);
  }

  /** A group's datagram for our own sockets (RFC 1112 section 6.1, IP_MULTICAST_LOOP). */
  #loop(way: Way, l4: number, n: number, localPort: number, port: number): void {
    const d = this.#input.datagram;
    d.port = localPort;
    d.iface = way.iface;
    d.hopLimit = way.hopLimit;
    d.trafficClass = way.trafficClass;
    d.src0 = way.src0;
    d.src1 = way.src1;
    d.src2 = way.src2;
    d.src3 = way.src3;
    d.dst0 = way.dst0;
    d.dst1 = way.dst1;
    d.dst2 = way.dst2;
    d.dst3 = way.dst3;
    this.#input.deliverGroup(port, l4 + UDP_HEADER_LENGTH, n, way.iface);
  }

  #dstIs(w0: number, w1: number, w2: number, w3: number): boolean {
    return this.#dst3 === w3 && this.#dst2 === w2 && this.#dst1 === w1 && this.#dst0 === w0;
  }
}

/** Copies n bytes: a loop below 64, where it beats making a view; none where the bytes are in the arena already. */
function copy(src: Uint8Array, from: number, n: number, into: Uint8Array, at: number): void {
  if (src === into) into.copyWithin(at, from, from + n);
  else if (n < 64) for (let i = 0; i < n; i++) into[at + i] = src[from + i]!;
  else into.set(from === 0 && n === src.length ? src : src.subarray(from, from + n), at);
}
