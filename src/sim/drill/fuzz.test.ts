// Hostile scripts: whatever is written, the answer is a result with a line, never a throw and never a hang.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { project } from '../../../test/support/paths.ts';
import { compile } from './code.ts';
import { CodeFailure } from './code-value.ts';
import { drill } from './drill.ts';
import { ScriptError } from './errors.ts';
import { parseScript } from './parser.ts';

const root = project('test/scripts');
const corpus = readdirSync(root, { recursive: true })
  .filter((name): name is string => typeof name === 'string' && name.endsWith('.pkt'))
  .slice(0, 40)
  .map((name) => readFileSync(join(root, name), 'utf8'));

const PIECES =
  `+0 * ~ ... < > S . FP. SEW 0:0(0) 1:1001(1000) ack win 257 <mss <nop,nop,sack TS val ecr , > [ ] { } ( ) = -1
  EAGAIN | 0x "text " \` %{ }% assert tcpi_snd_cwnd == #ifdef #else #endif #define // /* */ icmp unreachable frag_needed mtu
  udp socket(..., accept(3, \n\n 4294967296 99999999999999 [ect0] 4242 8080: --mtu= -D \\ ' @`.split(' ');

const noise = fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4 })), { maxLength: 60 });
const damaged = fc
  .tuple(fc.constantFrom(...corpus), fc.nat(), fc.nat({ max: 40 }), fc.oneof(fc.constantFrom(...PIECES), fc.string()))
  .map(([text, at, length, insert]) => {
    const start = at % (text.length + 1);
    return text.slice(0, start) + insert + text.slice(start + length);
  });

function parses(text: string): void {
  try {
    for (const { what } of parseScript('t', text).events) if (what.kind === 'code') compile(what.text, what.line);
  } catch (error) {
    assert.ok(error instanceof ScriptError, String((error as Error).stack));
    assert.ok(error.line >= 1 && error.column >= 1 && Number.isInteger(error.line), `${error.line}:${error.column}`);
    assert.ok(error.line <= text.split('\n').length + 1, `line ${error.line} of ${text}`);
  }
}

test('any text is parsed, or refused with line and column', () => {
  fc.assert(
    fc.property(noise, (pieces) => parses(pieces.join(' '))),
    { numRuns: 1500 },
  );
  fc.assert(
    fc.property(noise, (pieces) => parses(pieces.join(''))),
    { numRuns: 1500 },
  );
  fc.assert(fc.property(damaged, parses), { numRuns: 1500 });
  for (const text of corpus) for (let cut = 0; cut < text.length; cut += 7) parses(text.slice(0, cut));
});

test('a parenthesis without a number behind an ICMP type is refused', () => {
  parses('0 < icmp unreachable net_unreachable ( [1:1(0)]');
  parses('0 < icmp unreachable net_unreachable (x)');
});

test('brackets without end are refused, not followed down for ever', () => {
  for (const open of ['[', '(', '{', '-', '~', '{a=']) parses(`0 f(${open.repeat(50_000)}`);
  for (const open of ['(', '[', '-', 'not ', '1**', '1 if 1 else ']) parses(`0 %{ assert ${open.repeat(20_000)} }%`);
});

test('any code is compiled or refused, and fails in an orderly way', () => {
  const parts = 'assert print if elif else : == < ( ) [ ] , + - * / % 0 1 x "s" and or not in True abs min \n '.split(
    ' ',
  );
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 20 }), (words) => {
      try {
        compile(words.join(' '), 1).run({ names: new Map([['x', 3]]), print: () => {} });
      } catch (error) {
        assert.ok(error instanceof ScriptError || error instanceof CodeFailure, String((error as Error).stack));
      }
    }),
    { numRuns: 3000 },
  );
});

test('a damaged script runs to a result that names its line', () => {
  fc.assert(
    fc.property(damaged, (text) => {
      const result = drill('t.pkt', text);
      if (!result.passed) assert.match(result.text, /^t\.pkt:\d+:/);
      assert.doesNotMatch(result.text, /broke/, text);
    }),
    { numRuns: 150 },
  );
});
