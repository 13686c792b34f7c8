// The sending side, whatever is lost, acknowledged and SACKed, truly or not: everything that was written arrives in the end, the
// same each time it is sent, within the peer's window and the congestion window.

import { test } from 'node:test';
import fc from 'fast-check';
import { type Action, action, MAX_ARG, OPERATIONS, type Operation } from './fuzz-actions.test-support.ts';
import { play } from './fuzz-target.test-support.ts';

const OPERATIONS_OF_A_HEARING_PEER: readonly Operation[] = [
  ...Array<Operation>(4).fill('hear'),
  ...Array<Operation>(3).fill('write'),
  'segment',
  'advance',
  'icmp',
];

const operation: fc.Arbitrary<Action> = fc
  .constantFrom(...OPERATIONS_OF_A_HEARING_PEER)
  .chain((op) => fc.tuple(...OPERATIONS[op].map(() => fc.nat(MAX_ARG))).map((args) => ({ op, args })));

/** The peers end honestly (ending 0); what they offer and how the link cuts segments. */
const world: fc.Arbitrary<Action> = fc
  .record({
    mss: fc.nat(5),
    peerws: fc.nat(4),
    ws: fc.nat(4),
    ts: fc.nat(3),
    sack: fc.nat(3),
    gso: fc.nat(2),
    cc: fc.nat(3),
  })
  .map((args) => action('world', args));

test('any losses, acknowledgements and SACK blocks', () => {
  fc.assert(
    fc.property(world, fc.array(operation, { maxLength: 60 }), (first, rest) => {
      const error = play([first, action('write', { size: 7 }), ...rest]);
      if (error !== undefined) throw error;
    }),
    { numRuns: 250 },
  );
});
