// The receive window that we offer (RFC 9293 section 3.8.6, RFC 7323 section 2).
// Called by output when it writes a header, and by tcp.ts when the user has read; calls nothing. `share`: Engine.share().

import { seqDiff } from '../../base/seq.ts';
import { F2_SHUT } from './flags.ts';
import type { Tcb } from './tcb.ts';

const MAX_UNSCALED = 65535;
/** rcvClamp of a window that nothing but the buffer bounds. */
export const NO_CLAMP: number = 1 << 30;

/** Bytes that may arrive without breaking what we promised. */
export function receiveWindow(t: Tcb): number {
  const window = seqDiff(t.rcvAdv, t.rcvNxt);
  return window > 0 ? window : 0;
}

/** The right edge we could offer now, as bytes beyond RCV.NXT: what is free, as far as the field can say it. */
function freeWindow(t: Tcb, share: number): number {
  let free = Math.min(Math.min(t.rcvLimit, share) - t.i32[t.receiveList + 2]!, t.rcvClamp);
  if (t.windowClamp !== 0 && t.windowClamp < free) free = t.windowClamp;
  return free > 0 ? Math.min(free, 0xffff << t.rcvScale) : 0;
}

/**
 * How far the edge must move: half of the buffer or a segment (receiver's silly window avoidance, section 3.8.6.2.2). The
 * buffer is no more than what may be offered of it: a window that is kept below a segment would otherwise never open again.
 */
function leastStep(t: Tcb, share: number, segments: number): number {
  const most = Math.min(t.rcvLimit, t.rcvClamp, t.windowClamp === 0 ? NO_CLAMP : t.windowClamp);
  return Math.min(most >> 1, share >> 1, segments * t.mss);
}

/**
 * Whether the edge would move far enough to tell, when nothing but reading has moved it: while the peer has half of what it could
 * have, the ACKs of what it sends tell it soon enough.
 */
export function windowWorthTelling(t: Tcb, share: number): boolean {
  const told = t.has2(F2_SHUT) ? 0 : receiveWindow(t);
  const free = freeWindow(t, share);
  return free >= 2 * told && free - told >= leastStep(t, share, 2);
}

/**
 * The value of the window field for a segment sent now, and moves rcvAdv to what it says. The edge moves by at least
 * min(half the buffer, a segment) or not at all, and never back: where scaling cuts bits off, the field is rounded up as
 * long as the buffer is overrun by less than one unit. Only where memory was so short that text had to be refused, the peer
 * is told a window of 0 for the time being, so that it asks instead of sending again and again; the edge stays.
 */
export function offerWindow(t: Tcb, scale: number, share: number): number {
  const free = freeWindow(t, share);
  if (t.has2(F2_SHUT)) {
    if (free < leastStep(t, share, 1)) return 0;
    t.unset2(F2_SHUT);
  }
  const window = receiveWindow(t);
  return fieldFor(t, free - window >= leastStep(t, share, 1) ? free : window, scale);
}

/** The value of the window field that leaves the edge where it is. */
export function sameWindow(t: Tcb, scale: number): number {
  return fieldFor(t, receiveWindow(t), scale);
}

/** The field that says `window` bytes, rounded up to its unit; rcvAdv follows. */
function fieldFor(t: Tcb, window: number, scale: number): number {
  const field = Math.min((window + (1 << scale) - 1) >> scale, 0xffff);
  const edge = (t.rcvNxt + (field << scale)) | 0;
  if (seqDiff(edge, t.rcvAdv) > 0) t.rcvAdv = edge;
  return field;
}

/**
 * The window of a SYN, never scaled (RFC 7323 section 2.2): what buffer and setting (`most`) allow, the latter in whole segments of
 * `mss` bytes. Also sets from where the window grows.
 */
export function synWindow(t: Tcb, most: number, mss: number): number {
  t.rcvClamp = NO_CLAMP;
  if (most >= NO_CLAMP) return Math.min(t.rcvLimit, MAX_UNSCALED);
  const first = Math.min(t.rcvLimit, most);
  t.rcvClamp = Math.min(first > mss ? first - (first % mss) : first, MAX_UNSCALED);
  return t.rcvClamp;
}

/** The scale that lets the field express a buffer of `limit` bytes (RFC 7323 section 2.2). */
export function scaleFor(limit: number): number {
  let scale = 0;
  while (scale < 14 && 65535 << scale < limit) scale++;
  return scale;
}
