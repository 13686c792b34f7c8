// What a user sees who starts the checkout of another: a line, not a stack trace.
// Run by node:test; starts a copy of scripts/start.mjs as nobody.

import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { project } from './support/paths.ts';
import { needs } from './support/privileges.ts';
import { run } from './support/run.ts';

const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

test(
  'a checkout that cannot be written says so in a line, and ends with 1',
  needs({ root: true, programs: ['setpriv'] }),
  async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'ring3-setup-'));
    t.after(() => rmSync(root, { recursive: true }));
    mkdirSync(join(root, 'scripts'));
    for (const name of ['scripts/start.mjs', 'scripts/setup.mjs', 'scripts/download.mjs', 'package-lock.json']) {
      copyFileSync(project(name), join(root, name));
    }
    chmodSync(root, 0o755);
    const command = [...NOBODY, process.execPath];
    if ((await run('setpriv', [...command, '--version'])).code !== 0) return t.skip('nobody may not run this Node');
    const { code, stdout, stderr } = await run('setpriv', [...command, join(root, 'scripts/start.mjs')]);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^[^\n]*you may not write there \(EACCES\)[^\n]*\n$/);
  },
);
