// Opening a connection: passive, active, simultaneous, refused (RFC 9293 sections 3.5 and 3.10.7.1 to 3.10.7.4).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EADDRINUSE, ECONNREFUSED, EINVAL, ENETUNREACH } from '../../base/errno.ts';
import { pattern } from '../pair.test-support.ts';
import { READY_ACCEPT, READY_CONNECTED, READY_ERROR, READY_READ } from './flags.ts';
import { Peer } from './probe.test-support.ts';
import { tcpPacket } from './segments.test-support.ts';

for (const v6 of [false, true]) {
  describe(`over ${v6 ? 'IPv6' : 'IPv4'}`, () => {
    test('a passive open answers SYN with SYN-ACK and is established by the ACK (section 3.5, figure 6)', () => {
      const p = new Peer({ v6 });
      p.listen();
      p.inject('S', { mss: 1400 });
      const synAck = p.expect('SA', { seq: 0, ack: 1, length: 0 });
      assert.equal(synAck.ttl, 64);
      assert.equal(p.accept(), 0, 'nothing to accept before the handshake is over');
      p.inject('A');
      p.expectNothing();
      assert.equal(p.tcp.nextReady(), p.listener);
      assert.equal(p.tcp.readyFlags, READY_ACCEPT);
      assert.ok(p.accept() > 0);
      assert.equal(p.state, 'ESTABLISHED');
      const ends = p.endpoints();
      assert.deepEqual([ends.localPort, ends.remotePort, ends.iface], [80, 5555, 1]);
      assert.deepEqual([ends.local2, ends.local3, ends.remote3], v6 ? [0, 1, 2] : [0xffff, 0x0a000001, 0x0a000002]);
    });

    test('an active open sends SYN, and ACK for the SYN-ACK (section 3.5, figure 6)', () => {
      const p = new Peer({ v6 });
      p.connect();
      assert.equal(p.state, 'SYN-SENT');
      p.inject('SA', { mss: 1400 });
      p.expect('A', { seq: 1, ack: 1, length: 0 });
      p.expectNothing();
      assert.equal(p.state, 'ESTABLISHED');
      assert.equal(p.ready(), READY_CONNECTED);
    });

    test('a SYN to a port without a listener is answered with RST, ACK (section 3.10.7.1)', () => {
      const p = new Peer({ v6 });
      p.inject('S');
      p.expect('RA', { ack: 1, win: 0 });
      p.probe.assertClean();
    });

    test('data written before the handshake is over follows it at once', () => {
      const p = new Peer({ v6 });
      p.connect();
      assert.equal(p.write('hello'), 5);
      p.expectNothing();
      p.inject('SA', { mss: 1400 });
      p.expect('A', { seq: 1, ack: 1, data: 'hello' });
    });
  });
}

test('with no connection, a segment with ACK is answered <SEQ=SEG.ACK><CTL=RST>, one without <SEQ=0><ACK=SEG.SEQ+SEG.LEN> (section 3.10.7.1)', () => {
  const p = new Peer();
  p.inject('A', { seq: 77, ack: 1234 });
  assert.equal(p.expect('R').seq, 1234);
  p.inject('FA', { seq: 77, ack: 99 });
  assert.equal(p.expect('R').seq, 99);
  p.inject('', { seq: 77, data: 'abc' });
  assert.equal(p.expect('RA', { ack: 80 }).seq, 0);
  p.inject('FP', { seq: 77, data: 'abc' });
  p.expect('RA', { ack: 81 });
  p.inject('R', { seq: 77 });
  p.inject('RA', { seq: 77 });
  p.expectNothing();
});

test('the ACK that ends the handshake may carry data and FIN (section 3.10.7.4)', () => {
  const p = new Peer();
  p.listen();
  p.inject('S', { mss: 1460 });
  p.expect('SA');
  p.inject('FA', { data: 'all' });
  p.expect('A', { seq: 1, ack: 5 });
  p.accept();
  assert.equal(p.state, 'CLOSE-WAIT');
  assert.ok(p.ready() & READY_READ, 'news from before accept() are told after it');
  assert.equal(p.readText(), 'all');
  assert.equal(p.readText(), 0);
});

test('an old duplicate SYN is undone by the RST that answers our SYN-ACK (section 3.5, figure 8)', () => {
  const p = new Peer();
  p.listen();
  p.inject('S', { seq: 0, mss: 1460 });
  p.expect('SA', { ack: 1 });
  p.inject('R', { seq: 1 });
  assert.equal(p.tcp.used, 1, 'the row of the old SYN is gone');
  p.inject('S', { seq: 400, mss: 1460 });
  p.expect('SA', { ack: 401 });
  p.inject('A', { seq: 401 });
  assert.ok(p.accept() > 0);
});

test('SYN-RECEIVED: the SYN again brings the SYN-ACK again, also when it carries data', () => {
  const p = new Peer();
  p.listen();
  p.inject('S', { seq: 0, mss: 1460 });
  p.expect('SA', { seq: 0, ack: 1 });
  p.inject('S', { seq: 0, mss: 1460 });
  p.expect('SA', { seq: 0, ack: 1 });
  p.inject('S', { seq: 0, mss: 1460, data: 'early' });
  p.expect('SA', { seq: 0, ack: 1 });
  p.inject('A', { seq: 1 });
  assert.ok(p.accept() > 0);
});

test('SYN-RECEIVED: an unacceptable segment is answered with an ACK (section 3.10.7.4, first)', () => {
  const p = new Peer();
  p.listen();
  p.inject('S', { seq: 0, mss: 1460 });
  p.expect('SA');
  p.inject('A', { seq: 70_000, data: 'x' });
  p.expect('A', { seq: 1, ack: 1 });
  p.expectNothing();
});

test('SYN-RECEIVED: an ACK of what was not sent is answered with RST, and the handshake goes on (section 3.10.7.4, fifth)', () => {
  const p = new Peer();
  p.listen();
  p.inject('S', { mss: 1460 });
  p.expect('SA');
  for (const ack of [0, 2, 5000]) {
    p.inject('A', { ack });
    assert.equal(p.expect('R').seq, ack);
  }
  p.inject('A', { ack: 1 });
  assert.ok(p.accept() > 0);
});

test('SYN-RECEIVED of a passive open: RST and SYN in the window return to LISTEN (section 3.10.7.4, second and fourth)', () => {
  const p = new Peer();
  p.listen();
  for (const flags of ['R', 'S'] as const) {
    p.inject('S', { seq: 0, mss: 1460 });
    p.expect('SA');
    p.inject(flags, { seq: 1 });
    assert.equal(p.tcp.used, 1);
  }
  p.inject('S', { seq: 0 });
  p.expect('SA');
  p.inject('A', { seq: 1 });
  assert.ok(p.accept() > 0, 'the listener works on');
});

test('LISTEN: RST is ignored, ACK answered with RST, others dropped (section 3.10.7.2)', () => {
  const p = new Peer();
  p.listen();
  p.inject('R');
  p.inject('RA');
  p.inject('SR');
  p.inject('', { data: 'x' });
  p.inject('F', {});
  p.expectNothing();
  p.inject('A', { ack: 321 });
  assert.equal(p.expect('R').seq, 321);
  p.inject('SA', { ack: 322 });
  assert.equal(p.expect('R').seq, 322);
  assert.equal(p.tcp.used, 1);
});

describe('SYN-SENT (section 3.10.7.3)', () => {
  test('an ACK outside ISS < SEG.ACK <= SND.NXT is answered with RST, and the SYN stands', () => {
    const p = new Peer();
    p.connect();
    for (const ack of [0, 2, -5]) {
      p.inject('SA', { seq: 0, ack });
      assert.equal(p.expect('R').seq, ack);
      p.inject('A', { seq: 0, ack });
      assert.equal(p.expect('R').seq, ack);
      p.inject('RA', { seq: 0, ack });
      p.expectNothing();
    }
    assert.equal(p.state, 'SYN-SENT');
    p.inject('SA', { seq: 0, ack: 1 });
    p.expect('A');
    assert.equal(p.state, 'ESTABLISHED');
  });

  test('RST with an acceptable ACK refuses the connection; without ACK it is dropped', () => {
    const p = new Peer();
    p.connect();
    p.inject('R', { seq: 0 });
    assert.equal(p.state, 'SYN-SENT');
    p.inject('RA', { seq: 0, ack: 1 });
    assert.equal(p.state, 'CLOSED');
    assert.equal(p.ready(), READY_ERROR);
    assert.equal(p.tcp.error(p.h), ECONNREFUSED);
    assert.equal(p.tcp.error(p.h), 0, 'asked for once');
    p.close();
    p.probe.assertClean();
  });

  test('what has neither SYN nor RST is dropped', () => {
    const p = new Peer();
    p.connect();
    p.inject('A', { ack: 1, data: 'x' });
    p.inject('FA', { ack: 1 });
    p.inject('', {});
    p.expectNothing();
    assert.equal(p.state, 'SYN-SENT');
  });

  test('text and FIN on a SYN-ACK are left to be sent again', () => {
    const p = new Peer();
    p.connect();
    p.inject('SFA', { seq: 0, ack: 1, data: 'text' });
    p.expect('A', { ack: 1 });
    assert.equal(p.state, 'ESTABLISHED');
    p.inject('FA', { seq: 1, data: 'text' });
    p.expect('A', { ack: 6 });
    assert.equal(p.readText(), 'text');
  });
});

describe('simultaneous open (section 3.5, figure 7)', () => {
  const cross = (): Peer => {
    const p = new Peer();
    p.connect();
    p.inject('S', { seq: 0, mss: 1000 });
    p.expect('SA', { seq: 0, ack: 1 });
    assert.equal(p.state, 'SYN-RECEIVED');
    return p;
  };

  test("the peer's SYN-ACK, which repeats its SYN, establishes it", () => {
    const p = cross();
    p.inject('SA', { seq: 0, ack: 1 });
    p.expect('A', { seq: 1, ack: 1 });
    assert.equal(p.state, 'ESTABLISHED');
    assert.equal(p.ready(), READY_CONNECTED);
    p.advance(10_000_000);
    p.expectNothing();
  });

  test('and so does an ACK alone', () => {
    const p = cross();
    p.inject('A', { seq: 1 });
    assert.equal(p.state, 'ESTABLISHED');
    assert.equal(p.write(2000), 2000);
    p.expect('A', { seq: 1, length: 1000 });
  });

  test('two ends that answer SYN-ACK with SYN-ACK would do so for ever: they do not', () => {
    const p = cross();
    for (let n = 0; n < 3; n++) p.inject('SA', { seq: 0, ack: 1 });
    assert.deepEqual(
      p.take().filter((s) => s.flags.includes('S')),
      [],
    );
  });

  test('a reset refuses it; a bad ACK is answered with a reset', () => {
    const p = cross();
    p.inject('SA', { seq: 0, ack: 7 });
    assert.equal(p.expect('R').seq, 7);
    assert.equal(p.state, 'SYN-RECEIVED');
    p.inject('R', { seq: 1 });
    assert.equal(p.tcp.error(p.h), ECONNREFUSED);
    p.close();
    p.probe.assertClean();
  });

  test('closed in SYN-RECEIVED, a FIN follows the handshake (section 3.10.4)', () => {
    const p = cross();
    p.close();
    p.expectNothing();
    p.inject('A', { seq: 1 });
    p.expect('FA', { seq: 1 });
  });
});

test('a half-open connection is found out by the SYN of a peer that has restarted (section 3.5.1, figure 9)', () => {
  const p = new Peer().establish();
  p.inject('S', { seq: 100_000_000 });
  const ack = p.expect('A', { seq: 1, ack: 1 });
  p.inject('R', { seq: ack.ack });
  assert.equal(p.state, 'CLOSED');
});

test('connect() refuses what cannot be', () => {
  const p = new Peer();
  const { tcp } = p;
  assert.equal(tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0, 80, 0), -ENETUNREACH);
  assert.equal(tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000002, 0, 0), -EINVAL);
  assert.equal(tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000002, 65536, 0), -EINVAL);
  assert.equal(tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x08080808, 80, 0), -ENETUNREACH);
  assert.ok(tcp.connect(0, 0, 0, 0, 1000, 0, 0, 0xffff, 0x0a000002, 80, 0) > 0);
  assert.equal(tcp.connect(0, 0, 0, 0, 1000, 0, 0, 0xffff, 0x0a000002, 80, 0), -EADDRINUSE);
  assert.ok(tcp.connect(0, 0, 0, 0, 1000, 0, 0, 0xffff, 0x0a000002, 81, 0) > 0);
  assert.equal(tcp.used, 2);
  assert.equal(tcp.read(12345, pattern(1), 0, 1), -9);
});

test('a SYN to a broadcast or multicast address is not answered (section 3.9.2.3)', () => {
  const p = new Peer();
  p.listen();
  for (const to of [
    [10, 0, 0, 255],
    [255, 255, 255, 255],
    [224, 0, 0, 1],
  ] as const) {
    p.probe.deliver(tcpPacket([10, 0, 0, 2], to, [5555, 80], 2, 0, 0, new Uint8Array(0), {}));
  }
  assert.deepEqual(p.probe.sent, []);
  assert.equal(p.tcp.used, 1);
});

test('segments with a bad checksum, to a group or cut short change nothing (sections 3.1, 3.9.2.3)', () => {
  const p = new Peer();
  p.listen();
  const flip = (at: number): void => {
    const packet = p.packet('S', { seq: 0, mss: 1460 });
    packet[at]! ^= 1;
    p.probe.deliver(packet);
  };
  for (const at of [20, 24, 33, 40]) flip(at);
  const whole = p.packet('S', { seq: 0, mss: 1460 });
  for (let n = 20; n < 40; n++) {
    const part = whole.slice(0, n);
    part[3] = n;
    p.probe.deliver(part);
  }
  p.expectNothing();
  assert.equal(p.tcp.used, 1);
});
