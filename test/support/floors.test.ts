// Tests of the architecture checker on invented sources: each rule, broken and kept.
// Run by node:test; calls floors.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check, cycles } from './floors.ts';

const HEADER = '// What this file is.\n// Called by nobody; calls nothing.\n\n';

function breaches(path: string, code: string): string[] {
  return check([{ path, text: HEADER + code }]);
}

function assertBreach(path: string, code: string, expected: RegExp): void {
  const out = breaches(path, code);
  assert.equal(out.length, 1, `${path}: ${code}\n${out.join('\n')}`);
  assert.match(out[0]!, expected);
}

describe('floors', () => {
  test('a floor may import itself and the floors below it', () => {
    assert.deepEqual(
      breaches('src/stack/a.ts', "import { b } from '../base/b.ts'; import '../wire/c.ts'; import './tcp/d.ts';"),
      [],
    );
    assert.deepEqual(
      breaches('src/stack/tcp/a.ts', "export * from '../b.ts'; import type { C } from '../../base/c.ts';"),
      [],
    );
    assert.deepEqual(
      breaches('src/cli/main.ts', "import '../host/a.ts'; import('../sim/b.ts'); import 'commander';"),
      [],
    );
  });

  const upward: [string, string][] = [
    ['an import', "import { a } from '../socket/a.ts';"],
    ['a type import', "import type { A } from '../socket/a.ts';"],
    ['a dynamic import', "await import('../socket/a.ts');"],
    ['an import type', "let a: import('../socket/a.ts').A;"],
    ['a re-export', "export { a } from '../socket/a.ts';"],
    ['a way round', "import '../stack/../socket/a.ts';"],
  ];
  for (const [name, code] of upward) {
    test(`${name} of a floor above is a breach`, () => {
      assertBreach('src/stack/x.ts', code, /^src\/stack\/x\.ts:4: src\/stack may not import src\/socket/);
    });
  }

  test('nothing imports cli and lab, not even each other', () => {
    assertBreach('src/lab/a.ts', "import '../cli/b.ts';", /src\/lab may not import src\/cli/);
    assertBreach('src/cli/a.ts', "import '../lab/b.ts';", /src\/cli may not import src\/lab/);
    assertBreach('src/daemon/a.ts', "import '../cli/b.ts';", /src\/daemon may not import src\/cli/);
  });

  test('a comment or a string imports nothing', () => {
    assert.deepEqual(breaches('src/base/a.ts', `// import '../cli/x.ts'\nconst a = "import '../cli/x.ts'";`), []);
  });

  test('nothing in src imports what lies outside, or belongs to tests', () => {
    assertBreach('src/cli/a.ts', "import '../../test/support/run.ts';", /outside src/);
    assertBreach('src/link/a.ts', "import './contract.test-support.ts';", /belongs to the tests/);
    assertBreach('src/host/a.ts', "import { test } from 'node:test';", /node:test belongs to the tests/);
  });

  test('a computed import is a breach: nobody can check it', () => {
    assertBreach('src/host/a.ts', 'import(name);', /must be a literal/);
  });

  test('a folder that is no floor is a breach', () => {
    assertBreach('src/utils/a.ts', '', /src\/utils is no floor/);
  });

  test('the index may import any floor, and no floor the index', () => {
    assert.deepEqual(breaches('src/index.ts', "export * from './base/a.ts'; export * from './host/b.ts';"), []);
    assertBreach('src/daemon/a.ts', "import '../index.ts';", /may not import src\/index/);
  });

  test('tests and their helpers may import anything', () => {
    const code =
      "import 'node:test'; import 'fast-check'; import '../cli/a.ts'; import '../../test/support/run.ts'; setTimeout(f);";
    assert.deepEqual(breaches('src/base/a.test.ts', code), []);
    assert.deepEqual(breaches('src/base/a.test-support.ts', code), []);
    assert.deepEqual(breaches('test/a.test.ts', code), []);
  });
});

describe('the core without Node', () => {
  test('Node modules are a breach in the pure floors, and only there', () => {
    for (const floor of ['base', 'wire', 'link', 'stack', 'control']) {
      assertBreach(`src/${floor}/a.ts`, "import { readFileSync } from 'node:fs';", /may not use Node: node:fs/);
      assertBreach(`src/${floor}/a.ts`, "import type { Socket } from 'node:net';", /may not use Node: node:net/);
    }
    assert.deepEqual(
      breaches('src/socket/a.ts', "import { Duplex } from 'node:stream'; setTimeout(f, 1); Buffer.from('');"),
      [],
    );
  });

  const uses = [
    "Buffer.from('')",
    'const n: Buffer = b',
    'process.nextTick(f)',
    'setTimeout(f, 1)',
    'setInterval(f, 1)',
    'setImmediate(f)',
    'performance.now()',
    'Date.now()',
    'new Date()',
    'Math.random()',
    'const { random } = Math',
    "Math['random']()",
    'console.log(a)',
    'globalThis.setTimeout(f)',
    'let t: NodeJS.Timeout',
  ];
  for (const use of uses) {
    test(`${use} is a breach`, () =>
      assertBreach('src/stack/a.ts', `${use};`, /^src\/stack\/a\.ts:4: a floor that runs everywhere/));
  }

  test('Math otherwise, and members of those names, are fine', () => {
    assert.deepEqual(
      breaches('src/stack/a.ts', 'Math.max(a, Math.imul(b, c)); this.process(); table.Date; ({ console: 1 });'),
      [],
    );
  });
});

describe('packages', () => {
  test('each only where it is allowed', () => {
    assert.deepEqual(
      breaches('src/host/a.ts', "import type koffi from 'koffi'; await import('koffi'); require('koffi');"),
      [],
    );
    assertBreach('src/socket/a.ts', "await import('koffi');", /src\/socket may not import the package koffi/);
    assertBreach('src/cli/a.ts', "import 'left-pad';", /the package left-pad/);
    assertBreach('src/cli/a.ts', "import '@scope/name/deep';", /the package @scope\/name/);
    assertBreach('src/host/a.ts', "import 'fs';", /the package fs/);
    assertBreach('src/host/a.ts', "import 'ring3/net';", /the package ring3/);
  });
});

describe('form', () => {
  test('a header of two comment lines is asked of every file, after a shebang too', () => {
    const one = (path: string, text: string): string[] => check([{ path, text }]);
    assert.match(one('src/base/a.ts', 'export const a = 1;\n')[0]!, /no header/);
    assert.match(one('scripts/a.mjs', '// One line only, that is too few.\n\nimport x from "x";\n')[0]!, /no header/);
    assert.match(one('test/a.ts', '//\n//\n')[0]!, /no header/);
    assert.match(one('test/a.test.ts', '\n// One line, but too late.\n')[0]!, /no header/);
    assert.deepEqual(one('test/a.test.ts', '// One line is enough for a test.\n\n'), []);
    assert.deepEqual(one('src/cli/main.ts', `#!/usr/bin/env node\n${HEADER}`), []);
  });

  test('more than 400 lines need a reason near the top', () => {
    const long = 'x;\n'.repeat(398);
    assert.deepEqual(breaches('src/base/a.ts', 'x;\n'.repeat(397)), []);
    assertBreach('src/base/a.ts', long, /401 lines, over 400/);
    assert.deepEqual(breaches('src/base/a.ts', `// Length: the table of the standard, whole.\n${long}`), []);
    assertBreach('src/base/a.ts', `${long}// Length: too late\n`, /over 400/);
  });
});

test('cycles are found and shown as the way round', () => {
  const graph = (edges: Record<string, string[]>): Map<string, Set<string>> =>
    new Map(Object.entries(edges).map(([from, to]) => [from, new Set(to)]));
  assert.deepEqual(cycles(graph({ a: ['b', 'c'], b: ['c'], c: [] })), []);
  assert.deepEqual(cycles(graph({ a: ['b'], b: ['c'], c: ['b'] })), [['b', 'c', 'b']]);
  const out = check([
    { path: 'src/base/a.ts', text: `${HEADER}import '../wire/b.ts';` },
    { path: 'src/wire/b.ts', text: `${HEADER}import '../base/a.ts';` },
  ]);
  assert.match(out.join('\n'), /in a circle: base → wire → base/);
});
