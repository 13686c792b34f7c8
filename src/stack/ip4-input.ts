// IPv4 input: is this packet well formed, for us, and from a sender that may exist? (RFC 791, RFC 1122 section 3.2)
// Called by ip-input with an IPv4 packet; calls interfaces, reassembly and icmp-errors. We are a host: nothing is forwarded.

import {
  DROP_BAD_CHECKSUM,
  DROP_MARTIAN,
  DROP_NOT_OURS,
  DROP_SOURCE_ROUTE,
  DROP_UNKNOWN_PROTOCOL,
} from '../base/drop.ts';
import {
  ICMP4_PARAMETER_PROBLEM,
  ICMP4_PROTOCOL_UNREACHABLE,
  ICMP4_SOURCE_ROUTE_FAILED,
  ICMP4_UNREACHABLE,
} from '../wire/icmp4.ts';
import {
  IP4_HEADER_LENGTH,
  Ip4Options,
  ip4Check,
  ip4ChecksumOk,
  ip4Dst,
  ip4FragmentCheck,
  ip4Ihl,
  ip4IsFragment,
  ip4Protocol,
  ip4Src,
  ip4TotalLength,
  ip4Ttl,
  ip4WalkOptions,
  PROTO_ICMP4,
  PROTO_TCP,
  PROTO_UDP,
} from '../wire/ip4.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { Interfaces } from './interfaces.ts';
import type { Packet } from './packet.ts';
import type { Reassembly } from './reassembly.ts';

const IP4_RECEIVED: number = counter('ip4_received');
const BROADCAST = -1;

export class Ip4Input {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #reassembly: Reassembly;
  readonly #errors: IcmpErrors;
  readonly #options: Ip4Options = new Ip4Options();

  constructor(core: Core, interfaces: Interfaces, reassembly: Reassembly, errors: IcmpErrors) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#reassembly = reassembly;
    this.#errors = errors;
  }

  /** The packet at [p.l3, p.end). Returns 0 to deliver p.protocol at [p.l4, p.end), CONSUMED, or a drop reason. */
  input(p: Packet): number {
    const b = this.#core.u8;
    this.#core.counters.add(IP4_RECEIVED, 1);
    const bad = ip4Check(b, p.l3, p.end);
    if (bad !== 0) return bad;
    if (!ip4ChecksumOk(b, p.l3)) return DROP_BAD_CHECKSUM;
    // What lies beyond is padding of the link (RFC 894).
    p.end = p.l3 + ip4TotalLength(b, p.l3);
    p.version = 4;
    p.src0 = 0;
    p.src1 = 0;
    p.src2 = 0xffff;
    p.src3 = ip4Src(b, p.l3);
    p.dst0 = 0;
    p.dst1 = 0;
    p.dst2 = 0xffff;
    p.dst3 = ip4Dst(b, p.l3);
    const wrong = this.#addresses(p);
    if (wrong !== 0) return wrong;
    if (ip4Ihl(b, p.l3) > IP4_HEADER_LENGTH) {
      const refused = this.#options4(p);
      if (refused !== 0) return refused;
    }
    if (ip4IsFragment(b, p.l3)) {
      const malformed = ip4FragmentCheck(b, p.l3);
      const stored = malformed !== 0 ? malformed : this.#reassembly.add4(p);
      if (stored !== 0) return stored;
    }
    return this.#deliver(p);
  }

  #deliver(p: Packet): number {
    const b = this.#core.u8;
    const protocol = ip4Protocol(b, p.l3);
    p.protocol = protocol;
    p.hopLimit = ip4Ttl(b, p.l3);
    p.trafficClass = b[p.l3 + 1]!;
    p.l4 = p.l3 + ip4Ihl(b, p.l3);
    if (protocol === PROTO_TCP || protocol === PROTO_UDP || protocol === PROTO_ICMP4) return 0;
    // RFC 1122 section 3.2.2.1.
    this.#errors.send(p, ICMP4_UNREACHABLE, ICMP4_PROTOCOL_UNREACHABLE, 0);
    return DROP_UNKNOWN_PROTOCOL;
  }

  /** Whether the destination is ours (sets p.group), and the source one that can be answered (RFC 1122 sections 3.2.1.3, 3.3.6). */
  #addresses(p: Packet): number {
    const interfaces = this.#interfaces;
    const dst = p.dst3;
    const src = p.src3;
    const loopback = interfaces.get(p.iface).loopback;
    p.group = false;
    if (dst >>> 28 === 14 || !interfaces.isLocal(0, 0, 0, 0xffff, dst)) {
      if (dst >>> 28 === 14) {
        if (!interfaces.joined(p.iface, 0, 0, 0xffff, dst)) return DROP_NOT_OURS;
      } else if (dst !== BROADCAST && !interfaces.isBroadcast(p.iface, dst)) {
        return dst >>> 24 === 0 || (dst >>> 24 === 127 && !loopback) ? DROP_MARTIAN : DROP_NOT_OURS;
      }
      p.group = true;
    } else if (dst >>> 24 === 127 && !loopback) {
      return DROP_MARTIAN;
    }
    // RFC 1122 section 3.3.6: a link-layer broadcast that was meant for one host is not to be believed.
    if (p.linkGroup && !p.group) return DROP_MARTIAN;
    const net = src >>> 24;
    if (net === 0 || net >= 224) return DROP_MARTIAN;
    if (loopback) return 0;
    if (net === 127 || interfaces.isLocal(0, 0, 0, 0xffff, src)) return DROP_MARTIAN;
    // A subnet's broadcast address has at least two host bits, all ones.
    return (src & 3) === 3 && interfaces.isBroadcast(p.iface, src) ? DROP_MARTIAN : 0;
  }

  /** Options are read for what must be refused; what remains of them is for routers (RFC 1122 section 3.2.1.8). */
  #options4(p: Packet): number {
    const options = this.#options;
    const drop = ip4WalkOptions(this.#core.u8, p.l3, options);
    if (drop !== 0) {
      this.#errors.send(p, ICMP4_PARAMETER_PROBLEM, 0, options.problem << 24);
      return drop;
    }
    if (options.sourceRoute === 0) return 0;
    this.#errors.send(p, ICMP4_UNREACHABLE, ICMP4_SOURCE_ROUTE_FAILED, 0);
    return DROP_SOURCE_ROUTE;
  }
}
