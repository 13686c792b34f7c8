// The ACK step of segment arrival (RFC 9293 section 3.10.7.4, fifth): what is acknowledged leaves the send buffer, the RTT is
// measured, windows move. Called by input; calls recovery, rtt and the congestion control.

import { DROP_TCP_BAD_ACK, DROP_TCP_CHALLENGE } from '../../base/drop.ts';
import { seqDiff, seqGe, seqGt, seqLe, seqLt } from '../../base/seq.ts';
import { TCP_FIN } from '../../wire/tcp.ts';
import type { Packet } from '../packet.ts';
import { challenge } from './challenge.ts';
import { finWait2 } from './close.ts';
import type { Engine } from './engine.ts';
import {
  F_FIN_SENT,
  F_ORPHAN,
  F_PERSIST,
  F_RECOVERY,
  F_RETRANSMIT,
  F_TIMESTAMPS,
  F_TIMING,
  F_WANT_WRITE,
  F2_PROVING,
  F2_SIZES,
} from './flags.ts';
import { established, handshakeWaits } from './input-open.ts';
import { sizesAcked } from './path-size.ts';
import { ackInRecovery, duplicateAck } from './recovery.ts';
import { sendResetFor } from './reset.ts';
import { rttSample } from './rtt.ts';
import { tellRoom } from './send-room.ts';
import { afterFinAcked, CLOSED, FIN_WAIT_2, SYN_RECEIVED, TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';

/** Takes SEG.ACK. Returns 0, or a positive drop reason: the segment is not looked at further. `t` may be gone afterwards. */
export function ackArrives(e: Engine, t: Tcb, p: Packet): number {
  const seg = e.seg;
  if (t.state === SYN_RECEIVED) {
    if (!seqGt(seg.ack, t.sndUna) || !seqLe(seg.ack, t.sndMax)) {
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
  if (seqGt(seg.ack, t.sndMax) || (seqLt(seg.ack, t.sndUna) && tooOld(t, seg.ack))) {
    challenge(e, t);
    return DROP_TCP_CHALLENGE;
  }
  if (t.state === TIME_WAIT) return 0;
  const acked = seqDiff(seg.ack, t.sndUna);
  const before = t.sndWnd;
  const news = windowUpdate(e, t);
  if (acked > 0) advance(e, t, acked);
  else if (isDuplicate(e, t, acked, before, news)) {
    duplicateAck(e, t);
    e.activate(t);
  } else if (news) e.activate(t);
  return 0;
}

/** SEG.ACK < SND.UNA - MAX.SND.WND (RFC 5961 section 5.2), or before there was anything to acknowledge. */
function tooOld(t: Tcb, ack: number): boolean {
  return seqDiff(t.sndUna, ack) > Math.min(t.maxSndWnd, t.bytesAcked + 1);
}

/** RFC 5681 section 2: outstanding data, no text, no FIN, the highest ACK, and the same window. */
function isDuplicate(e: Engine, t: Tcb, acked: number, before: number, news: boolean): boolean {
  const seg = e.seg;
  return (
    acked === 0 &&
    seg.length === 0 &&
    (seg.flags & TCP_FIN) === 0 &&
    t.sndUna !== t.sndMax &&
    !t.has(F_PERSIST) &&
    (!news || t.sndWnd === before)
  );
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
  if (t.has(F_PERSIST)) {
    if (window > 0 && seqLt(t.sndNxt, (seg.ack + window) | 0)) {
      t.unset(F_PERSIST);
      t.rtxAt = 0;
      t.retries = 0;
      changed = true;
    }
  }
  return changed;
}

/** SND.UNA moves by `acked` > 0. */
function advance(e: Engine, t: Tcb, acked: number): void {
  const now = e.core.now;
  const finAcked = t.has(F_FIN_SENT) && seqGe(e.seg.ack, (t.sndUna + t.i32[t.sendList + 2]! + 1) | 0);
  const limited = cwndWasFull(t);
  measure(e, t);
  const text = finAcked ? acked - 1 : acked;
  e.core.spans.drop(t.sendList, text);
  t.bytesAcked += text;
  t.sndUna = e.seg.ack;
  if (seqLt(t.sndNxt, t.sndUna)) t.sndNxt = t.sndUna;
  t.retries = 0;
  t.softError = 0;
  t.unset(F_RETRANSMIT);
  // RECOVER keeps behind, lest after 2 GiB without a loss it lies ahead.
  if (!t.has(F_RECOVERY) && seqGt((t.sndUna - 1) | 0, t.recover)) t.recover = (t.sndUna - 2) | 0;
  if (!seqGt(t.cursorSeq, t.sndUna)) t.cursorSpan = 0;
  let restart = true;
  if (t.has(F_RECOVERY)) restart = ackInRecovery(e, t, acked);
  else {
    t.dupAcks = 0;
    e.cc.acked(t, acked, limited);
  }
  // RFC 6298 section 5.2 and 5.3.
  if (t.sndUna === t.sndMax) t.rtxAt = 0;
  else if (restart) t.rtxAt = now.us + t.rto;
  e.floor.neighbours.confirm(t.neighbour);
  if (t.has2(F2_PROVING | F2_SIZES)) sizesAcked(e, t);
  if (t.has(F_WANT_WRITE)) tellRoom(e, t);
  e.activate(t);
  if (finAcked) finAcknowledged(e, t);
}

/** Whether the flight filled the congestion window (within a segment): otherwise the application or the peer was the limit. */
function cwndWasFull(t: Tcb): boolean {
  const flight = seqDiff(t.sndMax, t.sndUna);
  return flight + t.mss > t.cwnd || (t.cwnd < t.ssthresh && flight * 2 >= t.cwnd);
}

/** An RTT sample: of the timed segment, or of the echoed timestamp where the timing was given up (Karn; RFC 6298 section 3). */
function measure(e: Engine, t: Tcb): void {
  const now = e.core.now;
  const seg = e.seg;
  if (t.has(F_TIMING)) {
    if (seqGe(seg.ack, t.timedSeq)) {
      t.unset(F_TIMING);
      rttSample(t, (now.us32 - t.timedAt) | 0, e.core.settings);
    }
  } else if (t.has(F_TIMESTAMPS) && seg.options.hasTimestamps && seg.options.tsEcr !== 0) {
    const ms = (now.ms32 + t.tsOffset - seg.options.tsEcr) | 0;
    if (ms >= 0 && ms < 1_000_000) rttSample(t, ms * 1000, e.core.settings);
  }
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
