// What the forge puts under its packets: addresses, Ethernet and IP headers with options and extension headers, fragments, ARP.
// Called by forge.ts; calls the writers of src/wire.

import { get16, put16, put32 } from '../../src/base/bytes.ts';
import type { SeededRng } from '../../src/base/rng.ts';
import { ARP_LENGTH, ARP_REPLY, ARP_REQUEST, putArp } from '../../src/wire/arp.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IP4, ETHERTYPE_IP6, putEthHeader } from '../../src/wire/eth.ts';
import { IP4_FLAG_DF, IP4_FLAG_MF, putIp4Checksum, putIp4Header } from '../../src/wire/ip4.ts';
import {
  IP6_FRAGMENT_LENGTH,
  PROTO_HOP_BY_HOP,
  PROTO_IP6_DESTINATION_OPTIONS,
  PROTO_IP6_FRAGMENT,
  PROTO_IP6_ROUTING,
  putIp6Dst,
  putIp6Fragment,
  putIp6Header,
  putIp6Src,
} from '../../src/wire/ip6.ts';
import { type Draft, pick } from './forge-mutate.ts';

/** The wire that is fuzzed. */
export interface Wire {
  readonly ethernet: boolean;
  /** The most bytes a frame may have. */
  readonly limit: number;
  /** The stack's largest IP packet. */
  readonly mtu: number;
}

/** Four words, IPv4 mapped. */
export type Address = readonly [number, number, number, number];

/** Two ends of a packet, ours (the forge's) first. */
export interface Ends {
  readonly version: 4 | 6;
  readonly mine: Address;
  readonly yours: Address;
}

/** Attackers: this many addresses of each family. */
export const ATTACKERS = 16;
export const STACK4 = 0x0a000001;
export const STACK_MAC_HI = 0x0200;
export const STACK_MAC_LO = 1;
/** Bytes 4 and 5 of an attacker's MAC tell which one it is. */
const ATTACKER_MAC_LO = 0x00000100;

export function attacker(version: 4 | 6, k: number): Address {
  return version === 4 ? [0, 0, 0xffff, 0x0a000010 + k] : [0xfd000000 | 0, 0, 0, 0x10 + k];
}

export function attackerMac(k: number): [number, number] {
  return [0x0200, ATTACKER_MAC_LO + k];
}

/** Which attacker has the address, or -1. */
export function whichAttacker(w0: number, w3: number): number {
  const k = (w0 === 0 || w0 === (0xfe800000 | 0) ? w3 - (w0 === 0 ? 0x0a000010 : 0x10) : w3 - 0x10) | 0;
  return k >= 0 && k < ATTACKERS ? k : -1;
}

/** An address that the stack did not expect from us: its own, a group's, the innocent peer's, nobody's. */
function oddAddress(rng: SeededRng, version: 4 | 6): Address {
  if (version === 4) {
    return [
      0,
      0,
      0xffff,
      pick(rng, [STACK4, 0, -1, 0x0a0000ff, 0x7f000001, 0xe0000001 | 0, 0xefffffff | 0, 0x0a010002, rng.int32()]),
    ];
  }
  return pick<Address>(rng, [
    [0xfd000000 | 0, 0, 0, 1],
    [0, 0, 0, 0],
    [0, 0, 0, 1],
    [0xff020000 | 0, 0, 0, 1],
    [0xff020000 | 0, 0, 1, 0xff000001 | 0],
    [0xff0e0000 | 0, 0, 0, 7],
    [0xfd010000 | 0, 0, 0, 2],
    [0, 0, 0xffff, STACK4],
    [0xfe800000 | 0, 0, 0, 0x10 + rng.below(ATTACKERS)],
    [rng.int32(), rng.int32(), rng.int32(), rng.int32()],
  ]);
}

/** Ends of a packet that belongs to no flow: mostly an attacker and the stack. */
function someEnds(rng: SeededRng, version: 4 | 6): Ends {
  const mine = rng.below(24) === 0 ? oddAddress(rng, version) : attacker(version, rng.below(ATTACKERS));
  const yours: Address =
    rng.below(24) === 0 ? oddAddress(rng, version) : version === 4 ? [0, 0, 0xffff, STACK4] : [0xfd000000 | 0, 0, 0, 1];
  return { version, mine, yours };
}

/** Writes Ethernet and IP headers, with options or extension headers now and then; d.l4 is where the upper layer goes. */
export function beginPacket(d: Draft, rng: SeededRng, wire: Wire, version: 4 | 6, ends?: Ends): void {
  const { mine, yours } = ends ?? someEnds(rng, version);
  const b = d.bytes;
  d.l3 = 0;
  if (wire.ethernet) {
    etherHeader(d, rng, version === 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6, whichAttacker(mine[0], mine[3]));
    d.l3 = 14;
  }
  const hops = rng.below(40) === 0 ? rng.below(256) : 64;
  if (version === 4) {
    const flags = pick(rng, [0, IP4_FLAG_DF, IP4_FLAG_DF, 0, 0x8000]);
    putIp4Header(b, d.l3, rng.below(20) === 0 ? rng.below(256) : 0, 0, rng.int32(), flags, hops, 0, mine[3], yours[3]);
    const options = rng.below(16) === 0 ? 4 * (1 + rng.below(10)) : 0;
    b[d.l3] = 0x45 + options / 4;
    ip4Options(b, d.l3 + 20, options, rng);
    d.l4 = d.l3 + 20 + options;
    d.protocol = -1;
  } else {
    putIp6Header(b, d.l3, rng.below(20) === 0 ? rng.below(256) : 0, rng.below(8) === 0 ? rng.int32() : 0, 0, 0, hops);
    putIp6Src(b, d.l3, ...mine);
    putIp6Dst(b, d.l3, ...yours);
    d.l4 = d.l3 + 40;
  }
  d.length = d.l4;
}

function etherHeader(d: Draft, rng: SeededRng, type: number, k: number): void {
  const [hi, lo] = attackerMac(Math.max(0, k));
  const odd = rng.below(32) === 0;
  const [toHi, toLo] = odd
    ? pick(rng, [
        [0xffff, -1],
        [0x3333, 1],
        [0x0100, 0x5e000001],
        [rng.below(65536), rng.int32()],
      ] as const)
    : [STACK_MAC_HI, STACK_MAC_LO];
  const oddType = rng.below(200) === 0 ? pick(rng, [0x8100, 0x88a8, 0, 0x05dc, rng.below(65536)]) : type;
  putEthHeader(d.bytes, 0, toHi, toLo, hi, lo, oddType);
}

/** Options that fill `n` bytes: known kinds with lengths that fit, or not. */
function ip4Options(b: Uint8Array, at: number, n: number, rng: SeededRng): void {
  const end = at + n;
  while (at < end) {
    const kind = pick(rng, [0, 1, 7, 68, 131, 137, 148, rng.below(256)]);
    b[at++] = kind;
    if (kind < 2 || at >= end) continue;
    const length = rng.below(8) === 0 ? rng.below(256) : Math.min(2 + rng.below(10), end - at + 1);
    b[at++] = length;
    for (let i = 2; i < length && at < end; i++) b[at++] = i === 2 ? 4 + rng.below(8) : rng.int32();
  }
}

/** Ends the packet at d.length: protocol number, lengths, extension headers in front of the upper layer. */
export function endPacket(d: Draft): void {
  const { bytes: b, l3 } = d;
  if (b[l3]! >> 4 === 4) {
    b[l3 + 9] = d.protocol < 0 ? 253 : d.protocol;
    put16(b, l3 + 2, d.length - l3);
    putIp4Checksum(b, l3);
  } else {
    b[l3 + 6] = d.protocol < 0 ? 253 : d.protocol;
    put16(b, l3 + 4, d.length - l3 - 40);
  }
}

/** Puts extension headers between the IPv6 header and the upper layer, whose checksum they leave alone. After endPacket. */
export function extend(d: Draft, rng: SeededRng): void {
  const { bytes: b, l3 } = d;
  if (b[l3]! >> 4 !== 6) return;
  for (let n = 1 + rng.below(rng.below(8) === 0 ? 12 : 3); n > 0; n--) {
    const kind = pick(rng, [
      PROTO_HOP_BY_HOP,
      PROTO_IP6_DESTINATION_OPTIONS,
      PROTO_IP6_DESTINATION_OPTIONS,
      PROTO_IP6_ROUTING,
      PROTO_IP6_FRAGMENT,
    ]);
    const size = kind === PROTO_IP6_FRAGMENT ? 8 : 8 * (1 + rng.below(4));
    if (d.length + size > 65000) return;
    b.copyWithin(l3 + 40 + size, l3 + 40, d.length);
    const at = l3 + 40;
    b[at] = b[l3 + 6]!;
    b[l3 + 6] = kind;
    if (kind === PROTO_IP6_FRAGMENT) putIp6Fragment(b, at, b[at]!, 0, false, rng.int32());
    else {
      b[at + 1] = size / 8 - 1;
      if (kind === PROTO_IP6_ROUTING) {
        b[at + 2] = pick(rng, [0, 2, 3, 4]);
        b[at + 3] = rng.below(3) === 0 ? rng.below(4) : 0;
        for (let i = 4; i < size; i++) b[at + i] = 0;
      } else optionBytes(b, at + 2, size - 2, rng);
    }
    d.length += size;
    d.l4 += size;
  }
  put16(b, l3 + 4, d.length - l3 - 40);
}

/** IPv6 options: padding, router alert, and unknown ones of each action. */
function optionBytes(b: Uint8Array, at: number, n: number, rng: SeededRng): void {
  const end = at + n;
  while (at < end) {
    const left = end - at;
    const kind = pick(rng, [0, 1, 1, 1, 5, 0x1e, 0x5e, 0x9e, 0xde, 0xc2]);
    if (kind === 0 || left < 2) b[at++] = 0;
    else {
      const length = rng.below(30) === 0 ? rng.below(256) : Math.min(kind === 5 ? 2 : rng.below(6), left - 2);
      b[at++] = kind === 0 ? 1 : kind;
      b[at++] = length;
      for (let i = 0; i < length && at < end; i++) b[at++] = 0;
    }
  }
}

/** The packet in hand as fragments, in frames of their own: cut well, or with holes, overlaps and odd sizes. */
export function fragments(d: Draft, rng: SeededRng, wire: Wire): Uint8Array[] {
  const { bytes: b, l3 } = d;
  const v4 = b[l3]! >> 4 === 4;
  const header = v4 ? (b[l3]! & 15) * 4 : 40;
  const from = l3 + header;
  if (header < 20 || from >= d.length || (v4 && (get16(b, l3 + 6) & 0x3fff) !== 0)) return [];
  // Now and then a long one, so that many pieces and the largest packets are met.
  if (rng.below(6) === 0) d.length = Math.min(l3 + 65535, d.length + rng.below(60000));
  const extra = v4 ? 0 : IP6_FRAGMENT_LENGTH;
  const most = (wire.mtu - header - extra) & ~7;
  const size = Math.max(8, rng.below(3) === 0 ? (8 + rng.below(most)) & ~7 : most);
  const id = rng.int32();
  const well = rng.below(3) !== 0;
  const out: Uint8Array[] = [];
  for (let at = 0; from + at < d.length && out.length < 300; at += size) {
    let start = at;
    let n = Math.min(size, d.length - from - at);
    let more = from + at + n < d.length;
    if (!well && rng.below(8) === 0) start = Math.max(0, start + 8 * (rng.below(5) - 2));
    if (!well && rng.below(12) === 0) n = Math.max(0, n - rng.below(16));
    if (!well && rng.below(12) === 0) more = !more;
    if (!well && rng.below(12) === 0) start = 65536 - 8 * (1 + rng.below(4));
    const frame = b.slice(0, from + extra + n);
    frame.set(b.subarray(from + at, from + at + n), from + extra);
    if (v4) {
      put16(frame, l3 + 2, header + n);
      put16(frame, l3 + 4, id);
      put16(frame, l3 + 6, ((start >> 3) & 0x1fff) | (more ? IP4_FLAG_MF : 0));
      putIp4Checksum(frame, l3);
    } else {
      putIp6Fragment(frame, from, b[l3 + 6]!, start & 0xfff8, more, id);
      frame[l3 + 6] = PROTO_IP6_FRAGMENT;
      put16(frame, l3 + 4, extra + n);
    }
    if (well || rng.below(12) !== 0) out.push(frame);
  }
  if (rng.below(3) === 0) out.reverse();
  return out;
}

/** An ARP frame: questions, replies, probes and announcements, about attackers, the stack and nobody. */
export function arpFrame(d: Draft, rng: SeededRng, wire: Wire): void {
  const k = rng.below(ATTACKERS);
  const [hi, lo] = attackerMac(k);
  const mine = pick(rng, [0x0a000010 + k, 0x0a000010 + k, 0x0a000010 + k, 0, STACK4, oddAddress(rng, 4)[3]]);
  const yours = pick(rng, [STACK4, STACK4, STACK4, 0x0a000010 + rng.below(ATTACKERS), mine]);
  etherHeader(d, rng, ETHERTYPE_ARP, k);
  const op = pick(rng, [ARP_REQUEST, ARP_REQUEST, ARP_REPLY, rng.below(65536)]);
  putArp(d.bytes, 14, op, hi, lo, mine, rng.below(2) === 0 ? 0 : STACK_MAC_HI, rng.int32(), yours);
  d.length = Math.min(wire.limit, 14 + ARP_LENGTH + (rng.below(2) === 0 ? 18 : 0));
}

const REQUEST: Uint8Array = Buffer.from('GET / HTTP/1.1\r\nHost: ring3\r\nRange: bytes=0-9\r\n\r\n');

/** Bytes that cost little to make; now and then such as a web server answers. */
export function payload(b: Uint8Array, at: number, n: number, rng: SeededRng): void {
  const word = rng.int32();
  for (let i = 0; i + 4 <= n; i += 4) put32(b, at + i, word + i);
  for (let i = n & ~3; i < n; i++) b[at + i] = word;
  if (n >= REQUEST.length && rng.below(4) === 0) b.set(REQUEST, at);
}
