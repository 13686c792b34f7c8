// A FIFO of rows, doubly linked through three cells of the row: where events and blocked senders wait.
// Used by udp; calls base/rows. A row is at most once in a queue; taking it out anywhere costs the same.

import type { Rows } from '../base/rows.ts';

/** One queue. `cells` is the first of three cells of each row that are its own: [next | previous | 1 while queued]. */
export class RowFifo {
  readonly #rows: Rows;
  readonly #cells: number;
  #head = 0;
  #tail = 0;

  constructor(rows: Rows, cells: number) {
    this.#rows = rows;
    this.#cells = cells;
  }

  /** The first row, or 0. */
  get head(): number {
    return this.#head;
  }

  /** The row behind `row`, or 0. */
  next(row: number): number {
    return this.#rows.i32[this.#rows.cell(row) + this.#cells]!;
  }

  /** Adds a row at the end, unless it is in. */
  push(row: number): void {
    const i32 = this.#rows.i32;
    const c = this.#rows.cell(row) + this.#cells;
    if (i32[c + 2] !== 0) return;
    i32[c] = 0;
    i32[c + 1] = this.#tail;
    i32[c + 2] = 1;
    if (this.#tail === 0) this.#head = row;
    else i32[this.#rows.cell(this.#tail) + this.#cells] = row;
    this.#tail = row;
  }

  /** Takes `row` out, if it is in. */
  remove(row: number): void {
    const i32 = this.#rows.i32;
    const c = this.#rows.cell(row) + this.#cells;
    if (i32[c + 2] === 0) return;
    const next = i32[c]!;
    const previous = i32[c + 1]!;
    i32[c + 2] = 0;
    if (previous === 0) this.#head = next;
    else i32[this.#rows.cell(previous) + this.#cells] = next;
    if (next === 0) this.#tail = previous;
    else i32[this.#rows.cell(next) + this.#cells + 1] = previous;
  }
}
