// A flow of ring3's and one of Linux's through the same bottleneck: which part Linux keeps; beside it two of Linux's.
// Run by `npm run bench -- wan-share`; calls wan-common.ts, test/support/wan.ts. Needs root. `--set` as in wan-common.ts.

import { needsAll } from '../test/support/privileges.ts';
import { WAN_NEEDS } from '../test/support/wan.ts';
import type { Flow } from '../test/support/wan-app.ts';
import type { BenchOptions, BenchResult, BenchRow } from './types.ts';
import { type Kind, mbits, median, round3, type Setup, setup, within } from './wan-common.ts';

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

/** Linux's part of the link, in Mbit/s, and the other's, while both are there. */
async function round(s: Setup, second: Kind, linuxFirst: boolean, seed: number): Promise<[number, number]> {
  const options = { ...s.wire, seed, left: [s.host('linux'), s.host(second)], right: s.host('linux') };
  return within(options, async ({ left, right }) => {
    const flow = (at: number, ms: number): Promise<Flow> =>
      right.order<Flow>({ do: 'flow', host: left[at]!.address, ms }, ms + 20_000);
    const first = flow(linuxFirst ? 0 : 1, s.ms + HEADSTART);
    await new Promise((resolve) => setTimeout(resolve, HEADSTART));
    const late = await flow(linuxFirst ? 1 : 0, s.ms);
    const early = between(await first, HEADSTART, s.ms + HEADSTART);
    return linuxFirst ? [early, between(late, 0, s.ms)] : [between(late, 0, s.ms), early];
  });
}

async function shared(s: Setup, second: Kind): Promise<BenchRow> {
  const link = (s.wire.rate! / 1e6) * PAYLOAD;
  const got: { first: boolean; linux: number; other: number }[] = [];
  for (let i = 0; i < s.rounds; i++) {
    const [linux, other] = await round(s, second, i % 2 === 0, s.seed + i);
    got.push({ first: i % 2 === 0, linux: linux / link, other: other / link });
  }
  const parts = got.map((one) => one.linux);
  const when = (first: boolean): number =>
    round3(median(got.filter((one) => one.first === first).map((one) => one.linux)));
  return {
    beside: second,
    "Linux's part of the link, mean": round3(parts.reduce((sum, n) => sum + n, 0) / parts.length),
    'when first': when(true),
    'when second': when(false),
    min: round3(Math.min(...parts)),
    max: round3(Math.max(...parts)),
    'link used, mean': round3(got.reduce((sum, one) => sum + one.linux + one.other, 0) / got.length),
  };
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { skip } = needsAll(WAN_NEEDS, { programs: ['chrt'] });
  if (skip) return { table: [], notes: [`not run: ${skip}`] };
  const s = setup(options, { seconds: '30' }, { seconds: '4', rounds: '2' });
  return {
    table: [await shared(s, 'ring3'), await shared(s, 'linux')],
    notes: [
      ...s.notes(),
      `Both flows for ${s.ms / 1000} s; one has begun ${HEADSTART / 1000} s before, in turns: CUBIC takes tens of seconds to share evenly.`,
    ],
  };
}
