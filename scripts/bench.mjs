// `npm run bench`: runs benchmarks one after the other, each in a process of its own, and prints their tables.
// Called by npm; calls setup.mjs and dist/bench/*.bench.js, whose shape is in bench/types.ts.
//
//   npm run bench                          all
//   npm run bench -- segments tap          those whose file name contains "segments" or "tap"
//     --list                               only their names
//     --quick                              seconds instead of minutes: to see that they run
//     --set key=value                      passed on to the benchmark; may be repeated
//     --json FILE                          also as JSON, with the machine and the versions

import { fork } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { dist, fail, setup } from './setup.mjs';

const SELF = fileURLToPath(import.meta.url);
const CHILD = 'RING3_BENCH_CHILD';

if (process.env[CHILD] !== undefined) await child(JSON.parse(process.env[CHILD]));
else await main();

/** In the child: runs one benchmark and sends its result to the parent. */
async function child({ file, options }) {
  const bench = await import(pathToFileURL(file).href);
  const result = options === null ? {} : await bench.run(options);
  process.send({ name: bench.name, table: result.table ?? [], notes: result.notes ?? [] }, () => process.disconnect());
}

async function main() {
  const { values, positionals } = options();
  await setup();
  const folder = join(dist, 'bench');
  const all = readdirSync(folder).filter((name) => name.endsWith('.bench.js'));
  const chosen = all.filter((name) => positionals.length === 0 || positionals.some((word) => name.includes(word)));
  if (chosen.length === 0) fail(`There is no such benchmark. There are: ${all.map(short).join(' ') || 'none'}`);

  const set = Object.fromEntries((values.set ?? []).map(pair));
  const results = [];
  for (const name of chosen) {
    const result = await inProcess(join(folder, name), values.list ? null : { quick: values.quick === true, set });
    if (result === undefined) process.exitCode = 1;
    else if (values.list) console.log(`${short(name).padEnd(16)} ${result.name}`);
    else {
      results.push({ bench: short(name), ...result });
      print(result);
    }
  }
  if (values.json !== undefined) {
    const text = JSON.stringify({ machine: machine(), quick: values.quick === true, results }, null, 2);
    writeFileSync(values.json, `${text}\n`);
  }
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        list: { type: 'boolean' },
        quick: { type: 'boolean' },
        set: { type: 'string', multiple: true },
        json: { type: 'string' },
      },
    });
  } catch (error) {
    return fail(error.message);
  }
}

function pair(text) {
  const at = text.indexOf('=');
  if (at < 1) fail(`--set wants key=value, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function short(name) {
  return name.replace(/\.bench\.js$/, '');
}

/** Resolves to the result, or to undefined when the benchmark failed; its own output, errors included, is shown. */
function inProcess(file, opts) {
  return new Promise((resolve) => {
    const env = { ...process.env, [CHILD]: JSON.stringify({ file, options: opts }) };
    const one = fork(SELF, { env, execArgv: process.execArgv });
    const stop = (signal) => one.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
    let result;
    one.on('message', (message) => {
      result = message;
    });
    one.on('exit', (code) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop);
      if (code !== 0) console.error(`${file} failed`);
      resolve(code === 0 ? result : undefined);
    });
  });
}

function machine() {
  const list = cpus();
  return {
    cpu: list[0]?.model ?? 'unknown',
    cores: list.length,
    kernel: `${type()} ${release()} ${arch()}`,
    node: process.version,
  };
}

/** The name, the table with aligned columns (numbers to the right), the notes. */
function print({ name, table, notes }) {
  console.log(`\n${name}\n`);
  const columns = [...new Set(table.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...table.map((row) => columns.map((column) => shown(row[column])))];
  const width = columns.map((_, c) => Math.max(...lines.map((line) => line[c].length)));
  const right = columns.map((column) => table.some((row) => typeof row[column] === 'number'));
  for (const line of lines) {
    const cells = line.map((cell, c) => (right[c] ? cell.padStart(width[c]) : cell.padEnd(width[c])));
    console.log(`  ${cells.join('  ').trimEnd()}`);
  }
  for (const note of notes) console.log(`  - ${note}`);
}

/** Three significant digits are what a benchmark is worth; whole numbers stay whole. */
function shown(value) {
  if (value === undefined || value === null) return '-';
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
