// TCP headers (RFC 9293 section 3.1; ECN bits by RFC 3168, AE by RFC 9768).
// Called by the stack's tcp layer and tools; calls base/bytes only. The options are in tcp-options.ts.
//
//   0          2          4          8          12    13     14       16         18        20
//   +----------+----------+----------+----------+-----+------+--------+----------+---------+--------
//   | src port | dst port | sequence | ack       |off|A| flags| window | checksum | urgent  | options
//   +----------+----------+----------+----------+-----+------+--------+----------+---------+--------

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { DROP_BAD_HEADER_LENGTH, DROP_SHORT } from '../base/drop.ts';

/** Bytes of a header without options. */
export const TCP_HEADER_LENGTH = 20;
/** Bytes of the longest header. */
export const TCP_MAX_HEADER_LENGTH = 60;
/** Where the checksum lies in the header. */
export const TCP_CHECKSUM_OFFSET = 16;

export const TCP_FIN = 1;
export const TCP_SYN = 2;
export const TCP_RST = 4;
export const TCP_PSH = 8;
export const TCP_ACK = 16;
export const TCP_URG = 32;
export const TCP_ECE = 64;
export const TCP_CWR = 128;

/** 0 if header and options lie within [o, end), or a drop reason. */
export function tcpCheck(b: Uint8Array, o: number, end: number): number {
  if (end - o < TCP_HEADER_LENGTH) return DROP_SHORT;
  const length = (b[o + 12]! >> 4) << 2;
  return length < TCP_HEADER_LENGTH || length > end - o ? DROP_BAD_HEADER_LENGTH : 0;
}

/** Source port. */
export function tcpSrcPort(b: Uint8Array, o: number): number {
  return get16(b, o);
}

/** Destination port. */
export function tcpDstPort(b: Uint8Array, o: number): number {
  return get16(b, o + 2);
}

/** SEG.SEQ, int32. */
export function tcpSeq(b: Uint8Array, o: number): number {
  return get32(b, o + 4);
}

/** SEG.ACK, int32. */
export function tcpAck(b: Uint8Array, o: number): number {
  return get32(b, o + 8);
}

/** Header length in **bytes**, options included. */
export function tcpDataOffset(b: Uint8Array, o: number): number {
  return (b[o + 12]! >> 4) << 2;
}

/** The low eight flags: TCP_FIN … TCP_CWR. */
export function tcpFlags(b: Uint8Array, o: number): number {
  return b[o + 13]!;
}

/** The AE bit (accurate ECN; once NS), which stands in the byte before the other flags. */
export function tcpAe(b: Uint8Array, o: number): boolean {
  return (b[o + 12]! & 1) !== 0;
}

/** SEG.WND as it stands in the header, unscaled. */
export function tcpWindow(b: Uint8Array, o: number): number {
  return get16(b, o + 14);
}

/** The checksum field. */
export function tcpChecksum(b: Uint8Array, o: number): number {
  return get16(b, o + 16);
}

/** SEG.UP: the urgent pointer, an offset from the sequence number, meaningful with TCP_URG. */
export function tcpUrgent(b: Uint8Array, o: number): number {
  return get16(b, o + 18);
}

/**
 * Writes the fixed header (20 bytes) with a checksum of 0. `dataOffset` is in bytes, options included, a multiple of
 * 4 in 20..60; `window` is what goes on the wire (already scaled down).
 */
export function putTcpHeader(
  b: Uint8Array,
  o: number,
  srcPort: number,
  dstPort: number,
  seq: number,
  ack: number,
  dataOffset: number,
  flags: number,
  window: number,
  urgent: number,
): void {
  put16(b, o, srcPort);
  put16(b, o + 2, dstPort);
  put32(b, o + 4, seq);
  put32(b, o + 8, ack);
  b[o + 12] = dataOffset << 2;
  b[o + 13] = flags;
  put16(b, o + 14, window);
  put16(b, o + 16, 0);
  put16(b, o + 18, urgent);
}

/** Sets or clears the AE bit of a header that putTcpHeader wrote. */
export function putTcpAe(b: Uint8Array, o: number, on: boolean): void {
  b[o + 12] = (b[o + 12]! & 0xfe) | (on ? 1 : 0);
}

/** Overwrites the sequence number. */
export function putTcpSeq(b: Uint8Array, o: number, seq: number): void {
  put32(b, o + 4, seq);
}

/** Overwrites the acknowledgement number. */
export function putTcpAck(b: Uint8Array, o: number, ack: number): void {
  put32(b, o + 8, ack);
}

/** Overwrites the flags' low eight bits. */
export function putTcpFlags(b: Uint8Array, o: number, flags: number): void {
  b[o + 13] = flags;
}

/** Writes the checksum for the folded sum of pseudo-header, header (field 0) and data. */
export function putTcpChecksum(b: Uint8Array, o: number, sum: number): void {
  put16(b, o + 16, ~sum);
}

/** SEG.LEN: payload bytes plus one for SYN and one for FIN (RFC 9293 section 3.4). `end` is the segment's end. */
export function tcpSegLen(b: Uint8Array, o: number, end: number): number {
  const flags = b[o + 13]!;
  return end - o - tcpDataOffset(b, o) + (flags & TCP_FIN) + ((flags & TCP_SYN) >> 1);
}
