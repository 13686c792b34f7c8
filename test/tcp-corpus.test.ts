// What fuzzers of TCP have found (scripts/fuzz.mjs, src/stack/tcp/fuzz-arrival.test.ts), played again: none may come back.
// Run by node:test; calls the target of the fuzzers.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fromText } from '../src/stack/tcp/fuzz-actions.test-support.ts';
import { play } from '../src/stack/tcp/fuzz-target.test-support.ts';
import { project } from './support/paths.ts';

const FOLDER = project('test/corpus/tcp');

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.txt'))) {
  test(name, () => {
    const error = play(fromText(readFileSync(join(FOLDER, name), 'utf8')));
    if (error !== undefined) throw error;
  });
}
