// A snapshot of a connection for people: what `ss -i` and TCP_INFO show.
// Called by tcp.ts; calls nothing. It allocates: not for the hot path.

import { seqDiff } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
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
}

export function tcpInfo(e: Engine, t: Tcb): TcpInfo {
  const queued = t.i32[t.sendList + 2]!;
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
  };
}
