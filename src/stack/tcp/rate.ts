// How fast the path delivers (draft-ietf-ccwg-bbr-05 section 4.1), and how fast we may send: pacing.
// Called by ack after each ACK, by output before and after sending; calls nothing.

import { seqDiff } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F2_APP_LIMITED, F2_PACED, NO_THRESHOLD } from './flags.ts';
import { NEWS_APP_LIMITED, NEWS_ECE } from './news.ts';
import type { Tcb } from './tcb.ts';

/** Pacing in slow start sends two windows a round trip, later 1.2: faster than the window opens, or pacing would be the limit. */
const SLOW_START_GAIN = 2;
const AVOIDANCE_GAIN = 1.2;
/** What goes out at once, and how far sending may be ahead of the rate: a millisecond, but at least a segment. */
const QUANTUM_US = 1000;

/** Counts what the ACK delivered, and takes a rate sample from it. */
export function rateSample(e: Engine, t: Tcb): void {
  const news = e.news;
  const now = e.core.now.us;
  if (news.delivered <= 0) return;
  t.delivered += news.delivered;
  const segments = Math.ceil(news.delivered / t.mss);
  t.deliveredSegments += segments;
  if (news.has(NEWS_ECE)) t.deliveredCe += segments;
  t.deliveredAt = now;
  if (t.appLimited !== 0 && t.delivered > t.appLimited) {
    t.appLimited = 0;
    t.unset2(F2_APP_LIMITED);
  }
  const sent = news.rateSent;
  if (sent === 0) return;
  t.firstSentAt = sent;
  // The longer of both: ACKs may come in one piece, segments may have gone in one.
  const interval = Math.max(sent - news.rateFirst, now - news.rateAt);
  if (interval < t.minRtt || interval <= 0) return;
  const rate = ((t.delivered - news.rateDelivered) * 1e6) / interval;
  if (!news.has(NEWS_APP_LIMITED) || rate > t.deliveryRate) t.deliveryRate = rate;
}

/** Nothing is left to send though the window would allow it: the next samples tell of the application, not of the path. */
export function noteAppLimited(t: Tcb): void {
  t.appLimited = t.delivered + Math.max(1, seqDiff(t.sndNxt, t.sndUna) - t.sackedBytes);
  t.set2(F2_APP_LIMITED);
}

/** The pacing rate follows cwnd and the round-trip time, up to what the user allows, unless the congestion control sets its own. */
export function updatePacing(e: Engine, t: Tcb): void {
  const s = e.core.settings;
  const most = t.maxRate;
  if ((!s.tcpPacing && most === 0) || t.minRtt < s.tcpPacingMinRtt || t.cwnd >= NO_THRESHOLD) {
    t.pacingRate = most;
    return;
  }
  // Where the process or the path stood still for a while, SRTT says little of how fast the path is.
  const rtt = Math.min(t.srtt, 2 * t.minRtt);
  const gain = t.cwnd < t.ssthresh >> 1 ? SLOW_START_GAIN : AVOIDANCE_GAIN;
  const rate = (gain * t.cwnd * 1e6) / rtt;
  t.pacingRate = most === 0 ? rate : Math.min(rate, most);
}

/** Whether text must wait. It is told when to come back by the row's timer. */
export function paced(e: Engine, t: Tcb): boolean {
  if (t.pacingRate === 0 || t.paceAt <= e.core.now.us + QUANTUM_US) {
    t.unset2(F2_PACED);
    return false;
  }
  t.set2(F2_PACED);
  return true;
}

/** The most that may go out now. */
export function quantum(t: Tcb): number {
  if (t.pacingRate === 0) return 1 << 30;
  return Math.max(t.mss, (t.pacingRate * QUANTUM_US) / 1e6) | 0;
}

/** `bytes` have gone out. */
export function spend(e: Engine, t: Tcb, bytes: number): void {
  if (t.pacingRate === 0) return;
  t.paceAt = Math.max(t.paceAt, e.core.now.us) + (bytes * 1e6) / t.pacingRate;
}
