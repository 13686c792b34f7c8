// Listeners: opening one, and taking connections from its queue (RFC 9293 section 3.10.1).
// Called by tcp.ts; calls table and engine.

import { EADDRINUSE, EINVAL, ENOBUFS } from '../../base/errno.ts';
import type { Engine } from './engine.ts';
import * as F from './flags.ts';
import { initialize } from './input-open.ts';
import { LISTEN } from './state.ts';
import { TCB_ACCEPT_NEXT, type Tcb } from './tcb.ts';

/** Opens a listener: see Tcp.listen. */
export function listen(
  e: Engine,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  port: number,
  backlog: number,
  ipv6Only: boolean,
): number {
  if (port < 0 || port > 65535) return -EINVAL;
  if (port === 0) {
    const first = e.core.settings.portFirst;
    const count = e.core.settings.portLast - first + 1;
    let at = e.rng.below(count);
    for (let n = 0; n < count && port === 0; n++, at = (at + 1) % count) {
      if (!conflict(e, w0, w1, w2, w3, first + at, ipv6Only)) port = first + at;
    }
    if (port === 0) return -EADDRINUSE;
  } else if (conflict(e, w0, w1, w2, w3, port, ipv6Only)) {
    return -EADDRINUSE;
  }
  const row = e.allocRow();
  if (row === 0) return -ENOBUFS;
  const t = e.t.at(row);
  t.local0 = w0;
  t.local1 = w1;
  t.local2 = w2;
  t.local3 = w3;
  t.localPort = port;
  initialize(e, t);
  t.state = LISTEN;
  t.flags = F.F_OWNED | (ipv6Only ? F.F_V6ONLY : 0);
  t.backlog = Math.max(1, Math.min(backlog, e.core.settings.tcpMaxBacklog));
  e.table.insert(row);
  return e.rows.handle(row);
}

/** Whether a listener on this address and port would take what another takes already. */
function conflict(e: Engine, w0: number, w1: number, w2: number, w3: number, port: number, ipv6Only: boolean): boolean {
  const family = (a0: number, a1: number, a2: number, a3: number, only: boolean): number =>
    a0 === 0 && a1 === 0 && a2 === 0xffff ? 1 : (a0 | a1 | a2 | a3) === 0 && !only ? 3 : 2;
  const any = (w0 | w1 | w3) === 0 && (w2 === 0 || w2 === 0xffff);
  const families = family(w0, w1, w2, w3, ipv6Only);
  for (let row = 1; row <= e.rows.highest; row++) {
    const l = e.l.at(row);
    if (l.state !== LISTEN || l.localPort !== port) continue;
    if (l.local0 === w0 && l.local1 === w1 && l.local2 === w2 && l.local3 === w3) {
      if ((w0 | w1 | w2 | w3) !== 0 || (families & family(w0, w1, w2, w3, l.has(F.F_V6ONLY))) !== 0) return true;
      continue;
    }
    const otherAny = (l.local0 | l.local1 | l.local3) === 0 && (l.local2 === 0 || l.local2 === 0xffff);
    if (!any && !otherAny) continue;
    if ((families & family(l.local0, l.local1, l.local2, l.local3, l.has(F.F_V6ONLY))) !== 0) return true;
  }
  return false;
}

/** The next connection of listener `l` (which is e.t): its handle, or 0. */
export function accept(e: Engine, l: Tcb): number {
  const row = l.acceptHead;
  if (row === 0) return 0;
  l.acceptHead = e.rows.i32[e.rows.cell(row) + TCB_ACCEPT_NEXT]!;
  if (l.acceptHead === 0) l.acceptTail = 0;
  l.acceptCount--;
  const t = e.t.at(row);
  t.parent = 0;
  t.acceptNext = 0;
  t.acceptHead = 0;
  t.unset(F.F_QUEUED);
  t.set(F.F_OWNED);
  if (t.ready !== 0) e.ready.push(row);
  return e.rows.handle(row);
}
