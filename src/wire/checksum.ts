// The Internet checksum (RFC 1071): sums by WASM SIMD over the arena, by plain code over any bytes; updates (RFC 1624).
// Called by the stack, links and content for every packet; calls base/bytes and the generated module.
//
// A "sum" here is the ones-complement sum of big-endian 16-bit words, folded to 0..0xffff and not complemented; the
// checksum to be written is its complement. Sums are as if their bytes began at an even position of the packet: `combine`
// joins two pieces and knows about odd lengths. Received data is right where the sum over all of it, pseudo-header and
// checksum included, is 0xffff.

import { get16, get32 } from '../base/bytes.ts';
import { CHECKSUM_WASM } from './checksum-wasm.ts';

/** The sum of correct data with its checksum in it. */
export const CHECKSUM_OK = 0xffff;

/** Folds a non-negative total of 16-bit words (below 2^32) to 0..0xffff. */
export function fold(total: number): number {
  total = (total & 0xffff) + (total >>> 16);
  return (total & 0xffff) + (total >>> 16);
}

/** The sum of two pieces in a row; where the first has an odd number of bytes, the second's are one place further. */
export function combine(sumA: number, sumB: number, lengthAIsOdd: boolean): number {
  const total = sumA + (lengthAIsOdd ? ((sumB & 0xff) << 8) | (sumB >> 8) : sumB);
  return (total & 0xffff) + (total >> 16);
}

/** The sum of [o, o + n) in any bytes, without WASM. Adds up words in a small integer: `n` is at most 65536. */
function sumShort(b: Uint8Array, o: number, n: number): number {
  const end = o + n;
  const end8 = o + (n & ~7);
  let high = 0;
  let low = 0;
  let i = o;
  for (; i < end8; i += 8) {
    high += b[i]! + b[i + 2]! + b[i + 4]! + b[i + 6]!;
    low += b[i + 1]! + b[i + 3]! + b[i + 5]! + b[i + 7]!;
  }
  for (; i + 1 < end; i += 2) {
    high += b[i]!;
    low += b[i + 1]!;
  }
  if (i < end) high += b[i]!;
  return fold(fold(high << 8) + low);
}

/**
 * The sum of [o, o + n) in any bytes, by plain code: for bytes that lie outside the arena. The range lies within `b`.
 */
export function sumPlain(b: Uint8Array, o: number, n: number): number {
  let sum = 0;
  while (n > 65536) {
    sum = combine(sum, sumShort(b, o, 65536), false);
    o += 65536;
    n -= 65536;
  }
  return combine(sum, sumShort(b, o, n), false);
}

/** The words of one int32, added. */
function words(v: number): number {
  return (v >>> 16) + (v & 0xffff);
}

/** Sum of the IPv4 pseudo-header (RFC 9293 section 3.1, RFC 768): addresses int32, `length` of header and data. */
export function pseudo4(src: number, dst: number, protocol: number, length: number): number {
  return fold(words(src) + words(dst) + protocol + length);
}

/** The same, with the addresses of the IPv4 header at `o`. */
export function pseudo4At(b: Uint8Array, o: number, protocol: number, length: number): number {
  return fold(words(get32(b, o + 12)) + words(get32(b, o + 16)) + protocol + length);
}

/** Sum of the IPv6 pseudo-header (RFC 8200 section 8.1) with the addresses of the IPv6 header at `o`. */
export function pseudo6At(b: Uint8Array, o: number, protocol: number, length: number): number {
  let total = protocol + words(length);
  for (let i = o + 8; i < o + 40; i += 2) total += get16(b, i);
  return fold(total);
}

/** The same, with the addresses in int32 cells: four from `src` and four from `dst`. */
export function pseudo6Cells(cells: Int32Array, src: number, dst: number, protocol: number, length: number): number {
  let total = protocol + words(length);
  for (let i = 0; i < 4; i++) total += words(cells[src + i]!) + words(cells[dst + i]!);
  return fold(total);
}

/**
 * The checksum field after one of the 16-bit words it covers changed: RFC 1624 equation 3, HC' = ~(~HC + ~m + m').
 * Never gives 0xffff for a sum that was not all zeros, as equation 4 can. A UDP field of 0 ("none") is left alone by the
 * caller, and a result of 0 is written as 0xffff there.
 */
export function update16(checksum: number, before: number, after: number): number {
  return ~fold((~checksum & 0xffff) + (~before & 0xffff) + (after & 0xffff)) & 0xffff;
}

/** The same for two words, as one int32 (an address, a sequence number) that lies at an even position. */
export function update32(checksum: number, before: number, after: number): number {
  return ~fold((~checksum & 0xffff) + words(~before) + words(after)) & 0xffff;
}

/** The two functions of the WASM module, or their equals in plain code. */
interface Sums {
  sum(offset: number, length: number): number;
  copySum(to: number, from: number, length: number): number;
}

/** Sums over one memory. Made once with the arena. */
export class Checksum {
  /**
   * The sum of [offset, offset + length) of the memory, any alignment, any length; see the head of this file. The range
   * lies within the memory (else it throws: that is a bug of the caller, not of a packet). This is the WASM function
   * itself where there is one: it is as fast as plain code at 8 bytes and faster from there on.
   */
  readonly sum: (offset: number, length: number) => number;
  /**
   * Copies [from, from + length) to `to`, which does not overlap it, and returns the sum of the bytes. Costs no more
   * than the sum alone: for payload that is copied anyway.
   */
  readonly copySum: (to: number, from: number, length: number) => number;
  /** True if WASM SIMD does the work. */
  readonly simd: boolean;

  /** `simd: false` asks for plain code, for comparing. The memory must not grow: plain code keeps a view of it. */
  constructor(memory: WebAssembly.Memory, simd: boolean = true) {
    const wasm = simd ? instantiate(memory) : undefined;
    const sums = wasm ?? plainSums(memory);
    this.simd = wasm !== undefined;
    this.sum = sums.sum;
    this.copySum = sums.copySum;
  }
}

/** True on the machines that matter; typed arrays of words follow the machine. */
const LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Most words added before a fold: below 2^31 in a sum of 16-bit words. */
const WORDS_RUN = 32768;

/** The sum of [o, o + n) of `bytes` by 16-bit loads; `words` is a view of the same memory from its start. */
function sumWords(bytes: Uint8Array, words: Uint16Array, o: number, n: number): number {
  if (n === 0) return 0;
  if ((o & 1) !== 0) return combine(bytes[o]! << 8, sumWords(bytes, words, o + 1, n - 1), true);
  let i = o >> 1;
  const end = i + (n >> 1);
  let sum = 0;
  while (i < end) {
    const stop = Math.min(end, i + WORDS_RUN);
    let total = sum;
    for (; i + 8 <= stop; i += 8) {
      total += words[i]! + words[i + 1]! + words[i + 2]! + words[i + 3]!;
      total += words[i + 4]! + words[i + 5]! + words[i + 6]! + words[i + 7]!;
    }
    for (; i < stop; i++) total += words[i]!;
    sum = fold(total);
  }
  if (LITTLE_ENDIAN) sum = ((sum & 0xff) << 8) | (sum >> 8);
  return (n & 1) !== 0 ? combine(sum, bytes[o + n - 1]! << 8, false) : sum;
}

function plainSums(memory: WebAssembly.Memory): Sums {
  const bytes = new Uint8Array(memory.buffer);
  const words = new Uint16Array(memory.buffer);
  const check = (at: number, length: number): void => {
    if (at < 0 || length < 0 || at + length > bytes.length) throw new RangeError('sum beyond the memory');
  };
  return {
    sum: (offset, length) => {
      check(offset, length);
      return sumWords(bytes, words, offset, length);
    },
    copySum: (to, from, length) => {
      check(from, length);
      check(to, length);
      bytes.copyWithin(to, from, from + length);
      return sumWords(bytes, words, from, length);
    },
  };
}

/** The compiled module: `undefined` before the first use, `null` where the engine has no WASM SIMD. */
let compiled: WebAssembly.Module | null | undefined;

function instantiate(memory: WebAssembly.Memory): Sums | undefined {
  try {
    if (compiled === undefined) {
      const text = atob(CHECKSUM_WASM);
      const code = new Uint8Array(text.length);
      for (let i = 0; i < text.length; i++) code[i] = text.charCodeAt(i);
      compiled = WebAssembly.validate(code) ? new WebAssembly.Module(code) : null;
    }
    if (compiled === null) return undefined;
    return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as Sums;
  } catch {
    // No WASM at all, one that may not compile (a page's policy), or a shared memory: plain code does it.
    return undefined;
  }
}
