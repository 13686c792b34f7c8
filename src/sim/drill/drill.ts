// The interpreter of packetdrill's notation, as others call it: a script's text in, what became of it out.
// Called by cli/drill.ts and tests; calls parser.ts, config.ts and run.ts.

import { type Config, configure } from './config.ts';
import { Mismatch, ScriptError } from './errors.ts';
import { parseScript } from './parser.ts';
import { Run } from './run.ts';
import type { Seen } from './world.ts';

export type { Seen } from './world.ts';

/** How scripts are run. Everything may be left out. */
export interface DrillOptions {
  /** packetdrill's options, names without the dashes: they win over those at the top of a script. */
  readonly options?: readonly (readonly [name: string, value: string])[];
  /** Values of -D. */
  readonly defines?: ReadonlyMap<string, string>;
  /** No tolerance: everything must happen at its microsecond. */
  readonly strict?: boolean;
  /** Told of every packet, both ways, with the time of the script (us). */
  readonly onPacket?: (seen: Seen) => void;
  /** Told of every event, a line each. */
  readonly log?: (line: string) => void;
  /** Told of a command that has no stand-in, `file:line: what`: the run goes on without it. */
  readonly warn?: (line: string) => void;
  /** Output of print in %{ }%. */
  readonly print?: (text: string) => void;
  /** Reads a file named relative to the script: for `./defaults.sh` and the like. Without it there are none. */
  readonly read?: (path: string) => string | undefined;
}

/** What became of a script. */
export interface DrillResult {
  readonly name: string;
  readonly passed: boolean;
  /** Whether the script could not be read at all. */
  readonly malformed: boolean;
  /** `file:line: what`, with more lines below it; '' if it passed. */
  readonly text: string;
}

/** Runs one script in virtual time. Throws nothing. */
export function drill(name: string, text: string, options: DrillOptions = {}): DrillResult {
  const failed = (where: string, message: string, malformed: boolean): DrillResult => {
    return { name, passed: false, malformed, text: `${name}:${where}: ${message}` };
  };
  let config: Config | undefined;
  try {
    const script = parseScript(name, text, options.defines);
    config = configure(script, options.options ?? []);
    const run = new Run({
      config,
      strict: options.strict ?? false,
      onPacket: options.onPacket ?? (() => {}),
      log: options.log ?? (() => {}),
      warn: (line, text) => options.warn?.(`${name}:${line}: ${text}`),
      print: options.print ?? (() => {}),
      read: options.read ?? (() => undefined),
    });
    run.run(script);
    return { name, passed: true, malformed: false, text: '' };
  } catch (error) {
    if (error instanceof ScriptError) return failed(`${error.line}:${error.column}`, error.message, true);
    if (error instanceof Mismatch) return failed(String(error.line), error.message, false);
    // A defect of ours, or of the stack: the run of the others goes on.
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return failed('1', `the stack or the interpreter broke: ${what}`, false);
  }
}
