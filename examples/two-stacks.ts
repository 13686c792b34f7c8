// Two stacks in one process with a wire between them, for the examples that need nobody else: 10.0.0.1 and 10.0.0.2.
// Called by echo, udp-echo and fetch; calls the package. In a program of your own, import from 'ring3'.

import { createStack, HostLoop, memoryLink, Network } from '../src/index.ts';

/** A network for the client and one for the server. */
export function twoStacks(): { client: Network; server: Network } {
  const loop = new HostLoop();
  // The process ends when no socket is open any more.
  loop.unref();
  const [a, b] = [createStack(), createStack()];
  const [wireA, wireB] = memoryLink({ a: a.memory, b: b.memory });
  a.attach(wireA, { addresses: ['10.0.0.1/24'] });
  b.attach(wireB, { addresses: ['10.0.0.2/24'] });
  loop.add(a);
  loop.add(b);
  return { client: new Network(a, loop), server: new Network(b, loop) };
}
