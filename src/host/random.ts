// Randomness from the operating system: an Rng for the stack, and the words of its secrets.
// Called by whoever builds a stack on a real machine; calls node:crypto.

import { randomFillSync } from 'node:crypto';
import type { Rng } from '../base/time.ts';

const WORDS = 1024;

/** Numbers of the system's generator, taken 4 KiB at a time: no system call a number. A word is wiped once it is used. */
export class SystemRng implements Rng {
  readonly #words: Int32Array = new Int32Array(WORDS);
  #next: number = WORDS;

  int32(): number {
    if (this.#next === WORDS) {
      randomFillSync(this.#words);
      this.#next = 0;
    }
    const word = this.#words[this.#next]!;
    this.#words[this.#next++] = 0;
    return word;
  }

  /** Uniform in [0, bound): words are masked to the bound's bits and drawn again when beyond it, so that nothing is favoured. */
  below(bound: number): number {
    if (bound <= 1) return 0;
    const mask = -1 >>> Math.clz32(bound - 1);
    for (;;) {
      const value = this.int32() & mask;
      if (value < bound) return value;
    }
  }
}

/** `count` random int32 words (a stack asks for at least six). */
export function secretWords(count: number): Int32Array {
  return randomFillSync(new Int32Array(count));
}
