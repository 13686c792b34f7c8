// A random network with random programs on it, all from one seed; and what must be true whatever the seed is.
// Called by sim-scenarios.test.ts; calls the simulator.

import assert from 'node:assert/strict';
import { SeededRng } from '../../src/base/rng.ts';
import type {
  Connection,
  ConnectOptions,
  Host,
  LineOptions,
  LinkOptions,
  LossModel,
  Plan,
  Router,
  Sim,
} from '../../src/sim/index.ts';
import type { Settings } from '../../src/stack/settings.ts';
import { OPT_KEEPALIVE, OPT_KEEPCNT, OPT_KEEPIDLE, OPT_KEEPINTVL, OPT_NODELAY } from '../../src/stack/tcp/flags.ts';

const SECOND = 1e6;
const HOUR = 3600 * SECOND;
/** Until every connection has ended, and then until every row and timer has gone. */
const LIMIT = 6 * HOUR;
const AFTER = HOUR;
/** Ways in which a connection may end that are not the user's doing. */
const REASONS = new Set([
  '',
  'aborted',
  'ECONNRESET',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNREFUSED',
  'EPIPE',
]);

/** Values of a seed. */
class Dice {
  readonly rng: SeededRng;

  constructor(seed: number) {
    this.rng = new SeededRng(Math.imul(seed, 0x2545f491) ^ 0x51ed270b);
  }

  chance(p: number): boolean {
    return this.rng.unit() < p;
  }

  /** Uniform, and uniform in the logarithm. */
  between(low: number, high: number): number {
    return low + this.rng.unit() * (high - low);
  }

  log(low: number, high: number): number {
    return low * (high / low) ** this.rng.unit();
  }

  whole(low: number, high: number): number {
    return low + this.rng.below(high - low + 1);
  }

  of<T>(...choices: readonly T[]): T {
    return choices[this.rng.below(choices.length)]!;
  }
}

/** What has been set up, as far as it says what may be asked of the outcome. */
interface Scenario {
  readonly connections: Connection[];
  /** Nothing that may end a connection but its ends. */
  harmless: boolean;
}

function loss(d: Dice): LossModel {
  if (d.chance(0.5)) return d.log(0.001, 0.05);
  // The states change by packets: a burst must not outlast the retransmissions of a connection that sends nothing else.
  if (d.chance(0.5)) return { model: 'gilbert-elliott', toBad: d.log(0.0005, 0.01), toGood: d.between(0.45, 0.8) };
  if (d.chance(0.5)) return { model: 'periodic', every: d.whole(5, 200) };
  return { model: 'list', packets: Array.from({ length: d.whole(1, 6) }, () => d.whole(0, 40)) };
}

function line(d: Dice, bad: number): LineOptions {
  const rate = d.chance(0.85) ? d.log(128e3, 1e9) : undefined;
  const queue = d.chance(0.3)
    ? { packets: d.whole(3, 60), codel: d.chance(0.3), ecn: d.chance(0.5) }
    : d.chance(0.2)
      ? { bytes: d.whole(10_000, 200_000), codel: d.chance(0.5) }
      : undefined;
  return {
    ...(rate === undefined ? {} : { rate }),
    delay: d.log(10, 200_000),
    ...(d.chance(bad) ? { loss: loss(d) } : {}),
    ...(d.chance(bad) ? { jitter: d.log(10, 30_000), overtake: d.chance(0.4) } : {}),
    ...(d.chance(bad) ? { reorder: d.log(0.001, 0.2), reorderDelay: d.log(50, 50_000) } : {}),
    ...(d.chance(bad) ? { duplicate: d.log(0.001, 0.1) } : {}),
    ...(d.chance(bad / 2) ? { corrupt: d.log(0.001, 0.05) } : {}),
    ...(queue === undefined ? {} : { queue }),
  };
}

function link(d: Dice): LinkOptions {
  const bad = d.of(0, 0.2, 0.5);
  const mtu = d.chance(0.6) ? 1500 : d.of(1280, 1400, 1492, 2000, 9000, 65_535);
  if (d.chance(0.7)) return { ...line(d, bad), mtu };
  return { mtu, forward: line(d, bad), back: line(d, bad) };
}

function settings(d: Dice): Partial<Settings> {
  return {
    tcpRows: 64,
    tcpReceiveBuffer: Math.round(d.chance(0.4) ? d.log(4096, 65_536) : d.log(65_536, 1 << 20)),
    tcpSendBuffer: Math.round(d.log(4096, 1 << 20)),
    tcpWindowScaling: d.chance(0.85),
    tcpTimestamps: d.chance(0.8),
    tcpSack: d.chance(0.8),
    tcpInitialWindow: d.of(1, 2, 4, 10, 10, 10),
    tcpDelayedAck: d.of(40_000, 1000, 200_000),
  };
}

function plan(d: Dice): Plan {
  const small = d.chance(0.25);
  const bytes = d.chance(0.15) ? 0 : Math.round(small ? d.log(1, 4000) : d.log(1000, 200_000));
  const slow = d.chance(0.2);
  const reads = d.whole(1, 60);
  return {
    bytes,
    copy: d.chance(0.7),
    writeSize: small ? d.whole(1, 100) : d.whole(500, 65_536),
    ...(d.chance(0.2) ? { writeEvery: d.log(10, small ? 2000 : 100_000) } : {}),
    ...(slow ? { readSize: Math.ceil(200_000 / reads), readEvery: d.log(1000, 2 * SECOND) } : {}),
    ...(slow || d.chance(0.1) ? { readAfter: d.log(1000, 20 * SECOND) } : {}),
    end: d.chance(0.75) ? 'shutdown' : d.of('close', 'abort'),
    ...(d.chance(0.05) ? { abortAfter: d.log(1000, 20 * SECOND) } : {}),
  };
}

function hosts(sim: Sim, d: Dice, n: number, name: string): Host[] {
  const memory = { small: 2048, large: 16, chunks: 1024 };
  return Array.from({ length: n }, (_, i) =>
    sim.host(`${name}${i}`, {
      settings: settings(d),
      memory,
      coalesce: d.chance(0.2) ? d.log(5, 200) : 0,
      gso: d.chance(0.25) ? 65_535 : 0,
    }),
  );
}

/** Hosts on one wire, around a router, at both ends of a chain, or on two sides of a bottleneck. */
function topology(sim: Sim, d: Dice): Host[] {
  const shape = d.of('wire', 'wire', 'star', 'chain', 'dumbbell');
  if (shape === 'wire') {
    const [a, b] = hosts(sim, d, 2, 'h') as [Host, Host];
    sim.link(a, b, link(d));
    return [a, b];
  }
  const routers: Router[] = [sim.router('r0')];
  const hops = shape === 'chain' ? d.whole(1, 3) : shape === 'dumbbell' ? 1 : 0;
  for (let i = 0; i < hops; i++) {
    routers.push(sim.router(`r${i + 1}`));
    sim.link(routers[i]!, routers[i + 1]!, link(d));
  }
  const left = hosts(sim, d, shape === 'chain' ? 1 : d.whole(1, 3), 'a');
  const right = hosts(sim, d, shape === 'chain' ? 1 : d.whole(1, 3), 'b');
  for (const host of left) sim.link(host, routers[0]!, link(d));
  for (const host of right) sim.link(host, routers.at(-1)!, link(d));
  return [...left, ...right];
}

function build(sim: Sim, d: Dice): Scenario {
  const all = topology(sim, d);
  const scenario: Scenario = { connections: [], harmless: true };
  if (d.chance(0.2)) {
    const from = d.log(1000, 20 * SECOND);
    const forever = d.chance(0.15);
    sim.partition(d.of(...sim.links), from, forever ? LIMIT * 2 : from + d.log(10_000, 20 * SECOND));
    if (forever) scenario.harmless = false;
  }
  if (d.chance(0.05)) {
    for (const router of sim.routers) router.icmp = false;
    scenario.harmless = false;
  }
  for (let n = d.whole(1, 4); n > 0; n--) {
    const a = d.of(...all);
    const b = d.of(...all.filter((host) => host !== a));
    const client = plan(d);
    const server = plan(d);
    // Somebody has to end first.
    const waits = d.chance(0.2) ? { ...server, end: 'wait' as const } : server;
    // An end whose peer may be gone learns of it by keepalive alone. Elsewhere its probes would hide what other timers miss.
    const keepalive = !scenario.harmless || !orderly(client, waits) || d.chance(0.2);
    const options: ConnectOptions = {
      client,
      server: waits,
      version: d.of(4, 4, 6),
      options: [
        [OPT_KEEPALIVE, keepalive ? 1 : 0],
        [OPT_KEEPIDLE, 60 * SECOND],
        [OPT_KEEPINTVL, 10 * SECOND],
        [OPT_KEEPCNT, 9],
        [OPT_NODELAY, d.chance(0.3) ? 1 : 0],
      ],
    };
    sim.at(d.chance(0.5) ? 0 : d.log(1000, 5 * SECOND), () => scenario.connections.push(sim.connect(a, b, options)));
  }
  return scenario;
}

/** Whether nothing that either end does may reset the other. */
function orderly(...plans: readonly Plan[]): boolean {
  return plans.every((p) => p.end !== 'close' && p.end !== 'abort' && p.abortAfter === undefined);
}

function checkConnection(c: Connection, harmless: boolean): void {
  const { client, server } = c;
  const what = `${client.host.name}>${c.to.name}`;
  assert.ok(c.done, `${what}: has not ended: client ${state(client)}, server ${server ? state(server) : 'none'}`);
  assert.ok(REASONS.has(client.error), `${what}: the client ended by ${client.error}`);
  assert.ok(server === null || REASONS.has(server.error), `${what}: the server ended by ${server?.error}`);
  if (server !== null) {
    // A FIN comes after the last byte.
    if (server.ended) assert.equal(server.received, client.sent, `${what}: bytes before the client's FIN`);
    if (client.ended) assert.equal(client.received, server.sent, `${what}: bytes before the server's FIN`);
  }
  if (!harmless || !orderly(client.plan, server?.plan ?? {})) return;
  assert.equal(client.error, '', `${what}: the client's end`);
  assert.equal(server?.error, '', `${what}: the server's end`);
  assert.equal(server?.received, client.plan.bytes);
  assert.equal(client.received, server?.plan.bytes);
}

function state(peer: { done: boolean; sent: number; received: number; ended: boolean; error: string }): string {
  return `${peer.done ? 'done' : 'open'} sent ${peer.sent} received ${peer.received} ended ${peer.ended} ${peer.error}`;
}

function checkHost(host: Host): void {
  const { memory, tcp } = host.stack;
  assert.equal(tcp.used, 0, `${host.name}: connections are left`);
  assert.equal(memory.frames.used, 0, `${host.name}: frames are lost`);
  assert.equal(memory.spans.used, 0, `${host.name}: payload chunks are lost`);
  assert.ok(memory.blocks.used <= 1, `${host.name}: blocks are lost`);
}

/** Builds the scenario of `sim.seed`, runs it to its end, and checks everything. Returns the segments that were sent, and how many connections ended in order. */
export function playScenario(sim: Sim): { packets: number; orderly: number; connections: number } {
  const d = new Dice(sim.seed);
  const scenario = build(sim, d);
  const lossy = sim.links.some((l) => [l.forward, l.back].some((x) => (x.options.corrupt ?? 0) > 0.02));
  sim.run(6 * SECOND);
  sim.settle(LIMIT);
  for (const c of scenario.connections) checkConnection(c, scenario.harmless && !lossy);
  sim.run(sim.now + AFTER);
  for (const host of sim.hosts) checkHost(host);
  assert.equal(sim.inFlight, 0, 'packets are on their way for ever');
  let packets = 0;
  for (const l of sim.links) packets += l.forward.counters.sent + l.back.counters.sent;
  const ended = scenario.connections.filter((c) => c.client.error === '' && c.server?.error === '').length;
  return { packets, orderly: ended, connections: scenario.connections.length };
}
