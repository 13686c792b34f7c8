// Tests of output.ts: headers byte by byte, checksums, fragments, identification, room and refusals.
// Run by node:test; calls the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16, get32 } from '../base/bytes.ts';
import { DROP_LINK_FULL, DROP_NEIGHBOUR_UNREACHABLE } from '../base/drop.ts';
import { EMSGSIZE } from '../base/errno.ts';
import { pseudo4At, sumPlain } from '../wire/checksum.ts';
import { PEER4, PEER6, pattern, read, readSummed, reassemble, words } from './ip-packets.test-support.ts';
import { RecordingLink, Rig } from './ip-rig.test-support.ts';
import { Way } from './way.ts';

function wayTo(rig: Rig, dst: string, more: Partial<Way> = {}): Way {
  const way = new Way();
  [way.dst0, way.dst1, way.dst2, way.dst3] = words(dst);
  Object.assign(way, more);
  assert.equal(rig.routes.findWay(way), 0);
  Object.assign(way, more);
  return way;
}

/** Sends `n` bytes as UDP-like upper layer with its checksum at 6. */
function sendBytes(rig: Rig, way: Way, n: number, protocol = 17, sumOffset = 6): number {
  const l4 = rig.output.open(n);
  assert.notEqual(l4, 0);
  rig.core.u8.set(pattern(n), l4);
  return rig.output.send(way, l4, n, protocol, sumOffset);
}

describe('output', () => {
  test('writes an IPv4 header with every field of the way, and the checksum', () => {
    const rig = new Rig();
    const way = wayTo(rig, PEER4, { trafficClass: 0x2e << 2, hopLimit: 9, dontFragment: true });
    assert.equal(sendBytes(rig, way, 100), 0);
    const [packet] = rig.take();
    const r = readSummed(packet!);
    assert.deepEqual(r.src, words('10.0.0.1'));
    assert.deepEqual(r.dst, words(PEER4));
    assert.equal(r.protocol, 17);
    assert.equal(r.hopLimit, 9);
    assert.equal(r.trafficClass, 0x2e << 2);
    assert.equal(r.df, true);
    assert.equal(r.id, 0);
    assert.deepEqual(r.payload.subarray(8), pattern(100).subarray(8));
    rig.assertNothingHeld();
  });

  test('writes an IPv6 header with traffic class, flow label and hop limit', () => {
    const rig = new Rig();
    const way = wayTo(rig, PEER6, { trafficClass: 0xb9, flowLabel: 0xabcde, hopLimit: 3 });
    assert.equal(sendBytes(rig, way, 33), 0);
    const [packet] = rig.take();
    const r = readSummed(packet!);
    assert.equal(get32(packet!, 0) | 0, 0x6b9abcde);
    assert.equal(r.hopLimit, 3);
    assert.deepEqual(r.dst, words(PEER6));
  });

  test('the IPv4 header checksum is right whatever the addresses', () => {
    const rig = new Rig();
    for (let i = 0; i < 500; i++) {
      const way = wayTo(rig, PEER4);
      way.src3 = rig.core.rng.int32();
      way.dst3 = rig.core.rng.int32();
      way.trafficClass = rig.core.rng.below(256);
      way.hopLimit = rig.core.rng.below(256);
      assert.equal(sendBytes(rig, way, 20 + rig.core.rng.below(50)), 0);
    }
    for (const packet of rig.take()) readSummed(packet);
  });

  test('a UDP checksum of zero goes out as 0xffff, an ICMP one stays zero', () => {
    const rig = new Rig();
    for (const [protocol, want] of [
      [17, 0xffff],
      [6, 0],
    ] as const) {
      const way = wayTo(rig, PEER4);
      const l4 = rig.output.open(8);
      rig.core.u8.fill(0, l4, l4 + 8);
      // Two bytes that make the sum 0xffff: the complement of the pseudo-header's.
      const probe = new Uint8Array(20);
      probe.set([10, 0, 0, 1, 10, 0, 0, 2], 12);
      const rest = 0xffff - pseudo4At(probe, 0, protocol, 8);
      rig.core.u8[l4] = rest >> 8;
      rig.core.u8[l4 + 1] = rest;
      rig.output.send(way, l4, 8, protocol, 6);
      const [packet] = rig.take();
      assert.equal(get16(packet!, 26), want);
    }
  });

  test('on Ethernet it writes the MAC addresses: neighbours, multicast, broadcast', () => {
    const rig = new Rig({ caps: { medium: 'ethernet' }, addresses: ['10.0.0.1/24', 'fd00::1/64', 'fe80::1/64'] });
    const entry = rig.neighbours.find(1, ...words(PEER4));
    rig.neighbours.hear(1, ...words(PEER4), 0x0a0b, 0x0c0d0e0f, true, false);
    const way = wayTo(rig, PEER4);
    assert.equal(way.neighbour, entry);
    sendBytes(rig, way, 10);
    sendBytes(rig, wayTo(rig, '224.1.2.3'), 10);
    sendBytes(rig, wayTo(rig, '239.129.2.3'), 10);
    sendBytes(rig, wayTo(rig, '10.0.0.255'), 10);
    sendBytes(rig, wayTo(rig, '255.255.255.255', { iface: 1 }), 10);
    sendBytes(rig, wayTo(rig, 'ff02::1:3', { iface: 1 }), 10);
    const macs = rig.take().map((f) => Buffer.from(f.subarray(0, 14)).toString('hex'));
    assert.deepEqual(macs, [
      '0a0b0c0d0e0f0200000000010800',
      '01005e0102030200000000010800',
      '01005e0102030200000000010800',
      'ffffffffffff0200000000010800',
      'ffffffffffff0200000000010800',
      '33330001000302000000000186dd',
    ]);
  });

  test('waits for a neighbour with the checksum complete, and reports one that does not answer', () => {
    const rig = new Rig({ caps: { medium: 'ethernet', txChecksum: 'partial' }, addresses: ['10.0.0.1/24'] });
    const way = wayTo(rig, PEER4);
    assert.equal(sendBytes(rig, way, 40), 0);
    assert.equal(rig.take().filter((f) => get16(f, 12) === 0x0800).length, 0);
    rig.neighbours.hear(1, ...words(PEER4), 0x0a0b, 0x0c0d0e0f, true, false);
    rig.pass();
    const [frame] = rig.take().filter((f) => get16(f, 12) === 0x0800);
    readSummed(frame!.subarray(14));

    const silent = wayTo(rig, '10.0.0.9');
    assert.equal(sendBytes(rig, silent, 40), 0);
    for (let i = 0; i < 3; i++) rig.pass(1_000_000);
    assert.equal(rig.neighbours.state(silent.neighbour), 6);
    assert.equal(sendBytes(rig, silent, 40), DROP_NEIGHBOUR_UNREACHABLE);
    rig.assertNothingHeld();
  });

  test('the checksum is complete even where the link could do it', () => {
    const rig = new Rig({ caps: { txChecksum: 'partial' } });
    sendBytes(rig, wayTo(rig, PEER4), 64);
    sendBytes(rig, wayTo(rig, PEER4), 64, 1, 2);
    rig.output.flush();
    assert.deepEqual(
      rig.link.flags.map((f) => f.flags),
      [0, 0],
    );
    for (const packet of rig.take()) readSummed(packet);
  });

  test('fragments IPv4 beyond the MTU: multiples of 8, one identification, checksum over the whole', () => {
    for (const mtu of [576, 1500, 1499, 9000]) {
      const rig = new Rig({ caps: { mtu } });
      const way = wayTo(rig, PEER4, { trafficClass: 4 });
      assert.equal(sendBytes(rig, way, 9000), 0);
      const packets = rig.take();
      assert.equal(packets.length, Math.ceil(9000 / ((mtu - 20) & ~7)));
      for (const p of packets) assert.ok(p.length <= mtu);
      const whole = readSummed(reassemble(packets));
      assert.deepEqual(whole.payload.subarray(8), pattern(9000).subarray(8));
      assert.equal(whole.trafficClass, 4);
      rig.assertNothingHeld();
    }
  });

  test('fragments IPv6 with a fragment header', () => {
    for (const mtu of [1280, 1500]) {
      const rig = new Rig({ caps: { mtu } });
      assert.equal(sendBytes(rig, wayTo(rig, PEER6), 65535), 0);
      const packets = rig.take();
      for (const p of packets) assert.ok(p.length <= mtu);
      const whole = readSummed(reassemble(packets));
      assert.equal(whole.protocol, 17);
      assert.deepEqual(whole.payload.subarray(8), pattern(65535).subarray(8));
      rig.assertNothingHeld();
    }
  });

  test('a packet of exactly the MTU is not cut, one byte more is', () => {
    const rig = new Rig();
    sendBytes(rig, wayTo(rig, PEER4), 1480);
    assert.equal(rig.take().length, 1);
    sendBytes(rig, wayTo(rig, PEER4), 1481);
    assert.equal(rig.take().length, 2);
    sendBytes(rig, wayTo(rig, PEER6), 1460);
    assert.equal(rig.take().length, 1);
    sendBytes(rig, wayTo(rig, PEER6), 1461);
    assert.equal(rig.take().length, 2);
  });

  test('refuses what may not be cut, and what no packet can hold', () => {
    const rig = new Rig();
    assert.equal(sendBytes(rig, wayTo(rig, PEER4, { dontFragment: true }), 1481), -EMSGSIZE);
    assert.equal(sendBytes(rig, wayTo(rig, PEER6, { dontFragment: true }), 1461), -EMSGSIZE);
    assert.equal(sendBytes(rig, wayTo(rig, PEER4), 65516), -EMSGSIZE);
    assert.equal(sendBytes(rig, wayTo(rig, PEER4), 65515), 0);
    assert.equal(rig.take().length, 45);
    assert.equal(rig.output.open(70000), 0);
    rig.assertNothingHeld();
  });

  test('on a path as narrow as the least that is believed, IPv4 goes without DF', () => {
    const rig = new Rig();
    for (const [mtu, df] of [
      [552, false],
      [553, true],
    ] as const) {
      rig.pathMtu.learn(...words(df ? '10.0.0.3' : PEER4), mtu);
      sendBytes(rig, wayTo(rig, df ? '10.0.0.3' : PEER4, { dontFragment: true }), 100);
      assert.equal(read(rig.take()[0]!).df, df);
    }
  });

  test('identifications of one destination follow one another, those of others start elsewhere', () => {
    const rig = new Rig();
    const ids = (dst: string): number[] => {
      for (let i = 0; i < 4; i++) sendBytes(rig, wayTo(rig, dst), 20);
      return rig.take().map((p) => read(p).id);
    };
    const a = ids('10.0.0.2');
    const b = ids('10.0.0.3');
    for (const list of [a, b]) for (let i = 1; i < 4; i++) assert.equal((list[i]! - list[i - 1]!) & 0xffff, 1);
    assert.notEqual(b[0], (a[3]! + 1) & 0xffff);
    const other = new Rig({ seed: 2 });
    sendBytes(other, wayTo(other, '10.0.0.2'), 20);
    assert.notEqual(read(other.take()[0]!).id, a[0]);
  });

  test('a full link drops and counts, and says so by room()', () => {
    const rig = new Rig();
    rig.link.free = 3;
    assert.equal(rig.output.room(1), 3);
    for (let i = 0; i < 3; i++) assert.equal(sendBytes(rig, wayTo(rig, PEER4), 20), 0);
    assert.equal(rig.output.room(1), 0);
    assert.equal(sendBytes(rig, wayTo(rig, PEER4), 20), DROP_LINK_FULL);
    assert.equal(rig.core.counters.dropped(DROP_LINK_FULL), 1);
    assert.equal(rig.take().length, 3);
    rig.link.free = 10;
    assert.equal(sendBytes(rig, wayTo(rig, PEER4), 60000), DROP_LINK_FULL);
    rig.assertNothingHeld();
  });

  test('more frames than a batch holds go out in one pass', () => {
    const rig = new Rig();
    for (let i = 0; i < 300; i++) assert.equal(sendBytes(rig, wayTo(rig, PEER4), 20), 0);
    assert.equal(rig.take().length, 300);
    rig.assertNothingHeld();
  });

  test('segment() writes the headers of a superframe and leaves payload and checksum to its caller', () => {
    const rig = new Rig({ caps: { medium: 'ethernet', gso: 65535 }, addresses: ['10.0.0.1/24', 'fd00::1/64'] });
    for (const peer of [PEER4, PEER6]) {
      rig.neighbours.hear(1, ...words(peer), 2, 3, true, false);
      const way = wayTo(rig, peer, { dontFragment: true });
      assert.equal(rig.neighbours.ready(way.neighbour), 1);
      const l4 = rig.output.open(20);
      rig.core.u8.set(pattern(20), l4);
      const piece = rig.output.open(60000);
      const i = rig.output.segment(way, l4, 20, 60000);
      rig.iface.tx.pushPiece(piece, 60000);
      assert.equal(rig.iface.tx.offset[i], l4 - (peer === PEER4 ? 34 : 54));
      const [frame] = rig.take();
      rig.memory.frames.free(piece);
      const r = read(frame!.subarray(14));
      assert.equal(r.protocol, 6);
      assert.equal(r.payload.length, 60020);
      assert.deepEqual(r.payload.subarray(0, 20), pattern(20));
    }
    rig.assertNothingHeld();
  });

  test('the checksum of a datagram to ourselves goes by the loopback interface', () => {
    const rig = new Rig();
    const lo = new RecordingLink(rig.memory, { loopback: true, mtu: 65535 });
    rig.attach(lo, ['127.0.0.1/8', '::1/128']);
    sendBytes(rig, wayTo(rig, '10.0.0.1'), 20);
    sendBytes(rig, wayTo(rig, '127.0.0.1'), 65515);
    const packets = rig.take(lo);
    assert.equal(packets.length, 2);
    assert.deepEqual(readSummed(packets[0]!).src, words('10.0.0.1'));
    assert.equal(sumPlain(packets[1]!, 0, 20), 0xffff);
    assert.equal(packets[1]!.length, 65535);
  });
});
