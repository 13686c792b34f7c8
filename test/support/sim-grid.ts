// What the congestion controls make of a path: goodput over a grid of loss, delay and rate; how flows share a bottleneck.
// Called by sim-throughput.test.ts, whose snapshot it fills; calls the simulator.

import { type Host, jain, Sim } from '../../src/sim/index.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/stack/settings.ts';

/** What a stack can be told to use; one name alone where there is no choice yet. */
export const CONTROLS: readonly string[] =
  'tcpCongestion' in DEFAULT_SETTINGS ? ['newreno', 'cubic', 'none'] : ['newreno'];

const MBIT = 1e6;
const MS = 1000;
const SECOND = 1e6;
const RATES = [1 * MBIT, 10 * MBIT, 100 * MBIT];
/** One way. */
const DELAYS = [1 * MS, 25 * MS, 100 * MS];
const LOSSES = [0, 0.001, 0.01, 0.03];
/** How long a cell sends, in virtual time. */
const CELL = 10 * SECOND;
const BUFFER = 4 << 20;

/** A line of the snapshot. */
export interface Row {
  readonly key: string;
  readonly value: number;
}

function settings(control: string): Partial<Settings> {
  const base = { tcpReceiveBuffer: BUFFER, tcpSendBuffer: BUFFER };
  return 'tcpCongestion' in DEFAULT_SETTINGS ? ({ ...base, tcpCongestion: control } as Partial<Settings>) : base;
}

function pair(sim: Sim, control: string, chunks = 8192): [Host, Host] {
  const options = { settings: settings(control), memory: { chunks } };
  return [sim.host('a', options), sim.host('b', options)];
}

/** Mbit/s of payload that one flow moves in ten seconds of virtual time, from its SYN on. */
export function goodput(control: string, rate: number, delay: number, loss: number): number {
  const sim = new Sim({ seed: 1 });
  const [a, b] = pair(sim, control);
  sim.link(a, b, { rate, delay, forward: { loss } });
  const flow = sim.bulk(a, b, Infinity);
  sim.run(CELL);
  const mbit = flow.goodput(CELL) / MBIT;
  sim.close();
  return mbit;
}

/** Shares of `n` flows of one round-trip time that start within a second, over the last two thirds of 30 s at 50 Mbit/s. */
export function shares(control: string, n: number): number[] {
  const sim = new Sim({ seed: 2 });
  const [a, b] = pair(sim, control, 16_384);
  const [left, right] = [sim.router('left'), sim.router('right')];
  sim.link(a, left, { rate: 1000 * MBIT, delay: MS });
  sim.link(left, right, { rate: 50 * MBIT, delay: 8 * MS, queue: { packets: 100 } });
  sim.link(right, b, { rate: 1000 * MBIT, delay: MS });
  for (let i = 0; i < n; i++) sim.at((i * SECOND) / n, () => void sim.bulk(a, b, Infinity));
  return measured(sim, 10 * SECOND, 30 * SECOND);
}

/** The same for two flows, of 20 ms and 100 ms round trip, from two hosts. */
export function rttShares(control: string): number[] {
  const sim = new Sim({ seed: 3 });
  const [near, b] = pair(sim, control);
  const far = sim.host('far', { settings: settings(control) });
  const [left, right] = [sim.router('left'), sim.router('right')];
  sim.link(near, left, { rate: 1000 * MBIT, delay: MS });
  sim.link(far, left, { rate: 1000 * MBIT, delay: 41 * MS });
  sim.link(left, right, { rate: 50 * MBIT, delay: 8 * MS, queue: { packets: 100 } });
  sim.link(right, b, { rate: 1000 * MBIT, delay: MS });
  sim.bulk(near, b, Infinity);
  sim.bulk(far, b, Infinity);
  return measured(sim, 20 * SECOND, 60 * SECOND);
}

/** Mbit/s of each flow between two times. */
function measured(sim: Sim, from: number, to: number): number[] {
  sim.run(from);
  const before = sim.connections.map((c) => c.server?.received ?? 0);
  sim.run(to);
  const mbit = sim.connections.map((c, i) => ((c.server?.received ?? 0) - before[i]!) * (8 / (to - from)));
  sim.close();
  return mbit;
}

/** Every figure of one control. */
export function grid(control: string): Row[] {
  const rows: Row[] = [];
  for (const rate of RATES) {
    for (const delay of DELAYS) {
      for (const loss of control === 'none' ? [0] : LOSSES) {
        const key = `${control} goodput ${rate / MBIT} Mbit/s, ${(2 * delay) / MS} ms, loss ${loss * 100} %`;
        rows.push({ key, value: goodput(control, rate, delay, loss) });
      }
    }
  }
  if (control === 'none') return rows;
  for (const n of [2, 10, 100]) rows.push(...sharing(`${control} ${n} flows`, shares(control, n)));
  const [near, far] = rttShares(control) as [number, number];
  rows.push(...sharing(`${control} 20 and 100 ms`, [near, far]), {
    key: `${control} 20 and 100 ms, ratio`,
    value: near / far,
  });
  return rows;
}

function sharing(key: string, mbit: readonly number[]): Row[] {
  return [
    { key: `${key}, Jain's index`, value: jain(mbit) },
    { key: `${key}, Mbit/s together`, value: mbit.reduce((x, y) => x + y, 0) },
  ];
}
