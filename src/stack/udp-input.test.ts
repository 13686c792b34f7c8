// Tests of udp-input.ts, udp-queue.ts and udp-table.ts: what is delivered, to which socket, and what binding allows.
// Run by node:test; calls udp.ts through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16, put16 } from '../base/bytes.ts';
import {
  DROP_BAD_CHECKSUM,
  DROP_BAD_LENGTH,
  DROP_MALFORMED,
  DROP_NO_MEMORY,
  DROP_NO_SOCKET,
  DROP_SHORT,
  DROP_SOCKET_FULL,
} from '../base/drop.ts';
import { EAGAIN, EBADF, EINVAL, ENOMEM } from '../base/errno.ts';
import { ip4, OWN4, OWN6, PEER4, pattern, udp4, udp6, udpBytes, words } from './ip-packets.test-support.ts';
import { bound, ends, got, RecordingLink, Rig, receive, send } from './ip-rig.test-support.ts';
import { UDP_READABLE } from './udp.ts';
import { UDP_OPTION_RECEIVE_BUFFER } from './udp-options.ts';

const data = pattern(20);

describe('UDP input', () => {
  test('checks: length, checksum, zero checksum by version, port 0', () => {
    const rig = new Rig();
    const h = bound(rig.udp, '::', 53);
    const good = udp4(1000, 53, data);
    const change = (at: number, v: number, p = good): Uint8Array => {
      const q = p.slice();
      put16(q, at, v);
      return q;
    };
    assert.equal(rig.inject(change(24, 7)), DROP_BAD_LENGTH);
    assert.equal(rig.inject(change(24, 29)), DROP_BAD_LENGTH);
    assert.equal(rig.inject(ip4(new Uint8Array(7))), DROP_SHORT);
    assert.equal(rig.inject(change(26, get16(good, 26) ^ 1)), DROP_BAD_CHECKSUM);
    assert.equal(rig.inject(change(26, get16(good, 26) ^ 1), 1), 0);
    assert.equal(rig.inject(change(26, 0x1234), 2), 0);
    assert.equal(rig.inject(change(26, 0)), 0);
    assert.equal(rig.inject(change(46, 0, udp6(1000, 53, data))), DROP_BAD_CHECKSUM);
    assert.equal(rig.inject(udp4(1000, 0, data)), DROP_MALFORMED);
    assert.deepEqual(got(rig.udp, [h]), [0, 0, 0]);
    assert.equal(rig.take().length, 0);
    rig.assertNothingHeld();
  });

  test('bytes of the IP packet beyond the UDP length are not delivered', () => {
    const rig = new Rig();
    const h = bound(rig.udp, '0.0.0.0', 53);
    const bytes = udpBytes(1000, 53, data);
    put16(bytes, 4, 8 + 5);
    const packet = ip4(bytes);
    assert.equal(rig.inject(packet), 0);
    assert.deepEqual(receive(rig.udp, h), data.subarray(0, 5));
  });

  test('says who sent it, to whom, and by which interface', () => {
    const rig = new Rig();
    const h = bound(rig.udp, '::', 53);
    rig.inject(udp4(1234, 53, data, { ttl: 33, tos: 3 }));
    rig.inject(udp6(4321, 53, data.subarray(0, 4), { hopLimit: 44, src: 'fe80::7', dst: 'fe80::1' }));
    const f = rig.udp.from;
    assert.equal(rig.udp.nextLength(h), 20);
    receive(rig.udp, h);
    assert.deepEqual([f.src0, f.src1, f.src2, f.src3, f.port], [...words(PEER4), 1234]);
    assert.deepEqual([f.dst0, f.dst1, f.dst2, f.dst3, f.iface], [...words(OWN4), 1]);
    assert.deepEqual([f.hopLimit, f.trafficClass, f.length], [33, 3, 20]);
    receive(rig.udp, h);
    assert.deepEqual([f.src0, f.src1, f.src2, f.src3, f.port], [...words('fe80::7'), 4321]);
    assert.deepEqual([f.hopLimit, f.length, f.iface], [44, 4, 1]);
    assert.equal(rig.udp.nextLength(h), -EAGAIN);
    assert.equal(receive(rig.udp, h), -EAGAIN);
  });

  test('a short buffer gets the beginning, the rest is lost, the next datagram is whole', () => {
    const rig = new Rig();
    const h = bound(rig.udp, '0.0.0.0', 53);
    rig.inject(udp4(1, 53, pattern(9000).subarray(0, 1400)));
    rig.inject(udp4(1, 53, new Uint8Array(0)));
    rig.inject(udp4(1, 53, data));
    const into = new Uint8Array(100);
    assert.equal(rig.udp.receive(h, into, 10, 50), 50);
    assert.deepEqual(into.subarray(10, 60), pattern(50));
    assert.equal(into[60], 0);
    assert.equal(rig.udp.from.length, 1400);
    assert.equal(rig.udp.nextLength(h), 0);
    assert.equal(rig.udp.receive(h, into, 0, 100), 0);
    assert.deepEqual(receive(rig.udp, h), data);
    rig.assertNothingHeld();
  });

  test('the queue is bounded, empty datagrams included, and an empty queue takes any', () => {
    const rig = new Rig({ chunks: 60 });
    const h = bound(rig.udp, '0.0.0.0', 53);
    rig.udp.set(h, UDP_OPTION_RECEIVE_BUFFER, 1000);
    const results = Array.from({ length: 30 }, () => rig.inject(udp4(1, 53, new Uint8Array(0))));
    assert.equal(results.filter((r) => r === 0).length, Math.floor(1000 / 48));
    assert.equal(results.at(-1), DROP_SOCKET_FULL);
    while (receive(rig.udp, h) !== -EAGAIN);
    assert.equal(rig.inject(udp4(1, 53, pattern(1400))), 0);
    assert.equal(rig.inject(udp4(1, 53, pattern(1))), DROP_SOCKET_FULL);
    rig.udp.set(h, UDP_OPTION_RECEIVE_BUFFER, 10_000_000);
    let n = 0;
    while (rig.inject(udp4(1, 53, pattern(1400))) === 0) n++;
    assert.ok(n > 100 && n < 170);
    assert.equal(rig.core.counters.dropped(DROP_NO_MEMORY), 1);
    rig.udp.close(h);
    rig.assertNothingHeld();
  });

  test('readiness: each socket once, with all that happened; closed ones not at all', () => {
    const rig = new Rig();
    const a = bound(rig.udp, '0.0.0.0', 1);
    const b = bound(rig.udp, '0.0.0.0', 2);
    const c = bound(rig.udp, '0.0.0.0', 3);
    for (const port of [2, 1, 3, 2]) rig.inject(udp4(9, port, data));
    rig.udp.close(c);
    assert.equal(rig.udp.nextReady(), b);
    assert.equal(rig.udp.readyFlags, UDP_READABLE);
    assert.equal(rig.udp.nextReady(), a);
    assert.equal(rig.udp.nextReady(), 0);
    rig.inject(udp4(9, 2, data));
    assert.equal(rig.udp.nextReady(), b);
    assert.equal(rig.udp.nextReady(), 0);
  });
});

describe('which socket', () => {
  test('connected before bound to the address before any address; IPv6 sockets take IPv4 unless told not to', () => {
    const rig = new Rig();
    const { udp } = rig;
    const any6only = bound(udp, '::', 53, { ipv6Only: true });
    const any4 = bound(udp, '0.0.0.0', 53);
    const own4 = udp.open({ family: 4 });
    udp.set(own4, 6, 1);
    udp.set(any4, 6, 1);
    assert.equal(udp.bind(own4, ...words(OWN4), 53), 0);
    const connected = udp.open({ family: 4 });
    udp.set(connected, 6, 1);
    assert.equal(udp.bind(connected, ...words(OWN4), 53), 0);
    assert.equal(udp.connect(connected, ...words(PEER4), 777), 0);
    const all = [any6only, any4, own4, connected];
    rig.interfaces.addAddress(1, ...words('10.0.0.8'), 120);
    rig.inject(udp4(777, 53, data));
    assert.deepEqual(got(udp, all), [3]);
    rig.inject(udp4(778, 53, data));
    rig.inject(udp4(777, 53, data, { src: '10.0.0.3' }));
    assert.deepEqual(got(udp, all), [2, 2]);
    rig.inject(udp4(777, 53, data, { dst: '10.0.0.8' }));
    assert.deepEqual(got(udp, all), [1]);
    rig.inject(udp6(777, 53, data));
    assert.deepEqual(got(udp, all), [0]);
    for (const h of [own4, any4, connected]) udp.close(h);
    assert.equal(rig.inject(udp4(777, 53, data)), DROP_NO_SOCKET);
    const dual = bound(udp, '::', 54);
    rig.inject(udp4(777, 54, data));
    rig.inject(udp6(777, 54, data));
    assert.deepEqual(got(udp, [dual]), [0, 0]);
  });

  test('with address reuse the newest of equal sockets gets unicast', () => {
    const rig = new Rig();
    const sockets = [1, 2, 3].map(() => {
      const h = rig.udp.open({ family: 4 });
      rig.udp.set(h, 6, 1);
      assert.equal(rig.udp.bind(h, ...words('0.0.0.0'), 5353), 0);
      return h;
    });
    rig.inject(udp4(1, 5353, data));
    assert.deepEqual(got(rig.udp, sockets), [2]);
  });

  test('a socket of one interface hears nothing from others', () => {
    const rig = new Rig();
    const other = rig.attach(new RecordingLink(rig.memory, {}), ['10.9.0.1/24']);
    const h = rig.udp.open({ family: 4 });
    assert.equal(rig.udp.set(h, 10, other.index), 0);
    assert.equal(rig.udp.bind(h, ...words('0.0.0.0'), 53), 0);
    assert.equal(rig.inject(udp4(1, 53, data)), DROP_NO_SOCKET);
    assert.equal(rig.inject(udp4(1, 53, data, { src: '10.9.0.2', dst: '10.9.0.1' }), 0, other.index), 0);
    const wide = rig.udp.open({ family: 4 });
    rig.udp.set(wide, 6, 1);
    const narrow = rig.udp.open({ family: 4 });
    rig.udp.set(narrow, 6, 1);
    rig.udp.set(narrow, 10, 1);
    assert.equal(rig.udp.bind(narrow, ...words('0.0.0.0'), 54), 0);
    assert.equal(rig.udp.bind(wide, ...words('0.0.0.0'), 54), 0);
    got(rig.udp, [h]);
    rig.inject(udp4(1, 54, data));
    rig.inject(udp4(1, 54, data, { src: '10.9.0.2', dst: '10.9.0.1' }), 0, other.index);
    assert.deepEqual(got(rig.udp, [h, narrow, wide]), [1, 2]);
    assert.equal(rig.udp.set(h, 10, 1), -EINVAL);
    assert.equal(rig.udp.set(rig.udp.open({ family: 4 }), 10, 9), -EINVAL);
  });

  test('binding: conflicts of addresses, families and wildcards', () => {
    const rig = new Rig();
    const { udp } = rig;
    const tryBind = (address: string, port: number, o: { ipv6Only?: boolean; reuse?: boolean } = {}): number => {
      const h = udp.open({ family: address.includes(':') ? 6 : 4, ipv6Only: o.ipv6Only ?? false });
      if (o.reuse) udp.set(h, 6, 1);
      const r = udp.bind(h, ...words(address), port);
      if (r !== 0) udp.close(h);
      return r;
    };
    assert.equal(tryBind(OWN4, 1), 0);
    assert.equal(tryBind(OWN4, 1), -98);
    assert.equal(tryBind('0.0.0.0', 1), -98);
    assert.equal(tryBind('::', 1), -98);
    assert.equal(tryBind('::', 1, { ipv6Only: true }), 0);
    assert.equal(tryBind(OWN6, 1), -98);
    assert.equal(tryBind('::', 2), 0);
    assert.equal(tryBind(OWN4, 2), -98);
    assert.equal(tryBind('0.0.0.0', 3), 0);
    assert.equal(tryBind(OWN6, 3), 0);
    assert.equal(tryBind('::', 3), -98);
    assert.equal(tryBind('0.0.0.0', 4, { reuse: true }), 0);
    assert.equal(tryBind('0.0.0.0', 4), -98);
    assert.equal(tryBind('0.0.0.0', 4, { reuse: true }), 0);
    assert.equal(tryBind('10.0.0.77', 5), -99);
    assert.equal(tryBind('fd00::77', 5), -99);
    assert.equal(tryBind('10.0.0.255', 5), 0);
    assert.equal(tryBind('224.1.1.1', 5), 0);
    assert.equal(tryBind('::ffff:10.0.0.1', 6), 0);
    assert.equal(tryBind('0.0.0.0', 6), -98);
    const h = udp.open({ family: 4 });
    assert.equal(udp.bind(h, ...words(OWN6), 7), -EINVAL);
    assert.equal(udp.bind(h, ...words(OWN4), 65536), -EINVAL);
    assert.equal(udp.bind(h, ...words(OWN4), 7), 0);
    assert.equal(udp.bind(h, ...words(OWN4), 8), -EINVAL);
    udp.close(h);
    assert.equal(udp.bind(h, ...words(OWN4), 8), -EBADF);
    assert.equal(tryBind(OWN4, 7), 0);
  });

  test('automatic ports lie in the range, are free, and run out', () => {
    const rig = new Rig({ settings: { portFirst: 50000, portLast: 50009 } });
    const ports = new Set<number>();
    for (let i = 0; i < 10; i++) ports.add(ends(rig.udp, bound(rig.udp, '0.0.0.0', 0)).localPort);
    assert.equal(ports.size, 10);
    for (const p of ports) assert.ok(p >= 50000 && p <= 50009);
    const h = rig.udp.open({ family: 4 });
    rig.udp.set(h, 6, 1);
    for (const other of rig.udp.list()) rig.udp.set(other, 6, 1);
    assert.equal(rig.udp.bind(h, ...words('0.0.0.0'), 0), -98);
    assert.equal(send(rig.udp, h, data, PEER4, 9), -98);
  });

  test('the table of sockets is bounded and used again', () => {
    const rig = new Rig({ settings: { udpRows: 5 } });
    const all = [1, 2, 3, 4, 5].map((port) => bound(rig.udp, '0.0.0.0', port));
    assert.equal(rig.udp.open({ family: 4 }), -ENOMEM);
    rig.udp.close(all[2]!);
    const again = bound(rig.udp, '0.0.0.0', 3);
    assert.notEqual(again, all[2]);
    assert.equal(rig.udp.used, 5);
    assert.deepEqual([...rig.udp.list()].sort(), [all[0], all[1], again, all[3], all[4]].sort());
    rig.udp.clear();
    assert.equal(rig.udp.used, 0);
  });
});
