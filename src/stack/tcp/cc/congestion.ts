// What a congestion control is: functions over a connection's row. One module a control; they keep no objects.
// Called by input (acks, loss) and output (idle); implemented by newreno.ts.

import type { Tcb } from '../tcb.ts';

/** Windows in bytes. `flight` is SND.NXT - SND.UNA. A control owns cwnd, ssthresh, ccCell0 and ccCell1 of the row. */
export interface CongestionControl {
  readonly name: string;
  /** The connection is established: set the initial window of `segments` segments. */
  init(t: Tcb, segments: number): void;
  /** `acked` new bytes were acknowledged outside recovery; `limited`: the window had been full. */
  acked(t: Tcb, acked: number, limited: boolean): void;
  /** Loss was found by duplicate ACKs: fast retransmit has been called for. */
  loss(t: Tcb, flight: number): void;
  /** One more duplicate ACK in recovery. */
  duplicate(t: Tcb): void;
  /** A partial ACK of `acked` bytes in recovery. */
  partial(t: Tcb, acked: number): void;
  /** Recovery is over. */
  recovered(t: Tcb, flight: number): void;
  /** The retransmission timer fired; `first`: for data that had not timed out before. */
  timeout(t: Tcb, flight: number, first: boolean): void;
  /** Nothing was sent for longer than the RTO. */
  idle(t: Tcb, segments: number): void;
}
