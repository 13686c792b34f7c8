// What happens when a connection's timer fires: retransmission, persist, delayed ACK, keepalive, TIME-WAIT, FIN-WAIT-2.
// Called by tcp.ts for each row that the wheel gives up; calls the congestion control, recovery and engine.

import { ETIMEDOUT } from '../../base/errno.ts';
import { seqDiff } from '../../base/seq.ts';
import { counter } from '../counters.ts';
import { reset, sendReset } from './close.ts';
import { delayOver } from './delayed-ack.ts';
import type { Engine } from './engine.ts';
import {
  F_ACK_NOW,
  F_ACK_PENDING,
  F_FORCE,
  F_KEEPALIVE,
  F_ORPHAN,
  F_PASSIVE,
  F_PERSIST,
  F_PROBE,
  F_RETRANSMIT,
  F_SEND_SYN,
  F_TIMING,
  F2_DEFERRED,
  F2_PACED,
  F2_SEND_TLP,
  F2_TLP,
  TIMER_REO,
  TIMER_RTO,
  TIMER_TLP,
} from './flags.ts';
import { sizeTimeout } from './path-size.ts';
import { enterLoss, reorderingTimeout } from './recovery.ts';
import { backOff, persistInterval } from './rtt.ts';
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, LISTEN, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';
import { restartRto } from './tlp.ts';

const TIMEOUTS: number = counter('tcp_timeouts');
/** Probes of a closed window after the user has gone: the buffer is not held for a silent or malicious peer for ever. */
const ORPHAN_PROBES = 8;

/** Handles whatever of `t` is due, and puts it back into the wheel. `t` may be gone afterwards. */
export function timerExpired(e: Engine, t: Tcb): void {
  const now = e.core.now.us;
  if (t.ackAt !== 0 && t.ackAt <= now) {
    t.ackAt = 0;
    if (t.has(F_ACK_PENDING)) {
      delayOver(e, t);
      t.set(F_ACK_NOW);
      e.activate(t);
    }
  }
  if (t.rtxAt !== 0 && t.rtxAt <= now) {
    t.rtxAt = 0;
    if (t.has(F_PERSIST)) persist(e, t);
    else if (t.timer === TIMER_TLP) tailProbe(e, t);
    else if (t.timer === TIMER_REO) reordering(e, t);
    else retransmission(e, t);
    if (t.row === 0) return;
  }
  if (t.has2(F2_PACED) && t.paceAt <= now) {
    t.unset2(F2_PACED);
    e.activate(t);
  }
  if (t.longAt !== 0 && t.longAt <= now) {
    t.longAt = 0;
    long(e, t);
    if (t.row === 0) return;
  }
  if (t.state !== LISTEN) e.arm(t);
}

/** RFC 6298 section 5.4 to 5.7; RFC 9293 section 3.8.3 for when to give up. */
function retransmission(e: Engine, t: Tcb): void {
  const s = e.core.settings;
  e.core.counters.add(TIMEOUTS, 1);
  if (t.has2(F2_DEFERRED) && t.state === SYN_RECEIVED) {
    // The peer has our SYN-ACK: nothing to send before its text is no longer waited for (OPT_DEFER_ACCEPT).
    t.unset2(F2_DEFERRED);
    const until = t.openedAt + t.deferAccept * 1000;
    if (until > e.core.now.us) {
      t.rtxAt = until;
      return;
    }
  }
  if (t.retries === 0) t.stuckAt = e.core.now.us - t.rto;
  const limit =
    t.state === SYN_SENT
      ? t.synRetries || s.tcpSynRetries
      : t.state === SYN_RECEIVED
        ? s.tcpSynAckRetries
        : s.tcpRetries;
  // A peer that answers but keeps its window closed is not dead (RFC 9293 section 3.8.6.1).
  const answering = t.sndWnd === 0 && t.state > SYN_RECEIVED && e.core.now.us - t.lastReceivedAt < s.tcpRtoMax;
  const counted = t.retries >= limit && !answering && (t.userTimeout === 0 || t.state <= SYN_RECEIVED);
  if (counted || userTimeoutOver(e, t)) {
    if (t.state === SYN_RECEIVED && t.has(F_PASSIVE)) t.set(F_ORPHAN);
    e.fail(t, t.softError !== 0 ? t.softError : ETIMEDOUT);
    return;
  }
  t.unset(F_TIMING);
  t.retries++;
  if (t.state !== SYN_SENT && t.state !== SYN_RECEIVED && t.sndUna === t.sndNxt) {
    // Nothing was lost: it has not been possible to send (output.ts, armRetransmission).
    t.rtxAt = withinUserTimeout(e, t, persistInterval(t, s));
    askAgain(e, t);
    return;
  }
  if (t.state === SYN_SENT || t.state === SYN_RECEIVED) t.set(F_SEND_SYN);
  else {
    sizeTimeout(e, t, seqDiff(t.sndNxt, t.sndUna));
    enterLoss(e, t);
    t.set(F_RETRANSMIT);
  }
  backOff(t, s);
  t.timer = TIMER_RTO;
  t.rtxAt = withinUserTimeout(e, t, t.rto);
  askAgain(e, t);
}

/** Nobody answers the probes, or what waits has waited for as long as the user allows, answered or not (RFC 9293 section 3.8.3). */
function probedOut(e: Engine, t: Tcb): boolean {
  return t.userTimeout === 0 ? t.probes > e.core.settings.tcpRetries : userTimeoutOver(e, t);
}

/** Whether what is at SND.UNA has waited for the user's timeout (RFC 9293 section 3.8.3, RFC 5482 section 3). */
function userTimeoutOver(e: Engine, t: Tcb): boolean {
  return t.userTimeout !== 0 && t.stuckAt + t.userTimeout * 1000 <= e.core.now.us;
}

/** The moment `delay` us from now, or before that when the user's timeout ends. */
function withinUserTimeout(e: Engine, t: Tcb, delay: number): number {
  const at = e.core.now.us + delay;
  return t.userTimeout === 0 ? at : Math.min(at, t.stuckAt + t.userTimeout * 1000);
}

/** RFC 8985 section 7.3: output sends the probe. At most one is out: where it brought nothing the RTO is next. */
function tailProbe(e: Engine, t: Tcb): void {
  if (!t.has2(F2_TLP)) t.set2(F2_SEND_TLP);
  restartRto(e, t);
  askAgain(e, t);
}

/** RFC 8985 section 6.2: what might have been late only is lost. */
function reordering(e: Engine, t: Tcb): void {
  if (!reorderingTimeout(e, t)) restartRto(e, t);
  askAgain(e, t);
}

/** Also a row that waits for its neighbour or route: output looks at them again, which starts the next address resolution. */
function askAgain(e: Engine, t: Tcb): void {
  e.blocked.remove(t.row);
  e.activate(t);
}

/** The peer's window is closed, or too small for a segment: ask, or send what fits (RFC 9293 sections 3.8.6.1 and 3.8.6.2.1). */
function persist(e: Engine, t: Tcb): void {
  if (t.retries === 0) t.stuckAt = e.core.now.us - t.rto;
  t.retries++;
  t.probes++; // back to 0 with whatever arrives
  if ((t.has(F_ORPHAN) && t.retries > ORPHAN_PROBES) || probedOut(e, t)) {
    e.fail(t, ETIMEDOUT);
    return;
  }
  if (seqDiff((t.sndUna + t.sndWnd) | 0, t.sndNxt) > 0) {
    t.set(F_FORCE);
    t.unset(F_PERSIST);
    t.retries = 0;
  } else {
    t.set(F_PROBE);
    t.rtxAt = withinUserTimeout(e, t, persistInterval(t, e.core.settings));
  }
  askAgain(e, t);
}

function long(e: Engine, t: Tcb): void {
  if (t.state === TIME_WAIT) e.finish(t);
  else if (t.state === FIN_WAIT_2 && t.has(F_ORPHAN)) e.finish(t);
  else if (t.has(F_ORPHAN) && t.linger !== 0) reset(e, t);
  else if (t.has(F_KEEPALIVE)) keepalive(e, t);
}

/** RFC 9293 section 3.8.4. */
function keepalive(e: Engine, t: Tcb): void {
  if (t.state !== ESTABLISHED && t.state !== CLOSE_WAIT && t.state !== FIN_WAIT_1 && t.state !== FIN_WAIT_2) return;
  const now = e.core.now.us;
  const idle = t.keepIdle * 1000;
  // The sum is compared, and is the deadline: a difference may be rounded to less than `idle` when the sum is due, for ever.
  const due = t.lastReceivedAt + idle;
  // Where something is to be sent, the other timers find out.
  if (due > now || t.sndUna !== t.sndNxt || t.has(F_PERSIST)) {
    t.longAt = due > now ? due : now + t.keepInterval * 1000;
    return;
  }
  // The user's timeout takes the place of the number of probes, as in Linux.
  const limit = t.userTimeout * 1000;
  if (limit === 0 ? t.probes >= t.keepCount : t.probes > 0 && t.lastReceivedAt + limit <= now) {
    sendReset(e, t);
    e.fail(t, ETIMEDOUT);
    return;
  }
  t.probes++;
  t.set(F_PROBE);
  t.longAt = now + t.keepInterval * 1000;
  if (limit !== 0 && t.longAt > t.lastReceivedAt + limit) t.longAt = Math.max(now + 1000, t.lastReceivedAt + limit);
  askAgain(e, t);
}
