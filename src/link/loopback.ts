// The loopback link: what a stack sends comes back to it. For 127.0.0.0/8, ::1 and a stack's own addresses.
// Made by whoever builds a stack; calls memory.

import type { Link, LinkMemory } from '../base/link.ts';
import { MemoryEnd, type MemoryLinkSettings } from './memory.ts';

/** As for memoryLink; by default IP packets of up to 65,535 bytes whose checksums need not be completed. */
export function loopbackLink(memory: LinkMemory, settings: MemoryLinkSettings = {}): Link {
  return new MemoryEnd(
    memory,
    { mtu: 65535, gso: 65535, txChecksum: 'partial', queue: 1024, ...settings, loopback: true },
    true,
  );
}
