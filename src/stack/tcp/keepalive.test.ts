// Keepalive (RFC 9293 section 3.8.4).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ETIMEDOUT } from '../../base/errno.ts';
import { OPT_KEEPALIVE, OPT_KEEPCNT, OPT_KEEPIDLE, OPT_KEEPINTVL, READY_ERROR } from './flags.ts';
import { Peer } from './probe.test-support.ts';

const SECOND = 1_000_000;

/** A connection that probes after 10 s of silence, then every 2 s, three times. */
function probing(): Peer {
  const p = new Peer().establish();
  p.tcp.set(p.h, OPT_KEEPIDLE, 10 * SECOND);
  p.tcp.set(p.h, OPT_KEEPINTVL, 2 * SECOND);
  p.tcp.set(p.h, OPT_KEEPCNT, 3);
  p.tcp.set(p.h, OPT_KEEPALIVE, 1);
  p.ready();
  return p;
}

function after(p: Peer, us: number): void {
  p.advance(us - 1);
  p.expectNothing();
  p.advance(1);
  p.expect('A', { seq: 0, ack: 1, length: 0 });
}

test('it is off unless asked for (MUST-24, MUST-25)', () => {
  const p = new Peer().establish();
  p.advance(30 * 86_400 * SECOND);
  p.expectNothing();
  assert.equal(p.state, 'ESTABLISHED');
});

test('the default idle time is two hours (MUST-28)', () => {
  const p = new Peer().establish();
  p.tcp.set(p.h, OPT_KEEPALIVE, 1);
  after(p, 7200 * SECOND);
  after(p, 75 * SECOND);
});

test('a peer that does not answer is probed a number of times, then given up', () => {
  const p = probing();
  after(p, 10 * SECOND);
  after(p, 2 * SECOND);
  after(p, 2 * SECOND);
  p.advance(2 * SECOND - 1);
  assert.equal(p.state, 'ESTABLISHED', 'one unanswered probe is no proof (MUST-29)');
  p.advance(1);
  assert.equal(p.state, 'CLOSED');
  assert.equal(p.ready(), READY_ERROR);
  assert.equal(p.tcp.error(p.h), ETIMEDOUT);
  p.close();
  p.closeListener();
  p.take();
  p.probe.assertClean();
});

test('an answer starts it over', () => {
  const p = probing();
  for (let n = 0; n < 5; n++) {
    after(p, 10 * SECOND);
    after(p, 2 * SECOND);
    p.inject('A');
  }
  assert.equal(p.state, 'ESTABLISHED');
});

test('data puts it off', () => {
  const p = probing();
  p.advance(8 * SECOND);
  p.inject('A', { data: 'x' });
  p.advance(9 * SECOND);
  p.expect('A', { ack: 2 });
  p.expectNothing();
  p.advance(SECOND);
  p.expect('A', { seq: 0, ack: 2 });
});

test('it keeps quiet while data is in flight: the retransmission timer finds out', () => {
  const p = probing();
  p.write('x');
  p.expect('A');
  p.advance(30 * SECOND);
  assert.ok(p.take().every((s) => s.seq === 1 && s.data.length === 1));
});

test('and while a window is closed: the persist timer does', () => {
  const p = probing();
  p.inject('A', { win: 0 });
  p.write('x');
  p.advance(60 * SECOND);
  assert.equal(p.state, 'ESTABLISHED');
});

test('turned off again it stops', () => {
  const p = probing();
  after(p, 10 * SECOND);
  p.tcp.set(p.h, OPT_KEEPALIVE, 0);
  p.advance(3600 * SECOND);
  p.expectNothing();
  assert.equal(p.state, 'ESTABLISHED');
});

test('a shorter idle time set later holds at once', () => {
  const p = new Peer().establish();
  p.tcp.set(p.h, OPT_KEEPALIVE, 1);
  p.tcp.set(p.h, OPT_KEEPIDLE, 3 * SECOND);
  after(p, 3 * SECOND);
});

test('we answer the probes of a peer, with or without an octet of rubbish', () => {
  const p = new Peer().establish();
  p.inject('A', { seq: 0 });
  p.expect('A', { seq: 1, ack: 1 });
  p.advance(SECOND);
  p.inject('A', { seq: 0, data: 'x' });
  p.expect('A', { seq: 1, ack: 1 });
});
