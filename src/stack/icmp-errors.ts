// ICMP errors that we send: which packets may have one (RFC 1122 section 3.2.2, RFC 4443 section 2.4), how many (a token bucket).
// Called by ip4-input, ip6-input, reassembly, udp and stack.ts; calls routes and output.

import { put16 } from '../base/bytes.ts';
import { DROP_NO_MEMORY, DROP_RATE_LIMIT, DROP_UNREACHABLE } from '../base/drop.ts';
import { RX_SUM_PARTIAL } from '../base/link.ts';
import { fold } from '../wire/checksum.ts';
import {
  ICMP_CHECKSUM_OFFSET,
  ICMP4_HEADER_LENGTH,
  ICMP4_PORT_UNREACHABLE,
  ICMP4_UNREACHABLE,
  icmp4IsError,
  putIcmpHeader,
} from '../wire/icmp4.ts';
import {
  ICMP6_PACKET_TOO_BIG,
  ICMP6_PARAMETER_PROBLEM,
  ICMP6_PORT_UNREACHABLE,
  ICMP6_REDIRECT,
  ICMP6_UNKNOWN_OPTION,
  ICMP6_UNREACHABLE,
  icmp6IsError,
} from '../wire/icmp6.ts';
import { IP4_HEADER_LENGTH, ip4FragOffset, ip4Ihl, ip4Protocol, PROTO_ICMP4, PROTO_UDP } from '../wire/ip4.ts';
import { IP6_HEADER_LENGTH, PROTO_ICMP6 } from '../wire/ip6.ts';
import { Ip6Chain, ip6WalkQuote } from '../wire/ip6-chain.ts';
import { UDP_CHECKSUM_OFFSET } from '../wire/udp.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { Interfaces } from './interfaces.ts';
import type { Output } from './output.ts';
import type { Packet } from './packet.ts';
import { replyWay } from './reply-way.ts';
import type { Routes } from './routes.ts';
import { Way } from './way.ts';

/** The longest error: what every host takes whole (RFC 1812 section 4.3.2.3), the least MTU of IPv6 (RFC 4443 section 2.4 c). */
const LONGEST4 = 576;
const LONGEST6 = 1280;

const ICMP_SENT: number = counter('icmp_sent');
const ERRORS_SENT: number = counter('icmp_errors_sent');
const SUPPRESSED: number = counter('icmp_errors_suppressed');

export class IcmpErrors {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #routes: Routes;
  readonly #output: Output;
  readonly #way: Way = new Way();
  readonly #chain: Ip6Chain = new Ip6Chain();
  /** f64 cell: when the bucket will be full again (us). */
  readonly #full: number;

  constructor(core: Core, interfaces: Interfaces, routes: Routes, output: Output) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#routes = routes;
    this.#output = output;
    this.#full = core.arena.region('icmp.bucket', 8, 8) >> 3;
  }

  /**
   * Answers the packet in `p` (from p.l3 to p.end; addresses, group and linkGroup as ip left them) with an error of its
   * IP version: `rest` is bytes 4..7 of the message (IPv4: pointer << 24; IPv6: pointer or MTU). Sends nothing where the
   * rules forbid it or the rate is used up. Returns 0 if it was sent, else a positive number (counted where it is a drop).
   */
  send(p: Packet, type: number, code: number, rest: number): number {
    const allowed = p.version === 4 ? this.#allowed4(p) : this.#allowed6(p, type, code);
    if (!allowed || !this.#take()) {
      this.#core.counters.add(SUPPRESSED, 1);
      return DROP_RATE_LIMIT;
    }
    const way = this.#way;
    if (replyWay(this.#interfaces, this.#routes, p, way) !== 0) return DROP_UNREACHABLE;
    const length = p.end - p.l3;
    const room = p.version === 4 ? LONGEST4 - IP4_HEADER_LENGTH : LONGEST6 - IP6_HEADER_LENGTH;
    const quote = Math.min(length, room - ICMP4_HEADER_LENGTH);
    const l4 = this.#output.open(ICMP4_HEADER_LENGTH + quote);
    if (l4 === 0) {
      this.#core.counters.drop(DROP_NO_MEMORY);
      return DROP_NO_MEMORY;
    }
    putIcmpHeader(this.#core.u8, l4, type, code, rest);
    this.#core.u8.copyWithin(l4 + ICMP4_HEADER_LENGTH, p.l3, p.l3 + quote);
    if ((p.flags & RX_SUM_PARTIAL) !== 0) this.#completeQuote(p, type, code, l4 + ICMP4_HEADER_LENGTH, quote);
    this.#core.counters.add(ICMP_SENT, 1);
    this.#core.counters.add(ERRORS_SENT, 1);
    const protocol = p.version === 4 ? PROTO_ICMP4 : PROTO_ICMP6;
    return this.#output.send(way, l4, ICMP4_HEADER_LENGTH + quote, protocol, ICMP_CHECKSUM_OFFSET);
  }

  /** A local kernel left the checksum of the datagram to its device: in our quote, `quote` bytes at `at`, it shall be right. */
  #completeQuote(p: Packet, type: number, code: number, at: number, quote: number): void {
    const port =
      p.version === 4
        ? type === ICMP4_UNREACHABLE && code === ICMP4_PORT_UNREACHABLE
        : type === ICMP6_UNREACHABLE && code === ICMP6_PORT_UNREACHABLE;
    const field = p.l4 - p.l3 + UDP_CHECKSUM_OFFSET;
    if (!port || p.protocol !== PROTO_UDP || field + 2 > quote) return;
    const checksum = ~fold(this.#core.sum.sum(p.l4, p.end - p.l4)) & 0xffff;
    put16(this.#core.u8, at + field, checksum === 0 ? 0xffff : checksum);
  }

  /** RFC 1122 section 3.2.2: not about errors, groups, fragments other than the first, nor to what names no single host. */
  #allowed4(p: Packet): boolean {
    const b = this.#core.u8;
    if (p.group || p.linkGroup || p.src3 === 0) return false;
    if (ip4FragOffset(b, p.l3) !== 0) return false;
    const net = p.src3 >>> 24;
    if (net >= 224 || (net === 127 && !this.#interfaces.get(p.iface).loopback)) return false;
    if (ip4Protocol(b, p.l3) !== PROTO_ICMP4) return true;
    const l4 = p.l3 + ip4Ihl(b, p.l3);
    return l4 < p.end && !icmp4IsError(b[l4]!);
  }

  /** RFC 4443 section 2.4 (e). */
  #allowed6(p: Packet, type: number, code: number): boolean {
    const forGroups =
      type === ICMP6_PACKET_TOO_BIG || (type === ICMP6_PARAMETER_PROBLEM && code === ICMP6_UNKNOWN_OPTION);
    if ((p.group || p.linkGroup) && !forGroups) return false;
    if ((p.src0 | p.src1 | p.src2 | p.src3) === 0 || p.src0 >>> 24 === 0xff) return false;
    const b = this.#core.u8;
    const chain = this.#chain;
    if (ip6WalkQuote(b, p.l3, p.end, chain) !== 0) return true;
    if (chain.protocol !== PROTO_ICMP6) return true;
    // A later fragment may be an error's: nothing shows. Other fragments may be answered, as against IPv4.
    if (chain.isFragment || chain.offset >= p.end) return false;
    const inner = b[chain.offset]!;
    return !icmp6IsError(inner) && inner !== ICMP6_REDIRECT;
  }

  /**
   * One token of the bucket, which fills by settings.icmpErrorsPerSecond and holds icmpErrorBurst (RFC 4443 section 2.4 f).
   * The cell holds the moment at which it will be full; a token taken moves that moment on by what one takes to come.
   */
  #take(): boolean {
    const { icmpErrorsPerSecond, icmpErrorBurst } = this.#core.settings;
    if (icmpErrorsPerSecond <= 0 || icmpErrorBurst <= 0) return false;
    const each = 1_000_000 / icmpErrorsPerSecond;
    const now = this.#core.now.us;
    const f64 = this.#core.f64;
    const full = Math.max(f64[this.#full]!, now) + each;
    // Half a microsecond of grace: sums of `each` are not exact.
    if (full - now > each * icmpErrorBurst + 0.5) return false;
    f64[this.#full] = full;
    return true;
  }
}
