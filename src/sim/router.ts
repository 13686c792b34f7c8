// A router of a simulation: static routes, one hop less, packets too large for the next link refused or cut, errors by ICMP.
// Made by sim.ts, which gives it its routes; called by the lines that lead to it; calls the lines that lead away.
//
// It takes no time and has no queue of its own: queues are those of its lines, which is where a router's are.

import { parseCidr } from '../base/address.ts';
import { get32 } from '../base/bytes.ts';
import {
  ICMP4_FRAGMENTATION_NEEDED,
  ICMP4_NET_UNREACHABLE,
  ICMP4_TIME_EXCEEDED,
  ICMP4_TTL_EXCEEDED,
  ICMP4_UNREACHABLE,
  icmp4IsError,
} from '../wire/icmp4.ts';
import {
  ICMP6_HOP_LIMIT_EXCEEDED,
  ICMP6_NO_ROUTE,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_TIME_EXCEEDED,
  ICMP6_UNREACHABLE,
  icmp6IsError,
} from '../wire/icmp6.ts';
import {
  ip4Check,
  ip4ChecksumOk,
  ip4DontFragment,
  ip4Dst,
  ip4FragOffset,
  ip4Ihl,
  ip4Protocol,
  ipVersion,
  PROTO_ICMP4,
} from '../wire/ip4.ts';
import { IP6_HEADER_LENGTH, ip6Check, ip6Dst, ip6NextHeader, PROTO_ICMP6 } from '../wire/ip6.ts';
import { fragment4, hop } from './forward.ts';
import type { IcmpWriter } from './icmp-error.ts';
import type { Line } from './line.ts';
import type { Net, Node } from './net.ts';

/** What happened to packets in a router. */
export interface RouterCounters {
  forwarded: number;
  malformed: number;
  noRoute: number;
  expired: number;
  tooBig: number;
  fragmented: number;
  errorsSent: number;
}

/** A route: `bits` of the prefix (of 128) in words, and the port it leads to. */
interface Route {
  readonly words: Int32Array;
  readonly bits: number;
  readonly port: number;
}

export class Router implements Node {
  readonly name: string;
  /** N of its addresses 10.0.0.N and fd00::N, which its ICMP errors come from. */
  readonly number: number;
  readonly counters: RouterCounters = {
    forwarded: 0,
    malformed: 0,
    noRoute: 0,
    expired: 0,
    tooBig: 0,
    fragmented: 0,
    errorsSent: 0,
  };
  /** Whether it tells by ICMP of what it cannot send on. False makes it a black hole (RFC 2923). */
  icmp = true;
  /** The lines that lead away, by port. */
  readonly lines: Line[] = [];
  /** The port for node number N; -1: none. Filled by the simulation. */
  toNode: Int32Array = new Int32Array(0);
  readonly #net: Net;
  readonly #writer: IcmpWriter;
  readonly #routes: Route[] = [];

  constructor(net: Net, name: string, number: number, writer: IcmpWriter) {
    this.#net = net;
    this.name = name;
    this.number = number;
    this.#writer = writer;
  }

  /** Sends what is for `prefix` ("192.0.2.0/24", "2001:db8::/32") through `line`. Goes before what the simulation found itself; longest prefix first. */
  route(prefix: string, line: Line): void {
    const words = new Int32Array(4);
    const bits = parseCidr(prefix, words, 0);
    const port = this.lines.indexOf(line);
    if (bits < 0) throw new RangeError(`${prefix}: not a prefix`);
    if (port < 0) throw new RangeError(`${line.name} does not begin at ${this.name}`);
    this.#routes.push({ words, bits, port });
    this.#routes.sort((a, b) => b.bits - a.bits);
  }

  receive(_port: number, slot: number, length: number): void {
    const b = this.#net.u8;
    const version = ipVersion(b, slot);
    const end = slot + length;
    // RFC 1812 section 5.2.2: what is no packet, or was damaged, goes no further.
    if (
      version === 4
        ? ip4Check(b, slot, end) !== 0 || !ip4ChecksumOk(b, slot)
        : version !== 6 || ip6Check(b, slot, end) !== 0
    ) {
      this.counters.malformed++;
      this.#net.free(slot);
      return;
    }
    const port =
      version === 4
        ? this.#find(0, 0, 0xffff, ip4Dst(b, slot))
        : this.#find(ip6Dst(b, slot, 0), ip6Dst(b, slot, 1), ip6Dst(b, slot, 2), ip6Dst(b, slot, 3));
    if (port < 0) {
      this.counters.noRoute++;
      this.#refuse(
        slot,
        length,
        version,
        ICMP4_UNREACHABLE,
        ICMP4_NET_UNREACHABLE,
        ICMP6_UNREACHABLE,
        ICMP6_NO_ROUTE,
        0,
      );
      return;
    }
    const line = this.lines[port]!;
    if (!hop(b, slot)) {
      this.counters.expired++;
      this.#refuse(
        slot,
        length,
        version,
        ICMP4_TIME_EXCEEDED,
        ICMP4_TTL_EXCEEDED,
        ICMP6_TIME_EXCEEDED,
        ICMP6_HOP_LIMIT_EXCEEDED,
        0,
      );
      return;
    }
    if (length > line.mtu) {
      this.#large(slot, length, version, line);
      return;
    }
    this.counters.forwarded++;
    line.send(slot, length);
  }

  #large(slot: number, length: number, version: number, line: Line): void {
    if (version === 6 || ip4DontFragment(this.#net.u8, slot)) {
      this.counters.tooBig++;
      this.#refuse(
        slot,
        length,
        version,
        ICMP4_UNREACHABLE,
        ICMP4_FRAGMENTATION_NEEDED,
        ICMP6_PACKET_TOO_BIG,
        0,
        line.mtu,
      );
      return;
    }
    this.counters.fragmented++;
    fragment4(this.#net, slot, length, line);
  }

  #find(w0: number, w1: number, w2: number, w3: number): number {
    for (const r of this.#routes) if (covers(r, w0, w1, w2, w3)) return r.port;
    const mapped = (w0 | w1) === 0 && w2 === 0xffff && w3 >>> 16 === 0x0a00;
    const own = w0 === 0xfd00 << 16 && (w1 | w2) === 0 && w3 >>> 16 === 0;
    return mapped || own ? (this.toNode[w3 & 0xffff] ?? -1) : -1;
  }

  /** Drops the packet, and tells its sender why unless errors about it are forbidden (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e). */
  #refuse(
    slot: number,
    length: number,
    version: number,
    type4: number,
    code4: number,
    type6: number,
    code6: number,
    rest: number,
  ): void {
    const b = this.#net.u8;
    const inner = version === 4 ? ip4Protocol(b, slot) : ip6NextHeader(b, slot);
    const l4 = slot + (version === 4 ? ip4Ihl(b, slot) : IP6_HEADER_LENGTH);
    const later = version === 4 && ip4FragOffset(b, slot) !== 0;
    const error =
      version === 4 ? inner === PROTO_ICMP4 && icmp4IsError(b[l4]!) : inner === PROTO_ICMP6 && icmp6IsError(b[l4]!);
    // The error goes the way the sender's packets come back; an address without a route gets none.
    const back =
      version === 4
        ? this.#find(0, 0, 0xffff, get32(b, slot + 12))
        : this.#find(get32(b, slot + 8), get32(b, slot + 12), get32(b, slot + 16), get32(b, slot + 20));
    if (this.icmp && !later && !error && back >= 0) {
      this.counters.errorsSent++;
      this.#writer.type = version === 4 ? type4 : type6;
      this.#writer.code = version === 4 ? code4 : code6;
      this.#writer.rest = rest;
      this.#writer.send(slot, length, version, this.number, this.lines[back]!);
    }
    this.#net.free(slot);
  }

  flush(): void {}
}

function covers(r: Route, w0: number, w1: number, w2: number, w3: number): boolean {
  const w = [w0, w1, w2, w3];
  for (let i = 0, bits = r.bits; i < 4 && bits > 0; i++, bits -= 32) {
    const mask = bits >= 32 ? -1 : ~(-1 >>> bits);
    if (((w[i]! ^ r.words[i]!) & mask) !== 0) return false;
  }
  return true;
}
