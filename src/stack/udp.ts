// UDP and ping sockets: what programs call, by handle, and what the stack calls. Results: >= 0 fine, negative errno.
// Called by src/socket and by stack.ts; calls the udp-* files, each of which does one part of it.

import { EAGAIN, EBADF, EDESTADDRREQ, EINVAL, ENOMEM } from '../base/errno.ts';
import { PROTO_TCP } from '../wire/ip4.ts';
import { Ip6Chain } from '../wire/ip6-chain.ts';
import type { Core } from './core.ts';
import { decodeSent } from './icmp-decode.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { Interfaces } from './interfaces.ts';
import type { Neighbours } from './neighbours.ts';
import type { Output } from './output.ts';
import { IcmpError, type Packet } from './packet.ts';
import type { PathMtu } from './path-mtu.ts';
import type { Ports } from './ports.ts';
import type { Routes } from './routes.ts';
import { UdpBind } from './udp-bind.ts';
import { UdpGroups } from './udp-groups.ts';
import { UdpInput } from './udp-input.ts';
import { getUdpOption, setUdpOption, type UdpOption } from './udp-options.ts';
import { Datagram, UdpQueue } from './udp-queue.ts';
import {
  CONNECTED,
  ERROR,
  FLAGS,
  IP6,
  IP6_ONLY,
  KEY,
  LOCAL,
  MULTICAST_LOOP,
  MULTICAST_TTL,
  PING,
  READY,
  RECEIVE_BUFFER,
  REMOTE,
  REMOTE_PORT,
  type UdpEndpoints,
  UdpRows,
} from './udp-rows.ts';
import { UdpSend } from './udp-send.ts';
import { UdpTable } from './udp-table.ts';

export { UDP_ERROR, UDP_READABLE, UDP_WRITABLE, type UdpEndpoints } from './udp-rows.ts';

export class Udp {
  /** Where the datagram came from that receive() returned last. */
  readonly from: Datagram = new Datagram();
  /** What has happened (UDP_READABLE, UDP_WRITABLE, UDP_ERROR) to the socket that nextReady() returned last. */
  readyFlags = 0;
  /** Called when a call has left work for the stack's next pass. Set by the stack. */
  onWork: () => void = () => {};
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #output: Output;
  readonly #rows: UdpRows;
  readonly #table: UdpTable;
  readonly #queue: UdpQueue;
  readonly #groups: UdpGroups;
  readonly #input: UdpInput;
  readonly #send: UdpSend;
  readonly #bind: UdpBind;
  readonly #failed: IcmpError = new IcmpError();
  readonly #chain: Ip6Chain = new Ip6Chain();

  constructor(
    core: Core,
    interfaces: Interfaces,
    routes: Routes,
    output: Output,
    ports: Ports,
    errors: IcmpErrors,
    pathMtu: PathMtu,
  ) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#output = output;
    this.#rows = new UdpRows(core);
    this.#table = new UdpTable(core, this.#rows);
    this.#queue = new UdpQueue(core, this.#rows);
    this.#groups = new UdpGroups(core, interfaces, routes, this.#rows);
    this.#input = new UdpInput(core, this.#rows, this.#table, this.#queue, errors, pathMtu);
    this.#send = new UdpSend(core, interfaces, routes, output, this.#rows, this.#input);
    this.#bind = new UdpBind(core, interfaces, ports, this.#rows, this.#table, this.#send);
  }

  // -- from the stack ------------------------------------------------------------------------------------------------

  /** The datagram at [p.l4, p.end). Returns 0, or a drop reason not yet counted. */
  input(p: Packet): number {
    return this.#input.input(p);
  }

  /** An echo reply whose checksum is right, to its ping socket. 0 or a drop reason. */
  ping(p: Packet): number {
    return this.#input.ping(p);
  }

  /** An ICMP error about a datagram or echo of ours. 0, or a drop reason: no socket of ours can have sent that. */
  error(e: IcmpError): number {
    return this.#input.error(e);
  }

  /**
   * Takes the packets whose next hop did not answer, tells connected sockets EHOSTUNREACH, and frees the frames. Once a pass,
   * after neighbours.tick().
   */
  failedNeighbours(neighbours: Neighbours): void {
    for (let l3 = neighbours.nextFailed(); l3 !== 0; l3 = neighbours.nextFailed()) {
      const e = this.#failed;
      if (decodeSent(this.#core.u8, l3, l3 + neighbours.failedLength, e, this.#chain) === 0) {
        if (e.protocol !== PROTO_TCP) this.#input.error(e);
      }
      this.#core.frames.free(l3);
    }
  }

  /** Once a pass, after timers and input: sockets that waited for room and have some now become writable. */
  egress(): void {
    let row = this.#rows.firstBlocked;
    while (row !== 0) {
      const next = this.#rows.nextBlocked(row);
      if (this.#output.room(this.#rows.blockedIface(row)) > 0) this.#rows.unblock(row);
      row = next;
    }
  }

  /** The next socket that something has happened to, or 0; what, in readyFlags. */
  nextReady(): number {
    const row = this.#rows.shiftReady();
    if (row === 0) return 0;
    const c = this.#rows.cell(row) + READY;
    this.readyFlags = this.#core.i32[c]!;
    this.#core.i32[c] = 0;
    return this.#rows.rows.handle(row);
  }

  /** Closes every socket. */
  clear(): void {
    for (const h of this.list()) this.close(h);
  }

  // -- from programs -------------------------------------------------------------------------------------------------

  /**
   * A new socket: family 4 speaks IPv4; 6 speaks IPv6, and IPv4 by mapped addresses unless ipv6Only. protocol 'icmp': a ping
   * socket, which sends echo requests and gets their replies, whole ICMP messages with its "port" as identifier.
   * Returns its handle, or -ENOMEM.
   */
  open(o: { family: 4 | 6; ipv6Only?: boolean; protocol?: 'udp' | 'icmp' }): number {
    const row = this.#rows.rows.alloc();
    if (row === 0) return -ENOMEM;
    const i32 = this.#core.i32;
    const c = this.#rows.cell(row);
    const ping = o.protocol === 'icmp';
    let flags = MULTICAST_LOOP | (ping ? PING : 0);
    if (o.family === 6) flags |= IP6 | (o.ipv6Only === true || ping ? IP6_ONLY : 0);
    else i32[c + LOCAL + 2] = 0xffff;
    i32[c + FLAGS] = flags;
    i32[c + MULTICAST_TTL] = 1;
    i32[c + RECEIVE_BUFFER] = this.#core.settings.udpReceiveBuffer;
    return this.#rows.rows.handle(row);
  }

  /**
   * Binds to an address (any, one of ours, a group or a broadcast address) and port (0: chosen, RFC 6056); with `iface` not 0
   * to that interface only. -EINVAL: bound already, or the wrong family; -EADDRNOTAVAIL; -EADDRINUSE.
   */
  bind(h: number, w0: number, w1: number, w2: number, w3: number, port: number, iface = 0): number {
    const row = this.#rows.rows.row(h);
    return row === 0 ? -EBADF : this.#bind.bind(row, w0, w1, w2, w3, port, iface);
  }

  /**
   * Talks to one peer only from now on: send() needs no address, others' datagrams are not received, hard ICMP errors are
   * reported. Chooses the local address and port where that has not been done. `iface` for link-local addresses. 0, or
   * -errno as of bind() and send().
   */
  connect(h: number, w0: number, w1: number, w2: number, w3: number, port: number, iface = 0): number {
    const row = this.#rows.rows.row(h);
    return row === 0 ? -EBADF : this.#bind.connect(row, w0, w1, w2, w3, port, iface);
  }

  /** Undoes connect(); the port stays. 0 or -ENOTCONN. */
  disconnect(h: number): number {
    const row = this.#rows.rows.row(h);
    return row === 0 ? -EBADF : this.#bind.disconnect(row);
  }

  /**
   * Sends one datagram: `n` bytes of `src` from `from`, to an address and port, or to the peer of a connected socket where
   * address and port are all 0. Binds a socket that is not bound. Returns n; or -EAGAIN: no room now, UDP_WRITABLE
   * follows; -EMSGSIZE, -EDESTADDRREQ, -EACCES (broadcast), -EINVAL, -ENETUNREACH, -EHOSTUNREACH, -EADDRNOTAVAIL, or a
   * pending error.
   */
  send(
    h: number,
    src: Uint8Array,
    from: number,
    n: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    port: number,
    iface = 0,
  ): number {
    const row = this.#rows.rows.row(h);
    if (row === 0) return -EBADF;
    const i32 = this.#core.i32;
    const c = this.#rows.cell(row);
    if (i32[c + ERROR] !== 0) return -this.#takeError(c);
    const flags = i32[c + FLAGS]!;
    const toPeer = port === 0 && (w0 | w1 | w2 | w3) === 0;
    if (toPeer && (flags & CONNECTED) === 0) return -EDESTADDRREQ;
    if (!toPeer && port === 0 && (flags & PING) === 0) return -EINVAL;
    if (i32[c + KEY] === 0) {
      const bound = this.#bind.register(row, 0);
      if (bound !== 0) return bound;
    }
    const r = c + REMOTE;
    const error = toPeer
      ? this.#bind.findWay(row, i32[r]!, i32[r + 1]!, i32[r + 2]!, i32[r + 3]!, iface)
      : this.#bind.findWay(row, w0, w1, w2, w3, iface);
    if (error !== 0) return error;
    const sent = this.#send.send(row, src, from, n, toPeer ? i32[c + REMOTE_PORT]! : port);
    this.onWork();
    return sent;
  }

  /**
   * Copies the next datagram, up to `n` bytes of it, to `into` at `at`, throws the rest of it away, and fills `from`. Returns the
   * bytes copied (0: an empty datagram), -EAGAIN where there is none, or a pending error.
   */
  receive(h: number, into: Uint8Array, at: number, n: number): number {
    const row = this.#rows.rows.row(h);
    if (row === 0) return -EBADF;
    const c = this.#rows.cell(row);
    if (this.#core.i32[c + ERROR] !== 0) return -this.#takeError(c);
    const taken = this.#queue.shift(row, this.from, into, at, n);
    return taken < 0 ? -EAGAIN : taken;
  }

  /** Bytes of the next datagram (0: an empty one), or -EAGAIN. */
  nextLength(h: number): number {
    const row = this.#rows.rows.row(h);
    if (row === 0) return -EBADF;
    const length = this.#queue.nextLength(row);
    return length < 0 ? -EAGAIN : length;
  }

  /** Ends a socket: leaves its groups, throws its queue away. */
  close(h: number): void {
    const row = this.#rows.rows.row(h);
    if (row === 0) return;
    this.#groups.leaveAll(row);
    this.#queue.clear(row);
    if (this.#core.i32[this.#rows.cell(row) + KEY] !== 0) this.#table.remove(row);
    this.#rows.free(row);
    this.#send.forget();
  }

  /** The pending error as a positive errno, cleared by the call; 0: none. */
  takeError(h: number): number {
    const row = this.#rows.rows.row(h);
    return row === 0 ? EBADF : this.#takeError(this.#rows.cell(row));
  }

  /** Fills `out` with the ends of a socket; false if there is no such socket. */
  endpoints(h: number, out: UdpEndpoints): boolean {
    const row = this.#rows.rows.row(h);
    if (row === 0) return false;
    this.#rows.endpoints(row, out);
    return true;
  }

  /** Sets an option (UDP_OPTION_*): 0, or -EINVAL for a value out of range. */
  set(h: number, option: UdpOption, value: number): number {
    const row = this.#rows.rows.row(h);
    if (row === 0) return -EBADF;
    this.#send.forget();
    return setUdpOption(this.#core.i32, this.#rows.cell(row), option, value, this.#interfaces.list.length);
  }

  /** The value of an option, or -EBADF. */
  get(h: number, option: UdpOption): number {
    const row = this.#rows.rows.row(h);
    if (row === 0) return -EBADF;
    return getUdpOption(this.#core.i32, this.#rows.cell(row), option, this.#core.settings.hopLimit);
  }

  /** Joins a multicast group on `iface` (0: chosen by the routes). -EINVAL, -EADDRINUSE (joined before), -ENOMEM, routes' errors. */
  join(h: number, w0: number, w1: number, w2: number, w3: number, iface = 0): number {
    const row = this.#rows.rows.row(h);
    return row === 0 ? -EBADF : this.#groups.join(row, w0, w1, w2, w3, iface);
  }

  /** Leaves it: -EADDRNOTAVAIL where this socket had not joined. `iface` 0: the first on which it had. */
  leave(h: number, w0: number, w1: number, w2: number, w3: number, iface = 0): number {
    const row = this.#rows.rows.row(h);
    return row === 0 ? -EBADF : this.#groups.leave(row, w0, w1, w2, w3, iface);
  }

  /** Sockets that are open. */
  get used(): number {
    return this.#rows.rows.used;
  }

  /** Handles of all open sockets, for people. */
  list(): number[] {
    const out: number[] = [];
    for (let row = 1; row <= this.#rows.rows.highest; row++) {
      if (this.#rows.isOpen(row)) out.push(this.#rows.rows.handle(row));
    }
    return out;
  }

  #takeError(c: number): number {
    const errno = this.#core.i32[c + ERROR]!;
    this.#core.i32[c + ERROR] = 0;
    return errno;
  }
}
