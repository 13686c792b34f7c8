// Tests of udp.ts and its parts: which socket gets what, queues, sending, errors, binding, groups, ping sockets.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16, put16 } from '../base/bytes.ts';
import {
  DROP_BAD_CHECKSUM,
  DROP_BAD_LENGTH,
  DROP_ICMP_QUOTE,
  DROP_MALFORMED,
  DROP_NO_MEMORY,
  DROP_NO_SOCKET,
  DROP_SHORT,
  DROP_SOCKET_FULL,
} from '../base/drop.ts';
import {
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  EDESTADDRREQ,
  EHOSTUNREACH,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOMEM,
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
  RecordingLink,
  Rig,
  read,
  readSummed,
  reassemble,
  receive,
  send,
  udp4,
  udp6,
  udpBytes,
  words,
} from './ip-rig.test-support.ts';
import { UDP_ERROR, UDP_READABLE, UDP_WRITABLE, type Udp, type UdpEndpoints } from './udp.ts';
import {
  UDP_OPTION_DONT_FRAGMENT,
  UDP_OPTION_RECEIVE_BUFFER,
  UDP_OPTION_TRAFFIC_CLASS,
  UDP_OPTION_TTL,
} from './udp-options.ts';

const data = pattern(20);

function bound(udp: Udp, address: string, port: number, o: { family?: 4 | 6; ipv6Only?: boolean } = {}): number {
  const h = udp.open({ family: o.family ?? (address.includes(':') ? 6 : 4), ipv6Only: o.ipv6Only ?? false });
  assert.equal(udp.bind(h, ...words(address), port), 0, `${address} ${port}`);
  return h;
}

function ends(udp: Udp, h: number): UdpEndpoints {
  const e = {
    local0: 0,
    local1: 0,
    local2: 0,
    local3: 0,
    localPort: 0,
    remote0: 0,
    remote1: 0,
    remote2: 0,
    remote3: 0,
    remotePort: 0,
    iface: 0,
  };
  assert.ok(udp.endpoints(h, e));
  return e;
}

/** Who of the sockets has something: their positions. */
function got(udp: Udp, sockets: readonly number[]): number[] {
  const out: number[] = [];
  sockets.forEach((h, i) => {
    while (typeof receive(udp, h) !== 'number') out.push(i);
  });
  return out;
}

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
