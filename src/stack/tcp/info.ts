// A snapshot of a connection for people: what `ss -i` and TCP_INFO show.
// Called by tcp.ts; calls nothing. It allocates: not for the hot path.

import { seqDiff } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F_SCALING, F_TIMESTAMPS, F2_ECN, F2_SACK } from './flags.ts';
import { SEG_LOST, SEG_RETRANS, SEG_SACKED } from './scoreboard.ts';
import { stateName } from './state.ts';
import type { Tcb } from './tcb.ts';

/** Times in us, sizes in bytes. */
export interface TcpInfo {
  readonly state: string;
  readonly congestion: string;
  readonly rtt: number;
  readonly rttvar: number;
  readonly rto: number;
  readonly cwnd: number;
  readonly ssthresh: number;
  readonly mss: number;
  readonly pathMtu: number;
  readonly sendWindow: number;
  readonly receiveWindow: number;
  readonly unsent: number;
  readonly inFlight: number;
  readonly unread: number;
  readonly outOfOrderRanges: number;
  readonly retries: number;
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  readonly bytesRetransmitted: number;
  /** What has been agreed on: SACK, timestamps, ECN; the shifts of windows received and sent, -1 without scaling. */
  readonly sack: boolean;
  readonly timestamps: boolean;
  readonly ecn: boolean;
  readonly sendScale: number;
  readonly receiveScale: number;
  /** open, disorder, cwr, recovery or loss. */
  readonly caState: string;
  /** Least RTT seen lately; 0: none. */
  readonly minRtt: number;
  /** Of what is in flight: SACKed (or stood for by a duplicate ACK), counted as lost, sent again; bytes, and segments as they were sent. */
  readonly sacked: number;
  readonly lost: number;
  readonly retransmitting: number;
  readonly unackedSegments: number;
  readonly sackedSegments: number;
  readonly lostSegments: number;
  readonly retransmittingSegments: number;
  /** Degree of reordering seen, bytes; 0: none. */
  readonly reordering: number;
  /** Bytes a second; 0: not known, unpaced. Bytes delivered. */
  readonly deliveryRate: number;
  readonly pacingRate: number;
  readonly delivered: number;
}

export function tcpInfo(e: Engine, t: Tcb): TcpInfo {
  const queued = t.i32[t.sendList + 2]!;
  const segments = countSegments(e, t);
  const scaling = t.has(F_SCALING);
  return {
    state: stateName(t.state),
    congestion: e.control(t).name,
    rtt: t.srtt,
    rttvar: t.rttvar,
    rto: t.rto,
    cwnd: t.cwnd,
    ssthresh: t.ssthresh,
    mss: t.mss,
    pathMtu: t.pathMtu,
    sendWindow: t.sndWnd,
    receiveWindow: Math.max(0, seqDiff(t.rcvAdv, t.rcvNxt)),
    unsent: Math.max(0, queued - seqDiff(t.sndNxt, t.sndUna)),
    inFlight: seqDiff(t.sndNxt, t.sndUna),
    unread: t.i32[t.receiveList + 2]!,
    outOfOrderRanges: t.rangeCount,
    retries: t.retries,
    bytesAcked: t.bytesAcked,
    bytesReceived: t.bytesReceived,
    bytesRetransmitted: t.bytesRetransmitted,
    sack: t.has2(F2_SACK),
    timestamps: t.has(F_TIMESTAMPS),
    ecn: t.has2(F2_ECN),
    sendScale: scaling ? t.sndScale : -1,
    receiveScale: scaling ? t.rcvScale : -1,
    caState: PHASES[t.phase]!,
    minRtt: t.minRtt,
    sacked: t.sackedBytes,
    lost: t.lostBytes,
    retransmitting: t.retransBytes,
    unackedSegments: segments.all,
    sackedSegments: segments.sacked,
    lostSegments: segments.lost,
    retransmittingSegments: segments.again,
    reordering: t.reordering,
    deliveryRate: t.deliveryRate,
    pacingRate: t.pacingRate,
    delivered: t.delivered,
  };
}

/** The words for PHASE_*. */
const PHASES: readonly string[] = ['open', 'disorder', 'cwr', 'recovery', 'loss'];

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
