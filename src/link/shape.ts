// A wrapper that gives a link the rate, the latency and the queue of a real line, in the time of a Clock.
// Made by simulations, tests and benchmarks; calls the inner link through holding.
//
//   frame ──► [ queue, drop-tail ] ──► serialised at `rate` ──► `latency` later at the other end
//
// The line is one sender after another: a frame begins when the one before it has ended, takes exactly its bytes * 8 / rate
// (its bytes as the link carries them: no preamble, no gap), and arrives `latency` after its last bit.

import type { Link } from '../base/link.ts';
import type { Clock } from '../base/time.ts';
import type { DelayQueue } from './delay-queue.ts';
import { HOLD_FRAMES, HoldingLink } from './holding.ts';
import { parsePairs, parseRate, parseSize, parseTime } from './units.ts';

/** One direction of a line. What is left out does not limit. */
export interface Line {
  /** Bits a second. */
  readonly rate?: number;
  /** Microseconds from a frame's last bit to its arrival. */
  readonly latency?: number;
  /** Bytes that may wait for the line, that being sent included; a frame that finds the line idle always goes. */
  readonly queue?: number;
}

/** Both directions, as the link's user sees them. `frames`: how many may be on their way in each, default 8192. */
export interface ShapeOptions {
  readonly rx?: Line;
  readonly tx?: Line;
  readonly frames?: number;
}

/** A line's numbers, and when its last bit so far goes out. */
class LineState {
  readonly perByte: number;
  readonly latency: number;
  readonly queue: number;
  idleAt = -Infinity;

  constructor(line: Line) {
    this.perByte = line.rate === undefined ? 0 : 8e6 / line.rate;
    this.latency = line.latency ?? 0;
    this.queue = line.queue ?? Infinity;
    if (!(this.perByte >= 0 && this.perByte < Infinity) || !(this.latency >= 0) || !(this.queue >= 0)) {
      throw new RangeError('shape: rate must be above 0, latency and queue not below');
    }
  }
}

/** A link with lines: see the head of this file. */
export class ShapeLink extends HoldingLink {
  readonly #rx: LineState;
  readonly #tx: LineState;

  constructor(inner: Link, clock: Clock, options: ShapeOptions) {
    super(inner, clock, options.frames ?? HOLD_FRAMES);
    this.#rx = new LineState(options.rx ?? {});
    this.#tx = new LineState(options.tx ?? {});
  }

  protected override admit(queue: DelayQueue, offset: number, length: number, flags: number, now: number): void {
    const line = queue === this.up ? this.#rx : this.#tx;
    const time = length * line.perByte;
    const backlog = line.idleAt - now;
    // In microseconds of line: exact also for the frame that is half sent.
    if (backlog > 0 && backlog + time > line.queue * line.perByte) {
      this.drop(offset, 'shape_queue');
      return;
    }
    line.idleAt = Math.max(line.idleAt, now) + time;
    this.enqueue(queue, line.idleAt + line.latency, offset, length, flags);
  }
}

/** Wraps `inner` in lines of the given rate, latency and queue; `clock` is what they are measured by. */
export function shapeLink(inner: Link, clock: Clock, options: ShapeOptions): ShapeLink {
  return new ShapeLink(inner, clock, options);
}

/**
 * Reads `rate=10mbit,latency=50ms,queue=100kB`; a key before which `rx.` or `tx.` stands is for that direction only and goes
 * before one for both. RangeError with one line on what is wrong.
 */
export function parseShape(text: string): ShapeOptions {
  const both: Record<string, number> = {};
  const rx: Record<string, number> = {};
  const tx: Record<string, number> = {};
  parsePairs(text, 'shape', { rate: parseRate, latency: parseTime, queue: parseSize }, [], (way, key, value) => {
    (way === 'rx' ? rx : way === 'tx' ? tx : both)[key] = value;
  });
  return { rx: { ...both, ...rx }, tx: { ...both, ...tx } };
}
