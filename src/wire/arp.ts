// ARP for IPv4 on Ethernet (RFC 826; probes and announcements as RFC 5227 names them).
// Called by the stack's neighbour code and tools; calls base/bytes only.
//
//   0       2       4      5      6    8             14       18            24       28
//   +-------+-------+------+------+----+-------------+--------+-------------+--------+
//   | hrd 1 | pro   | hln 6| pln 4| op | sender MAC  | sender | target MAC  | target |
//   +-------+-------+------+------+----+-------------+--------+-------------+--------+

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { DROP_ARP_FORMAT, DROP_SHORT } from '../base/drop.ts';

/** Bytes of an ARP packet for IPv4 on Ethernet. */
export const ARP_LENGTH = 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

/**
 * 0 if a request or a reply for IPv4 on Ethernet lies within [o, end), or a drop reason. RFC 826, "Packet
 * Reception": hardware type, protocol and their lengths are ours. A sender address in a group is refused too: nobody's
 * address is a multicast one, and to believe it would turn unicast traffic into a flood.
 */
export function arpCheck(b: Uint8Array, o: number, end: number): number {
  if (end - o < ARP_LENGTH) return DROP_SHORT;
  // Ethernet (1), IPv4 (0x0800); 6 and 4 bytes.
  if (get32(b, o) !== 0x00010800 || get16(b, o + 4) !== 0x0604) return DROP_ARP_FORMAT;
  const op = get16(b, o + 6);
  if (op !== ARP_REQUEST && op !== ARP_REPLY) return DROP_ARP_FORMAT;
  return (b[o + 8]! & 1) !== 0 ? DROP_ARP_FORMAT : 0;
}

/** The operation: ARP_REQUEST or ARP_REPLY. */
export function arpOp(b: Uint8Array, o: number): number {
  return get16(b, o + 6);
}

/** Sender's MAC address, high 16 bits. */
export function arpSenderHi(b: Uint8Array, o: number): number {
  return get16(b, o + 8);
}

/** Sender's MAC address, low 32 bits, signed. */
export function arpSenderLo(b: Uint8Array, o: number): number {
  return get32(b, o + 10);
}

/** Sender's IPv4 address, int32; 0 in a probe (RFC 5227 section 1.1). */
export function arpSenderIp(b: Uint8Array, o: number): number {
  return get32(b, o + 14);
}

/** Target's MAC address, high 16 bits. */
export function arpTargetHi(b: Uint8Array, o: number): number {
  return get16(b, o + 18);
}

/** Target's MAC address, low 32 bits, signed. */
export function arpTargetLo(b: Uint8Array, o: number): number {
  return get32(b, o + 20);
}

/** Target's IPv4 address, int32. */
export function arpTargetIp(b: Uint8Array, o: number): number {
  return get32(b, o + 24);
}

/** Writes the whole packet (28 bytes). A probe has senderIp 0; an announcement has senderIp = targetIp. */
export function putArp(
  b: Uint8Array,
  o: number,
  op: number,
  senderHi: number,
  senderLo: number,
  senderIp: number,
  targetHi: number,
  targetLo: number,
  targetIp: number,
): void {
  put32(b, o, 0x00010800);
  put16(b, o + 4, 0x0604);
  put16(b, o + 6, op);
  put16(b, o + 8, senderHi);
  put32(b, o + 10, senderLo);
  put32(b, o + 14, senderIp);
  put16(b, o + 18, targetHi);
  put32(b, o + 20, targetLo);
  put32(b, o + 24, targetIp);
}
