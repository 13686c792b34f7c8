// For tests against the kernel: ring3 on a TUN or TAP device in a namespace of its own, and the kernel's side of that device.
// Called by kernel-*.test.ts and others; calls netns.ts, run.ts, and starts stack-server.ts or the command `ring3 serve`.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Namespace, namespace, type Scope } from './netns.ts';
import { built } from './paths.ts';
import type { Needs } from './privileges.ts';
import type { Running } from './run.ts';
import type { Order, StackServerOptions } from './stack-server.ts';

/** What every test with a device needs. */
export const DEVICE_NEEDS: Needs = {
  root: true,
  programs: ['ip', 'ping'],
  device: '/dev/net/tun',
  koffi: true,
  ipv6: true,
};

export const STACK4 = '10.3.0.2';
export const STACK6 = 'fd03::2';
export const KERNEL4 = '10.3.0.1';
export const KERNEL6 = 'fd03::1';
export const DEVICE = 'ring0';
/** How long a program may take to start on a machine that does much else, ms. */
export const START = 60_000;
const ADDRESSES = [`${STACK4}/24`, `${STACK6}/64`];

/** A namespace with a program of ring3's in it, reachable. */
export interface Rig {
  readonly ns: Namespace;
  readonly program: Running;
  /** A folder for files, removed at the end. */
  readonly folder: string;
}

/** A folder that is removed at the end. */
export function folder(scope: Scope): string {
  const path = mkdtempSync(join(tmpdir(), 'ring3-test-'));
  scope.after(async () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs the `ip` commands that a program has printed, inside `ns`. */
async function configure(ns: Namespace, text: string): Promise<void> {
  const lines = text.split('\n').flatMap((line) => /^\s*ip (.+)$/.exec(line)?.[1] ?? []);
  assert.ok(lines.length > 0, `no ip commands in:\n${text}`);
  for (const line of lines) await ns.ip(line);
}

/** Waits until the stack answers pings: its address is checked for duplicates first, and the device comes up. */
async function reachable(ns: Namespace, addresses: readonly string[]): Promise<void> {
  for (const cidr of addresses) {
    const address = cidr.replace(/\/.*/, '');
    for (let tries = 0; ; tries++) {
      const { code, stdout } = await ns.run('ping', ['-c', '1', '-W', '1', address]);
      if (code === 0) break;
      assert.ok(tries < 12, `${address} does not answer:\n${stdout}`);
    }
  }
}

/** Starts stack-server.ts on a device. */
export async function stackRig(
  scope: Scope,
  options: Partial<StackServerOptions> & Pick<StackServerOptions, 'link' | 'offload'>,
  where?: Namespace,
): Promise<Rig> {
  const ns = where ?? (await namespace(scope));
  const full = { dev: DEVICE, addresses: ADDRESSES, ...options };
  const program = ns.startNode([built('test/support/stack-server.js'), JSON.stringify(full)]);
  await program.output(/^open$/m, START);
  await configure(ns, program.stdout());
  await program.output(/^ready$/m, START);
  await reachable(ns, full.addresses);
  return { ns, program, folder: folder(scope) };
}

/** Starts `ring3 serve` on a device and does for the kernel's end what it says. */
export async function serveRig(scope: Scope, args: readonly string[], where?: Namespace): Promise<Rig> {
  const ns = where ?? (await namespace(scope));
  const addresses = ADDRESSES.flatMap((cidr) => ['--address', cidr]);
  const program = ns.startNode([built('src/cli/main.js'), 'serve', ...args, '--dev', DEVICE, ...addresses]);
  await program.output(/Stop with/, START);
  await configure(ns, program.stdout());
  await reachable(ns, ADDRESSES);
  return { ns, program, folder: folder(scope) };
}

/** Gives the stack server an order; resolves to what it says. */
export async function order<T = Record<string, unknown>>(rig: Rig, what: Order, timeout = 30_000): Promise<T> {
  const answer = await rig.ns.runOk('nc', ['-N', STACK4, '99'], { input: `${JSON.stringify(what)}\n`, timeout });
  return JSON.parse(answer) as T;
}

/** What kernel-client.ts is to do: a mode and its arguments. */
export type Job = readonly [mode: string, ...args: (string | number)[]];

/** Runs jobs one after the other on the kernel's stack in the namespace; resolves to what each one says. */
export async function clients<T = Record<string, unknown>>(ns: Namespace, ...jobs: readonly Job[]): Promise<T[]> {
  // As many descriptors as may be: the default limit of some machines is 1024.
  const shell = ['-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh', process.execPath];
  const args = [...shell, built('test/support/kernel-client.js'), JSON.stringify(jobs)];
  const result = await ns.run('sh', args, { timeout: 200_000 });
  assert.equal(result.code, 0, `${jobs[0]?.[0]}: ${result.stderr}${result.stdout}`);
  return JSON.parse(result.stdout) as T[];
}

/** One job. */
export async function client<T = Record<string, unknown>>(ns: Namespace, ...job: Job): Promise<T> {
  return (await clients<T>(ns, job))[0]!;
}

/** Waits until something in the namespace listens at a TCP port of every address. */
export async function listening(ns: Namespace, port: number): Promise<void> {
  const entry = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} 0+:0000 0A`);
  for (let tries = 0; !entry.test(await ns.runOk('cat', ['/proc/net/tcp6'])); tries++) {
    assert.ok(tries < 200, `nobody listens at ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Asks a program to stop, and waits: no error, no complaint. A machine under load may take its time. */
export async function stopped(program: Running): Promise<void> {
  program.child.kill('SIGTERM');
  const { code, signal, stderr } = await program.done;
  assert.equal(stderr, '');
  assert.equal(code ?? signal, 0);
}
