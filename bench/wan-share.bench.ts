// A flow of ring3's and one of Linux's through the same bottleneck: which part Linux keeps; beside it two of Linux's.
// Run by `npm run bench -- wan-share`; calls wan-common.ts, test/support/wan.ts. Needs root. `--set` as in wan-common.ts.

import { needsAll } from '../test/support/privileges.ts';
import { WAN_NEEDS } from '../test/support/wan.ts';
import type { Flow } from '../test/support/wan-app.ts';
import type { BenchOptions, BenchResult, BenchRow } from './types.ts';
import { type Kind, mbits, round3, type Setup, setup, sum, within } from './wan-common.ts';

export const name = 'wan-share';

/** A second flow begins so much later, ms: in one round Linux is first, in the next the other. */
const HEADSTART = 1000;
/** Of a frame of 1,514 bytes, 1,448 are payload. */
const PAYLOAD = 1448 / 1514;

/** Payload that a flow has moved between two times of its own, Mbit/s. */
function between(flow: Flow, from: number, to: number): number {
  mbits(flow);
  const bytes = flow.tenths.slice(from / 100, to / 100).reduce((sum, n) => sum + n, 0);
  return (bytes * 8) / (to - from) / 1000;
}

interface Shares {
  readonly linuxFirst: boolean;
  /** Mbit/s while both are there, and in the second half of that. */
  readonly linux: number;
  readonly other: number;
  readonly linuxLater: number;
}

async function round(s: Setup, second: Kind, linuxFirst: boolean, seed: number): Promise<Shares> {
  const options = { ...s.wire, seed, left: [s.host('linux'), s.host(second)], right: s.host('linux') };
  return within(options, async ({ left, right }) => {
    const flow = (at: number, ms: number): Promise<Flow> =>
      right.order<Flow>({ do: 'flow', host: left[at]!.address, ms }, ms + 20_000);
    const first = flow(linuxFirst ? 0 : 1, s.ms + HEADSTART);
    await new Promise((resolve) => setTimeout(resolve, HEADSTART));
    const late = await flow(linuxFirst ? 1 : 0, s.ms);
    const early = await first;
    const [linux, other] = linuxFirst ? [early, late] : [late, early];
    const start = (flow: Flow): number => (flow === early ? HEADSTART : 0);
    const part = (flow: Flow, from: number): number => between(flow, start(flow) + from, start(flow) + s.ms);
    return { linuxFirst, linux: part(linux, 0), other: part(other, 0), linuxLater: part(linux, s.ms / 2) };
  });
}

async function shared(s: Setup, second: Kind): Promise<BenchRow> {
  const link = (s.wire.rate! / 1e6) * PAYLOAD;
  const got: Shares[] = [];
  for (let i = 0; i < s.rounds; i++) got.push(await round(s, second, i % 2 === 0, s.seed + i));
  const mean = (values: readonly number[]): number => round3(sum(values) / values.length / link);
  const parts = got.map((one) => one.linux);
  return {
    beside: second,
    "Linux's part of the link, mean": mean(parts),
    'second half': mean(got.map((one) => one.linuxLater)),
    'when first': mean(got.filter((one) => one.linuxFirst).map((one) => one.linux)),
    'when second': mean(got.filter((one) => !one.linuxFirst).map((one) => one.linux)),
    min: round3(Math.min(...parts) / link),
    max: round3(Math.max(...parts) / link),
    'link used, mean': mean(got.map((one) => one.linux + one.other)),
  };
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { skip } = needsAll(WAN_NEEDS, { programs: ['chrt'] });
  if (skip) return { table: [], notes: [`not run: ${skip}`] };
  const s = setup(options, { seconds: '40', jitter: '250' }, { seconds: '4', rounds: '2' });
  return {
    table: [await shared(s, 'ring3'), await shared(s, 'linux')],
    notes: [
      ...s.notes(),
      `Both flows for ${s.ms / 1000} s; one has begun ${HEADSTART / 1000} s before, in turns: CUBIC takes minutes to share evenly, so the rows are to be compared with each other.`,
      'Jitter, because flows that a queue clocks fall into step, and one of them finds it full each time.',
    ],
  };
}
