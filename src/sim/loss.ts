// Models of loss on a wire: which packets do not arrive. Seeded, so that the n-th packet's fate depends on the seed alone.
// Made by line.ts from a description; calls nothing.

import type { SeededRng } from '../base/rng.ts';

/** Each packet alone, with probability `p`. */
export interface UniformLoss {
  readonly model: 'uniform';
  readonly p: number;
}

/**
 * Two states (Gilbert 1960, Elliott 1963): from good to bad with probability `toBad` a packet, back with `toGood`; lost with
 * probability `good` (default 0) in the one and `bad` (default 1) in the other. Mean burst 1 / toGood; in the long run
 * (good * toGood + bad * toBad) / (toGood + toBad) are lost.
 */
export interface GilbertElliottLoss {
  readonly model: 'gilbert-elliott';
  readonly toBad: number;
  readonly toGood: number;
  readonly good?: number;
  readonly bad?: number;
}

/** Of every `every` packets the one at `offset` (from 0; default the last). */
export interface PeriodicLoss {
  readonly model: 'periodic';
  readonly every: number;
  readonly offset?: number;
}

/** The packets of these numbers, counted from 0 in each direction as they enter the wire. */
export interface ListLoss {
  readonly model: 'list';
  readonly packets: readonly number[];
}

/** A probability alone means uniform loss. */
export type LossModel = number | UniformLoss | GilbertElliottLoss | PeriodicLoss | ListLoss;

/** Decides about one packet after the other. */
export interface Loss {
  /** Whether the next packet is lost. */
  lost(): boolean;
}

function probability(name: string, value: number): number {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`loss: ${name} is a probability, not ${value}`);
  return value;
}

class Uniform implements Loss {
  readonly #p: number;
  readonly #rng: SeededRng;

  constructor(p: number, rng: SeededRng) {
    this.#p = probability('p', p);
    this.#rng = rng;
  }

  lost(): boolean {
    return this.#rng.unit() < this.#p;
  }
}

class GilbertElliott implements Loss {
  readonly #toBad: number;
  readonly #toGood: number;
  readonly #good: number;
  readonly #bad: number;
  readonly #rng: SeededRng;
  #isBad = false;

  constructor(model: GilbertElliottLoss, rng: SeededRng) {
    this.#toBad = probability('toBad', model.toBad);
    this.#toGood = probability('toGood', model.toGood);
    this.#good = probability('good', model.good ?? 0);
    this.#bad = probability('bad', model.bad ?? 1);
    this.#rng = rng;
  }

  lost(): boolean {
    const rng = this.#rng;
    if (this.#isBad ? rng.unit() < this.#toGood : rng.unit() < this.#toBad) this.#isBad = !this.#isBad;
    const p = this.#isBad ? this.#bad : this.#good;
    return p > 0 && (p >= 1 || rng.unit() < p);
  }
}

class Periodic implements Loss {
  readonly #every: number;
  readonly #offset: number;
  #at = 0;

  constructor(model: PeriodicLoss) {
    if (!(Number.isInteger(model.every) && model.every > 0))
      throw new RangeError('loss: every is a whole number above 0');
    this.#every = model.every;
    this.#offset = model.offset ?? model.every - 1;
  }

  lost(): boolean {
    const at = this.#at;
    this.#at = at + 1 === this.#every ? 0 : at + 1;
    return at === this.#offset;
  }
}

class List implements Loss {
  readonly #packets: readonly number[];
  #at = 0;
  #next = 0;

  constructor(model: ListLoss) {
    this.#packets = [...model.packets].sort((a, b) => a - b);
  }

  lost(): boolean {
    const at = this.#at++;
    let lost = false;
    while (this.#next < this.#packets.length && this.#packets[this.#next]! <= at) {
      lost ||= this.#packets[this.#next] === at;
      this.#next++;
    }
    return lost;
  }
}

/** The model that `description` describes, or null for none. RangeError for probabilities outside 0 to 1. */
export function makeLoss(description: LossModel | undefined, rng: SeededRng): Loss | null {
  if (description === undefined || description === 0) return null;
  if (typeof description === 'number') return new Uniform(description, rng);
  switch (description.model) {
    case 'uniform':
      return new Uniform(description.p, rng);
    case 'gilbert-elliott':
      return new GilbertElliott(description, rng);
    case 'periodic':
      return new Periodic(description);
    case 'list':
      return new List(description);
  }
}
