// Reads from a file only what the kernel has in its cache, at once: no thread, no wake-up, and no waiting for a disk.
// Called by whoever serves files from a stack's memory (cli); calls preadv2 through ffi. Linux only.

import type { Arena } from '../base/arena.ts';
import { EAGAIN } from '../base/errno.ts';
import { addressOf, ffiAvailable, libcFunction } from './ffi.ts';

/** Reads into a view of the arena: how many bytes (0: the file's end), or -EAGAIN: not in the cache, or not to be had this way. */
export type CachedRead = (fd: number, into: Uint8Array, length: number, position: number) => number;

type Preadv2 = (fd: number, iov: number, count: number, offset: number, flags: number) => number;

/** Do not wait for data that is not there (preadv2(2), Linux 4.14). */
const RWF_NOWAIT = 8;

/** A reader for views of `arena`; undefined where the C library cannot be called. */
export function cachedReader(arena: Arena): CachedRead | undefined {
  if (!ffiAvailable()) return undefined;
  let preadv2: Preadv2;
  try {
    preadv2 = libcFunction<Preadv2>('intptr_t preadv2(int, uintptr_t, int, long, int)');
  } catch {
    return undefined; // a C library without it
  }
  const memory = arena.memory.buffer;
  const base = addressOf(arena.u8);
  // One struct iovec, in memory that does not move.
  const iovec = new BigUint64Array(new ArrayBuffer(4096), 0, 2);
  const iovecAddress = addressOf(iovec);
  return (fd, into, length, position) => {
    if (into.buffer !== memory) return -EAGAIN;
    iovec[0] = BigInt(base + into.byteOffset);
    iovec[1] = BigInt(Math.min(length, into.length));
    const n = preadv2(fd, iovecAddress, 1, position, RWF_NOWAIT);
    // Whatever is wrong, the ordinary read will meet it and say so.
    return n >= 0 ? n : -EAGAIN;
  };
}
