// Tests of udp-send.ts and udp-bind.ts: datagrams as they go out, connected sockets, errors that come back.
// Run by node:test; calls udp.ts through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16 } from '../base/bytes.ts';
import { DROP_ICMP_QUOTE, DROP_MALFORMED, DROP_NO_SOCKET } from '../base/drop.ts';
import {
  EAGAIN,
  ECONNREFUSED,
  EDESTADDRREQ,
  EHOSTUNREACH,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOTCONN,
} from '../base/errno.ts';
import {
  icmp4,
  icmp6,
  ip4,
  ip6,
  OWN4,
  OWN6,
  PEER4,
  PEER6,
  pattern,
  read,
  readSummed,
  reassemble,
  udp4,
  udp6,
  udpBytes,
  words,
} from './ip-packets.test-support.ts';
import { bound, ends, got, RecordingLink, Rig, receive, send } from './ip-rig.test-support.ts';
import { UDP_ERROR, UDP_WRITABLE } from './udp.ts';
import { UDP_OPTION_DONT_FRAGMENT, UDP_OPTION_TRAFFIC_CLASS, UDP_OPTION_TTL } from './udp-options.ts';

const data = pattern(20);

describe('UDP output', () => {
  test('a datagram as it should be, from an address and port that were chosen', () => {
    const rig = new Rig();
    for (const [family, peer, own] of [
      [4, PEER4, OWN4],
      [6, PEER6, OWN6],
      [6, '::ffff:10.0.0.2', OWN4],
    ] as const) {
      const h = rig.udp.open({ family });
      let woken = 0;
      rig.udp.onWork = () => woken++;
      assert.equal(send(rig.udp, h, data, peer, 53), 20);
      assert.equal(woken, 1);
      const r = readSummed(rig.take()[0]!);
      assert.deepEqual(r.src, words(own));
      assert.deepEqual(r.dst, words(peer));
      assert.equal(r.protocol, 17);
      assert.equal(r.df, false);
      assert.equal(get16(r.payload, 0), ends(rig.udp, h).localPort);
      assert.equal(get16(r.payload, 2), 53);
      assert.equal(get16(r.payload, 4), 28);
      assert.deepEqual(r.payload.subarray(8), data);
    }
    rig.assertNothingHeld();
  });

  test('any length from 0 to the largest, by fragments where needed', () => {
    const rig = new Rig();
    const h4 = bound(rig.udp, OWN4, 9);
    const h6 = bound(rig.udp, OWN6, 9);
    for (const n of [0, 1, 63, 64, 1400, 1472, 1473, 9000, 65507]) {
      assert.equal(send(rig.udp, h4, pattern(n), PEER4, 53), n);
      const packets = rig.take();
      const r = readSummed(packets.length === 1 ? packets[0]! : reassemble(packets));
      assert.deepEqual(r.payload.subarray(8), pattern(n));
    }
    for (const n of [0, 1452, 1453, 65527]) {
      assert.equal(send(rig.udp, h6, pattern(n), PEER6, 53), n);
      const packets = rig.take();
      const r = readSummed(packets.length === 1 ? packets[0]! : reassemble(packets));
      assert.deepEqual(r.payload.subarray(8), pattern(n));
    }
    assert.equal(send(rig.udp, h4, pattern(65508), PEER4, 53), -EMSGSIZE);
    assert.equal(send(rig.udp, h6, pattern(65528), PEER6, 53), -EMSGSIZE);
    rig.assertNothingHeld();
  });

  test('part of a buffer, and bytes that lie in the arena', () => {
    const rig = new Rig();
    const h = bound(rig.udp, OWN4, 9);
    for (const n of [10, 100]) {
      assert.equal(rig.udp.send(h, pattern(200), 7, n, ...words(PEER4), 53), n);
      assert.deepEqual(read(rig.take()[0]!).payload.subarray(8), pattern(200).subarray(7, 7 + n));
    }
    const at = rig.memory.frames.alloc(100);
    rig.core.u8.set(pattern(100), at);
    assert.equal(rig.udp.send(h, rig.core.u8, at, 100, ...words(PEER4), 53), 100);
    rig.memory.frames.free(at);
    assert.deepEqual(read(rig.take()[0]!).payload.subarray(8), pattern(100));
  });

  test('errors of addresses, families and permissions', () => {
    const rig = new Rig({ addresses: [`${OWN4}/24`, `${OWN6}/64`] });
    const h = bound(rig.udp, '0.0.0.0', 9);
    assert.equal(send(rig.udp, h, data, '192.0.2.1', 53), -ENETUNREACH);
    assert.equal(send(rig.udp, h, data, PEER4, 0), -EINVAL);
    assert.equal(send(rig.udp, h, data, PEER6, 53), -EINVAL);
    assert.equal(rig.udp.send(h, data, 0, 20, 0, 0, 0, 0, 0), -EDESTADDRREQ);
    for (const dst of ['10.0.0.255', '255.255.255.255']) {
      assert.equal(send(rig.udp, h, data, dst, 53), -13, dst);
      rig.udp.set(h, 1, 1);
      assert.equal(send(rig.udp, h, data, dst, 53), 20);
      rig.udp.set(h, 1, 0);
    }
    const only6 = bound(rig.udp, '::', 10, { ipv6Only: true });
    assert.equal(send(rig.udp, only6, data, '::ffff:10.0.0.2', 53), -ENETUNREACH);
    const own6 = bound(rig.udp, OWN6, 11);
    assert.equal(send(rig.udp, own6, data, '::ffff:10.0.0.2', 53), -ENETUNREACH);
    assert.equal(rig.take().length, 2);
    rig.assertNothingHeld();
  });

  test('options: TTL, traffic class, DF with the path MTU', () => {
    const rig = new Rig();
    const h = bound(rig.udp, '::', 9);
    assert.equal(rig.udp.get(h, UDP_OPTION_TTL), 64);
    assert.equal(send(rig.udp, h, data, PEER6, 53), 20);
    rig.udp.set(h, UDP_OPTION_TTL, 5);
    rig.udp.set(h, UDP_OPTION_TRAFFIC_CLASS, 0x28);
    assert.equal(send(rig.udp, h, data, PEER6, 53), 20);
    rig.udp.set(h, UDP_OPTION_DONT_FRAGMENT, 1);
    assert.equal(send(rig.udp, h, pattern(1472), '::ffff:10.0.0.2', 53), 1472);
    assert.equal(send(rig.udp, h, pattern(1473), '::ffff:10.0.0.2', 53), -EMSGSIZE);
    const [a, b, c] = rig.take().map(read);
    assert.deepEqual([a!.hopLimit, a!.trafficClass], [64, 0]);
    assert.deepEqual([b!.hopLimit, b!.trafficClass], [5, 0x28]);
    assert.equal(c!.df, true);
    rig.pathMtu.learn(...words(PEER4), 1000);
    assert.equal(send(rig.udp, h, pattern(973), '::ffff:10.0.0.2', 53), -EMSGSIZE);
    rig.udp.set(h, UDP_OPTION_DONT_FRAGMENT, 0);
    assert.equal(send(rig.udp, h, pattern(973), '::ffff:10.0.0.2', 53), 973);
    assert.equal(rig.take().length, 2);
    assert.equal(rig.udp.set(h, UDP_OPTION_TTL, 256), -EINVAL);
    assert.equal(rig.udp.set(h, UDP_OPTION_TTL, 1.5), -EINVAL);
    assert.equal(rig.udp.get(h, UDP_OPTION_TTL), 5);
    for (let option = 1; option <= 11; option++) assert.ok(rig.udp.get(h, option as 1) >= 0);
    assert.equal(rig.udp.set(h, 11, 1), -EINVAL);
  });

  test('sockets that take turns keep their own addresses, options and ways', () => {
    const rig = new Rig();
    rig.interfaces.addAddress(1, ...words('10.0.0.8'), 120);
    const a = bound(rig.udp, OWN4, 9);
    const b = bound(rig.udp, '10.0.0.8', 9);
    rig.udp.set(b, UDP_OPTION_TTL, 3);
    for (const h of [a, b, a, b, b]) assert.equal(send(rig.udp, h, data, PEER4, 53), 20);
    const sent = rig.take().map(read);
    assert.deepEqual(
      sent.map((r) => [r.src[3]! & 255, r.hopLimit]),
      [
        [1, 64],
        [8, 3],
        [1, 64],
        [8, 3],
        [8, 3],
      ],
    );
    assert.equal(send(rig.udp, a, data, '10.0.0.3', 53), 20);
    rig.interfaces.removeAddress(1, ...words(OWN4));
    assert.equal(send(rig.udp, b, data, '10.0.0.3', 53), 20);
    assert.deepEqual(
      rig.take().map((r) => read(r).src[3]! & 255),
      [1, 8],
    );
  });

  test('no room: -EAGAIN, and writable when there is some', () => {
    const rig = new Rig();
    const h = bound(rig.udp, '0.0.0.0', 9);
    rig.link.free = 2;
    const results = [1, 2, 3, 4].map(() => send(rig.udp, h, data, PEER4, 53));
    assert.deepEqual(results, [20, 20, -EAGAIN, -EAGAIN]);
    rig.pass();
    assert.equal(rig.udp.nextReady(), 0);
    rig.link.free = 1;
    rig.pass();
    assert.equal(rig.udp.nextReady(), h);
    assert.equal(rig.udp.readyFlags, UDP_WRITABLE);
    rig.pass();
    assert.equal(rig.udp.nextReady(), 0);
    assert.equal(send(rig.udp, h, data, PEER4, 53), 20);
    assert.equal(rig.take().length, 3);
    rig.link.free = 100;
    const held: number[] = [];
    for (let f = rig.memory.frames.alloc(100); f !== 0; f = rig.memory.frames.alloc(100)) held.push(f);
    assert.equal(send(rig.udp, h, data, PEER4, 53), -EAGAIN);
    for (const f of held) rig.memory.frames.free(f);
    rig.pass();
    assert.equal(rig.udp.nextReady(), h);
    rig.assertNothingHeld();
  });

  test('to ourselves over the loopback interface, with and without a loopback address', () => {
    const rig = new Rig();
    const lo = new RecordingLink(rig.memory, { loopback: true, mtu: 65535 });
    const iface = rig.attach(lo, ['127.0.0.1/8', '::1/128']);
    const server = bound(rig.udp, '::', 53);
    const client = rig.udp.open({ family: 6 });
    for (const to of ['::1', '::ffff:127.0.0.1', OWN6, '::ffff:10.0.0.1', '::', '0.0.0.0']) {
      assert.equal(send(rig.udp, client, pattern(40000), to, 53), 40000, to);
      for (const packet of rig.take(lo)) assert.equal(rig.inject(packet, 0, iface.index), 0);
      assert.deepEqual(receive(rig.udp, server), pattern(40000));
      const f = rig.udp.from;
      assert.equal(rig.udp.send(server, data, 0, 20, f.src0, f.src1, f.src2, f.src3, f.port), 20);
      for (const packet of rig.take(lo)) assert.equal(rig.inject(packet, 0, iface.index), 0);
      assert.deepEqual(receive(rig.udp, client), data);
    }
    assert.equal(rig.take().length, 0);
    rig.assertNothingHeld();
  });
});

describe('connected UDP sockets', () => {
  test('send without an address, hear only their peer, and can be undone', () => {
    const rig = new Rig();
    const { udp } = rig;
    const h = udp.open({ family: 6 });
    assert.equal(udp.connect(h, ...words('::ffff:10.0.0.2'), 53), 0);
    const e = ends(udp, h);
    assert.deepEqual([e.local0, e.local1, e.local2, e.local3], words(OWN4));
    assert.deepEqual([e.remote3, e.remotePort], [words(PEER4)[3], 53]);
    assert.equal(udp.send(h, data, 0, 20, 0, 0, 0, 0, 0), 20);
    assert.equal(get16(read(rig.take()[0]!).payload, 2), 53);
    assert.equal(rig.inject(udp4(53, e.localPort, data)), 0);
    assert.equal(rig.inject(udp4(54, e.localPort, data)), DROP_NO_SOCKET);
    assert.equal(rig.inject(udp4(53, e.localPort, data, { src: '10.0.0.3' })), DROP_NO_SOCKET);
    assert.equal(udp.connect(h, ...words('::ffff:10.0.0.3'), 54), 0);
    assert.equal(ends(udp, h).localPort, e.localPort);
    assert.equal(rig.inject(udp4(54, e.localPort, data, { src: '10.0.0.3' })), 0);
    assert.equal(rig.inject(udp4(53, e.localPort, data)), DROP_NO_SOCKET);
    assert.equal(udp.disconnect(h), 0);
    assert.equal(udp.disconnect(h), -ENOTCONN);
    assert.equal(ends(udp, h).local3, 0);
    assert.equal(ends(udp, h).remotePort, 0);
    assert.equal(rig.inject(udp4(1, e.localPort, data)), 0);
    assert.equal(rig.inject(udp6(1, e.localPort, data)), 0);
    assert.equal(udp.send(h, data, 0, 20, 0, 0, 0, 0, 0), -EDESTADDRREQ);
    assert.equal(udp.connect(h, ...words('::ffff:10.0.0.2'), 0), -EINVAL);
    assert.equal(udp.connect(h, ...words('::ffff:10.0.0.255'), 5), -13);
    assert.deepEqual(got(udp, [h]).length, 4);
  });

  test('a link-local peer ties the socket to its interface', () => {
    const rig = new Rig();
    const other = rig.attach(new RecordingLink(rig.memory, {}), ['fe80::1/64']);
    rig.routes.add({ w0: 0xfe800000 | 0, w1: 0, w2: 0, w3: 0, prefix: 64, iface: other.index });
    const h = rig.udp.open({ family: 6 });
    assert.equal(rig.udp.connect(h, ...words('fe80::9'), 53), -ENETUNREACH);
    assert.equal(rig.udp.connect(h, ...words('fe80::9'), 53, other.index), 0);
    const port = ends(rig.udp, h).localPort;
    assert.equal(ends(rig.udp, h).iface, other.index);
    assert.equal(rig.udp.send(h, data, 0, 20, 0, 0, 0, 0, 0), 20);
    assert.equal(rig.take().length, 0);
    assert.equal(rig.take(other.link as RecordingLink).length, 1);
    const packet = udp6(53, port, data, { src: 'fe80::9', dst: 'fe80::1' });
    assert.equal(rig.inject(packet), DROP_NO_SOCKET);
    assert.equal(rig.inject(packet, 0, other.index), 0);
    rig.udp.disconnect(h);
    assert.equal(ends(rig.udp, h).iface, 0);
  });

  test('hard ICMP errors reach them, soft ones do not, and never sockets that are not connected', () => {
    const rig = new Rig();
    const { udp } = rig;
    const h = bound(udp, OWN4, 1000);
    const free = bound(udp, OWN4, 1001);
    assert.equal(udp.connect(h, ...words(PEER4), 53), 0);
    const quote = (local: number, remote = 53): Uint8Array =>
      ip4(udpBytes(local, remote, data), { src: OWN4, dst: PEER4 });
    assert.equal(rig.inject(icmp4(3, 3, 0, quote(1000))), 0);
    assert.equal(udp.nextReady(), h);
    assert.equal(udp.readyFlags, UDP_ERROR);
    assert.equal(receive(udp, h), -ECONNREFUSED);
    assert.equal(receive(udp, h), -EAGAIN);
    rig.inject(icmp4(3, 3, 0, quote(1000)));
    assert.equal(udp.send(h, data, 0, 20, 0, 0, 0, 0, 0), -ECONNREFUSED);
    assert.equal(udp.send(h, data, 0, 20, 0, 0, 0, 0, 0), 20);
    rig.inject(icmp4(3, 3, 0, quote(1000)));
    assert.equal(udp.takeError(h), ECONNREFUSED);
    assert.equal(udp.takeError(h), 0);
    rig.inject(icmp4(3, 3, 0, quote(1000)));
    assert.equal(udp.connect(h, ...words(PEER4), 53), 0);
    assert.equal(udp.takeError(h), 0);
    for (const [type, code] of [
      [3, 0],
      [3, 1],
      [11, 0],
    ] as const) {
      assert.equal(rig.inject(icmp4(type, code, 0, quote(1000))), 0);
      assert.equal(udp.takeError(h), 0);
    }
    assert.equal(rig.inject(icmp4(3, 3, 0, quote(1001))), 0);
    assert.equal(udp.takeError(free), 0);
    assert.equal(rig.inject(icmp4(3, 3, 0, quote(1000, 99))), DROP_ICMP_QUOTE);
    assert.equal(rig.inject(icmp4(3, 3, 0, quote(1002))), DROP_ICMP_QUOTE);
    assert.equal(udp.takeError(h), 0);
    const six = bound(udp, '::', 1003, { ipv6Only: true });
    assert.equal(udp.connect(six, ...words(PEER6), 53), 0);
    assert.equal(rig.inject(icmp6(1, 4, 0, ip6(udpBytes(1003, 53, data), { src: OWN6, dst: PEER6 }))), 0);
    assert.equal(udp.takeError(six), ECONNREFUSED);
  });

  test('a path MTU is believed if the quoted ports are ours, and told where DF is asked for', () => {
    const rig = new Rig();
    const { udp } = rig;
    const h = bound(udp, OWN4, 1000);
    const quote = (port: number): Uint8Array => ip4(udpBytes(port, 53, data), { src: OWN4, dst: PEER4 });
    assert.equal(rig.inject(icmp4(3, 4, 1000, quote(999))), DROP_ICMP_QUOTE);
    assert.equal(rig.pathMtu.used, 0);
    assert.equal(rig.inject(icmp4(3, 4, 1000, quote(1000))), 0);
    assert.equal(rig.pathMtu.get(...words(PEER4)), 1000);
    assert.equal(udp.takeError(h), 0);
    assert.equal(send(udp, h, pattern(1400), PEER4, 53), 1400);
    const packets = rig.take();
    assert.equal(packets.length, 2);
    for (const p of packets) assert.ok(p.length <= 1000);
    udp.connect(h, ...words(PEER4), 53);
    udp.set(h, UDP_OPTION_DONT_FRAGMENT, 1);
    rig.inject(icmp4(3, 4, 900, quote(1000)));
    assert.equal(udp.takeError(h), EMSGSIZE);
    assert.equal(
      rig.inject(icmp6(2, 0, 1000, ip6(udpBytes(1000, 53, data), { src: OWN6, dst: PEER6 }))),
      DROP_MALFORMED,
    );
  });

  test('a next hop that does not answer is told to the connected sender', () => {
    const rig = new Rig({ caps: { medium: 'ethernet' }, addresses: ['10.0.0.1/24', 'fd00::1/64'] });
    const { udp } = rig;
    for (const peer of [PEER4, PEER6]) {
      const h = udp.open({ family: 6 });
      assert.equal(udp.connect(h, ...words(peer === PEER4 ? '::ffff:10.0.0.2' : peer), 53), 0);
      assert.equal(udp.send(h, pattern(4000), 0, 4000, 0, 0, 0, 0, 0), 4000);
      for (let i = 0; i < 3; i++) rig.pass(1_000_000);
      assert.equal(udp.nextReady(), h);
      assert.equal(udp.readyFlags, UDP_ERROR);
      assert.equal(udp.takeError(h), EHOSTUNREACH);
      assert.equal(udp.send(h, data, 0, 20, 0, 0, 0, 0, 0), -EHOSTUNREACH);
      rig.assertNothingHeld();
    }
  });
});
