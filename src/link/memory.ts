// The memory link: two ends in one process, each the other's wire. For tests, simulations, benchmarks and the browser.
// Called by whoever connects two stacks, and by loopback; calls segment, pieces and frame-ring.
//
//   end A                                            end B
//   transmit ──► frame of B's Frames ──► ring of B ──► receive
//   receive  ◄── ring of A ◄── frame of A's Frames ◄── transmit
//
// A frame is copied once, into a frame of the receiver's. Ends that share their Frames pass the frame itself on: only
// pieces are copied, behind the header. A wire without a reader fills up; one whose other end is closed loses everything.

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
  TX_SUM_PARTIAL,
  type TxBatch,
} from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { FrameRing } from './frame-ring.ts';
import { copyFrame, discardFrames, joinFrame, linkHeader, releaseFrames } from './pieces.ts';
import { Segmenter } from './segment.ts';

const GSO = TX_GSO_TCP4 | TX_GSO_TCP6;
/** Segments that a superframe may run over the end of a queue: 64 KiB in pieces of 536 bytes. */
const OVERRUN = 128;

/** What both ends have in common. */
export interface MemoryLinkSettings {
  /** Default 'ip'. */
  readonly medium?: 'ethernet' | 'ip';
  /** Default 1500. */
  readonly mtu?: number;
  /** The largest superframe either end takes (bytes of IP packet), default 0: none. */
  readonly gso?: number;
  /** 'partial': frames may come with RX_SUM_PARTIAL, as over veth. Default 'full'. */
  readonly txChecksum?: 'full' | 'partial';
  /** 127.0.0.0/8 and ::1 are legal on it. Default false. */
  readonly loopback?: boolean;
  /** Frames that wait for each end at most, default 1024. */
  readonly queue?: number;
}

/** How to make a pair. The ends may share their memory, or only their arena, or nothing. */
export interface MemoryLinkOptions extends MemoryLinkSettings {
  readonly a: LinkMemory;
  readonly b: LinkMemory;
  /** Whether A receives B's superframes whole, as over veth (default); otherwise they are cut to segments for it. */
  readonly wholeToA?: boolean;
  readonly wholeToB?: boolean;
}

/** A wire between two stacks: what is sent into one end is received from the other. */
export function memoryLink(options: MemoryLinkOptions): [Link, Link] {
  const a = new MemoryEnd(options.a, options, options.wholeToA ?? true);
  const b = new MemoryEnd(options.b, options, options.wholeToB ?? true);
  a.connect(b);
  b.connect(a);
  return [a, b];
}

/** One end. Made by memoryLink, and by loopbackLink as its own other end. */
export class MemoryEnd implements Link {
  readonly caps: LinkCaps;
  readonly memory: LinkMemory;
  readonly counters: LinkCounters = linkCounters();
  readonly #queue: FrameRing;
  readonly #capacity: number;
  readonly #whole: boolean;
  readonly #header: number;
  #peer: MemoryEnd = this;
  #segmenter: Segmenter | undefined;
  #wake: () => void = () => {};
  /** receive() said 0: the next frame calls wake(). */
  #idle = true;
  /** room() said 0: the next frame that the peer receives calls wake(). */
  #full = false;
  #open = true;

  constructor(memory: LinkMemory, settings: MemoryLinkSettings, whole: boolean) {
    const { medium = 'ip', mtu = 1500, gso = 0, txChecksum = 'full', loopback = false, queue = 1024 } = settings;
    this.memory = memory;
    this.caps = { medium, mtu, gso, txChecksum, gather: false, loopback };
    this.#header = linkHeader(medium);
    this.#capacity = queue;
    this.#queue = new FrameRing(gso > 0 && !whole ? queue + OVERRUN : queue);
    this.#whole = whole;
  }

  /** Says where this end's frames go. Once, before anything else. */
  connect(peer: MemoryEnd): void {
    this.#peer = peer;
  }

  receive(batch: RxBatch): number {
    batch.count = 0;
    if (this.#queue.count === 0) {
      this.#idle = true;
      return 0;
    }
    this.counters.rxBytes += this.#queue.receive(batch);
    this.counters.rxFrames += batch.count;
    const peer = this.#peer;
    if (peer.#full && this.#queue.count < this.#capacity) {
      peer.#full = false;
      peer.#wake();
    }
    return batch.count;
  }

  release(batch: RxBatch): void {
    releaseFrames(this.memory, batch);
  }

  room(): number {
    if (!this.#open) return 0;
    const free = this.#peer.#room();
    if (free === 0) this.#full = true;
    return free;
  }

  /** Frames that this end would still queue. Once closed it takes and loses all of them. */
  #room(): number {
    return this.#open ? Math.max(0, this.#capacity - this.#queue.count) : BATCH;
  }

  transmit(batch: TxBatch): number {
    let taken = 0;
    let bytes = 0;
    const n = this.#open ? batch.count : 0;
    for (let i = 0; i < n; i++) {
      const total = batch.pieces[i] === 0 ? batch.length[i]! : batch.total(i);
      if (!this.#send(batch, i, total)) continue;
      taken++;
      bytes += total;
    }
    for (let i = n; i < batch.count; i++) countDrop(this.counters, 'link_closed');
    discardFrames(this.memory, batch, n);
    this.counters.txFrames += taken;
    this.counters.txBytes += bytes;
    if (taken > 0) this.#peer.#arrived();
    return taken;
  }

  #arrived(): void {
    if (!this.#idle || this.#queue.count === 0) return;
    this.#idle = false;
    this.#wake();
  }

  /** Takes entry `i`, of `total` bytes, out of the sender's hands; false if it was dropped on this side. */
  #send(batch: TxBatch, i: number, total: number): boolean {
    const peer = this.#peer;
    const gso = this.caps.gso > 0 && (batch.flags[i]! & GSO) !== 0;
    if (total - this.#header > (gso ? this.caps.gso : this.caps.mtu)) return this.#drop(batch.offset[i]!, 'too_big');
    if (peer.#room() === 0) return this.#drop(batch.offset[i]!, 'link_full');
    const at = this.#pass(batch, i, total);
    if (at === 0) {
      // The wire has taken it: it is the receiver who has no memory.
      countDrop(peer.counters, 'no_memory');
      return true;
    }
    if (!peer.#open) {
      countDrop(this.counters, 'link_closed');
      peer.memory.frames.free(at);
    } else if (gso && !peer.#whole) peer.#cut(at, total, batch.gsoSize[i]!);
    else {
      const partial = gso || (this.caps.txChecksum === 'partial' && (batch.flags[i]! & TX_SUM_PARTIAL) !== 0);
      peer.#queue.push(at, total, partial ? RX_SUM_PARTIAL : 0);
    }
    return true;
  }

  #drop(offset: number, why: string): false {
    this.memory.frames.free(offset);
    countDrop(this.counters, why);
    return false;
  }

  /** Entry `i` as one piece in a frame of the peer's; where it lies, or 0. The sender's frame is gone either way. */
  #pass(batch: TxBatch, i: number, total: number): number {
    const { frames, arena } = this.#peer.memory;
    if (frames === this.memory.frames) return joinFrame(this.memory, batch, i, total);
    const frame = frames.alloc(total);
    if (frame !== 0) copyFrame(this.memory.arena.u8, batch, i, arena.u8, frame + HEADROOM);
    this.memory.frames.free(batch.offset[i]!);
    return frame === 0 ? 0 : frame + HEADROOM;
  }

  /** Queues the segments of the superframe at `offset`, which is this end's, and frees it. */
  #cut(offset: number, length: number, size: number): void {
    const { frames } = this.memory;
    this.#segmenter ??= new Segmenter(this.memory, this.caps.medium);
    const segmenter = this.#segmenter;
    const count = segmenter.begin(offset, length, size);
    if (count === 0) countDrop(this.counters, 'malformed');
    for (let i = 0; i < count; i++) {
      const frame = frames.alloc(segmenter.length(i));
      if (frame === 0) countDrop(this.counters, 'no_memory');
      else if (!this.#queue.push(frame + HEADROOM, segmenter.write(i, frame + HEADROOM), 0)) {
        frames.free(frame);
        countDrop(this.counters, 'link_full');
      }
    }
    frames.free(offset);
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
    for (let at = this.#queue.shift(); at !== 0; at = this.#queue.shift()) this.memory.frames.free(at);
    // From now on there is room without end.
    const peer = this.#peer;
    if (peer.#full && peer.#open) {
      peer.#full = false;
      peer.#wake();
    }
  }
}
