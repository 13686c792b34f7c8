// The text and FIN steps of segment arrival (RFC 9293 section 3.10.7.4, seventh and eighth).
// Called by input; calls Spans, the out-of-order queue, and who acknowledges (delayed-ack, sack, ecn).

import {
  DROP_TCP_AFTER_CLOSE,
  DROP_TCP_DUPLICATE,
  DROP_TCP_OUT_OF_ORDER_LIMIT,
  DROP_TCP_RCV_BUFFER_FULL,
} from '../../base/drop.ts';
import { ECONNRESET } from '../../base/errno.ts';
import { seqDiff, seqGt, seqLt } from '../../base/seq.ts';
import { CHUNK } from '../../base/spans.ts';
import { TCP_FIN } from '../../wire/tcp.ts';
import { counter } from '../counters.ts';
import type { Packet } from '../packet.ts';
import { acknowledgeLater } from './delayed-ack.ts';
import { takeMark } from './ecn.ts';
import type { Engine } from './engine.ts';
import {
  F_ACK_NOW,
  F_FIN_KNOWN,
  F_FIN_RECEIVED,
  F_ORPHAN,
  F2_ECN_ECHO,
  F2_SHUT,
  READY_END,
  READY_READ,
} from './flags.ts';
import { sendResetFor } from './reset.ts';
import { ackBefore, noteDuplicate } from './sack.ts';
import { afterFinReceived, mayReceive, TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';
import { receiveWindow } from './window.ts';

const OUT_OF_ORDER: number = counter('tcp_out_of_order');
const RECEIVED_BYTES: number = counter('tcp_received_bytes');

/** Takes SEG.TEXT and FIN of an acceptable segment. Returns 0, or a positive drop reason. `t` may be gone afterwards. */
export function textArrives(e: Engine, t: Tcb, p: Packet): number {
  const seg = e.seg;
  if (!mayReceive(t.state)) {
    // After the peer's FIN no text can follow: it is ignored. A FIN, and a repetition with more behind it, is acknowledged.
    if (seg.has(TCP_FIN) || seqLt(seg.seq, t.rcvNxt)) {
      t.set(F_ACK_NOW);
      e.activate(t);
    }
    return DROP_TCP_AFTER_CLOSE;
  }
  if (t.has(F_ORPHAN) && seg.length > 0 && seqGt((seg.seq + seg.length) | 0, t.rcvNxt)) {
    // RFC 9293 section 3.6.1 (MUST-13): data after the user has closed is lost, and the peer shall know it.
    sendResetFor(e, p);
    e.fail(t, ECONNRESET);
    return DROP_TCP_AFTER_CLOSE;
  }
  const before = t.rcvNxt;
  const held = t.ranges !== 0;
  let drop = 0;
  if (seg.length > 0) {
    t.dataSegsIn = (t.dataSegsIn + 1) | 0;
    t.lastDataAt = e.core.now.us;
    if (t.has(F_ACK_NOW)) ackBefore(e, t);
    if (t.has2(F2_ECN_ECHO)) takeMark(e, t, p);
    drop = takeText(e, t);
  }
  if (seg.has(TCP_FIN)) noteFin(e, t);
  const advanced = seqDiff(t.rcvNxt, before);
  if (advanced > 0) {
    t.bytesReceived += advanced;
    e.core.counters.add(RECEIVED_BYTES, advanced);
    e.notify(t, READY_READ);
  }
  acknowledgeLater(e, t, advanced, held);
  if (t.has(F_FIN_KNOWN) && t.rcvFin === t.rcvNxt) finStep(e, t);
  e.activate(t);
  return drop;
}

/** Cuts the text to the window and files it, in order or ahead. Advances RCV.NXT by no more than has been stored. */
function takeText(e: Engine, t: Tcb): number {
  const seg = e.seg;
  let seq = seg.seq;
  let at = seg.payload;
  let length = seg.length;
  const old = seqDiff(t.rcvNxt, seq);
  if (old > 0) {
    noteDuplicate(e, t, seq, seqDiff(t.rcvNxt, seq) < length ? t.rcvNxt : (seq + length) | 0);
    seq = t.rcvNxt;
    at += old;
    length -= old;
  }
  // What was promised while memory was plenty is not kept when others need the rest: the peer sends it again.
  const promised = receiveWindow(t);
  const room = Math.max(0, Math.min(promised, e.share() - t.i32[t.receiveList + 2]!));
  const excess = seqDiff((seq + length) | 0, (t.rcvNxt + room) | 0);
  if (excess > 0) {
    length -= excess;
    t.set(F_ACK_NOW); // the peer shall learn our window
  }
  // What lies behind the peer's FIN cannot be.
  if (t.has(F_FIN_KNOWN)) length = Math.min(length, seqDiff(t.rcvFin, seq));
  if (length <= 0) {
    if (old > 0 && excess <= 0) return DROP_TCP_DUPLICATE;
    if (room === 0 && promised > 0) t.set2(F2_SHUT);
    return DROP_TCP_RCV_BUFFER_FULL;
  }
  return seq === t.rcvNxt ? takeInOrder(e, t, at, length) : takeAhead(e, t, seq, at, length);
}

/**
 * Text ahead of RCV.NXT. A connection has as many ranges as a quarter of what is left for all would hold (a range takes a
 * chunk, however few its bytes), and the last eighth of memory is for text in order. Where that is exceeded, what lies
 * farther ahead gives way, though SACK has reported it (RFC 2018 section 8 allows it): the peer sends it again.
 */
function takeAhead(e: Engine, t: Tcb, seq: number, at: number, length: number): number {
  const { ranges } = e;
  const { spans } = e.core;
  e.core.counters.add(OUT_OF_ORDER, 1);
  const reserve = spans.totalBytes >>> 3;
  while (spans.availableBytes <= reserve) {
    if (!ranges.dropLast(t, (seq + length) | 0)) return DROP_TCP_OUT_OF_ORDER_LIMIT;
  }
  let max = rangesAfforded(e, t);
  while (t.rangeCount >= max && ranges.dropLast(t, (seq + length) | 0)) max = rangesAfforded(e, t);
  max = Math.min(max, e.core.settings.tcpMaxRanges);
  const added = ranges.insert(t, seq, length, at, max);
  if (ranges.duplicateStart !== ranges.duplicateEnd) {
    noteDuplicate(e, t, ranges.duplicateStart, ranges.duplicateEnd);
    if (added === 0) return DROP_TCP_DUPLICATE;
  }
  return added > 0 ? 0 : DROP_TCP_OUT_OF_ORDER_LIMIT;
}

/** Ranges that `t` may have now, at least one. */
function rangesAfforded(e: Engine, t: Tcb): number {
  return Math.min((e.share() / CHUNK) | 0, t.rangeCount + ((e.ranges.available + 3) >> 2));
}

/** Text at RCV.NXT: to the receive list, and after it what was held ahead; where the two overlap, what was held. */
function takeInOrder(e: Engine, t: Tcb, at: number, length: number): number {
  const { spans, u8 } = e.core;
  const end = (t.rcvNxt + length) | 0;
  const from = (at - t.rcvNxt) | 0;
  while (seqLt(t.rcvNxt, end)) {
    const stop = t.ranges !== 0 && seqLt(e.ranges.start(t), end) ? e.ranges.start(t) : end;
    const n = seqDiff(stop, t.rcvNxt);
    const took = spans.append(t.receiveList, u8, (from + t.rcvNxt) | 0, n);
    t.rcvNxt = (t.rcvNxt + took) | 0;
    if (took < n) {
      // No chunk is free: what is next in order goes before what is held ahead, the farthest first, which will be sent again.
      if (e.ranges.dropLast(t, t.rcvNxt)) continue;
      t.set2(F2_SHUT);
      return DROP_TCP_RCV_BUFFER_FULL;
    }
    if (t.ranges === 0) continue;
    if (seqLt(stop, end)) {
      const held = e.ranges.firstEnd(t);
      noteDuplicate(e, t, stop, seqLt(held, end) ? held : end);
    }
    t.rcvNxt = (t.rcvNxt + e.ranges.pull(t)) | 0;
  }
  return 0;
}

/** Remembers where the peer's FIN lies, unless that is beyond the window, before what we have, or known already. */
function noteFin(e: Engine, t: Tcb): void {
  const at = (e.seg.seq + e.seg.length) | 0;
  if (t.has(F_FIN_KNOWN) || seqGt(at, t.rcvAdv) || seqLt(at, e.ranges.end(t))) return;
  t.set(F_FIN_KNOWN);
  t.rcvFin = at;
}

/** The FIN is next in order: RCV.NXT passes it, and the user is told. */
function finStep(e: Engine, t: Tcb): void {
  t.rcvNxt = (t.rcvNxt + 1) | 0;
  if (seqLt(t.rcvAdv, t.rcvNxt)) t.rcvAdv = t.rcvNxt;
  t.set(F_FIN_RECEIVED | F_ACK_NOW);
  e.notify(t, READY_END | READY_READ);
  const next = afterFinReceived(t.state);
  if (next === TIME_WAIT) e.enterTimeWait(t);
  else t.state = next;
}
