// A host's end of a simulated link, as the host's stack sees it: a Link whose frames are IP packets.
// Made by host.ts; called by the stack's pass; calls the line that leads away, link's segmenter and pieces.
//
// Packets are copied: out of the stack's arena into the net's, where they stay until they have arrived, and from there into the
// frame of the receiving stack. So a path may hold more packets than either stack has frames.

import {
  BATCH,
  countDrop,
  type Link,
  type LinkCaps,
  type LinkCounters,
  type LinkMemory,
  linkCounters,
  type RxBatch,
  TX_GSO_TCP4,
  TX_GSO_TCP6,
  TX_SUM_PARTIAL,
  type TxBatch,
} from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { FrameRing } from '../link/frame-ring.ts';
import { completeChecksum } from '../link/offload.ts';
import { copyBytes, copyFrame, discardFrames, releaseFrames } from '../link/pieces.ts';
import { Segmenter } from '../link/segment.ts';
import type { Line } from './line.ts';
import type { Net } from './net.ts';

/** Packets that have arrived and wait for the stack's pass at most: what a network card's ring holds. */
const RING = 4096;

const GSO = TX_GSO_TCP4 | TX_GSO_TCP6;

/** What a host's network card can do. */
export interface NicOptions {
  /** The largest superframe it cuts into packets of the wire, default 0: the stack makes each segment itself. */
  readonly gso?: number;
}

export class Nic implements Link {
  readonly caps: LinkCaps;
  readonly memory: LinkMemory;
  readonly counters: LinkCounters = linkCounters();
  readonly #net: Net;
  readonly #line: Line;
  readonly #ring: FrameRing = new FrameRing(RING);
  readonly #segmenter: Segmenter | null;
  #open = true;

  /** `line` leads away from the host. */
  constructor(net: Net, memory: LinkMemory, line: Line, options: NicOptions) {
    const { gso = 0 } = options;
    this.#net = net;
    this.#line = line;
    this.memory = memory;
    this.caps = {
      medium: 'ip',
      mtu: line.mtu,
      gso,
      txChecksum: gso > 0 ? 'partial' : 'full',
      gather: false,
      loopback: false,
    };
    this.#segmenter = gso > 0 ? new Segmenter(net.memory, 'ip', net.memory.sums) : null;
  }

  /** Packets that wait for the stack's pass. */
  get waiting(): number {
    return this.#ring.count;
  }

  /** A packet has come out of the line that leads here: it is copied into a frame of the stack's, or dropped if there is none. */
  arrive(slot: number, length: number): void {
    const { frames, arena } = this.memory;
    const frame = this.#open ? frames.alloc(length) : 0;
    if (frame === 0) countDrop(this.counters, this.#open ? 'no_memory' : 'link_closed');
    else {
      copyBytes(this.#net.u8, slot, arena.u8, frame + HEADROOM, length);
      if (!this.#ring.push(frame + HEADROOM, length, 0)) {
        countDrop(this.counters, 'link_full');
        frames.free(frame);
      }
    }
    this.#net.free(slot);
  }

  receive(batch: RxBatch): number {
    this.counters.rxBytes += this.#ring.receive(batch);
    this.counters.rxFrames += batch.count;
    return batch.count;
  }

  release(batch: RxBatch): void {
    releaseFrames(this.memory, batch);
  }

  /** The line has a queue of its own, which drops. */
  room(): number {
    return this.#open ? BATCH : 0;
  }

  transmit(batch: TxBatch): number {
    let taken = 0;
    if (this.#open) {
      for (let i = 0; i < batch.count; i++) if (this.#send(batch, i)) taken++;
    }
    discardFrames(this.memory, batch, 0);
    this.counters.txFrames += taken;
    return taken;
  }

  #send(batch: TxBatch, i: number): boolean {
    const total = batch.pieces[i] === 0 ? batch.length[i]! : batch.total(i);
    const gso = this.#segmenter !== null && (batch.flags[i]! & GSO) !== 0;
    if (total > (gso ? this.caps.gso : this.caps.mtu)) {
      countDrop(this.counters, 'too_big');
      return false;
    }
    const net = this.#net;
    this.counters.txBytes += total;
    const slot = net.take(total);
    copyFrame(this.memory.arena.u8, batch, i, net.u8, slot);
    if (gso) this.#cut(slot, total, batch.gsoSize[i]!);
    else {
      if (this.#segmenter !== null && (batch.flags[i]! & TX_SUM_PARTIAL) !== 0) {
        completeChecksum(net.u8, net.memory.sums, slot + batch.csumStart[i]!, batch.csumOffset[i]!, slot + total);
      }
      this.#line.send(slot, total);
    }
    return true;
  }

  /** On the wire there are packets of its own size only: each is queued, lost and delayed alone. */
  #cut(slot: number, length: number, size: number): void {
    const net = this.#net;
    const segmenter = this.#segmenter!;
    const count = segmenter.begin(slot, length, size);
    for (let i = 0; i < count; i++) {
      const at = net.take(segmenter.length(i));
      this.#line.send(at, segmenter.write(i, at));
    }
    net.free(slot);
  }

  /** The host asks for itself whether packets wait. */
  wake(): void {}

  pollAt(): number {
    return Infinity;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (let at = this.#ring.shift(); at !== 0; at = this.#ring.shift()) this.memory.frames.free(at);
  }
}
