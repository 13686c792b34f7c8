// Packets as scripts write them: direction, IP details, ports, TCP, UDP and ICMP.
// Called by parser.ts; calls lexer.ts, parse-options.ts and icmp-names.ts.

import type { IcmpPacket, IpInfo, Packet, TcpOption, TcpPacket, Tuple } from './ast.ts';
import { icmpCodeByName, icmpTypeByName } from './icmp-names.ts';
import type { Lexer } from './lexer.ts';
import { fieldOrAny, OPTIONS_BEGIN, parseOptions } from './parse-options.ts';

const TUPLE =
  /(?:(\[[0-9a-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F]*)[:.])?(\d+)\s*>\s*(?:(\[[0-9a-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F]*)[:.])?(\d+)\s*:?(?=\s)/y;
const FLAGS = /(?:-|[SFRPEWCUA.]+)([0-7])?(?=[\s<]|$)/y;
const FLAG_BITS: Readonly<Record<string, number>> = {
  F: 1,
  S: 2,
  R: 4,
  P: 8,
  '.': 16,
  U: 32,
  E: 64,
  W: 128,
  C: 128,
  A: 256,
  '-': 0,
};
const IP_INFO = /[[(]\s*(?=(?:noecn|ect0|ect1|ect01|ce|tos|tclass|ttl|hlim|flowlabel|label)\b)/y;
const ECN: Readonly<Record<string, number>> = { noecn: 0, ect1: 1, ect0: 2, ce: 3 };
const MAX_PAYLOAD = 65_535;

/** A packet, from the `<` or `>` on. */
export function parsePacket(lexer: Lexer): Packet {
  const inbound = lexer.take().text === '<';
  let ip = parseIpInfo(lexer);
  const tuple = parseTuple(lexer);
  ip = { ...ip, ...parseIpInfo(lexer) };
  for (const name of ['ipv4', 'ipv6', 'gre', 'mpls']) {
    if (lexer.is(name)) throw lexer.error('encapsulated packets are not supported: expected TCP flags, udp or icmp');
  }
  if (lexer.accept('icmp') || lexer.accept('icmpv4')) return parseIcmp(lexer, inbound, ip, 4);
  if (lexer.accept('icmpv6')) return parseIcmp(lexer, inbound, ip, 6);
  if (lexer.accept('udp')) {
    const { length } = parseSequence(lexer);
    return { kind: 'udp', inbound, ip, tuple: tuple ?? parseTuple(lexer), length };
  }
  return parseTcp(lexer, inbound, ip, tuple);
}

function parseTuple(lexer: Lexer): Tuple | undefined {
  const found = lexer.match(TUPLE);
  if (found === null) return undefined;
  const [, src, srcPort, dst, dstPort] = found;
  const address = (text: string | undefined): string | undefined => text?.replace(/[[\]]/g, '');
  return { src: address(src), srcPort: Number(srcPort), dst: address(dst), dstPort: Number(dstPort) };
}

/** `[ect0]`, `[tos 0x10, ttl 64]`, `(ttl 3)`, `[flowlabel 0x12345]`, one or several. */
function parseIpInfo(lexer: Lexer): IpInfo {
  const out: { ecn?: number; tos?: number; ttl?: number; flowLabel?: number } = {};
  while (lexer.match(IP_INFO) !== null) {
    while (!lexer.accept(']') && !lexer.accept(')')) {
      lexer.accept(',');
      const token = lexer.peek();
      if (token.kind !== 'name') throw lexer.error('expected a detail of the IP header');
      lexer.take();
      if (token.text in ECN) out.ecn = ECN[token.text]!;
      else if (token.text === 'ect01') continue;
      else if (token.text === 'tos' || token.text === 'tclass') out.tos = number(lexer) & 255;
      else if (token.text === 'ttl' || token.text === 'hlim') out.ttl = number(lexer) & 255;
      else if (token.text === 'flowlabel' || token.text === 'label') out.flowLabel = number(lexer) & 0xfffff;
      else throw lexer.errorAt(`no detail of an IP header: ${token.text}`, token.start);
    }
  }
  return out;
}

/** `first:end(length)`, `(length)`, `*` or nothing. */
function parseSequence(lexer: Lexer): { seq: number | undefined; length: number | undefined } {
  const start = lexer.peek().start;
  const found = lexer.match(/(\d+)\s*:\s*(\d+)\s*\(\s*(\d+)\s*\)/y);
  if (found !== null) {
    const [seq, end, length] = [Number(found[1]), Number(found[2]), Number(found[3])];
    if (((seq + length) % 2 ** 32) - (end % 2 ** 32) !== 0) {
      throw lexer.errorAt(`the numbers do not fit: ${seq} and ${length} bytes end at ${seq + length}`, start);
    }
    if (length > MAX_PAYLOAD * 16) throw lexer.errorAt(`no packet has ${length} bytes`, start);
    return { seq, length };
  }
  const alone = lexer.match(/\(\s*(\d+)\s*\)/y);
  if (alone !== null) {
    if (Number(alone[1]) > MAX_PAYLOAD * 16) throw lexer.errorAt(`no packet has ${alone[1]} bytes`, start);
    return { seq: undefined, length: Number(alone[1]) };
  }
  if (lexer.match(/any\b|\*(?=\s+(?:ack|win|urg|<))/y) !== null) return { seq: undefined, length: undefined };
  if (/\d/.test(lexer.text[start] ?? '') && /^\d+\s*:/.test(lexer.text.slice(start, start + 24))) {
    throw lexer.error('expected sequence numbers as first:end(length)');
  }
  return { seq: undefined, length: undefined };
}

function parseTcp(lexer: Lexer, inbound: boolean, ip: IpInfo, tuple: Tuple | undefined): TcpPacket {
  const found = lexer.match(FLAGS);
  if (found === null) throw lexer.error('expected TCP flags (such as S, P. or .), udp, icmp or icmpv6');
  let flags = 0;
  for (const letter of found[0].replace(/\d$/, '')) flags |= FLAG_BITS[letter]!;
  // The ACE field of accurate ECN as a number: AE, CWR, ECE.
  const ace = found[1];
  if (ace !== undefined) flags |= ((Number(ace) & 4) << 6) | ((Number(ace) & 2) << 6) | ((Number(ace) & 1) << 6);
  const { seq, length } = parseSequence(lexer);
  let ack: number | undefined;
  let win: number | undefined;
  let urg: number | undefined;
  let options: readonly TcpOption[] | undefined = [];
  for (;;) {
    if (lexer.accept('ack')) ack = numberOrAny(lexer);
    else if (lexer.accept('win')) win = fieldOrAny(lexer, 0xffff);
    else if (lexer.accept('urg')) urg = numberOrAny(lexer);
    else if (lexer.is('<') && optionsFollow(lexer)) options = parseOptions(lexer);
    else break;
  }
  return { kind: 'tcp', inbound, ip, tuple, flags, seq, length, ack, win, urg, options };
}

/** Whether the `<` here begins options, not the next event. */
function optionsFollow(lexer: Lexer): boolean {
  const token = lexer.peek();
  if (!lexer.text.slice(lexer.at, token.start).includes('\n')) return true;
  OPTIONS_BEGIN.lastIndex = token.start;
  return OPTIONS_BEGIN.test(lexer.text);
}

function parseIcmp(lexer: Lexer, inbound: boolean, ip: IpInfo, version: 4 | 6): IcmpPacket {
  const type = typeOrCode(lexer, 'type', (name) => icmpTypeByName(version, name));
  if (type === undefined) throw lexer.error('expected a type of ICMP');
  const code = typeOrCode(lexer, 'code', (name) => icmpCodeByName(version, type, name)) ?? 0;
  let mtu: number | undefined;
  let quote: IcmpPacket['quote'];
  let echo: IcmpPacket['echo'];
  for (;;) {
    if (lexer.accept('mtu')) mtu = number(lexer);
    else if (lexer.accept('id')) echo = { id: number(lexer), seq: echo?.seq ?? 0, length: echo?.length ?? 0 };
    else if (lexer.accept('seq')) echo = { id: echo?.id ?? 0, seq: number(lexer), length: echo?.length ?? 0 };
    else if (lexer.is('(')) {
      const { length } = parseSequence(lexer);
      if (length === undefined) throw lexer.error('expected a length in parentheses');
      echo = { id: echo?.id ?? 0, seq: echo?.seq ?? 0, length };
    } else if (lexer.accept('[')) quote = parseQuote(lexer);
    else break;
  }
  return { kind: 'icmp', inbound, ip, version, type, code, mtu, quote, echo };
}

function parseQuote(lexer: Lexer): IcmpPacket['quote'] {
  const tuple = parseTuple(lexer);
  const udp = lexer.accept('udp');
  if (!udp) {
    lexer.accept('tcp');
    lexer.match(FLAGS);
  }
  const { seq = 0, length = 0 } = parseSequence(lexer);
  lexer.expect(']');
  return { udp, seq, length, tuple };
}

function typeOrCode(lexer: Lexer, word: string, byName: (name: string) => number | undefined): number | undefined {
  const token = lexer.peek();
  if (token.kind === 'number') return lexer.take().value & 255;
  if (token.kind !== 'name') return undefined;
  if (lexer.accept(word)) return number(lexer) & 255;
  if (/^(mtu|id|seq|ack)$/.test(token.text)) return undefined;
  const value = byName(token.text);
  if (value === undefined) {
    // The name of the next system call is no code.
    if (word === 'code' && /^\w+\s*\(/.test(lexer.text.slice(token.start, token.start + 80))) return undefined;
    throw lexer.errorAt(`no ${word} of ICMP: ${token.text}`, token.start);
  }
  lexer.take();
  return value;
}

function number(lexer: Lexer): number {
  const token = lexer.peek();
  if (token.kind !== 'number') throw lexer.error('expected a number');
  return lexer.take().value;
}

/** A number; undefined for `*`, `...` and `any`, which are not looked at. */
function numberOrAny(lexer: Lexer): number | undefined {
  if (lexer.accept('*') || lexer.accept('...') || lexer.accept('any')) return undefined;
  return number(lexer);
}
