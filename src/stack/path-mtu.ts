// The path MTU cache (RFC 1191, RFC 8201): by destination, bounded, forgotten after a while so that a wider path is found again.
// Written by tcp and udp once they have matched an ICMP error to what they sent; read by routes; calls aged-rows and routes.touch.

import { AGED_USER, AgedRows } from './aged-rows.ts';
import type { Core } from './core.ts';

/**
 * The last plateau, and the default of settings.pathMtuMin: an attacker's tiny MTU would make us send headers only. RFC 791 asks
 * 68 of every link, but none below 576 is in use.
 */
const IP4_MIN_PATH_MTU = 552;
/** Nothing below is believed for IPv6 (RFC 8201 section 4). */
export const IP6_MIN_PATH_MTU = 1280;

/** RFC 1191 section 7, table 7-1: the MTUs that are common, for routers that don't say theirs. */
const PLATEAUS: readonly number[] = [32000, 17914, 8166, 4352, 2002, 1492, 1006, IP4_MIN_PATH_MTU];

/** The greatest plateau below the length of the packet that did not pass (RFC 1191 section 5), never below the floor. */
export function plateauBelow(length: number): number {
  for (const p of PLATEAUS) if (p < length) return p;
  return IP4_MIN_PATH_MTU;
}

const W0 = AGED_USER;
const MTU = AGED_USER + 4;

export class PathMtu {
  readonly #core: Core;
  readonly #routes: { touch(): void };
  readonly #table: AgedRows;
  readonly #i32: Int32Array;

  /** `routes.touch()` is called whenever a path's MTU changes or is forgotten: ways found before are stale. */
  constructor(core: Core, routes: { touch(): void }) {
    this.#core = core;
    this.#routes = routes;
    this.#i32 = core.i32;
    this.#table = new AgedRows(core.arena, 'path-mtu', core.settings.pathMtus, 5);
  }

  /** The MTU of the path to an address (four words), or 0 where nothing is known: the first hop's then. */
  get(w0: number, w1: number, w2: number, w3: number): number {
    // Nobody is known on most hosts: not even the hash is needed then.
    if (this.#table.oldest === 0) return 0;
    const row = this.#find(this.#core.flowHash.hash(w0, w1, w2, w3, 0, 0), w0, w1, w2, w3);
    return row === 0 ? 0 : this.#i32[this.#table.rows.cell(row) + MTU]!;
  }

  /**
   * A packet longer than `mtu` (IcmpError.mtu, above its floor) did not reach the address. Call only after the quoted
   * packet was found to be ours (RFC 5927 section 7). A larger value than known is not believed: it may be old
   * (RFC 8201 section 4); the path's is found when this entry has aged.
   */
  learn(w0: number, w1: number, w2: number, w3: number, mtu: number): void {
    const hash = this.#core.flowHash.hash(w0, w1, w2, w3, 0, 0);
    const table = this.#table;
    const deadline = this.#core.now.us + this.#core.settings.pathMtuLifetime;
    let row = this.#find(hash, w0, w1, w2, w3);
    if (row !== 0) {
      const cell = table.rows.cell(row) + MTU;
      if (mtu >= this.#i32[cell]!) return;
      this.#i32[cell] = mtu;
      table.renew(row, deadline);
    } else {
      if (table.rows.used === table.rows.count) table.remove(table.oldest);
      row = table.insert(hash, deadline);
      const cell = table.rows.cell(row);
      this.#i32[cell + W0] = w0;
      this.#i32[cell + W0 + 1] = w1;
      this.#i32[cell + W0 + 2] = w2;
      this.#i32[cell + W0 + 3] = w3;
      this.#i32[cell + MTU] = mtu;
    }
    this.#routes.touch();
  }

  /** Forgets what has aged. */
  tick(): void {
    const table = this.#table;
    while (table.oldest !== 0 && table.deadline(table.oldest) <= this.#core.now.us) {
      table.remove(table.oldest);
      this.#routes.touch();
    }
  }

  /** When tick() has something to do (us), or Infinity. */
  pollAt(): number {
    return this.#table.pollAt();
  }

  /** Destinations known now. */
  get used(): number {
    return this.#table.rows.used;
  }

  #find(hash: number, w0: number, w1: number, w2: number, w3: number): number {
    const i32 = this.#i32;
    for (let row = this.#table.first(hash); row !== 0; row = this.#table.next(row)) {
      const c = this.#table.rows.cell(row) + W0;
      if (i32[c + 3] === w3 && i32[c + 2] === w2 && i32[c + 1] === w1 && i32[c] === w0) return row;
    }
    return 0;
  }
}
