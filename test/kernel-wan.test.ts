// ring3 and Linux across a bad WAN: each pair, both ways at once, under every impairment; every byte compared by hash.
// Run by node:test; calls test/support/wan.ts. How fast they are is bench/wan.bench.ts' business.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { DEFAULT_SETTINGS } from '../src/stack/settings.ts';
import { patternHash } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';
import { WAN_NEEDS, type Wan, type WanHost, type WanHostOptions, type WanOptions, wan } from './support/wan.ts';
import type { Transfer } from './support/wan-app.ts';

const NEEDS = needsAll(WAN_NEEDS);

interface Case {
  readonly name: string;
  readonly bytes: number;
  /** The longest that one may take, ms: far above what it takes, far below what a stall would. */
  readonly within: number;
  readonly wire: Omit<WanOptions, 'left' | 'right'>;
  readonly linux?: Partial<WanHostOptions>;
  /** By IPv6. */
  readonly six?: boolean;
  /** Whether the impairment happened: a test on a perfect wire would prove nothing. */
  readonly happened: (state: Awaited<ReturnType<Wan['state']>>) => boolean;
}

const CASES: readonly Case[] = [
  {
    name: '2 % lost, 2 % reordered, 1 % doubled each way',
    bytes: 1_000_000,
    within: 45_000,
    wire: { rate: 100e6, rtt: 10_000, loss: 0.02, reorder: 0.02, duplicate: 0.01, bothWays: true, seed: 11 },
    happened: ({ faults }) => faults.drop > 10 && faults.reorder > 10 && faults.duplicate > 5,
  },
  {
    name: 'a queue of six packets before 10 Mbit/s',
    bytes: 1_000_000,
    within: 45_000,
    wire: { rate: 10e6, rtt: 20_000, queue: 9000 },
    happened: ({ drops }) => (drops['shape_queue'] ?? 0) > 5,
  },
  {
    name: 'a round trip of 400 ms',
    bytes: 1_000_000,
    within: 45_000,
    wire: { rate: 100e6, rtt: 400_000 },
    happened: () => true,
  },
  {
    name: 'an MTU of 1280, IPv6, 1 % lost',
    bytes: 1_000_000,
    within: 45_000,
    wire: { rate: 100e6, rtt: 10_000, mtu: 1280, loss: 0.01, bothWays: true, seed: 3 },
    six: true,
    happened: ({ faults }) => faults.drop > 5,
  },
  {
    name: 'ECN, marks on one packet in twenty',
    bytes: 1_000_000,
    within: 45_000,
    wire: { rate: 100e6, rtt: 10_000, mark: 0.05, seed: 5 },
    linux: { sysctls: { 'net/ipv4/tcp_ecn': 1 } },
    happened: ({ marked }) => marked > 5,
  },
];

const LINUX: WanHostOptions = { kind: 'linux' };
const RING3: WanHostOptions = { kind: 'ring3', settings: { tcpEcn: 1 } };
/** Without ECN in ring3 only what two Linux hosts say to each other is marked. */
const ECN: boolean = 'tcpEcn' in DEFAULT_SETTINGS;

/** Both sides send at the same time, and each gets what the other has sent. */
async function swap(t: TestContext, from: WanHost, to: WanHost, one: Case): Promise<void> {
  const host = one.six ? to.address6 : to.address;
  const got = await from.order<Transfer>({ do: 'swap', host, bytes: one.bytes }, one.within);
  const whole = { bytes: one.bytes, sha256: patternHash(one.bytes) };
  assert.deepEqual(
    { sent: got.sent, received: got.received, error: got.error },
    { sent: whole, received: whole, error: undefined },
  );
  t.diagnostic(`${from.kind} and ${to.kind}: ${Math.round(got.ms)} ms`);
}

describe('over a bad WAN, both ways at once', { ...NEEDS, concurrency: 3 }, () => {
  for (const one of CASES) {
    for (const peer of ['linux', 'ring3'] as const) {
      test(`Linux and ring3 with ${peer === 'linux' ? 'Linux' : 'ring3'}: ${one.name}`, async (t) => {
        const linux = { ...LINUX, ...one.linux } as WanHostOptions;
        const net = await wan(t, { ...one.wire, left: [linux, RING3], right: peer === 'linux' ? linux : RING3 });
        await Promise.all(net.left.map((from) => swap(t, from, net.right, one)));
        const state = await net.state();
        if (one.wire.mark === undefined || ECN || peer === 'linux')
          assert.ok(one.happened(state), `the wire was too good: ${JSON.stringify(state)}`);
      });
    }
  }
});
