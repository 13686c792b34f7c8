// The ACK step of segment arrival (RFC 9293 section 3.10.7.4, fifth): what is acknowledged leaves the send buffer, the RTT is
// measured, windows move. Called by input; calls sack, rtt, tlp, recovery, rate and the congestion control, in this order.

import { DROP_TCP_BAD_ACK, DROP_TCP_CHALLENGE } from '../../base/drop.ts';
import { seqDiff, seqGe, seqGt, seqLe, seqLt } from '../../base/seq.ts';
import { TCP_ECE, TCP_FIN, TCP_SYN } from '../../wire/tcp.ts';
import type { Packet } from '../packet.ts';
import { tuneSend } from './buffers.ts';
import { challenge } from './challenge.ts';
import { finWait2 } from './close.ts';
import { isLimited } from './cwnd.ts';
import type { Engine } from './engine.ts';
import {
  F_FIN_SENT,
  F_ORPHAN,
  F_PERSIST,
  F_RETRANSMIT,
  F_TIMESTAMPS,
  F_WANT_WRITE,
  F2_ECN,
  F2_PROVING,
  F2_REORDERED,
  F2_SACK,
  F2_SIZES,
  PHASE_OPEN,
  PHASE_RECOVERY,
  TIMER_REO,
  TIMER_RTO,
} from './flags.ts';
import { established, handshakeWaits } from './input-open.ts';
import { NEWS_DSACK, NEWS_DUPLICATE, NEWS_ECE, NEWS_ORIGINAL, NEWS_RETRANS_ACKED } from './news.ts';
import { sizesAcked } from './path-size.ts';
import { inReduction, reduce } from './prr.ts';
import { rateSample, updatePacing } from './rate.ts';
import { recoverAfterAck, removeDuplicates } from './recovery.ts';
import { sendResetFor } from './reset.ts';
import { noteLeast, overrideTime, rttSample } from './rtt.ts';
import { takeSacks } from './sack-input.ts';
import { pipe, SEG_EVER, SEG_SACKED } from './scoreboard.ts';
import { tellRoom } from './send-room.ts';
import { afterFinAcked, CLOSED, FIN_WAIT_2, SYN_RECEIVED, TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';
import { probeAcked, restartRto, scheduleProbe } from './tlp.ts';

/** Takes SEG.ACK. Returns 0, or a positive drop reason: the segment is not looked at further. `t` may be gone afterwards. */
export function ackArrives(e: Engine, t: Tcb, p: Packet): number {
  const seg = e.seg;
  if (t.state === SYN_RECEIVED) {
    if (!seqGt(seg.ack, t.sndUna) || !seqLe(seg.ack, t.sndNxt)) {
      sendResetFor(e, p);
      return DROP_TCP_BAD_ACK;
    }
    const waits = handshakeWaits(e, t);
    if (waits !== 0) return waits < 0 ? 0 : waits;
    t.sndWnd = seg.window << t.sndScale;
    t.maxSndWnd = t.sndWnd;
    t.sndWl1 = seg.seq;
    t.sndWl2 = seg.ack;
    established(e, t);
    e.activate(t);
  }
  // RFC 5961 section 5: not for what was never sent, nor older than any window we have seen.
  if (seqGt(seg.ack, t.sndNxt) || (seqLt(seg.ack, t.sndUna) && tooOld(t, seg.ack))) {
    challenge(e, t);
    return DROP_TCP_CHALLENGE;
  }
  if (t.state === TIME_WAIT) return 0;
  const acked = seqDiff(seg.ack, t.sndUna);
  const before = t.sndWnd;
  const changed = windowUpdate(e, t);
  // Nothing is in flight, so nothing is told but of what has arrived twice: most of what a receiver gets.
  if (t.sndUna === t.sndNxt) {
    if (seg.options.sackCount > 0 && t.has2(F2_SACK)) lateReport(e, t);
    if (changed) e.activate(t);
    return 0;
  }
  if (acked < 0) return 0;
  const news = e.news;
  news.begin(t.sndUna, pipe(t));
  news.priorHigh = t.highSacked;
  if (acked === 0 && isDuplicate(e, t, before, changed)) news.flags |= NEWS_DUPLICATE;
  if (t.has2(F2_ECN) && (seg.flags & (TCP_ECE | TCP_SYN)) === TCP_ECE) news.flags |= NEWS_ECE;
  if (seg.options.sackCount > 0 && t.has2(F2_SACK)) takeSacks(e, t);
  const finAcked = acked > 0 && advance(e, t, acked);
  measure(e, t);
  if (acked > 0 && seqLt(t.highSacked, t.sndUna)) t.highSacked = t.sndUna;
  probeAcked(e, t);
  const timer = recoverAfterAck(e, t);
  restartTimer(e, t, acked, timer);
  control(e, t, acked);
  if (acked > 0 || changed || news.flags !== 0 || news.sacked > 0) e.activate(t);
  if (finAcked) finAcknowledged(e, t);
  return 0;
}

/** SEG.ACK < SND.UNA - MAX.SND.WND (RFC 5961 section 5.2), or before there was anything to acknowledge. */
function tooOld(t: Tcb, ack: number): boolean {
  return seqDiff(t.sndUna, ack) > Math.min(t.maxSndWnd, t.bytesAcked + 1);
}

/** A D-SACK that comes when everything is acknowledged: the last retransmission, or a probe, was needless (RFC 2883). */
function lateReport(e: Engine, t: Tcb): void {
  e.news.begin(t.sndUna, 0);
  e.news.priorHigh = t.highSacked;
  takeSacks(e, t);
  if (!e.news.has(NEWS_DSACK)) return;
  probeAcked(e, t);
  recoverAfterAck(e, t);
}

/** RFC 5681 section 2: outstanding data, no text, no FIN, the highest ACK, and the same window. */
function isDuplicate(e: Engine, t: Tcb, before: number, changed: boolean): boolean {
  const seg = e.seg;
  return seg.length === 0 && (seg.flags & TCP_FIN) === 0 && !t.has(F_PERSIST) && (!changed || t.sndWnd === before);
}

/** SND.WND from a segment that is not older than the last one that set it. Returns whether that changes what may be sent. */
function windowUpdate(e: Engine, t: Tcb): boolean {
  const seg = e.seg;
  if (seqLt(seg.ack, t.sndUna)) return false;
  if (!(seqLt(t.sndWl1, seg.seq) || (t.sndWl1 === seg.seq && seqLe(t.sndWl2, seg.ack)))) return false;
  const window = seg.window << t.sndScale;
  let changed = window !== t.sndWnd;
  t.sndWnd = window;
  t.sndWl1 = seg.seq;
  t.sndWl2 = seg.ack;
  if (window > t.maxSndWnd) t.maxSndWnd = window;
  if (t.has(F_PERSIST) && window > 0 && seqLt(t.sndNxt, (seg.ack + window) | 0)) {
    // Output sends if that is enough. If it is not, a peer that goes on talking must not put the timer off again and again.
    t.retries = 0;
    t.rtxAt = Math.min(t.rtxAt, e.core.now.us + overrideTime(t));
    changed = true;
  }
  return changed;
}

/** SND.UNA moves by `acked` > 0. Returns whether that covers our FIN. */
function advance(e: Engine, t: Tcb, acked: number): boolean {
  const finAcked = t.has(F_FIN_SENT) && seqGe(e.seg.ack, (t.sndUna + t.i32[t.sendList + 2]! + 1) | 0);
  takeRecords(e, t, e.seg.ack);
  if (!t.has2(F2_SACK)) {
    removeDuplicates(e, t, acked);
    // Without SACK nothing says which of the two sendings has arrived (RFC 5682 section 2.1).
    if (e.news.has(NEWS_RETRANS_ACKED)) e.news.flags &= ~NEWS_ORIGINAL;
  }
  const text = finAcked ? acked - 1 : acked;
  e.core.spans.drop(t.sendList, text);
  t.bytesAcked += text;
  e.news.acked = acked;
  t.sndUna = e.seg.ack;
  t.retries = 0;
  t.softError = 0;
  t.unset(F_RETRANSMIT);
  // RECOVER keeps behind, lest after 2 GiB without a loss it lies ahead.
  if (t.phase === PHASE_OPEN && seqLt(t.recover, t.sndUna)) t.recover = t.sndUna;
  if (!seqGt(t.cursorSeq, t.sndUna)) t.cursorSpan = 0;
  if (seqLt(t.sndSml, t.sndUna)) t.sndSml = t.sndUna;
  e.floor.neighbours.confirm(t.neighbour);
  tuneSend(e, t);
  if (t.has2(F2_PROVING | F2_SIZES)) sizesAcked(e, t);
  if (t.has(F_WANT_WRITE)) tellRoom(e, t);
  return finAcked;
}

/** The records below `ack` are done with; one that it ends in is cut. */
function takeRecords(e: Engine, t: Tcb, ack: number): void {
  const board = e.scoreboard;
  const news = e.news;
  // Below anything SACKed a record may be late, and then it has more to tell.
  if (t.segHead !== 0 && !seqGt(t.highSacked, t.sndUna)) {
    const first = board.start(t.segHead);
    const firstSent = board.sentAt(t.segHead);
    const last = board.shiftPlain(t, ack);
    if (last !== 0) {
      news.deliverTrain(board, last, firstSent);
      news.delivered += seqDiff(board.end(last), first);
      if (seqLt(first, t.recover)) news.flags |= NEWS_ORIGINAL;
    }
  }
  for (let rec = t.segHead; rec !== 0 && seqLt(board.start(rec), ack); rec = t.segHead) {
    const start = board.start(rec);
    const end = board.end(rec);
    const whole = seqLe(end, ack);
    const state = board.state(rec);
    if ((state & SEG_SACKED) === 0) {
      news.deliver(board, rec, false);
      const bytes = seqDiff(whole ? end : ack, start);
      news.delivered += bytes;
      if ((state & SEG_EVER) !== 0) news.again += bytes;
      else {
        if (seqLe(end, t.recover)) news.flags |= NEWS_ORIGINAL;
        if (seqLt(start, news.priorHigh) && (!news.reordered || seqLt(start, news.lowest))) {
          news.reordered = true;
          news.lowest = start;
        }
      }
    }
    if (whole) board.shift(t);
    else {
      board.trim(t, ack);
      return;
    }
  }
}

/** An RTT sample: of what was sent once (Karn), else of the echoed timestamp (RFC 6298 section 3, RFC 7323 section 4). */
function measure(e: Engine, t: Tcb): void {
  const now = e.core.now;
  const { seg, news } = e;
  let rtt = -1;
  if (news.firstSent !== 0 && !news.has(NEWS_RETRANS_ACKED)) {
    rtt = now.us - news.firstSent;
    news.rtt = Math.max(1, (now.us - news.lastSent) | 0);
    noteLeast(t, news.rtt, now.us);
  } else if (news.sackFirstSent !== 0) {
    rtt = now.us - news.sackFirstSent;
    noteLeast(t, rtt | 0, now.us);
  } else if (news.acked > 0 && t.has(F_TIMESTAMPS) && seg.options.hasTimestamps && seg.options.tsEcr !== 0) {
    const ms = (now.ms32 + t.tsOffset - seg.options.tsEcr) | 0;
    if (ms < 0 || ms >= 1_000_000) return;
    rtt = Math.max(1, ms) * 1000;
  }
  if (rtt >= 0) rttSample(t, Math.min(rtt, 0x7fffffff) | 0, e.core.settings);
}

/** RFC 6298 section 5.2 and 5.3, RFC 8985 section 7.2. `running`: recovery has just set a timer of its own. */
function restartTimer(e: Engine, t: Tcb, acked: number, running: boolean): void {
  if (t.sndUna === t.sndNxt) {
    t.rtxAt = 0;
    t.timer = TIMER_RTO;
    return;
  }
  if (running) return;
  // Without SACK only the first partial ACK restarts it (the impatient variant, RFC 6582 section 4), so that many holes end
  // in a timeout instead of one segment a round trip.
  if (acked > 0 && t.phase === PHASE_RECOVERY && !t.has2(F2_SACK) && !e.news.firstPartial) return;
  const { news, scoreboard } = e;
  // SACKs keep the timer off as long as they are of what was sent before the first segment was last sent.
  const fresh = news.sackFirstSent !== 0 && t.segHead !== 0 && news.sackFirstSent < scoreboard.sentAt(t.segHead);
  if (acked > 0 || fresh) {
    if (!scheduleProbe(e, t, true)) restartRto(e, t);
  } else if (t.timer === TIMER_REO) restartRto(e, t);
}

/** cwnd: PRR's while it is being reduced, else the congestion control's. */
function control(e: Engine, t: Tcb, acked: number): void {
  rateSample(e, t);
  if (inReduction(t)) reduce(e, t);
  else if (acked > 0 || (e.news.sacked > 0 && t.has2(F2_REORDERED))) e.control(t).acked(e, t, isLimited(t));
  updatePacing(e, t);
}

function finAcknowledged(e: Engine, t: Tcb): void {
  const next = afterFinAcked(t.state);
  if (next === CLOSED) e.finish(t);
  else if (next === TIME_WAIT) e.enterTimeWait(t);
  else if (next !== t.state) {
    t.state = next;
    // Not for ever: the user has gone and the peer may have, too.
    if (next === FIN_WAIT_2 && t.has(F_ORPHAN)) t.longAt = e.core.now.us + finWait2(e, t);
  }
}
