// Tokens of %{ code }%: the part of Python that assertions are written in.
// Called by code-parser.ts; calls errors.ts.

import { ScriptError } from './errors.ts';

export interface CodeToken {
  readonly kind: 'number' | 'string' | 'name' | 'mark' | 'newline' | 'end';
  readonly text: string;
  readonly value: number;
  readonly line: number;
  readonly column: number;
}

const NAME = /[A-Za-z_]\w*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;
const STRING = /[rbuf]?("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')/y;
const MARK = /\*\*|\/\/|<<|>>|<=|>=|==|!=|<>|[-+*/%&|^]=|[-+*/%&|^~<>=()[\]{},:;.]/y;
const SPACE = /(?:[ \t\r]+|#[^\n]*|\\\n)+/y;

/** The tokens of `text`, whose first line is `line` of the file. Newlines inside brackets do not count. */
export function codeTokens(text: string, line: number): CodeToken[] {
  const out: CodeToken[] = [];
  let depth = 0;
  let lineStart = 0;
  for (let at = 0; at < text.length; ) {
    SPACE.lastIndex = at;
    const space = SPACE.exec(text);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const column = at - lineStart + 1;
    if (text[at] === '\n') {
      if (depth === 0) out.push({ kind: 'newline', text: '\n', value: 0, line, column });
      at++;
      line++;
      lineStart = at;
      continue;
    }
    const token = scan(text, at, line, column);
    if ('([{'.includes(token.text)) depth += token.kind === 'mark' ? 1 : 0;
    if (')]}'.includes(token.text)) depth -= token.kind === 'mark' ? 1 : 0;
    out.push(token);
    at += token.length;
  }
  const column = text.length - lineStart + 1;
  out.push({ kind: 'newline', text: '\n', value: 0, line, column });
  out.push({ kind: 'end', text: '', value: 0, line, column });
  return out;
}

function scan(text: string, at: number, line: number, column: number): CodeToken & { length: number } {
  for (const [pattern, kind] of [
    [STRING, 'string'],
    [NAME, 'name'],
    [NUMBER, 'number'],
    [MARK, 'mark'],
  ] as const) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) continue;
    const length = found[0].length;
    if (kind === 'string') {
      const quoted = found[1]!;
      const quotes = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
      const inside = quoted.slice(quotes, -quotes).replace(/\\n/g, '\n').replace(/\\t/g, '\t').replace(/\\(.)/g, '$1');
      return { kind, text: inside, value: 0, line, column, length };
    }
    return { kind, text: found[0], value: kind === 'number' ? Number(found[0]) : 0, line, column, length };
  }
  throw new ScriptError(`a character that means nothing here: ${JSON.stringify(text[at])}`, line, column);
}
