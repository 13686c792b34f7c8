// Frames that wait for their time: a binary heap by (time, order of arrival), of fixed size.
// Used by holding for delayed frames of either direction; calls nothing.
//
//   heap in five parallel arrays:  [ due f64 | order f64 | offset i32 | length i32 | flags i32 ]   children of i: 2i+1, 2i+2

/** Frames by the time at which they are to go on; those of the same time in the order in which they came. */
export class DelayQueue {
  readonly capacity: number;
  /** Frames in the queue. */
  count = 0;
  /** The frame that pop() took out last. */
  offset = 0;
  length = 0;
  flags = 0;
  readonly #due: Float64Array;
  readonly #order: Float64Array;
  readonly #offset: Int32Array;
  readonly #length: Int32Array;
  readonly #flags: Int32Array;
  #next = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#due = new Float64Array(capacity);
    this.#order = new Float64Array(capacity);
    this.#offset = new Int32Array(capacity);
    this.#length = new Int32Array(capacity);
    this.#flags = new Int32Array(capacity);
  }

  /** Frames that still fit. */
  get free(): number {
    return this.capacity - this.count;
  }

  /** When the first frame is due, or Infinity. */
  get due(): number {
    return this.count === 0 ? Infinity : this.#due[0]!;
  }

  /** Adds a frame; false if there is no room. */
  push(due: number, offset: number, length: number, flags: number): boolean {
    if (this.count === this.capacity) return false;
    const order = this.#next++;
    let i = this.count++;
    // Most frames come in the order in which they go: then the loop ends at once.
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#due[parent]! <= due) break;
      this.#move(parent, i);
      i = parent;
    }
    this.#set(i, due, order, offset, length, flags);
    return true;
  }

  /** Takes out the first frame (into offset, length, flags); false if there is none. */
  pop(): boolean {
    if (this.count === 0) return false;
    this.offset = this.#offset[0]!;
    this.length = this.#length[0]!;
    this.flags = this.#flags[0]!;
    const last = --this.count;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#before(child + 1, child)) child++;
      if (!this.#before(child, last)) break;
      this.#move(child, i);
      i = child;
    }
    this.#move(last, i);
    return true;
  }

  #before(a: number, b: number): boolean {
    const d = this.#due[a]! - this.#due[b]!;
    return d < 0 || (d === 0 && this.#order[a]! < this.#order[b]!);
  }

  #move(from: number, to: number): void {
    this.#due[to] = this.#due[from]!;
    this.#order[to] = this.#order[from]!;
    this.#offset[to] = this.#offset[from]!;
    this.#length[to] = this.#length[from]!;
    this.#flags[to] = this.#flags[from]!;
  }

  #set(i: number, due: number, order: number, offset: number, length: number, flags: number): void {
    this.#due[i] = due;
    this.#order[i] = order;
    this.#offset[i] = offset;
    this.#length[i] = length;
    this.#flags[i] = flags;
  }
}
