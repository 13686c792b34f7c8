// ICMP input for both versions (RFC 792, RFC 1122 section 3.2.2, RFC 4443): echoes answered, errors decoded, NDP handed on.
// Called by stack.ingress; calls wire, icmp-decode, output, and the handlers given: ndp for its five types, udp for ping sockets.

import {
  DROP_BAD_CHECKSUM,
  DROP_ICMP_QUOTE,
  DROP_ICMP_UNKNOWN,
  DROP_NO_MEMORY,
  DROP_UNREACHABLE,
} from '../base/drop.ts';
import { RX_SUM_GOOD, RX_SUM_PARTIAL } from '../base/link.ts';
import { CHECKSUM_OK, combine, pseudo6At } from '../wire/checksum.ts';
import {
  ICMP_CHECKSUM_OFFSET,
  ICMP4_ECHO,
  ICMP4_ECHO_REPLY,
  ICMP4_PARAMETER_PROBLEM,
  ICMP4_TIME_EXCEEDED,
  ICMP4_UNREACHABLE,
  icmp4Check,
  icmpCode,
  icmpType,
} from '../wire/icmp4.ts';
import { ICMP6_ECHO, ICMP6_ECHO_REPLY, icmp6Check, icmp6IsError } from '../wire/icmp6.ts';
import { PROTO_ICMP4 } from '../wire/ip4.ts';
import { PROTO_ICMP6 } from '../wire/ip6.ts';
import { Ip6Chain } from '../wire/ip6-chain.ts';
import { ndpIs } from '../wire/ndp.ts';
import { isLinkLocal } from './address-kinds.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import { decodeError4, decodeError6 } from './icmp-decode.ts';
import type { Interfaces } from './interfaces.ts';
import type { Output } from './output.ts';
import { CONSUMED, ICMP_ERROR, IcmpError, type Packet } from './packet.ts';
import { replyWay } from './reply-way.ts';
import type { Routes } from './routes.ts';
import { Way } from './way.ts';

/** Takes a packet in hand; returns 0 or CONSUMED where it was used, or a drop reason. */
export type PacketHandler = (p: Packet) => number;

const RECEIVED: number = counter('icmp_received');
const ERRORS_RECEIVED: number = counter('icmp_errors_received');
const SENT: number = counter('icmp_sent');

export class Icmp {
  /** The error that input() decoded when it returned ICMP_ERROR. */
  readonly error: IcmpError = new IcmpError();
  /** Neighbour discovery messages (types 133 to 137, checksum verified) and echo replies go there. Set by the stack. */
  onNdp: PacketHandler | null = null;
  onEchoReply: PacketHandler | null = null;
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #routes: Routes;
  readonly #output: Output;
  readonly #way: Way = new Way();
  readonly #chain: Ip6Chain = new Ip6Chain();

  constructor(core: Core, interfaces: Interfaces, routes: Routes, output: Output) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#routes = routes;
    this.#output = output;
  }

  /**
   * The message at [p.l4, p.end), p as ip left it. Returns CONSUMED; a drop reason, not yet counted; or ICMP_ERROR: `error` is
   * about something that we sent, for tcp or udp by error.protocol (ICMP: udp, a ping socket's).
   */
  input(p: Packet): number {
    const b = this.#core.u8;
    const o = p.l4;
    this.#core.counters.add(RECEIVED, 1);
    const bad = p.version === 4 ? icmp4Check(b, o, p.end) : icmp6Check(b, o, p.end);
    if (bad !== 0) return bad;
    if (p.protocol !== (p.version === 4 ? PROTO_ICMP4 : PROTO_ICMP6)) return DROP_ICMP_UNKNOWN;
    if ((p.flags & (RX_SUM_GOOD | RX_SUM_PARTIAL)) === 0 && !this.#checksumOk(p)) return DROP_BAD_CHECKSUM;
    return p.version === 4 ? this.#input4(p, icmpType(b, o)) : this.#input6(p, icmpType(b, o));
  }

  #input4(p: Packet, type: number): number {
    if (type === ICMP4_ECHO) return this.#echo(p, ICMP4_ECHO_REPLY, PROTO_ICMP4);
    if (type === ICMP4_ECHO_REPLY) return this.#handled(this.onEchoReply, p);
    // Source quench is dead (RFC 6633). Redirects of IPv4 carry no proof at all; routes are the owner's.
    if (type !== ICMP4_UNREACHABLE && type !== ICMP4_TIME_EXCEEDED && type !== ICMP4_PARAMETER_PROBLEM) {
      return DROP_ICMP_UNKNOWN;
    }
    return this.#error(p, decodeError4(this.#core.u8, p.l4, p.end, this.error, this.#core.settings.pathMtuMin));
  }

  #input6(p: Packet, type: number): number {
    if (ndpIs(type)) return this.#handled(this.onNdp, p);
    if (type === ICMP6_ECHO) return this.#echo(p, ICMP6_ECHO_REPLY, PROTO_ICMP6);
    if (type === ICMP6_ECHO_REPLY) return this.#handled(this.onEchoReply, p);
    // RFC 4443 section 2.4 (b): informational messages that are not known are dropped in silence.
    if (!icmp6IsError(type)) return DROP_ICMP_UNKNOWN;
    return this.#error(p, decodeError6(this.#core.u8, p.l4, p.end, this.error, this.#chain));
  }

  #handled(handler: PacketHandler | null, p: Packet): number {
    if (handler === null) return DROP_ICMP_UNKNOWN;
    const result = handler(p);
    return result > 0 ? result : CONSUMED;
  }

  /** An error is ours only if the packet it quotes can have been (RFC 5927 section 4): sent from one of our addresses. */
  #error(p: Packet, drop: number): number {
    this.#core.counters.add(ERRORS_RECEIVED, 1);
    if (drop !== 0) return drop;
    const e = this.error;
    const scope = isLinkLocal(e.local0) ? p.iface : 0;
    if (!this.#interfaces.isLocal(scope, e.local0, e.local1, e.local2, e.local3)) return DROP_ICMP_QUOTE;
    e.from0 = p.src0;
    e.from1 = p.src1;
    e.from2 = p.src2;
    e.from3 = p.src3;
    return ICMP_ERROR;
  }

  /**
   * Answers an echo with the same identifier, sequence number and data (RFC 1122 section 3.2.2.6, RFC 4443 section 4.2), from
   * the address asked, or from one of ours where a group was. IPv4 groups get no answer: they serve attacks (RFC 2644).
   */
  #echo(p: Packet, reply: number, protocol: number): number {
    if (!this.#core.settings.answerEcho || icmpCode(this.#core.u8, p.l4) !== 0) return DROP_ICMP_UNKNOWN;
    if (p.group && p.version === 4) return DROP_ICMP_UNKNOWN;
    const way = this.#way;
    if (replyWay(this.#interfaces, this.#routes, p, way) !== 0) return DROP_UNREACHABLE;
    way.trafficClass = p.trafficClass & 0xfc;
    const length = p.end - p.l4;
    const l4 = this.#output.open(length);
    if (l4 === 0) return DROP_NO_MEMORY;
    const b = this.#core.u8;
    b.copyWithin(l4, p.l4, p.end);
    b[l4] = reply;
    this.#core.counters.add(SENT, 1);
    this.#output.send(way, l4, length, protocol, ICMP_CHECKSUM_OFFSET);
    return CONSUMED;
  }

  #checksumOk(p: Packet): boolean {
    const length = p.end - p.l4;
    const sum = this.#core.sum.sum(p.l4, length);
    if (p.version === 4) return sum === CHECKSUM_OK;
    return combine(pseudo6At(this.#core.u8, p.l3, PROTO_ICMP6, length), sum, false) === CHECKSUM_OK;
  }
}
