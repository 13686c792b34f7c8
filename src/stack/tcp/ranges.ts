// The out-of-order queue: ranges of sequence space received ahead of RCV.NXT, each with its bytes in chunks.
// Called by input; calls Spans and Pool. Kept sorted, disjoint and not touching; bounded a connection and by the pools.
//
//   range (32 bytes):  [ next | start seq | end seq | head span | tail span | bytes | - | - ]

import type { Arena } from '../../base/arena.ts';
import { Pool } from '../../base/pool.ts';
import { seqDiff, seqGe, seqGt, seqLe, seqLt } from '../../base/seq.ts';
import { CHUNK, SpanCursor, type Spans } from '../../base/spans.ts';
import type { Tcb } from './tcb.ts';

const NEXT = 0;
const START = 1;
const END = 2;
const LIST = 3;
/** Ranges whose order of change is kept: as many as an option has blocks. */
const RECENT = 4;
/** Lists of up to so many bytes are copied when they are joined to another, whose last chunk may have room for them. */
const COPY_LIMIT: number = CHUNK / 2;

const cursor = new SpanCursor();

export class Ranges {
  /** What the last insert() was given that had been held already: the first such piece; empty if both are equal. */
  duplicateStart = 0;
  duplicateEnd = 0;
  readonly #i32: Int32Array;
  readonly #u8: Uint8Array;
  readonly #pool: Pool;
  readonly #spans: Spans;

  constructor(arena: Arena, spans: Spans, count: number) {
    this.#i32 = arena.i32;
    this.#u8 = arena.u8;
    this.#spans = spans;
    this.#pool = new Pool(arena, 'tcp.ranges', count, 32, 32);
  }

  /** Ranges taken over all connections, and those that are left. */
  get used(): number {
    return this.#pool.used;
  }
  get available(): number {
    return this.#pool.available;
  }

  /**
   * Keeps the bytes [seq, seq + length) that lie at arena offset `from`, as far as they are not held yet: what is held
   * stays (a peer cannot rewrite it). At most `max` ranges. Returns how many bytes were new; 0 also when there was no room.
   * The range in which they lie is the one that changed last, even if nothing was new.
   */
  insert(t: Tcb, seq: number, length: number, from: number, max: number): number {
    const i32 = this.#i32;
    let added = 0;
    let previous = 0; // the range before the place in question, as an i32 index
    let range = t.ranges >> 2;
    // Most often a range grows that has just grown, and that is the last of many.
    const recent = t.sackRecent >> 2;
    if (recent !== 0 && seqGe(seq, i32[recent + START]!)) range = recent;
    let at = seq;
    const end = (seq + length) | 0;
    let last = 0;
    this.duplicateStart = 0;
    this.duplicateEnd = 0;
    while (seqLt(at, end)) {
      // Step to the first range that ends at or after `at`.
      while (range !== 0 && seqLt(i32[range + END]!, at)) {
        previous = range;
        range = i32[range + NEXT]! >> 2;
      }
      if (range !== 0 && seqLe(i32[range + START]!, at)) {
        // Touches or overlaps `range`: grow it to the right, up to its successor.
        last = range;
        if (seqGt(i32[range + END]!, at)) at = this.#known(at, i32[range + END]!, end);
        if (seqGe(at, end)) break;
        const next = i32[range + NEXT]! >> 2;
        const stop = next !== 0 && seqLt(i32[next + START]!, end) ? i32[next + START]! : end;
        const n = seqDiff(stop, at);
        const took = n <= 0 ? 0 : this.#spans.append(range + LIST, this.#u8, from + seqDiff(at, seq), n);
        i32[range + END] = (i32[range + END]! + took) | 0;
        added += took;
        if (took < n) break;
        at = stop;
        if (next !== 0 && i32[next + START] === i32[range + END]) this.#mergeNext(t, range);
        else {
          previous = range;
          range = next;
        }
        continue;
      }
      // A gap before `range`: a range of its own.
      const stop = range !== 0 && seqLt(i32[range + START]!, end) ? i32[range + START]! : end;
      const made = this.#make(t, previous, range, at, max);
      if (made === 0) break;
      const n = seqDiff(stop, at);
      const took = this.#spans.append(made + LIST, this.#u8, from + seqDiff(at, seq), n);
      i32[made + END] = (at + took) | 0;
      added += took;
      last = took === 0 ? 0 : made;
      if (took === 0) this.#unlink(t, previous, made);
      if (took < n) break;
      at = stop;
      if (range !== 0 && i32[range + START] === at) this.#mergeNext(t, made);
      range = made;
    }
    if (last !== 0) this.#touch(t, last);
    return added;
  }

  /** The bytes from `at` to `stop` are held. Remembers those of them that come before `end`, if they are the first; returns `stop`. */
  #known(at: number, stop: number, end: number): number {
    if (this.duplicateStart === this.duplicateEnd) {
      this.duplicateStart = at;
      this.duplicateEnd = seqLt(stop, end) ? stop : end;
    }
    return stop;
  }

  /** Where the first range ends; there is one. */
  firstEnd(t: Tcb): number {
    return this.#i32[(t.ranges >> 2) + END]!;
  }

  /**
   * Writes up to `max` blocks of [start, end) to `edges` from block `at` on: the ranges that changed last, latest first, then
   * others from the left, until all are there (RFC 2018 section 4: as many as possible). Returns how many.
   */
  blocks(t: Tcb, edges: Int32Array, at: number, max: number): number {
    const i32 = this.#i32;
    let n = 0;
    for (let i = t.recentRanges; n < max && n < RECENT && i32[i] !== 0; i++) this.#block(i32[i]! >> 2, edges, at + n++);
    if (n === max || n === t.rangeCount) return n;
    for (let range = t.ranges >> 2; range !== 0 && n < max; range = i32[range + NEXT]! >> 2) {
      if (!this.#isRecent(t, range << 2)) this.#block(range, edges, at + n++);
    }
    return n;
  }

  #block(range: number, edges: Int32Array, at: number): void {
    edges[2 * at] = this.#i32[range + START]!;
    edges[2 * at + 1] = this.#i32[range + END]!;
  }

  #isRecent(t: Tcb, offset: number): boolean {
    const i = t.recentRanges;
    const i32 = this.#i32;
    return i32[i] === offset || i32[i + 1] === offset || i32[i + 2] === offset || i32[i + 3] === offset;
  }

  /** `range` has changed last. */
  #touch(t: Tcb, range: number): void {
    const i32 = this.#i32;
    const first = t.recentRanges;
    const offset = range << 2;
    let moved = offset;
    for (let i = first; i < first + RECENT; i++) {
      const was = i32[i]!;
      i32[i] = moved;
      if (was === offset || was === 0) return;
      moved = was;
    }
  }

  /** The range at `offset` is no more. */
  #forget(t: Tcb, offset: number): void {
    const i32 = this.#i32;
    const first = t.recentRanges;
    let to = first;
    for (let i = first; i < first + RECENT; i++) if (i32[i] !== offset) i32[to++] = i32[i]!;
    while (to < first + RECENT) i32[to++] = 0;
  }

  /** Gives up the range that lies farthest ahead, if it begins at `from` or later. Whether there was one. */
  dropLast(t: Tcb, from: number): boolean {
    const i32 = this.#i32;
    let previous = 0;
    let range = t.ranges >> 2;
    if (range === 0) return false;
    for (; i32[range + NEXT] !== 0; range = i32[range + NEXT]! >> 2) previous = range;
    if (seqLt(i32[range + START]!, from)) return false;
    this.#unlink(t, previous, range);
    return true;
  }

  /** Moves what continues at RCV.NXT to the receive list; returns the bytes by which RCV.NXT may advance. */
  pull(t: Tcb): number {
    const i32 = this.#i32;
    let moved = 0;
    for (let range = t.ranges >> 2; range !== 0; range = t.ranges >> 2) {
      const next = (t.rcvNxt + moved) | 0;
      if (seqGt(i32[range + START]!, next)) break;
      const stale = seqDiff(next, i32[range + START]!);
      const bytes = seqDiff(i32[range + END]!, i32[range + START]!);
      this.#spans.drop(range + LIST, Math.min(stale, bytes));
      moved += Math.max(0, bytes - stale);
      this.#join(t.receiveList, range + LIST);
      this.#unlink(t, 0, range);
    }
    return moved;
  }

  /** Where the first range starts; there is one. */
  start(t: Tcb): number {
    return this.#i32[(t.ranges >> 2) + START]!;
  }

  /** The end of all that has been received: of the last range, or RCV.NXT. */
  end(t: Tcb): number {
    let end = t.rcvNxt;
    for (let range = t.ranges >> 2; range !== 0; range = this.#i32[range + NEXT]! >> 2) end = this.#i32[range + END]!;
    return end;
  }

  /** Forgets everything. */
  clear(t: Tcb): void {
    for (let range = t.ranges >> 2; range !== 0; range = t.ranges >> 2) this.#unlink(t, 0, range);
  }

  /** The ranges in order, for tests and people: [start, end] pairs. */
  list(t: Tcb): [number, number][] {
    const out: [number, number][] = [];
    for (let r = t.ranges >> 2; r !== 0; r = this.#i32[r + NEXT]! >> 2) {
      out.push([this.#i32[r + START]!, this.#i32[r + END]!]);
    }
    return out;
  }

  #make(t: Tcb, previous: number, next: number, start: number, max: number): number {
    if (t.rangeCount >= max) return 0;
    const offset = this.#pool.alloc();
    if (offset === 0) return 0;
    const i32 = this.#i32;
    const range = offset >> 2;
    i32.fill(0, range, range + 8);
    i32[range + NEXT] = next << 2;
    i32[range + START] = start;
    i32[range + END] = start;
    if (previous === 0) t.ranges = offset;
    else i32[previous + NEXT] = offset;
    t.rangeCount++;
    return range;
  }

  /** Joins the successor of `range`, which starts where `range` ends, to it. */
  #mergeNext(t: Tcb, range: number): void {
    const i32 = this.#i32;
    const next = i32[range + NEXT]! >> 2;
    i32[range + END] = i32[next + END]!;
    this.#join(range + LIST, next + LIST);
    this.#unlink(t, range, next);
  }

  /**
   * Appends list `other` to `list`. Little is copied: a peer that sends its bytes one by one, and in no order, would
   * otherwise hold a chunk for each.
   */
  #join(list: number, other: number): void {
    const spans = this.#spans;
    const bytes = this.#i32[other + 2]!;
    if (bytes <= COPY_LIMIT) {
      let left = bytes;
      spans.seek(other, 0, cursor);
      while (left > 0) {
        const n = Math.min(spans.contiguous(cursor), left);
        const took = spans.append(list, this.#u8, cursor.at, n);
        cursor.at += took;
        left -= took;
        if (took < n) break;
      }
      spans.drop(other, bytes - left);
    }
    spans.join(list, other);
  }

  #unlink(t: Tcb, previous: number, range: number): void {
    const i32 = this.#i32;
    if (previous === 0) t.ranges = i32[range + NEXT]!;
    else i32[previous + NEXT] = i32[range + NEXT]!;
    this.#forget(t, range << 2);
    this.#spans.clear(range + LIST);
    this.#pool.free(range << 2);
    t.rangeCount--;
  }
}
