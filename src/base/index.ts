// ring3/base: the types that all floors share.
// Imported by users of the package; inside it, files import each other directly.

export * from './address.ts';
export { Arena, LAYOUT_VERSION, MAX_ARENA_BYTES } from './arena.ts';
export * from './bytes.ts';
export * from './drop.ts';
export * from './errno.ts';
export * from './link.ts';
export * from './pool.ts';
export { SeededRng } from './rng.ts';
export { ROW_GENERATION, ROW_LINK, Rows } from './rows.ts';
export * from './seq.ts';
export { FlowHash, SipHash } from './siphash.ts';
export type { SendSource, SliceSink } from './source.ts';
export { CHUNK, SpanCursor, Spans } from './spans.ts';
export { type Clock, type Driver, Now, type Rng } from './time.ts';
export { Wheel, type WheelCells } from './wheel.ts';
