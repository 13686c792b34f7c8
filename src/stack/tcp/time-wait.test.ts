// TIME-WAIT: how long, what restarts it, what ends it early (RFC 9293 sections 3.4.2, 3.6.1 and 3.10.7.4; RFC 1337; RFC 6191).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EADDRINUSE } from '../../base/errno.ts';
import { Peer, type ProbeOptions } from './probe.test-support.ts';

const SECOND = 1_000_000;

/** A connection from us to the stack's listener, closed by its user first. */
function timeWait(o: ProbeOptions = {}, ts?: number): Peer {
  const p = new Peer(o);
  p.ts = ts;
  p.establish();
  p.close();
  p.expect('FA');
  p.inject('FA');
  p.expect('A', { ack: 2 });
  return p;
}

test('it lasts 2 MSL (section 3.6.1)', () => {
  const p = timeWait();
  p.closeListener();
  p.advance(60 * SECOND - 1);
  assert.equal(p.tcp.used, 1);
  p.advance(1);
  p.expectNothing();
  p.probe.assertClean();
});

test('the FIN again is acknowledged each time and starts 2 MSL again; other old segments do not', () => {
  const p = timeWait();
  for (let n = 0; n < 3; n++) {
    p.advance(50 * SECOND);
    p.inject('FA', { seq: 1 });
    p.expect('A', { seq: 2, ack: 2 });
    p.advance(200_000);
    p.inject('FA', { seq: 1 });
    p.expect('A', { seq: 2, ack: 2 });
  }
  p.closeListener();
  p.inject('FA', { seq: 0 });
  p.inject('A', { seq: 0, data: 'x' });
  p.take();
  p.advance(60 * SECOND - 1);
  assert.equal(p.tcp.used, 1);
  p.advance(1);
  p.probe.assertClean();
});

test('no reset ends it (RFC 1337 section 3, fix 1)', () => {
  const p = timeWait();
  p.inject('R', { seq: 2 });
  p.inject('R', { seq: 1 });
  p.inject('RA', { seq: 2 });
  p.expectNothing();
  assert.equal(p.tcp.used, 2);
});

test('a user who still holds the handle is told, and reads what is left', () => {
  const p = new Peer().establish();
  p.shutdown();
  p.expect('FA');
  p.inject('FA', { data: 'rest' });
  p.expect('A');
  assert.equal(p.state, 'TIME-WAIT');
  p.advance(61 * SECOND);
  assert.equal(p.state, 'CLOSED');
  assert.equal(p.readText(), 'rest');
  assert.equal(p.read(), 0);
  p.close();
  p.closeListener();
  p.probe.assertClean();
});

test('a SYN beyond the last number opens a new incarnation, with an ISN beyond ours (section 3.10.7.4)', () => {
  const p = timeWait();
  const last = p.stackIss + 2;
  p.inject('S', { seq: 3, mss: 1460 });
  const synAck = p.expect('SA', { ack: 4 });
  assert.ok(((p.stackIss - last) | 0) > 0, 'ISN');
  p.ack = 1;
  p.inject('A', { seq: 4 });
  assert.ok(p.accept() > 0);
  assert.equal(synAck.dstPort, 5555);
  assert.equal(p.tcp.used, 2);
});

test('also when more was sent than the clock of ISNs has gone on', () => {
  const p = new Peer().establish({ mss: 1460, ws: 14 });
  for (let n = 0; n < 20; n++) {
    p.write(1 << 20);
    p.take();
    p.inject('A');
    for (let sent = p.take(); sent.length > 0; sent = p.take()) p.inject('A');
  }
  const sent = p.ack;
  assert.ok(sent > 10_000_000);
  p.close();
  p.expect('FA');
  p.inject('FA');
  p.expect('A');
  const last = (p.stackIss + sent + 1) | 0;
  p.inject('S', { mss: 1460 });
  p.expect('SA');
  assert.ok(((p.stackIss - last) | 0) > 0);
});

test('an old SYN is answered with an ACK and changes nothing', () => {
  const p = timeWait();
  p.inject('S', { seq: 0 });
  p.expect('A', { seq: 2, ack: 2 });
  p.advance(60 * SECOND);
  assert.equal(p.tcp.used, 1);
});

test('with timestamps the SYN’s decides (RFC 6191 section 2)', () => {
  const old = timeWait({}, 1000);
  old.inject('S', { seq: 500_000, mss: 1460, ts: 999 });
  old.expect('A', { ack: 2 });
  const newer = timeWait({}, 1000);
  newer.inject('S', { seq: -500_000, mss: 1460, ts: 1001 });
  newer.expect('SA');
  const same = timeWait({}, 1000);
  same.inject('S', { seq: 1, mss: 1460, ts: 1000 });
  same.expect('A', { ack: 2 });
  same.inject('S', { seq: 2, mss: 1460, ts: 1000 });
  same.expect('SA');
});

test('without a listener a SYN opens nothing, and does not end it', () => {
  const p = timeWait();
  p.closeListener();
  p.inject('S', { seq: 1000 });
  p.expect('A', { seq: 2, ack: 2 });
  assert.equal(p.tcp.used, 1);
});

test('our own connect() takes the tuple over after a second, with an ISN beyond the old one; a live one it does not', () => {
  const p = new Peer();
  p.ts = 1;
  const connect = (): number => p.tcp.connect(0, 0, 0, 0, 1234, 0, 0, 0xffff, 0x0a000002, p.port, 0);
  p.h = connect();
  p.probe.settle();
  p.expect('S');
  assert.equal(connect(), -EADDRINUSE);
  p.inject('SA', { mss: 1460 });
  p.expect('A');
  const last = (p.stackIss + 2) | 0;
  p.close();
  p.expect('FA');
  p.inject('FA');
  p.expect('A');
  p.advance(SECOND);
  p.h = connect();
  assert.ok(p.h > 0);
  p.probe.settle();
  p.expect('S');
  assert.ok(((p.stackIss - last) | 0) > 0);
  assert.equal(p.tcp.used, 1);
});
