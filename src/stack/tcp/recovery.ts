// Loss recovery: what an ACK, a timeout or a smaller path MTU mean for what is in flight, and which phase the connection is in.
// Called by ack, timers and crank; calls rack, prr, undo, scoreboard and the congestion control. What is to be sent again output sends.
//
//            SACK, duplicate ACK               loss found                        ACK >= RECOVER
//   OPEN ───────────────────────► DISORDER ───────────────────────► RECOVERY ───────────────────► OPEN
//     │  ECE                                                           ▲  timeout: LOSS, likewise
//     └─────► CWR ─────────────────────────────────────────────────────┘

import { seqDiff, seqGe, seqGt, seqLt } from '../../base/seq.ts';
import { counter } from '../counters.ts';
import type { Engine } from './engine.ts';
import {
  F_RETRANSMIT,
  F2_CWR_DUE,
  F2_ECN,
  F2_FRTO,
  F2_FRTO_PROBE,
  F2_SACK,
  F2_SEND_TLP,
  F2_STAMPED,
  F2_TLP,
  F2_UNDO,
  PHASE_CWR,
  PHASE_DISORDER,
  PHASE_LOSS,
  PHASE_OPEN,
  PHASE_RECOVERY,
  TIMER_RTO,
} from './flags.ts';
import { NEWS_DSACK, NEWS_DUPLICATE, NEWS_ECE, NEWS_LOST_RETRANS, NEWS_ORIGINAL } from './news.ts';
import { beginReduction, endReduction, enterCwr, inReduction, reduce } from './prr.ts';
import {
  adaptReorderingWindow,
  DUPLICATES,
  lateForTimeout,
  lose,
  noteReordering,
  rackAdvance,
  rackDetect,
} from './rack.ts';
import { SEG_LOST, SEG_RETRANS, SEG_SACKED } from './scoreboard.ts';
import type { Tcb } from './tcb.ts';
import { beginUndo, tryKeepOpen, undoByDsack, undoLoss, undoPartial, undoRecovery } from './undo.ts';

const FAST_RECOVERIES: number = counter('tcp_fast_recoveries');
const SPURIOUS: number = counter('tcp_spurious_timeouts');

/** Most that a degree of reordering may count for, segments: duplicate ACKs that a peer without SACK must send. */
const MOST_REORDERING = 300;

/** What a peer that has taken SACKs back gets at least, us. */
const RENEGING_DELAY = 10_000;

/** After an ACK has been taken (e.news). Returns whether a timer was started that must be left alone. */
export function recoverAfterAck(e: Engine, t: Tcb): boolean {
  const news = e.news;
  const sack = t.has2(F2_SACK);
  if (news.reordered && t.phase !== PHASE_LOSS) noteReordering(t, news.lowest);
  if (sack) {
    rackAdvance(e, t);
    adaptReorderingWindow(e, t);
  }
  if (news.acked > 0 && reneged(e, t)) {
    // Maybe the rest of what SACKed is on its way: no timeout yet, but no whole RTO either.
    t.timer = TIMER_RTO;
    t.rtxAt = e.core.now.us + Math.max(t.srtt >> 1, RENEGING_DELAY);
    return true;
  }
  const dubious = news.has(NEWS_DUPLICATE | NEWS_DSACK | NEWS_ECE) || news.sacked > 0 || t.phase !== PHASE_OPEN;
  if (!dubious) return false;
  if (news.has(NEWS_ECE)) t.priorSsthresh = 0; // an echo of congestion: nothing to take back
  if (t.phase === PHASE_OPEN) t.unset2(F2_STAMPED);
  else if (!seqLt(t.sndUna, t.recover) && beyondRecover(e, t)) return false;
  return step(e, t, sack);
}

/** The peer has SACKed what it does not acknowledge now that all before it is: it has taken that back (RFC 2018 section 8). */
function reneged(e: Engine, t: Tcb): boolean {
  return t.segHead !== 0 && (e.scoreboard.state(t.segHead) & SEG_SACKED) !== 0;
}

/** SND.UNA has reached RECOVER. Returns true if that is all there is to say. */
function beyondRecover(e: Engine, t: Tcb): boolean {
  if (t.phase === PHASE_CWR) {
    // Not at RECOVER itself: what is sent next must have been cleared of the mark.
    if (t.sndUna !== t.recover) {
      endReduction(t);
      t.phase = PHASE_OPEN;
    }
  } else if (t.phase === PHASE_RECOVERY) {
    if (!t.has2(F2_SACK)) forgetDuplicates(t);
    if (undoRecovery(e, t)) return true;
    endReduction(t);
  }
  return false;
}

function step(e: Engine, t: Tcb, sack: boolean): boolean {
  const news = e.news;
  let timer = false;
  if (t.phase === PHASE_RECOVERY) {
    if (news.acked === 0) {
      if (!sack && news.has(NEWS_DUPLICATE)) addDuplicate(e, t);
    } else if (undoPartial(e, t)) return false;
    if (undoByDsack(e, t)) tryKeepOpen(t);
    timer = findLosses(e, t, sack);
    if (t.phase === PHASE_RECOVERY) return timer;
  } else if (t.phase === PHASE_LOSS) {
    lossAck(e, t, sack);
    if (t.phase === PHASE_LOSS || news.has(NEWS_LOST_RETRANS)) timer = findLosses(e, t, sack);
    if (t.phase !== PHASE_OPEN && !news.has(NEWS_LOST_RETRANS)) return timer;
  } else {
    if (!sack) {
      if (news.acked > 0) forgetDuplicates(t);
      if (news.has(NEWS_DUPLICATE)) addDuplicate(e, t);
    }
    if (t.phase <= PHASE_DISORDER) undoByDsack(e, t);
    timer = findLosses(e, t, sack);
  }
  if (t.lostBytes === 0) {
    if (t.retransBytes === 0) t.unset2(F2_STAMPED);
    if (news.has(NEWS_ECE)) enterCwr(e, t);
    if (t.phase !== PHASE_CWR) tryKeepOpen(t);
    return timer;
  }
  if (t.phase !== PHASE_LOSS || news.has(NEWS_LOST_RETRANS)) enterRecovery(e, t);
  return timer;
}

/** RFC 6675 section 5, RFC 8985 section 6.2: the loss is certain; a round trip of recovery begins. */
function enterRecovery(e: Engine, t: Tcb): void {
  const reduced = inReduction(t);
  const before = currentSsthresh(t);
  t.priorSsthresh = 0;
  beginUndo(t);
  if (!reduced) {
    if (!e.news.has(NEWS_ECE)) t.priorSsthresh = before;
    beginReduction(e, t);
  }
  t.phase = PHASE_RECOVERY;
  e.core.counters.add(FAST_RECOVERIES, 1);
}

/** What ssthresh would be worth if cwnd were to be kept (RFC 4015 section 3.2). */
export function currentSsthresh(t: Tcb): number {
  return inReduction(t) ? t.ssthresh : Math.max(t.ssthresh, (t.cwnd >> 1) + (t.cwnd >> 2));
}

/** Marks what must be lost by now. Returns whether the reordering timer runs. */
function findLosses(e: Engine, t: Tcb, sack: boolean): boolean {
  if (sack) return rackDetect(e, t);
  const enough = t.phase < PHASE_RECOVERY && t.dupAcks >= DUPLICATES;
  if (enough || (t.phase === PHASE_RECOVERY && e.news.acked > 0)) loseFirst(e, t);
  return false;
}

/** Without SACK the segment at SND.UNA is the one that is missing (RFC 5681 section 3.2, RFC 6582 section 3.2 step 3). */
function loseFirst(e: Engine, t: Tcb): void {
  const board = e.scoreboard;
  const head = t.segHead;
  if (head === 0 || (board.state(head) & SEG_LOST) !== 0) return;
  if (seqDiff(board.end(head), board.start(head)) > t.mss) board.split(t, head, (board.start(head) + t.mss) | 0);
  lose(e, t, head);
  t.sackedBytes = Math.min(t.sackedBytes, mostDuplicates(t, t.sndUna));
}

// ---- peers without SACK: duplicate ACKs stand for segments that have arrived ----------------------------------------

function addDuplicate(e: Engine, t: Tcb): void {
  const before = t.sackedBytes;
  t.sackedBytes = Math.min(before + t.mss, mostDuplicates(t, t.sndUna));
  t.dupAcks++;
  e.news.delivered += t.sackedBytes - before;
}

/** What duplicates can stand for above `una`: at least one segment, and whatever is lost, has not arrived. */
function mostDuplicates(t: Tcb, una: number): number {
  const most = seqDiff(t.sndNxt, una) - Math.max(t.mss, t.lostBytes);
  return Math.max(0, Math.min(most, MOST_REORDERING * t.mss));
}

/** SND.UNA has moved by `acked` bytes: one hole, and for the rest duplicates had been counted. */
export function removeDuplicates(e: Engine, t: Tcb, acked: number): void {
  const counted = Math.min(t.sackedBytes, Math.max(0, acked - t.mss));
  t.sackedBytes = Math.min(t.sackedBytes - counted, mostDuplicates(t, e.seg.ack));
  e.news.delivered -= counted;
  e.news.firstPartial = t.dupAcks >= DUPLICATES;
  t.dupAcks = 0;
}

function forgetDuplicates(t: Tcb): void {
  t.sackedBytes = 0;
  t.dupAcks = 0;
}

// ---- timeouts --------------------------------------------------------------------------------------------------------

/** The retransmission timer has fired (RFC 6298 section 5.4, RFC 8985 section 6.3): what is late counts as lost, cwnd is one segment. */
export function enterLoss(e: Engine, t: Tcb): void {
  const fresh = t.phase < PHASE_RECOVERY;
  e.news.begin(t.sndUna, 0);
  markForTimeout(e, t);
  if (t.phase <= PHASE_DISORDER || !seqGt(t.recover, t.sndUna) || (t.phase === PHASE_LOSS && t.retries === 1)) {
    t.priorSsthresh = currentSsthresh(t);
    t.priorCwnd = t.cwnd;
    t.ssthresh = e.control(t).reduce(e, t);
    e.control(t).timeout(e, t);
    beginUndo(t);
  }
  t.cwnd = Math.max(0, seqDiff(t.sndNxt, t.sndUna) - t.sackedBytes - t.lostBytes + t.retransBytes) + t.mss;
  if (t.phase <= PHASE_DISORDER && t.sackedBytes >= DUPLICATES * t.mss)
    t.reordering = Math.min(t.reordering, DUPLICATES * t.mss);
  t.phase = PHASE_LOSS;
  t.recover = t.sndNxt;
  t.unset2(F2_TLP | F2_SEND_TLP | F2_FRTO_PROBE);
  if (t.has2(F2_ECN)) t.set2(F2_CWR_DUE);
  // RFC 5682 section 2.1 step 1: not within another recovery; but the second timeout in a row asks anew.
  if (e.core.settings.tcpFrto && (fresh || t.retries > 1)) t.set2(F2_FRTO);
  else t.unset2(F2_FRTO);
}

function markForTimeout(e: Engine, t: Tcb): void {
  const board = e.scoreboard;
  const takenBack = reneged(e, t);
  if (takenBack) board.forgetSacks(t);
  if (!t.has2(F2_SACK)) forgetDuplicates(t);
  for (let rec = t.segHead; rec !== 0; rec = board.next(rec)) {
    const state = board.state(rec);
    if ((state & SEG_SACKED) !== 0 || (state & (SEG_LOST | SEG_RETRANS)) === SEG_LOST) continue;
    if (rec !== t.segHead && !takenBack && t.has2(F2_SACK) && !lateForTimeout(e, t, rec)) continue;
    lose(e, t, rec);
  }
}

/** An ACK after a timeout: was it needless (RFC 5682 section 3.1), is it over? */
function lossAck(e: Engine, t: Tcb, sack: boolean): void {
  const news = e.news;
  const recovered = seqGe(t.sndUna, t.recover);
  if (news.acked > 0 && undoLoss(e, t, false)) {
    e.core.counters.add(SPURIOUS, 1);
    return;
  }
  if (t.has2(F2_FRTO)) {
    if (news.has(NEWS_ORIGINAL) && undoLoss(e, t, true)) {
      e.core.counters.add(SPURIOUS, 1);
      return;
    }
    if (seqGt(t.sndNxt, t.recover)) {
      // Step 3.a: new text was sent, and only duplicates come: the loss was real.
      if (news.sacked > 0 || news.has(NEWS_DUPLICATE)) t.unset2(F2_FRTO | F2_FRTO_PROBE);
    } else if (news.acked > 0 && !recovered) {
      // Step 2.b: new text shall tell.
      t.recover = t.sndNxt;
      if (mayProbeWithNewText(t)) t.set2(F2_FRTO_PROBE);
      else t.unset2(F2_FRTO);
    }
  }
  if (recovered) {
    t.unset2(F2_FRTO | F2_FRTO_PROBE);
    undoRecovery(e, t);
    return;
  }
  if (sack) return;
  if (seqGt(t.sndNxt, t.recover) && news.has(NEWS_DUPLICATE)) addDuplicate(e, t);
  else if (news.acked > 0) forgetDuplicates(t);
}

/** Text that was never sent, and a window for it. */
function mayProbeWithNewText(t: Tcb): boolean {
  const unsent = seqDiff((t.sndUna + t.i32[t.sendList + 2]!) | 0, t.sndNxt);
  return unsent > 0 && seqGt((t.sndUna + t.sndWnd) | 0, t.sndNxt);
}

// ---- others ----------------------------------------------------------------------------------------------------------

/** The reordering timer has fired (RFC 8985 section 6.2 step 5). */
export function reorderingTimeout(e: Engine, t: Tcb): boolean {
  e.news.begin(t.sndUna, 0);
  const before = t.lostBytes;
  const timer = rackDetect(e, t);
  if (t.lostBytes > before && t.phase !== PHASE_RECOVERY) {
    enterRecovery(e, t);
    e.news.delivered = t.mss; // no ACK has come, but the first retransmission shall go
    reduce(e, t);
  }
  return timer;
}

/** The path has become narrower: what no longer fits goes out again in smaller segments; that is no sign of congestion (RFC 1191 section 6.4). */
export function resendTooBig(e: Engine, t: Tcb): void {
  const board = e.scoreboard;
  e.news.begin(t.sndUna, 0);
  const before = t.lostBytes;
  for (let rec = t.segHead; rec !== 0; rec = board.next(rec)) {
    const state = board.state(rec);
    if ((state & SEG_SACKED) !== 0 || (state & (SEG_LOST | SEG_RETRANS)) === SEG_LOST) continue;
    if (seqDiff(board.end(rec), board.start(rec)) > t.mss) lose(e, t, rec);
  }
  if (!t.has2(F2_SACK)) forgetDuplicates(t);
  if (t.lostBytes === before) return;
  if (t.phase !== PHASE_LOSS) {
    t.recover = t.sndNxt;
    t.ssthresh = currentSsthresh(t);
    t.priorSsthresh = 0;
    t.unset2(F2_UNDO | F2_FRTO | F2_FRTO_PROBE);
    t.phase = PHASE_LOSS;
  }
  t.unset(F_RETRANSMIT);
}
