// Options of neighbour discovery (RFC 4861 section 4.6, RDNSS by RFC 8106 section 5.1): a bounded walk, and writers.
// Called by ndp.ts and by the stack's ndp code; calls base/bytes only.
//
//   0      1          2
//   +------+----------+----------------------------------
//   | type | length/8 | …
//   +------+----------+----------------------------------

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { DROP_NDP_INVALID } from '../base/drop.ts';

export const NDP_OPTION_SOURCE_LINK = 1;
export const NDP_OPTION_TARGET_LINK = 2;
export const NDP_OPTION_PREFIX = 3;
export const NDP_OPTION_REDIRECTED = 4;
export const NDP_OPTION_MTU = 5;
export const NDP_OPTION_RDNSS = 25;

/** Bytes of a link-layer address option for Ethernet. */
export const NDP_LINK_OPTION_LENGTH = 8;
/** Bytes of a prefix information option. */
export const NDP_PREFIX_OPTION_LENGTH = 32;
/** Bytes of an MTU option. */
export const NDP_MTU_OPTION_LENGTH = 8;

/** Flags of a prefix information option. */
export const NDP_PREFIX_ON_LINK = 0x80;
export const NDP_PREFIX_AUTONOMOUS = 0x40;

/** Most prefixes, and most name servers, that are taken from one message; what follows is ignored. */
export const NDP_MAX_PREFIXES = 16;
export const NDP_MAX_RDNSS = 8;

/** The options of one message. One object, allocated once by whoever parses. Offsets are into the bytes parsed. */
export class NdpOptions {
  /** Offset of the 6 bytes of the source link-layer address, or -1. */
  sourceLinkAddress: number = -1;
  /** Offset of the 6 bytes of the target link-layer address, or -1. */
  targetLinkAddress: number = -1;
  /** MTU option, int32, or 0 if absent. */
  mtu: number = 0;
  /** How many prefix information options there are; `prefixes[i]` is the offset of option i, for ndpPrefix*. */
  prefixCount: number = 0;
  readonly prefixes: Int32Array = new Int32Array(NDP_MAX_PREFIXES);
  /** Recursive DNS servers: `rdnss[i]` is the offset of 16 bytes of address, `rdnssLifetime[i]` seconds, int32. */
  rdnssCount: number = 0;
  readonly rdnss: Int32Array = new Int32Array(NDP_MAX_RDNSS);
  readonly rdnssLifetime: Int32Array = new Int32Array(NDP_MAX_RDNSS);
  /** Offset of the packet in a redirected header option, or -1, and how many bytes of it there are. */
  redirected: number = -1;
  redirectedLength: number = 0;
}

/**
 * Reads the options in [at, end). Unknown ones are skipped, and so are known ones of another length than theirs; of an
 * option that may appear once, the first counts. Returns 0, or DROP_NDP_INVALID for a length of 0 or beyond the end
 * (RFC 4861 section 4.6: the whole packet is discarded).
 */
export function ndpParseOptions(b: Uint8Array, at: number, end: number, out: NdpOptions): number {
  out.sourceLinkAddress = -1;
  out.targetLinkAddress = -1;
  out.mtu = 0;
  out.prefixCount = 0;
  out.rdnssCount = 0;
  out.redirected = -1;
  out.redirectedLength = 0;
  while (at < end) {
    if (end - at < 8) return DROP_NDP_INVALID;
    const length = b[at + 1]! << 3;
    if (length === 0 || length > end - at) return DROP_NDP_INVALID;
    readOption(b, at, length, out);
    at += length;
  }
  return 0;
}

function readOption(b: Uint8Array, at: number, length: number, out: NdpOptions): void {
  const type = b[at]!;
  if (type === NDP_OPTION_SOURCE_LINK) {
    if (length === NDP_LINK_OPTION_LENGTH && out.sourceLinkAddress < 0) out.sourceLinkAddress = at + 2;
  } else if (type === NDP_OPTION_TARGET_LINK) {
    if (length === NDP_LINK_OPTION_LENGTH && out.targetLinkAddress < 0) out.targetLinkAddress = at + 2;
  } else if (type === NDP_OPTION_MTU) {
    if (length === NDP_MTU_OPTION_LENGTH && out.mtu === 0) out.mtu = get32(b, at + 4);
  } else if (type === NDP_OPTION_PREFIX) {
    if (length === NDP_PREFIX_OPTION_LENGTH && out.prefixCount < NDP_MAX_PREFIXES) {
      out.prefixes[out.prefixCount++] = at;
    }
  } else if (type === NDP_OPTION_RDNSS) {
    // 8 bytes and then addresses of 16 each; at least one (RFC 8106 section 5.3.1).
    if (length < 24 || (length & 15) !== 8) return;
    for (let i = 8; i < length && out.rdnssCount < NDP_MAX_RDNSS; i += 16) {
      out.rdnss[out.rdnssCount] = at + i;
      out.rdnssLifetime[out.rdnssCount++] = get32(b, at + 4);
    }
  } else if (type === NDP_OPTION_REDIRECTED && out.redirected < 0) {
    out.redirected = at + 8;
    out.redirectedLength = length - 8;
  }
}

/** Prefix length in bits of the option at `p`; may be above 128 in a bad one: the caller refuses it. */
export function ndpPrefixLength(b: Uint8Array, p: number): number {
  return b[p + 2]!;
}

/** NDP_PREFIX_ON_LINK, NDP_PREFIX_AUTONOMOUS. */
export function ndpPrefixFlags(b: Uint8Array, p: number): number {
  return b[p + 3]!;
}

/** Valid lifetime in seconds, int32; -1 is infinity, other negative values are 2^31 seconds and more. */
export function ndpPrefixValid(b: Uint8Array, p: number): number {
  return get32(b, p + 4);
}

/** Preferred lifetime in seconds, int32; -1 is infinity. */
export function ndpPrefixPreferred(b: Uint8Array, p: number): number {
  return get32(b, p + 8);
}

/** Word `i` of the prefix, int32. */
export function ndpPrefix(b: Uint8Array, p: number, i: number): number {
  return get32(b, p + 16 + (i << 2));
}

/** High 16 bits of the link-layer address at `at` (NdpOptions.sourceLinkAddress, targetLinkAddress). */
export function ndpLinkHi(b: Uint8Array, at: number): number {
  return get16(b, at);
}

/** Its low 32 bits, signed. */
export function ndpLinkLo(b: Uint8Array, at: number): number {
  return get32(b, at + 2);
}

/** Writes a link-layer address option (8 bytes); `type` is NDP_OPTION_SOURCE_LINK or NDP_OPTION_TARGET_LINK. */
export function putNdpLinkOption(b: Uint8Array, at: number, type: number, hi: number, lo: number): void {
  b[at] = type;
  b[at + 1] = 1;
  put16(b, at + 2, hi);
  put32(b, at + 4, lo);
}

/** Writes an MTU option (8 bytes). */
export function putNdpMtuOption(b: Uint8Array, at: number, mtu: number): void {
  put32(b, at, (NDP_OPTION_MTU << 24) | (1 << 16));
  put32(b, at + 4, mtu);
}

/** Writes a prefix information option (32 bytes) but for the prefix, whose words putNdpPrefix writes. */
export function putNdpPrefixOption(
  b: Uint8Array,
  at: number,
  length: number,
  flags: number,
  valid: number,
  preferred: number,
): void {
  b[at] = NDP_OPTION_PREFIX;
  b[at + 1] = 4;
  b[at + 2] = length;
  b[at + 3] = flags;
  put32(b, at + 4, valid);
  put32(b, at + 8, preferred);
  put32(b, at + 12, 0);
}

/** Writes the prefix of the option at `at`. */
export function putNdpPrefix(b: Uint8Array, at: number, w0: number, w1: number, w2: number, w3: number): void {
  put32(b, at + 16, w0);
  put32(b, at + 20, w1);
  put32(b, at + 24, w2);
  put32(b, at + 28, w3);
}
