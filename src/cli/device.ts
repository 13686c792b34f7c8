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
  await addressesChecked(assembled, signal);
}

/** Waits until the stack knows whether its addresses are its own; throws where another host has one of them. */
export async function addressesChecked(assembled: Assembled, signal: AbortSignal): Promise<void> {
  const { inside } = assembled;
  if (inside === undefined) return;
  const { autoconf, interfaces } = inside.stack;
  const all = interfaces.list.flatMap((iface) => iface ?? []);
  await until(() => all.every((iface) => autoconf.tentative(iface.index) === 0), DETECTION, signal);
  for (const iface of all) {
    for (const { w0, w1, w2, w3, state } of iface.addresses) {
      if (state !== 'duplicate') continue;
      throw failure(
        `another host on ${inside.linkName} has the address ${formatAddress(w0, w1, w2, w3)}: choose another`,
      );
    }
  }
}

/** Whether a device is up; where that cannot be known, it is taken to be. */
function isUp(name: string): boolean {
  try {
    return (Number(readFileSync(`/sys/class/net/${name}/flags`, 'latin1')) & IFF_UP) !== 0;
  } catch {
    return true;
  }
}

async function until(done: () => boolean, timeout: number, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + timeout;
  while (!done()) {
    if (signal.aborted || performance.now() > deadline) return false;
    await sleep(LOOK);
  }
  return true;
}
