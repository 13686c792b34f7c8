// Values of the small Python in %{ }%, and what can be done with them.
// Called by code-expression.ts and code.ts; calls nothing.

/** A value: what Python would have as int, float, str, bool, None, list or tuple. */
export type Val = number | string | boolean | null | readonly Val[];

/** An assertion that does not hold, or code that cannot go on. */
export class CodeFailure extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
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

/** A number, or a failure. */
export function numeric(value: Val, line: number): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw new CodeFailure(`${show(value)} is no number`, line);
}

/** list[index]. */
export function element(list: Val, index: Val, line: number): Val {
  const at = numeric(index, line);
  const items = typeof list === 'string' || Array.isArray(list) ? list : [];
  const value = items[at < 0 ? items.length + at : at];
  if (value === undefined) throw new CodeFailure(`no element ${at}`, line);
  return value;
}

/** One comparison. */
export function compare(operator: string, a: Val, b: Val): boolean {
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

/** One operation; % with a text on its left fills it in. */
export function compute(operator: string, a: Val, b: Val, line: number): Val {
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

/** 'cwnd {}'.format(3); what stands in the braces is not looked at but for a position. */
export function fillBraces(text: string, values: readonly Val[]): string {
  let next = 0;
  return text.replace(/\{(\d*)[^{}]*\}/g, (_, at: string) => show(values[at === '' ? next++ : Number(at)] ?? null));
}

type Fn = (args: readonly Val[], line: number) => Val;
const overAll = (pick: (...values: number[]) => number): Fn => {
  return (args, line) => {
    const list = args.length === 1 && Array.isArray(args[0]) ? (args[0] as Val[]) : args;
    return pick(...list.map((value) => numeric(value, line)));
  };
};

/** What can be called. */
export const FUNCTIONS: Readonly<Record<string, Fn>> = {
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
