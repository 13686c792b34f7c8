// Where things lie, for tests that start programs of the project or read its sources, wherever the build output is.
// Called by tests and their helpers; calls node:fs.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the build output that this code runs from: it has src/, test/ and bench/ in it. */
export const builtRoot: string = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The root of the project: the folder above this file that has ring3's package.json. */
export const projectRoot: string = findProject(builtRoot);

function findProject(from: string): string {
  const file = join(from, 'package.json');
  if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'ring3') return from;
  if (dirname(from) === from) throw new Error('no package.json of ring3 above the build output');
  return findProject(dirname(from));
}

/** The absolute path of a built file, e.g. built('src/cli/main.js'). */
export function built(path: string): string {
  return join(builtRoot, path);
}

/** The absolute path of a file of the project, e.g. project('examples/site'). */
export function project(path: string): string {
  return join(projectRoot, path);
}
