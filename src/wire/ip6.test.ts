// IPv6 base headers and the fragment header. Run by node:test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_BAD_LENGTH, DROP_BAD_VERSION, DROP_SHORT } from '../base/drop.ts';
import { boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import { ipVersion } from './ip4.ts';
import {
  IP6_HEADER_LENGTH,
  ip6Check,
  ip6Dst,
  ip6DstIsMulticast,
  ip6Ecn,
  ip6FlowLabel,
  ip6FragId,
  ip6FragMore,
  ip6FragNextHeader,
  ip6FragOffset,
  ip6HopLimit,
  ip6NextHeader,
  ip6PayloadLength,
  ip6Src,
  ip6SrcIsMulticast,
  ip6SrcIsUnspecified,
  ip6TrafficClass,
  putIp6Dst,
  putIp6Fragment,
  putIp6Header,
  putIp6PayloadLength,
  putIp6Src,
} from './ip6.ts';

const u8 = fc.nat(255);
const PING = unhex(`6 0 0 12345 0008 3a 40 fe800000000000000000000000000001 ff020000000000000000000000000001
  8000 0000 0001 0002`);

function addresses(b: Uint8Array, o: number): number[] {
  return [0, 1, 2, 3].map((i) => ip6Src(b, o, i)).concat([0, 1, 2, 3].map((i) => ip6Dst(b, o, i)));
}

function read(b: Uint8Array, o: number, end: number): unknown {
  const drop = ip6Check(b, o, end);
  if (drop !== 0) return drop;
  const first = [ipVersion(b, o), ip6TrafficClass(b, o), ip6FlowLabel(b, o), ip6PayloadLength(b, o)];
  const flags = [ip6DstIsMulticast(b, o), ip6SrcIsMulticast(b, o), ip6SrcIsUnspecified(b, o)];
  return [...first, ip6NextHeader(b, o), ip6HopLimit(b, o), ...addresses(b, o), ...flags];
}

test('what is written is read back', () => {
  const words = fc.array(fc.integer(), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(u8, fc.nat(0xfffff), fc.nat(20), u8, u8, words, (cls, flow, length, next, hops, w) => {
      const b = new Uint8Array(64).fill(0xee);
      putIp6Header(b, 4, cls, flow, length, next, hops);
      putIp6Src(b, 4, w[0]!, w[1]!, w[2]!, w[3]!);
      putIp6Dst(b, 4, w[4]!, w[5]!, w[6]!, w[7]!);
      assert.equal(ip6Check(b, 4, 64), 0);
      assert.equal(ipVersion(b, 4), 6);
      assert.deepEqual([ip6TrafficClass(b, 4), ip6Ecn(b, 4), ip6FlowLabel(b, 4)], [cls, cls & 3, flow]);
      assert.deepEqual([ip6PayloadLength(b, 4), ip6NextHeader(b, 4), ip6HopLimit(b, 4)], [length, next, hops]);
      assert.deepEqual(addresses(b, 4), w);
      putIp6PayloadLength(b, 4, 3);
      assert.deepEqual([ip6PayloadLength(b, 4), ip6NextHeader(b, 4), ip6FlowLabel(b, 4)], [3, next, flow]);
    }),
  );
});

test('a captured packet', () => {
  assert.deepEqual(read(PING, 0, PING.length), [
    ...[6, 0, 0x12345, 8, 58, 64],
    ...[0xfe800000 | 0, 0, 0, 1, 0xff020000 | 0, 0, 0, 1],
    ...[true, false, false],
  ]);
});

test('unspecified and multicast sources are seen', () => {
  const b = new Uint8Array(40);
  assert.equal(ip6SrcIsUnspecified(b, 0), true);
  for (let i = 8; i < 24; i++) {
    const c = b.slice();
    c[i] = 1;
    assert.equal(ip6SrcIsUnspecified(c, 0), false);
  }
  b[8] = 0xff;
  assert.equal(ip6SrcIsMulticast(b, 0), true);
});

test('another version and a payload beyond the bytes are refused, padding is not', () => {
  const b = PING.slice();
  b[0] = 0x45;
  assert.equal(ip6Check(b, 0, b.length), DROP_BAD_VERSION);
  assert.equal(ip6Check(PING, 0, PING.length - 1), DROP_BAD_LENGTH);
  assert.equal(ip6Check(new Uint8Array([...PING, 0, 0]), 0, PING.length + 2), 0);
});

test('fragment header: what is written is read back', () => {
  const offset = fc.nat(0x1fff).map((units) => 8 * units);
  fc.assert(
    fc.property(u8, offset, fc.boolean(), fc.integer(), (next, bytes, more, id) => {
      const b = new Uint8Array(10).fill(0xee);
      putIp6Fragment(b, 1, next, bytes, more, id);
      assert.deepEqual(
        [ip6FragNextHeader(b, 1), ip6FragOffset(b, 1), ip6FragMore(b, 1), ip6FragId(b, 1)],
        [next, bytes, more, id],
      );
      assert.deepEqual([b[0], b[2], b[9]], [0xee, 0, 0xee]);
    }),
  );
});

test('cut off anywhere it is refused', () => {
  boundedAtEveryLength(PING, read);
  for (let end = 0; end < IP6_HEADER_LENGTH; end++) assert.equal(ip6Check(PING, 0, end), DROP_SHORT);
  for (let end = IP6_HEADER_LENGTH; end < PING.length; end++) assert.equal(ip6Check(PING, 0, end), DROP_BAD_LENGTH);
});

test('random bytes never make it throw or look outside', () => fuzz(8, 10_000, 60, [PING], read));
