// Blind attacks: challenge ACKs, their rate, and ACKs out of any window (RFC 5961; RFC 9293 section 3.10.7.4).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer } from './probe.test-support.ts';

function established(): Peer {
  return new Peer().establish();
}

describe('a challenge ACK', () => {
  for (const [name, flags, fields] of [
    ['a RST in the window but not at RCV.NXT (section 3)', 'R', { seq: 2 }],
    ['a SYN at RCV.NXT (section 4)', 'S', { seq: 1 }],
    ['a SYN anywhere (section 4)', 'S', { seq: -900_000 }],
    ['an ACK of what was never sent (section 5)', 'A', { seq: 1, ack: 500 }],
    ['an ACK older than any window (section 5)', 'A', { seq: 1, ack: -70_000 }],
    ['data with such an ACK (section 5)', 'A', { seq: 1, ack: 500, data: 'blind' }],
  ] as const) {
    test(`answers ${name}, which changes nothing`, () => {
      const p = established();
      p.inject(flags, fields);
      p.expect('A', { seq: 1, ack: 1, length: 0 });
      p.expectNothing();
      assert.equal(p.state, 'ESTABLISHED');
      assert.equal(p.tcp.readable(p.h), 0);
    });
  }

  test('is sent at most every 500 ms a connection (section 7)', () => {
    const p = established();
    for (let n = 0; n < 100; n++) {
      p.inject('R', { seq: 2 + n });
      p.inject('S', { seq: 5 });
      p.inject('A', { ack: 99 });
      p.inject('A', { seq: 900_000 });
    }
    assert.equal(p.take().length, 1);
    p.advance(499_000);
    p.inject('R', { seq: 2 });
    p.expectNothing();
    p.advance(1000);
    p.inject('R', { seq: 2 });
    p.expect('A');
  });

  test('of one connection does not use up another’s', () => {
    const p = established();
    const q = new Peer(p.probe, 7);
    q.listener = p.listener;
    q.establish();
    p.inject('R', { seq: 2 });
    q.inject('R', { seq: 2 });
    assert.deepEqual([p.take().length, q.take().length], [1, 1]);
  });

  test('does not hold up the answer to data and FINs that come again', () => {
    const p = established();
    p.inject('A', { data: 'abc' });
    p.read();
    for (let n = 0; n < 5; n++) {
      p.inject('A', { seq: 1, data: 'abc' });
      p.expect('A', { ack: 4 });
    }
    p.inject('FA', { seq: 4 });
    p.expect('A', { ack: 5 });
    for (let n = 0; n < 5; n++) {
      p.inject('FA', { seq: 4 });
      p.expect('A', { ack: 5 });
    }
  });
});

test('two ends that are out of step do not answer each other for ever', () => {
  const p = established();
  let sent = 0;
  for (let n = 0; n < 1000; n++) {
    // Each of our answers carries numbers that the stack cannot accept.
    p.inject('A', { seq: 500_000, ack: 700_000 });
    sent += p.take().length;
  }
  assert.equal(sent, 1);
});

test('blind segments do not count as life of the peer', () => {
  const p = established();
  p.inject('A', { win: 0 });
  p.write('x');
  for (let n = 0; n < 4000; n++) {
    p.advance(1_000_000);
    p.inject('A', { seq: 900_000 });
  }
  assert.equal(p.state, 'CLOSED', 'the persist timer has given up');
});
