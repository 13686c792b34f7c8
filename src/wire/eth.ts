// Ethernet II frames: addresses, type, and whether a VLAN tag (IEEE 802.1Q) stands in the way.
// Called by the stack's ethernet layer, links and tools; calls base/bytes only.
//
//   0                 6                 12          14
//   +-----------------+-----------------+-----------+----------
//   | destination     | source          | EtherType | payload
//   +-----------------+-----------------+-----------+----------
//
// A MAC address is read as two numbers, because 48 bits fit no int32: its high 16 bits and its low 32 (signed).

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { DROP_SHORT } from '../base/drop.ts';

/** Bytes of an Ethernet header without a tag. */
export const ETH_HEADER_LENGTH = 14;
/** Bytes of a MAC address. */
export const ETH_ADDRESS_LENGTH = 6;
/** The shortest frame on a real wire, without its check sequence; shorter ones are padded by the sender. */
export const ETH_MIN_FRAME = 60;

export const ETHERTYPE_IP4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IP6 = 0x86dd;
/** IEEE 802.1Q customer tag. */
export const ETHERTYPE_VLAN = 0x8100;
/** IEEE 802.1ad service tag. */
export const ETHERTYPE_QINQ = 0x88a8;
/** Values below are the length of an IEEE 802.3 frame, not a type. */
export const ETHERTYPE_MIN = 0x0600;

/** 0 if the header lies within [o, end), or a drop reason. */
export function ethCheck(_b: Uint8Array, o: number, end: number): number {
  return end - o < ETH_HEADER_LENGTH ? DROP_SHORT : 0;
}

/** Destination, high 16 bits. */
export function ethDstHi(b: Uint8Array, o: number): number {
  return get16(b, o);
}

/** Destination, low 32 bits, signed. */
export function ethDstLo(b: Uint8Array, o: number): number {
  return get32(b, o + 2);
}

/** Source, high 16 bits. */
export function ethSrcHi(b: Uint8Array, o: number): number {
  return get16(b, o + 6);
}

/** Source, low 32 bits, signed. */
export function ethSrcLo(b: Uint8Array, o: number): number {
  return get32(b, o + 8);
}

/** The EtherType, or the length of an IEEE 802.3 frame where it is below ETHERTYPE_MIN. */
export function etherType(b: Uint8Array, o: number): number {
  return get16(b, o + 12);
}

/** True where a VLAN tag follows the addresses: the payload then does not start at ETH_HEADER_LENGTH. */
export function ethHasVlanTag(b: Uint8Array, o: number): boolean {
  const type = get16(b, o + 12);
  return type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ;
}

/** True if the destination is a group address (multicast or broadcast). */
export function ethDstIsGroup(b: Uint8Array, o: number): boolean {
  return (b[o]! & 1) !== 0;
}

/** True if the destination is ff:ff:ff:ff:ff:ff. */
export function ethDstIsBroadcast(b: Uint8Array, o: number): boolean {
  return get16(b, o) === 0xffff && get32(b, o + 2) === -1;
}

/** True if the source is a group address, which no sender may use. */
export function ethSrcIsGroup(b: Uint8Array, o: number): boolean {
  return (b[o + 6]! & 1) !== 0;
}

/** Writes the whole header (14 bytes). */
export function putEthHeader(
  b: Uint8Array,
  o: number,
  dstHi: number,
  dstLo: number,
  srcHi: number,
  srcLo: number,
  type: number,
): void {
  put16(b, o, dstHi);
  put32(b, o + 2, dstLo);
  put16(b, o + 6, srcHi);
  put32(b, o + 8, srcLo);
  put16(b, o + 12, type);
}

/** Low 32 bits of the group address of an IPv4 multicast address; the high ones are 0x0100 (RFC 1112 section 6.4). */
export function ethIp4MulticastLo(address: number): number {
  return 0x5e000000 | (address & 0x007fffff);
}

/** High 16 bits of an IPv4 multicast group's MAC address. */
export const ETH_IP4_MULTICAST_HI = 0x0100;
/** High 16 bits of an IPv6 multicast group's MAC address; the low 32 are the address's last word (RFC 2464 section 7). */
export const ETH_IP6_MULTICAST_HI = 0x3333;
