// Network namespaces for tests: made with a name of their own, joined by veth pairs, gone at the end of the test.
// Called by tests behind needs({ root: true, programs: ['ip'] }); calls ip(8) through run.ts. Never configures the root namespace.
//
//   const a = await namespace(t), b = await namespace(t);
//   await veth(a, 'eth0', b, 'eth0');
//   await a.ip('addr add 10.1.0.1/24 dev eth0');
//   const { stdout, code } = await a.run('curl', ['-s', 'http://10.1.0.2/']);

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { findProgram } from './privileges.ts';
import { type Running, type RunOptions, type RunResult, run, runOk, start } from './run.ts';

/** The part of node:test's context that is used: t.after, or an object with node:test's own `after` for a whole file. */
export interface Scope {
  after(fn: () => Promise<void>): void;
}

/** A network namespace with its loopback up. */
export interface Namespace {
  readonly name: string;
  /** Runs `ip -n NAME …` with words split at spaces; rejects when ip fails; returns its output. */
  ip(words: string): Promise<string>;
  /** Sets a sysctl of this namespace, e.g. ('net/ipv4/tcp_sack', '0'). */
  sysctl(path: string, value: string | number): Promise<void>;
  /** Runs a program inside to its end; any exit code is a result. */
  run(program: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Runs a program inside; rejects unless it ends with 0; returns its standard output. */
  runOk(program: string, args?: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts a program inside; it is killed with the namespace at the latest. */
  start(program: string, args?: readonly string[], options?: RunOptions): Running;
  /** The same with this Node: arguments as after `node`. */
  startNode(args: readonly string[], options?: RunOptions): Running;
  /** Kills what runs inside and deletes it. Done by the scope; idempotent. */
  remove(): void;
}

const PREFIX = 'ring3-test-';
const alive = new Map<string, Namespace>();
let counter = 0;
let swept = false;

process.once('exit', () => {
  for (const one of [...alive.values()]) one.remove();
});

/** Makes a namespace with its loopback up; `scope.after` removes it. Names: ring3-test-PID-N. */
export async function namespace(scope: Scope): Promise<Namespace> {
  if (!swept) sweep();
  swept = true;
  const name = `${PREFIX}${process.pid}-${++counter}`;
  await runOk('ip', ['netns', 'add', name]);
  const inside = (program: string, args: readonly string[]): string[] => [
    'netns',
    'exec',
    name,
    findProgram(program) ?? program,
    ...args,
  ];
  const started = new Set<Running>();
  const keep = (one: Running): Running => {
    started.add(one);
    one.done.finally(() => started.delete(one)).catch(() => {});
    return one;
  };
  const one: Namespace = {
    name,
    ip: (words) => runOk('ip', ['-n', name, ...words.trim().split(/\s+/)]),
    sysctl: async (path, value) => {
      // The file is that of the namespace of the process that opens it: so it is opened inside.
      await runOk('ip', inside('sh', ['-c', 'echo "$2" > "/proc/sys/$1"', 'sh', path, String(value)]));
    },
    run: (program, args = [], options = {}) => run('ip', inside(program, args), options),
    runOk: (program, args = [], options = {}) => runOk('ip', inside(program, args), options),
    start: (program, args = [], options = {}) => keep(start('ip', inside(program, args), options)),
    startNode: (args, options = {}) => keep(start('ip', inside(process.execPath, args), options)),
    remove: () => {
      if (!alive.delete(name)) return;
      // One that was started a moment ago may not have got inside yet, where removeNow would find it.
      for (const { child } of started) child.kill('SIGKILL');
      removeNow(name);
    },
  };
  alive.set(name, one);
  scope.after(async () => one.remove());
  await one.ip('link set lo up');
  return one;
}

/** Joins two namespaces by a veth pair, both ends up. `options` go to both ends: mtu, and the two addresses if given. */
export async function veth(
  a: Namespace,
  aName: string,
  b: Namespace,
  bName: string,
  options: { readonly mtu?: number; readonly aMac?: string; readonly bMac?: string } = {},
): Promise<void> {
  const end = (name: string, of: Namespace, mac?: string): string[] => [
    ...['name', name, 'netns', of.name],
    ...(options.mtu === undefined ? [] : ['mtu', String(options.mtu)]),
    ...(mac === undefined ? [] : ['address', mac]),
  ];
  await runOk('ip', [
    'link',
    'add',
    ...end(aName, a, options.aMac),
    'type',
    'veth',
    'peer',
    ...end(bName, b, options.bMac),
  ]);
  await a.ip(`link set ${aName} up`);
  await b.ip(`link set ${bName} up`);
}

/** Synchronous, so that it also works while the process ends. */
function removeNow(name: string): void {
  const ip = findProgram('ip') ?? 'ip';
  const pids = spawnSync(ip, ['netns', 'pids', name], { encoding: 'utf8' }).stdout ?? '';
  for (const pid of pids.split(/\s+/).map(Number)) {
    if (pid > 0 && pid !== process.pid) kill(pid);
  }
  spawnSync(ip, ['netns', 'del', name]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}

/** Removes what test processes that were killed have left behind: only namespaces of our prefix whose process is gone. */
function sweep(): void {
  for (const name of namespaces()) {
    const pid = Number(name.slice(PREFIX.length).split('-')[0]);
    if (name.startsWith(PREFIX) && pid > 0 && !isAlive(pid)) removeNow(name);
  }
}

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
