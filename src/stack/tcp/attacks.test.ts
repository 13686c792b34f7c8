// What a hostile peer or a stranger may try beyond blind segments: ACK division and optimistic ACKs (Savage et al. 1999; RFC 3465
// section 2.3), assassination of TIME-WAIT (RFC 1337), counting challenges (CVE-2016-5696), floods of ICMP errors (RFC 5927).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer, Probe } from './probe.test-support.ts';

const SECOND = 1_000_000;
const MSS = 1460;

const cwnd = (p: Peer): number => p.tcp.info(p.h)!.cwnd;

/** A download: the stack has more to send than it may. */
function sending(): Peer {
  const p = new Peer().establish({ mss: MSS, ws: 7 });
  assert.equal(p.write(600_000), 600_000);
  p.take();
  return p;
}

/** cwnd after `rounds` round trips of 50 ms in which everything in flight is acknowledged, as `acks` says where. */
function grown(rounds: number, acks: (from: number, to: number) => number[]): number {
  const p = sending();
  let una = 1;
  for (let n = 0; n < rounds; n++) {
    p.advance(50_000);
    const end = p.ack;
    for (const ack of acks(una, end)) p.inject('A', { ack });
    una = end;
    p.take();
  }
  return cwnd(p);
}

/** An ACK for every segment: what an honest receiver may send (RFC 5681 section 4.2). */
function honest(from: number, to: number): number[] {
  const out = [];
  for (let at = from + MSS; at < to; at += MSS) out.push(at);
  return [...out, to];
}

describe('the congestion window does not grow faster', () => {
  test('by ACK division: many ACKs for parts of a segment (RFC 5681 section 3.1, RFC 3465 section 2.3)', () => {
    const divided = (from: number, to: number): number[] => {
      const out = [];
      for (let at = from + 100; at < to; at += 100) out.push(at);
      return [...out, to];
    };
    const bytewise = (from: number, to: number): number[] => {
      const first = Array.from({ length: 1000 }, (_, i) => from + 1 + i);
      return [...first, ...honest(from + 1000, to)];
    };
    for (const rounds of [1, 3]) {
      const most = grown(rounds, honest);
      assert.ok(most > 10 * MSS, 'honest ACKs open it');
      assert.ok(grown(rounds, divided) <= most, `${rounds} rounds`);
      assert.ok(grown(rounds, bytewise) <= most, `${rounds} rounds, byte by byte`);
    }
  });

  test('by optimistic ACKs beyond what was sent: they are challenged, not counted (RFC 5961 section 5)', () => {
    const p = sending();
    const before = cwnd(p);
    for (let n = 1; n <= 50; n++) p.inject('A', { ack: p.ack + n * MSS });
    assert.equal(cwnd(p), before);
    assert.deepEqual(
      p.take().map((s) => [s.flags, s.data.length]),
      [['A', 0]],
    );
    assert.equal(p.tcp.info(p.h)!.bytesAcked, 0);
  });

  test('by optimistic ACKs of what is in flight: each byte counts once, however early', () => {
    const early = sending();
    for (let n = 0; n < 3; n++) {
      for (const ack of honest(early.ack - 10 * MSS, early.ack)) early.inject('A', { ack });
      early.take();
    }
    const { bytesAcked } = early.tcp.info(early.h)!;
    assert.ok(cwnd(early) <= 10 * MSS + bytesAcked);
  });
});

describe('TIME-WAIT assassination (RFC 1337 section 2)', () => {
  function timeWait(ts?: number): Peer {
    const p = new Peer();
    p.ts = ts;
    p.establish();
    p.close();
    p.expect('FA');
    p.inject('FA');
    p.expect('A', { ack: 2 });
    return p;
  }

  test('an old duplicate is answered, and the RST that the answer brings back ends nothing (hazards H1 to H3)', () => {
    for (const old of [
      { seq: 1, data: 'x' },
      { seq: 0, data: 'abc' },
      { seq: -5000, data: 100 },
    ] as const) {
      const p = timeWait();
      p.inject('A', old);
      const answer = p.expect('A', { seq: 2, ack: 2 });
      assert.equal(answer.data.length, 0);
      p.inject('R', { seq: 2 });
      p.expectNothing();
      assert.equal(p.tcp.used, 2, 'the row is still there');
      p.advance(60 * SECOND);
      assert.equal(p.tcp.used, 1);
    }
  });

  test('an old duplicate by its timestamp neither (RFC 7323 section 5.3)', () => {
    const p = timeWait(1000);
    p.inject('A', { seq: 2, data: 'x', ts: 900 });
    p.expect('A', { seq: 2, ack: 2 });
    assert.equal(p.tcp.used, 2);
  });

  test('a SYN with timestamps opens a new incarnation of a connection that had none, whatever its number (RFC 6191 section 2)', () => {
    const p = timeWait();
    p.inject('S', { seq: -100_000, mss: MSS, ts: -1 });
    p.expect('SA');
    const off = new Peer({ settings: { tcpTimestamps: false } }).establish();
    off.close();
    off.expect('FA');
    off.inject('FA');
    off.expect('A');
    off.inject('S', { seq: -100_000, mss: MSS, ts: -1 });
    off.expect('A', { seq: 2, ack: 2 });
  });

  test('one without timestamps, of a connection that had them, goes by its number (RFC 6191 section 2)', () => {
    const p = timeWait(1000);
    p.ts = undefined;
    p.inject('S', { seq: 1, mss: MSS });
    p.expectNothing();
    p.inject('S', { seq: 2, mss: MSS });
    p.expect('SA');
  });

  test('an incarnation opened by us takes over the port only if timestamps tell old from new, a second later (RFC 6191 section 2)', () => {
    for (const [ts, wait, reused] of [
      [undefined, 2, false],
      [1000, 0.5, false],
      [1000, 1, true],
    ] as const) {
      const p = new Peer();
      p.ts = ts;
      const connect = (): number => p.tcp.connect(0, 0, 0, 0, 1234, 0, 0, 0xffff, 0x0a000002, p.port, 0);
      p.h = connect();
      p.probe.settle();
      const first = p.expect('S');
      const { stackIss } = p;
      p.inject('SA', { mss: MSS });
      p.expect('A');
      p.close();
      p.expect('FA');
      p.inject('FA');
      p.expect('A');
      p.advance(wait * SECOND);
      p.h = connect();
      assert.equal(p.h > 0, reused, `${ts} ${wait}`);
      if (!reused) continue;
      p.probe.settle();
      const again = p.expect('S');
      assert.ok(((again.tsVal! - first.tsVal!) | 0) >= 1000, 'its timestamps go on');
      assert.ok(((p.stackIss - stackIss) | 0) > 2, 'and its numbers');
    }
  });

  test('when all ports to a peer are in TIME-WAIT, connect() finds one that may be taken over', () => {
    const p = new Peer({ settings: { portFirst: 50_000, portLast: 50_001 } });
    p.ts = 1000;
    for (let n = 0; n < 3; n++) {
      p.seq = 0;
      p.connect();
      p.ack = 1;
      p.inject('SA', { mss: MSS });
      p.expect('A');
      p.close();
      p.expect('FA');
      p.inject('FA');
      p.expect('A');
      p.advance(SECOND);
    }
    assert.equal(p.tcp.used, 2);
  });
});

describe('challenge ACKs over all connections (RFC 5961 section 7)', () => {
  /** Challenges that 300 connections get in each of some seconds, with one stimulus each. */
  function challenges(limit: number, seconds: number, seed: number): number[] {
    const probe = new Probe({ seed, settings: { tcpChallengeAcksPerSecond: limit } });
    const peers = Array.from({ length: 300 }, (_, i) => new Peer(probe, 1000 + i));
    peers[0]!.listen(300);
    for (const p of peers) {
      p.listener = peers[0]!.listener;
      p.establish();
    }
    return Array.from({ length: seconds }, () => {
      probe.advance(SECOND - (probe.now % SECOND) + 1);
      probe.sent.length = 0;
      for (const p of peers) p.inject('R', { seq: 2 });
      return probe.sent.length;
    });
  }

  test('are bounded, by a number that nobody can know (CVE-2016-5696)', () => {
    const counts = challenges(100, 12, 3);
    for (const n of counts) assert.ok(n >= 50 && n <= 150, `${n}`);
    assert.ok(new Set(counts).size > 6, `${counts}`);
    assert.ok(Math.max(...counts) - Math.min(...counts) > 20, `${counts}`);
  });

  test('none with 0; the answers to text out of the window are no challenges and always come', () => {
    assert.deepEqual(challenges(0, 2, 3), [0, 0]);
    const p = new Peer({ settings: { tcpChallengeAcksPerSecond: 0 } }).establish();
    for (let n = 0; n < 10; n++) {
      p.inject('A', { seq: 100_000, data: 'x' });
      p.expect('A', { ack: 1 });
    }
    p.inject('A', { seq: 100_000 });
    p.expect('A', { ack: 1 });
  });
});

test('a challenge of data with an impossible ACK is limited like any other: it cannot be the peer’s (section 5)', () => {
  const p = new Peer().establish();
  for (let n = 0; n < 10; n++) p.inject('A', { seq: 1, ack: 5000, data: 'blind' });
  assert.equal(p.take().length, 1);
});

test('an ACK below all that was ever sent is challenged, though the peer’s window is larger (section 5.2)', () => {
  const p = new Peer().establish();
  p.inject('A', { seq: 1, ack: -1, data: 'blind' });
  p.expect('A', { ack: 1 });
  assert.equal(p.tcp.readable(p.h), 0);
  p.write('abc');
  p.take();
  p.inject('A', { ack: 4 });
  p.inject('A', { seq: 1, ack: 1, data: 'old' });
  assert.equal(p.readText(), 'old', 'an old ACK within the window is no fault');
});

test('ICMP errors about numbers in flight, in any quantity, end no established connection (RFC 5927 section 6.1)', () => {
  const p = sending();
  for (const [type, code] of [
    [3, 0],
    [3, 1],
    [3, 2],
    [3, 3],
    [3, 5],
    [3, 13],
    [4, 0],
    [11, 0],
    [12, 0],
  ] as const) {
    for (let seq = 1; seq < 14_600; seq += 730) p.icmp(type, code, { seq });
  }
  p.inject('A');
  assert.equal(p.state, 'ESTABLISHED');
  assert.equal(p.tcp.info(p.h)!.mss, MSS);
});
