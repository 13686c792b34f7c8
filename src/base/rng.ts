// A seeded generator (xoshiro128**) for simulations, fault injection and tests. Not for secrets: host seeds from the OS.
// Used by link/fault, sim and tests; calls nothing.

import type { Rng } from './time.ts';

/** xoshiro128** by Blackman and Vigna, seeded through splitmix32: the same seed gives the same run. */
export class SeededRng implements Rng {
  readonly #s: Int32Array = new Int32Array(4);

  constructor(seed: number) {
    let x = seed | 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) | 0;
      let z = x ^ (x >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      this.#s[i] = z ^ (z >>> 15);
    }
  }

  int32(): number {
    const s = this.#s;
    const x = Math.imul(s[1]!, 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9);
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result | 0;
  }

  below(bound: number): number {
    return Math.floor(((this.int32() >>> 0) / 2 ** 32) * bound);
  }

  /** A uniform double in [0, 1). */
  unit(): number {
    return (this.int32() >>> 0) / 2 ** 32;
  }
}
