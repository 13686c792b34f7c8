// Byte queues in the arena: lists of spans over payload chunks, or over memory of others by reference.
// Used by TCP's send, receive and out-of-order buffers and by UDP's queues; calls pool and arena.
//
//   list (3 cells in somebody's row):  [ head span | tail span | bytes ]
//   span (16 bytes):                   [ next | start | end | owner ]      start and end are arena offsets of the live bytes
//
// The owner of a span's bytes: a chunk of ours (> 0: its offset), a block (< 0 and even: its offset, negated), a SendSource
// (< 0 and odd: its number in the table below), or whoever keeps them still until they are dropped (0).

import type { Arena } from './arena.ts';
import type { Blocks } from './blocks.ts';
import { Pool } from './pool.ts';
import type { SendSource, SliceSink } from './source.ts';

/** Bytes of a payload chunk. */
export const CHUNK = 4096;
const SPAN = 16;
const NEXT = 0;
const START = 1;
const END = 2;
const OWNER = 3;

/** Where a walk over a list stands: filled by `seek`. Allocated once by its user. */
export class SpanCursor {
  /** The span (0: past the end) and the arena offset inside it. */
  span = 0;
  at = 0;
}

/** The pools of chunks and spans of one arena, and the operations on lists. `l` is the index of a list's first cell in i32. */
export class Spans {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly #chunks: Pool;
  readonly #spans: Pool;
  readonly #blocks: Blocks | null;
  /** SendSources under way by number, and how far each has been released. Few: one a file being sent. */
  readonly #sources: (SendSource | null)[] = [];
  readonly #released: number[] = [];

  /** `blocks`: those that appendBlock() may refer to. */
  constructor(arena: Arena, chunks: number, blocks: Blocks | null = null) {
    this.i32 = arena.i32;
    this.u8 = arena.u8;
    this.#chunks = new Pool(arena, 'chunks', chunks, CHUNK, 4096);
    this.#blocks = blocks;
    this.#spans = new Pool(arena, 'spans', chunks + (chunks >> 1) + 64, SPAN, 16);
  }

  /** Chunks taken: zero again when every buffer is empty. */
  get used(): number {
    return this.#chunks.used;
  }

  /** Bytes of all chunks, and of those that are free. */
  get totalBytes(): number {
    return this.#chunks.count * CHUNK;
  }

  get availableBytes(): number {
    return this.#chunks.available * CHUNK;
  }

  /** Bytes in list `l`. */
  bytes(l: number): number {
    return this.i32[l + 2]!;
  }

  /** Copies up to `n` bytes of `src` from `from` to the list's end; returns how many fitted (fewer: the pool is empty). */
  append(l: number, src: Uint8Array, from: number, n: number): number {
    const { i32, u8 } = this;
    let done = 0;
    while (done < n) {
      let span = i32[l + 1]! >> 2;
      let room = 0;
      if (span !== 0) {
        const chunk = i32[span + OWNER]!;
        room = chunk <= 0 ? 0 : chunk + CHUNK - i32[span + END]!;
      }
      if (room === 0) {
        span = this.#push(l, 0, 0, true);
        if (span === 0) break;
        room = CHUNK;
      }
      const take = Math.min(room, n - done);
      const end = i32[span + END]!;
      // copyWithin and a subarray-free loop both lose to set() above some 64 bytes; below, the loop wins.
      if (src === u8) u8.copyWithin(end, from + done, from + done + take);
      else if (take < 64) for (let i = 0; i < take; i++) u8[end + i] = src[from + done + i]!;
      else u8.set(take === src.length ? src : src.subarray(from + done, from + done + take), end);
      i32[span + END] = end + take;
      done += take;
    }
    i32[l + 2]! += done;
    return done;
  }

  /** Appends `length` bytes that lie at arena offset `start` and stay there until released; false when out of spans. */
  appendReference(l: number, start: number, length: number): boolean {
    // An empty span would never be dropped: nothing counts its bytes.
    if (length <= 0) return true;
    return this.#refer(l, start, length, 0);
  }

  /** Appends `length` bytes at arena offset `start`, which lie in one block: it gets a user until they are dropped. False when out of spans. */
  appendBlock(l: number, start: number, length: number): boolean {
    if (length <= 0) return true;
    const blocks = this.#blocks;
    if (blocks === null || !blocks.holds(start, length) || !this.#refer(l, start, length, -(start & ~1))) return false;
    blocks.retain(start);
    return true;
  }

  /**
   * Appends all of `source` by reference; it is told as its bytes are dropped (release). False, and nothing appended, when
   * it cannot name all of its bytes now or the spans do not suffice.
   */
  appendSource(l: number, source: SendSource): boolean {
    if (source.length <= 0) return true;
    let id = this.#sources.indexOf(null);
    if (id < 0) id = this.#sources.length;
    this.#sources[id] = source;
    this.#released[id] = 0;
    const tail = this.i32[l + 1]!;
    const before = this.i32[l + 2]!;
    const sink: SliceSink = {
      slice: (offset, length) => void (length > 0 && this.#refer(l, offset, length, -(2 * id + 1))),
    };
    source.reference(0, source.length, sink);
    if (this.i32[l + 2]! - before === source.length) return true;
    this.#sources[id] = null;
    this.#cutAfter(l, tail, before);
    return false;
  }

  /** Takes the spans after `tail` (0: all) off the list again, telling nobody. */
  #cutAfter(l: number, tail: number, bytes: number): void {
    const { i32 } = this;
    let span = tail === 0 ? i32[l]! : i32[(tail >> 2) + NEXT]!;
    if (tail === 0) i32[l] = 0;
    else i32[(tail >> 2) + NEXT] = 0;
    i32[l + 1] = tail;
    i32[l + 2] = bytes;
    while (span !== 0) {
      const next = i32[(span >> 2) + NEXT]!;
      this.#spans.free(span);
      span = next;
    }
  }

  #refer(l: number, start: number, length: number, owner: number): boolean {
    const s = this.#push(l, start, start + length, false);
    if (s === 0) return false;
    this.i32[s + OWNER] = owner;
    this.i32[l + 2]! += length;
    return true;
  }

  /** Copies up to `n` bytes from the list's head to `into` at `at` and removes them; returns how many. */
  read(l: number, into: Uint8Array, at: number, n: number): number {
    const done = this.peek(l, into, at, n);
    this.drop(l, done);
    return done;
  }

  /** Copies up to `n` bytes from the list's head to `into` at `at`, leaving them there; returns how many. */
  peek(l: number, into: Uint8Array, at: number, n: number): number {
    const { i32, u8 } = this;
    let done = 0;
    let span = i32[l]! >> 2;
    while (done < n && span !== 0) {
      const start = i32[span + START]!;
      const take = Math.min(i32[span + END]! - start, n - done);
      if (into === u8) u8.copyWithin(at + done, start, start + take);
      else into.set(u8.subarray(start, start + take), at + done);
      done += take;
      span = i32[span + NEXT]! >> 2;
    }
    return done;
  }

  /** Removes `n` bytes (at most all) from the list's head. */
  drop(l: number, n: number): void {
    const { i32 } = this;
    let left = Math.min(n, i32[l + 2]!);
    i32[l + 2]! -= left;
    while (left > 0) {
      const head = i32[l]!;
      const span = head >> 2;
      const size = i32[span + END]! - i32[span + START]!;
      const owner = i32[span + OWNER]!;
      if (left < size) {
        i32[span + START]! += left;
        if ((owner & 1) !== 0) this.#dropped(owner, left);
        return;
      }
      left -= size;
      i32[l] = i32[span + NEXT]!;
      if (i32[l] === 0) i32[l + 1] = 0;
      if (owner > 0) this.#chunks.free(owner);
      else if ((owner & 1) !== 0) this.#dropped(owner, size);
      else if (owner !== 0) this.#blocks!.release(-owner);
      this.#spans.free(head);
    }
  }

  /** `n` bytes of a SendSource are not needed any more. */
  #dropped(owner: number, n: number): void {
    const id = (-owner - 1) >> 1;
    const source = this.#sources[id]!;
    const upTo = this.#released[id]! + n;
    this.#released[id] = upTo;
    if (upTo === source.length) this.#sources[id] = null;
    source.release(upTo);
  }

  /** Appends all of `other` to `l` and leaves `other` empty; moves no byte. */
  join(l: number, other: number): void {
    const { i32 } = this;
    if (i32[other] === 0) return;
    if (i32[l] === 0) i32[l] = i32[other]!;
    else i32[(i32[l + 1]! >> 2) + NEXT] = i32[other]!;
    i32[l + 1] = i32[other + 1]!;
    i32[l + 2]! += i32[other + 2]!;
    i32[other] = 0;
    i32[other + 1] = 0;
    i32[other + 2] = 0;
  }

  /** Empties the list. */
  clear(l: number): void {
    this.drop(l, this.i32[l + 2]!);
  }

  /** Sets `cursor` to byte `position` of the list, walking from its head. */
  seek(l: number, position: number, cursor: SpanCursor): void {
    cursor.span = this.i32[l]!;
    cursor.at = cursor.span === 0 ? 0 : this.i32[(cursor.span >> 2) + START]!;
    this.advance(cursor, position);
  }

  /** Moves `cursor` on by `n` bytes; it stays at the end of the last span when the list has no more. */
  advance(cursor: SpanCursor, n: number): void {
    const { i32 } = this;
    while (n > 0 && cursor.span !== 0) {
      const s = cursor.span >> 2;
      const left = i32[s + END]! - cursor.at;
      if (n < left || i32[s + NEXT] === 0) {
        cursor.at += Math.min(n, left);
        return;
      }
      n -= left;
      cursor.span = i32[s + NEXT]!;
      cursor.at = i32[(cursor.span >> 2) + START]!;
    }
  }

  /** Bytes that lie in one piece at the cursor, after stepping over an exhausted span; 0 at the list's end. */
  contiguous(cursor: SpanCursor): number {
    const { i32 } = this;
    while (cursor.span !== 0) {
      const s = cursor.span >> 2;
      const left = i32[s + END]! - cursor.at;
      if (left > 0 || i32[s + NEXT] === 0) return left;
      cursor.span = i32[s + NEXT]!;
      cursor.at = i32[(cursor.span >> 2) + START]!;
    }
    return 0;
  }

  /** A new span at the list's end, as an i32 index; 0 when a pool is empty. */
  #push(l: number, start: number, end: number, own: boolean): number {
    const { i32 } = this;
    const chunk = own ? this.#chunks.alloc() : 0;
    if (own && chunk === 0) return 0;
    const span = this.#spans.alloc();
    if (span === 0) {
      if (own) this.#chunks.free(chunk);
      return 0;
    }
    const s = span >> 2;
    i32[s + NEXT] = 0;
    i32[s + START] = own ? chunk : start;
    i32[s + END] = own ? chunk : end;
    i32[s + OWNER] = chunk;
    if (i32[l + 1] === 0) i32[l] = span;
    else i32[(i32[l + 1]! >> 2) + NEXT] = span;
    i32[l + 1] = span;
    return s;
  }
}
