// What we tell the peer of what we hold and of what came twice: RFC 2018 sections 4 and 7, RFC 2883 section 4.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Peer, type ProbeOptions } from './probe.test-support.ts';
import type { Fields } from './segments.test-support.ts';

type Blocks = [number, number][];

/** A connection with SACK on which the stack expects number `at` next, and `seg`, which gives it [from, to) of the peer's text. */
function sacked(at = 1, o: ProbeOptions = {}, f: Fields = {}): { p: Peer; seg: (from: number, to: number) => void } {
  const p = new Peer(o);
  p.ts = f.ts as number | undefined;
  p.establish({ mss: 1460, sackOK: true });
  while (p.seq < at) p.inject('A', { data: Math.min(1000, at - p.seq) });
  p.advance(1_000_000);
  p.take();
  return { p, seg: (from, to) => p.inject('A', { seq: from, data: to - from }) };
}

/** One segment comes in and one ACK goes out, with these blocks. */
function answers(c: ReturnType<typeof sacked>, from: number, to: number, ack: number, ...sack: Blocks): void {
  c.seg(from, to);
  c.p.expect('A', { ack, sack, length: 0 });
  c.p.expectNothing();
}

describe('agreeing', () => {
  test('a SYN-ACK permits SACK only if the SYN did', () => {
    for (const sackOK of [true, false]) {
      const p = new Peer();
      p.listen();
      p.inject('S', { mss: 1460, sackOK });
      p.expect('SA', { sackOK });
    }
  });

  test('our SYN permits it; without an answer no block is sent, nor a duplicate reported', () => {
    const p = new Peer();
    p.connect({ sackOK: true });
    p.inject('SA', { mss: 1460 });
    p.expect('A');
    p.inject('A', { seq: 11, data: 10 });
    p.expect('A', { ack: 1, sack: [] });
    p.inject('A', { seq: 1, data: 10 });
    p.expect('A', { ack: 21, sack: [] });
    p.inject('A', { seq: 1, data: 10 });
    p.expect('A', { ack: 21, sack: [] });
  });

  test('a stack that does not want it neither offers nor agrees', () => {
    const p = new Peer({ settings: { tcpSack: false } });
    p.listen();
    p.inject('S', { sackOK: true });
    p.expect('SA', { sackOK: false });
  });
});

describe('RFC 2018 section 7', () => {
  test('case 1: the first four of eight arrive', () => {
    const c = sacked(5000);
    for (let n = 0; n < 4; n++) c.seg(5000 + 500 * n, 5500 + 500 * n);
    c.p.advance(1_000_000);
    const last = c.p.take().at(-1)!;
    assert.deepEqual([last.ack, last.sack], [7000, []]);
  });

  test('case 2: the first is lost, seven arrive', () => {
    const c = sacked(5000);
    for (let n = 1; n < 8; n++) answers(c, 5000 + 500 * n, 5500 + 500 * n, 5000, [5500, 5500 + 500 * n]);
  });

  test('case 3: every second is lost; then the fourth comes, then the second', () => {
    const c = sacked(5000);
    c.seg(5000, 5500);
    c.p.advance(100_000);
    c.p.expect('A', { ack: 5500, sack: [] });
    answers(c, 6000, 6500, 5500, [6000, 6500]);
    answers(c, 7000, 7500, 5500, [7000, 7500], [6000, 6500]);
    answers(c, 8000, 8500, 5500, [8000, 8500], [7000, 7500], [6000, 6500]);
    answers(c, 6500, 7000, 5500, [6000, 7500], [8000, 8500]);
    answers(c, 5500, 6000, 7500, [8000, 8500]);
  });
});

describe('the order of blocks (RFC 2018 section 4)', () => {
  test('the first holds the segment that came, the next are those reported last', () => {
    const c = sacked();
    answers(c, 101, 201, 1, [101, 201]);
    answers(c, 301, 401, 1, [301, 401], [101, 201]);
    answers(c, 501, 601, 1, [501, 601], [301, 401], [101, 201]);
    answers(c, 201, 251, 1, [101, 251], [501, 601], [301, 401]);
    answers(c, 451, 501, 1, [451, 601], [101, 251], [301, 401]);
  });

  test('of many ranges four are told of, beside timestamps three', () => {
    for (const ts of [undefined, 5]) {
      const c = sacked(1, {}, ts === undefined ? {} : { ts });
      for (let n = 1; n < 8; n++) c.seg(200 * n, 200 * n + 100);
      const last = c.p.take().at(-1)!;
      const all: Blocks = [
        [1400, 1500],
        [1200, 1300],
        [1000, 1100],
        [800, 900],
      ];
      assert.deepEqual(last.sack, ts === undefined ? all : all.slice(0, 3));
      assert.equal(last.options, ts === undefined ? 36 : 40);
    }
  });

  test('each block is told in three ACKs in a row at least, beside timestamps, too', () => {
    const c = sacked(1, {}, { ts: 5 });
    const told = new Map<number, number>();
    for (let n = 1; n < 12; n++) c.seg(200 * n, 200 * n + 100);
    for (const s of c.p.take()) for (const [left] of s.sack) told.set(left, (told.get(left) ?? 0) + 1);
    for (let n = 1; n < 10; n++) assert.equal(told.get(200 * n), 3);
  });

  test('where ranges of the last four have merged, others take their places: as many as possible', () => {
    const c = sacked();
    for (let n = 1; n < 8; n++) c.seg(200 * n, 200 * n + 100);
    c.p.take();
    // The last three become one.
    c.seg(1100, 1200);
    c.p.take();
    answers(c, 1300, 1400, 1, [1000, 1500], [800, 900], [200, 300], [400, 500]);
  });

  test('every ACK bears them while there is a gap: of data, of a window that opens, of a probe', () => {
    const c = sacked(1, { settings: { tcpReceiveBuffer: 20_000 } });
    const { p } = c;
    for (let n = 0; n < 8; n++) p.inject('A', { data: 1460 });
    c.seg(p.seq + 100, p.seq + 200);
    const sack: Blocks = [[p.seq + 100, p.seq + 200]];
    p.take();
    p.read();
    p.expect('A', { sack });
    p.inject('A', { seq: p.seq - 1 });
    p.expect('A', { sack });
    p.write('data');
    p.expect('A', { sack, data: 'data' });
    p.shutdown();
    p.expect('FA', { sack });
    p.inject('A', { ack: 1, data: 100 });
    p.expect('A', { sack: [] });
  });

  test('segments that come together bring an ACK each, each as things stood', () => {
    const { p } = sacked();
    p.probe.deliver(...[101, 301, 501].map((seq) => p.packet('A', { seq, data: 100 })));
    assert.deepEqual(
      p.take().map((s) => s.sack),
      [
        [[101, 201]],
        [
          [301, 401],
          [101, 201],
        ],
        [
          [501, 601],
          [301, 401],
          [101, 201],
        ],
      ],
    );
  });
});

describe('RFC 2883 section 4', () => {
  test('example 1: a duplicate segment', () => {
    const c = sacked(4000);
    answers(c, 3000, 3500, 4000, [3000, 3500]);
  });

  test('example 2: an out-of-order segment and a duplicate segment', () => {
    const c = sacked(4000);
    answers(c, 4500, 5000, 4000, [4500, 5000]);
    answers(c, 3000, 3500, 4000, [3000, 3500], [4500, 5000]);
  });

  test('example 3: a duplicate of an out-of-order segment', () => {
    const c = sacked(4000);
    answers(c, 4500, 5000, 4000, [4500, 5000]);
    answers(c, 5000, 5500, 4000, [4500, 5500]);
    answers(c, 5000, 5500, 4000, [5000, 5500], [4500, 5500]);
  });

  test('example 4: a single duplicate subsegment', () => {
    const c = sacked(1000);
    answers(c, 2000, 2500, 1000, [2000, 2500]);
    answers(c, 1000, 1500, 1500, [2000, 2500]);
    answers(c, 1000, 2000, 2500, [1000, 1500]);
  });

  test('example 5: two subsegments covered by the cumulative acknowledgement: the first is reported', () => {
    const c = sacked(1000);
    answers(c, 3000, 3500, 1000, [3000, 3500]);
    answers(c, 1000, 1500, 1500, [3000, 3500]);
    answers(c, 2000, 2500, 1500, [2000, 2500], [3000, 3500]);
    answers(c, 1000, 2500, 2500, [1000, 1500], [3000, 3500]);
  });

  test('example 6: two subsegments above it: the first is reported, then the block it belongs to', () => {
    const c = sacked(1000);
    answers(c, 3500, 4000, 1000, [3500, 4000]);
    answers(c, 1500, 2000, 1000, [1500, 2000], [3500, 4000]);
    answers(c, 2500, 3000, 1000, [2500, 3000], [1500, 2000], [3500, 4000]);
    answers(c, 1500, 3000, 1000, [1500, 2000], [1500, 3000], [3500, 4000]);
  });

  test('a segment that fills a gap and repeats what was held behind it', () => {
    const c = sacked(1000);
    answers(c, 1500, 2000, 1000, [1500, 2000]);
    answers(c, 1000, 1800, 2000, [1500, 1800]);
  });

  test('each is reported once', () => {
    const c = sacked(4000);
    answers(c, 4500, 5000, 4000, [4500, 5000]);
    answers(c, 3000, 3500, 4000, [3000, 3500], [4500, 5000]);
    answers(c, 5500, 6000, 4000, [5500, 6000], [4500, 5000]);
  });

  test('each of several that come together', () => {
    const { p } = sacked(4000);
    p.probe.deliver(...[1000, 2000, 3000].map((seq) => p.packet('A', { seq, data: 100 })));
    assert.deepEqual(
      p.take().map((s) => s.sack),
      [[[1000, 1100]], [[2000, 2100]], [[3000, 3100]]],
    );
  });

  test('one that PAWS refuses, too (section 4.3)', () => {
    const { p } = sacked(1, {}, { ts: 100 });
    p.inject('A', { data: 1000, ts: 110 });
    p.inject('A', { data: 1000, ts: 110 });
    p.take();
    p.inject('A', { seq: 1, data: 1000, ts: 90 });
    p.expect('A', { ack: 2001, sack: [[1, 1001]] });
  });

  test('a keepalive is none, one with a byte of text is', () => {
    const c = sacked(100);
    c.p.inject('A', { seq: 99 });
    c.p.expect('A', { ack: 100, sack: [] });
    answers(c, 99, 100, 100, [99, 100]);
  });

  test('not if the stack is told so', () => {
    const c = sacked(4000, { settings: { tcpDsack: false } });
    answers(c, 3000, 3500, 4000);
    answers(c, 4500, 5000, 4000, [4500, 5000]);
    answers(c, 4500, 5000, 4000, [4500, 5000]);
  });
});

describe('on data segments the blocks take room from the text', () => {
  for (const [name, f, full, option] of [
    ['alone', {}, 1460, 12],
    ['beside timestamps', { ts: 5 }, 1448, 12],
  ] as const) {
    test(name, () => {
      const c = sacked(1, {}, f);
      c.seg(101, 201);
      c.p.take();
      c.p.write(3 * full);
      const sent = c.p.take().slice(0, 3);
      assert.deepEqual(
        sent.map((s) => s.data.length),
        [full - option, full - option, full - option],
      );
      assert.ok(sent.every((s) => s.bytes === 1500 && s.sack.length === 1));
    });
  }

  test('a retransmission goes as it was, without blocks if they do not fit', () => {
    const c = sacked();
    c.p.write(1460);
    c.p.take();
    c.p.inject('A', { seq: 101, data: 100, ack: 1 });
    c.p.take();
    c.p.advance(1_000_000);
    const again = c.p.take()[0]!;
    assert.deepEqual([again.seq, again.data.length, again.bytes], [1, 1460, 1500]);
    assert.deepEqual(again.sack, []);
  });

  test('a superframe is cut accordingly, and stays a legal packet', () => {
    const c = sacked(1, { gso: 65535, settings: { tcpInitialWindow: 200 } });
    for (let n = 0; n < 4; n++) c.seg(101 + 200 * n, 201 + 200 * n);
    c.p.take();
    const { stack } = c.p.probe;
    const tx = stack.interfaces.get(1).tx;
    const sizes: number[] = [];
    const flush = tx.clear.bind(tx);
    tx.clear = () => {
      for (let i = 0; i < tx.count; i++) sizes.push(tx.gsoSize[i]!);
      flush();
    };
    c.p.write(65_000);
    const sent = c.p.take();
    assert.equal(sizes[0], 1460 - 36);
    assert.equal(sent[0]!.data.length % (1460 - 36), 0);
    assert.ok(sent.every((s) => s.bytes <= 65535 && s.sack.length === 4));
  });
});

test('whatever comes, blocks tell exactly what is held, the latest first, and every ACK of a gap has some', () => {
  const step = fc.record({ offset: fc.integer({ min: -400, max: 1500 }), length: fc.integer({ min: 1, max: 300 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, stamps) => {
      const p = new Peer({}, 5555, 2 ** 31 - 700);
      if (stamps) p.ts = 1;
      p.establish({ mss: 1460, sackOK: true });
      const held = new Uint8Array(200_000);
      held[0] = 1;
      let next = 1;
      for (const { offset, length } of steps) {
        const seq = Math.max(1, next + offset);
        const old: boolean[] = [];
        for (let i = seq; i < seq + length; i++) {
          old.push(held[i] === 1);
          held[i] = 1;
        }
        while (held[next] === 1) next++;
        p.inject('A', { seq, data: length });
        p.advance(200_000);
        for (const s of p.take()) {
          assert.equal(s.ack, next);
          const blocks = [...s.sack];
          if (old.includes(true)) {
            const from = seq + old.indexOf(true);
            const until = old.indexOf(false, old.indexOf(true));
            assert.deepEqual(blocks.shift(), [from, until < 0 ? seq + length : seq + until], 'the duplicate');
          }
          const gaps: Blocks = [];
          for (let i = next; i < next + 3000; i++) {
            if (held[i] !== 1) continue;
            if (gaps.at(-1)?.[1] === i) gaps.at(-1)![1]++;
            else gaps.push([i, i + 1]);
          }
          for (const block of blocks)
            assert.ok(
              gaps.some(([a, b]) => a === block[0] && b === block[1]),
              'held',
            );
          assert.equal(new Set(blocks.map(String)).size, blocks.length, 'no block twice');
          const room = (stamps ? 3 : 4) - (old.includes(true) ? 1 : 0);
          assert.equal(blocks.length, Math.min(gaps.length, room), 'as many as possible');
          if (seq > next) assert.ok(blocks[0]![0] <= seq && blocks[0]![1] >= seq + length, 'the latest first');
        }
      }
      p.abort();
      p.closeListener();
      p.take();
      p.probe.assertClean();
    }),
    { numRuns: 150 },
  );
});
