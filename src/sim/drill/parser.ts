// A file of packetdrill notation becomes a Script.
// Called by index.ts; calls preprocess.ts, lexer.ts, parse-packet.ts and parse-value.ts.

import type { Event, Script, SysCall, When } from './ast.ts';
import { Lexer } from './lexer.ts';
import { parsePacket } from './parse-packet.ts';
import { parseItems, parseValue } from './parse-value.ts';
import { preprocess } from './preprocess.ts';

const OPTION = /--([A-Za-z][\w-]*)(?:=("[^"\n]*"|\S*))?/y;
const DEFINE = /-D[ \t]*([A-Za-z_]\w*)(?:=("[^"\n]*"|\S*))?/y;
const DEFINE_LINE = /^[ \t]*(?:-D[ \t]*|--define[= ])([A-Za-z_]\w*)(?:=("[^"\n]*"|\S*))?/gm;

/** Reads a script. `defines`: names from the command line. Throws ScriptError. */
export function parseScript(name: string, text: string, defines: ReadonlyMap<string, string> = new Map()): Script {
  const names = new Map<string, string>();
  for (const [, define, value] of text.matchAll(DEFINE_LINE)) names.set(define!, unquote(value ?? '1'));
  for (const [define, value] of defines) names.set(define, value); // the command line wins
  const lexer = new Lexer(preprocess(text.replace(/^\ufeff/, ' '), names));
  const options: { name: string; value: string; line: number }[] = [];
  const events: Event[] = [];
  for (;;) {
    const token = lexer.peek();
    if (token.kind === 'end') return { name, options, events };
    if (token.text === '-' && parseOption(lexer, options)) continue;
    if (token.kind === 'mark' && token.text === ';') lexer.take();
    else events.push(parseEvent(lexer));
  }
}

function parseOption(lexer: Lexer, options: { name: string; value: string; line: number }[]): boolean {
  const { line } = lexer.position(lexer.peek().start);
  const found = lexer.match(OPTION);
  if (found !== null) {
    options.push({ name: found[1]!.replace(/-/g, '_'), value: unquote(found[2] ?? ''), line });
    return true;
  }
  return lexer.match(DEFINE) !== null; // has been taken before
}

function unquote(text: string): string {
  return text.replace(/^"(.*)"$/, '$1');
}

function parseEvent(lexer: Lexer): Event {
  const start = lexer.peek().start;
  const when = parseWhen(lexer);
  const end = lexer.accept('...') ? parseEnd(lexer) : undefined;
  const first = lexer.peek();
  const { line, column } = lexer.position(when === NOW ? first.start : start);
  const what = parseWhat(lexer, end);
  const source = lexer.text.slice(first.start, lexer.at).trim();
  return { when, line, column, source, what };
}

const NOW: When = { kind: 'relative', at: 0, until: undefined };

/** `0.1`, `+0.1`, `+`, `*`, and ranges of them; an event without a time comes right after the one before. */
function parseWhen(lexer: Lexer): When {
  const token = lexer.peek();
  if (lexer.accept('*')) {
    const until = lexer.accept('~') ? parseSigned(lexer).at : undefined;
    return until === undefined ? { kind: 'any', at: 0, until } : { kind: 'relative', at: 0, until };
  }
  if (token.kind !== 'number' && token.text !== '+') return NOW;
  const { relative, at } = parseSigned(lexer);
  const kind = relative ? 'relative' : 'absolute';
  if (!lexer.accept('~')) return { kind, at, until: undefined };
  if (lexer.accept('*')) return { kind, at, until: Infinity };
  const until = parseSigned(lexer);
  const end = until.relative && !relative ? at + until.at : until.at;
  if (end < at) throw lexer.errorAt('a range of time that ends before it begins', token.start);
  return { kind, at, until: end };
}

function parseSigned(lexer: Lexer): { relative: boolean; at: number } {
  const relative = lexer.accept('+');
  const token = lexer.peek();
  if (token.kind !== 'number') {
    if (relative) return { relative, at: 0 };
    throw lexer.error('expected a time in seconds');
  }
  lexer.take();
  return { relative, at: micros(token.value) };
}

function micros(seconds: number): number {
  return Math.round(seconds * 1e6);
}

function parseEnd(lexer: Lexer): number {
  return parseSigned(lexer).at;
}

function parseWhat(lexer: Lexer, end: number | undefined): Event['what'] {
  const token = lexer.peek();
  if (token.text === '<' || token.text === '>') return parsePacket(lexer);
  if (token.kind === 'command') {
    lexer.take();
    return { kind: 'command', text: token.text };
  }
  if (token.kind === 'code') {
    lexer.take();
    return { kind: 'code', text: token.text, line: lexer.position(token.start).line };
  }
  if (token.kind === 'name') return parseCall(lexer, end);
  throw lexer.error('expected a packet (< or >), a system call, a `command` or %{ code }%');
}

function parseCall(lexer: Lexer, end: number | undefined): SysCall {
  const name = lexer.take().text;
  lexer.expect('(');
  const args = parseItems(lexer, ')', 0);
  if (!lexer.accept('=')) return { kind: 'call', name, args, end, result: { kind: 'any' }, errno: undefined };
  const result = parseValue(lexer);
  let errno: string | undefined;
  const token = lexer.peek();
  if (token.kind === 'name' && /^E[A-Z0-9]+$/.test(token.text)) errno = lexer.take().text;
  // What strace would explain: (Operation now in progress), (flags O_RDWR|O_NONBLOCK).
  if (lexer.is('(')) skipNote(lexer);
  return { kind: 'call', name, args, end, result, errno };
}

function skipNote(lexer: Lexer): void {
  const { start } = lexer.peek();
  let depth = 0;
  for (let i = start; i < lexer.text.length && lexer.text[i] !== '\n'; i++) {
    if (lexer.text[i] === '(') depth++;
    else if (lexer.text[i] === ')' && --depth === 0) {
      lexer.moveTo(i + 1);
      return;
    }
  }
  throw lexer.errorAt('a note without ")"', start);
}
