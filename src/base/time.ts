// Time as the core sees it: given, never read. The Clock and Rng interfaces, and the cells that hold `now`.
// Implemented by host (real) and sim (virtual); the stack keeps one Now and passes it instead of a double.

import type { Arena } from './arena.ts';

/** Where time comes from, outside the core. */
export interface Clock {
  /** Monotonic microseconds (CLOCK_MONOTONIC), fractions allowed. */
  monotonic(): number;
  /** Milliseconds since 1970-01-01T00:00Z. */
  wall(): number;
}

/** Where randomness comes from. */
export interface Rng {
  /** A uniform int32. */
  int32(): number;
  /** A uniform integer in [0, bound), 0 < bound <= 2^31. */
  below(bound: number): number;
}

/**
 * The current time in cells of the arena: one double (microseconds) and its wrapping int32 forms. A double passed from
 * call to call is a heap number each time; a cell costs nothing.
 */
export class Now {
  readonly #f64: Float64Array;
  readonly #i32: Int32Array;
  readonly #at: number;

  constructor(arena: Arena) {
    this.#at = arena.region('now', 16, 16);
    this.#f64 = arena.f64;
    this.#i32 = arena.i32;
  }

  set(now: number): void {
    this.#f64[this.#at >> 3] = now;
    this.#i32[(this.#at >> 2) + 2] = now | 0;
    this.#i32[(this.#at >> 2) + 3] = (now / 1000) | 0;
  }

  /** Monotonic microseconds. */
  get us(): number {
    return this.#f64[this.#at >> 3]!;
  }

  /** Microseconds modulo 2^32 as int32: compare with seqLt and friends. */
  get us32(): number {
    return this.#i32[(this.#at >> 2) + 2]!;
  }

  /** Milliseconds modulo 2^32 as int32. */
  get ms32(): number {
    return this.#i32[(this.#at >> 2) + 3]!;
  }
}

/** What turns the crank of a stack: the host loop in real time, a simulation in virtual time, a browser's timers. */
export interface Driver {
  readonly clock: Clock;
  /** Work was marked on the stack: run a pass before this turn of the event loop ends. Calling it again costs nothing. */
  poke(): void;
  /** Calls `fn` after every pass; returns the function that takes it out again. */
  onPass(fn: () => void): () => void;
}
