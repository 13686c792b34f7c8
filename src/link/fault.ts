// A wrapper that makes a link bad, by chance and repeatably: drops, duplicates, reorders, corrupts and delays frames.
// Made by tests, simulations and `--fault`; calls the inner link through holding.
//
// Chances are drawn for each frame in this order: drop, duplicate, corrupt, reorder. Each direction has a generator of its
// own, so that what happens to the n-th frame of a direction depends on the seed alone. A frame to be reordered is held
// back until one to three later frames have passed, or 10 ms; then, as every frame, it waits for the delay.
//
// Below this wrapper nobody sums or segments for us any more: a deferred checksum is completed before a bit is flipped
// (otherwise it would be computed over the damage), and a superframe is cut, or one drop would be a burst of 45.

import { type Link, RX_SUM_GOOD } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { SeededRng } from '../base/rng.ts';
import type { Clock } from '../base/time.ts';
import type { DelayQueue } from './delay-queue.ts';
import { HoldingLink } from './holding.ts';
import { parsePairs, parseProbability, parseSeed, parseTime } from './units.ts';

/** What happens in one direction. Chances from 0 to 1, default 0; `delay` in microseconds. */
export interface Faults {
  readonly drop?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly corrupt?: number;
  readonly delay?: number;
}

/** What happens in each direction, as the link's user sees it. The seed defaults to 1. */
export interface FaultOptions {
  readonly seed?: number;
  readonly rx?: Faults;
  readonly tx?: Faults;
}

/** How many frames met with what, over both directions. */
export interface FaultCounts {
  drop: number;
  duplicate: number;
  reorder: number;
  corrupt: number;
  delay: number;
}

const HELD = 16;
/** A reordered frame lets up to this many others pass, and waits this long (us) for them. */
const MAX_GAP = 3;
const MAX_HOLD = 10_000;

/** Frames of one direction held back to be reordered, few of them. */
class Direction {
  readonly faults: Required<Faults>;
  readonly rng: SeededRng;
  count = 0;
  readonly offset: Int32Array = new Int32Array(HELD);
  readonly length: Int32Array = new Int32Array(HELD);
  readonly flags: Int32Array = new Int32Array(HELD);
  readonly gap: Int32Array = new Int32Array(HELD);
  readonly until: Float64Array = new Float64Array(HELD);

  constructor(faults: Faults, seed: number) {
    this.faults = { drop: 0, duplicate: 0, reorder: 0, corrupt: 0, delay: 0, ...faults };
    for (const [name, value] of Object.entries(this.faults)) {
      if (!(value >= 0) || (name !== 'delay' && value > 1)) throw new RangeError(`fault: ${name} cannot be ${value}`);
    }
    this.rng = new SeededRng(seed);
  }

  hold(offset: number, length: number, flags: number, until: number): void {
    const i = this.count++;
    this.offset[i] = offset;
    this.length[i] = length;
    this.flags[i] = flags;
    this.gap[i] = 1 + this.rng.below(MAX_GAP);
    this.until[i] = until;
  }

  /** Forgets frame `i`; the others keep their order. */
  remove(i: number): void {
    this.count--;
    for (const cells of [this.offset, this.length, this.flags, this.gap, this.until]) cells.copyWithin(i, i + 1);
  }
}

/** A link with faults: see the head of this file. */
export class FaultLink extends HoldingLink {
  readonly faults: FaultCounts = { drop: 0, duplicate: 0, reorder: 0, corrupt: 0, delay: 0 };
  readonly #rx: Direction;
  readonly #tx: Direction;

  constructor(inner: Link, clock: Clock, options: FaultOptions) {
    super(inner, clock);
    const seed = options.seed ?? 1;
    this.#rx = new Direction(options.rx ?? {}, seed);
    this.#tx = new Direction(options.tx ?? {}, seed ^ 0x5bd1e995);
  }

  #direction(queue: DelayQueue): Direction {
    return queue === this.up ? this.#rx : this.#tx;
  }

  protected override admit(queue: DelayQueue, offset: number, length: number, flags: number, now: number): void {
    const direction = this.#direction(queue);
    const { faults, rng } = direction;
    if (faults.drop > 0 && rng.unit() < faults.drop) {
      this.faults.drop++;
      this.drop(offset, 'fault_drop');
      return;
    }
    const copy = faults.duplicate > 0 && rng.unit() < faults.duplicate ? this.#copy(offset, length) : 0;
    const copyFlags = flags;
    if (faults.corrupt > 0 && rng.unit() < faults.corrupt) {
      this.faults.corrupt++;
      this.#flipBit(rng, offset, length);
      flags &= ~RX_SUM_GOOD;
    }
    if (faults.reorder > 0 && rng.unit() < faults.reorder && direction.count < HELD) {
      this.faults.reorder++;
      direction.hold(offset, length, flags, now + MAX_HOLD);
    } else this.#send(queue, offset, length, flags, now);
    // The twin keeps the bytes that the frame came with, and its place.
    if (copy !== 0) this.#send(queue, copy, length, copyFlags, now);
  }

  #copy(offset: number, length: number): number {
    const frame = this.memory.frames.alloc(length);
    if (frame === 0) return 0;
    this.faults.duplicate++;
    this.memory.arena.u8.copyWithin(frame + HEADROOM, offset, offset + length);
    return frame + HEADROOM;
  }

  #flipBit(rng: SeededRng, offset: number, length: number): void {
    if (length > 0) this.memory.arena.u8[offset + rng.below(length)]! ^= 1 << rng.below(8);
  }

  /** Sends a frame on its way, and after it those that have let enough frames pass. */
  #send(queue: DelayQueue, offset: number, length: number, flags: number, now: number): void {
    const direction = this.#direction(queue);
    this.#emit(queue, offset, length, flags, now);
    for (let i = 0; i < direction.count; ) {
      if (--direction.gap[i]! > 0) i++;
      else this.#emitHeld(queue, direction, i, now);
    }
  }

  #emit(queue: DelayQueue, offset: number, length: number, flags: number, now: number): void {
    const { delay } = this.#direction(queue).faults;
    if (delay > 0) this.faults.delay++;
    this.enqueue(queue, now + delay, offset, length, flags);
  }

  #emitHeld(queue: DelayQueue, direction: Direction, i: number, now: number): void {
    this.#emit(queue, direction.offset[i]!, direction.length[i]!, direction.flags[i]!, now);
    direction.remove(i);
  }

  protected override tick(now: number): void {
    for (const queue of [this.up, this.down]) {
      const direction = this.#direction(queue);
      for (let i = 0; i < direction.count; ) {
        if (direction.until[i]! > now) i++;
        else this.#emitHeld(queue, direction, i, direction.until[i]!);
      }
    }
  }

  protected override heldUntil(): number {
    let at = Infinity;
    for (let i = 0; i < this.#rx.count; i++) at = Math.min(at, this.#rx.until[i]!);
    for (let i = 0; i < this.#tx.count; i++) at = Math.min(at, this.#tx.until[i]!);
    return at;
  }

  protected override held(queue: DelayQueue): number {
    return this.#direction(queue).count;
  }

  protected override discardHeld(): void {
    for (const direction of [this.#rx, this.#tx]) {
      for (let i = 0; i < direction.count; i++) this.memory.frames.free(direction.offset[i]!);
      direction.count = 0;
    }
  }
}

/** Wraps `inner` so that the faults of `options` happen on it; `clock` is what delays are measured by. */
export function faultLink(inner: Link, clock: Clock, options: FaultOptions): FaultLink {
  return new FaultLink(inner, clock, options);
}

/**
 * Reads `drop=0.02,reorder=0.02,duplicate=0.01,corrupt=0.001,delay=5ms,seed=7`; a key before which `rx.` or `tx.` stands is
 * for that direction only and goes before one for both. RangeError with one line on what is wrong.
 */
export function parseFaults(text: string): FaultOptions {
  const both: Record<string, number> = {};
  const rx: Record<string, number> = {};
  const tx: Record<string, number> = {};
  const keys = {
    drop: parseProbability,
    duplicate: parseProbability,
    reorder: parseProbability,
    corrupt: parseProbability,
    delay: parseTime,
    seed: parseSeed,
  };
  parsePairs(text, 'fault', keys, ['seed'], (way, key, value) => {
    (way === 'rx' ? rx : way === 'tx' ? tx : both)[key] = value;
  });
  const { seed = 1, ...common } = both;
  return { seed, rx: { ...common, ...rx }, tx: { ...common, ...tx } };
}
