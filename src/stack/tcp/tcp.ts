// TCP as the outer floors see it: open, listen, accept, read, write, close, options, readiness; and the turns of its crank.
// Called by stack.ts (input, timers, output) and by socket, host and sim (the rest); calls the other files of tcp/.

import { DROP_ICMP_QUOTE } from '../../base/drop.ts';
import {
  EADDRINUSE,
  EAGAIN,
  EBADF,
  ECONNRESET,
  EINVAL,
  ENETUNREACH,
  ENOBUFS,
  ENOTCONN,
  EPIPE,
} from '../../base/errno.ts';
import { seqGe, seqLt } from '../../base/seq.ts';
import type { SendSource } from '../../base/source.ts';
import { PROTO_TCP } from '../../wire/ip4.ts';
import { TCP_ACK, TCP_RST } from '../../wire/tcp.ts';
import type { IcmpError, Packet } from '../packet.ts';
import { emit, emptySeq } from './emit.ts';
import { Engine, type TcpFloor } from './engine.ts';
import * as F from './flags.ts';
import { type TcpInfo, tcpInfo } from './info.ts';
import { tcpInput } from './input.ts';
import { initialize, startNumbers } from './input-open.ts';
import { OUT_AGAIN, OUT_BLOCKED, OUT_FULL, output } from './output.ts';
import { findRoute, loadWay, updateMss } from './route.ts';
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
import { timerExpired } from './timers.ts';
import { windowWorthTelling } from './window.ts';

/** Both ends of a connection: registers that endpoints() fills. Addresses are four int32 words, IPv4 mapped. */
export class Endpoints {
  iface = 0;
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  localPort = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  remotePort = 0;
}

/**
 * A handle names a connection or a listener until close() or abort(); a void one is answered with -EBADF. Results >= 0
 * are successes, negative ones errnos. Nothing here blocks; news come by nextReady() after a pass.
 */
export class Tcp {
  /** READY_* of the handle that nextReady() returned last. */
  readyFlags = 0;
  readonly #e: Engine;
  #blockedEpoch = 0;
  #blockedRoutes = 0;
  readonly #portInUse: (port: number) => boolean;
  readonly #probe: Int32Array = new Int32Array(9);
  /** SND.NXT of the connection in TIME-WAIT that made way for the one being opened; NaN: none. */
  #previous = NaN;

  constructor(floor: TcpFloor) {
    this.#e = new Engine(floor);
    this.#portInUse = (port) => this.#taken(port);
  }

  /** Called when an entry point has made work for the next pass. */
  set onWork(fn: () => void) {
    this.#e.onWork = fn;
  }

  // ---- opening ---------------------------------------------------------------------------------------------------

  /**
   * Opens actively (RFC 9293 section 3.10.1). Local address zeros: chosen; local port 0: chosen (RFC 6056). `iface` 0: any.
   * Returns a handle; CONNECTED or ERROR follows. -ENETUNREACH, -EADDRNOTAVAIL, -EADDRINUSE, -ENOBUFS.
   */
  connect(
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    localPort: number,
    r0: number,
    r1: number,
    r2: number,
    r3: number,
    remotePort: number,
    iface: number,
  ): number {
    const e = this.#e;
    if (remotePort <= 0 || remotePort > 65535 || localPort < 0 || localPort > 65535) return -EINVAL;
    if ((r0 | r1 | r3) === 0 && (r2 === 0 || r2 === 0xffff)) return -ENETUNREACH;
    const row = e.allocRow();
    if (row === 0) return -ENOBUFS;
    const t = e.t.at(row);
    t.local0 = l0;
    t.local1 = l1;
    t.local2 = l2;
    t.local3 = l3;
    t.remote0 = r0;
    t.remote1 = r1;
    t.remote2 = r2;
    t.remote3 = r3;
    t.remotePort = remotePort;
    t.iface = iface;
    initialize(e, t);
    this.#previous = NaN;
    const error = this.#route(t) || this.#port(t, localPort);
    if (error !== 0) {
      e.rows.free(row);
      return error;
    }
    t.state = SYN_SENT;
    t.flags = F.F_OWNED | F.F_SEND_SYN;
    startNumbers(e, t, this.#previous);
    // Until the peer has named its own.
    t.peerMss = 536;
    updateMss(t);
    e.table.insert(row);
    e.activate(t);
    e.onWork();
    return e.rows.handle(row);
  }

  /** The way to the peer, and with it a source address if none was given. */
  #route(t: Tcb): number {
    const e = this.#e;
    const error = findRoute(e, t);
    if (error !== 0) return error;
    const way = e.way;
    t.local0 = way.src0;
    t.local1 = way.src1;
    t.local2 = way.src2;
    t.local3 = way.src3;
    return 0;
  }

  /** Gives `t` its local port: `wanted`, or one of RFC 6056's. A connection of ours in TIME-WAIT makes way. */
  #port(t: Tcb, wanted: number): number {
    const e = this.#e;
    if (wanted === 0) {
      const p = this.#probe;
      p[0] = t.local0;
      p[1] = t.local1;
      p[2] = t.local2;
      p[3] = t.local3;
      p[4] = t.remote0;
      p[5] = t.remote1;
      p[6] = t.remote2;
      p[7] = t.remote3;
      p[8] = t.remotePort;
      t.localPort = e.floor.ports.forConnection(
        PROTO_TCP,
        t.local0,
        t.local1,
        t.local2,
        t.local3,
        t.remote0,
        t.remote1,
        t.remote2,
        t.remote3,
        t.remotePort,
        this.#portInUse,
      );
      return t.localPort === 0 ? -EADDRINUSE : 0;
    }
    t.localPort = wanted;
    const other = e.table.find(
      t.local0,
      t.local1,
      t.local2,
      t.local3,
      wanted,
      t.remote0,
      t.remote1,
      t.remote2,
      t.remote3,
      t.remotePort,
    );
    if (other === 0) return 0;
    const row = t.row;
    const old = t.at(other);
    const reusable = old.state === TIME_WAIT;
    if (reusable) {
      this.#previous = old.sndMax;
      e.finish(old);
    }
    t.at(row);
    return reusable ? 0 : -EADDRINUSE;
  }

  #taken(port: number): boolean {
    const p = this.#probe;
    return this.#e.table.find(p[0]!, p[1]!, p[2]!, p[3]!, port, p[4]!, p[5]!, p[6]!, p[7]!, p[8]!) !== 0;
  }

  /**
   * Listens. Address zeros (::): every address of both families, or of IPv6 alone; (0, 0, 0xffff, 0): every IPv4 address.
   * Port 0: chosen. `backlog`: connections not yet accepted, complete or not. Returns a handle, -EADDRINUSE, -ENOBUFS.
   */
  listen(w0: number, w1: number, w2: number, w3: number, port: number, backlog: number, ipv6Only: boolean): number {
    const e = this.#e;
    if (port < 0 || port > 65535) return -EINVAL;
    if (port === 0) {
      const first = e.core.settings.portFirst;
      const count = e.core.settings.portLast - first + 1;
      let at = e.rng.below(count);
      for (let n = 0; n < count && port === 0; n++, at = (at + 1) % count) {
        if (!this.#conflict(w0, w1, w2, w3, first + at, ipv6Only)) port = first + at;
      }
      if (port === 0) return -EADDRINUSE;
    } else if (this.#conflict(w0, w1, w2, w3, port, ipv6Only)) {
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
  #conflict(w0: number, w1: number, w2: number, w3: number, port: number, ipv6Only: boolean): boolean {
    const e = this.#e;
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

  /** The next connection of a listener, complete: a handle; 0: none now. */
  accept(listener: number): number {
    const e = this.#e;
    const l = this.#row(listener);
    if (l === null || l.state !== LISTEN) return -EBADF;
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

  // ---- data ------------------------------------------------------------------------------------------------------

  /** RFC 9293's state of the connection (state.ts), CLOSED for a void handle. */
  state(h: number): number {
    return this.#row(h)?.state ?? CLOSED;
  }

  /** Bytes in order, ready to be read. */
  readable(h: number): number {
    const t = this.#row(h);
    return t === null ? 0 : t.i32[t.receiveList + 2]!;
  }

  /** Copies up to `n` bytes into `into` at `at`. > 0: how many; 0: the peer's FIN and nothing left; -EAGAIN: nothing yet; else why the connection died. */
  read(h: number, into: Uint8Array, at: number, n: number): number {
    const e = this.#e;
    const t = this.#row(h);
    if (t === null) return -EBADF;
    const got = e.core.spans.read(t.receiveList, into, at, n);
    if (got > 0) {
      if (t.state !== CLOSED && t.state !== TIME_WAIT && !t.has(F.F_FIN_RECEIVED) && windowWorthTelling(t)) {
        t.set(F.F_ACK_NOW);
        e.activate(t);
        e.onWork();
      }
      return got;
    }
    if (n === 0) return -EAGAIN;
    if (t.error !== 0) return -t.error;
    if (t.has(F.F_FIN_RECEIVED)) return 0;
    if (t.state === CLOSED) return -ENOTCONN;
    return -EAGAIN;
  }

  /** Free bytes of the send buffer. */
  writable(h: number): number {
    const t = this.#row(h);
    return t === null ? 0 : Math.max(0, t.sndLimit - t.i32[t.sendList + 2]!);
  }

  /** Copies up to `n` bytes; how many were taken (0: the buffer is full, WRITE follows), or why nothing can be sent any more. Allowed before the handshake is over. */
  write(h: number, src: Uint8Array, from: number, n: number): number {
    const e = this.#e;
    const t = this.#row(h);
    if (t === null) return -EBADF;
    const refused = mayWrite(t);
    if (refused !== 0) return refused;
    const room = Math.min(n, t.sndLimit - t.i32[t.sendList + 2]!);
    const took = room > 0 ? e.core.spans.append(t.sendList, src, from, room) : 0;
    if (took < n) t.set(F.F_WANT_WRITE);
    if (took > 0) this.#queued(t);
    else if (t.i32[t.sendList + 2] === 0) {
      // The pool is empty and no ACK will call us back.
      return -ENOBUFS;
    }
    return took;
  }

  /** Queues all of `source` by reference; it is told what has been acknowledged (release). 0, or a negative errno (-ENOBUFS: nothing was queued). */
  writeSource(h: number, source: SendSource): number {
    const t = this.#row(h);
    if (t === null) return -EBADF;
    const refused = mayWrite(t);
    if (refused !== 0) return refused;
    if (!this.#e.core.spans.appendSource(t.sendList, source)) return -ENOBUFS;
    this.#queued(t);
    return 0;
  }

  /**
   * Queues up to `length` bytes at arena offset `offset`, which lie in one block of the stack's memory: by reference, the
   * block gets a user until they are acknowledged. Results as write(); -EINVAL if they lie in no block.
   */
  writeBlock(h: number, offset: number, length: number): number {
    const e = this.#e;
    const t = this.#row(h);
    if (t === null) return -EBADF;
    const refused = mayWrite(t);
    if (refused !== 0) return refused;
    if (!e.floor.memory.blocks.holds(offset, length)) return -EINVAL;
    const n = Math.min(length, t.sndLimit - t.i32[t.sendList + 2]!);
    if (n < length) t.set(F.F_WANT_WRITE);
    if (n <= 0) return 0;
    if (!e.core.spans.appendBlock(t.sendList, offset, n)) return -ENOBUFS;
    this.#queued(t);
    return n;
  }

  #queued(t: Tcb): void {
    this.#e.activate(t);
    this.#e.onWork();
  }

  /** Bytes written and not yet acknowledged. */
  unacked(h: number): number {
    const t = this.#row(h);
    return t === null ? 0 : t.i32[t.sendList + 2]!;
  }

  // ---- closing ---------------------------------------------------------------------------------------------------

  /** A FIN follows what was written; reading goes on (RFC 9293 section 3.6, half close). 0, -ENOTCONN. */
  shutdown(h: number): number {
    const t = this.#row(h);
    if (t === null) return -EBADF;
    if (!maySend(t.state)) return t.has(F.F_FIN_QUEUED) ? 0 : -ENOTCONN;
    this.#queueFin(t);
    return 0;
  }

  /**
   * The user is done with `h`, which is void from now on. A connection sends what was written and a FIN, and ends alone; if
   * unread data is thrown away, or linger is 0, it is reset (RFC 9293 section 3.10.4, RFC 2525 section 2.17).
   * A listener stops, and what was not accepted is reset.
   */
  close(h: number): void {
    const e = this.#e;
    const t = this.#row(h);
    if (t === null) return;
    this.#disown(t);
    const state = t.state;
    if (state === LISTEN) this.#closeListener(t);
    else if (state === CLOSED || state === SYN_SENT) e.finish(t);
    else if (state === TIME_WAIT) {
      e.core.spans.clear(t.receiveList);
      e.timeWaits.push(t.row);
    } else if (t.has(F.F_LINGER0) || t.i32[t.receiveList + 2]! > 0) this.#reset(t);
    else {
      if (maySend(state)) this.#queueFin(t);
      if (state === FIN_WAIT_2) {
        t.longAt = e.core.now.us + e.core.settings.tcpFinWait2;
        e.arm(t);
      }
    }
  }

  /** Resets the connection; `h` is void from now on (RFC 9293 section 3.10.5). */
  abort(h: number): void {
    const t = this.#row(h);
    if (t === null) return;
    this.#disown(t);
    if (t.state === LISTEN) this.#closeListener(t);
    else this.#reset(t);
  }

  #disown(t: Tcb): void {
    t.unset(F.F_OWNED);
    t.set(F.F_ORPHAN);
    this.#e.ready.remove(t.row);
  }

  #queueFin(t: Tcb): void {
    t.set(F.F_FIN_QUEUED);
    this.#e.activate(t);
    this.#e.onWork();
  }

  /** Sends a reset where the peer has a connection, and forgets the row. */
  #reset(t: Tcb): void {
    const e = this.#e;
    const s = t.state;
    t.set(F.F_ORPHAN);
    if (s === SYN_RECEIVED || s === ESTABLISHED || s === FIN_WAIT_1 || s === FIN_WAIT_2 || s === CLOSE_WAIT) {
      if (t.routeEpoch === e.floor.routes.epoch || findRoute(e, t) === 0) {
        if (e.floor.neighbours.ready(t.neighbour) === 1 && e.floor.output.room(t.iface) > 0) {
          loadWay(t, e.way);
          emit(e, t, emptySeq(t), TCP_RST | TCP_ACK, 0);
          e.onWork();
        }
      }
    }
    e.finish(t);
  }

  #closeListener(l: Tcb): void {
    const e = this.#e;
    const listener = l.row;
    e.table.remove(listener);
    l.state = CLOSED;
    for (let row = 1; row <= e.rows.highest; row++) {
      const t = e.t.at(row);
      if (t.parent !== listener || t.state === CLOSED) continue;
      t.parent = 0;
      t.unset(F.F_QUEUED);
      this.#reset(t);
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

  // ---- asking ----------------------------------------------------------------------------------------------------

  /** The pending error (positive errno), cleared by the call, like SO_ERROR. */
  error(h: number): number {
    const t = this.#row(h);
    if (t === null) return EBADF;
    const error = t.error;
    t.error = 0;
    return error;
  }

  /** Fills `out`; false for a void handle. */
  endpoints(h: number, out: Endpoints): boolean {
    const t = this.#row(h);
    if (t === null) return false;
    out.iface = t.iface;
    out.local0 = t.local0;
    out.local1 = t.local1;
    out.local2 = t.local2;
    out.local3 = t.local3;
    out.localPort = t.localPort;
    out.remote0 = t.remote0;
    out.remote1 = t.remote1;
    out.remote2 = t.remote2;
    out.remote3 = t.remote3;
    out.remotePort = t.remotePort;
    return true;
  }

  /** Sets OPT_*; 0, -EINVAL, -EBADF. On a listener: for the connections it will make. */
  set(h: number, option: number, value: number): number {
    const t = this.#row(h);
    return t === null ? -EBADF : setOption(this.#e, t, option, value);
  }

  /** The value of OPT_*, or -EINVAL, -EBADF. */
  get(h: number, option: number): number {
    const t = this.#row(h);
    return t === null ? -EBADF : getOption(t, option);
  }

  /** What is known about a connection, for people; null for a void handle. */
  info(h: number): TcpInfo | null {
    const t = this.#row(h);
    return t === null ? null : tcpInfo(this.#e, t);
  }

  /** Rows in use: connections in any state, and listeners. */
  get used(): number {
    return this.#e.rows.used;
  }

  /** Connections whose peer may not have all that was written and our FIN yet: what a clean exit waits for. */
  get unsettled(): number {
    const e = this.#e;
    let count = 0;
    for (let row = 1; row <= e.rows.highest; row++) {
      if (e.rows.i32[e.rows.cell(row) + 1] !== 1) continue;
      const { state } = e.t.at(row);
      if (state >= ESTABLISHED && state !== FIN_WAIT_2 && state !== TIME_WAIT) count++;
    }
    return count;
  }

  /** The next handle with news (in readyFlags), or 0. */
  nextReady(): number {
    const e = this.#e;
    const row = e.ready.shift();
    if (row === 0) {
      this.readyFlags = 0;
      return 0;
    }
    const t = e.t.at(row);
    this.readyFlags = t.ready;
    t.ready = 0;
    return e.rows.handle(row);
  }

  // ---- the crank, turned by stack.ts ---------------------------------------------------------------------------------

  /** A TCP packet for us. 0, or a positive drop reason. */
  input(p: Packet): number {
    return tcpInput(this.#e, p);
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
    if (!seqGe(error.seq, t.sndUna) || !seqLt(error.seq, t.sndMax)) return DROP_ICMP_QUOTE;
    if (error.mtu > 0) {
      this.#pathShrinks(t, error);
    } else if (error.hard && (t.state === SYN_SENT || t.state === SYN_RECEIVED)) {
      if (t.state === SYN_RECEIVED && t.has(F.F_PASSIVE)) t.set(F.F_ORPHAN);
      e.fail(t, error.errno);
    } else {
      t.softError = error.errno;
    }
    return 0;
  }

  /** RFC 1191 section 6.4, RFC 8201 section 5.4: smaller segments from now on, and what was too big again at once. */
  #pathShrinks(t: Tcb, error: IcmpError): void {
    const e = this.#e;
    if (error.mtu >= t.pathMtu) return;
    e.floor.pathMtu.learn(t.remote0, t.remote1, t.remote2, t.remote3, error.mtu);
    const before = t.mss;
    if (findRoute(e, t) !== 0 || t.mss >= before) return;
    t.sndNxt = t.state === SYN_SENT || t.state === SYN_RECEIVED ? t.sndNxt : t.sndUna;
    e.activate(t);
  }

  /** Timers that are due. */
  timers(): void {
    const e = this.#e;
    const now = e.core.now.us;
    for (let row = e.wheel.expire(now); row !== 0; row = e.wheel.expire(now)) timerExpired(e, e.t.at(row));
  }

  /** Whether the last output() ended because a link or the frames were full: nobody may tell when that has changed. */
  stalled = false;

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
    return e.active.count > full;
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

  /** When timers() wants to be called (us). */
  pollAt(): number {
    return this.#e.wheel.pollAt();
  }

  /** Resets everything: the stack goes. */
  closeAll(): void {
    const e = this.#e;
    for (let row = 1; row <= e.rows.highest; row++) {
      if (e.rows.i32[e.rows.cell(row) + 1] !== 1) continue;
      const t = e.t.at(row);
      this.#disown(t);
      if (t.state === LISTEN) this.#closeListener(t);
      else this.#reset(t);
    }
  }

  /** The row of a handle that its user has not closed. */
  #row(h: number): Tcb | null {
    const row = this.#e.rows.row(h);
    if (row === 0) return null;
    const t = this.#e.t.at(row);
    return t.has(F.F_OWNED) ? t : null;
  }
}

/** 0 if the user may queue data on `t`, else why not. */
function mayWrite(t: Tcb): number {
  if (t.error !== 0) return -t.error;
  if (t.has(F.F_FIN_QUEUED)) return -EPIPE;
  if (maySend(t.state)) return 0;
  return t.state === CLOSED ? -ECONNRESET : -EPIPE;
}

function setFlag(t: Tcb, flag: number, value: number): number {
  if (value) t.set(flag);
  else t.unset(flag);
  return 0;
}

function setOption(e: Engine, t: Tcb, option: number, value: number): number {
  if (!Number.isFinite(value) || value < 0) return -EINVAL;
  switch (option) {
    case F.OPT_NODELAY:
      if (value) e.activate(t);
      if (value) e.onWork();
      return setFlag(t, F.F_NODELAY, value);
    case F.OPT_KEEPALIVE:
      setFlag(t, F.F_KEEPALIVE, value);
      if (value && t.longAt === 0 && (t.state === ESTABLISHED || t.state === CLOSE_WAIT)) {
        t.longAt = e.core.now.us + t.keepIdle * 1000;
        e.arm(t);
      }
      return 0;
    case F.OPT_KEEPIDLE:
      t.keepIdle = Math.max(1, Math.min(2 ** 31 - 1, value / 1000));
      if (t.has(F.F_KEEPALIVE) && (t.state === ESTABLISHED || t.state === CLOSE_WAIT)) {
        t.longAt = e.core.now.us + t.keepIdle * 1000;
        e.arm(t);
      }
      return 0;
    case F.OPT_KEEPINTVL:
      t.keepInterval = Math.max(1, Math.min(2 ** 31 - 1, value / 1000));
      return 0;
    case F.OPT_KEEPCNT:
      t.keepCount = Math.max(1, Math.min(127, value));
      return 0;
    case F.OPT_RCVBUF:
      t.rcvLimit = Math.max(4096, Math.min(1 << 30, value));
      return 0;
    case F.OPT_SNDBUF:
      t.sndLimit = Math.max(4096, Math.min(1 << 30, value));
      return 0;
    case F.OPT_LINGER0:
      return setFlag(t, F.F_LINGER0, value);
    case F.OPT_TTL:
      if (value < 1 || value > 255) return -EINVAL;
      t.ttl = value;
      return 0;
    case F.OPT_TOS:
      if (value > 255) return -EINVAL;
      t.tos = value & 0xfc; // the ECN bits are TCP's own
      return 0;
    default:
      return -EINVAL;
  }
}

function getOption(t: Tcb, option: number): number {
  switch (option) {
    case F.OPT_NODELAY:
      return t.has(F.F_NODELAY) ? 1 : 0;
    case F.OPT_KEEPALIVE:
      return t.has(F.F_KEEPALIVE) ? 1 : 0;
    case F.OPT_KEEPIDLE:
      return t.keepIdle * 1000;
    case F.OPT_KEEPINTVL:
      return t.keepInterval * 1000;
    case F.OPT_KEEPCNT:
      return t.keepCount;
    case F.OPT_RCVBUF:
      return t.rcvLimit;
    case F.OPT_SNDBUF:
      return t.sndLimit;
    case F.OPT_LINGER0:
      return t.has(F.F_LINGER0) ? 1 : 0;
    case F.OPT_TTL:
      return t.ttl;
    case F.OPT_TOS:
      return t.tos;
    default:
      return -EINVAL;
  }
}
