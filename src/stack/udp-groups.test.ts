// Tests of udp-groups.ts and of ping sockets: groups joined, sent to and left; echo requests and their replies.
// Run by node:test; calls udp.ts through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16 } from '../base/bytes.ts';
import { DROP_NO_SOCKET } from '../base/drop.ts';
import { EAGAIN, EHOSTUNREACH, EINVAL, ENOMEM } from '../base/errno.ts';
import {
  icmp4,
  icmp6,
  OWN4,
  OWN6,
  PEER4,
  PEER6,
  pattern,
  readSummed,
  reassemble,
  udp4,
  udp6,
  words,
} from './ip-packets.test-support.ts';
import { bound, ends, got, Rig, receive, send } from './ip-rig.test-support.ts';

const data = pattern(20);

describe('groups', () => {
  for (const [name, group, other, packet] of [
    ['IPv4', '239.1.1.1', '239.1.1.2', (port: number) => udp4(1, port, data, { dst: '239.1.1.1' })],
    ['IPv6', 'ff02::1:5', 'ff02::1:6', (port: number) => udp6(1, port, data, { dst: 'ff02::1:5', src: 'fe80::7' })],
  ] as const) {
    test(`${name}: a datagram reaches every socket of the port, once the group is joined`, () => {
      const rig = new Rig();
      const { udp } = rig;
      const any = name === 'IPv4' ? '0.0.0.0' : '::';
      const sockets = [any, any, group, other, name === 'IPv4' ? OWN4 : OWN6].map((address) => {
        const h = udp.open({ family: name === 'IPv4' ? 4 : 6 });
        udp.set(h, 6, 1);
        assert.equal(udp.bind(h, ...words(address), 5353), 0);
        return h;
      });
      assert.equal(rig.inject(packet(5353)), 10);
      assert.equal(udp.join(sockets[0]!, ...words(group)), 0);
      assert.equal(udp.join(sockets[0]!, ...words(group)), -98);
      assert.equal(udp.join(sockets[1]!, ...words(group), 1), 0);
      assert.equal(rig.inject(packet(5353)), 0);
      assert.deepEqual(got(udp, sockets).sort(), [0, 1, 2]);
      assert.equal(rig.inject(packet(5354)), DROP_NO_SOCKET);
      assert.equal(rig.take().length, 0);
      assert.equal(udp.leave(sockets[0]!, ...words(group)), 0);
      assert.equal(udp.leave(sockets[0]!, ...words(group)), -99);
      assert.equal(rig.inject(packet(5353)), 0);
      udp.close(sockets[1]!);
      assert.equal(rig.inject(packet(5353)), 10);
      assert.equal(udp.join(sockets[0]!, ...words(name === 'IPv4' ? PEER4 : PEER6)), -EINVAL);
      assert.equal(udp.join(sockets[0]!, ...words(group), 7), -EINVAL);
    });

    test(`${name}: sending to a group: hop limit 1, a copy for our own members unless turned off`, () => {
      const rig = new Rig();
      const { udp } = rig;
      const member = bound(udp, name === 'IPv4' ? '0.0.0.0' : '::', 5353);
      const sender = bound(udp, name === 'IPv4' ? OWN4 : 'fe80::1', 9);
      assert.equal(send(udp, sender, data, group, 5353), 20);
      assert.equal(receive(udp, member), -EAGAIN);
      assert.equal(udp.join(member, ...words(group)), 0);
      assert.equal(send(udp, sender, data, group, 5353), 20);
      assert.deepEqual(receive(udp, member), data);
      assert.equal(udp.from.port, 9);
      udp.set(sender, 4, 0);
      udp.set(sender, 3, 7);
      assert.equal(send(udp, sender, data, group, 5353), 20);
      assert.equal(receive(udp, member), -EAGAIN);
      const hops = rig.take().map((p) => readSummed(p).hopLimit);
      assert.deepEqual(hops, [1, 1, 7]);
      udp.set(sender, 4, 1);
      udp.set(sender, 3, 0);
      assert.equal(send(udp, sender, data, group, 5353), 20);
      assert.deepEqual(receive(udp, member), data);
      assert.equal(rig.take().length, 0);
      udp.close(member);
      rig.assertNothingHeld();
    });
  }

  test('memberships are bounded for a socket', () => {
    const rig = new Rig();
    const h = rig.udp.open({ family: 4 });
    for (let i = 1; i <= 64; i++) assert.equal(rig.udp.join(h, 0, 0, 0xffff, 0xef000000 | i, 1), 0);
    assert.equal(rig.udp.join(h, 0, 0, 0xffff, 0xef000100 | 0, 1), -ENOMEM);
    assert.ok(rig.interfaces.joined(1, 0, 0, 0xffff, 0xef000005 | 0));
    rig.udp.close(h);
    for (let i = 1; i <= 64; i++) assert.ok(!rig.interfaces.joined(1, 0, 0, 0xffff, 0xef000000 | i));
  });

  test('a broadcast also reaches our own sockets', () => {
    const rig = new Rig();
    const h = bound(rig.udp, '0.0.0.0', 67);
    rig.udp.set(h, 1, 1);
    assert.equal(send(rig.udp, h, data, '10.0.0.255', 67), 20);
    assert.deepEqual(receive(rig.udp, h), data);
    assert.equal(rig.take().length, 1);
  });
});

describe('ping sockets', () => {
  for (const [name, family, request, reply, make, peer] of [
    ['IPv4', 4, 8, 0, icmp4, PEER4],
    ['IPv6', 6, 128, 129, icmp6, PEER6],
  ] as const) {
    test(`${name}: sends echo requests with its identifier and gets their replies`, () => {
      const rig = new Rig();
      const { udp } = rig;
      const h = udp.open({ family, protocol: 'icmp' });
      const other = udp.open({ family, protocol: 'icmp' });
      assert.equal(udp.bind(other, 0, 0, family === 4 ? 0xffff : 0, 0, 77), 0);
      const message = Uint8Array.from([request, 0, 9, 9, 8, 8, 0, 3, ...pattern(1000)]);
      assert.equal(send(udp, h, message, peer, 0), message.length);
      const r = readSummed(rig.take()[0]!);
      const id = get16(r.payload, 4);
      assert.equal(id, ends(udp, h).localPort);
      assert.deepEqual([r.payload[0], get16(r.payload, 6)], [request, 3]);
      assert.deepEqual(r.payload.subarray(8), pattern(1000));
      assert.equal(rig.inject(make(reply, 0, (id << 16) | 3, pattern(1000), { ttl: 61, hopLimit: 61 })), -1);
      assert.equal(udp.nextReady(), h);
      const got = receive(udp, h) as Uint8Array;
      assert.deepEqual([got[0], get16(got, 4), get16(got, 6)], [reply, id, 3]);
      assert.deepEqual(got.subarray(8), pattern(1000));
      assert.equal(udp.from.hopLimit, 61);
      assert.equal(rig.inject(make(reply, 0, (78 << 16) | 3, data)), DROP_NO_SOCKET);
      assert.equal(receive(udp, other), -EAGAIN);
      // Identifiers are not UDP's ports.
      assert.equal(rig.inject(family === 4 ? udp4(1, id, data) : udp6(1, id, data)), DROP_NO_SOCKET);
    });

    test(`${name}: nothing but a whole echo request goes out; errors about it come back`, () => {
      const rig = new Rig();
      const { udp } = rig;
      const h = udp.open({ family, protocol: 'icmp' });
      for (const bad of [
        [request, 0, 0, 0, 0, 0, 0],
        [reply, 0, 0, 0, 0, 0, 0, 0],
        [request, 1, 0, 0, 0, 0, 0, 0],
        [3, 0, 0, 0, 0, 0, 0, 0],
      ]) {
        assert.equal(send(udp, h, Uint8Array.from(bad), peer, 0), -EINVAL);
      }
      assert.equal(udp.connect(h, ...words(peer), 0), 0);
      const message = Uint8Array.from([request, 0, 0, 0, 0, 0, 0, 1]);
      assert.equal(udp.send(h, message, 0, 8, 0, 0, 0, 0, 0), 8);
      const [sent] = rig.take();
      assert.equal(rig.inject(family === 4 ? icmp4(3, 13, 0, sent!) : icmp6(1, 1, 0, sent!)), 0);
      assert.equal(udp.takeError(h), family === 4 ? EHOSTUNREACH : 13);
      const large = new Uint8Array(65000);
      large[0] = request;
      assert.equal(udp.send(h, large, 0, large.length, 0, 0, 0, 0, 0), 65000);
      assert.equal(readSummed(reassemble(rig.take())).payload.length, 65000);
      rig.assertNothingHeld();
    });
  }
});
