// ACKs that are not delayed, and delays that adapt (RFC 5681 section 4.2; setting tcpQuickAcks and its neighbours).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OPT_FIRST_ACK_DELAY, OPT_QUICKACK } from './flags.ts';
import { Peer, type ProbeOptions } from './probe.test-support.ts';

const MS = 1000;

function quick(tcpQuickAcks = 16, settings: ProbeOptions['settings'] = {}): Peer {
  return new Peer({ settings: { tcpQuickAcks, ...settings } }).establish();
}

describe('at the start of a connection', () => {
  test('so many ACKs are not delayed', () => {
    const p = quick(3);
    for (let n = 1; n <= 3; n++) {
      p.inject('A', { data: 100 });
      p.expect('A', { ack: 100 * n + 1 });
    }
    p.inject('A', { data: 100 });
    p.expectNothing();
    p.advance(40 * MS);
    p.expect('A', { ack: 401 });
  });

  test('they are as many as half of the window has segments, but two at least', () => {
    const p = new Peer({ settings: { tcpQuickAcks: 16, tcpReceiveBuffer: 6000 } }).establish();
    let count = 0;
    for (let n = 0; n < 12; n++) {
      p.inject('A', { data: 10 });
      if (p.take().length > 0) count++;
      p.advance(40 * MS);
      p.take();
    }
    assert.ok(count >= 2 && count < 12, `${count}`);
  });

  test('an answer in the same turn bears the ACK: nothing is added', () => {
    const p = quick();
    const settle = p.probe.settle.bind(p.probe);
    const turn = (): boolean => p.probe.stack.poll(p.probe.now);
    p.probe.settle = turn;
    p.inject('A', { data: 'question' });
    p.expectNothing();
    p.tcp.write(p.h, Buffer.from('answer'), 0, 6);
    turn();
    p.expect('A', { data: 'answer', ack: 9 });
    p.probe.settle = settle;
    p.probe.settle();
    p.expectNothing();
  });

  test('the delay of the first can be set, by setting and by option', () => {
    const p = quick(2, { tcpFirstAckDelay: 5 * MS });
    p.inject('A', { data: 'x' });
    p.advance(5 * MS - 1);
    p.expectNothing();
    p.advance(1);
    p.expect('A', { ack: 2 });
    assert.equal(p.tcp.set(p.h, OPT_FIRST_ACK_DELAY, 7 * MS), 0);
    assert.equal(p.tcp.get(p.h, OPT_FIRST_ACK_DELAY), 7 * MS);
    assert.ok(p.tcp.set(p.h, OPT_FIRST_ACK_DELAY, 600 * MS) < 0);
    p.inject('A', { data: 'x' });
    p.advance(7 * MS - 1);
    p.expectNothing();
    p.advance(1);
    p.expect('A', { ack: 3 });
  });
});

describe('question and answer', () => {
  test('after an answer ACKs ride on answers', () => {
    const p = quick();
    p.inject('A', { data: 'question' });
    p.expect('A', { length: 0 });
    p.read();
    p.write('answer');
    p.expect('A', { data: 'answer' });
    p.inject('A', { data: 'question' });
    p.read();
    p.expectNothing();
    p.advance(10 * MS);
    p.write('answer');
    p.expect('A', { data: 'answer', ack: 17 });
    p.expectNothing();
  });

  test('when an answer fails to come, that is over', () => {
    const p = quick();
    p.inject('A', { data: 'question' });
    p.write('answer');
    p.take();
    p.inject('A', { data: 'question' });
    p.expectNothing();
    p.advance(40 * MS);
    p.expect('A', { length: 0 });
    p.inject('A', { data: 'question' });
    p.expect('A', { length: 0 });
  });

  test('what is written long after nothing has come is no answer', () => {
    const p = quick();
    p.inject('A', { data: 'x' });
    p.take();
    p.advance(41 * MS);
    p.write('y');
    p.take();
    assert.equal(p.tcp.get(p.h, OPT_QUICKACK), 1);
  });

  test('OPT_QUICKACK 1 sends what is pending and ends it, 0 begins it', () => {
    const p = quick();
    assert.equal(p.tcp.set(p.h, OPT_QUICKACK, 0), 0);
    assert.equal(p.tcp.get(p.h, OPT_QUICKACK), 0);
    p.inject('A', { data: 'x' });
    p.expectNothing();
    assert.equal(p.tcp.set(p.h, OPT_QUICKACK, 1), 0);
    p.probe.settle();
    p.expect('A', { ack: 2 });
    p.inject('A', { data: 'x' });
    p.expect('A', { ack: 3 });
  });
});

test('who has read everything lets the peer’s next small segment come: the ACK goes', () => {
  const p = quick(1);
  p.inject('A', { data: 'x' });
  p.expect('A');
  p.inject('A', { data: 'abc' });
  p.expectNothing();
  p.read(2);
  p.expectNothing();
  p.read();
  p.expect('A', { ack: 5 });
});

test('after a duplicate from below the window the peer is helped along: no delay', () => {
  const p = quick(2);
  for (let n = 0; n < 3; n++) {
    p.inject('A', { data: 'x' });
    p.advance(50 * MS);
  }
  p.take();
  p.inject('A', { data: 'x' });
  p.expectNothing();
  p.inject('A', { seq: 1, data: 'x' });
  p.expect('A', { ack: 5 });
  p.inject('A', { data: 'x' });
  p.expect('A', { ack: 6 });
});

describe('the delay', () => {
  /** How long the ACK of one small segment takes. */
  function delay(p: Peer): number {
    p.inject('A', { data: 'x' });
    const from = p.probe.now;
    p.advance(500 * MS);
    const ack = p.take()[0]!;
    return Math.round((ack.at - from) / MS);
  }

  test('grows where nothing comes in time to bear the ACK, up to a round trip or its most', () => {
    const p = new Peer().establish();
    // Of the handshake: no RTT.
    const delays = [delay(p), delay(p), delay(p), delay(p)];
    assert.equal(delays[0], 40);
    assert.ok(
      delays.every((d) => d >= 40 && d <= 200),
      String(delays),
    );
  });

  test('beyond the least it is no longer than a round trip', () => {
    const p = new Peer();
    p.listen();
    p.inject('S', { mss: 1460 });
    p.advance(60 * MS);
    p.expect('SA');
    p.inject('A');
    p.accept();
    assert.deepEqual([delay(p), delay(p), delay(p)], [40, 60, 60]);
  });

  test('is bounded by the setting', () => {
    const p = new Peer({ settings: { tcpDelayedAck: 10 * MS, tcpDelayedAckMax: 15 * MS } });
    p.listen();
    p.inject('S', { mss: 1460 });
    p.advance(300 * MS);
    p.expect('SA');
    p.inject('A');
    p.accept();
    const delays = [delay(p), delay(p), delay(p)];
    assert.equal(delays[0], 10);
    assert.deepEqual(delays.slice(1), [15, 15]);
  });

  test('follows the distance of segments back to the least', () => {
    const p = new Peer();
    p.listen();
    p.inject('S', { mss: 1460 });
    p.advance(300 * MS);
    p.expect('SA');
    p.inject('A');
    p.accept();
    for (let n = 0; n < 2; n++) delay(p);
    assert.equal(delay(p), 160);
    for (let n = 0; n < 40; n++) {
      p.inject('A', { data: 'x' });
      p.advance(5 * MS);
    }
    p.advance(500 * MS);
    p.take();
    assert.ok(delay(p) <= 120);
  });
});
