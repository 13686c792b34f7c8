// A WAN in one process, with Linux or ring3 at its ends: rate, delay, a drop-tail queue, seeded loss, reordering, duplicates, CE marks.
// Called by kernel-wan*.test.ts and bench/wan.bench.ts; calls netns.ts, and starts wan-program.ts and wan-host.ts.
//
//   const net = await wan(t, { left: [{ kind: 'linux' }], right: { kind: 'ring3' }, rate: 100e6, rtt: 50_000, loss: 0.01 });
//   const flow = await net.right.order<Flow>({ do: 'flow', host: net.left[0].address, ms: 5000 });
//
// Linux's ends send and take what a wire carries: no superframe, all checksums complete, so that each packet of MTU size
// meets its own fate. Their congestion control comes by the route: namespaces may not choose what the machine does not
// list as allowed, routes may, and nothing outside the namespace is touched.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Settings } from '../../src/stack/settings.ts';
import { folder, START } from './kernel-rig.ts';
import { type Namespace, namespace, type Scope } from './netns.ts';
import { built } from './paths.ts';
import type { Needs } from './privileges.ts';
import type { Running } from './run.ts';
import type { WanOrder } from './wan-app.ts';
import type { WanEnd, WanProgramOptions, WanState } from './wan-program.ts';

/** What every test with a WAN needs. */
export const WAN_NEEDS: Needs = {
  root: true,
  programs: ['ip', 'ping', 'ethtool', 'ss'],
  device: '/dev/net/tun',
  koffi: true,
  ipv6: true,
};

/** A host: the kernel's stack in a namespace, or a stack of ring3 in the process of the wire. */
export type WanHostOptions =
  | {
      readonly kind: 'linux';
      /** Default cubic. */
      readonly congestion?: string;
      /** More of them, as `net/ipv4/tcp_sack`; they go before LINUX_SYSCTLS. */
      readonly sysctls?: Readonly<Record<string, string | number>>;
    }
  | {
      readonly kind: 'ring3';
      /** Also settings that this version of the stack does not know: those are ignored. */
      readonly settings?: Partial<Settings> & Record<string, unknown>;
    };

/** The wire. Chances from 0 to 1; times in microseconds. */
export interface WanOptions {
  readonly left: readonly WanHostOptions[];
  readonly right: WanHostOptions;
  /** Bits a second, each way. Default: no limit. */
  readonly rate?: number;
  /** Round trip time without queues; half of it each way. Default 0. */
  readonly rtt?: number;
  /** Bytes that wait before the line from left to right; default: rate * rtt (one bandwidth-delay product), at least 32 kB. */
  readonly queue?: number;
  readonly loss?: number;
  readonly reorder?: number;
  readonly duplicate?: number;
  /** Also on the way back (default: only from left to right). */
  readonly bothWays?: boolean;
  /** Chance of a CE mark on a packet that may be marked. Default 0. */
  readonly mark?: number;
  readonly mtu?: number;
  /** Bytes of IP packet above which frames vanish without a word. Default: the MTU. */
  readonly longest?: number;
  /** What a host on the left sends takes up to so much longer, in order: see wan-bridge.ts. Default 0. */
  readonly jitter?: number;
  readonly seed?: number;
  /** Record what the right host sends and gets, in `wire.pcapng` of the folder. */
  readonly capture?: boolean;
  /** Before all ordinary programs (SCHED_RR): for measurements on a machine that does other things, too. */
  readonly realtime?: boolean;
}

/** A host of the WAN, as the test sees it. */
export interface WanHost {
  readonly kind: 'linux' | 'ring3';
  readonly address: string;
  readonly address6: string;
  /** Linux only. */
  readonly ns: Namespace | undefined;
  order<T>(order: WanOrder, timeout?: number): Promise<T>;
}

export interface Wan {
  readonly left: readonly WanHost[];
  readonly right: WanHost;
  readonly program: Running;
  /** Where captures lie. */
  readonly folder: string;
  state(): Promise<WanState>;
  /** Ends all of it before the scope does. */
  close(): Promise<void>;
}

/** Explicit, so that a measurement does not depend on the machine: the kernel's own defaults for a host with memory, and no memory of earlier runs. */
export const LINUX_SYSCTLS: Readonly<Record<string, string | number>> = {
  'net/ipv4/tcp_no_metrics_save': 1,
  'net/ipv4/tcp_rmem': '4096 131072 6291456',
  'net/ipv4/tcp_wmem': '4096 16384 4194304',
  'net/ipv4/tcp_ecn': 2,
};
const DEVICE = 'eth0';
const QUEUE_LEAST = 32_000;
/** Frames between the kernel and us. A queue there that overflows would be a loss that nobody ordered. */
const TX_QUEUE = 10_000;

/** Builds a WAN with its hosts and waits until they reach each other. */
export async function wan(scope: Scope, options: WanOptions): Promise<Wan> {
  const space = await namespace(scope);
  const path = folder(scope);
  const hosts = [...options.left, options.right];
  const ends = hosts.map((host, i) => endOf(host, i, path));
  const program = node(space, options, 'wan-program', JSON.stringify(programOptions(options, ends, path)));
  await program.output(/^open$/m, START);
  const made: WanHost[] = [];
  for (const [i, host] of hosts.entries()) made.push(await start(scope, space, host, i, path, options));
  const left = made.slice(0, -1);
  const right = made.at(-1)!;
  for (const one of left) await reach(one, right);
  const state = (): Promise<WanState> => say(join(path, 'wan.sock'), { do: 'state' }, 10_000);
  const close = async (): Promise<void> => {
    await program.stop();
    for (const one of made) one.ns?.remove();
    space.remove();
  };
  return { left, right, program, folder: path, state, close };
}

/** Starts one of our programs inside a namespace. */
function node(ns: Namespace, { realtime }: WanOptions, program: string, argument: string): Running {
  const file = built(`test/support/${program}.js`);
  if (!realtime) return ns.startNode([file, argument]);
  return ns.start('chrt', ['--rr', '1', process.execPath, file, argument]);
}

function addresses(i: number): { v4: string; v6: string } {
  return { v4: `10.9.0.${i + 1}`, v6: `fd09::${i + 1}` };
}

function endOf(host: WanHostOptions, i: number, path: string): WanEnd {
  if (host.kind === 'linux') return { kind: 'linux', dev: `host${i}` };
  const { v4, v6 } = addresses(i);
  return {
    kind: 'ring3',
    addresses: [`${v4}/24`, `${v6}/64`],
    settings: host.settings ?? {},
    socket: join(path, `host${i}.sock`),
  };
}

function programOptions(o: WanOptions, ends: readonly WanEnd[], path: string): WanProgramOptions {
  const rtt = o.rtt ?? 0;
  const line = { ...(o.rate === undefined ? {} : { rate: o.rate }), latency: rtt / 2 };
  const queue = o.queue ?? (o.rate === undefined ? Infinity : Math.max((o.rate * rtt) / 8e6, QUEUE_LEAST));
  const faults = { drop: o.loss ?? 0, reorder: o.reorder ?? 0, duplicate: o.duplicate ?? 0 };
  const bound = Number.isFinite(queue) ? { queue } : {};
  return {
    left: ends.slice(0, -1),
    right: ends.at(-1)!,
    mtu: o.mtu ?? 1500,
    forth: { line: { ...line, ...bound }, faults },
    back: { line: { ...line, ...bound }, faults: o.bothWays ? faults : {} },
    bridge: { mark: o.mark ?? 0, longest: o.longest ?? o.mtu ?? 1500, jitter: o.jitter ?? 0 },
    seed: o.seed ?? 1,
    socket: join(path, 'wan.sock'),
    ...(o.capture ? { capture: join(path, 'wire.pcapng') } : {}),
  };
}

async function start(
  scope: Scope,
  space: Namespace,
  host: WanHostOptions,
  i: number,
  path: string,
  options: WanOptions,
): Promise<WanHost> {
  const { v4, v6 } = addresses(i);
  const socket = join(path, `host${i}.sock`);
  const order = <T>(what: WanOrder, timeout = 60_000): Promise<T> => say<T>(socket, what, timeout);
  const common = { kind: host.kind, address: v4, address6: v6, order };
  if (host.kind === 'ring3') return { ...common, ns: undefined };
  const ns = await namespace(scope);
  await space.ip(`link set host${i} netns ${ns.name} name ${DEVICE}`);
  for (const [name, value] of Object.entries({ ...LINUX_SYSCTLS, ...host.sysctls })) await ns.sysctl(name, value);
  await configure(ns, v4, v6, options.mtu ?? 1500, host.congestion ?? 'cubic');
  const program = node(ns, options, 'wan-host', socket);
  await program.output(/^ready$/m, START);
  return { ...common, ns };
}

async function configure(ns: Namespace, v4: string, v6: string, mtu: number, congestion: string): Promise<void> {
  await ns.runOk('ethtool', ['-K', DEVICE, 'tso', 'off', 'gso', 'off', 'gro', 'off']);
  await ns.ip(`link set ${DEVICE} mtu ${mtu} txqueuelen ${TX_QUEUE} up`);
  await ns.ip(`addr add ${v4}/24 dev ${DEVICE} noprefixroute`);
  await ns.ip(`addr add ${v6}/64 dev ${DEVICE} nodad noprefixroute`);
  await ns.ip(`route add ${v4.replace(/\d+$/, '0')}/24 dev ${DEVICE} src ${v4} congctl ${congestion}`);
  await ns.ip(`-6 route add fd09::/64 dev ${DEVICE} congctl ${congestion}`);
}

/** Waits until `a` reaches `b`, from whichever side is the kernel's: both know their neighbour then. */
async function reach(a: WanHost, b: WanHost): Promise<void> {
  const [from, to] = a.ns === undefined ? [b, a] : [a, b];
  if (from.ns === undefined) return;
  for (const address of [to.address, to.address6]) {
    for (let tries = 0; ; tries++) {
      const { code, stdout } = await from.ns.run('ping', ['-c', '1', '-W', '1', address]);
      if (code === 0) break;
      assert.ok(tries < 12, `${address} does not answer:\n${stdout}`);
    }
  }
}

/** One order over a Unix socket; resolves to the answer. */
function say<T>(path: string, order: object, timeout: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let answer = '';
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer in ${timeout} ms to ${JSON.stringify(order)}`)),
      timeout,
    );
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error(`no answer to ${JSON.stringify(order)}`));
    });
    socket.on('data', (text) => {
      answer += text;
      if (!answer.endsWith('\n')) return;
      resolve(JSON.parse(answer) as T);
      socket.destroy();
    });
    socket.write(`${JSON.stringify(order)}\n`);
  });
}

/** What the kernel says of its connections to and from the WAN port: congestion control, windows, round trips. */
export async function kernelSockets(host: WanHost): Promise<string> {
  return (await host.ns?.runOk('ss', ['-tinH', 'sport = :5001 or dport = :5001'])) ?? '';
}
