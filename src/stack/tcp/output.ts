// TCP output: decides what a connection may send now and sends it (RFC 9293 sections 3.7.4, 3.8.4 and 3.8.6).
// Called by tcp.ts for every active row at the end of a pass; calls emit, route and neighbours.

import { EHOSTUNREACH } from '../../base/errno.ts';
import { seqDiff, seqGt, seqLt } from '../../base/seq.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH } from '../../wire/tcp.ts';
import { restartAfterIdle, validateWindow } from './cwnd.ts';
import { synFlags } from './ecn.ts';
import { emit, emptySeq } from './emit.ts';
import type { Engine } from './engine.ts';
import {
  F_ACK_NOW,
  F_FIN_QUEUED,
  F_FIN_SENT,
  F_FORCE,
  F_NODELAY,
  F_PERSIST,
  F_PROBE,
  F_RETRANSMIT,
  F_SEND_SYN,
  F_WANT_WRITE,
  F2_ACK_SOON,
  F2_CORK,
  F2_FRTO,
  F2_FRTO_PROBE,
  F2_PACED,
  F2_SACK,
  F2_SEND_TLP,
  PHASE_LOSS,
  TIMER_REO,
  TIMER_RTO,
  TIMER_TLP,
} from './flags.ts';
import { inReduction } from './prr.ts';
import { noteAppLimited, paced, quantum, spend } from './rate.ts';
import { findRoute, headerBytes, loadWay } from './route.ts';
import { overrideTime } from './rtt.ts';
import { sendMss } from './sack.ts';
import { pipe, SEG_PUSH, SEG_SACKED } from './scoreboard.ts';
import { tellRoom } from './send-room.ts';
import {
  afterFinSent,
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  LAST_ACK,
  SYN_RECEIVED,
  SYN_SENT,
} from './state.ts';
import type { Tcb } from './tcb.ts';
import { probeSent, restartRto, scheduleProbe } from './tlp.ts';
import { countRetransmission } from './undo.ts';

/** What became of a row: all sent that may be; its turn is over; its neighbour is being resolved; the link or the frames are full. */
export const OUT_DONE = 0;
export const OUT_AGAIN = 1;
export const OUT_BLOCKED = 2;
export const OUT_FULL = 3;

/** Bytes that one connection sends before it is another's turn. */
const TURN = 256 * 1024;
const MAX_PACKET = 65535;
/** How long OPT_CORK holds a segment that is not full, us. */
const CORK_TIME = 200_000;

/** Sends what `t` may send. Returns OUT_*. */
export function output(e: Engine, t: Tcb): number {
  if (t.state === CLOSED) return OUT_DONE;
  if (t.routeEpoch !== e.floor.routes.epoch && findRoute(e, t) !== 0) {
    // No way now: timers go on, and the next change of routes brings us back.
    armRetransmission(e, t, true);
    return OUT_BLOCKED;
  }
  const ready = e.floor.neighbours.ready(t.neighbour);
  if (ready !== 1) {
    if (ready < 0) {
      // The next hop does not answer: final for a connection that nobody has answered yet, a passing state for others.
      t.softError = EHOSTUNREACH;
      if (t.state === SYN_SENT) {
        e.fail(t, EHOSTUNREACH);
        return OUT_DONE;
      }
    }
    armRetransmission(e, t, true);
    // Asking may itself have shown that the way is stale (the cache entry was given to another).
    return t.routeEpoch === e.floor.routes.epoch ? OUT_BLOCKED : OUT_AGAIN;
  }
  loadWay(t, e.way);
  // The timer has only waited for a way.
  if (t.rtxAt !== 0 && t.sndUna === t.sndNxt && !t.has(F_PERSIST | F_SEND_SYN)) {
    t.rtxAt = 0;
    t.retries = 0;
  }
  const result = sendAll(e, t);
  if (t.notsentLow !== 0 && t.has(F_WANT_WRITE)) tellRoom(e, t);
  armRetransmission(e, t, false);
  return result;
}

/**
 * Sends the ACK that is due, before another becomes due in the same pass: every segment out of order must bring an ACK of its
 * own, or the peer never sees three duplicates (RFC 5681 section 4.2). Where that is not possible now, the two become one.
 */
export function sendAckDue(e: Engine, t: Tcb): void {
  const { routes, neighbours, output } = e.floor;
  if (t.routeEpoch !== routes.epoch || neighbours.ready(t.neighbour) !== 1 || output.room(t.iface) <= 0) return;
  loadWay(t, e.way);
  emit(e, t, emptySeq(t), TCP_ACK, 0);
}

function sendAll(e: Engine, t: Tcb): number {
  if (t.state === SYN_SENT || t.state === SYN_RECEIVED) return sendSyn(e, t);
  const result = maySendText(t.state) ? sendData(e, t) : OUT_DONE;
  if (result === OUT_FULL) return result;
  if (t.has(F_PROBE)) {
    if (e.floor.output.room(t.iface) <= 0) return OUT_FULL;
    // An empty segment just below SND.UNA: unacceptable, so it must be answered with the peer's present window. Nothing
    // new is put into a closed window, and the same segment serves as keepalive (RFC 9293 sections 3.8.4 and 3.8.6.1).
    if (!emit(e, t, (t.sndUna - 1) | 0, TCP_ACK, 0)) return OUT_FULL;
    t.unset(F_PROBE);
  }
  if (t.has(F_ACK_NOW)) {
    if (e.floor.output.room(t.iface) <= 0) return OUT_FULL;
    if (!emit(e, t, emptySeq(t), TCP_ACK, 0)) return OUT_FULL;
  } else if (t.has2(F2_ACK_SOON)) {
    // The user has its turn between this pass and the next: its answer bears the ACK.
    t.unset2(F2_ACK_SOON);
    t.set(F_ACK_NOW);
    return OUT_AGAIN;
  }
  return result;
}

/** What is to be sent again, then new text; the retransmission timer or the probe's follows what was sent. */
function sendData(e: Engine, t: Tcb): number {
  if (t.has(F_RETRANSMIT)) {
    if (!retransmitFirst(e, t)) return OUT_FULL;
    t.unset(F_RETRANSMIT);
  }
  if (t.has2(F2_SEND_TLP) && !sendTailProbe(e, t)) return OUT_FULL;
  const asking = t.has2(F2_FRTO_PROBE) && t.phase === PHASE_LOSS;
  if (t.lostHint !== 0 && !asking) {
    const result = retransmitLost(e, t);
    if (result !== OUT_DONE) return result;
  }
  const before = t.sndNxt;
  const result = sendText(e, t);
  if (t.sndNxt !== before) {
    if (seqDiff(before, t.sndUna) === 0 || t.timer === TIMER_TLP) restartRto(e, t);
    scheduleProbe(e, t, false);
    validateWindow(e, t, pipe(t) + t.mss > t.cwnd);
  } else if (asking && before === t.recover && result === OUT_DONE && !t.has2(F2_PACED)) {
    // Nothing new could go after all: conventional recovery (RFC 5682 section 2.1 step 2).
    t.unset2(F2_FRTO | F2_FRTO_PROBE);
    if (t.lostHint !== 0) return retransmitLost(e, t);
  }
  return result;
}

/** The SYN or SYN-ACK, or the ACK of a segment that is not acceptable yet. */
function sendSyn(e: Engine, t: Tcb): number {
  const syn = t.has(F_SEND_SYN);
  if (!syn && !(t.state === SYN_RECEIVED && t.has(F_ACK_NOW))) return OUT_DONE;
  if (e.floor.output.room(t.iface) <= 0) return OUT_FULL;
  if (!syn) return emit(e, t, t.sndNxt, TCP_ACK, 0) ? OUT_DONE : OUT_FULL;
  if (!emit(e, t, t.iss, synFlags(e, t), 0)) return OUT_FULL;
  t.unset(F_SEND_SYN);
  return OUT_DONE;
}

function maySendText(state: number): boolean {
  return (
    state === ESTABLISHED || state === CLOSE_WAIT || state === FIN_WAIT_1 || state === CLOSING || state === LAST_ACK
  );
}

/** The segment at SND.UNA once more, whatever the windows say: they may have shrunk over it (timeout). */
function retransmitFirst(e: Engine, t: Tcb): boolean {
  const board = e.scoreboard;
  const head = t.segHead;
  if (head === 0) return true;
  board.collapse(t, head, t.mss);
  const length = Math.min(t.mss, seqDiff(board.end(head), board.start(head)));
  return sendAgain(e, t, head, length) === OUT_DONE;
}

/** What counts as lost, lowest first, as far as cwnd and the peer's window allow (RFC 6675 section 5 (C)). */
function retransmitLost(e: Engine, t: Tcb): number {
  const board = e.scoreboard;
  const edge = (t.sndUna + t.sndWnd) | 0;
  let turn = TURN;
  for (let rec = board.firstLost(t); rec !== 0; rec = board.firstLost(t)) {
    const start = board.start(rec);
    board.collapse(t, rec, t.mss);
    let length = Math.min(seqDiff(board.end(rec), start), segmentLimit(e, t, t.mss));
    const room = t.cwnd - pipe(t);
    if (room < Math.min(length, t.mss)) return OUT_DONE;
    if (room < length) length = Math.max(t.mss, room - (room % t.mss));
    if (rec !== t.segHead) {
      if (!seqLt(start, edge)) return OUT_DONE;
      length = Math.min(length, seqDiff(edge, start));
    }
    if (turn <= 0) return OUT_AGAIN;
    turn -= length;
    const first = rec === t.segHead;
    const result = sendAgain(e, t, rec, length);
    if (result !== OUT_DONE) return result;
    // Without SACK the holes after the first do not restart it (the impatient variant, RFC 6582 section 4).
    if (first && t.timer !== TIMER_REO && (t.has2(F2_SACK) || t.dupAcks > 0)) restartRto(e, t);
  }
  return OUT_DONE;
}

/** The first `length` numbers of record `rec` go out again. OUT_DONE, OUT_FULL. */
function sendAgain(e: Engine, t: Tcb, rec: number, length: number): number {
  const board = e.scoreboard;
  if (e.floor.output.room(t.iface) <= 0) return OUT_FULL;
  const start = board.start(rec);
  if (length < seqDiff(board.end(rec), start) && !board.split(t, rec, (start + length) | 0)) return OUT_FULL;
  const fin = t.has(F_FIN_SENT) && ((start + length) | 0) === t.sndNxt;
  const text = fin ? length - 1 : length;
  const push = (board.state(rec) & SEG_PUSH) !== 0 ? TCP_PSH : 0;
  if (!emit(e, t, start, TCP_ACK | push | (fin ? TCP_FIN : 0), text)) return OUT_FULL;
  board.resent(t, rec, e.core.now.us);
  countRetransmission(e, t, start, length);
  if (inReduction(t)) t.prrOut += length;
  spend(e, t, length);
  return OUT_DONE;
}

/** The tail loss probe (RFC 8985 section 7.3): new text, whatever cwnd says, or else the last segment once more. */
function sendTailProbe(e: Engine, t: Tcb): boolean {
  const board = e.scoreboard;
  if (e.floor.output.room(t.iface) <= 0) return false;
  t.unset2(F2_SEND_TLP);
  const unsent = seqDiff((t.sndUna + t.i32[t.sendList + 2]!) | 0, t.sndNxt);
  const window = seqDiff((t.sndUna + t.sndWnd) | 0, t.sndNxt);
  if (unsent > 0 && window > 0) {
    const length = Math.min(unsent, window, t.mss);
    const fin = t.has(F_FIN_QUEUED) && length === unsent && window > length;
    if (!sendNew(e, t, length === unsent ? TCP_PSH : 0, length, length, t.mss, fin)) return false;
    probeSent(e, t, false);
    return true;
  }
  let tail = t.segTail;
  if (tail === 0) return true;
  // What is SACKed has arrived; the last that has not is what may be lost.
  while (tail !== 0 && (board.state(tail) & SEG_SACKED) !== 0) tail = board.previous(tail);
  if (tail === 0) return true;
  // Of several segments in one record the last: it ends where they do, and begins where it began.
  const text = seqDiff(board.end(tail), board.start(tail)) - (t.has(F_FIN_SENT) ? 1 : 0);
  const before = Math.floor((text - 1) / t.mss) * t.mss;
  if (before > 0 && board.split(t, tail, (board.start(tail) + before) | 0)) tail = board.next(tail);
  // Nothing goes beyond a window that has shrunk but what is at SND.UNA (RFC 9293 section 3.8.6): the timeout asks instead.
  if (tail !== t.segHead && !seqLt(board.start(tail), (t.sndUna + t.sndWnd) | 0)) return true;
  if (sendAgain(e, t, tail, seqDiff(board.end(tail), board.start(tail))) !== OUT_DONE) return false;
  probeSent(e, t, true);
  return true;
}

/**
 * `length` bytes of new text go out in frames of at most `most`, PSH (`flags`) on the last and the FIN behind it. False: the
 * link or the frames were full before the end. What is the same for all of them is done once.
 */
function sendNew(e: Engine, t: Tcb, flags: number, length: number, most: number, mss: number, fin: boolean): boolean {
  const start = t.sndNxt;
  const { output } = e.floor;
  let left = length;
  let done = true;
  for (; done && left > most; left -= most) done = output.room(t.iface) > 0 && emit(e, t, t.sndNxt, TCP_ACK, most);
  if (done) {
    done = output.room(t.iface) > 0 && emit(e, t, t.sndNxt, TCP_ACK | flags | (fin ? TCP_FIN : 0), left);
  }
  const end = t.sndNxt;
  if (end === start) return false;
  e.scoreboard.sent(t, start, end, e.core.now.us, done && (flags & TCP_PSH) !== 0);
  const sent = seqDiff(end, start);
  if (inReduction(t)) t.prrOut += sent;
  spend(e, t, sent);
  t.unset(F_FORCE | F_PERSIST);
  if (!done) return false;
  if (left !== mss && left % mss !== 0) t.sndSml = end;
  if (fin) {
    t.set(F_FIN_SENT);
    t.state = afterFinSent(t.state);
  }
  return true;
}

/** New text, as the windows and pacing allow; a FIN behind the last byte. */
function sendText(e: Engine, t: Tcb): number {
  if (t.sndUna === t.sndNxt) afterIdle(e, t);
  const mss = sendMss(t);
  const most = segmentLimit(e, t, mss);
  let turn = Math.min(TURN, quantum(t));
  for (;;) {
    const end = (t.sndUna + t.i32[t.sendList + 2]!) | 0;
    const unsent = seqDiff(end, t.sndNxt);
    const finDue = t.has(F_FIN_QUEUED) && unsent >= 0;
    if (unsent <= 0 && !(finDue && !t.has(F_FIN_SENT))) {
      if (unsent === 0 && pipe(t) < t.cwnd) noteAppLimited(t);
      return OUT_DONE;
    }
    const window = seqDiff((t.sndUna + t.sndWnd) | 0, t.sndNxt);
    const usable = Math.min(window, t.cwnd - pipe(t));
    let length = Math.min(unsent, usable, Math.max(turn, mss));
    if (length < 0) length = 0;
    length = lengthToSend(t, unsent, length, window, mss);
    const last = length === unsent;
    const fin = finDue && last && window > length; // the FIN takes a place in the window like any octet
    if (length === 0 && !fin) {
      closedWindow(e, t);
      return OUT_DONE;
    }
    if (turn <= 0 || paced(e, t)) return t.has2(F2_PACED) ? OUT_DONE : OUT_AGAIN;
    // What goes because waiting has taken too long is not to wait at the peer.
    const push = length > 0 && (last || (length < mss && t.has(F_FORCE)));
    if (!sendNew(e, t, push ? TCP_PSH : 0, length, most, mss, fin)) return OUT_FULL;
    turn -= length + 1;
  }
}

/** The most that one frame carries: a segment, or as many whole ones as the link's superframe holds. */
function segmentLimit(e: Engine, t: Tcb, mss: number): number {
  const { gso, txChecksum } = e.floor.interfaces.get(t.iface).link.caps;
  // Who cuts a superframe completes its checksums: a link that leaves sums to us cannot be meant.
  if (gso === 0 || txChecksum === 'full') return mss;
  const room = Math.min(gso, MAX_PACKET) - headerBytes(t) - 40;
  return Math.max(mss, room - (room % mss));
}

/**
 * Sender's silly window avoidance with Nagle's rule (RFC 9293 sections 3.7.4 and 3.8.6.2.1): whole segments always; a
 * rest only if it ends what there is and nothing is in flight (or Nagle is off), or fills half the largest window seen.
 */
function lengthToSend(t: Tcb, unsent: number, length: number, window: number, mss: number): number {
  if (length >= mss) {
    const rest = length % mss;
    if (rest === 0) return length;
    return length === unsent && tailMayGo(t) ? length : length - rest;
  }
  if (length === 0) return 0;
  if (length === unsent && tailMayGo(t)) return length;
  const whole = length === unsent && !t.has2(F2_CORK);
  if (t.sndNxt === t.sndUna && (whole || length * 2 >= t.maxSndWnd)) return length;
  return t.has(F_FORCE) && window > 0 ? length : 0;
}

/**
 * Nagle's rule as Minshall has it, and most systems: a segment that is not full waits for the ACK of another such one, not
 * for that of full ones. So there is one in flight at most, and the end of a write does not wait for its beginning.
 */
function tailMayGo(t: Tcb): boolean {
  if (t.has2(F2_CORK)) return t.has(F_FIN_QUEUED);
  return t.has(F_NODELAY) || t.has(F_FIN_QUEUED) || t.has2(F2_FRTO_PROBE) || !seqGt(t.sndSml, t.sndUna);
}

/** Text waits and nothing is in flight that would bring an ACK: the persist timer asks for the window (RFC 9293 section 3.8.6.1). */
function closedWindow(e: Engine, t: Tcb): void {
  if (t.sndUna !== t.sndNxt || t.has(F_PERSIST)) return;
  t.set(F_PERSIST);
  t.retries = 0;
  const wait = t.sndWnd === 0 ? t.rto : t.has2(F2_CORK) ? CORK_TIME : overrideTime(t);
  t.rtxAt = e.core.now.us + wait;
}

/** RFC 5681 section 4.1: after an idle time longer than the RTO the window shrinks. */
function afterIdle(e: Engine, t: Tcb): void {
  if (t.i32[t.sendList + 2] === 0 || t.lastSentAt === 0) return;
  const idle = e.core.now.us - t.lastSentAt;
  e.control(t).idle(e, t, idle);
  if (idle > t.rto && e.core.settings.tcpSlowStartAfterIdle) restartAfterIdle(e, t, idle);
}

/**
 * Something is in flight, or should be: the retransmission timer runs (RFC 6298 section 5.1). It runs too for what is `waiting`
 * for a way or a neighbour: the timer asks again for them, and gives up one day, where no change of theirs would be seen.
 */
function armRetransmission(e: Engine, t: Tcb, waiting: boolean): void {
  const outstanding = t.sndUna !== t.sndNxt || t.has(F_SEND_SYN) || (waiting && hasUnsent(t));
  if (outstanding && t.rtxAt === 0) {
    t.timer = TIMER_RTO;
    t.rtxAt = e.core.now.us + t.rto;
  }
  e.arm(t);
}

/** Text, or a FIN, that has never been sent. Nothing is in flight. */
function hasUnsent(t: Tcb): boolean {
  return maySendText(t.state) && (t.i32[t.sendList + 2]! > 0 || (t.has(F_FIN_QUEUED) && !t.has(F_FIN_SENT)));
}
