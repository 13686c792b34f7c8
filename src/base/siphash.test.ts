// Tests of the keyed hashes: published vectors, a plain model of HalfSipHash, and how evenly flows spread.
// Run by node:test; calls siphash.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FlowHash, SipHash } from './siphash.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
/** Words whose bytes, little-endian, are 00 01 02 … */
const counting = Int32Array.from({ length: 16 }, (_, i) => i * 4 * 0x01010101 + 0x03020100);

/** HalfSipHash-c-d with a result of 32 bits (Aumasson, Bernstein; reference code of veorq/SipHash), on words. */
function halfSipHash(c: number, d: number, key: readonly number[], words: readonly number[]): number {
  const v = [key[0]!, key[1]!, 0x6c796765 ^ key[0]!, 0x74656462 ^ key[1]!];
  const rotl = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
  const half = (a: number, b: number, s: number, t: number): void => {
    v[a] = (v[a]! + v[b]!) | 0;
    v[b] = rotl(v[b]!, s) ^ v[a]!;
    v[a] = rotl(v[a]!, t);
  };
  const round = (): void => {
    half(0, 1, 5, 16);
    half(2, 3, 8, 0);
    half(0, 3, 7, 0);
    half(2, 1, 13, 16);
  };
  for (const m of [...words, (words.length * 4) << 24]) {
    v[3]! ^= m;
    for (let i = 0; i < c; i++) round();
    v[0]! ^= m;
  }
  v[2]! ^= 0xff;
  for (let i = 0; i < d; i++) round();
  return v[1]! ^ v[3]!;
}

describe('SipHash', () => {
  // Key 00..0f, message 00 01 02 … of 0, 4, 8 … bytes: the reference implementation's vectors, as 64-bit numbers.
  const vectors = [
    0x726fdb47dd0e0e31n,
    0xcf2794e0277187b7n,
    0x93f5f5799a932462n,
    0x751e8fbc860ee5fbn,
    0x3f2acc7f57c29bdbn,
    0xbed65cf21aa2ee98n,
    0xb8ad50c6f649af94n,
    0xde4daaaca71dc9a5n,
    0x7127512f72f27ccen,
    0x314dffbe0815a3b4n,
    0x0e3ea96b5304a7d0n,
    0xf935451de4f21df2n,
    0xe612a3cb9ecba951n,
    0x0a8787bf8ecb74b2n,
    0xb78dbfaf3a8d83bdn,
    0x6ca4ecb15c5f91e1n,
  ];
  const hash64 = (hash: SipHash, words: Int32Array, from: number, n: number): bigint => {
    const low = hash.hash(words, from, n);
    assert.equal(low, low | 0);
    return (BigInt(hash.high >>> 0) << 32n) | BigInt(low >>> 0);
  };

  test('gives the published results', () => {
    const hash = new SipHash(counting.subarray(0, 4));
    vectors.forEach((expected, n) => {
      assert.equal(hash64(hash, counting, 0, n), expected, `${n * 4} bytes`);
    });
  });

  test('reads its words from where it is told, and keeps its own copy of the key', () => {
    const key = counting.slice(0, 4);
    const hash = new SipHash(key);
    key.fill(0);
    const shifted = new Int32Array(20);
    shifted.set(counting, 4);
    assert.equal(hash64(hash, shifted, 4, 7), vectors[7]);
  });
});

describe('FlowHash', () => {
  test('the model is HalfSipHash: published results of 2-4 and 1-3', () => {
    const key = [0x03020100, 0x07060504];
    // Key 00..07, message 00 01 02 … of 0 bytes (2-4, reference implementation), of 12 and 24 bytes (1-3, Linux's hsiphash).
    assert.equal(halfSipHash(2, 4, key, []) >>> 0, 0x5b9f35a9);
    assert.equal(halfSipHash(1, 3, key, [...counting.subarray(0, 3)]) >>> 0, 0x6b28096c);
    assert.equal(halfSipHash(1, 3, key, [...counting.subarray(0, 6)]) >>> 0, 0x57150ad7);
  });

  test('hashes six words of an IPv6 flow and three of an IPv4 flow', () => {
    fc.assert(
      fc.property(int32, int32, fc.tuple(int32, int32, int32, int32, int32, int32), (k0, k1, w) => {
        const hash = new FlowHash(k0, k1);
        fc.pre(!(w[0] === 0 && w[1] === 0 && w[2] === 0xffff));
        assert.equal(hash.hash(...w), halfSipHash(1, 3, [k0, k1], w));
        assert.equal(hash.hash(0, 0, 0xffff, w[3], w[4], w[5]), halfSipHash(1, 3, [k0, k1], [w[3], w[4], w[5]]));
      }),
    );
  });

  test('flows that differ in ports or the last byte of an address alone spread evenly over a table', () => {
    const hash = new FlowHash(0x12345678, -0x6543210f);
    const buckets = new Int32Array(1024);
    const n = 64 * 1024;
    for (let i = 0; i < n; i++) {
      buckets[
        hash.hash(0, 0, 0xffff, 0x0a000000 | (i >> 12), 0x0a000001, (8080 << 16) | (1024 + (i & 4095))) & 1023
      ]!++;
    }
    // Chi-squared with 1023 degrees of freedom: mean 1023, standard deviation 45.
    let chi = 0;
    for (const count of buckets) chi += (count - 64) ** 2 / 64;
    assert.ok(chi > 1023 - 5 * 45 && chi < 1023 + 5 * 45, `chi-squared ${chi}`);
  });

  test('another key gives other collisions', () => {
    const a = new FlowHash(1, 2);
    const b = new FlowHash(1, 3);
    let same = 0;
    for (let i = 0; i < 1000; i++) if ((a.hash(1, 2, 3, i, 5, 6) ^ b.hash(1, 2, 3, i, 5, 6)) === 0) same++;
    assert.ok(same < 2);
  });
});
