// Lines that begin with `#`, and names that -D or #define have given a value.
// Called by parser.ts before it reads anything; calls errors.ts.
//
// The text keeps its lines: what is left out becomes empty, so that line numbers stay those of the file.

import { ScriptError } from './errors.ts';

const NAME = /[A-Za-z_]\w*/g;

/** The text with its conditionals decided and its names replaced. `defines` grows by what #define says. */
export function preprocess(text: string, defines: Map<string, string>): string {
  const open: { active: boolean; taken: boolean; line: number }[] = [];
  const lines = text.split('\n');
  const out = lines.map((line, i) => {
    const active = open.every((level) => level.active);
    // No space behind the #: "# if all is well" is a comment.
    const directive = /^\s*#(ifdef|ifndef|if|else|endif|define|undef)\b\s*(\w*)\s*(.*?)\s*$/.exec(line);
    if (directive === null) {
      if (!active || /^\s*#/.test(line)) return '';
      // Options at the top: -D NAME=value is no use of NAME.
      return /^\s*-/.test(line) ? line : replaceNames(line, defines);
    }
    const [, word, name = '', rest = ''] = directive;
    if (word === 'ifdef' || word === 'ifndef' || word === 'if') {
      const known = word === 'if' ? truth(name, defines) : defines.has(name) === (word === 'ifdef');
      open.push({ active: known, taken: known, line: i + 1 });
    } else if (word === 'else' || word === 'endif') {
      const level = open.at(-1);
      if (level === undefined) throw new ScriptError(`#${word} without #ifdef`, i + 1, line.indexOf('#') + 1);
      if (word === 'endif') open.pop();
      else level.active = !level.taken;
    } else if (active && word === 'define') defines.set(name, rest.replace(/\s*\/\/.*$/, ''));
    else if (active && word === 'undef') defines.delete(name);
    return '';
  });
  const level = open.at(-1);
  if (level !== undefined) throw new ScriptError('#ifdef without #endif', level.line, 1);
  return out.join('\n');
}

function truth(name: string, defines: Map<string, string>): boolean {
  const value = defines.get(name) ?? name;
  return Number(value) > 0;
}

/** Names outside strings; a value may name others, a few levels deep. */
function replaceNames(line: string, defines: Map<string, string>): string {
  if (defines.size === 0) return line;
  let out = line;
  for (let depth = 0; depth < 8; depth++) {
    const parts = out.split(/("(?:[^"\\]|\\.)*")/);
    const next = parts
      .map((part, i) => (i % 2 === 1 ? part : part.replace(NAME, (name) => defines.get(name) ?? name)))
      .join('');
    if (next === out || next.length > 100_000) break;
    out = next;
  }
  return out;
}
