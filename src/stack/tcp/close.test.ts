// Closing: half close, both orders, simultaneously, by reset; the user's calls in every state (RFC 9293 sections 3.6, 3.10.4, 3.10.5).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EAGAIN, EBADF, ECONNRESET, ENOTCONN, EPIPE } from '../../base/errno.ts';
import { OPT_LINGER0, READY_CLOSED, READY_END, READY_ERROR, READY_READ } from './flags.ts';
import { Peer } from './probe.test-support.ts';

const SECOND = 1_000_000;

describe('the normal close', () => {
  test('begun by us: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT (section 3.6, figure 12)', () => {
    const p = new Peer().establish();
    p.shutdown();
    p.expect('FA', { seq: 1, ack: 1 });
    assert.equal(p.state, 'FIN-WAIT-1');
    p.inject('A', { ack: 2 });
    assert.equal(p.state, 'FIN-WAIT-2');
    p.inject('FA');
    p.expect('A', { seq: 2, ack: 2 });
    assert.equal(p.state, 'TIME-WAIT');
    assert.equal(p.ready(), READY_READ | READY_END | READY_CLOSED);
    p.close();
    p.closeListener();
    p.advance(60 * SECOND);
    p.expectNothing();
    p.probe.assertClean();
  });

  test('begun by the peer: CLOSE-WAIT, LAST-ACK, CLOSED (section 3.6, figure 12)', () => {
    const p = new Peer().establish();
    p.inject('FA');
    p.expect('A', { seq: 1, ack: 2 });
    assert.equal(p.state, 'CLOSE-WAIT');
    assert.equal(p.ready(), READY_READ | READY_END);
    assert.equal(p.read(), 0);
    p.shutdown();
    p.expect('FA', { seq: 1, ack: 2 });
    assert.equal(p.state, 'LAST-ACK');
    p.inject('A');
    assert.equal(p.state, 'CLOSED');
    assert.equal(p.ready(), READY_CLOSED);
    assert.equal(p.read(), 0, 'the end, not an error');
    assert.equal(p.tcp.error(p.h), 0);
    p.close();
    p.closeListener();
    p.probe.assertClean();
  });

  test('simultaneously: CLOSING, TIME-WAIT (section 3.6, figure 13)', () => {
    const p = new Peer().establish();
    p.shutdown();
    p.expect('FA', { seq: 1, ack: 1 });
    p.inject('FA', { ack: 1 });
    p.expect('A', { seq: 2, ack: 2 });
    assert.equal(p.state, 'CLOSING');
    p.inject('A', { ack: 2 });
    assert.equal(p.state, 'TIME-WAIT');
    assert.ok(p.ready() & READY_CLOSED);
  });

  test('FIN and ACK of FIN in one segment go from FIN-WAIT-1 to TIME-WAIT at once', () => {
    const p = new Peer().establish();
    p.shutdown();
    p.expect('FA');
    p.inject('FA', { ack: 2 });
    p.expect('A', { ack: 2 });
    assert.equal(p.state, 'TIME-WAIT');
  });

  test('the FIN goes with the last data, and waits for all of it', () => {
    const p = new Peer();
    p.win = 1000;
    p.establish();
    assert.equal(p.write(1500), 1500);
    // Half of a small window each: see sendMss().
    p.expect('A', { length: 500 });
    p.expect('A', { length: 500 });
    p.shutdown();
    p.expectNothing();
    assert.equal(p.state, 'ESTABLISHED');
    p.inject('A');
    p.expect('FA', { length: 500 });
    assert.equal(p.state, 'FIN-WAIT-1');
    p.inject('A', { ack: 1501 });
    assert.equal(p.state, 'FIN-WAIT-1', 'the data is acknowledged, the FIN is not');
    p.inject('A', { ack: 1502 });
    assert.equal(p.state, 'FIN-WAIT-2');
  });
});

describe('half close (section 3.6)', () => {
  test('after our FIN the peer’s data is still received', () => {
    const p = new Peer().establish();
    p.shutdown();
    p.expect('FA');
    p.inject('A', { data: 'one ', ack: 1 });
    p.inject('A', { ack: 2 });
    p.inject('A', { data: 'two ' });
    p.inject('FA', { data: 'three' });
    assert.equal(p.take().at(-1)!.ack, 15);
    assert.equal(p.readText(), 'one two three');
    assert.equal(p.read(), 0);
  });

  test('after the peer’s FIN data still goes out', () => {
    const p = new Peer().establish();
    p.inject('FA');
    p.expect('A');
    assert.equal(p.write('answer'), 6);
    p.expect('A', { data: 'answer', ack: 2 });
    p.inject('A');
    assert.equal(p.state, 'CLOSE-WAIT');
  });

  test('write() after shutdown() is EPIPE; a second shutdown() is nothing', () => {
    const p = new Peer().establish();
    p.shutdown();
    assert.equal(p.write('x'), -EPIPE);
    p.shutdown();
    assert.equal(p.take().length, 1);
  });
});

describe('close() (section 3.10.4)', () => {
  test('sends what was written, then FIN; the row goes when all is acknowledged', () => {
    const p = new Peer().establish();
    p.inject('FA');
    p.expect('A');
    p.tcp.write(p.h, Buffer.from('rest'), 0, 4);
    p.close();
    p.expect('FA', { data: 'rest' });
    assert.equal(p.tcp.state(p.h), 0, 'the handle is void');
    assert.equal(p.read(), -EBADF);
    p.inject('A');
    p.closeListener();
    p.probe.assertClean();
  });

  test('with unread data resets: the peer must know that it was lost (RFC 2525 section 2.17)', () => {
    const p = new Peer().establish();
    p.inject('A', { data: 'unread' });
    p.close();
    p.expect('RA', { seq: 1, ack: 7 });
    p.closeListener();
    p.probe.assertClean();
  });

  test('with unread data and the peer’s FIN resets as well', () => {
    const p = new Peer().establish();
    p.inject('FA', { data: 'unread' });
    p.expect('A', { ack: 8 });
    p.close();
    p.expect('RA', { seq: 1, ack: 8 });
  });

  test('with linger 0 resets', () => {
    const p = new Peer().establish();
    assert.equal(p.tcp.set(p.h, OPT_LINGER0, 1), 0);
    p.write('lost');
    p.expect('A');
    p.close();
    p.expect('RA', { seq: 5, ack: 1 });
  });

  test('in SYN-SENT and CLOSED forgets the row without a word', () => {
    const p = new Peer();
    p.connect();
    p.close();
    p.expectNothing();
    p.probe.assertClean();
    p.inject('SA', { seq: 0, ack: 1 });
    p.expect('R');
    const q = new Peer().establish();
    q.inject('R');
    q.close();
    q.closeListener();
    q.expectNothing();
    q.probe.assertClean();
  });

  test('data that arrives after it is answered with RST (section 3.6.1, MUST-13)', () => {
    for (const acked of [false, true]) {
      const p = new Peer().establish();
      p.close();
      p.expect('FA');
      if (acked) p.inject('A');
      p.inject('A', { data: 'late', ack: 2 });
      assert.equal(p.expect('R').seq, 2);
      p.closeListener();
      p.probe.assertClean();
    }
  });

  test('old data again after it is only acknowledged', () => {
    const p = new Peer().establish();
    p.inject('A', { data: 'read' });
    assert.equal(p.readText(), 'read');
    p.close();
    p.expect('FA', { ack: 5 });
    p.inject('A', { seq: 1, data: 'read' });
    p.expect('A', { ack: 5 });
    p.inject('FA', { ack: 2 });
    p.expect('A', { ack: 6 });
  });

  test('FIN-WAIT-2 without a user ends after a while (no connection is held for a silent peer for ever)', () => {
    const p = new Peer().establish();
    p.close();
    p.expect('FA');
    p.inject('A');
    assert.equal(p.tcp.used, 2);
    p.advance(60 * SECOND - 1);
    assert.equal(p.tcp.used, 2);
    p.advance(1);
    p.closeListener();
    p.probe.assertClean();
  });

  test('and so does one closed in FIN-WAIT-2; with a user it stays', () => {
    const p = new Peer().establish();
    p.shutdown();
    p.expect('FA');
    p.inject('A');
    p.advance(3600 * SECOND);
    assert.equal(p.state, 'FIN-WAIT-2');
    p.close();
    p.advance(60 * SECOND);
    p.closeListener();
    p.probe.assertClean();
  });

  test('twice, or of a void handle, does nothing', () => {
    const p = new Peer().establish();
    p.close();
    p.expect('FA');
    p.close();
    p.abort();
    p.expectNothing();
  });
});

describe('abort() (section 3.10.5)', () => {
  const bring = (state: string): Peer => {
    const p = new Peer();
    if (state === 'SYN-SENT') {
      p.connect();
      return p;
    }
    p.establishActive();
    if (state === 'CLOSE-WAIT' || state === 'LAST-ACK') {
      p.inject('FA');
      p.expect('A');
    }
    if (state === 'ESTABLISHED' || state === 'CLOSE-WAIT') return p;
    p.shutdown();
    p.expect('FA');
    if (state === 'FIN-WAIT-1' || state === 'LAST-ACK') return p;
    if (state === 'CLOSING') p.inject('FA', { ack: 1 });
    else p.inject('A');
    if (state === 'TIME-WAIT') p.inject('FA');
    p.take();
    return p;
  };
  for (const [state, reset] of Object.entries({
    'SYN-SENT': false,
    ESTABLISHED: true,
    'FIN-WAIT-1': true,
    'FIN-WAIT-2': true,
    'CLOSE-WAIT': true,
    CLOSING: false,
    'LAST-ACK': false,
    'TIME-WAIT': false,
  })) {
    test(`in ${state} ${reset ? 'sends RST' : 'sends nothing'}, and forgets the row`, () => {
      const p = bring(state);
      assert.equal(p.state, state);
      const seq = p.ack;
      p.abort();
      if (reset) p.expect('RA', { seq, ack: p.seq });
      p.expectNothing();
      p.probe.assertClean();
    });
  }

  test('numbers the RST with the highest number sent, also after a timeout', () => {
    const p = new Peer().establish();
    p.write(3 * 1460);
    assert.equal(p.take().length, 3);
    p.advance(SECOND);
    p.take();
    p.abort();
    p.expect('RA', { seq: 3 * 1460 + 1 });
  });
});

describe('a reset by the peer', () => {
  test('leaves what has arrived to be read, then says ECONNRESET; writing says so at once', () => {
    const p = new Peer().establish();
    p.inject('A', { data: 'before' });
    p.inject('R');
    assert.equal(p.ready(), READY_READ | READY_ERROR);
    assert.equal(p.write('x'), -ECONNRESET);
    assert.equal(p.readText(), 'before');
    assert.equal(p.read(), -ECONNRESET);
    assert.equal(p.tcp.error(p.h), ECONNRESET);
    assert.equal(p.tcp.shutdown(p.h), -ENOTCONN);
    p.close();
    p.closeListener();
    p.probe.assertClean();
  });

  test('throws away what was not sent', () => {
    const p = new Peer().establish();
    p.write(200_000);
    p.inject('R');
    assert.equal(p.probe.stack.core.spans.used, 0);
    assert.equal(p.tcp.unacked(p.h), 0);
  });
});

test('read() on an open connection without data is EAGAIN', () => {
  const p = new Peer().establish();
  assert.equal(p.read(), -EAGAIN);
});
