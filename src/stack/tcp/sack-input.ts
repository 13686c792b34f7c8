// What the SACK blocks of an ACK say (RFC 2018 section 5, RFC 2883 section 4, RFC 6675 section 4): segments are marked, duplicates noted.
// Called by ack; calls scoreboard and news. A block costs what it tells anew: those of the ACK before are passed over.

import { seqDiff, seqGe, seqGt, seqLe, seqLt } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F2_TLP, F2_TLP_RETRANS } from './flags.ts';
import { NEWS_DSACK, NEWS_DSACK_TLP, NEWS_ORIGINAL } from './news.ts';
import { inFlight, SEG_EVER, SEG_SACKED } from './scoreboard.ts';
import { TCB_SACK_SEEN, type Tcb } from './tcb.ts';
import { countDuplicate } from './undo.ts';

/** Records that the blocks of one ACK may step over: what lies beyond is told again by later ones. */
const MOST_STEPS = 16_384;

/** Takes the blocks of the segment in hand, before SND.UNA moves. */
export function takeSacks(e: Engine, t: Tcb): void {
  const { sack, sackCount } = e.seg.options;
  const { i32 } = t;
  const seen = t.c + TCB_SACK_SEEN;
  let first = 0;
  if (isDuplicateReport(e)) {
    first = 1;
    if (duplicateIsOurs(t, sack[0]!, sack[1]!)) duplicateReported(e, t, sack[0]!, sack[1]!);
  }
  let steps = MOST_STEPS;
  for (let i = first; i < sackCount; i++) {
    let start = sack[2 * i]!;
    const end = sack[2 * i + 1]!;
    if (wasSeen(i32, seen, start, end)) continue;
    if (seqLt(start, t.sndUna)) start = t.sndUna;
    if (!inFlight(t, start, end)) continue;
    if (seqLt(start, e.seg.ack)) start = e.seg.ack; // what SEG.ACK covers is its to tell
    if (seqLt(start, end)) steps = mark(e, t, start, end, steps);
  }
  for (let i = 0; i < 8; i++) i32[seen + i] = i < 2 * sackCount ? sack[i]! : 0;
}

function wasSeen(i32: Int32Array, seen: number, start: number, end: number): boolean {
  for (let i = seen; i < seen + 8; i += 2) if (i32[i] === start && i32[i + 1] === end) return true;
  return false;
}

/** RFC 2883 section 4: the first block lies below SEG.ACK, or within the second. */
function isDuplicateReport(e: Engine): boolean {
  const { sack, sackCount } = e.seg.options;
  if (seqLe(sack[1]!, e.seg.ack) && seqLt(sack[0]!, e.seg.ack)) return true;
  return sackCount > 1 && seqGe(sack[0]!, sack[2]!) && seqLe(sack[1]!, sack[3]!);
}

/** A report of what we cannot have sent lately says nothing. */
function duplicateIsOurs(t: Tcb, start: number, end: number): boolean {
  return seqLt(start, end) && seqLe(end, t.sndNxt) && seqGe(start, (t.sndUna - Math.max(t.maxSndWnd, 65535)) | 0);
}

function duplicateReported(e: Engine, t: Tcb, start: number, end: number): void {
  const news = e.news;
  // More than we ever sent twice: the network makes duplicates, and its reports say nothing of us (RFC 3708 section 3).
  t.bytesDuplicate += seqDiff(end, start);
  if (t.bytesDuplicate > t.bytesRetransmitted) return;
  news.flags |= NEWS_DSACK;
  if (t.has2(F2_TLP) && t.has2(F2_TLP_RETRANS) && end === t.tlpEnd && seqDiff(end, start) <= t.mss) {
    news.flags |= NEWS_DSACK_TLP;
  }
  countDuplicate(t, start, end);
}

/** Marks whole segments in [start, end) that are not SACKed yet. Returns the steps that are left. */
function mark(e: Engine, t: Tcb, start: number, end: number, steps: number): number {
  const board = e.scoreboard;
  let rec = t.sackHint !== 0 && seqLe(board.start(t.sackHint), start) ? t.sackHint : t.segHead;
  for (; rec !== 0 && steps > 0; steps--) {
    const from = board.start(rec);
    const to = board.end(rec);
    if (seqGe(from, end)) break;
    if (seqLe(to, start) || (board.state(rec) & SEG_SACKED) !== 0) {
      rec = board.next(rec);
      continue;
    }
    // A record of several segments is cut at segments: what of one is not whole has not arrived.
    if (seqLt(from, start)) {
      const skip = Math.ceil(seqDiff(start, from) / t.mss) * t.mss;
      if (skip < seqDiff(to, from) && !board.split(t, rec, (from + skip) | 0)) return 0;
      rec = board.next(rec);
      continue;
    }
    if (seqGt(to, end)) {
      const keep = Math.floor(seqDiff(end, from) / t.mss) * t.mss;
      if (keep === 0 || !board.split(t, rec, (from + keep) | 0)) return steps;
    }
    rec = board.next(arrived(e, t, rec));
  }
  return steps;
}

/** Record `rec` has arrived. Returns the record that it is part of afterwards. */
function arrived(e: Engine, t: Tcb, rec: number): number {
  const board = e.scoreboard;
  const news = e.news;
  const from = board.start(rec);
  const to = board.end(rec);
  const bytes = seqDiff(to, from);
  news.deliver(board, rec, true);
  if ((board.state(rec) & SEG_EVER) !== 0) news.again += bytes;
  else {
    if (seqLe(to, t.recover)) news.flags |= NEWS_ORIGINAL;
    // Below what has arrived, and never sent again: it was not lost, but late.
    if (seqLt(from, news.priorHigh) && (!news.reordered || seqLt(from, news.lowest))) {
      news.reordered = true;
      news.lowest = from;
    }
  }
  news.sacked += bytes;
  news.delivered += bytes;
  if (seqGt(to, t.highSacked)) t.highSacked = to;
  const whole = board.sacked(t, rec);
  t.sackHint = whole;
  return whole;
}
