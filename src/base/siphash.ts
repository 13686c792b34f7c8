// Keyed hashes: SipHash-2-4 (Aumasson and Bernstein) for sequence numbers and ports, HalfSipHash-1-3 for tables.
// Used by the stack with a secret that host supplies; calls nothing.

/** SipHash-2-4 over 32-bit little-endian words, 64-bit state in pairs of int32. One instance a key; not reentrant. */
export class SipHash {
  /** The high half of the last result. */
  high = 0;
  readonly #k: Int32Array;
  readonly #v: Int32Array = new Int32Array(8); // v0lo v0hi v1lo v1hi v2lo v2hi v3lo v3hi

  /** `key`: 16 bytes as four little-endian words. */
  constructor(key: Int32Array) {
    this.#k = Int32Array.from(key.subarray(0, 4));
  }

  /** Low 32 bits of the hash of `words[from .. from + n)` as int32; the high 32 are left in `high`. */
  hash(words: Int32Array, from: number, n: number): number {
    const k = this.#k;
    const v = this.#v;
    v[0] = k[0]! ^ 0x70736575;
    v[1] = k[1]! ^ 0x736f6d65;
    v[2] = k[2]! ^ 0x6e646f6d;
    v[3] = k[3]! ^ 0x646f7261;
    v[4] = k[0]! ^ 0x6e657261;
    v[5] = k[1]! ^ 0x6c796765;
    v[6] = k[2]! ^ 0x79746573;
    v[7] = k[3]! ^ 0x74656462;
    let i = 0;
    for (; i + 1 < n; i += 2) this.#absorb(words[from + i]!, words[from + i + 1]!);
    this.#absorb(i < n ? words[from + i]! : 0, (n * 4) << 24);
    v[4]! ^= 0xff;
    for (let r = 0; r < 4; r++) this.#round();
    this.high = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
    return v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
  }

  #absorb(lo: number, hi: number): void {
    const v = this.#v;
    v[6]! ^= lo;
    v[7]! ^= hi;
    this.#round();
    this.#round();
    v[0]! ^= lo;
    v[1]! ^= hi;
  }

  #add(a: number, b: number): void {
    const v = this.#v;
    const lo = (v[a]! >>> 0) + (v[b]! >>> 0);
    v[a + 1] = v[a + 1]! + v[b + 1]! + (lo > 0xffffffff ? 1 : 0);
    v[a] = lo;
  }

  #rotl(a: number, n: number): void {
    const v = this.#v;
    let lo = v[a]!;
    let hi = v[a + 1]!;
    if (n >= 32) [lo, hi, n] = [hi, lo, n - 32];
    if (n > 0) {
      v[a] = (lo << n) | (hi >>> (32 - n));
      v[a + 1] = (hi << n) | (lo >>> (32 - n));
    } else {
      v[a] = lo;
      v[a + 1] = hi;
    }
  }

  #xor(a: number, b: number): void {
    this.#v[a]! ^= this.#v[b]!;
    this.#v[a + 1]! ^= this.#v[b + 1]!;
  }

  #round(): void {
    this.#add(0, 2);
    this.#rotl(2, 13);
    this.#xor(2, 0);
    this.#rotl(0, 32);
    this.#add(4, 6);
    this.#rotl(6, 16);
    this.#xor(6, 4);
    this.#add(0, 6);
    this.#rotl(6, 21);
    this.#xor(6, 0);
    this.#add(4, 2);
    this.#rotl(2, 17);
    this.#xor(2, 4);
    this.#rotl(4, 32);
  }
}

/**
 * HalfSipHash-1-3 over a flow, keyed so that peers cannot choose flows that collide. The message is, as little-endian
 * words: remote address (four words), last word of the local address, both ports; of a mapped IPv4 address the last word only.
 */
export class FlowHash {
  readonly #k0: number;
  readonly #k1: number;

  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  /**
   * int32 hash of (remote r0 r1 r2 r3, last word of the local address, ports). Messages of IPv4 (r0 = r1 = 0, r2 = 0xffff)
   * have three words, others six; the length, which is hashed too, keeps them apart.
   */
  hash(r0: number, r1: number, r2: number, r3: number, local: number, ports: number): number {
    let v0 = this.#k0;
    let v1 = this.#k1;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    // The last block is the message's length in bytes, in its top byte: 12 or 24.
    const first = r0 === 0 && r1 === 0 && r2 === 0xffff ? 3 : 0;
    for (let i = first; i < 7; i++) {
      let m = (6 - first) << 26;
      if (i === 0) m = r0;
      else if (i === 1) m = r1;
      else if (i === 2) m = r2;
      else if (i === 3) m = r3;
      else if (i === 4) m = local;
      else if (i === 5) m = ports;
      v3 ^= m;
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= m;
    }
    v2 ^= 0xff;
    for (let i = 0; i < 3; i++) {
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    return v1 ^ v3;
  }
}
