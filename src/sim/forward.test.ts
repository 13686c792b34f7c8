// What routers do to packets: the congestion mark, the hop, fragments whose bytes and checksums are right.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  IP4_FLAG_DF,
  ip4ChecksumOk,
  ip4FragOffset,
  ip4MoreFragments,
  ip4TotalLength,
  ip4Ttl,
  PROTO_UDP,
  putIp4Header,
} from '../wire/ip4.ts';
import { ip6Ecn, ip6HopLimit, ip6TrafficClass, putIp6Header } from '../wire/ip6.ts';
import { fragment4, hop, markCongestion } from './forward.ts';
import { LineRig } from './line.test-support.ts';

function ip4(ecn: number, ttl: number): Uint8Array {
  const b = new Uint8Array(40);
  putIp4Header(b, 4, 0xb8 | ecn, 36, 0x1234, IP4_FLAG_DF, ttl, PROTO_UDP, 0x0a000001, 0x0a0000ff);
  return b;
}

describe('forward', () => {
  test('IPv4: only ECN-capable packets are marked, DSCP and checksum stay right', () => {
    for (const ecn of [1, 2, 3]) {
      const b = ip4(ecn, 64);
      assert.ok(markCongestion(b, 4));
      assert.equal(b[5], 0xbb);
      assert.ok(ip4ChecksumOk(b, 4));
    }
    const b = ip4(0, 64);
    assert.equal(markCongestion(b, 4), false);
    assert.deepEqual(b, ip4(0, 64));
  });

  test('IPv6: the same bits in the traffic class', () => {
    const b = new Uint8Array(44);
    putIp6Header(b, 4, 0xb9, 0xabcde, 0, 59, 3);
    assert.ok(markCongestion(b, 4));
    assert.equal(ip6TrafficClass(b, 4), 0xbb);
    putIp6Header(b, 4, 0xb8, 0xabcde, 0, 59, 3);
    assert.equal(markCongestion(b, 4), false);
    assert.equal(ip6Ecn(b, 4), 0);
  });

  test('a hop takes one from TTL and hop limit, and the last is not taken', () => {
    const b = ip4(0, 2);
    assert.ok(hop(b, 4));
    assert.equal(ip4Ttl(b, 4), 1);
    assert.ok(ip4ChecksumOk(b, 4));
    assert.equal(hop(b, 4), false);
    assert.equal(hop(ip4(0, 0), 4), false);
    const six = new Uint8Array(44);
    putIp6Header(six, 4, 0, 0, 0, 59, 2);
    assert.ok(hop(six, 4));
    assert.equal(ip6HopLimit(six, 4), 1);
    assert.equal(hop(six, 4), false);
  });

  test('fragments fit, are whole octets of eight but the last, and hold every byte', () => {
    const rig = new LineRig({}, 1, 600);
    const length = 20 + 1391;
    const slot = rig.net.take(length);
    putIp4Header(rig.net.u8, slot, 0, length, 77, 0, 64, PROTO_UDP, 1, 2);
    for (let i = 20; i < length; i++) rig.net.u8[slot + i] = i * 7;
    fragment4(rig.net, slot, length, rig.line);
    rig.run(1);
    assert.equal(rig.arrivals.length, 3);
    assert.equal(rig.net.frames.used, 0);
    let next = 0;
    for (const [n, { slotBytes: b, length: size }] of rig.arrivals.entries()) {
      assert.ok(size <= 600);
      assert.equal(ip4TotalLength(b, 0), size);
      assert.ok(ip4ChecksumOk(b, 0));
      assert.equal(ip4FragOffset(b, 0), next);
      assert.equal(ip4MoreFragments(b, 0), n < 2);
      for (let i = 20; i < size; i++) assert.equal(b[i], ((next + i) * 7) & 255);
      next += size - 20;
    }
    assert.equal(next, 1391);
  });
});
