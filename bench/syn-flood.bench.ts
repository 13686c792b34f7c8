// What a flood of SYNs costs: ns a SYN answered with a cookie through the whole stack, and what the flood leaves on the heap and in rows.
// Run by `npm run bench -- syn-flood`; calls stack. Not a test: nothing here can fail.

import { BATCH, type Link, linkCounters } from '../src/base/link.ts';
import { HEADROOM } from '../src/base/pool.ts';
import { SeededRng } from '../src/base/rng.ts';
import { createMemory, Stack } from '../src/stack/stack.ts';
import type { BenchOptions, BenchResult } from './types.ts';

export const name = 'syn-flood';

const ROUNDS = 5;
const SYNS = 500_000;

/** IPv4 + TCP: 198.51.100.x:1024 to 10.0.0.1:80, MSS, SACK-permitted, timestamps, window scale 7. */
function syn(): Uint8Array {
  const b = new Uint8Array(60);
  const v = new DataView(b.buffer);
  b.set([0x45, 0, 0, 60, 0x80, 0, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 0, 10, 0, 0, 1]);
  b.set([0, 0, 0, 80, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0xa0, 2, 0xff, 0xff, 0, 0, 0, 0], 20);
  b.set([2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0x12, 0x34, 0, 0, 0, 0, 1, 3, 3, 7], 40);
  const sum = (from: number, to: number, start: number): number => {
    let s = start;
    for (let i = from; i < to; i += 2) s += v.getUint16(i);
    while (s > 0xffff) s = (s & 0xffff) + (s >>> 16);
    return ~s & 0xffff;
  };
  v.setUint16(10, sum(0, 20, 0));
  let pseudo = 6 + 40;
  for (let i = 12; i < 20; i += 2) pseudo += v.getUint16(i);
  v.setUint16(36, sum(20, 60, pseudo));
  return b;
}

/** A link on which `left` SYNs wait, each from another port and address, and where what is sent vanishes. */
class Flood implements Link {
  left = 0;
  sent = 0;
  readonly caps = { medium: 'ip', mtu: 1500, gso: 0, txChecksum: 'full', gather: false, loopback: false } as const;
  readonly counters = linkCounters();
  readonly memory: Stack['memory'];
  readonly #template = syn();
  #n = 0;

  constructor(memory: Stack['memory']) {
    this.memory = memory;
  }

  receive(batch: Parameters<Link['receive']>[0]): number {
    const { u8 } = this.memory.arena;
    const count = Math.min(BATCH, this.left);
    this.left -= count;
    for (let i = 0; i < count; i++) {
      const at = this.memory.frames.alloc(64) + HEADROOM;
      u8.set(this.#template, at);
      // What is added to the port is taken from the sequence number, what is added to the address from the IP header's identification
      // and the number's other half: the sums stay right.
      const port = this.#n % 30_000;
      const host = this.#n++ % 200;
      u8[at + 4]! -= 1;
      u8[at + 5] = -host;
      if (host === 0) u8[at + 4]! += 1;
      u8[at + 15]! += host;
      u8[at + 20] = port >> 8;
      u8[at + 21] = port;
      const low = 0x8000 - port;
      const high = 0x8000 - host;
      u8.set([high >> 8, high, low >> 8, low], at + 24);
      batch.offset[i] = at;
      batch.length[i] = 60;
      batch.flags[i] = 0;
    }
    batch.count = count;
    return count;
  }

  release(batch: Parameters<Link['release']>[0]): void {
    for (let i = 0; i < batch.count; i++) this.memory.frames.free(batch.offset[i]!);
    batch.count = 0;
  }

  room(): number {
    return BATCH;
  }

  transmit(batch: Parameters<Link['transmit']>[0]): number {
    const n = batch.count;
    for (let i = 0; i < n; i++) this.memory.frames.free(batch.offset[i]!);
    this.sent += n;
    batch.clear();
    return n;
  }

  wake(): void {}
  pollAt(): number {
    return Infinity;
  }
  close(): void {}
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const rng = new SeededRng(7);
  const memory = createMemory({ small: 8192, large: 16, chunks: 1024 });
  const stack = new Stack(memory, { rng, secret: Int32Array.from({ length: 8 }, () => rng.int32()) });
  const link = new Flood(memory);
  stack.attach(link, { addresses: ['10.0.0.1/24'], gateways: ['10.0.0.2'] });
  stack.tcp.listen(0, 0, 0, 0, 80, 128, false);
  let now = 1e9;
  const flood = (count: number): number => {
    link.left = count;
    const start = performance.now();
    while (link.left > 0) stack.poll((now += 1000));
    return ((performance.now() - start) * 1e6) / count;
  };
  const syns = options.quick ? SYNS / 10 : SYNS;
  flood(syns / 5);
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  const before = link.sent;
  const ns = Array.from({ length: ROUNDS }, () => flood(syns)).sort((a, b) => a - b);
  globalThis.gc?.();
  const grown = process.memoryUsage().heapUsed - heap;
  return {
    table: [
      {
        what: 'SYN answered with a cookie (link, input, SYN-ACK, link)',
        'median ns': Math.round(ns[ROUNDS >> 1]!),
        'min ns': Math.round(ns[0]!),
        'max ns': Math.round(ns[ROUNDS - 1]!),
        answered: (link.sent - before) / (ROUNDS * syns),
        'rows in use': stack.tcp.used,
        'heap growth, bytes': grown,
      },
    ],
    notes: [
      `SYNs of 60 bytes with all options, each from another port and one of 200 addresses behind one router; checksums verified and computed; ${ROUNDS} rounds of ${syns}.`,
    ],
  };
}
