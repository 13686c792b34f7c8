// Test support: what the numbers of a fuzzer's actions choose from: landmarks in sequence space, distances, sizes, options.
// Called by fuzz-world.test-support.ts; calls fuzz-conn for where a connection stands.

import {
  OPT_CORK,
  OPT_FIRST_ACK_DELAY,
  OPT_KEEPALIVE,
  OPT_KEEPCNT,
  OPT_KEEPIDLE,
  OPT_KEEPINTVL,
  OPT_LINGER,
  OPT_LINGER0,
  OPT_LINGER2,
  OPT_MAXSEG,
  OPT_NODELAY,
  OPT_NOTSENT_LOWAT,
  OPT_QUICKACK,
  OPT_RCVBUF,
  OPT_SNDBUF,
  OPT_TOS,
  OPT_TTL,
  OPT_USER_TIMEOUT,
  OPT_WINDOW_CLAMP,
} from './flags.ts';
import type { FuzzConn } from './fuzz-conn.test-support.ts';
import { sackOption } from './fuzz-values.test-support.ts';

export function pick<T>(list: readonly T[], n: number): T {
  return list[n % list.length]!;
}

export const FLAGS: readonly string[] = 'A A A A A A PA FA R RA S SA SF F FPA UA EA WA EWA RF SR SPA P'
  .split(' ')
  .concat('', 'FSRPAUEW');
export const DISTANCES: readonly number[] = [
  0,
  0,
  0,
  0,
  1,
  -1,
  2,
  -2,
  10,
  -10,
  100,
  -100,
  536,
  -536,
  1400,
  -1400,
  4096,
  -4096,
  20_000,
  -20_000,
  65_535,
  -65_535,
  2 ** 20,
  -(2 ** 20),
  1.9e9,
  -1.9e9,
];
export const WINDOWS: readonly number[] = [0, 1, 100, 536, 1000, 5000, 8192, 65_535];
export const LENGTHS: readonly number[] = [0, 0, 1, 2, 10, 100, 536, 1000, 1388, 1400];
export const SIZES: readonly number[] = [1, 10, 100, 536, 1460, 5000, 20_000, 65_536];
export const TIMES: readonly number[] = [
  1,
  1000,
  10_000,
  40_000,
  100_000,
  200_000,
  500_000,
  1e6,
  3e6,
  10e6,
  60e6,
  200e6,
  25 * 86_400e6,
];
export const OPTIONS: readonly number[] = [
  OPT_NODELAY,
  OPT_RCVBUF,
  OPT_SNDBUF,
  OPT_KEEPALIVE,
  OPT_KEEPIDLE,
  OPT_KEEPINTVL,
  OPT_KEEPCNT,
  OPT_LINGER0,
  OPT_TTL,
  OPT_TOS,
  OPT_CORK,
  OPT_MAXSEG,
  OPT_USER_TIMEOUT,
  OPT_LINGER,
  OPT_LINGER2,
  OPT_NOTSENT_LOWAT,
  OPT_WINDOW_CLAMP,
  OPT_QUICKACK,
  OPT_FIRST_ACK_DELAY,
];
export const OPTION_VALUES: readonly number[] = [0, 1, 2, 64, 255, 1000, 4096, 65_536, 131_072, 1e6, 10e6];
export const ICMP4: readonly (readonly [number, number])[] = [
  [3, 4],
  [3, 4],
  [3, 1],
  [3, 0],
  [3, 2],
  [3, 3],
  [3, 13],
  [11, 0],
  [12, 0],
  [4, 0],
];
export const ICMP6: readonly (readonly [number, number])[] = [
  [2, 0],
  [2, 0],
  [1, 0],
  [1, 1],
  [1, 3],
  [1, 4],
  [3, 0],
  [4, 0],
  [4, 1],
];
export const MTUS: readonly number[] = [0, 1400, 1280, 576, 68, 1, 1499, 1500, 9000, 1006];

/** Options that no sane stack sends; the last two are known ones of a wrong length. */
const STRANGE: readonly (readonly number[])[] = [
  [2],
  [5, 0],
  [8, 1],
  [5, 2],
  [5, 255, 0],
  [253, 4, 1, 2],
  [0, 5, 10, 0],
  [4, 2, 3, 3, 14, 2, 4, 0, 1],
  [8, 9, 0, 0, 0, 0, 0, 0, 0],
  [5, 9, 0, 0, 0, 0, 0, 0, 0],
];

/** Where a segment's SEG.SEQ may lie. */
export function seqMarks(c: FuzzConn): readonly number[] {
  const { ref } = c;
  const islands = ref.islands();
  const first = islands[0] ?? ([ref.next, ref.next] as const);
  const last = islands.at(-1) ?? first;
  return [
    ref.next,
    c.nxt,
    ref.next,
    c.nxt,
    ref.edge,
    first[0],
    first[1],
    last[1],
    ref.fin,
    1,
    ref.lastAckSent,
    ref.wl1,
  ];
}

/** Where its SEG.ACK may lie, or the number of a segment that an ICMP error quotes. */
export function ackMarks(c: FuzzConn): readonly number[] {
  const { ref } = c;
  const middle = (ref.una + ref.max) >> 1;
  return [ref.max, ref.una, c.heardNext, ref.una, middle, ref.max, ref.una - Math.max(65_535, ref.maxWindow), 1];
}

/** Timestamps, if they were agreed on or nevertheless: [TSval, TSecr]. */
export function stamps(c: FuzzConn, n: number): readonly [number, number] | undefined {
  const own = c.stamps();
  if (own === undefined) return n % 16 === 15 ? [1, 1] : undefined;
  const recent = c.ref.tsRecent ?? 0;
  const [val, ecr] = own;
  const choices: readonly (readonly [number, number] | undefined)[] = [
    own,
    own,
    own,
    [recent, ecr],
    [(recent - 1) | 0, ecr],
    [(recent + 1) | 0, ecr],
    [(recent + 1000) | 0, ecr],
    [(recent - 100_000) | 0, ecr],
    [(recent + 0x7fff_0000) | 0, ecr],
    undefined,
    [val, 0],
    [val, (ecr + 1000) | 0],
    [val, (ecr - 500_000) | 0],
    [val, 0x7fff_ffff],
  ];
  return pick(choices, n);
}

/** Nothing, mostly; what the peer really holds; SACK blocks that lie, 1 to 4 somewhere in flight; or nonsense. */
export function extraOptions(c: FuzzConn, n: number): readonly number[] {
  if (n < 40) return [];
  if (n < 60) return sackOption(c.p.stackIss, c.blocks().slice(0, 3));
  if (n < 80) return pick(STRANGE, n);
  const { una, max } = c.ref;
  const flight = Math.max(1, max - una);
  const mss = c.terms.mss;
  const lengths = [1, 100, mss, 2 * mss, flight, -mss, 0, 2 ** 30];
  const blocks: [number, number][] = [];
  for (let i = 0, x = n * 7919; i < 1 + (n % 4); i++, x = (x * 1103515245 + 12345) & 0x7fffffff) {
    const start = una + (n % 8 === 7 ? -1000 : 0) + ((mss * ((x >> 8) % 40)) % flight);
    blocks.push([start, start + pick(lengths, x >> 16)]);
  }
  return sackOption(c.p.stackIss, blocks);
}
