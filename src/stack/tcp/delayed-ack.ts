// When data that has arrived is acknowledged: at once, with what we send, or after a delay that adapts (RFC 5681 section 4.2,
// RFC 9293 section 3.8.6.3). Called by data, timers, emit, options and tcp.ts; calls buffers and window.
//
//   at once          news about a gap or a duplicate; every second full segment; more than half of the window is used up
//   quick > 0        the first ACKs: when the user has had its turn (F2_ACK_SOON), or after firstAckDelay
//   else             after ato, which follows the distance of segments between tcpDelayedAck and tcpDelayedAckMax
//   F2_PINGPONG      the user answers: no quick ACKs, they ride on the answers

import { seqDiff } from '../../base/seq.ts';
import { receiverRtt } from './buffers.ts';
import type { Engine } from './engine.ts';
import { F_ACK_NOW, F_ACK_PENDING, F2_ACK_SOON, F2_DSACK, F2_PINGPONG, F2_PUSHED } from './flags.ts';
import type { Tcb } from './tcb.ts';
import { receiveWindow } from './window.ts';

/** Smaller segments do not open the window further: their memory costs more than they say. */
const LARGE_ENOUGH = 128;

/** Decides when the text or FIN in hand is acknowledged: RCV.NXT has advanced by `advanced`; `held`: there were gaps before. */
export function acknowledgeLater(e: Engine, t: Tcb, advanced: number, held: boolean): void {
  const length = e.seg.length;
  if (length >= t.rcvMss) {
    t.rcvMss = Math.min(length, t.mss);
    t.unackedSegments += length < 2 * t.mss ? 1 : 2;
  } else t.set2(F2_PUSHED);
  if (t.rcvClamp < t.rcvLimit && length >= LARGE_ENOUGH) t.rcvClamp = Math.min(t.rcvLimit, t.rcvClamp + 2 * t.mss);
  // A peer whose segments have become smaller (a new path) must not wait for the delay each time, nor one that has filled
  // the window with less than two segments.
  const unacked = seqDiff(t.rcvNxt, t.lastAckSent);
  const due = t.unackedSegments >= 2 || unacked >= 2 * t.rcvMss || unacked >= receiveWindow(t);
  if (due && !t.has(F_ACK_NOW)) receiverRtt(e, t); // of a train that is acknowledged as one the first is enough
  if (due || advanced <= 0 || held || t.ranges !== 0 || t.has2(F2_DSACK)) {
    t.set(F_ACK_NOW);
    return;
  }
  t.set(F_ACK_PENDING);
  follow(e, t);
  const quick = inQuickMode(t);
  if (quick && t.firstAckDelay === 0) {
    t.set2(F2_ACK_SOON);
    return;
  }
  const at = e.core.now.us + (quick ? t.firstAckDelay : delay(e, t));
  if (t.ackAt === 0 || at < t.ackAt) t.ackAt = at;
}

function inQuickMode(t: Tcb): boolean {
  return t.quick > 0 && !t.has2(F2_PINGPONG);
}

/** The distance of segments that need not be acknowledged at once: `ato` follows it. After a long silence the peer starts over, and quick ACKs help it. */
function follow(e: Engine, t: Tcb): void {
  const least = e.core.settings.tcpDelayedAck;
  const now = e.core.now.us32;
  const gap = (now - t.dataAt) | 0;
  t.dataAt = now;
  if (t.ato === 0) {
    t.ato = least;
    startQuick(e, t);
  } else if (gap < 0 || gap > t.rto) startQuick(e, t);
  else if (gap <= least >> 1) t.ato = (t.ato >> 1) + (least >> 1);
  else if (gap < t.ato) t.ato = Math.min((t.ato >> 1) + gap, t.rto);
}

/** As many as the peer needs to fill half of the window, within the setting. */
function startQuick(e: Engine, t: Tcb): void {
  const most = e.core.settings.tcpQuickAcks;
  const wanted = Math.max(2, (receiveWindow(t) / (2 * t.rcvMss)) | 0);
  t.quick = Math.max(t.quick, Math.min(most, wanted));
}

/** The peer has sent something twice, or is to be helped along for another reason: no delays for a while. */
export function enterQuick(e: Engine, t: Tcb): void {
  startQuick(e, t);
  t.unset2(F2_PINGPONG);
  if (t.ato !== 0) t.ato = e.core.settings.tcpDelayedAck;
}

/** Beyond the least, a round trip bounds it: the peer's window would run dry. */
function delay(e: Engine, t: Tcb): number {
  const s = e.core.settings;
  let most = s.tcpDelayedAckMax;
  if (t.ato > s.tcpDelayedAck && t.srtt !== 0) most = Math.min(most, Math.max(t.srtt, s.tcpDelayedAck));
  return Math.min(t.ato, most);
}

/** The delay is over and nothing bore the ACK: the next may wait longer, but not for answers that do not come. */
export function delayOver(e: Engine, t: Tcb): void {
  if (t.has2(F2_PINGPONG)) {
    t.unset2(F2_PINGPONG);
    t.ato = e.core.settings.tcpDelayedAck;
  } else if (t.quick === 0) t.ato = Math.min(t.ato * 2, t.rto);
}

/** An ACK of all that has come is on its way. */
export function acknowledged(t: Tcb): void {
  if (t.quick > 0 && t.has(F_ACK_NOW | F_ACK_PENDING)) t.quick--;
  t.unset(F_ACK_NOW | F_ACK_PENDING);
  if (t.has2(F2_ACK_SOON | F2_PUSHED)) t.unset2(F2_ACK_SOON | F2_PUSHED);
  t.ackAt = 0;
  t.unackedSegments = 0;
  t.lastAckSent = t.rcvNxt;
}

/** New text goes out, and text has come before: if closely, it is an answer. */
export function answers(e: Engine, t: Tcb): void {
  if (t.has2(F2_PINGPONG)) return;
  const since = (e.core.now.us32 - t.dataAt) | 0;
  if (since >= 0 && since < t.ato) t.set2(F2_PINGPONG);
}

/** Whether the ACK that waits shall go because the user has read all there was, and the peer may wait with its next small segment. */
export function ackAfterReading(e: Engine, t: Tcb): boolean {
  return (
    t.has(F_ACK_PENDING) &&
    t.has2(F2_PUSHED) &&
    !t.has2(F2_PINGPONG) &&
    t.i32[t.receiveList + 2] === 0 &&
    e.core.settings.tcpQuickAcks > 0
  );
}

/** OPT_QUICKACK: neither is for ever; what the two sides do decides again. */
export function setQuick(e: Engine, t: Tcb, on: boolean): void {
  if (!on) {
    t.set2(F2_PINGPONG);
    return;
  }
  t.unset2(F2_PINGPONG);
  t.quick = e.core.settings.tcpQuickAcks;
  if (!t.has(F_ACK_PENDING)) return;
  t.set(F_ACK_NOW);
  e.activate(t);
  e.onWork();
}
