// A small reader of pcapng files, in either byte order, tolerant of a file that is cut off.
// Called by tests and tools, which may allocate; calls nothing.

import {
  PCAPNG_INTERFACE,
  PCAPNG_MAGIC,
  PCAPNG_OPTION_COMMENT,
  PCAPNG_OPTION_END,
  PCAPNG_OPTION_EPB_FLAGS,
  PCAPNG_OPTION_IF_NAME,
  PCAPNG_OPTION_IF_TSRESOL,
  PCAPNG_PACKET,
  PCAPNG_SECTION,
  PCAPNG_SIMPLE_PACKET,
} from './pcapng.ts';

/** An interface of a capture. */
export interface PcapngInterface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly name: string;
  /** Units of time a second, from if_tsresol; a million where that is absent. */
  readonly unitsPerSecond: bigint;
}

/** A packet of a capture. */
export interface PcapngPacket {
  readonly interface: PcapngInterface;
  /** Nanoseconds since 1970; 0 in a simple packet block, which has no time. */
  readonly time: bigint;
  /** A view of the captured bytes. */
  readonly data: Uint8Array;
  readonly originalLength: number;
  /** PCAPNG_INBOUND, PCAPNG_OUTBOUND in its low two bits, or 0. */
  readonly flags: number;
  readonly comment: string;
}

/** What a file holds. */
export interface PcapngFile {
  readonly interfaces: readonly PcapngInterface[];
  readonly packets: readonly PcapngPacket[];
  /** False if the bytes end inside a block or a block makes no sense; what came before is there. */
  readonly complete: boolean;
}

const decoder = new TextDecoder();

/** The bytes with the byte order of the section being read. */
class Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  little: boolean = true;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u16(at: number): number {
    return this.view.getUint16(at, this.little);
  }

  u32(at: number): number {
    return this.view.getUint32(at, this.little);
  }
}

/** Calls `each` for every option in [at, end); stops at the end option or at one that leaves the range. */
function options(
  cursor: Cursor,
  at: number,
  end: number,
  each: (code: number, at: number, length: number) => void,
): void {
  while (end - at >= 4) {
    const code = cursor.u16(at);
    const length = cursor.u16(at + 2);
    if (code === PCAPNG_OPTION_END || length > end - at - 4) return;
    each(code, at + 4, length);
    at += 4 + ((length + 3) & ~3);
  }
}

function text(cursor: Cursor, at: number, length: number): string {
  return decoder.decode(cursor.bytes.subarray(at, at + length));
}

/** Body of an interface description block in [at, end). */
function readInterface(cursor: Cursor, at: number, end: number): PcapngInterface | undefined {
  if (end - at < 8) return undefined;
  let name = '';
  let unitsPerSecond = 1_000_000n;
  options(cursor, at + 8, end, (code, o, length) => {
    if (code === PCAPNG_OPTION_IF_NAME) name = text(cursor, o, length);
    if (code === PCAPNG_OPTION_IF_TSRESOL && length === 1) {
      const resolution = cursor.bytes[o]!;
      unitsPerSecond = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
    }
  });
  return { linkType: cursor.u16(at), snapLength: cursor.u32(at + 4), name, unitsPerSecond };
}

/** Body of an enhanced packet block in [at, end). */
function readPacket(
  cursor: Cursor,
  at: number,
  end: number,
  interfaces: readonly PcapngInterface[],
): PcapngPacket | undefined {
  if (end - at < 20) return undefined;
  const captured = cursor.u32(at + 12);
  const iface = interfaces[cursor.u32(at)];
  if (iface === undefined || captured > end - at - 20) return undefined;
  let flags = 0;
  let comment = '';
  options(cursor, at + 20 + ((captured + 3) & ~3), end, (code, o, length) => {
    if (code === PCAPNG_OPTION_EPB_FLAGS && length === 4) flags = cursor.u32(o);
    if (code === PCAPNG_OPTION_COMMENT) comment = text(cursor, o, length);
  });
  const units = (BigInt(cursor.u32(at + 4)) << 32n) | BigInt(cursor.u32(at + 8));
  return {
    interface: iface,
    time: (units * 1_000_000_000n) / iface.unitsPerSecond,
    data: cursor.bytes.subarray(at + 20, at + 20 + captured),
    originalLength: cursor.u32(at + 16),
    flags,
    comment,
  };
}

/** Body of a simple packet block in [at, end): always of the section's first interface. */
function readSimplePacket(
  cursor: Cursor,
  at: number,
  end: number,
  iface: PcapngInterface | undefined,
): PcapngPacket | undefined {
  if (iface === undefined || end - at < 4) return undefined;
  const originalLength = cursor.u32(at);
  const captured = Math.min(originalLength, iface.snapLength === 0 ? originalLength : iface.snapLength, end - at - 4);
  const data = cursor.bytes.subarray(at + 4, at + 4 + captured);
  return { interface: iface, time: 0n, data, originalLength, flags: 0, comment: '' };
}

/** Reads a whole file. Never throws: what cannot be read ends the reading, with `complete` false. Unknown blocks are skipped. */
export function readPcapng(bytes: Uint8Array): PcapngFile {
  const cursor = new Cursor(bytes);
  const interfaces: PcapngInterface[] = [];
  const packets: PcapngPacket[] = [];
  let section: PcapngInterface[] = [];
  let at = 0;
  while (bytes.length - at >= 12) {
    if (cursor.u32(at) === PCAPNG_SECTION) {
      cursor.little = cursor.view.getUint32(at + 8, true) === PCAPNG_MAGIC;
      if (cursor.u32(at + 8) !== PCAPNG_MAGIC) break;
      section = [];
    } else if (at === 0) break;
    const type = cursor.u32(at);
    const length = cursor.u32(at + 4);
    if (length < 12 || (length & 3) !== 0 || length > bytes.length - at) break;
    const end = at + length - 4;
    if (cursor.u32(end) !== length) break;
    if (type === PCAPNG_INTERFACE) {
      const read = readInterface(cursor, at + 8, end);
      if (read === undefined) break;
      section.push(read);
      interfaces.push(read);
    } else if (type === PCAPNG_PACKET || type === PCAPNG_SIMPLE_PACKET) {
      const read =
        type === PCAPNG_PACKET
          ? readPacket(cursor, at + 8, end, section)
          : readSimplePacket(cursor, at + 8, end, section[0]);
      if (read === undefined) break;
      packets.push(read);
    }
    at += length;
  }
  return { interfaces, packets, complete: at === bytes.length && at > 0 };
}
