// Tests of ip4-input.ts: what is taken, what is dropped and why, and which errors are sent.
// Run by node:test; calls the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16, put16 } from '../base/bytes.ts';
import {
  DROP_BAD_CHECKSUM,
  DROP_BAD_HEADER_LENGTH,
  DROP_BAD_LENGTH,
  DROP_BAD_OPTION,
  DROP_BAD_VERSION,
  DROP_MARTIAN,
  DROP_NO_SOCKET,
  DROP_NOT_OURS,
  DROP_SHORT,
  DROP_SOURCE_ROUTE,
  DROP_UNKNOWN_PROTOCOL,
} from '../base/drop.ts';
import { putIp4Checksum } from '../wire/ip4.ts';
import { icmp4, ip4, join, OWN4, PEER4, pattern, readSummed, udp4, words } from './ip-packets.test-support.ts';
import { RecordingLink, Rig, receive } from './ip-rig.test-support.ts';

const data = pattern(10);

/** A rig with a UDP socket on port 53 of every IPv4 address. */
function listening(rig: Rig = new Rig()): { rig: Rig; h: number } {
  const h = rig.udp.open({ family: 4 });
  assert.equal(rig.udp.bind(h, ...words('0.0.0.0'), 53), 0);
  return { rig, h };
}

describe('IPv4 input', () => {
  test('delivers a datagram, and cuts off what the link has padded', () => {
    const { rig, h } = listening();
    const packet = udp4(1000, 53, data, { ttl: 1, tos: 0x48 });
    assert.equal(rig.inject(join([packet, new Uint8Array(20)])), 0);
    assert.deepEqual(receive(rig.udp, h), data);
    assert.equal(rig.udp.from.hopLimit, 1);
    assert.equal(rig.udp.from.trafficClass, 0x48);
    assert.equal(rig.core.counters.get('ip4_received'), 1);
    rig.assertNothingHeld();
  });

  test('refuses bad versions, lengths and checksums without a word', () => {
    const { rig } = listening();
    const good = udp4(1000, 53, data);
    const broken = (change: (p: Uint8Array) => void, fix = true): number => {
      const p = good.slice();
      change(p);
      if (fix) putIp4Checksum(p, 0);
      return rig.inject(p);
    };
    assert.equal(
      broken((p) => p.fill(0x55, 0, 1), false),
      DROP_BAD_VERSION,
    );
    assert.equal(
      broken((p) => (p[0] = 0x44), false),
      DROP_BAD_HEADER_LENGTH,
    );
    assert.equal(
      broken((p) => (p[0] = 0x4f), false),
      DROP_BAD_HEADER_LENGTH,
    );
    assert.equal(
      broken((p) => put16(p, 2, 19)),
      DROP_BAD_LENGTH,
    );
    assert.equal(
      broken((p) => put16(p, 2, p.length + 1)),
      DROP_BAD_LENGTH,
    );
    assert.equal(
      broken((p) => (p[8] = 3), false),
      DROP_BAD_CHECKSUM,
    );
    for (let n = 1; n < 20; n++) assert.equal(rig.inject(good.slice(0, n)), DROP_SHORT);
    for (let n = 20; n < good.length; n++) assert.equal(rig.inject(good.slice(0, n)), DROP_BAD_LENGTH);
    assert.equal(rig.take().length, 0);
    rig.assertNothingHeld();
  });

  test('drops martians: sources that name nobody, ourselves, and loopback on a wire', () => {
    const { rig } = listening();
    for (const src of [
      '0.0.0.0',
      '0.1.2.3',
      '127.0.0.1',
      '224.0.0.5',
      '239.1.1.1',
      '240.0.0.1',
      '255.255.255.255',
      '10.0.0.255',
      OWN4,
    ]) {
      assert.equal(rig.inject(udp4(1, 53, data, { src })), DROP_MARTIAN, src);
    }
    for (const dst of ['0.0.0.0', '127.0.0.1', '127.9.9.9']) {
      assert.equal(rig.inject(udp4(1, 53, data, { dst })), DROP_MARTIAN, dst);
    }
    assert.equal(rig.take().length, 0);
  });

  test('never forwards: destinations that are not ours are dropped in silence', () => {
    const { rig } = listening();
    for (const dst of ['10.0.0.3', '192.0.2.1', '10.0.1.255', '224.0.0.9', '240.0.0.1']) {
      assert.equal(rig.inject(udp4(1, 53, data, { dst })), DROP_NOT_OURS, dst);
    }
    assert.equal(rig.take().length, 0);
  });

  test('takes broadcasts of the subnet and of the link, and groups that were joined', () => {
    const { rig, h } = listening();
    rig.interfaces.join(1, ...words('224.0.0.9'));
    for (const dst of ['10.0.0.255', '255.255.255.255', '224.0.0.9', '224.0.0.1']) {
      assert.equal(rig.inject(udp4(1, 53, data, { dst })), 0, dst);
      assert.deepEqual(receive(rig.udp, h), data);
      assert.deepEqual([rig.udp.from.dst0, rig.udp.from.dst1, rig.udp.from.dst2, rig.udp.from.dst3], words(dst));
    }
  });

  test('127/8 is legal on a loopback link only, and a source of our own is there too', () => {
    const { rig, h } = listening();
    const lo = new RecordingLink(rig.memory, { loopback: true });
    const iface = rig.attach(lo, ['127.0.0.1/8']);
    assert.equal(rig.inject(udp4(1, 53, data, { src: '127.0.0.1', dst: '127.0.0.1' }), 0, iface.index), 0);
    assert.equal(rig.inject(udp4(1, 53, data, { src: '10.0.0.1', dst: '10.0.0.1' }), 0, iface.index), 0);
    assert.equal(rig.inject(udp4(1, 53, data, { src: '127.0.0.1', dst: '127.77.0.1' }), 0, iface.index), 0);
    assert.equal(rig.inject(udp4(1, 53, data, { src: '127.0.0.1', dst: '127.0.0.1' })), DROP_MARTIAN);
    assert.equal((receive(rig.udp, h) as Uint8Array).length, 10);
  });

  test('a unicast packet in a broadcast frame is dropped (RFC 1122 section 3.3.6)', () => {
    const rig = new Rig({ caps: { medium: 'ethernet' }, addresses: ['10.0.0.1/24'] });
    const { h } = listening(rig);
    const eth = (dst: number[], p: Uint8Array): Uint8Array =>
      join([Uint8Array.from([...dst, 2, 0, 0, 0, 0, 9, 8, 0]), p]);
    const all = [255, 255, 255, 255, 255, 255];
    assert.equal(rig.inject(eth(all, udp4(1, 53, data))), DROP_MARTIAN);
    assert.equal(rig.inject(eth(all, udp4(1, 99, data))), DROP_MARTIAN);
    assert.equal(rig.inject(eth(all, udp4(1, 53, data, { dst: '10.0.0.255' }))), 0);
    assert.equal(rig.inject(eth([2, 0, 0, 0, 0, 1], udp4(1, 53, data))), 0);
    assert.equal((receive(rig.udp, h) as Uint8Array).length, 10);
    assert.equal(rig.take().length, 0);
  });

  test('an unknown protocol is answered by protocol unreachable, quoting the packet', () => {
    const { rig } = listening();
    const packet = ip4(pattern(40), { protocol: 132 });
    assert.equal(rig.inject(packet), DROP_UNKNOWN_PROTOCOL);
    const [error] = rig.take();
    const r = readSummed(error!);
    assert.deepEqual([...r.payload.subarray(0, 8).filter((_, i) => i !== 2 && i !== 3)], [3, 2, 0, 0, 0, 0]);
    assert.deepEqual(r.payload.subarray(8), packet);
    assert.deepEqual(r.src, words(OWN4));
    assert.deepEqual(r.dst, words(PEER4));
  });

  test('options: record route and unknown ones are passed, source routes and broken ones refused', () => {
    const { rig, h } = listening();
    assert.equal(rig.inject(udp4(1, 53, data, { options: [7, 7, 4, 0, 0, 0, 0, 0] })), 0);
    assert.equal(rig.inject(udp4(1, 53, data, { options: [1, 1, 0x9e, 4, 1, 2, 0, 0] })), 0);
    assert.deepEqual(receive(rig.udp, h), data);
    assert.deepEqual(receive(rig.udp, h), data);
    assert.equal(rig.take().length, 0);
    for (const type of [131, 137]) {
      assert.equal(rig.inject(udp4(1, 53, data, { options: [type, 7, 4, 10, 0, 0, 9, 0] })), DROP_SOURCE_ROUTE);
      const r = readSummed(rig.take()[0]!);
      assert.deepEqual([r.payload[0], r.payload[1]], [3, 5]);
    }
    assert.equal(rig.inject(udp4(1, 53, data, { options: [1, 7, 9, 4] })), DROP_BAD_OPTION);
    const r = readSummed(rig.take()[0]!);
    assert.deepEqual([r.payload[0], r.payload[1], r.payload[4]], [12, 0, 22]);
  });

  test('delivers protocols by their own, and a UDP port nobody has is port unreachable', () => {
    const { rig } = listening();
    assert.equal(rig.inject(ip4(new Uint8Array(20), { protocol: 6 })), 0);
    assert.equal(rig.core.packet.protocol, 6);
    assert.equal(rig.core.packet.l4 - rig.core.packet.l3, 20);
    assert.equal(rig.inject(udp4(1000, 54, data)), DROP_NO_SOCKET);
    const r = readSummed(rig.take()[0]!);
    assert.deepEqual([r.payload[0], r.payload[1]], [3, 3]);
    assert.equal(get16(r.payload, 8 + 20 + 2), 54);
    assert.equal(rig.inject(icmp4(8, 0, 0x10001, data)), -1);
  });
});
