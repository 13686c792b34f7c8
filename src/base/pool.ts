// Pools of equal items in the arena: frames, payload chunks, spans. Taking and giving back allocate nothing in JS.
// Used by links (frames), the stack (everything); calls arena only.

import type { Arena } from './arena.ts';

const IN_USE = -2;

/**
 * `count` items of `itemBytes` each. An item is named by its byte offset; 0 means none. Items never used keep their
 * pages untouched: a watermark serves first, then a LIFO free list kept beside the items.
 *
 *   cells: [free head | watermark | in use | next of item 0 | next of item 1 | ...]   next = IN_USE while taken
 */
export class Pool {
  readonly base: number;
  readonly itemBytes: number;
  readonly count: number;
  readonly #i32: Int32Array;
  readonly #cells: number;

  constructor(arena: Arena, name: string, count: number, itemBytes: number, align = 64) {
    this.count = count;
    this.itemBytes = itemBytes;
    this.#cells = arena.region(`${name}.free`, 12 + count * 4) >> 2;
    this.base = arena.region(name, count * itemBytes, align);
    this.#i32 = arena.i32;
    this.#i32[this.#cells] = -1;
  }

  /** Offset of a free item, or 0 when all are taken. Its bytes are whatever they were. */
  alloc(): number {
    const i32 = this.#i32;
    const c = this.#cells;
    let index = i32[c]!;
    if (index >= 0) i32[c] = i32[c + 3 + index]!;
    else {
      index = i32[c + 1]!;
      if (index >= this.count) return 0;
      i32[c + 1] = index + 1;
    }
    i32[c + 3 + index] = IN_USE;
    i32[c + 2]!++;
    return this.base + index * this.itemBytes;
  }

  /** Gives back the item in which `offset` lies. Throws on an offset outside or an item that is free: a bug of ours. */
  free(offset: number): void {
    const index = ((offset - this.base) / this.itemBytes) | 0;
    const i32 = this.#i32;
    const c = this.#cells;
    if (offset < this.base || index >= this.count || i32[c + 3 + index] !== IN_USE) {
      throw new Error(`pool: offset ${offset} is not in use`);
    }
    i32[c + 3 + index] = i32[c]!;
    i32[c] = index;
    i32[c + 2]!--;
  }

  /** Whether `offset` lies in this pool's items. */
  owns(offset: number): boolean {
    return offset >= this.base && offset < this.base + this.count * this.itemBytes;
  }

  /** Offset of the start of the item in which `offset` lies. */
  start(offset: number): number {
    return offset - ((offset - this.base) % this.itemBytes);
  }

  /** Items taken now: back to its value before when everything has been returned. */
  get used(): number {
    return this.#i32[this.#cells + 2]!;
  }

  get available(): number {
    return this.count - this.used;
  }
}

/** Bytes of a small frame: an AF_XDP chunk. */
export const SMALL_FRAME = 2048;
/** Bytes of a large frame: 64 KiB of packet, link headers and headroom. */
export const LARGE_FRAME: number = 65536 + 2048;
/** Bytes before the first byte of a packet that a link may use for headers of its own (virtio_net_hdr, metadata). */
export const HEADROOM = 128;

/** The two sizes of frame in an arena, shared by the stack and its links. */
export class Frames {
  readonly small: Pool;
  readonly large: Pool;

  constructor(arena: Arena, small: number, large: number) {
    this.small = new Pool(arena, 'frames.small', small, SMALL_FRAME, 4096);
    this.large = new Pool(arena, 'frames.large', large, LARGE_FRAME, 4096);
  }

  /** Offset of a frame with room for `bytes` behind HEADROOM, or 0. The packet goes at offset + HEADROOM. */
  alloc(bytes: number): number {
    if (bytes + HEADROOM <= SMALL_FRAME) {
      const f = this.small.alloc();
      if (f !== 0) return f;
    }
    return bytes + HEADROOM <= LARGE_FRAME ? this.large.alloc() : 0;
  }

  /** Gives back the frame in which `offset` lies. */
  free(offset: number): void {
    (this.small.owns(offset) ? this.small : this.large).free(offset);
  }

  /** Where the frame in which `offset` lies ends: no write at or beyond it. */
  end(offset: number): number {
    const pool = this.small.owns(offset) ? this.small : this.large;
    return pool.start(offset) + pool.itemBytes;
  }

  get used(): number {
    return this.small.used + this.large.used;
  }
}
