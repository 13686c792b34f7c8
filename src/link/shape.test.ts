// Tests of the shaped line: the contract, exact times, drop-tail, and any traffic against a plain model of a line.
// Run by node:test; calls shape.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Link, RxBatch, TxBatch } from '../base/link.ts';
import { linkContract } from './contract.test-support.ts';
import { memoryLink } from './memory.ts';
import { ManualClock, makeMemory, pushFrame, testFrame } from './packets.test-support.ts';
import { type Line, parseShape, shapeLink } from './shape.ts';

linkContract('shape without limits', () => {
  const clock = new ManualClock();
  const [a, b] = memoryLink({
    a: makeMemory(),
    b: makeMemory(),
    medium: 'ethernet',
    gso: 65535,
    txChecksum: 'partial',
  });
  return { a: shapeLink(a, clock, {}), b: shapeLink(b, clock, {}) };
});

linkContract('shape with rate and latency', () => {
  const clock = new ManualClock();
  const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory() });
  const line = { rate: 1e9, latency: 2000 };
  const links = [a, b].map((link) => shapeLink(link, clock, { rx: { latency: 100 }, tx: line }));
  return { a: links[0]!, b: links[1]!, clock };
});

const rx = new RxBatch();
const tx = new TxBatch();

/** A line from A to B, on B's end (received) or on A's (sent). */
class World {
  readonly clock = new ManualClock();
  readonly start = this.clock.now;
  readonly a: Link;
  readonly b: Link;
  readonly shaped: Link;

  constructor(line: Line, way: 'rx' | 'tx', frames = 512) {
    const [a, b] = memoryLink({ a: makeMemory(2048), b: makeMemory(2048), mtu: 9000 });
    this.shaped = shapeLink(way === 'rx' ? b : a, this.clock, { [way]: line, frames: frames + 256 });
    this.a = way === 'rx' ? a : this.shaped;
    this.b = way === 'rx' ? this.shaped : b;
  }

  send(length: number, count = 1): void {
    for (let i = 0; i < count; i++) pushFrame(this.a.memory, tx, testFrame('ip', i, length));
    this.a.transmit(tx);
    // What is received passes the line from the moment at which it is asked for.
    this.step();
  }

  /** Times since the start at which frames came until now. */
  readonly times: number[] = [];

  step(): void {
    if (this.shaped === this.a) assert.equal(this.a.receive(rx), 0);
    while (this.b.receive(rx) > 0) {
      for (let i = 0; i < rx.count; i++) this.times.push(this.clock.now - this.start);
      this.b.release(rx);
    }
  }

  /** Goes on to `us` after the start, stopping wherever the link asks for it. */
  to(us: number): void {
    for (let at = this.shaped.pollAt(); at <= this.start + us; at = this.shaped.pollAt()) {
      assert.ok(at > this.clock.now);
      this.clock.now = at;
      this.step();
    }
    this.clock.now = Math.max(this.clock.now, this.start + us);
  }

  end(): void {
    this.a.close();
    this.b.close();
    assert.equal(this.a.memory.frames.used + this.b.memory.frames.used, 0);
  }
}

describe('shape', () => {
  for (const way of ['rx', 'tx'] as const) {
    test(`frames take their bits’ time one after the other, and the latency (${way})`, () => {
      const w = new World({ rate: 10e6, latency: 50_000 }, way);
      w.send(1250, 4); // 1 ms each
      w.to(60_000);
      assert.deepEqual(w.times, [51_000, 52_000, 53_000, 54_000]);
      w.to(100_000);
      w.send(125);
      w.to(200_000);
      assert.deepEqual(w.times.slice(4), [150_100]);
      w.end();
    });

    test(`the queue takes what fits behind the frame being sent, and drops the rest (${way})`, () => {
      const w = new World({ rate: 10e6, queue: 5000 }, way);
      w.send(1250, 10);
      assert.deepEqual(w.shaped.counters.drops, { shape_queue: 6 });
      w.to(500);
      w.send(1250); // 4,375 bytes wait
      assert.deepEqual(w.shaped.counters.drops, { shape_queue: 7 });
      w.send(625);
      w.to(1000);
      w.send(625); // 4,375 again, exactly full now
      assert.deepEqual(w.shaped.counters.drops, { shape_queue: 7 });
      w.send(50);
      assert.deepEqual(w.shaped.counters.drops, { shape_queue: 8 });
      w.to(20_000);
      assert.deepEqual(w.times, [1000, 2000, 3000, 4000, 4500, 5000]);
      w.end();
    });

    test(`any traffic comes when a plain model says (${way})`, () => {
      const traffic = fc.array(fc.tuple(fc.nat(3000), fc.integer({ min: 40, max: 1500 })), {
        maxLength: 40,
        size: 'max',
      });
      const lines = fc.record({
        rate: fc.constantFrom(1e6, 7_654_321, 1e9),
        latency: fc.constantFrom(0, 1, 20_000.5),
        queue: fc.constantFrom(0, 3000, 1e6),
      });
      fc.assert(
        fc.property(lines, traffic, (line, frames) => {
          const w = new World(line, way);
          const expected: number[] = [];
          let busyUntil = 0;
          let time = 0;
          let lost = 0;
          for (const [gap, length] of frames) {
            time += gap;
            w.to(time);
            w.send(length);
            const waiting = (Math.max(0, busyUntil - time) * line.rate) / 8e6;
            if (waiting > 0 && waiting + length > line.queue + 1e-6) {
              lost++;
              continue;
            }
            busyUntil = Math.max(busyUntil, time) + (length * 8e6) / line.rate;
            expected.push(busyUntil + line.latency);
          }
          w.to(time + 1e9);
          assert.equal(w.shaped.counters.drops['shape_queue'] ?? 0, lost);
          assert.equal(w.times.length, expected.length);
          w.times.forEach((t, i) => {
            assert.ok(Math.abs(t - expected[i]!) < 0.01, `${t} instead of ${expected[i]}`);
          });
          w.end();
        }),
        { numRuns: 40 },
      );
    });
  }

  test('a frame that finds the line idle goes, however short the queue', () => {
    const w = new World({ rate: 1e6, queue: 10 }, 'tx');
    w.send(1500);
    w.send(1500);
    w.to(12_000);
    w.send(1500);
    w.to(24_000);
    assert.deepEqual(w.times, [12_000, 24_000]);
    assert.deepEqual(w.shaped.counters.drops, { shape_queue: 1 });
    w.end();
  });

  test('pollAt is the exact time of the next arrival, and Infinity when nothing is on its way', () => {
    const w = new World({ rate: 8e6, latency: 7 }, 'rx');
    assert.equal(w.shaped.pollAt(), Infinity);
    w.send(100, 2);
    assert.equal(w.shaped.pollAt(), w.start + 107);
    w.to(107);
    assert.equal(w.shaped.pollAt(), w.start + 207);
    w.to(207);
    assert.equal(w.shaped.pollAt(), Infinity);
    w.end();
  });

  test('a long fat line that is full of frames holds up its user instead of losing them', () => {
    const w = new World({ latency: 1e6 }, 'tx', 100);
    assert.equal(w.a.room(), 100);
    w.send(60, 100);
    assert.equal(w.a.room(), 0);
    let woken = 0;
    w.a.wake(() => woken++);
    w.to(2e6);
    assert.equal(w.times.length, 100);
    assert.equal(woken, 1);
    assert.equal(w.a.room(), 100);
    w.end();
  });

  test('frames from below that would be too many on the line wait in the inner link', () => {
    const w = new World({ latency: 1e6 }, 'rx', 300);
    w.send(60, 200);
    w.send(60, 200);
    w.send(60, 200);
    w.to(5e6);
    assert.equal(w.times.length, 600);
    assert.deepEqual(w.shaped.counters.drops, {});
    w.end();
  });

  test('directions are lines of their own', () => {
    const clock = new ManualClock();
    const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory() });
    const line = shapeLink(a, clock, { tx: { latency: 10 }, rx: { latency: 20 } });
    pushFrame(b.memory, tx, testFrame('ip', 1, 60));
    b.transmit(tx);
    pushFrame(line.memory, tx, testFrame('ip', 1, 60));
    line.transmit(tx);
    assert.equal(line.receive(rx), 0);
    clock.now += 10;
    assert.equal(line.receive(rx), 0);
    assert.equal(b.receive(rx), 1);
    b.release(rx);
    clock.now += 10;
    assert.equal(line.receive(rx), 1);
    line.release(rx);
  });

  test('refuses what is no line', () => {
    const [a] = memoryLink({ a: makeMemory(), b: makeMemory() });
    for (const line of [{ rate: 0 }, { rate: -1 }, { rate: Number.NaN }, { latency: -1 }, { queue: -1 }]) {
      assert.throws(() => shapeLink(a, new ManualClock(), { tx: line }), RangeError, JSON.stringify(line));
    }
  });
});

describe('parseShape', () => {
  test('reads rate, latency and queue, for both directions or one', () => {
    const line = { rate: 1e7, latency: 50_000, queue: 100_000 };
    assert.deepEqual(parseShape('rate=10mbit,latency=50ms,queue=100kB'), { rx: line, tx: line });
    assert.deepEqual(parseShape('rate=10mbit,tx.rate=1mbit'), { rx: { rate: 1e7 }, tx: { rate: 1e6 } });
  });

  test('says in one line what is wrong', () => {
    assert.throws(() => parseShape('speed=1'), { message: 'shape: unknown key "speed"; known: rate, latency, queue' });
    assert.throws(() => parseShape('rate=10mb'), /^RangeError: shape: rate: "10mb" is no rate/);
  });
});
