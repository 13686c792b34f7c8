// The receiving side when memory is short: what gives way to what, and what the peer is told (RFC 9293 section 3.8.6, RFC 2018 section 8).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHUNK } from '../../base/spans.ts';
import { Peer } from './probe.test-support.ts';

const MSS = 1460;

/** Takes chunks of the stack of `p` until `leave` are left; the result gives them back. */
function hog(p: Peer, leave: number): () => void {
  const { arena, spans, u8 } = p.probe.stack.core;
  const list = arena.region(`hog ${arena.regions().length}`, 12) >> 2;
  spans.append(list, u8, 0, spans.availableBytes - leave * CHUNK);
  return () => spans.clear(list);
}

function second(p: Peer, port = 6000): Peer {
  const q = new Peer(p.probe, port);
  q.listener = p.listener;
  return q.establish({ mss: MSS, sackOK: true });
}

function connection(chunks = 64): Peer {
  return new Peer({ memory: { chunks } }).establish({ mss: MSS, sackOK: true });
}

const ranges = (p: Peer): number => p.tcp.info(p.h)!.outOfOrderRanges;

describe('text ahead of a gap', () => {
  test('takes no more chunks than a share of what is free, however few its bytes', () => {
    const p = connection();
    for (let n = 1; n < 60; n++) p.inject('A', { seq: 10 * n, data: 'x' });
    assert.ok(ranges(p) <= 12 && ranges(p) >= 6, `${ranges(p)}`);
    assert.ok(p.probe.stack.core.spans.used <= 12);
  });

  test('what is nearer displaces what is farthest, not the other way round', () => {
    const p = connection();
    for (let n = 60; n > 30; n--) p.inject('A', { seq: 10 * n, data: 'x' });
    const few = ranges(p);
    for (let n = 30; n > 0; n--) p.inject('A', { seq: 10 * n, data: 'x' });
    assert.ok(Math.abs(ranges(p) - few) <= 1);
    assert.deepEqual(p.take().at(-1)!.sack[0], [10, 11]);
    p.inject('A', { seq: 900, data: 'x' });
    const last = p.take().at(-1)!;
    assert.ok(
      last.sack.every(([left]) => left < 300),
      'the far one was not taken',
    );
  });

  test('leaves the last eighth of memory to text in order', () => {
    const p = connection();
    const give = hog(p, 8);
    p.inject('A', { seq: 101, data: 'x' });
    assert.equal(ranges(p), 0);
    p.expect('A', { ack: 1, sack: [] });
    p.inject('A', { seq: 1, data: 100 });
    p.advance(50_000);
    p.expect('A', { ack: 101 });
    give();
    p.inject('A', { seq: 201, data: 'x' });
    assert.equal(ranges(p), 1);
  });

  test('many peers that hold as much as they can leave enough for others', () => {
    const p = connection();
    for (let n = 1; n < 40; n++) {
      const q = second(p, 7000 + n);
      for (let k = 1; k < 30; k++) q.inject('A', { seq: 10 * k, data: 'x' });
    }
    assert.ok(p.probe.stack.core.spans.availableBytes >= 8 * CHUNK);
    for (let n = 0; n < 20; n++) {
      p.inject('A', { data: MSS });
      assert.equal((p.read() as Uint8Array).length, MSS);
    }
  });

  test('gives way to what is next in order when no chunk is free: the farthest first', () => {
    const p = connection();
    p.inject('A', { seq: 5001, data: 'near' });
    p.inject('A', { seq: 9001, data: 'far' });
    assert.equal(ranges(p), 2);
    p.take();
    hog(p, 0);
    p.inject('A', { seq: 1, data: 1000 });
    p.expect('A', { ack: 1001, sack: [[5001, 5005]] });
    assert.equal(p.tcp.readable(p.h), 1000);
    assert.equal(ranges(p), 1);
  });
});

describe('a segment that memory does not suffice for', () => {
  test('is answered by a window of 0; a probe learns when there is room again', () => {
    const p = connection();
    const give = hog(p, 0);
    p.inject('A', { seq: 1, data: 1000 });
    p.expect('A', { ack: 1, win: 0 });
    p.inject('A', { seq: 0 });
    p.expect('A', { ack: 1, win: 0 });
    give();
    p.advance(1_000_000);
    p.inject('A', { seq: 0 });
    const reopened = p.expect('A', { ack: 1 });
    assert.ok(reopened.win > 2 * MSS);
    p.inject('A', { seq: 1, data: 1000 });
    p.advance(50_000);
    p.expect('A', { ack: 1001 });
  });

  test('reading tells of the room that it makes', () => {
    const p = connection();
    for (let n = 0; n < 20; n++) p.inject('A', { data: MSS });
    const give = hog(p, 0);
    p.take();
    for (let n = 0; n < 3; n++) p.inject('A', { data: MSS });
    assert.equal(p.take().at(-1)!.win, 0);
    give();
    p.read();
    assert.ok(p.take().at(-1)!.win > 10 * MSS);
  });

  test('reading tells of it though the promise has not moved', () => {
    const p = connection();
    p.inject('A', { data: 2048 });
    p.inject('A', { data: 2048 }); // a chunk, full
    p.take();
    const give = hog(p, 0);
    p.inject('A', { data: 1000 });
    p.expect('A', { ack: 4097, win: 0 });
    give();
    p.read(10);
    assert.ok(p.expect('A', { ack: 4097 }).win > 60_000);
  });

  test('the promise stays: what fits later is taken', () => {
    const p = connection();
    const give = hog(p, 0);
    p.inject('A', { seq: 1, data: 1000 });
    p.expect('A', { win: 0 });
    give();
    p.inject('A', { seq: 1, data: 1000 });
    p.advance(50_000);
    const ack = p.expect('A', { ack: 1001 });
    assert.ok(ack.win > 0);
  });
});
