// How large a segment may be on this path now: packet-too-big messages and how far they are believed (RFC 5927 section 7.2), paths on
// which full segments vanish without one (RFC 4821, RFC 8899). Called by crank (ICMP), timers, ack and emit; calls route.

import { seqGe, seqGt } from '../../base/seq.ts';
import { counter } from '../counters.ts';
import type { IcmpError } from '../packet.ts';
import type { Engine } from './engine.ts';
import { F_TIMESTAMPS, F2_MTU_LOCK, F2_PROVING, F2_SIZES } from './flags.ts';
import { resendTooBig } from './recovery.ts';
import { findRoute, headerBytes, updateMss } from './route.ts';
import type { Tcb } from './tcb.ts';

const BLACK_HOLES: number = counter('tcp_black_holes');
const BASE_MSS_6 = 1220;
/** Timeouts of a full segment after which its size is suspected. */
const SUSPICIOUS = 2;

/**
 * A packet-too-big about a segment in flight. One that names less than what has been acknowledged contradicts the facts, and
 * waits: for an ACK of that segment, which refutes it, or for a timeout, which bears it out (RFC 5927 section 7.2).
 */
export function packetTooBig(e: Engine, t: Tcb, error: IcmpError): void {
  if (t.has2(F2_MTU_LOCK) || error.mtu >= t.pathMtu) return;
  const text = error.mtu - headerBytes(t) - (t.has(F_TIMESTAMPS) ? 12 : 0);
  if (e.core.settings.tcpDoubtTooBig && text < t.provenMss) {
    t.pendingMtu = error.mtu;
    t.pendingSeq = error.seq;
    t.set2(F2_SIZES);
  } else shrink(e, t, error.mtu);
}

/** RFC 1191 section 6.4, RFC 8201 section 5.4: smaller segments from now on, and what was too big again at once. */
function shrink(e: Engine, t: Tcb, mtu: number): void {
  e.floor.pathMtu.learn(t.remote0, t.remote1, t.remote2, t.remote3, mtu);
  const before = t.mss;
  if (findRoute(e, t) !== 0 || t.mss >= before) return;
  forget(t);
  resendTooBig(e, t);
  e.activate(t);
}

/** What was acknowledged says nothing about the path as it is now. */
function forget(t: Tcb): void {
  t.provenMss = 0;
  t.unset2(F2_PROVING);
}

/** A segment with `length` bytes of text goes out, up to sequence number `end`. */
export function sizeSent(t: Tcb, length: number, end: number): void {
  if (length < t.mss || t.mss <= t.provenMss || t.has2(F2_PROVING)) return;
  t.set2(F2_PROVING);
  t.provingMss = t.mss;
  t.provingSeq = end;
}

/** SND.UNA has advanced; F2_PROVING or F2_SIZES is set. Being called by an ACK, it never tries anything on an idle path. */
export function sizesAcked(e: Engine, t: Tcb): void {
  if (t.has2(F2_PROVING) && seqGe(t.sndUna, t.provingSeq)) {
    t.unset2(F2_PROVING);
    if (t.provingMss > t.provenMss) t.provenMss = t.provingMss;
    if (t.mssCap === 0) t.mtuFailures = 0;
  }
  if (t.pendingMtu !== 0 && seqGt(t.sndUna, t.pendingSeq)) t.pendingMtu = 0;
  if (t.mssCap !== 0 && e.core.now.us >= t.raiseAt) {
    t.mssCap = 0;
    updateMss(t);
  }
  if (t.pendingMtu === 0 && t.mssCap === 0) t.unset2(F2_SIZES);
}

/** The retransmission timer has fired, `t.retries` times in a row, for what is at SND.UNA: was it too large? */
export function sizeTimeout(e: Engine, t: Tcb, outstanding: number): void {
  if (t.pendingMtu !== 0) {
    const { pendingMtu } = t;
    t.pendingMtu = 0; // not refuted by an ACK: see sizesAcked
    shrink(e, t, pendingMtu);
    return;
  }
  const s = e.core.settings;
  if (s.tcpMtuProbing === 0 || t.retries < SUSPICIOUS || t.has2(F2_MTU_LOCK) || t.sndWnd === 0) return;
  const base = headerBytes(t) > 40 ? Math.max(BASE_MSS_6, s.tcpBaseMss) : s.tcpBaseMss;
  if (t.mss <= base || Math.min(outstanding, t.i32[t.sendList + 2]!) < t.mss) return;
  // A black hole: RFC 8899 section 4.3. The base size goes through any path of today; the full one is tried again later.
  t.mssCap = base;
  updateMss(t);
  forget(t);
  t.raiseAt = e.core.now.us + Math.min(s.tcpMtuRaise, (s.tcpMtuRaise / 10) * 2 ** Math.min(t.mtuFailures, 10));
  t.mtuFailures++;
  t.set2(F2_SIZES);
  e.core.counters.add(BLACK_HOLES, 1);
}
