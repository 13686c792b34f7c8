// A host of a simulation: a stack, its network card, and the programs on it, turned when packets arrive and timers are due.
// Made by sim.ts; called by lines (packets), by the schedule (timers) and by programs (through the stack); calls the stack's pass.

import { BLOCK } from '../base/blocks.ts';
import type { Clock, Driver } from '../base/time.ts';
import type { Settings } from '../stack/settings.ts';
import { createMemory, type MemorySizes, Stack } from '../stack/stack.ts';
import type { Tcp } from '../stack/tcp/tcp.ts';
import type { Line } from './line.ts';
import type { Actor, Net, Node } from './net.ts';
import { Nic, type NicOptions } from './nic.ts';

/** What is behind a TCP handle of a host. */
export interface App {
  /** Called after a pass with READY_* of the stack. It may call the stack. */
  ready(flags: number): void;
}

export interface HostOptions extends NicOptions {
  /** Of its stack. Defaults as everywhere, but 1,024 connections and tables to match. */
  readonly settings?: Partial<Settings>;
  /** Frames and payload chunks of its stack. */
  readonly memory?: MemorySizes;
  /** With prefix lengths. Default: 10.0.0.N/8 and fd00::N/16, where N counts the nodes from 1. */
  readonly addresses?: readonly string[];
  /**
   * Microseconds for which packets are gathered after one has arrived, before the stack has its pass: as the interrupts of
   * network cards are. Default 0: a pass for each moment at which packets arrive.
   */
  readonly coalesce?: number;
}

/** Small tables: a simulation has many hosts. */
const SETTINGS: Partial<Settings> = {
  tcpRows: 1024,
  udpRows: 64,
  neighbours: 64,
  routes: 32,
  reassemblies: 16,
  pathMtus: 64,
};
const SIZES = { small: 4096, large: 128, chunks: 16_384, blocks: 1 };
const TABLES = 4 << 20;
const ROW = 2048;
/** Passes at one moment: far more than there can be reasons for. */
const MOST_PASSES = 100_000;

export class Host implements Node, Actor, Driver {
  readonly name: string;
  /** N of its default addresses. */
  readonly number: number;
  readonly stack: Stack;
  readonly tcp: Tcp;
  readonly clock: Clock;
  readonly options: HostOptions;
  nic: Nic | null = null;
  /** Ports that connections to it have been given. */
  nextPort = 0;
  readonly #net: Net;
  readonly #id: number;
  readonly #coalesce: number;
  readonly #apps = new Map<number, App>();
  #callbacks: readonly (() => void)[] = [];
  #pattern = 0;
  #work = false;
  #running = false;

  constructor(net: Net, name: string, number: number, options: HostOptions, clock: Clock) {
    this.#net = net;
    this.name = name;
    this.number = number;
    this.options = options;
    this.clock = clock;
    this.#coalesce = options.coalesce ?? 0;
    const settings = { ...SETTINGS, ...options.settings };
    const sizes = { ...SIZES, ...options.memory };
    const arenaBytes =
      sizes.arenaBytes ??
      sizes.small! * 2100 +
        sizes.large! * 67_700 +
        sizes.chunks! * 4140 +
        sizes.blocks! * (BLOCK + 64) +
        TABLES +
        settings.tcpRows! * ROW;
    const rng = net.rng();
    this.stack = new Stack(createMemory({ ...sizes, arenaBytes }), {
      settings,
      rng,
      secret: Int32Array.from({ length: 8 }, () => rng.int32()),
    });
    this.tcp = this.stack.tcp;
    this.#id = net.enter(this);
    this.stack.onWork = () => this.poke();
  }

  /** Its addresses, as text with prefix lengths. */
  get addresses(): readonly string[] {
    const n = this.number;
    return this.options.addresses ?? [`10.0.${n >> 8}.${n & 255}/8`, `fd00::${n.toString(16)}/16`];
  }

  /** Connects its card to the line that leads away from it. */
  plug(line: Line): void {
    this.nic = new Nic(this.#net, this.stack.memory, line, this.options);
    this.stack.attach(this.nic, { addresses: this.addresses });
  }

  /** Where in the stack's memory `pattern` lies, which is put into a block of it once; 0 if there is none. */
  patternBlock(pattern: Uint8Array): number {
    if (this.#pattern === 0) {
      const { blocks, arena } = this.stack.memory;
      this.#pattern = blocks.alloc();
      if (this.#pattern !== 0) arena.u8.set(pattern, this.#pattern);
    }
    return this.#pattern;
  }

  /** `app` is told of what happens to `handle`. */
  watch(handle: number, app: App): void {
    this.#apps.set(handle, app);
  }

  forget(handle: number): void {
    this.#apps.delete(handle);
  }

  receive(_port: number, slot: number, length: number): void {
    this.nic!.arrive(slot, length);
  }

  flush(): void {
    if (this.#coalesce === 0) this.fire();
    else {
      const at = this.#net.time[0]! + this.#coalesce;
      if (at < this.#net.schedule.of(this.#id)) this.#net.schedule.set(this.#id, at);
    }
  }

  /** There is work for the stack: a pass comes at this moment of virtual time. */
  poke(): void {
    this.#work = true;
    if (!this.#running) this.#net.schedule.set(this.#id, this.#net.time[0]!);
  }

  onPass(fn: () => void): () => void {
    this.#callbacks = [...this.#callbacks, fn];
    return () => {
      this.#callbacks = this.#callbacks.filter((one) => one !== fn);
    };
  }

  /** Passes until there is nothing left to do at this moment. */
  fire(): void {
    const { stack, tcp } = this;
    const now = this.#net.time[0]!;
    let at = now;
    this.#running = true;
    try {
      for (let n = 0; ; n++) {
        if (n === MOST_PASSES) throw new Error(`${this.name} does not come to rest at ${now} us`);
        this.#work = false;
        stack.poll(now);
        if (this.#callbacks.length === 0) this.#dispatch();
        else for (const fn of this.#callbacks) fn();
        if (this.#work || this.nic!.waiting > 0 || tcp.unfinished) continue;
        at = stack.pollAt();
        if (at > now) break;
      }
    } finally {
      this.#running = false;
    }
    this.#net.schedule.set(this.#id, at);
  }

  #dispatch(): void {
    const { tcp } = this;
    for (let handle = tcp.nextReady(); handle !== 0; handle = tcp.nextReady()) {
      this.#apps.get(handle)?.ready(tcp.readyFlags);
    }
  }
}
