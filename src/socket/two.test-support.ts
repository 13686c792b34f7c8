// Test support: two stacks on a memory link in real time, a Network on each, and the modules over it.
// Used by the tests of this floor; calls host/loop, link/memory, stack.

import type { Link } from '../base/link.ts';
import { SeededRng } from '../base/rng.ts';
import { HostLoop } from '../host/loop.ts';
import { type MemoryLinkSettings, memoryLink } from '../link/memory.ts';
import type { Settings } from '../stack/settings.ts';
import { createMemory, type MemorySizes, Stack } from '../stack/stack.ts';
import { Network } from './network.ts';

const SMALL: MemorySizes = { arenaBytes: 96 << 20, small: 4096, large: 64, chunks: 8192 };

export interface TwoOptions {
  readonly settings?: Partial<Settings>;
  readonly memory?: MemorySizes;
  readonly link?: MemoryLinkSettings;
  readonly wrap?: (link: Link, loop: HostLoop, end: 'a' | 'b') => Link;
}

/** Two networks: `a` is 10.0.0.1, 10.0.0.3 and fd00::1, `b` 10.0.0.2, 10.0.0.9 and fd00::2. */
export interface Two {
  readonly loop: HostLoop;
  readonly stackA: Stack;
  readonly stackB: Stack;
  readonly a: Network;
  readonly b: Network;
  /** When the stacks have sent and acknowledged all there was: nothing is buffered in either, and no socket open. */
  settled(): Promise<void>;
  /** Ends both stacks and the loop. */
  close(): void;
}

export function twoNetworks(options: TwoOptions = {}): Two {
  const rng = new SeededRng(7);
  const loop = new HostLoop();
  loop.unref();
  const make = (): Stack =>
    new Stack(createMemory({ ...SMALL, ...options.memory }), {
      settings: { tcpRows: 4096, udpRows: 64, ...options.settings },
      rng,
      secret: Int32Array.from({ length: 8 }, () => rng.int32()),
    });
  const stackA = make();
  const stackB = make();
  const [linkA, linkB] = memoryLink({ a: stackA.memory, b: stackB.memory, mtu: 1500, ...options.link });
  const wrap = options.wrap ?? ((link: Link) => link);
  stackA.attach(wrap(linkA, loop, 'a'), { addresses: ['10.0.0.1/24', '10.0.0.3/24', 'fd00::1/64'] });
  stackB.attach(wrap(linkB, loop, 'b'), { addresses: ['10.0.0.2/24', '10.0.0.9/24', 'fd00::2/64'] });
  loop.add(stackA);
  loop.add(stackB);
  const a = new Network(stackA, loop);
  const b = new Network(stackB, loop);
  const left = (): number => stackA.memory.spans.used + stackB.memory.spans.used + a.open + b.open;
  return {
    loop,
    stackA,
    stackB,
    a,
    b,
    async settled() {
      for (let i = 0; i < 200 && left() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    close() {
      a.close();
      b.close();
      stackA.close();
      stackB.close();
      loop.close();
    },
  };
}
