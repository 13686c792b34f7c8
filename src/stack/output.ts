// IP output: writes IP and Ethernet headers in front of an upper layer's bytes, sums, fragments, and fills the interfaces' batches.
// Called by tcp (segment), udp and icmp (send) and stack.ts (flush); calls neighbours, interfaces' links and wire.
//
//   frame            HEADROOM (link's)   Ethernet 14   IPv4 20 / IPv6 40   upper layer
//   +----------------+-------------------+-------------+-------------------+--------------------------
//   ^ alloc                                                                ^ l4 = frame + L4_OFFSET
//
// IPv4 headers end at l4 too, so that the same frame serves both versions. A frame given to send() or segment() is gone.

import { put16, put32 } from '../base/bytes.ts';
import { DROP_LINK_FULL, DROP_NEIGHBOUR_UNREACHABLE, DROP_NO_MEMORY, DROP_UNREACHABLE } from '../base/drop.ts';
import { EMSGSIZE } from '../base/errno.ts';
import { BATCH, BATCH_PIECES } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { fold, pseudo4, pseudo6At } from '../wire/checksum.ts';
import {
  ETH_HEADER_LENGTH,
  ETH_IP4_MULTICAST_HI,
  ETH_IP6_MULTICAST_HI,
  ETHERTYPE_IP4,
  ETHERTYPE_IP6,
  ethIp4MulticastLo,
  putEthHeader,
} from '../wire/eth.ts';
import { IP4_FLAG_DF, IP4_FLAG_MF, IP4_HEADER_LENGTH, PROTO_ICMP4, PROTO_TCP, PROTO_UDP } from '../wire/ip4.ts';
import {
  IP6_FRAGMENT_LENGTH,
  IP6_HEADER_LENGTH,
  PROTO_IP6_FRAGMENT,
  putIp6Dst,
  putIp6Fragment,
  putIp6Header,
  putIp6Src,
} from '../wire/ip6.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { Interface } from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import type { Neighbours } from './neighbours.ts';
import type { Way } from './way.ts';

/** Where the upper layer starts in a frame. */
export const L4_OFFSET: number = HEADROOM + ETH_HEADER_LENGTH + IP6_HEADER_LENGTH;

/** The largest length that either version's 16-bit field can say. */
const MAX_LENGTH = 65535;
/** Pieces that one entry of a batch may need; a batch with fewer left counts as full. */
const PIECES_RESERVE = 256;
/** Counters of identification fields (RFC 7739 section 5.3): a power of two. */
const ID_CELLS = 1024;

const IP4_SENT: number = counter('ip4_sent');
const IP6_SENT: number = counter('ip6_sent');
const FRAGMENTS_SENT: number = counter('fragments_sent');

export class Output {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #neighbours: Neighbours;
  readonly #u8: Uint8Array;
  readonly #ids: number;

  constructor(core: Core, interfaces: Interfaces, neighbours: Neighbours) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#neighbours = neighbours;
    this.#u8 = core.u8;
    this.#ids = core.arena.region('ip.ids', ID_CELLS * 4) >> 2;
    for (let i = 0; i < ID_CELLS; i++) core.i32[this.#ids + i] = core.rng.int32();
  }

  /**
   * Takes a frame with room for `bytes` of upper layer (its header and payload): returns the arena offset where that
   * starts, or 0 when no frame is free. A frame that is not sent is given back by frames.free(l4).
   */
  open(bytes: number): number {
    const frame = this.#core.frames.alloc(bytes + L4_OFFSET - HEADROOM);
    return frame === 0 ? 0 : frame + L4_OFFSET;
  }

  /**
   * Sends one whole upper-layer message [l4, l4 + length) that lies in an opened frame. Writes the headers in front, and
   * the checksum at l4 + sumOffset if sumOffset >= 0, fragments beyond way.mtu, and hands the packet to the neighbour's
   * queue while its address is not known. Takes the frame in every case. The checksum is complete even where the link
   * could do it: summing an MTU's worth costs less than the bookkeeping, and captures show it whole.
   *
   * Returns 0 (sent or queued), a positive drop reason (counted here), or -EMSGSIZE: longer than any packet, or than
   * the path where way.dontFragment forbids to cut it (RFC 1191 section 3, RFC 8201 section 5.1).
   */
  send(way: Way, l4: number, length: number, protocol: number, sumOffset: number): number {
    const header = way.version === 4 ? IP4_HEADER_LENGTH : IP6_HEADER_LENGTH;
    const iface = this.#interfaces.get(way.iface);
    if (length + header > way.mtu) return this.#sendLarge(iface, way, l4, length, protocol, sumOffset);
    const ready = this.#neighbours.ready(way.neighbour);
    if (ready < 0) return this.#drop(l4, DROP_NEIGHBOUR_UNREACHABLE);
    if (ready === 1 && this.#room(iface) <= 0) return this.#drop(l4, DROP_LINK_FULL);
    const l3 = l4 - header;
    this.#ipHeader(way, l3, length, protocol);
    if (sumOffset >= 0) this.#checksum(way, l4, length, protocol, sumOffset);
    if (ready === 0) this.#neighbours.enqueue(way.neighbour, l3, header + length);
    else this.#push(iface, way, l3, header + length);
    return 0;
  }

  /** How many more frames interface `index` takes in this pass; flushes a full batch first. */
  room(index: number): number {
    return this.#room(this.#interfaces.get(index));
  }

  /**
   * TCP's path: writes IP and Ethernet headers in front of a TCP header at `l4` of `headerLength` bytes, whose `payload`
   * bytes the caller adds as pieces (tx.pushPiece), and pushes the entry; checksum, its flags and gsoSize are the caller's.
   * Only when neighbours.ready(way.neighbour) is 1 and room(way.iface) > 0. Lengths are those of the whole superframe.
   * Returns the entry's index in the interface's tx batch.
   */
  segment(way: Way, l4: number, headerLength: number, payload: number): number {
    const iface = this.#interfaces.get(way.iface);
    const l3 = l4 - (way.version === 4 ? IP4_HEADER_LENGTH : IP6_HEADER_LENGTH);
    this.#ipHeader(way, l3, headerLength + payload, PROTO_TCP);
    return this.#push(iface, way, l3, l4 - l3 + headerLength);
  }

  /** Hands every interface's batch to its link. End of pass. */
  flush(): void {
    const list = this.#interfaces.list;
    for (let i = 1; i < list.length; i++) {
      const iface = list[i];
      if (iface) iface.flush();
    }
  }

  /**
   * The next identification for fragments to way.dst: a counter in a cell that a keyed hash of the addresses names, plus
   * that hash (RFC 7739 section 5.3): unique for long on one path (RFC 6864 section 4), and telling others nothing.
   */
  nextId(way: Way, protocol: number): number {
    const hash = this.#core.flowHash.hash(way.dst0, way.dst1, way.dst2, way.dst3, way.src3, protocol);
    const cell = this.#ids + (hash & (ID_CELLS - 1));
    const i32 = this.#core.i32;
    i32[cell] = i32[cell]! + 1;
    return (i32[cell]! + hash) | 0;
  }

  #room(iface: Interface): number {
    const tx = iface.tx;
    if (tx.count === BATCH || tx.pieceCount > BATCH_PIECES - PIECES_RESERVE) iface.flush();
    const room = iface.link.room();
    return (room < BATCH ? room : BATCH) - tx.count;
  }

  #drop(l4: number, reason: number): number {
    this.#core.frames.free(l4);
    this.#core.counters.drop(reason);
    return reason;
  }

  /**
   * Writes the IP header of an unfragmented packet at `l3`. With DF set the identification means nothing (RFC 6864).
   * On a path no wider than the floor of what we believe, routers may have to fragment further: no DF there.
   */
  #ipHeader(way: Way, l3: number, length: number, protocol: number): void {
    if (way.version === 4) {
      const df = way.dontFragment && way.mtu > this.#core.settings.pathMtuMin;
      this.#header4(way, l3, length, protocol, df ? 0 : this.nextId(way, protocol), df ? IP4_FLAG_DF : 0);
    } else {
      this.#header6(way, l3, length, protocol);
    }
  }

  /** An IPv4 header with its checksum, which is summed from what is written anyway instead of being read back. */
  #header4(way: Way, l3: number, length: number, protocol: number, id: number, flagsAndOffset: number): void {
    const b = this.#u8;
    const first = 0x4500 | (way.trafficClass & 0xff);
    const total = IP4_HEADER_LENGTH + length;
    const ttl = (way.hopLimit << 8) | protocol;
    const src = way.src3;
    const dst = way.dst3;
    put16(b, l3, first);
    put16(b, l3 + 2, total);
    put16(b, l3 + 4, id);
    put16(b, l3 + 6, flagsAndOffset);
    put16(b, l3 + 8, ttl);
    let sum = first + total + (id & 0xffff) + flagsAndOffset + ttl;
    sum += (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff);
    sum = (sum & 0xffff) + (sum >>> 16);
    put16(b, l3 + 10, ~(sum + (sum >>> 16)));
    put32(b, l3 + 12, src);
    put32(b, l3 + 16, dst);
    this.#core.counters.add(IP4_SENT, 1);
  }

  #header6(way: Way, l3: number, length: number, protocol: number): void {
    const b = this.#u8;
    putIp6Header(b, l3, way.trafficClass, way.flowLabel, length, protocol, way.hopLimit);
    putIp6Src(b, l3, way.src0, way.src1, way.src2, way.src3);
    putIp6Dst(b, l3, way.dst0, way.dst1, way.dst2, way.dst3);
    this.#core.counters.add(IP6_SENT, 1);
  }

  /** The upper layer's checksum. Of the IP header, IPv6's addresses stand. */
  #checksum(way: Way, l4: number, length: number, protocol: number, sumOffset: number): void {
    const b = this.#u8;
    let sum = 0;
    if (way.version === 6) sum = pseudo6At(b, l4 - IP6_HEADER_LENGTH, protocol, length);
    else if (protocol !== PROTO_ICMP4) sum = pseudo4(way.src3, way.dst3, protocol, length);
    put16(b, l4 + sumOffset, 0);
    const checksum = ~fold(sum + this.#core.sum.sum(l4, length)) & 0xffff;
    // Zero would say "no checksum" in UDP (RFC 768).
    put16(b, l4 + sumOffset, checksum === 0 && protocol === PROTO_UDP ? 0xffff : checksum);
  }

  /** Puts the Ethernet header in front of the packet at `l3`, where there is one, and the entry into the batch. */
  #push(iface: Interface, way: Way, l3: number, length: number): number {
    if (!iface.ethernet) return iface.tx.push(l3, length);
    let hi: number;
    let lo: number;
    if (way.neighbour !== 0) {
      hi = this.#neighbours.macHi(way.neighbour);
      lo = this.#neighbours.macLo(way.neighbour);
    } else if (way.version === 6) {
      hi = ETH_IP6_MULTICAST_HI;
      lo = way.dst3;
    } else if (way.dst3 >>> 28 === 14) {
      hi = ETH_IP4_MULTICAST_HI;
      lo = ethIp4MulticastLo(way.dst3);
    } else {
      hi = 0xffff;
      lo = -1;
    }
    const at = l3 - ETH_HEADER_LENGTH;
    putEthHeader(this.#u8, at, hi, lo, iface.macHi, iface.macLo, way.version === 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
    return iface.tx.push(at, length + ETH_HEADER_LENGTH);
  }

  /** What does not fit the path: refused, or cut into fragments (RFC 791 section 3.2, RFC 8200 section 4.5). */
  #sendLarge(iface: Interface, way: Way, l4: number, length: number, protocol: number, sumOffset: number): number {
    const header = way.version === 4 ? IP4_HEADER_LENGTH : IP6_HEADER_LENGTH;
    const longest = way.version === 4 ? MAX_LENGTH - IP4_HEADER_LENGTH : MAX_LENGTH;
    const extra = way.version === 4 ? 0 : IP6_FRAGMENT_LENGTH;
    const size = (way.mtu - header - extra) & ~7;
    if (way.dontFragment || length > longest) {
      this.#core.frames.free(l4);
      return -EMSGSIZE;
    }
    if (size <= 0) return this.#drop(l4, DROP_UNREACHABLE);
    // The pseudo-header of IPv6 is summed from the header's place; the fragments' own headers are written later.
    if (sumOffset >= 0) {
      if (way.version === 6) this.#sumHeader6(way, l4 - IP6_HEADER_LENGTH);
      this.#checksum(way, l4, length, protocol, sumOffset);
    }
    const id = this.nextId(way, protocol);
    let drop = 0;
    for (let at = 0; at < length && drop === 0; at += size) {
      const n = length - at < size ? length - at : size;
      drop = this.#sendFragment(iface, way, l4, at, n, at + n < length, protocol, id);
    }
    this.#core.frames.free(l4);
    if (drop !== 0) this.#core.counters.drop(drop);
    return drop;
  }

  #sumHeader6(way: Way, l3: number): void {
    putIp6Src(this.#u8, l3, way.src0, way.src1, way.src2, way.src3);
    putIp6Dst(this.#u8, l3, way.dst0, way.dst1, way.dst2, way.dst3);
  }

  /** Copies [from + at, + n) into a frame of its own behind the headers of a fragment. Returns 0 or a drop reason. */
  #sendFragment(
    iface: Interface,
    way: Way,
    from: number,
    at: number,
    n: number,
    more: boolean,
    protocol: number,
    id: number,
  ): number {
    const ready = this.#neighbours.ready(way.neighbour);
    if (ready < 0) return DROP_NEIGHBOUR_UNREACHABLE;
    if (ready === 1 && this.#room(iface) <= 0) return DROP_LINK_FULL;
    const extra = way.version === 4 ? 0 : IP6_FRAGMENT_LENGTH;
    const l4 = this.open(n + extra);
    if (l4 === 0) return DROP_NO_MEMORY;
    let l3 = l4 - IP4_HEADER_LENGTH;
    if (way.version === 4) {
      this.#header4(way, l3, n, protocol, id, (at >> 3) | (more ? IP4_FLAG_MF : 0));
    } else {
      l3 = l4 - IP6_HEADER_LENGTH;
      this.#header6(way, l3, n + extra, PROTO_IP6_FRAGMENT);
      putIp6Fragment(this.#u8, l4, protocol, at, more, id);
    }
    this.#u8.copyWithin(l4 + extra, from + at, from + at + n);
    this.#core.counters.add(FRAGMENTS_SENT, 1);
    const length = l4 - l3 + extra + n;
    if (ready === 0) this.#neighbours.enqueue(way.neighbour, l3, length);
    else this.#push(iface, way, l3, length);
    return 0;
  }
}
