// IPv6 input: is this packet well formed, for us, and from a sender that may exist? (RFC 8200, RFC 4291, RFC 8504)
// Called by ip-input with an IPv6 packet; calls wire's walk over the extension headers, interfaces, reassembly and icmp-errors.

import { DROP_MALFORMED, DROP_MARTIAN, DROP_NDP_INVALID, DROP_NOT_OURS, DROP_UNKNOWN_PROTOCOL } from '../base/drop.ts';
import { ICMP6_PARAMETER_PROBLEM } from '../wire/icmp6.ts';
import { PROTO_TCP, PROTO_UDP } from '../wire/ip4.ts';
import {
  IP6_HEADER_LENGTH,
  ip6Check,
  ip6Dst,
  ip6HopLimit,
  ip6PayloadLength,
  ip6Src,
  ip6TrafficClass,
  PROTO_ICMP6,
  PROTO_NO_NEXT_HEADER,
} from '../wire/ip6.ts';
import { Ip6Chain, ip6UnknownProtocol, ip6Walk } from '../wire/ip6-chain.ts';
import { ndpIs } from '../wire/ndp.ts';
import { isIp4, isLinkLocal, isLoopback } from './address-kinds.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { Interfaces } from './interfaces.ts';
import type { Packet } from './packet.ts';
import type { Reassembly } from './reassembly.ts';

const IP6_RECEIVED: number = counter('ip6_received');

export class Ip6Input {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #reassembly: Reassembly;
  readonly #errors: IcmpErrors;
  readonly #chain: Ip6Chain = new Ip6Chain();

  constructor(core: Core, interfaces: Interfaces, reassembly: Reassembly, errors: IcmpErrors) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#reassembly = reassembly;
    this.#errors = errors;
  }

  /** The packet at [p.l3, p.end). Returns 0 to deliver p.protocol at [p.l4, p.end), CONSUMED, or a drop reason. */
  input(p: Packet): number {
    const b = this.#core.u8;
    this.#core.counters.add(IP6_RECEIVED, 1);
    const bad = ip6Check(b, p.l3, p.end);
    if (bad !== 0) return bad;
    p.end = p.l3 + IP6_HEADER_LENGTH + ip6PayloadLength(b, p.l3);
    p.version = 6;
    p.src0 = ip6Src(b, p.l3, 0);
    p.src1 = ip6Src(b, p.l3, 1);
    p.src2 = ip6Src(b, p.l3, 2);
    p.src3 = ip6Src(b, p.l3, 3);
    p.dst0 = ip6Dst(b, p.l3, 0);
    p.dst1 = ip6Dst(b, p.l3, 1);
    p.dst2 = ip6Dst(b, p.l3, 2);
    p.dst3 = ip6Dst(b, p.l3, 3);
    const wrong = this.#addresses(p);
    if (wrong !== 0) return wrong;
    const chain = this.#chain;
    let drop = ip6Walk(b, p.l3, chain);
    if (drop !== 0) return this.#refuse(p, drop);
    if (chain.isFragment) {
      const stored = this.#reassembly.add6(p, chain);
      if (stored !== 0) return stored;
      drop = ip6Walk(b, p.l3, chain);
      // A packet within whose fragments there is another fragment header: nobody sends that.
      if (drop === 0 && chain.isFragment) return DROP_MALFORMED;
      if (drop !== 0) return this.#refuse(p, drop);
    }
    return this.#deliver(p);
  }

  #deliver(p: Packet): number {
    const b = this.#core.u8;
    const chain = this.#chain;
    const protocol = chain.protocol;
    p.protocol = protocol;
    p.hopLimit = ip6HopLimit(b, p.l3);
    p.trafficClass = ip6TrafficClass(b, p.l3);
    p.l4 = chain.offset;
    const unspecified = (p.src0 | p.src1 | p.src2 | p.src3) === 0;
    if (protocol === PROTO_ICMP6) {
      // RFC 6980 section 5: neighbour discovery in fragments is not believed, atomic ones included.
      const fragmented = p.reassembled !== 0 || chain.fragment >= 0;
      return fragmented && p.l4 < p.end && ndpIs(b[p.l4]!) ? DROP_NDP_INVALID : 0;
    }
    // Only ICMPv6 has a use for the unspecified source (RFC 4291 section 2.5.2).
    if (unspecified) return DROP_MARTIAN;
    if (protocol === PROTO_TCP || protocol === PROTO_UDP) return 0;
    if (protocol !== PROTO_NO_NEXT_HEADER) {
      ip6UnknownProtocol(p.l3, chain);
      this.#refuse(p, 0);
    }
    return DROP_UNKNOWN_PROTOCOL;
  }

  /** Sends the parameter problem that the walk asks for, if any, and returns `drop`. */
  #refuse(p: Packet, drop: number): number {
    const chain = this.#chain;
    if (chain.problemCode >= 0) this.#errors.send(p, ICMP6_PARAMETER_PROBLEM, chain.problemCode, chain.problemPointer);
    return drop;
  }

  /** Whether the destination is ours (sets p.group), and the source one that can exist (RFC 4291 section 2). */
  #addresses(p: Packet): number {
    const interfaces = this.#interfaces;
    const loopback = interfaces.get(p.iface).loopback;
    p.group = p.dst0 >>> 24 === 0xff;
    // Mapped addresses stand for IPv4 inside; on a wire they are an attempt to be taken for it.
    if (isIp4(p.src0, p.src1, p.src2) || isIp4(p.dst0, p.dst1, p.dst2)) return DROP_MARTIAN;
    if (p.src0 >>> 24 === 0xff) return DROP_MARTIAN;
    if (p.group) {
      // Scope 0 is reserved, scope 1 never leaves a node (RFC 4291 section 2.7).
      const scope = (p.dst0 >> 16) & 15;
      if (scope === 0 || (scope === 1 && !loopback)) return DROP_MARTIAN;
      if (!interfaces.joined(p.iface, p.dst0, p.dst1, p.dst2, p.dst3)) return DROP_NOT_OURS;
    } else {
      if (!loopback && isLoopback(p.dst0, p.dst1, p.dst2, p.dst3)) return DROP_MARTIAN;
      const scope = isLinkLocal(p.dst0) ? p.iface : 0;
      if (!interfaces.isLocal(scope, p.dst0, p.dst1, p.dst2, p.dst3)) return DROP_NOT_OURS;
    }
    if (loopback) return 0;
    if (isLoopback(p.src0, p.src1, p.src2, p.src3)) return DROP_MARTIAN;
    // Ours as source: a loop, or somebody who pretends. Duplicates of link-local addresses elsewhere are another matter.
    const scope = isLinkLocal(p.src0) ? p.iface : 0;
    return interfaces.isLocal(scope, p.src0, p.src1, p.src2, p.src3) ? DROP_MARTIAN : 0;
  }
}
