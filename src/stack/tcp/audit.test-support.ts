// Test support: what must hold of a connection's row at any moment between two passes, whatever has arrived.
// Called by the fuzzers of tcp/ (fuzz-world, and whoever likes); calls the engine's tables, reading only.

import assert from 'node:assert/strict';
import { seqDiff } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F_BLOCKED, F_FIN_KNOWN, F_FIN_RECEIVED, F_FIN_SENT, F_ORPHAN, F_OWNED, F_PERSIST, F_QUEUED } from './flags.ts';
import { CLOSED, ESTABLISHED, LISTEN, SYN_SENT, stateName, TIME_WAIT } from './state.ts';
import { Tcb } from './tcb.ts';

/** Cells of a span (base/spans.ts). */
const SPAN_NEXT = 0;
const SPAN_START = 1;
const SPAN_END = 2;

/** Fails where a row in use contradicts itself. `t` is aimed at it. */
export function audit(e: Engine, t: Tcb): void {
  const where = `row ${t.row}, ${stateName(t.state)}`;
  assert.ok(t.has(F_OWNED) || t.has(F_ORPHAN) || t.has(F_QUEUED) || t.state !== CLOSED, `${where}: nobody knows it`);
  if (t.state === LISTEN) return;
  numbers(t, where);
  scoreboard(t, where);
  assert.equal(listBytes(t, t.sendList, where), t.i32[t.sendList + 2], `${where}: bytes of the send list`);
  assert.equal(listBytes(t, t.receiveList, where), t.i32[t.receiveList + 2], `${where}: bytes of the receive list`);
  outOfOrder(e, t, where);
  timers(e, t, where);
}

/** Every row in use; returns how many there are. */
export function auditAll(e: Engine): number {
  const t = new Tcb(e.rows);
  let used = 0;
  for (let row = 1; row <= e.rows.highest; row++) {
    if (e.rows.i32[e.rows.cell(row) + 1] !== 1) continue;
    used++;
    audit(e, t.at(row));
  }
  assert.equal(used, e.rows.used, 'rows in use');
  return used;
}

/** SND.UNA <= SND.NXT <= SND.MAX <= all that the user has written, RCV.NXT <= the edge we offered. */
function numbers(t: Tcb, where: string): void {
  if (t.state === CLOSED) {
    assert.equal(t.i32[t.sendList + 2], 0, `${where}: a send list`);
    assert.equal(t.rangeCount, 0, `${where}: out-of-order data`);
    assert.ok(t.rtxAt === 0 && t.ackAt === 0 && t.longAt === 0, `${where}: a timer`);
    return;
  }
  const nxt = seqDiff(t.sndNxt, t.sndUna);
  const max = seqDiff(t.sndMax, t.sndUna);
  assert.ok(nxt >= 0 && nxt <= max, `${where}: SND.UNA + ${nxt} = SND.NXT, + ${max} = SND.MAX`);
  if (t.state >= ESTABLISHED && t.state !== TIME_WAIT) {
    const written = t.i32[t.sendList + 2]! + (t.has(F_FIN_SENT) ? 1 : 0);
    assert.ok(max <= written, `${where}: SND.UNA + ${max} = SND.MAX, ${written} written`);
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

/** The sender's scoreboard: what is SACKed, lost and sent again lies in flight (RFC 6675 section 4). To be filled with it. */
function scoreboard(t: Tcb, where: string): void {
  if (t.state < ESTABLISHED || t.state === TIME_WAIT) return;
  const flight = seqDiff(t.sndMax, t.sndUna);
  const text = `${where}: ${t.sackedBytes} SACKed, ${t.lostBytes} lost, ${t.retransBytes} sent again of ${flight} in flight`;
  assert.ok(t.sackedBytes >= 0 && t.lostBytes >= 0 && t.retransBytes >= 0, text);
  assert.ok(t.sackedBytes + t.lostBytes <= flight && t.retransBytes <= flight, text);
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
  const waiting = t.state !== CLOSED && t.state !== TIME_WAIT && t.sndUna !== t.sndMax;
  if (waiting && !t.has(F_BLOCKED)) assert.ok(t.rtxAt !== 0, `${where}: in flight and no timer`);
  if (t.has(F_PERSIST) && t.state !== CLOSED) assert.ok(t.rtxAt !== 0, `${where}: no persist timer`);
  if (t.state === TIME_WAIT) assert.ok(t.longAt !== 0, `${where}: no end of TIME-WAIT`);
  assert.ok(t.rto > 0 && t.rto <= e.core.settings.tcpRtoMax, `${where}: RTO ${t.rto}`);
  const deadlines = [t.rtxAt, t.ackAt, t.longAt].filter((at) => at !== 0);
  if (deadlines.length === 0) return;
  assert.ok(e.wheel.deadline(t.row) <= Math.min(...deadlines), `${where}: the wheel is late`);
}
