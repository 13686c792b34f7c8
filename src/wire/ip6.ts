// IPv6 base headers (RFC 8200 section 3): fields, checks, the header written; and the fragment header's fields.
// Called by the stack's ip6 layer, links that frame by length, and tools; calls base/bytes only. The walk over
// extension headers is in ip6-chain.ts.
//
//   0                 4              6          7          8                24               40
//   +-----------------+--------------+----------+----------+----------------+----------------+------
//   | ver  class flow | payload len  | next hdr | hop limit| source (16)    | destination(16)| next
//   +-----------------+--------------+----------+----------+----------------+----------------+------

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { DROP_BAD_LENGTH, DROP_BAD_VERSION, DROP_SHORT } from '../base/drop.ts';

/** Bytes of the base header. */
export const IP6_HEADER_LENGTH = 40;
/** The link MTU that IPv6 requires (RFC 8200 section 5). */
export const IP6_MIN_MTU = 1280;
/** Where the payload length, the next header and the hop limit lie; pointers of parameter problems. */
export const IP6_PAYLOAD_LENGTH_OFFSET = 4;
export const IP6_NEXT_HEADER_OFFSET = 6;

export const PROTO_HOP_BY_HOP = 0;
export const PROTO_IP6_ROUTING = 43;
export const PROTO_IP6_FRAGMENT = 44;
export const PROTO_ESP = 50;
export const PROTO_AH = 51;
export const PROTO_ICMP6 = 58;
export const PROTO_NO_NEXT_HEADER = 59;
export const PROTO_IP6_DESTINATION_OPTIONS = 60;

/** Bytes of a fragment header. */
export const IP6_FRAGMENT_LENGTH = 8;

/** 0 if the base header can be read and the packet lies within [o, end), or a drop reason. */
export function ip6Check(b: Uint8Array, o: number, end: number): number {
  if (end - o < IP6_HEADER_LENGTH) return DROP_SHORT;
  if (b[o]! >> 4 !== 6) return DROP_BAD_VERSION;
  return get16(b, o + 4) > end - o - IP6_HEADER_LENGTH ? DROP_BAD_LENGTH : 0;
}

/** Traffic class, 8 bits: DSCP and ECN. */
export function ip6TrafficClass(b: Uint8Array, o: number): number {
  return (get16(b, o) >> 4) & 0xff;
}

/** Congestion codepoint: ECN_NOT_ECT, ECN_ECT1, ECN_ECT0, ECN_CE of ip4.ts. */
export function ip6Ecn(b: Uint8Array, o: number): number {
  return (b[o + 1]! >> 4) & 3;
}

/** Flow label, 20 bits. */
export function ip6FlowLabel(b: Uint8Array, o: number): number {
  return get32(b, o) & 0xfffff;
}

/** Bytes after the base header. */
export function ip6PayloadLength(b: Uint8Array, o: number): number {
  return get16(b, o + 4);
}

/** What follows the base header: PROTO_*. */
export function ip6NextHeader(b: Uint8Array, o: number): number {
  return b[o + 6]!;
}

/** Hop limit. */
export function ip6HopLimit(b: Uint8Array, o: number): number {
  return b[o + 7]!;
}

/** Word `i` (0..3) of the source address, int32. */
export function ip6Src(b: Uint8Array, o: number, i: number): number {
  return get32(b, o + 8 + (i << 2));
}

/** Word `i` (0..3) of the destination address, int32. */
export function ip6Dst(b: Uint8Array, o: number, i: number): number {
  return get32(b, o + 24 + (i << 2));
}

/** True if the destination is a multicast address (ff00::/8). */
export function ip6DstIsMulticast(b: Uint8Array, o: number): boolean {
  return b[o + 24] === 0xff;
}

/** True if the source is a multicast address, which no sender may use. */
export function ip6SrcIsMulticast(b: Uint8Array, o: number): boolean {
  return b[o + 8] === 0xff;
}

/** True if the source is the unspecified address (::). */
export function ip6SrcIsUnspecified(b: Uint8Array, o: number): boolean {
  return (get32(b, o + 8) | get32(b, o + 12) | get32(b, o + 16) | get32(b, o + 20)) === 0;
}

/** Writes the first 8 bytes; the addresses follow by putIp6Src and putIp6Dst. */
export function putIp6Header(
  b: Uint8Array,
  o: number,
  trafficClass: number,
  flowLabel: number,
  payloadLength: number,
  nextHeader: number,
  hopLimit: number,
): void {
  put32(b, o, 0x60000000 | (trafficClass << 20) | (flowLabel & 0xfffff));
  put16(b, o + 4, payloadLength);
  b[o + 6] = nextHeader;
  b[o + 7] = hopLimit;
}

/** Writes the source address. */
export function putIp6Src(b: Uint8Array, o: number, w0: number, w1: number, w2: number, w3: number): void {
  put32(b, o + 8, w0);
  put32(b, o + 12, w1);
  put32(b, o + 16, w2);
  put32(b, o + 20, w3);
}

/** Writes the destination address. */
export function putIp6Dst(b: Uint8Array, o: number, w0: number, w1: number, w2: number, w3: number): void {
  put32(b, o + 24, w0);
  put32(b, o + 28, w1);
  put32(b, o + 32, w2);
  put32(b, o + 36, w3);
}

/** Overwrites the payload length. */
export function putIp6PayloadLength(b: Uint8Array, o: number, length: number): void {
  put16(b, o + 4, length);
}

// Fragment header (RFC 8200 section 4.5); `f` is its own start.
//
//   0          1          2                       4               8
//   +----------+----------+-----------------+--+-+---------------+
//   | next hdr | reserved | offset / 8      |00|M| identification|
//   +----------+----------+-----------------+--+-+---------------+

/** What follows the fragment header in the first fragment's place. */
export function ip6FragNextHeader(b: Uint8Array, f: number): number {
  return b[f]!;
}

/** Fragment offset in **bytes**. */
export function ip6FragOffset(b: Uint8Array, f: number): number {
  return get16(b, f + 2) & 0xfff8;
}

/** M: this is not the last fragment. */
export function ip6FragMore(b: Uint8Array, f: number): boolean {
  return (b[f + 3]! & 1) !== 0;
}

/** Identification, int32. */
export function ip6FragId(b: Uint8Array, f: number): number {
  return get32(b, f + 4);
}

/** Writes a fragment header (8 bytes); `offset` in bytes, a multiple of 8. */
export function putIp6Fragment(
  b: Uint8Array,
  f: number,
  nextHeader: number,
  offset: number,
  more: boolean,
  id: number,
): void {
  b[f] = nextHeader;
  b[f + 1] = 0;
  put16(b, f + 2, (offset & 0xfff8) | (more ? 1 : 0));
  put32(b, f + 4, id);
}
