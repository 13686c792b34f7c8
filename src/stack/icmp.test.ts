// Tests of icmp.ts, icmp-decode.ts and icmp-errors.ts: echoes, errors received and what they mean, errors sent and their rate.
// Run by node:test; calls the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16, get32 } from '../base/bytes.ts';
import { DROP_BAD_CHECKSUM, DROP_ICMP_QUOTE, DROP_ICMP_UNKNOWN, DROP_MALFORMED, DROP_NO_SOCKET } from '../base/drop.ts';
import {
  fragment,
  icmp4,
  icmp6,
  ip4,
  ip6,
  join,
  OWN4,
  OWN6,
  PEER4,
  PEER6,
  pattern,
  readSummed,
  udp4,
  udp6,
  words,
} from './ip-packets.test-support.ts';
import { RecordingLink, Rig } from './ip-rig.test-support.ts';
import { CONSUMED, ICMP_ERROR } from './packet.ts';

/** The quoted packet as we would have sent it: TCP from port 1000 to 80, sequence number 0x01020304. */
const TCP = Uint8Array.from([0x03, 0xe8, 0, 80, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]);
const sent4 = (protocol = 6, body = TCP, src = OWN4): Uint8Array => ip4(body, { src, dst: '192.0.2.7', protocol });
const sent6 = (next = 6, body = TCP, src = OWN6): Uint8Array => ip6(body, { src, dst: '2001:db8::7', next });

describe('echo', () => {
  for (const [name, make, reply] of [
    ['IPv4', (f = {}) => icmp4(8, 0, 0x12345678, pattern(56), f), 0],
    ['IPv6', (f = {}) => icmp6(128, 0, 0x12345678, pattern(56), f), 129],
  ] as const) {
    test(`${name}: answered with the same identifier, sequence number and data, from the address asked`, () => {
      const rig = new Rig();
      assert.equal(rig.inject(make({ tos: 0xb9, trafficClass: 0xb9 })), CONSUMED);
      const sent = rig.take();
      assert.equal(sent.length, 1);
      const r = readSummed(sent[0]!);
      assert.deepEqual([r.payload[0], r.payload[1]], [reply, 0]);
      assert.equal(get32(r.payload, 4), 0x12345678);
      assert.deepEqual(r.payload.subarray(8), pattern(56));
      assert.deepEqual(r.src, words(name === 'IPv4' ? OWN4 : OWN6));
      assert.deepEqual(r.dst, words(name === 'IPv4' ? PEER4 : PEER6));
      assert.equal(r.hopLimit, 64);
      assert.equal(r.trafficClass, 0xb8);
      rig.assertNothingHeld();
    });

    test(`${name}: a wrong checksum is dropped, unless the link vouches for it`, () => {
      const rig = new Rig();
      const bad = make();
      bad[bad.length - 1]! ^= 1;
      assert.equal(rig.inject(bad), DROP_BAD_CHECKSUM);
      assert.equal(rig.take().length, 0);
      assert.equal(rig.inject(bad, 1), CONSUMED);
      readSummed(rig.take()[0]!);
    });

    test(`${name}: can be turned off`, () => {
      const rig = new Rig({ settings: { answerEcho: false } });
      assert.equal(rig.inject(make()), DROP_ICMP_UNKNOWN);
      assert.equal(rig.take().length, 0);
    });
  }

  test('what the link has padded is not echoed', () => {
    const rig = new Rig();
    for (const ping of [icmp4(8, 0, 1, pattern(3)), icmp6(128, 0, 1, pattern(3))]) {
      rig.inject(join([ping, new Uint8Array(15)]));
      assert.equal(rig.take()[0]!.length, ping.length);
    }
  });

  test('over a loopback link the answer goes back by the same link, whatever the routes say', () => {
    const rig = new Rig();
    const lo = new RecordingLink(rig.memory, { loopback: true });
    const iface = rig.attach(lo, ['127.0.0.1/8', '10.7.0.1/24']);
    rig.routes.add({ w0: 0, w1: 0, w2: 0xffff, w3: 0, prefix: 96, iface: iface.index, metric: 9 });
    assert.equal(rig.inject(icmp4(8, 0, 1, pattern(8), { dst: '10.7.0.1' }), 0, iface.index), CONSUMED);
    assert.equal(rig.take().length, 0);
    assert.equal(rig.take(lo).length, 1);
    assert.equal(rig.inject(icmp4(8, 0, 1, pattern(8), { dst: '10.7.0.1' })), CONSUMED);
    assert.equal(rig.take().length, 1);
  });

  test('IPv4 broadcasts and groups get no answer, IPv6 groups one from a unicast address', () => {
    const rig = new Rig();
    for (const dst of ['10.0.0.255', '255.255.255.255', '224.0.0.1']) {
      assert.equal(rig.inject(icmp4(8, 0, 1, pattern(8), { dst })), DROP_ICMP_UNKNOWN);
    }
    assert.equal(rig.take().length, 0);
    assert.equal(rig.inject(icmp6(128, 0, 1, pattern(8), { dst: 'ff02::1', src: 'fe80::2' })), CONSUMED);
    assert.deepEqual(readSummed(rig.take()[0]!).src, words('fe80::1'));
    assert.equal(rig.inject(icmp6(128, 0, 1, pattern(8), { dst: 'ff02::1' })), CONSUMED);
    assert.deepEqual(readSummed(rig.take()[0]!).src, words(OWN6));
  });

  test('unknown types are dropped in silence', () => {
    const rig = new Rig();
    for (const type of [1, 2, 4, 5, 9, 10, 13, 15, 17, 30, 200]) {
      assert.equal(rig.inject(icmp4(type, 0, 0, pattern(40))), DROP_ICMP_UNKNOWN, `${type}`);
    }
    for (const type of [130, 131, 143, 200, 255]) {
      assert.equal(rig.inject(icmp6(type, 0, 0, pattern(40))), DROP_ICMP_UNKNOWN, `${type}`);
    }
    assert.equal(rig.inject(ip4(pattern(7), { protocol: 1 })), 1);
    assert.equal(rig.inject(icmp4(0, 0, 0, pattern(8))), DROP_NO_SOCKET);
    assert.equal(rig.take().length, 0);
  });
});

describe('ICMP errors received', () => {
  test('IPv4: every code of "unreachable" means what Linux says it means', () => {
    const want: [number, number, boolean][] = [
      [0, 101, false],
      [1, 113, false],
      [2, 92, true],
      [3, 111, true],
      [4, 90, false],
      [5, 95, false],
      [6, 101, true],
      [7, 112, true],
      [8, 64, true],
      [9, 101, true],
      [10, 113, true],
      [11, 101, false],
      [12, 113, false],
      [13, 113, true],
      [14, 113, true],
      [15, 113, true],
    ];
    const rig = new Rig();
    for (const [code, errno, hard] of want) {
      assert.equal(rig.inject(icmp4(3, code, 0, sent4(), { src: '198.51.100.1' })), ICMP_ERROR);
      const e = rig.icmp.error;
      assert.deepEqual([e.version, e.type, e.code, e.errno, e.hard], [4, 3, code, errno, hard]);
      assert.deepEqual([e.protocol, e.localPort, e.remotePort, e.seq], [6, 1000, 80, 0x01020304]);
      assert.deepEqual([e.local0, e.local1, e.local2, e.local3], words(OWN4));
      assert.deepEqual([e.remote0, e.remote1, e.remote2, e.remote3], words('192.0.2.7'));
      assert.deepEqual([e.from0, e.from1, e.from2, e.from3], words('198.51.100.1'));
    }
    assert.equal(rig.inject(icmp4(3, 16, 0, sent4())), DROP_MALFORMED);
    assert.equal(rig.inject(icmp4(11, 0, 0, sent4())), ICMP_ERROR);
    assert.deepEqual([rig.icmp.error.errno, rig.icmp.error.hard], [113, false]);
    assert.equal(rig.inject(icmp4(12, 0, 0, sent4())), ICMP_ERROR);
    assert.deepEqual([rig.icmp.error.errno, rig.icmp.error.hard], [71, true]);
  });

  test('IPv6: the same', () => {
    const want: [number, number, number, boolean][] = [
      [1, 0, 101, false],
      [1, 1, 13, true],
      [1, 2, 113, false],
      [1, 3, 113, false],
      [1, 4, 111, true],
      [1, 5, 13, true],
      [1, 6, 13, true],
      [1, 99, 71, false],
      [3, 0, 113, false],
      [4, 0, 71, true],
      [100, 0, 71, false],
    ];
    const rig = new Rig();
    for (const [type, code, errno, hard] of want) {
      assert.equal(rig.inject(icmp6(type, code, 0, sent6())), ICMP_ERROR);
      const e = rig.icmp.error;
      assert.deepEqual([e.version, e.type, e.code, e.errno, e.hard, e.mtu], [6, type, code, errno, hard, 0]);
      assert.deepEqual([e.protocol, e.localPort, e.remotePort, e.seq], [6, 1000, 80, 0x01020304]);
      assert.deepEqual([e.remote0, e.remote1, e.remote2, e.remote3], words('2001:db8::7'));
    }
  });

  test('path MTUs: floors, plateaus for silent routers, nonsense refused', () => {
    const rig = new Rig();
    const mtu4 = (mtu: number, quoted = sent4()): number => {
      assert.equal(rig.inject(icmp4(3, 4, mtu, quoted)), ICMP_ERROR);
      return rig.icmp.error.mtu;
    };
    assert.equal(mtu4(1400), 1400);
    assert.equal(mtu4(100), 552);
    assert.equal(mtu4(0, ip4(pattern(1480), { src: OWN4, protocol: 6 }).subarray(0, 28)), 1492);
    assert.equal(mtu4(0), 552);
    const mtu6 = (mtu: number): number => {
      const result = rig.inject(icmp6(2, 0, mtu, sent6()));
      return result === ICMP_ERROR ? rig.icmp.error.mtu : -result;
    };
    assert.equal(mtu6(1280), 1280);
    assert.equal(mtu6(1400), 1400);
    assert.equal(mtu6(1279), -DROP_MALFORMED);
    assert.equal(mtu6(0), -DROP_MALFORMED);
    assert.equal(mtu6(-1), -DROP_MALFORMED);
    assert.equal(rig.pathMtu.used, 0);
  });

  test('a quote that is cut short, not ours, or not of a packet that we send is refused', () => {
    const rig = new Rig();
    const whole4 = sent4();
    for (let n = 0; n < 28; n++) {
      assert.equal(rig.inject(icmp4(3, 3, 0, whole4.subarray(0, n))), DROP_ICMP_QUOTE, `${n}`);
    }
    assert.equal(rig.inject(icmp4(3, 3, 0, whole4.subarray(0, 28))), ICMP_ERROR);
    const whole6 = sent6();
    for (let n = 0; n < 48; n++) {
      assert.equal(rig.inject(icmp6(1, 4, 0, whole6.subarray(0, n))), DROP_ICMP_QUOTE, `${n}`);
    }
    assert.equal(rig.inject(icmp6(1, 4, 0, whole6.subarray(0, 48))), ICMP_ERROR);
    assert.equal(rig.inject(icmp4(3, 3, 0, sent4(6, TCP, '10.0.0.9'))), DROP_ICMP_QUOTE);
    assert.equal(rig.inject(icmp6(1, 4, 0, sent6(6, TCP, 'fd00::9'))), DROP_ICMP_QUOTE);
    assert.equal(rig.inject(icmp4(3, 3, 0, sent4(47))), DROP_ICMP_QUOTE);
    assert.equal(rig.inject(icmp4(3, 3, 0, sent4(1, Uint8Array.from([0, 0, 0, 0, 0, 1, 0, 1])))), DROP_ICMP_QUOTE);
    assert.equal(rig.inject(icmp4(3, 3, 0, sent4(58, Uint8Array.from([128, 0, 0, 0, 0, 1, 0, 1])))), DROP_ICMP_QUOTE);
    assert.equal(rig.inject(icmp4(3, 3, 0, ip4(TCP, { src: OWN4, offset: 8, protocol: 6 }))), DROP_ICMP_QUOTE);
    const later = fragment(ip6(pattern(3000), { src: OWN6 }), 1024)[1]!;
    assert.equal(rig.inject(icmp6(1, 4, 0, later)), DROP_ICMP_QUOTE);
    const first = fragment(ip6(join([TCP, pattern(3000)]), { src: OWN6, next: 6 }), 1024)[0]!;
    assert.equal(rig.inject(icmp6(1, 4, 0, first)), ICMP_ERROR);
    assert.equal(rig.icmp.error.localPort, 1000);
    assert.equal(rig.core.counters.get('icmp_errors_sent'), 0);
  });

  test('a quoted header with options is stepped over', () => {
    const rig = new Rig();
    const quoted = ip4(TCP, { src: OWN4, protocol: 6, options: [1, 1, 1, 1, 1, 1, 1, 0] });
    assert.equal(rig.inject(icmp4(3, 3, 0, quoted)), ICMP_ERROR);
    assert.deepEqual([rig.icmp.error.localPort, rig.icmp.error.remotePort], [1000, 80]);
    assert.equal(rig.inject(icmp4(3, 3, 0, quoted.subarray(0, 35))), DROP_ICMP_QUOTE);
  });
});

describe('ICMP errors sent', () => {
  test('at most the burst at once, then one each hundredth of a second, exactly', () => {
    const rig = new Rig({ settings: { icmpErrorsPerSecond: 100, icmpErrorBurst: 50 } });
    const provoke = (n: number): number => {
      for (let i = 0; i < n; i++) rig.inject(udp4(1, 99, pattern(8)));
      return rig.take().length;
    };
    assert.equal(provoke(80), 50);
    assert.equal(rig.core.counters.get('icmp_errors_suppressed'), 30);
    rig.pass(9_999);
    assert.equal(provoke(3), 0);
    rig.pass(1);
    assert.equal(provoke(3), 1);
    rig.pass(100_000);
    assert.equal(provoke(30), 10);
    rig.pass(10_000_000);
    assert.equal(provoke(80), 50);
    const none = new Rig({ settings: { icmpErrorsPerSecond: 0 } });
    none.inject(udp4(1, 99, pattern(8)));
    assert.equal(none.take().length, 0);
  });

  test('never about errors, groups, sources that are nobody, or later fragments', () => {
    const rig = new Rig();
    const p = rig.core.packet;
    for (const body of [
      ip4(pattern(40), { protocol: 200, dst: '10.0.0.255' }),
      ip4(pattern(40), { protocol: 200, dst: '224.0.0.1' }),
      ip6(pattern(40), { next: 200, dst: 'ff02::1' }),
      udp4(1, 99, pattern(8), { dst: '255.255.255.255' }),
      udp6(1, 99, pattern(8), { dst: 'ff02::1' }),
    ]) {
      assert.ok(rig.inject(body) > 0);
      assert.equal(rig.take().length, 0);
    }
    // Directly: the rules themselves.
    const ask = (packet: Uint8Array, change: (q: typeof p) => void = () => {}): number => {
      rig.inject(packet);
      rig.take();
      const at = rig.memory.frames.alloc(packet.length);
      rig.core.u8.set(packet, at + 128);
      p.l3 = at + 128;
      p.end = p.l3 + packet.length;
      change(p);
      rig.errors.send(p, p.version === 4 ? 3 : 1, 3, 0);
      rig.memory.frames.free(at);
      return rig.take().length;
    };
    const ok4 = udp4(1, 99, pattern(8));
    assert.equal(ask(ok4), 1);
    assert.equal(
      ask(ok4, (q) => (q.linkGroup = true)),
      0,
    );
    p.linkGroup = false;
    assert.equal(ask(ip4(pattern(8), { offset: 8 })), 0);
    for (const type of [3, 4, 5, 11, 12]) assert.equal(ask(icmp4(type, 0, 0, pattern(8))), 0, `${type}`);
    assert.equal(ask(icmp4(8, 0, 0, pattern(8))), 1);
    assert.equal(ask(udp6(1, 99, pattern(8))), 1);
    for (const type of [1, 2, 3, 4, 100, 137]) assert.equal(ask(icmp6(type, 0, 0, pattern(48))), 0, `${type}`);
    assert.equal(ask(icmp6(128, 0, 0, pattern(8))), 1);
  });

  test('quotes as much of the packet as fits 576 bytes', () => {
    const rig = new Rig();
    const packet = udp4(1, 99, pattern(1000));
    rig.inject(packet);
    const [error] = rig.take();
    assert.equal(error!.length, 576);
    const r = readSummed(error!);
    assert.deepEqual(r.payload.subarray(8), packet.subarray(0, 548));
    assert.equal(r.df, false);
    rig.inject(udp4(1, 99, pattern(3)));
    assert.equal(rig.take()[0]!.length, 20 + 8 + 31);
    assert.equal(get16(r.payload, 4), 0);
  });
});
