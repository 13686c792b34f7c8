// pcapng, the capture file format (draft-ietf-opsawg-pcapng): writer of its blocks, with nanoseconds.
// Called by the capture link wrapper and by tests that leave a capture; calls nothing. The reader is in pcapng-reader.ts.
//
// A file is one section header, one interface description per interface, and one enhanced packet block per packet, each
// a multiple of 4 bytes with its length at both ends. Little-endian, as the section header's magic says.
//
//   0       4         8         12        16       20          24          28
//   +-------+---------+---------+---------+--------+-----------+-----------+------+-----+---------+--------+
//   | 6     | length  | iface   | time hi | time lo| captured  | original  | data | pad | options | length |
//   +-------+---------+---------+---------+--------+-----------+-----------+------+-----+---------+--------+

export const PCAPNG_SECTION = 0x0a0d0d0a;
export const PCAPNG_INTERFACE = 1;
export const PCAPNG_SIMPLE_PACKET = 3;
export const PCAPNG_PACKET = 6;
export const PCAPNG_MAGIC = 0x1a2b3c4d;

/** Link types (LINKTYPE_*) of an interface. */
export const LINKTYPE_ETHERNET = 1;
/** Raw IPv4 or IPv6, told apart by the version. */
export const LINKTYPE_RAW = 101;

/** Packet flags: which way it went. 0 leaves the option out. */
export const PCAPNG_INBOUND = 1;
export const PCAPNG_OUTBOUND = 2;

export const PCAPNG_OPTION_END = 0;
export const PCAPNG_OPTION_COMMENT = 1;
export const PCAPNG_OPTION_IF_NAME = 2;
export const PCAPNG_OPTION_EPB_FLAGS = 2;
export const PCAPNG_OPTION_USERAPPL = 4;
export const PCAPNG_OPTION_IF_TSRESOL = 9;

/** Bytes of an enhanced packet block before the packet's data. */
export const PCAPNG_PACKET_HEAD = 28;
/** Longest comment that is written, in UTF-8 bytes; a longer one is cut off. */
export const PCAPNG_MAX_COMMENT = 4096;

const encoder = new TextEncoder();

function put16le(b: Uint8Array, o: number, v: number): void {
  b[o] = v;
  b[o + 1] = v >>> 8;
}

function put32le(b: Uint8Array, o: number, v: number): void {
  b[o] = v;
  b[o + 1] = v >>> 8;
  b[o + 2] = v >>> 16;
  b[o + 3] = v >>> 24;
}

function pad4(n: number): number {
  return (n + 3) & ~3;
}

/** UTF-8 of `text` in at most `max` bytes, whole characters only. */
function utf8(text: string, max: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(3 * text.length, max));
  return bytes.subarray(0, encoder.encodeInto(text, bytes).written);
}

/** Writes one option at `at`, padded, and returns where the next begins. */
function putOption(out: Uint8Array, at: number, code: number, value: Uint8Array): number {
  put16le(out, at, code);
  put16le(out, at + 2, value.length);
  out.set(value, at + 4);
  const end = at + 4 + pad4(value.length);
  out.fill(0, at + 4 + value.length, end);
  return end;
}

/** Fills in type and both lengths of a block that was written into the whole of `block`. */
function finish(block: Uint8Array, type: number): Uint8Array {
  put32le(block, 0, type);
  put32le(block, 4, block.length);
  put32le(block, block.length - 4, block.length);
  return block;
}

/** The section header block that begins a file. `application` names the program that writes it. */
export function pcapngSection(application: string): Uint8Array {
  const name = utf8(application, 256);
  const block = new Uint8Array(24 + 4 + pad4(name.length) + 4 + 4);
  put32le(block, 8, PCAPNG_MAGIC);
  put16le(block, 12, 1);
  // Section length: not known.
  block.fill(0xff, 16, 24);
  putOption(block, 24, PCAPNG_OPTION_USERAPPL, name);
  return finish(block, PCAPNG_SECTION);
}

/**
 * An interface description block; interfaces are numbered from 0 in the order of their blocks. Times are nanoseconds.
 * `snapLength` is the most bytes kept of a packet, 0 for all.
 */
export function pcapngInterface(linkType: number, snapLength: number, name: string): Uint8Array {
  const text = utf8(name, 256);
  const block = new Uint8Array(16 + 4 + pad4(text.length) + 8 + 4 + 4);
  put16le(block, 8, linkType);
  put32le(block, 12, snapLength);
  const at = putOption(block, 16, PCAPNG_OPTION_IF_NAME, text);
  putOption(block, at, PCAPNG_OPTION_IF_TSRESOL, Uint8Array.of(9));
  return finish(block, PCAPNG_INTERFACE);
}

/** Most bytes that the block of a packet can take: for sizing a buffer. */
export function pcapngPacketRoom(captured: number, comment: string): number {
  return PCAPNG_PACKET_HEAD + pad4(captured) + 8 + 8 + pad4(Math.min(3 * comment.length, PCAPNG_MAX_COMMENT)) + 4;
}

/**
 * Writes the head (28 bytes) of a packet's block at `at`; the caller copies `captured` bytes of the packet to
 * at + PCAPNG_PACKET_HEAD, from as many pieces as it has, and then calls putPcapngTail. The time is wall-clock: seconds
 * since 1970 (below 2^34) and nanoseconds 0..999,999,999.
 */
export function putPcapngHead(
  out: Uint8Array,
  at: number,
  iface: number,
  seconds: number,
  nanoseconds: number,
  captured: number,
  original: number,
): void {
  // seconds * 10^9 + nanoseconds exceeds 2^53: in two halves, base 2^16.
  const upper = Math.floor(seconds / 65536) * 1e9;
  const low = (upper % 65536) * 65536 + (seconds % 65536) * 1e9 + nanoseconds;
  put32le(out, at, PCAPNG_PACKET);
  put32le(out, at + 8, iface);
  put32le(out, at + 12, Math.floor(upper / 65536) + Math.floor(low / 4294967296));
  put32le(out, at + 16, low % 4294967296);
  put32le(out, at + 20, captured);
  put32le(out, at + 24, original);
}

/**
 * Ends the block begun at `at`: padding, options, both lengths. `flags` is PCAPNG_INBOUND, PCAPNG_OUTBOUND or 0;
 * `comment` may be empty. Returns the block's length.
 */
export function putPcapngTail(out: Uint8Array, at: number, captured: number, flags: number, comment: string): number {
  let end = at + PCAPNG_PACKET_HEAD + captured;
  const padded = at + PCAPNG_PACKET_HEAD + pad4(captured);
  while (end < padded) out[end++] = 0;
  if (flags !== 0) {
    put16le(out, end, PCAPNG_OPTION_EPB_FLAGS);
    put16le(out, end + 2, 4);
    put32le(out, end + 4, flags);
    end += 8;
  }
  if (comment !== '') end = putOption(out, end, PCAPNG_OPTION_COMMENT, utf8(comment, PCAPNG_MAX_COMMENT));
  if (end !== padded) {
    put32le(out, end, PCAPNG_OPTION_END);
    end += 4;
  }
  const length = end + 4 - at;
  put32le(out, end, length);
  put32le(out, at + 4, length);
  return length;
}

/**
 * Writes the whole block of a packet whose bytes are [offset, offset + captured) of `bytes`, and returns its length, or
 * 0 if `out` might have no room for it at `at`. Times and flags as putPcapngHead and putPcapngTail have them.
 */
export function putPcapngPacket(
  out: Uint8Array,
  at: number,
  iface: number,
  seconds: number,
  nanoseconds: number,
  bytes: Uint8Array,
  offset: number,
  captured: number,
  original: number,
  flags: number,
  comment: string,
): number {
  if (out.length - at < pcapngPacketRoom(captured, comment)) return 0;
  putPcapngHead(out, at, iface, seconds, nanoseconds, captured, original);
  out.set(bytes.subarray(offset, offset + captured), at + PCAPNG_PACKET_HEAD);
  return putPcapngTail(out, at, captured, flags, comment);
}
