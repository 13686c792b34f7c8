// `npm run fuzz`: the coverage-guided fuzzer on TCP segment arrival with live connections, until it finds something or time is up.
// Called by npm, by hand; calls setup.mjs, jazzer.js (libFuzzer) and the target, src/stack/tcp/fuzz-target.test-support.ts.
//
//   npm run fuzz -- --time 10m            10 minutes (default 60s; s, m, h)
//   npm run fuzz -- --replay FILE         plays a file of actions (test/corpus/tcp/*.txt), and tells what happens
//   npm run fuzz -- --seed 7              libFuzzer's seed; any other of its options goes after a second --
//
// What it learns stays in .build/fuzz/corpus and is built upon the next time. A finding is made as short as it gets and written
// to test/corpus/tcp, which test/tcp-corpus.test.ts plays in CI from then on.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { dist, fail, root, setup } from './setup.mjs';

const OPTIONS = { time: { type: 'string' }, replay: { type: 'string' }, seed: { type: 'string' } };
const SECONDS = { s: 1, m: 60, h: 3600 };
/** Bytes of an input; lists of generated actions to begin with. */
const MAX_LENGTH = 700;
const SEEDS = 60;

/** Installed when it is first wanted: whoever only runs or tests ring3 has no use for it and what comes with it. */
const FUZZER = '@jazzer.js/core';
const FUZZER_VERSION = '4.0.0';

const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
await setup();
const folder = join(dist, 'src', 'stack', 'tcp');
const load = (name) => import(pathToFileURL(join(folder, `${name}.test-support.js`)));
const { fromBytes, fromText, toBytes, toText } = await load('fuzz-actions');
const { LIMIT, minimise, play } = await load('fuzz-target');
const kept = join(root, 'test', 'corpus', 'tcp');
const work = join(root, '.build', 'fuzz');
const corpus = join(work, 'corpus');

if (values.replay === undefined) await fuzz();
else report(play(fromText(readFileSync(values.replay, 'utf8')), console.log));

async function fuzz() {
  installFuzzer();
  const [, amount, unit] = /^(\d+)([smh])?$/.exec(values.time ?? '60s') ?? fail('--time: 30s, 10m or 2h');
  const seconds = Number(amount) * SECONDS[unit ?? 's'];
  const { generate } = await load('fuzz-generate');
  mkdirSync(corpus, { recursive: true });
  for (const file of textFiles()) keep(fromText(readFileSync(join(kept, file), 'utf8')));
  for (let seed = 1; seed <= SEEDS; seed++) keep(generate(seed));
  for (const file of crashes()) rmSync(join(work, file));
  const status = await run([
    '--import',
    pathToFileURL(join(root, 'scripts', 'fuzz-addon.mjs')).href,
    join(root, 'node_modules', '@jazzer.js', 'core', 'dist', 'cli.js'),
    join(folder, 'fuzz-target.test-support.js'),
    corpus,
    ...['--sync', '--timeout', '120000', '-i', folder, '-e', 'test-support', '-e', 'node_modules', '--'],
    ...[`-max_total_time=${seconds}`, `-max_len=${MAX_LENGTH}`, `-artifact_prefix=${work}/`],
    ...[
      '-rss_limit_mb=4096',
      '-len_control=0',
      '-print_final_stats=1',
      ...(values.seed ? [`-seed=${values.seed}`] : []),
      ...positionals,
    ],
  ]);
  const found = crashes();
  for (const file of found) finding(fromBytes(readFileSync(join(work, file)), LIMIT));
  if (found.length === 0 && status !== 0) fail(`The fuzzer ended with ${status}.`);
}

function installFuzzer() {
  if (existsSync(join(root, 'node_modules', FUZZER))) return;
  console.log(`Installing ${FUZZER} (once)…`);
  const args = ['install', '--no-save', '--no-audit', '--no-fund', `${FUZZER}@${FUZZER_VERSION}`];
  const { status } = spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${FUZZER} could not be installed: see above.`);
}

function keep(actions) {
  const bytes = toBytes(actions).subarray(0, MAX_LENGTH);
  writeFileSync(join(corpus, createHash('sha1').update(bytes).digest('hex')), bytes);
}

function textFiles() {
  return existsSync(kept) ? readdirSync(kept).filter((name) => name.endsWith('.txt')) : [];
}

function crashes() {
  return readdirSync(work).filter((name) => /^(crash|timeout|oom)-/.test(name));
}

function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

/** Makes it short, keeps it, says so. */
function finding(actions) {
  console.log('\nMaking it shorter…');
  const short = minimise(actions);
  const error = play(short);
  const name = createHash('sha1').update(toBytes(short)).digest('hex').slice(0, 10);
  const path = join(kept, `${name}.txt`);
  mkdirSync(kept, { recursive: true });
  writeFileSync(path, `# ${error?.message.split('\n')[0] ?? 'did not fail again'}\n${toText(short)}`);
  console.log(
    `\n${readFileSync(path, 'utf8')}\nwritten to ${relative(root, path)}; npm run fuzz -- --replay shows what happens`,
  );
  report(error);
}

function report(error) {
  if (error === undefined) console.log('nothing broke');
  else {
    console.error(error.stack);
    process.exitCode = 1;
  }
}
