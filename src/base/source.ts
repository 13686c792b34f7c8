// SendSource: payload that is sent from where it lies (cached file blocks) instead of being copied into send chunks.
// Implemented by src/content; called by the stack's send buffer and by output; calls nothing.

/** Receives the slices of a reference: (offset in the arena, length). */
export interface SliceSink {
  slice(offset: number, length: number): void;
}

/**
 * `length` bytes, immutable while any of them is unacknowledged. Positions count from the source's start.
 */
export interface SendSource {
  readonly length: number;
  /** Copies bytes [from, from + length) to the arena at `at`: for links and moments where referring does not pay. */
  copyTo(from: number, length: number, at: number): void;
  /** Names where bytes [from, from + length) lie, in order; returns how many were named (fewer: the rest is not there yet). */
  reference(from: number, length: number, sink: SliceSink): number;
  /** The folded ones-complement sum of the bytes [from, from + length) as if they began at an even position (RFC 1071). */
  partialSum(from: number, length: number): number;
  /** Everything before `upTo` has been acknowledged, or will never be sent: it may be evicted. */
  release(upTo: number): void;
}
