// SIGINT and SIGTERM: the first asks a command to finish, the second ends it at once.
// Called by serve.ts, ping.ts and fetch.ts; calls nothing.

import { constants } from 'node:os';

/** Calls `finish` at the first signal; a second one ends the process with 128 and its number. Returns what takes this back. */
export function onSignal(finish: (signal: NodeJS.Signals) => void): () => void {
  let asked = false;
  const listener = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(128 + constants.signals[signal]);
    asked = true;
    finish(signal);
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
}
