// The rules of ARCHITECTURE.md, checked on every source: who may import whom, no Node in the core, headers, lengths.
// Run by node:test and by `npm run check`; calls support/floors.ts.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { test } from 'node:test';
import { check, cycles, FLOORS, type Source } from './support/floors.ts';
import { project, projectRoot } from './support/paths.ts';

const FOLDERS = ['src', 'test', 'bench', 'examples', 'scripts'];

function sources(): Source[] {
  return FOLDERS.flatMap((folder) => files(project(folder)))
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .map((path) => ({ path: relative(projectRoot, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }));
}

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

test('every source keeps the rules of the architecture', () => {
  const all = sources();
  assert.ok(all.length > 40, `only ${all.length} sources found`);
  assert.equal(check(all).join('\n'), '');
});

test('the table of floors has no circle and names only floors', () => {
  const edges = new Map(Object.entries(FLOORS).map(([floor, below]) => [floor, new Set(below)]));
  assert.deepEqual(cycles(edges), []);
  for (const below of Object.values(FLOORS)) for (const floor of below) assert.ok(floor in FLOORS, floor);
});

test('every folder of src is a floor', () => {
  const folders = readdirSync(project('src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  // src/libc is C; it is built apart and imports nothing of ours.
  assert.deepEqual(
    folders.map((entry) => entry.name).filter((name) => name !== 'libc' && !(name in FLOORS)),
    [],
  );
});
