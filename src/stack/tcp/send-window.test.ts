// What may be sent when: the peer's window, zero windows and probes, silly windows, Nagle (RFC 9293 sections 3.7.4 and 3.8.6).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ETIMEDOUT } from '../../base/errno.ts';
import { OPT_NODELAY, OPT_SNDBUF, READY_WRITE } from './flags.ts';
import { Peer } from './probe.test-support.ts';

const SECOND = 1_000_000;
const MSS = 1460;
/** The RTO after a handshake that took no time: 1 us, and the least deviation (tcpRtoMin). */
const RTO = 200_001;

/** A connection whose peer offers `win` bytes. */
function windowOf(win: number): Peer {
  const p = new Peer();
  p.win = win;
  return p.establish({ mss: MSS });
}

function lengths(p: Peer): number[] {
  return p.take().map((s) => s.data.length);
}

describe('the window', () => {
  test('is filled to its edge, and moves on with ACKs', () => {
    const p = windowOf(5000);
    p.write(20_000);
    assert.deepEqual(lengths(p), [MSS, MSS, MSS], 'the rest of it would be a small segment');
    p.inject('A', { ack: MSS + 1 });
    assert.deepEqual(lengths(p), [MSS]);
  });

  test('is taken from newer segments only (SND.WL1, SND.WL2)', () => {
    const p = windowOf(3000);
    p.inject('A', { seq: 100, data: 'overtakes', win: 3000 });
    p.inject('A', { seq: 1, win: 60_000 });
    p.take();
    p.write(20_000);
    assert.deepEqual(lengths(p), [MSS, MSS]);
    p.inject('A', { seq: 100, ack: MSS + 1, win: 3000 });
    assert.deepEqual(lengths(p), [MSS]);
    p.inject('A', { seq: 100, ack: 1, win: 60_000 });
    assert.deepEqual(lengths(p), []);
  });

  test('is what the field says times the scale agreed on (RFC 7323 section 2.3)', () => {
    const p = new Peer();
    p.win = 1000;
    p.establish({ mss: MSS, ws: 3, win: 65535 });
    assert.equal(p.tcp.info(p.h)!.sendWindow, 8000);
    p.write(20_000);
    assert.equal(p.take().length, 5);
  });

  test('may be 1 GiB', () => {
    const p = new Peer().establish({ mss: MSS, ws: 14 });
    assert.equal(p.tcp.info(p.h)!.sendWindow, 65535 * 16384);
    p.write(200_000);
    assert.equal(p.take().length, 10, 'the congestion window is the limit');
  });

  test('a larger scale than 14 counts as 14 (RFC 7323 section 2.3)', () => {
    const p = new Peer().establish({ mss: MSS, ws: 77 });
    assert.equal(p.tcp.info(p.h)!.sendWindow, 65535 * 16384);
  });
});

describe('a zero window (section 3.8.6.1)', () => {
  const closed = (): Peer => {
    const p = windowOf(3000);
    p.inject('A', { win: 0 });
    p.win = 0;
    p.write(100);
    p.expectNothing();
    return p;
  };

  test('is probed after the RTO, then with exponential backoff; a probe puts nothing into it', () => {
    const p = closed();
    for (const times of [1, 2, 4, 8, 16]) {
      p.advance(times * RTO - 1);
      p.expectNothing();
      p.advance(1);
      p.expect('A', { seq: 0, ack: 1, length: 0 });
    }
  });

  test('is probed for ever as long as the peer answers (MUST-36, MUST-37); the interval is bounded', () => {
    const p = closed();
    let probes = 0;
    for (let t = 0; t < 40_000; t += 10) {
      p.advance(10 * SECOND);
      for (const s of p.take()) {
        assert.equal(s.data.length, 0);
        probes++;
        p.inject('A');
      }
    }
    assert.ok(probes > 40_000 / 120 && probes < 500, `${probes}`);
    assert.equal(p.state, 'ESTABLISHED');
    p.inject('A', { win: 1000 });
    p.expect('A', { seq: 1, data: 100 });
  });

  test('of a peer that does not answer any more ends the connection', () => {
    const p = closed();
    p.advance(3600 * SECOND);
    assert.equal(p.take().length, 15);
    assert.equal(p.tcp.error(p.h), ETIMEDOUT);
  });

  test('that has no user any more is probed a bounded number of times', () => {
    const p = closed();
    p.close();
    for (let n = 0; n < 400; n++) {
      p.advance(SECOND);
      for (const _ of p.take()) p.inject('A');
    }
    assert.equal(p.tcp.used, 1);
  });

  test('opens by an update: what waits goes at once', () => {
    const p = closed();
    p.inject('A', { win: 3000 });
    p.expect('A', { seq: 1, data: 100 });
    p.inject('A', { win: 3000 });
    p.advance(3600 * SECOND);
    p.expectNothing();
  });

  test('leaves no trace in the count of retransmissions once it has opened', () => {
    const p = new Peer({ settings: { tcpRetries: 3 } });
    p.win = 3000;
    p.establish({ mss: MSS });
    p.inject('A', { win: 0 });
    p.write(100);
    for (const times of [1, 2, 4]) {
      p.advance(times * RTO);
      p.expect('A', { seq: 0 });
      p.inject('A', { win: 0 });
    }
    p.inject('A', { win: 3000 });
    p.expect('A', { seq: 1, data: 100 });
    for (const times of [1, 2, 4]) {
      p.advance(times * RTO);
      p.expect('A', { seq: 1, data: 100 });
    }
    p.advance(8 * RTO);
    assert.equal(p.state, 'CLOSED');
  });

  test('opens by the answer to a probe when the update was lost', () => {
    const p = closed();
    p.advance(RTO);
    p.expect('A', { seq: 0 });
    p.inject('A', { win: 50 });
    p.expectNothing();
    p.advance(RTO);
    p.expect('A', { seq: 1, length: 50 });
  });

  test('holds a FIN back, too', () => {
    const p = windowOf(3000);
    p.inject('A', { win: 0 });
    p.shutdown();
    p.expectNothing();
    p.advance(RTO);
    p.expect('A', { seq: 0, length: 0 });
    p.inject('A', { win: 1 });
    p.expect('FA', { seq: 1 });
  });

  test('that closes behind data in flight: the retransmission timer does the probing', () => {
    const p = windowOf(3000);
    p.write(1000);
    p.expect('A', { length: 1000 });
    p.inject('A', { ack: 1, win: 0 });
    p.advance(RTO);
    p.expect('A', { seq: 1, length: 1000 });
    p.inject('A', { ack: 1001, win: 0 });
    p.write(500);
    p.expectNothing();
    p.advance(SECOND);
    assert.ok(p.take().every((s) => s.data.length === 0));
  });
});

describe('a window that shrinks (section 3.8.6, SHLD-14 to SHLD-17)', () => {
  test('below what is in flight: nothing new; retransmission goes on and does not end the connection', () => {
    const p = windowOf(10 * MSS);
    p.write(20 * MSS);
    assert.equal(p.take().length, 10);
    p.inject('A', { ack: MSS + 1, win: 0 });
    p.win = 0;
    let sent = 0;
    for (let n = 0; n < 3000; n++) {
      p.advance(SECOND);
      for (const s of p.take()) {
        assert.equal(s.seq, MSS + 1);
        p.inject('A', { ack: MSS + 1 });
        sent++;
      }
    }
    assert.ok(sent > 20);
    assert.equal(p.state, 'ESTABLISHED');
    p.inject('A', { ack: 10 * MSS + 1, win: 5 * MSS });
    assert.equal(p.take()[0]!.seq, 10 * MSS + 1);
  });

  test('our own ACKs do not carry a number beyond it, which the peer would not look at', () => {
    const p = windowOf(10 * MSS);
    p.write(20 * MSS);
    p.take();
    p.inject('A', { ack: 1, win: 2 * MSS });
    p.inject('A', { data: 'abc', ack: 1, win: 2 * MSS });
    p.advance(50_000);
    p.expect('A', { seq: 2 * MSS + 1, ack: 4, length: 0 });
  });
});

test('after a timeout our ACKs carry the highest number sent: the peer may have all of it', () => {
  const p = windowOf(10 * MSS);
  p.write(3 * MSS);
  p.take();
  p.advance(RTO);
  p.expect('A', { seq: 1, length: MSS });
  p.inject('A', { data: 'abc', ack: 1 });
  p.advance(50_000);
  p.expect('A', { seq: 3 * MSS + 1, ack: 4, length: 0 });
});

describe('silly windows: the sender’s part (section 3.8.6.2.1)', () => {
  test('a segment that is not full waits while the window, not the data, cuts it', () => {
    const p = windowOf(10_000);
    p.inject('A', { win: 1000 });
    p.write(5000);
    p.expectNothing();
    p.inject('A', { win: 1459 });
    p.expectNothing();
    p.inject('A', { win: 1460 });
    p.expect('A', { length: 1460 });
  });

  test('half of the largest window seen goes', () => {
    const p = windowOf(1000);
    p.inject('A', { win: 499 });
    p.write(5000);
    p.expectNothing();
    p.inject('A', { win: 500 });
    p.expect('A', { length: 500 });
  });

  test('after the override timeout what fits goes', () => {
    const p = windowOf(10_000);
    p.inject('A', { win: 300 });
    p.write(5000);
    p.advance(RTO - 1);
    p.expectNothing();
    p.advance(1);
    p.expect('A', { seq: 1, length: 300 });
    p.advance(RTO);
    p.expect('A', { seq: 1, length: 300 });
  });

  test('ACKs that leave a small window as it is do not stop the override', () => {
    const p = windowOf(10_000);
    p.inject('A', { win: 300 });
    p.win = 300;
    p.write(5000);
    for (let n = 0; n < 3; n++) {
      p.advance(100_000);
      p.inject('A');
    }
    p.advance(RTO);
    p.expect('A', { seq: 1, length: 300 });
  });

  test('what ends the data goes though it is small', () => {
    const p = windowOf(10_000);
    p.inject('A', { win: 300 });
    p.write(200);
    p.expect('A', { length: 200 });
  });
});

describe('Nagle (section 3.7.4)', () => {
  test('while something is in flight, small pieces gather until it is acknowledged', () => {
    const p = windowOf(60_000);
    for (const piece of ['a', 'b', 'c', 'd']) p.write(piece);
    p.expect('A', { data: 'a', push: true });
    p.expectNothing();
    p.inject('A');
    p.expect('A', { data: 'bcd', push: true });
    p.expectNothing();
  });

  test('or until they fill a segment', () => {
    const p = windowOf(60_000);
    p.write('a');
    p.expect('A');
    p.write(MSS - 1);
    p.expectNothing();
    p.write(2);
    p.expect('A', { length: MSS });
    p.expectNothing();
    p.inject('A');
    p.expect('A', { length: 1 });
  });

  test('the rest behind full segments goes with them; the next such rest waits for its ACK (Minshall)', () => {
    const p = windowOf(60_000);
    p.write(2 * MSS + 10);
    assert.deepEqual(lengths(p), [MSS, MSS, 10]);
    p.write(MSS + 20);
    assert.deepEqual(lengths(p), [MSS]);
    p.inject('A', { ack: 2 * MSS + 1 });
    assert.deepEqual(lengths(p), []);
    p.inject('A', { ack: 2 * MSS + 11 });
    assert.deepEqual(lengths(p), [20]);
  });

  test('NODELAY sends each at once, and what waits when it is set', () => {
    const p = windowOf(60_000);
    p.write('a');
    p.write('b');
    assert.deepEqual(lengths(p), [1]);
    p.tcp.set(p.h, OPT_NODELAY, 1);
    p.probe.settle();
    assert.deepEqual(lengths(p), [1]);
    p.write('c');
    p.write('d');
    assert.deepEqual(lengths(p), [1, 1]);
  });

  test('a FIN takes the rest with it', () => {
    const p = windowOf(60_000);
    p.write('a');
    p.expect('A');
    p.write('rest');
    p.shutdown();
    p.expect('FA', { data: 'rest' });
  });
});

describe('PSH (section 3.9.1.2, MUST-60, MUST-61)', () => {
  test('stands on the segment that empties the buffer, not on those before', () => {
    const p = windowOf(60_000);
    p.write(3 * MSS);
    p.expect('A', { push: false });
    p.expect('A', { push: false });
    p.expect('A', { push: true });
  });
});

describe('the send buffer', () => {
  test('takes what it has room for; WRITE follows when a quarter of it is free', () => {
    const p = windowOf(60_000);
    assert.equal(p.tcp.set(p.h, OPT_SNDBUF, 20_000), 0);
    assert.equal(p.write(30_000), 20_000);
    assert.equal(p.tcp.writable(p.h), 0);
    assert.equal(p.write(1), 0);
    p.take();
    p.ready();
    p.inject('A', { ack: 2001 });
    assert.equal(p.ready(), 0);
    p.inject('A', { ack: 5001 });
    assert.equal(p.ready(), READY_WRITE);
    assert.equal(p.tcp.writable(p.h), 5000);
    assert.equal(p.tcp.unacked(p.h), 15_000);
    assert.equal(p.write(30_000), 5000);
  });

  test('keeps to the link: when it is full, what waits goes when there is room', () => {
    const p = windowOf(60_000);
    p.probe.room = 2;
    p.write(5 * MSS);
    assert.equal(p.take().length, 2);
    p.probe.settle();
    assert.equal(p.take().length, 2);
    p.probe.settle();
    assert.equal(p.take().length, 1);
    p.probe.room = 0;
    p.inject('A');
    p.write(MSS);
    p.expectNothing();
    p.probe.room = 256;
    p.probe.settle();
    p.expect('A', { length: MSS });
  });
});
