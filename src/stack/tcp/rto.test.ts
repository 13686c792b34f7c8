// The retransmission timer to the microsecond (RFC 6298), and when it gives up (RFC 9293 section 3.8.3).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EHOSTUNREACH, ETIMEDOUT } from '../../base/errno.ts';
import { READY_ERROR } from './flags.ts';
import { Peer, type ProbeOptions } from './probe.test-support.ts';
import type { Fields } from './segments.test-support.ts';

const SECOND = 1_000_000;

/** The next segment comes after exactly `us`, not before. */
function after(p: Peer, us: number, flags: string, f: Parameters<Peer['expect']>[1]): void {
  p.advance(us - 1);
  p.expectNothing();
  p.advance(1);
  p.expect(flags, f);
  p.expectNothing();
}

/** An active open whose SYN-ACK takes `rtt` us. */
function opened(rtt: number, f: Fields = { mss: 1460 }, o: ProbeOptions = {}): Peer {
  const p = new Peer(o);
  p.connect();
  p.advance(rtt);
  p.inject('SA', f);
  p.expect('A');
  return p;
}

describe('computing the RTO (section 2)', () => {
  test('before any sample it is 1 s (2.1)', () => {
    const p = new Peer();
    p.connect();
    after(p, SECOND, 'S', { seq: 0 });
  });

  test('after the first sample R: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR (2.2)', () => {
    const p = opened(300_000);
    p.write('x');
    p.expect('A');
    after(p, 900_000, 'A', { seq: 1, data: 'x' });
  });

  test('after the next: RTTVAR takes a quarter of the error, SRTT an eighth (2.3)', () => {
    const p = opened(300_000);
    p.write('x');
    p.expect('A');
    p.advance(500_000);
    p.inject('A');
    // RTTVAR = 3/4 * 150 + 1/4 * |300 - 500| = 162.5 ms, SRTT = 7/8 * 300 + 1/8 * 500 = 325 ms
    p.write('y');
    p.expect('A');
    after(p, 325_000 + 4 * 162_500, 'A', { seq: 2, data: 'y' });
  });

  test('it is at least SRTT and 200 ms, and at most 120 s (2.4, 2.5)', () => {
    const quick = opened(1000);
    quick.write('x');
    quick.expect('A');
    after(quick, 201_000, 'A', { seq: 1 });
    const slow = opened(300_000, { mss: 1460 }, { settings: { tcpRtoMax: 2 * SECOND } });
    slow.write('x');
    slow.expect('A');
    for (const wait of [900_000, 1_800_000, 2_000_000, 2_000_000]) after(slow, wait, 'A', { seq: 1 });
  });

  test('a sample of a passive open is the time from SYN-ACK to ACK', () => {
    const p = new Peer();
    p.listen();
    p.inject('S', { mss: 1460 });
    p.expect('SA');
    p.advance(100_000);
    p.inject('A');
    p.accept();
    p.write('x');
    p.expect('A');
    after(p, 300_000, 'A', { seq: 1 });
  });

  test('each sample is of what was sent last', () => {
    for (const p of [opened(100_000), new Peer().establish()]) {
      for (let n = 0; n < 20; n++) {
        p.advance(SECOND);
        p.write('x');
        p.expect('A');
        p.advance(100_000);
        p.inject('A');
      }
      const { rtt } = p.tcp.info(p.h)!;
      assert.ok(Math.abs(rtt - 100_000) < 10_000, `${rtt}`);
    }
  });
});

describe('managing the timer (section 5)', () => {
  test('each timeout sends the first unacknowledged segment again and doubles the RTO (5.4, 5.5)', () => {
    const p = opened(100_000, { mss: 1460 }, { settings: { tcpMtuProbing: 0 } });
    p.write(3 * 1460);
    assert.equal(p.take().length, 3);
    for (const wait of [300_000, 600_000, 1_200_000, 2_400_000, 4_800_000]) {
      after(p, wait, 'A', { seq: 1, length: 1460 });
    }
  });

  test('an ACK of new data restarts it (5.3); an ACK of all stops it (5.2)', () => {
    const p = opened(100_000);
    p.write(3 * 1460);
    p.take();
    p.advance(250_000);
    p.inject('A', { ack: 1461 });
    const info = p.tcp.info(p.h)!;
    after(p, info.rto, 'A', { seq: 1461 });
    p.inject('A', { ack: 3 * 1460 + 1 });
    p.take();
    p.advance(3600 * SECOND);
    p.expectNothing();
    assert.equal(p.probe.stack.pollAt(), Infinity);
  });

  test('a duplicate ACK does not restart it', () => {
    const p = opened(100_000);
    p.write(3 * 1460);
    p.take();
    p.advance(200_000);
    p.inject('A', { ack: 1 });
    after(p, 100_000, 'A', { seq: 1 });
  });

  test('data sent while it runs does not restart it (5.1)', () => {
    const p = opened(100_000);
    p.write(1460);
    p.take();
    p.advance(200_000);
    p.write(1460);
    p.take();
    after(p, 100_000, 'A', { seq: 1 });
  });

  test('what was sent twice gives no sample, and the backoff stays until something gives one (Karn; section 3)', () => {
    const p = opened(100_000);
    p.write('x');
    p.expect('A');
    after(p, 300_000, 'A', { seq: 1 });
    p.advance(50_000);
    p.inject('A');
    assert.equal(p.tcp.info(p.h)!.rtt, 100_000);
    p.write('y');
    p.expect('A');
    after(p, 600_000, 'A', { seq: 2 });
    p.inject('A');
    p.write('z');
    p.expect('A');
    p.advance(100_000);
    p.inject('A');
    assert.equal(p.tcp.info(p.h)!.rtt, 100_000);
    p.write('w');
    p.expect('A');
    assert.equal(p.tcp.info(p.h)!.rttvar, 37_500);
    after(p, 100_000 + 4 * 50_000, 'A', { seq: 4 }); // the largest deviation of the round trip counts
  });

  test('an RTT beyond the RTO is learned, instead of sending everything twice for ever', () => {
    const p = opened(100_000);
    let twice = 0;
    for (let n = 0; n < 12; n++) {
      p.write(1000);
      p.expect('A', { length: 1000 });
      p.advance(700_000);
      twice += p.take().length;
      p.inject('A');
    }
    assert.equal(twice, 2, 'no more than the first two');
    assert.ok(p.tcp.info(p.h)!.rto > 700_000);
  });

  test('with timestamps what was sent twice gives a sample, too (RFC 7323 section 4.1)', () => {
    const p = opened(100_000, { mss: 1460, ts: 1 });
    p.ts = 1;
    p.write('x');
    p.expect('A');
    after(p, 300_000, 'A', { seq: 1 });
    p.advance(100_000);
    p.inject('A');
    assert.equal(p.tcp.info(p.h)!.rttvar, 37_500);
  });

  test('but not one that echoes nothing', () => {
    const p = opened(100_000, { mss: 1460, ts: 1 });
    p.write('x');
    p.expect('A');
    after(p, 300_000, 'A', { seq: 1 });
    p.advance(100_000);
    p.inject('A', { ts: [1, 0] });
    assert.equal(p.tcp.info(p.h)!.rto, 600_000);
  });

  test('after a lost SYN the RTO is 3 s until the first sample (5.7)', () => {
    const p = new Peer();
    p.connect();
    after(p, SECOND, 'S', { seq: 0 });
    p.inject('SA', { mss: 1460 });
    p.expect('A');
    p.write('x');
    p.expect('A');
    after(p, 3 * SECOND, 'A', { seq: 1 });
  });
});

describe('giving up (RFC 9293 section 3.8.3)', () => {
  test('SYN: six retransmissions over 63 s, then ETIMEDOUT', () => {
    const p = new Peer();
    p.connect();
    for (const wait of [1, 2, 4, 8, 16, 32]) after(p, wait * SECOND, 'S', { seq: 0, mss: 1460 });
    p.advance(64 * SECOND - 1);
    assert.equal(p.state, 'SYN-SENT');
    p.advance(1);
    assert.equal(p.ready(), READY_ERROR);
    assert.equal(p.tcp.error(p.h), ETIMEDOUT);
    p.close();
    p.expectNothing();
    p.probe.assertClean();
  });

  test('data: after tcpRetries retransmissions, which is more than 100 s with the default', () => {
    const p = opened(1000);
    const began = p.probe.now;
    p.write('x');
    p.expect('A');
    while (p.state === 'ESTABLISHED') p.advance(SECOND);
    assert.equal(p.take().length, 15);
    const lasted = (p.probe.now - began) / SECOND;
    assert.ok(lasted > 100 && lasted < 1200, `${lasted} s`);
    assert.equal(p.read(), -ETIMEDOUT);
    assert.equal(p.tcp.write(p.h, new Uint8Array(1), 0, 1), -ETIMEDOUT);
    p.close();
    p.probe.assertClean();
  });

  test('an ACK of new data starts the count again', () => {
    const p = opened(100_000, { mss: 100 }, { settings: { tcpRetries: 2 } });
    p.write(200);
    assert.equal(p.take().length, 2);
    for (const wait of [300_000, 600_000]) after(p, wait, 'A', { seq: 1 });
    p.inject('A', { ack: 101 });
    p.take();
    for (const wait of [1_200_000, 2_400_000]) after(p, wait, 'A', { seq: 101 });
    p.advance(4_800_000);
    assert.equal(p.state, 'CLOSED');
  });

  test('FIN: retransmitted like data, also by a connection that its user has closed', () => {
    const p = opened(100_000, { mss: 1460 }, { settings: { tcpRetries: 3 } });
    p.close();
    p.expect('FA', { seq: 1 });
    for (const wait of [300_000, 600_000, 1_200_000]) after(p, wait, 'FA', { seq: 1, ack: 1, length: 0 });
    p.advance(2_400_000);
    p.expectNothing();
    p.probe.assertClean();
  });

  test('data and FIN go again together, as one segment', () => {
    const p = opened(100_000);
    p.write('end');
    p.expect('A', { data: 'end' });
    p.shutdown();
    p.expect('FA', { seq: 4, length: 0 });
    after(p, 300_000, 'FA', { seq: 1, data: 'end' });
  });

  test('says what ICMP has said meanwhile (section 3.9.2.2)', () => {
    const p = opened(1000, { mss: 1460 }, { settings: { tcpRetries: 1 } });
    p.write('x');
    p.expect('A');
    p.icmp(3, 1, { seq: 1 });
    p.advance(SECOND);
    assert.equal(p.tcp.error(p.h), EHOSTUNREACH);
  });
});

test('after a timeout everything is sent again as ACKs allow; what the peer holds it acknowledges at once', () => {
  const p = opened(100_000);
  p.write(5 * 1460);
  assert.equal(p.take().length, 5);
  after(p, 300_000, 'A', { seq: 1, length: 1460 });
  p.inject('A', { ack: 1461 });
  p.expect('A', { seq: 1461, length: 1460 });
  p.expect('A', { seq: 2921, length: 1460 });
  p.expectNothing();
  p.inject('A', { ack: 5 * 1460 + 1 });
  p.expectNothing();
  assert.equal(p.tcp.unacked(p.h), 0);
});

test('an ACK that comes with the timeout in one pass is not followed by a retransmission of nothing', () => {
  const p = opened(100_000);
  p.shutdown();
  p.expect('FA', { seq: 1 });
  p.probe.now += 300_000;
  p.inject('A');
  assert.equal(p.state, 'FIN-WAIT-2');
  p.expectNothing();
});
