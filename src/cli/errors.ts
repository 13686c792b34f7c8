// Errors of the command line: one line on stderr that says what is wrong and what to do, and an exit code.
// Called by every file of this folder; main.ts prints them.

import type { HostError } from '../host/errors.ts';

/** Exit codes: 1 where something could not be done, 2 where the command was written wrongly. */
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/** An error for people. `message` is one line. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Something that was tried and failed. */
export function failure(message: string): CliError {
  return new CliError(message, EXIT_FAILURE);
}

/** A command that cannot be meant as it is written. */
export function usage(message: string): CliError {
  return new CliError(message, EXIT_USAGE);
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'that is not a folder',
  EISDIR: 'that is a folder',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EMFILE: 'too many files are open: raise the limit with "ulimit -n"',
  ENOMEM: 'there is not enough memory',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the other end has reset the connection',
  EHOSTUNREACH: 'the host does not answer',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'no answer in time',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name could not be looked up',
  EADDRNOTAVAIL: 'none of our addresses fits it',
  EPIPE: 'the other end has closed the connection',
  ERR_RING3_NO_FFI: 'the package koffi could not be loaded',
};

/** What an error of Node means, in words: never a stack. */
export function meaning(error: unknown): string {
  const code = (error as Partial<HostError> | null)?.code;
  if (code !== undefined && MEANINGS[code] !== undefined) return MEANINGS[code];
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? '';
}

/**
 * The error for a port that cannot be had. `where` names it: "127.0.0.1 port 80". What to do is part of it.
 */
export function portError(error: unknown, where: string): CliError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') {
    return failure(`${where} is in use by another program: stop that, or choose another port`);
  }
  if (code === 'EACCES') return failure(`${where} may not be opened by this user: choose a port of 1024 or above`);
  if (code === 'EADDRNOTAVAIL') return failure(`${where}: this machine has no such address`);
  return failure(`${where} cannot be opened: ${meaning(error)}`);
}
