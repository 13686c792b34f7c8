// Segment arrival in LISTEN (RFC 9293 section 3.10.7.2): a SYN makes a row in SYN-RECEIVED or is answered with a cookie, the ACK
// of a cookie makes a row, too. Called by input; calls input-open, route, reset and syn-cookies.

import {
  DROP_NO_MEMORY,
  DROP_TCP_BAD_ACK,
  DROP_TCP_BAD_FLAGS,
  DROP_TCP_LISTEN_OVERFLOW,
  DROP_TCP_RST,
  DROP_UNREACHABLE,
} from '../../base/drop.ts';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from '../../wire/tcp.ts';
import { TCP_TIMESTAMPS_LENGTH } from '../../wire/tcp-options.ts';
import { counter } from '../counters.ts';
import type { Packet } from '../packet.ts';
import { synEcn } from './ecn.ts';
import type { Engine } from './engine.ts';
import {
  F_KEEPALIVE,
  F_LINGER0,
  F_NODELAY,
  F_PASSIVE,
  F_SEND_SYN,
  F_TIMESTAMPS,
  F2_CORK,
  F2_ECN,
  F2_ECN_ECHO,
  F2_PINGPONG,
  F2_RCVBUF_SET,
  F2_SNDBUF_SET,
} from './flags.ts';
import { initialize, startNumbers, takeSynOptions } from './input-open.ts';
import { sendResetFor } from './reset.ts';
import { advertisedMss, findRoute } from './route.ts';
import { SYN_RECEIVED } from './state.ts';
import { cookieEcn, cookiesAbout, isCookie, sendCookie } from './syn-cookies.ts';
import type { Tcb } from './tcb.ts';
import { synWindow } from './window.ts';

const COOKIES_RECEIVED: number = counter('tcp_cookies_received');
const COOKIES_FAILED: number = counter('tcp_cookies_failed');

/** Whether listener `l` may have one more half-open row: within its backlog and what all may have together. */
export function roomForHalfOpen(e: Engine, l: Tcb): boolean {
  return l.synCount + l.acceptCount < l.backlog && e.halfOpen.count < e.core.settings.tcpMaxHalfOpen;
}

/**
 * A segment for listener `l`, which is no connection's. A SYN makes a row of its own in SYN-RECEIVED; where there is no room for
 * one, a cookie goes out instead, unless it follows a connection in TIME-WAIT (`previous` as in startNumbers): a cookie's ISS
 * cannot be chosen beyond that one's. Who has no place in the accept queue gets no answer, and will come again.
 */
export function segmentForListen(e: Engine, l: Tcb, p: Packet, previous: number = NaN): number {
  const seg = e.seg;
  if (seg.has(TCP_RST)) return DROP_TCP_RST;
  if (seg.has(TCP_ACK)) {
    sendResetFor(e, p);
    return DROP_TCP_BAD_ACK;
  }
  if (!seg.has(TCP_SYN) || seg.has(TCP_FIN)) return DROP_TCP_BAD_FLAGS;
  if (l.acceptCount >= l.backlog) return DROP_TCP_LISTEN_OVERFLOW;
  const cookies = e.core.settings.tcpSynCookies;
  const room = roomForHalfOpen(e, l);
  if ((!room || cookies > 1) && cookies > 0 && Number.isNaN(previous)) return sendCookie(e, l, p);
  if (!room) return DROP_TCP_LISTEN_OVERFLOW;
  const row = makeRow(e, l, p);
  if (row < 0) return -row;
  const t = e.t;
  startNumbers(e, t, previous);
  synNumbers(e, t, seg.seq);
  synEcn(e, t, p);
  t.set(F_SEND_SYN);
  enter(e, l, t);
  e.activate(t);
  return 0;
}

/**
 * The ACK of a cookie: 0 if the segment in hand is none, -reason if it is to be dropped; else a row in SYN-RECEIVED (e.t), as if
 * it had been there since the SYN, for which the segment is to go on through the steps.
 */
export function cookieForListen(e: Engine, l: Tcb, p: Packet): number {
  const seg = e.seg;
  if ((seg.flags & (TCP_ACK | TCP_SYN | TCP_RST)) !== TCP_ACK || !cookiesAbout(e)) return 0;
  if (!isCookie(e, p)) {
    e.core.counters.add(COOKIES_FAILED, 1);
    // Maybe the bare ACK was lost and a later segment is here first: its sender begins again where we can tell.
    return seg.space > 0 ? -DROP_TCP_BAD_ACK : 0;
  }
  if (l.acceptCount >= l.backlog) return -DROP_TCP_LISTEN_OVERFLOW;
  const row = makeRow(e, l, p);
  if (row < 0) return row;
  const t = e.t;
  t.deferAccept = 0; // the SYN-ACK cannot be sent again later
  startNumbers(e, t);
  t.iss = (seg.ack - 1) | 0;
  t.sndUna = t.iss;
  t.sndNxt = seg.ack;
  t.recover = t.iss;
  t.cursorSeq = t.iss;
  synNumbers(e, t, (seg.seq - 1) | 0);
  if (cookieEcn(e)) t.set2(F2_ECN | F2_ECN_ECHO);
  const ours = advertisedMss(e, e.way, t) - (t.has(F_TIMESTAMPS) ? TCP_TIMESTAMPS_LENGTH : 0);
  t.rcvAdv = (t.rcvNxt + synWindow(t, e.core.settings.tcpInitialReceiveWindow, ours)) | 0; // what the cookie offered
  enter(e, l, t);
  e.core.counters.add(COOKIES_RECEIVED, 1);
  return row;
}

/** A row for the packet in hand (e.t), with its way: its number, or -reason. */
function makeRow(e: Engine, l: Tcb, p: Packet): number {
  const seg = e.seg;
  const row = e.allocRow();
  if (row === 0) return -DROP_NO_MEMORY;
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
  if (findRoute(e, t) === 0) return row;
  e.free(t);
  return -DROP_UNREACHABLE;
}

/** What the SYN says: its options, and RCV.* from its number `irs`. */
function synNumbers(e: Engine, t: Tcb, irs: number): void {
  takeSynOptions(e, t);
  t.irs = irs;
  t.rcvNxt = (irs + 1) | 0;
  t.rcvAdv = t.rcvNxt;
  t.lastAckSent = t.rcvNxt;
}

function enter(e: Engine, l: Tcb, t: Tcb): void {
  e.table.insert(t.row);
  l.synCount++;
  e.halfOpen.push(t.row);
}

/** What the user has set on the listener holds for its connections. */
function inheritOptions(t: Tcb, l: Tcb): void {
  t.flags |= l.flags & (F_KEEPALIVE | F_NODELAY | F_LINGER0);
  t.flags2 |= l.flags2 & (F2_CORK | F2_RCVBUF_SET | F2_SNDBUF_SET | F2_PINGPONG);
  t.firstAckDelay = l.firstAckDelay;
  t.cc = l.cc;
  t.maxRate = l.maxRate;
  t.keepIdle = l.keepIdle;
  t.keepInterval = l.keepInterval;
  t.keepCount = l.keepCount;
  t.rcvLimit = l.rcvLimit;
  t.sndLimit = l.sndLimit;
  t.ttl = l.ttl;
  t.tos = l.tos;
  t.userMss = l.userMss;
  t.userTimeout = l.userTimeout;
  t.linger = l.linger;
  t.notsentLow = l.notsentLow;
  t.finWait2 = l.finWait2;
  t.deferAccept = l.deferAccept;
  t.windowClamp = l.windowClamp;
}
