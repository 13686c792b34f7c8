// ICMP for IPv4 and ICMPv6. Run by node:test.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DROP_ICMP_QUOTE, DROP_SHORT } from '../base/drop.ts';
import { boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import { sumPlain } from './checksum.ts';
import {
  ICMP4_ECHO,
  ICMP4_ECHO_REPLY,
  ICMP4_FRAGMENTATION_NEEDED,
  ICMP4_PARAMETER_PROBLEM,
  ICMP4_REDIRECT,
  ICMP4_SOURCE_QUENCH,
  ICMP4_TIME_EXCEEDED,
  ICMP4_UNREACHABLE,
  icmp4Check,
  icmp4Gateway,
  icmp4IsError,
  icmp4NextHopMtu,
  icmp4Pointer,
  icmp4QuoteCheck,
  icmpChecksum,
  icmpCode,
  icmpEchoId,
  icmpEchoSeq,
  icmpType,
  putIcmpChecksum,
  putIcmpEcho,
  putIcmpHeader,
} from './icmp4.ts';
import {
  ICMP6_ECHO,
  ICMP6_PACKET_TOO_BIG,
  icmp6Check,
  icmp6IsError,
  icmp6Mtu,
  icmp6Pointer,
  icmp6QuoteCheck,
} from './icmp6.ts';
import { ip4Dst, ip4Ihl, ip4Src } from './ip4.ts';
import { ip6NextHeader, ip6Src } from './ip6.ts';
import { tcpDstPort, tcpSeq, tcpSrcPort } from './tcp.ts';

const u8 = fc.nat(255);
const u16 = fc.nat(0xffff);

/** "Fragmentation needed, next-hop MTU 1400", quoting 8 bytes of TCP; its IPv4 header has one word of options. */
const TOO_BIG4 = unhex(`0304 0000 0000 0578
  4600 0600 1234 4000 4006 0000 0a000001 0a000002 01010101 0050 c000 00000007`);
const TOO_BIG6 = unhex(`0200 0000 00000578
  60000000 0500 06 40 fd000000000000000000000000000001 fd000000000000000000000000000002 0050 c000 00000007`);

function read4(b: Uint8Array, o: number, end: number): unknown {
  const drop = icmp4Check(b, o, end);
  if (drop !== 0) return drop;
  const fields = [icmpType(b, o), icmpCode(b, o), icmpChecksum(b, o), icmpEchoId(b, o), icmpEchoSeq(b, o)];
  const rest = [icmp4NextHopMtu(b, o), icmp4Pointer(b, o), icmp4Gateway(b, o)];
  if (icmp4QuoteCheck(b, o, end) !== 0) return [fields, rest];
  const q = o + 8;
  const t = q + ip4Ihl(b, q);
  return [fields, rest, ip4Src(b, q), ip4Dst(b, q), tcpSrcPort(b, t), tcpDstPort(b, t), tcpSeq(b, t)];
}

function read6(b: Uint8Array, o: number, end: number): unknown {
  const drop = icmp6Check(b, o, end);
  if (drop !== 0) return drop;
  const fields = [icmpType(b, o), icmpCode(b, o), icmpChecksum(b, o), icmp6Mtu(b, o), icmp6Pointer(b, o)];
  if (icmp6QuoteCheck(b, o, end) !== 0) return fields;
  return [fields, ip6NextHeader(b, o + 8), ip6Src(b, o + 8, 3)];
}

test('a header that is written is read back, with a checksum of 0', () => {
  fc.assert(
    fc.property(u8, u8, fc.integer(), (type, code, rest) => {
      const b = new Uint8Array(20).fill(0xee);
      putIcmpHeader(b, 3, type, code, rest);
      assert.deepEqual([icmpType(b, 3), icmpCode(b, 3), icmpChecksum(b, 3), icmp6Mtu(b, 3)], [type, code, 0, rest]);
      assert.deepEqual([icmp4Gateway(b, 3), icmp6Pointer(b, 3)], [rest, rest]);
      assert.deepEqual([icmp4NextHopMtu(b, 3), icmp4Pointer(b, 3)], [rest & 0xffff, rest >>> 24]);
    }),
  );
});

test('an echo that is written is read back, and its checksum completes the sum', () => {
  fc.assert(
    fc.property(fc.constantFrom(ICMP4_ECHO, ICMP4_ECHO_REPLY, ICMP6_ECHO), u16, u16, (type, id, seq) => {
      const b = new Uint8Array(13).fill(0x61);
      putIcmpEcho(b, 0, type, id, seq);
      assert.deepEqual([icmpType(b, 0), icmpCode(b, 0), icmpEchoId(b, 0), icmpEchoSeq(b, 0)], [type, 0, id, seq]);
      putIcmpChecksum(b, 0, sumPlain(b, 0, b.length));
      assert.equal(sumPlain(b, 0, b.length), 0xffff);
    }),
  );
});

test('errors are told from questions and answers', () => {
  const errors = [ICMP4_UNREACHABLE, ICMP4_SOURCE_QUENCH, ICMP4_REDIRECT, ICMP4_TIME_EXCEEDED, ICMP4_PARAMETER_PROBLEM];
  for (let type = 0; type < 256; type++) {
    assert.equal(icmp4IsError(type), errors.includes(type));
    assert.equal(icmp6IsError(type), type < 128);
  }
});

describe('quoted packets', () => {
  test('IPv4: addresses, ports and sequence number, past options', () => {
    assert.deepEqual([icmpType(TOO_BIG4, 0), icmpCode(TOO_BIG4, 0)], [ICMP4_UNREACHABLE, ICMP4_FRAGMENTATION_NEEDED]);
    assert.deepEqual((read4(TOO_BIG4, 0, TOO_BIG4.length) as unknown[]).slice(1), [
      [1400, 0, 1400],
      0x0a000001,
      0x0a000002,
      80,
      0xc000,
      7,
    ]);
  });

  test('IPv4: of another version, with a bad header length, or with less than 8 bytes of payload are refused', () => {
    const check = (edit: (b: Uint8Array) => void, end: number = TOO_BIG4.length): number => {
      const b = TOO_BIG4.slice();
      edit(b);
      return icmp4QuoteCheck(b, 0, end);
    };
    assert.equal(
      check(() => {}),
      0,
    );
    for (const first of [0x66, 0x06, 0x44, 0x40, 0x47, 0x4f])
      assert.equal(
        check((b) => (b[8] = first)),
        DROP_ICMP_QUOTE,
      );
    for (let end = 8; end < TOO_BIG4.length; end++)
      assert.equal(
        check(() => {}, end),
        DROP_ICMP_QUOTE,
      );
  });

  test('IPv6: the base header is there, or the quote is refused', () => {
    assert.equal(icmpType(TOO_BIG6, 0), ICMP6_PACKET_TOO_BIG);
    assert.deepEqual(read6(TOO_BIG6, 0, TOO_BIG6.length), [[2, 0, 0, 1400, 1400], 6, 1]);
    for (let end = 8; end < 48; end++) assert.equal(icmp6QuoteCheck(TOO_BIG6, 0, end), DROP_ICMP_QUOTE);
    const b = TOO_BIG6.slice();
    b[8] = 0x45;
    assert.equal(icmp6QuoteCheck(b, 0, b.length), DROP_ICMP_QUOTE);
  });
});

test('headers and quotes that just fit are accepted', () => {
  assert.equal(icmp4Check(TOO_BIG4, 0, 8), 0);
  assert.equal(icmp6Check(TOO_BIG6, 0, 8), 0);
  assert.equal(icmp6QuoteCheck(TOO_BIG6, 0, 48), 0);
  const shortest = unhex(`0b00 0000 00000000 4500 0600 1234 4000 4006 0000 0a000001 0a000002 0050 c000 00000007`);
  assert.equal(icmp4QuoteCheck(shortest, 0, shortest.length), 0);
});

test('cut off anywhere it does not look outside', () => {
  boundedAtEveryLength(TOO_BIG4, read4);
  boundedAtEveryLength(TOO_BIG6, read6);
  for (let end = 0; end < 8; end++) {
    assert.equal(icmp4Check(TOO_BIG4, 0, end), DROP_SHORT);
    assert.equal(icmp6Check(TOO_BIG6, 0, end), DROP_SHORT);
  }
});

test('random bytes never make it throw or look outside', () => {
  fuzz(11, 10_000, 80, [TOO_BIG4], read4);
  fuzz(12, 10_000, 80, [TOO_BIG6], read6);
});
