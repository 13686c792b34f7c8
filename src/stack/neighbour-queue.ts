// Packets that wait for the MAC address of their next hop: a short queue for each neighbour, one pool for all.
// Called by neighbours only; calls the interface's batch and the frame pool.
//
// A queue is four cells of the neighbour's row: [first item | last item | datagrams | frames]. An item is a row of the
// pool: [next item | offset of the IP packet | its length]. Fragments of one datagram follow one another and go
// together.

import { get16 } from '../base/bytes.ts';
import { DROP_NEIGHBOUR_QUEUE_FULL, DROP_NEIGHBOUR_UNREACHABLE } from '../base/drop.ts';
import { Rows } from '../base/rows.ts';
import { ETH_HEADER_LENGTH, ETHERTYPE_IP4, ETHERTYPE_IP6, putEthHeader } from '../wire/eth.ts';
import { IP6_HEADER_LENGTH, PROTO_IP6_FRAGMENT } from '../wire/ip6.ts';
import type { Core } from './core.ts';
import type { Interface } from './interface.ts';

/** Cells that a queue takes in its neighbour's row. */
export const QUEUE_CELLS = 4;
/** Frames that wait for one neighbour, fragments included (64 KiB at a path MTU of 1280 is 54), and for all of them. */
export const MAX_ENTRY_FRAMES = 96;
export const MAX_QUEUED_FRAMES = 512;

const HEAD = 0;
const TAIL = 1;
const DATAGRAMS = 2;
const FRAMES = 3;
const ITEM_NEXT = 2;
const ITEM_OFFSET = 3;
const ITEM_LENGTH = 4;
const ITEM_BYTES = 24;

export class NeighbourQueue {
  /** Length of the packet that nextFailed() returned last. */
  failedLength = 0;
  readonly #core: Core;
  readonly #i32: Int32Array;
  readonly #items: Rows;
  /** The queue of those that could not be sent. */
  readonly #failed: number;

  constructor(core: Core) {
    this.#core = core;
    this.#i32 = core.i32;
    this.#items = new Rows(core.arena, 'neighbours.queue', MAX_QUEUED_FRAMES, ITEM_BYTES);
    this.#failed = core.arena.region('neighbours.failed', QUEUE_CELLS * 4) >> 2;
  }

  /** Frames that wait, or have failed and were not yet asked for. */
  get used(): number {
    return this.#items.used;
  }

  /**
   * Adds the packet [offset, offset + length) to the queue at cell `q`, whose frame is the queue's from now on, come
   * what may.
   */
  add(q: number, offset: number, length: number): void {
    const i32 = this.#i32;
    const first = !isLaterFragment(this.#core.u8, offset);
    if (first && i32[q + DATAGRAMS]! >= this.#core.settings.neighbourQueue) this.#dropOldest(q);
    if (i32[q + FRAMES]! >= MAX_ENTRY_FRAMES && i32[q + DATAGRAMS]! > 1) this.#dropOldest(q);
    // A fragment whose datagram has been dropped, or will not fit: the datagram is lost anyway.
    const lost = i32[q + FRAMES]! >= MAX_ENTRY_FRAMES || (!first && i32[q + DATAGRAMS] === 0);
    const item = lost ? 0 : this.#items.alloc();
    if (item === 0) {
      this.refuse(offset);
      return;
    }
    const c = this.#items.cell(item);
    i32[c + ITEM_OFFSET] = offset;
    i32[c + ITEM_LENGTH] = length;
    if (i32[q + HEAD] === 0) i32[q + HEAD] = item;
    else i32[this.#items.cell(i32[q + TAIL]!) + ITEM_NEXT] = item;
    i32[q + TAIL] = item;
    i32[q + FRAMES]!++;
    if (first) i32[q + DATAGRAMS]!++;
  }

  /** Frees and counts a packet that can't wait. */
  refuse(offset: number): void {
    this.#core.frames.free(offset);
    this.#core.counters.drop(DROP_NEIGHBOUR_QUEUE_FULL);
  }

  /** Offset of the packet that has waited longest, or 0. */
  first(q: number): number {
    const item = this.#i32[q + HEAD]!;
    return item === 0 ? 0 : this.#i32[this.#items.cell(item) + ITEM_OFFSET]!;
  }

  /** Sends all to the MAC address given. */
  send(q: number, iface: Interface, macHi: number, macLo: number): void {
    const i32 = this.#i32;
    const b = this.#core.u8;
    for (let item = i32[q + HEAD]!; item !== 0; ) {
      const c = this.#items.cell(item);
      const offset = i32[c + ITEM_OFFSET]!;
      const at = offset - ETH_HEADER_LENGTH;
      const type = b[offset]! >> 4 === 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6;
      putEthHeader(b, at, macHi, macLo, iface.macHi, iface.macLo, type);
      iface.push(at, i32[c + ITEM_LENGTH]! + ETH_HEADER_LENGTH);
      const next = i32[c + ITEM_NEXT]!;
      this.#items.free(item);
      item = next;
    }
    this.#empty(q);
  }

  /** The neighbour does not answer: what waits is counted as dropped and kept for nextFailed(). */
  fail(q: number): void {
    const i32 = this.#i32;
    const head = i32[q + HEAD]!;
    if (head === 0) return;
    for (let item = head; item !== 0; item = i32[this.#items.cell(item) + ITEM_NEXT]!) {
      this.#core.counters.drop(DROP_NEIGHBOUR_UNREACHABLE);
    }
    if (i32[this.#failed + HEAD] === 0) i32[this.#failed + HEAD] = head;
    else i32[this.#items.cell(i32[this.#failed + TAIL]!) + ITEM_NEXT] = head;
    i32[this.#failed + TAIL] = i32[q + TAIL]!;
    this.#empty(q);
  }

  /** Takes the next failed packet: its offset, the frame being the caller's, or 0. */
  nextFailed(): number {
    const i32 = this.#i32;
    const item = i32[this.#failed + HEAD]!;
    if (item === 0) return 0;
    const c = this.#items.cell(item);
    const offset = i32[c + ITEM_OFFSET]!;
    this.failedLength = i32[c + ITEM_LENGTH]!;
    i32[this.#failed + HEAD] = i32[c + ITEM_NEXT]!;
    this.#items.free(item);
    return offset;
  }

  /** Drops all. */
  drop(q: number): void {
    while (this.#i32[q + HEAD] !== 0) this.#dropOldest(q);
  }

  /** Drops the oldest datagram with all its fragments. */
  #dropOldest(q: number): void {
    const i32 = this.#i32;
    let item = i32[q + HEAD]!;
    do {
      const c = this.#items.cell(item);
      this.refuse(i32[c + ITEM_OFFSET]!);
      const next = i32[c + ITEM_NEXT]!;
      this.#items.free(item);
      item = next;
      i32[q + FRAMES]!--;
    } while (item !== 0 && isLaterFragment(this.#core.u8, i32[this.#items.cell(item) + ITEM_OFFSET]!));
    i32[q + HEAD] = item;
    i32[q + DATAGRAMS]!--;
    if (item === 0) this.#empty(q);
  }

  #empty(q: number): void {
    this.#i32.fill(0, q, q + QUEUE_CELLS);
  }
}

/** Whether the IP packet is a fragment other than its datagram's first. */
function isLaterFragment(b: Uint8Array, o: number): boolean {
  if (b[o]! >> 4 === 4) return (get16(b, o + 6) & 0x1fff) !== 0;
  return b[o + 6] === PROTO_IP6_FRAGMENT && (get16(b, o + IP6_HEADER_LENGTH + 2) & 0xfff8) !== 0;
}
