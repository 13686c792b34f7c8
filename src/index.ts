// ring3: what most programs need to run a stack of their own, from one place. The rest is under ring3/base, wire, link, stack, host, net, dgram, web.
// Imported by users of the package; calls host, link, socket and stack.

import { SystemRng, secretWords } from './host/random.ts';
import type { Settings } from './stack/settings.ts';
import { createMemory, type MemorySizes, Stack } from './stack/stack.ts';

export { HostLoop } from './host/loop.ts';
export { memoryLink } from './link/memory.ts';
export { createDgram, createHttp, createNet, duplexLink, Network } from './socket/index.ts';
export { createMemory, Stack } from './stack/stack.ts';

/** Options of createStack. */
export interface CreateStackOptions {
  readonly settings?: Partial<Settings> | undefined;
  readonly memory?: MemorySizes | undefined;
}

/** A stack whose randomness and secret come from the operating system. Attach links to it, and give it to a HostLoop. */
export function createStack(options: CreateStackOptions = {}): Stack {
  return new Stack(createMemory(options.memory), {
    settings: options.settings,
    rng: new SystemRng(),
    secret: secretWords(8),
  });
}
