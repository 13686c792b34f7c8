// Turns a simulation for code written on ring3/net and ring3/http: between two moments of virtual time Node's loop is drained.
// Made by users in their tests; calls sim.step, Network, and Node's setImmediate.
//
//   until(promise):  code runs till it waits ──► the simulation's next deadline ──► its sockets hear ──► code runs …
//
// Virtual time stands still while code runs, however long it takes. That code waits is seen from its immediates: what goes
// through microtasks, process.nextTick and setImmediate is done after a few turns of the loop. What is with the kernel or
// with Node's threads (files, crypto, zlib, dns) is not seen: hold() makes time wait for it. Node's own timers know nothing of
// virtual time unless they are mocked: `tick` is called for each millisecond of it, made for node:test's mock.timers.tick.

import type { LookupFunction } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Network } from '../socket/network.ts';
import type { Host } from './host.ts';
import type { Sim } from './sim.ts';

export interface DriveOptions {
  /** Called with 1 for each millisecond of virtual time that has passed. */
  readonly tick?: (ms: number) => void;
  /** Turns of Node's loop after which code is taken to wait. Default 4: http needs 2. */
  readonly turns?: number;
}

const MS = 1000;

export class NodeDrive {
  readonly #sim: Sim;
  readonly #tick: ((ms: number) => void) | undefined;
  readonly #turns: number;
  readonly #held = new Set<Promise<unknown>>();
  #networks: Network[] = [];
  /** A stack with sockets on it has had a pass: code may have been called. */
  #stirred = true;
  #nextMs = MS;
  #running = false;

  constructor(sim: Sim, options: DriveOptions = {}) {
    this.#sim = sim;
    this.#tick = options.tick;
    this.#turns = options.turns ?? 4;
    this.#nextMs = (Math.floor(sim.now / MS) + 1) * MS;
  }

  /** The sockets of `host`: for createNet(), createHttp() and createDgram(). A host has these, or connections of the simulation's. */
  network(host: Host, options: { lookup?: LookupFunction } = {}): Network {
    host.onPass(() => {
      this.#stirred = true;
    });
    const network = new Network(host.stack, host, options);
    this.#networks.push(network);
    return network;
  }

  /** Virtual time waits until `promise` is settled: for work that Node's threads or the kernel do. Returns it. */
  hold<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(
      () => {},
      () => {},
    );
    this.#held.add(settled);
    void settled.then(() => this.#held.delete(settled));
    return promise;
  }

  /**
   * Lets virtual time pass until `promise` is settled, and returns or throws what it has come to. An Error if nothing happens
   * any more, or `limit` (us of the simulation, default one hour from now) is reached.
   */
  async until<T>(promise: Promise<T>, limit: number = this.#sim.now + 3_600_000_000): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    await this.#run(limit, () => settled);
    if (settled) return promise;
    const why = this.#sim.now < limit ? 'nothing will happen any more' : 'the limit is reached';
    throw new Error(`simulation (seed ${this.#sim.seed}): still waiting at ${this.#sim.now} us: ${why}`);
  }

  /** Lets virtual time pass until `until` (us). */
  async run(until: number): Promise<void> {
    await this.#run(until, () => false);
    this.#sim.run(until);
  }

  /** Closes the networks, and the simulation. */
  close(): void {
    for (const network of this.#networks) network.close();
    this.#networks = [];
    this.#sim.close();
  }

  async #run(until: number, settled: () => boolean): Promise<void> {
    if (this.#running) throw new Error('this drive is running already');
    this.#running = true;
    try {
      this.#stirred = true;
      for (;;) {
        if (this.#stirred) await this.#rest();
        if (settled()) return;
        const next = this.#sim.next;
        const ms = this.#tick === undefined ? Infinity : this.#nextMs;
        if (Math.min(next, ms) > until || (next === Infinity && ms === Infinity)) return;
        if (ms <= next) {
          this.#sim.run(ms);
          this.#nextMs = ms + MS;
          this.#tick!(1);
          this.#stirred = true;
        } else this.#sim.step(until);
      }
    } finally {
      this.#running = false;
    }
  }

  /** Code runs until it waits for the network or for time. */
  async #rest(): Promise<void> {
    this.#stirred = false;
    for (let n = 0; n < this.#turns; n++) await nextTurn();
    while (this.#held.size > 0) {
      await Promise.all(this.#held);
      for (let n = 0; n < this.#turns; n++) await nextTurn();
    }
  }
}
