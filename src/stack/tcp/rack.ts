// RACK: a segment is lost when one that was sent well after it has arrived (RFC 8985 section 6).
// Called by recovery after each ACK and when the reordering timer fires; calls scoreboard.

import { seqDiff, seqGe, seqGt, seqLt } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F2_REORDERED, PHASE_RECOVERY, TIMER_REO } from './flags.ts';
import { NEWS_DSACK, NEWS_LOST_RETRANS } from './news.ts';
import { SEG_RETRANS } from './scoreboard.ts';
import type { Tcb } from './tcb.ts';

/** DupThresh (RFC 5681 section 3.2). */
export const DUPLICATES = 3;
/** Recoveries for which a reordering window that proved too small stays large (section 6.2 step 4). */
const PERSIST = 16;
/** RACK.reo_wnd_mult at most: the window ends at SRTT anyway. */
const MOST_MULT = 255;

/** Steps 1 and 2: RACK.rtt, RACK.xmit_ts and RACK.end_seq follow the record delivered that was sent last. */
export function rackAdvance(e: Engine, t: Tcb): boolean {
  const news = e.news;
  const sentAt = news.latest;
  if (sentAt === 0) return false;
  const rtt = e.core.now.us - sentAt;
  // Of the two sendings it was more likely the first that arrived: no round trip is that short.
  if (news.rackEver && rtt < t.minRtt) return false;
  t.rackRtt = Math.min(rtt, 0x7fffffff) | 0;
  if (sentAt > t.rackAt || (sentAt === t.rackAt && seqGt(news.rackEnd, t.rackEnd))) {
    t.rackAt = sentAt;
    t.rackEnd = news.rackEnd;
  }
  return true;
}

/** Step 3: something that was sent once arrived after what was sent later. `lowest`: its number. */
export function noteReordering(t: Tcb, lowest: number): void {
  t.set2(F2_REORDERED);
  const distance = seqDiff(t.highSacked, lowest);
  if (distance > t.reordering) t.reordering = distance;
}

/** Step 4: RACK.reo_wnd, us. */
function reorderingWindow(t: Tcb): number {
  if (!t.has2(F2_REORDERED) && (t.phase >= PHASE_RECOVERY || t.sackedSegments >= DUPLICATES)) return 0;
  return Math.min((t.minRtt >> 2) * Math.max(1, t.reoWndMult), t.srtt);
}

/** Step 4, the adaptation: a D-SACK says that the window was too small, at most once a round trip. */
export function adaptReorderingWindow(e: Engine, t: Tcb): void {
  if (!e.news.has(NEWS_DSACK)) return;
  if (t.reoWndPersist > 0 && seqLt(t.sndUna, t.dsackRound)) return;
  t.reoWndMult = Math.min(MOST_MULT, Math.max(1, t.reoWndMult) + 1);
  t.reoWndPersist = PERSIST;
  t.dsackRound = t.sndNxt;
}

/** A recovery has ended without a sign that it was needless. */
export function recoveryWasNeeded(t: Tcb): void {
  if (t.reoWndPersist > 0 && --t.reoWndPersist === 0) t.reoWndMult = 1;
}

/**
 * Step 5: marks what was sent by more than RACK.reo_wnd before RACK.xmit_ts, and starts the reordering timer for what might
 * be lost soon. Returns whether the timer runs.
 */
export function rackDetect(e: Engine, t: Tcb): boolean {
  const board = e.scoreboard;
  const now = e.core.now.us;
  const window = t.rackRtt + reorderingWindow(t);
  let wait = 0;
  for (let rec = t.timeHead; rec !== 0; ) {
    const sentAt = board.sentAt(rec);
    if (sentAt > t.rackAt || (sentAt === t.rackAt && seqGe(board.end(rec), t.rackEnd))) break;
    const next = board.timeNext(rec);
    const remaining = sentAt + window - now;
    if (remaining <= 0) lose(e, t, rec);
    else if (remaining > wait) wait = remaining;
    rec = next;
  }
  if (wait === 0) return false;
  t.timer = TIMER_REO;
  // The clock's resolution on top: a timer that fires early would find nothing lost, and wait again.
  t.rtxAt = now + wait + e.core.settings.tcpTimerMin;
  return true;
}

/** Whether record `rec` is late enough to count as lost when the retransmission timer fires (section 6.3). */
export function lateForTimeout(e: Engine, t: Tcb, rec: number): boolean {
  return e.scoreboard.sentAt(rec) + t.rackRtt + reorderingWindow(t) - e.core.now.us <= 0;
}

/** Record `rec` counts as lost from now on. */
export function lose(e: Engine, t: Tcb, rec: number): void {
  const board = e.scoreboard;
  e.news.lost += seqDiff(board.end(rec), board.start(rec));
  if ((board.state(rec) & SEG_RETRANS) !== 0) e.news.flags |= NEWS_LOST_RETRANS;
  board.markLost(t, rec);
}
