// When each part of a simulation wants to be called: an indexed binary heap of one deadline for each actor.
// Made by sim.ts; set by hosts, line directions and the agenda; calls nothing.
//
//   heap: [ actor | actor | ... ]   place[actor] = its index in the heap, -1 while it has no deadline
//   due[actor], order[actor]        earlier first; of the same time the one that was set first
//
// Packets are not in it: those of a line arrive in order, so the line has one deadline, its first. The heap has as many
// entries as there are actors, not as there are packets on their way.

/** Deadlines of actors 0, 1, 2, … in virtual microseconds. */
export class Schedule {
  #heap: Int32Array = new Int32Array(16);
  #place: Int32Array = new Int32Array(16).fill(-1);
  #due: Float64Array = new Float64Array(16).fill(Infinity);
  #order: Float64Array = new Float64Array(16);
  #count = 0;
  #actors = 0;
  #next = 0;

  /** A number for a new actor, which has no deadline yet. */
  add(): number {
    const id = this.#actors++;
    if (id === this.#place.length) this.#grow();
    return id;
  }

  #grow(): void {
    const size = this.#place.length * 2;
    const heap = new Int32Array(size);
    const place = new Int32Array(size).fill(-1);
    const due = new Float64Array(size).fill(Infinity);
    const order = new Float64Array(size);
    heap.set(this.#heap);
    place.set(this.#place);
    due.set(this.#due);
    order.set(this.#order);
    this.#heap = heap;
    this.#place = place;
    this.#due = due;
    this.#order = order;
  }

  /** The time of the first deadline, or Infinity. */
  get due(): number {
    return this.#count === 0 ? Infinity : this.#due[this.#heap[0]!]!;
  }

  /** The actor of the first deadline, or -1. */
  get first(): number {
    return this.#count === 0 ? -1 : this.#heap[0]!;
  }

  /** The deadline of `id`, or Infinity. */
  of(id: number): number {
    return this.#due[id]!;
  }

  /** Moves the deadline of `id`; Infinity takes it out. The same time again changes nothing. */
  set(id: number, due: number): void {
    if (this.#due[id] === due) return;
    const place = this.#place[id]!;
    const before = this.#due[id]!;
    this.#due[id] = due;
    if (due === Infinity) {
      this.#remove(id, place);
      return;
    }
    this.#order[id] = this.#next++;
    if (place < 0) this.#up(this.#count++, id);
    else if (due < before) this.#up(place, id);
    else this.#down(place, id);
  }

  #remove(id: number, place: number): void {
    this.#place[id] = -1;
    const last = this.#heap[--this.#count]!;
    if (last === id) return;
    const parent = (place - 1) >> 1;
    if (place > 0 && this.#before(last, this.#heap[parent]!)) this.#up(place, last);
    else this.#down(place, last);
  }

  #before(a: number, b: number): boolean {
    const d = this.#due[a]! - this.#due[b]!;
    return d < 0 || (d === 0 && this.#order[a]! < this.#order[b]!);
  }

  #up(i: number, id: number): void {
    const heap = this.#heap;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const other = heap[parent]!;
      if (!this.#before(id, other)) break;
      heap[i] = other;
      this.#place[other] = i;
      i = parent;
    }
    heap[i] = id;
    this.#place[id] = i;
  }

  #down(i: number, id: number): void {
    const heap = this.#heap;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#count) break;
      if (child + 1 < this.#count && this.#before(heap[child + 1]!, heap[child]!)) child++;
      const other = heap[child]!;
      if (!this.#before(other, id)) break;
      heap[i] = other;
      this.#place[other] = i;
      i = child;
    }
    heap[i] = id;
    this.#place[id] = i;
  }
}
