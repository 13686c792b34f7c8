// System calls of scripts: the table of them, and what becomes of a call that has to wait.
// Called by run.ts; calls the calls-* files.

import type { SysCall } from './ast.ts';
import { ioCalls } from './calls-data.ts';
import { fileCalls } from './calls-file.ts';
import { openCalls } from './calls-open.ts';
import { optionCalls } from './calls-option.ts';
import { pollCalls } from './calls-poll.ts';
import { Mismatch } from './errors.ts';
import type { Process } from './process.ts';

/**
 * Tries a call: >= 0 its result, < 0 an errno negated, undefined: it would have to wait. Asked again whenever something may
 * have happened; what it does only once is its own business.
 */
export type Attempt = () => number | undefined;

/** A call that has begun. */
export interface Begun {
  readonly attempt: Attempt;
  /** When it gives up waiting (us): the next attempt then must not say undefined. */
  readonly deadline?: number;
}

/** How a call begins: it checks its arguments, and says how it is tried. */
export type Call = (process: Process, call: SysCall) => Begun;

const CALLS: Readonly<Record<string, Call>> = { ...openCalls, ...ioCalls, ...optionCalls, ...pollCalls, ...fileCalls };

/** Names of the system calls that scripts can make. */
export const CALL_NAMES: readonly string[] = Object.keys(CALLS);

/** Begins a call. */
export function begin(process: Process, call: SysCall): Begun {
  const known = Object.hasOwn(CALLS, call.name) ? CALLS[call.name] : undefined;
  if (known === undefined) throw new Mismatch(`no system call that is known here: ${call.name}`);
  return known(process, call);
}
