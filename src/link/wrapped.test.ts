// The contract over stacks of wrappers: each works on what another has changed, in any order.
// Run by node:test; calls wrapped.ts and every wrapper.

import type { Link } from '../base/link.ts';
import { captureLink } from './capture.ts';
import { linkContract } from './contract.test-support.ts';
import { faultLink } from './fault.ts';
import { memoryLink } from './memory.ts';
import { ManualClock, makeMemory } from './packets.test-support.ts';
import { shapeLink } from './shape.ts';
import { WrappedLink } from './wrapped.ts';

type Wrap = (link: Link, clock: ManualClock) => Link;

const bare: Wrap = (link) => new WrappedLink(link);
const capture: Wrap = (link, clock) => captureLink(link, { clock, sink: () => {}, snapLength: 64 });
const delay: Wrap = (link, clock) => faultLink(link, clock, { rx: { delay: 30 }, tx: { delay: 100 } });
const shape: Wrap = (link, clock) => shapeLink(link, clock, { rx: { latency: 10 }, tx: { rate: 1e9, latency: 500 } });

/** Like veth, wrapped on both ends by `wraps`, the first innermost. */
function stacked(name: string, ...wraps: readonly Wrap[]): void {
  linkContract(name, () => {
    const clock = new ManualClock();
    const ends = memoryLink({
      a: makeMemory(),
      b: makeMemory(),
      medium: 'ethernet',
      gso: 65535,
      txChecksum: 'partial',
    });
    const [a, b] = ends.map((end) => wraps.reduce((link, wrap) => wrap(link, clock), end)) as [Link, Link];
    return { a, b, clock };
  });
}

stacked('a bare wrapper', bare);
stacked('fault in fault', delay, delay);
stacked('shape in fault in capture', shape, delay, capture);
stacked('capture in shape in bare in fault', capture, shape, bare, delay);
stacked('fault in shape in shape', delay, shape, shape);
