// Keyed hashes: SipHash-2-4 (Aumasson and Bernstein) for sequence numbers and ports, HalfSipHash-1-3 for tables.
// Used by the stack with a secret that host supplies; calls nothing.

/**
 * SipHash-2-4 over 32-bit little-endian words, its 64-bit state in pairs of int32 that live in registers: 12 words take
 * a quarter of a microsecond. One instance a key; not reentrant.
 */
export class SipHash {
  /** The high half of the last result. */
  high = 0;
  readonly #k0: number;
  readonly #k1: number;
  readonly #k2: number;
  readonly #k3: number;

  /** `key`: 16 bytes as four little-endian words. */
  constructor(key: Int32Array) {
    this.#k0 = key[0]! | 0;
    this.#k1 = key[1]! | 0;
    this.#k2 = key[2]! | 0;
    this.#k3 = key[3]! | 0;
  }

  /** Low 32 bits of the hash of `words[from .. from + n)` as int32; the high 32 are left in `high`. */
  hash(words: Int32Array, from: number, n: number): number {
    let a = this.#k0 ^ 0x70736575; // v0, low and high half
    let ah = this.#k1 ^ 0x736f6d65;
    let b = this.#k2 ^ 0x6e646f6d; // v1
    let bh = this.#k3 ^ 0x646f7261;
    let c = this.#k0 ^ 0x6e657261; // v2
    let ch = this.#k1 ^ 0x6c796765;
    let d = this.#k2 ^ 0x79746573; // v3
    let dh = this.#k3 ^ 0x74656462;
    let m = 0;
    let mh = 0;
    // Two rounds a block of two words, of which the last has the length in its top byte; then four to finish.
    const last = n & ~1;
    for (let i = 0; i <= last + 4; i += 2) {
      if (i <= last) {
        m = i < n ? words[from + i]! : 0;
        mh = i < last ? words[from + i + 1]! : (n * 4) << 24;
        d ^= m;
        dh ^= mh;
      } else {
        m = 0;
        mh = 0;
        if (i === last + 2) c ^= 0xff;
      }
      for (let r = 0; r < 2; r++) {
        let s = (a + b) | 0; // v0 += v1
        ah = (ah + bh + (s >>> 0 < a >>> 0 ? 1 : 0)) | 0;
        a = s;
        s = (b << 13) | (bh >>> 19); // v1 <<<= 13; v1 ^= v0; v0 <<<= 32
        bh = ((bh << 13) | (b >>> 19)) ^ ah;
        b = s ^ a;
        s = a;
        a = ah;
        ah = s;
        s = (c + d) | 0; // v2 += v3
        ch = (ch + dh + (s >>> 0 < c >>> 0 ? 1 : 0)) | 0;
        c = s;
        s = (d << 16) | (dh >>> 16); // v3 <<<= 16; v3 ^= v2
        dh = ((dh << 16) | (d >>> 16)) ^ ch;
        d = s ^ c;
        s = (a + d) | 0; // v0 += v3
        ah = (ah + dh + (s >>> 0 < a >>> 0 ? 1 : 0)) | 0;
        a = s;
        s = (d << 21) | (dh >>> 11); // v3 <<<= 21; v3 ^= v0
        dh = ((dh << 21) | (d >>> 11)) ^ ah;
        d = s ^ a;
        s = (c + b) | 0; // v2 += v1
        ch = (ch + bh + (s >>> 0 < c >>> 0 ? 1 : 0)) | 0;
        c = s;
        s = (b << 17) | (bh >>> 15); // v1 <<<= 17; v1 ^= v2; v2 <<<= 32
        bh = ((bh << 17) | (b >>> 15)) ^ ch;
        b = s ^ c;
        s = c;
        c = ch;
        ch = s;
      }
      a ^= m;
      ah ^= mh;
    }
    this.high = ah ^ bh ^ ch ^ dh;
    return a ^ b ^ c ^ d;
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
