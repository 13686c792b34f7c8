// %{ code }%: statements of the small Python that assertions are written in: assert, print, assignment, if.
// Called by run.ts; calls code-lexer.ts and code-expression.ts.

import { type Env, type Expression, ExpressionParser } from './code-expression.ts';
import { codeTokens } from './code-lexer.ts';
import { CodeFailure, isTrue, show, type Val } from './code-value.ts';

export type { Env } from './code-expression.ts';
export { CodeFailure } from './code-value.ts';

/** Turns of a loop. */
const MOST_TURNS = 10_000;

type Statement = (env: Env) => void;

/** Something that runs: made once by compile(). */
export interface Program {
  run(env: Env): void;
}

/** Reads the text between %{ and }%, whose first line is `line` of the file. Throws ScriptError. */
export function compile(text: string, line: number): Program {
  const parser = new StatementParser(codeTokens(text, line));
  const statements = parser.block(0);
  return {
    run: (env) => {
      for (const statement of statements) statement(env);
    },
  };
}

class StatementParser extends ExpressionParser {
  /** Statements at least as far to the right as `column`. */
  block(column: number): Statement[] {
    const out: Statement[] = [];
    for (;;) {
      while (this.acceptMark('\n') || this.acceptMark(';'));
      if (this.token.kind === 'end' || this.token.column < column) return out;
      out.push(this.#statement());
    }
  }

  #statement(): Statement {
    const { token } = this;
    if (this.acceptName('assert')) return this.#assert(token.line);
    if (this.acceptName('print')) return this.#print();
    if (this.acceptName('pass')) return () => {};
    if (this.acceptName('if')) return this.#if(token.column);
    if (this.acceptName('for')) return this.#for(token.column);
    if (this.acceptName('import') || this.acceptName('from')) {
      while (!this.isEnd()) this.next();
      return () => {};
    }
    return this.#assignment();
  }

  #assert(line: number): Statement {
    const condition = this.expression();
    const message = this.acceptMark(',') ? this.expression() : undefined;
    const text = condition.text;
    return (env) => {
      if (isTrue(condition.of(env))) return;
      const sides = condition.sides?.map((side) => show(side.of(env))).join(' and ');
      const told = message === undefined ? '' : `: ${show(message.of(env))}`;
      throw new CodeFailure(`assert ${text} is not so${told}${sides === undefined ? '' : ` (${sides})`}`, line);
    };
  }

  /** Both print(…) and print …. */
  #print(): Statement {
    const parts: Expression[] = [];
    // Python 2: print >> sys.stderr, …
    if (this.acceptMark('>>')) {
      this.expression();
      this.acceptMark(',');
    }
    if (!this.isEnd()) parts.push(this.expression());
    while (this.acceptMark(',')) if (!this.isEnd()) parts.push(this.expression());
    return (env) => {
      const values = parts.map((part) => part.of(env));
      const [first] = values;
      // print(a, b): what stands in the brackets is a tuple to us.
      const shown = values.length === 1 && Array.isArray(first) ? (first as readonly Val[]) : values;
      env.print(shown.map(show).join(' '));
    };
  }

  /** for NAME in LIST: …, a bounded number of times. */
  #for(column: number): Statement {
    const name = this.next().text;
    if (!this.acceptName('in')) throw this.error('expected "in"');
    const list = this.expression();
    const body = this.#suite(column);
    return (env) => {
      const values = list.of(env);
      for (const value of Array.isArray(values) ? (values as readonly Val[]).slice(0, MOST_TURNS) : []) {
        env.names.set(name, value);
        for (const statement of body) statement(env);
      }
    };
  }

  #if(column: number): Statement {
    const arms: { condition: Expression | undefined; body: Statement[] }[] = [];
    arms.push({ condition: this.expression(), body: this.#suite(column) });
    for (;;) {
      const before = this.position;
      while (this.acceptMark('\n'));
      if (this.token.column === column && this.acceptName('elif')) {
        arms.push({ condition: this.expression(), body: this.#suite(column) });
      } else if (this.token.column === column && this.acceptName('else')) {
        arms.push({ condition: undefined, body: this.#suite(column) });
      } else {
        this.position = before;
        break;
      }
    }
    return (env) => {
      const arm = arms.find(({ condition }) => condition === undefined || isTrue(condition.of(env)));
      for (const statement of arm?.body ?? []) statement(env);
    };
  }

  /** What follows a colon: the rest of the line, or the lines further to the right. */
  #suite(column: number): Statement[] {
    this.expectMark(':');
    if (this.acceptMark('\n')) return this.block(column + 1);
    const out = [this.#statement()];
    while (this.acceptMark(';')) if (!this.isEnd()) out.push(this.#statement());
    return out;
  }

  #assignment(): Statement {
    const { token } = this;
    const left = this.expression();
    const operator = this.token.text;
    if (!/^([-+*/%&|^]?=)$/.test(operator) || this.token.kind !== 'mark') {
      return (env) => void left.of(env);
    }
    if (left.name === undefined) throw this.error('only a name can be assigned to', token);
    const name = left.name;
    this.next();
    const right = this.expression();
    const value = operator === '=' ? right : this.combine(operator.slice(0, -1), left, right);
    return (env) => void env.names.set(name, value.of(env) as Val);
  }
}
