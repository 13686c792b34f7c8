// Segment arrival: finds the connection and takes a segment through the steps of RFC 9293 section 3.10.7.4, one function each.
// Called by tcp.ts for every TCP packet; calls table, input-open (LISTEN, SYN-SENT), ack, data and reset.

import {
  DROP_BAD_CHECKSUM,
  DROP_NO_SOCKET,
  DROP_NOT_OURS,
  DROP_TCP_AFTER_CLOSE,
  DROP_TCP_BAD_FLAGS,
  DROP_TCP_BAD_SEQ,
  DROP_TCP_CHALLENGE,
  DROP_TCP_NO_ACK,
  DROP_TCP_PAWS,
  DROP_TCP_RST,
  DROP_TCP_SYN_IN_WINDOW,
} from '../../base/drop.ts';
import { ECONNREFUSED, ECONNRESET, EPIPE } from '../../base/errno.ts';
import { RX_SUM_GOOD, RX_SUM_PARTIAL } from '../../base/link.ts';
import { seqDiff, seqGe, seqGt, seqLe, seqLt } from '../../base/seq.ts';
import { CHECKSUM_OK, combine, pseudo4At, pseudo6At } from '../../wire/checksum.ts';
import { PROTO_TCP } from '../../wire/ip4.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, tcpCheck } from '../../wire/tcp.ts';
import { counter } from '../counters.ts';
import type { Packet } from '../packet.ts';
import { ackArrives } from './ack.ts';
import { challenge, refuse } from './challenge.ts';
import { textArrives } from './data.ts';
import type { Engine } from './engine.ts';
import { F_ORPHAN, F_PASSIVE, F_TIMESTAMPS } from './flags.ts';
import { cookieForListen, roomForHalfOpen, segmentForListen } from './input-listen.ts';
import { segmentForSynSent, synAgain } from './input-open.ts';
import { sendResetFor } from './reset.ts';
import { refusedDuplicate } from './sack.ts';
import { CLOSE_WAIT, CLOSED, CLOSING, LAST_ACK, LISTEN, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';
import { receiveWindow } from './window.ts';

const RECEIVED: number = counter('tcp_received');
const RESETS_RECEIVED: number = counter('tcp_resets_received');
/** TS.Recent is no evidence after 24 days of silence (RFC 7323 section 5.5), in us. */
const PAWS_IDLE = 24 * 86_400e6;

/** Takes the TCP packet in `p`. Returns 0, or a positive drop reason; never throws. */
export function tcpInput(e: Engine, p: Packet): number {
  const b = e.core.u8;
  const bad = tcpCheck(b, p.l4, p.end);
  if (bad !== 0) return bad;
  if (p.group || p.linkGroup) return DROP_NOT_OURS; // RFC 9293 section 3.9.2.3
  if ((p.flags & (RX_SUM_GOOD | RX_SUM_PARTIAL)) === 0 && !checksumOk(e, p)) return DROP_BAD_CHECKSUM;
  e.core.counters.add(RECEIVED, 1);
  const seg = e.seg;
  seg.read(b, p.l4, p.end);
  const row = e.table.find(p.dst0, p.dst1, p.dst2, p.dst3, seg.dstPort, p.src0, p.src1, p.src2, p.src3, seg.srcPort);
  if (row !== 0) {
    const t = e.t.at(row);
    const listener = t.state === TIME_WAIT && reopens(e, t) ? findListener(e, p) : 0;
    if (listener !== 0 && roomForHalfOpen(e, e.l.at(listener))) {
      // A new incarnation (RFC 9293 section 3.10.7.4, SYN in TIME-WAIT): the old row makes way, its user has only its rest.
      const previous = t.sndNxt;
      e.finish(t);
      return segmentForListen(e, e.l.at(listener), p, previous);
    }
    const drop = segmentArrives(e, t, p);
    if (t.row !== 0) e.arm(t);
    return drop;
  }
  const listener = findListener(e, p);
  if (listener !== 0) return listenerArrives(e, e.l.at(listener), p);
  sendResetFor(e, p);
  return DROP_NO_SOCKET;
}

/** LISTEN: what is no cookie's ACK goes the ordinary way. */
function listenerArrives(e: Engine, l: Tcb, p: Packet): number {
  const row = cookieForListen(e, l, p);
  if (row < 0) return -row;
  if (row === 0) return segmentForListen(e, l, p);
  const { t } = e;
  const drop = segmentArrives(e, t, p);
  if (t.row === 0) return drop;
  if (t.state === SYN_RECEIVED) {
    t.set(F_ORPHAN);
    e.fail(t, ECONNRESET); // no handshake after all; there is no SYN-ACK that could be sent again
  } else e.arm(t);
  return drop;
}

function findListener(e: Engine, p: Packet): number {
  return e.table.findListener(p.dst0, p.dst1, p.dst2, p.dst3, e.seg.dstPort, e.v6Only);
}

function checksumOk(e: Engine, p: Packet): boolean {
  const length = p.end - p.l4;
  const pseudo = p.version === 4 ? pseudo4At(e.core.u8, p.l3, PROTO_TCP, length) : pseudo6Sum(e, p, length);
  return combine(pseudo, e.core.sum.sum(p.l4, length), false) === CHECKSUM_OK;
}

function pseudo6Sum(e: Engine, p: Packet, length: number): number {
  return pseudo6At(e.core.u8, p.l3, PROTO_TCP, length);
}

/**
 * Whether the segment is a SYN that may open a new incarnation of a connection in TIME-WAIT: by its timestamp, else by its
 * number, which must lie beyond the old FIN (RFC 6191 section 2). Timestamps that the old one had not are news enough.
 */
function reopens(e: Engine, t: Tcb): boolean {
  const seg = e.seg;
  if ((seg.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) !== TCP_SYN) return false;
  const stamped = e.core.settings.tcpTimestamps && seg.options.hasTimestamps;
  if (stamped && !t.has(F_TIMESTAMPS)) return true;
  const newer = stamped ? seqDiff(seg.options.tsVal, t.tsRecent) : 0;
  return newer > 0 || (newer === 0 && seqGe(seg.seq, t.rcvNxt));
}

/** The steps, for a connection that is not in LISTEN. `t` may be gone afterwards (t.row === 0). */
export function segmentArrives(e: Engine, t: Tcb, p: Packet): number {
  const seg = e.seg;
  t.segsIn = (t.segsIn + 1) | 0;
  if (t.state === SYN_SENT) return segmentForSynSent(e, t, p);
  if (t.state === CLOSED || t.state === LISTEN) return DROP_NO_SOCKET;
  if (t.state === SYN_RECEIVED && seg.seq === t.irs && (seg.flags & (TCP_SYN | TCP_RST)) === TCP_SYN) {
    return synAgain(e, t, p);
  }
  const unacceptable = sequenceStep(e, t);
  if (unacceptable !== 0) return unacceptable;
  if (seg.has(TCP_RST)) return resetStep(e, t);
  if (seg.has(TCP_SYN)) return synStep(e, t);
  if (!seg.has(TCP_ACK)) return DROP_TCP_NO_ACK;
  if (t.has(F_TIMESTAMPS)) rememberTimestamp(e, t);
  // Only what could not be sent blindly proves that the peer lives.
  t.lastReceivedAt = e.core.now.us;
  t.probes = 0;
  const drop = ackArrives(e, t, p);
  if (drop !== 0 || t.row === 0) return drop;
  if (t.state === TIME_WAIT) return timeWaitStep(e, t);
  return seg.length > 0 || seg.has(TCP_FIN) ? textArrives(e, t, p) : 0;
}

/** First: does the segment lie in the window (RFC 9293 section 3.10.7.4), and is it not a duplicate from long ago (PAWS, RFC 7323 section 5.3)? */
function sequenceStep(e: Engine, t: Tcb): number {
  const seg = e.seg;
  if (t.has(F_TIMESTAMPS) && !seg.has(TCP_RST)) {
    if (!seg.options.hasTimestamps) return DROP_TCP_BAD_FLAGS; // RFC 7323 section 3.2
    if (seqLt(seg.options.tsVal, t.tsRecent) && !tsRecentOutdated(e, t) && !seg.has(TCP_SYN)) {
      refusedDuplicate(e, t);
      refuse(e, t);
      return DROP_TCP_PAWS;
    }
  }
  const window = receiveWindow(t);
  const space = seg.space;
  const edge = (t.rcvNxt + window) | 0;
  if (seqLe(t.rcvNxt, seg.seq)) {
    // With a closed window nothing but an empty segment at RCV.NXT is acceptable, but ACK, RST and URG are looked at.
    if (seqLt(seg.seq, edge) || seg.seq === t.rcvNxt) return 0;
    // An empty segment at the very edge comes from a peer that has filled the window and lost some of it: to refuse its
    // ACKs until then would stop our sending, too. The section's table does; Linux does not.
    if (seg.seq === edge && space === 0 && !seg.has(TCP_RST)) return 0;
  } else if (space > 0 && seqGt((seg.seq + space) | 0, t.rcvNxt)) {
    return 0;
  }
  if (seg.has(TCP_RST)) return DROP_TCP_RST;
  // The peer's FIN again, in TIME-WAIT: our ACK of it was lost. 2 MSL start again (section 3.10.7.4, eighth).
  if (t.state === TIME_WAIT && seg.has(TCP_FIN) && ((seg.seq + space) | 0) === t.rcvNxt) {
    t.longAt = e.core.now.us + e.core.settings.tcpTimeWait;
  }
  refusedDuplicate(e, t);
  if (seg.has(TCP_SYN)) challenge(e, t);
  else refuse(e, t);
  return DROP_TCP_BAD_SEQ;
}

/**
 * Second: RST. Only one exactly at RCV.NXT counts; elsewhere in the window it is challenged (section 3.10.7.4, RFC 5961 section
 * 3.2), also at the right edge of what SACK has reported, and at RCV.NXT - 1 after a FIN, which Linux takes: the RFC knows no such
 * exceptions, each would be one more number to guess, and a peer that meant it answers the challenge with a RST at RCV.NXT.
 */
function resetStep(e: Engine, t: Tcb): number {
  if (e.seg.seq !== t.rcvNxt) {
    challenge(e, t);
    return DROP_TCP_CHALLENGE;
  }
  e.core.counters.add(RESETS_RECEIVED, 1);
  const state = t.state;
  if (state === TIME_WAIT && e.core.settings.tcpRfc1337) return DROP_TCP_RST; // no assassination
  if (state === SYN_RECEIVED) {
    if (t.has(F_PASSIVE)) {
      t.set(F_ORPHAN); // back to LISTEN: the listener never left it, and nobody has seen this row
      e.fail(t, ECONNRESET);
    } else {
      e.fail(t, ECONNREFUSED);
    }
  } else if (state === CLOSING || state === LAST_ACK || state === TIME_WAIT) {
    e.finish(t);
  } else {
    // After the peer's FIN what it breaks is writing, and that is how Linux tells it.
    e.fail(t, state === CLOSE_WAIT ? EPIPE : ECONNRESET);
  }
  return 0;
}

/** Fourth: SYN in a synchronised state is challenged whatever its number (RFC 5961 section 4); SYN-RECEIVED by a passive open returns to LISTEN. */
function synStep(e: Engine, t: Tcb): number {
  if (t.state === SYN_RECEIVED && t.has(F_PASSIVE)) {
    t.set(F_ORPHAN);
    e.fail(t, ECONNRESET);
    return DROP_TCP_SYN_IN_WINDOW;
  }
  challenge(e, t);
  return DROP_TCP_SYN_IN_WINDOW;
}

/** TS.Recent: of the segment that covers Last.ACK.sent (RFC 7323 section 4.3). */
function rememberTimestamp(e: Engine, t: Tcb): void {
  const { seq, options } = e.seg;
  if (seqLe(seq, t.lastAckSent) && (seqGe(options.tsVal, t.tsRecent) || tsRecentOutdated(e, t))) {
    t.tsRecent = options.tsVal;
  }
}

function tsRecentOutdated(e: Engine, t: Tcb): boolean {
  return e.core.now.us - t.lastReceivedAt >= PAWS_IDLE;
}

/** TIME-WAIT, and beyond the peer's FIN: there can be nothing. */
function timeWaitStep(e: Engine, t: Tcb): number {
  if (e.seg.space === 0) return 0;
  refuse(e, t);
  return DROP_TCP_AFTER_CLOSE;
}
