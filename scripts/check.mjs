// `npm run check`: everything that can be said about the sources without running the tests. CI runs it too.
// Called by npm and by .ci/run; calls setup.mjs, Biome, tsc, npm pack, and the architecture test.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { dist, root, setup, tsc } from './setup.mjs';

/** Files made by a script: each script exports generate(root), which returns what the file must hold. */
const GENERATED = [
  { file: 'src/wire/checksum-wasm.ts', script: 'scripts/build-wasm.mjs' },
  { file: 'src/stack/tcp/tcb.ts', script: 'scripts/build-tcb.mjs' },
];
/** An example is short enough to be read at once. */
const EXAMPLE_LINES = 60;

await setup();
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const failed = [];
await step('lint and format (biome)', () =>
  node('node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'),
);
await step('types (tsc)', () => tsc('--noEmit').status === 0);
await step('generated files', generatedFiles);
await step('architecture', () => node('--test', '--test-reporter=dot', join(dist, 'test', 'architecture.test.js')));
await step('examples', examples);
await step('exports', exports);
await step('package', packed);
console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** Runs a check, which returns whether all is well, or throws to say why not. */
async function step(name, run) {
  const start = performance.now();
  let good = false;
  try {
    good = await run();
  } catch (error) {
    console.log(error.message);
  }
  if (!good) failed.push(name);
  console.log(`${good ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

/** Runs a script of Node, silent unless it fails. */
function node(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) process.stdout.write(stdout + stderr);
  return status === 0;
}

async function generatedFiles() {
  for (const { file, script } of GENERATED) {
    const { generate } = await import(pathToFileURL(join(root, script)).href);
    if ((await generate(root)) !== readFileSync(join(root, file), 'utf8'))
      throw new Error(`${file} is not what node ${script} makes`);
  }
  return true;
}

function examples() {
  const list = readdirSync(join(root, 'examples'), { recursive: true }).filter((name) => name.endsWith('.ts'));
  const long = list.filter(
    (name) =>
      readFileSync(join(root, 'examples', name), 'utf8')
        .trimEnd()
        .split('\n').length >= EXAMPLE_LINES,
  );
  if (long.length > 0) throw new Error(`${long.join(', ')}: not under ${EXAMPLE_LINES} lines`);
  return true;
}

/** Every subpath must load as a user of the package would load it, and have types that hold by themselves. */
async function exports() {
  const names = Object.keys(manifest.exports).filter((subpath) => !subpath.endsWith('.json'));
  const folder = join(root, '.build', 'exports');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const specifiers = names.map((subpath) => manifest.name + subpath.slice(1));
  const lines = specifiers.map((specifier, i) => `import * as m${i} from '${specifier}';\nvoid m${i};\n`);
  writeFileSync(join(folder, 'all.ts'), lines.join(''));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2022',
        strict: true,
        noEmit: true,
        types: ['node'],
        skipLibCheck: true,
      },
      include: ['all.ts'],
    }),
  );
  const typed = node('node_modules/typescript/bin/tsc', '-p', folder);
  const load = specifiers.map((specifier) => `await import('${specifier}');`).join('\n');
  writeFileSync(join(folder, 'all.mjs'), load);
  return node(join(folder, 'all.mjs')) && typed;
}

/** The package must hold what its manifest points at, and nothing that only the tests need. */
function packed() {
  const npm = process.env.npm_execpath;
  const [program, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const args = [...before, 'pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'];
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  // npm 12 keys the report by package name, older ones have a list.
  const [{ files, size }] = Object.values(JSON.parse(stdout));
  const paths = new Set(files.map(({ path }) => path));
  const wanted = [
    ...Object.values(manifest.bin),
    ...Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    ),
    ...['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'LICENSE'],
  ].map((path) => path.replace(/^\.\//, ''));
  const missing = wanted.filter((path) => !paths.has(path));
  const extra = [...paths].filter((path) => /\.(test|test-support)\.|\.map$|^(test|bench|examples)\//.test(path));
  if (missing.length > 0) console.log(`the package lacks ${missing.join(', ')}`);
  if (extra.length > 0) console.log(`the package has ${extra.slice(0, 5).join(', ')}${extra.length > 5 ? '…' : ''}`);
  const bin = join(root, manifest.bin.ring3);
  const runs = existsSync(bin) && readFileSync(bin, 'utf8').startsWith('#!/usr/bin/env node\n');
  if (!runs) console.log(`${manifest.bin.ring3} must start with #!/usr/bin/env node`);
  if (missing.length + extra.length === 0) console.log(`       ${paths.size} files, ${(size / 1e6).toFixed(1)} MB`);
  return missing.length + extra.length === 0 && runs;
}
