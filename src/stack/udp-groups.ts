// Memberships of sockets in multicast groups: which socket has joined what, so that closing it leaves them all.
// Called by udp; calls interfaces (which counts users) and routes (which interface, where the program has not said).

import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOMEM } from '../base/errno.ts';
import { Rows } from '../base/rows.ts';
import { isIp4, isMulticast } from './address-kinds.ts';
import type { Core } from './core.ts';
import type { Interfaces } from './interfaces.ts';
import type { Routes } from './routes.ts';
import { FLAGS, IFACE, IP6, IP6_ONLY, MEMBERSHIPS, MULTICAST_IFACE, type UdpRows } from './udp-rows.ts';
import { Way } from './way.ts';

const NEXT = 2;
const ON = 3;
const GROUP = 4; // four words
const ROW_BYTES = 32;
/** Groups that one socket may be in. */
const PER_SOCKET = 64;

export class UdpGroups {
  readonly #interfaces: Interfaces;
  readonly #routes: Routes;
  readonly #sockets: UdpRows;
  readonly #rows: Rows;
  readonly #i32: Int32Array;
  readonly #way: Way = new Way();

  constructor(core: Core, interfaces: Interfaces, routes: Routes, sockets: UdpRows) {
    this.#interfaces = interfaces;
    this.#routes = routes;
    this.#sockets = sockets;
    this.#i32 = core.i32;
    this.#rows = new Rows(core.arena, 'udp.memberships', core.settings.udpRows, ROW_BYTES);
  }

  /** The socket `row` joins a group on `iface` (0: its option's, its own, or the route's). 0 or -errno. */
  join(row: number, w0: number, w1: number, w2: number, w3: number, iface: number): number {
    const i32 = this.#i32;
    const c = this.#sockets.cell(row);
    if (!isMulticast(w0, w1, w2, w3) || iface < 0 || iface >= this.#interfaces.list.length) return -EINVAL;
    if (isIp4(w0, w1, w2) ? (i32[c + FLAGS]! & IP6_ONLY) !== 0 : (i32[c + FLAGS]! & IP6) === 0) return -EINVAL;
    if (iface === 0) iface = i32[c + IFACE]! !== 0 ? i32[c + IFACE]! : i32[c + MULTICAST_IFACE]!;
    if (iface === 0) {
      iface = this.#choose(w0, w1, w2, w3);
      if (iface < 0) return iface;
    }
    let count = 0;
    for (let m = i32[c + MEMBERSHIPS]!; m !== 0; m = i32[this.#rows.cell(m) + NEXT]!) {
      if (this.#is(m, w0, w1, w2, w3, iface)) return -EADDRINUSE;
      count++;
    }
    const m = count < PER_SOCKET ? this.#rows.alloc() : 0;
    if (m === 0) return -ENOMEM;
    const joined = this.#interfaces.join(iface, w0, w1, w2, w3);
    if (joined !== 0) {
      this.#rows.free(m);
      return joined;
    }
    const at = this.#rows.cell(m);
    i32[at + NEXT] = i32[c + MEMBERSHIPS]!;
    i32[at + ON] = iface;
    i32[at + GROUP] = w0;
    i32[at + GROUP + 1] = w1;
    i32[at + GROUP + 2] = w2;
    i32[at + GROUP + 3] = w3;
    i32[c + MEMBERSHIPS] = m;
    return 0;
  }

  /** The socket leaves a group on `iface` (0: the first on which it had joined). 0 or -EADDRNOTAVAIL. */
  leave(row: number, w0: number, w1: number, w2: number, w3: number, iface: number): number {
    const i32 = this.#i32;
    let at = this.#sockets.cell(row) + MEMBERSHIPS;
    for (let m = i32[at]!; m !== 0; m = i32[at]!) {
      if (this.#is(m, w0, w1, w2, w3, iface)) {
        this.#remove(at);
        return 0;
      }
      at = this.#rows.cell(m) + NEXT;
    }
    return -EADDRNOTAVAIL;
  }

  /** The socket is closed. */
  leaveAll(row: number): void {
    const at = this.#sockets.cell(row) + MEMBERSHIPS;
    while (this.#i32[at] !== 0) this.#remove(at);
  }

  /** Leaves the group of the membership that the cell `at` names. */
  #remove(at: number): void {
    const i32 = this.#i32;
    const m = i32[at]!;
    const c = this.#rows.cell(m);
    this.#interfaces.leave(
      i32[c + ON]!,
      i32[c + GROUP]!,
      i32[c + GROUP + 1]!,
      i32[c + GROUP + 2]!,
      i32[c + GROUP + 3]!,
    );
    i32[at] = i32[c + NEXT]!;
    this.#rows.free(m);
  }

  #is(m: number, w0: number, w1: number, w2: number, w3: number, iface: number): boolean {
    const i32 = this.#i32;
    const c = this.#rows.cell(m);
    if (iface !== 0 && i32[c + ON] !== iface) return false;
    const g = c + GROUP;
    return i32[g + 3] === w3 && i32[g + 2] === w2 && i32[g + 1] === w1 && i32[g] === w0;
  }

  /** The interface by which the route to the group leads, or -errno. */
  #choose(w0: number, w1: number, w2: number, w3: number): number {
    const way = this.#way;
    way.iface = 0;
    way.dst0 = w0;
    way.dst1 = w1;
    way.dst2 = w2;
    way.dst3 = w3;
    way.src0 = 0;
    way.src1 = 0;
    way.src2 = 0;
    way.src3 = 0;
    const error = this.#routes.findWay(way);
    return error !== 0 ? error : way.iface;
  }
}
