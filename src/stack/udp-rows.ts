// A UDP or ping socket as a row: its cells and flags, and the queues in which rows wait.
// Used by the other udp files; calls base/rows and spans.

import { ROW_LINK, Rows } from '../base/rows.ts';
import { isIp4 } from './address-kinds.ts';
import type { Core } from './core.ts';
import { RowFifo } from './row-fifo.ts';

export const FLAGS = 2;
/** Namespace and local port in one word: see KEY_*. 0 while unbound. */
export const KEY = 3;
export const REMOTE_PORT = 4;
export const LOCAL = 5; // four words
export const REMOTE = 9; // four words; all zero while not connected
/** The only interface it uses, or 0. */
export const IFACE = 13;
/** Chains of udp-table. */
export const NEXT_BY_KEY = 14;
export const NEXT_BY_PORT = 15;
/** READY bits not yet told. */
export const READY = 16;
const READY_FIFO = 17; // three cells
const BLOCKED_FIFO = 20; // three cells
/** Where a sender waits for room: the interface. */
export const BLOCKED_IFACE = 23;
/** Pending error: a positive errno. */
export const ERROR = 24;
/** TTL or hop limit of what it sends to one host (0: the stack's), and to groups; DSCP and ECN byte. */
export const TTL = 25;
export const MULTICAST_TTL = 26;
export const TRAFFIC_CLASS = 27;
export const MULTICAST_IFACE = 28;
/** Most bytes in the receive queue, and the queue: a list of Spans. */
export const RECEIVE_BUFFER = 29;
export const QUEUE = 30; // three cells
/** First row of its memberships. */
export const MEMBERSHIPS = 33;
const ROW_BYTES = 136;

/** FLAGS. */
export const IP6 = 1;
export const IP6_ONLY = 2;
export const CONNECTED = 4;
/** The local address was chosen by connect(), and goes with it; the interface was. */
export const LOCAL_CHOSEN = 8;
export const IFACE_CHOSEN = 16;
export const BROADCAST = 32;
export const REUSE = 64;
export const MULTICAST_LOOP = 128;
export const DONT_FRAGMENT = 256;
export const PING = 512;

/** Namespaces of ports: UDP's, and the echo identifiers of both ICMP versions. */
export const KEY_UDP = 0x10000;
export const KEY_PING4 = 0x20000;
export const KEY_PING6 = 0x30000;

/** What has happened to a socket: bits of READY. */
export const UDP_READABLE = 1;
/** There is room again after send() said -EAGAIN. */
export const UDP_WRITABLE = 2;
/** takeError() has something to say. */
export const UDP_ERROR = 4;

/** The ends of a socket: filled by endpoints(). Addresses all zero: any, or none. */
export interface UdpEndpoints {
  local0: number;
  local1: number;
  local2: number;
  local3: number;
  localPort: number;
  remote0: number;
  remote1: number;
  remote2: number;
  remote3: number;
  remotePort: number;
  iface: number;
}

export class UdpRows {
  readonly rows: Rows;
  readonly i32: Int32Array;
  readonly #ready: RowFifo;
  readonly #blocked: RowFifo;

  constructor(core: Core) {
    this.rows = new Rows(core.arena, 'udp', core.settings.udpRows, ROW_BYTES);
    this.i32 = core.i32;
    this.#ready = new RowFifo(this.rows, READY_FIFO);
    this.#blocked = new RowFifo(this.rows, BLOCKED_FIFO);
  }

  /** Index of a row's first cell. */
  cell(row: number): number {
    return this.rows.cell(row);
  }

  /** Something happened to `row` that its owner is told after the pass. */
  signal(row: number, ready: number): void {
    this.i32[this.rows.cell(row) + READY]! |= ready;
    this.#ready.push(row);
  }

  /** The first row that something happened to, taken out of the queue, or 0. Its READY cell is for the caller to clear. */
  shiftReady(): number {
    const row = this.#ready.head;
    if (row !== 0) this.#ready.remove(row);
    return row;
  }

  /** `row` could not send on `iface` for want of room: it is told when there is some. */
  block(row: number, iface: number): void {
    this.i32[this.rows.cell(row) + BLOCKED_IFACE] = iface;
    this.#blocked.push(row);
  }

  /** The interface that a blocked row waits for. */
  blockedIface(row: number): number {
    return this.i32[this.rows.cell(row) + BLOCKED_IFACE]!;
  }

  /** Whether `row` is a socket's. */
  isOpen(row: number): boolean {
    return this.i32[this.rows.cell(row) + ROW_LINK] === 1;
  }

  /** Copies the ends of a socket to registers. */
  endpoints(row: number, out: UdpEndpoints): void {
    const i32 = this.i32;
    const c = this.rows.cell(row);
    out.local0 = i32[c + LOCAL]!;
    out.local1 = i32[c + LOCAL + 1]!;
    out.local2 = i32[c + LOCAL + 2]!;
    out.local3 = i32[c + LOCAL + 3]!;
    out.localPort = i32[c + KEY]! & 0xffff;
    out.remote0 = i32[c + REMOTE]!;
    out.remote1 = i32[c + REMOTE + 1]!;
    out.remote2 = i32[c + REMOTE + 2]!;
    out.remote3 = i32[c + REMOTE + 3]!;
    out.remotePort = i32[c + REMOTE_PORT]!;
    out.iface = i32[c + IFACE]!;
  }

  /** The first blocked row, and the one behind another; 0: none. */
  get firstBlocked(): number {
    return this.#blocked.head;
  }

  nextBlocked(row: number): number {
    return this.#blocked.next(row);
  }

  /** `row` may send again. */
  unblock(row: number): void {
    this.#blocked.remove(row);
    this.signal(row, UDP_WRITABLE);
  }

  /** Takes a row out of all queues and gives it back. */
  free(row: number): void {
    this.#ready.remove(row);
    this.#blocked.remove(row);
    this.rows.free(row);
  }
}

/** True for :: and 0.0.0.0 (mapped). */
export function isAny(w0: number, w1: number, w2: number, w3: number): boolean {
  return w3 === 0 && (isIp4(w0, w1, w2) || (w0 | w1 | w2) === 0);
}
