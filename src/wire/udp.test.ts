// UDP headers. Run by node:test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_BAD_LENGTH, DROP_SHORT } from '../base/drop.ts';
import { boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import { pseudo4, sumPlain } from './checksum.ts';
import {
  putUdpChecksum,
  putUdpHeader,
  UDP_HEADER_LENGTH,
  udpCheck,
  udpChecksum,
  udpDstPort,
  udpLength,
  udpSrcPort,
} from './udp.ts';

const DATAGRAM = unhex('0035 c001 000c 1234 01020304');

function read(b: Uint8Array, o: number, end: number): unknown {
  const drop = udpCheck(b, o, end);
  return drop !== 0 ? drop : [udpSrcPort(b, o), udpDstPort(b, o), udpLength(b, o), udpChecksum(b, o)];
}

test('what is written is read back, with a checksum of 0', () => {
  const u16 = fc.nat(0xffff);
  fc.assert(
    fc.property(u16, u16, fc.integer({ min: 8, max: 40 }), (src, dst, length) => {
      const b = new Uint8Array(45).fill(0xee);
      putUdpHeader(b, 5, src, dst, length);
      assert.deepEqual(read(b, 5, 45), [src, dst, length, 0]);
    }),
  );
});

test('the checksum makes the whole sum to ffff, and is never written as none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 60 }), fc.integer(), fc.integer(), (b, src, dst) => {
      putUdpHeader(b, 0, 1, 2, b.length);
      const pseudo = pseudo4(src, dst, 17, b.length);
      const sum = (pseudo + sumPlain(b, 0, b.length)) % 0xffff;
      putUdpChecksum(b, 0, sum);
      assert.notEqual(udpChecksum(b, 0), 0);
      assert.equal((pseudo + sumPlain(b, 0, b.length)) % 0xffff, 0);
    }),
  );
  const b = new Uint8Array(8);
  putUdpChecksum(b, 0, 0xffff);
  assert.equal(udpChecksum(b, 0), 0xffff);
});

test('a length below the header or beyond the packet is refused, a shorter one is not', () => {
  const check = (length: number): number => {
    const b = new Uint8Array(20);
    putUdpHeader(b, 0, 1, 2, length);
    return udpCheck(b, 0, 20);
  };
  for (const length of [0, 7, 21, 65535]) assert.equal(check(length), DROP_BAD_LENGTH);
  for (const length of [8, 19, 20]) assert.equal(check(length), 0);
});

test('cut off anywhere it is refused', () => {
  boundedAtEveryLength(DATAGRAM, read);
  for (let end = 0; end < UDP_HEADER_LENGTH; end++) assert.equal(udpCheck(DATAGRAM, 0, end), DROP_SHORT);
  for (let end = UDP_HEADER_LENGTH; end < 12; end++) assert.equal(udpCheck(DATAGRAM, 0, end), DROP_BAD_LENGTH);
});

test('random bytes never make it throw or look outside', () => fuzz(5, 10_000, 24, [DATAGRAM], read));
