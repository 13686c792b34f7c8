// TCP output: decides what a connection may send now and sends it (RFC 9293 sections 3.7.4, 3.8.4 and 3.8.6).
// Called by tcp.ts for every active row at the end of a pass; calls emit, route and neighbours.

import { EHOSTUNREACH } from '../../base/errno.ts';
import { seqDiff, seqLt } from '../../base/seq.ts';
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN } from '../../wire/tcp.ts';
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
  F_RECOVERY,
  F_RETRANSMIT,
  F_SEND_SYN,
  F_WANT_WRITE,
  F2_CORK,
} from './flags.ts';
import { findRoute, headerBytes, loadWay } from './route.ts';
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
  if (t.rtxAt !== 0 && t.sndUna === t.sndMax && !t.has(F_PERSIST | F_SEND_SYN)) {
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
  if (t.has(F_RETRANSMIT)) {
    if (e.floor.output.room(t.iface) <= 0) return OUT_FULL;
    if (!retransmitFirst(e, t)) return OUT_FULL;
    t.unset(F_RETRANSMIT);
  }
  const result = maySendText(t.state) ? sendText(e, t) : OUT_DONE;
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
  }
  return result;
}

/** The SYN or SYN-ACK, or the ACK of a segment that is not acceptable yet. */
function sendSyn(e: Engine, t: Tcb): number {
  const syn = t.has(F_SEND_SYN);
  if (!syn && !(t.state === SYN_RECEIVED && t.has(F_ACK_NOW))) return OUT_DONE;
  if (e.floor.output.room(t.iface) <= 0) return OUT_FULL;
  if (!syn) return emit(e, t, t.sndMax, TCP_ACK, 0) ? OUT_DONE : OUT_FULL;
  if (!emit(e, t, t.iss, t.state === SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK, 0)) return OUT_FULL;
  t.unset(F_SEND_SYN);
  return OUT_DONE;
}

function maySendText(state: number): boolean {
  return (
    state === ESTABLISHED || state === CLOSE_WAIT || state === FIN_WAIT_1 || state === CLOSING || state === LAST_ACK
  );
}

/** The segment at SND.UNA once more (timeout, fast retransmit, partial ACK). */
function retransmitFirst(e: Engine, t: Tcb): boolean {
  const outstanding = seqDiff(t.sndMax, t.sndUna);
  if (outstanding === 0) return true;
  const bytes = t.i32[t.sendList + 2]!;
  const length = Math.min(t.mss, bytes, outstanding);
  const fin = t.has(F_FIN_SENT) && length === bytes;
  return emit(e, t, t.sndUna, TCP_ACK | TCP_PSH | (fin ? TCP_FIN : 0), length);
}

/** New text, and after a timeout old text again, as the windows allow; a FIN behind the last byte. */
function sendText(e: Engine, t: Tcb): number {
  if (t.sndNxt === t.sndMax && t.sndUna === t.sndMax) afterIdle(e, t);
  let turn = TURN;
  for (;;) {
    const end = (t.sndUna + t.i32[t.sendList + 2]!) | 0;
    const unsent = seqDiff(end, t.sndNxt);
    const finDue = t.has(F_FIN_QUEUED) && unsent >= 0;
    if (unsent <= 0 && !(finDue && finMayGo(t))) return OUT_DONE;
    const window = seqDiff((t.sndUna + t.sndWnd) | 0, t.sndNxt);
    const congestion = t.cwnd + limitedTransmit(t) - seqDiff(t.sndNxt, t.sndUna);
    const usable = Math.min(window, congestion);
    let length = Math.min(unsent, usable, segmentLimit(e, t));
    if (length < 0) length = 0;
    length = lengthToSend(t, unsent, length, window);
    const last = length === unsent;
    const fin = finDue && last && window > length; // the FIN takes a place in the window like any octet
    if (length === 0 && !fin) {
      closedWindow(e, t);
      return OUT_DONE;
    }
    if (turn <= 0) return OUT_AGAIN;
    if (e.floor.output.room(t.iface) <= 0) return OUT_FULL;
    if (!emit(e, t, t.sndNxt, TCP_ACK | (last ? TCP_PSH : 0) | (fin ? TCP_FIN : 0), length)) return OUT_FULL;
    turn -= length + 1;
    t.unset(F_FORCE | F_PERSIST);
    if (fin) {
      t.set(F_FIN_SENT);
      t.state = afterFinSent(t.state);
    }
  }
}

/** RFC 5681 section 3.2 step 1, RFC 3042: the first two duplicate ACKs let a segment of new text out each. */
function limitedTransmit(t: Tcb): number {
  if (t.dupAcks === 0 || t.has(F_RECOVERY) || t.sndNxt !== t.sndMax) return 0;
  return Math.min(t.dupAcks, 2) * t.mss;
}

/** Whether a FIN without text is still to go: not sent yet, or undone by a timeout. */
function finMayGo(t: Tcb): boolean {
  return !t.has(F_FIN_SENT) || seqLt(t.sndNxt, t.sndMax);
}

/** The most that one frame carries: a segment, or as many whole ones as the link's superframe holds. */
function segmentLimit(e: Engine, t: Tcb): number {
  const { gso, txChecksum } = e.floor.interfaces.get(t.iface).link.caps;
  // Who cuts a superframe completes its checksums: a link that leaves sums to us cannot be meant.
  if (gso === 0 || txChecksum === 'full') return t.mss;
  const room = Math.min(gso, MAX_PACKET) - headerBytes(t) - 12;
  return Math.max(t.mss, room - (room % t.mss));
}

/**
 * Sender's silly window avoidance with Nagle's rule (RFC 9293 sections 3.7.4 and 3.8.6.2.1): whole segments always; a
 * rest only if it ends what there is and nothing is in flight (or Nagle is off), or fills half the largest window seen.
 */
function lengthToSend(t: Tcb, unsent: number, length: number, window: number): number {
  if (length >= t.mss) {
    const rest = length % t.mss;
    if (rest === 0) return length;
    return length === unsent && tailMayGo(t, length - rest) ? length : length - rest;
  }
  if (length === 0) return 0;
  if (length === unsent && tailMayGo(t, 0)) return length;
  const whole = length === unsent && !t.has2(F2_CORK);
  if (t.sndNxt === t.sndUna && (whole || length * 2 >= t.maxSndWnd)) return length;
  if (t.has(F_FORCE) && window > 0) return length;
  // Sent before: what a timeout has taken back goes out again as it was.
  return seqLt(t.sndNxt, t.sndMax) && length === unsent ? length : 0;
}

function tailMayGo(t: Tcb, before: number): boolean {
  if (t.has2(F2_CORK)) return t.has(F_FIN_QUEUED);
  return t.has(F_NODELAY) || t.has(F_FIN_QUEUED) || (before === 0 && t.sndNxt === t.sndUna);
}

/** Text waits and nothing is in flight that would bring an ACK: the persist timer asks for the window (RFC 9293 section 3.8.6.1). */
function closedWindow(e: Engine, t: Tcb): void {
  if (t.sndUna !== t.sndMax || t.has(F_PERSIST)) return;
  t.set(F_PERSIST);
  t.retries = 0;
  t.rtxAt = e.core.now.us + (t.has2(F2_CORK) && t.sndWnd > 0 ? CORK_TIME : t.rto);
}

/** RFC 5681 section 4.1: after an idle time longer than the RTO the window starts over. */
function afterIdle(e: Engine, t: Tcb): void {
  if (t.lastSentAt !== 0 && e.core.now.us - t.lastSentAt > t.rto) e.cc.idle(t, e.core.settings.tcpInitialWindow);
}

/**
 * Something is in flight, or should be: the retransmission timer runs (RFC 6298 section 5.1). It runs too for what is `waiting`
 * for a way or a neighbour: the timer asks again for them, and gives up one day, where no change of theirs would be seen.
 */
function armRetransmission(e: Engine, t: Tcb, waiting: boolean): void {
  const outstanding = t.sndUna !== t.sndMax || t.has(F_SEND_SYN) || (waiting && hasUnsent(t));
  if (outstanding && t.rtxAt === 0) t.rtxAt = e.core.now.us + t.rto;
  e.arm(t);
}

/** Text, or a FIN, that has never been sent. Nothing is in flight. */
function hasUnsent(t: Tcb): boolean {
  return maySendText(t.state) && (t.i32[t.sendList + 2]! > 0 || (t.has(F_FIN_QUEUED) && !t.has(F_FIN_SENT)));
}
