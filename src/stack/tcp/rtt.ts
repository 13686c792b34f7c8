// Round-trip time and the retransmission timeout (RFC 6298).
// Called by input when an ACK ends a measurement; calls nothing.

import type { Settings } from '../settings.ts';
import type { Tcb } from './tcb.ts';

/** Takes a sample of `rtt` us into SRTT, RTTVAR and RTO (section 2). G, the clock's granularity, is 1 us here. */
export function rttSample(t: Tcb, rtt: number, settings: Settings): void {
  if (rtt < 1) rtt = 1;
  if (t.srtt === 0) {
    t.srtt = rtt;
    t.rttvar = rtt >> 1;
  } else {
    const error = rtt - t.srtt;
    t.rttvar = Math.max(1, (t.rttvar + ((error < 0 ? -error : error) - t.rttvar) / 4) | 0);
    t.srtt = Math.max(1, (t.srtt + error / 8) | 0);
  }
  t.rto = Math.min(settings.tcpRtoMax, Math.max(settings.tcpRtoMin, t.srtt + 4 * t.rttvar));
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
