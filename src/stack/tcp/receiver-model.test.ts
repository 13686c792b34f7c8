// The receiving side against the reference, whatever comes: RCV.NXT, window, out-of-order queue, timestamps, FIN, what is read.

import { test } from 'node:test';
import fc from 'fast-check';
import { type Action, action, MAX_ARG, OPERATIONS, type Operation } from './fuzz-actions.test-support.ts';
import { play } from './fuzz-target.test-support.ts';

const OPERATIONS_OF_A_SENDING_PEER: readonly Operation[] = [
  ...Array<Operation>(6).fill('segment'),
  'data',
  'fill',
  'fin',
  'read',
  'advance',
  'option',
];

const operation: fc.Arbitrary<Action> = fc
  .constantFrom(...OPERATIONS_OF_A_SENDING_PEER)
  .chain((op) => fc.tuple(...OPERATIONS[op].map(() => fc.nat(MAX_ARG))).map((args) => ({ op, args })));

/** A world in which the stack must do exactly as the reference; which buffer, initial number, scale and options. */
const world: fc.Arbitrary<Action> = fc
  .record({ rcvbuf: fc.nat(4), iss: fc.nat(4), ws: fc.nat(4), ts: fc.nat(3), sack: fc.nat(3), v6: fc.nat(1) })
  .map((args) => action('world', args));

test('any segments, whatever their order and overlap', () => {
  fc.assert(
    fc.property(world, fc.array(operation, { maxLength: 60 }), (first, rest) => {
      const error = play([first, ...rest]);
      if (error !== undefined) throw error;
    }),
    { numRuns: 250 },
  );
});
