// A program at one end of a simulated connection: sends a pattern by a plan, checks every byte that it reads, ends as planned.
// Made by sim.ts for connect() and bulk(); called by its host after passes, and by the agenda; calls the host's TCP.
//
// What is sent is a function of the position in the stream, so neither end keeps any of it.

import { Buffer } from 'node:buffer';
import { EAGAIN, ENOBUFS, errnoName } from '../base/errno.ts';
import { READY_CONNECTED, READY_ERROR } from '../stack/tcp/flags.ts';
import type { App, Host } from './host.ts';

/** What an end does. Times in microseconds. */
export interface Plan {
  /** Bytes to send, default 0; Infinity: without end. */
  readonly bytes?: number;
  /** Bytes a write, default 65,536; and time between writes, default 0: as the send buffer has room. */
  readonly writeSize?: number;
  readonly writeEvery?: number;
  /** Bytes a read at most, default 65,536; time between reads, default 0: as they come; time of the first one. */
  readonly readSize?: number;
  readonly readEvery?: number;
  readonly readAfter?: number;
  /** Whether what is written is copied into the send buffer; otherwise it is sent from one block of the stack's memory, if that has one (default). */
  readonly copy?: boolean;
  /**
   * When all is written: 'shutdown' sends a FIN, reads until the peer's, and closes (default); 'close' closes at once, whatever
   * still comes; 'abort' resets; 'wait' sends its FIN only when the peer's has come.
   */
  readonly end?: 'shutdown' | 'close' | 'abort' | 'wait';
  /** Resets the connection this long after it was opened. */
  readonly abortAfter?: number;
}

/** Where the plan of timers goes. */
export interface Timers {
  readonly now: number;
  after(delay: number, fn: () => void): void;
}

/** A period of the pattern: a prime, so that no shift by a power of two or by a number of segments looks right. */
const PERIOD = 65_521;
const CHUNK = 65_536;
/** How long to wait for memory of the stack (us). */
const STARVED = 10_000;

/** Two periods and a chunk, so that any chunk of the stream lies in one piece. */
const pattern: Buffer = Buffer.alloc(2 * PERIOD + CHUNK);
for (let i = 0, x = 1; i < PERIOD; i++) {
  x = (Math.imul(x, 1_103_515_245) + 12_345) | 0;
  pattern[i] = x >>> 16;
}
for (let at = PERIOD; at < pattern.length; at += PERIOD)
  pattern.copy(pattern, at, 0, Math.min(PERIOD, pattern.length - at));
const scratch: Buffer = Buffer.alloc(CHUNK);

export class Peer implements App {
  readonly host: Host;
  readonly handle: number;
  readonly plan: Plan;
  sent = 0;
  received = 0;
  connected = false;
  /** The peer's FIN has been read. */
  ended = false;
  /** Nothing more will happen here: closed by us, or dead. */
  done = false;
  /** Why the connection died: the name of an errno; 'aborted' by this end; '' while it lives or where it was closed in order. */
  error = '';
  /** When it was opened, was connected, and was done (us of the simulation). */
  readonly openedAt: number;
  connectedAt = 0;
  doneAt = 0;
  lastReceivedAt = 0;
  /** Called once, when it is done. */
  onDone: () => void = () => {};
  readonly #timers: Timers;
  readonly #phase: number;
  readonly #peerPhase: number;
  readonly #bytes: number;
  readonly #writeSize: number;
  readonly #writeEvery: number;
  readonly #readSize: number;
  readonly #readEvery: number;
  /** Where the pattern lies in the stack's memory, or 0. */
  readonly #block: number;
  #finished = false;
  #writing = false;
  #reading = false;

  /** `phase` and `peerPhase`: where in the pattern this end's stream begins, and the peer's. */
  constructor(host: Host, handle: number, plan: Plan, timers: Timers, phase: number, peerPhase: number) {
    this.host = host;
    this.handle = handle;
    this.plan = plan;
    this.#timers = timers;
    this.#phase = phase % PERIOD;
    this.#peerPhase = peerPhase % PERIOD;
    this.openedAt = timers.now;
    this.#bytes = plan.bytes ?? 0;
    this.#writeSize = Math.min(CHUNK, plan.writeSize ?? CHUNK);
    this.#writeEvery = plan.writeEvery ?? 0;
    this.#readSize = Math.min(CHUNK, plan.readSize ?? CHUNK);
    this.#readEvery = plan.readEvery ?? 0;
    this.#block = plan.copy || this.#bytes === 0 ? 0 : host.patternBlock(pattern);
    host.watch(handle, this);
    if (plan.readAfter !== undefined) this.#readLater(plan.readAfter);
    if (plan.abortAfter !== undefined) timers.after(plan.abortAfter, () => this.abort());
  }

  ready(flags: number): void {
    if (this.done) return;
    if ((flags & READY_CONNECTED) !== 0 && !this.connected) {
      this.connected = true;
      this.connectedAt = this.#timers.now;
    }
    if (!this.#reading) this.#read();
    if (this.done) return;
    if ((flags & READY_ERROR) !== 0) {
      // What came before the end can still be read, and has been, unless its time has not come.
      this.#died(this.host.tcp.error(this.handle));
      return;
    }
    if (this.connected) this.start();
  }

  /** Writes what may be written; for an accepted connection, which is connected already. */
  start(): void {
    if (this.done) return;
    if (!this.connected) {
      this.connected = true;
      this.connectedAt = this.#timers.now;
    }
    if (!this.#writing) this.#write();
  }

  /** Resets the connection. */
  abort(): void {
    if (this.done) return;
    this.error = 'aborted';
    this.host.tcp.abort(this.handle);
    this.#finish();
  }

  #write(): void {
    const { tcp } = this.host;
    while (this.sent < this.#bytes) {
      const n = Math.min(this.#writeSize, this.#bytes - this.sent);
      const at = (this.#phase + this.sent) % PERIOD;
      const took =
        this.#block > 0 ? tcp.writeBlock(this.handle, this.#block + at, n) : tcp.write(this.handle, pattern, at, n);
      if (took === -ENOBUFS) {
        // The stack's memory is used up by others, and nothing will say when it no longer is.
        this.#writeLater(STARVED);
        return;
      }
      if (took < 0) {
        this.#died(-took);
        return;
      }
      this.sent += took;
      if (took < n) return;
      if (this.#writeEvery > 0) {
        this.#writeLater(this.#writeEvery);
        return;
      }
    }
    this.#end();
  }

  #writeLater(delay: number): void {
    this.#writing = true;
    this.#timers.after(delay, () => {
      this.#writing = false;
      if (!this.done) this.#write();
    });
  }

  /** All is written. */
  #end(): void {
    const { end = 'shutdown' } = this.plan;
    if (end === 'abort') this.abort();
    else if (end === 'close') this.#close();
    else {
      if (!this.#finished && (end === 'shutdown' || this.ended)) {
        this.#finished = true;
        this.host.tcp.shutdown(this.handle);
      }
      if (this.#finished && this.ended) this.#close();
    }
  }

  #readLater(delay: number): void {
    this.#reading = true;
    this.#timers.after(delay, () => {
      this.#reading = false;
      if (!this.done) this.#read();
    });
  }

  #read(): void {
    const { tcp } = this.host;
    while (!this.ended) {
      const n = tcp.read(this.handle, scratch, 0, this.#readSize);
      if (n > 0) {
        this.#check(n);
        if (this.#readEvery === 0) continue;
        // What comes in the meantime waits, and closes the window.
        this.#readLater(this.#readEvery);
        return;
      }
      if (n === 0) {
        this.ended = true;
        if (this.connected && this.sent >= this.#bytes) this.#end();
      } else if (n !== -EAGAIN) this.#died(-n);
      return;
    }
  }

  #check(n: number): void {
    const from = (this.#peerPhase + this.received) % PERIOD;
    if (scratch.compare(pattern, from, from + n, 0, n) !== 0) {
      let i = 0;
      while (scratch[i] === pattern[from + i]) i++;
      throw new Error(`${this.host.name}: byte ${this.received + i} of the stream is wrong (in a read of ${n} bytes)`);
    }
    this.received += n;
    this.lastReceivedAt = this.#timers.now;
  }

  #close(): void {
    this.host.tcp.close(this.handle);
    this.#finish();
  }

  #died(errno: number): void {
    this.error = errnoName(errno);
    this.host.tcp.close(this.handle);
    this.#finish();
  }

  #finish(): void {
    if (this.done) return;
    this.done = true;
    this.doneAt = this.#timers.now;
    this.host.forget(this.handle);
    this.onDone();
  }
}
