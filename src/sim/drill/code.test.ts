// Tests of %{ code }%: what Python would say, for the part of it that assertions need.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from './code.ts';
import { CodeFailure, type Val } from './code-value.ts';
import { ScriptError } from './errors.ts';

function run(text: string, values: Record<string, Val> = {}): string[] {
  const out: string[] = [];
  compile(text, 1).run({ names: new Map(Object.entries(values)), print: (line) => out.push(line) });
  return out;
}

/** What an expression is. */
function value(text: string, values: Record<string, Val> = {}): string {
  return run(`print(${text})`, values)[0]!;
}

test('arithmetic with the precedence of Python', () => {
  assert.equal(value('1 + 2 * 3'), '7');
  assert.equal(value('(1 + 2) * 3'), '9');
  assert.equal(value('-7 // 2'), '-4');
  assert.equal(value('-7 % 3'), '2');
  assert.equal(value('2 ** 10'), '1024');
  assert.equal(value('-2 ** 2'), '-4');
  assert.equal(value('1 << 4 | 1'), '17');
  assert.equal(value('0xff & 0x0f'), '15');
  assert.equal(value('7 / 2'), '3.5');
  assert.equal(value('10 - 3 - 2'), '5');
});

test('comparisons, chains of them, and logic', () => {
  assert.equal(value('1 <= x < 3', { x: 2 }), 'True');
  assert.equal(value('1 <= x < 3', { x: 3 }), 'False');
  assert.equal(value('x == 1 or x == 2 and False', { x: 1 }), 'True');
  assert.equal(value('not x', { x: 0 }), 'True');
  assert.equal(value('x in (1, 2)', { x: 2 }), 'True');
  assert.equal(value('x not in [1, 2]', { x: 2 }), 'False');
  assert.equal(value('"a" == "a"'), 'True');
  assert.equal(value('1 == "1"'), 'False');
  assert.equal(value('True == 1'), 'True');
  assert.equal(value('3 if 1 > 2 else 4'), '4');
  assert.equal(value('1 is not None'), 'True');
});

test('functions and texts', () => {
  assert.equal(value('abs(-3) + min(1, 2) + max([4, 5]) + len("abc") + int(2.7)'), '14');
  assert.equal(value('"%d of %s, %x" % (3, "many", 255)'), '3 of many, ff');
  assert.equal(value('round(2.345, 1)'), '2.3');
  assert.equal(value('sum([1, 2, 3])'), '6');
});

test('statements: assignment, if in both forms, print without brackets, import', () => {
  const text = [
    'import math',
    'a = 3; a += 4',
    'if a == 7:',
    '    print "seven", a',
    '    b = 1',
    'elif a: print(0)',
    'else:',
    '  print(1)',
    'print(b)',
  ];
  assert.deepEqual(run(text.join('\n')), ['seven 7', '1']);
  assert.deepEqual(run('if 0: print(1)\nelse: print(2)'), ['2']);
  assert.deepEqual(run('s = 0\nfor i in range(3):\n  s += i\nprint >> sys.stderr, s'), ['3']);
});

test('an assertion that does not hold tells both sides, its message, and its line', () => {
  const failure = (text: string, values: Record<string, Val>): CodeFailure => {
    try {
      run(text, values);
    } catch (error) {
      if (error instanceof CodeFailure) return error;
    }
    return assert.fail('it held');
  };
  const one = failure('\n\nassert tcpi_snd_cwnd == 10, tcpi_snd_cwnd', { tcpi_snd_cwnd: 3 });
  assert.equal(one.line, 3);
  assert.match(one.message, /tcpi_snd_cwnd == 10 is not so: 3 \(3 and 10\)/);
  assert.match(failure('assert (x > 5)', { x: 5 }).message, /\(x > 5\)/);
  assert.match(failure('assert tcpi_nothing == 1', {}).message, /no name .*tcpi_nothing/);
  assert.match(failure('assert 1 / 0', {}).message, /division/);
});

test('what is no code is refused with its place in the file', () => {
  for (const [text, line, column] of [
    ['assert ==', 3, 8],
    ['\nassert (1', 4, 10],
    ['x = = 1', 3, 5],
    ['1 = 2', 3, 1],
    ['assert 1 ?', 3, 10],
  ] as const) {
    assert.throws(
      () => compile(text, 3),
      (error) => error instanceof ScriptError && error.line === line && error.column === column,
      text,
    );
  }
});

test('names are the script’s own: none comes from JavaScript', () => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    assert.throws(() => value(name), /no name that is known here/, name);
  }
});
