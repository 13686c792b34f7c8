// What this machine lets a test do: root, programs, devices, koffi. A test that needs more is skipped, and says why.
// Called by tests in their options, `test('…', needs({ root: true, programs: ['ip'] }), …)`; calls node:fs and koffi.

import { accessSync, closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';

/** What a test needs. Everything named must be there. */
export interface Needs {
  /** User 0 with the capabilities to make network namespaces and devices (CAP_NET_ADMIN and CAP_SYS_ADMIN). */
  readonly root?: boolean;
  /** Programs by name, looked for in PATH and in the sbin folders. */
  readonly programs?: readonly string[];
  /** A device file that must open for reading and writing, e.g. /dev/net/tun. */
  readonly device?: string;
  /** The FFI package koffi must load (it is an optional dependency: prebuilt for the common platforms). */
  readonly koffi?: boolean;
  /** The kernel must speak IPv6. */
  readonly ipv6?: boolean;
}

/** The part of node:test's options that says whether to skip. */
export interface SkipOption {
  readonly skip: string | false;
}

const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;

/** The skip option of node:test: false if all is there, or else one line that names everything missing. Results are cached. */
export function needs(wanted: Needs): SkipOption {
  const missing: string[] = [];
  if (wanted.root && !isRoot()) missing.push('root with CAP_NET_ADMIN and CAP_SYS_ADMIN');
  const programs = (wanted.programs ?? []).filter((name) => findProgram(name) === undefined);
  if (programs.length > 0) missing.push(`the program${programs.length > 1 ? 's' : ''} ${programs.join(', ')}`);
  if (wanted.device !== undefined && !opens(wanted.device)) missing.push(`the device ${wanted.device}`);
  if (wanted.koffi && !hasKoffi()) missing.push('koffi');
  if (wanted.ipv6 && !hasIpv6()) missing.push('IPv6 in the kernel');
  return { skip: missing.length > 0 ? `needs ${missing.join(' and ')}` : false };
}

/** Several needs at once: one list of what to skip for. */
export function needsAll(...all: Needs[]): SkipOption {
  const reasons = all.map((one) => needs(one).skip).filter((skip) => skip !== false);
  return { skip: reasons.length > 0 ? reasons.join('; ') : false };
}

let root: boolean | undefined;

/** Whether this process may make network namespaces and devices. */
export function isRoot(): boolean {
  root ??= process.getuid?.() === 0 && hasCapability(CAP_NET_ADMIN) && hasCapability(CAP_SYS_ADMIN);
  return root;
}

/** A container's root may lack capabilities: read the effective set (capabilities(7)), not the user id alone. */
function hasCapability(bit: bigint): boolean {
  try {
    const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    return line !== null && ((BigInt(`0x${line[1]}`) >> bit) & 1n) === 1n;
  } catch {
    return false;
  }
}

const programs = new Map<string, string | undefined>();

/** The path of a program, or undefined. Looks into the sbin folders too: ip and tcpdump lie there on Debian, outside a user's PATH. */
export function findProgram(name: string): string | undefined {
  if (!programs.has(name)) {
    const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
    programs.set(name, folders.map((folder) => join(folder, name)).find(isExecutable));
  }
  return programs.get(name);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const devices = new Map<string, boolean>();

/** A device node may exist without its driver: only opening it tells. */
function opens(path: string): boolean {
  let answer = devices.get(path);
  if (answer === undefined) {
    try {
      closeSync(openSync(path, 'r+'));
      answer = true;
    } catch {
      answer = false;
    }
    devices.set(path, answer);
  }
  return answer;
}

let koffi: boolean | undefined;

function hasKoffi(): boolean {
  if (koffi === undefined) {
    try {
      createRequire(import.meta.url)('koffi');
      koffi = true;
    } catch {
      koffi = false;
    }
  }
  return koffi;
}

function hasIpv6(): boolean {
  try {
    accessSync('/proc/net/if_inet6');
    return true;
  } catch {
    return false;
  }
}
