// The inner loop of the Internet checksum in AssemblyScript, over an imported memory; alone or while copying.
// Compiled by scripts/build-wasm.mjs into checksum-wasm.ts; called by checksum.ts.
//
// Words are added in the machine's byte order and the result is swapped at the end (RFC 1071 section 2 (B)). Lanes of
// 32 bits take pairs of 16-bit words; each grows by at most 2 * 0xffff in a turn of 64 bytes. A run of RUN bytes is 4096
// turns, so that even the four accumulators added up stay below 2^32; what they hold goes to 64 bits before the next run.

const RUN: usize = 1 << 18;

// @ts-ignore: decorator
@inline
function lanes(v: v128): u64 {
  return (
    <u64>(<u32>i32x4.extract_lane(v, 0)) +
    <u64>(<u32>i32x4.extract_lane(v, 1)) +
    <u64>(<u32>i32x4.extract_lane(v, 2)) +
    <u64>(<u32>i32x4.extract_lane(v, 3))
  );
}

// `copy` is a constant at both calls, and the code for it is left out of `sum`.
// @ts-ignore: decorator
@inline
function pass(to: usize, at: usize, length: usize, copy: bool): u32 {
  const end = at + length;
  let total: u64 = 0;
  while (end - at >= 16) {
    let a = i32x4.splat(0);
    let b = i32x4.splat(0);
    let c = i32x4.splat(0);
    let d = i32x4.splat(0);
    const run = min(end - at, RUN);
    const end64 = at + (run & ~63);
    while (at < end64) {
      const w = v128.load(at);
      const x = v128.load(at, 16);
      const y = v128.load(at, 32);
      const z = v128.load(at, 48);
      if (copy) {
        v128.store(to, w);
        v128.store(to, x, 16);
        v128.store(to, y, 32);
        v128.store(to, z, 48);
        to += 64;
      }
      a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(w));
      b = i32x4.add(b, i32x4.extadd_pairwise_i16x8_u(x));
      c = i32x4.add(c, i32x4.extadd_pairwise_i16x8_u(y));
      d = i32x4.add(d, i32x4.extadd_pairwise_i16x8_u(z));
      at += 64;
    }
    const end16 = at + (run & 48);
    while (at < end16) {
      const w = v128.load(at);
      if (copy) {
        v128.store(to, w);
        to += 16;
      }
      a = i32x4.add(a, i32x4.extadd_pairwise_i16x8_u(w));
      at += 16;
    }
    total += lanes(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
  }
  const rest = end - at;
  if (rest & 8) {
    const v = load<u64>(at);
    if (copy) {
      store<u64>(to, v);
      to += 8;
    }
    total += (v >> 32) + (v & 0xffffffff);
    at += 8;
  }
  if (rest & 4) {
    const v = load<u32>(at);
    if (copy) {
      store<u32>(to, v);
      to += 4;
    }
    total += <u64>v;
    at += 4;
  }
  if (rest & 2) {
    const v = load<u16>(at);
    if (copy) {
      store<u16>(to, v);
      to += 2;
    }
    total += <u64>v;
    at += 2;
  }
  if (rest & 1) {
    const v = load<u8>(at);
    if (copy) store<u8>(to, v);
    total += <u64>v;
  }
  total = (total >> 32) + (total & 0xffffffff);
  total = (total >> 32) + (total & 0xffffffff);
  let folded = <u32>total;
  folded = (folded >> 16) + (folded & 0xffff);
  folded = (folded >> 16) + (folded & 0xffff);
  return ((folded << 8) & 0xff00) | (folded >> 8);
}

/** Ones-complement sum of the big-endian 16-bit words of [at, at + length), folded to 16 bits, not complemented. */
export function sum(at: usize, length: usize): u32 {
  return pass(0, at, length, false);
}

/** The same, and copies the bytes to [to, to + length), which must not overlap them. */
export function copySum(to: usize, at: usize, length: usize): u32 {
  return pass(to, at, length, true);
}
