// SIGINT, SIGTERM and SIGHUP: the first asks a command to finish, the second ends it at once.
// Called by serve.ts, ping.ts and fetch.ts; calls nothing.

import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls `finish` at the first signal; a second one ends the process with 128 and its number. Returns what takes this back. */
export function onSignal(finish: (signal: NodeJS.Signals) => void): () => void {
  let asked = false;
  const listener = (signal: NodeJS.Signals): void => {
    // A terminal that is closed sends SIGHUP, and its shell may send another: that is nobody's impatience.
    if (asked && signal === 'SIGHUP') return;
    if (asked) process.exit(128 + constants.signals[signal]);
    asked = true;
    finish(signal);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}
