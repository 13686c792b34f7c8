// Every script under test/scripts, run against the stack in virtual time.
// Run by node:test; calls src/sim/drill. `npm test -- scripts --test-name-pattern=NAME` runs those with NAME in their path.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { drill } from '../src/sim/drill/drill.ts';
import { project } from './support/paths.ts';

const root = project('test/scripts');

const scripts = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.pkt'))
  .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
  .sort();

for (const name of scripts) {
  test(name, () => {
    const file = join(root, name);
    const read = (path: string): string | undefined => {
      try {
        return readFileSync(resolve(dirname(file), path), 'utf8');
      } catch {
        return undefined;
      }
    };
    const result = drill(`test/scripts/${name}`, readFileSync(file, 'utf8'), { read });
    assert.ok(result.passed, result.text);
  });
}
