// The turns of TCP's crank: timers that are due, output of every active row, and errors that the network reports.
// Called by tcp.ts once a pass; calls timers, output, route and engine.

import { DROP_ICMP_QUOTE } from '../../base/drop.ts';
import { seqGe, seqLt } from '../../base/seq.ts';
import type { IcmpError } from '../packet.ts';
import type { Engine } from './engine.ts';
import { F_ORPHAN, F_PASSIVE } from './flags.ts';
import { OUT_AGAIN, OUT_BLOCKED, OUT_FULL, output } from './output.ts';
import { packetTooBig } from './path-size.ts';
import { SYN_RECEIVED, SYN_SENT } from './state.ts';
import { timerExpired } from './timers.ts';

export class Crank {
  /** Whether the last output() ended because a link or the frames were full: nobody may tell when that has changed. */
  stalled = false;
  /** Whether rows were left by the last output() that could send at once: their turn was over. */
  unfinished = false;
  readonly #e: Engine;
  #blockedEpoch = 0;
  #blockedRoutes = 0;

  constructor(e: Engine) {
    this.#e = e;
  }

  /** An ICMP error that quotes a segment of ours (RFC 5927: believed only if its sequence number is in flight). 0, or a drop reason. */
  icmpError(error: IcmpError): number {
    const e = this.#e;
    const row = e.table.find(
      error.local0,
      error.local1,
      error.local2,
      error.local3,
      error.localPort,
      error.remote0,
      error.remote1,
      error.remote2,
      error.remote3,
      error.remotePort,
    );
    if (row === 0) return DROP_ICMP_QUOTE;
    const t = e.t.at(row);
    if (!seqGe(error.seq, t.sndUna) || !seqLt(error.seq, t.sndNxt)) return DROP_ICMP_QUOTE;
    if (error.mtu > 0) {
      packetTooBig(e, t, error);
    } else if ((t.state === SYN_SENT || t.state === SYN_RECEIVED) && (error.hard || e.core.settings.tcpSynSoftErrors)) {
      if (t.state === SYN_RECEIVED && t.has(F_PASSIVE)) t.set(F_ORPHAN);
      e.fail(t, error.errno);
    } else {
      t.softError = error.errno;
    }
    return 0;
  }

  /** Timers that are due. */
  timers(): void {
    const e = this.#e;
    const now = e.core.now.us;
    for (let row = e.wheel.expire(now); row !== 0; row = e.wheel.expire(now)) timerExpired(e, e.t.at(row));
  }

  /** Sends what may be sent. Returns true if rows are left that could send at once (their turn was over). */
  output(): boolean {
    const e = this.#e;
    this.stalled = false;
    this.#unblock();
    let full = 0;
    for (let n = e.active.count; n > 0; n--) {
      const row = e.active.shift();
      if (row === 0) break;
      const t = e.t.at(row);
      const result = output(e, t);
      if (result === OUT_AGAIN) e.active.push(row);
      else if (result === OUT_BLOCKED) e.blocked.push(row);
      else if (result === OUT_FULL) {
        e.active.push(row);
        this.stalled = true;
        full++;
      }
    }
    this.unfinished = e.active.count > full;
    return this.unfinished;
  }

  /** Rows that waited for a neighbour or a route look again when some neighbour or route has changed. */
  #unblock(): void {
    const e = this.#e;
    const { neighbours, routes } = e.floor;
    if (this.#blockedEpoch === neighbours.epoch && this.#blockedRoutes === routes.epoch) return;
    this.#blockedEpoch = neighbours.epoch;
    this.#blockedRoutes = routes.epoch;
    for (let n = e.blocked.count; n > 0; n--) e.active.push(e.blocked.shift());
  }
}
