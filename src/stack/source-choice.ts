// Which of our addresses a packet leaves from where its sender has not said: RFC 6724 for IPv6, by subnet for IPv4.
// Called by routes.findWay; reads interfaces.

import { isIp4, isLinkLocal, isMulticast } from './address-kinds.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import type { Interfaces } from './interfaces.ts';

/** Scopes of RFC 4291 section 2.7, as RFC 6724 section 3.1 compares them. */
const SCOPE_LINK = 2;
const SCOPE_SITE = 5;
const SCOPE_GLOBAL = 14;

/** The policy table's labels (RFC 6724 section 2.1): prefix words, bits, label. The longest match counts; ::/0 is 1. */
const LABELS: readonly (readonly [number, number, number, number, number])[] = [
  [0, 0, 0, 96, 3], // ::/96
  [0, 0, 0xffff, 96, 4], // ::ffff:0:0/96
  [0x20010000, 0, 0, 32, 5], // Teredo
  [0x20020000, 0, 0, 16, 2], // 6to4
  [0x3ffe0000, 0, 0, 16, 12], // 6bone
];

/**
 * The scope of a unicast or multicast IPv6 address; ::1 counts as link-local (RFC 6724 section 3.1, RFC 4291 section
 * 2.5.3).
 */
export function scope(w0: number, w1: number, w2: number, w3: number): number {
  if (w0 >>> 24 === 0xff) return (w0 >> 16) & 15;
  if (isLinkLocal(w0)) return SCOPE_LINK;
  if (w0 >>> 22 === 0x3fb) return SCOPE_SITE; // fec0::/10, deprecated (RFC 3879)
  return (w0 | w1 | w2) === 0 && w3 === 1 ? SCOPE_LINK : SCOPE_GLOBAL;
}

/** The label of an IPv6 address in the default policy table. */
export function label(w0: number, w1: number, w2: number, w3: number): number {
  if ((w0 | w1 | w2) === 0 && w3 === 1) return 0;
  if (w0 >>> 25 === 0x7e) return 13; // fc00::/7
  if (w0 >>> 22 === 0x3fb) return 11; // fec0::/10
  for (const [p0, p1, p2, bits, value] of LABELS) {
    if (bits === 96 ? w0 === p0 && w1 === p1 && w2 === p2 : (w0 ^ p0) >>> (32 - bits) === 0) return value;
  }
  return 1;
}

/** How many leading bits two addresses share, of 128. */
export function commonBits(a: InterfaceAddress, w0: number, w1: number, w2: number, w3: number): number {
  if (a.w0 !== w0) return Math.clz32(a.w0 ^ w0);
  if (a.w1 !== w1) return 32 + Math.clz32(a.w1 ^ w1);
  if (a.w2 !== w2) return 64 + Math.clz32(a.w2 ^ w2);
  return 96 + Math.clz32(a.w3 ^ w3);
}

function usable(a: InterfaceAddress): boolean {
  return a.state === 'preferred' || a.state === 'deprecated';
}

/**
 * The IPv4 source for a packet that leaves by `iface` towards the next hop `hop`: the address in whose subnet the next
 * hop lies (RFC 1122 section 3.3.4.3), else the interface's first, else (an interface without one) any of ours.
 */
export function chooseSource4(interfaces: Interfaces, iface: Interface, hop: number): InterfaceAddress | undefined {
  let best: InterfaceAddress | undefined;
  let bestBits = -1;
  for (const a of iface.addresses) {
    if (!usable(a) || !isIp4(a.w0, a.w1, a.w2)) continue;
    const bits = commonBits(a, 0, 0, 0xffff, hop) >= a.prefix ? a.prefix : 0;
    if (bits > bestBits) {
      best = a;
      bestBits = bits;
    }
  }
  if (best !== undefined) return best;
  for (const f of interfaces.list) {
    if (f === null || f.loopback !== iface.loopback) continue;
    for (const a of f.addresses) if (usable(a) && isIp4(a.w0, a.w1, a.w2)) return a;
  }
  return undefined;
}

/**
 * The IPv6 source for the destination given, leaving by `iface` (RFC 6724 sections 4 and 5). The candidates are the
 * interface's addresses; where none of them has a scope that reaches the destination, a wider one of another
 * interface serves, as an unnumbered interface needs it.
 */
export function chooseSource6(
  interfaces: Interfaces,
  iface: Interface,
  d0: number,
  d1: number,
  d2: number,
  d3: number,
): InterfaceAddress | undefined {
  let best: InterfaceAddress | undefined;
  for (const a of iface.addresses) if (candidate(a) && better(a, best, d0, d1, d2, d3)) best = a;
  const wanted = scope(d0, d1, d2, d3);
  if (best !== undefined && scope(best.w0, best.w1, best.w2, best.w3) >= wanted) return best;
  // Section 4: for multicast and link-local destinations only addresses of the outgoing interface.
  if (isMulticast(d0, d1, d2, d3) || wanted <= SCOPE_LINK) return best;
  for (const f of interfaces.list) {
    if (f === null || f === iface || f.loopback !== iface.loopback) continue;
    for (const a of f.addresses) {
      if (candidate(a) && !isLinkLocal(a.w0) && better(a, best, d0, d1, d2, d3)) best = a;
    }
  }
  return best;
}

function candidate(a: InterfaceAddress): boolean {
  return usable(a) && !isIp4(a.w0, a.w1, a.w2);
}

/** Whether `a` is preferred to `b` as a source: the rules of RFC 6724 section 5 in their order. */
function better(
  a: InterfaceAddress,
  b: InterfaceAddress | undefined,
  d0: number,
  d1: number,
  d2: number,
  d3: number,
): boolean {
  if (b === undefined) return true;
  // Rule 1: the same address.
  if (commonBits(a, d0, d1, d2, d3) === 128) return true;
  if (commonBits(b, d0, d1, d2, d3) === 128) return false;
  // Rule 2: the smallest scope that still reaches the destination, or else the widest there is.
  const sa = scope(a.w0, a.w1, a.w2, a.w3);
  const sb = scope(b.w0, b.w1, b.w2, b.w3);
  if (sa !== sb) {
    const sd = scope(d0, d1, d2, d3);
    return sa < sb ? sa >= sd : sb < sd;
  }
  // Rule 3: deprecated addresses last.
  if (a.state !== b.state) return a.state === 'preferred';
  // Rule 4 (home addresses), 5 (the outgoing interface: see above) and 7 (temporary addresses) have nothing to decide
  // here. Rule 6: the destination's label.
  const ld = label(d0, d1, d2, d3);
  const la = label(a.w0, a.w1, a.w2, a.w3) === ld;
  const lb = label(b.w0, b.w1, b.w2, b.w3) === ld;
  if (la !== lb) return la;
  // Rule 8: the longest matching prefix, counted up to the source's own prefix length (section 2.2).
  return Math.min(commonBits(a, d0, d1, d2, d3), a.prefix) > Math.min(commonBits(b, d0, d1, d2, d3), b.prefix);
}
