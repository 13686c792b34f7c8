// Tables of rows in the arena: connection state is data, never closures or JS objects.
// Used by the stack for connections and sockets; calls arena only.

import type { Arena } from './arena.ts';

/** Cell 0 of every row: its generation, raised at each release, so that an old handle finds nobody. */
export const ROW_GENERATION = 0;
/** Cell 1 of every row: 1 while taken; the next free row (negated) while not. */
export const ROW_LINK = 1;
const HANDLE_ROWS = 2 ** 21;

/**
 * Rows 1..count of `rowBytes` each (a multiple of 8). Row 0 means none. A handle is row + generation: what outer floors keep.
 *
 *   cells: [free head | watermark | in use]
 */
export class Rows {
  readonly count: number;
  readonly rowBytes: number;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly #base: number;
  readonly #stride: number;
  readonly #cells: number;

  constructor(arena: Arena, name: string, count: number, rowBytes: number) {
    if (rowBytes % 8 !== 0 || count >= HANDLE_ROWS) throw new RangeError(`rows ${name}: bad size`);
    this.count = count;
    this.rowBytes = rowBytes;
    this.i32 = arena.i32;
    this.f64 = arena.f64;
    this.#cells = arena.region(`${name}.free`, 16) >> 2;
    this.#base = (arena.region(name, (count + 1) * rowBytes) >> 2) | 0;
    this.#stride = rowBytes >> 2;
    this.i32[this.#cells + 1] = 1;
  }

  /** Index of the row's first cell in `i32`; the same place in `f64` is this >> 1. */
  cell(row: number): number {
    return this.#base + row * this.#stride;
  }

  /** A free row with every cell but its generation zeroed, or 0 when the table is full. */
  alloc(): number {
    const c = this.#cells;
    let row = this.i32[c]!;
    if (row !== 0) this.i32[c] = -this.i32[this.cell(row) + ROW_LINK]! | 0;
    else {
      row = this.i32[c + 1]!;
      if (row > this.count) return 0;
      this.i32[c + 1] = row + 1;
    }
    const at = this.cell(row);
    this.i32.fill(0, at + 1, at + this.#stride);
    this.i32[at + ROW_LINK] = 1;
    this.i32[c + 2]!++;
    return row;
  }

  /** Gives a row back; every handle to it is void from now on. Throws if it is not taken: a bug of ours. */
  free(row: number): void {
    const at = this.cell(row);
    if (!(row > 0 && row <= this.count) || this.i32[at + ROW_LINK] !== 1)
      throw new Error(`rows: row ${row} is not in use`);
    this.i32[at + ROW_GENERATION] = (this.i32[at + ROW_GENERATION]! + 1) & 0x3fffffff;
    this.i32[at + ROW_LINK] = -this.i32[this.#cells]! | 0;
    this.i32[this.#cells] = row;
    this.i32[this.#cells + 2]!--;
  }

  /** The handle of a taken row: a safe integer above 0. */
  handle(row: number): number {
    return this.i32[this.cell(row) + ROW_GENERATION]! * HANDLE_ROWS + row;
  }

  /** The row of a handle, or 0 when that row has been released since (or the number never was a handle). */
  row(handle: number): number {
    const row = handle & (HANDLE_ROWS - 1);
    if (row === 0 || row > this.count) return 0;
    return this.i32[this.cell(row) + ROW_LINK] === 1 && this.handle(row) === handle ? row : 0;
  }

  /** Rows 1..highest may have been taken at some time: the bound for a walk over all. */
  get highest(): number {
    return this.i32[this.#cells + 1]! - 1;
  }

  get used(): number {
    return this.i32[this.#cells + 2]!;
  }
}
