// The contract of a link for devices: over plain sockets, and, as root, TUN and TAP with the kernel's end as the other link.
// Run by node:test; calls the contract suite of src/link.

import { after } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Namespace, namespace } from '../../test/support/netns.ts';
import { needs } from '../../test/support/privileges.ts';
import type { Link, LinkCaps } from '../base/link.ts';
import { type LinkPair, linkContract } from '../link/contract.test-support.ts';
import { makeMemory } from '../link/packets.test-support.ts';
import { FrameDevice } from './frame-device.ts';
import { inNamespace, openPacket, setUp, wire } from './netns.test-support.ts';
import { openTap, openTun } from './tuntap.ts';

/** Twice through libuv's poll phase. */
const settle = async (): Promise<void> => {
  await turn();
  await turn();
};

for (const medium of ['ip', 'ethernet'] as const) {
  for (const gso of [0, 65535]) {
    const caps: LinkCaps = {
      medium,
      mtu: 1500,
      gso,
      txChecksum: gso > 0 ? 'partial' : 'full',
      gather: true,
      loopback: false,
    };
    linkContract(
      `a link over a descriptor (${medium}, superframes ${gso > 0 ? 'on' : 'off'})`,
      () => {
        const [one, other] = wire();
        const make = (fd: number): Link =>
          new FrameDevice({ fd, memory: makeMemory(1024, 64), caps, trustChecksums: true });
        return { a: make(one), b: make(other), settle };
      },
      needs({ koffi: true }).skip,
    );
  }
}

const { skip } = needs({ root: true, koffi: true, device: '/dev/net/tun', programs: ['ip'] });

/** One namespace for all pairs, silent by itself. */
async function silent(): Promise<Namespace> {
  const ns = await namespace({ after });
  await ns.sysctl('net/ipv6/conf/default/disable_ipv6', 1);
  return ns;
}

const space: Promise<Namespace> | undefined = skip === false ? silent() : undefined;

async function kernelPair(kind: 'tun' | 'tap', offload: boolean, outward: boolean): Promise<LinkPair> {
  const { name } = await space!;
  return inNamespace(name, () => {
    // Persistent: making a device anew for each test takes the kernel some 50 ms.
    const open = kind === 'tun' ? openTun : openTap;
    const device = open({ name: `${kind}0`, memory: makeMemory(1024, 64), offload, persist: true });
    setUp(device.name);
    const kernel = openPacket(device.name, makeMemory(1024, 64), { ...device.caps, gso: 65535, txChecksum: 'partial' });
    return outward ? { a: device, b: kernel, settle } : { a: kernel, b: device, settle };
  });
}

for (const kind of ['tun', 'tap'] as const) {
  for (const offload of [true, false]) {
    const how = offload ? 'offload' : 'no offload';
    // To the kernel the two differ only in what they say they can do.
    if (offload) linkContract(`${kind}, to the kernel`, () => kernelPair(kind, offload, true), skip);
    linkContract(`${kind} (${how}), from the kernel`, () => kernelPair(kind, offload, false), skip);
  }
}
