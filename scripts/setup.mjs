// Brings the checkout into a state in which it can run: packages installed, sources built into dist, each only when needed.
// Called by every other script before its work; calls npm and tsc. No network once the packages are there.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The project's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Where the build output lies. */
export const dist = join(root, 'dist');

const SOURCES = ['src', 'test', 'bench', 'examples'];
const STAMP = join(dist, '.stamp');
const LOCK = join(root, '.build', 'setup.lock');
const MIN_NODE = 20;
/** What writing fails with in a checkout of another user, or on a read-only disk. */
const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Installs and builds what is out of date. On failure says in a line what to do, and ends the process with exit code 1. */
export async function setup() {
  if (Number(process.versions.node.split('.')[0]) < MIN_NODE) {
    fail(`ring3 needs Node ${MIN_NODE} or newer, this is ${process.versions.node}.`);
  }
  if (isInstalled() && isBuilt()) return;
  await writing(() =>
    locked(() => {
      if (!isInstalled()) install();
      if (!isBuilt()) build();
    }),
  );
}

/** Runs `work`, which writes into the checkout; where that is another user's, or read-only, says so in a line and ends. */
export async function writing(work) {
  try {
    await work();
  } catch (error) {
    if (!NOT_OURS.has(error.code)) throw error;
    fail(
      `${root} is out of date, and you may not write there (${error.code}): have its owner run npm start, or copy it.`,
    );
  }
}

/** Prints a message and ends with exit code 1. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}

/**
 * Whether node_modules holds exactly what package-lock.json asks for. npm writes what it has installed into
 * node_modules/.package-lock.json, at the very end; so an interrupted installation does not count. An optional package
 * (koffi, or a binary for another platform) may be absent.
 */
function isInstalled() {
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const file = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(file)) return false;
  const present = JSON.parse(readFileSync(file, 'utf8')).packages;
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '' || (present[path] === undefined && optional)) continue;
    if (present[path]?.version !== version) return false;
  }
  return Object.keys(present).every((path) => wanted[path] !== undefined) && hasNativeParts(present);
}

/** A folder shared between machines may hold the binaries of the other one: whatever has a platform must have this one. */
function hasNativeParts(present) {
  return Object.values(present).every(
    ({ os, cpu }) => (os?.includes(process.platform) ?? true) && (cpu?.includes(process.arch) ?? true),
  );
}

function install() {
  console.log('Installing the packages (once)…');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  // npm_execpath: the npm that runs us, when one does. koffi and the compilers bring their binaries in packages of their own.
  const npm = process.env.npm_execpath;
  const [program, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { status, error } = spawnSync(program, [...before, ...args], { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) fail(`npm could not be started (${error.message}). It comes with Node.`);
  if (status !== 0) fail('The packages could not be installed: see above. The first start needs the npm registry.');
}

/** Whether dist was built, without errors, from exactly the sources that are there. */
function isBuilt() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint();
}

/** A hash over path, size and modification time of all that the build reads. */
function fingerprint() {
  const hash = createHash('sha256');
  const inputs = SOURCES.flatMap((folder) => files(join(root, folder))).filter((path) => path.endsWith('.ts'));
  for (const path of [...inputs, join(root, 'tsconfig.json'), join(root, 'package-lock.json')].sort()) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function files(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

function build() {
  console.log('Building…');
  rmSync(STAMP, { force: true });
  removeStale();
  const before = fingerprint();
  const { status } = tsc('--incremental', '--tsBuildInfoFile', join('dist', '.tsbuildinfo'));
  if (status !== 0) fail('The build failed: see above.');
  writeFileSync(STAMP, before);
}

/** Runs the project's compiler on tsconfig.json with more options, its output shown. Returns spawnSync's result. */
export function tsc(...options) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return spawnSync(process.execPath, [compiler, '-p', '.', ...options], { cwd: root, stdio: 'inherit' });
}

/** Deletes outputs whose source is gone: a test that was renamed must not run under its old name too. */
function removeStale() {
  for (const output of files(dist)) {
    if (basename(output).startsWith('.')) continue;
    const source = relative(dist, output).replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts');
    if (!existsSync(join(root, source))) rmSync(output);
  }
}

/** Runs `work` while no other process installs or builds here. A lock whose owner has died is taken over. */
async function locked(work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!takeOver()) {
      if (!waited) console.log('Waiting for another process that installs or builds here…');
      await sleep(100);
    }
  }
  process.once('exit', unlock); // work may end the process
  try {
    work();
  } finally {
    process.off('exit', unlock);
    unlock();
  }
}

function unlock() {
  rmSync(LOCK, { force: true });
}

/** Removes the lock if its owner is gone. By renaming: of several processes that see it, one succeeds. */
function takeOver() {
  try {
    if (isAlive(Number(readFileSync(LOCK, 'utf8')))) return false;
    const mine = `${LOCK}.${process.pid}`;
    renameSync(LOCK, mine);
    unlinkSync(mine);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error; // ENOENT: another process was faster
  }
  return true;
}

/** An unreadable number is a lock being written at this moment: its owner is alive. */
function isAlive(pid) {
  if (!(pid > 0)) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}
