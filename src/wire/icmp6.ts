// ICMPv6 (RFC 4443): types, codes, checks. Header fields and writers are shared with icmp4.ts (icmpType, putIcmpHeader…).
// Called by the stack's icmp layer and tools; calls base/bytes. Neighbour discovery is in ndp.ts.

import { get32 } from '../base/bytes.ts';
import { DROP_ICMP_QUOTE, DROP_SHORT } from '../base/drop.ts';
import { IP6_HEADER_LENGTH } from './ip6.ts';

/** Bytes of the header. */
export const ICMP6_HEADER_LENGTH = 8;

export const ICMP6_UNREACHABLE = 1;
export const ICMP6_PACKET_TOO_BIG = 2;
export const ICMP6_TIME_EXCEEDED = 3;
export const ICMP6_PARAMETER_PROBLEM = 4;
export const ICMP6_ECHO = 128;
export const ICMP6_ECHO_REPLY = 129;
/** Multicast listener discovery: query and report of RFC 2710, report of RFC 3810. */
export const ICMP6_MLD_QUERY = 130;
export const ICMP6_MLD_REPORT = 131;
export const ICMP6_MLD2_REPORT = 143;
/** Neighbour discovery, RFC 4861. */
export const ICMP6_ROUTER_SOLICITATION = 133;
export const ICMP6_ROUTER_ADVERTISEMENT = 134;
export const ICMP6_NEIGHBOUR_SOLICITATION = 135;
export const ICMP6_NEIGHBOUR_ADVERTISEMENT = 136;
export const ICMP6_REDIRECT = 137;

/** Codes of ICMP6_UNREACHABLE (RFC 4443 section 3.1). */
export const ICMP6_NO_ROUTE = 0;
export const ICMP6_ADMIN_PROHIBITED = 1;
export const ICMP6_BEYOND_SCOPE = 2;
export const ICMP6_ADDRESS_UNREACHABLE = 3;
export const ICMP6_PORT_UNREACHABLE = 4;
export const ICMP6_SOURCE_POLICY = 5;
export const ICMP6_REJECT_ROUTE = 6;
/** Codes of ICMP6_TIME_EXCEEDED. */
export const ICMP6_HOP_LIMIT_EXCEEDED = 0;
export const ICMP6_REASSEMBLY_TIMEOUT = 1;
/** Codes of ICMP6_PARAMETER_PROBLEM (3 by RFC 7112). */
export const ICMP6_ERRONEOUS_FIELD = 0;
export const ICMP6_UNKNOWN_NEXT_HEADER = 1;
export const ICMP6_UNKNOWN_OPTION = 2;
export const ICMP6_INCOMPLETE_HEADERS = 3;

/** 0 if the header lies within [o, end), or a drop reason. */
export function icmp6Check(_b: Uint8Array, o: number, end: number): number {
  return end - o < ICMP6_HEADER_LENGTH ? DROP_SHORT : 0;
}

/** True for types that report an error: never answered by another (RFC 4443 sections 2.1 and 2.4 e.1). */
export function icmp6IsError(type: number): boolean {
  return type < 128;
}

/** MTU of "packet too big", int32 (negative where a sender wrote 2^31 or more: treat as huge). */
export function icmp6Mtu(b: Uint8Array, o: number): number {
  return get32(b, o + 4);
}

/** Pointer of a parameter problem: the offset of the byte at fault in the quoted packet, int32. */
export function icmp6Pointer(b: Uint8Array, o: number): number {
  return get32(b, o + 4);
}

/**
 * For an error at `o`: 0 if the base header of the quoted packet (at o + 8) lies within [o, end), or DROP_ICMP_QUOTE.
 * ip6WalkQuote then finds its upper header.
 */
export function icmp6QuoteCheck(b: Uint8Array, o: number, end: number): number {
  const q = o + ICMP6_HEADER_LENGTH;
  return end - q < IP6_HEADER_LENGTH || b[q]! >> 4 !== 6 ? DROP_ICMP_QUOTE : 0;
}
