// The version of ring3, from its package.json.
// Called by program.ts, serve.ts and fetch.ts; calls node:fs.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** As in package.json. */
export const VERSION: string = find(dirname(fileURLToPath(import.meta.url)));

/** The nearest package.json above that is ring3's: the build output may lie anywhere below it. */
function find(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file)) {
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
    if (name === 'ring3' && version !== undefined) return version;
  }
  return dirname(folder) === folder ? 'unknown' : find(dirname(folder));
}
