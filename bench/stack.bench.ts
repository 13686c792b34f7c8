// How long a data segment takes through the whole stack, sending and receiving, over a memory link at MTU 1500, and what it leaves on the heap.
// Run by `npm run bench -- stack`; calls stack and link/memory. Not a test: nothing here can fail.

import { SeededRng } from '../src/base/rng.ts';
import { memoryLink } from '../src/link/memory.ts';
import { createMemory, Stack } from '../src/stack/stack.ts';
import type { BenchOptions, BenchResult } from './types.ts';

export const name = 'stack';

const SEGMENTS = 1_000_000;
const ROUNDS = 5;
const B4 = [0, 0, 0xffff, 0x0a000002] as const;

/** Two stacks, each in memory of its own, as two machines would be. */
function pair(): { a: Stack; b: Stack } {
  const rng = new SeededRng(7);
  const make = () =>
    new Stack(createMemory({ small: 8192, large: 16, chunks: 16384 }), {
      rng,
      secret: Int32Array.from({ length: 8 }, () => rng.int32()),
    });
  const a = make();
  const b = make();
  const [la, lb] = memoryLink({ a: a.memory, b: b.memory, medium: 'ethernet', mtu: 1500 });
  a.attach(la, { mac: '02:00:00:00:00:0a', addresses: ['10.0.0.1/24'] });
  b.attach(lb, { mac: '02:00:00:00:00:0b', addresses: ['10.0.0.2/24'] });
  return { a, b };
}

interface Round {
  sendNs: number;
  receiveNs: number;
  heapBytes: number;
}

/** Sends `segments` full segments from a to b in virtual time; times each side's own work: write + pass, pass + read. */
function round(a: Stack, b: Stack, client: number, server: number, clock: { now: number }, segments: number): Round {
  const block = new Uint8Array(64 * 1024);
  const into = new Uint8Array(64 * 1024);
  const before = b.core.counters.get('tcp_received');
  let send = 0;
  let receive = 0;
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed;
  while (b.core.counters.get('tcp_received') - before < segments) {
    clock.now += 10;
    const t0 = performance.now();
    while (a.tcp.write(client, block, 0, block.length) === block.length);
    a.poll(clock.now);
    const t1 = performance.now();
    b.poll(clock.now);
    while (b.tcp.read(server, into, 0, into.length) > 0);
    b.poll(clock.now);
    const t2 = performance.now();
    send += t1 - t0;
    receive += t2 - t1;
  }
  const n = b.core.counters.get('tcp_received') - before;
  globalThis.gc?.();
  return {
    sendNs: (send * 1e6) / n,
    receiveNs: (receive * 1e6) / n,
    heapBytes: process.memoryUsage().heapUsed - heap,
  };
}

function median(values: number[]): number {
  return [...values].sort((x, y) => x - y)[values.length >> 1]!;
}

export async function run(_options: BenchOptions): Promise<BenchResult> {
  const { a, b } = pair();
  const clock = { now: 1_000_000 };
  for (let i = 0; i < 20_000; i++) {
    clock.now += 1000;
    a.poll(clock.now);
    b.poll(clock.now);
  }
  const listener = b.tcp.listen(0, 0, 0, 0, 80, 16, false);
  const client = a.tcp.connect(0, 0, 0, 0, 0, ...B4, 80, 0);
  let server = 0;
  for (let i = 0; i < 1000 && server <= 0; i++) {
    clock.now += 100;
    a.poll(clock.now);
    b.poll(clock.now);
    server = b.tcp.accept(listener);
  }
  round(a, b, client, server, clock, SEGMENTS / 4);
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(round(a, b, client, server, clock, SEGMENTS));
  const row = (what: string, pick: (r: Round) => number, unit: string) => ({
    what,
    median: Math.round(median(rounds.map(pick))),
    min: Math.round(Math.min(...rounds.map(pick))),
    max: Math.round(Math.max(...rounds.map(pick))),
    unit,
  });
  return {
    table: [
      row('sent data segment (write, output, link)', (r) => r.sendNs, 'ns'),
      row('received data segment (link, input, read)', (r) => r.receiveNs, 'ns'),
      row(`heap growth over ${SEGMENTS} segments`, (r) => r.heapBytes, 'bytes'),
    ],
    notes: [
      `1,448-byte segments, timestamps, checksums computed and verified, one copy at the link; ${ROUNDS} rounds of ${SEGMENTS}.`,
      globalThis.gc
        ? 'Heap measured after a forced collection.'
        : 'Run node with --expose-gc for the heap figure to mean much.',
    ],
  };
}
