// Sequence-space arithmetic modulo 2^32 on int32 (RFC 9293 section 3.4); also for wrapping clocks.
// Called by everything that compares sequence numbers or int32 times; calls nothing.

/** a < b in sequence space. */
export function seqLt(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** a <= b in sequence space. */
export function seqLe(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

/** a > b in sequence space. */
export function seqGt(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** a >= b in sequence space. */
export function seqGe(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/** a + n, wrapped to int32. */
export function seqAdd(a: number, n: number): number {
  return (a + n) | 0;
}

/** Signed distance a - b: positive where a is later. Meaningful below 2^31. */
export function seqDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** The later of two sequence numbers. */
export function seqMax(a: number, b: number): number {
  return ((a - b) | 0) >= 0 ? a : b;
}
