// FIFO queues of rows, doubly linked through cells of the row and marked by a flag bit: active, blocked, ready.
// Used by tcp.ts and the other files here; calls rows. A row is at most once in a queue.

import type { Rows } from '../../base/rows.ts';
import { TCB_FLAGS } from './tcb.ts';

/** One queue: `next` and `previous` are cells of the row, `flag` is the bit that says it is in this queue. */
export class RowQueue {
  readonly #rows: Rows;
  readonly #next: number;
  readonly #previous: number;
  readonly #flag: number;
  #head = 0;
  #tail = 0;
  #count = 0;

  constructor(rows: Rows, links: { readonly next: number; readonly previous: number }, flag: number) {
    this.#rows = rows;
    this.#next = links.next;
    this.#previous = links.previous;
    this.#flag = flag;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a row at the end, unless it is in the queue. */
  push(row: number): void {
    const i32 = this.#rows.i32;
    const c = this.#rows.cell(row);
    if ((i32[c + TCB_FLAGS]! & this.#flag) !== 0) return;
    i32[c + TCB_FLAGS]! |= this.#flag;
    i32[c + this.#next] = 0;
    i32[c + this.#previous] = this.#tail;
    if (this.#head === 0) this.#head = row;
    else i32[this.#rows.cell(this.#tail) + this.#next] = row;
    this.#tail = row;
    this.#count++;
  }

  /** Takes the first row out; 0 when empty. */
  shift(): number {
    const row = this.#head;
    if (row !== 0) this.remove(row);
    return row;
  }

  /** Takes `row` out wherever it stands, if it is in. */
  remove(row: number): void {
    const i32 = this.#rows.i32;
    const c = this.#rows.cell(row);
    if ((i32[c + TCB_FLAGS]! & this.#flag) === 0) return;
    i32[c + TCB_FLAGS]! &= ~this.#flag;
    const next = i32[c + this.#next]!;
    const previous = i32[c + this.#previous]!;
    if (previous === 0) this.#head = next;
    else i32[this.#rows.cell(previous) + this.#next] = next;
    if (next === 0) this.#tail = previous;
    else i32[this.#rows.cell(next) + this.#previous] = previous;
    this.#count--;
  }
}
