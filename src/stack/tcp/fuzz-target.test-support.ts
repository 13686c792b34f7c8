// Test support: the target of the fuzzers: plays a list of actions and says what broke; makes a failing list as short as it gets.
// Called by scripts/fuzz.mjs (through the coverage-guided fuzzer) and by the fuzz tests; calls fuzz-world.

import { type Action, action, fromBytes, MAX_ARG, OPERATIONS } from './fuzz-actions.test-support.ts';
import { FuzzWorld } from './fuzz-world.test-support.ts';

/** Longer lists find little that shorter ones do not. */
export const LIMIT = 120;

/** Plays the actions; the first is the world's. Undefined: all is well. `tell` gets a line for all that happens. */
export function play(actions: readonly Action[], tell?: (line: string) => void): Error | undefined {
  try {
    const world = new FuzzWorld(actions[0] ?? action('world'), tell);
    for (const one of actions.slice(1)) world.act(one);
    world.end();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** What the coverage-guided fuzzer calls. */
export function fuzz(data: Uint8Array): void {
  const error = play(fromBytes(data, LIMIT));
  if (error !== undefined) throw error;
}

/** The part of a message that tells failures apart. */
function kind(error: Error | undefined): string | undefined {
  const line = error?.message.split('\n')[0];
  return line?.replace(/-?\d+/g, '#').slice(0, 60);
}

/** The shortest list found that fails in the same way, with as many parameters as possible 0; at most `tries` plays. */
export function minimise(actions: readonly Action[], tries = 3000): Action[] {
  const wanted = kind(play(actions));
  let best = [...actions];
  const better = (list: Action[]): boolean => {
    if (tries-- <= 0 || kind(play(list)) !== wanted) return false;
    best = list;
    return true;
  };
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let at = 1; at < best.length; ) if (!better([...best.slice(0, at), ...best.slice(at + size)])) at += size;
  }
  for (let i = 0; i < best.length; i++) {
    for (let arg = 0; arg < OPERATIONS[best[i]!.op].length; arg++) {
      for (const value of [0, 1, best[i]!.args[arg]! >> 1]) {
        if (value >= best[i]!.args[arg]! || value > MAX_ARG) continue;
        const changed = { op: best[i]!.op, args: best[i]!.args.with(arg, value) };
        if (better(best.with(i, changed))) break;
      }
    }
  }
  for (let at = 1; at < best.length; ) if (!better(best.toSpliced(at, 1))) at++;
  return best;
}
