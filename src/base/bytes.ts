// Big-endian reads and writes at (bytes, offset): the only way the project looks at a packet.
// Called by every format in src/wire and by code that keeps addresses; calls nothing.

/** Unsigned 8-bit value at `o`. The caller has checked that `o` lies inside `b`. */
export function get8(b: Uint8Array, o: number): number {
  return b[o]!;
}

/** Unsigned 16-bit big-endian value at `o`. */
export function get16(b: Uint8Array, o: number): number {
  return (b[o]! << 8) | b[o + 1]!;
}

/**
 * **Signed** 32-bit big-endian value at `o`. Int32 throughout: sequence numbers and addresses stay small integers
 * in V8 (an unsigned value above 2^31 would be a heap number). Use `>>> 0` only to print.
 */
export function get32(b: Uint8Array, o: number): number {
  return (b[o]! << 24) | (b[o + 1]! << 16) | (b[o + 2]! << 8) | b[o + 3]!;
}

/** Writes the low 8 bits of `v`. */
export function put8(b: Uint8Array, o: number, v: number): void {
  b[o] = v;
}

/** Writes the low 16 bits of `v`, big-endian. */
export function put16(b: Uint8Array, o: number, v: number): void {
  b[o] = v >>> 8;
  b[o + 1] = v;
}

/** Writes the low 32 bits of `v`, big-endian. */
export function put32(b: Uint8Array, o: number, v: number): void {
  b[o] = v >>> 24;
  b[o + 1] = v >>> 16;
  b[o + 2] = v >>> 8;
  b[o + 3] = v;
}
