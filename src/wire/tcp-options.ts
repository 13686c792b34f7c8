// TCP options: parsed into one register object, and written (RFC 9293 section 3.2, RFC 7323, RFC 2018).
// Called by the stack's tcp input and output and by tools; calls base/bytes only.

import { get16, get32, put16, put32 } from '../base/bytes.ts';
import { TCP_HEADER_LENGTH, tcpDataOffset } from './tcp.ts';

export const TCP_OPTION_END = 0;
export const TCP_OPTION_NOP = 1;
export const TCP_OPTION_MSS = 2;
export const TCP_OPTION_WINDOW_SCALE = 3;
export const TCP_OPTION_SACK_PERMITTED = 4;
export const TCP_OPTION_SACK = 5;
export const TCP_OPTION_TIMESTAMPS = 8;

/** Most shift that a window scale may ask for; a greater one is read as this (RFC 7323 section 2.3). */
export const TCP_MAX_WINDOW_SCALE = 14;
/** Bytes of NOP NOP timestamps, as putTcpTimestamps writes them. */
export const TCP_TIMESTAMPS_LENGTH = 12;
/** Most SACK blocks that fit in a header. */
export const TCP_MAX_SACK_BLOCKS = 4;

/** NOP NOP kind 8 length 10: how every stack lays out the timestamps of an ordinary segment (RFC 7323 appendix A). */
const TIMESTAMPS_WORD = 0x0101080a;

/** The options of one segment. One object, allocated once by whoever parses, refilled by each parse. */
export class TcpOptions {
  /** Maximum segment size in bytes, or 0 if the option is absent. */
  mss: number = 0;
  /** Window scale shift 0..14, or -1 if the option is absent. */
  windowScale: number = -1;
  sackPermitted: boolean = false;
  hasTimestamps: boolean = false;
  /** SEG.TSval, int32; meaningful if hasTimestamps. */
  tsVal: number = 0;
  /** SEG.TSecr, int32; meaningful if hasTimestamps (and the segment has ACK). */
  tsEcr: number = 0;
  /** How many SACK blocks `sack` holds, 0..4. */
  sackCount: number = 0;
  /** Left and right edges of the blocks in turn, int32: block i is sack[2i] up to, not including, sack[2i+1]. */
  readonly sack: Int32Array = new Int32Array(2 * TCP_MAX_SACK_BLOCKS);
  /** True if an option's length was illegal. What came before it is kept, what follows is not read. */
  malformed: boolean = false;
}

/**
 * Reads the options of a header that passed tcpCheck into `out`. Unknown options are skipped (RFC 9293 MUST-6); a known
 * option of another length than its own is skipped as if unknown; a length below 2 or beyond the header ends the walk with
 * `out.malformed` set (MUST-7: nothing breaks by it, and the segment is usable).
 */
export function tcpParseOptions(b: Uint8Array, o: number, out: TcpOptions): void {
  out.mss = 0;
  out.windowScale = -1;
  out.sackPermitted = false;
  out.hasTimestamps = false;
  out.sackCount = 0;
  out.malformed = false;
  const length = tcpDataOffset(b, o) - TCP_HEADER_LENGTH;
  if (length === 0) return;
  const at = o + TCP_HEADER_LENGTH;
  if (length === TCP_TIMESTAMPS_LENGTH && get32(b, at) === TIMESTAMPS_WORD) {
    out.hasTimestamps = true;
    out.tsVal = get32(b, at + 4);
    out.tsEcr = get32(b, at + 8);
    return;
  }
  walk(b, at, at + length, out);
}

function walk(b: Uint8Array, at: number, end: number, out: TcpOptions): void {
  while (at < end) {
    const kind = b[at]!;
    if (kind === TCP_OPTION_END) return;
    if (kind === TCP_OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? b[at + 1]! : 0;
    if (length < 2 || at + length > end) {
      out.malformed = true;
      return;
    }
    if (kind === TCP_OPTION_MSS) {
      if (length === 4) out.mss = get16(b, at + 2);
    } else if (kind === TCP_OPTION_WINDOW_SCALE) {
      if (length === 3) out.windowScale = Math.min(b[at + 2]!, TCP_MAX_WINDOW_SCALE);
    } else if (kind === TCP_OPTION_SACK_PERMITTED) {
      if (length === 2) out.sackPermitted = true;
    } else if (kind === TCP_OPTION_SACK) {
      readSack(b, at, length, out);
    } else if (kind === TCP_OPTION_TIMESTAMPS && length === 10) {
      out.hasTimestamps = true;
      out.tsVal = get32(b, at + 2);
      out.tsEcr = get32(b, at + 6);
    }
    at += length;
  }
}

/**
 * 8n + 2 bytes (RFC 2018 section 3); any other length is skipped. The 40 bytes that a header has for options keep n
 * within TCP_MAX_SACK_BLOCKS. A second option replaces the first.
 */
function readSack(b: Uint8Array, at: number, length: number, out: TcpOptions): void {
  if (((length - 2) & 7) !== 0) return;
  const count = (length - 2) >> 3;
  for (let i = 0; i < 2 * count; i++) out.sack[i] = get32(b, at + 2 + 4 * i);
  out.sackCount = count;
}

/** How many bytes putTcpSynOptions will write for these choices: a multiple of 4, at most 24. */
export function tcpSynOptionsLength(windowScale: number, sackPermitted: boolean, timestamps: boolean): number {
  return 4 + (windowScale >= 0 ? 4 : 0) + (timestamps ? 12 : sackPermitted ? 4 : 0);
}

/**
 * Writes the options of a SYN or SYN-ACK at `at` (the first byte after the fixed header), in the order that Linux uses,
 * and returns how many bytes. `mss` in bytes; `windowScale` -1 leaves the option out; SACK-permitted shares the
 * timestamps' word, or stands after two NOPs.
 */
export function putTcpSynOptions(
  b: Uint8Array,
  at: number,
  mss: number,
  windowScale: number,
  sackPermitted: boolean,
  timestamps: boolean,
  tsVal: number,
  tsEcr: number,
): number {
  const start = at;
  put32(b, at, 0x02040000 | (mss & 0xffff));
  at += 4;
  if (timestamps) {
    put16(b, at, sackPermitted ? 0x0402 : 0x0101);
    put16(b, at + 2, 0x080a);
    put32(b, at + 4, tsVal);
    put32(b, at + 8, tsEcr);
    at += 12;
  } else if (sackPermitted) {
    put32(b, at, 0x01010402);
    at += 4;
  }
  if (windowScale >= 0) {
    put32(b, at, 0x01030300 | windowScale);
    at += 4;
  }
  return at - start;
}

/** Writes NOP NOP timestamps (12 bytes) at `at`. */
export function putTcpTimestamps(b: Uint8Array, at: number, tsVal: number, tsEcr: number): void {
  put32(b, at, TIMESTAMPS_WORD);
  put32(b, at + 4, tsVal);
  put32(b, at + 8, tsEcr);
}

/**
 * Writes NOP NOP SACK with `count` blocks (1..4; 1..3 beside timestamps) taken from `edges` at `from`, laid out as
 * TcpOptions.sack is. Returns the bytes written: 4 + 8 * count.
 */
export function putTcpSack(b: Uint8Array, at: number, edges: Int32Array, from: number, count: number): number {
  put16(b, at, 0x0101);
  b[at + 2] = TCP_OPTION_SACK;
  b[at + 3] = 2 + 8 * count;
  for (let i = 0; i < 2 * count; i++) put32(b, at + 4 + 4 * i, edges[from + i]!);
  return 4 + 8 * count;
}
