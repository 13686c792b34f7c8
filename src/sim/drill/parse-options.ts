// TCP options as scripts write them: <mss 1460,nop,nop,sackOK>, <nop,nop,TS val 100 ecr 0>, <...>.
// Called by parse-packet.ts; calls lexer.ts.

import type { TcpOption } from './ast.ts';
import type { Lexer } from './lexer.ts';

/** A `<` that begins options and not an event. */
export const OPTIONS_BEGIN: RegExp =
  /<\s*(?:mss|nop|eol|sackOK|sack|TS|wscale|md5|FO|FOEXP|ECN|kind|any|\.\.\.|>)(?![\w.])/y;

const MD5 = 19;
const FAST_OPEN = 34;
const EXPERIMENT = 254;
const ACCURATE_ECN_0 = 172;
const ACCURATE_ECN_1 = 174;
/** The magic of Fast Open as an experiment. */
const FAST_OPEN_MAGIC = [0xf9, 0x89] as const;

/** Options from the `<` on; undefined for `<...>`. */
export function parseOptions(lexer: Lexer): TcpOption[] | undefined {
  const start = lexer.expect('<').start;
  if (lexer.accept('...') || lexer.accept('any')) {
    lexer.expect('>');
    return undefined;
  }
  const options: TcpOption[] = [];
  while (!lexer.accept('>')) {
    if (options.length > 0) {
      lexer.expect(',');
      if (lexer.accept('>')) break;
    }
    options.push(parseOption(lexer));
  }
  const length = options.reduce((sum, option) => sum + optionLength(option), 0);
  if (length > 40) throw lexer.errorAt(`a TCP header has 40 bytes for options, these need ${length}`, start);
  return options;
}

/** Bytes of an option in the header. */
export function optionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'nop':
    case 'eol':
      return 1;
    case 'mss':
      return 4;
    case 'wscale':
      return 3;
    case 'sackOK':
      return 2;
    case 'sack':
      return 2 + 8 * option.blocks.length;
    case 'TS':
      return 10;
    default:
      return 2 + option.data.length;
  }
}

function parseOption(lexer: Lexer): TcpOption {
  const token = lexer.peek();
  if (token.kind !== 'name') throw lexer.error('expected a TCP option');
  lexer.take();
  switch (token.text) {
    case 'mss':
    case 'wscale':
      return { kind: token.text, value: fieldOrAny(lexer, token.text === 'mss' ? 0xffff : 0xff) };
    case 'nop':
    case 'eol':
    case 'sackOK':
      return { kind: token.text };
    case 'sack':
      return { kind: 'sack', blocks: parseBlocks(lexer) };
    case 'TS': {
      lexer.expect('val');
      const val = numberOrAny(lexer);
      lexer.expect('ecr');
      return { kind: 'TS', val, ecr: numberOrAny(lexer) };
    }
    case 'md5':
      return { kind: 'raw', code: MD5, data: fit(parseHex(lexer), 16) };
    case 'FO':
      return { kind: 'raw', code: FAST_OPEN, data: parseHex(lexer) };
    case 'FOEXP':
      return { kind: 'raw', code: EXPERIMENT, data: Uint8Array.from([...FAST_OPEN_MAGIC, ...parseHex(lexer)]) };
    case 'ECN':
      return accurateEcn(lexer);
    case 'kind': {
      const code = numberOrAny(lexer) ?? EXPERIMENT;
      return { kind: 'raw', code: code & 255, data: parseHex(lexer) };
    }
    default:
      throw lexer.errorAt(`no TCP option: ${token.text}`, token.start);
  }
}

/** Accurate ECN's counters (RFC 9768 section 3.2.3): `ECN e1b 1 ceb 0 e0b 1`, order 1, or `ECN e0b 1 ceb 0 e1b 1`, order 0. */
function accurateEcn(lexer: Lexer): TcpOption {
  const counters = [...(lexer.match(/(?:\s*e[01]b\s+\d+|\s*ceb\s+\d+)*/y)?.[0] ?? '').matchAll(/(\w+)\s+(\d+)/g)];
  const data = Uint8Array.from(counters.flatMap(([, , n]) => [Number(n) >> 16, Number(n) >> 8, Number(n)]));
  return { kind: 'raw', code: counters[0]?.[1] === 'e0b' ? ACCURATE_ECN_0 : ACCURATE_ECN_1, data };
}

function parseBlocks(lexer: Lexer): [number, number][] {
  const blocks: [number, number][] = [];
  for (let found = lexer.match(/(\d+)\s*:\s*(\d+)/y); found !== null; found = lexer.match(/(\d+)\s*:\s*(\d+)/y)) {
    blocks.push([Number(found[1]), Number(found[2])]);
  }
  return blocks;
}

function parseHex(lexer: Lexer): Uint8Array {
  const found = lexer.match(/(?:0x)?((?:[0-9a-fA-F]{2})+)\b/y);
  return Uint8Array.from((found?.[1] ?? '').match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function fit(data: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  out.set(data.subarray(0, length));
  return out;
}

/** A number that fits into its field of the header, at most `most`. */
export function fieldOrAny(lexer: Lexer, most: number): number | undefined {
  const { start } = lexer.peek();
  const value = numberOrAny(lexer);
  if (value !== undefined && value > most) throw lexer.errorAt(`${value} does not fit: at most ${most}`, start);
  return value;
}

function numberOrAny(lexer: Lexer): number | undefined {
  if (lexer.accept('*') || lexer.accept('...') || lexer.accept('any')) return undefined;
  const token = lexer.peek();
  if (token.kind !== 'number') throw lexer.error('expected a number');
  return lexer.take().value;
}
