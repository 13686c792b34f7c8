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

/** RTO with the backoff of section 5.5 for timeouts in a row. */
export function backedOff(t: Tcb, settings: Settings): number {
  return Math.min(settings.tcpRtoMax, t.rto * 2 ** Math.min(t.retries, 20));
}
