// IPv4 headers, their checksum and options. Run by node:test.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  DROP_BAD_HEADER_LENGTH,
  DROP_BAD_LENGTH,
  DROP_BAD_OPTION,
  DROP_BAD_VERSION,
  DROP_FRAGMENT_LENGTH,
  DROP_SHORT,
} from '../base/drop.ts';
import { bounded, boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import { sumPlain } from './checksum.ts';
import {
  IP4_FLAG_DF,
  IP4_FLAG_MF,
  Ip4Options,
  ip4Check,
  ip4Checksum,
  ip4ChecksumOk,
  ip4DontFragment,
  ip4Dscp,
  ip4Dst,
  ip4Ecn,
  ip4FragmentCheck,
  ip4FragOffset,
  ip4Id,
  ip4Ihl,
  ip4IsFragment,
  ip4MoreFragments,
  ip4Protocol,
  ip4Src,
  ip4TotalLength,
  ip4Ttl,
  ip4WalkOptions,
  ipVersion,
  putIp4Checksum,
  putIp4Header,
} from './ip4.ts';

/** The header that RFC 1071 examples like to use: UDP from 192.168.0.1 to 192.168.0.199. */
const CAPTURED = unhex('4500 0073 0000 4000 4011 b861 c0a80001 c0a800c7');

/** A header with these options (padded to 4 with zeros), without payload. */
function withOptions(options: string): Uint8Array {
  const bytes = unhex(options);
  const length = 20 + ((bytes.length + 3) & ~3);
  const b = new Uint8Array(length);
  putIp4Header(b, 0, 0, length, 1, 0, 64, 17, 1, 2);
  b[0] = 0x40 | (length >> 2);
  b.set(bytes, 20);
  putIp4Checksum(b, 0);
  return b;
}

const used = new Ip4Options();

function walk(b: Uint8Array, out: Ip4Options, o: number = 0): unknown {
  const drop = ip4WalkOptions(b, o, out);
  return [drop, out.sourceRoute, out.recordRoute, out.timestamp, out.routerAlert, out.problem];
}

function read(b: Uint8Array, o: number, end: number): unknown {
  const drop = ip4Check(b, o, end);
  if (drop !== 0) return drop;
  const flags = [ip4MoreFragments(b, o), ip4DontFragment(b, o), ip4IsFragment(b, o), ip4ChecksumOk(b, o)];
  const walked = walk(b, used, o);
  assert.deepEqual(walked, walk(b, new Ip4Options(), o), 'a used register object must hold nothing of the last walk');
  const fields = [ip4Ihl(b, o), ip4TotalLength(b, o), ip4Src(b, o), ip4Dst(b, o), ip4FragmentCheck(b, o)];
  return [...flags, ...fields, walked];
}

test('what is written is read back', () => {
  const u16 = fc.nat(0xffff);
  const u8 = fc.nat(255);
  fc.assert(
    fc.property(u8, u16, u16, u8, u8, fc.integer(), fc.integer(), (tos, id, flags, ttl, protocol, src, dst) => {
      const b = new Uint8Array(64);
      putIp4Header(b, 4, tos, 60, id, flags, ttl, protocol, src, dst);
      assert.equal(ip4Check(b, 4, 64), 0);
      assert.equal(ipVersion(b, 4), 4);
      assert.equal(ip4Ihl(b, 4), 20);
      assert.equal((ip4Dscp(b, 4) << 2) | ip4Ecn(b, 4), tos);
      assert.deepEqual([ip4TotalLength(b, 4), ip4Id(b, 4), ip4Ttl(b, 4), ip4Protocol(b, 4)], [60, id, ttl, protocol]);
      assert.equal(ip4FragOffset(b, 4), (flags & 0x1fff) * 8);
      assert.equal(ip4MoreFragments(b, 4), (flags & IP4_FLAG_MF) !== 0);
      assert.equal(ip4DontFragment(b, 4), (flags & IP4_FLAG_DF) !== 0);
      assert.equal(ip4IsFragment(b, 4), (flags & 0x3fff) !== 0);
      assert.deepEqual([ip4Src(b, 4), ip4Dst(b, 4)], [src, dst]);
      assert.equal(ip4ChecksumOk(b, 4), true);
      assert.equal(sumPlain(b, 4, 20), 0xffff);
    }),
  );
});

test('a captured header has the checksum that is computed, and any changed byte breaks it', () => {
  assert.equal(ip4Checksum(CAPTURED, 0), 0xb861);
  assert.equal(ip4ChecksumOk(CAPTURED, 0), true);
  const b = CAPTURED.slice();
  b.fill(0xff, 10, 12);
  putIp4Checksum(b, 0);
  assert.deepEqual(b, CAPTURED);
  for (let i = 1; i < 20; i++) {
    const wrong = CAPTURED.slice();
    wrong[i]! ^= 0x10;
    assert.equal(ip4ChecksumOk(wrong, 0), false, `byte ${i}`);
  }
});

test('lengths that do not fit are refused, each for its reason', () => {
  const packet = (edit: (b: Uint8Array) => void): Uint8Array => {
    const b = new Uint8Array(100);
    putIp4Header(b, 0, 0, 100, 0, 0, 64, 6, 1, 2);
    edit(b);
    return b;
  };
  const check = (b: Uint8Array): number => ip4Check(b, 0, b.length);
  assert.equal(check(packet(() => {})), 0);
  assert.equal(check(packet((b) => (b[0] = 0x65))), DROP_BAD_VERSION);
  assert.equal(check(packet((b) => (b[0] = 0x44))), DROP_BAD_HEADER_LENGTH);
  assert.equal(
    ip4Check(
      packet((b) => (b[0] = 0x4f)),
      0,
      59,
    ),
    DROP_BAD_HEADER_LENGTH,
  );
  assert.equal(check(packet((b) => (b[3] = 101))), DROP_BAD_LENGTH);
  assert.equal(check(packet((b) => (b[3] = 19))), DROP_BAD_LENGTH);
  assert.equal(check(packet((b) => (b[3] = 99))), 0, 'padding of the link is no fault');
});

test('fragments that fit no packet are refused', () => {
  const fragment = (payload: number, flags: number): number => {
    const b = new Uint8Array(20);
    putIp4Header(b, 0, 0, 20 + payload, 0, flags, 64, 17, 1, 2);
    return ip4FragmentCheck(b, 0);
  };
  assert.equal(fragment(8, IP4_FLAG_MF), 0);
  assert.equal(fragment(7, 1), 0, 'the last one may have any length');
  assert.equal(fragment(7, IP4_FLAG_MF), DROP_FRAGMENT_LENGTH);
  assert.equal(fragment(0, IP4_FLAG_MF), DROP_FRAGMENT_LENGTH);
  assert.equal(fragment(0, 100), DROP_FRAGMENT_LENGTH);
  // 65528 + 7 is the last byte of the largest payload without a header; with one, it is beyond 65535.
  assert.equal(fragment(7, 0x1fff), DROP_FRAGMENT_LENGTH);
  assert.equal(fragment(65535 - 20 - 65496, 65496 / 8), 0);
  assert.equal(fragment(65536 - 20 - 65496, 65496 / 8), DROP_FRAGMENT_LENGTH);
});

describe('options', () => {
  const cases: [string, string, unknown[]][] = [
    ['none', '', [0, 0, 0, 0, false, 0]],
    ['padding only', '01 01 01 00', [0, 0, 0, 0, false, 0]],
    ['loose source route', '01 83 07 04 0a000001', [0, 21, 0, 0, false, 0]],
    ['strict source route', '89 07 04 0a000001 00', [0, 20, 0, 0, false, 0]],
    ['record route', '07 07 04 00000000', [0, 0, 20, 0, false, 0]],
    ['timestamp', '44 08 05 00 00000000', [0, 0, 0, 20, false, 0]],
    ['router alert', '94 04 0000', [0, 0, 0, 0, true, 0]],
    ['unknown ones are passed', '99 03 ff 94 04 0000', [0, 0, 0, 0, true, 0]],
    ['what follows the end is not read', '00 83 07 04 0a000001', [0, 0, 0, 0, false, 0]],
    ['length 0', '01 99 00 00', [DROP_BAD_OPTION, 0, 0, 0, false, 22]],
    ['length 1', '99 01 00 00', [DROP_BAD_OPTION, 0, 0, 0, false, 21]],
    ['length beyond the header', '01 01 99 03', [DROP_BAD_OPTION, 0, 0, 0, false, 23]],
    ['no length at all', '01 01 01 99', [DROP_BAD_OPTION, 0, 0, 0, false, 23]],
  ];
  for (const [name, options, wanted] of cases) {
    test(name, () => assert.deepEqual(walk(withOptions(options), used), wanted));
  }

  test('a walk of ten options of the longest header', () => {
    assert.deepEqual(walk(withOptions('01'.repeat(36) + '94040000'), used), [0, 0, 0, 0, true, 0]);
  });
});

test('cut off anywhere it is refused', () => {
  const b = withOptions('83 07 04 0a000001 94 04 0000');
  boundedAtEveryLength(b, read);
  for (let end = 0; end < 20; end++) assert.equal(ip4Check(b, 0, end), DROP_SHORT);
  for (let end = 20; end < b.length; end++) assert.equal(ip4Check(b, 0, end), DROP_BAD_HEADER_LENGTH);
  assert.match(bounded(b, read), /^\[/);
});

test('random bytes never make it throw or look outside', () => {
  fuzz(
    3,
    10_000,
    80,
    [CAPTURED, withOptions('83 07 04 0a000001 94 04 0000'), withOptions('44 08 05 00 00000000 01')],
    read,
  );
});

test('random options never make the walk throw, loop or look outside', () => {
  fuzz(4, 20_000, 40, [], (options, o, end) => {
    const length = 20 + (Math.min(end - o, 40) & ~3);
    const b = new Uint8Array(length + 64).fill(options.length > end ? options[end]! : 0);
    b.set(options.subarray(o, o + length - 20), 20);
    b[0] = 0x40 | (length >> 2);
    return walk(b, used);
  });
});
