// The answer to segments that a connection cannot take: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> (RFC 9293 section 3.10.7.4).
// Called by input and ack; calls engine. Output sends it with the rest.

import type { Rng } from '../../base/time.ts';
import { TCP_SYN } from '../../wire/tcp.ts';
import type { Core } from '../core.ts';
import { counter } from '../counters.ts';
import type { Engine } from './engine.ts';
import { F_ACK_NOW } from './flags.ts';
import type { Tcb } from './tcb.ts';

const CHALLENGES: number = counter('tcp_challenges_sent');
const SUPPRESSED: number = counter('tcp_challenges_suppressed');

/**
 * How many challenge ACKs all connections together may send in a second. A number that a stranger knew would tell him, by
 * what is missing of it on a connection of his own, whether he has hit another's (CVE-2016-5696): each second has another.
 */
export class ChallengeLimit {
  readonly #core: Core;
  readonly #rng: Rng;
  #second = -1;
  #left = 0;

  constructor(core: Core, rng: Rng) {
    this.#core = core;
    this.#rng = rng;
  }

  /** Takes one of this second's. False: there is none left. */
  take(): boolean {
    const { now, settings } = this.#core;
    const second = Math.floor(now.us / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      const limit = settings.tcpChallengeAcksPerSecond;
      this.#left = limit <= 0 ? 0 : (limit + 1) >> 1;
      if (limit > 0) this.#left += this.#rng.below(limit);
    }
    if (this.#left <= 0) return false;
    this.#left--;
    return true;
  }
}

/**
 * Acknowledges the segment in hand, which lies outside the window or is older than its timestamp allows. Segments with text
 * or FIN are sent again until they are acknowledged, and do not answer each other: only others, and SYNs, are limited.
 */
export function refuse(e: Engine, t: Tcb): void {
  if ((e.seg.space === 0 || e.seg.has(TCP_SYN)) && !due(e, t)) return;
  answer(e, t);
}

/**
 * Challenges the segment in hand, which may be an attacker's guess (RFC 5961 sections 3 to 5): once a connection in
 * tcpInvalidRateLimit, whatever it carries, and no more than ChallengeLimit allows over all (section 7).
 */
export function challenge(e: Engine, t: Tcb): void {
  if (!due(e, t)) return;
  if (!e.challenges.take()) {
    e.core.counters.add(SUPPRESSED, 1);
    return;
  }
  e.core.counters.add(CHALLENGES, 1);
  answer(e, t);
}

/** Two ends out of step must not answer each other for ever, nor an attacker count. */
function due(e: Engine, t: Tcb): boolean {
  const now = e.core.now.ms32;
  if (t.challengeAt !== 0 && ((now - t.challengeAt) | 0) < e.core.settings.tcpInvalidRateLimit / 1000) {
    e.core.counters.add(SUPPRESSED, 1);
    return false;
  }
  t.challengeAt = now === 0 ? 1 : now;
  return true;
}

function answer(e: Engine, t: Tcb): void {
  t.set(F_ACK_NOW);
  e.activate(t);
}
