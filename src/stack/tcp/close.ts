// How connections and listeners are closed: FIN or reset, now or when what was written has gone (RFC 9293 sections 3.10.4 and 3.10.5).
// Called by tcp.ts; calls emit, route and engine.

import { TCP_ACK, TCP_RST } from '../../wire/tcp.ts';
import { emit, emptySeq } from './emit.ts';
import type { Engine } from './engine.ts';
import * as F from './flags.ts';
import { findRoute, loadWay } from './route.ts';
import {
  CLOSE_WAIT,
  CLOSED,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LISTEN,
  maySend,
  SYN_RECEIVED,
  SYN_SENT,
  TIME_WAIT,
} from './state.ts';
import { TCB_ACCEPT_NEXT, type Tcb } from './tcb.ts';

/** The user has closed `t`: see Tcp.close. */
export function closeRow(e: Engine, t: Tcb): void {
  disown(e, t);
  const state = t.state;
  if (state === LISTEN) closeListener(e, t);
  else if (state === CLOSED || state === SYN_SENT) e.finish(t);
  else if (state === TIME_WAIT) {
    e.core.spans.clear(t.receiveList);
    e.timeWaits.push(t.row);
  } else if (t.has(F.F_LINGER0) || t.i32[t.receiveList + 2]! > 0) reset(e, t);
  else {
    if (maySend(state)) queueFin(e, t);
    if (state === FIN_WAIT_2) {
      t.longAt = e.core.now.us + finWait2(e, t);
      e.arm(t);
    } else if (t.linger !== 0) {
      t.longAt = e.core.now.us + t.linger * 1000;
      e.arm(t);
    }
  }
}

/** How long FIN-WAIT-2 lasts when the user has gone, us. */
export function finWait2(e: Engine, t: Tcb): number {
  return t.finWait2 === 0 ? e.core.settings.tcpFinWait2 : t.finWait2 * 1000;
}

/** Resets `t`, whoever holds it; a listener is closed. */
export function abortRow(e: Engine, t: Tcb): void {
  disown(e, t);
  if (t.state === LISTEN) closeListener(e, t);
  else reset(e, t);
}

/** Nobody holds the handle any more. */
export function disown(e: Engine, t: Tcb): void {
  t.unset(F.F_OWNED);
  t.set(F.F_ORPHAN);
  e.ready.remove(t.row);
}

/** A FIN follows what was written. */
export function queueFin(e: Engine, t: Tcb): void {
  t.set(F.F_FIN_QUEUED);
  e.activate(t);
  e.onWork();
}

/** Sends a reset where the peer has a connection, and forgets the row. */
export function reset(e: Engine, t: Tcb): void {
  t.set(F.F_ORPHAN);
  sendReset(e, t);
  e.finish(t);
}

/** The reset itself, if it can go out at once and the peer has a connection that does not end anyway (section 3.10.5). */
export function sendReset(e: Engine, t: Tcb): void {
  const s = t.state;
  if (s === SYN_RECEIVED || s === ESTABLISHED || s === FIN_WAIT_1 || s === FIN_WAIT_2 || s === CLOSE_WAIT) {
    if (t.routeEpoch === e.floor.routes.epoch || findRoute(e, t) === 0) {
      if (e.floor.neighbours.ready(t.neighbour) === 1 && e.floor.output.room(t.iface) > 0) {
        loadWay(t, e.way);
        emit(e, t, emptySeq(t), TCP_RST | TCP_ACK, 0);
        e.onWork();
      }
    }
  }
}

/** A listener stops; what was not accepted is reset. */
export function closeListener(e: Engine, l: Tcb): void {
  const listener = l.row;
  e.table.remove(listener);
  l.state = CLOSED;
  for (let row = 1; row <= e.rows.highest; row++) {
    const t = e.t.at(row);
    if (t.parent !== listener || t.state === CLOSED) continue;
    t.parent = 0;
    t.unset(F.F_QUEUED);
    reset(e, t);
  }
  // Connections that died in the accept queue are still there.
  for (let row = l.at(listener).acceptHead; row !== 0; ) {
    const next = e.rows.i32[e.rows.cell(row) + TCB_ACCEPT_NEXT]!;
    const t = e.t.at(row);
    if (t.has(F.F_QUEUED)) {
      t.unset(F.F_QUEUED);
      e.free(t);
    }
    row = next;
  }
  e.free(l.at(listener));
}
