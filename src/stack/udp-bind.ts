// Which addresses and ports a UDP or ping socket has: bind, connect, disconnect, and ports chosen for it.
// Called by udp; calls udp-table, udp-send (the way to a peer), ports and interfaces.

import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENETUNREACH, ENOTCONN } from '../base/errno.ts';
import { isIp4, isLinkLocal, isMulticast } from './address-kinds.ts';
import type { Core } from './core.ts';
import type { Interfaces } from './interfaces.ts';
import type { PortInUse, Ports } from './ports.ts';
import {
  CONNECTED,
  ERROR,
  FLAGS,
  IFACE,
  IFACE_CHOSEN,
  IP6,
  IP6_ONLY,
  isAny,
  KEY,
  KEY_PING4,
  KEY_PING6,
  KEY_UDP,
  LOCAL,
  LOCAL_CHOSEN,
  PING,
  REMOTE,
  REMOTE_PORT,
  type UdpRows,
} from './udp-rows.ts';
import type { UdpSend } from './udp-send.ts';
import type { UdpTable } from './udp-table.ts';

export class UdpBind {
  readonly #interfaces: Interfaces;
  readonly #ports: Ports;
  readonly #rows: UdpRows;
  readonly #table: UdpTable;
  readonly #send: UdpSend;
  readonly #i32: Int32Array;
  /** Register of #inUse: who asks. */
  #row = 0;
  readonly #inUse: PortInUse = (port) => {
    const i32 = this.#i32;
    const c = this.#rows.cell(this.#row);
    const l = c + LOCAL;
    const key = this.#space(c) | port;
    const flags = i32[c + FLAGS]!;
    return this.#table.taken(
      this.#row,
      key,
      i32[l]!,
      i32[l + 1]!,
      i32[l + 2]!,
      i32[l + 3]!,
      i32[c + IFACE]!,
      flags,
      true,
    );
  };

  constructor(core: Core, interfaces: Interfaces, ports: Ports, rows: UdpRows, table: UdpTable, send: UdpSend) {
    this.#interfaces = interfaces;
    this.#ports = ports;
    this.#rows = rows;
    this.#table = table;
    this.#send = send;
    this.#i32 = core.i32;
  }

  /** As Udp.bind, for a row. */
  bind(row: number, w0: number, w1: number, w2: number, w3: number, port: number, iface: number): number {
    const i32 = this.#i32;
    const c = this.#rows.cell(row);
    const flags = i32[c + FLAGS]!;
    if (i32[c + KEY] !== 0 || port < 0 || port > 65535) return -EINVAL;
    if (isIp4(w0, w1, w2) ? (flags & IP6_ONLY) !== 0 : (flags & IP6) === 0) return -EINVAL;
    if (iface === 0) iface = i32[c + IFACE]!;
    if (!isAny(w0, w1, w2, w3) && !this.#bindable(iface, w0, w1, w2, w3)) return -EADDRNOTAVAIL;
    // A link-local address means something on its interface only.
    if (isLinkLocal(w0)) iface = this.#interfaces.owner(iface, w0, w1, w2, w3);
    if (port !== 0 && this.#table.taken(row, this.#space(c) | port, w0, w1, w2, w3, iface, flags, false)) {
      return -EADDRINUSE;
    }
    this.#setLocal(c, w0, w1, w2, w3);
    i32[c + IFACE] = iface;
    return this.register(row, port);
  }

  /** Gives an unbound row its port (0: a free one) and enters it into the table. 0 or -EADDRINUSE. */
  register(row: number, port: number): number {
    const c = this.#rows.cell(row);
    if (port === 0) {
      this.#row = row;
      port = this.#ports.random(this.#inUse);
      if (port === 0) return -EADDRINUSE;
    }
    this.#i32[c + KEY] = this.#space(c) | port;
    this.#table.insert(row);
    return 0;
  }

  /** As Udp.connect, for a row. */
  connect(row: number, w0: number, w1: number, w2: number, w3: number, port: number, iface: number): number {
    const i32 = this.#i32;
    const c = this.#rows.cell(row);
    if (port < 0 || port > 65535 || (port === 0 && (i32[c + FLAGS]! & PING) === 0)) return -EINVAL;
    if ((i32[c + FLAGS]! & CONNECTED) !== 0) this.disconnect(row);
    if (i32[c + KEY] === 0) {
      const bound = this.register(row, 0);
      if (bound !== 0) return bound;
    }
    const error = this.findWay(row, w0, w1, w2, w3, iface);
    if (error !== 0) return error;
    const way = this.#send.way;
    this.#table.remove(row);
    let flags = i32[c + FLAGS]! | CONNECTED;
    if (isAny(i32[c + LOCAL]!, i32[c + LOCAL + 1]!, i32[c + LOCAL + 2]!, i32[c + LOCAL + 3]!)) {
      this.#setLocal(c, way.src0, way.src1, way.src2, way.src3);
      flags |= LOCAL_CHOSEN;
    }
    if (isLinkLocal(way.dst0) && i32[c + IFACE] === 0) {
      i32[c + IFACE] = way.iface;
      flags |= IFACE_CHOSEN;
    }
    i32[c + REMOTE] = way.dst0;
    i32[c + REMOTE + 1] = way.dst1;
    i32[c + REMOTE + 2] = way.dst2;
    i32[c + REMOTE + 3] = way.dst3;
    i32[c + REMOTE_PORT] = port;
    i32[c + ERROR] = 0;
    i32[c + FLAGS] = flags;
    this.#table.insert(row);
    this.#send.forget();
    return 0;
  }

  /** As Udp.disconnect, for a row. */
  disconnect(row: number): number {
    const i32 = this.#i32;
    const c = this.#rows.cell(row);
    const flags = i32[c + FLAGS]!;
    if ((flags & CONNECTED) === 0) return -ENOTCONN;
    this.#table.remove(row);
    if ((flags & LOCAL_CHOSEN) !== 0) this.#setLocal(c, 0, 0, (flags & IP6) !== 0 ? 0 : 0xffff, 0);
    if ((flags & IFACE_CHOSEN) !== 0) i32[c + IFACE] = 0;
    i32.fill(0, c + REMOTE, c + REMOTE + 4);
    i32[c + REMOTE_PORT] = 0;
    i32[c + FLAGS] = flags & ~(CONNECTED | LOCAL_CHOSEN | IFACE_CHOSEN);
    this.#table.insert(row);
    this.#send.forget();
    return 0;
  }

  /** As UdpSend.findWay; "any" stands for this machine, as on Linux, and the socket must speak the family. */
  findWay(row: number, w0: number, w1: number, w2: number, w3: number, iface: number): number {
    const flags = this.#i32[this.#rows.cell(row) + FLAGS]!;
    const four = isIp4(w0, w1, w2);
    if (!four && (flags & IP6) === 0) return -EINVAL;
    if (four && (flags & IP6_ONLY) !== 0) return -ENETUNREACH;
    if (isAny(w0, w1, w2, w3)) w3 = four ? 0x7f000001 : 1;
    return this.#send.findWay(row, w0, w1, w2, w3, iface);
  }

  #bindable(iface: number, w0: number, w1: number, w2: number, w3: number): boolean {
    if (isMulticast(w0, w1, w2, w3) || this.#interfaces.isLocal(iface, w0, w1, w2, w3)) return true;
    return isIp4(w0, w1, w2) && this.#interfaces.isBroadcast(iface, w3);
  }

  #space(c: number): number {
    const flags = this.#i32[c + FLAGS]!;
    if ((flags & PING) === 0) return KEY_UDP;
    return (flags & IP6) !== 0 ? KEY_PING6 : KEY_PING4;
  }

  #setLocal(c: number, w0: number, w1: number, w2: number, w3: number): void {
    const i32 = this.#i32;
    i32[c + LOCAL] = w0;
    i32[c + LOCAL + 1] = w1;
    i32[c + LOCAL + 2] = w2;
    i32[c + LOCAL + 3] = w3;
  }
}
