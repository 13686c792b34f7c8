// Calls about files, pipes and time that scripts use beside sockets: they succeed as the script says.
// Called by calls.ts; calls Process for descriptors.

import type { Call } from './calls.ts';
import { numberOf, numberOr } from './values.ts';

/** A descriptor that is no socket. */
const open: Call = (process, call) => {
  const expected = numberOf(call.result);
  if (expected < 0) return { attempt: () => expected };
  const file = process.open(expected, 0, 0);
  file.state = 'file';
  return { attempt: () => file.fd };
};

const pipe: Call = (process, call) => {
  const list = call.args[0];
  if (list?.kind === 'list') {
    for (const item of list.items) process.open(numberOf(item), 0, 0).state = 'file';
  }
  return { attempt: () => 0 };
};

/** What has no effect here: as the script has it. */
const accepted: Call = (_process, call) => ({ attempt: () => numberOr(call.result, 0) });

/** Sleeps for microseconds, seconds. */
const usleep: Call = (process, call) => {
  const unit = call.name === 'sleep' ? 1e6 : 1;
  const deadline = process.world.now + numberOr(call.args[0], 0) * unit;
  return { attempt: () => (process.world.now >= deadline ? 0 : undefined), deadline };
};

export const fileCalls: Readonly<Record<string, Call>> = {
  open,
  pipe,
  usleep,
  sleep: usleep,
  mmap: accepted,
  munmap: accepted,
  splice: accepted,
  vmsplice: accepted,
  tee: accepted,
  cap_set: accepted,
  gettimeofday: accepted,
  prctl: accepted,
  syscall: accepted,
};
