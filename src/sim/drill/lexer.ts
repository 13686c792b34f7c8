// Scans a script: one token at a time, with where it stands; comments and white space are skipped.
// Called by parser.ts and its parts; calls errors.ts.

import { ScriptError } from './errors.ts';

export type TokenKind = 'number' | 'string' | 'name' | 'mark' | 'command' | 'code' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** A name, a mark, a number as it stands; the contents of a string, command or code. */
  readonly text: string;
  /** Of a number. */
  readonly value: number;
  readonly start: number;
  readonly end: number;
}

const SPACE = /(?:\s+|\\\r?\n|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const NUMBER = /0[xX][0-9a-fA-F]+|\d*\.\d+|\d+/y;
const NAME = /[A-Za-z_]\w*/y;
const STRING = /"((?:[^"\\\n]|\\[\s\S])*)"/y;
const COMMAND = /`([^`]*)`/y;
const CODE = /%\{([\s\S]*?)\}%/y;
const MARK = /\.\.\.|<<|>>|[-+*~<>()[\]{}=|&^,:;.!/%?@#$\\']/y;

/** Reads tokens on demand, so that the parser may read what has a syntax of its own (flags, addresses) by itself. */
export class Lexer {
  readonly text: string;
  /** Where the next token will be looked for. */
  at = 0;
  #next: Token | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** The next token, without taking it. */
  peek(): Token {
    return (this.#next ??= this.#scan());
  }

  take(): Token {
    const token = this.peek();
    this.#next = undefined;
    this.at = token.end;
    return token;
  }

  /** Takes the next token if it is this mark or name. */
  accept(text: string): boolean {
    const token = this.peek();
    if ((token.kind !== 'mark' && token.kind !== 'name') || token.text !== text) return false;
    this.take();
    return true;
  }

  expect(text: string): Token {
    const token = this.peek();
    if (token.kind === 'string' || token.text !== text) throw this.error(`expected "${text}"`);
    return this.take();
  }

  /** Whether the next token is this mark or name. */
  is(text: string): boolean {
    const token = this.peek();
    return (token.kind === 'mark' || token.kind === 'name') && token.text === text;
  }

  /** Takes what `pattern` (sticky) matches at the next token; null, and nothing taken, where it does not. */
  match(pattern: RegExp): RegExpExecArray | null {
    const start = this.peek().start;
    pattern.lastIndex = start;
    const found = pattern.exec(this.text);
    if (found !== null) this.moveTo(start + found[0].length);
    return found;
  }

  /** Goes on reading at `offset`. */
  moveTo(offset: number): void {
    this.at = offset;
    this.#next = undefined;
  }

  /** An error at the next token. */
  error(message: string): ScriptError {
    const token = this.peek();
    const what = token.kind === 'end' ? 'the end of the file' : JSON.stringify(this.text.slice(token.start, token.end));
    return this.errorAt(`${message}, not ${what.length > 60 ? `${what.slice(0, 57)}…"` : what}`, token.start);
  }

  errorAt(message: string, offset: number): ScriptError {
    const { line, column } = this.position(offset);
    return new ScriptError(message, line, column);
  }

  /** Line and column, from 1, of an offset. */
  position(offset: number): { line: number; column: number } {
    let line = 1;
    let start = 0;
    for (let i = this.text.indexOf('\n'); i >= 0 && i < offset; i = this.text.indexOf('\n', i + 1)) {
      line++;
      start = i + 1;
    }
    return { line, column: offset - start + 1 };
  }

  #scan(): Token {
    SPACE.lastIndex = this.at;
    const space = SPACE.exec(this.text);
    const start = this.at + (space?.[0].length ?? 0);
    if (start >= this.text.length) return { kind: 'end', text: '', value: 0, start, end: start };
    const c = this.text[start]!;
    if (this.text.startsWith('/*', start)) throw this.errorAt('a comment without an end', start);
    if (c === '"') return this.#whole(STRING, 'string', start, 'a string without an end');
    if (c === '`') return this.#whole(COMMAND, 'command', start, 'a command without an end');
    if (this.text.startsWith('%{', start)) return this.#whole(CODE, 'code', start, 'code without "}%"');
    for (const [pattern, kind] of [
      [NAME, 'name'],
      [NUMBER, 'number'],
      [MARK, 'mark'],
    ] as const) {
      pattern.lastIndex = start;
      const found = pattern.exec(this.text);
      if (found !== null) {
        const text = found[0];
        return { kind, text, value: kind === 'number' ? Number(text) : 0, start, end: start + text.length };
      }
    }
    throw this.errorAt(`a character that means nothing here: ${JSON.stringify(c)}`, start);
  }

  #whole(pattern: RegExp, kind: TokenKind, start: number, why: string): Token {
    pattern.lastIndex = start;
    const found = pattern.exec(this.text);
    if (found === null) throw this.errorAt(why, start);
    const text = kind === 'string' ? unquote(found[1]!) : found[1]!;
    return { kind, text, value: 0, start, end: start + found[0].length };
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', a: '\x07', b: '\b', f: '\f' };

function unquote(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|[\s\S])/g, (_, code: string) => {
    if (/^x[0-9a-fA-F]/.test(code)) return String.fromCharCode(parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(parseInt(code, 8) & 255);
    return ESCAPES[code] ?? code;
  });
}
