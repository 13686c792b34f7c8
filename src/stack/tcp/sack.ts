// SACK and D-SACK on what we send (RFC 2018 section 4, RFC 2883 section 4), and what they leave of a segment for text.
// Called by input and data (duplicates), emit (the option) and output (sizes); calls ranges.

import { seqGe, seqGt, seqLe } from '../../base/seq.ts';
import { putTcpSack, TCP_MAX_SACK_BLOCKS, TCP_TIMESTAMPS_LENGTH } from '../../wire/tcp-options.ts';
import { enterQuick } from './delayed-ack.ts';
import type { Engine } from './engine.ts';
import { F_ACK_NOW, F_TIMESTAMPS, F2_DSACK, F2_SACK } from './flags.ts';
import { sendAckDue } from './output.ts';
import { TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';

/** Bytes that a header has for options (RFC 9293 section 3.1). */
const OPTION_SPACE = 40;
/** Up to this largest window, bytes, segments are not cut to half of it: it is no more than a segment of RFC 9293's default. */
const SMALL_WINDOW = 536;

const edges: Int32Array = new Int32Array(2 * TCP_MAX_SACK_BLOCKS);

/**
 * [start, end) of the segment in hand had been received before: the next ACK says so, once (RFC 2883 section 4). Of several
 * pieces of a segment the first is reported; what waits to be reported of an earlier one has gone out (ackBefore).
 */
export function noteDuplicate(e: Engine, t: Tcb, start: number, end: number): void {
  if (t.has2(F2_DSACK) || !t.has2(F2_SACK) || !e.core.settings.tcpDsack) return;
  t.set2(F2_DSACK);
  t.dsackStart = start;
  t.dsackEnd = end;
}

/** The segment in hand does not simply continue the text: the ACK that is due goes out before it is looked at, as things stand. */
export function ackBefore(e: Engine, t: Tcb): void {
  const { seq, length } = e.seg;
  if (!t.has(F_ACK_NOW)) return;
  if (t.has2(F2_DSACK) || seqGt(seq, t.rcvNxt) || seqLe((seq + length) | 0, t.rcvNxt)) sendAckDue(e, t);
}

/** The segment in hand, which is refused for its number or its timestamp, may be a duplicate all the same (RFC 2883 sections 4.1 and 4.3). */
export function refusedDuplicate(e: Engine, t: Tcb): void {
  const { seq, space } = e.seg;
  // In TIME-WAIT nobody is left to whom it would matter.
  if (space === 0 || seqGe(seq, t.rcvNxt) || t.state === TIME_WAIT) return;
  const end = (seq + space) | 0;
  enterQuick(e, t);
  ackBefore(e, t);
  noteDuplicate(e, t, seq, seqGt(end, t.rcvNxt) ? t.rcvNxt : end);
}

/** How many SACK blocks are to be sent and fit into `room` bytes of options. */
export function sackBlocks(t: Tcb, room: number): number {
  if (!t.has2(F2_SACK)) return 0;
  const due = t.rangeCount + (t.has2(F2_DSACK) ? 1 : 0);
  return Math.max(0, Math.min(due, (room - 4) >> 3));
}

/** Bytes of the option with so many blocks. */
export function sackLength(blocks: number): number {
  return blocks > 0 ? 4 + 8 * blocks : 0;
}

/** The room for SACK in a segment with `length` bytes of text: the text comes first, and keeps at least half of a segment. */
export function sackRoom(t: Tcb, length: number): number {
  const space = OPTION_SPACE - (t.has(F_TIMESTAMPS) ? TCP_TIMESTAMPS_LENGTH : 0);
  return length === 0 ? space : Math.min(space, length <= t.mss ? t.mss - length : t.mss >> 1);
}

/** Writes `blocks` > 0 blocks at `at`: a duplicate first, then held ranges, the one that changed last before the others. */
export function writeSack(e: Engine, t: Tcb, at: number, blocks: number): void {
  let first = 0;
  if (t.has2(F2_DSACK)) {
    t.unset2(F2_DSACK);
    edges[0] = t.dsackStart;
    edges[1] = t.dsackEnd;
    first = 1;
  }
  const n = first + e.ranges.blocks(t, edges, first, blocks - first);
  putTcpSack(e.core.u8, at, edges, 0, n);
}

/**
 * Text of a full segment sent now: less what SACK blocks take, as in Linux; and at most half of the largest window seen, lest
 * a large MTU leaves a window that takes one segment and waits for its delayed ACK (RFC 9293 section 3.8.6.2.1).
 */
export function sendMss(t: Tcb): number {
  let mss = t.mss;
  const half = t.maxSndWnd >> 1;
  if (half < mss && t.maxSndWnd > SMALL_WINDOW) mss = half;
  if (t.rangeCount === 0 && !t.has2(F2_DSACK)) return mss;
  const left = t.mss - sackLength(sackBlocks(t, sackRoom(t, 0)));
  return left < mss && left >= t.mss >> 1 ? left : mss;
}
