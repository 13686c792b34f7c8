// What the benchmarks across a WAN share: their settings, a WAN for one measurement, medians.
// Called by wan.bench.ts and wan-share.bench.ts; calls test/support/wan.ts.

import { loadavg } from 'node:os';
import { type Wan, type WanHostOptions, type WanOptions, wan } from '../test/support/wan.ts';
import type { Flow } from '../test/support/wan-app.ts';
import type { BenchOptions } from './types.ts';

/**
 * What `--set` may change: bits a second, us, queue in bandwidth-delay products, chances. `congestion` and `settings` (JSON)
 * are ring3's; Linux has cubic.
 */
const DEFAULTS = {
  rate: '100e6',
  rtt: '50e3',
  queue: '1',
  reorder: '0',
  duplicate: '0',
  jitter: '0',
  seconds: '10',
  rounds: '6',
  congestion: '',
  settings: '{}',
  seed: '1',
  realtime: 'yes',
};

export type Kind = 'linux' | 'ring3';
/** The settings, read. `ms`: the time of a flow. */
export interface Setup {
  readonly set: Readonly<Record<string, string>>;
  readonly wire: Omit<WanOptions, 'left' | 'right'>;
  readonly ms: number;
  readonly rounds: number;
  readonly seed: number;
  readonly host: (kind: Kind) => WanHostOptions;
  /** What a reader must know, at the end. */
  readonly notes: () => string[];
}

/** A WAN for the time of `use`. */
export async function within<T>(options: WanOptions, use: (net: Wan) => Promise<T>): Promise<T> {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    return await use(await wan({ after: (fn) => void cleanups.push(fn) }, options));
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

export function mbits({ bytes, ms, error }: Flow): number {
  if (error !== undefined) throw new Error(`a flow failed: ${error}`);
  return (bytes * 8) / ms / 1000;
}

/** Reads the command line's settings; `more` are defaults before those, `quick` others with --quick. */
export function setup(options: BenchOptions, more: Record<string, string>, quick: Record<string, string>): Setup {
  const set = { ...DEFAULTS, ...more, ...(options.quick ? quick : {}), ...options.set } as typeof DEFAULTS;
  const own = { ...JSON.parse(set.settings), ...(set.congestion === '' ? {} : { tcpCongestion: set.congestion }) };
  const load = loadavg()[0]!;
  return {
    set,
    wire: {
      rate: Number(set.rate),
      rtt: Number(set.rtt),
      queue: (Number(set.queue) * Number(set.rate) * Number(set.rtt)) / 8e6,
      reorder: Number(set.reorder),
      duplicate: Number(set.duplicate),
      jitter: Number(set.jitter),
      realtime: set.realtime === 'yes',
    },
    ms: 1000 * Number(set.seconds),
    rounds: Number(set.rounds),
    seed: Number(set.seed),
    host: (kind) => (kind === 'linux' ? { kind } : { kind, settings: own }),
    notes: () => [
      `${Number(set.rate) / 1e6} Mbit/s, ${Number(set.rtt) / 1000} ms, a drop-tail queue of ${set.queue} bandwidth-delay products, ${Number(set.reorder) * 100} % reordered, ${Number(set.duplicate) * 100} % doubled, up to ${set.jitter} us of jitter; ${set.rounds} rounds.`,
      `Linux: cubic, rmem and wmem of LINUX_SYSCTLS (test/support/wan.ts), no offloads. ring3: ${JSON.stringify(own)} over its defaults.`,
      `Load of the machine before: ${round3(load)}, after: ${round3(loadavg()[0]!)}.`,
    ],
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, n) => total + n, 0);
}

export function round3(n: number): number {
  return Math.round(n * 1000) / 1000;
}
