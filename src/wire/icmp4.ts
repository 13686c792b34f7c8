// ICMP for IPv4 (RFC 792; codes by RFC 1122 and 1812, next-hop MTU by RFC 1191).
// Called by the stack's icmp layer and tools; calls base/bytes and the readers of ip4.ts.
//
//   0      1      2          4               8
//   +------+------+----------+---------------+----------------------------------------------
//   | type | code | checksum | rest of header| echo data, or the header and data of the packet at fault
//   +------+------+----------+---------------+----------------------------------------------

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { DROP_ICMP_QUOTE, DROP_SHORT } from '../base/drop.ts';
import { IP4_HEADER_LENGTH } from './ip4.ts';

/** Bytes of the header. */
export const ICMP4_HEADER_LENGTH = 8;
/** Where the checksum lies in the header (in ICMPv6 too). */
export const ICMP_CHECKSUM_OFFSET = 2;

export const ICMP4_ECHO_REPLY = 0;
export const ICMP4_UNREACHABLE = 3;
export const ICMP4_SOURCE_QUENCH = 4;
export const ICMP4_REDIRECT = 5;
export const ICMP4_ECHO = 8;
export const ICMP4_TIME_EXCEEDED = 11;
export const ICMP4_PARAMETER_PROBLEM = 12;

/** Codes of ICMP4_UNREACHABLE (RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1). */
export const ICMP4_NET_UNREACHABLE = 0;
export const ICMP4_HOST_UNREACHABLE = 1;
export const ICMP4_PROTOCOL_UNREACHABLE = 2;
export const ICMP4_PORT_UNREACHABLE = 3;
export const ICMP4_FRAGMENTATION_NEEDED = 4;
export const ICMP4_SOURCE_ROUTE_FAILED = 5;
export const ICMP4_ADMIN_PROHIBITED = 13;
/** Codes of ICMP4_TIME_EXCEEDED. */
export const ICMP4_TTL_EXCEEDED = 0;
export const ICMP4_REASSEMBLY_TIMEOUT = 1;

/** 0 if the header lies within [o, end), or a drop reason. */
export function icmp4Check(_b: Uint8Array, o: number, end: number): number {
  return end - o < ICMP4_HEADER_LENGTH ? DROP_SHORT : 0;
}

/** Type: ICMP4_*; in ICMPv6 ICMP6_*. */
export function icmpType(b: Uint8Array, o: number): number {
  return b[o]!;
}

/** Code, whose meaning depends on the type. */
export function icmpCode(b: Uint8Array, o: number): number {
  return b[o + 1]!;
}

/** The checksum field. */
export function icmpChecksum(b: Uint8Array, o: number): number {
  return get16(b, o + 2);
}

/** Identifier of an echo or its reply (both ICMP versions). */
export function icmpEchoId(b: Uint8Array, o: number): number {
  return get16(b, o + 4);
}

/** Sequence number of an echo or its reply (both ICMP versions). */
export function icmpEchoSeq(b: Uint8Array, o: number): number {
  return get16(b, o + 6);
}

/** Next-hop MTU of "fragmentation needed", or 0 from a router older than RFC 1191. */
export function icmp4NextHopMtu(b: Uint8Array, o: number): number {
  return get16(b, o + 6);
}

/** Pointer of a parameter problem: the offset of the byte at fault in the quoted packet. */
export function icmp4Pointer(b: Uint8Array, o: number): number {
  return b[o + 4]!;
}

/** Gateway of a redirect, int32. */
export function icmp4Gateway(b: Uint8Array, o: number): number {
  return get32(b, o + 4);
}

/** True for messages that report an error: never answered by another error (RFC 1122 section 3.2.2). */
export function icmp4IsError(type: number): boolean {
  return (
    type === ICMP4_UNREACHABLE ||
    type === ICMP4_SOURCE_QUENCH ||
    type === ICMP4_REDIRECT ||
    type === ICMP4_TIME_EXCEEDED ||
    type === ICMP4_PARAMETER_PROBLEM
  );
}

/**
 * For an error at `o`: 0 if the quoted IPv4 header (at o + 8) and 8 bytes after it lie within [o, end), or
 * DROP_ICMP_QUOTE. The quoted total length is not checked: the quote is cut off. The quoted ports, and for TCP the
 * sequence number, may then be read at o + 8 + ip4Ihl(b, o + 8).
 */
export function icmp4QuoteCheck(b: Uint8Array, o: number, end: number): number {
  const q = o + ICMP4_HEADER_LENGTH;
  if (end - q < IP4_HEADER_LENGTH + 8) return DROP_ICMP_QUOTE;
  const headerLength = (b[q]! & 15) << 2;
  if (b[q]! >> 4 !== 4 || headerLength < IP4_HEADER_LENGTH) return DROP_ICMP_QUOTE;
  return end - q < headerLength + 8 ? DROP_ICMP_QUOTE : 0;
}

/** Writes a header (8 bytes, both ICMP versions) with a checksum of 0; `rest` is bytes 4..7, int32. */
export function putIcmpHeader(b: Uint8Array, o: number, type: number, code: number, rest: number): void {
  b[o] = type;
  b[o + 1] = code;
  put16(b, o + 2, 0);
  put32(b, o + 4, rest);
}

/** Writes the header of an echo or a reply (both ICMP versions) with a checksum of 0. */
export function putIcmpEcho(b: Uint8Array, o: number, type: number, id: number, seq: number): void {
  putIcmpHeader(b, o, type, 0, (id << 16) | (seq & 0xffff));
}

/** Writes the checksum for the folded sum of the message (field 0), and of the pseudo-header for ICMPv6. */
export function putIcmpChecksum(b: Uint8Array, o: number, sum: number): void {
  put16(b, o + 2, ~sum);
}
