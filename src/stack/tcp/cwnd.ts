// Whether cwnd is what limits the sender, and what becomes of a window that is not used (RFC 7661, RFC 5681 section 4.1).
// Called by output when a row has sent what it may, and by ack before the window grows; calls the congestion control.

import { seqGe } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F2_CWND_LIMITED, PHASE_OPEN } from './flags.ts';
import { currentSsthresh } from './recovery.ts';
import { pipe } from './scoreboard.ts';
import type { Tcb } from './tcb.ts';

/** Output has sent all it may; `limited`: text is left that cwnd did not allow. */
export function validateWindow(e: Engine, t: Tcb, limited: boolean): void {
  const flight = pipe(t);
  if (limited || seqGe(t.sndUna, t.cwndSeq) || (!t.has2(F2_CWND_LIMITED) && flight > t.maxOut)) {
    if (limited) t.set2(F2_CWND_LIMITED);
    else t.unset2(F2_CWND_LIMITED);
    t.maxOut = flight;
    t.cwndSeq = t.sndNxt;
  }
  const now = e.core.now.us;
  if (isLimited(t)) {
    t.cwndUsed = 0;
    t.cwndAt = now;
    return;
  }
  if (flight > t.cwndUsed) t.cwndUsed = flight;
  if (e.core.settings.tcpSlowStartAfterIdle && now - t.cwndAt >= t.rto) shrink(e, t, now);
}

/** Whether the window has been used, so that it may grow: in slow start half of it is enough (RFC 7661 section 4.2). */
export function isLimited(t: Tcb): boolean {
  if (t.has2(F2_CWND_LIMITED)) return true;
  return t.cwnd < t.ssthresh && t.cwnd < 2 * t.maxOut;
}

/** For a whole RTO the application has used a part of cwnd only: it comes halfway down to that. */
function shrink(e: Engine, t: Tcb, now: number): void {
  if (t.phase === PHASE_OPEN) {
    const used = Math.max(t.cwndUsed, e.control(t).restart(e, t));
    if (used < t.cwnd) {
      t.ssthresh = currentSsthresh(t);
      t.cwnd = (t.cwnd + used) >> 1;
    }
  }
  t.cwndUsed = 0;
  t.cwndAt = now;
}

/** Nothing was sent for `idle` us: cwnd halves for each RTO of it, down to the restart window (RFC 5681 section 4.1). */
export function restartAfterIdle(e: Engine, t: Tcb, idle: number): void {
  const least = Math.min(e.control(t).restart(e, t), t.cwnd);
  t.ssthresh = currentSsthresh(t);
  let cwnd = t.cwnd;
  for (let left = idle - t.rto; left > 0 && cwnd > least; left -= t.rto) cwnd >>= 1;
  t.cwnd = Math.max(cwnd, least);
  t.cwndUsed = 0;
  t.cwndAt = e.core.now.us;
}
