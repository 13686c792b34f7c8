// NewReno (RFC 5681, RFC 6582) with byte counting (RFC 3465): the window grows by what is acknowledged, so that dividing or
// coalescing ACKs changes nothing. Called through CongestionControl; calls seq only.

import { seqGt } from '../../../base/seq.ts';
import type { Tcb } from '../tcb.ts';
import type { CongestionControl } from './congestion.ts';

const MAX_WINDOW = 1 << 30;

/** RFC 6928 section 2: ten segments, but at most max(2 MSS, 14,600 bytes) where segments are large. */
function initialWindow(t: Tcb, segments: number): number {
  return Math.min(segments * t.mss, Math.max(2 * t.mss, segments * 1460));
}

export const newReno: CongestionControl = {
  name: 'newreno',

  init(t, segments) {
    // RFC 5681 section 3.1: after a lost SYN or SYN-ACK the window is one segment.
    t.cwnd = t.retries > 0 ? t.mss : initialWindow(t, segments);
    t.ssthresh = MAX_WINDOW;
    t.ccCell0 = 0;
  },

  acked(t, acked, limited) {
    // RFC 7661's concern in its simplest form: a window that is not used does not grow.
    if (!limited) return;
    let rest = acked;
    if (t.cwnd < t.ssthresh) {
      // While what a timeout took back is repaired, an ACK may cover much that arrived long ago: one segment then (RFC 3465 section 2.3).
      const grow = seqGt((t.sndUna - 1) | 0, t.recover) ? acked : Math.min(acked, t.mss);
      rest = grow - (t.ssthresh - t.cwnd);
      t.cwnd = Math.min(t.cwnd + grow, t.ssthresh);
      if (rest <= 0) return;
    }
    // Congestion avoidance: one segment for every cwnd bytes acknowledged (RFC 5681 section 3.1, RFC 3465 section 2.1).
    t.ccCell0 += rest;
    if (t.ccCell0 >= t.cwnd) {
      t.ccCell0 -= t.cwnd;
      t.cwnd = Math.min(t.cwnd + t.mss, MAX_WINDOW);
    }
  },

  loss(t, flight) {
    // RFC 5681 equation (4); what limited transmit has sent beyond the window does not count (section 3.2 step 1).
    t.ssthresh = Math.max(Math.min(flight, t.cwnd) >> 1, 2 * t.mss);
    t.cwnd = t.ssthresh + 3 * t.mss; // section 3.2 step 3
    t.ccCell0 = 0;
  },

  duplicate(t) {
    t.cwnd = Math.min(t.cwnd + t.mss, MAX_WINDOW); // section 3.2 step 4
  },

  partial(t, acked) {
    t.cwnd = Math.max(t.mss, t.cwnd - acked + (acked >= t.mss ? t.mss : 0)); // RFC 6582 section 3.2 step 3
  },

  recovered(t, flight) {
    t.cwnd = Math.min(t.ssthresh, Math.max(flight, t.mss) + t.mss); // RFC 6582 section 3.2 step 3, option 1
    t.ccCell0 = 0;
  },

  timeout(t, flight, first) {
    if (first) t.ssthresh = Math.max(flight >> 1, 2 * t.mss);
    t.cwnd = t.mss; // RFC 5681 section 3.1: the loss window
    t.ccCell0 = 0;
  },

  idle(t, segments) {
    t.cwnd = Math.min(t.cwnd, initialWindow(t, segments)); // RFC 5681 section 4.1
  },
};
