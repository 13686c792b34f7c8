// A tool for developers: one flow across a WAN, and every so often what its sender says of itself: window, flight, round trip, losses.
// Run by hand as root: node dist/test/support/wan-trace.js '{"from":"ring3","to":"linux","loss":0.01,"ms":5000}'; calls wan.ts.
//
//   from, to: linux or ring3      ms, every: time of the flow, and between lines      settings: of ring3, as settings.ts has them
//   file: where the record of the receiver's wire goes (pcapng)                       the rest: WanOptions of wan.ts

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { kernelSockets, type Wan, type WanHost, type WanHostOptions, type WanOptions, wan } from './wan.ts';
import type { Flow } from './wan-app.ts';

interface Options extends Partial<WanOptions> {
  readonly from?: 'linux' | 'ring3';
  readonly to?: 'linux' | 'ring3';
  readonly ms?: number;
  readonly every?: number;
  readonly settings?: Record<string, unknown>;
  readonly file?: string;
}

interface State {
  readonly counters: Record<string, number>;
  readonly drops?: Record<string, number>;
  readonly connections?: Record<string, number>[];
}

const o: Options = JSON.parse(process.argv[2] ?? '{}');
const { from = 'ring3', to = 'linux', ms = 5000, every = 200, settings = {}, file, ...wire } = o;
const host = (kind: 'linux' | 'ring3'): WanHostOptions => (kind === 'linux' ? { kind } : { kind, settings });
const cleanups: (() => Promise<void>)[] = [];
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** A line about the sender's connection. */
async function sender(one: WanHost): Promise<string> {
  if (one.kind === 'linux') {
    const text = await kernelSockets(one);
    const names = ['cwnd', 'ssthresh', 'unacked', 'rtt', 'rto', 'retrans', 'lost', 'sacked', 'reordering', 'notsent'];
    return names.map((name) => new RegExp(`\\b${name}:\\S+`).exec(text)?.[0] ?? `${name}:-`).join(' ');
  }
  const { connections, counters } = await one.order<State>({ do: 'state' });
  const c = connections?.[0];
  if (c === undefined) return 'no connection';
  const segments = (n: number | undefined): number => Math.min(Math.round((n ?? 0) / c['mss']!), 99_999);
  return (
    `cwnd:${segments(c['cwnd'])} ssthresh:${segments(c['ssthresh'])} unacked:${segments(c['inFlight'])} ` +
    `rtt:${Math.round(c['rtt']! / 100) / 10} rto:${Math.round(c['rto']! / 1000)} ` +
    `retrans:${counters['tcp_retransmitted']} timeouts:${counters['tcp_timeouts']} notsent:${c['unsent']}`
  );
}

function counted({ counters, drops }: State): string {
  const interesting = /^tcp_|^TcpRetrans|^TcpExt.*(Timeout|DSACK|Sack|Spur|Probe|Undo|OFO|Reno|ECN|CE$)/i;
  const some = Object.entries(counters).filter(([name, n]) => n > 0 && interesting.test(name));
  return JSON.stringify({ ...Object.fromEntries(some), ...(drops === undefined ? {} : { drops }) });
}

async function trace(net: Wan): Promise<void> {
  const [left] = net.left as [WanHost];
  const start = performance.now();
  const done = net.right.order<Flow>({ do: 'flow', host: left.address, ms }, ms + 20_000);
  while (performance.now() - start < ms - every) {
    await new Promise((resolve) => setTimeout(resolve, every));
    say(`${String(Math.round(performance.now() - start)).padStart(6)} ms  ${await sender(left)}`);
  }
  const flow = await done;
  say(`${((flow.bytes * 8) / flow.ms / 1000).toFixed(2)} Mbit/s; by tenths of a second: `);
  say(flow.tenths.map((bytes) => Math.round(bytes / 12_500)).join(' '));
  say(`sender   ${counted(await left.order<State>({ do: 'state' }))}`);
  say(`receiver ${counted(await net.right.order<State>({ do: 'state' }))}`);
  say(`wire     ${JSON.stringify(await net.state())}`);
}

try {
  const options = { rate: 100e6, rtt: 50_000, capture: file !== undefined, ...wire };
  const net = await wan({ after: (fn) => void cleanups.push(fn) }, { ...options, left: [host(from)], right: host(to) });
  await trace(net);
  await net.program.stop();
  if (file !== undefined) copyFileSync(join(net.folder, 'wire.pcapng'), file);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
