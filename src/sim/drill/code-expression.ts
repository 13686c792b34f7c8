// Expressions of the small Python in %{ }%: arithmetic, comparisons in chains, and/or/not, calls of a few functions.
// Called by code.ts; calls errors.ts. An expression becomes a function of the names' values.

import type { CodeToken } from './code-lexer.ts';
import { ScriptError } from './errors.ts';

/** A value: what Python would have as int, float, str, bool, None, list or tuple. */
export type Val = number | string | boolean | null | readonly Val[];

/** Names and their values, and where print goes. */
export interface Env {
  readonly names: Map<string, Val>;
  readonly print: (text: string) => void;
}

/** An assertion that does not hold, or code that cannot go on. */
export class CodeFailure extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

export interface Expression {
  readonly of: (env: Env) => Val;
  readonly text: string;
  /** Of a name alone. */
  readonly name?: string;
  /** Both sides of a comparison. */
  readonly sides?: readonly Expression[];
}

/** Python's truth. */
export function isTrue(value: Val): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** As print shows it. */
export function show(value: Val): string {
  if (Array.isArray(value)) return `(${value.map(show).join(', ')})`;
  return value === null ? 'None' : value === true ? 'True' : value === false ? 'False' : String(value);
}

const BINARY: Readonly<Record<string, number>> = {
  '|': 1,
  '^': 2,
  '&': 3,
  '<<': 4,
  '>>': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '//': 6,
  '%': 6,
};
const COMPARISONS: ReadonlySet<string> = new Set([
  '<',
  '<=',
  '>',
  '>=',
  '==',
  '!=',
  '<>',
  'in',
  'not in',
  'is',
  'is not',
]);
const MAX_DEPTH = 60;

export class ExpressionParser {
  readonly #tokens: readonly CodeToken[];
  position = 0;
  #depth = 0;

  constructor(tokens: readonly CodeToken[]) {
    this.#tokens = tokens;
  }

  get token(): CodeToken {
    return this.#tokens[this.position]!;
  }

  next(): CodeToken {
    const { token } = this;
    if (token.kind !== 'end') this.position++;
    return token;
  }

  isEnd(): boolean {
    const { kind, text } = this.token;
    return kind === 'newline' || kind === 'end' || (kind === 'mark' && text === ';');
  }

  acceptMark(text: string): boolean {
    const { token } = this;
    if ((token.kind !== 'mark' && token.kind !== 'newline') || token.text !== text) return false;
    this.next();
    return true;
  }

  acceptName(text: string): boolean {
    if (this.token.kind !== 'name' || this.token.text !== text) return false;
    this.next();
    return true;
  }

  expectMark(text: string): void {
    if (!this.acceptMark(text)) throw this.error(`expected "${text}"`);
  }

  error(message: string, token: CodeToken = this.token): ScriptError {
    const what = token.kind === 'end' || token.kind === 'newline' ? 'the end of the line' : JSON.stringify(token.text);
    return new ScriptError(`in %{ }%: ${message}, not ${what}`, token.line, token.column);
  }

  /** a if condition else b. */
  expression(): Expression {
    if (++this.#depth > MAX_DEPTH) throw this.error('nested too deep');
    const value = this.#or();
    let out = value;
    if (this.acceptName('if')) {
      const condition = this.#or();
      if (!this.acceptName('else')) throw this.error('expected "else"');
      const other = this.expression();
      const text = `${value.text} if ${condition.text} else ${other.text}`;
      out = { text, of: (env) => (isTrue(condition.of(env)) ? value : other).of(env) };
    }
    this.#depth--;
    return out;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.acceptName('or')) {
      const [a, b] = [left, this.#and()];
      left = {
        text: `${a.text} or ${b.text}`,
        of: (env) => {
          const v = a.of(env);
          return isTrue(v) ? v : b.of(env);
        },
      };
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.acceptName('and')) {
      const [a, b] = [left, this.#not()];
      left = {
        text: `${a.text} and ${b.text}`,
        of: (env) => {
          const v = a.of(env);
          return isTrue(v) ? b.of(env) : v;
        },
      };
    }
    return left;
  }

  #not(): Expression {
    if (!this.acceptName('not')) return this.#comparison();
    if (++this.#depth > MAX_DEPTH) throw this.error('nested too deep');
    const value = this.#not();
    this.#depth--;
    return { text: `not ${value.text}`, of: (env) => !isTrue(value.of(env)) };
  }

  #comparisonOperator(): string | undefined {
    const { token } = this;
    if (token.kind === 'name' && token.text === 'not') {
      const after = this.#tokens[this.position + 1];
      if (after?.text !== 'in') return undefined;
      this.next();
      this.next();
      return 'not in';
    }
    if ((token.kind !== 'mark' && token.kind !== 'name') || !COMPARISONS.has(token.text)) return undefined;
    this.next();
    if (token.text === 'is' && this.acceptName('not')) return 'is not';
    return token.text;
  }

  /** 1 <= x < 3 means both. */
  #comparison(): Expression {
    const operands = [this.binary(1)];
    const operators: string[] = [];
    for (let op = this.#comparisonOperator(); op !== undefined; op = this.#comparisonOperator()) {
      operators.push(op);
      operands.push(this.binary(1));
    }
    if (operators.length === 0) return operands[0]!;
    const text = operands.map((side, i) => (i === 0 ? side.text : `${operators[i - 1]} ${side.text}`)).join(' ');
    return {
      text,
      sides: operands,
      of: (env) => operators.every((op, i) => compare(op, operands[i]!.of(env), operands[i + 1]!.of(env))),
    };
  }

  binary(least: number): Expression {
    let left = this.#unary();
    for (;;) {
      const { token } = this;
      const level = token.kind === 'mark' ? (BINARY[token.text] ?? 0) : 0;
      if (level < least) return left;
      this.next();
      if (++this.#depth > MAX_DEPTH) throw this.error('nested too deep');
      left = this.combine(token.text, left, this.binary(level + 1), token);
      this.#depth--;
    }
  }

  combine(operator: string, a: Expression, b: Expression, token: CodeToken = this.token): Expression {
    const { line } = token;
    return { text: `${a.text} ${operator} ${b.text}`, of: (env) => compute(operator, a.of(env), b.of(env), line) };
  }

  #unary(): Expression {
    const { token } = this;
    for (const mark of ['-', '+', '~']) {
      if (!this.acceptMark(mark)) continue;
      if (++this.#depth > MAX_DEPTH) throw this.error('nested too deep');
      const value = this.#unary();
      this.#depth--;
      const of = (env: Env): Val => {
        const v = numeric(value.of(env), token.line);
        return mark === '-' ? -v : mark === '+' ? v : -v - 1;
      };
      return { text: `${mark}${value.text}`, of };
    }
    return this.#power();
  }

  #power(): Expression {
    const base = this.#postfix();
    const { token } = this;
    if (!this.acceptMark('**')) return base;
    if (++this.#depth > MAX_DEPTH) throw this.error('nested too deep');
    const exponent = this.#unary();
    this.#depth--;
    return this.combine('**', base, exponent, token);
  }

  /** Calls, indices, and attributes of modules, which are taken for what they name. */
  #postfix(): Expression {
    let value = this.#primary();
    for (;;) {
      const { token } = this;
      if (this.acceptMark('(')) value = this.#call(value, this.#items(')'), token);
      else if (this.acceptMark('[')) {
        const [list, index] = [value, this.expression()];
        this.expectMark(']');
        value = { text: `${list.text}[${index.text}]`, of: (env) => element(list.of(env), index.of(env), token.line) };
      } else if (this.acceptMark('.')) {
        const name = this.next().text;
        value = { text: `${value.text}.${name}`, name, of: (env) => lookUp(env, name, token.line) };
      } else return value;
    }
  }

  #items(close: string): Expression[] {
    const items: Expression[] = [];
    while (!this.acceptMark(close)) {
      if (items.length > 0) {
        this.expectMark(',');
        if (this.acceptMark(close)) break;
      }
      items.push(this.expression());
    }
    return items;
  }

  #call(callee: Expression, args: Expression[], token: CodeToken): Expression {
    const { name } = callee;
    if (name === undefined) throw this.error('only a function can be called', token);
    const text = `${name}(${args.map((arg) => arg.text).join(', ')})`;
    const fn = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    return {
      text,
      of: (env) => {
        if (fn === undefined) throw new CodeFailure(`no function that is known here: ${name}`, token.line);
        return fn(
          args.map((arg) => arg.of(env)),
          token.line,
        );
      },
    };
  }

  #primary(): Expression {
    const { token } = this;
    if (token.kind === 'number') {
      this.next();
      return { text: token.text, of: () => token.value };
    }
    if (token.kind === 'string') {
      let text = this.next().text;
      while (this.token.kind === 'string') text += this.next().text;
      return { text: JSON.stringify(text), of: () => text };
    }
    if (token.kind === 'name') {
      this.next();
      if (token.text in WORDS) return { text: token.text, of: () => WORDS[token.text]! };
      return { text: token.text, name: token.text, of: (env) => lookUp(env, token.text, token.line) };
    }
    if (this.acceptMark('(')) {
      const items = this.#tuple(')');
      if (items.single !== undefined) return { ...items.single, text: `(${items.single.text})` };
      return { text: `(${items.list.map((i) => i.text).join(', ')})`, of: (env) => items.list.map((i) => i.of(env)) };
    }
    if (this.acceptMark('[')) {
      const items = this.#items(']');
      return { text: `[${items.map((i) => i.text).join(', ')}]`, of: (env) => items.map((i) => i.of(env)) };
    }
    throw this.error('expected a value');
  }

  #tuple(close: string): { single: Expression | undefined; list: Expression[] } {
    const list: Expression[] = [];
    let commas = 0;
    while (!this.acceptMark(close)) {
      if (list.length > 0) {
        this.expectMark(',');
        commas++;
        if (this.acceptMark(close)) break;
      }
      list.push(this.expression());
    }
    return { single: list.length === 1 && commas === 0 ? list[0] : undefined, list };
  }
}

const WORDS: Readonly<Record<string, Val>> = { True: true, False: false, None: null };

function lookUp(env: Env, name: string, line: number): Val {
  const value = env.names.get(name);
  if (value === undefined) throw new CodeFailure(`no name that is known here: ${name}`, line);
  return value;
}

function numeric(value: Val, line: number): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw new CodeFailure(`${show(value)} is no number`, line);
}

function element(list: Val, index: Val, line: number): Val {
  const at = numeric(index, line);
  const items = typeof list === 'string' || Array.isArray(list) ? list : [];
  const value = items[at < 0 ? items.length + at : at];
  if (value === undefined) throw new CodeFailure(`no element ${at}`, line);
  return value;
}

function compare(operator: string, a: Val, b: Val): boolean {
  const same = (x: Val, y: Val): boolean =>
    Array.isArray(x) && Array.isArray(y)
      ? x.length === y.length && x.every((item, i) => same(item, y[i]!))
      : Number(x) === Number(y) && typeof x !== 'string' && typeof y !== 'string'
        ? x !== null && y !== null
        : x === y;
  const has = (): boolean =>
    typeof b === 'string' ? b.includes(String(a)) : Array.isArray(b) && b.some((x) => same(a, x));
  switch (operator) {
    case '==':
    case 'is':
      return same(a, b) || (a === null && b === null);
    case '!=':
    case '<>':
    case 'is not':
      return !(same(a, b) || (a === null && b === null));
    case 'in':
      return has();
    case 'not in':
      return !has();
    default:
      return order(operator, a, b);
  }
}

function order(operator: string, a: Val, b: Val): boolean {
  const [x, y] = typeof a === 'string' && typeof b === 'string' ? [a, b] : [Number(a), Number(b)];
  if (operator === '<') return x < y;
  if (operator === '<=') return x <= y;
  return operator === '>' ? x > y : x >= y;
}

function compute(operator: string, a: Val, b: Val, line: number): Val {
  if (operator === '%' && typeof a === 'string') return format(a, b);
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') return a + b;
  if (operator === '+' && Array.isArray(a) && Array.isArray(b)) return [...(a as Val[]), ...(b as Val[])];
  const [x, y] = [numeric(a, line), numeric(b, line)];
  if (y === 0 && (operator === '/' || operator === '//' || operator === '%')) {
    throw new CodeFailure('division by zero', line);
  }
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    case '//':
      return Math.floor(x / y);
    case '%':
      return x - y * Math.floor(x / y);
    case '**':
      return x ** y;
    case '<<':
      return x * 2 ** y;
    case '>>':
      return Math.floor(x / 2 ** y);
    default:
      return Number(bits(operator, BigInt(Math.trunc(x)), BigInt(Math.trunc(y))));
  }
}

function bits(operator: string, x: bigint, y: bigint): bigint {
  return operator === '&' ? x & y : operator === '|' ? x | y : x ^ y;
}

/** '%d of %s' % (1, 'x'). */
function format(text: string, values: Val): string {
  const list = Array.isArray(values) ? [...(values as Val[])] : [values];
  return text.replace(/%([-+ 0#]*\d*(?:\.\d+)?)([dsrfgxXeu%])/g, (_, _flags: string, kind: string) => {
    if (kind === '%') return '%';
    const value = list.shift() ?? null;
    if (kind === 'x' && typeof value === 'number') return value.toString(16);
    return kind === 'f' && typeof value === 'number' ? value.toFixed(6) : show(value);
  });
}

type Fn = (args: readonly Val[], line: number) => Val;
const overAll = (pick: (...values: number[]) => number): Fn => {
  return (args, line) => {
    const list = args.length === 1 && Array.isArray(args[0]) ? (args[0] as Val[]) : args;
    return pick(...list.map((value) => numeric(value, line)));
  };
};

const FUNCTIONS: Readonly<Record<string, Fn>> = {
  abs: ([x = 0], line) => Math.abs(numeric(x, line)),
  min: overAll(Math.min),
  max: overAll(Math.max),
  int: ([x = 0], line) => Math.trunc(typeof x === 'string' ? Number(x) : numeric(x, line)),
  float: ([x = 0], line) => (typeof x === 'string' ? Number(x) : numeric(x, line)),
  round: ([x = 0, n = 0], line) => {
    const scale = 10 ** numeric(n, line);
    return Math.round(numeric(x, line) * scale) / scale;
  },
  bool: ([x = 0]) => isTrue(x),
  str: ([x = '']) => show(x),
  repr: ([x = '']) => show(x),
  hex: ([x = 0], line) => `0x${numeric(x, line).toString(16)}`,
  len: ([x = '']) => (typeof x === 'string' || Array.isArray(x) ? x.length : 0),
  sum: ([x = []], line) => (Array.isArray(x) ? (x as Val[]).reduce<number>((s, v) => s + numeric(v, line), 0) : 0),
  range: (args, line) => {
    const [a, b] = args.map((value) => numeric(value, line));
    const [from, to] = b === undefined ? [0, a ?? 0] : [a!, b];
    return Array.from({ length: Math.max(0, Math.min(10_000, to - from)) }, (_, i) => from + i);
  },
  exit: () => null,
};
