// A hierarchical timing wheel, intrusive in rows: one serves all connections of a stack.
// Used by the stack; calls rows and arena. Deadlines are exact microseconds; slots are 1,024 us (a tick) wide at the lowest level.
//
//   level 0: 256 slots of 1 tick   level 1: 64 of 256 ticks (262 ms)   level 2: 64 of 16,384 (16.8 s)   level 3: 64 of 2^20 (17.9 min)
//   cells: [current tick f64 | soonest deadline f64 | rows in the wheel | head row of each slot and of the due list | bitmap of slots]
//
// Three cells and a double of each row are the wheel's: [next row | previous row | slot + 1 (0: not in the wheel)] and the deadline.
//
// A row lies in the lowest level that reaches its deadline from the current tick. On arrival at the first tick of a slot of
// level 1 and above its rows come down; ticks at which nothing happens are jumped over, however many. What lies beyond
// level 3 waits in its last slot and is placed anew from there.

import type { Arena } from './arena.ts';
import type { Rows } from './rows.ts';

const TICK = 1024;
const LEVELS = 4;
/** Ticks that a slot of each level spans, and the number of its first slot. */
const UNIT: readonly number[] = [1, 256, 16384, 1048576];
const FIRST: readonly number[] = [0, 256, 320, 384];
const SLOTS = 448;
const DUE = SLOTS;
/** Rows of a later slot that pollAt looks at; where there are more, the slot's start stands for them. */
const SCAN_LIMIT = 32;

/** Places of the wheel's cells in a row: three int32 cells from `links`, one float64 cell at `deadline` (both from the row's start). */
export interface WheelCells {
  readonly links: number;
  readonly deadline: number;
}

export class Wheel {
  readonly #rows: Rows;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #links: number;
  readonly #deadline: number;
  /** f64 cell: the tick at which the wheel stands; everything before it is done. */
  readonly #cur: number;
  /** f64 cell: what pollAt returned last, while that holds; NaN when it must look again. */
  readonly #soonest: number;
  readonly #count: number;
  readonly #heads: number;
  readonly #bits: number;

  constructor(arena: Arena, name: string, rows: Rows, cells: WheelCells) {
    this.#rows = rows;
    this.#i32 = arena.i32;
    this.#f64 = arena.f64;
    this.#links = cells.links;
    this.#deadline = cells.deadline;
    const at = arena.region(name, 16 + 4 + (SLOTS + 1) * 4 + (SLOTS / 32) * 4);
    this.#cur = at >> 3;
    this.#soonest = this.#cur + 1;
    this.#count = (at >> 2) + 4;
    this.#heads = this.#count + 1;
    this.#bits = this.#heads + SLOTS + 1;
  }

  /** Rows in the wheel. */
  get count(): number {
    return this.#i32[this.#count]!;
  }

  /** The deadline with which `row` is in the wheel (us), or Infinity. */
  deadline(row: number): number {
    const cell = this.#rows.cell(row);
    return this.#i32[cell + this.#links + 2] === 0 ? Infinity : this.#f64[(cell >> 1) + this.#deadline]!;
  }

  /** Puts `row` into the wheel for `at` (us), or moves it there; Infinity takes it out. A time that has passed is due at once. */
  schedule(row: number, at: number): void {
    const cell = this.#rows.cell(row);
    if (this.#i32[cell + this.#links + 2] !== 0) this.cancel(row);
    if (at === Infinity) return;
    this.#f64[(cell >> 1) + this.#deadline] = at;
    if (this.#i32[this.#count]!++ === 0 || at < this.#f64[this.#soonest]!) this.#f64[this.#soonest] = at;
    this.#place(row, cell);
  }

  /** Takes `row` out; nothing happens if it is not in. */
  cancel(row: number): void {
    const cell = this.#rows.cell(row);
    if (this.#i32[cell + this.#links + 2] === 0) return;
    this.#unlink(cell);
    this.#i32[this.#count]!--;
    if (this.#f64[(cell >> 1) + this.#deadline] === this.#f64[this.#soonest]) this.#f64[this.#soonest] = NaN;
  }

  /**
   * The next row whose deadline is at or before `now` (us), taken out of the wheel; 0 when there is none left. Call until 0:
   * while rows are handled, others may be scheduled and cancelled freely. Rows come in the order of their deadlines, but
   * for those within one tick, whose order is not defined.
   */
  expire(now: number): number {
    const due = this.#heads + DUE;
    if (this.#i32[due] === 0) this.#advance(now);
    const row = this.#i32[due]!;
    if (row !== 0) this.cancel(row);
    return row;
  }

  /**
   * When expire() wants to be called next (us; Infinity: nothing scheduled). Never late. Early only where more than 32 rows
   * share a later slot, or a deadline was 18 hours from where the wheel stood when it was set: then at the start of its slot.
   */
  pollAt(): number {
    if (this.#i32[this.#count] === 0) return Infinity;
    if (this.#i32[this.#heads + DUE] !== 0) return 0;
    const known = this.#f64[this.#soonest]!;
    if (!Number.isNaN(known)) return known;
    let best = Infinity;
    for (let level = 0; level < LEVELS; level++) {
      const tick = this.#nextOf(level);
      if (tick * TICK < best) best = Math.min(best, this.#earliest(level, tick));
    }
    this.#f64[this.#soonest] = best;
    return best;
  }

  /** The earliest deadline in the slot of `level` that starts at `tick`, or its start where that would take too long. */
  #earliest(level: number, tick: number): number {
    const unit = UNIT[level]!;
    const size = level === 0 ? 256 : 64;
    const start = tick * TICK;
    // The slot in which the wheel stands is looked at whole: its start has passed and would be asked for again and again.
    let left = tick === this.#f64[this.#cur] ? Infinity : SCAN_LIMIT;
    let best = Infinity;
    let row = this.#i32[this.#heads + FIRST[level]! + (Math.floor(tick / unit) & (size - 1))]!;
    for (; row !== 0; left--) {
      if (left === 0) return start;
      const cell = this.#rows.cell(row);
      best = Math.min(best, this.#f64[(cell >> 1) + this.#deadline]!);
      row = this.#i32[cell + this.#links]!;
    }
    // Only rows from beyond level 3: others, in later slots, may be due before them.
    return best >= start + unit * TICK ? start : best;
  }

  /** The tick at which the next slot of `level` starts that has rows (level 0: this tick counts), or Infinity. */
  #nextOf(level: number): number {
    const unit = UNIT[level]!;
    const size = level === 0 ? 256 : 64;
    // The current slot of a higher level came down when the wheel arrived: rows in it belong to the turn after this one.
    const from = Math.floor(this.#f64[this.#cur]! / unit) + (level === 0 ? 0 : 1);
    const at = from & (size - 1);
    const first = FIRST[level]!;
    let slot = this.#nextMarked(first + at, first + size);
    if (slot < first + size) return (from + slot - first - at) * unit;
    slot = this.#nextMarked(first, first + at);
    return slot < first + at ? (from + size + slot - first - at) * unit : Infinity;
  }

  /** Goes on to `now`, or to the first tick at which something is due: that is then in the due list. */
  #advance(now: number): void {
    const f64 = this.#f64;
    const target = Math.max(Math.floor(now / TICK), f64[this.#cur]!);
    const waiting = now < f64[this.#soonest]!;
    if (!waiting) f64[this.#soonest] = NaN;
    while (this.#i32[this.#count] !== 0) {
      const next = Math.min(this.#nextOf(0), this.#nextOf(1), this.#nextOf(2), this.#nextOf(3));
      if (next > target) break;
      if (next > f64[this.#cur]!) {
        f64[this.#cur] = next;
        this.#arrive(next);
      }
      if (!waiting) this.#collect(next & 255, now);
      if (next === target || this.#i32[this.#heads + DUE] !== 0) return;
    }
    f64[this.#cur] = target;
  }

  /** Brings down the slots that start at `tick`, from the highest level. */
  #arrive(tick: number): void {
    for (let level = LEVELS - 1; level > 0; level--) {
      const unit = UNIT[level]!;
      if (tick % unit === 0) this.#bringDown(FIRST[level]! + (Math.floor(tick / unit) & 63));
    }
  }

  /** Moves what is due in level-0 slot `slot` to the due list. */
  #collect(slot: number, now: number): void {
    let row = this.#i32[this.#heads + slot]!;
    while (row !== 0) {
      const cell = this.#rows.cell(row);
      const next = this.#i32[cell + this.#links]!;
      if (this.#f64[(cell >> 1) + this.#deadline]! <= now) {
        this.#unlink(cell);
        this.#push(DUE, row, cell);
      }
      row = next;
    }
  }

  #bringDown(slot: number): void {
    let row = this.#i32[this.#heads + slot]!;
    this.#i32[this.#heads + slot] = 0;
    this.#unmark(slot);
    while (row !== 0) {
      const cell = this.#rows.cell(row);
      const next = this.#i32[cell + this.#links]!;
      this.#place(row, cell);
      row = next;
    }
  }

  #place(row: number, cell: number): void {
    const cur = this.#f64[this.#cur]!;
    const tick = Math.max(Math.floor(this.#f64[(cell >> 1) + this.#deadline]! / TICK), cur);
    const d = tick - cur;
    let slot: number;
    if (d < 256) slot = tick & 255;
    else if (d < 256 * 64) slot = 256 + (Math.floor(tick / 256) & 63);
    else if (d < 256 * 64 * 64) slot = 320 + (Math.floor(tick / 16384) & 63);
    else slot = 384 + (Math.floor(Math.min(tick, cur + 1048576 * 63) / 1048576) & 63);
    this.#push(slot, row, cell);
  }

  #push(slot: number, row: number, cell: number): void {
    const i32 = this.#i32;
    const links = cell + this.#links;
    const head = i32[this.#heads + slot]!;
    i32[links] = head;
    i32[links + 1] = 0;
    i32[links + 2] = slot + 1;
    if (head !== 0) i32[this.#rows.cell(head) + this.#links + 1] = row;
    i32[this.#heads + slot] = row;
    if (slot !== DUE) i32[this.#bits + (slot >> 5)]! |= 1 << (slot & 31);
  }

  #unlink(cell: number): void {
    const i32 = this.#i32;
    const links = cell + this.#links;
    const slot = i32[links + 2]! - 1;
    const next = i32[links]!;
    const previous = i32[links + 1]!;
    if (previous !== 0) i32[this.#rows.cell(previous) + this.#links] = next;
    else {
      i32[this.#heads + slot] = next;
      if (next === 0 && slot !== DUE) this.#unmark(slot);
    }
    if (next !== 0) i32[this.#rows.cell(next) + this.#links + 1] = previous;
    i32[links + 2] = 0;
  }

  #unmark(slot: number): void {
    this.#i32[this.#bits + (slot >> 5)]! &= ~(1 << (slot & 31));
  }

  /** The first slot in [from, to) that has rows, or `to`. */
  #nextMarked(from: number, to: number): number {
    let slot = from;
    while (slot < to) {
      const word = this.#i32[this.#bits + (slot >> 5)]! >>> (slot & 31);
      if (word === 0) slot += 32 - (slot & 31);
      else {
        const found = slot + 31 - Math.clz32(word & -word);
        return found < to ? found : to;
      }
    }
    return to;
  }
}
