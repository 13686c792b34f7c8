// What can be wrong with a script: it does not parse, or the stack did something else than it says.
// Thrown by the files of this folder; caught by index.ts, which makes results of them.

/** The script cannot be read. `line` and `column` count from 1. */
export class ScriptError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** The stack did not do what the script says. `message` may have several lines: expected and actual side by side. */
export class Mismatch extends Error {
  line = 0;
}
