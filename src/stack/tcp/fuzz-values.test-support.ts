// Test support: the plain values of the fuzzers: octets that tell their place, fields of a segment, what a handshake agreed on.
// Called by fuzz-conn, fuzz-world and fuzz-choices; calls nothing.

/** The octet at position `at` of a stream in one of its variants. */
export function octet(at: number, variant: number): number {
  return (at * 7 + (at >> 8) * 13 + variant * 101) & 255;
}

export function octets(from: number, length: number, variant: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = octet(from + i, variant);
  return out;
}

/** Variants of what the peer sends; from there on, those of what the users of the stack write. */
export const VARIANTS = 4;

/** What the handshake agreed on. */
export interface Terms {
  readonly mss: number;
  readonly sack: boolean;
  readonly ts: boolean;
  /** The stack would have agreed to timestamps. */
  readonly stamps: boolean;
  /** Scale of the windows that the stack offers, and of those that its peer does. */
  readonly scale: number;
  readonly peerScale: number;
  readonly passive: boolean;
  /** Frames carry one segment each. */
  readonly single: boolean;
  /** Memory is plenty: the stack must do exactly as the reference. */
  readonly strict: boolean;
}

/** Fields of a segment to be sent to the stack. `win` as it stands in the header. */
export interface Shot {
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly win: number;
  readonly length: number;
  readonly variant: number;
  readonly ts: readonly [number, number] | undefined;
  readonly options?: readonly number[];
  readonly urgent?: number;
  /** The codepoint of the IP header. */
  readonly ecn?: number;
}

export function be32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** A SACK option of these blocks, relative to what the stack sends; none: nothing. */
export function sackOption(iss: number, blocks: readonly (readonly [number, number])[]): number[] {
  if (blocks.length === 0) return [];
  const edges = blocks.flat().flatMap((edge) => be32((iss + edge) | 0));
  return [1, 1, 5, 2 + edges.length, ...edges];
}
