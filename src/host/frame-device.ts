// A Link over a descriptor that carries whole frames, each behind a virtio_net_hdr: one readv or writev a frame.
// Made by tuntap (and by tests, over packet sockets); called by the stack; calls ffi, vnet and watch.
//
// Received: a frame goes into a small frame of the arena and, if it is longer, on into a large one, so that an ACK does
// not take 64 KiB; of a superframe the first 1,920 bytes are then moved before the rest (some 40 ns for 64 KiB).
//
//   iovec 0   small frame   [ headroom ... | vnet | up to 1,920 bytes ]
//   iovec 1   large frame   [ headroom     | gap of 1,920 bytes | the rest ]
//
// Sent: the header goes into the headroom before the first piece, and writev takes all pieces from where they lie.

import { closeSync } from 'node:fs';
import {
  BATCH,
  countDrop,
  type Link,
  type LinkCaps,
  type LinkCounters,
  type LinkMemory,
  linkCounters,
  RX_SUM_PARTIAL,
  type RxBatch,
  TX_GSO_TCP4,
  TX_GSO_TCP6,
  TxBatch,
} from '../base/link.ts';
import { HEADROOM, LARGE_FRAME, SMALL_FRAME } from '../base/pool.ts';
import { addressOf, errno, errnoCode, type Libc, libc } from './ffi.ts';
import { putVnet, VNET_HEADER, vnetRxFlags } from './vnet.ts';
import { Watch } from './watch.ts';

/** Bytes of packet that fit a small frame, and a large one. */
const SMALL_ROOM = SMALL_FRAME - HEADROOM;
const LARGE_ROOM = LARGE_FRAME - HEADROOM;
/** Bounds of one receive(): frames, and bytes (superframes fill the processor's cache soon). */
const PASS_FRAMES = 64;
const PASS_BYTES = 1 << 19;
/** Pieces given to one writev; a frame of more (very short ones) is copied together. The kernel takes 1,024. */
const MAX_PIECES = 255;

const ETHERNET_HEADER = 14;
const GSO = TX_GSO_TCP4 | TX_GSO_TCP6;
/** iovecs are 16 bytes; behind them lies what nobody wants to read. */
const SCRATCH = 16 * (1 + MAX_PIECES);

const EIO = 5;
const EINTR = 4;
const EAGAIN = 11;
const EPIPE = 32;
/** What a descriptor says whose device has been deleted. */
const EBADFD = 77;

/** How to make a FrameDevice. */
export interface FrameDeviceOptions {
  /** Nonblocking; the link's from now on. */
  readonly fd: number;
  readonly memory: LinkMemory;
  readonly caps: LinkCaps;
  /** Believe the device where it says that a checksum is good. */
  readonly trustChecksums: boolean;
  /** Called once if the device disappears; the link is closed by then. */
  readonly onGone?: (() => void) | undefined;
}

export class FrameDevice implements Link {
  readonly caps: LinkCaps;
  readonly memory: LinkMemory;
  readonly counters: LinkCounters = linkCounters();
  readonly #fd: number;
  readonly #u8: Uint8Array;
  readonly #base: number;
  readonly #libc: Libc;
  readonly #trust: boolean;
  /** Bytes of frame, with the Ethernet header where there is one. */
  readonly #maxFrame: number;
  readonly #maxSuperframe: number;
  readonly #onGone: (() => void) | undefined;
  /** struct iovec[]: address and length, 64 bits each. In memory of its own whose address never changes. */
  readonly #iov: Uint32Array = new Uint32Array(new ArrayBuffer(SCRATCH + 64));
  readonly #iovAddress: number = addressOf(this.#iov);
  /** Frames that the device had no room for, in one piece each. */
  readonly #held: TxBatch = new TxBatch();
  #watch: Watch | undefined;
  #wake: () => void = () => {};
  /** room() has said 0. */
  #full = false;
  #open = true;

  constructor(options: FrameDeviceOptions) {
    this.caps = options.caps;
    this.memory = options.memory;
    this.#fd = options.fd;
    this.#u8 = options.memory.arena.u8;
    this.#base = addressOf(this.#u8);
    this.#libc = libc();
    this.#trust = options.trustChecksums;
    const header = options.caps.medium === 'ethernet' ? ETHERNET_HEADER : 0;
    this.#maxFrame = header + options.caps.mtu;
    this.#maxSuperframe = header + options.caps.gso;
    this.#onGone = options.onGone;
  }

  receive(batch: RxBatch): number {
    const { frames } = this.memory;
    let small = 0;
    let large = 0;
    let bytes = 0;
    batch.count = 0;
    for (let tries = 0; tries < PASS_FRAMES && bytes < PASS_BYTES && this.#open; tries++) {
      if (small === 0) small = frames.small.alloc();
      if (large === 0) large = frames.large.alloc();
      const length = this.#read(small, large);
      if (length < 0) break;
      if (length === 0) continue;
      bytes += length;
      if (small !== 0 && length <= SMALL_ROOM) {
        this.#accept(batch, small, small + HEADROOM, length);
        small = 0;
      } else {
        if (small !== 0) this.#u8.copyWithin(large + HEADROOM, small + HEADROOM, small + SMALL_FRAME);
        this.#accept(batch, small !== 0 ? small : large, large + HEADROOM, length);
        large = 0;
      }
    }
    if (small !== 0) frames.small.free(small);
    if (large !== 0) frames.large.free(large);
    return batch.count;
  }

  /** Enters a frame of `length` bytes at `offset`; its vnet header lies in the frame `first`. */
  #accept(batch: RxBatch, first: number, offset: number, length: number): void {
    const i = batch.count++;
    const flags = vnetRxFlags(this.#u8, first + HEADROOM - VNET_HEADER);
    batch.offset[i] = offset;
    batch.length[i] = length;
    batch.flags[i] = this.#trust ? flags : flags & RX_SUM_PARTIAL;
    this.counters.rxFrames++;
    this.counters.rxBytes += length;
  }

  /** Reads one frame into the frames given (0: none). Its length; 0: one was dropped and counted; -1: none there. */
  #read(small: number, large: number): number {
    let room = small !== 0 ? SMALL_ROOM : large !== 0 ? LARGE_ROOM : 0;
    // Without any memory the frame is read into nothing: a full queue in the kernel would keep us awake for no use.
    if (room === 0) this.#piece(0, this.#iovAddress + SCRATCH, VNET_HEADER);
    else this.#piece(0, this.#base + (small !== 0 ? small : large) + HEADROOM - VNET_HEADER, VNET_HEADER + room);
    let count = 1;
    if (small !== 0 && large !== 0) {
      this.#piece(1, this.#base + large + HEADROOM + SMALL_ROOM, LARGE_ROOM - SMALL_ROOM);
      room = LARGE_ROOM;
      count = 2;
    }
    const n = this.#libc.readv(this.#fd, this.#iovAddress, count);
    if (n <= 0) return this.#readFailed(n < 0 ? errno() : EBADFD);
    const length = n - VNET_HEADER;
    if (length > 0 && length < room) return length;
    this.#drop(length <= 0 && room > 0 ? 'short' : 'no_memory');
    return 0;
  }

  #readFailed(error: number): number {
    if (error === EBADFD) this.#gone();
    else if (error !== EAGAIN && error !== EINTR) this.#drop(`read_${errnoCode(error).toLowerCase()}`);
    return -1;
  }

  release(batch: RxBatch): void {
    for (let i = 0; i < batch.count; i++) {
      if (batch.offset[i] !== 0) this.memory.frames.free(batch.offset[i]!);
    }
    batch.count = 0;
  }

  room(): number {
    if (this.#held.count > 0) this.#flush();
    if (this.#open && this.#held.count === 0) return BATCH;
    this.#full = true;
    return 0;
  }

  transmit(batch: TxBatch): number {
    let taken = 0;
    if (this.room() > 0) {
      while (taken < batch.count && this.#send(batch, taken)) taken++;
      // The device is full: what is left waits here, and room() is 0 until it has gone.
      if (taken < batch.count && this.#open) {
        for (; taken < batch.count; taken++) this.#hold(batch, taken);
        if (this.#held.count > 0) this.#watch?.writable(true);
      }
    }
    for (let i = taken; i < batch.count; i++) {
      this.#drop(this.#open ? 'link_full' : 'link_closed');
      this.memory.frames.free(batch.offset[i]!);
    }
    batch.clear();
    return taken;
  }

  /** Sends entry `i` and frees its frame. False: the device is full (or gone), the frame still the caller's. */
  #send(batch: TxBatch, i: number): boolean {
    const total = batch.pieces[i] === 0 ? batch.length[i]! : batch.total(i);
    if (total > ((batch.flags[i]! & GSO) !== 0 ? this.#maxSuperframe : this.#maxFrame)) {
      this.#drop('too_big');
      this.memory.frames.free(batch.offset[i]!);
      return true;
    }
    if (batch.pieces[i]! > MAX_PIECES && !this.#gather(batch, i)) return true;
    const at = batch.offset[i]! - VNET_HEADER;
    const pieces = batch.pieces[i]!;
    const first = batch.firstPiece[i]!;
    putVnet(this.#u8, at, batch, i);
    this.#piece(0, this.#base + at, VNET_HEADER + batch.length[i]!);
    for (let p = 0; p < pieces; p++) {
      this.#piece(1 + p, this.#base + batch.pieceOffset[first + p]!, batch.pieceLength[first + p]!);
    }
    if (this.#libc.writev(this.#fd, this.#iovAddress, 1 + pieces) >= 0) {
      this.counters.txFrames++;
      this.counters.txBytes += total;
    } else if (!this.#writeFailed(errno())) return false;
    this.memory.frames.free(at);
    return true;
  }

  /** True: that frame is lost, the next may pass. False: nothing passes now. */
  #writeFailed(error: number): boolean {
    if (error === EAGAIN) return false;
    if (error === EBADFD || error === EPIPE) {
      this.#gone();
      return false;
    }
    // EIO: the kernel's end of the device is down.
    this.#drop(error === EIO ? 'link_down' : `write_${errnoCode(error).toLowerCase()}`);
    return true;
  }

  /** Copies entry `i`, whose pieces are too many, into one frame. False: no memory; dropped, counted and freed. */
  #gather(batch: TxBatch, i: number): boolean {
    const { frames } = this.memory;
    const frame = frames.alloc(batch.total(i));
    const old = batch.offset[i]!;
    if (frame === 0) {
      this.#drop('no_memory');
      frames.free(old);
      return false;
    }
    let at = frame + HEADROOM;
    this.#u8.copyWithin(at, old, old + batch.length[i]!);
    at += batch.length[i]!;
    const first = batch.firstPiece[i]!;
    for (let p = first; p < first + batch.pieces[i]!; p++) {
      const from = batch.pieceOffset[p]!;
      this.#u8.copyWithin(at, from, from + batch.pieceLength[p]!);
      at += batch.pieceLength[p]!;
    }
    batch.offset[i] = frame + HEADROOM;
    batch.length[i] = at - frame - HEADROOM;
    batch.pieces[i] = 0;
    frames.free(old);
    return true;
  }

  /** Keeps entry `i` until the device has room; the sender's pieces hold still only now, so they are copied. */
  #hold(batch: TxBatch, i: number): void {
    if (batch.pieces[i]! > 0 && !this.#gather(batch, i)) return;
    const held = this.#held;
    const h = held.push(batch.offset[i]!, batch.length[i]!);
    held.flags[h] = batch.flags[i]!;
    held.csumStart[h] = batch.csumStart[i]!;
    held.csumOffset[h] = batch.csumOffset[i]!;
    held.gsoSize[h] = batch.gsoSize[i]!;
    held.headerLength[h] = batch.headerLength[i]!;
  }

  /** Sends held frames, in order, as far as the device takes them. */
  #flush(): void {
    const held = this.#held;
    let sent = 0;
    while (sent < held.count && this.#send(held, sent)) held.offset[sent++] = 0;
    if (sent === 0 || !this.#open) return;
    for (const column of [held.offset, held.length, held.flags, held.csumStart, held.csumOffset, held.gsoSize]) {
      column.copyWithin(0, sent, held.count);
    }
    held.headerLength.copyWithin(0, sent, held.count);
    held.count -= sent;
    if (held.count > 0) return;
    this.#watch?.writable(false);
    if (!this.#full) return;
    this.#full = false;
    this.#wake();
  }

  wake(fn: () => void): void {
    this.#wake = fn;
    if (!this.#open || this.#watch !== undefined) return;
    this.#watch = new Watch(this.#fd, (failed) => {
      if (failed) this.#gone();
      else this.#wake();
    });
    if (this.#held.count > 0) this.#watch.writable(true);
  }

  pollAt(): number {
    return Infinity;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch?.close();
    closeSync(this.#fd);
    for (let i = 0; i < this.#held.count; i++) {
      if (this.#held.offset[i] !== 0) this.memory.frames.free(this.#held.offset[i]!);
    }
    this.#held.clear();
  }

  /** The device has been deleted. Whoever is told may close the stack, which is perhaps in the middle of a pass: later. */
  #gone(): void {
    if (!this.#open) return;
    this.close();
    if (this.#onGone !== undefined) setImmediate(this.#onGone);
  }

  #drop(reason: string): void {
    countDrop(this.counters, reason);
  }

  /** Fills iovec `i`. Storing a double into a Uint32Array keeps its low 32 bits. */
  #piece(i: number, address: number, length: number): void {
    const iov = this.#iov;
    iov[4 * i] = address;
    iov[4 * i + 1] = address / 4294967296;
    iov[4 * i + 2] = length;
    iov[4 * i + 3] = 0;
  }
}
