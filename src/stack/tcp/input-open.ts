// Segment arrival while a connection opens: SYN-SENT (RFC 9293 section 3.10.7.3), and how a connection becomes established.
// Called by input, input-listen and ack; calls isn and reset.

import {
  DROP_TCP_BAD_ACK,
  DROP_TCP_DUPLICATE,
  DROP_TCP_LISTEN_OVERFLOW,
  DROP_TCP_NO_ACK,
  DROP_TCP_RST,
} from '../../base/drop.ts';
import { ECONNREFUSED } from '../../base/errno.ts';
import { seqGe, seqGt, seqLe } from '../../base/seq.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../../wire/tcp.ts';
import { counter } from '../counters.ts';
import type { Packet } from '../packet.ts';
import { startTuning } from './buffers.ts';
import { synEcn, synEcnAgain } from './ecn.ts';
import type { Engine } from './engine.ts';
import {
  F_ACK_NOW,
  F_FIN_KNOWN,
  F_KEEPALIVE,
  F_PASSIVE,
  F_QUEUED,
  F_SCALING,
  F_SEND_SYN,
  F_TIMESTAMPS,
  F_TIMING,
  F2_DEFERRED,
  F2_RCVBUF_SET,
  F2_SACK,
  READY_ACCEPT,
  READY_CONNECTED,
} from './flags.ts';
import { chooseIsn } from './isn.ts';
import { sendResetFor } from './reset.ts';
import { updateMss } from './route.ts';
import { noteLeast, rttSample } from './rtt.ts';
import type { Segment } from './segment.ts';
import { ESTABLISHED, LISTEN, SYN_RECEIVED } from './state.ts';
import { TCB_ACCEPT_NEXT, type Tcb } from './tcb.ts';
import { NO_CLAMP, scaleFor } from './window.ts';

const ACCEPTED: number = counter('tcp_accepted');
const CONNECTED: number = counter('tcp_connected');
/** MSS when the peer names none (RFC 9293 section 3.7.1, MUST-15). */
const DEFAULT_MSS_4 = 536;
const DEFAULT_MSS_6 = 1220;
/** RFC 6298 section 5.7. */
const RTO_AFTER_SYN_LOSS = 3_000_000;
/** Beyond whatever window the previous incarnation had open. */
const ISN_STEP = 0x20000;

/** What every connection starts with; tuple, state and flags are the caller's. */
export function initialize(e: Engine, t: Tcb): void {
  const s = e.core.settings;
  t.rto = s.tcpRtoInitial;
  t.sndLimit = s.tcpSendBuffer;
  t.rcvLimit = s.tcpReceiveBuffer;
  t.rcvClamp = NO_CLAMP;
  t.firstAckDelay = s.tcpFirstAckDelay;
  t.keepIdle = (s.tcpKeepaliveIdle / 1000) | 0;
  t.keepInterval = (s.tcpKeepaliveInterval / 1000) | 0;
  t.keepCount = s.tcpKeepaliveProbes;
  t.userTimeout = (s.tcpUserTimeout / 1000) | 0;
  t.notsentLow = s.tcpNotsentLowat;
  t.ttl = s.hopLimit;
  t.openedAt = e.core.now.us;
  t.cc = e.defaultControl;
  t.lastReceivedAt = e.core.now.us;
}

/**
 * Numbers of a fresh connection: ISS, its timestamps and, for IPv6, its flow label. `previous`: SND.NXT of a connection
 * with the same tuple in TIME-WAIT that makes way, beyond which ISS must lie (RFC 9293 section 3.10.7.4); NaN: none.
 */
export function startNumbers(e: Engine, t: Tcb, previous: number = NaN): void {
  chooseIsn(e.core, t);
  if (!Number.isNaN(previous) && seqLe(t.iss, previous)) t.iss = (previous + ISN_STEP) | 0;
  t.sndUna = t.iss;
  t.sndNxt = t.iss;
  t.recover = t.iss;
  t.cursorSeq = t.iss;
  t.flowLabel = (t.tsOffset >>> 12) & 0xfffff;
  t.rcvScale = e.core.settings.tcpWindowScaling ? scaleFor(largestBuffer(e, t)) : 0;
}

/** What the receive buffer may grow to. */
export function largestBuffer(e: Engine, t: Tcb): number {
  if (t.has2(F2_RCVBUF_SET)) return t.rcvLimit;
  return Math.max(t.rcvLimit, Math.min(e.core.settings.tcpReceiveBufferMax, e.core.spans.totalBytes));
}

/**
 * SYN-RECEIVED, and the peer's SYN once more. With an ACK it is the answer to ours in a simultaneous open (RFC 9293
 * section 3.5, figure 7); the acceptability test would have it refused. Without, it or our SYN-ACK was lost.
 */
export function synAgain(e: Engine, t: Tcb, p: Packet): number {
  const seg = e.seg;
  if (!seg.has(TCP_ACK)) {
    const { hasTimestamps, tsVal } = seg.options;
    if (t.has(F_TIMESTAMPS) && hasTimestamps && seqGe(tsVal, t.tsRecent)) t.tsRecent = tsVal;
    synEcnAgain(e, t);
    t.set(F_SEND_SYN);
    e.activate(t);
    return DROP_TCP_DUPLICATE;
  }
  if (!seqGt(seg.ack, t.sndUna) || !seqLe(seg.ack, t.sndNxt)) {
    sendResetFor(e, p);
    return DROP_TCP_BAD_ACK;
  }
  takeSynWindow(t, seg);
  // It covers Last.ACK.sent (RFC 7323 section 4.3).
  if (t.has(F_TIMESTAMPS) && seg.options.hasTimestamps) t.tsRecent = seg.options.tsVal;
  established(e, t);
  // Its own ACK may be all that the peer still waits for: our SYN-ACK looks old to a strict one.
  t.set(F_ACK_NOW);
  e.activate(t);
  return 0;
}

/** SND.WND of a segment with SYN: never scaled (RFC 7323 section 2.2). */
function takeSynWindow(t: Tcb, seg: Segment): void {
  t.sndWnd = seg.window;
  t.maxSndWnd = seg.window;
  t.sndWl1 = seg.seq;
  t.sndWl2 = seg.ack;
}

/** SYN-SENT. The user's SYN is out; a SYN-ACK establishes, a SYN alone is a simultaneous open. */
export function segmentForSynSent(e: Engine, t: Tcb, p: Packet): number {
  const seg = e.seg;
  if (seg.has(TCP_ACK) && (!seqGt(seg.ack, t.iss) || seqGt(seg.ack, t.sndNxt))) {
    sendResetFor(e, p);
    return DROP_TCP_BAD_ACK;
  }
  if (seg.has(TCP_RST)) {
    if (!seg.has(TCP_ACK)) return DROP_TCP_RST;
    e.fail(t, ECONNREFUSED);
    return 0;
  }
  if (!seg.has(TCP_SYN)) return DROP_TCP_NO_ACK;
  t.irs = seg.seq;
  t.rcvNxt = (seg.seq + 1) | 0;
  t.rcvAdv = (t.rcvNxt + Math.min(t.rcvLimit, t.rcvClamp, 65535)) | 0; // what our SYN offered
  t.lastAckSent = t.rcvNxt;
  t.lastReceivedAt = e.core.now.us;
  takeSynOptions(e, t);
  synEcn(e, t, p);
  takeSynWindow(t, seg);
  if (seg.has(TCP_ACK)) {
    if (t.has(F_TIMING) && seqLe(t.timedSeq, seg.ack)) {
      t.unset(F_TIMING);
      handshakeRtt(e, t);
    }
    t.sndUna = seg.ack;
    t.set(F_ACK_NOW);
    established(e, t);
  } else {
    t.state = SYN_RECEIVED;
    t.set(F_SEND_SYN);
  }
  e.activate(t);
  // Text on a SYN (RFC 9293 section 3.10.7.3 allows it) is left to be sent again: nothing of it is acknowledged.
  return 0;
}

/** Reads MSS, window scale and timestamps of the SYN in hand (RFC 9293 section 3.7.1, RFC 7323 sections 2.2 and 3.2). */
export function takeSynOptions(e: Engine, t: Tcb): void {
  const { options } = e.seg;
  const s = e.core.settings;
  const v4 = t.remote0 === 0 && t.remote1 === 0 && t.remote2 === 0xffff;
  t.peerMss = options.mss === 0 ? (v4 ? DEFAULT_MSS_4 : DEFAULT_MSS_6) : Math.max(options.mss, s.tcpMinMss);
  if (s.tcpWindowScaling && options.windowScale >= 0) {
    t.set(F_SCALING);
    t.sndScale = options.windowScale;
  } else {
    t.unset(F_SCALING);
    t.sndScale = 0;
    t.rcvScale = 0;
  }
  if (s.tcpTimestamps && options.hasTimestamps) {
    t.set(F_TIMESTAMPS);
    t.tsRecent = options.tsVal;
  } else {
    t.unset(F_TIMESTAMPS);
  }
  if (s.tcpSack && options.sackPermitted) t.set2(F2_SACK);
  else t.unset2(F2_SACK);
  updateMss(t);
  t.rcvMss = Math.min(536, t.mss);
}

/**
 * Whether the ACK in hand does not complete the handshake of a passive open yet: a drop reason when the accept queue is full
 * (in silence: the peer sends again, and our SYN-ACK is sent again); -1 when it is bare and the listener's user wants no
 * connection without text (OPT_DEFER_ACCEPT); 0: it completes it.
 */
export function handshakeWaits(e: Engine, t: Tcb): number {
  if (!t.has(F_PASSIVE) || t.parent === 0) return 0;
  const l = e.l.at(t.parent);
  if (l.state === LISTEN && l.acceptCount >= l.backlog) return DROP_TCP_LISTEN_OVERFLOW;
  if (t.deferAccept === 0 || e.seg.space > 0 || e.core.now.us >= t.openedAt + t.deferAccept * 1000) return 0;
  t.set2(F2_DEFERRED);
  return -1;
}

/** SYN-RECEIVED or SYN-SENT becomes ESTABLISHED: SND.UNA has passed our SYN, or is about to. */
export function established(e: Engine, t: Tcb): void {
  const passive = t.has(F_PASSIVE);
  t.state = ESTABLISHED;
  t.unset(F_SEND_SYN);
  t.sndNxt = (t.iss + 1) | 0;
  if (t.srtt === 0 && t.retries > 0) t.rto = RTO_AFTER_SYN_LOSS;
  if (t.has(F_TIMING)) {
    t.unset(F_TIMING);
    handshakeRtt(e, t);
  } else if (t.srtt === 0) stampedRtt(e, t);
  t.cursorSpan = 0;
  t.sndUna = t.sndNxt;
  t.recover = t.sndNxt;
  t.highSacked = t.sndNxt;
  t.sndSml = t.sndNxt;
  t.cwndSeq = t.sndNxt;
  t.cwndAt = e.core.now.us;
  e.control(t).init(e, t);
  t.pacingRate = t.maxRate; // the initial window goes at once
  t.retries = 0;
  t.rtxAt = 0;
  startTuning(e, t);
  e.floor.neighbours.confirm(t.neighbour);
  if (t.has(F_KEEPALIVE)) t.longAt = e.core.now.us + t.keepIdle * 1000;
  t.unset(F_FIN_KNOWN);
  if (passive) {
    e.halfOpen.remove(t.row);
    enqueueForAccept(e, t);
  } else {
    e.core.counters.add(CONNECTED, 1);
    e.notify(t, READY_CONNECTED);
  }
}

/** The time from our SYN or SYN-ACK to its ACK, sent once. */
function handshakeRtt(e: Engine, t: Tcb): void {
  const rtt = (e.core.now.us32 - t.timedAt) | 0;
  noteLeast(t, rtt, e.core.now.us);
  rttSample(t, rtt, e.core.settings);
}

/** The SYN or SYN-ACK was sent more than once: a timestamp says which was answered (RFC 7323 section 4.1). */
function stampedRtt(e: Engine, t: Tcb): void {
  const { options } = e.seg;
  if (!t.has(F_TIMESTAMPS) || !options.hasTimestamps || options.tsEcr === 0) return;
  const ms = (e.core.now.ms32 + t.tsOffset - options.tsEcr) | 0;
  if (ms >= 0 && ms < 1_000_000) rttSample(t, Math.max(1, ms) * 1000, e.core.settings);
}

/** Hands an established passive connection to its listener's accept queue. */
function enqueueForAccept(e: Engine, t: Tcb): void {
  const l = e.l.at(t.parent);
  if (t.parent === 0 || l.state !== LISTEN) return;
  l.synCount--;
  l.acceptCount++;
  t.acceptNext = 0;
  t.set(F_QUEUED);
  if (l.acceptTail === 0) l.acceptHead = t.row;
  else e.rows.i32[e.rows.cell(l.acceptTail) + TCB_ACCEPT_NEXT] = t.row;
  l.acceptTail = t.row;
  e.core.counters.add(ACCEPTED, 1);
  e.notify(l, READY_ACCEPT);
}
