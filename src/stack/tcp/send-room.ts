// Room in a connection's send buffer, and when its user is told that there is some (OPT_SNDBUF, OPT_NOTSENT_LOWAT).
// Called by tcp.ts, ack and output; calls engine.

import { seqDiff } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F_WANT_WRITE, READY_WRITE } from './flags.ts';
import type { Tcb } from './tcb.ts';

/** Bytes written that have not been sent for the first time. */
function unsent(t: Tcb): number {
  const left = t.i32[t.sendList + 2]! - seqDiff(t.sndNxt, t.sndUna);
  return left > 0 ? left : 0;
}

/** Bytes that may be written now, of a send buffer of `limit`; may be negative. */
export function sendRoom(t: Tcb, limit: number): number {
  const room = limit - t.i32[t.sendList + 2]!;
  if (t.notsentLow === 0) return room;
  const low = t.notsentLow - unsent(t);
  return low < room ? low : room;
}

/** Tells a user whose write came back short that there is room: a quarter of the buffer, and half of what may wait unsent. */
export function tellRoom(e: Engine, t: Tcb): void {
  if (t.i32[t.sendList + 2]! > t.sndLimit - (t.sndLimit >> 2)) return;
  if (t.notsentLow !== 0 && unsent(t) * 2 >= t.notsentLow) return;
  t.unset(F_WANT_WRITE);
  e.notify(t, READY_WRITE);
}
