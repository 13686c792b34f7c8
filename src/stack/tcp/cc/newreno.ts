// NewReno (RFC 5681, RFC 6582) with byte counting (RFC 3465): the window grows by what is acknowledged, so that dividing or
// coalescing ACKs changes nothing. Called through CongestionControl; calls nothing.

import type { Engine } from '../engine.ts';
import { NO_THRESHOLD, PHASE_LOSS } from '../flags.ts';
import type { Tcb } from '../tcb.ts';
import { type CongestionControl, initialWindow } from './congestion.ts';

/**
 * Slow start: cwnd grows by `acked`, up to ssthresh; returns what is left for congestion avoidance. While what a timeout took
 * back is repaired, an ACK may cover much that arrived long ago: then what was sent again counts, or one segment (RFC 3465
 * section 2.3).
 */
export function slowStart(e: Engine, t: Tcb, acked: number): number {
  const grow = t.phase === PHASE_LOSS ? Math.min(acked, Math.max(e.news.again, t.mss)) : acked;
  const room = t.ssthresh - t.cwnd;
  t.cwnd += Math.min(grow, room);
  return grow - room;
}

/** Congestion avoidance: one segment for every `window` bytes acknowledged (RFC 5681 section 3.1, RFC 3465 section 2.1). */
export function additiveIncrease(t: Tcb, acked: number, window: number): void {
  t.ccCell0 += acked;
  if (t.ccCell0 < window) return;
  const steps = Math.floor(t.ccCell0 / window);
  t.ccCell0 -= steps * window;
  t.cwnd = Math.min(t.cwnd + steps * t.mss, NO_THRESHOLD);
}

export const newReno: CongestionControl = {
  name: 'newreno',

  init(e, t) {
    // RFC 5681 section 3.1: after a lost SYN or SYN-ACK the window is one segment.
    t.cwnd = t.retries > 0 ? t.mss : initialWindow(e, t);
    t.ssthresh = NO_THRESHOLD;
    t.ccCell0 = 0;
  },

  acked(e, t, limited) {
    if (!limited) return;
    let rest = e.news.delivered;
    if (t.cwnd < t.ssthresh) {
      rest = slowStart(e, t, rest);
      if (rest <= 0) return;
    }
    additiveIncrease(t, rest, t.cwnd);
  },

  reduce(_e, t) {
    t.ccCell0 = 0;
    // RFC 5681 equation (4), with cwnd in place of FlightSize: an unused window does not grow here, and comes down (cwnd.ts,
    // RFC 7661), so cwnd says what the path has borne. In whole segments: what lacks a byte is not sent.
    const half = Math.floor(t.cwnd / t.mss / 2) * t.mss;
    return Math.max(half, 2 * t.mss);
  },

  timeout() {},

  undo(t) {
    return t.priorCwnd;
  },

  restart(e, t) {
    return initialWindow(e, t);
  },

  idle() {},
};
