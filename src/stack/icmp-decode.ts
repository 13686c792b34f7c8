// ICMP errors that we receive: what the quoted packet was, and what the error means to its socket.
// Called by icmp, and by udp for what neighbours could not send; calls wire only. Everything in a quote is the sender's word: checked against the bytes that came.

import { get16, get32 } from '../base/bytes.ts';
import { DROP_ICMP_QUOTE, DROP_MALFORMED } from '../base/drop.ts';
import {
  EACCES,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from '../base/errno.ts';
import {
  ICMP4_ECHO,
  ICMP4_FRAGMENTATION_NEEDED,
  ICMP4_HEADER_LENGTH,
  ICMP4_PARAMETER_PROBLEM,
  ICMP4_UNREACHABLE,
  icmp4NextHopMtu,
  icmp4QuoteCheck,
} from '../wire/icmp4.ts';
import {
  ICMP6_ECHO,
  ICMP6_HEADER_LENGTH,
  ICMP6_PACKET_TOO_BIG,
  ICMP6_TIME_EXCEEDED,
  ICMP6_UNREACHABLE,
  icmp6Mtu,
  icmp6QuoteCheck,
} from '../wire/icmp6.ts';
import {
  ip4Dst,
  ip4FragOffset,
  ip4Ihl,
  ip4Protocol,
  ip4Src,
  ip4TotalLength,
  PROTO_ICMP4,
  PROTO_TCP,
  PROTO_UDP,
} from '../wire/ip4.ts';
import { ip6Dst, ip6Src, PROTO_ICMP6 } from '../wire/ip6.ts';
import { type Ip6Chain, ip6WalkQuote } from '../wire/ip6-chain.ts';
import type { IcmpError } from './packet.ts';
import { IP6_MIN_PATH_MTU, plateauBelow } from './path-mtu.ts';

/** By the code of "destination unreachable": errno, negated where it is hard. As Linux has them (icmp_err_convert). */
const UNREACHABLE4: readonly number[] = [
  ENETUNREACH, // 0 net
  EHOSTUNREACH, // 1 host
  -ENOPROTOOPT, // 2 protocol
  -ECONNREFUSED, // 3 port
  EMSGSIZE, // 4 fragmentation needed
  EOPNOTSUPP, // 5 source route failed
  -ENETUNREACH, // 6 net unknown
  -EHOSTDOWN, // 7 host unknown
  -ENONET, // 8 source host isolated
  -ENETUNREACH, // 9 net prohibited
  -EHOSTUNREACH, // 10 host prohibited
  ENETUNREACH, // 11 net, for this type of service
  EHOSTUNREACH, // 12 host, for this type of service
  -EHOSTUNREACH, // 13 communication prohibited (RFC 1812)
  -EHOSTUNREACH, // 14 precedence violation
  -EHOSTUNREACH, // 15 precedence cutoff
];

/** The same for ICMPv6 (Linux: icmpv6_err_convert). */
const UNREACHABLE6: readonly number[] = [
  ENETUNREACH, // 0 no route
  -EACCES, // 1 administratively prohibited
  EHOSTUNREACH, // 2 beyond the source's scope
  EHOSTUNREACH, // 3 address
  -ECONNREFUSED, // 4 port
  -EACCES, // 5 source address failed a policy
  -EACCES, // 6 reject route
];

function meaning(e: IcmpError, signed: number): void {
  e.errno = Math.abs(signed);
  e.hard = signed < 0;
}

/**
 * The ICMPv4 error at [o, end) into `e` (all fields but `from`); no MTU below `least` is believed. Returns 0, or a drop reason: the quote is too short, or
 * of a later fragment, or of a protocol that no socket speaks.
 */
export function decodeError4(b: Uint8Array, o: number, end: number, e: IcmpError, least: number): number {
  const short = icmp4QuoteCheck(b, o, end);
  if (short !== 0) return short;
  const q = o + ICMP4_HEADER_LENGTH;
  if (ip4FragOffset(b, q) !== 0) return DROP_ICMP_QUOTE;
  e.version = 4;
  e.type = b[o]!;
  e.code = b[o + 1]!;
  e.mtu = 0;
  ends4(b, q, e);
  if (e.type === ICMP4_UNREACHABLE) {
    if (e.code >= UNREACHABLE4.length) return DROP_MALFORMED;
    meaning(e, UNREACHABLE4[e.code]!);
    if (e.code === ICMP4_FRAGMENTATION_NEEDED) {
      // Routers older than RFC 1191 say 0: the next plateau below what did not pass (its section 5).
      const mtu = icmp4NextHopMtu(b, o);
      e.mtu = Math.max(mtu === 0 ? plateauBelow(ip4TotalLength(b, q)) : mtu, least);
    }
  } else {
    // Time exceeded may pass; a parameter problem will not (RFC 1122 sections 3.2.2.4 and 3.2.2.5).
    meaning(e, e.type === ICMP4_PARAMETER_PROBLEM ? -EPROTO : EHOSTUNREACH);
  }
  return decodeUpper(b, q + ip4Ihl(b, q), end, ip4Protocol(b, q), e);
}

/** The same for ICMPv6; types below 128 that are not known count as a soft EPROTO (RFC 4443 section 2.4 a). */
export function decodeError6(b: Uint8Array, o: number, end: number, e: IcmpError, chain: Ip6Chain): number {
  const short = icmp6QuoteCheck(b, o, end);
  if (short !== 0) return short;
  const q = o + ICMP6_HEADER_LENGTH;
  if (ip6WalkQuote(b, q, end, chain) !== 0 || chain.isFragment) return DROP_ICMP_QUOTE;
  e.version = 6;
  e.type = b[o]!;
  e.code = b[o + 1]!;
  e.mtu = 0;
  ends6(b, q, e);
  if (e.type === ICMP6_UNREACHABLE) {
    meaning(e, UNREACHABLE6[e.code] ?? EPROTO);
  } else if (e.type === ICMP6_PACKET_TOO_BIG) {
    // RFC 8201 section 4: below the least MTU of IPv6 it is not believed. Negative: 2^31 or more.
    const mtu = icmp6Mtu(b, o);
    if (mtu < IP6_MIN_PATH_MTU) return DROP_MALFORMED;
    e.mtu = mtu;
    meaning(e, EMSGSIZE);
  } else if (e.type === ICMP6_TIME_EXCEEDED) {
    meaning(e, EHOSTUNREACH);
  } else {
    meaning(e, e.type > ICMP6_TIME_EXCEEDED + 1 ? EPROTO : -EPROTO);
  }
  return decodeUpper(b, chain.offset, end, chain.protocol, e);
}

/**
 * A packet of our own [q, end) that could not be sent, as if a router had said that its host is unreachable: type and code 0,
 * EHOSTUNREACH, hard. Returns 0, or a drop reason where no socket can be meant. `from` is left alone.
 */
export function decodeSent(b: Uint8Array, q: number, end: number, e: IcmpError, chain: Ip6Chain): number {
  e.type = 0;
  e.code = 0;
  e.mtu = 0;
  meaning(e, -EHOSTUNREACH);
  if (b[q]! >> 4 === 4) {
    if (ip4FragOffset(b, q) !== 0) return DROP_ICMP_QUOTE;
    e.version = 4;
    ends4(b, q, e);
    return decodeUpper(b, q + ip4Ihl(b, q), end, ip4Protocol(b, q), e);
  }
  if (ip6WalkQuote(b, q, end, chain) !== 0 || chain.isFragment) return DROP_ICMP_QUOTE;
  e.version = 6;
  ends6(b, q, e);
  return decodeUpper(b, chain.offset, end, chain.protocol, e);
}

/** The addresses of the quoted IPv4 packet at `q`: its source was ours. */
function ends4(b: Uint8Array, q: number, e: IcmpError): void {
  e.local0 = 0;
  e.local1 = 0;
  e.local2 = 0xffff;
  e.local3 = ip4Src(b, q);
  e.remote0 = 0;
  e.remote1 = 0;
  e.remote2 = 0xffff;
  e.remote3 = ip4Dst(b, q);
}

/** The same for IPv6. */
function ends6(b: Uint8Array, q: number, e: IcmpError): void {
  e.local0 = ip6Src(b, q, 0);
  e.local1 = ip6Src(b, q, 1);
  e.local2 = ip6Src(b, q, 2);
  e.local3 = ip6Src(b, q, 3);
  e.remote0 = ip6Dst(b, q, 0);
  e.remote1 = ip6Dst(b, q, 1);
  e.remote2 = ip6Dst(b, q, 2);
  e.remote3 = ip6Dst(b, q, 3);
}

/** The quoted upper header: eight bytes of it must be there. An echo's identifier counts as its port. */
function decodeUpper(b: Uint8Array, l4: number, end: number, protocol: number, e: IcmpError): number {
  if (end - l4 < 8) return DROP_ICMP_QUOTE;
  e.protocol = protocol;
  e.seq = 0;
  if (protocol === PROTO_TCP || protocol === PROTO_UDP) {
    e.localPort = get16(b, l4);
    e.remotePort = get16(b, l4 + 2);
    if (protocol === PROTO_TCP) e.seq = get32(b, l4 + 4);
    return 0;
  }
  const echo = protocol === PROTO_ICMP4 ? ICMP4_ECHO : ICMP6_ECHO;
  if ((protocol !== PROTO_ICMP4 && protocol !== PROTO_ICMP6) || b[l4] !== echo) return DROP_ICMP_QUOTE;
  if ((protocol === PROTO_ICMP4) !== (e.version === 4)) return DROP_ICMP_QUOTE;
  e.localPort = get16(b, l4 + 4);
  e.remotePort = 0;
  return 0;
}
