// Tests of the reader of imports and free names: what must be found, and what must not fool it.
// Run by node:test; calls lexer.ts.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources under test are strings.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freeNames, imports, tokens } from './lexer.ts';

function found(source: string): (string | undefined)[] {
  return imports(tokens(source)).map((one) => one.specifier);
}

describe('imports', () => {
  const kinds: [string, string, (string | undefined)[]][] = [
    ['names', "import { a, b as c } from './x.ts';", ['./x.ts']],
    ['a default and names', "import d, { a } from './x.ts';", ['./x.ts']],
    ['a namespace', "import * as n from './x.ts';", ['./x.ts']],
    ['side effects', "import './x.ts';", ['./x.ts']],
    ['types', "import type { A } from './x.ts';", ['./x.ts']],
    ['a type default called type', "import type type from './x.ts';", ['./x.ts']],
    ['inline types', "import { type A, type B as C } from './x.ts';", ['./x.ts']],
    ['names called from', "import from, { from as of } from './x.ts';", ['./x.ts']],
    ['attributes', "import j from './x.json' with { type: 'json' };", ['./x.json']],
    ['over several lines', "import {\n  a, // one\n  b,\n} from\n  './x.ts';", ['./x.ts']],
    ['without semicolons', "import { a } from './x.ts'\nimport { b } from './y.ts'\n", ['./x.ts', './y.ts']],
    ['dynamic', "const m = await import('./x.ts');", ['./x.ts']],
    ['dynamic, in a template', 'const m = `${await import("./x.ts")} }`; import "./y.ts";', ['./x.ts', './y.ts']],
    ['dynamic, by a template', 'import(`./x.ts`)', ['./x.ts']],
    ['dynamic, computed', 'import(name); import(`./${name}.ts`);', [undefined, undefined]],
    ['import types', "let a: import('./x.ts').A; type B = typeof import('./y.ts');", ['./x.ts', './y.ts']],
    ['require', "import x = require('./x.ts'); const y = require('y');", ['./x.ts', 'y']],
    [
      're-exports',
      "export { a } from './x.ts'; export * from './y.ts'; export * as z from './z.ts';",
      ['./x.ts', './y.ts', './z.ts'],
    ],
    ['re-exported types', "export type { A } from './x.ts'; export type * from './y.ts';", ['./x.ts', './y.ts']],
    ['plain exports', "export { a, b };\nexport const from = 'x';\nexport type T = 'a';\nexport default from;", []],
    ['an export list before an import', "export { a, b }\nimport { c } from './x.ts'", ['./x.ts']],
    ['import.meta', "const u = new URL('./x.ts', import.meta.url);", []],
    ['members of that name', "loader.import('./x.ts'); loader?.require('./y.ts');", []],
    ['line comments', "// import './x.ts';\nlet a;", []],
    ['block comments', "/* import './x.ts'; */ let a; /** import('./y.ts') */", []],
    ['strings', `const a = "import './x.ts';"; const b = 'import("./y.ts")';`, []],
    ['escaped quotes', `const a = 'it\\'s // not'; import './x.ts';`, ['./x.ts']],
    ['templates', 'const a = `import "./x.ts"; ${b + `import("./y.ts")`} export * from "./z.ts"`;', []],
    ['braces in a template', 'const a = `${{ b: { c: `}` } }.b.c} import "./x.ts"`; import "./y.ts";', ['./y.ts']],
    [
      'regular expressions',
      "const a = /import '.\\/x.ts'/; const b = s.replace(/['\"`]/g, ''); import './y.ts';",
      ['./y.ts'],
    ],
    ['division', "const a = b / c; const d = e / f; import './x.ts'; // /", ['./x.ts']],
    ['division after members, calls and assertions', "x = a.b / 2 + f() / 3 + g[0]! / 4; import './x.ts';", ['./x.ts']],
    ['a slash in a class of a regular expression', "const a = /[/'\"]/; import './x.ts';", ['./x.ts']],
    ['generics and comparisons', "const a = f<Map<string, A>>(b) >> 2 > 1; import './x.ts';", ['./x.ts']],
    ['a shebang', "#!/usr/bin/env node\nimport './x.ts';", ['./x.ts']],
  ];
  for (const [name, source, expected] of kinds) {
    test(name, () => assert.deepEqual(found(source), expected));
  }

  test('says the line', () => {
    const [one] = imports(tokens("// a\n/* b\n\n*/ import {\n a } from './x.ts';"));
    assert.equal(one?.line, 4);
  });
});

describe('free names', () => {
  const names = new Set(['process', 'Buffer', 'Date', 'Math']);
  const uses = (source: string): string[] => freeNames(tokens(source), names).map((use) => `${use.name}:${use.line}`);

  test('globals are found where they are used', () => {
    assert.deepEqual(uses('a;\nprocess.exit();\nfn(Buffer)'), ['process:2', 'Buffer:3']);
    assert.deepEqual(uses('const x = a ? process : b;'), ['process:1']);
    assert.deepEqual(uses('const x = { process };'), ['process:1']);
    assert.deepEqual(uses('`${Date.now()}`'), ['Date:1']);
    assert.deepEqual(uses('function f(a: Buffer): Date {}'), ['Buffer:1', 'Date:1']);
    assert.deepEqual(uses('switch (a) { case process: }'), ['process:1']);
  });

  test('members, keys, parameters, strings and comments are not', () => {
    assert.deepEqual(uses('a.process(); a?.Date; this.Buffer = 1;'), []);
    assert.deepEqual(uses('const x = { process: 1, Date: 2 }; interface A { readonly Buffer: X; Math?: Y }'), []);
    assert.deepEqual(uses('function f(process: A, Date?: B) {}'), []);
    assert.deepEqual(uses('// process\n"Buffer"; `Date`; /Math/;'), []);
  });
});
