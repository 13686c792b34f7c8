// TCP as the outer floors see it: open, listen, accept, read, write, close, options, readiness; and the turns of its crank.
// Called by stack.ts (input, timers, output) and by socket, host and sim (the rest); calls the other files of tcp/.

import { EAGAIN, EBADF, ECONNRESET, EINVAL, ENOBUFS, ENOTCONN, EPIPE } from '../../base/errno.ts';
import type { SendSource } from '../../base/source.ts';
import type { IcmpError, Packet } from '../packet.ts';
import { tuneReceive } from './buffers.ts';
import { abortRow, closeRow, queueFin } from './close.ts';
import { Opener } from './connect.ts';
import { Crank } from './crank.ts';
import { ackAfterReading } from './delayed-ack.ts';
import type { Endpoints } from './endpoints.ts';
import { Engine, type TcpFloor } from './engine.ts';
import * as F from './flags.ts';
import { type TcpInfo, tcpInfo } from './info.ts';
import { tcpInput } from './input.ts';
import { accept, listen } from './listen.ts';
import { getOption, setOption } from './options.ts';
import { sendRoom } from './send-room.ts';
import { CLOSED, ESTABLISHED, FIN_WAIT_2, LISTEN, maySend, TIME_WAIT } from './state.ts';
import type { Tcb } from './tcb.ts';
import { windowWorthTelling } from './window.ts';

export { Endpoints } from './endpoints.ts';

/**
 * A handle names a connection or a listener until close() or abort(); a void one is answered with -EBADF. Results >= 0
 * are successes, negative ones errnos. Nothing here blocks; news come by nextReady() after a pass.
 */
export class Tcp {
  /** READY_* of the handle that nextReady() returned last. */
  readyFlags = 0;
  readonly #e: Engine;
  readonly #opener: Opener;
  readonly #crank: Crank;

  constructor(floor: TcpFloor) {
    this.#e = new Engine(floor);
    this.#opener = new Opener(this.#e);
    this.#crank = new Crank(this.#e);
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
    return this.#opener.connect(l0, l1, l2, l3, localPort, r0, r1, r2, r3, remotePort, iface);
  }

  /**
   * Listens. Address zeros (::): every address of both families, or of IPv6 alone; (0, 0, 0xffff, 0): every IPv4 address.
   * Port 0: chosen. `backlog`: connections not yet accepted, complete or not; beyond it SYNs are answered
   * with cookies (tcpSynCookies) as long as complete ones alone do not fill it. Returns a handle, -EADDRINUSE, -ENOBUFS.
   */
  listen(w0: number, w1: number, w2: number, w3: number, port: number, backlog: number, ipv6Only: boolean): number {
    return listen(this.#e, w0, w1, w2, w3, port, backlog, ipv6Only);
  }

  /** The next connection of a listener, complete: a handle; 0: none now. */
  accept(listener: number): number {
    const l = this.#row(listener);
    return l === null || l.state !== LISTEN ? -EBADF : accept(this.#e, l);
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
      if (t.state === CLOSED || t.state === TIME_WAIT || t.has(F.F_FIN_RECEIVED)) return got;
      tuneReceive(e, t);
      if (windowWorthTelling(t, e.share()) || ackAfterReading(e, t)) {
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
    return t === null ? 0 : Math.max(0, sendRoom(t, Math.min(t.sndLimit, this.#e.share())));
  }

  /** Copies up to `n` bytes; how many were taken (0: the buffer is full, WRITE follows), or why nothing can be sent any more. Allowed before the handshake is over. */
  write(h: number, src: Uint8Array, from: number, n: number): number {
    const e = this.#e;
    const t = this.#row(h);
    if (t === null) return -EBADF;
    const refused = mayWrite(t);
    if (refused !== 0) return refused;
    const room = Math.min(n, sendRoom(t, Math.min(t.sndLimit, e.share())));
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
    const n = Math.min(length, sendRoom(t, t.sndLimit));
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
    queueFin(this.#e, t);
    return 0;
  }

  /**
   * The user is done with `h`, which is void from now on. A connection sends what was written and a FIN, and ends alone; if
   * unread data is thrown away, or linger is 0, it is reset (RFC 9293 section 3.10.4, RFC 2525 section 2.17).
   * A listener stops, and what was not accepted is reset.
   */
  close(h: number): void {
    const t = this.#row(h);
    if (t !== null) closeRow(this.#e, t);
  }

  /** Resets the connection; `h` is void from now on (RFC 9293 section 3.10.5). */
  abort(h: number): void {
    const t = this.#row(h);
    if (t !== null) abortRow(this.#e, t);
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
    return t === null ? -EBADF : getOption(this.#e, t, option);
  }

  /** What is known about a connection, for people; null for a void handle. */
  info(h: number): TcpInfo | null {
    const t = this.#row(h);
    return t === null ? null : tcpInfo(this.#e, t);
  }

  /** What lies below the handles: for tests that audit rows. */
  get engine(): Engine {
    return this.#e;
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

  /** An ICMP error that quotes a segment of ours. 0, or a positive drop reason. */
  icmpError(error: IcmpError): number {
    return this.#crank.icmpError(error);
  }

  /** Timers that are due. */
  timers(): void {
    this.#crank.timers();
  }

  /** Sends what may be sent. Returns true if rows are left that could send at once (their turn was over). */
  output(): boolean {
    return this.#crank.output();
  }

  /** Whether the last output() ended because a link or the frames were full: nobody may tell when that has changed. */
  get stalled(): boolean {
    return this.#crank.stalled;
  }

  /** Whether the last output() left rows that could send at once: for a driver that knows by itself that its links are empty. */
  get unfinished(): boolean {
    return this.#crank.unfinished;
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
      abortRow(e, t);
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
