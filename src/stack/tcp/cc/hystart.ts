// HyStart++ (RFC 9406): the first slow start ends when the round-trip time grows, before the queue overflows.
// Called by cubic; keeps its state in cells 3 to 7 of the row, which are free for others once it has ended.

import { seqGt } from '../../../base/seq.ts';
import type { Engine } from '../engine.ts';
import type { Tcb } from '../tcb.ts';

const OFF = 0;
const SLOW_START = 1;
/** Conservative slow start: growth slowed down while it is seen whether the RTT really went up. */
const CSS = 2;

/** Section 4.3, times in us. */
const MIN_RTT_THRESH = 4_000;
const MAX_RTT_THRESH = 16_000;
const MIN_RTT_DIVISOR = 8;
const N_RTT_SAMPLE = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;
const INFINITE = 0x7fffffff;

// ccCell3 is [ rounds in CSS | samples in this round | mode ], 8 bits each.
const mode = (t: Tcb): number => t.ccCell3 & 0xff;
const samples = (t: Tcb): number => (t.ccCell3 >> 8) & 0xff;
const rounds = (t: Tcb): number => (t.ccCell3 >> 16) & 0xff;

function setState(t: Tcb, newMode: number, newSamples: number, newRounds: number): void {
  t.ccCell3 = newMode | (newSamples << 8) | (newRounds << 16);
}

/** The connection begins: ccCell4 lastRoundMinRTT, ccCell5 currentRoundMinRTT, ccCell6 windowEnd, ccCell7 cssBaselineMinRtt. */
export function hystartBegin(t: Tcb): void {
  setState(t, SLOW_START, 0, 0);
  t.ccCell4 = INFINITE;
  t.ccCell5 = INFINITE;
  t.ccCell6 = t.sndNxt;
  t.ccCell7 = INFINITE;
}

/** A congestion event ends it for good (section 4.2): later slow starts know ssthresh. */
export function hystartEnd(t: Tcb): void {
  t.ccCell3 = OFF;
}

/** An ACK in slow start. Returns by how many bytes cwnd may grow for `acked`; sets ssthresh where slow start is to end. */
export function hystartAck(e: Engine, t: Tcb, acked: number): number {
  if (mode(t) === OFF) return acked;
  // windowEnd itself is acknowledged: the ACK that comes to rest at it still tells of the round before.
  if (seqGt(t.sndUna, t.ccCell6)) newRound(t);
  if (mode(t) === OFF) return 0;
  const { rtt } = e.news;
  if (rtt > 0) {
    t.ccCell5 = Math.min(t.ccCell5, rtt);
    setState(t, mode(t), Math.min(255, samples(t) + 1), rounds(t));
  }
  if (samples(t) >= N_RTT_SAMPLE && t.ccCell5 !== INFINITE) judge(t);
  return mode(t) === CSS ? Math.floor(acked / CSS_GROWTH_DIVISOR) : acked;
}

function newRound(t: Tcb): void {
  t.ccCell4 = t.ccCell5;
  t.ccCell5 = INFINITE;
  t.ccCell6 = t.sndNxt;
  if (mode(t) !== CSS) {
    setState(t, SLOW_START, 0, 0);
  } else if (rounds(t) + 1 >= CSS_ROUNDS) {
    t.ssthresh = t.cwnd;
    hystartEnd(t);
  } else {
    setState(t, CSS, 0, rounds(t) + 1);
  }
}

function judge(t: Tcb): void {
  if (mode(t) === CSS) {
    // The RTT has come down again: it was noise.
    if (t.ccCell5 < t.ccCell7) {
      t.ccCell7 = INFINITE;
      setState(t, SLOW_START, samples(t), 0);
    }
    return;
  }
  if (t.ccCell4 === INFINITE) return;
  const thresh = Math.max(MIN_RTT_THRESH, Math.min(t.ccCell4 / MIN_RTT_DIVISOR, MAX_RTT_THRESH));
  if (t.ccCell5 < t.ccCell4 + thresh) return;
  t.ccCell7 = t.ccCell5;
  setState(t, CSS, samples(t), 0);
}
