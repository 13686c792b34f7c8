// Ephemeral ports (RFC 6056): a port that nobody uses and that an outsider cannot guess.
// Called by tcp and udp when they bind; calls SipHash and the generator in core.

import type { Core } from './core.ts';

/** Counters of the double-hash algorithm: a power of two. */
const TABLE = 256;

/** Whether a port is taken, for whatever the asker is about to bind. Allocated once by the asker: it reads its own registers. */
export type PortInUse = (port: number) => boolean;

/** One instance serves all protocols of a stack. */
export class Ports {
  readonly #core: Core;
  readonly #words: Int32Array = new Int32Array(10);
  readonly #counters: number;

  constructor(core: Core) {
    this.#core = core;
    this.#counters = core.arena.region('ports', TABLE * 4) >> 2;
    for (let i = 0; i < TABLE; i++) core.i32[this.#counters + i] = core.rng.int32() & 0x3fffffff;
  }

  /**
   * A port for a connection whose other end is known: algorithm 4, double hash (section 3.3.4). Ports towards one remote
   * socket follow one another, so that none is used again soon (TIME-WAIT there); each remote socket has a start of its own.
   * Addresses are four words. Returns the port, or 0 when every one in settings.portFirst .. portLast is in use.
   */
  forConnection(
    protocol: number,
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    r0: number,
    r1: number,
    r2: number,
    r3: number,
    remotePort: number,
    inUse: PortInUse,
  ): number {
    const w = this.#words;
    w[0] = l0;
    w[1] = l1;
    w[2] = l2;
    w[3] = l3;
    w[4] = r0;
    w[5] = r1;
    w[6] = r2;
    w[7] = r3;
    w[8] = remotePort;
    w[9] = protocol;
    const offset = this.#core.sip.hash(w, 0, 10);
    const cell = this.#counters + (this.#core.sip.high & (TABLE - 1));
    const i32 = this.#core.i32;
    const first = this.#core.settings.portFirst;
    const count = this.#core.settings.portLast - first + 1;
    for (let tried = 0; tried < count; tried++) {
      const port = first + (((offset & 0x3fffffff) + i32[cell]!) % count);
      i32[cell] = (i32[cell]! + 1) & 0x3fffffff;
      if (!inUse(port)) return port;
    }
    return 0;
  }

  /**
   * A port for a socket that may speak to anybody: algorithm 1, a random start and the next free one (section 3.3.1).
   * Returns 0 when every one is in use.
   */
  random(inUse: PortInUse): number {
    const first = this.#core.settings.portFirst;
    const count = this.#core.settings.portLast - first + 1;
    const start = this.#core.rng.below(count);
    for (let tried = 0; tried < count; tried++) {
      const port = first + ((start + tried) % count);
      if (!inUse(port)) return port;
    }
    return 0;
  }
}
