// One direction of a simulated link: a queue, a wire of some rate, and what happens to packets on it, in virtual time.
// Made by sim.ts, two for a link; called by the node at its beginning and by the schedule; calls the node at its end.
//
//   send ──► [ queue: drop-tail or CoDel ] ──► serialised at `rate` ──► loss, duplication, corruption ──► `delay` + jitter ──► receive
//
// src/link's wrappers do the like to one link of one stack, by passes. Here one deadline serves a whole line, packets lie in
// the memory of the net while a gigabit fills a long path, and what leaves the queue is decided when the wire takes it, as
// CoDel must. That is why this is not ShapeLink over FaultLink.
//
// Nothing happens between deadlines that can be seen: so the wire is brought up to now, packet for packet at its exact time,
// whenever somebody looks (a packet comes, one arrives, an option changes), instead of by an event for each departure.

import type { SeededRng } from '../base/rng.ts';
import { DelayQueue } from '../link/delay-queue.ts';
import { PCAPNG_INBOUND, PCAPNG_OUTBOUND } from '../wire/pcapng.ts';
import { Codel, type CodelOptions, type CodelQueue } from './codel.ts';
import { markCongestion } from './forward.ts';
import { type Loss, type LossModel, makeLoss } from './loss.ts';
import type { Actor, Net, Node } from './net.ts';
import { PacketRing } from './packet-ring.ts';

/** How packets wait for the wire. What finds it full is dropped; the packet being sent does not count. */
export interface QueueOptions {
  /** Bytes and packets that may wait. Default: see LineOptions.queue; with one of both given the other does not limit. */
  readonly bytes?: number;
  readonly packets?: number;
  /** Controlled by CoDel (RFC 8289), with its defaults or these. */
  readonly codel?: boolean | CodelOptions;
  /** CoDel marks packets of an ECN-capable transport instead of dropping them (RFC 3168). */
  readonly ecn?: boolean;
}

/** One direction of a link. Times in microseconds. Chances from 0 to 1, default 0. */
export interface LineOptions {
  /** Bits a second; default: no limit. */
  readonly rate?: number;
  /** One-way, from a packet's last bit sent to its arrival. Default 0. */
  readonly delay?: number;
  /** A uniform random time up to this more, for each packet. */
  readonly jitter?: number;
  /** Whether jitter may let packets overtake each other; otherwise a late one holds up those behind it (default). */
  readonly overtake?: boolean;
  /** Default: 2 * delay at the rate (one bandwidth-delay product of a symmetric link), and 100 packets of MTU at least. */
  readonly queue?: QueueOptions;
  /** Bytes that each packet takes on the wire beyond those of IP (Ethernet with preamble and gap: 38). Default 0. */
  readonly overhead?: number;
  readonly loss?: LossModel;
  readonly duplicate?: number;
  /** One bit of the packet is flipped. */
  readonly corrupt?: number;
  /** The packet is held back `reorderDelay` longer (default 1 ms), so that those behind it overtake it. */
  readonly reorder?: number;
  readonly reorderDelay?: number;
}

/** What happened to packets of a line. */
export interface LineCounters {
  /** Handed to the line, and out at its end (duplicates included). */
  sent: number;
  sentBytes: number;
  received: number;
  receivedBytes: number;
  /** Dropped: no room in the queue; by CoDel; on the wire; because the link was down. */
  full: number;
  codel: number;
  lost: number;
  down: number;
  marked: number;
  duplicated: number;
  corrupted: number;
  reordered: number;
  /** The most bytes that have waited. */
  maxQueue: number;
}

const LEAST_QUEUE = 100;
const REORDER_DELAY = 1000;
/** Packets out of order at first; it grows. */
const LOOSE = 64;
/** Cells of Line.times. */
const IDLE_AT = 0;
const LAST_DUE = 1;

export class Line implements Actor, CodelQueue {
  readonly name: string;
  readonly mtu: number;
  readonly counters: LineCounters = {
    sent: 0,
    sentBytes: 0,
    received: 0,
    receivedBytes: 0,
    full: 0,
    codel: 0,
    lost: 0,
    down: 0,
    marked: 0,
    duplicated: 0,
    corrupted: 0,
    reordered: 0,
    maxQueue: 0,
  };
  /** Bytes that wait for the wire. */
  bytes = 0;
  readonly #net: Net;
  readonly #id: number;
  readonly #to: Node;
  readonly #port: number;
  readonly #lossRng: SeededRng;
  readonly #rng: SeededRng;
  readonly #waiting: PacketRing = new PacketRing();
  /** On the wire: in order, and those that may overtake. */
  readonly #wire: PacketRing = new PacketRing();
  #loose: DelayQueue | null = null;
  #options: LineOptions = {};
  #perByte = 0;
  #delay = 0;
  #overhead = 0;
  #maxBytes = Infinity;
  #maxPackets = Infinity;
  #codel: Codel | null = null;
  #loss: Loss | null = null;
  /** Whether a packet on the wire needs more than its delay: chance, jitter. */
  #plain = true;
  /** Until when the wire is taken, and when the packet sent last arrives. */
  readonly #times: Float64Array = new Float64Array(2);
  #up = true;
  /** The packet in hand. */
  #slot = 0;
  #length = 0;
  /** Interfaces of the record, -1: none. */
  #from = -1;
  #at = -1;

  /** `to` receives what comes out, as from its `port`. */
  constructor(net: Net, name: string, to: Node, port: number, mtu: number, options: LineOptions) {
    this.#net = net;
    this.name = name;
    this.mtu = mtu;
    this.#to = to;
    this.#port = port;
    this.#lossRng = net.rng();
    this.#rng = net.rng();
    this.#id = net.enter(this);
    this.#apply(options);
  }

  /** What it is now. */
  get options(): LineOptions {
    return this.#options;
  }

  /** CoDel's state, if the queue has it. */
  get codel(): Codel | null {
    return this.#codel;
  }

  /** Packets that wait for the wire. */
  get queued(): number {
    this.#advance();
    return this.#waiting.count;
  }

  /** Changes what is named from now on. A packet that is being sent, or on the wire, goes on as it was. */
  set(options: LineOptions): void {
    this.#advance();
    this.#apply({ ...this.#options, ...options }, options);
    this.#reschedule();
  }

  /** Down: what waits and what comes is lost; what is on the wire already arrives. */
  setUp(up: boolean): void {
    this.#advance();
    this.#up = up;
    if (up) return;
    while (this.#waiting.count > 0) {
      this.take(0);
      this.counters.down++;
      this.#lose(this.#slot, this.#length, 'link down');
    }
    this.#reschedule();
  }

  #apply(options: LineOptions, changed: LineOptions = options): void {
    this.#options = options;
    const { rate, delay = 0, jitter = 0, overhead = 0, queue } = options;
    const { duplicate = 0, corrupt = 0, reorder = 0 } = options;
    if (rate !== undefined && !(rate > 0)) throw new RangeError(`${this.name}: rate is above 0`);
    if (!(delay >= 0 && jitter >= 0 && overhead >= 0))
      throw new RangeError(`${this.name}: times and sizes are not below 0`);
    for (const chance of [duplicate, corrupt, reorder]) {
      if (!(chance >= 0 && chance <= 1)) throw new RangeError(`${this.name}: a chance lies from 0 to 1`);
    }
    this.#perByte = rate === undefined ? 0 : 8e6 / rate;
    this.#delay = delay;
    this.#overhead = overhead;
    const bandwidthDelay = rate === undefined ? Infinity : (rate / 8e6) * 2 * delay;
    const both = queue?.bytes === undefined && queue?.packets === undefined;
    this.#maxBytes = queue?.bytes ?? (both ? Math.max(bandwidthDelay, LEAST_QUEUE * this.mtu) : Infinity);
    this.#maxPackets = queue?.packets ?? Infinity;
    if ('queue' in changed) {
      const codel = queue?.codel;
      this.#codel = codel ? new Codel(codel === true ? {} : codel, this.mtu) : null;
    }
    if ('loss' in changed) this.#loss = makeLoss(options.loss, this.#lossRng);
    this.#plain = this.#loss === null && duplicate === 0 && corrupt === 0 && reorder === 0 && jitter === 0;
  }

  /** Takes a packet: its slot is the line's now. */
  send(slot: number, length: number): void {
    const now = this.#net.time[0]!;
    const { counters } = this;
    counters.sent++;
    counters.sentBytes += length;
    if (this.#from >= 0) this.#net.recorder!.packet(this.#from, this.#net.u8, slot, length, PCAPNG_OUTBOUND, '');
    if (!this.#up) {
      counters.down++;
      this.#lose(slot, length, 'link down');
      return;
    }
    this.#advance();
    const waiting = this.#waiting;
    const free = this.#times[IDLE_AT]! <= now;
    if (!free && (waiting.count >= this.#maxPackets || this.bytes + length > this.#maxBytes)) {
      counters.full++;
      this.#lose(slot, length, 'queue full');
      return;
    }
    waiting.push(slot, length, now);
    this.bytes += length;
    if (free) this.#advance();
    else if (this.bytes > counters.maxQueue) counters.maxQueue = this.bytes;
    this.#reschedule();
  }

  /** The wire takes packets, each at the moment at which it was free for it, up to now. */
  #advance(): void {
    const now = this.#net.time[0]!;
    const waiting = this.#waiting;
    const times = this.#times;
    while (waiting.count > 0) {
      // Nothing waits while the wire is free, but for a packet that has come just now.
      const start = Math.max(times[IDLE_AT]!, waiting.time);
      if (start > now) return;
      times[IDLE_AT] = start;
      if (this.#codel === null) this.take(start);
      else if (!this.#codel.deque(this, start)) return;
      times[IDLE_AT] = start + (this.#length + this.#overhead) * this.#perByte;
      this.#launch();
    }
  }

  /** CoDel's queue: takes the first packet in hand. */
  take(now: number): number {
    const waiting = this.#waiting;
    if (waiting.count === 0) return -1;
    this.#slot = waiting.slot;
    this.#length = waiting.length;
    const sojourn = now - waiting.time;
    waiting.shift();
    this.bytes -= this.#length;
    return sojourn;
  }

  /** CoDel's queue: drops the packet in hand, or marks it. */
  drop(): boolean {
    if (this.#options.queue?.ecn === true && markCongestion(this.#net.u8, this.#slot)) {
      this.counters.marked++;
      return false;
    }
    this.counters.codel++;
    this.#lose(this.#slot, this.#length, 'CoDel');
    return true;
  }

  /** The packet in hand goes onto the wire; its last bit leaves when the wire is idle again. */
  #launch(): void {
    const due = this.#times[IDLE_AT]! + this.#delay;
    if (this.#plain) this.#arriveInOrder(this.#slot, this.#length, due);
    else this.#chance(due);
  }

  /** Draws in this order: loss, duplication, corruption, jitter, reordering. */
  #chance(due: number): void {
    const rng = this.#rng;
    const { duplicate = 0, corrupt = 0 } = this.#options;
    const { counters } = this;
    const net = this.#net;
    const slot = this.#slot;
    const length = this.#length;
    if (this.#loss?.lost()) {
      counters.lost++;
      this.#lose(slot, length, 'lost');
      return;
    }
    let twin = 0;
    if (duplicate > 0 && rng.unit() < duplicate) {
      counters.duplicated++;
      twin = net.take(length);
      net.u8.copyWithin(twin, slot, slot + length);
    }
    if (corrupt > 0 && rng.unit() < corrupt) {
      counters.corrupted++;
      net.u8[slot + rng.below(length)]! ^= 1 << rng.below(8);
    }
    this.#arrive(slot, length, due);
    if (twin !== 0) this.#arrive(twin, length, due);
  }

  #arrive(slot: number, length: number, due: number): void {
    const rng = this.#rng;
    const { jitter = 0, overtake = false, reorder = 0, reorderDelay = REORDER_DELAY } = this.#options;
    if (jitter > 0) due += rng.unit() * jitter;
    if (reorder > 0 && rng.unit() < reorder) {
      this.counters.reordered++;
      this.#arriveLoose(slot, length, due + reorderDelay);
    } else if (jitter > 0 && overtake) this.#arriveLoose(slot, length, due);
    else this.#arriveInOrder(slot, length, due);
  }

  #arriveInOrder(slot: number, length: number, due: number): void {
    const times = this.#times;
    if (due < times[LAST_DUE]!) due = times[LAST_DUE]!;
    times[LAST_DUE] = due;
    this.#wire.push(slot, length, due);
  }

  #arriveLoose(slot: number, length: number, due: number): void {
    let loose = this.#loose ?? new DelayQueue(LOOSE);
    if (loose.free === 0) {
      const larger = new DelayQueue(loose.capacity * 2);
      for (let at = loose.due; loose.pop(); at = loose.due) larger.push(at, loose.offset, loose.length, 0);
      loose = larger;
    }
    this.#loose = loose;
    loose.push(due, slot, length, 0);
  }

  #lose(slot: number, length: number, why: string): void {
    const { recorder, u8 } = this.#net;
    if (recorder !== null) recorder.packet(recorder.lost, u8, slot, length, 0, `${this.name}: ${why}`);
    this.#net.free(slot);
  }

  /** Hands over what has arrived. */
  fire(): void {
    const now = this.#net.time[0]!;
    this.#advance();
    const wire = this.#wire;
    const loose = this.#loose;
    while (wire.count > 0 && wire.time <= now) {
      // Of the same time goes first what was to go first: packets in order before those that overtake.
      if (loose !== null && loose.due < wire.time) this.#popLoose(loose);
      else {
        const { slot, length } = wire;
        wire.shift();
        this.#deliver(slot, length);
      }
    }
    while (loose !== null && loose.due <= now) this.#popLoose(loose);
    this.#to.flush();
    this.#reschedule();
  }

  #popLoose(loose: DelayQueue): void {
    loose.pop();
    this.#deliver(loose.offset, loose.length);
  }

  #deliver(slot: number, length: number): void {
    this.counters.received++;
    this.counters.receivedBytes += length;
    if (this.#at >= 0) this.#net.recorder!.packet(this.#at, this.#net.u8, slot, length, PCAPNG_INBOUND, '');
    this.#to.receive(this.#port, slot, length);
  }

  /** The next arrival; while nothing is on the wire, the next departure. */
  #reschedule(): void {
    let due = this.#wire.count > 0 ? this.#wire.time : Infinity;
    if (this.#loose !== null && this.#loose.due < due) due = this.#loose.due;
    if (due === Infinity && this.#waiting.count > 0) due = this.#times[IDLE_AT]!;
    this.#net.schedule.set(this.#id, due);
  }

  /** Records from now on what enters, and what comes out, on these interfaces of the net's recorder. */
  record(from: number, at: number): void {
    this.#from = from;
    this.#at = at;
  }

  /** Gives back every packet: the simulation is over. */
  clear(): void {
    for (const ring of [this.#waiting, this.#wire]) {
      for (; ring.count > 0; ring.shift()) this.#net.free(ring.slot);
    }
    while (this.#loose?.pop()) this.#net.free(this.#loose.offset);
    this.bytes = 0;
    this.#reschedule();
  }
}
