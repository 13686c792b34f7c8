// The neighbour cache: IP address -> MAC address for next hops on Ethernet, for ARP and NDP alike, with unreachability
// detection (RFC 4861 section 7). Called by output (ready, enqueue), tcp (ready, confirm), routes (find) and by arp and
// ndp (what was heard); calls solicit.ts, which sends the questions, and the interfaces' batches.
//
//   NONE -> INCOMPLETE -> REACHABLE <-> STALE -> DELAY -> PROBE -> FAILED     (PERMANENT: configured)
//
// Entries are rows of the arena, chained from a table keyed with the flow hash. What users hold is a number of row and
// generation: of an entry that has been given to another neighbour since, ready() says 0 and raises routes.epoch.
// Length: one state machine over one row; its tables and queues have files of their own.

import { ENOMEM } from '../base/errno.ts';
import { Wheel } from '../base/wheel.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { Interfaces } from './interfaces.ts';
import { NeighbourQueue } from './neighbour-queue.ts';
import {
  ADDRESS,
  DEADLINE,
  FLAGS,
  IFACE,
  IS_GATEWAY,
  IS_ROUTER,
  LINKS,
  MAC_HI,
  MAC_LO,
  NEIGHBOUR_DELAY,
  NEIGHBOUR_FAILED,
  NEIGHBOUR_INCOMPLETE,
  NEIGHBOUR_NONE,
  NEIGHBOUR_PERMANENT,
  NEIGHBOUR_PROBE,
  NEIGHBOUR_REACHABLE,
  NEIGHBOUR_STALE,
  type Neighbour,
  NeighbourTable,
  PROBES,
  QUEUE,
  ROW_MASK,
  SETTLED,
  STATE,
  UNTIL,
  USED,
} from './neighbour-table.ts';
import { solicit } from './solicit.ts';

/** What an advertisement says, for advertised(): the flags of RFC 4861 section 4.4. */
export const ADVERTISED_SOLICITED = 1;
export const ADVERTISED_OVERRIDE = 2;
export const ADVERTISED_ROUTER = 4;

const SECOND = 1_000_000;
/**
 * After a reply to our question, another MAC address for the same neighbour is not believed for a second (Linux:
 * locktime): the first of several answers wins.
 */
const LOCK_TIME = 1_000_000;
/** ReachableTime is drawn anew after two hours (RFC 4861 section 6.3.4). */
const REDRAW = 7_200_000_000;
const PROBES_SENT = counter('neighbour_probes');

export class Neighbours {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #table: NeighbourTable;
  readonly #queue: NeighbourQueue;
  readonly #wheel: Wheel;
  readonly #i32: Int32Array;
  readonly #f64: Float64Array;

  constructor(core: Core, interfaces: Interfaces) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#i32 = core.i32;
    this.#f64 = core.f64;
    this.#table = new NeighbourTable(core);
    this.#queue = new NeighbourQueue(core);
    this.#wheel = new Wheel(core.arena, 'neighbours.wheel', this.#table.rows, { links: LINKS, deadline: DEADLINE });
  }

  /** Raised whenever an entry becomes usable, or fails: what waited for ready() asks again. */
  get epoch(): number {
    return this.#table.epoch;
  }

  /** Entries in the cache. */
  get count(): number {
    return this.#table.rows.used;
  }

  /** The entry of (interface, address), created if there is none; 0 when the table is full of entries in use. */
  find(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    const known = this.lookup(iface, w0, w1, w2, w3);
    return known !== 0 ? known : this.#create(iface, w0, w1, w2, w3, this.#core.now.us);
  }

  /** The entry of (interface, address), or 0. */
  lookup(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    return this.#table.lookup(iface, w0, w1, w2, w3);
  }

  /**
   * 1: its MAC address is known, send (from STALE this starts DELAY). 0: it is being resolved, the question is out; ask
   * again when `epoch` has changed. -1: resolution has failed within the last second or so. Entry 0 is always 1.
   */
  ready(entry: number): number {
    if (entry === 0) return 1;
    const i32 = this.#i32;
    const c = this.#table.cell(entry);
    if (!this.#table.alive(entry, c)) {
      this.#table.raiseEpoch();
      this.#interfaces.epoch++;
      return 0;
    }
    const now = this.#core.now.us;
    const h = c >> 1;
    this.#f64[h + USED] = now;
    const state = i32[c + STATE]!;
    if (state === NEIGHBOUR_REACHABLE) {
      if (now <= this.#f64[h + UNTIL]!) return 1;
      i32[c + STATE] = NEIGHBOUR_STALE;
    } else if (state === NEIGHBOUR_INCOMPLETE) return 0;
    else if (state === NEIGHBOUR_NONE) return this.#start(entry & ROW_MASK, c);
    else if (state === NEIGHBOUR_FAILED) {
      // One question a second and neighbour, whoever wants it (RFC 4861 section 7.2.2, RFC 1122 section 2.3.2.1).
      const retransmit = this.#interfaces.get(i32[c + IFACE]!).retransmit;
      if (now < this.#f64[h + UNTIL]! + Math.max(retransmit, SECOND)) return -1;
      return this.#start(entry & ROW_MASK, c);
    } else if (state !== NEIGHBOUR_STALE) return 1;
    // RFC 4861 section 7.3.3: the first packet to a stale neighbour starts DELAY.
    i32[c + STATE] = NEIGHBOUR_DELAY;
    this.#wheel.schedule(entry & ROW_MASK, now + this.#core.settings.neighbourDelayFirstProbe);
    return 1;
  }

  /** The neighbour's MAC address, high 16 and low 32 bits: after ready() has said 1. */
  macHi(entry: number): number {
    return this.#i32[this.#table.cell(entry) + MAC_HI]!;
  }

  macLo(entry: number): number {
    return this.#i32[this.#table.cell(entry) + MAC_LO]!;
  }

  /** NEIGHBOUR_*; NEIGHBOUR_NONE for an entry that is gone. REACHABLE whose time is over reads as STALE. */
  state(entry: number): number {
    return this.#table.state(entry);
  }

  /** Since when (us) a FAILED entry has been so. */
  failedAt(entry: number): number {
    return this.#f64[(this.#table.cell(entry) >> 1) + UNTIL]!;
  }

  /** A route leads through it: when it fails, routes.epoch is raised, so that another router is chosen. */
  markGateway(entry: number): void {
    this.#i32[this.#table.cell(entry) + FLAGS]! |= IS_GATEWAY;
  }

  isRouter(entry: number): boolean {
    return (this.#i32[this.#table.cell(entry) + FLAGS]! & IS_ROUTER) !== 0;
  }

  /**
   * A router advertisement or a redirect has come from it, or a router solicitation (RFC 4861 sections 6.2.6, 6.3.4,
   * 8.3).
   */
  setRouter(entry: number, router: boolean): void {
    const c = this.#table.cell(entry);
    this.#i32[c + FLAGS] = router ? this.#i32[c + FLAGS]! | IS_ROUTER : this.#i32[c + FLAGS]! & ~IS_ROUTER;
  }

  /**
   * Keeps the IP packet [offset, offset + length), whole with its checksums, until the entry is resolved; its frame is
   * the queue's now and has room for an Ethernet header before the packet. Beyond settings.neighbourQueue datagrams the
   * oldest is dropped with all its fragments (RFC 4861 section 7.2.2). After ready() has said 0.
   */
  enqueue(entry: number, offset: number, length: number): void {
    const c = this.#table.cell(entry);
    if (this.#table.alive(entry, c) && this.#i32[c + STATE] === NEIGHBOUR_INCOMPLETE)
      this.#queue.add(c + QUEUE, offset, length);
    else this.#queue.refuse(offset);
  }

  /**
   * The next packet whose neighbour did not answer: offset of its IP header, or 0. Its length is in `failedLength`; the
   * frame is the caller's, who tells the local sender (EHOSTUNREACH) and frees it. The stack asks after each tick().
   */
  nextFailed(): number {
    return this.#queue.nextFailed();
  }

  get failedLength(): number {
    return this.#queue.failedLength;
  }

  /** Frames that wait for neighbours, or for nextFailed(). */
  get queued(): number {
    return this.#queue.used;
  }

  /**
   * An upper layer saw its packets arrive there (RFC 4861 section 7.3.1): the neighbour is reachable for another while.
   */
  confirm(entry: number): void {
    if (entry === 0) return;
    const c = this.#table.cell(entry);
    if (!this.#table.alive(entry, c)) return;
    const state = this.#i32[c + STATE]!;
    if (state === NEIGHBOUR_REACHABLE) {
      this.#f64[(c >> 1) + UNTIL] = this.#core.now.us + this.#interfaces.get(this.#i32[c + IFACE]!).reachable;
    } else if (state >= NEIGHBOUR_STALE && state <= NEIGHBOUR_PROBE) this.#reachable(entry & ROW_MASK, c);
  }

  /**
   * A neighbour's MAC address was told unasked: the sender of an ARP request, the source of a solicitation, an
   * advertisement's or a redirect's option (RFC 4861 section 7.2.3; RFC 826). Creates an entry if `create`. A new
   * address makes the entry STALE; a known one changes nothing. `locked`: not within a second of an answer to us (ARP,
   * which has no override flag). Returns the entry or 0.
   */
  hear(
    iface: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    macHi: number,
    macLo: number,
    create: boolean,
    locked: boolean,
  ): number {
    let entry = this.lookup(iface, w0, w1, w2, w3);
    if (entry === 0) {
      entry = create && isUnicastMac(macHi, macLo) ? this.#create(iface, w0, w1, w2, w3, -Infinity) : 0;
      if (entry === 0) return 0;
    }
    const row = entry & ROW_MASK;
    const c = this.#table.rows.cell(row);
    const state = this.#i32[c + STATE]!;
    if (state === NEIGHBOUR_PERMANENT || !isUnicastMac(macHi, macLo)) return entry;
    const known = state >= NEIGHBOUR_REACHABLE && state <= NEIGHBOUR_PROBE;
    if (known && this.#i32[c + MAC_HI] === macHi && this.#i32[c + MAC_LO] === macLo) return entry;
    if (known && locked && this.#core.now.us < this.#f64[(c >> 1) + SETTLED]! + LOCK_TIME) return entry;
    this.#setMac(row, c, macHi, macLo, NEIGHBOUR_STALE);
    return entry;
  }

  /**
   * An advertisement (or ARP reply) for an existing entry: the state machine of RFC 4861 section 7.2.5. `hasMac`: it
   * bears the address; `flags`: ADVERTISED_*. Returns 1 if the neighbour has just ceased to be a router, else 0.
   */
  advertised(entry: number, hasMac: boolean, macHi: number, macLo: number, flags: number): number {
    const row = entry & ROW_MASK;
    const c = this.#table.rows.cell(row);
    const i32 = this.#i32;
    const state = i32[c + STATE]!;
    const solicited = (flags & ADVERTISED_SOLICITED) !== 0;
    if (state === NEIGHBOUR_PERMANENT || state === NEIGHBOUR_NONE) return 0;
    if (hasMac && !isUnicastMac(macHi, macLo)) return 0;
    if (solicited) this.#f64[(c >> 1) + SETTLED] = this.#core.now.us;
    if (state === NEIGHBOUR_INCOMPLETE || state === NEIGHBOUR_FAILED) {
      if (!hasMac) return 0;
      this.#setRouter(c, flags);
      this.#setMac(row, c, macHi, macLo, solicited ? NEIGHBOUR_REACHABLE : NEIGHBOUR_STALE);
      return 0;
    }
    const differs = hasMac && (i32[c + MAC_HI] !== macHi || i32[c + MAC_LO] !== macLo);
    if (differs && (flags & ADVERTISED_OVERRIDE) === 0) {
      // I a: somebody else answers as well; the known address is kept, and probed before long. I b: nothing.
      if (state === NEIGHBOUR_REACHABLE) i32[c + STATE] = NEIGHBOUR_STALE;
      return 0;
    }
    if (differs) this.#setMac(row, c, macHi, macLo, solicited ? NEIGHBOUR_REACHABLE : NEIGHBOUR_STALE);
    else if (solicited) this.#reachable(row, c);
    return this.#setRouter(c, flags);
  }

  /** Whether an ARP reply now would answer a question of ours (there is no flag that says so, as NDP has it). */
  asked(entry: number): boolean {
    const state = this.#i32[this.#table.cell(entry) + STATE]!;
    return state === NEIGHBOUR_INCOMPLETE || state === NEIGHBOUR_PROBE;
  }

  /** A configured entry, never asked for and never changed by what is heard: 0, or -ENOMEM. */
  set(iface: number, w0: number, w1: number, w2: number, w3: number, macHi: number, macLo: number): number {
    const entry = this.find(iface, w0, w1, w2, w3);
    if (entry === 0) return -ENOMEM;
    this.#setMac(entry & ROW_MASK, this.#table.cell(entry), macHi, macLo, NEIGHBOUR_PERMANENT);
    return 0;
  }

  /** Forgets an entry, of whatever state, with the packets that wait for it. */
  remove(entry: number): void {
    if (this.#table.alive(entry, this.#table.cell(entry))) this.#forget(entry & ROW_MASK);
  }

  /** The cache, for people. */
  list(): Neighbour[] {
    return this.#table.list();
  }

  /** Sends what is due: questions again, probes; gives up. */
  tick(): void {
    const now = this.#core.now.us;
    for (let row = this.#wheel.expire(now); row !== 0; row = this.#wheel.expire(now)) {
      const c = this.#table.rows.cell(row);
      const { neighbourMulticastProbes, neighbourUnicastProbes } = this.#core.settings;
      // Only INCOMPLETE, DELAY and PROBE have timers.
      if (this.#i32[c + STATE] === NEIGHBOUR_DELAY) {
        this.#i32[c + STATE] = NEIGHBOUR_PROBE;
        this.#i32[c + PROBES] = 0;
      }
      const unicast = this.#i32[c + STATE] === NEIGHBOUR_PROBE;
      const most = unicast ? neighbourUnicastProbes : neighbourMulticastProbes;
      if (this.#i32[c + PROBES]! >= most) this.#fail(row, c);
      else this.#ask(row, c);
    }
  }

  /** When tick() has something to do (us), or Infinity; sometimes early, never late. */
  pollAt(): number {
    return this.#wheel.pollAt();
  }

  #create(iface: number, w0: number, w1: number, w2: number, w3: number, used: number): number {
    const table = this.#table;
    const entry = table.create(iface, w0, w1, w2, w3, used);
    if (entry !== 0) return entry;
    const victim = table.victim();
    if (victim === 0) return 0;
    this.#forget(victim);
    return table.create(iface, w0, w1, w2, w3, used);
  }

  #forget(row: number): void {
    this.#wheel.cancel(row);
    this.#queue.drop(this.#table.cell(row) + QUEUE);
    this.#table.remove(row);
  }

  /** Resolution begins: 0, as ready() returns it. */
  #start(row: number, c: number): number {
    this.#i32[c + STATE] = NEIGHBOUR_INCOMPLETE;
    this.#i32[c + PROBES] = 0;
    this.#ask(row, c);
    return 0;
  }

  /** Sends a question, by multicast where the MAC address is not known, and sets the timer for the next. */
  #ask(row: number, c: number): void {
    const i32 = this.#i32;
    const now = this.#core.now.us;
    const iface = this.#interfaces.get(i32[c + IFACE]!);
    const unicast = i32[c + STATE] === NEIGHBOUR_PROBE;
    const wait = unicast ? iface.retransmit : Math.max(iface.retransmit, SECOND);
    this.#wheel.schedule(row, now + wait);
    i32[c + PROBES]!++;
    this.#core.counters.add(PROBES_SENT, 1);
    solicit(
      this.#core,
      iface,
      i32[c + ADDRESS]!,
      i32[c + ADDRESS + 1]!,
      i32[c + ADDRESS + 2]!,
      i32[c + ADDRESS + 3]!,
      unicast,
      i32[c + MAC_HI]!,
      i32[c + MAC_LO]!,
      this.#queue.first(c + QUEUE),
    );
  }

  /** Nobody answers: the address is unreachable; whoever waits is told. */
  #fail(row: number, c: number): void {
    const i32 = this.#i32;
    i32[c + STATE] = NEIGHBOUR_FAILED;
    this.#f64[(c >> 1) + UNTIL] = this.#core.now.us;
    i32[c + MAC_HI] = 0;
    i32[c + MAC_LO] = 0;
    this.#wheel.cancel(row);
    this.#queue.fail(c + QUEUE);
    this.#table.raiseEpoch();
    if ((i32[c + FLAGS]! & IS_GATEWAY) !== 0) this.#interfaces.epoch++;
  }

  #reachable(row: number, c: number): void {
    const iface = this.#interfaces.get(this.#i32[c + IFACE]!);
    const now = this.#core.now.us;
    if (now >= iface.reachableRedraw) {
      // RFC 4861 section 6.3.2: between half and one and a half times the base, so that neighbours do not probe in
      // step.
      iface.reachable = (iface.baseReachable * (512 + this.#core.rng.below(1025))) / 1024;
      iface.reachableRedraw = now + REDRAW;
    }
    this.#i32[c + STATE] = NEIGHBOUR_REACHABLE;
    this.#i32[c + PROBES] = 0;
    this.#f64[(c >> 1) + UNTIL] = now + iface.reachable;
    this.#wheel.cancel(row);
  }

  /** A MAC address has been learned: records it, sets the state, lets what waits go. */
  #setMac(row: number, c: number, macHi: number, macLo: number, state: number): void {
    const i32 = this.#i32;
    i32[c + MAC_HI] = macHi;
    i32[c + MAC_LO] = macLo;
    if (state === NEIGHBOUR_REACHABLE) this.#reachable(row, c);
    else {
      i32[c + STATE] = state;
      this.#wheel.cancel(row);
    }
    this.#table.raiseEpoch();
    if (this.#queue.first(c + QUEUE) === 0) return;
    this.#queue.send(c + QUEUE, this.#interfaces.get(i32[c + IFACE]!), macHi, macLo);
    this.#f64[(c >> 1) + USED] = this.#core.now.us;
    // Traffic to a stale neighbour is what DELAY waits for (RFC 4861 section 7.3.3).
    if (state === NEIGHBOUR_STALE) this.ready(this.#table.entry(row));
  }

  #setRouter(c: number, flags: number): number {
    const i32 = this.#i32;
    const was = (i32[c + FLAGS]! & IS_ROUTER) !== 0;
    const is = (flags & ADVERTISED_ROUTER) !== 0;
    i32[c + FLAGS] = is ? i32[c + FLAGS]! | IS_ROUTER : i32[c + FLAGS]! & ~IS_ROUTER;
    return was && !is ? 1 : 0;
  }
}

/** A MAC address that one station may have: not a group's, not all zeros (RFC 1812 section 3.3.2 refuses the like). */
function isUnicastMac(hi: number, lo: number): boolean {
  return (hi & 0x100) === 0 && (hi | lo) !== 0;
}
