// The base of wrappers that hold frames back: both directions through queues in time, offloads undone.
// Extended by fault and shape, which say what happens to each frame; calls the inner link, delay-queue, offload, segment.
//
//   up    inner.receive ──► checksum completed, superframe cut ──► admit() ──► queue ──► receive()
//   down  transmit() ──► pieces joined ──► admit() ──► queue ──► inner.transmit, as far as it has room
//
// Frames in the queues lie in the link's own Frames. A full queue holds up what comes behind it: above, room() says 0;
// below, frames stay in the inner link.

import { BATCH, countDrop, type Link, linkCounters, RX_SUM_PARTIAL, RxBatch, TxBatch } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import type { Clock } from '../base/time.ts';
import { Checksum } from '../wire/checksum.ts';
import { DelayQueue } from './delay-queue.ts';
import { completeReceived, Transport } from './offload.ts';
import { discardFrames, joinFrame, linkHeader, releaseFrames } from './pieces.ts';
import { Segmenter } from './segment.ts';
import { WrappedLink } from './wrapped.ts';

/** Frames that wait in each direction at most, unless its maker says otherwise. */
export const HOLD_FRAMES = 8192;
/** Places kept for what one batch can become: duplicates. */
const RESERVE = BATCH;

export abstract class HoldingLink extends WrappedLink {
  protected readonly clock: Clock;
  /** Frames on their way up to the stack, and down to the inner link. */
  protected readonly up: DelayQueue;
  protected readonly down: DelayQueue;
  protected readonly sums: Checksum;
  readonly #in: RxBatch = new RxBatch();
  readonly #out: TxBatch = new TxBatch();
  readonly #transport: Transport = new Transport();
  readonly #segmenter: Segmenter;
  readonly #limit: number;
  #wake: () => void = () => {};
  /** room() said 0. */
  #full = false;
  /** The inner link's room() said 0 while frames were due: its wake() will bring us back. */
  #blocked = false;
  #open = true;

  constructor(inner: Link, clock: Clock, frames: number = HOLD_FRAMES) {
    // Counted is what passes on this side of the wrapper; the record of drops is the inner link's, ours are added to it.
    const counters = { ...linkCounters(), drops: inner.counters.drops };
    super(inner, { ...inner.caps, gso: 0, txChecksum: 'full', gather: false }, counters);
    this.clock = clock;
    this.up = new DelayQueue(frames);
    this.down = new DelayQueue(frames);
    this.sums = new Checksum(inner.memory.arena.memory);
    this.#segmenter = new Segmenter(inner.memory, inner.caps.medium, this.sums);
    this.#limit = linkHeader(inner.caps.medium) + inner.caps.mtu;
  }

  /**
   * Decides about one frame, which is the wrapper's now: puts it into `queue` with the time at which it goes on (and perhaps
   * more frames), or drops it. `queue` is `this.up` or `this.down`.
   */
  protected abstract admit(queue: DelayQueue, offset: number, length: number, flags: number, now: number): void;

  /** Puts what is due of frames held elsewhere into the queues. */
  protected tick(_now: number): void {}

  /** When tick() has something to do, or Infinity. */
  protected heldUntil(): number {
    return Infinity;
  }

  /** Frames held elsewhere that will go into `queue`. */
  protected held(_queue: DelayQueue): number {
    return 0;
  }

  /** Frees frames held elsewhere: the link is closed. */
  protected discardHeld(): void {}

  /** Puts a frame into a queue; it is dropped where there is no room (what a burst of superframes was cut into). */
  protected enqueue(queue: DelayQueue, due: number, offset: number, length: number, flags: number): void {
    if (!queue.push(due, offset, length, flags)) this.drop(offset, 'hold_full');
  }

  /** Frees a frame and counts why. */
  protected drop(offset: number, why: string): void {
    this.memory.frames.free(offset);
    countDrop(this.counters, why);
  }

  override receive(batch: RxBatch): number {
    batch.count = 0;
    if (!this.#open) return 0;
    const now = this.clock.monotonic();
    this.tick(now);
    this.#flush(now);
    this.#pull(now);
    const { up } = this;
    let n = 0;
    while (n < BATCH && up.due <= now) {
      up.pop();
      batch.offset[n] = up.offset;
      batch.length[n] = up.length;
      batch.flags[n] = up.flags;
      this.counters.rxBytes += up.length;
      n++;
    }
    this.counters.rxFrames += n;
    batch.count = n;
    return n;
  }

  override release(batch: RxBatch): void {
    releaseFrames(this.memory, batch);
  }

  /** Takes frames from the inner link until it has none (so that its wake() is armed), a batch is due, or the queue is full. */
  #pull(now: number): void {
    const { up } = this;
    const batch = this.#in;
    while (this.#places(up) >= BATCH) {
      const n = this.inner.receive(batch);
      if (n === 0) return;
      for (let i = 0; i < n; i++) {
        this.#accept(batch.offset[i]!, batch.length[i]!, batch.flags[i]!, now);
        batch.offset[i] = 0;
      }
      this.inner.release(batch);
      if (up.count >= BATCH && up.due <= now) return;
    }
  }

  /** Undoes what a local kernel left undone in a received frame, and lets the wrapper decide about what comes of it. */
  #accept(offset: number, length: number, flags: number, now: number): void {
    const { arena, frames } = this.memory;
    const count = length > this.#limit ? this.#segmenter.beginMtu(offset, length, this.caps.mtu) : 0;
    if (count < 2) {
      if ((flags & RX_SUM_PARTIAL) !== 0) {
        completeReceived(arena.u8, this.sums, this.#transport, offset, length, this.caps.medium);
        flags &= ~RX_SUM_PARTIAL;
      }
      this.admit(this.up, offset, length, flags, now);
      return;
    }
    for (let i = 0; i < count; i++) {
      const frame = frames.alloc(this.#segmenter.length(i));
      if (frame === 0) countDrop(this.counters, 'no_memory');
      else this.admit(this.up, frame + HEADROOM, this.#segmenter.write(i, frame + HEADROOM), 0, now);
    }
    frames.free(offset);
  }

  #places(queue: DelayQueue): number {
    return Math.max(0, queue.free - this.held(queue) - RESERVE);
  }

  override room(): number {
    if (!this.#open) return 0;
    if (this.#blocked) this.#flush(this.clock.monotonic());
    const room = this.#places(this.down);
    if (room === 0) this.#full = true;
    return room;
  }

  override transmit(batch: TxBatch): number {
    const n = this.#open ? Math.min(batch.count, this.#places(this.down)) : 0;
    const now = this.clock.monotonic();
    let taken = 0;
    for (let i = 0; i < n; i++) {
      const total = batch.total(i);
      if (total > this.#limit) {
        this.drop(batch.offset[i]!, 'too_big');
        continue;
      }
      const at = joinFrame(this.memory, batch, i, total);
      if (at === 0) {
        countDrop(this.counters, 'no_memory');
        continue;
      }
      taken++;
      this.counters.txBytes += total;
      this.admit(this.down, at, total, 0, now);
    }
    this.counters.txFrames += taken;
    for (let i = n; i < batch.count; i++) countDrop(this.counters, this.#open ? 'link_full' : 'link_closed');
    discardFrames(this.memory, batch, n);
    if (this.#open) this.#flush(now);
    return taken;
  }

  /** Hands what is due to the inner link, as far as that has room. */
  #flush(now: number): void {
    const { down } = this;
    const batch = this.#out;
    this.#blocked = false;
    while (down.due <= now) {
      const room = Math.min(this.inner.room(), BATCH);
      if (room === 0) {
        this.#blocked = true;
        break;
      }
      while (batch.count < room && down.due <= now) {
        down.pop();
        batch.push(down.offset, down.length);
      }
      this.inner.transmit(batch);
    }
    // A wrapper inside has frames of its own to move, even while we take nothing from it.
    if (this.inner.pollAt() <= now) this.inner.transmit(batch);
    if (this.#full && this.#places(down) > 0) {
      this.#full = false;
      this.#wake();
    }
  }

  override wake(fn: () => void): void {
    this.#wake = fn;
    this.inner.wake(fn);
    if (this.up.due <= this.clock.monotonic()) fn();
  }

  override pollAt(): number {
    if (!this.#open) return Infinity;
    const down = this.#blocked ? Infinity : this.down.due;
    return Math.min(this.up.due, down, this.heldUntil(), this.inner.pollAt());
  }

  override close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const queue of [this.up, this.down]) while (queue.pop()) this.memory.frames.free(queue.offset);
    this.discardHeld();
    this.inner.close();
  }
}
