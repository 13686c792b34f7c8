// Round-trip time and the retransmission timeout (RFC 6298).
// Called when an ACK ends a measurement: by ack, and by input-open for the handshake; calls nothing.

import { seqGt } from '../../base/seq.ts';
import type { Settings } from '../settings.ts';
import type { Tcb } from './tcb.ts';

const MOST_OVERRIDE = 1_000_000;

/** How long the least RTT is remembered, us. */
const MIN_RTT_WINDOW = 300_000_000;

/**
 * Takes a sample of `rtt` us into SRTT, RTTVAR and RTO (section 2). Every ACK brings one, many in a round trip: SRTT and
 * RTTVAR follow at once, but RTO counts with the largest RTTVAR of the round trip, lest a train of equal samples make it
 * forget what the path does (RFC 7323 appendix G). The deviation counts for at least the setting's share.
 */
export function rttSample(t: Tcb, rtt: number, settings: Settings): void {
  if (rtt < 1) rtt = 1;
  const least = settings.tcpRtoMin >> 2;
  if (t.srtt === 0) {
    t.srtt = rtt;
    t.rttvar = rtt >> 1;
    t.rtoVar = Math.max(t.rttvar, least);
    t.mdevMax = t.rtoVar;
    t.rttSeq = t.sndNxt;
  } else {
    const error = rtt - t.srtt;
    t.srtt = Math.max(1, (t.srtt + error / 8) | 0);
    // A path that has become faster is no reason to fear that it is slow: the deviation follows reluctantly.
    const size = error < 0 ? -error : error;
    const change = size - t.rttvar;
    t.rttvar = Math.max(1, (t.rttvar + (error < 0 && change > 0 ? change / 32 : change / 4)) | 0);
    if (t.rttvar > t.mdevMax) {
      t.mdevMax = t.rttvar;
      if (t.mdevMax > t.rtoVar) t.rtoVar = t.mdevMax;
    }
    if (seqGt(t.sndUna, t.rttSeq)) {
      if (t.mdevMax < t.rtoVar) t.rtoVar -= (t.rtoVar - t.mdevMax) >> 2;
      t.rttSeq = t.sndNxt;
      t.mdevMax = least;
    }
  }
  t.rto = Math.min(settings.tcpRtoMax, t.srtt + 4 * t.rtoVar);
}

/** RACK.min_RTT (RFC 8985 section 6.2 step 1): the least sample of the last minutes. */
export function noteLeast(t: Tcb, rtt: number, now: number): void {
  if (t.minRtt !== 0 && rtt > t.minRtt && now - t.minRttAt < MIN_RTT_WINDOW) return;
  t.minRtt = Math.max(1, rtt);
  t.minRttAt = now;
}

/**
 * Section 5.5: RTO doubles with each timeout, and stays so until the next sample (Karn): an RTO that is too short for the
 * path would otherwise send everything twice for ever, and never see the time of anything sent once.
 */
export function backOff(t: Tcb, settings: Settings): void {
  t.rto = Math.min(settings.tcpRtoMax, t.rto * 2);
}

/** The persist timer's backoff, for `t.retries` probes in a row (RFC 9293 section 3.8.6.1). */
export function persistInterval(t: Tcb, settings: Settings): number {
  return Math.min(settings.tcpRtoMax, t.rto * 2 ** Math.min(t.retries, 20));
}

/** How long text waits for a window that takes a whole segment: RFC 9293 section 3.8.6.2.1 says 0.1 to 1 s. */
export function overrideTime(t: Tcb): number {
  return Math.min(t.rto, MOST_OVERRIDE);
}
