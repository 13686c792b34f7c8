// SYN cookies (RFC 4987 section 3.6): what a half-open connection would remember goes out in the SYN-ACK's numbers instead, and
// comes back with the ACK. Called by input-listen; calls SipHash, routes and output. Nothing is allocated, no row is taken.
//
//   ISS     [ 29 bits of SipHash(tuple, IRS, period) | MSS: 3 ]
//   TSval   [ 26 bits of our clock | ECN: 1 | SACK: 1 | window scale of the peer: 4 (15: none) ]   if the peer sent timestamps
//
// A period is 64 s; a cookie is good in its own and the next. A guess hits with a probability of 16 in 2^32. Without timestamps
// there is no room for window scale and SACK: such a connection has neither.

import { DROP_NO_MEMORY, DROP_UNREACHABLE } from '../../base/drop.ts';
import { seqGt } from '../../base/seq.ts';
import { PROTO_TCP } from '../../wire/ip4.ts';
import {
  putTcpHeader,
  TCP_ACK,
  TCP_CHECKSUM_OFFSET,
  TCP_CWR,
  TCP_ECE,
  TCP_HEADER_LENGTH,
  TCP_SYN,
} from '../../wire/tcp.ts';
import { putTcpSynOptions, TCP_TIMESTAMPS_LENGTH, tcpSynOptionsLength } from '../../wire/tcp-options.ts';
import { counter } from '../counters.ts';
import type { Packet } from '../packet.ts';
import type { Engine } from './engine.ts';
import { largestBuffer } from './input-open.ts';
import { stampOffset } from './isn.ts';
import { loadReplyWay } from './reset.ts';
import { advertisedMss } from './route.ts';
import type { Tcb } from './tcb.ts';
import { scaleFor, synWindow } from './window.ts';

const COOKIES_SENT: number = counter('tcp_cookies_sent');
const SENT: number = counter('tcp_sent');

const PERIOD = 64e6;
/** The MSS of a peer is rounded down to one of these: 3 bits of ISS. The first is below what is believed of anybody. */
const MSS: readonly number[] = [64, 536, 1220, 1360, 1440, 1452, 1460, 8960];
const MSS_BITS = 7;
const TS_BITS = 63;
const NO_SCALE = 15;
const TS_SACK = 1 << 4;
const TS_ECN = 1 << 5;
const ECN_SETUP: number = TCP_ECE | TCP_CWR;
const CE = 3;

const words = new Int32Array(11);

/** The cookie for the tuple of packet `p`, its peer's initial number and a period, with zeros for the MSS. */
function cookie(e: Engine, p: Packet, irs: number, period: number): number {
  words[0] = irs;
  words[1] = period;
  words[2] = (e.seg.dstPort << 16) | e.seg.srcPort;
  words[3] = p.dst3;
  words[4] = p.src3;
  // Messages of both families differ in length, and from those of initial numbers.
  if (p.version === 4) return e.core.sip.hash(words, 0, 5) & ~MSS_BITS;
  words[5] = p.dst0;
  words[6] = p.dst1;
  words[7] = p.dst2;
  words[8] = p.src0;
  words[9] = p.src1;
  words[10] = p.src2;
  return e.core.sip.hash(words, 0, 11) & ~MSS_BITS;
}

function period(e: Engine): number {
  return Math.floor(e.core.now.us / PERIOD);
}

/** Answers the SYN in hand (packet `p`, for listener `l`) with a cookie. 0, or a drop reason. */
export function sendCookie(e: Engine, l: Tcb, p: Packet): number {
  const { seg, core } = e;
  const s = core.settings;
  const way = e.replyWay;
  loadReplyWay(way, p);
  way.hopLimit = l.ttl;
  way.trafficClass = l.tos;
  if (e.floor.routes.findWay(way) !== 0) return DROP_UNREACHABLE;
  const { mss, windowScale, sackPermitted, hasTimestamps, tsVal } = seg.options;
  let index = MSS.length - 1;
  const least = way.version === 4 ? 536 : 1220;
  while (index > 0 && MSS[index]! > (mss === 0 ? least : mss)) index--;
  const iss = cookie(e, p, seg.seq, period(e)) | index;
  const stamped = s.tcpTimestamps && hasTimestamps;
  const scaled = stamped && s.tcpWindowScaling && windowScale >= 0;
  const sack = stamped && s.tcpSack && sackPermitted;
  const ports = (seg.dstPort << 16) | seg.srcPort;
  const asked = (seg.flags & ECN_SETUP) === ECN_SETUP && (p.trafficClass & CE) === 0;
  const ecn = stamped && s.tcpEcn !== 0 && asked; // as synEcn decides it
  const clock = (core.now.ms32 + stampOffset(core, p.src0, p.src1, p.src2, p.src3, p.dst3, ports)) | 0;
  let stamp = (clock & ~TS_BITS) | (scaled ? windowScale : NO_SCALE) | (sack ? TS_SACK : 0) | (ecn ? TS_ECN : 0);
  if (seqGt(stamp, clock)) stamp = (stamp - TS_BITS - 1) | 0; // TSval must not go back afterwards
  const scale = scaled ? scaleFor(largestBuffer(e, l)) : -1;
  const header = TCP_HEADER_LENGTH + tcpSynOptionsLength(scale, sack, stamped);
  const l4 = e.floor.output.open(header);
  if (l4 === 0) return DROP_NO_MEMORY;
  const ours = advertisedMss(e, way, l);
  const window = synWindow(l, s.tcpInitialReceiveWindow, stamped ? ours - TCP_TIMESTAMPS_LENGTH : ours);
  const flags = TCP_SYN | TCP_ACK | (ecn ? TCP_ECE : 0);
  putTcpHeader(core.u8, l4, seg.dstPort, seg.srcPort, iss, (seg.seq + 1) | 0, header, flags, window, 0);
  putTcpSynOptions(core.u8, l4 + TCP_HEADER_LENGTH, ours, scale, sack, stamped, stamp, tsVal);
  core.counters.add(COOKIES_SENT, 1);
  core.counters.add(SENT, 1);
  e.cookieAt = core.now.us;
  e.floor.output.send(way, l4, header, PROTO_TCP, TCP_CHECKSUM_OFFSET); // counts what it drops
  return 0;
}

/** Whether the cookie that the segment in hand acknowledges has agreed on ECN. */
export function cookieEcn(e: Engine): boolean {
  const { hasTimestamps, tsEcr } = e.seg.options;
  return hasTimestamps && (tsEcr & TS_ECN) !== 0;
}

/** Whether a cookie that is still good may be about: otherwise an ACK is not looked at for one. */
export function cookiesAbout(e: Engine): boolean {
  return e.core.now.us - e.cookieAt < 2 * PERIOD;
}

/**
 * Whether the segment in hand acknowledges a cookie of ours. If so its options are as the SYN's were, as far as they were kept:
 * MSS, window scale, SACK; timestamps are its own.
 */
export function isCookie(e: Engine, p: Packet): boolean {
  const { seg } = e;
  const iss = (seg.ack - 1) | 0;
  const irs = (seg.seq - 1) | 0;
  const now = period(e);
  const kept = iss & ~MSS_BITS;
  if (cookie(e, p, irs, now) !== kept && cookie(e, p, irs, now - 1) !== kept) return false;
  const { options } = seg;
  options.mss = MSS[iss & MSS_BITS]!;
  const scale = options.tsEcr & 15;
  options.windowScale = options.hasTimestamps && scale !== NO_SCALE ? scale : -1;
  options.sackPermitted = options.hasTimestamps && (options.tsEcr & TS_SACK) !== 0;
  return true;
}
