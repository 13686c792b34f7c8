// Test support: lists of actions that make sense, by seed: phases in which one thing happens more than others.
// Called by the fuzz tests; calls fuzz-actions.

import { SeededRng } from '../../base/rng.ts';
import { type Action, MAX_ARG, OPERATIONS, type Operation } from './fuzz-actions.test-support.ts';

/** What happens in a phase: operations, as often as they stand there. */
const PHASES: readonly (readonly Operation[])[] = [
  ['write', 'write', 'hear', 'hear', 'hear', 'advance'],
  ['write', 'hear', 'hear', 'segment', 'advance'],
  ['data', 'data', 'fill', 'read', 'segment', 'advance'],
  ['segment', 'segment', 'segment', 'segment', 'write', 'read'],
  ['segment', 'segment', 'hear', 'icmp', 'option', 'advance', 'write', 'data'],
  ['data', 'segment', 'fill', 'segment', 'read', 'hear'],
];
/** Once in a while, and not often: they end things. */
const RARE: readonly Operation[] = [
  'fin',
  'shutdown',
  'close',
  'abort',
  'room',
  'room',
  'option',
  'icmp',
  'batch',
  'batch',
  'batch',
];

export function generate(seed: number): Action[] {
  const rng = new SeededRng(seed);
  const args = (op: Operation): number[] => OPERATIONS[op].map(() => rng.below(MAX_ARG + 1));
  const out: Action[] = [{ op: 'world', args: args('world') }];
  for (let phases = 1 + rng.below(4); phases > 0; phases--) {
    const phase = PHASES[rng.below(PHASES.length)]!;
    // In a phase most parameters of an operation stay as they are: a run of small segments, of duplicate ACKs, of losses.
    const habits = new Map(phase.map((op) => [op, args(op)]));
    for (let n = 3 + rng.below(25); n > 0; n--) {
      if (rng.below(25) === 0) {
        const op = RARE[rng.below(RARE.length)]!;
        out.push({ op, args: args(op) });
        continue;
      }
      const op = phase[rng.below(phase.length)]!;
      const fresh = args(op);
      out.push({ op, args: habits.get(op)!.map((arg, i) => (rng.below(5) < 3 ? fresh[i]! : arg)) });
    }
  }
  return out;
}
