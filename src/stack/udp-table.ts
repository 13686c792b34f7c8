// Which socket a datagram belongs to, and which ports are taken.
// Called by udp, udp-input and udp-send; calls FlowHash. Chains run through the rows; nothing is allocated.
//
//   by key     connected sockets under (remote, local, ports), others under (local address, port): look-up
//   by port    all sockets of a port: for binding, and for groups, where every socket gets its copy

import { isIp4 } from './address-kinds.ts';
import type { Core } from './core.ts';
import {
  CONNECTED,
  FLAGS,
  IFACE,
  IP6,
  IP6_ONLY,
  isAny,
  KEY,
  LOCAL,
  NEXT_BY_KEY,
  NEXT_BY_PORT,
  REMOTE,
  REMOTE_PORT,
  REUSE,
  type UdpRows,
} from './udp-rows.ts';

export class UdpTable {
  readonly #core: Core;
  readonly #rows: UdpRows;
  readonly #i32: Int32Array;
  readonly #byKey: number;
  readonly #byPort: number;
  readonly #mask: number;
  #connected = 0;

  constructor(core: Core, rows: UdpRows) {
    this.#core = core;
    this.#rows = rows;
    this.#i32 = core.i32;
    let size = 64;
    while (size < core.settings.udpRows) size *= 2;
    this.#mask = size - 1;
    this.#byKey = core.arena.region('udp.by-key', size * 4) >> 2;
    this.#byPort = core.arena.region('udp.by-port', size * 4) >> 2;
  }

  /** Enters a bound row; KEY, LOCAL, REMOTE and the CONNECTED flag stay as they are until remove(). Newest first. */
  insert(row: number): void {
    const i32 = this.#i32;
    const c = this.#rows.cell(row);
    const key = this.#keyHead(c);
    const port = this.#byPort + (i32[c + KEY]! & this.#mask);
    i32[c + NEXT_BY_KEY] = i32[key]!;
    i32[key] = row;
    i32[c + NEXT_BY_PORT] = i32[port]!;
    i32[port] = row;
    if ((i32[c + FLAGS]! & CONNECTED) !== 0) this.#connected++;
  }

  /** Takes a row out that insert() put in. */
  remove(row: number): void {
    const c = this.#rows.cell(row);
    this.#unlink(this.#keyHead(c), NEXT_BY_KEY, row);
    this.#unlink(this.#byPort + (this.#i32[c + KEY]! & this.#mask), NEXT_BY_PORT, row);
    if ((this.#i32[c + FLAGS]! & CONNECTED) !== 0) this.#connected--;
  }

  /**
   * The socket for a datagram from (r, remotePort) to (l, key): a connected one, or one bound to that very address, or to
   * all; among equals one bound to the interface, then the newest. `iface` 0: whatever the interface. 0: none.
   */
  lookup(
    key: number,
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    r0: number,
    r1: number,
    r2: number,
    r3: number,
    remotePort: number,
    iface: number,
  ): number {
    if (this.#connected > 0) {
      const head = this.#flowHead(key, l3, r0, r1, r2, r3, remotePort);
      for (let row = this.#i32[head]!; row !== 0; row = this.#i32[this.#rows.cell(row) + NEXT_BY_KEY]!) {
        const c = this.#rows.cell(row);
        if ((this.#i32[c + FLAGS]! & CONNECTED) === 0 || this.#i32[c + KEY] !== key) continue;
        if (!this.#words(c + LOCAL, l0, l1, l2, l3) || !this.#remoteIs(c, r0, r1, r2, r3, remotePort)) continue;
        if (this.#ifaceFits(c, iface)) return row;
      }
    }
    const mapped = isIp4(l0, l1, l2);
    let row = this.#bound(key, l0, l1, l2, l3, iface, false);
    if (row === 0 && mapped) row = this.#bound(key, 0, 0, 0xffff, 0, iface, false);
    if (row === 0) row = this.#bound(key, 0, 0, 0, 0, iface, mapped);
    return row;
  }

  /** The first socket, and with `after` the next, that a datagram to a group (l, key) is for; 0: no more. */
  nextForGroup(
    after: number,
    key: number,
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    r0: number,
    r1: number,
    r2: number,
    r3: number,
    remotePort: number,
    iface: number,
  ): number {
    const i32 = this.#i32;
    const mapped = isIp4(l0, l1, l2);
    let row = after === 0 ? i32[this.#byPort + (key & this.#mask)]! : i32[this.#rows.cell(after) + NEXT_BY_PORT]!;
    for (; row !== 0; row = i32[this.#rows.cell(row) + NEXT_BY_PORT]!) {
      const c = this.#rows.cell(row);
      const flags = i32[c + FLAGS]!;
      if (i32[c + KEY] !== key || !this.#ifaceFits(c, iface)) continue;
      if ((flags & CONNECTED) !== 0 && !this.#remoteIs(c, r0, r1, r2, r3, remotePort)) continue;
      if (this.#words(c + LOCAL, l0, l1, l2, l3)) return row;
      if (!isAny(i32[c + LOCAL]!, i32[c + LOCAL + 1]!, i32[c + LOCAL + 2]!, i32[c + LOCAL + 3]!)) continue;
      if (i32[c + LOCAL + 2] === 0xffff ? mapped : !mapped || (flags & IP6_ONLY) === 0) return row;
    }
    return 0;
  }

  /**
   * Whether a socket with these flags may not bind (l, key) on `iface` because another one has it: the addresses overlap
   * and not both allow reuse. `self` is not counted. `strict`: reuse or not (for ports chosen automatically).
   */
  taken(
    self: number,
    key: number,
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    iface: number,
    flags: number,
    strict: boolean,
  ): boolean {
    const i32 = this.#i32;
    let row = i32[this.#byPort + (key & this.#mask)]!;
    for (; row !== 0; row = i32[this.#rows.cell(row) + NEXT_BY_PORT]!) {
      const c = this.#rows.cell(row);
      if (row === self || i32[c + KEY] !== key) continue;
      if (iface !== 0 && i32[c + IFACE] !== 0 && i32[c + IFACE] !== iface) continue;
      if (!strict && (flags & i32[c + FLAGS]! & REUSE) !== 0) continue;
      if (this.#overlaps(c, l0, l1, l2, l3, flags)) return true;
    }
    return false;
  }

  /** Whether some address could reach both the socket at `c` and one bound to l with `flags`. */
  #overlaps(c: number, l0: number, l1: number, l2: number, l3: number, flags: number): boolean {
    const i32 = this.#i32;
    if (this.#words(c + LOCAL, l0, l1, l2, l3)) return true;
    const m0 = i32[c + LOCAL]!;
    const m1 = i32[c + LOCAL + 1]!;
    const m2 = i32[c + LOCAL + 2]!;
    const m3 = i32[c + LOCAL + 3]!;
    return covers(l0, l1, l2, l3, flags, m0, m1, m2, m3) || covers(m0, m1, m2, m3, i32[c + FLAGS]!, l0, l1, l2, l3);
  }

  /** The newest unconnected socket bound to (l, key), one bound to `iface` first. `mapped`: only if it takes IPv4 too. */
  #bound(key: number, l0: number, l1: number, l2: number, l3: number, iface: number, mapped: boolean): number {
    const i32 = this.#i32;
    let found = 0;
    for (
      let row = i32[this.#boundHead(key, l0, l1, l2, l3)]!;
      row !== 0;
      row = i32[this.#rows.cell(row) + NEXT_BY_KEY]!
    ) {
      const c = this.#rows.cell(row);
      const flags = i32[c + FLAGS]!;
      if (i32[c + KEY] !== key || (flags & CONNECTED) !== 0) continue;
      if (!this.#words(c + LOCAL, l0, l1, l2, l3) || (mapped && (flags & IP6_ONLY) !== 0)) continue;
      if (!this.#ifaceFits(c, iface)) continue;
      if (i32[c + IFACE] !== 0) return row;
      if (found === 0) found = row;
    }
    return found;
  }

  #ifaceFits(c: number, iface: number): boolean {
    const bound = this.#i32[c + IFACE]!;
    return bound === 0 || iface === 0 || bound === iface;
  }

  #words(at: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const i32 = this.#i32;
    return i32[at + 3] === w3 && i32[at + 2] === w2 && i32[at + 1] === w1 && i32[at] === w0;
  }

  #remoteIs(c: number, r0: number, r1: number, r2: number, r3: number, port: number): boolean {
    return this.#i32[c + REMOTE_PORT] === port && this.#words(c + REMOTE, r0, r1, r2, r3);
  }

  #keyHead(c: number): number {
    const i32 = this.#i32;
    const key = i32[c + KEY]!;
    if ((i32[c + FLAGS]! & CONNECTED) === 0) {
      return this.#boundHead(key, i32[c + LOCAL]!, i32[c + LOCAL + 1]!, i32[c + LOCAL + 2]!, i32[c + LOCAL + 3]!);
    }
    const r = c + REMOTE;
    return this.#flowHead(
      key,
      i32[c + LOCAL + 3]!,
      i32[r]!,
      i32[r + 1]!,
      i32[r + 2]!,
      i32[r + 3]!,
      i32[c + REMOTE_PORT]!,
    );
  }

  #boundHead(key: number, l0: number, l1: number, l2: number, l3: number): number {
    // Ports are ours to choose: what is bound to every address needs no keyed hash.
    if (isAny(l0, l1, l2, l3)) return this.#byKey + ((key + l2) & this.#mask);
    return this.#byKey + (this.#core.flowHash.hash(l0, l1, l2, l3, 0, key) & this.#mask);
  }

  #flowHead(key: number, l3: number, r0: number, r1: number, r2: number, r3: number, remotePort: number): number {
    const ports = (key << 16) ^ (key >>> 16) ^ remotePort;
    return this.#byKey + (this.#core.flowHash.hash(r0, r1, r2, r3, l3, ports) & this.#mask);
  }

  #unlink(head: number, next: number, row: number): void {
    const i32 = this.#i32;
    let at = head;
    while (i32[at] !== row) at = this.#rows.cell(i32[at]!) + next;
    i32[at] = i32[this.#rows.cell(row) + next]!;
  }
}

/** Whether l, if it is a wildcard, includes m: 0.0.0.0 all of IPv4, :: all of IPv6, and IPv4 unless its socket is IPv6 only. */
function covers(
  l0: number,
  l1: number,
  l2: number,
  l3: number,
  flags: number,
  m0: number,
  m1: number,
  m2: number,
  _m3: number,
): boolean {
  if (!isAny(l0, l1, l2, l3)) return false;
  const mapped = isIp4(m0, m1, m2);
  return l2 === 0xffff ? mapped : !mapped || (flags & (IP6 | IP6_ONLY)) === IP6;
}
