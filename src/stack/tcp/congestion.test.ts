// NewReno, and loss recovery with peers that have no SACK (RFC 5681, 6582, 6928, 3042, 9937).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer, type ProbeOptions } from './probe.test-support.ts';

const MSS = 1460;
/** The RTO after a handshake that took no time: 1 us, and the least deviation (tcpRtoMin). */
const RTO = 200_001;

/** A connection whose peer has a large window, with `bytes` written. */
function sending(bytes: number, mss: number = MSS, o: ProbeOptions = {}): Peer {
  const p = new Peer({ ...o, settings: { tcpCongestion: 'newreno', ...o.settings } }).establish({ mss, ws: 7 });
  assert.equal(p.write(bytes), bytes);
  return p;
}

/** Segments of the stack's data by number, as the peer counts them. */
function segments(p: Peer, mss: number = MSS): number[] {
  return p.take().map((s) => (s.seq - 1) / mss);
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const cwnd = (p: Peer): number => p.tcp.info(p.h)!.cwnd / MSS;
const ssthresh = (p: Peer): number => p.tcp.info(p.h)!.ssthresh / MSS;
/** Acknowledges segments up to, not including, `n`. */
const ack = (p: Peer, n: number): void => p.inject('A', { ack: n * MSS + 1 });

describe('the initial window (RFC 6928 section 2)', () => {
  for (const [mss, mtu, count] of [
    [536, 1500, 10],
    [1460, 1500, 10],
    [2900, 9000, 5],
    [8960, 9000, 2],
  ] as const) {
    test(`MSS ${mss}: ${count} segments`, () => {
      const p = sending(100_000, mss, { mtu });
      assert.deepEqual(segments(p, mss), range(0, count));
    });
  }

  test('is one segment after a lost SYN or SYN-ACK (RFC 5681 section 3.1)', () => {
    const p = new Peer();
    p.connect();
    p.advance(1_000_000);
    p.expect('S');
    p.inject('SA', { mss: MSS });
    p.expect('A');
    p.write(10_000);
    assert.deepEqual(segments(p), [0]);
  });
});

describe('slow start and congestion avoidance (RFC 5681 section 3.1)', () => {
  test('below ssthresh the window grows by what is acknowledged', () => {
    const p = sending(200_000);
    assert.deepEqual(segments(p), range(0, 10));
    ack(p, 2);
    assert.deepEqual(segments(p), range(10, 14));
    ack(p, 10);
    assert.equal(cwnd(p), 20);
    assert.deepEqual(segments(p), range(14, 30));
  });

  test('above it by one segment for each window acknowledged', () => {
    const p = sending(400_000);
    segments(p);
    p.advance(RTO);
    let next = 10;
    for (const n of [10, 12]) ack(p, n);
    next = 12;
    while (cwnd(p) < ssthresh(p)) ack(p, ++next);
    assert.equal(cwnd(p), 5);
    for (const window of [5, 6, 7]) {
      for (let n = 1; n <= window; n++) {
        assert.equal(cwnd(p), window);
        ack(p, ++next);
      }
    }
    assert.equal(cwnd(p), 8);
  });

  test('slow start ends at ssthresh, however much an ACK acknowledges', () => {
    const p = sending(400_000);
    segments(p);
    p.advance(RTO);
    assert.deepEqual(segments(p), [0], 'a timeout');
    assert.deepEqual([cwnd(p), ssthresh(p)], [1, 5]);
    ack(p, 10);
    assert.equal(cwnd(p), 2, 'one segment for an ACK of what arrived before the timeout (RFC 3465 section 2.3)');
    assert.deepEqual(segments(p), range(10, 12));
    ack(p, 12);
    segments(p);
    assert.equal(cwnd(p), 4);
    ack(p, 16);
    assert.equal(cwnd(p), 5, 'not 8');
  });

  test('a window that is not used does not grow', () => {
    const p = sending(100);
    for (let n = 0; n < 50; n++) {
      p.take();
      p.inject('A');
      p.write(100);
    }
    assert.equal(cwnd(p), 10);
  });

  test('after an idle time longer than the RTO it comes down to the initial one (section 4.1)', () => {
    const p = sending(60 * MSS);
    segments(p);
    ack(p, 10);
    segments(p);
    ack(p, 30);
    segments(p);
    ack(p, 60);
    assert.equal(cwnd(p), 70);
    p.advance(100_000);
    p.write(MSS);
    assert.equal(cwnd(p), 70);
    segments(p);
    p.inject('A');
    p.advance(300_000);
    p.write(MSS);
    assert.equal(cwnd(p), 35, 'it halves for each RTO');
    segments(p);
    p.inject('A');
    p.advance(3_000_000);
    p.write(100 * MSS);
    assert.deepEqual(segments(p), range(62, 72));
  });
});

describe('fast retransmit and fast recovery (RFC 5681 section 3.2, RFC 6582 section 3.2)', () => {
  test('the first two duplicate ACKs let a new segment out each, the third sends the missing one', () => {
    const p = sending(200_000);
    segments(p);
    ack(p, 0);
    assert.deepEqual(segments(p), [10]);
    ack(p, 0);
    assert.deepEqual(segments(p), [11]);
    assert.equal(cwnd(p), 10, 'limited transmit does not change the window (RFC 3042)');
    ack(p, 0);
    assert.deepEqual(segments(p), [0]);
    assert.equal(ssthresh(p), 5);
  });

  test('each two of the others let one segment out, until as much is in flight as shall be; then each one (RFC 9937)', () => {
    const p = sending(400_000);
    segments(p);
    for (let n = 0; n < 3; n++) ack(p, 0);
    segments(p);
    const out = [];
    for (let n = 0; n < 8; n++) {
      ack(p, 0); // of 12 sent one is missing
      out.push(segments(p).length);
    }
    assert.deepEqual(out, [0, 1, 0, 1, 0, 0, 1, 1]);
    ack(p, 12);
    assert.equal(cwnd(p), 5, 'recovery ends at ssthresh');
    assert.deepEqual(segments(p), [16], 'four are in flight');
  });

  test('a partial ACK sends the next missing one', () => {
    const p = sending(400_000);
    segments(p);
    for (let n = 0; n < 3; n++) ack(p, 0);
    assert.deepEqual(segments(p), [10, 11, 0]);
    ack(p, 3);
    assert.equal(segments(p)[0], 3);
    ack(p, 4);
    assert.equal(segments(p)[0], 4);
    ack(p, 12);
    assert.equal(cwnd(p), 5);
  });

  test('only the first partial ACK restarts the timer: many holes end in a timeout (the impatient variant)', () => {
    const p = sending(400_000);
    segments(p);
    p.advance(100_000);
    for (let n = 0; n < 3; n++) ack(p, 0);
    segments(p);
    p.advance(50_000);
    ack(p, 1);
    assert.deepEqual(segments(p), [1]);
    const rto = p.tcp.info(p.h)!.rto;
    p.advance(rto / 2);
    ack(p, 2);
    assert.deepEqual(segments(p), [2]);
    p.advance(rto / 2 - 1);
    assert.deepEqual(segments(p), []);
    p.advance(1);
    assert.deepEqual(segments(p), [2]);
    assert.equal(cwnd(p), 1);
  });

  test('one reduction a window: duplicate ACKs for what an earlier recovery covered do not start another', () => {
    const p = sending(400_000);
    segments(p);
    p.advance(RTO);
    assert.deepEqual(segments(p), [0]);
    const before = ssthresh(p);
    for (let n = 0; n < 5; n++) ack(p, 0);
    assert.deepEqual(segments(p), [], 'they are answers to what was sent before the timeout');
    ack(p, 1);
    segments(p);
    for (let n = 0; n < 5; n++) ack(p, 1);
    segments(p);
    assert.equal(ssthresh(p), before);
  });

  test('a timeout halves ssthresh once for the same data', () => {
    const p = sending(400_000, MSS, { settings: { tcpMtuProbing: 0 } });
    segments(p);
    p.advance(RTO);
    assert.deepEqual([cwnd(p), ssthresh(p)], [1, 5]);
    p.advance(2 * RTO);
    p.advance(4 * RTO);
    assert.deepEqual([cwnd(p), ssthresh(p)], [1, 5]);
  });

  test('not counted as duplicates: with data, with a new window, with nothing outstanding, a FIN (RFC 5681 section 2)', () => {
    const p = sending(20 * MSS);
    segments(p);
    for (let n = 0; n < 4; n++) p.inject('A', { ack: 1, data: 'x' });
    for (let n = 0; n < 4; n++) p.inject('A', { ack: 1, win: 60_000 + n });
    p.inject('FA', { ack: 1 });
    assert.equal(ssthresh(p) > 1000, true);
    assert.deepEqual(
      p.take().filter((s) => s.data.length > 0),
      [],
    );
    const q = new Peer().establish();
    for (let n = 0; n < 6; n++) q.inject('A');
    q.expectNothing();
    assert.equal(q.tcp.info(q.h)!.cwnd, 10 * MSS);
  });

  test('after more than 2 GiB without a loss, a loss is still found by duplicate ACKs', () => {
    // Superframes and a peer that acknowledges everything at once: 2^31 bytes in a second.
    const p = new Peer({ gso: 65535, summed: false, settings: { tcpCongestion: 'newreno' } }).establish({
      mss: MSS,
      ws: 14,
    });
    const block = new Uint8Array(1 << 20);
    let sent = 0;
    while (sent < 2 ** 31 + 2 ** 22) {
      sent += Math.max(0, p.tcp.write(p.h, block, 0, block.length));
      p.probe.settle();
      for (const s of p.probe.sent.splice(0)) p.ack = (s.seq - p.stackIss + s.data.length) | 0;
      p.inject('A');
    }
    p.tcp.write(p.h, block, 0, 20 * MSS);
    p.probe.settle();
    for (const s of p.probe.sent.splice(0)) p.ack = Math.max(p.ack, (s.seq - p.stackIss) | 0);
    const una = p.ack;
    p.inject('A', { ack: una });
    p.probe.sent.length = 0;
    for (let n = 0; n < 3; n++) p.inject('A', { ack: una });
    assert.equal(p.probe.stack.core.counters.get('tcp_fast_recoveries'), 1);
  });
});
