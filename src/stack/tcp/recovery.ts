// Loss recovery without SACK: duplicate ACKs, fast retransmit and NewReno's fast recovery (RFC 5681 section 3.2, RFC 6582).
// Called by the ACK step of input; calls the congestion control. SACK, RACK and PRR will stand beside this file.

import { seqDiff, seqGe, seqGt } from '../../base/seq.ts';
import { counter } from '../counters.ts';
import type { Engine } from './engine.ts';
import { F_RECOVERY, F_RETRANSMIT } from './flags.ts';
import type { Tcb } from './tcb.ts';

const FAST_RETRANSMITS: number = counter('tcp_fast_retransmits');
const DUPLICATES = 3;

/** A duplicate ACK as RFC 5681 section 2 defines it has arrived. */
export function duplicateAck(e: Engine, t: Tcb): void {
  if (t.has(F_RECOVERY)) {
    e.cc.duplicate(t);
    return;
  }
  t.dupAcks++;
  if (t.dupAcks !== DUPLICATES) return;
  // RFC 6582 section 3.2 step 2: not for a loss that an earlier recovery or timeout has already answered.
  if (!seqGt((t.sndUna - 1) | 0, t.recover)) return;
  t.recover = (t.sndMax - 1) | 0;
  e.cc.loss(t, seqDiff(t.sndNxt, t.sndUna));
  t.set(F_RECOVERY | F_RETRANSMIT);
  e.core.counters.add(FAST_RETRANSMITS, 1);
}

/** SND.UNA has advanced by `acked` to its new value. Returns whether the retransmission timer is to be restarted. */
export function ackInRecovery(e: Engine, t: Tcb, acked: number): boolean {
  if (seqGe((t.sndUna - 1) | 0, t.recover)) {
    t.unset(F_RECOVERY);
    t.dupAcks = 0;
    e.cc.recovered(t, seqDiff(t.sndNxt, t.sndUna));
    return true;
  }
  // A partial ACK: the next hole begins at SND.UNA. The timer is restarted for the first one only (the impatient variant,
  // RFC 6582 section 3.2 step 3), so that many holes end in a timeout instead of one segment a round trip.
  e.cc.partial(t, acked);
  t.set(F_RETRANSMIT);
  const first = t.dupAcks >= DUPLICATES;
  t.dupAcks = 0;
  return first;
}

/** The retransmission timer fired: whatever recovery was under way is over. */
export function recoveryTimeout(t: Tcb): void {
  t.unset(F_RECOVERY | F_RETRANSMIT);
  t.dupAcks = 0;
  t.recover = (t.sndMax - 1) | 0;
}
