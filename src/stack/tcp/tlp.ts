// Tail loss probes: when the last segments of a flight are lost no ACK tells; a probe after two round trips makes the peer speak (RFC 8985 section 7).
// Called by timers, ack and output; calls scoreboard.

import { seqDiff, seqGt, seqLt } from '../../base/seq.ts';
import { counter } from '../counters.ts';
import type { Engine } from './engine.ts';
import { F_PERSIST, F2_SACK, F2_TLP, F2_TLP_RETRANS, PHASE_CWR, PHASE_OPEN, TIMER_RTO, TIMER_TLP } from './flags.ts';
import { NEWS_DSACK_TLP, NEWS_DUPLICATE } from './news.ts';
import { beginReduction, endReduction } from './prr.ts';
import type { Tcb } from './tcb.ts';
import { tryKeepOpen } from './undo.ts';

const PROBES: number = counter('tcp_tail_loss_probes');
const REPAIRED: number = counter('tcp_tail_losses_repaired');

/** When the RTO fires, counted from the sending of what is outstanding longest, us from now. */
export function rtoLeft(e: Engine, t: Tcb): number {
  const head = t.segHead;
  return head === 0 ? t.rto : e.scoreboard.sentAt(head) + t.rto - e.core.now.us;
}

/** The retransmission timer runs anew: from now, or, where another timer has run in its place, from when it would have. */
export function restartRto(e: Engine, t: Tcb): void {
  const left = t.timer === TIMER_RTO ? t.rto : Math.max(1, rtoLeft(e, t));
  t.timer = TIMER_RTO;
  t.rtxAt = e.core.now.us + left;
}

/**
 * Starts the probe's timer in place of the RTO's where that is allowed (section 7.2). `advancing`: an ACK has just shown
 * progress, so the RTO counts from now. Returns whether it runs.
 */
export function scheduleProbe(e: Engine, t: Tcb, advancing: boolean): boolean {
  const s = e.core.settings;
  if (!s.tcpTailLossProbe || !t.has2(F2_SACK) || t.has(F_PERSIST) || t.segHead === 0) return false;
  if (t.phase !== PHASE_OPEN && t.phase !== PHASE_CWR) return false;
  let timeout = s.tcpRtoInitial;
  if (t.srtt > 0) {
    timeout = 2 * t.srtt;
    // One segment in flight: the peer may delay its ACK (section 7.2, WCDelAckT).
    const one = t.segHead === t.segTail && seqDiff(t.sndNxt, t.sndUna) <= t.mss + 1; // with its FIN
    timeout += one ? s.tcpRtoMin : s.tcpTimerMin;
  }
  const rto = advancing ? t.rto : rtoLeft(e, t);
  if (rto > 0 && rto < timeout) timeout = rto;
  t.timer = TIMER_TLP;
  t.rtxAt = e.core.now.us + timeout;
  return true;
}

/** The probe has been sent; it was a retransmission or new text. Only the RTO comes now. */
export function probeSent(e: Engine, t: Tcb, retransmission: boolean): void {
  t.set2(F2_TLP);
  if (retransmission) t.set2(F2_TLP_RETRANS);
  else t.unset2(F2_TLP_RETRANS);
  t.tlpEnd = t.sndNxt;
  t.timer = TIMER_RTO;
  t.rtxAt = e.core.now.us + t.rto;
  e.core.counters.add(PROBES, 1);
}

/** Section 7.4: whether the probe repaired a loss, which then counts as one. */
export function probeAcked(e: Engine, t: Tcb): void {
  const { seg, news } = e;
  if (!t.has2(F2_TLP) || seqLt(seg.ack, t.tlpEnd)) return;
  if (!t.has2(F2_TLP_RETRANS) || news.has(NEWS_DSACK_TLP)) {
    t.unset2(F2_TLP);
  } else if (seqGt(seg.ack, t.tlpEnd)) {
    // The probe alone carried what it did: the original was lost, and cwnd has to answer for it.
    t.unset2(F2_TLP);
    e.core.counters.add(REPAIRED, 1);
    if (t.phase === PHASE_OPEN || t.phase === PHASE_CWR) {
      beginReduction(e, t);
      t.phase = PHASE_CWR;
      endReduction(t);
      tryKeepOpen(t);
    }
  } else if (news.has(NEWS_DUPLICATE) && news.acked === 0 && news.sacked === 0) {
    t.unset2(F2_TLP); // both have arrived
  }
}
