// For tests of this floor: enter a namespace of the test for a moment, and packet sockets as the other end of a device.
// Called by *.test.ts beside it; calls libc through ffi. Needs root.

import { closeSync, openSync } from 'node:fs';
import type { LinkCaps, LinkMemory } from '../base/link.ts';
import { addressOf, errno, errnoCode, libc, libcFunction } from './ffi.ts';
import { FrameDevice } from './frame-device.ts';

const CLONE_NEWNET = 0x40000000;

/** Runs `fn`, which must not wait for anything, with this thread in the network namespace `name`. */
export function inNamespace<T>(name: string, fn: () => T): T {
  const setns = libcFunction<(fd: number, type: number) => number>('int setns(int, int)');
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(`/run/netns/${name}`, 'r');
  try {
    if (setns(there, CLONE_NEWNET) < 0) throw new Error(`setns: ${errnoCode(errno())}`);
    return fn();
  } finally {
    if (setns(home, CLONE_NEWNET) < 0) process.abort();
    closeSync(there);
    closeSync(home);
  }
}

const CAPABILITY_VERSION_3 = 0x20080522;
const CAP_DAC_OVERRIDE = 1;

/**
 * Runs `fn`, which must not wait for anything, as nobody: without root's rights but for one, that every file opens. Who may
 * open /dev/net/tun is a matter of its mode, and that differs from machine to machine; what a test asks is what comes after.
 */
export function asNobody<T>(fn: () => T): T {
  process.seteuid?.(65534);
  try {
    openAnyFile();
    return fn();
  } finally {
    process.seteuid?.(0); // brings the effective rights back, too (capabilities(7))
  }
}

/** Takes CAP_DAC_OVERRIDE from the permitted set, which a change of the effective user leaves alone, into the effective one. */
function openAnyFile(): void {
  const capget = libcFunction<(header: Int32Array, data: Int32Array) => number>('int capget(void *header, void *data)');
  const capset = libcFunction<(header: Int32Array, data: Int32Array) => number>('int capset(void *header, void *data)');
  const header = Int32Array.of(CAPABILITY_VERSION_3, 0);
  const sets = new Int32Array(6); // effective, permitted, inheritable; twice 32 bits of each
  check(capget(header, sets), 'capget');
  sets[0] = 1 << CAP_DAC_OVERRIDE;
  sets[3] = 0;
  check(capset(header, sets), 'capset');
}

/** Brings device `name` of this namespace up, with a queue towards us that no test fills: `ip link set up txqueuelen 32768`. */
export function setUp(name: string): void {
  const fd = check(libc().socket(2, 2 | 0o2000000, 0), 'socket');
  scratch.fill(0);
  Buffer.from(name).copy(scratch);
  check(libc().ioctl(fd, 0x8913, addressOf(scratch)), 'SIOCGIFFLAGS');
  scratch[16]! |= 1;
  check(libc().ioctl(fd, 0x8914, addressOf(scratch)), 'SIOCSIFFLAGS');
  new DataView(scratch.buffer).setInt32(16, 32768, true);
  check(libc().ioctl(fd, 0x8943, addressOf(scratch)), 'SIOCSIFTXQLEN');
  closeSync(fd);
}

const scratch: Uint8Array = new Uint8Array(new ArrayBuffer(4096), 0, 64);

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: ${errnoCode(errno())}`);
  return result;
}

/**
 * The kernel's end of device `name` of this namespace as a link: what is sent there comes out of the device, what the
 * device's owner sends is seen here. Superframes and partial sums pass as they are.
 */
export function openPacket(name: string, memory: LinkMemory, caps: LinkCaps): FrameDevice {
  const bind = libcFunction<(fd: number, address: number, length: number) => number>('int bind(int, uintptr_t, int)');
  const setsockopt = libcFunction<(fd: number, level: number, option: number, value: number, length: number) => number>(
    'int setsockopt(int, int, int, uintptr_t, int)',
  );
  const ALL = 0x0300; // ETH_P_ALL in network order
  const fd = check(libc().socket(17, 3 | 0o4000 | 0o2000000, 0), 'socket');
  const view = new DataView(scratch.buffer);
  scratch.fill(0);
  Buffer.from(name).copy(scratch);
  check(libc().ioctl(fd, 0x8933, addressOf(scratch)), 'SIOCGIFINDEX');
  const index = view.getInt32(16, true);
  view.setInt32(0, 1, true);
  check(setsockopt(fd, 263, 15, addressOf(scratch), 4), 'PACKET_VNET_HDR');
  check(setsockopt(fd, 263, 23, addressOf(scratch), 4), 'PACKET_IGNORE_OUTGOING');
  view.setInt32(0, 64 << 20, true);
  check(setsockopt(fd, 1, 33, addressOf(scratch), 4), 'SO_RCVBUFFORCE');
  scratch.fill(0);
  view.setUint16(0, 17, true);
  view.setUint16(2, ALL, true);
  view.setInt32(4, index, true);
  check(bind(fd, addressOf(scratch), 20), 'bind');
  return new FrameDevice({ fd, memory, caps, trustChecksums: true });
}

/** Two descriptors that carry whole messages to each other, nonblocking: a wire without any device. */
export function wire(): [number, number] {
  const socketpair = libcFunction<(family: number, type: number, protocol: number, fds: number) => number>(
    'int socketpair(int, int, int, uintptr_t)',
  );
  check(socketpair(1, 5 | 0o4000 | 0o2000000, 0, addressOf(scratch)), 'socketpair');
  const view = new DataView(scratch.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}
