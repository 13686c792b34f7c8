// Real time: CLOCK_MONOTONIC in microseconds and the wall clock, each cheap enough to read once a pass.
// Called by the loop and by whoever builds a stack on a real machine; calls performance.now and process.hrtime.

import type { Clock } from '../base/time.ts';

/** Microseconds between the start of performance.now() and that of CLOCK_MONOTONIC, from the tightest of a few tries. */
function monotonicOffset(): number {
  let best = Infinity;
  let offset = 0;
  for (let i = 0; i < 16; i++) {
    const before = performance.now();
    const monotonic = process.hrtime.bigint();
    const after = performance.now();
    if (after - before >= best) continue;
    best = after - before;
    offset = Number(monotonic) / 1000 - ((before + after) / 2) * 1000;
  }
  return offset;
}

/**
 * The machine's clocks. monotonic() is CLOCK_MONOTONIC to within a microsecond: the same scale in every process and
 * after a restart of this one, and the one on which a timerfd is set. performance.now() reads the same clock but counts
 * from the process's start; one addition is cheaper than process.hrtime (41 ns against a BigInt or an array).
 */
export class SystemClock implements Clock {
  readonly #offset: number = monotonicOffset();
  #wall: number = performance.timeOrigin;

  /** Microseconds of CLOCK_MONOTONIC, with fractions. */
  monotonic(): number {
    return performance.now() * 1000 + this.#offset;
  }

  /**
   * Milliseconds since 1970, with fractions that order what happens within a millisecond: the monotonic clock, held
   * within the millisecond that the system's clock tells, so that it follows when that clock is set.
   */
  wall(): number {
    const steady = performance.now();
    const told = Date.now();
    const ahead = this.#wall + steady - told;
    if (ahead < 0) this.#wall -= ahead;
    else if (ahead >= 1) this.#wall -= ahead - 0.999;
    return this.#wall + steady;
  }
}
