// Packets, memory and clocks for tests of links, and an independent reader that says what is wrong with a packet.
// Called by the contract suite and the tests beside it; calls base only (the reader is written anew, slowly and plainly).

import { Arena } from '../base/arena.ts';
import type { LinkMemory } from '../base/link.ts';
import { TX_GSO_TCP4, TX_GSO_TCP6, TX_SUM_PARTIAL, type TxBatch } from '../base/link.ts';
import { Frames, HEADROOM, LARGE_FRAME, SMALL_FRAME } from '../base/pool.ts';
import type { Clock } from '../base/time.ts';

export type Medium = 'ethernet' | 'ip';

/** Memory of a link's own. */
export function makeMemory(small = 1024, large = 16): LinkMemory {
  const arena = new Arena(small * (SMALL_FRAME + 4) + large * (LARGE_FRAME + 4) + 4 * 65536);
  return { arena, frames: new Frames(arena, small, large) };
}

/** Time that moves when a test says so. */
export class ManualClock implements Clock {
  now = 1_000_000;
  wallOffset = 1_700_000_000_000;

  monotonic(): number {
    return this.now;
  }

  wall(): number {
    return this.wallOffset + this.now / 1000;
  }
}

/** The checksum of RFC 1071, word by word. */
export function slowChecksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

const word16 = (v: number): number[] => [(v >> 8) & 255, v & 255];
const word32 = (v: number): number[] => [(v >> 24) & 255, (v >> 16) & 255, (v >> 8) & 255, v & 255];
const MACS = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
const ADDRESSES4 = [10, 0, 0, 1, 10, 0, 0, 2];
const ADDRESSES6 = [...[0xfd, ...new Array<number>(14).fill(0), 1], ...[0xfd, ...new Array<number>(14).fill(0), 2]];

/** What a packet is made of; what is left out is the simplest. */
export interface PacketOptions {
  readonly medium?: Medium;
  readonly version?: 4 | 6;
  readonly protocol: 6 | 17 | 58;
  /** The transport header with a checksum of zero, and the data. */
  readonly transport: readonly number[];
  readonly id?: number;
  /** IPv4 options or IPv6 extension headers, a multiple of 4 or 8 bytes; the first extension's type is `extension`. */
  readonly options?: readonly number[];
  readonly extension?: number;
  /** Leave only the pseudo-header's sum in the checksum field. */
  readonly partial?: boolean;
}

const FIELD = { 6: 16, 17: 6, 58: 2 } as const;

/** Bytes from a packet's start to its transport header. */
export function transportStart(o: Pick<PacketOptions, 'medium' | 'version' | 'options'>): number {
  return (o.medium === 'ethernet' ? 14 : 0) + (o.version === 6 ? 40 : 20) + (o.options?.length ?? 0);
}

/** A whole frame with checksums. */
export function packet(o: PacketOptions): Uint8Array {
  const { medium = 'ip', version = 4, protocol, id = 0x1234, options = [] } = o;
  const transport = [...o.transport];
  const addresses = version === 4 ? ADDRESSES4 : ADDRESSES6;
  const pseudo = [...addresses, ...word32(transport.length), ...word32(protocol)];
  const checksum = o.partial ? 0xffff - slowChecksum(pseudo) : slowChecksum([...pseudo, ...transport]);
  transport.splice(FIELD[protocol], 2, ...word16(protocol === 17 && checksum === 0 ? 0xffff : checksum));
  let ip: number[];
  if (version === 4) {
    const head = [
      0x45 + options.length / 4,
      0,
      ...word16(20 + options.length + transport.length),
      ...word16(id),
      0x40,
      0,
    ];
    ip = [...head, 64, protocol, 0, 0, ...addresses, ...options];
    ip.splice(10, 2, ...word16(slowChecksum(ip)));
  } else {
    const next = options.length > 0 ? (o.extension ?? 60) : protocol;
    ip = [0x60, 0, 0, 0, ...word16(options.length + transport.length), next, 64, ...addresses, ...options];
  }
  const ethernet = medium === 'ethernet' ? [...MACS, ...(version === 4 ? [8, 0] : [0x86, 0xdd])] : [];
  return Uint8Array.from([...ethernet, ...ip, ...transport]);
}

/** A UDP packet over IPv4 that is `length` bytes long as a frame, with `index` in its data: the ordinary frame of tests. */
export function testFrame(medium: Medium, index: number, length: number): Uint8Array {
  const data = length - transportStart({ medium }) - 8;
  if (data < 0) throw new RangeError(`no frame has ${length} bytes`);
  const fill = Array.from({ length: data }, (_, i) => (i < 4 ? word32(index)[i]! : (i * 31 + index * 7) & 255));
  return packet({ medium, protocol: 17, transport: [0x30, 0x39, 0x30, 0x3a, ...word16(data + 8), 0, 0, ...fill] });
}

/** The shortest frame that testFrame can make. */
export function shortestFrame(medium: Medium): number {
  return transportStart({ medium }) + 8;
}

/** A TCP header (checksum zero) and data. `options` is a multiple of 4 bytes. */
export function tcp(seq: number, flags: number, options: readonly number[], data: readonly number[]): number[] {
  const head = [0x30, 0x39, 0, 80, ...word32(seq), ...word32(0x01020304), (20 + options.length) << 2, flags];
  return [...head, 0x20, 0, 0, 0, 0, 0, ...options, ...data];
}

/** `n` bytes that depend on their place and on `seed`. */
export function pattern(n: number, seed = 0): number[] {
  return Array.from({ length: n }, (_, i) => (i * 167 + (i >> 8) * 13 + seed) & 255);
}

/** What a reader finds in a frame. */
export interface Decoded {
  readonly version: number;
  readonly protocol: number;
  readonly id: number;
  readonly seq: number;
  readonly flags: number;
  /** The transport's data, and everything before it. */
  readonly data: number[];
  readonly headers: number[];
}

/** Reads a frame, checking every length and checksum; throws an Error that says what is wrong. */
export function decode(frame: Uint8Array, medium: Medium): Decoded {
  const bytes = [...frame];
  const ip = medium === 'ethernet' ? 14 : 0;
  const version = bytes[ip]! >> 4;
  const at16 = (o: number): number => bytes[o]! * 256 + bytes[o + 1]!;
  if (medium === 'ethernet' && at16(12) !== (version === 4 ? 0x800 : 0x86dd)) throw new Error('EtherType');
  let start = ip + 40;
  let protocol = bytes[ip + 6]!;
  let end = start + at16(ip + 4);
  let addresses = bytes.slice(ip + 8, ip + 40);
  if (version === 4) {
    start = ip + (bytes[ip]! & 15) * 4;
    if (slowChecksum(bytes.slice(ip, start)) !== 0) throw new Error('IPv4 header checksum');
    protocol = bytes[ip + 9]!;
    end = ip + at16(ip + 2);
    addresses = bytes.slice(ip + 12, ip + 20);
  } else {
    for (; protocol === 0 || protocol === 60; start += 8) protocol = bytes[start]!;
  }
  if (end !== bytes.length) throw new Error(`IP length ends at ${end} of ${bytes.length}`);
  const transport = bytes.slice(start, end);
  const sum = slowChecksum([...addresses, ...word32(transport.length), ...word32(protocol), ...transport]);
  if (sum !== 0) throw new Error(`transport checksum is off by ${sum}`);
  const header = protocol === 6 ? (transport[12]! >> 4) * 4 : 8;
  return {
    version,
    protocol,
    id: at16(ip + 4),
    seq: protocol === 6 ? (at16(start + 4) * 65536 + at16(start + 6)) | 0 : 0,
    flags: protocol === 6 ? transport[13]! : 0,
    data: transport.slice(header),
    headers: bytes.slice(0, start + header),
  };
}

/**
 * Adds `bytes` to a batch as a frame of `memory`'s: the first `first` bytes in the frame itself, the rest in pieces of
 * `piece` bytes in memory that is given. Returns the entry.
 */
export function pushFrame(
  memory: LinkMemory,
  batch: TxBatch,
  bytes: Uint8Array,
  first: number = bytes.length,
  pieces: readonly { readonly offset: number; readonly length: number }[] = [],
): number {
  const { u8 } = memory.arena;
  const frame = memory.frames.alloc(first);
  if (frame === 0) throw new Error('the test has too few frames');
  u8.set(bytes.subarray(0, first), frame + HEADROOM);
  const i = batch.push(frame + HEADROOM, first);
  let at = first;
  for (const piece of pieces) {
    u8.set(bytes.subarray(at, at + piece.length), piece.offset);
    batch.pushPiece(piece.offset, piece.length);
    at += piece.length;
  }
  return i;
}

/** Marks entry `i` of a batch as one whose checksum the link completes. */
export function markPartial(batch: TxBatch, i: number, csumStart: number, csumOffset: number): void {
  batch.flags[i]! |= TX_SUM_PARTIAL;
  batch.csumStart[i] = csumStart;
  batch.csumOffset[i] = csumOffset;
}

/** Marks entry `i` as a superframe to be cut into `size` bytes of data. */
export function markSuperframe(
  batch: TxBatch,
  i: number,
  version: 4 | 6,
  csumStart: number,
  headerLength: number,
  size: number,
): void {
  markPartial(batch, i, csumStart, 16);
  batch.flags[i]! |= version === 4 ? TX_GSO_TCP4 : TX_GSO_TCP6;
  batch.headerLength[i] = headerLength;
  batch.gsoSize[i] = size;
}
