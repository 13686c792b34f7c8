// Expressions of the small Python in %{ }%: arithmetic, comparisons in chains, and/or/not, calls of a few functions.
// Called by code.ts; calls code-value.ts and errors.ts. An expression becomes a function of the names' values.

import type { CodeToken } from './code-lexer.ts';
import {
  CodeFailure,
  compare,
  compute,
  element,
  FUNCTIONS,
  fillBraces,
  isTrue,
  numeric,
  show,
  type Val,
} from './code-value.ts';
import { ScriptError } from './errors.ts';

/** Names and their values, and where print goes. */
export interface Env {
  readonly names: Map<string, Val>;
  readonly print: (text: string) => void;
}

export interface Expression {
  readonly of: (env: Env) => Val;
  readonly text: string;
  /** Of a name alone. */
  readonly name?: string;
  /** What stands before the dot of an attribute. */
  readonly receiver?: Expression;
  /** Both sides of a comparison. */
  readonly sides?: readonly Expression[];
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
        const receiver = value;
        value = { text: `${value.text}.${name}`, name, receiver, of: (env) => lookUp(env, name, token.line) };
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
      const item = this.expression();
      // file=sys.stderr and the like: evaluated by nobody.
      if (item.name !== undefined && this.acceptMark('=')) this.expression();
      else items.push(item);
    }
    return items;
  }

  #call(callee: Expression, args: Expression[], token: CodeToken): Expression {
    const { name } = callee;
    if (name === undefined) throw this.error('only a function can be called', token);
    const text = `${name}(${args.map((arg) => arg.text).join(', ')})`;
    const { receiver } = callee;
    if (name === 'format' && receiver !== undefined) {
      return {
        text,
        of: (env) =>
          fillBraces(
            show(receiver.of(env)),
            args.map((arg) => arg.of(env)),
          ),
      };
    }
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
      if (Object.hasOwn(WORDS, token.text)) return { text: token.text, of: () => WORDS[token.text]! };
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
      const item = this.expression();
      if (item.name !== undefined && this.acceptMark('=')) this.expression();
      else list.push(item);
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
