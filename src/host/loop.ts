// The loop: turns the crank of stacks in real time. Drains, spins a little, sleeps in libuv until a device, a socket or a time calls.
// Called by whoever builds a stack on a real machine, and by stacks through onWork; calls Stack.poll and the onPass callbacks.
//
//   descriptor readable --> link.wake --> stack.onWork --+
//   tcp.write and the like --------------> stack.onWork --+--> poke() --> setImmediate --> turn: pass, callbacks, pass, ...
//   the alarm (pollAt) -----------------------------------+
//
// Why setImmediate. Writes of one turn of Node's loop are to go out together, after the other JavaScript of that turn.
// Measured per turn on Node 20: a microtask followed by process.nextTick 0.27 us; setImmediate 0.7 us in a turn of its
// own, but 0.2 us after a wake-up from the poll phase, since libuv goes to its check phase next anyway. The immediate
// gathers the work of every descriptor that was ready, where the microtask would run a pass for each; it lets other
// input through between two turns, where ticks would starve it; and it has a callback scope, which the callback of
// a descriptor has not (watch.ts). Work marked by onPass callbacks is flushed in the same turn without any of them.

import type { Clock, Driver } from '../base/time.ts';
import { SystemClock } from './clock.ts';
import { type Alarm, openAlarm } from './timer.ts';

/** What the loop turns: a Stack, or anything of that shape. */
export interface Turnable {
  /** One pass at monotonic time `now` (us). True: there is more to do at once. */
  poll(now: number): boolean;
  /** When poll() is to be called next if nothing happens before (us), or Infinity. */
  pollAt(): number;
  /** Set by the loop: to be called when there is work for poll(). */
  onWork: () => void;
}

/** Options of a HostLoop. */
export interface HostLoopOptions {
  /**
   * Microseconds after the last work during which the loop polls for more instead of sleeping. Waking a processor that
   * sleeps costs some 30 us on a virtual machine, against 1 us a turn here: a flood of pings takes 9 us each with 50,
   * 70 with 0. Costs at most this much processor time after each burst. Default 50.
   */
  readonly spin?: number;
  /** Microseconds of passes in one turn before libuv gets its turn, so that other descriptors are not starved. Default 500. */
  readonly budget?: number;
}

/** A loop that calls nobody still has to keep the process alive: a timer that never goes off in practice. */
const FOREVER = 2 ** 31 - 1;

export class HostLoop implements Driver {
  readonly clock: Clock = new SystemClock();
  readonly #spin: number;
  readonly #budget: number;
  readonly #stacks: Turnable[] = [];
  /** Never changed in place: a pass may be going through it. */
  #callbacks: readonly (() => void)[] = [];
  readonly #alarm: Alarm;
  readonly #alive: ReturnType<typeof setInterval>;
  readonly #turn: () => void = () => this.#run();
  /** There is something to do (a pass, not only to look at the clock). */
  #dirty = false;
  #scheduled = false;
  #running = false;
  #closed = false;
  #next = Infinity;
  #armed = Infinity;
  #spinUntil = 0;

  constructor(options: HostLoopOptions = {}) {
    this.#spin = options.spin ?? 50;
    this.#budget = options.budget ?? 500;
    this.#alarm = openAlarm(() => {
      this.#armed = Infinity;
      this.#schedule();
    });
    this.#alive = setInterval(() => {}, FOREVER);
  }

  /** Turns `stack` from now on. */
  add(stack: Turnable): void {
    if (this.#closed || this.#stacks.includes(stack)) return;
    this.#stacks.push(stack);
    stack.onWork = () => this.poke();
    this.poke();
  }

  /** Turns `stack` no more. */
  remove(stack: Turnable): void {
    const at = this.#stacks.indexOf(stack);
    if (at < 0) return;
    this.#stacks.splice(at, 1);
    stack.onWork = () => {};
  }

  /** There is work: a pass runs before this turn of Node's event loop ends, or within the pass that is running. */
  poke(): void {
    this.#dirty = true;
    if (!this.#scheduled && !this.#running) this.#schedule();
  }

  /** Calls `fn` after every pass; what it marks is flushed in the same turn. Returns the function that takes it out. */
  onPass(fn: () => void): () => void {
    this.#callbacks = [...this.#callbacks, fn];
    return () => {
      this.#callbacks = this.#callbacks.filter((one) => one !== fn);
    };
  }

  /** The loop keeps the process alive (as it does from the start). */
  ref(): void {
    this.#alive.ref();
  }

  /** The loop alone does not keep the process alive. */
  unref(): void {
    this.#alive.unref();
  }

  /** Lets go of the stacks (without closing them) and of every descriptor and timer. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stack of [...this.#stacks]) this.remove(stack);
    this.#callbacks = [];
    this.#alarm.close();
    clearInterval(this.#alive);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  #run(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    let now = this.clock.monotonic();
    if (this.#dirty || now >= this.#next) {
      // Timers alone (a retransmission, an early alarm) are no reason to expect more soon: only work is.
      const worked = this.#dirty;
      this.#running = true;
      try {
        this.#passes(now);
      } finally {
        this.#running = false;
      }
      if (this.#closed) return;
      now = this.clock.monotonic();
      if (worked) this.#spinUntil = now + this.#spin;
      this.#next = this.#earliest();
    }
    if (this.#dirty || this.#next <= now || now < this.#spinUntil) this.#schedule();
    else this.#sleep(now);
  }

  /** Passes over all stacks until none has more to do, or the budget is used up (#dirty then says so). */
  #passes(start: number): void {
    let now = start;
    do {
      this.#dirty = false;
      let more = false;
      for (let i = 0; i < this.#stacks.length; i++) {
        if (this.#stacks[i]!.poll(now)) more = true;
      }
      const callbacks = this.#callbacks;
      for (const fn of callbacks) if (callbacks === this.#callbacks || this.#callbacks.includes(fn)) this.#call(fn);
      if (more) this.#dirty = true;
      now = this.clock.monotonic();
    } while (this.#dirty && now - start < this.#budget && !this.#closed);
  }

  /** One callback's mistake must not cost the others their events: it is thrown again where Node sees it, as uncaught. */
  #call(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #earliest(): number {
    let at = Infinity;
    for (let i = 0; i < this.#stacks.length; i++) at = Math.min(at, this.#stacks[i]!.pollAt());
    return at;
  }

  /** An alarm set too early only costs a look at the clock, so it is moved only when it would be too late. */
  #sleep(now: number): void {
    if (this.#next >= this.#armed) return;
    this.#armed = this.#next;
    this.#alarm.set(this.#next, now);
  }
}
