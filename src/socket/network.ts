// Network: one stack as the sockets of this process see it. Knows which object is behind which handle, wakes it after a pass,
// and keeps the process alive while somebody holds a socket. Made by the host (or a test); called by net and dgram; calls the stack.

import { AsyncResource } from 'node:async_hooks';
import type { LookupFunction } from 'node:net';
import { clearInterval, setInterval } from 'node:timers';
import { BLOCK } from '../base/blocks.ts';
import type { Driver } from '../base/time.ts';
import type { StackMemory } from '../stack/core.ts';
import type { Interfaces } from '../stack/interfaces.ts';
import { Endpoints, type Tcp } from '../stack/tcp/tcp.ts';
import type { Udp } from '../stack/udp.ts';
import { makeLookup } from './lookup.ts';

/** What is behind a handle. `ready` is called after a pass with READY_* bits; it may run any user code. */
export interface ReadySink {
  /** The asynchronous context in which the object was made: its events are emitted there (AsyncLocalStorage sees it). */
  readonly scope: AsyncResource;
  ready(flags: number): void;
}

/** What sockets need of a stack. */
export interface SocketStack {
  readonly memory: StackMemory;
  readonly tcp: Tcp;
  readonly udp: Udp;
  readonly interfaces: Interfaces;
}

/** Somebody whose write found no memory at all. */
export interface Starved {
  retry(): void;
}

/** Bytes of the slab that reads are cut from, and the most that one read takes of it. */
const SLAB = 256 * 1024;
const READ_MAX = 64 * 1024;
/** Reads below this come from Node's own pool: a small piece that somebody keeps must not pin a slab. */
const READ_SMALL = 4096;
/** Longest delay of a Node timer. */
const FOREVER = 2 ** 31 - 1;

function rethrow(error: unknown): never {
  throw error;
}

/** What a user's listener has thrown: the process's uncaught exception, but not in the middle of a pass. */
export function uncaught(error: unknown): void {
  process.nextTick(rethrow, error);
}

/** What has happened in a stack is told once: to one network. */
const taken = new WeakSet<SocketStack>();

export class Network {
  readonly #stack: SocketStack;
  readonly memory: StackMemory;
  readonly tcp: Tcp;
  readonly udp: Udp;
  readonly interfaces: Interfaces;
  /** Resolves names: literals and localhost here, the rest by the lookup given (default: node:dns, the kernel's way). */
  readonly lookup: LookupFunction;
  /** Register for tcp.endpoints. */
  readonly endpoints: Endpoints = new Endpoints();
  /** Text is encoded here before it is copied into a send buffer. */
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(READ_MAX);
  /** The context of sockets that were made in none: a pass must not lend them that of whoever happened to cause it. */
  readonly scope: AsyncResource = new AsyncResource('RING3');
  readonly #tcpSinks = new Map<number, ReadySink>();
  readonly #udpSinks = new Map<number, ReadySink>();
  readonly #leave: () => void;
  #starved: Starved[] = [];
  #slab: Buffer = Buffer.alloc(0);
  #slabAt = 0;
  #held = 0;
  #closed = false;
  #alive: NodeJS.Timeout | null = null;

  /**
   * `lookup` resolves names that are neither a literal nor localhost; its signature is that of node:dns lookup. A stack has one
   * network at a time: an Error otherwise.
   */
  constructor(stack: SocketStack, driver: Driver, options: { lookup?: LookupFunction } = {}) {
    this.memory = stack.memory;
    if (taken.has(stack)) throw new Error('this stack has a network already: close() that first, or share it');
    taken.add(stack);
    this.#stack = stack;
    this.tcp = stack.tcp;
    this.udp = stack.udp;
    this.interfaces = stack.interfaces;
    this.lookup = makeLookup(options.lookup);
    this.#leave = driver.onPass(() => this.#dispatch());
  }

  /** `sink` is told of what happens to the connection or listener `handle`. */
  watchTcp(handle: number, sink: ReadySink): void {
    this.#tcpSinks.set(handle, sink);
  }

  forgetTcp(handle: number): void {
    this.#tcpSinks.delete(handle);
  }

  watchUdp(handle: number, sink: ReadySink): void {
    this.#udpSinks.set(handle, sink);
  }

  forgetUdp(handle: number): void {
    this.#udpSinks.delete(handle);
  }

  /**
   * A buffer of 256 KiB in the stack's own memory, or null if there is none: what is written to a socket from it is sent from
   * where it lies, and must not be changed once it has been written. It is given back by giveBlock() when its last write has been called back.
   */
  takeBlock(): Buffer | null {
    const block = this.memory.blocks.alloc();
    return block === 0 ? null : Buffer.from(this.memory.arena.memory.buffer, block, BLOCK);
  }

  /** The user of a block is done with it; the stack keeps it for as long as it has bytes of it to send. */
  giveBlock(block: Buffer): void {
    this.memory.blocks.release(block.byteOffset);
  }

  /** Objects with a handle: connections, listeners and datagram sockets. */
  get open(): number {
    return this.#tcpSinks.size + this.#udpSinks.size;
  }

  /** One more object that keeps the process alive. The driver's own handles do not: they serve whoever holds something. */
  hold(): void {
    if (++this.#held === 1) this.#alive ??= setInterval(() => {}, FOREVER);
  }

  /** One fewer. */
  release(): void {
    if (--this.#held > 0 || this.#alive === null) return;
    clearInterval(this.#alive);
    this.#alive = null;
  }

  /** Stops listening to the driver. Sockets that are still open hear nothing any more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave();
    taken.delete(this.#stack);
    if (this.#alive !== null) clearInterval(this.#alive);
    this.#alive = null;
  }

  /** `who` tries again after the next pass: memory comes back when others' data has been acknowledged or read. */
  starve(who: Starved): void {
    this.#starved.push(who);
  }

  /**
   * Reads what connection `handle` has in order, up to 64 KiB, copied once into memory of its own: a Buffer; or 0: the peer has
   * ended; or -errno (-EAGAIN: nothing yet).
   */
  read(handle: number): Buffer | number {
    const available = this.tcp.readable(handle);
    if (available > 0 && available < READ_SMALL) {
      const small = Buffer.allocUnsafe(available);
      const n = this.tcp.read(handle, small, 0, available);
      return n === available ? small : n > 0 ? small.subarray(0, n) : n;
    }
    const want = Math.min(available, READ_MAX);
    if (this.#slab.length - this.#slabAt < Math.max(want, 1)) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB);
      this.#slabAt = 0;
    }
    const at = this.#slabAt;
    const n = this.tcp.read(handle, this.#slab, at, Math.max(want, 1));
    if (n <= 0) return n;
    this.#slabAt = at + n;
    return this.#slab.subarray(at, at + n);
  }

  #dispatch(): void {
    const { tcp, udp } = this;
    for (let handle = tcp.nextReady(); handle !== 0; handle = tcp.nextReady()) {
      this.#wake(this.#tcpSinks.get(handle), tcp.readyFlags);
    }
    for (let handle = udp.nextReady(); handle !== 0; handle = udp.nextReady()) {
      this.#wake(this.#udpSinks.get(handle), udp.readyFlags);
    }
    if (this.#starved.length > 0) {
      const waiting = this.#starved;
      this.#starved = [];
      for (const who of waiting) who.retry();
    }
  }

  /** What a listener throws is the user's uncaught exception, not the pass's: the other sockets still get their turn. */
  #wake(sink: ReadySink | undefined, flags: number): void {
    if (sink === undefined) return;
    try {
      sink.scope.runInAsyncScope(sink.ready, sink, flags);
    } catch (error) {
      uncaught(error);
    }
  }
}
