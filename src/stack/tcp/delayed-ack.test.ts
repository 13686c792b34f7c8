// When data is acknowledged (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OPT_NODELAY } from './flags.ts';
import { Peer } from './probe.test-support.ts';

const MSS = 1460;
const DELAY = 40_000;

/** A connection over which full segments have come before. */
function warm(): Peer {
  const p = new Peer().establish();
  p.inject('A', { data: MSS });
  p.inject('A', { data: MSS });
  p.expect('A', { ack: 2 * MSS + 1 });
  p.read();
  p.take();
  return p;
}

describe('a delayed ACK', () => {
  test('goes after the delay when nothing else happens', () => {
    const p = warm();
    p.inject('A', { data: 'x' });
    p.advance(DELAY - 1);
    p.expectNothing();
    p.advance(1);
    p.expect('A', { ack: 2 * MSS + 2, length: 0 });
    p.advance(1_000_000);
    p.expectNothing();
  });

  test('is not put off by more small segments', () => {
    const p = warm();
    for (let n = 0; n < 4; n++) {
      p.inject('A', { data: 'x' });
      p.advance(DELAY / 4);
    }
    p.expect('A', { ack: 2 * MSS + 5 });
    p.expectNothing();
  });

  test('goes with data', () => {
    const p = warm();
    p.inject('A', { data: 'question' });
    p.write('answer');
    p.expect('A', { data: 'answer', ack: 2 * MSS + 9 });
    p.advance(1_000_000);
    assert.ok(
      p.take().every((s) => s.data.length > 0),
      'only retransmissions',
    );
  });

  test('goes with a FIN', () => {
    const p = warm();
    p.inject('A', { data: 'q' });
    p.read();
    p.shutdown();
    p.expect('FA', { ack: 2 * MSS + 2 });
    p.advance(100_000);
    p.expectNothing();
  });
});

describe('an immediate ACK', () => {
  test('for every second full segment (MUST-58)', () => {
    const p = warm();
    for (let n = 3; n < 11; n++) {
      p.inject('A', { data: MSS });
      p.read();
      if (n % 2 === 0) p.expect('A', { ack: n * MSS + 1 });
      p.expectNothing();
    }
  });

  test('for every two segments’ worth of data, though segments have become smaller', () => {
    const p = warm();
    for (let n = 0; n < 3; n++) p.inject('A', { data: 1000 });
    p.expect('A', { ack: 2 * MSS + 3001 });
    p.expectNothing();
  });

  test('from the first segments on, before it is known how large they are', () => {
    const p = new Peer().establish({ mss: 300 });
    p.inject('A', { data: 300 });
    p.inject('A', { data: 300 });
    p.expect('A', { ack: 601 });
  });

  test('for a duplicate, a gap, and what fills it (RFC 5681 section 4.2)', () => {
    const p = warm();
    const n = 2 * MSS + 1;
    p.inject('A', { seq: n - 10, data: 10 });
    p.expect('A', { ack: n });
    p.inject('A', { seq: n + 10, data: 10 });
    p.expect('A', { ack: n });
    p.inject('A', { seq: n, data: 10 });
    p.expect('A', { ack: n + 20 });
  });

  test('for a FIN', () => {
    const p = warm();
    p.inject('FA', { data: 'x' });
    p.expect('A', { ack: 2 * MSS + 3 });
  });
});

test('segments that arrive together: in order they share an ACK, out of order each brings its own (RFC 5681 section 4.2)', () => {
  const p = warm();
  const n = p.seq;
  const data = (at: number): Uint8Array => p.packet('A', { seq: n + at * MSS, data: MSS });
  p.probe.deliver(...[0, 1, 2, 3, 5, 6, 7, 8].map(data));
  assert.deepEqual(
    p.take().map((s) => (s.ack - n) / MSS),
    [4, 4, 4, 4, 4],
    'of the first five one is new, four are duplicates',
  );
  p.probe.deliver(...[4, 9, 10].map(data));
  assert.deepEqual(
    p.take().map((s) => (s.ack - n) / MSS),
    [11],
  );
});

test('empty segments are not acknowledged: ACKs of ACKs would never end', () => {
  const p = warm();
  for (let n = 0; n < 5; n++) p.inject('A');
  p.advance(1_000_000);
  p.expectNothing();
});

test('NODELAY does not change when we acknowledge', () => {
  const p = warm();
  p.tcp.set(p.h, OPT_NODELAY, 1);
  p.inject('A', { data: 'x' });
  p.expectNothing();
  p.advance(DELAY);
  p.expect('A');
});
