// Neighbour discovery messages (RFC 4861; RDNSS by RFC 8106): validity, fields, options, writers.
// Called by the stack's ndp code and tools; calls base/bytes and the readers of ip6.ts. The options are in ndp-options.ts.
//
// `o` is the start of the ICMPv6 message throughout.

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { DROP_BAD_LENGTH, DROP_NDP_INVALID, DROP_SHORT } from '../base/drop.ts';
import {
  ICMP6_NEIGHBOUR_ADVERTISEMENT,
  ICMP6_NEIGHBOUR_SOLICITATION,
  ICMP6_REDIRECT,
  ICMP6_ROUTER_ADVERTISEMENT,
  ICMP6_ROUTER_SOLICITATION,
} from './icmp6.ts';
import { ip6Dst, ip6DstIsMulticast, ip6HopLimit, ip6SrcIsUnspecified } from './ip6.ts';
import { type NdpOptions, ndpParseOptions } from './ndp-options.ts';

/** Bytes before the options. */
export const NDP_RS_LENGTH = 8;
export const NDP_RA_LENGTH = 16;
export const NDP_NS_LENGTH = 24;
export const NDP_NA_LENGTH = 24;
export const NDP_REDIRECT_LENGTH = 40;
/** Every message is sent, and only believed, with this hop limit: it cannot have passed a router. */
export const NDP_HOP_LIMIT = 255;

/** Flags of a neighbour advertisement, as the int32 at its bytes 4..7. */
export const NDP_NA_ROUTER: number = 0x80000000 | 0;
export const NDP_NA_SOLICITED = 0x40000000;
export const NDP_NA_OVERRIDE = 0x20000000;
/** Flags of a router advertisement, as its byte 5. */
export const NDP_RA_MANAGED = 0x80;
export const NDP_RA_OTHER = 0x40;

/** True for the five types of RFC 4861. */
export function ndpIs(type: number): boolean {
  return type >= ICMP6_ROUTER_SOLICITATION && type <= ICMP6_REDIRECT;
}

/**
 * Validity of the message at `o` in the IPv6 packet at `ip`, ending at `end`: RFC 4861 sections 6.1.1, 6.1.2, 7.1.1,
 * 7.1.2 and 8.1, but for the checksum (verified before) and, for a redirect, whether its source is the first hop in use,
 * which only the stack knows. Reads the options into `options`. Returns 0 or a drop reason. The caller refuses
 * messages that came in fragments (RFC 6980): Ip6Chain.fragment.
 */
export function ndpCheck(b: Uint8Array, ip: number, o: number, end: number, options: NdpOptions): number {
  if (end - o < NDP_RS_LENGTH) return DROP_SHORT;
  if (ip6HopLimit(b, ip) !== NDP_HOP_LIMIT || b[o + 1] !== 0) return DROP_NDP_INVALID;
  const type = b[o]!;
  const fixed = fixedLength(type);
  if (fixed === 0) return DROP_NDP_INVALID;
  if (end - o < fixed) return DROP_BAD_LENGTH;
  const drop = ndpParseOptions(b, o + fixed, end, options);
  if (drop !== 0) return drop;
  let valid = true;
  if (type === ICMP6_ROUTER_SOLICITATION) valid = !ip6SrcIsUnspecified(b, ip) || options.sourceLinkAddress < 0;
  else if (type === ICMP6_ROUTER_ADVERTISEMENT) valid = isLinkLocal(b, ip + 8);
  else if (type === ICMP6_NEIGHBOUR_SOLICITATION) valid = solicitationOk(b, ip, o, options);
  else if (type === ICMP6_NEIGHBOUR_ADVERTISEMENT) valid = advertisementOk(b, ip, o);
  else valid = redirectOk(b, ip, o);
  return valid ? 0 : DROP_NDP_INVALID;
}

function fixedLength(type: number): number {
  if (type === ICMP6_ROUTER_SOLICITATION) return NDP_RS_LENGTH;
  if (type === ICMP6_ROUTER_ADVERTISEMENT) return NDP_RA_LENGTH;
  if (type === ICMP6_NEIGHBOUR_SOLICITATION || type === ICMP6_NEIGHBOUR_ADVERTISEMENT) return NDP_NS_LENGTH;
  return type === ICMP6_REDIRECT ? NDP_REDIRECT_LENGTH : 0;
}

/** fe80::/10 at `a`. */
function isLinkLocal(b: Uint8Array, a: number): boolean {
  return b[a] === 0xfe && (b[a + 1]! & 0xc0) === 0x80;
}

/** Word 0 of ff02::/32. */
const LINK_SCOPE_WORD = 0xff020000 | 0;

/** ff02::1:ff00:0/104 as destination (RFC 4291 section 2.7.1). */
function toSolicitedNode(b: Uint8Array, ip: number): boolean {
  return (
    ip6Dst(b, ip, 0) === LINK_SCOPE_WORD &&
    ip6Dst(b, ip, 1) === 0 &&
    ip6Dst(b, ip, 2) === 1 &&
    ip6Dst(b, ip, 3) >>> 24 === 0xff
  );
}

function solicitationOk(b: Uint8Array, ip: number, o: number, options: NdpOptions): boolean {
  if (b[o + 8] === 0xff) return false;
  if (!ip6SrcIsUnspecified(b, ip)) return true;
  return toSolicitedNode(b, ip) && options.sourceLinkAddress < 0;
}

function advertisementOk(b: Uint8Array, ip: number, o: number): boolean {
  if (b[o + 8] === 0xff) return false;
  return !(ip6DstIsMulticast(b, ip) && (ndpNaFlags(b, o) & NDP_NA_SOLICITED) !== 0);
}

function redirectOk(b: Uint8Array, ip: number, o: number): boolean {
  if (!isLinkLocal(b, ip + 8) || b[o + 24] === 0xff) return false;
  if (isLinkLocal(b, o + 8)) return true;
  for (let i = 0; i < 4; i++) if (ndpTarget(b, o, i) !== ndpRedirectDestination(b, o, i)) return false;
  return true;
}

/** Current hop limit of a router advertisement, 0 for unspecified. */
export function ndpRaHopLimit(b: Uint8Array, o: number): number {
  return b[o + 4]!;
}

/** Flags of a router advertisement: NDP_RA_*. */
export function ndpRaFlags(b: Uint8Array, o: number): number {
  return b[o + 5]!;
}

/** Router lifetime in **seconds**; 0 means "not a default router". */
export function ndpRaLifetime(b: Uint8Array, o: number): number {
  return get16(b, o + 6);
}

/** Reachable time in **milliseconds**, int32; 0 for unspecified. */
export function ndpRaReachableTime(b: Uint8Array, o: number): number {
  return get32(b, o + 8);
}

/** Retransmission timer in **milliseconds**, int32; 0 for unspecified. */
export function ndpRaRetransTimer(b: Uint8Array, o: number): number {
  return get32(b, o + 12);
}

/** Flags of a neighbour advertisement: NDP_NA_* in an int32. */
export function ndpNaFlags(b: Uint8Array, o: number): number {
  return get32(b, o + 4);
}

/** Word `i` of the target address of a solicitation, an advertisement or a redirect, int32. */
export function ndpTarget(b: Uint8Array, o: number, i: number): number {
  return get32(b, o + 8 + (i << 2));
}

/** Word `i` of the destination address of a redirect, int32. */
export function ndpRedirectDestination(b: Uint8Array, o: number, i: number): number {
  return get32(b, o + 24 + (i << 2));
}

/** Writes a router solicitation (8 bytes) with a checksum of 0. */
export function putNdpRs(b: Uint8Array, o: number): void {
  put32(b, o, ICMP6_ROUTER_SOLICITATION << 24);
  put32(b, o + 4, 0);
}

/** Writes a router advertisement (16 bytes) with a checksum of 0; units as the readers say. */
export function putNdpRa(
  b: Uint8Array,
  o: number,
  hopLimit: number,
  flags: number,
  lifetime: number,
  reachableTime: number,
  retransTimer: number,
): void {
  put32(b, o, ICMP6_ROUTER_ADVERTISEMENT << 24);
  b[o + 4] = hopLimit;
  b[o + 5] = flags;
  put16(b, o + 6, lifetime);
  put32(b, o + 8, reachableTime);
  put32(b, o + 12, retransTimer);
}

/** Writes a neighbour solicitation (24 bytes) with a checksum of 0. */
export function putNdpNs(b: Uint8Array, o: number, t0: number, t1: number, t2: number, t3: number): void {
  put32(b, o, ICMP6_NEIGHBOUR_SOLICITATION << 24);
  put32(b, o + 4, 0);
  putWords(b, o + 8, t0, t1, t2, t3);
}

/** Writes a neighbour advertisement (24 bytes) with a checksum of 0; `flags` is NDP_NA_*. */
export function putNdpNa(
  b: Uint8Array,
  o: number,
  flags: number,
  t0: number,
  t1: number,
  t2: number,
  t3: number,
): void {
  put32(b, o, ICMP6_NEIGHBOUR_ADVERTISEMENT << 24);
  put32(b, o + 4, flags);
  putWords(b, o + 8, t0, t1, t2, t3);
}

/** Writes the first 24 bytes of a redirect with a checksum of 0; putNdpRedirectDestination writes the rest. */
export function putNdpRedirect(b: Uint8Array, o: number, t0: number, t1: number, t2: number, t3: number): void {
  put32(b, o, ICMP6_REDIRECT << 24);
  put32(b, o + 4, 0);
  putWords(b, o + 8, t0, t1, t2, t3);
}

/** Writes the destination address of a redirect. */
export function putNdpRedirectDestination(
  b: Uint8Array,
  o: number,
  d0: number,
  d1: number,
  d2: number,
  d3: number,
): void {
  putWords(b, o + 24, d0, d1, d2, d3);
}

function putWords(b: Uint8Array, o: number, w0: number, w1: number, w2: number, w3: number): void {
  put32(b, o, w0);
  put32(b, o + 4, w1);
  put32(b, o + 8, w2);
  put32(b, o + 12, w3);
}
