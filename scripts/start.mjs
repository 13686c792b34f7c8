// `npm start`: the example site, served over the host link without root. Options after `--` go to `ring3 serve`.
// Called by npm; calls setup.mjs, download.mjs and then the command itself, in this process, so that signals just work.

import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeDownload } from './download.mjs';
import { dist, fail, root, setup, writing } from './setup.mjs';

await setup();
await writing(makeDownload);

const main = join(dist, 'src', 'cli', 'main.js');
if (!existsSync(main)) fail(`${relative(root, main)} is not there: src/cli/main.ts is missing.`);
const site = relative(process.cwd(), join(root, 'examples', 'site')) || '.';
process.argv = [process.execPath, main, 'serve', site, ...process.argv.slice(2)];
await import(pathToFileURL(main).href);
