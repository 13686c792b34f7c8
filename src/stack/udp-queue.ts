// A socket's receive queue: datagrams one after the other in a list of spans, each behind a record of where it came from.
// Written by udp-input, read by udp; calls spans.
//
//   record (48 bytes, native int32): [length | port | interface | hop limit << 8 | traffic class | source (4) | destination (4)]

import { CHUNK } from '../base/spans.ts';
import type { Core } from './core.ts';
import { QUEUE, RECEIVE_BUFFER, type UdpRows } from './udp-rows.ts';

/** Bytes of a record: counted in the receive buffer, so that empty datagrams are bounded too. */
export const RECORD_BYTES = 48;

/** Where a datagram came from: registers, one set a Udp. */
export class Datagram {
  /** Bytes of the whole datagram: more than receive() returned means that the rest was cut off. */
  length = 0;
  port = 0;
  iface = 0;
  hopLimit = 0;
  trafficClass = 0;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  /** The address it was sent to: ours, or a group. */
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
}

export class UdpQueue {
  readonly #core: Core;
  readonly #rows: UdpRows;
  readonly #record: number;

  constructor(core: Core, rows: UdpRows) {
    this.#core = core;
    this.#rows = rows;
    this.#record = core.arena.region('udp.record', RECORD_BYTES, 16);
  }

  /** 0 if a datagram of `n` bytes fits into the queue of `row`: 1, its buffer is full; 2, there are no chunks. An empty queue takes any. */
  refuses(row: number, n: number): number {
    const c = this.#rows.cell(row);
    const queued = this.#core.spans.bytes(c + QUEUE);
    if (queued > 0 && queued + RECORD_BYTES + n > this.#core.i32[c + RECEIVE_BUFFER]!) return 1;
    return this.#core.spans.availableBytes < RECORD_BYTES + n + CHUNK ? 2 : 0;
  }

  /** Adds the `n` bytes at arena offset `at` with the record `d`. Only after refuses() said 0. */
  push(row: number, d: Datagram, at: number, n: number): void {
    const { i32, u8, spans } = this.#core;
    const r = this.#record >> 2;
    const list = this.#rows.cell(row) + QUEUE;
    i32[r] = n;
    i32[r + 1] = d.port;
    i32[r + 2] = d.iface;
    i32[r + 3] = (d.hopLimit << 8) | d.trafficClass;
    i32[r + 4] = d.src0;
    i32[r + 5] = d.src1;
    i32[r + 6] = d.src2;
    i32[r + 7] = d.src3;
    i32[r + 8] = d.dst0;
    i32[r + 9] = d.dst1;
    i32[r + 10] = d.dst2;
    i32[r + 11] = d.dst3;
    spans.append(list, u8, this.#record, RECORD_BYTES);
    spans.append(list, u8, at, n);
  }

  /** Bytes of the next datagram, or -1 if there is none. */
  nextLength(row: number): number {
    const { i32, u8, spans } = this.#core;
    const list = this.#rows.cell(row) + QUEUE;
    if (spans.bytes(list) === 0) return -1;
    spans.peek(list, u8, this.#record, 4);
    return i32[this.#record >> 2]!;
  }

  /** Copies up to `n` bytes of the next datagram to `into` at `at`, removes it, fills `d`. Returns how many, or -1. */
  shift(row: number, d: Datagram, into: Uint8Array, at: number, n: number): number {
    const { i32, u8, spans } = this.#core;
    const r = this.#record >> 2;
    const list = this.#rows.cell(row) + QUEUE;
    if (spans.bytes(list) === 0) return -1;
    spans.read(list, u8, this.#record, RECORD_BYTES);
    d.length = i32[r]!;
    d.port = i32[r + 1]!;
    d.iface = i32[r + 2]!;
    d.hopLimit = i32[r + 3]! >> 8;
    d.trafficClass = i32[r + 3]! & 0xff;
    d.src0 = i32[r + 4]!;
    d.src1 = i32[r + 5]!;
    d.src2 = i32[r + 6]!;
    d.src3 = i32[r + 7]!;
    d.dst0 = i32[r + 8]!;
    d.dst1 = i32[r + 9]!;
    d.dst2 = i32[r + 10]!;
    d.dst3 = i32[r + 11]!;
    const taken = spans.read(list, into, at, Math.min(n, d.length));
    spans.drop(list, d.length - taken);
    return taken;
  }

  /** Throws everything away. */
  clear(row: number): void {
    this.#core.spans.clear(this.#rows.cell(row) + QUEUE);
  }
}
