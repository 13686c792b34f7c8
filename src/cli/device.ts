// Before something goes out by a device: its other end must be up, and our addresses must be known to be ours alone.
// Called by ping.ts, fetch.ts and serve.ts; reads /sys and asks the stack.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatAddress } from '../base/address.ts';
import type { Assembled } from './assemble.ts';
import { failure } from './errors.ts';

const IFF_UP = 1;
/** How often to look, ms. */
const LOOK = 20;
/** How long people get to configure the kernel's end, ms. */
const PATIENCE = 120_000;
/** Detection of duplicate addresses takes a second or so; where there is no answer to wait for, this ends it, ms. */
const DETECTION = 10_000;

/**
 * Waits until the kernel's end of the device is up, having said on stderr how to do that, and until our addresses are
 * usable. Does nothing on links without a device. Throws one line where that does not come about; `signal` ends it early.
 */
export async function readyToSend(assembled: Assembled, signal: AbortSignal): Promise<void> {
  const { inside } = assembled;
  if (inside === undefined) return;
  if (!isUp(inside.linkName)) {
    const lines = assembled.ipLines.map((line) => `  ${line}\n`).join('');
    process.stderr.write(`Waiting for the kernel's end of the device; as root:\n\n${lines}\n`);
    const up = await until(() => isUp(inside.linkName), PATIENCE, signal);
    if (!up && !signal.aborted)
      throw failure(`the device ${inside.linkName} is still down: "ip link set ${inside.linkName} up"`);
  }
  const { duplicates } = await addressesChecked(assembled, signal);
  if (duplicates.length > 0) throw failure(duplicates[0]!);
  if (assembled.addresses.length > 0 || signal.aborted) return;
  process.stderr.write("Waiting for an address from the network's router.\n");
  if ((await routedAddress(assembled, signal, DETECTION)) === undefined && !signal.aborted) {
    // What is on the link can be reached all the same.
    process.stderr.write(`No router on ${inside.linkName} has given an address: --address chooses one.\n`);
  }
}

/**
 * Waits until the stack knows whether its addresses are its own. A line for each that another host has, and whether
 * there is any other that the options asked for.
 */
export async function addressesChecked(
  assembled: Assembled,
  signal: AbortSignal,
): Promise<{ duplicates: string[]; others: boolean }> {
  const { inside } = assembled;
  const duplicates: string[] = [];
  let others = false;
  if (inside === undefined) return { duplicates, others: true };
  const { autoconf, interfaces } = inside.stack;
  const all = interfaces.list.flatMap((iface) => iface ?? []);
  await until(() => all.every((iface) => autoconf.tentative(iface.index) === 0), DETECTION, signal);
  for (const iface of all) {
    for (const { w0, w1, w2, w3, state, origin } of iface.addresses) {
      if (state !== 'duplicate') others ||= origin !== 'linklocal';
      else {
        const text = formatAddress(w0, w1, w2, w3);
        duplicates.push(`another host on ${inside.linkName} has the address ${text}: choose another`);
      }
    }
  }
  return { duplicates, others };
}

/** Waits, up to `timeout` ms, for an address that was made from what a router says; undefined if there is none. */
export async function routedAddress(
  assembled: Assembled,
  signal: AbortSignal,
  timeout: number = Number.POSITIVE_INFINITY,
): Promise<string | undefined> {
  const list = assembled.inside?.stack.interfaces.list ?? [];
  let found: string | undefined;
  const look = (): boolean => {
    const all = list.flatMap((iface) => iface?.addresses ?? []);
    const one = all.find(({ origin, state }) => origin === 'slaac' && state === 'preferred');
    if (one !== undefined) found = formatAddress(one.w0, one.w1, one.w2, one.w3);
    return one !== undefined;
  };
  await until(look, timeout, signal, 100);
  return found;
}

/** Whether a device is up; where that cannot be known, it is taken to be. */
function isUp(name: string): boolean {
  try {
    return (Number(readFileSync(`/sys/class/net/${name}/flags`, 'latin1')) & IFF_UP) !== 0;
  } catch {
    return true;
  }
}

async function until(done: () => boolean, timeout: number, signal: AbortSignal, every = LOOK): Promise<boolean> {
  const deadline = performance.now() + timeout;
  while (!done()) {
    if (signal.aborted || performance.now() > deadline) return false;
    await sleep(every);
  }
  return true;
}
