// Segment arrival while a connection opens: LISTEN and SYN-SENT (RFC 9293 sections 3.10.7.2 and 3.10.7.3), and how a
// connection becomes established. Called by input and ack; calls route (the way back), isn and reset.

import {
  DROP_NO_MEMORY,
  DROP_TCP_BAD_ACK,
  DROP_TCP_BAD_FLAGS,
  DROP_TCP_DUPLICATE,
  DROP_TCP_LISTEN_OVERFLOW,
  DROP_TCP_NO_ACK,
  DROP_TCP_RST,
  DROP_UNREACHABLE,
} from '../../base/drop.ts';
import { ECONNREFUSED, ETIMEDOUT } from '../../base/errno.ts';
import { seqGt, seqLe } from '../../base/seq.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../wire/tcp.ts';
import { counter } from '../counters.ts';
import type { Packet } from '../packet.ts';
import { startTuning } from './buffers.ts';
import { synEcn, synEcnAgain } from './ecn.ts';
import type { Engine } from './engine.ts';
import {
  F_ACK_NOW,
  F_FIN_KNOWN,
  F_KEEPALIVE,
  F_LINGER0,
  F_NODELAY,
  F_ORPHAN,
  F_PASSIVE,
  F_QUEUED,
  F_SCALING,
  F_SEND_SYN,
  F_TIMESTAMPS,
  F_TIMING,
  F2_PINGPONG,
  F2_RCVBUF_SET,
  F2_SACK,
  F2_SNDBUF_SET,
  READY_ACCEPT,
  READY_CONNECTED,
} from './flags.ts';
import { chooseIsn } from './isn.ts';
import { sendResetFor } from './reset.ts';
import { findRoute, updateMss } from './route.ts';
import { noteLeast, rttSample } from './rtt.ts';
import type { Segment } from './segment.ts';
import { ESTABLISHED, LISTEN, SYN_RECEIVED } from './state.ts';
import { TCB_ACCEPT_NEXT, type Tcb } from './tcb.ts';
import { NO_CLAMP, scaleFor } from './window.ts';

const ACCEPTED: number = counter('tcp_accepted');
const CONNECTED: number = counter('tcp_connected');
/** MSS when the peer names none (RFC 9293 section 3.7.1, MUST-15), and the least one believed: smaller ones only cost. */
const DEFAULT_MSS_4 = 536;
const DEFAULT_MSS_6 = 1220;
const LEAST_MSS = 64;
/** RFC 6298 section 5.7. */
const RTO_AFTER_SYN_LOSS = 3_000_000;
/** Rows of other listeners that are stepped over. */
const OLDEST_SCAN = 64;
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
function largestBuffer(e: Engine, t: Tcb): number {
  if (t.has2(F2_RCVBUF_SET)) return t.rcvLimit;
  return Math.max(t.rcvLimit, Math.min(e.core.settings.tcpReceiveBufferMax, e.core.spans.totalBytes));
}

/** LISTEN: `l` is the listener; a SYN makes a row of its own in SYN-RECEIVED. `previous` as in startNumbers. */
export function segmentForListen(e: Engine, l: Tcb, p: Packet, previous: number = NaN): number {
  const seg = e.seg;
  if (seg.has(TCP_RST)) return DROP_TCP_RST;
  if (seg.has(TCP_ACK)) {
    sendResetFor(e, p);
    return DROP_TCP_BAD_ACK;
  }
  if (!seg.has(TCP_SYN) || seg.has(TCP_FIN)) return DROP_TCP_BAD_FLAGS;
  if (l.synCount + l.acceptCount >= l.backlog && !giveUpOldest(e, l)) return DROP_TCP_LISTEN_OVERFLOW;
  const row = e.allocRow();
  if (row === 0) return DROP_NO_MEMORY;
  const t = e.t.at(row);
  t.local0 = p.dst0;
  t.local1 = p.dst1;
  t.local2 = p.dst2;
  t.local3 = p.dst3;
  t.localPort = seg.dstPort;
  t.remote0 = p.src0;
  t.remote1 = p.src1;
  t.remote2 = p.src2;
  t.remote3 = p.src3;
  t.remotePort = seg.srcPort;
  t.iface = p.iface;
  t.flags = F_PASSIVE;
  t.state = SYN_RECEIVED;
  t.parent = l.row;
  initialize(e, t);
  inheritOptions(t, l);
  if (findRoute(e, t) !== 0) {
    e.free(t);
    return DROP_UNREACHABLE;
  }
  startNumbers(e, t, previous);
  takeSynOptions(e, t);
  synEcn(e, t, p);
  t.irs = seg.seq;
  t.rcvNxt = (seg.seq + 1) | 0;
  t.rcvAdv = t.rcvNxt;
  t.lastAckSent = t.rcvNxt;
  t.set(F_SEND_SYN);
  e.table.insert(row);
  l.synCount++;
  e.halfOpen.push(row);
  e.activate(t);
  return 0;
}

/**
 * A full backlog: of those that let our SYN-ACK wait for so long that it was sent again, the oldest makes way, so that who
 * sends SYNs and nothing else cannot keep others out for a minute (RFC 4987 section 3.5). False: there is none.
 */
function giveUpOldest(e: Engine, l: Tcb): boolean {
  let row = e.halfOpen.first;
  for (let n = 0; row !== 0 && n < OLDEST_SCAN; n++, row = e.halfOpen.after(row)) {
    const t = e.t.at(row);
    if (t.retries === 0) return false;
    if (t.parent !== l.row) continue;
    t.set(F_ORPHAN);
    e.fail(t, ETIMEDOUT);
    return true;
  }
  return false;
}

/** What the user has set on the listener holds for its connections. */
function inheritOptions(t: Tcb, l: Tcb): void {
  t.flags |= l.flags & (F_KEEPALIVE | F_NODELAY | F_LINGER0);
  t.flags2 |= l.flags2 & (F2_RCVBUF_SET | F2_SNDBUF_SET | F2_PINGPONG);
  t.firstAckDelay = l.firstAckDelay;
  t.keepIdle = l.keepIdle;
  t.keepInterval = l.keepInterval;
  t.keepCount = l.keepCount;
  t.rcvLimit = l.rcvLimit;
  t.sndLimit = l.sndLimit;
  t.ttl = l.ttl;
  t.tos = l.tos;
  t.cc = l.cc;
}

/**
 * SYN-RECEIVED, and the peer's SYN once more. With an ACK it is the answer to ours in a simultaneous open (RFC 9293
 * section 3.5, figure 7); the acceptability test would have it refused. Without, it or our SYN-ACK was lost.
 */
export function synAgain(e: Engine, t: Tcb, p: Packet): number {
  const seg = e.seg;
  if (!seg.has(TCP_ACK)) {
    if (t.has(F_TIMESTAMPS) && seg.options.hasTimestamps) t.tsRecent = seg.options.tsVal;
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
function takeSynOptions(e: Engine, t: Tcb): void {
  const { options } = e.seg;
  const s = e.core.settings;
  const v4 = t.remote0 === 0 && t.remote1 === 0 && t.remote2 === 0xffff;
  t.peerMss = options.mss === 0 ? (v4 ? DEFAULT_MSS_4 : DEFAULT_MSS_6) : Math.max(options.mss, LEAST_MSS);
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
  t.cwndSeq = t.sndNxt;
  t.cwndAt = e.core.now.us;
  e.control(t).init(e, t);
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
