// Rows that are found by a hash and live for one span of time: fragments in reassembly, path MTUs.
// Used by reassembly and path-mtu; calls base/rows.
//
//   cells of a row:  0 generation | 1 link | 2 hash | 3 next in bucket | 4 older | 5 newer | 6..7 deadline (f64) | 8.. the user's
//
// All rows of a table live equally long, so the order of age is the order of deadlines, and the head of one list is next.

import type { Arena } from '../base/arena.ts';
import { Rows } from '../base/rows.ts';

/** First cell of a row that belongs to the user of the table. */
export const AGED_USER = 8;
const HASH = 2;
const CHAIN = 3;
const OLDER = 4;
const NEWER = 5;
const DEADLINE = 3; // as f64 cell

export class AgedRows {
  readonly rows: Rows;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #buckets: number;
  readonly #mask: number;
  /** i32 cells: [oldest | newest]. */
  readonly #ends: number;

  /** `cells`: int32 cells of a row that the user wants beyond AGED_USER. */
  constructor(arena: Arena, name: string, count: number, cells: number) {
    this.rows = new Rows(arena, name, count, ((AGED_USER + cells + 1) >> 1) * 8);
    let size = 8;
    while (size < count) size *= 2;
    this.#mask = size - 1;
    this.#ends = arena.region(`${name}.index`, (size + 2) * 4) >> 2;
    this.#buckets = this.#ends + 2;
    this.#i32 = arena.i32;
    this.#f64 = arena.f64;
  }

  /** The first row whose hash may be `hash`, or 0; walk on with `next`. The caller compares its keys. */
  first(hash: number): number {
    return this.#i32[this.#buckets + (hash & this.#mask)]!;
  }

  /** The row after `row` in the same bucket, or 0. */
  next(row: number): number {
    return this.#i32[this.rows.cell(row) + CHAIN]!;
  }

  /** The row that has lived longest, or 0. */
  get oldest(): number {
    return this.#i32[this.#ends]!;
  }

  /** The next younger row, or 0. */
  younger(row: number): number {
    return this.#i32[this.rows.cell(row) + NEWER]!;
  }

  /** The hash given to `insert`. */
  hash(row: number): number {
    return this.#i32[this.rows.cell(row) + HASH]!;
  }

  /** Monotonic microseconds. */
  deadline(row: number): number {
    return this.#f64[(this.rows.cell(row) >> 1) + DEADLINE]!;
  }

  /** The earliest deadline, or Infinity. */
  pollAt(): number {
    return this.oldest === 0 ? Infinity : this.deadline(this.oldest);
  }

  /** A new row, zeroed but for these cells, youngest of all; 0 when the table is full. `deadline` is not before any other. */
  insert(hash: number, deadline: number): number {
    const row = this.rows.alloc();
    if (row === 0) return 0;
    const i32 = this.#i32;
    const cell = this.rows.cell(row);
    const bucket = this.#buckets + (hash & this.#mask);
    i32[cell + HASH] = hash;
    i32[cell + CHAIN] = i32[bucket]!;
    i32[bucket] = row;
    this.#f64[(cell >> 1) + DEADLINE] = deadline;
    this.#append(row, cell);
    return row;
  }

  /** Makes `row` the youngest, with a new deadline. */
  renew(row: number, deadline: number): void {
    const cell = this.rows.cell(row);
    this.#unlink(cell);
    this.#f64[(cell >> 1) + DEADLINE] = deadline;
    this.#append(row, cell);
  }

  /** Takes `row` out and gives it back. */
  remove(row: number): void {
    const i32 = this.#i32;
    const cell = this.rows.cell(row);
    let at = this.#buckets + (i32[cell + HASH]! & this.#mask);
    while (i32[at] !== row) at = this.rows.cell(i32[at]!) + CHAIN;
    i32[at] = i32[cell + CHAIN]!;
    this.#unlink(cell);
    this.rows.free(row);
  }

  #append(row: number, cell: number): void {
    const i32 = this.#i32;
    const last = i32[this.#ends + 1]!;
    i32[cell + OLDER] = last;
    i32[cell + NEWER] = 0;
    if (last === 0) i32[this.#ends] = row;
    else i32[this.rows.cell(last) + NEWER] = row;
    i32[this.#ends + 1] = row;
  }

  #unlink(cell: number): void {
    const i32 = this.#i32;
    const older = i32[cell + OLDER]!;
    const newer = i32[cell + NEWER]!;
    if (older === 0) i32[this.#ends] = newer;
    else i32[this.rows.cell(older) + NEWER] = newer;
    if (newer === 0) i32[this.#ends + 1] = older;
    else i32[this.rows.cell(newer) + OLDER] = older;
  }
}
