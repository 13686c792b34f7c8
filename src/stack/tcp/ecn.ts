// Explicit congestion notification (RFC 3168 section 6.1): agreeing on it, the receiver's echo, and how our packets are marked.
// Called by output and emit (what is sent), input-open (SYNs) and data (marks); calls nothing. The reaction to ECE is ack's.

import { seqGe } from '../../base/seq.ts';
import { TCP_ACK, TCP_CWR, TCP_ECE, TCP_RST, TCP_SYN } from '../../wire/tcp.ts';
import type { Packet } from '../packet.ts';
import type { Engine } from './engine.ts';
import { F_ACK_NOW, F2_CWR_DUE, F2_ECE, F2_ECN, F2_ECN_ECHO } from './flags.ts';
import { SYN_SENT } from './state.ts';
import type { Tcb } from './tcb.ts';

const ECT0 = 2;
const CE = 3;
const SETUP: number = TCP_ECE | TCP_CWR;

/**
 * The flags of our SYN or SYN-ACK. A SYN that is sent again asks no more: something on the way may not like the question
 * (section 6.1.1.1). F2_ECN says until the answer comes that the last SYN has asked.
 */
export function synFlags(e: Engine, t: Tcb): number {
  if (t.state !== SYN_SENT) return TCP_SYN | TCP_ACK | (t.has2(F2_ECN) ? TCP_ECE : 0);
  if (e.core.settings.tcpEcn !== 1 || t.retries > 0) {
    t.unset2(F2_ECN);
    return TCP_SYN;
  }
  t.set2(F2_ECN | F2_ECN_ECHO);
  return TCP_SYN | SETUP;
}

/** Takes the ECN bits of the SYN or SYN-ACK in hand; t.state is that before it. One that gives back both bits has not understood them. */
export function synEcn(e: Engine, t: Tcb, p: Packet): void {
  const bits = e.seg.flags & SETUP;
  if (t.state === SYN_SENT) {
    if (bits !== (e.seg.has(TCP_ACK) ? TCP_ECE : SETUP)) t.unset2(F2_ECN | F2_ECN_ECHO);
  } else if (e.core.settings.tcpEcn !== 0 && bits === SETUP && (p.trafficClass & CE) === 0) {
    t.set2(F2_ECN | F2_ECN_ECHO);
  }
}

/** SYN-RECEIVED, and the SYN again: who has received one without ECN does not send marked packets (section 6.1.1). */
export function synEcnAgain(e: Engine, t: Tcb): void {
  if ((e.seg.flags & SETUP) !== SETUP) t.unset2(F2_ECN | F2_ECN_ECHO);
}

/** Text within the window of a connection with F2_ECN_ECHO: CWR ends the echo, a CE mark begins it (section 6.1.3). The peer hears of either at once. */
export function takeMark(e: Engine, t: Tcb, p: Packet): void {
  if (e.seg.has(TCP_CWR)) {
    // Its window may be small now: no delay.
    t.unset2(F2_ECE);
    t.set(F_ACK_NOW);
  }
  if ((p.trafficClass & CE) === CE && !t.has2(F2_ECE)) {
    t.set2(F2_ECE);
    t.set(F_ACK_NOW);
  }
}

/**
 * The flags of a segment on a connection with F2_ECN_ECHO, with ECE and CWR where they are due; sets the codepoint of its packet: ECT(0) for new
 * text, not for retransmissions, ACKs and probes (sections 6.1.4 to 6.1.6).
 */
export function mark(e: Engine, t: Tcb, seq: number, flags: number, length: number): number {
  const way = e.way;
  way.trafficClass = t.tos;
  if ((flags & (TCP_SYN | TCP_RST)) !== 0) return flags;
  let out = t.has2(F2_ECE) ? flags | TCP_ECE : flags;
  if (length > 0 && t.has2(F2_ECN) && seqGe(seq, t.sndNxt)) {
    way.trafficClass = t.tos | ECT0;
    if (t.has2(F2_CWR_DUE)) out |= TCP_CWR;
  }
  return out;
}
