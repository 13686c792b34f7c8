// Gathering: the pieces of a frame to be sent brought together in one place.
// Called by links and wrappers that keep or copy frames; calls base only.

import type { LinkMemory, RxBatch, TxBatch } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';

/** Below this a loop beats making a view for Uint8Array.set. */
const LOOP = 32;

/** Bytes of the link header of a medium: what stands before the IP header. */
export function linkHeader(medium: 'ethernet' | 'ip'): number {
  return medium === 'ethernet' ? 14 : 0;
}

/** Copies [from, from + length) of `src` to `at` in `dst`, which may be the same bytes, overlapping or not. */
export function copyBytes(src: Uint8Array, from: number, dst: Uint8Array, at: number, length: number): void {
  if (src === dst) dst.copyWithin(at, from, from + length);
  else if (length <= LOOP) for (let i = 0; i < length; i++) dst[at + i] = src[from + i]!;
  else dst.set(src.subarray(from, from + length), at);
}

/** Copies the further pieces of frame `i` to `at` in `dst`, one after the other. */
export function copyPieces(src: Uint8Array, batch: TxBatch, i: number, dst: Uint8Array, at: number): void {
  const first = batch.firstPiece[i]!;
  const end = first + batch.pieces[i]!;
  for (let p = first; p < end; p++) {
    const length = batch.pieceLength[p]!;
    copyBytes(src, batch.pieceOffset[p]!, dst, at, length);
    at += length;
  }
}

/** Copies the whole of frame `i` to `at` in `dst`. */
export function copyFrame(src: Uint8Array, batch: TxBatch, i: number, dst: Uint8Array, at: number): void {
  const length = batch.length[i]!;
  copyBytes(src, batch.offset[i]!, dst, at, length);
  if (batch.pieces[i] !== 0) copyPieces(src, batch, i, dst, at + length);
}

/**
 * Makes frame `i` of `batch`, `total` bytes over all pieces, contiguous in one frame of the link's own, and returns where
 * it begins: where it lies already if the pieces fit behind the first. Otherwise its first frame is freed. Returns 0 (the
 * frame freed) if there is no memory.
 */
export function joinFrame(memory: LinkMemory, batch: TxBatch, i: number, total: number): number {
  const offset = batch.offset[i]!;
  if (batch.pieces[i] === 0) return offset;
  const { frames } = memory;
  const { u8 } = memory.arena;
  if (offset + total <= frames.end(offset)) {
    copyPieces(u8, batch, i, u8, offset + batch.length[i]!);
    return offset;
  }
  const frame = frames.alloc(total);
  if (frame !== 0) copyFrame(u8, batch, i, u8, frame + HEADROOM);
  frames.free(offset);
  return frame === 0 ? 0 : frame + HEADROOM;
}

/** Frees the frames of a received batch that the caller did not keep, and empties it: what release() does. */
export function releaseFrames(memory: LinkMemory, batch: RxBatch): void {
  const { frames } = memory;
  for (let i = 0; i < batch.count; i++) {
    const offset = batch.offset[i]!;
    if (offset !== 0) frames.free(offset);
  }
  batch.count = 0;
}

/** Frees the first frames of a batch to be sent from entry `from` on, and empties it. */
export function discardFrames(memory: LinkMemory, batch: TxBatch, from: number): void {
  for (let i = from; i < batch.count; i++) memory.frames.free(batch.offset[i]!);
  batch.clear();
}
