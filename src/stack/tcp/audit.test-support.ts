// Test support: what must hold of a connection's row at any moment between two passes, whatever has arrived.
// Called by the fuzzers of tcp/ (fuzz-world, and whoever likes); calls the engine's tables, reading only.

import assert from 'node:assert/strict';
import { seqDiff } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import {
  F_BLOCKED,
  F_FIN_KNOWN,
  F_FIN_RECEIVED,
  F_FIN_SENT,
  F_ORPHAN,
  F_OWNED,
  F_PERSIST,
  F_QUEUED,
  F2_SACK,
} from './flags.ts';
import { SEG_LOST, SEG_RETRANS, SEG_SACKED } from './scoreboard.ts';
import { CLOSED, ESTABLISHED, LISTEN, SYN_SENT, stateName, TIME_WAIT } from './state.ts';
import { Tcb } from './tcb.ts';

/** Cells of a span (base/spans.ts). */
const SPAN_NEXT = 0;
const SPAN_START = 1;
const SPAN_END = 2;

/** Fails where a row in use contradicts itself. `t` is aimed at it. Returns how many records its scoreboard holds. */
export function audit(e: Engine, t: Tcb): number {
  const where = `row ${t.row}, ${stateName(t.state)}`;
  assert.ok(t.has(F_OWNED) || t.has(F_ORPHAN) || t.has(F_QUEUED) || t.state !== CLOSED, `${where}: nobody knows it`);
  if (t.state === LISTEN) return 0;
  numbers(t, where);
  assert.equal(listBytes(t, t.sendList, where), t.i32[t.sendList + 2], `${where}: bytes of the send list`);
  assert.equal(listBytes(t, t.receiveList, where), t.i32[t.receiveList + 2], `${where}: bytes of the receive list`);
  outOfOrder(e, t, where);
  timers(e, t, where);
  return scoreboard(e, t, where);
}

/** Every row in use; returns how many there are. */
export function auditAll(e: Engine): number {
  const t = new Tcb(e.rows);
  let used = 0;
  let records = 0;
  for (let row = 1; row <= e.rows.highest; row++) {
    if (e.rows.i32[e.rows.cell(row) + 1] !== 1) continue;
    used++;
    records += audit(e, t.at(row));
  }
  assert.equal(used, e.rows.used, 'rows in use');
  assert.equal(records, e.scoreboard.used, 'records in use');
  return used;
}

/** SND.UNA <= SND.NXT <= all that the user has written, RCV.NXT <= the edge we offered. */
function numbers(t: Tcb, where: string): void {
  if (t.state === CLOSED) {
    assert.equal(t.i32[t.sendList + 2], 0, `${where}: a send list`);
    assert.equal(t.rangeCount, 0, `${where}: out-of-order data`);
    assert.ok(t.rtxAt === 0 && t.ackAt === 0 && t.longAt === 0, `${where}: a timer`);
    return;
  }
  const nxt = seqDiff(t.sndNxt, t.sndUna);
  assert.ok(nxt >= 0, `${where}: SND.UNA + ${nxt} = SND.NXT`);
  if (t.state >= ESTABLISHED && t.state !== TIME_WAIT) {
    const written = t.i32[t.sendList + 2]! + (t.has(F_FIN_SENT) ? 1 : 0);
    assert.ok(nxt <= written, `${where}: SND.UNA + ${nxt} = SND.NXT, ${written} written`);
    assert.ok(t.cwnd >= 1 && t.cwnd <= 1 << 30, `${where}: cwnd ${t.cwnd}`);
    assert.ok(t.ssthresh >= 1, `${where}: ssthresh ${t.ssthresh}`);
    assert.ok(t.mss >= 1 && t.mss <= 65535, `${where}: MSS ${t.mss}`);
    assert.ok(t.sndWnd >= 0 && t.sndWnd <= t.maxSndWnd, `${where}: window ${t.sndWnd} of ${t.maxSndWnd}`);
  }
  if (t.state === SYN_SENT) return;
  assert.ok(seqDiff(t.rcvAdv, t.rcvNxt) >= 0, `${where}: RCV.NXT beyond the edge that was offered`);
  assert.ok(seqDiff(t.rcvNxt, t.lastAckSent) >= 0, `${where}: an ACK went beyond RCV.NXT`);
  if (t.has(F_FIN_KNOWN) && !t.has(F_FIN_RECEIVED)) {
    assert.ok(seqDiff(t.rcvFin, t.rcvNxt) >= 0, `${where}: the peer's FIN lies behind RCV.NXT`);
  }
}

/**
 * The sender's scoreboard: records in order, apart, in flight, nothing left out while there are enough of them; what is SACKed,
 * lost, sent again and waiting are their sums (RFC 6675 section 4); the list of times has those that are in flight, the hints
 * point where they should. Without SACK duplicate ACKs stand for bytes that are SACKed.
 */
function scoreboard(e: Engine, t: Tcb, where: string): number {
  const board = e.scoreboard;
  const sums = { sacked: 0, lost: 0, retrans: 0, waiting: 0 };
  const inTime = new Set<number>();
  const sackedRecords = new Set<number>();
  let records = 0;
  let before = 0;
  let end = t.sndUna;
  let firstLost = 0;
  for (let rec = t.segHead; rec !== 0; rec = board.next(rec)) {
    const what = `${where}: record ${seqDiff(board.start(rec), t.sndUna)}:${seqDiff(board.end(rec), t.sndUna)}`;
    assert.equal(board.previous(rec), before, `${what}: the one before`);
    assert.ok(seqDiff(board.start(rec), end) >= 0 && seqDiff(board.end(rec), board.start(rec)) > 0, `${what} overlaps`);
    const state = board.state(rec);
    const bytes = seqDiff(board.end(rec), board.start(rec));
    const lost = (state & SEG_LOST) !== 0;
    const again = (state & SEG_RETRANS) !== 0;
    const sacked = (state & SEG_SACKED) !== 0;
    assert.ok(!sacked || (!lost && !again), `${what}: state ${state}`);
    assert.ok(
      !sacked || before === 0 || (board.state(before) & SEG_SACKED) === 0,
      `${what}: two SACKed ones side by side`,
    );
    if (sacked) sums.sacked += bytes;
    if (sacked) sackedRecords.add(rec);
    if (lost) sums.lost += bytes;
    if (again) sums.retrans += bytes;
    if (lost && !again) sums.waiting += bytes;
    if (lost && !again && firstLost === 0) firstLost = rec;
    if (!sacked && (!lost || again)) inTime.add(rec);
    end = board.end(rec);
    before = rec;
    records++;
  }
  assert.equal(t.segTail, before, `${where}: the last record`);
  assert.ok(seqDiff(t.sndNxt, end) >= 0, `${where}: a record beyond SND.NXT`);
  const { sackedBytes: sacked, lostBytes: lost, retransBytes: retrans, waitingBytes: waiting } = t;
  const counted = { sacked: t.has2(F2_SACK) ? sacked : 0, lost, retrans, waiting };
  assert.deepEqual(counted, sums, `${where}: bytes of records`);
  assert.ok(sacked >= 0 && sacked + lost <= seqDiff(t.sndNxt, t.sndUna), `${where}: ${sacked} SACKed, ${lost} lost`);
  assert.ok(t.sackHint === 0 || sackedRecords.has(t.sackHint), `${where}: the hint at what was SACKed last`);
  assert.equal(t.lostHint, firstLost, `${where}: the first that is lost and not sent again`);
  before = 0;
  for (let rec = t.timeHead; rec !== 0; rec = board.timeNext(rec)) {
    assert.ok(inTime.delete(rec), `${where}: a record in the list of times that is not in flight`);
    before = rec;
  }
  assert.equal(t.timeTail, before, `${where}: the last in the list of times`);
  assert.equal(inTime.size, 0, `${where}: records in flight that are not in the list of times`);
  return records;
}

/** Bytes that the spans of a list hold, counted; its tail is the last of them. */
function listBytes(t: Tcb, l: number, where: string): number {
  const { i32 } = t;
  let bytes = 0;
  let last = 0;
  for (let span = i32[l]!; span !== 0; span = i32[(span >> 2) + SPAN_NEXT]!) {
    const s = span >> 2;
    assert.ok(i32[s + SPAN_END]! > i32[s + SPAN_START]!, `${where}: an empty span`);
    bytes += i32[s + SPAN_END]! - i32[s + SPAN_START]!;
    last = span;
  }
  assert.equal(i32[l + 1], last, `${where}: tail of a list`);
  return bytes;
}

/** Sorted, apart, ahead of RCV.NXT, within what was offered, before the FIN, and counted. */
function outOfOrder(e: Engine, t: Tcb, where: string): void {
  const list = e.ranges.list(t);
  assert.equal(list.length, t.rangeCount, `${where}: ranges counted`);
  let before = 0;
  for (const range of list) {
    const start = seqDiff(range[0], t.rcvNxt);
    const end = seqDiff(range[1], t.rcvNxt);
    assert.ok(start > before && end > start, `${where}: range ${start}:${end} after ${before}`);
    assert.ok(end <= seqDiff(t.rcvAdv, t.rcvNxt), `${where}: range to ${end} beyond the edge`);
    if (t.has(F_FIN_KNOWN)) assert.ok(end <= seqDiff(t.rcvFin, t.rcvNxt), `${where}: range beyond the FIN`);
    before = end;
  }
}

/** What is in flight is timed; the wheel is set for the first deadline or earlier. */
function timers(e: Engine, t: Tcb, where: string): void {
  const waiting = t.state !== CLOSED && t.state !== TIME_WAIT && t.sndUna !== t.sndNxt;
  if (waiting && !t.has(F_BLOCKED)) assert.ok(t.rtxAt !== 0, `${where}: in flight and no timer`);
  if (t.has(F_PERSIST) && t.state !== CLOSED) assert.ok(t.rtxAt !== 0, `${where}: no persist timer`);
  if (t.state === TIME_WAIT) assert.ok(t.longAt !== 0, `${where}: no end of TIME-WAIT`);
  assert.ok(t.rto > 0 && t.rto <= e.core.settings.tcpRtoMax, `${where}: RTO ${t.rto}`);
  const deadlines = [t.rtxAt, t.ackAt, t.longAt].filter((at) => at !== 0);
  if (deadlines.length === 0) return;
  assert.ok(e.wheel.deadline(t.row) <= Math.min(...deadlines), `${where}: the wheel is late`);
}
