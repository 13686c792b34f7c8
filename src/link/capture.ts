// A wrapper that records every frame of a link, both ways, as pcapng with nanoseconds: what Wireshark and tcpdump open.
// Made by `--capture`, tests and simulations; calls the inner link, wire/pcapng and offload.
//
// Files are the business of whoever gives the sink. The frames themselves pass untouched; only in the record checksums that
// were left to a device are complete, so that nobody is shown a bad one. A superframe is one packet of the record. Of what
// the stack sends, the frames that the link has room for are recorded.

import { put16 } from '../base/bytes.ts';
import {
  type Link,
  RX_SUM_PARTIAL,
  type RxBatch,
  TX_GSO_TCP4,
  TX_GSO_TCP6,
  TX_SUM_PARTIAL,
  type TxBatch,
} from '../base/link.ts';
import type { Clock } from '../base/time.ts';
import { Checksum, combine } from '../wire/checksum.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  PCAPNG_INBOUND,
  PCAPNG_OUTBOUND,
  PCAPNG_PACKET_HEAD,
  pcapngInterface,
  pcapngPacketRoom,
  pcapngSection,
  putPcapngHead,
  putPcapngTail,
} from '../wire/pcapng.ts';
import { finishChecksum, Transport } from './offload.ts';
import { WrappedLink } from './wrapped.ts';

const DEFERRED = TX_SUM_PARTIAL | TX_GSO_TCP4 | TX_GSO_TCP6;
/** The wall clock was set if it is this far (ms) from where the monotonic one says. */
const STEP = 1000;

/** How to record. */
export interface CaptureOptions {
  /** Takes whole blocks, in order, to keep: the file's head at once, then one call for each batch of frames. */
  readonly sink: (bytes: Uint8Array) => void;
  readonly clock: Clock;
  /** Bytes kept of a frame, default 0: all. */
  readonly snapLength?: number;
  /** Name of the interface in the file, default `ring3`. */
  readonly name?: string;
  /** Name of the program in the file, default `ring3`. */
  readonly application?: string;
}

/** A link with a recorder: see the head of this file. */
export class CaptureLink extends WrappedLink {
  readonly #sink: (bytes: Uint8Array) => void;
  readonly #clock: Clock;
  readonly #snap: number;
  readonly #sums: Checksum;
  readonly #transport: Transport = new Transport();
  /** The wall time that belongs to a monotonic time: whole seconds, nanoseconds, and the monotonic us. */
  #seconds = 0;
  #nanoseconds = 0;
  #anchor = Number.NaN;
  /** Time of the batch that is being recorded. */
  #nowSeconds = 0;
  #nowNanoseconds = 0;

  constructor(inner: Link, options: CaptureOptions) {
    super(inner);
    this.#sink = options.sink;
    this.#clock = options.clock;
    const { snapLength = 0, name = 'ring3', application = 'ring3' } = options;
    this.#snap = snapLength > 0 ? snapLength : Infinity;
    this.#sums = new Checksum(inner.memory.arena.memory);
    this.#sink(pcapngSection(application));
    const type = inner.caps.medium === 'ethernet' ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
    this.#sink(pcapngInterface(type, snapLength, name));
  }

  override receive(batch: RxBatch): number {
    const n = this.inner.receive(batch);
    if (n > 0) this.#recordReceived(batch, n);
    return n;
  }

  override transmit(batch: TxBatch): number {
    const n = Math.min(batch.count, this.inner.room());
    if (n > 0) this.#recordSent(batch, n);
    return this.inner.transmit(batch);
  }

  #recordReceived(batch: RxBatch, n: number): void {
    const { u8 } = this.memory.arena;
    let room = 0;
    for (let i = 0; i < n; i++) room += pcapngPacketRoom(Math.min(batch.length[i]!, this.#snap), '');
    const out = new Uint8Array(room);
    this.#readClock();
    let at = 0;
    for (let i = 0; i < n; i++) {
      const offset = batch.offset[i]!;
      const length = batch.length[i]!;
      const captured = Math.min(length, this.#snap);
      this.#putHead(out, at, captured, length);
      const data = at + PCAPNG_PACKET_HEAD;
      out.set(u8.subarray(offset, offset + captured), data);
      if ((batch.flags[i]! & RX_SUM_PARTIAL) !== 0) this.#completeReceived(out, data, captured, offset, length);
      at += putPcapngTail(out, at, captured, PCAPNG_INBOUND, '');
    }
    this.#sink(out.subarray(0, at));
  }

  #completeReceived(out: Uint8Array, data: number, captured: number, offset: number, length: number): void {
    const transport = this.#transport;
    if (!transport.find(this.memory.arena.u8, offset, length, this.caps.medium)) return;
    const { start, field, end } = transport;
    if (field - offset + 2 > captured) return;
    put16(out, data + field - offset, finishChecksum(this.#sums.sum(start, end - start), field - start));
  }

  #recordSent(batch: TxBatch, n: number): void {
    let room = 0;
    for (let i = 0; i < n; i++) room += pcapngPacketRoom(Math.min(batch.total(i), this.#snap), '');
    const out = new Uint8Array(room);
    this.#readClock();
    let at = 0;
    for (let i = 0; i < n; i++) {
      const total = batch.total(i);
      const captured = Math.min(total, this.#snap);
      this.#putHead(out, at, captured, total);
      this.#copyPieces(out, at + PCAPNG_PACKET_HEAD, captured, batch, i);
      if ((batch.flags[i]! & DEFERRED) !== 0) this.#completeSent(out, at + PCAPNG_PACKET_HEAD, captured, batch, i);
      at += putPcapngTail(out, at, captured, PCAPNG_OUTBOUND, '');
    }
    this.#sink(out.subarray(0, at));
  }

  #copyPieces(out: Uint8Array, at: number, captured: number, batch: TxBatch, i: number): void {
    const { u8 } = this.memory.arena;
    let left = captured;
    for (let p = -1; p < batch.pieces[i]! && left > 0; p++) {
      const piece = batch.firstPiece[i]! + p;
      const from = p < 0 ? batch.offset[i]! : batch.pieceOffset[piece]!;
      const n = Math.min(left, p < 0 ? batch.length[i]! : batch.pieceLength[piece]!);
      out.set(u8.subarray(from, from + n), at);
      at += n;
      left -= n;
    }
  }

  /** Sums the frame where it lies, since the record may hold only its beginning. */
  #completeSent(out: Uint8Array, data: number, captured: number, batch: TxBatch, i: number): void {
    const start = batch.csumStart[i]!;
    const field = start + batch.csumOffset[i]!;
    if (field + 2 > captured) return;
    let sum = this.#sums.sum(batch.offset[i]! + start, batch.length[i]! - start);
    let odd = ((batch.length[i]! - start) & 1) !== 0;
    const first = batch.firstPiece[i]!;
    for (let p = first; p < first + batch.pieces[i]!; p++) {
      sum = combine(sum, this.#sums.sum(batch.pieceOffset[p]!, batch.pieceLength[p]!), odd);
      if ((batch.pieceLength[p]! & 1) !== 0) odd = !odd;
    }
    put16(out, data + field, finishChecksum(sum, batch.csumOffset[i]!));
  }

  #putHead(out: Uint8Array, at: number, captured: number, length: number): void {
    putPcapngHead(out, at, 0, this.#nowSeconds, this.#nowNanoseconds, captured, length);
  }

  /** Wall time with the steadiness of the monotonic clock; taken anew when somebody has set the wall clock. */
  #readClock(): void {
    const now = this.#clock.monotonic();
    const wall = this.#clock.wall();
    const expected = this.#seconds * 1e3 + this.#nanoseconds / 1e6 + (now - this.#anchor) / 1e3;
    if (!(Math.abs(wall - expected) < STEP)) {
      this.#anchor = now;
      this.#seconds = Math.floor(wall / 1e3);
      this.#nanoseconds = Math.round((wall - this.#seconds * 1e3) * 1e6);
    }
    const since = Math.max(0, now - this.#anchor);
    const whole = Math.floor(since / 1e6);
    const nanoseconds = this.#nanoseconds + Math.round((since - whole * 1e6) * 1e3);
    const carry = Math.floor(nanoseconds / 1e9);
    this.#nowSeconds = this.#seconds + whole + carry;
    this.#nowNanoseconds = nanoseconds - carry * 1e9;
  }
}

/** Wraps `inner` so that all its frames are recorded to `options.sink`. */
export function captureLink(inner: Link, options: CaptureOptions): CaptureLink {
  return new CaptureLink(inner, options);
}
