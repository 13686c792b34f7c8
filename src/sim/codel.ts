// CoDel (RFC 8289): drops, or marks, the packet at the head of a queue when packets have stood in it for too long.
// Called by line.ts for each packet that its wire is free for; calls back for the queue's packets.

/** Times in microseconds. */
export interface CodelOptions {
  /** Acceptable standing delay (RFC 8289 section 4.3): default 5 ms. */
  readonly target?: number;
  /** The time a sender needs to react (section 4.2): default 100 ms. */
  readonly interval?: number;
}

/** The queue that is controlled. */
export interface CodelQueue {
  /** Takes the packet at the head in hand: how long it has waited (us), or -1 if the queue is empty. */
  take(now: number): number;
  /** Bytes in the queue, without the packet in hand. */
  readonly bytes: number;
  /** Drops the packet in hand: true. Where it can be marked instead (RFC 3168) it is, and stays in hand: false. */
  drop(): boolean;
}

/** The names of the states are those of the RFC's pseudo-code, section 5. */
export class Codel {
  readonly #target: number;
  readonly #interval: number;
  readonly #maxPacket: number;
  #firstAboveTime = 0;
  #dropNext = 0;
  #count = 0;
  #lastCount = 0;
  #dropping = false;
  #okToDrop = false;

  /** `maxPacket`: the largest packet; a queue no longer than that does no harm. RangeError for times not above 0. */
  constructor(options: CodelOptions, maxPacket: number) {
    this.#target = options.target ?? 5000;
    this.#interval = options.interval ?? 100_000;
    if (!(this.#target > 0 && this.#interval > 0)) throw new RangeError('codel: target and interval are above 0');
    this.#maxPacket = maxPacket;
  }

  /** In the dropping state, and its drops so far: for traces and tests. */
  get dropping(): boolean {
    return this.#dropping;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes the next packet that is to be sent in hand (section 5.5); false if there is none. */
  deque(queue: CodelQueue, now: number): boolean {
    let some = this.#dodequeue(queue, now);
    if (this.#dropping) {
      // Sojourn time below target: leave the dropping state.
      if (!this.#okToDrop) this.#dropping = false;
      // With a large backlog the next drop may be due already.
      while (this.#dropping && now >= this.#dropNext) {
        const dropped = queue.drop();
        if (dropped) some = this.#dodequeue(queue, now);
        if (dropped && !this.#okToDrop) this.#dropping = false;
        else {
          this.#count++;
          this.#dropNext = this.#controlLaw(this.#dropNext);
        }
        if (!dropped) break;
      }
    } else if (this.#okToDrop) {
      if (queue.drop()) some = this.#dodequeue(queue, now);
      this.#dropping = true;
      // A state that was left not long ago goes on near the rate that controlled the queue then.
      const delta = this.#count - this.#lastCount;
      this.#count = delta > 1 && now - this.#dropNext < 16 * this.#interval ? delta : 1;
      this.#dropNext = this.#controlLaw(now);
      this.#lastCount = this.#count;
    }
    return some;
  }

  /** Section 5.4: takes a packet, and says (okToDrop) whether all have waited above target for an interval. */
  #dodequeue(queue: CodelQueue, now: number): boolean {
    this.#okToDrop = false;
    const sojourn = queue.take(now);
    if (sojourn < 0) {
      this.#firstAboveTime = 0;
      return false;
    }
    if (sojourn < this.#target || queue.bytes <= this.#maxPacket) this.#firstAboveTime = 0;
    else if (this.#firstAboveTime === 0) this.#firstAboveTime = now + this.#interval;
    else if (now >= this.#firstAboveTime) this.#okToDrop = true;
    return true;
  }

  #controlLaw(t: number): number {
    return t + this.#interval / Math.sqrt(this.#count);
  }
}
