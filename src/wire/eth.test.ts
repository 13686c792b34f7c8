// Ethernet frames. Run by node:test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_SHORT } from '../base/drop.ts';
import { boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import {
  ETH_HEADER_LENGTH,
  ETHERTYPE_ARP,
  ETHERTYPE_IP6,
  ethCheck,
  ethDstHi,
  ethDstIsBroadcast,
  ethDstIsGroup,
  ethDstLo,
  etherType,
  ethHasVlanTag,
  ethIp4MulticastLo,
  ethSrcHi,
  ethSrcIsGroup,
  ethSrcLo,
  putEthHeader,
} from './eth.ts';

const u16 = fc.nat(0xffff);

function read(b: Uint8Array, o: number, end: number): unknown {
  const drop = ethCheck(b, o, end);
  if (drop !== 0) return drop;
  const fields = [ethDstHi(b, o), ethDstLo(b, o), ethSrcHi(b, o), ethSrcLo(b, o), etherType(b, o)];
  return [...fields, ethHasVlanTag(b, o), ethDstIsGroup(b, o), ethDstIsBroadcast(b, o), ethSrcIsGroup(b, o)];
}

test('what is written is read back, and nothing beside it is touched', () => {
  fc.assert(
    fc.property(fc.nat(9), u16, fc.integer(), u16, fc.integer(), u16, (o, dstHi, dstLo, srcHi, srcLo, type) => {
      const b = new Uint8Array(40).fill(0xee);
      putEthHeader(b, o, dstHi, dstLo, srcHi, srcLo, type);
      assert.equal(ethCheck(b, o, o + ETH_HEADER_LENGTH), 0);
      assert.deepEqual(
        [ethDstHi(b, o), ethDstLo(b, o), ethSrcHi(b, o), ethSrcLo(b, o), etherType(b, o)],
        [dstHi, dstLo, srcHi, srcLo, type],
      );
      assert.ok(b.every((byte, i) => (i >= o && i < o + ETH_HEADER_LENGTH) || byte === 0xee));
    }),
  );
});

test('a captured frame', () => {
  const b = unhex('ffffffffffff 02005e100001 0806');
  assert.deepEqual(read(b, 0, 14), [0xffff, -1, 0x0200, 0x5e100001, ETHERTYPE_ARP, false, true, true, false]);
});

test('group and broadcast destinations are told apart, and a group as source is seen', () => {
  assert.deepEqual(read(unhex('3333ff000001 03005e100001 86dd'), 0, 14), [
    0x3333,
    0xff000001 | 0,
    0x0300,
    0x5e100001,
    ETHERTYPE_IP6,
    false,
    true,
    false,
    true,
  ]);
  assert.equal(ethDstIsGroup(unhex('02ffffffffff'), 0), false);
  assert.equal(ethDstIsBroadcast(unhex('fffffffffffe'), 0), false);
  assert.equal(ethDstIsBroadcast(unhex('fffeffffffff'), 0), false);
});

test('customer and service VLAN tags are seen', () => {
  for (const [type, tagged] of [
    ['8100', true],
    ['88a8', true],
    ['0800', false],
    ['86dd', false],
  ] as const) {
    assert.equal(ethHasVlanTag(unhex(`000000000000 000000000000 ${type}`), 0), tagged);
  }
});

test('an IPv4 multicast group maps its low 23 bits (RFC 1112 section 6.4)', () => {
  assert.equal(ethIp4MulticastLo(0xe0000001 | 0), 0x5e000001);
  assert.equal(ethIp4MulticastLo(0xefffffff | 0), 0x5e7fffff);
  assert.equal(ethIp4MulticastLo(0xe0800000 | 0), 0x5e000000);
});

test('cut off anywhere it is short', () => {
  const b = unhex('ffffffffffff 02005e100001 0806');
  boundedAtEveryLength(b, read);
  for (let end = 0; end < 14; end++) assert.equal(ethCheck(b, 0, end), DROP_SHORT);
});

test('random bytes never make it throw or look outside', () => {
  fuzz(1, 10_000, 40, [unhex('ffffffffffff 02005e100001 8100 0001')], read);
});
