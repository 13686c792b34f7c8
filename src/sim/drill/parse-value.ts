// Values in system calls: numbers, strings, symbols, lists, structs, and arithmetic on them.
// Called by parser.ts; calls lexer.ts, symbols.ts and errnos.ts.

import type { Field, Value } from './ast.ts';
import { errnoByName } from './errnos.ts';
import type { Lexer } from './lexer.ts';
import { SYMBOLS } from './symbols.ts';

const PRECEDENCE: Readonly<Record<string, number>> = {
  '|': 1,
  '^': 2,
  '&': 3,
  '<<': 4,
  '>>': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
};
const MAX_DEPTH = 64;

/** One value, operators included. */
export function parseValue(lexer: Lexer, depth = 0, least = 1): Value {
  if (depth > MAX_DEPTH) throw lexer.error('nested too deep');
  let left = parseUnary(lexer, depth);
  for (;;) {
    const token = lexer.peek();
    const level = token.kind === 'mark' ? (PRECEDENCE[token.text] ?? 0) : 0;
    // `= 3 +0 read(…)`: the sign of the next event's time is no operator; neither is the `*` of one.
    if (level < least || startsEvent(lexer, token.text)) return left;
    lexer.take();
    const right = parseValue(lexer, depth + 1, level + 1);
    left = combine(token.text, left, right);
  }
}

/** Whether a mark that could be an operator begins the next line, and so the next event. */
function startsEvent(lexer: Lexer, mark: string): boolean {
  if (mark !== '+' && mark !== '*' && mark !== '-' && mark !== '>>' && mark !== '<<' && mark !== '%') return false;
  const before = lexer.text.slice(lexer.at, lexer.peek().start);
  return before.includes('\n');
}

function combine(operator: string, left: Value, right: Value): Value {
  if (left.kind === 'any' || right.kind === 'any') return { kind: 'any' };
  if (left.kind !== 'number' || right.kind !== 'number') {
    // Flags of which one is not known: nothing that could be compared.
    const name = left.kind === 'symbol' ? left.name : right.kind === 'symbol' ? right.name : '?';
    return { kind: 'symbol', name };
  }
  return { kind: 'number', value: compute(operator, left.value, right.value) };
}

function compute(operator: string, a: number, b: number): number {
  switch (operator) {
    case '|':
      return (a | b) >>> 0;
    case '^':
      return (a ^ b) >>> 0;
    case '&':
      return (a & b) >>> 0;
    case '<<':
      return a * 2 ** b;
    case '>>':
      return Math.floor(a / 2 ** b);
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0 ? 0 : Math.trunc(a / b);
    default:
      return b === 0 ? 0 : a % b;
  }
}

function parseUnary(lexer: Lexer, depth: number): Value {
  if (depth > MAX_DEPTH) throw lexer.error('nested too deep');
  if (lexer.accept('-')) return negate(parseUnary(lexer, depth + 1), (n) => -n);
  if (lexer.accept('~')) return negate(parseUnary(lexer, depth + 1), (n) => ~n >>> 0);
  if (lexer.accept('+') || lexer.accept('&')) return parseUnary(lexer, depth + 1);
  return parsePrimary(lexer, depth);
}

function negate(value: Value, change: (n: number) => number): Value {
  return value.kind === 'number' ? { kind: 'number', value: change(value.value) } : value;
}

function parsePrimary(lexer: Lexer, depth: number): Value {
  const token = lexer.peek();
  if (token.kind === 'number') {
    lexer.take();
    return { kind: 'number', value: token.value };
  }
  if (token.kind === 'string') {
    let value = lexer.take().text;
    while (lexer.peek().kind === 'string') value += lexer.take().text;
    return { kind: 'string', value };
  }
  if (token.kind === 'name') return parseName(lexer, depth);
  if (lexer.accept('...')) return { kind: 'any' };
  if (lexer.accept('[')) return { kind: 'list', items: parseItems(lexer, ']', depth) };
  if (lexer.accept('{')) return { kind: 'struct', fields: parseFields(lexer, depth) };
  if (lexer.accept('(')) {
    const value = parseValue(lexer, depth + 1);
    lexer.expect(')');
    return value;
  }
  throw lexer.error('expected a value');
}

function parseName(lexer: Lexer, depth: number): Value {
  const name = lexer.take().text;
  if (lexer.is('(') && !(name in SYMBOLS)) {
    lexer.take();
    return { kind: 'call', name, args: parseItems(lexer, ')', depth) };
  }
  const value = Object.hasOwn(SYMBOLS, name) ? SYMBOLS[name]! : errnoByName(name);
  return Number.isNaN(value) ? { kind: 'symbol', name } : { kind: 'number', value };
}

/** Values with commas between them, up to the closing mark. */
export function parseItems(lexer: Lexer, close: string, depth: number): Value[] {
  const items: Value[] = [];
  while (!lexer.accept(close)) {
    if (items.length > 0) {
      lexer.expect(',');
      if (lexer.accept(close)) break;
    }
    items.push(parseValue(lexer, depth + 1));
  }
  return items;
}

/** `name=value`, `name(n)=value` or `value`, with commas or semicolons between them. */
function parseFields(lexer: Lexer, depth: number): Field[] {
  const fields: Field[] = [];
  while (!lexer.accept('}')) {
    if (fields.length > 0) {
      if (!lexer.accept(';')) lexer.expect(',');
      if (lexer.accept('}')) break;
    }
    lexer.accept('.'); // C's .name = value
    const named = lexer.match(/([A-Za-z_]\w*)\s*(?:\(\s*(?:\d+|\.\.\.)\s*\)\s*)?=(?!=)/y);
    fields.push({ name: named?.[1] ?? '', value: parseValue(lexer, depth + 1) });
  }
  return fields;
}
