// UDP input (RFC 768, RFC 1122 section 4.1, RFC 8200 section 8.1): checks, the socket, its queue; echo replies to ping sockets;
// ICMP errors to the socket that caused them. Called by udp (for stack.ingress and icmp); calls udp-table, udp-queue, icmp-errors.

import {
  DROP_BAD_CHECKSUM,
  DROP_ICMP_QUOTE,
  DROP_MALFORMED,
  DROP_NO_MEMORY,
  DROP_NO_SOCKET,
  DROP_SOCKET_FULL,
} from '../base/drop.ts';
import { EMSGSIZE } from '../base/errno.ts';
import { RX_SUM_GOOD, RX_SUM_PARTIAL } from '../base/link.ts';
import { CHECKSUM_OK, combine, pseudo4At, pseudo6At } from '../wire/checksum.ts';
import { ICMP4_PORT_UNREACHABLE, ICMP4_UNREACHABLE, icmpEchoId } from '../wire/icmp4.ts';
import { ICMP6_PORT_UNREACHABLE, ICMP6_UNREACHABLE } from '../wire/icmp6.ts';
import { PROTO_ICMP4, PROTO_UDP } from '../wire/ip4.ts';
import { UDP_HEADER_LENGTH, udpCheck, udpChecksum, udpDstPort, udpLength, udpSrcPort } from '../wire/udp.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { IcmpError, Packet } from './packet.ts';
import type { PathMtu } from './path-mtu.ts';
import { Datagram, type UdpQueue } from './udp-queue.ts';
import {
  CONNECTED,
  DONT_FRAGMENT,
  ERROR,
  FLAGS,
  KEY_PING4,
  KEY_PING6,
  KEY_UDP,
  UDP_ERROR,
  UDP_READABLE,
  type UdpRows,
} from './udp-rows.ts';
import type { UdpTable } from './udp-table.ts';

const RECEIVED: number = counter('udp_received');

export class UdpInput {
  /** Registers of the datagram being delivered; udp-send fills them for what it sends to its own groups. */
  readonly datagram: Datagram = new Datagram();
  readonly #core: Core;
  readonly #rows: UdpRows;
  readonly #table: UdpTable;
  readonly #queue: UdpQueue;
  readonly #errors: IcmpErrors;
  readonly #pathMtu: PathMtu;

  constructor(core: Core, rows: UdpRows, table: UdpTable, queue: UdpQueue, errors: IcmpErrors, pathMtu: PathMtu) {
    this.#core = core;
    this.#rows = rows;
    this.#table = table;
    this.#queue = queue;
    this.#errors = errors;
    this.#pathMtu = pathMtu;
  }

  /** The datagram at [p.l4, p.end). Returns 0, or a drop reason not yet counted. */
  input(p: Packet): number {
    const b = this.#core.u8;
    const o = p.l4;
    this.#core.counters.add(RECEIVED, 1);
    const bad = udpCheck(b, o, p.end);
    if (bad !== 0) return bad;
    const length = udpLength(b, o);
    if (!this.#checksumOk(p, length)) return DROP_BAD_CHECKSUM;
    const port = udpDstPort(b, o);
    if (port === 0) return DROP_MALFORMED;
    const d = this.datagram;
    this.#fill(p, udpSrcPort(b, o));
    if (p.group) return this.deliverGroup(port, o + UDP_HEADER_LENGTH, length - UDP_HEADER_LENGTH, p.iface);
    const row = this.#lookup(KEY_UDP | port, d.port, p.iface);
    if (row !== 0) return this.#deliver(row, o + UDP_HEADER_LENGTH, length - UDP_HEADER_LENGTH);
    // RFC 1122 section 4.1.3.1; RFC 4443 section 3.1.
    if (p.version === 4) this.#errors.send(p, ICMP4_UNREACHABLE, ICMP4_PORT_UNREACHABLE, 0);
    else this.#errors.send(p, ICMP6_UNREACHABLE, ICMP6_PORT_UNREACHABLE, 0);
    return DROP_NO_SOCKET;
  }

  /** The echo reply at [p.l4, p.end), whose checksum is right, to the ping socket with its identifier. 0 or a drop reason. */
  ping(p: Packet): number {
    const id = icmpEchoId(this.#core.u8, p.l4);
    this.#fill(p, 0);
    const row = this.#lookup((p.version === 4 ? KEY_PING4 : KEY_PING6) | id, 0, p.iface);
    return row === 0 ? DROP_NO_SOCKET : this.#deliver(row, p.l4, p.end - p.l4);
  }

  /**
   * Gives every socket that the group in `datagram` is for its copy of the `n` bytes at arena offset `at`. Returns 0 if one
   * took it, else a drop reason.
   */
  deliverGroup(port: number, at: number, n: number, iface: number): number {
    const d = this.datagram;
    let result = DROP_NO_SOCKET;
    let row = 0;
    for (;;) {
      row = this.#table.nextForGroup(
        row,
        KEY_UDP | port,
        d.dst0,
        d.dst1,
        d.dst2,
        d.dst3,
        d.src0,
        d.src1,
        d.src2,
        d.src3,
        d.port,
        iface,
      );
      if (row === 0) return result;
      const drop = this.#deliver(row, at, n);
      if (result !== 0) result = drop;
    }
  }

  /**
   * An ICMP error about a datagram or an echo of ours (RFC 1122 section 4.1.3.3). What its socket learns is what Linux tells
   * by default: hard errors, to connected sockets; "too big" only where the socket forbids to fragment. A path MTU is
   * believed if the quoted ports are a socket's. Returns 0, or DROP_ICMP_QUOTE: nobody here sent that.
   */
  error(e: IcmpError): number {
    const space = e.protocol === PROTO_UDP ? KEY_UDP : e.protocol === PROTO_ICMP4 ? KEY_PING4 : KEY_PING6;
    const row = this.#table.lookup(
      space | e.localPort,
      e.local0,
      e.local1,
      e.local2,
      e.local3,
      e.remote0,
      e.remote1,
      e.remote2,
      e.remote3,
      e.remotePort,
      0,
    );
    if (row === 0) return DROP_ICMP_QUOTE;
    if (e.mtu !== 0) this.#pathMtu.learn(e.remote0, e.remote1, e.remote2, e.remote3, e.mtu);
    const i32 = this.#core.i32;
    const c = this.#rows.cell(row);
    const flags = i32[c + FLAGS]!;
    const tooBig = e.errno === EMSGSIZE && (flags & DONT_FRAGMENT) !== 0;
    if ((flags & CONNECTED) !== 0 && (e.hard || tooBig)) {
      i32[c + ERROR] = e.errno;
      this.#rows.signal(row, UDP_ERROR);
    }
    return 0;
  }

  #lookup(key: number, remotePort: number, iface: number): number {
    const d = this.datagram;
    return this.#table.lookup(key, d.dst0, d.dst1, d.dst2, d.dst3, d.src0, d.src1, d.src2, d.src3, remotePort, iface);
  }

  #deliver(row: number, at: number, n: number): number {
    const refused = this.#queue.refuses(row, n);
    if (refused !== 0) return refused === 1 ? DROP_SOCKET_FULL : DROP_NO_MEMORY;
    this.#queue.push(row, this.datagram, at, n);
    this.#rows.signal(row, UDP_READABLE);
    return 0;
  }

  #fill(p: Packet, port: number): void {
    const d = this.datagram;
    d.port = port;
    d.iface = p.iface;
    d.hopLimit = p.hopLimit;
    d.trafficClass = p.trafficClass;
    d.src0 = p.src0;
    d.src1 = p.src1;
    d.src2 = p.src2;
    d.src3 = p.src3;
    d.dst0 = p.dst0;
    d.dst1 = p.dst1;
    d.dst2 = p.dst2;
    d.dst3 = p.dst3;
  }

  /** A field of zero means "none": legal in IPv4 (RFC 768), not in IPv6 (RFC 8200 section 8.1). */
  #checksumOk(p: Packet, length: number): boolean {
    const b = this.#core.u8;
    if (udpChecksum(b, p.l4) === 0) return p.version === 4;
    if ((p.flags & (RX_SUM_GOOD | RX_SUM_PARTIAL)) !== 0) return true;
    const pseudo = p.version === 4 ? pseudo4At(b, p.l3, PROTO_UDP, length) : pseudo6At(b, p.l3, PROTO_UDP, length);
    return combine(pseudo, this.#core.sum.sum(p.l4, length), false) === CHECKSUM_OK;
  }
}
