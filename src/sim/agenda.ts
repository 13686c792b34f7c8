// What a simulation's users want called at some time: closures, by time and order, one deadline in the schedule for all.
// Made by sim.ts; called by the schedule; calls the closures. Few entries beside packets: they may be objects.

import type { Actor, Net } from './net.ts';

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A binary heap of entries. Times are the net's. */
export class Agenda implements Actor {
  readonly #net: Net;
  readonly #id: number;
  readonly #heap: Entry[] = [];
  #next = 0;

  constructor(net: Net) {
    this.#net = net;
    this.#id = net.enter(this);
  }

  at(at: number, fn: () => void): void {
    const heap = this.#heap;
    const entry: Entry = { at, order: this.#next++, fn };
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(heap[parent]!, entry)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
    this.#net.schedule.set(this.#id, heap[0]!.at);
  }

  fire(): void {
    const now = this.#net.time[0]!;
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#pop();
      first.fn();
    }
    this.#net.schedule.set(this.#id, this.#heap[0]?.at ?? Infinity);
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
