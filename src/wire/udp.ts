// UDP headers (RFC 768; over IPv6 RFC 8200 section 8.1).
// Called by the stack's udp layer and tools; calls base/bytes only.
//
//   0             2             4          6           8
//   +-------------+-------------+----------+-----------+------
//   | source port | dest. port  | length   | checksum  | data
//   +-------------+-------------+----------+-----------+------

import { get16, put16 } from '../base/bytes.ts';
import { DROP_BAD_LENGTH, DROP_SHORT } from '../base/drop.ts';

/** Bytes of the header. */
export const UDP_HEADER_LENGTH = 8;
/** Where the checksum lies in the header. */
export const UDP_CHECKSUM_OFFSET = 6;

/**
 * 0 if the header can be read and the length fits within [o, end), or a drop reason. The datagram ends at
 * o + udpLength, which may be before `end`.
 */
export function udpCheck(b: Uint8Array, o: number, end: number): number {
  if (end - o < UDP_HEADER_LENGTH) return DROP_SHORT;
  const length = get16(b, o + 4);
  return length < UDP_HEADER_LENGTH || length > end - o ? DROP_BAD_LENGTH : 0;
}

/** Source port; 0 where no answer is wanted. */
export function udpSrcPort(b: Uint8Array, o: number): number {
  return get16(b, o);
}

/** Destination port. */
export function udpDstPort(b: Uint8Array, o: number): number {
  return get16(b, o + 2);
}

/** Header and data, in bytes. */
export function udpLength(b: Uint8Array, o: number): number {
  return get16(b, o + 4);
}

/** The checksum field; 0 means none, which only IPv4 allows. */
export function udpChecksum(b: Uint8Array, o: number): number {
  return get16(b, o + 6);
}

/** Writes the header (8 bytes) with a checksum of 0; `length` counts the header. */
export function putUdpHeader(b: Uint8Array, o: number, srcPort: number, dstPort: number, length: number): void {
  put16(b, o, srcPort);
  put16(b, o + 2, dstPort);
  put16(b, o + 4, length);
  put16(b, o + 6, 0);
}

/**
 * Writes the checksum for the folded sum of pseudo-header, header (field 0) and data. A result of zero is sent as
 * 0xffff, since zero means "none" (RFC 768).
 */
export function putUdpChecksum(b: Uint8Array, o: number, sum: number): void {
  const checksum = ~sum & 0xffff;
  put16(b, o + 6, checksum === 0 ? 0xffff : checksum);
}
