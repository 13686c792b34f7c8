// The answer to segments that a connection cannot take: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> (RFC 9293 section 3.10.7.4).
// Called by input and ack; calls engine. Output sends it with the rest.

import { TCP_SYN } from '../../wire/tcp.ts';
import type { Engine } from './engine.ts';
import { F_ACK_NOW } from './flags.ts';
import type { Tcb } from './tcb.ts';

/** At most one such ACK a connection in this time, ms (RFC 5961 section 7): two ends out of step must not ping-pong, nor an attacker count. */
const CHALLENGE_INTERVAL = 500;

/**
 * Acknowledges the segment in hand, which was not taken. Segments with text or FIN are sent again until they are
 * acknowledged and cannot answer each other: only others, and SYNs, are held to CHALLENGE_INTERVAL.
 */
export function challenge(e: Engine, t: Tcb): void {
  if (e.seg.space === 0 || e.seg.has(TCP_SYN)) {
    const now = e.core.now.ms32;
    if (t.challengeAt !== 0 && ((now - t.challengeAt) | 0) < CHALLENGE_INTERVAL) return;
    t.challengeAt = now === 0 ? 1 : now;
  }
  t.set(F_ACK_NOW);
  e.activate(t);
}
