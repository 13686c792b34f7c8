// Segments out of order: what is kept, what wins, what bounds it, when it is acknowledged (RFC 9293 section 3.10.7.4; RFC 5681 section 4.2).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHUNK } from '../../base/spans.ts';
import { READY_END, READY_READ } from './flags.ts';
import { Peer, Probe, type ProbeOptions } from './probe.test-support.ts';

function established(o: ProbeOptions = {}): Peer {
  const p = new Peer(o).establish();
  p.ready();
  return p;
}

describe('reordering', () => {
  test('a gap is acknowledged at once, each time; what fills it brings everything in order', () => {
    const p = established();
    p.inject('A', { seq: 6, data: 'world' });
    p.expect('A', { ack: 1 });
    p.inject('A', { seq: 11, data: '!' });
    p.expect('A', { ack: 1 });
    assert.equal(p.ready(), 0, 'nothing to read yet');
    p.inject('A', { seq: 1, data: 'hello' });
    p.expect('A', { ack: 12 });
    assert.equal(p.ready(), READY_READ);
    assert.equal(p.readText(), 'helloworld!');
  });

  test('several gaps fill in any order', () => {
    const p = established();
    for (const [seq, data] of [
      [9, 'i'],
      [3, 'c'],
      [7, 'g'],
      [5, 'e'],
      [4, 'd'],
      [8, 'h'],
      [6, 'f'],
      [2, 'b'],
    ] as const) {
      p.inject('A', { seq, data });
      p.expect('A', { ack: 1 });
    }
    assert.equal(p.tcp.info(p.h)!.outOfOrderRanges, 1);
    p.inject('A', { seq: 1, data: 'a' });
    p.expect('A', { ack: 10 });
    assert.equal(p.readText(), 'abcdefghi');
    assert.equal(p.tcp.info(p.h)!.outOfOrderRanges, 0);
  });

  test('a segment that fills a part of a gap is acknowledged at once, too', () => {
    const p = established();
    p.inject('A', { seq: 20, data: 'later' });
    p.expect('A', { ack: 1 });
    p.inject('A', { seq: 1, data: 'abc' });
    p.expect('A', { ack: 4 });
  });
});

describe('overlaps: what is held stays', () => {
  for (const [name, first, second, want] of [
    ['over all of it', [3, 'CDE'], [2, 'bxxxf'], 'abCDEf'],
    ['on its left', [3, 'CDE'], [2, 'bx'], 'abCDE'],
    ['on its right', [3, 'CDE'], [5, 'xf'], 'abCDEf'],
    ['inside it', [2, 'BCDE'], [3, 'xx'], 'aBCDE'],
    ['exactly it', [2, 'BCD'], [2, 'xxx'], 'aBCD'],
  ] as const) {
    test(name, () => {
      const p = established();
      p.inject('A', { seq: first[0], data: first[1] });
      p.inject('A', { seq: second[0], data: second[1] });
      p.inject('A', { seq: 1, data: 'ab'.slice(0, Math.min(first[0], second[0]) - 1) });
      assert.equal(p.readText(), want);
    });
  }

  test('what comes in order over held data is cut by what is held', () => {
    const p = established();
    p.inject('A', { seq: 3, data: 'CD' });
    p.inject('A', { seq: 6, data: 'F' });
    p.inject('A', { seq: 1, data: 'abxxexg' });
    assert.equal(p.readText(), 'abCDeFg');
  });
});

describe('FIN ahead of data', () => {
  test('waits for what lies before it', () => {
    const p = established();
    p.inject('FA', { seq: 4, data: 'def' });
    p.expect('A', { ack: 1 });
    assert.equal(p.state, 'ESTABLISHED');
    p.inject('A', { seq: 1, data: 'abc' });
    p.expect('A', { ack: 8 });
    assert.equal(p.state, 'CLOSE-WAIT');
    assert.equal(p.ready(), READY_READ | READY_END);
    assert.equal(p.readText(), 'abcdef');
    assert.equal(p.readText(), 0);
  });

  test('alone, ahead of several gaps', () => {
    const p = established();
    p.inject('FA', { seq: 7 });
    p.inject('A', { seq: 5, data: 'ef' });
    p.inject('A', { seq: 1, data: 'ab' });
    p.inject('A', { seq: 3, data: 'cd' });
    assert.equal(p.take().at(-1)!.ack, 8);
    assert.equal(p.readText(), 'abcdef');
    assert.equal(p.state, 'CLOSE-WAIT');
  });

  test('data behind it is not taken', () => {
    const p = established();
    p.inject('FA', { seq: 3, data: 'cd' });
    p.inject('A', { seq: 4, data: 'dEVIL' });
    p.inject('A', { seq: 8, data: 'EVIL' });
    p.inject('A', { seq: 1, data: 'ab' });
    assert.equal(p.readText(), 'abcd');
    assert.equal(p.state, 'CLOSE-WAIT');
  });

  test('one that lies inside of what is held is not believed', () => {
    const p = established();
    p.inject('A', { seq: 3, data: 'cdef' });
    p.inject('FA', { seq: 4 });
    p.inject('A', { seq: 1, data: 'ab' });
    assert.equal(p.readText(), 'abcdef');
    assert.equal(p.state, 'ESTABLISHED');
    p.inject('FA', { seq: 7 });
    assert.equal(p.state, 'CLOSE-WAIT');
  });

  test('again, with the data that was missing', () => {
    const p = established();
    p.inject('FA', { seq: 4, data: 'def' });
    p.inject('FA', { seq: 1, data: 'abcdef' });
    assert.equal(p.take().at(-1)!.ack, 8);
    assert.equal(p.readText(), 'abcdef');
  });
});

describe('bounds', () => {
  test('of ranges a connection: more are dropped, those held stay', () => {
    const p = established({ settings: { tcpMaxRanges: 4 } });
    for (let n = 0; n < 8; n++) p.inject('A', { seq: 3 + 2 * n, data: String(n) });
    assert.equal(p.tcp.info(p.h)!.outOfOrderRanges, 4);
    p.inject('A', { seq: 1, data: 'ab' });
    p.inject('A', { seq: 4, data: '-' });
    assert.equal(p.readText(), 'ab0-1');
  });

  test('of memory: nothing beyond the window is kept', () => {
    const p = established({ settings: { tcpReceiveBuffer: 5000 } });
    p.inject('A', { seq: 4000, data: 'x'.repeat(1460) });
    p.inject('A', { seq: 5001, data: 'y' });
    p.inject('A', { seq: 1, data: 3999 });
    assert.equal(p.tcp.readable(p.h), 5000);
  });

  test('of memory: bytes that come one by one and in no order take no chunk each', () => {
    const p = established();
    let next = 1;
    for (let round = 0; round < 10; round++) {
      for (let n = 1; n < 200; n += 2) p.inject('A', { seq: next + n, data: 'b' });
      for (let n = 0; n < 200; n += 2) p.inject('A', { seq: next + n, data: 'a' });
      next += 200;
      p.probe.sent.length = 0;
    }
    assert.equal(p.tcp.readable(p.h), 2000);
    const chunks = p.probe.stack.core.spans.used;
    assert.ok(chunks < 10, `${chunks} chunks of ${CHUNK} bytes`);
    assert.equal(p.readText(), 'ab'.repeat(1000));
  });

  test('nothing is acknowledged that is not held: others have all chunks', () => {
    const p = established({ memory: { chunks: 1 } });
    const q = new Peer(p.probe, 6000);
    q.listener = p.listener;
    q.establish();
    q.inject('A', { data: 'x' });
    p.inject('A', { seq: 1, data: 'lost' });
    p.inject('FA', { seq: 5 });
    assert.equal(p.take().at(-1)!.ack, 1);
    assert.equal(q.readText(), 'x');
    p.inject('A', { seq: 1, data: 'lost' });
    assert.equal(p.take().at(-1)!.ack, 6);
    assert.equal(p.readText(), 'lost');
    assert.equal(p.readText(), 0);
  });

  test('everything is given back with the connection', () => {
    for (const end of ['R', 'abort', 'close'] as const) {
      const probe = new Probe();
      const p = new Peer(probe).establish();
      for (let n = 0; n < 50; n++) p.inject('A', { seq: 1000 + 100 * n, data: 50 });
      if (end === 'R') {
        p.inject('R', { seq: 1 });
        p.close();
      } else if (end === 'abort') p.abort();
      else {
        p.close();
        p.inject('FA', { seq: 1 });
        p.take();
        p.inject('A', { seq: 2, ack: 2 });
        p.advance(61_000_000);
      }
      p.closeListener();
      p.take();
      probe.assertClean();
    }
  });
});

test('urgent data is read in line, wherever the pointer points (section 3.8.5)', () => {
  const p = established();
  p.inject('AU', { data: 'ab!', urgent: 3 });
  p.inject('AU', { data: 'cd', urgent: 60_000 });
  p.inject('A', { data: 'ef', urgent: 1 });
  assert.equal(p.readText(), 'ab!cdef');
});
