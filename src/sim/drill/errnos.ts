// Error numbers by name, as scripts expect them: those of the stack and Linux's others that programs see.
// Called by run.ts and the calls; calls base/errno.ts.

import * as BASE from '../../base/errno.ts';

export * from '../../base/errno.ts';
export const ENOENT = 2;
export const EFAULT = 14;
export const ENOTSOCK = 88;
export const EPROTOTYPE = 91;
export const EPROTONOSUPPORT = 93;
export const EAFNOSUPPORT = 97;
export const ESHUTDOWN = 108;

const NUMBERS: Readonly<Record<string, number>> = {
  ENOENT,
  EFAULT,
  ENOTSOCK,
  EPROTOTYPE,
  EPROTONOSUPPORT,
  EAFNOSUPPORT,
  ESHUTDOWN,
  EWOULDBLOCK: BASE.EAGAIN,
  ENOTSUP: BASE.EOPNOTSUPP,
};

/** The number of an errno's name; NaN for one that is not known. */
export function errnoByName(name: string): number {
  const value = Object.hasOwn(NUMBERS, name) ? NUMBERS[name] : (BASE as Record<string, unknown>)[name];
  return typeof value === 'number' ? value : Number.NaN;
}

/** The name of an error number. */
export function nameOfErrno(errno: number): string {
  const found = Object.keys(NUMBERS).find((name) => NUMBERS[name] === errno && name !== 'EWOULDBLOCK');
  return found ?? BASE.errnoName(errno);
}
