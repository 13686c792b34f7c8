// The walk over IPv6 extension headers to the upper protocol (RFC 8200 section 4, limits by RFC 8504 section 5.3).
// Called by the stack's ip6 layer on what ip6Check accepted; calls the field readers of ip6.ts.
//
// Headers are processed strictly in their order and in any order, except hop-by-hop options, which may only come first.
// The walk stops at the upper protocol or at a real fragment; the caller reassembles and walks again. An atomic fragment
// (offset 0, M 0) is read through, as a whole packet (section 4.5).

import { get16 } from '../base/bytes.ts';
import {
  DROP_BAD_OPTION,
  DROP_EXTENSION_LIMIT,
  DROP_EXTENSION_ORDER,
  DROP_FRAGMENT_HEADERS,
  DROP_FRAGMENT_LENGTH,
  DROP_ROUTING_HEADER,
  DROP_SHORT,
} from '../base/drop.ts';
import { PROTO_TCP, PROTO_UDP } from './ip4.ts';
import {
  IP6_FRAGMENT_LENGTH,
  IP6_HEADER_LENGTH,
  IP6_NEXT_HEADER_OFFSET,
  IP6_PAYLOAD_LENGTH_OFFSET,
  ip6DstIsMulticast,
  ip6FragMore,
  ip6FragOffset,
  ip6NextHeader,
  ip6PayloadLength,
  PROTO_HOP_BY_HOP,
  PROTO_ICMP6,
  PROTO_IP6_DESTINATION_OPTIONS,
  PROTO_IP6_FRAGMENT,
  PROTO_IP6_ROUTING,
} from './ip6.ts';
import { TCP_HEADER_LENGTH } from './tcp.ts';

/** Most extension headers that are read in one packet. */
export const IP6_MAX_EXTENSIONS = 8;
/** Most options other than padding in one header, the default of RFC 8504 section 5.3. */
export const IP6_MAX_OPTIONS = 8;
/** Most Pad1 options in a row (RFC 8504 section 5.3). */
export const IP6_MAX_PAD1 = 7;

const OPTION_PAD1 = 0;
const OPTION_PADN = 1;
/** RFC 2711: routers look at it, a host has nothing to do. It says "skip" in its action bits, so it needs no case. */
export const IP6_OPTION_ROUTER_ALERT = 5;

/** Codes of an ICMPv6 parameter problem (RFC 4443 section 3.4; code 3 by RFC 7112). */
const ERRONEOUS_FIELD = 0;
const UNKNOWN_NEXT_HEADER = 1;
const UNKNOWN_OPTION = 2;
const INCOMPLETE_HEADERS = 3;

/** What the walk found. One object, allocated once by whoever walks, refilled by each walk. */
export class Ip6Chain {
  /** The upper protocol, or for a real fragment what its fragment header names. */
  protocol: number = 0;
  /** Offset in the bytes of the upper protocol's header, or of a real fragment's data. */
  offset: number = 0;
  /** Offset in the bytes of the (last) fragment header, or -1. Set for atomic fragments too: NDP refuses both. */
  fragment: number = -1;
  /** True if reassembly must come first: the fragment header has an offset or M. */
  isFragment: boolean = false;
  /** Offset in the bytes of the Next Header field that names `protocol`. */
  protocolField: number = 0;
  /** Offset in the bytes of the Next Header field that names the fragment header; reassembly overwrites it. */
  fragmentField: number = 0;
  /** How many extension headers were passed. */
  headers: number = 0;
  /** After a drop: code of the ICMPv6 parameter problem to be sent, or -1 for silence. */
  problemCode: number = -1;
  /** Pointer of that message: offset from the start of the IPv6 header. */
  problemPointer: number = 0;
  /** True if it is sent even where the packet's destination was a multicast address (RFC 4443 section 2.4 e.3). */
  problemForMulticast: boolean = false;
}

/**
 * Walks the extension headers of the packet at `o` that ip6Check accepted. Returns 0 with the upper protocol in `out`,
 * or a drop reason with the parameter problem to be sent (out.problemCode).
 *
 * An upper protocol that the caller does not know is the caller's to refuse: parameter problem code 1, pointer
 * out.protocolField - o (ip6UnknownProtocol sets that).
 */
export function ip6Walk(b: Uint8Array, o: number, out: Ip6Chain): number {
  const end = o + IP6_HEADER_LENGTH + ip6PayloadLength(b, o);
  let at = o + IP6_HEADER_LENGTH;
  let field = o + IP6_NEXT_HEADER_OFFSET;
  let next = ip6NextHeader(b, o);
  out.fragment = -1;
  out.isFragment = false;
  out.fragmentField = 0;
  out.headers = 0;
  out.problemCode = -1;
  out.problemPointer = 0;
  out.problemForMulticast = false;
  while (isExtension(next)) {
    if (next === PROTO_HOP_BY_HOP && out.headers !== 0) {
      return problem(out, DROP_EXTENSION_ORDER, UNKNOWN_NEXT_HEADER, field - o, false);
    }
    if (++out.headers > IP6_MAX_EXTENSIONS) return DROP_EXTENSION_LIMIT;
    if (end - at < 8) return DROP_SHORT;
    const length = next === PROTO_IP6_FRAGMENT ? IP6_FRAGMENT_LENGTH : (b[at + 1]! + 1) << 3;
    if (end - at < length) return DROP_SHORT;
    let drop = 0;
    if (next === PROTO_IP6_FRAGMENT) {
      out.fragment = at;
      out.fragmentField = field;
      if (ip6FragOffset(b, at) !== 0 || ip6FragMore(b, at)) return stopAtFragment(b, o, at, end, out);
    } else if (next === PROTO_IP6_ROUTING) {
      // Every type is unknown here, type 0 by RFC 5095: with segments left the packet is refused, else it is passed.
      if (b[at + 3] !== 0) drop = problem(out, DROP_ROUTING_HEADER, ERRONEOUS_FIELD, at + 2 - o, false);
    } else {
      drop = walkOptions(b, o, at + 2, at + length, out);
    }
    if (drop !== 0) return drop;
    field = at;
    next = b[at]!;
    at += length;
  }
  out.protocol = next;
  out.protocolField = field;
  out.offset = at;
  return 0;
}

/** Fills in the parameter problem for an upper protocol that nobody here speaks (RFC 8200 section 4). */
export function ip6UnknownProtocol(o: number, out: Ip6Chain): void {
  problem(out, 0, UNKNOWN_NEXT_HEADER, out.protocolField - o, false);
}

function isExtension(next: number): boolean {
  return (
    next === PROTO_HOP_BY_HOP ||
    next === PROTO_IP6_ROUTING ||
    next === PROTO_IP6_FRAGMENT ||
    next === PROTO_IP6_DESTINATION_OPTIONS
  );
}

function problem(out: Ip6Chain, drop: number, code: number, pointer: number, forMulticast: boolean): number {
  out.problemCode = code;
  out.problemPointer = pointer;
  out.problemForMulticast = forMulticast;
  return drop;
}

/** The options of a hop-by-hop or destination options header in [at, end): RFC 8200 section 4.2. */
function walkOptions(b: Uint8Array, o: number, at: number, end: number, out: Ip6Chain): number {
  let options = 0;
  let pads = 0;
  while (at < end) {
    const type = b[at]!;
    if (type === OPTION_PAD1) {
      if (++pads > IP6_MAX_PAD1) return DROP_EXTENSION_LIMIT;
      at++;
      continue;
    }
    pads = 0;
    if (at + 1 >= end) return problem(out, DROP_BAD_OPTION, ERRONEOUS_FIELD, at - o, false);
    const next = at + 2 + b[at + 1]!;
    if (next > end) return problem(out, DROP_BAD_OPTION, ERRONEOUS_FIELD, at + 1 - o, false);
    if (type !== OPTION_PADN) {
      if (++options > IP6_MAX_OPTIONS) return DROP_EXTENSION_LIMIT;
      // No option is known here: the two high bits say what an unknown one wants.
      const action = type >> 6;
      if (action === 1) return DROP_BAD_OPTION;
      if (action === 2) return problem(out, DROP_BAD_OPTION, UNKNOWN_OPTION, at - o, true);
      if (action === 3) {
        return ip6DstIsMulticast(b, o) ? DROP_BAD_OPTION : problem(out, DROP_BAD_OPTION, UNKNOWN_OPTION, at - o, false);
      }
    }
    at = next;
  }
  return 0;
}

/** A real fragment at `f`: its length rules, and that a first one has every header (RFC 8200 section 4.5). */
function stopAtFragment(b: Uint8Array, o: number, f: number, end: number, out: Ip6Chain): number {
  const data = f + IP6_FRAGMENT_LENGTH;
  const length = end - data;
  const offset = ip6FragOffset(b, f);
  out.isFragment = true;
  out.protocol = b[f]!;
  out.protocolField = f;
  out.offset = data;
  if (ip6FragMore(b, f) && (length & 7) !== 0) {
    return problem(out, DROP_FRAGMENT_LENGTH, ERRONEOUS_FIELD, IP6_PAYLOAD_LENGTH_OFFSET, false);
  }
  if (length === 0) return DROP_FRAGMENT_LENGTH;
  // The reassembled payload: the unfragmentable headers, without the fragment header, and the data up to here.
  if (f - o - IP6_HEADER_LENGTH + offset + length > 65535) {
    return problem(out, DROP_FRAGMENT_LENGTH, ERRONEOUS_FIELD, f + 2 - o, false);
  }
  if (offset === 0 && !hasAllHeaders(b, data, end, b[f]!)) {
    return problem(out, DROP_FRAGMENT_HEADERS, INCOMPLETE_HEADERS, 0, false);
  }
  return 0;
}

/** True if the chain from `next` at `at` reaches an upper protocol whose fixed header ends before `end`. */
function hasAllHeaders(b: Uint8Array, at: number, end: number, next: number): boolean {
  for (let i = 0; i <= IP6_MAX_EXTENSIONS && isExtension(next); i++) {
    if (end - at < 8) return false;
    const length = next === PROTO_IP6_FRAGMENT ? IP6_FRAGMENT_LENGTH : (b[at + 1]! + 1) << 3;
    next = b[at]!;
    at += length;
  }
  // TCP 20 bytes, UDP and ICMPv6 8; of what is not known here nothing is asked.
  const least = next === PROTO_TCP ? TCP_HEADER_LENGTH : next === PROTO_UDP || next === PROTO_ICMP6 ? 8 : 0;
  return end - at >= least;
}

/**
 * For a packet that an ICMPv6 error quotes, cut off anywhere: fills out.protocol and out.offset without any of the
 * rules above. Returns 0 if an upper protocol is reached within [o, end), else DROP_SHORT. A quoted fragment other than
 * the first has no upper header: out.isFragment is true, and there is nothing to be matched.
 */
export function ip6WalkQuote(b: Uint8Array, o: number, end: number, out: Ip6Chain): number {
  let at = o + IP6_HEADER_LENGTH;
  out.fragment = -1;
  out.isFragment = false;
  out.headers = 0;
  out.problemCode = -1;
  if (at > end || b[o]! >> 4 !== 6) return DROP_SHORT;
  let next = ip6NextHeader(b, o);
  out.protocolField = o + IP6_NEXT_HEADER_OFFSET;
  while (isExtension(next)) {
    if (end - at < 8 || ++out.headers > IP6_MAX_EXTENSIONS) return DROP_SHORT;
    const length = next === PROTO_IP6_FRAGMENT ? IP6_FRAGMENT_LENGTH : (b[at + 1]! + 1) << 3;
    if (next === PROTO_IP6_FRAGMENT) {
      out.fragment = at;
      if ((get16(b, at + 2) & 0xfff8) !== 0) out.isFragment = true;
    }
    out.protocolField = at;
    next = b[at]!;
    at += length;
    if (at > end) return DROP_SHORT;
    if (out.isFragment) break;
  }
  out.protocol = next;
  out.offset = at;
  return 0;
}
