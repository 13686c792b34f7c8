// Reassembly of IPv4 and IPv6 fragments (RFC 791 section 3.2, RFC 8200 section 4.5, RFC 5722): bounded in packets, pieces, time.
// Called by ip4-input and ip6-input with fragments that passed their checks; calls aged-rows, frames and icmp-errors.
//
// A packet in reassembly is a row and a large frame:
//
//   0              headers of the first fragment   1024                        66560                     67584
//   +--------------+-------------------------------+---------------------------+-------------------------+
//   | unused       | IP header … fragment header   | data, at its offset       | pieces: 256 int32       |
//   +--------------+-------------------------------+---------------------------+-------------------------+
//
// A piece is (start / 8) << 16 | end, in order; pieces never overlap. A row whose frame is 0 is a packet given up:
// it stays until its time is over, so that the fragments that still come are dropped too (RFC 5722 section 4).

import { put16 } from '../base/bytes.ts';
import {
  DROP_EXTENSION_LIMIT,
  DROP_FRAGMENT_LENGTH,
  DROP_FRAGMENT_LIMIT,
  DROP_FRAGMENT_OVERLAP,
  DROP_FRAGMENT_TIMEOUT,
  DROP_MALFORMED,
  DROP_NO_MEMORY,
} from '../base/drop.ts';
import { LARGE_FRAME } from '../base/pool.ts';
import { ICMP4_REASSEMBLY_TIMEOUT, ICMP4_TIME_EXCEEDED } from '../wire/icmp4.ts';
import { ICMP6_REASSEMBLY_TIMEOUT, ICMP6_TIME_EXCEEDED } from '../wire/icmp6.ts';
import {
  ECN_CE,
  ECN_NOT_ECT,
  IP4_MAX_LENGTH,
  ip4Ecn,
  ip4FragOffset,
  ip4Id,
  ip4Ihl,
  ip4MoreFragments,
  ip4Protocol,
  putIp4Checksum,
} from '../wire/ip4.ts';
import {
  IP6_FRAGMENT_LENGTH,
  IP6_HEADER_LENGTH,
  ip6Ecn,
  ip6FragId,
  ip6FragMore,
  ip6FragNextHeader,
  ip6FragOffset,
  putIp6PayloadLength,
} from '../wire/ip6.ts';
import type { Ip6Chain } from '../wire/ip6-chain.ts';
import { isLinkLocal } from './address-kinds.ts';
import { AGED_USER, AgedRows } from './aged-rows.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import { CONSUMED, Packet } from './packet.ts';

/** Where the data of a packet begins in its frame, and most bytes of headers before it. */
const DATA = 1024;
const MAX_PIECES = (LARGE_FRAME - DATA - 65536) >> 2;

const SRC = AGED_USER; // four cells
const DST = AGED_USER + 4; // four cells
const ID = AGED_USER + 8;
/** Version << 8, and for IPv4 the protocol, which is part of its key. */
const KIND = AGED_USER + 9;
/** Interface where the addresses mean something only on one (link-local), else 0. */
const SCOPE = AGED_USER + 10;
const FRAME = AGED_USER + 11;
const PIECES = AGED_USER + 12;
/** Bytes of data in the whole packet, 0 while the last fragment has not come; bytes that have come. */
const TOTAL = AGED_USER + 13;
const RECEIVED = AGED_USER + 14;
/** Of the first fragment: bytes of headers (0: not here yet), bytes of data, where its Next Header field (IPv6) lies. */
const HEADERS = AGED_USER + 15;
const FIRST = AGED_USER + 16;
const FIELD = AGED_USER + 17;
/** Bit 1 << codepoint for each ECN codepoint seen. */
const ECN = AGED_USER + 18;
const IFACE = AGED_USER + 19;
/** Bit 0: sent to a group address; bit 1: in a group frame. */
const GROUPS = AGED_USER + 20;
const CELLS = 21;

const FRAGMENTS_RECEIVED: number = counter('fragments_received');
const REASSEMBLED: number = counter('reassembled');

export class Reassembly {
  readonly #core: Core;
  readonly #errors: IcmpErrors;
  readonly #table: AgedRows;
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;
  /** How many packets each source has here, by a hash of its address: nobody takes more than #share. */
  readonly #sources: number;
  readonly #sourceMask: number;
  readonly #share: number;
  readonly #quoted: Packet = new Packet();
  /** Register: where the Next Header field that names the fragment header lies, from p.l3. */
  #field = 0;

  constructor(core: Core, errors: IcmpErrors) {
    this.#core = core;
    this.#errors = errors;
    this.#i32 = core.i32;
    this.#u8 = core.u8;
    const count = core.settings.reassemblies;
    this.#table = new AgedRows(core.arena, 'reassembly', count, CELLS);
    let size = 16;
    while (size < count * 4) size *= 2;
    this.#sourceMask = size - 1;
    this.#sources = core.arena.region('reassembly.src', size * 4) >> 2;
    this.#share = Math.max(1, count >> 2);
  }

  /** Packets being put together (or given up and still remembered). */
  get used(): number {
    return this.#table.rows.used;
  }

  /**
   * The IPv4 fragment in `p` (ip4Check and ip4FragmentCheck passed). Returns CONSUMED, a drop reason, or 0 when it
   * completed its packet: p.l3, p.end and p.reassembled then say where that lies (a frame that whoever has `p` frees),
   * with a header as if it had never been cut.
   */
  add4(p: Packet): number {
    const b = this.#u8;
    const header = ip4Ihl(b, p.l3);
    const row = this.#row(p, (4 << 8) | ip4Protocol(b, p.l3), ip4Id(b, p.l3), 0);
    if (row === 0) return DROP_NO_MEMORY;
    const offset = ip4FragOffset(b, p.l3);
    const result = this.#add(p, row, offset, p.l3 + header, ip4MoreFragments(b, p.l3), ip4Ecn(b, p.l3));
    return result === 0 ? this.#finish4(p, row) : result;
  }

  /** The same for the IPv6 fragment in `p` at which ip6Walk stopped. */
  add6(p: Packet, chain: Ip6Chain): number {
    const b = this.#u8;
    const f = chain.fragment;
    const row = this.#row(p, 6 << 8, ip6FragId(b, f), isLinkLocal(p.src0) ? p.iface : 0);
    if (row === 0) return DROP_NO_MEMORY;
    const offset = ip6FragOffset(b, f);
    this.#field = chain.fragmentField - p.l3;
    const result = this.#add(p, row, offset, f + IP6_FRAGMENT_LENGTH, ip6FragMore(b, f), ip6Ecn(b, p.l3));
    return result === 0 ? this.#finish6(p, row) : result;
  }

  /** Gives up what is too old, and says so to its sender if its first fragment is here (RFC 792, RFC 4443 section 3.3). */
  tick(): void {
    const table = this.#table;
    while (table.oldest !== 0 && table.deadline(table.oldest) <= this.#core.now.us) {
      const row = table.oldest;
      const cell = table.rows.cell(row);
      if (this.#i32[cell + FRAME] !== 0) {
        this.#core.counters.drop(DROP_FRAGMENT_TIMEOUT);
        if (this.#i32[cell + HEADERS] !== 0) this.#reportTimeout(cell);
      }
      this.#remove(row);
    }
  }

  /** When tick() has something to do (us), or Infinity. */
  pollAt(): number {
    return this.#table.pollAt();
  }

  /** Lets go of everything. */
  clear(): void {
    while (this.#table.oldest !== 0) this.#remove(this.#table.oldest);
  }

  /** The row of the packet that a fragment belongs to, found or made. */
  #row(p: Packet, kind: number, id: number, scope: number): number {
    const i32 = this.#i32;
    const table = this.#table;
    const hash = this.#core.flowHash.hash(p.src0, p.src1, p.src2, p.src3, p.dst3, id ^ kind);
    for (let row = table.first(hash); row !== 0; row = table.next(row)) {
      const c = table.rows.cell(row);
      if (i32[c + ID] !== id || i32[c + KIND] !== kind || i32[c + SCOPE] !== scope) continue;
      if (i32[c + SRC + 3] !== p.src3 || i32[c + DST + 3] !== p.dst3) continue;
      if (i32[c + SRC] !== p.src0 || i32[c + SRC + 1] !== p.src1 || i32[c + SRC + 2] !== p.src2) continue;
      if (i32[c + DST] === p.dst0 && i32[c + DST + 1] === p.dst1 && i32[c + DST + 2] === p.dst2) return row;
    }
    const source = this.#sourceCell(p.src0, p.src1, p.src2, p.src3);
    if (i32[source]! >= this.#share) this.#evictOf(source);
    if (table.rows.used === table.rows.count) this.#evict(table.oldest);
    let frame = this.#core.frames.large.alloc();
    if (frame === 0 && table.oldest !== 0) {
      this.#evict(table.oldest);
      frame = this.#core.frames.large.alloc();
    }
    if (frame === 0) return 0;
    const row = table.insert(hash, this.#core.now.us + this.#core.settings.reassemblyTimeout);
    const c = table.rows.cell(row);
    i32[source]! += 1;
    i32[c + SRC] = p.src0;
    i32[c + SRC + 1] = p.src1;
    i32[c + SRC + 2] = p.src2;
    i32[c + SRC + 3] = p.src3;
    i32[c + DST] = p.dst0;
    i32[c + DST + 1] = p.dst1;
    i32[c + DST + 2] = p.dst2;
    i32[c + DST + 3] = p.dst3;
    i32[c + ID] = id;
    i32[c + KIND] = kind;
    i32[c + SCOPE] = scope;
    i32[c + FRAME] = frame;
    return row;
  }

  /** Stores the data [from, p.end) at `offset` of the packet. Returns 0 when it is complete, CONSUMED, or a drop reason. */
  #add(p: Packet, row: number, offset: number, from: number, more: boolean, ecn: number): number {
    const i32 = this.#i32;
    const c = this.#table.rows.cell(row);
    const frame = i32[c + FRAME]!;
    this.#core.counters.add(FRAGMENTS_RECEIVED, 1);
    if (frame === 0) return DROP_FRAGMENT_OVERLAP;
    const length = p.end - from;
    const drop = this.#insertPiece(c, offset, offset + length, more);
    if (drop !== 0) return drop;
    if (offset === 0) {
      const headers = from - p.l3;
      if (headers > DATA) return this.#giveUp(c, DROP_EXTENSION_LIMIT);
      this.#u8.copyWithin(frame + DATA - headers, p.l3, from);
      i32[c + HEADERS] = headers;
      i32[c + FIRST] = length;
      i32[c + FIELD] = this.#field;
      i32[c + IFACE] = p.iface;
      i32[c + GROUPS] = (p.group ? 1 : 0) | (p.linkGroup ? 2 : 0);
    }
    this.#u8.copyWithin(frame + DATA + offset, from, p.end);
    i32[c + RECEIVED]! += length;
    i32[c + ECN]! |= 1 << ecn;
    return i32[c + RECEIVED] === i32[c + TOTAL] && i32[c + HEADERS] !== 0 ? 0 : CONSUMED;
  }

  /**
   * Enters [start, end) into the pieces of a packet. An exact repetition is refused alone; anything else that overlaps,
   * or contradicts the packet's end, gives up the packet (RFC 8200 section 4.5, RFC 5722 section 4).
   */
  #insertPiece(c: number, start: number, end: number, more: boolean): number {
    const i32 = this.#i32;
    const list = (i32[c + FRAME]! + DATA + 65536) >> 2;
    const count = i32[c + PIECES]!;
    const total = i32[c + TOTAL]!;
    let i = count;
    while (i > 0 && i32[list + i - 1]! >> 16 > start >> 3) i--;
    if (i > 0) {
      const before = i32[list + i - 1]!;
      if (before >> 16 === start >> 3 && (before & 0xffff) === end) return DROP_FRAGMENT_OVERLAP;
      if ((before & 0xffff) > start) return this.#giveUp(c, DROP_FRAGMENT_OVERLAP);
    }
    if (i < count && (i32[list + i]! >> 16) << 3 < end) return this.#giveUp(c, DROP_FRAGMENT_OVERLAP);
    if (total !== 0 && (end > total || !more)) return this.#giveUp(c, DROP_FRAGMENT_OVERLAP);
    if (!more && i < count) return this.#giveUp(c, DROP_FRAGMENT_OVERLAP);
    if (count === MAX_PIECES) return this.#giveUp(c, DROP_FRAGMENT_LIMIT);
    i32.copyWithin(list + i + 1, list + i, list + count);
    i32[list + i] = ((start >> 3) << 16) | end;
    i32[c + PIECES] = count + 1;
    if (!more) i32[c + TOTAL] = end;
    return 0;
  }

  /** The header of a complete IPv4 packet. */
  #finish4(p: Packet, row: number): number {
    const b = this.#u8;
    const c = this.#table.rows.cell(row);
    const headers = this.#i32[c + HEADERS]!;
    const total = this.#i32[c + TOTAL]!;
    const l3 = this.#i32[c + FRAME]! + DATA - headers;
    const ecn = this.#ecn(c);
    if (headers + total > IP4_MAX_LENGTH) return this.#giveUp(c, DROP_FRAGMENT_LENGTH);
    if (ecn < 0) return this.#giveUp(c, DROP_MALFORMED);
    b[l3 + 1] = (b[l3 + 1]! & 0xfc) | ecn;
    put16(b, l3 + 2, headers + total);
    put16(b, l3 + 6, 0);
    putIp4Checksum(b, l3);
    return this.#deliver(p, row, l3);
  }

  /** The header of a complete IPv6 packet: the fragment header taken out, the one before it says what follows. */
  #finish6(p: Packet, row: number): number {
    const b = this.#u8;
    const c = this.#table.rows.cell(row);
    const unfragmentable = this.#i32[c + HEADERS]! - IP6_FRAGMENT_LENGTH;
    const total = this.#i32[c + TOTAL]!;
    const first = this.#i32[c + FRAME]! + DATA - this.#i32[c + HEADERS]!;
    const length = unfragmentable - IP6_HEADER_LENGTH + total;
    const ecn = this.#ecn(c);
    if (length > 65535) return this.#giveUp(c, DROP_FRAGMENT_LENGTH);
    if (ecn < 0) return this.#giveUp(c, DROP_MALFORMED);
    const next = ip6FragNextHeader(b, first + unfragmentable);
    const l3 = first + IP6_FRAGMENT_LENGTH;
    b.copyWithin(l3, first, first + unfragmentable);
    b[l3 + this.#i32[c + FIELD]!] = next;
    b[l3 + 1] = (b[l3 + 1]! & 0xcf) | (ecn << 4);
    putIp6PayloadLength(b, l3, length);
    return this.#deliver(p, row, l3);
  }

  /** The frame passes to `p`, the row is free. Checksums of links cover fragments, not this: it is verified in any case. */
  #deliver(p: Packet, row: number, l3: number): number {
    const c = this.#table.rows.cell(row);
    p.l3 = l3;
    p.end = this.#i32[c + FRAME]! + DATA + this.#i32[c + TOTAL]!;
    p.reassembled = this.#i32[c + FRAME]!;
    p.flags = 0;
    this.#i32[c + FRAME] = 0;
    this.#remove(row);
    this.#core.counters.add(REASSEMBLED, 1);
    return 0;
  }

  /** The codepoint of the whole (RFC 3168 section 5.3): CE if any fragment bears it; -1 where one of the others is Not-ECT. */
  #ecn(c: number): number {
    const seen = this.#i32[c + ECN]!;
    const first = 31 - Math.clz32(seen & -seen);
    if ((seen & (1 << ECN_CE)) === 0) return first;
    return (seen & (1 << ECN_NOT_ECT)) !== 0 ? -1 : ECN_CE;
  }

  /** Frees the frame of a packet that will never be whole; its row remembers that. Returns `reason`. */
  #giveUp(c: number, reason: number): number {
    this.#core.frames.large.free(this.#i32[c + FRAME]!);
    this.#i32[c + FRAME] = 0;
    return reason;
  }

  #remove(row: number): void {
    const i32 = this.#i32;
    const c = this.#table.rows.cell(row);
    if (i32[c + FRAME] !== 0) this.#core.frames.large.free(i32[c + FRAME]!);
    i32[this.#sourceCell(i32[c + SRC]!, i32[c + SRC + 1]!, i32[c + SRC + 2]!, i32[c + SRC + 3]!)]! -= 1;
    this.#table.remove(row);
  }

  /** Makes room: the packet was not too old, but others came. */
  #evict(row: number): void {
    if (this.#i32[this.#table.rows.cell(row) + FRAME] !== 0) this.#core.counters.drop(DROP_FRAGMENT_LIMIT);
    this.#remove(row);
  }

  /** Evicts the oldest packet of one source. */
  #evictOf(source: number): void {
    const i32 = this.#i32;
    for (let row = this.#table.oldest; row !== 0; row = this.#table.younger(row)) {
      const c = this.#table.rows.cell(row) + SRC;
      if (this.#sourceCell(i32[c]!, i32[c + 1]!, i32[c + 2]!, i32[c + 3]!) !== source) continue;
      this.#evict(row);
      return;
    }
  }

  #sourceCell(s0: number, s1: number, s2: number, s3: number): number {
    return this.#sources + (this.#core.flowHash.hash(s0, s1, s2, s3, 0, 0) & this.#sourceMask);
  }

  #reportTimeout(c: number): void {
    const i32 = this.#i32;
    const p = this.#quoted;
    p.version = i32[c + KIND]! >> 8;
    p.iface = i32[c + IFACE]!;
    p.group = (i32[c + GROUPS]! & 1) !== 0;
    p.linkGroup = (i32[c + GROUPS]! & 2) !== 0;
    p.src0 = i32[c + SRC]!;
    p.src1 = i32[c + SRC + 1]!;
    p.src2 = i32[c + SRC + 2]!;
    p.src3 = i32[c + SRC + 3]!;
    p.dst0 = i32[c + DST]!;
    p.dst1 = i32[c + DST + 1]!;
    p.dst2 = i32[c + DST + 2]!;
    p.dst3 = i32[c + DST + 3]!;
    p.l3 = i32[c + FRAME]! + DATA - i32[c + HEADERS]!;
    p.end = i32[c + FRAME]! + DATA + i32[c + FIRST]!;
    if (p.version === 4) this.#errors.send(p, ICMP4_TIME_EXCEEDED, ICMP4_REASSEMBLY_TIMEOUT, 0);
    else this.#errors.send(p, ICMP6_TIME_EXCEEDED, ICMP6_REASSEMBLY_TIMEOUT, 0);
  }
}
