// A program for tests: a WAN between hosts, its impairments, and those of its hosts that are stacks of ring3. Prints "open", "ready".
// Started by wan.ts inside a namespace, with its options as one JSON argument; calls wan-bridge.ts, wan-app.ts, host, link, stack, socket.
//
//   Linux ─ tap ─┐                                  ┌─ tap ─ Linux
//   ring3 ─ mem ─┴─ bridge ─ shape ─ fault ─────────┴─ mem ─ ring3

import type { Link } from '../../src/base/link.ts';
import { CaptureFile } from '../../src/host/capture-file.ts';
import { HostLoop } from '../../src/host/loop.ts';
import { SystemRng, secretWords } from '../../src/host/random.ts';
import { openTap } from '../../src/host/tuntap.ts';
import { CaptureLink } from '../../src/link/capture.ts';
import { type FaultCounts, type Faults, faultLink } from '../../src/link/fault.ts';
import { memoryLink } from '../../src/link/memory.ts';
import { type Line, shapeLink } from '../../src/link/shape.ts';
import { createNet } from '../../src/socket/net.ts';
import { Network, type ReadySink } from '../../src/socket/network.ts';
import type { Settings } from '../../src/stack/settings.ts';
import { createMemory, Stack } from '../../src/stack/stack.ts';
import { control, obey, serve, type WanOrder } from './wan-app.ts';
import { Bridge, type BridgeOptions } from './wan-bridge.ts';

/** A host's end of the wire. */
export type WanEnd =
  | { readonly kind: 'linux'; readonly dev: string }
  | {
      readonly kind: 'ring3';
      readonly addresses: readonly string[];
      readonly settings: Partial<Settings> & Record<string, unknown>;
      readonly socket: string;
    };

/** One direction. */
export interface WanWay {
  readonly line: Line;
  readonly faults: Faults;
}

/** What the program is started with. */
export interface WanProgramOptions {
  readonly left: readonly WanEnd[];
  readonly right: WanEnd;
  readonly mtu: number;
  /** From left to right, and back. */
  readonly forth: WanWay;
  readonly back: WanWay;
  readonly bridge: Omit<BridgeOptions, 'seed'>;
  readonly seed: number;
  readonly socket: string;
  /** A pcapng file of what the right host sends and gets. */
  readonly capture?: string;
}

/** What the program says of the wire. */
export interface WanState {
  readonly faults: FaultCounts;
  /** What the wire lost and why: `shape_queue` is the bottleneck's full queue, `fault_drop` the loss that was asked for. */
  readonly drops: Record<string, number>;
  readonly marked: number;
  readonly tooLong: number;
  readonly late: readonly number[];
  readonly hostDrops: readonly Record<string, number>[];
  /** Busy time of the process since its start, seconds. */
  readonly cpu: number;
}

/** Knows the handles of its connections, so that the stack can be asked about them. */
class SeenNetwork extends Network {
  readonly handles: Set<number> = new Set();

  override watchTcp(handle: number, sink: ReadySink): void {
    this.handles.add(handle);
    super.watchTcp(handle, sink);
  }

  override forgetTcp(handle: number): void {
    this.handles.delete(handle);
    super.forgetTcp(handle);
  }
}

const o = JSON.parse(process.argv[2]!) as WanProgramOptions;
const loop = new HostLoop({ spin: 0 });
/** The wire's own frames: a second's worth of 100 Mbit/s and more. */
const memory = createMemory({ small: 32_768, large: 64, chunks: 64, blocks: 0 });
const FRAMES = 16_384;

function openEnd(end: WanEnd): Link {
  if (end.kind === 'linux') return openTap({ name: end.dev, memory, offload: false, mtu: o.mtu });
  const stack = new Stack(createMemory(), {
    rng: new SystemRng(),
    secret: secretWords(8),
    settings: { dadTransmits: 0, ...end.settings },
  });
  const [mine, wire] = memoryLink({ a: stack.memory, b: memory, medium: 'ethernet', mtu: o.mtu, queue: 4096 });
  stack.attach(mine, { addresses: end.addresses, ip6: true });
  loop.add(stack);
  const network = new SeenNetwork(stack, loop);
  const net = createNet(network);
  serve(net);
  const state = (): object => {
    const { counters, drops } = stack.core.counters.snapshot();
    const connections = [...network.handles].map((h) => stack.tcp.info(h)).filter((info) => info?.state !== 'LISTEN');
    return { counters, drops: Object.fromEntries(Object.entries(drops).filter(([, n]) => n > 0)), connections };
  };
  control<WanOrder>(end.socket, (order) => obey(net, order, state));
  return wire;
}

const left = o.left.map(openEnd);
const device = openEnd(o.right);
const file = o.capture === undefined ? undefined : new CaptureFile(o.capture);
const seen = file === undefined ? device : new CaptureLink(device, { sink: file.sink, clock: loop.clock });
// Loss comes after the bottleneck on the way forth: what is lost has used the line. On the way back, before.
const bad = faultLink(seen, loop.clock, { seed: o.seed, tx: o.forth.faults, rx: o.back.faults });
const right = shapeLink(bad, loop.clock, { tx: o.forth.line, rx: o.back.line, frames: FRAMES });
const bridge = new Bridge(left, right, { ...o.bridge, seed: o.seed + 1 });
loop.add(bridge);

control<{ do: 'state' }>(o.socket, async (): Promise<WanState> => {
  const usage = process.cpuUsage();
  return {
    faults: { ...bad.faults },
    drops: right.counters.drops,
    marked: bridge.marked,
    tooLong: bridge.tooLong,
    late: bridge.late,
    hostDrops: left.map((link) => link.counters.drops),
    cpu: (usage.user + usage.system) / 1e6,
  };
});

process.stdout.write('open\n');
process.once('SIGTERM', async () => {
  await file?.close();
  process.exit(0);
});
