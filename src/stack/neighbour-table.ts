// Where the neighbour cache lies: rows in the arena, the keyed hash table over them, and who goes when it is full.
// Called by neighbours only; calls rows.
//
// What users hold is an entry: a row and 16 bits of its generation, so that they notice when the row is somebody
// else's.

import { ROW_GENERATION, ROW_LINK, Rows } from '../base/rows.ts';
import type { Core } from './core.ts';

export const NEIGHBOUR_NONE = 0;
export const NEIGHBOUR_INCOMPLETE = 1;
export const NEIGHBOUR_REACHABLE = 2;
export const NEIGHBOUR_STALE = 3;
export const NEIGHBOUR_DELAY = 4;
export const NEIGHBOUR_PROBE = 5;
export const NEIGHBOUR_FAILED = 6;
export const NEIGHBOUR_PERMANENT = 7;
const STATES = ['none', 'incomplete', 'reachable', 'stale', 'delay', 'probe', 'failed', 'permanent'] as const;

/** A cache entry as list() shows it. MAC 0, 0: not known. */
export interface Neighbour {
  readonly iface: number;
  readonly words: readonly [number, number, number, number];
  readonly macHi: number;
  readonly macLo: number;
  readonly state: (typeof STATES)[number];
  readonly router: boolean;
}

/** FLAGS of a row: IsRouter of RFC 4861 section 5.1; a route leads through it. */
export const IS_ROUTER = 1;
export const IS_GATEWAY = 2;

// Int32 cells of a row, after the two of Rows.
const NEXT = 2;
export const IFACE = 3;
/** Four words. */
export const ADDRESS = 4;
export const MAC_HI = 8;
export const MAC_LO = 9;
export const STATE = 10;
export const FLAGS = 11;
/** Questions sent in this state. */
export const PROBES = 12;
/** Four cells of neighbour-queue.ts. */
export const QUEUE = 13;
/** Three cells of the wheel. */
export const LINKS = 17;
// Float64 cells: the wheel's deadline; end of REACHABLE, or since when FAILED; last use; last answer to a question of
// ours.
export const DEADLINE = 10;
export const UNTIL = 11;
export const USED = 12;
export const SETTLED = 13;
const ROW_BYTES = 112;

// Cells of the table: [epoch | hand of the eviction], then the heads of its chains.
const EPOCH = 0;
const HAND = 1;
const CHAINS = 2;

const ROW_BITS = 14;
export const ROW_MASK: number = (1 << ROW_BITS) - 1;
const GENERATION_MASK = 0xffff;
/**
 * An entry nobody has sent to for this long may be given to another neighbour; one made but not used, after a second.
 */
const IDLE = 60_000_000;
const SECOND = 1_000_000;
/** Rows looked at for one to evict: bounds what each of a flood of new neighbours costs. */
const EVICTION_SCAN = 128;
/** Above every rank of #rank. */
const NOT_EVICTABLE = 4;

export class NeighbourTable {
  readonly rows: Rows;
  readonly #core: Core;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;
  readonly #at: number;
  readonly #mask: number;

  constructor(core: Core) {
    const count = core.settings.neighbours;
    if (!(count > 0 && count < ROW_MASK)) throw new RangeError(`1 to ${ROW_MASK - 1} neighbours, not ${count}`);
    this.#core = core;
    this.#i32 = core.i32;
    this.#f64 = core.f64;
    this.rows = new Rows(core.arena, 'neighbours', count, ROW_BYTES);
    let chains = 16;
    while (chains < count) chains *= 2;
    this.#mask = chains - 1;
    this.#at = core.arena.region('neighbours.table', (CHAINS + chains) * 4) >> 2;
    this.#i32[this.#at + EPOCH] = 1;
  }

  get epoch(): number {
    return this.#i32[this.#at + EPOCH]!;
  }

  raiseEpoch(): void {
    this.#i32[this.#at + EPOCH]!++;
  }

  /** The row of an entry, which may be somebody else's by now: see alive(). */
  row(entry: number): number {
    return entry & ROW_MASK;
  }

  /** Index of the first int32 cell of an entry's row. */
  cell(entry: number): number {
    return this.rows.cell(entry & ROW_MASK);
  }

  /** What users hold of a row. */
  entry(row: number): number {
    return ((this.#i32[this.rows.cell(row) + ROW_GENERATION]! & GENERATION_MASK) << ROW_BITS) | row;
  }

  /** Whether an entry is still the neighbour that it was; `c` is its cell(). */
  alive(entry: number, c: number): boolean {
    return this.#i32[c + ROW_LINK] === 1 && (this.#i32[c + ROW_GENERATION]! & GENERATION_MASK) === entry >> ROW_BITS;
  }

  /** The entry of (interface, address), or 0. */
  lookup(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    const i32 = this.#i32;
    let row = i32[this.#chain(iface, w0, w1, w2, w3)]!;
    while (row !== 0) {
      const c = this.rows.cell(row);
      if (
        i32[c + ADDRESS + 3] === w3 &&
        i32[c + ADDRESS] === w0 &&
        i32[c + ADDRESS + 1] === w1 &&
        i32[c + ADDRESS + 2] === w2 &&
        i32[c + IFACE] === iface
      ) {
        return this.entry(row);
      }
      row = i32[c + NEXT]!;
    }
    return 0;
  }

  /** A new entry in state NONE, last used at `used` (us); 0 if there is no row: remove victim() first. */
  create(iface: number, w0: number, w1: number, w2: number, w3: number, used: number): number {
    const row = this.rows.alloc();
    if (row === 0) return 0;
    const i32 = this.#i32;
    const c = this.rows.cell(row);
    i32[c + IFACE] = iface;
    i32[c + ADDRESS] = w0;
    i32[c + ADDRESS + 1] = w1;
    i32[c + ADDRESS + 2] = w2;
    i32[c + ADDRESS + 3] = w3;
    this.#f64[(c >> 1) + USED] = used;
    this.#f64[(c >> 1) + SETTLED] = -Infinity;
    const chain = this.#chain(iface, w0, w1, w2, w3);
    i32[c + NEXT] = i32[chain]!;
    i32[chain] = row;
    return this.entry(row);
  }

  /** Forgets a row. Its queue and timer have been emptied. */
  remove(row: number): void {
    const i32 = this.#i32;
    const c = this.rows.cell(row);
    const a = c + ADDRESS;
    let at = this.#chain(i32[c + IFACE]!, i32[a]!, i32[a + 1]!, i32[a + 2]!, i32[a + 3]!);
    while (i32[at] !== row) at = this.rows.cell(i32[at]!) + NEXT;
    i32[at] = i32[c + NEXT]!;
    this.rows.free(row);
  }

  /** NEIGHBOUR_*; NONE for an entry that is gone. REACHABLE whose time is over reads as STALE. */
  state(entry: number): number {
    const c = this.cell(entry);
    if (!this.alive(entry, c)) return NEIGHBOUR_NONE;
    const state = this.#i32[c + STATE]!;
    return state === NEIGHBOUR_REACHABLE && this.#core.now.us > this.#f64[(c >> 1) + UNTIL]! ? NEIGHBOUR_STALE : state;
  }

  /** All entries, for people. */
  list(): Neighbour[] {
    const i32 = this.#i32;
    const out: Neighbour[] = [];
    for (let row = 1; row <= this.rows.highest; row++) {
      const c = this.rows.cell(row);
      if (i32[c + ROW_LINK] !== 1) continue;
      out.push({
        iface: i32[c + IFACE]!,
        words: [i32[c + ADDRESS]!, i32[c + ADDRESS + 1]!, i32[c + ADDRESS + 2]!, i32[c + ADDRESS + 3]!],
        macHi: i32[c + MAC_HI]!,
        macLo: i32[c + MAC_LO]!,
        state: STATES[this.state(this.entry(row))]!,
        router: (i32[c + FLAGS]! & IS_ROUTER) !== 0,
      });
    }
    return out;
  }

  /** A row to give to somebody else when all are taken, or 0. Nobody on the link can push out what is in use. */
  victim(): number {
    const now = this.#core.now.us;
    const count = this.rows.count;
    let row = this.#i32[this.#at + HAND]!;
    let best = 0;
    let bestRank = NOT_EVICTABLE;
    let bestUsed = Infinity;
    for (let n = Math.min(EVICTION_SCAN, count); n > 0 && bestRank > 0; n--) {
      row = row >= count ? 1 : row + 1;
      const c = this.rows.cell(row);
      const used = this.#f64[(c >> 1) + USED]!;
      const rank = this.#rank(c, used, now);
      if (rank > bestRank || rank === NOT_EVICTABLE || (rank === bestRank && used >= bestUsed)) continue;
      best = row;
      bestRank = rank;
      bestUsed = used;
    }
    this.#i32[this.#at + HAND] = row;
    return best;
  }

  /**
   * Failed entries go first, then those to which nothing has been sent for a minute, then resolutions that had their
   * second.
   */
  #rank(c: number, used: number, now: number): number {
    const state = this.#i32[c + STATE]!;
    if (state === NEIGHBOUR_PERMANENT) return NOT_EVICTABLE;
    if (state === NEIGHBOUR_FAILED) return 0;
    if (used < now - IDLE) return 1;
    if (state === NEIGHBOUR_NONE && used < now - SECOND) return 2;
    return state === NEIGHBOUR_INCOMPLETE && this.#i32[c + PROBES]! > 1 ? 3 : NOT_EVICTABLE;
  }

  #chain(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    return this.#at + CHAINS + (this.#core.flowHash.hash(w0, w1, w2, w3, iface, 0) & this.#mask);
  }
}
