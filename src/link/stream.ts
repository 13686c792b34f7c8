// A link over a byte stream: raw IP packets framed by their own length, or Ethernet frames behind a length of four bytes.
// Made by whoever has a stream (socket adapts a Duplex; tunnels, phones, QEMU's `-netdev stream`); calls frame-ring, pieces.
//
//   'ip'        [ IP packet ][ IP packet ] …         IPv4 total length, IPv6 payload length + 40
//   'ethernet'  [ length, 32 bits big-endian | frame ][ length | frame ] …
//
// What arrives is given to push(), in pieces cut anywhere; what is to be sent comes out of `write`. Both ways the stream can
// be held up: push() says false while too much waits here, `write` says false and then drained() is called. Bytes that can
// start no frame mean that the stream is out of step: nothing behind them can be trusted, and the link closes.

import { put32 } from '../base/bytes.ts';
import {
  BATCH,
  countDrop,
  type Link,
  type LinkCaps,
  type LinkCounters,
  type LinkMemory,
  linkCounters,
  type RxBatch,
  type TxBatch,
} from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { FrameRing } from './frame-ring.ts';
import { copyBytes, copyFrame, discardFrames, linkHeader, releaseFrames } from './pieces.ts';
import { EthernetFraming, type Framing, IpFraming } from './stream-framing.ts';

/** How to make a stream link. */
export interface StreamLinkOptions {
  readonly memory: LinkMemory;
  /** Takes bytes to be sent, which are its own from then on; false: no more until drained() is called. */
  readonly write: (bytes: Uint8Array) => boolean;
  /** Default 'ip'. */
  readonly medium?: 'ethernet' | 'ip';
  /** The largest packet sent, default 1500. Received packets may have up to 65,535 bytes. */
  readonly mtu?: number;
  /** Frames that wait to be received before push() says false, default 512. */
  readonly queue?: number;
  /** There is room again after push() said false. */
  readonly resume?: () => void;
  /** Called once when the link has closed by itself, with the reason in one line. */
  readonly closed?: (reason: string) => void;
}

/** See the head of this file. */
export class StreamLink implements Link {
  readonly caps: LinkCaps;
  readonly memory: LinkMemory;
  readonly counters: LinkCounters = linkCounters();
  readonly #options: StreamLinkOptions;
  readonly #framing: Framing;
  readonly #queue: FrameRing;
  readonly #capacity: number;
  /** The start of a frame whose length is not known yet. */
  readonly #head: Uint8Array;
  #headBytes = 0;
  /** The frame that is arriving: where it lies (0: nowhere, it is skipped), its length, how much is there. */
  #frame = 0;
  #length = 0;
  #filled = 0;
  #wake: () => void = () => {};
  /** receive() said 0; room() said 0; push() said false; write() said false. */
  #idle = true;
  #full = false;
  #paused = false;
  #blocked = false;
  #open = true;

  constructor(options: StreamLinkOptions) {
    const { memory, medium = 'ip', mtu = 1500, queue = 512 } = options;
    this.#options = options;
    this.memory = memory;
    this.caps = { medium, mtu, gso: 0, txChecksum: 'full', gather: false, loopback: false };
    this.#framing = medium === 'ip' ? new IpFraming() : new EthernetFraming();
    this.#head = new Uint8Array(this.#framing.head);
    this.#capacity = queue;
    // One piece of the stream may hold many small frames more than are wanted.
    this.#queue = new FrameRing(queue + 2 * BATCH);
  }

  /**
   * Bytes that have arrived. All are taken (the caller may use their memory again); false: hold the stream up until
   * `resume` is called. Frames for which there is no memory or no room in spite of that are dropped and counted.
   */
  push(bytes: Uint8Array): boolean {
    let at = 0;
    while (at < bytes.length && this.#open) {
      at = this.#length === 0 ? this.#readHead(bytes, at) : this.#readFrame(bytes, at);
    }
    if (this.#idle && this.#queue.count > 0) {
      this.#idle = false;
      this.#wake();
    }
    this.#paused = this.#open && this.#queue.count >= this.#capacity;
    return !this.#paused;
  }

  /** The stream takes more after write() said false. */
  drained(): void {
    this.#blocked = false;
    if (!this.#full) return;
    this.#full = false;
    this.#wake();
  }

  /** The stream has ended: closes the link, with `reason` for `closed`. */
  end(reason: string): void {
    if (!this.#open) return;
    this.close();
    this.#options.closed?.(reason);
  }

  /** Reads on until the length of the next frame is known; returns where the rest begins. */
  #readHead(bytes: Uint8Array, at: number): number {
    const framing = this.#framing;
    const take = Math.min(framing.head - this.#headBytes, bytes.length - at);
    copyBytes(bytes, at, this.#head, this.#headBytes, take);
    this.#headBytes += take;
    const length = framing.length(this.#head, 0, this.#headBytes);
    if (length < 0) this.end(`the stream is out of step: ${framing.problem}`);
    else if (length > 0) this.#begin(length);
    return at + take;
  }

  /** Gets memory for a frame of `length` bytes and puts in it what the head has of it. */
  #begin(length: number): void {
    const { frames, arena } = this.memory;
    const frame = frames.alloc(length);
    if (frame === 0) countDrop(this.counters, 'no_memory');
    this.#frame = frame;
    this.#length = length;
    this.#filled = this.#framing.keepsHead ? this.#headBytes : 0;
    if (frame !== 0 && this.#filled > 0) copyBytes(this.#head, 0, arena.u8, frame + HEADROOM, this.#filled);
    this.#headBytes = 0;
  }

  #readFrame(bytes: Uint8Array, at: number): number {
    const take = Math.min(this.#length - this.#filled, bytes.length - at);
    if (this.#frame !== 0) copyBytes(bytes, at, this.memory.arena.u8, this.#frame + HEADROOM + this.#filled, take);
    this.#filled += take;
    if (this.#filled === this.#length) this.#finish();
    return at + take;
  }

  #finish(): void {
    const frame = this.#frame;
    if (frame !== 0 && !this.#queue.push(frame + HEADROOM, this.#length, 0)) {
      this.memory.frames.free(frame);
      countDrop(this.counters, 'link_full');
    }
    this.#frame = 0;
    this.#length = 0;
  }

  receive(batch: RxBatch): number {
    this.counters.rxBytes += this.#queue.receive(batch);
    this.counters.rxFrames += batch.count;
    this.#idle = batch.count === 0;
    if (this.#paused && this.#queue.count <= this.#capacity >> 1) {
      this.#paused = false;
      this.#options.resume?.();
    }
    return batch.count;
  }

  release(batch: RxBatch): void {
    releaseFrames(this.memory, batch);
  }

  room(): number {
    const room = this.#open && !this.#blocked ? BATCH : 0;
    if (room === 0) this.#full = true;
    return room;
  }

  transmit(batch: TxBatch): number {
    const n = this.#open && !this.#blocked ? batch.count : 0;
    const limit = linkHeader(this.caps.medium) + this.caps.mtu;
    let bytes = 0;
    let taken = 0;
    for (let i = 0; i < n; i++) {
      const total = batch.total(i);
      if (!this.#fits(batch, i, total, limit)) {
        countDrop(this.counters, total > limit ? 'too_big' : 'bad_length');
        this.memory.frames.free(batch.offset[i]!);
        batch.offset[i] = 0;
        continue;
      }
      taken++;
      bytes += total;
    }
    if (taken > 0) this.#write(batch, n, bytes + taken * this.#framing.prefix);
    for (let i = n; i < batch.count; i++) countDrop(this.counters, this.#open ? 'link_full' : 'link_closed');
    discardFrames(this.memory, batch, n);
    this.counters.txFrames += taken;
    this.counters.txBytes += bytes;
    return taken;
  }

  /** Whether the other end would find the end of frame `i`, and it is not too long. */
  #fits(batch: TxBatch, i: number, total: number, limit: number): boolean {
    if (total > limit || total === 0) return false;
    const framing = this.#framing;
    if (!framing.keepsHead) return true;
    return framing.length(this.memory.arena.u8, batch.offset[i]!, Math.min(batch.length[i]!, framing.head)) === total;
  }

  /** One piece of memory for all frames of the batch: the stream keeps it as long as it likes. */
  #write(batch: TxBatch, n: number, bytes: number): void {
    const out = new Uint8Array(bytes);
    const { u8 } = this.memory.arena;
    const { prefix } = this.#framing;
    let at = 0;
    for (let i = 0; i < n; i++) {
      if (batch.offset[i] === 0) continue;
      const total = batch.total(i);
      if (prefix === 4) put32(out, at, total);
      copyFrame(u8, batch, i, out, at + prefix);
      this.memory.frames.free(batch.offset[i]!);
      at += prefix + total;
    }
    if (!this.#options.write(out)) this.#blocked = true;
  }

  wake(fn: () => void): void {
    this.#wake = fn;
    if (this.#queue.count > 0) fn();
  }

  pollAt(): number {
    return Infinity;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    const { frames } = this.memory;
    if (this.#frame !== 0) frames.free(this.#frame);
    this.#frame = 0;
    this.#paused = false;
    for (let at = this.#queue.shift(); at !== 0; at = this.#queue.shift()) frames.free(at);
  }
}

/** A link over a byte stream, of which `options.write` is the way out and push() the way in. */
export function streamLink(options: StreamLinkOptions): StreamLink {
  return new StreamLink(options);
}
