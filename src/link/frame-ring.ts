// A bounded first-in, first-out queue of frames: what has arrived at a link and was not received yet.
// Used by memory and stream; calls base only.

import { BATCH, type RxBatch } from '../base/link.ts';

/** Entries of (offset, length, flags) in a ring whose size is a power of two. */
export class FrameRing {
  /** Frames in the queue. */
  count = 0;
  readonly #cells: Int32Array;
  readonly #mask: number;
  #head = 0;

  /** Room for at least `capacity` frames. */
  constructor(capacity: number) {
    let size = 1;
    while (size < capacity) size *= 2;
    this.#cells = new Int32Array(size * 4);
    this.#mask = size - 1;
  }

  /** Appends a frame; false if there is no room. */
  push(offset: number, length: number, flags: number): boolean {
    if (this.count > this.#mask) return false;
    const cells = this.#cells;
    const at = ((this.#head + this.count) & this.#mask) << 2;
    cells[at] = offset;
    cells[at + 1] = length;
    cells[at + 2] = flags;
    this.count++;
    return true;
  }

  /** Fills `batch` from its start with the frames that came first, takes them out, and returns their bytes. */
  receive(batch: RxBatch): number {
    const cells = this.#cells;
    const n = Math.min(this.count, BATCH);
    let bytes = 0;
    let at = this.#head;
    for (let i = 0; i < n; i++) {
      const cell = (at & this.#mask) << 2;
      batch.offset[i] = cells[cell]!;
      batch.length[i] = cells[cell + 1]!;
      batch.flags[i] = cells[cell + 2]!;
      bytes += cells[cell + 1]!;
      at++;
    }
    batch.count = n;
    this.#head = at & this.#mask;
    this.count -= n;
    return bytes;
  }

  /** Takes out the frame that came first and returns its offset; 0 if there is none. */
  shift(): number {
    if (this.count === 0) return 0;
    const offset = this.#cells[this.#head << 2]!;
    this.#head = (this.#head + 1) & this.#mask;
    this.count--;
    return offset;
  }
}
