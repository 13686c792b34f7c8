// ARP packets. Run by node:test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DROP_ARP_FORMAT, DROP_SHORT } from '../base/drop.ts';
import {
  ARP_LENGTH,
  ARP_REPLY,
  ARP_REQUEST,
  arpCheck,
  arpOp,
  arpSenderHi,
  arpSenderIp,
  arpSenderLo,
  arpTargetHi,
  arpTargetIp,
  arpTargetLo,
  putArp,
} from './arp.ts';
import { boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';

const REQUEST = unhex('0001 0800 06 04 0001 02005e100001 0a000001 000000000000 0a000002');

function fields(b: Uint8Array, o: number): number[] {
  const sender = [arpSenderHi(b, o), arpSenderLo(b, o), arpSenderIp(b, o)];
  return [arpOp(b, o), ...sender, arpTargetHi(b, o), arpTargetLo(b, o), arpTargetIp(b, o)];
}

function read(b: Uint8Array, o: number, end: number): unknown {
  const drop = arpCheck(b, o, end);
  return drop !== 0 ? drop : fields(b, o);
}

test('what is written is read back', () => {
  const u16 = fc.nat(0xffff);
  const int = fc.integer();
  fc.assert(
    fc.property(fc.constantFrom(ARP_REQUEST, ARP_REPLY), u16, int, int, u16, int, int, (op, sh, sl, si, th, tl, ti) => {
      const b = new Uint8Array(ARP_LENGTH + 3);
      putArp(b, 3, op, sh & 0xfeff, sl, si, th, tl, ti);
      assert.equal(arpCheck(b, 3, b.length), 0);
      assert.deepEqual(fields(b, 3), [op, sh & 0xfeff, sl, si, th, tl, ti]);
    }),
  );
});

test('the bytes are those of RFC 826', () => {
  const b = new Uint8Array(ARP_LENGTH);
  putArp(b, 0, ARP_REQUEST, 0x0200, 0x5e100001, 0x0a000001, 0, 0, 0x0a000002);
  assert.deepEqual(b, REQUEST);
});

test('other hardware, protocols, lengths, operations and group senders are refused', () => {
  for (const [at, value] of [
    [1, 2],
    [2, 9],
    [3, 6],
    [4, 8],
    [5, 16],
    [6, 1],
    [7, 0],
    [7, 3],
    [7, 8],
    [8, 3],
  ] as const) {
    const b = REQUEST.slice();
    b[at] = value;
    assert.equal(arpCheck(b, 0, b.length), DROP_ARP_FORMAT, `byte ${at}`);
  }
});

test('padding after the packet is no fault', () => {
  assert.equal(arpCheck(new Uint8Array([...REQUEST, ...new Array(18).fill(0)]), 0, 46), 0);
});

test('cut off anywhere it is short', () => {
  boundedAtEveryLength(REQUEST, read);
  for (let end = 0; end < ARP_LENGTH; end++) assert.equal(arpCheck(REQUEST, 0, end), DROP_SHORT);
});

test('random bytes never make it throw or look outside', () => fuzz(2, 10_000, 40, [REQUEST], read));
