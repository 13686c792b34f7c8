// The simulator: a gigabit over a long path, large packets, and what a simulated segment costs of CPU.
// Run by `npm run bench -- sim`; calls sim. Not a test: nothing here can fail.

import { type HostOptions, Sim } from '../src/sim/index.ts';
import type { BenchOptions, BenchResult, BenchRow } from './types.ts';

export const name = 'sim';

const SECOND = 1e6;
const GIGABIT = 1e9;
const MSS = 1448;

interface Case {
  readonly what: string;
  /** us one way, bytes of MTU. */
  readonly delay: number;
  readonly mtu: number;
  /** Virtual seconds, and those at their beginning that do not count (slow start). */
  readonly seconds: number;
  readonly skip: number;
  readonly host?: HostOptions;
}

const BUFFER = 40 << 20;
const CHUNKS = 24_000;

const CASES: readonly Case[] = [
  { what: '1 Gbit/s, 100 ms, MTU 1500', delay: 50_000, mtu: 1500, seconds: 20, skip: 5 },
  { what: '1 Gbit/s, 100 ms, MTU 9000', delay: 50_000, mtu: 9000, seconds: 20, skip: 5 },
  { what: '1 Gbit/s, 100 ms, MTU 65535', delay: 50_000, mtu: 65_535, seconds: 20, skip: 5 },
  { what: '1 Gbit/s, 10 ms, a minute', delay: 5000, mtu: 1500, seconds: 60, skip: 10 },
  {
    what: '1 Gbit/s, 10 ms, a minute, interrupts each 50 us',
    delay: 5000,
    mtu: 1500,
    seconds: 60,
    skip: 1,
    host: { coalesce: 50 },
  },
];

/** One flow without loss by chance; what the queue drops counts. Every byte is compared. */
function play(c: Case, quick: boolean): BenchRow {
  const seconds = quick ? Math.min(c.seconds, c.skip + 1) : c.seconds;
  const sim = new Sim({ memory: { small: 65_536, large: 2048 } });
  const options: HostOptions = {
    ...c.host,
    settings: { tcpReceiveBuffer: BUFFER, tcpSendBuffer: BUFFER },
    memory: { small: 8192, large: 1024, chunks: CHUNKS },
  };
  const [a, b] = [sim.host('a', options), sim.host('b', options)];
  // Two bandwidth-delay products: slow start ends in this queue.
  const queue = { bytes: (GIGABIT / 8e6) * c.delay * 4 };
  const link = sim.link(a, b, { rate: GIGABIT, delay: c.delay, mtu: c.mtu, queue });
  const before = process.cpuUsage();
  const flow = sim.bulk(a, b, Infinity);
  sim.run(c.skip * SECOND);
  const start = flow.server?.received ?? 0;
  sim.run(seconds * SECOND);
  const cpu = process.cpuUsage(before);
  const bytes = (flow.server?.received ?? 0) - start;
  const rate = (bytes * 8) / (seconds - c.skip);
  const payload = GIGABIT * ((c.mtu - 52) / c.mtu);
  const { forward, back } = link;
  const row: BenchRow = {
    path: c.what,
    'virtual s': seconds,
    'Mbit/s': Math.round(rate / 1e6),
    '% of the rate': Number(((100 * rate) / payload).toFixed(1)),
    dropped: forward.counters.full,
    'CPU s': Number(((cpu.user + cpu.system) / 1e6).toFixed(2)),
    'ns/data packet': Math.round((1e3 * (cpu.user + cpu.system)) / forward.counters.sent),
    'ns/packet': Math.round((1e3 * (cpu.user + cpu.system)) / (forward.counters.sent + back.counters.sent)),
    'CPU s for a minute of this': Number((((cpu.user + cpu.system) / 1e6) * (60 / seconds)).toFixed(1)),
  };
  sim.close();
  return row;
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  // Compiled code first, in runs that do not count.
  play({ what: '', delay: 5000, mtu: 1500, seconds: 3, skip: 1 }, false);
  return {
    table: CASES.map((c) => play(c, options.quick)),
    notes: [
      `A flow from its SYN on; the rate is measured after the seconds given to slow start, as a share of what ${MSS} of 1500 bytes leave.`,
      'CPU is that of the whole process: both stacks, both checksums, copies, the wire, and the comparison of every byte.',
    ],
  };
}
