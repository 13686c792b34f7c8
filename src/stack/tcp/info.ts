// A snapshot of a connection for people: what `ss -i` and TCP_INFO show.
// Called by tcp.ts; calls scoreboard. It allocates: not for the hot path.

import { seqDiff } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F_SCALING, F_TIMESTAMPS, F2_ECN, F2_SACK } from './flags.ts';
import { advertisedMss, loadWay } from './route.ts';
import { SEG_LOST, SEG_RETRANS, SEG_SACKED } from './scoreboard.ts';
import { LISTEN, stateName } from './state.ts';
import type { Tcb } from './tcb.ts';

/** Times in us unless the name says otherwise, sizes in bytes, counts since the connection began. In brackets the name in Linux's struct tcp_info. */
export interface TcpInfo {
  readonly state: string;
  readonly congestion: string;
  /** What has been agreed on: SACK, timestamps, ECN; the shifts of windows received and sent, -1 without scaling. [options, snd_wscale, rcv_wscale] */
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly ecn: boolean;
  readonly sendScale: number;
  readonly receiveScale: number;
  /** open, disorder, cwr, recovery or loss. [ca_state] */
  readonly caState: string;
  readonly rtt: number;
  readonly rttvar: number;
  /** Least RTT seen lately; 0: none. [min_rtt] */
  readonly minRtt: number;
  readonly rto: number;
  /** Delay of a delayed ACK. [ato] */
  readonly ato: number;
  readonly cwnd: number;
  readonly ssthresh: number;
  /** Payload of a full segment sent, received; the MSS that our SYN named. [snd_mss, rcv_mss, advmss] */
  readonly mss: number;
  readonly rcvMss: number;
  readonly advmss: number;
  readonly pathMtu: number;
  readonly sendWindow: number;
  readonly receiveWindow: number;
  /** Payload written and not sent yet. [notsent_bytes] */
  readonly unsent: number;
  /** Sequence space sent and not acknowledged: bytes, and segments of it. [unacked] */
  readonly inFlight: number;
  readonly unackedSegments: number;
  /** Of it: SACKed, counted as lost, sent again; bytes. [sacked, lost, retrans] */
  readonly sacked: number;
  readonly lost: number;
  readonly retransmitting: number;
  /** The same in segments as they were sent. */
  readonly sackedSegments: number;
  readonly lostSegments: number;
  readonly retransmittingSegments: number;
  readonly unread: number;
  readonly outOfOrderRanges: number;
  /** Timeouts in a row; probes in a row. [retransmits, probes, backoff] */
  readonly retries: number;
  readonly probes: number;
  /** Segments sent again, since the start. [total_retrans] */
  readonly retransmits: number;
  readonly reordering: number;
  /** Receive buffer tuning: RTT as the receiver sees it, and its estimate of bytes a round trip. [rcv_rtt, rcv_space] */
  readonly rcvRtt: number;
  readonly rcvSpace: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  readonly bytesRetransmitted: number;
  /** Payload sent, again or not. [bytes_sent] */
  readonly bytesSent: number;
  readonly segsIn: number;
  readonly segsOut: number;
  readonly dataSegsIn: number;
  readonly dataSegsOut: number;
  /** Ms since text (or a SYN or FIN) was last sent, text was last received, an acceptable segment was last received; -1: never. */
  readonly lastDataSentMs: number;
  readonly lastDataReceivedMs: number;
  readonly lastAckReceivedMs: number;
  /** Bytes a second; 0: not known, unpaced. */
  readonly deliveryRate: number;
  readonly pacingRate: number;
  /** Bytes delivered; segments delivered, and delivered with an ECN mark. [delivered, delivered_ce] */
  readonly delivered: number;
  readonly deliveredSegments: number;
  readonly deliveredCe: number;
}

export function tcpInfo(e: Engine, t: Tcb): TcpInfo {
  const queued = t.i32[t.sendList + 2]!;
  const inFlight = seqDiff(t.sndNxt, t.sndUna);
  // A SYN or FIN in flight takes a number, and is no text.
  const text = Math.min(queued, inFlight);
  const segments = countSegments(e, t);
  const scaling = t.has(F_SCALING);
  return {
    state: stateName(t.state),
    congestion: e.control(t).name,
    sack: t.has2(F2_SACK),
    timestamps: t.has(F_TIMESTAMPS),
    ecn: t.has2(F2_ECN),
    sendScale: scaling ? t.sndScale : -1,
    receiveScale: scaling ? t.rcvScale : -1,
    caState: caState(t),
    rtt: t.srtt,
    rttvar: t.rttvar,
    minRtt: t.minRtt,
    rto: t.rto,
    ato: t.ato,
    cwnd: t.cwnd,
    ssthresh: t.ssthresh,
    mss: t.mss,
    rcvMss: t.rcvMss,
    advmss: t.state === LISTEN || t.iface === 0 ? 0 : ourMss(e, t),
    pathMtu: t.pathMtu,
    sendWindow: t.sndWnd,
    receiveWindow: Math.max(0, seqDiff(t.rcvAdv, t.rcvNxt)),
    unsent: queued - text,
    inFlight,
    unackedSegments: segments.all,
    sacked: t.sackedBytes,
    lost: t.lostBytes,
    retransmitting: t.retransBytes,
    sackedSegments: segments.sacked,
    lostSegments: segments.lost,
    retransmittingSegments: segments.again,
    unread: t.i32[t.receiveList + 2]!,
    outOfOrderRanges: t.rangeCount,
    retries: t.retries,
    probes: t.probes,
    retransmits: t.retransmits,
    reordering: t.reordering,
    rcvRtt: t.rcvRtt,
    rcvSpace: t.rcvSpace,
    bytesAcked: t.bytesAcked,
    bytesReceived: t.bytesReceived,
    bytesRetransmitted: t.bytesRetransmitted,
    bytesSent: t.bytesAcked + text + t.bytesRetransmitted,
    segsIn: t.segsIn,
    segsOut: t.segsOut,
    dataSegsIn: t.dataSegsIn,
    dataSegsOut: t.dataSegsOut,
    lastDataSentMs: since(e, t.lastSentAt),
    lastDataReceivedMs: since(e, t.lastDataAt),
    lastAckReceivedMs: since(e, t.lastReceivedAt),
    deliveryRate: t.deliveryRate,
    pacingRate: t.pacingRate,
    delivered: t.delivered,
    deliveredSegments: t.deliveredSegments,
    deliveredCe: t.deliveredCe,
  };
}

function since(e: Engine, at: number): number {
  return at === 0 ? -1 : Math.floor((e.core.now.us - at) / 1000);
}

const CA_STATES: readonly string[] = ['open', 'disorder', 'cwr', 'recovery', 'loss'];

function caState(t: Tcb): string {
  return CA_STATES[t.phase] ?? 'open';
}

function ourMss(e: Engine, t: Tcb): number {
  loadWay(t, e.way);
  return advertisedMss(e, e.way, t);
}

/** What is in flight in segments: small ones count as one each. */
function countSegments(e: Engine, t: Tcb): { all: number; sacked: number; lost: number; again: number } {
  const out = { all: 0, sacked: 0, lost: 0, again: 0 };
  if (t.mss <= 0) return out;
  for (const { start, end, state } of e.scoreboard.list(t)) {
    if ((state & SEG_SACKED) !== 0) continue; // several in one record: counted as they came
    const n = Math.ceil(seqDiff(end, start) / t.mss);
    out.all += n;
    if ((state & SEG_LOST) !== 0) out.lost += n;
    if ((state & SEG_RETRANS) !== 0) out.again += n;
  }
  out.all += t.sackedSegments;
  // Without SACK it is known how many have arrived, not which.
  out.sacked = t.has2(F2_SACK) ? t.sackedSegments : Math.ceil(t.sackedBytes / t.mss);
  // A SYN has no record.
  if (out.all === 0) out.all = Math.ceil(seqDiff(t.sndNxt, t.sndUna) / t.mss);
  return out;
}
