// The congestion controls by number (the row's cell cc) and by name (the setting, and each socket's option).
// Called by engine and options; calls the controls.

import type { CongestionControl } from './congestion.ts';
import { cubic } from './cubic.ts';
import { newReno } from './newreno.ts';
import { noControl } from './none.ts';

/** The numbers are kept in rows and told to others: they do not change. */
export const CONTROLS: readonly CongestionControl[] = [newReno, cubic, noControl];

/** The number of the control called `name` (its usual names count), or -1. */
export function controlNumber(name: string): number {
  const usual = name === 'reno' ? 'newreno' : name;
  return CONTROLS.findIndex((control) => control.name === usual);
}
