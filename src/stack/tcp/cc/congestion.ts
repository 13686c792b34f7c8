// What a congestion control is: functions over a connection's row. One module a control; they keep no objects.
// Called by ack, recovery, undo and cwnd through Engine.control(); implemented by the files beside it.

import type { Engine } from '../engine.ts';
import type { Tcb } from '../tcb.ts';

/**
 * Windows in bytes. A control owns ccCell0 to 7 and ccReal0 to 3 of the row; cwnd and ssthresh are its, but in PRR's round
 * trip (RFC 9937), when cwnd is prr.ts', and after a timeout, when recovery sets it to one segment. e.news has what the ACK
 * told (bytes delivered, lost, RTT), the row delivered, deliveryRate and the like (rate.ts).
 */
export interface CongestionControl {
  readonly name: string;
  /** The connection is established: cwnd, ssthresh, and the cells. */
  init(e: Engine, t: Tcb): void;
  /** An ACK outside reductions delivered e.news.delivered bytes; `limited`: the window was in use, and may grow. */
  acked(e: Engine, t: Tcb, limited: boolean): void;
  /** A congestion event (loss, ECN, timeout): returns the new ssthresh. Called once an event, before cwnd changes. */
  reduce(e: Engine, t: Tcb): number;
  /** The retransmission timer fired; after reduce(), before cwnd is set. */
  timeout(e: Engine, t: Tcb): void;
  /** The last event was none: returns cwnd as it should be (RFC 4015 section 3.2), and restores the cells. */
  undo(t: Tcb): number;
  /** The restart window (RFC 5681 section 4.1). */
  restart(e: Engine, t: Tcb): number;
  /** Nothing was in flight for `us` us, and something is about to be sent. */
  idle(e: Engine, t: Tcb, us: number): void;
}

/** RFC 6928 section 2: ten segments, but at most max(2 MSS, 14,600 bytes) where segments are large. */
export function initialWindow(e: Engine, t: Tcb): number {
  const segments = t.initCwnd || e.core.settings.tcpInitialWindow;
  return Math.min(segments * t.mss, Math.max(2 * t.mss, segments * 1460));
}
