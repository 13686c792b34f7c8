// Window scaling, timestamps and PAWS (RFC 7323).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer, type ProbeOptions } from './probe.test-support.ts';

const DAY = 86_400_000_000;

/** A connection from us with timestamps, ours starting at `ts`. */
function stamped(ts: number, o: ProbeOptions = {}): Peer {
  const p = new Peer(o);
  p.ts = ts;
  return p.establish({ mss: 1460 });
}

describe('negotiation (sections 2.2 and 3.2)', () => {
  test('an active open offers both; what the peer does not answer is not used', () => {
    const p = new Peer();
    const syn = p.connect({ ws: 5, mss: 1460 });
    assert.equal(typeof syn.tsVal, 'number');
    assert.equal(syn.tsEcr, 0);
    p.inject('SA', { mss: 1460 });
    const ack = p.expect('A', { win: 65535 });
    assert.equal(ack.tsVal, undefined);
    p.win = 1000;
    p.inject('A');
    p.write(3000);
    assert.equal(p.tcp.info(p.h)!.sendWindow, 1000);
  });

  test('and what it answers is', () => {
    const p = new Peer();
    p.connect();
    p.win = 1000;
    p.inject('SA', { mss: 1460, ws: 3, ts: 77, win: 60_000 });
    p.expect('A', { win: (1 << 20) >> 5, ts: 77 });
    assert.equal(p.tcp.info(p.h)!.sendWindow, 60_000, 'never scaled in a SYN-ACK');
    p.inject('A', { ts: 78 });
    assert.equal(p.tcp.info(p.h)!.sendWindow, 8000);
  });

  test('a passive open answers only what was offered', () => {
    for (const [offer, ws, ts] of [
      [{}, undefined, false],
      [{ ws: 0 }, 5, false],
      [{ ts: 9 }, undefined, true],
      [{ ws: 14, ts: 9 }, 5, true],
    ] as const) {
      const p = new Peer();
      p.listen();
      p.inject('S', { mss: 1460, ...offer });
      const synAck = p.expect('SA', { ws, win: 65535 });
      assert.equal(synAck.tsVal !== undefined, ts);
      if (ts) assert.equal(synAck.tsEcr, 9);
    }
  });

  test('switched off, neither is offered nor answered', () => {
    const settings = { tcpWindowScaling: false, tcpTimestamps: false };
    const p = new Peer({ settings });
    const syn = p.connect();
    assert.deepEqual([syn.ws, syn.tsVal], [undefined, undefined]);
    const q = new Peer({ settings });
    q.listen();
    q.inject('S', { mss: 1460, ws: 7, ts: 1 });
    const synAck = q.expect('SA', { ws: undefined });
    assert.equal(synAck.tsVal, undefined);
    q.inject('A');
    q.accept();
    q.win = 10;
    q.inject('A');
    assert.equal(q.tcp.info(q.h)!.sendWindow, 10);
  });

  test('in a simultaneous open each end answers the other’s offer', () => {
    const p = new Peer();
    p.connect();
    p.inject('S', { mss: 1460, ws: 2, ts: 5 });
    p.expect('SA', { ws: 5, ts: 5 });
    const q = new Peer();
    q.connect();
    q.inject('S', { mss: 1460 });
    assert.equal(q.expect('SA', { ws: undefined }).tsVal, undefined);
  });

  test('options that come only on a later segment change nothing', () => {
    const p = new Peer().establish({ mss: 1460 });
    p.inject('A', { ws: 7, ts: 5, data: 'x' });
    assert.equal(p.tcp.info(p.h)!.sendWindow, 65535);
    p.advance(50_000);
    assert.equal(p.expect('A').tsVal, undefined);
  });

  test('every segment has a timestamp then, and full ones are smaller by it (section 3.2)', () => {
    const p = stamped(1);
    p.write(1460);
    p.expect('A', { length: 1448, ts: 1 });
    p.expect('A', { length: 12, ts: 1 });
    p.shutdown();
    assert.equal(typeof p.expect('FA').tsVal, 'number');
  });

  test('malformed options stop at the fault and harm nothing', () => {
    const p = new Peer();
    p.listen();
    for (const raw of [
      [3, 2, 7, 7],
      [8, 10, 0, 0],
      [2, 4, 5],
      [5, 0],
      [255, 255],
      [2, 1, 1, 1],
      [3, 40, 1, 1],
    ]) {
      p.inject('S', { seq: 0, raw });
      p.expect('SA', { ws: undefined });
      p.inject('R', { seq: 1 });
    }
    p.inject('S', { seq: 0, raw: [254, 6, 1, 2, 3, 4, 2, 4, 3, 32] });
    p.expect('SA');
    p.inject('A', { seq: 1 });
    p.accept();
    p.write(2000);
    p.expect('A', { length: 800 });
  });
});

describe('our clock (sections 5.4 and 7.1)', () => {
  test('goes on by milliseconds from a place of its own for each connection', () => {
    const p = stamped(1);
    p.write('a');
    const first = p.expect('A').tsVal!;
    p.inject('A');
    p.advance(1_234_000);
    p.write('b');
    assert.equal((p.expect('A').tsVal! - first) | 0, 1234);
    const q = new Peer(p.probe, 5556);
    q.listener = p.listener;
    q.ts = 1;
    q.establish({ mss: 1460 });
    q.write('a');
    assert.notEqual(q.expect('A').tsVal, (first + 1234) | 0);
  });
});

describe('TS.Recent (section 4.3)', () => {
  test('is what the segment at Last.ACK.sent brought: of two that one ACK covers the first', () => {
    const p = stamped(100);
    p.inject('A', { ts: 110, data: 'a' });
    p.inject('A', { ts: 120, data: 'b' });
    p.advance(50_000);
    p.expect('A', { ack: 3, ts: 110 });
  });

  test('is not taken from a segment ahead of a gap, but from the one that fills it', () => {
    const p = stamped(100);
    p.inject('A', { seq: 6, ts: 120, data: 'world' });
    p.expect('A', { ack: 1, ts: 100 });
    p.inject('A', { seq: 1, ts: 110, data: 'hello' });
    p.expect('A', { ack: 11, ts: 110 });
  });

  test('does not go back', () => {
    const p = stamped(100);
    p.inject('A', { ts: 110 });
    p.inject('A', { ts: 109, seq: 0, data: 'x' });
    p.expect('A', { ts: 110 });
  });

  test('wraps', () => {
    const p = stamped(-1);
    p.inject('A', { ts: 3, data: 'x' });
    p.advance(50_000);
    p.expect('A', { ts: 3 });
    p.inject('A', { ts: -2, data: 'y' });
    p.expect('A', { ack: 2 });
  });

  test('is sent back in the SYN-ACK for a SYN that came again (its newest)', () => {
    const p = new Peer();
    p.listen();
    p.inject('S', { seq: 0, mss: 1460, ts: 5 });
    p.expect('SA', { ts: 5 });
    p.inject('S', { seq: 0, mss: 1460, ts: 6 });
    p.expect('SA', { ts: 6 });
  });
});

describe('PAWS (section 5.3)', () => {
  test('a segment with an older timestamp is dropped and acknowledged', () => {
    const p = stamped(100);
    p.inject('A', { ts: 99, data: 'old' });
    p.expect('A', { ack: 1, ts: 100 });
    assert.equal(p.tcp.readable(p.h), 0);
    p.inject('A', { seq: 1, ts: 100, data: 'new' });
    assert.equal(p.readText(), 'new');
  });

  test('so is its ACK and its window', () => {
    const p = stamped(100);
    p.write('x');
    p.expect('A');
    p.inject('A', { ts: 99, ack: 2, win: 5 });
    assert.equal(p.tcp.unacked(p.h), 1);
    assert.equal(p.tcp.info(p.h)!.sendWindow, 65535);
  });

  test('a RST is believed whatever its timestamp, and without one', () => {
    const p = stamped(100);
    p.inject('R', { ts: 1 });
    assert.equal(p.state, 'CLOSED');
    const q = stamped(100);
    q.ts = undefined;
    q.inject('R');
    assert.equal(q.state, 'CLOSED');
  });

  test('other segments without one are dropped in silence (section 3.2)', () => {
    const p = stamped(100);
    p.ts = undefined;
    p.inject('A', { data: 'x' });
    p.inject('FA', { seq: 1 });
    p.advance(1_000_000);
    p.expectNothing();
    assert.equal(p.state, 'ESTABLISHED');
  });

  for (const days of [25, 40, 60]) {
    test(`after ${days} days of silence TS.Recent is no evidence (section 5.5)`, () => {
      const p = stamped(100);
      p.advance(days * DAY);
      p.inject('A', { ts: 100 - 2_000_000_000, data: 'still here' });
      assert.equal(p.readText(), 'still here');
      p.advance(50_000);
      p.expect('A', { ts: 100 - 2_000_000_000 });
      p.inject('A', { ts: 100 - 2_000_000_001, data: 'x' });
      assert.equal(p.read(), -11, 'and from now on the new one is');
    });
  }

  test('after 23 days it still is', () => {
    const p = stamped(100);
    p.advance(23 * DAY);
    p.inject('A', { ts: 99, data: 'old' });
    assert.equal(p.tcp.readable(p.h), 0);
  });
});
