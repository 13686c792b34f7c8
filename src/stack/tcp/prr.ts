// How much may be sent while cwnd is being reduced: proportional rate reduction (RFC 9937), for loss recovery and for ECN.
// Called by recovery and, for each segment sent, by output; calls scoreboard.pipe.

import type { Engine } from './engine.ts';
import { F2_CWR_DUE, F2_ECN, F2_SACK, F2_TLP, F2_UNDO, NO_THRESHOLD, PHASE_CWR, PHASE_RECOVERY } from './flags.ts';
import { pipe } from './scoreboard.ts';
import type { Tcb } from './tcb.ts';

/** Whether cwnd is PRR's now. */
export function inReduction(t: Tcb): boolean {
  return t.phase === PHASE_CWR || t.phase === PHASE_RECOVERY;
}

/** A round trip with a reduced window begins (section 6.1). RECOVER is where it ends. */
export function beginReduction(e: Engine, t: Tcb): void {
  t.recover = t.sndNxt;
  t.unset2(F2_TLP);
  t.priorCwnd = t.cwnd;
  t.prrDelivered = 0;
  t.prrOut = 0;
  t.ssthresh = e.control(t).reduce(e, t);
  if (t.has2(F2_ECN)) t.set2(F2_CWR_DUE);
}

/** After an ACK that delivered something (section 6.2): cwnd is what is in flight and what may be sent now. */
export function reduce(e: Engine, t: Tcb): void {
  const { delivered, lost, acked } = e.news;
  if (delivered <= 0 || t.priorCwnd === 0) return;
  const flight = pipe(t);
  t.prrDelivered += delivered;
  let count: number;
  if (flight > t.ssthresh) {
    // In whole segments: less could not be sent.
    count = Math.ceil((t.prrDelivered * t.ssthresh) / t.priorCwnd / t.mss) * t.mss - t.prrOut;
  } else {
    count = Math.max(t.prrDelivered - t.prrOut, delivered);
    // SafeACK: progress, and nothing more was found lost.
    if (acked > 0 && lost === 0) count += t.mss;
    count = Math.min(t.ssthresh - flight, count);
  }
  // The fast retransmit is always sent, and so is, without SACK, what a partial ACK shows to be missing (RFC 6582 section 3.2).
  const always = t.prrOut === 0 || (!t.has2(F2_SACK) && acked > 0 && lost > 0);
  count = Math.max(count, always ? t.mss : 0);
  t.cwnd = flight + count;
}

/** The reduction is complete. */
export function endReduction(t: Tcb): void {
  if (t.ssthresh < NO_THRESHOLD && (t.phase === PHASE_CWR || t.has2(F2_UNDO))) t.cwnd = Math.max(t.ssthresh, t.mss);
}

/** RFC 3168 section 6.1.2: the peer has seen congestion; once a round trip. */
export function enterCwr(e: Engine, t: Tcb): void {
  if (t.phase >= PHASE_CWR) return;
  t.priorSsthresh = 0;
  t.unset2(F2_UNDO);
  beginReduction(e, t);
  t.phase = PHASE_CWR;
}
