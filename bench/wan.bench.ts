// ring3's TCP against Linux's across the same WAN, sending and receiving: goodput under loss, and what was sent in vain.
// Run by `npm run bench -- wan`; calls wan-common.ts, test/support/wan.ts. Needs root. `--set loss=0,0.01`, and what is in wan-common.ts.

import { needsAll } from '../test/support/privileges.ts';
import { WAN_NEEDS, type WanHost } from '../test/support/wan.ts';
import type { Flow } from '../test/support/wan-app.ts';
import type { BenchOptions, BenchResult, BenchRow } from './types.ts';
import { type Kind, mbits, median, round3, type Setup, setup, sum, within } from './wan-common.ts';

export const name = 'wan';

/** Sender and receiver. */
const PAIRINGS: readonly (readonly [Kind, Kind])[] = [
  ['linux', 'linux'],
  ['linux', 'ring3'],
  ['ring3', 'linux'],
  ['ring3', 'ring3'],
];

/** One flow's result. */
interface Sample {
  readonly mbits: number;
  readonly retransmitted: number;
  readonly lost: number;
  readonly timeouts: number;
  /** Share of the wire's wake-ups that came more than a millisecond late. */
  readonly late: number;
}

/** Segments sent again and timeouts, by either stack's own count. */
async function repairs(host: WanHost): Promise<{ retransmitted: number; timeouts: number }> {
  const { counters: c } = await host.order<{ counters: Record<string, number> }>({ do: 'state' });
  return host.kind === 'linux'
    ? { retransmitted: c['TcpRetransSegs']!, timeouts: c['TcpExtTCPTimeouts']! }
    : { retransmitted: c['tcp_retransmitted']!, timeouts: c['tcp_timeouts']! };
}

async function one(s: Setup, [from, to]: readonly [Kind, Kind], loss: number, seed: number): Promise<Sample> {
  const options = { ...s.wire, loss, seed, left: [s.host(from)], right: s.host(to) };
  return within(options, async ({ left, right, state }) => {
    const flow = await right.order<Flow>({ do: 'flow', host: left[0]!.address, ms: s.ms }, s.ms + 20_000);
    const { drops, late } = await state();
    const wakes = late.reduce((sum, n) => sum + n, 0);
    return {
      mbits: mbits(flow),
      ...(await repairs(left[0]!)),
      lost: (drops['fault_drop'] ?? 0) + (drops['shape_queue'] ?? 0),
      late: wakes === 0 ? 0 : (late[2]! + late[3]!) / wakes,
    };
  });
}

/** Every pairing under one loss, in turns; where loss keeps the rate low, the pairings of a round side by side. */
async function underLoss(s: Setup, loss: number): Promise<BenchRow[]> {
  const samples: Sample[][] = PAIRINGS.map(() => []);
  for (let i = 0; i < s.rounds; i++) {
    const seed = s.seed + 1000 * i;
    if (loss >= 0.001) {
      const round = await Promise.all(PAIRINGS.map((pairing) => one(s, pairing, loss, seed)));
      for (const [at, sample] of round.entries()) samples[at]!.push(sample);
    } else for (const [at, pairing] of PAIRINGS.entries()) samples[at]!.push(await one(s, pairing, loss, seed));
  }
  const linux = samples[0]!.map((x) => x.mbits);
  return PAIRINGS.map(([from, to], at) => {
    const mine = samples[at]!;
    const rates = mine.map((x) => x.mbits);
    return {
      'loss %': loss * 100,
      sender: from,
      receiver: to,
      'Mbit/s median': round3(median(rates)),
      min: round3(Math.min(...rates)),
      max: round3(Math.max(...rates)),
      'of Linux (medians)': round3(median(rates) / median(linux)),
      'of Linux (sums)': round3(sum(rates) / sum(linux)),
      lost: sum(mine.map((x) => x.lost)),
      retransmitted: sum(mine.map((x) => x.retransmitted)),
      timeouts: sum(mine.map((x) => x.timeouts)),
      'late %': round3(100 * Math.max(...mine.map((x) => x.late))),
    };
  });
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { skip } = needsAll(WAN_NEEDS, { programs: ['chrt'] });
  if (skip) return { table: [], notes: [`not run: ${skip}`] };
  const s = setup(options, { loss: '0,0.001,0.01,0.03' }, { loss: '0,0.01', seconds: '3', rounds: '1' });
  const table: BenchRow[] = [];
  for (const loss of s.set['loss']!.split(',')) table.push(...(await underLoss(s, Number(loss))));
  return {
    table,
    notes: [
      ...s.notes(),
      `Each flow ${s.ms / 1000} s from the connection on, slow start included. Loss of what the sender sends only; the pairings of a round have the same seed.`,
      'lost: by the wire, over all rounds; what is retransmitted beyond that was not needed. late: wake-ups of the wire more than 1 ms late, in the worst round.',
    ],
  };
}
