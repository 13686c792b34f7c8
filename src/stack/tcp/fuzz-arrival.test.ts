// Segments of every kind into live connections, with users and peers who do anything, held against a reference after each step.
// Seeded lists of actions; a failure prints its seed and the shortest list that still fails, as test/corpus/tcp keeps them.
//
//   RING3_FUZZ_TCP=20 npm test -- fuzz-arrival        20 times as many lists (default 1: 1,600)
//   RING3_FUZZ_TCP_SEED=7 npm test -- fuzz-arrival    others (default 1)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toText } from './fuzz-actions.test-support.ts';
import { generate } from './fuzz-generate.test-support.ts';
import { minimise, play } from './fuzz-target.test-support.ts';

const TIMES = Number(process.env['RING3_FUZZ_TCP'] ?? 1);
const SEED = Number(process.env['RING3_FUZZ_TCP_SEED'] ?? 1);
/** Lists in a test, and tests: seconds each. */
const LISTS = 200;
const TESTS = Math.ceil(8 * TIMES);

for (let n = 0; n < TESTS; n++) {
  const from = SEED * 1_000_000 + n * LISTS;
  test(`lists of actions ${from} to ${from + LISTS - 1}`, () => {
    for (let seed = from; seed < from + LISTS; seed++) {
      const actions = generate(seed);
      const error = play(actions);
      if (error === undefined) continue;
      const short = minimise(actions);
      const why = (play(short) ?? error).message;
      assert.fail(
        `seed ${seed}: ${why}\nkeep it as test/corpus/tcp/NAME.txt:\n\n# ${why.split('\n')[0]}\n${toText(short)}`,
      );
    }
  });
}
