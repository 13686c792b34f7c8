// The C library through koffi, loaded on first use: everything that needs no device works without it.
// Called by tuntap, watch and loop; calls koffi. Linux only.
//
// Two rules keep a call cheap: memory is passed as a number (its address, found once), since a number that changes from
// call to call would be a heap number each time; and what varies lies in memory at a fixed address (iovecs, structs).

import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { type HostError, hostError } from './errors.ts';

/** The C functions this floor uses. An `address` is a number from addressOf(). All return -1 and set errno() on failure. */
export interface Libc {
  readv(fd: number, iov: number, count: number): number;
  writev(fd: number, iov: number, count: number): number;
  /** The third argument by value, or an address. */
  ioctl(fd: number, request: number, argument: number): number;
  socket(family: number, type: number, protocol: number): number;
  timerfd_create(clock: number, flags: number): number;
  timerfd_settime(fd: number, flags: number, value: number, old: number): number;
}

/** What became of a descriptor that is being watched: `status` is 0, or a negated errno after which nothing more comes. */
export type PollCallback = (status: number, events: { readonly readable: boolean; readonly writable: boolean }) => void;

/** koffi's handle of one uv_poll_t. */
export interface PollHandle {
  start(events: { readable: boolean; writable: boolean }, callback: PollCallback): void;
  stop(): void;
  close(): void;
  ref(): void;
  unref(): void;
}

interface Ffi {
  readonly libc: Libc;
  readonly errno: () => number;
  readonly address: (value: unknown) => bigint;
  readonly poll: (fd: number, events: { readable: boolean; writable: boolean }, callback: PollCallback) => PollHandle;
  readonly load: (definition: string) => (...args: never[]) => unknown;
}

let ffi: Ffi | undefined;
let failure: HostError | undefined;

/** Loads koffi. Throws ERR_RING3_NO_FFI with what to do where it, or this system, does not serve. */
function loaded(): Ffi {
  if (ffi !== undefined) return ffi;
  if (failure !== undefined) throw failure;
  try {
    ffi = load();
    return ffi;
  } catch (error) {
    const why = String((error as Error).message).split('\n')[0];
    failure = hostError(
      'ERR_RING3_NO_FFI',
      process.platform === 'linux'
        ? `devices need the package koffi, which could not be loaded (${why}); run "npm install koffi", or use --link host`
        : `devices are opened on Linux only (this is ${process.platform}); use --link host`,
    );
    throw failure;
  }
}

function load(): Ffi {
  if (process.platform !== 'linux') throw new Error(`no support for ${process.platform}`);
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const lib = koffi.load('libc.so.6');
  // koffi knows no ssize_t; intptr_t is the same. ioctl is variadic in C, and called alike on every Linux that koffi supports.
  return {
    libc: {
      readv: lib.func('intptr_t readv(int, uintptr_t, int)'),
      writev: lib.func('intptr_t writev(int, uintptr_t, int)'),
      ioctl: lib.func('int ioctl(int, unsigned long, uintptr_t)'),
      socket: lib.func('int socket(int, int, int)'),
      timerfd_create: lib.func('int timerfd_create(int, int)'),
      timerfd_settime: lib.func('int timerfd_settime(int, int, uintptr_t, uintptr_t)'),
    },
    errno: koffi.errno as () => number,
    address: koffi.address,
    poll: koffi.node.poll as unknown as Ffi['poll'],
    load: (definition) => lib.func(definition) as never,
  };
}

/** Whether descriptors can be used at all: koffi is there and this is Linux. */
export function ffiAvailable(): boolean {
  try {
    loaded();
    return true;
  } catch {
    return false;
  }
}

/** The C library. Throws ERR_RING3_NO_FFI. */
export function libc(): Libc {
  return loaded().libc;
}

/** Another function of the C library by its C definition; keep it, finding it is slow. Throws ERR_RING3_NO_FFI. */
export function libcFunction<T>(definition: string): T {
  return loaded().load(definition) as T;
}

/** The errno of the call before, positive. */
export function errno(): number {
  return loaded().errno();
}

/**
 * The address of the first byte of a view or buffer. It holds while the view is referred to; views of 64 bytes and less
 * may lie in V8's heap and move, so give them a larger ArrayBuffer.
 */
export function addressOf(view: ArrayBufferView | ArrayBufferLike): number {
  return Number(loaded().address(view));
}

/** Opens a uv_poll_t on `fd` in this thread's loop. See watch.ts for how to use it. */
export function openPoll(fd: number, readable: boolean, writable: boolean, callback: PollCallback): PollHandle {
  return loaded().poll(fd, { readable, writable }, callback);
}

const CODES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** The name of a system error number, positive: `EBUSY` for 16. */
export function errnoCode(number: number): string {
  return CODES.get(number) ?? `E${number}`;
}
