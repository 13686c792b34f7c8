// CUBIC (RFC 9438): after a loss the window returns to where it was along a cubic curve of time, so that long paths fill as
// short ones do; never slower than Reno would. Called through CongestionControl; calls hystart and newreno's slow start.
//
//   cells: ccCell1 W_max, ccCell2 cwnd_prior, ccCell4 W_max before the last event (once HyStart++ is over)
//   reals: ccReal0 t_epoch (us; 0: none), ccReal1 K (s), ccReal2 W_est, ccReal3 growth not yet a segment; windows in bytes

import type { Engine } from '../engine.ts';
import { NO_THRESHOLD } from '../flags.ts';
import type { Tcb } from '../tcb.ts';
import { type CongestionControl, initialWindow } from './congestion.ts';
import { hystartAck, hystartBegin, hystartEnd } from './hystart.ts';
import { newReno, slowStart } from './newreno.ts';

/** Section 4.6, 5.1: the multiplicative decrease, and the curve's steepness in segments a second cubed. */
const BETA = 0.7;
const C = 0.4;
/** Section 4.3: the additive increase that has Reno's average window with this decrease. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

export const cubic: CongestionControl = {
  name: 'cubic',

  init(e, t) {
    newReno.init(e, t);
    t.ccCell1 = 0;
    t.ccCell2 = 0;
    t.ccReal0 = 0;
    t.ccReal3 = 0;
    hystartBegin(t);
  },

  acked(e, t, limited) {
    let acked = e.news.delivered;
    if (t.cwnd < t.ssthresh) {
      const grow = hystartAck(e, t, acked);
      if (!limited) return;
      if (t.cwnd < t.ssthresh) {
        acked = slowStart(e, t, grow);
        if (acked <= 0) return;
      }
    }
    if (limited) avoid(e, t, acked);
  },

  reduce(_e, t) {
    hystartEnd(t);
    t.ccReal0 = 0;
    t.ccReal3 = 0;
    t.ccCell4 = t.ccCell1;
    // Fast convergence (section 4.7): a window that did not get as far as last time makes room for newcomers.
    t.ccCell1 = t.cwnd < t.ccCell1 ? Math.floor((t.cwnd * 17) / 20) : t.cwnd;
    t.ccCell2 = t.cwnd;
    // In whole numbers: 0.7 is none in binary, and what lacks a byte to a segment is not sent. Section 4.6 allows cwnd in place of flight_size where an unused window does not grow; ours does not (cwnd.ts).
    return Math.max(Math.floor((t.cwnd * 7) / 10), 2 * t.mss);
  },

  timeout(_e, t) {
    t.ccReal0 = 0; // section 4.8: a new epoch begins with congestion avoidance
  },

  undo(t) {
    t.ccCell1 = t.ccCell4; // section 4.9.2
    t.ccReal0 = 0;
    return t.priorCwnd;
  },

  restart(e, t) {
    return initialWindow(e, t);
  },

  idle(_e, t, us) {
    // Section 5.8: the curve stands still while the application sends nothing.
    if (t.ccReal0 !== 0) t.ccReal0 += us;
  },
};

/** Section 4.2: congestion avoidance. */
function avoid(e: Engine, t: Tcb, acked: number): void {
  const now = e.core.now.us;
  if (t.ccReal0 === 0) beginEpoch(t, now);
  const elapsed = (now - t.ccReal0) / 1e6;
  const reno = renoWindow(t, acked);
  if (curve(t, elapsed) < reno) {
    // The Reno-friendly region (section 4.3).
    const whole = Math.floor((reno - t.cwnd) / t.mss) * t.mss;
    if (whole > 0) t.cwnd = Math.min(t.cwnd + whole, NO_THRESHOLD);
    return;
  }
  const target = Math.max(t.cwnd, Math.min(curve(t, elapsed + t.srtt / 1e6), 1.5 * t.cwnd));
  t.ccReal3 += ((target - t.cwnd) * acked) / t.cwnd;
  if (t.ccReal3 < t.mss) return;
  const whole = Math.floor(t.ccReal3 / t.mss) * t.mss;
  t.ccReal3 -= whole;
  t.cwnd = Math.min(t.cwnd + whole, NO_THRESHOLD);
}

/** Figure 2: K, from where cwnd is to where the curve is flat. */
function beginEpoch(t: Tcb, now: number): void {
  t.ccReal0 = now;
  t.ccReal2 = t.cwnd;
  t.ccReal3 = 0;
  if (t.ccCell1 > t.cwnd) t.ccReal1 = Math.cbrt((t.ccCell1 - t.cwnd) / t.mss / C);
  else {
    t.ccReal1 = 0;
    t.ccCell1 = t.cwnd;
  }
}

/** W_cubic(t), figure 1. */
function curve(t: Tcb, seconds: number): number {
  const x = seconds - t.ccReal1;
  return C * x * x * x * t.mss + t.ccCell1;
}

/** W_est, figure 4: what Reno would have by now. From cwnd_prior on it grows as Reno does. */
function renoWindow(t: Tcb, acked: number): number {
  const alpha = t.ccReal2 >= t.ccCell2 ? 1 : ALPHA;
  t.ccReal2 += (alpha * acked * t.mss) / t.cwnd;
  return t.ccReal2;
}
