// Test support: the world that a fuzzer's first action asks for: the stack's settings and memory, what the peers offer, how it ends.
// Called by fuzz-world.test-support.ts; calls nothing.

import { type Action, OPERATIONS } from './fuzz-actions.test-support.ts';
import type { ProbeOptions } from './probe.test-support.ts';

export interface Config {
  readonly probe: ProbeOptions;
  readonly conns: number;
  /** How many of them the stack opens. */
  readonly active: number;
  readonly strict: boolean;
  /** What the peers offer: SACK, timestamps, window scale (-1: none), MSS, and the window field of theirs. */
  readonly sack: boolean;
  readonly ts: boolean;
  readonly scale: number;
  readonly mss: number;
  readonly window: number;
  readonly iss: number;
  readonly ecn: boolean;
  readonly ending: 'honest' | 'close' | 'silent' | 'abort';
}

export function config(a: Action): Config {
  const args = a.op === 'world' ? a.args : [];
  const one = <T>(name: string, choices: readonly T[]): T =>
    choices[(args[OPERATIONS.world.indexOf(name)] ?? 0) % choices.length]!;
  const conns = one('conns', [1, 2, 3, 1]);
  const starved = one('starved', [0, 0, 0, 24, 0, 60, 0, 0]);
  const plenty = { arenaBytes: 16 << 20, small: 300, large: 8, chunks: 2048 };
  return {
    probe: {
      v6: one('v6', [false, true]),
      gso: one('gso', [0, 0, 65535]),
      mtu: one('mtu', [1500, 1500, 1280, 9000]),
      seed: 1 + one('seed', [0, 1, 2, 3]),
      memory: starved === 0 ? plenty : { ...plenty, chunks: starved },
      settings: {
        tcpRows: starved === 0 ? 1024 : 24,
        udpRows: 4,
        neighbours: 4,
        routes: 16,
        reassemblies: 4,
        pathMtus: 8,
        tcpSack: one('sack', [true, true, false]),
        tcpTimestamps: one('ts', [true, true, false, true]),
        tcpWindowScaling: one('ws', [true, true, true, false]),
        tcpReceiveBuffer: one('rcvbuf', [65_536, 10_000, 131_072, 4096, 65_535]),
        tcpSendBuffer: one('sndbuf', [65_536, 131_072, 8192]),
        tcpReceiveBufferMax: one('rcvbuf', [65_536, 10_000, 262_144, 4096, 65_535]),
        tcpSendBufferMax: one('sndbuf', [65_536, 262_144, 8192]),
        tcpCongestion: one('cc', ['cubic', 'newreno', 'none']),
        tcpPacing: one('cc', [true, true, true, false]),
        tcpEcn: one('ecn', [2, 1, 0]),
        tcpDsack: one('sack', [true, true, true, true, false]),
        tcpInitialReceiveWindow: one('irw', [1 << 30, 14_600, 1000]),
        tcpDelayedAck: one('delack', [40_000, 200_000, 1000]),
        tcpMaxRanges: starved === 0 ? 512 : 16,
      },
    },
    conns,
    active: Math.min(conns, one('active', [0, 1, 2, 0])),
    strict: one('starved', [true, true, true, false, true, false, true, false]),
    sack: one('sack', [true, true, true, false]),
    ts: one('ts', [true, false, true, true]),
    scale: one('ws', [7, 0, 14, 2, -1]),
    mss: one('mss', [1460, 536, 1000, 100, 65_495, 0]),
    window: one('peerws', [65_535, 1000, 8192, 500, 30_000]),
    iss: one('iss', [-1000, 2 ** 31 - 2000, -3, 0, 12_345]),
    ecn: one('ecn', [false, true, false, false, true]),
    ending: one('ending', ['honest', 'honest', 'close', 'silent', 'abort', 'honest']),
  };
}
