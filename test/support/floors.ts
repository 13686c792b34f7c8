// The rules of the architecture as data, and the check of one set of sources against them.
// Called by architecture.test.ts on the project's files and by floors.test.ts on invented ones; calls lexer.ts.

import { SyntaxKind } from 'typescript/unstable/ast';
import { type FreeName, freeNames, type Import, imports, type Token, tokens } from './lexer.ts';

/** What each folder of src may import, itself apart (ARCHITECTURE, "Floors"). Type imports count. */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  link: ['base', 'wire'],
  stack: ['base', 'wire'],
  socket: ['base', 'stack'],
  content: ['base', 'wire'],
  control: ['base', 'wire'],
  host: ['base', 'wire', 'link', 'stack', 'control'],
  servers: ['base', 'wire', 'stack', 'socket', 'content'],
  daemon: ['base', 'wire', 'link', 'stack', 'socket', 'content', 'control', 'host', 'servers'],
  sim: ['base', 'wire', 'link', 'stack', 'socket'],
  lab: ['base', 'wire', 'link', 'stack', 'socket', 'content', 'control', 'host', 'servers', 'daemon', 'sim'],
  cli: ['base', 'wire', 'link', 'stack', 'socket', 'content', 'control', 'host', 'servers', 'daemon', 'sim'],
};

/** Floors that run in a browser too: no Node module, no Node global, no time and no chance but what they are given. */
export const PURE: ReadonlySet<string> = new Set(['base', 'wire', 'link', 'stack', 'control']);

/** The only places that may import a package that is not ours. Tests, benchmarks and examples may import any. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  koffi: ['host'],
  commander: ['cli'],
  'mime-types': ['servers'],
  'prom-client': ['servers', 'cli'],
};

/** Names that a pure floor may not use. `Math` only as far as `Math.random` goes. */
const FORBIDDEN: ReadonlySet<string> = new Set(
  `Buffer process console performance Date NodeJS global globalThis crypto require __dirname __filename navigator
   setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask fetch Math`.split(
    /\s+/,
  ),
);

/** Lines a file may have before it must give its reason. */
export const MAX_LINES = 400;
const REASON_WITHIN = 20;

/** A file by its path from the project's root, with slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Every breach of a rule, as `path:line: what`. */
export function check(sources: readonly Source[]): string[] {
  const out: string[] = [];
  const edges = new Map<string, Set<string>>();
  for (const source of sources) {
    out.push(...checkForm(source));
    const floor = floorOf(source.path);
    if (floor === undefined) continue;
    if (floor !== 'index' && FLOORS[floor] === undefined) {
      out.push(`${source.path}:1: src/${floor} is no floor of the architecture`);
      continue;
    }
    const exempt = isTest(source.path);
    const list = tokens(source.text);
    for (const one of imports(list)) {
      const target = targetFloor(source.path, one.specifier);
      if (!exempt && target !== undefined && target !== floor) put(edges, floor, target);
      const what = exempt ? undefined : checkImport(source.path, floor, one, target);
      if (what !== undefined) out.push(`${source.path}:${one.line}: ${what}`);
    }
    if (!exempt && PURE.has(floor)) out.push(...checkGlobals(source.path, list));
  }
  for (const cycle of cycles(edges)) out.push(`src: floors import each other in a circle: ${cycle.join(' → ')}`);
  return out;
}

/** The folder of src that a path lies in, 'index' for a file directly in src, undefined outside src. */
function floorOf(path: string): string | undefined {
  const parts = path.split('/');
  if (parts[0] !== 'src') return undefined;
  return parts.length === 2 ? 'index' : parts[1];
}

/** Tests and their helpers: they may import anything, and nothing else may import them. */
export function isTest(path: string): boolean {
  return /\.(test|test-support)\.ts$/.test(path);
}

/** The floor that a relative specifier leads to; '..' for somewhere outside src; undefined for a package. */
function targetFloor(path: string, specifier: string | undefined): string | undefined {
  if (specifier === undefined || !specifier.startsWith('.')) return undefined;
  return floorOf(resolve(path, specifier)) ?? '..';
}

function resolve(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function checkImport(path: string, floor: string, one: Import, target: string | undefined): string | undefined {
  const { specifier } = one;
  if (specifier === undefined) return 'the module of an import must be a literal';
  if (target === '..') return `${specifier} lies outside src`;
  if (target !== undefined) {
    if (isTest(resolve(path, specifier))) return `${specifier} belongs to the tests`;
    if (target === floor || floor === 'index') return undefined;
    if (FLOORS[floor]!.includes(target)) return undefined;
    return `src/${floor} may not import src/${target} (${specifier})`;
  }
  if (specifier.startsWith('node:')) {
    if (specifier === 'node:test' || specifier.startsWith('node:test/')) return `${specifier} belongs to the tests`;
    return PURE.has(floor) ? `src/${floor} may not use Node: ${specifier}` : undefined;
  }
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (PACKAGES[name]?.includes(floor)) return undefined;
  return `src/${floor} may not import the package ${name}`;
}

function checkGlobals(path: string, list: readonly Token[]): string[] {
  return freeNames(list, FORBIDDEN)
    .filter(isForbiddenUse)
    .map(
      (use) =>
        `${path}:${use.line}: a floor that runs everywhere may not use ${use.name === 'Math' ? 'Math.random' : use.name}`,
    );
}

function isForbiddenUse(use: FreeName): boolean {
  if (use.name !== 'Math') return true;
  // Math.random, and anything but a plain member access (destructuring, an index, passing it on) could reach it too.
  return use.next?.kind !== SyntaxKind.DotToken || use.afterNext?.value === 'random';
}

/** The two-line header (of a test one line will do: nobody calls it), and the reason for a long file. */
function checkForm(source: Source): string[] {
  const lines = source.text.split('\n');
  if (lines[0]?.startsWith('#!')) lines.shift();
  const out: string[] = [];
  if (!isComment(lines[0]) || !(isComment(lines[1]) || isTest(source.path))) {
    out.push(`${source.path}:1: no header of two // lines: what this is; who calls it and whom it calls`);
  }
  const length = lines.length - (lines[lines.length - 1] === '' ? 1 : 0);
  const hasReason = lines.slice(0, REASON_WITHIN).some((line) => /^\/\/ Length: \S/.test(line));
  if (length > MAX_LINES && !hasReason) {
    out.push(`${source.path}:1: ${length} lines, over ${MAX_LINES}, without a "// Length: reason" line near the top`);
  }
  return out;
}

function isComment(line: string | undefined): boolean {
  return line !== undefined && /^\/\/ \S.{9}/.test(line);
}

function put(edges: Map<string, Set<string>>, from: string, to: string): void {
  const set = edges.get(from) ?? new Set();
  edges.set(from, set.add(to));
}

/** Cycles of a graph, each once, as the way round. */
export function cycles(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const out: string[][] = [];
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): void => {
    const seen = way.indexOf(node);
    if (seen >= 0) {
      out.push([...way.slice(seen), node]);
      return;
    }
    if (done.has(node)) return;
    for (const next of edges.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of edges.keys()) visit(node, []);
  return out;
}
