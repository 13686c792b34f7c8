// A wire between hosts: frames of the hosts on the left go out by the link on the right, and the other way to the host they name.
// Driven by the loop of wan-program.ts; calls links. What happens to frames on their way is the business of wrappers (fault, shape).

import { BATCH, type Link, RxBatch, TxBatch } from '../../src/base/link.ts';
import { HEADROOM } from '../../src/base/pool.ts';
import { SeededRng } from '../../src/base/rng.ts';
import type { Turnable } from '../../src/host/loop.ts';
import { DelayQueue } from '../../src/link/delay-queue.ts';

const ETHERNET = 14;
const CE = 3;

/** How late the loop came to frames that were due, by count: up to 0.1 ms, 1 ms, 5 ms, and more. */
export const LATE_BOUNDS: readonly number[] = [100, 1000, 5000, Infinity];

/** What the wire does to packets, besides what wrappers do. */
export interface BridgeOptions {
  /** The chance that a packet of an ECN-capable transport is marked (RFC 3168), in either direction. */
  readonly mark: number;
  /** Bytes of IP packet above which frames vanish without a word, as in a tunnel whose errors somebody filters. */
  readonly longest: number;
  /**
   * Each frame of a host on the left takes up to so long (us) to the bottleneck, by chance, and none overtakes another. Without,
   * flows that are clocked by the same queue fall into step, and one of them always finds it full.
   */
  readonly jitter: number;
  readonly seed: number;
}

/** Frames of one host that are on their way to the bottleneck. */
const ON_THE_WAY = 4096;

/** A host on the left: its link, and the MAC address learned from what it sends. */
interface Port {
  readonly link: Link;
  readonly out: TxBatch;
  readonly way: DelayQueue;
  /** When the frame before arrives at the bottleneck. */
  last: number;
  high: number;
  low: number;
}

/**
 * Joins links of one memory. The hosts on the left hear the right one only, as if each had a wire to the bottleneck: what
 * they send meets in the queue of `right`.
 */
export class Bridge implements Turnable {
  onWork: () => void = () => {};
  readonly late: number[] = LATE_BOUNDS.map(() => 0);
  /** Frames marked with CE, and frames that were too long. */
  marked = 0;
  tooLong = 0;
  readonly #ports: readonly Port[];
  readonly #right: Link;
  readonly #u8: Uint8Array;
  readonly #rx: RxBatch = new RxBatch();
  readonly #tx: TxBatch = new TxBatch();
  readonly #options: BridgeOptions;
  readonly #rng: SeededRng;
  #planned = Infinity;

  constructor(left: readonly Link[], right: Link, options: BridgeOptions) {
    this.#ports = left.map((link) => {
      return { link, out: new TxBatch(), way: new DelayQueue(ON_THE_WAY), last: 0, high: -1, low: -1 };
    });
    this.#right = right;
    this.#u8 = right.memory.arena.u8;
    this.#options = options;
    this.#rng = new SeededRng(options.seed);
    for (const link of [...left, right]) link.wake(() => this.onWork());
  }

  poll(now: number): boolean {
    if (this.#planned <= now) this.late[LATE_BOUNDS.findIndex((bound) => now - this.#planned <= bound)]!++;
    let more = false;
    for (const port of this.#ports) if (this.#forth(port, now)) more = true;
    if (this.#back()) more = true;
    return more;
  }

  pollAt(): number {
    let at = this.#right.pollAt();
    for (const port of this.#ports) at = Math.min(at, port.link.pollAt(), port.way.due);
    this.#planned = at;
    return at;
  }

  #forth(port: Port, now: number): boolean {
    const rx = this.#rx;
    const { way } = port;
    // Without room frames stay in the host's own queue.
    const n = way.free < BATCH ? 0 : port.link.receive(rx);
    for (let i = 0; i < n; i++) {
      const at = rx.offset[i]!;
      port.high = this.#word(at + 6);
      port.low = this.#word(at + 8);
      if (this.#isTooLong(rx.length[i]!)) continue;
      this.#markSome(at);
      const { jitter } = this.#options;
      port.last = Math.max(port.last, now + (jitter === 0 ? 0 : this.#rng.unit() * jitter));
      way.push(port.last, at, rx.length[i]!, 0);
      rx.offset[i] = 0;
    }
    port.link.release(rx);
    // Without room frames stay here, and the right link wakes us.
    for (let room = Math.min(this.#right.room(), BATCH); room > 0 && way.due <= now; room--) {
      way.pop();
      this.#tx.push(way.offset, way.length);
    }
    this.#right.transmit(this.#tx);
    return n > 0;
  }

  #back(): boolean {
    const rx = this.#rx;
    const n = this.#right.receive(rx);
    for (let i = 0; i < n; i++) {
      const at = rx.offset[i]!;
      if (this.#isTooLong(rx.length[i]!)) continue;
      this.#markSome(at);
      if ((this.#u8[at]! & 1) !== 0) this.#toAll(at, rx.length[i]!);
      else if (this.#to(at, rx.length[i]!)) rx.offset[i] = 0;
    }
    this.#right.release(rx);
    if (n > 0) for (const { link, out } of this.#ports) link.transmit(out);
    return n > 0;
  }

  /** Such a frame stays in the batch, and goes with it. */
  #isTooLong(length: number): boolean {
    if (length <= this.#options.longest + ETHERNET) return false;
    this.tooLong++;
    return true;
  }

  /** To the host whose address it bears; false if nobody has it. */
  #to(at: number, length: number): boolean {
    const high = this.#word(at);
    const low = this.#word(at + 2);
    const port = this.#ports.find((one) => one.low === low && one.high === high);
    port?.out.push(at, length);
    return port !== undefined;
  }

  #toAll(at: number, length: number): void {
    for (const { out } of this.#ports) {
      const frame = this.#right.memory.frames.alloc(length);
      if (frame === 0) return;
      this.#u8.copyWithin(frame + HEADROOM, at, at + length);
      out.push(frame + HEADROOM, length);
    }
  }

  /** RFC 3168 section 5: CE on a packet that says its transport would understand, by chance. */
  #markSome(at: number): void {
    const { mark } = this.#options;
    if (mark === 0 || this.#rng.unit() >= mark) return;
    const u8 = this.#u8;
    const ip = at + ETHERNET;
    if (u8[at + 12] === 0x86 && u8[at + 13] === 0xdd) {
      if ((u8[ip + 1]! & 0x30) === 0) return;
      u8[ip + 1]! |= CE << 4;
    } else {
      if (u8[at + 12] !== 8 || u8[at + 13] !== 0 || (u8[ip + 1]! & CE) === 0) return;
      // RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m'), where m differs in its low bits only.
      let sum = (~((u8[ip + 10]! << 8) | u8[ip + 11]!) & 0xffff) + CE - (u8[ip + 1]! & CE);
      sum = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
      u8[ip + 1]! |= CE;
      u8[ip + 10] = sum >> 8;
      u8[ip + 11] = sum;
    }
    this.marked++;
  }

  #word(at: number): number {
    const u8 = this.#u8;
    return (u8[at]! << 24) | (u8[at + 1]! << 16) | (u8[at + 2]! << 8) | u8[at + 3]! | 0;
  }
}
