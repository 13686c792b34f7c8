// `npm test`: every test of the built output, or those whose path contains one of the words given.
// Called by npm and by .ci/run; calls setup.mjs and Node's test runner, which reports through test-reporter.mjs.
//
//   npm test                                   all
//   npm test -- src/wire tcp                   the files whose path contains "src/wire" or "tcp"
//   npm test -- --test-name-pattern=window     options go to Node's runner
//   RING3_NO_SKIP=1 npm test                   a skipped test is a failure

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, sep } from 'node:path';
import { dist, fail, root, setup } from './setup.mjs';

await setup();

const args = process.argv.slice(2);
const words = args.filter((arg) => !arg.startsWith('-'));
const options = args.filter((arg) => arg.startsWith('-'));

const all = [join(dist, 'src'), join(dist, 'test')].flatMap(testFiles).sort();
const chosen = words.length === 0 ? all : all.filter((file) => words.some((word) => matches(file, word)));
if (chosen.length === 0) fail(`No test file's path contains ${words.map((word) => `"${word}"`).join(' or ')}.`);

/** A test that hangs is ended and named. Node has the option since 20.11. */
const [major, minor] = process.versions.node.split('.').map(Number);
const limit = major > 20 || minor >= 11 ? ['--test-timeout=240000'] : [];

const runner = spawn(
  process.execPath,
  [
    '--test',
    `--test-concurrency=${availableParallelism()}`,
    ...limit,
    `--test-reporter=${join(root, 'scripts', 'test-reporter.mjs')}`,
    '--test-reporter-destination=stdout',
    ...options,
    ...chosen,
  ],
  { cwd: root, stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => runner.kill(signal));
runner.on('exit', (code) => {
  process.exitCode = code ?? 1;
});

function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return entry.name.endsWith('.test.js') ? [path] : [];
  });
}

/** Words match the path of the source, from the project's root: src/wire/tcp.test.ts. */
function matches(file, word) {
  const source = relative(dist, file).replace(/\.js$/, '.ts').split(sep).join('/');
  return source.includes(word.replace(/^\.\//, ''));
}
