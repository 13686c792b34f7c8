// IPv4 headers (RFC 791; ECN bits by RFC 3168): fields, checks, the header's checksum, a walk over the options.
// Called by the stack's ip4 layer, links that frame by length, and tools; calls base/bytes only.
//
//   0        1        2                 4                 6                 8     9     10       12       16       20
//   +----+---+--------+-----------------+-----------------+---+-------------+-----+-----+--------+--------+--------+----
//   |ver |ihl| DSCP  E| total length    | identification  |flg| frag offset | TTL | pro | chksum | source | dest   | opts
//   +----+---+--------+-----------------+-----------------+---+-------------+-----+-----+--------+--------+--------+----

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import {
  DROP_BAD_HEADER_LENGTH,
  DROP_BAD_LENGTH,
  DROP_BAD_OPTION,
  DROP_BAD_VERSION,
  DROP_FRAGMENT_LENGTH,
  DROP_SHORT,
} from '../base/drop.ts';

/** Bytes of a header without options. */
export const IP4_HEADER_LENGTH = 20;
/** Bytes of the longest header. */
export const IP4_MAX_HEADER_LENGTH = 60;
/** The largest packet, header included. */
export const IP4_MAX_LENGTH = 65535;
/** What every host must be able to receive, reassembled (RFC 1122 section 3.3.2). */
export const IP4_MIN_REASSEMBLY = 576;

/** Flags as they stand in the 16 bits that end in the fragment offset. */
export const IP4_FLAG_DF = 0x4000;
export const IP4_FLAG_MF = 0x2000;

export const PROTO_ICMP4 = 1;
export const PROTO_IGMP = 2;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;

/** Congestion codepoints, RFC 3168 section 5. */
export const ECN_NOT_ECT = 0;
export const ECN_ECT1 = 1;
export const ECN_ECT0 = 2;
export const ECN_CE = 3;

export const IP4_OPTION_END = 0;
export const IP4_OPTION_NOP = 1;
export const IP4_OPTION_RECORD_ROUTE = 7;
export const IP4_OPTION_TIMESTAMP = 68;
export const IP4_OPTION_LOOSE_SOURCE_ROUTE = 131;
export const IP4_OPTION_STRICT_SOURCE_ROUTE = 137;
export const IP4_OPTION_ROUTER_ALERT = 148;
/** Set in the type of an option that every fragment repeats (RFC 791 section 3.1). */
export const IP4_OPTION_COPIED = 0x80;

/**
 * 0 if the header can be read and the packet lies within [o, end), or a drop reason. Bytes after the total length are
 * the link's padding, not an error. The checksum is a separate question: ip4ChecksumOk.
 */
export function ip4Check(b: Uint8Array, o: number, end: number): number {
  const room = end - o;
  if (room < IP4_HEADER_LENGTH) return DROP_SHORT;
  const first = b[o]!;
  if (first >> 4 !== 4) return DROP_BAD_VERSION;
  const headerLength = (first & 15) << 2;
  if (headerLength < IP4_HEADER_LENGTH || headerLength > room) return DROP_BAD_HEADER_LENGTH;
  const total = get16(b, o + 2);
  return total < headerLength || total > room ? DROP_BAD_LENGTH : 0;
}

/**
 * 0 if the fragment's payload can belong to a packet, or a drop reason: it must not be empty, must be a multiple of
 * 8 bytes unless it is the last one (RFC 791 section 3.2), and must end within 65535. Call after ip4Check.
 */
export function ip4FragmentCheck(b: Uint8Array, o: number): number {
  const length = ip4TotalLength(b, o) - ip4Ihl(b, o);
  if (length === 0) return DROP_FRAGMENT_LENGTH;
  if (ip4MoreFragments(b, o) && (length & 7) !== 0) return DROP_FRAGMENT_LENGTH;
  return ip4Ihl(b, o) + ip4FragOffset(b, o) + length > IP4_MAX_LENGTH ? DROP_FRAGMENT_LENGTH : 0;
}

/** IP version of the packet at `o`, from its first four bits: 4, 6 or what else stands there. */
export function ipVersion(b: Uint8Array, o: number): number {
  return b[o]! >> 4;
}

/** Header length in **bytes**. */
export function ip4Ihl(b: Uint8Array, o: number): number {
  return (b[o]! & 15) << 2;
}

/** Differentiated services code point, 6 bits. */
export function ip4Dscp(b: Uint8Array, o: number): number {
  return b[o + 1]! >> 2;
}

/** Congestion codepoint: ECN_NOT_ECT, ECN_ECT1, ECN_ECT0, ECN_CE. */
export function ip4Ecn(b: Uint8Array, o: number): number {
  return b[o + 1]! & 3;
}

/** Length of the packet in bytes, header included. */
export function ip4TotalLength(b: Uint8Array, o: number): number {
  return get16(b, o + 2);
}

/** Identification, which binds fragments together. */
export function ip4Id(b: Uint8Array, o: number): number {
  return get16(b, o + 4);
}

/** Fragment offset in **bytes**. */
export function ip4FragOffset(b: Uint8Array, o: number): number {
  return (get16(b, o + 6) & 0x1fff) << 3;
}

/** MF: this is not the last fragment. */
export function ip4MoreFragments(b: Uint8Array, o: number): boolean {
  return (b[o + 6]! & 0x20) !== 0;
}

/** DF: no router may fragment the packet. */
export function ip4DontFragment(b: Uint8Array, o: number): boolean {
  return (b[o + 6]! & 0x40) !== 0;
}

/** True for any fragment: MF set, or an offset other than 0. */
export function ip4IsFragment(b: Uint8Array, o: number): boolean {
  return (get16(b, o + 6) & 0x3fff) !== 0;
}

/** Time to live. */
export function ip4Ttl(b: Uint8Array, o: number): number {
  return b[o + 8]!;
}

/** The upper protocol: PROTO_*. */
export function ip4Protocol(b: Uint8Array, o: number): number {
  return b[o + 9]!;
}

/** The header's checksum field. */
export function ip4Checksum(b: Uint8Array, o: number): number {
  return get16(b, o + 10);
}

/** Source address, int32. */
export function ip4Src(b: Uint8Array, o: number): number {
  return get32(b, o + 12);
}

/** Destination address, int32. */
export function ip4Dst(b: Uint8Array, o: number): number {
  return get32(b, o + 16);
}

/**
 * Writes a header without options (20 bytes), checksum included.
 * `tos` is DSCP and ECN as one byte; `flagsAndOffset` is IP4_FLAG_* plus the fragment offset in units of 8 bytes.
 */
export function putIp4Header(
  b: Uint8Array,
  o: number,
  tos: number,
  totalLength: number,
  id: number,
  flagsAndOffset: number,
  ttl: number,
  protocol: number,
  src: number,
  dst: number,
): void {
  b[o] = 0x45;
  b[o + 1] = tos;
  put16(b, o + 2, totalLength);
  put16(b, o + 4, id);
  put16(b, o + 6, flagsAndOffset);
  b[o + 8] = ttl;
  b[o + 9] = protocol;
  put32(b, o + 12, src);
  put32(b, o + 16, dst);
  putIp4Checksum(b, o);
}

/** Sum of the header's 16-bit words, folded; 0xffff if the checksum in it is right. Reads ip4Ihl bytes. */
function headerSum(b: Uint8Array, o: number): number {
  const end = o + ip4Ihl(b, o);
  let sum = 0;
  for (let i = o; i < end; i += 2) sum += get16(b, i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/** True if the header's checksum is right. Call after ip4Check. */
export function ip4ChecksumOk(b: Uint8Array, o: number): boolean {
  return headerSum(b, o) === 0xffff;
}

/** Computes and writes the header's checksum; for a header whose fields were changed or that has options. */
export function putIp4Checksum(b: Uint8Array, o: number): void {
  put16(b, o + 10, 0);
  put16(b, o + 10, ~headerSum(b, o));
}

/** What a walk over the options found. One object, allocated once by whoever walks, refilled by each walk. */
export class Ip4Options {
  /** Offset of a loose or strict source route from the header's start, or 0. */
  sourceRoute: number = 0;
  /** Offset of a record route option, or 0. */
  recordRoute: number = 0;
  /** Offset of a timestamp option, or 0. */
  timestamp: number = 0;
  /** True if a router alert (RFC 2113) is there. */
  routerAlert: boolean = false;
  /** After DROP_BAD_OPTION: offset of the byte at fault from the header's start, the pointer of a parameter problem. */
  problem: number = 0;
}

/**
 * Walks the options of a header that passed ip4Check. Unknown options are skipped, as RFC 1122 section 3.2.1.8 wants.
 * Returns 0, or DROP_BAD_OPTION with `out.problem` set where an option's length is below 2 or leaves the header.
 */
export function ip4WalkOptions(b: Uint8Array, o: number, out: Ip4Options): number {
  out.sourceRoute = 0;
  out.recordRoute = 0;
  out.timestamp = 0;
  out.routerAlert = false;
  out.problem = 0;
  const end = o + ip4Ihl(b, o);
  let at = o + IP4_HEADER_LENGTH;
  while (at < end) {
    const type = b[at]!;
    if (type === IP4_OPTION_END) return 0;
    if (type === IP4_OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? b[at + 1]! : 0;
    if (length < 2 || at + length > end) {
      out.problem = at + 1 < end ? at + 1 - o : at - o;
      return DROP_BAD_OPTION;
    }
    if (type === IP4_OPTION_LOOSE_SOURCE_ROUTE || type === IP4_OPTION_STRICT_SOURCE_ROUTE) out.sourceRoute = at - o;
    else if (type === IP4_OPTION_RECORD_ROUTE) out.recordRoute = at - o;
    else if (type === IP4_OPTION_TIMESTAMP) out.timestamp = at - o;
    else if (type === IP4_OPTION_ROUTER_ALERT) out.routerAlert = true;
    at += length;
  }
  return 0;
}
