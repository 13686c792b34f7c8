// The demultiplexer: which row a segment belongs to, by its four-tuple, or which listener by address and port.
// Called by tcp.ts and input; calls rows and FlowHash. Chains run through the rows; nothing is allocated.

import type { Rows } from '../../base/rows.ts';
import type { Core } from '../core.ts';
import { LISTEN } from './state.ts';
import { TCB_HASH_NEXT, TCB_LOCAL_PORT, TCB_LOCAL0, TCB_REMOTE_PORT, TCB_REMOTE0, TCB_STATE } from './tcb.ts';

const LISTENER_BUCKETS = 256;

/** Finds rows. Addresses are four int32 words, IPv4 mapped. */
export class TcpTable {
  readonly #core: Core;
  readonly #rows: Rows;
  readonly #i32: Int32Array;
  readonly #heads: number;
  readonly #mask: number;
  readonly #listeners: number;
  /** The row found last: segments come in trains, and comparing is cheaper than hashing. */
  #last = 0;

  constructor(core: Core, rows: Rows) {
    this.#core = core;
    this.#rows = rows;
    this.#i32 = rows.i32;
    let buckets = 256;
    while (buckets < rows.count) buckets *= 2;
    this.#mask = buckets - 1;
    this.#heads = core.arena.region('tcp.table', buckets * 4) >> 2;
    this.#listeners = core.arena.region('tcp.listeners', LISTENER_BUCKETS * 4) >> 2;
  }

  /** The row of the connection (local, remote), or 0. */
  find(
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    localPort: number,
    r0: number,
    r1: number,
    r2: number,
    r3: number,
    remotePort: number,
  ): number {
    const last = this.#last;
    if (last !== 0 && this.#is(last, l0, l1, l2, l3, localPort, r0, r1, r2, r3, remotePort)) return last;
    const hash = this.#core.flowHash.hash(r0, r1, r2, r3, l3, (localPort << 16) | remotePort);
    let row = this.#i32[this.#heads + (hash & this.#mask)]!;
    while (row !== 0) {
      if (this.#is(row, l0, l1, l2, l3, localPort, r0, r1, r2, r3, remotePort)) {
        this.#last = row;
        return row;
      }
      row = this.#i32[this.#rows.cell(row) + TCB_HASH_NEXT]!;
    }
    return 0;
  }

  #is(
    row: number,
    l0: number,
    l1: number,
    l2: number,
    l3: number,
    localPort: number,
    r0: number,
    r1: number,
    r2: number,
    r3: number,
    remotePort: number,
  ): boolean {
    const i32 = this.#i32;
    const c = this.#rows.cell(row);
    const l = c + TCB_LOCAL0;
    const r = c + TCB_REMOTE0;
    return (
      i32[c + TCB_REMOTE_PORT] === remotePort &&
      i32[c + TCB_LOCAL_PORT] === localPort &&
      i32[r + 3] === r3 &&
      i32[l + 3] === l3 &&
      i32[r + 2] === r2 &&
      i32[l + 2] === l2 &&
      i32[r] === r0 &&
      i32[r + 1] === r1 &&
      i32[l] === l0 &&
      i32[l + 1] === l1
    );
  }

  /**
   * The listener for a segment to (local, port): one bound to the very address before one bound to all. A listener on ::
   * takes IPv4 too unless it is IPv6 only; one on 0.0.0.0 (mapped) takes IPv4. 0: none.
   */
  findListener(l0: number, l1: number, l2: number, l3: number, port: number, v6only: (row: number) => boolean): number {
    const i32 = this.#i32;
    const mapped = l0 === 0 && l1 === 0 && l2 === 0xffff;
    let best = 0;
    let row = i32[this.#listeners + (port & (LISTENER_BUCKETS - 1))]!;
    for (; row !== 0; row = i32[this.#rows.cell(row) + TCB_HASH_NEXT]!) {
      const c = this.#rows.cell(row);
      if (i32[c + TCB_LOCAL_PORT] !== port) continue;
      const l = c + TCB_LOCAL0;
      if (i32[l] === l0 && i32[l + 1] === l1 && i32[l + 2] === l2 && i32[l + 3] === l3) return row;
      if (i32[l] !== 0 || i32[l + 1] !== 0 || i32[l + 3] !== 0) continue;
      if (i32[l + 2] === 0xffff && mapped) best = row;
      else if (i32[l + 2] === 0 && best === 0 && !(mapped && v6only(row))) best = row;
    }
    return best;
  }

  /** Enters a connection or a listener; its addresses, ports and state are set. */
  insert(row: number): void {
    const head = this.#head(row);
    this.#i32[this.#rows.cell(row) + TCB_HASH_NEXT] = this.#i32[head]!;
    this.#i32[head] = row;
  }

  /** Takes a row out, before any of its key fields change. Not there: nothing happens. */
  remove(row: number): void {
    if (row === this.#last) this.#last = 0;
    const i32 = this.#i32;
    let at = this.#head(row);
    while (i32[at] !== 0) {
      if (i32[at] === row) {
        i32[at] = i32[this.#rows.cell(row) + TCB_HASH_NEXT]!;
        i32[this.#rows.cell(row) + TCB_HASH_NEXT] = 0;
        return;
      }
      at = this.#rows.cell(i32[at]!) + TCB_HASH_NEXT;
    }
  }

  #head(row: number): number {
    const i32 = this.#i32;
    const c = this.#rows.cell(row);
    const port = i32[c + TCB_LOCAL_PORT]!;
    if (i32[c + TCB_STATE] === LISTEN) return this.#listeners + (port & (LISTENER_BUCKETS - 1));
    const r = c + TCB_REMOTE0;
    const ports = (port << 16) | i32[c + TCB_REMOTE_PORT]!;
    const local = i32[c + TCB_LOCAL0 + 3]!;
    const hash = this.#core.flowHash.hash(i32[r]!, i32[r + 1]!, i32[r + 2]!, i32[r + 3]!, local, ports);
    return this.#heads + (hash & this.#mask);
  }
}
