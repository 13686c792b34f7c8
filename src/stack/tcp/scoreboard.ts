// What has been sent and is not yet acknowledged: a record for each stretch sent at once, in sequence order and in order of sending.
// Called by output (sent, sent again), ack and sack (delivered), rack and recovery (lost); calls Pool. RFC 6675 section 4's scoreboard.
//
//   record (64 bytes):  [ next | start | end | state | next in time | previous in time | previous | segments, if SACKed ]   int32
//                       [ sent at | delivered | delivered at | first sent at ]                               float64
//
// Length: one structure with its invariants; a part of it could not be read alone.
//
// Those that are neither SACKed nor lost stand in the list of times too, oldest sending first: RACK looks at its head only.
// Neighbours that are SACKed become one record. A record of several segments is cut where an ACK or a SACK block ends in it.

import type { Arena } from '../../base/arena.ts';
import { Pool } from '../../base/pool.ts';
import { seqDiff, seqGe, seqGt, seqLe, seqLt } from '../../base/seq.ts';
import { F2_APP_LIMITED } from './flags.ts';
import type { Tcb } from './tcb.ts';

const NEXT = 0;
const START = 1;
const END = 2;
const STATE = 3;
const TIME_NEXT = 4;
const TIME_PREVIOUS = 5;
const PREVIOUS = 6;
const SEGMENTS = 7;
const SENT_AT = 4;
const DELIVERED = 5;
const DELIVERED_AT = 6;
const FIRST_SENT_AT = 7;
const RECORD = 64;

/** States of a record: bits. */
export const SEG_SACKED = 1;
export const SEG_LOST = 2;
/** Sent again, and that is in flight. */
export const SEG_RETRANS = 4;
/** Was ever sent again: its ACK tells nothing of the path's time (Karn). */
export const SEG_EVER = 8;
export const SEG_APP_LIMITED = 16;
/** Its last segment bears PSH. */
export const SEG_PUSH = 32;

/** States that mean that more is known of a record than that it was sent. */
const TOLD: number = SEG_SACKED | SEG_LOST | SEG_RETRANS | SEG_EVER;

export class Scoreboard {
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly #pool: Pool;
  /** Records kept back for connections that have none: everybody can have one. */
  readonly #reserve: number;

  constructor(arena: Arena, connections: number) {
    this.i32 = arena.i32;
    this.f64 = arena.f64;
    this.#pool = new Pool(arena, 'tcp.segments', Math.max(4096, 2 * connections), RECORD, 64);
    this.#reserve = Math.min(connections, this.#pool.count >> 1);
  }

  /** Records taken over all connections. */
  get used(): number {
    return this.#pool.used;
  }

  // ---- one record (named by its arena offset; 0: none) -------------------------------------------------------------

  next(rec: number): number {
    return this.i32[(rec >> 2) + NEXT]!;
  }
  previous(rec: number): number {
    return this.i32[(rec >> 2) + PREVIOUS]!;
  }
  start(rec: number): number {
    return this.i32[(rec >> 2) + START]!;
  }
  end(rec: number): number {
    return this.i32[(rec >> 2) + END]!;
  }
  state(rec: number): number {
    return this.i32[(rec >> 2) + STATE]!;
  }
  timeNext(rec: number): number {
    return this.i32[(rec >> 2) + TIME_NEXT]!;
  }
  /** When it was last sent, us. */
  sentAt(rec: number): number {
    return this.f64[(rec >> 3) + SENT_AT]!;
  }
  /** t.delivered, t.deliveredAt and t.firstSentAt when it was sent. */
  delivered(rec: number): number {
    return this.f64[(rec >> 3) + DELIVERED]!;
  }
  deliveredAt(rec: number): number {
    return this.f64[(rec >> 3) + DELIVERED_AT]!;
  }
  firstSentAt(rec: number): number {
    return this.f64[(rec >> 3) + FIRST_SENT_AT]!;
  }

  // ---- sending -----------------------------------------------------------------------------------------------------

  /** New sequence space [start, end) goes out now. Where records are short, the last one grows: its times become coarser. */
  sent(t: Tcb, start: number, end: number, now: number, push: boolean): void {
    const { i32 } = this;
    if (t.segHead === 0) {
      t.firstSentAt = now;
      t.deliveredAt = now;
    }
    if (this.#continues(t, start, end, now)) {
      i32[(t.segTail >> 2) + END] = end;
      if (push) i32[(t.segTail >> 2) + STATE]! |= SEG_PUSH;
      return;
    }
    let rec = 0;
    if (t.segTail === 0 || this.#pool.available > this.#reserve) rec = this.#pool.alloc();
    if (rec === 0) {
      const tail = t.segTail;
      if (tail === 0) return; // not even the reserve: an ACK of all of it, or a timeout, still works
      if ((this.state(tail) & (SEG_SACKED | SEG_LOST | SEG_RETRANS)) === 0) {
        i32[(tail >> 2) + END] = end;
        if (push) i32[(tail >> 2) + STATE]! |= SEG_PUSH;
        this.#stamp(t, tail, now);
        this.#timeRemove(t, tail);
        this.#timeAppend(t, tail);
        return;
      }
      rec = this.#pool.alloc();
      if (rec === 0) return;
    }
    const r = rec >> 2;
    const tail = t.segTail;
    i32[r + NEXT] = 0;
    i32[r + START] = start;
    i32[r + END] = end;
    i32[r + STATE] = push ? SEG_PUSH : 0;
    i32[r + PREVIOUS] = tail;
    if (tail === 0) t.segHead = rec;
    else i32[(tail >> 2) + NEXT] = rec;
    t.segTail = rec;
    this.#stamp(t, rec, now);
    this.#timeAppend(t, rec);
  }

  /**
   * Whether [start, end) is one more full segment of the stretch that goes out at this moment: it is part of its record then,
   * which can be cut at segments. Not across RECOVER: what lies before it and behind it tells different things.
   */
  #continues(t: Tcb, start: number, end: number, now: number): boolean {
    const tail = t.segTail;
    if (tail === 0 || this.f64[(tail >> 3) + SENT_AT] !== now || seqDiff(end, start) !== t.mss) return false;
    const r = tail >> 2;
    if ((this.i32[r + STATE]! & ~SEG_APP_LIMITED) !== 0 || start === t.recover) return false;
    return seqDiff(start, this.i32[r + START]!) % t.mss === 0;
  }

  /** Record `rec` goes out again now. */
  resent(t: Tcb, rec: number, now: number): void {
    const r = rec >> 2;
    const state = this.i32[r + STATE]!;
    const bytes = seqDiff(this.i32[r + END]!, this.i32[r + START]!);
    if (this.#inTime(state)) this.#timeRemove(t, rec);
    else t.waitingBytes -= bytes;
    if ((state & SEG_RETRANS) === 0) t.retransBytes += bytes;
    this.i32[r + STATE] = (state & ~SEG_APP_LIMITED) | SEG_RETRANS | SEG_EVER;
    this.#stamp(t, rec, now);
    this.#timeAppend(t, rec);
    if (rec === t.lostHint) this.#nextLost(t);
  }

  #stamp(t: Tcb, rec: number, now: number): void {
    const { f64 } = this;
    const r = rec >> 3;
    f64[r + SENT_AT] = now;
    f64[r + DELIVERED] = t.delivered;
    f64[r + DELIVERED_AT] = t.deliveredAt;
    f64[r + FIRST_SENT_AT] = t.firstSentAt;
    if (t.has2(F2_APP_LIMITED)) this.i32[(rec >> 2) + STATE]! |= SEG_APP_LIMITED;
  }

  // ---- delivered ---------------------------------------------------------------------------------------------------

  /** Takes the first record out: all of it is acknowledged. */
  shift(t: Tcb): void {
    const { i32 } = this;
    const rec = t.segHead;
    const r = rec >> 2;
    this.#discount(t, rec, seqDiff(i32[r + END]!, i32[r + START]!));
    if ((i32[r + STATE]! & SEG_SACKED) !== 0) t.sackedSegments -= i32[r + SEGMENTS]!;
    if (this.#inTime(i32[r + STATE]!)) this.#timeRemove(t, rec);
    const next = i32[r + NEXT]!;
    t.segHead = next;
    if (next === 0) t.segTail = 0;
    else i32[(next >> 2) + PREVIOUS] = 0;
    if (rec === t.sackHint) t.sackHint = 0;
    if (rec === t.lostHint) {
      t.lostHint = next;
      if (next !== 0) this.#seekLost(t);
    }
    this.#pool.free(rec);
  }

  /**
   * Takes out the records from the first on that end at or before `ack` and have been sent once and told nothing since: what
   * most ACKs are about. Returns the last of them, whose bytes stay until something else is sent; 0: there is none.
   */
  shiftPlain(t: Tcb, ack: number): number {
    const { i32 } = this;
    let last = 0;
    let rec = t.segHead;
    while (rec !== 0) {
      const r = rec >> 2;
      if ((i32[r + STATE]! & TOLD) !== 0 || seqGt(i32[r + END]!, ack)) break;
      if (t.timeHead === rec) {
        const next = i32[r + TIME_NEXT]!;
        t.timeHead = next;
        if (next === 0) t.timeTail = 0;
        else i32[(next >> 2) + TIME_PREVIOUS] = 0;
      } else this.#timeRemove(t, rec);
      this.#pool.free(rec);
      last = rec;
      rec = i32[r + NEXT]!;
    }
    if (last === 0) return 0;
    t.segHead = rec;
    if (rec === 0) t.segTail = 0;
    else i32[(rec >> 2) + PREVIOUS] = 0;
    return last;
  }

  /** The first record is acknowledged up to `una`, which lies inside it. */
  trim(t: Tcb, una: number): void {
    const r = t.segHead >> 2;
    this.#discount(t, t.segHead, seqDiff(una, this.i32[r + START]!));
    this.i32[r + START] = una;
    if ((this.i32[r + STATE]! & SEG_SACKED) === 0) return;
    // How many of them these were nobody knows.
    const excess = this.i32[r + SEGMENTS]! - seqDiff(this.i32[r + END]!, una);
    if (excess <= 0) return;
    this.i32[r + SEGMENTS]! -= excess;
    t.sackedSegments -= excess;
  }

  /** `bytes` of record `rec` no longer count as what its state says. */
  #discount(t: Tcb, rec: number, bytes: number): void {
    const state = this.state(rec);
    if (state === 0) return;
    if ((state & SEG_SACKED) !== 0) t.sackedBytes -= bytes;
    if ((state & SEG_LOST) !== 0) t.lostBytes -= bytes;
    if ((state & SEG_RETRANS) !== 0) t.retransBytes -= bytes;
    else if ((state & SEG_LOST) !== 0) t.waitingBytes -= bytes;
  }

  /** Record `rec` is SACKed. Returns the record that it is part of afterwards. */
  sacked(t: Tcb, rec: number): number {
    const { i32 } = this;
    const r = rec >> 2;
    const bytes = seqDiff(i32[r + END]!, i32[r + START]!);
    this.#discount(t, rec, bytes);
    if (this.#inTime(i32[r + STATE]!)) this.#timeRemove(t, rec);
    i32[r + STATE] = SEG_SACKED | (i32[r + STATE]! & SEG_PUSH);
    t.sackedBytes += bytes;
    i32[r + SEGMENTS] = Math.ceil(bytes / t.mss);
    t.sackedSegments += i32[r + SEGMENTS]!;
    if (rec === t.lostHint) this.#nextLost(t);
    const next = i32[r + NEXT]!;
    if (next !== 0 && (this.state(next) & SEG_SACKED) !== 0) this.#absorb(t, rec, next);
    const previous = i32[r + PREVIOUS]!;
    if (previous === 0 || (this.state(previous) & SEG_SACKED) === 0) return rec;
    this.#absorb(t, previous, rec);
    return previous;
  }

  /** The peer has taken back what it SACKed (RFC 2018 section 8): nothing counts as SACKed any more. */
  forgetSacks(t: Tcb): void {
    for (let rec = t.segTail; rec !== 0; rec = this.previous(rec)) {
      if ((this.state(rec) & SEG_SACKED) === 0) continue;
      this.i32[(rec >> 2) + STATE] = SEG_EVER | (this.state(rec) & SEG_PUSH);
      this.#timePrepend(t, rec);
    }
    t.sackedBytes = 0;
    t.sackedSegments = 0;
    t.sackHint = 0;
    t.sackSeen0 = t.sackSeen1 = t.sackSeen2 = t.sackSeen3 = 0;
    t.sackSeen4 = t.sackSeen5 = t.sackSeen6 = t.sackSeen7 = 0;
  }

  /** `next` becomes part of `rec`: both are SACKed, or wait to be sent again. The end is that of `next`, and so is its PSH. */
  #absorb(t: Tcb, rec: number, next: number): void {
    const { i32 } = this;
    i32[(rec >> 2) + STATE] = (i32[(rec >> 2) + STATE]! & ~SEG_PUSH) | (i32[(next >> 2) + STATE]! & SEG_PUSH);
    i32[(rec >> 2) + END] = i32[(next >> 2) + END]!;
    i32[(rec >> 2) + SEGMENTS]! += i32[(next >> 2) + SEGMENTS]!;
    const after = i32[(next >> 2) + NEXT]!;
    i32[(rec >> 2) + NEXT] = after;
    if (after === 0) t.segTail = rec;
    else i32[(after >> 2) + PREVIOUS] = rec;
    if (t.sackHint === next) t.sackHint = rec;
    this.#pool.free(next);
  }

  // ---- lost --------------------------------------------------------------------------------------------------------

  /** Record `rec` counts as lost, and so does its last retransmission. */
  markLost(t: Tcb, rec: number): void {
    const r = rec >> 2;
    const state = this.i32[r + STATE]!;
    const bytes = seqDiff(this.i32[r + END]!, this.i32[r + START]!);
    if (this.#inTime(state)) {
      this.#timeRemove(t, rec);
      t.waitingBytes += bytes;
    }
    if ((state & SEG_LOST) === 0) t.lostBytes += bytes;
    if ((state & SEG_RETRANS) !== 0) t.retransBytes -= bytes;
    this.i32[r + STATE] = (state | SEG_LOST) & ~SEG_RETRANS;
    if (t.lostHint === 0 || seqLt(this.start(rec), this.start(t.lostHint))) t.lostHint = rec;
  }

  /** The first record that is lost and not sent again; 0: none. */
  firstLost(t: Tcb): number {
    return t.lostHint;
  }

  /** Nothing counts as lost any more: what was thought so has arrived (Eifel, F-RTO, D-SACK). */
  forgetLosses(t: Tcb): void {
    for (let rec = t.segTail; rec !== 0; rec = this.previous(rec)) {
      const r = rec >> 2;
      const state = this.i32[r + STATE]!;
      if ((state & SEG_LOST) === 0) continue;
      this.i32[r + STATE] = state & ~SEG_LOST;
      if ((state & SEG_RETRANS) === 0) this.#timePrepend(t, rec);
    }
    t.lostBytes = 0;
    t.waitingBytes = 0;
    t.lostHint = 0;
  }

  /** lostHint moves on from the record it names. */
  #nextLost(t: Tcb): void {
    t.lostHint = this.next(t.lostHint);
    if (t.lostHint !== 0) this.#seekLost(t);
  }

  #seekLost(t: Tcb): void {
    const { i32 } = this;
    // Nothing waits: no walk to the end to find that out.
    if (t.waitingBytes <= 0) {
      t.lostHint = 0;
      return;
    }
    let rec = t.lostHint;
    while (rec !== 0 && (i32[(rec >> 2) + STATE]! & (SEG_LOST | SEG_RETRANS)) !== SEG_LOST)
      rec = i32[(rec >> 2) + NEXT]!;
    t.lostHint = rec;
  }

  // ---- cutting, finding, forgetting ----------------------------------------------------------------------------------

  /** Cuts `rec`, which is not SACKed, at sequence number `at`, which lies inside it: it keeps the first part. False: no record was free. */
  split(t: Tcb, rec: number, at: number): boolean {
    const { i32, f64 } = this;
    const made = this.#pool.alloc();
    if (made === 0) return false;
    const r = rec >> 2;
    const m = made >> 2;
    const next = i32[r + NEXT]!;
    i32[m + NEXT] = next;
    i32[m + START] = at;
    i32[m + END] = i32[r + END]!;
    i32[m + STATE] = i32[r + STATE]!;
    i32[m + PREVIOUS] = rec;
    for (let i = SENT_AT; i <= FIRST_SENT_AT; i++) f64[(made >> 3) + i] = f64[(rec >> 3) + i]!;
    i32[r + END] = at;
    i32[r + STATE]! &= ~SEG_PUSH;
    i32[r + NEXT] = made;
    if (next === 0) t.segTail = made;
    else i32[(next >> 2) + PREVIOUS] = made;
    if (!this.#inTime(i32[r + STATE]!)) return true;
    const after = i32[r + TIME_NEXT]!;
    i32[m + TIME_NEXT] = after;
    i32[m + TIME_PREVIOUS] = rec;
    i32[r + TIME_NEXT] = made;
    if (after === 0) t.timeTail = made;
    else i32[(after >> 2) + TIME_PREVIOUS] = made;
    return true;
  }

  /**
   * Joins to `rec`, which waits to be sent again, what waits behind it, as far as both fit into `most` bytes: small pieces go
   * out as one segment (RFC 9293 section 3.8.6 allows to repacketize).
   */
  collapse(t: Tcb, rec: number, most: number): void {
    const { i32 } = this;
    const r = rec >> 2;
    const waits = SEG_LOST | SEG_RETRANS;
    if ((i32[r + STATE]! & waits) !== SEG_LOST) return;
    for (let next = i32[r + NEXT]!; next !== 0; next = i32[r + NEXT]!) {
      const n = next >> 2;
      if ((i32[n + STATE]! & waits) !== SEG_LOST || seqDiff(i32[n + END]!, i32[r + START]!) > most) return;
      const push = i32[r + STATE]! & SEG_PUSH;
      this.#absorb(t, rec, next);
      i32[r + STATE]! |= push; // what either of them asked for
    }
  }

  /** Forgets everything. */
  clear(t: Tcb): void {
    for (let rec = t.segHead; rec !== 0; ) {
      const next = this.next(rec);
      this.#pool.free(rec);
      rec = next;
    }
    t.segHead = 0;
    t.segTail = 0;
    t.timeHead = 0;
    t.timeTail = 0;
    t.lostHint = 0;
    t.sackHint = 0;
    t.sackedBytes = 0;
    t.sackedSegments = 0;
    t.lostBytes = 0;
    t.retransBytes = 0;
    t.waitingBytes = 0;
  }

  /** What is in the list of times: in flight, as far as is known. A lost record is there again once it was sent again. */
  #inTime(state: number): boolean {
    return (state & SEG_SACKED) === 0 && (state & (SEG_LOST | SEG_RETRANS)) !== SEG_LOST;
  }

  #timeAppend(t: Tcb, rec: number): void {
    const { i32 } = this;
    const tail = t.timeTail;
    i32[(rec >> 2) + TIME_NEXT] = 0;
    i32[(rec >> 2) + TIME_PREVIOUS] = tail;
    if (tail === 0) t.timeHead = rec;
    else i32[(tail >> 2) + TIME_NEXT] = rec;
    t.timeTail = rec;
  }

  #timePrepend(t: Tcb, rec: number): void {
    const { i32 } = this;
    const head = t.timeHead;
    i32[(rec >> 2) + TIME_NEXT] = head;
    i32[(rec >> 2) + TIME_PREVIOUS] = 0;
    if (head === 0) t.timeTail = rec;
    else i32[(head >> 2) + TIME_PREVIOUS] = rec;
    t.timeHead = rec;
  }

  #timeRemove(t: Tcb, rec: number): void {
    const { i32 } = this;
    const next = i32[(rec >> 2) + TIME_NEXT]!;
    const previous = i32[(rec >> 2) + TIME_PREVIOUS]!;
    if (previous === 0) t.timeHead = next;
    else i32[(previous >> 2) + TIME_NEXT] = next;
    if (next === 0) t.timeTail = previous;
    else i32[(next >> 2) + TIME_PREVIOUS] = previous;
  }

  /** The records in order, for tests and people. */
  list(t: Tcb): { start: number; end: number; state: number; sentAt: number }[] {
    const out: { start: number; end: number; state: number; sentAt: number }[] = [];
    for (let rec = t.segHead; rec !== 0; rec = this.next(rec)) {
      out.push({ start: this.start(rec), end: this.end(rec), state: this.state(rec), sentAt: this.sentAt(rec) });
    }
    return out;
  }
}

/** Bytes that are believed to be in the network (RFC 6675 section 4, pipe). */
export function pipe(t: Tcb): number {
  return seqDiff(t.sndNxt, t.sndUna) - t.sackedBytes - t.lostBytes + t.retransBytes;
}

/** Whether [start, end) lies in what is in flight: a SACK block that is to be believed. */
export function inFlight(t: Tcb, start: number, end: number): boolean {
  return seqLt(start, end) && seqGe(start, t.sndUna) && seqLe(end, t.sndNxt) && seqGt(end, t.sndUna);
}
