// A first-in, first-out queue of packets with a time each, which grows: what waits for a wire, and what is on it.
// Used by line.ts; calls nothing.
//
//   cells: [ slot | length | time ] a packet, in one array of doubles: many lines never hold more than a few

const CELLS = 3;

/** Packets (a slot of the net's memory, bytes) and a time (us). The front's are in place, so that nothing is passed about. */
export class PacketRing {
  count = 0;
  #head = 0;
  #mask = 7;
  #cells: Float64Array = new Float64Array(8 * CELLS);

  push(slot: number, length: number, time: number): void {
    if (this.count > this.#mask) this.#grow();
    const at = ((this.#head + this.count++) & this.#mask) * CELLS;
    const cells = this.#cells;
    cells[at] = slot;
    cells[at + 1] = length;
    cells[at + 2] = time;
  }

  #grow(): void {
    const old = this.#cells;
    const cells = new Float64Array(old.length * 2);
    const first = this.#head * CELLS;
    cells.set(old.subarray(first));
    cells.set(old.subarray(0, first), old.length - first);
    this.#cells = cells;
    this.#mask = this.#mask * 2 + 1;
    this.#head = 0;
  }

  /** The first packet's slot, bytes and time; only while count > 0. */
  get slot(): number {
    return this.#cells[this.#head * CELLS]! | 0;
  }

  get length(): number {
    return this.#cells[this.#head * CELLS + 1]! | 0;
  }

  get time(): number {
    return this.#cells[this.#head * CELLS + 2]!;
  }

  /** Takes out the first packet. */
  shift(): void {
    this.#head = (this.#head + 1) & this.#mask;
    this.count--;
  }
}
