// The receive window that we offer (RFC 9293 section 3.8.6, RFC 7323 section 2).
// Called by output when it writes a header, and by tcp.ts when the user has read; calls nothing. `share`: Engine.share().

import { seqDiff } from '../../base/seq.ts';
import type { Tcb } from './tcb.ts';

/** Bytes that may arrive without breaking what we promised. */
export function receiveWindow(t: Tcb): number {
  const window = seqDiff(t.rcvAdv, t.rcvNxt);
  return window > 0 ? window : 0;
}

/** The right edge we could offer now, as bytes beyond RCV.NXT: what is free, as far as the field can say it. */
function freeWindow(t: Tcb, share: number): number {
  const free = Math.min(t.rcvLimit, share) - t.i32[t.receiveList + 2]!;
  if (free <= 0) return 0;
  const window = t.windowClamp !== 0 && t.windowClamp < free ? t.windowClamp : free;
  return Math.min(window, 0xffff << t.rcvScale);
}

/** Whether the edge would move far enough to tell (receiver's silly window avoidance, section 3.8.6.2.2). */
export function windowWorthTelling(t: Tcb, share: number): boolean {
  return freeWindow(t, share) - receiveWindow(t) >= Math.min(t.rcvLimit >> 1, share >> 1, 2 * t.mss);
}

/**
 * The value of the window field for a segment sent now, and moves rcvAdv to what it says. The edge moves by at least
 * min(half the buffer, a segment) or not at all, and never back: where scaling cuts bits off, the field is rounded up as
 * long as the buffer is overrun by less than one unit.
 */
export function offerWindow(t: Tcb, scale: number, share: number): number {
  const free = freeWindow(t, share);
  let window = receiveWindow(t);
  if (free - window >= Math.min(t.rcvLimit >> 1, share >> 1, t.mss)) window = free;
  const unit = 1 << scale;
  let field = (window + unit - 1) >> scale;
  if (field << scale > Math.max(free, window) + unit) field = window >> scale;
  if (field > 0xffff) field = 0xffff;
  const edge = (t.rcvNxt + (field << scale)) | 0;
  if (seqDiff(edge, t.rcvAdv) > 0) t.rcvAdv = edge;
  return field;
}

/** The scale that lets the field express a buffer of `limit` bytes (RFC 7323 section 2.2). */
export function scaleFor(limit: number): number {
  let scale = 0;
  while (scale < 14 && 65535 << scale < limit) scale++;
  return scale;
}
