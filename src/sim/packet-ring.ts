// A first-in, first-out queue of packets with a time each, which grows: what waits for a wire, and what is on it.
// Used by line.ts; calls nothing.

/** Packets (a slot of the net's memory, bytes) and a time (us). The front's are in place, so that nothing is passed about. */
export class PacketRing {
  count = 0;
  #head = 0;
  #mask = 63;
  #slot: Int32Array = new Int32Array(64);
  #length: Int32Array = new Int32Array(64);
  #time: Float64Array = new Float64Array(64);

  push(slot: number, length: number, time: number): void {
    if (this.count > this.#mask) this.#grow();
    const at = (this.#head + this.count++) & this.#mask;
    this.#slot[at] = slot;
    this.#length[at] = length;
    this.#time[at] = time;
  }

  #grow(): void {
    const size = (this.#mask + 1) * 2;
    const slot = new Int32Array(size);
    const length = new Int32Array(size);
    const time = new Float64Array(size);
    for (let i = 0; i < this.count; i++) {
      const at = (this.#head + i) & this.#mask;
      slot[i] = this.#slot[at]!;
      length[i] = this.#length[at]!;
      time[i] = this.#time[at]!;
    }
    this.#slot = slot;
    this.#length = length;
    this.#time = time;
    this.#mask = size - 1;
    this.#head = 0;
  }

  /** The first packet's slot, bytes and time; only while count > 0. */
  get slot(): number {
    return this.#slot[this.#head]!;
  }

  get length(): number {
    return this.#length[this.#head]!;
  }

  get time(): number {
    return this.#time[this.#head]!;
  }

  /** Takes out the first packet. */
  shift(): void {
    this.#head = (this.#head + 1) & this.#mask;
    this.count--;
  }
}
