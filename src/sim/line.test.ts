// Lines: rates and delays to the microsecond, queues to the packet, and the fates of packets by their seed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LineRig } from './line.test-support.ts';

const numbers = (rig: LineRig): number[] => rig.arrivals.map((a) => a.number);

describe('line', () => {
  test('without a rate a packet takes exactly the delay', () => {
    const rig = new LineRig({ delay: 12_345 });
    rig.run(100);
    rig.send(1500, 3);
    rig.run(1e6);
    assert.deepEqual(
      rig.arrivals.map((a) => a.at),
      [12_445, 12_445, 12_445],
    );
  });

  test('packets are serialised one after the other at exactly the rate', () => {
    const rig = new LineRig({ rate: 10e6, delay: 1000 });
    rig.send(1500, 2);
    rig.send(40);
    rig.run(1e6);
    // 1500 bytes at 10 Mbit/s: 1200 us; 40 bytes: 32 us.
    assert.deepEqual(
      rig.arrivals.map((a) => a.at),
      [2200, 3400, 3432],
    );
    rig.send(100);
    rig.run(2e6);
    assert.equal(rig.arrivals[3]!.at, 1e6 + 80 + 1000, 'an idle wire starts at once');
  });

  test('a second at a rate carries exactly its bits, overhead included', () => {
    const rig = new LineRig({ rate: 100e6, overhead: 38, queue: { packets: 4000 } });
    for (let ms = 0; ms < 1000; ms += 100) {
      rig.run(ms * 1000);
      rig.send(1212, 1100);
    }
    rig.run(1e6);
    // (1212 + 38) * 8 bits are 100 us at this rate.
    assert.equal(rig.line.counters.received, 10_000);
  });

  test('a queue of packets holds exactly so many beside the one being sent', () => {
    const rig = new LineRig({ rate: 1e6, queue: { packets: 5 } });
    rig.send(125, 10);
    assert.equal(rig.line.counters.full, 4);
    assert.equal(rig.line.queued, 5);
    rig.run(1000);
    assert.equal(rig.line.queued, 4, 'the next one has begun when the first was out');
    rig.send(125, 2);
    assert.equal(rig.line.counters.full, 5);
    rig.run(1e6);
    assert.deepEqual(numbers(rig), [0, 1, 2, 3, 4, 5, 10]);
  });

  test('a queue of bytes drops what does not fit and takes a smaller one after it', () => {
    const rig = new LineRig({ rate: 1e6, queue: { bytes: 1000 } });
    rig.send(1000);
    rig.send(900);
    rig.send(200);
    rig.send(100);
    rig.run(1e6);
    assert.deepEqual(numbers(rig), [0, 1, 3]);
    assert.equal(rig.line.counters.maxQueue, 1000);
  });

  test('the rate can change: the packet being sent goes on as it was', () => {
    const rig = new LineRig({ rate: 1e6 });
    rig.send(125, 3);
    rig.run(500);
    rig.line.set({ rate: 10e6 });
    rig.run(1e6);
    assert.deepEqual(
      rig.arrivals.map((a) => a.at),
      [1000, 1100, 1200],
    );
  });

  test('a link that is down loses what waits and what comes, not what is on the wire', () => {
    const rig = new LineRig({ rate: 1e6, delay: 5000 });
    rig.send(125, 3);
    rig.run(1500);
    rig.line.setUp(false);
    rig.send(125);
    rig.run(2000);
    rig.line.setUp(true);
    rig.send(125);
    rig.run(1e6);
    assert.deepEqual(numbers(rig), [0, 1, 4]);
    assert.equal(rig.line.counters.down, 2);
    assert.equal(rig.net.frames.used, 0);
  });

  test('a list loses exactly its packets, a period every so-manieth', () => {
    const list = new LineRig({ loss: { model: 'list', packets: [7, 0, 2, 2] } });
    list.stream(100, 9, 10);
    assert.deepEqual(numbers(list), [1, 3, 4, 5, 6, 8]);
    const periodic = new LineRig({ loss: { model: 'periodic', every: 3 } });
    periodic.stream(100, 9, 10);
    assert.deepEqual(numbers(periodic), [0, 1, 3, 4, 6, 7]);
    const first = new LineRig({ loss: { model: 'periodic', every: 3, offset: 0 } });
    first.stream(100, 6, 10);
    assert.deepEqual(numbers(first), [1, 2, 4, 5]);
  });

  test('uniform loss, duplication, corruption and reordering come as often as they are said to, and by the seed', () => {
    const options = { loss: 0.1, duplicate: 0.05, corrupt: 0.02, reorder: 0.03, delay: 1000 };
    const run = (seed: number): LineRig => {
      const rig = new LineRig(options, seed);
      rig.stream(100, 20_000, 100);
      return rig;
    };
    const rig = run(5);
    const { counters } = rig.line;
    const near = (n: number, expected: number): void =>
      assert.ok(Math.abs(n - expected) < 5 * Math.sqrt(expected), `${n} against ${expected}`);
    near(counters.lost, 2000);
    near(counters.duplicated, 900);
    near(counters.corrupted, 360);
    near(counters.reordered, 540 + 27);
    assert.equal(counters.received, 20_000 - counters.lost + counters.duplicated);
    assert.deepEqual(numbers(run(5)), numbers(rig));
    assert.notDeepEqual(numbers(run(6)), numbers(rig));
    assert.equal(rig.net.frames.used, 0);
  });

  test('corruption flips one bit', () => {
    const rig = new LineRig({ corrupt: 1 });
    rig.stream(64, 50, 10);
    for (const [n, a] of rig.arrivals.entries()) {
      const expected = new Uint8Array(64);
      expected.set([0x45, 0, 0, 64, 0, 0, 0, n]);
      let bits = 0;
      for (let i = 0; i < 64; i++) for (let x = a.slotBytes[i]! ^ expected[i]!; x !== 0; x &= x - 1) bits++;
      assert.equal(bits, 1);
    }
  });

  test('jitter keeps the order unless packets may overtake, and stays below its bound', () => {
    const ordered = new LineRig({ delay: 1000, jitter: 500 });
    ordered.stream(100, 1000, 50);
    assert.deepEqual(
      numbers(ordered),
      Array.from({ length: 1000 }, (_, i) => i),
    );
    const loose = new LineRig({ delay: 1000, jitter: 500, overtake: true });
    loose.stream(100, 1000, 50);
    assert.notDeepEqual(numbers(loose), numbers(ordered));
    const delays = loose.arrivals.map((a) => a.at - a.number * 50);
    assert.ok(Math.min(...delays) >= 1000 && Math.max(...delays) < 1500);
    const mean = delays.reduce((x, y) => x + y, 0) / 1000;
    assert.ok(Math.abs(mean - 1250) < 25, `${mean}`);
  });

  test('a reordered packet comes its time later, and those behind it before it', () => {
    const rig = new LineRig({ delay: 1000 });
    rig.send(100);
    rig.line.set({ reorder: 1, reorderDelay: 250 });
    rig.send(100);
    rig.line.set({ reorder: 0 });
    rig.send(100);
    rig.run(1e6);
    assert.deepEqual(
      rig.arrivals.map((a) => [a.number, a.at]),
      [
        [0, 1000],
        [2, 1000],
        [1, 1250],
      ],
    );
  });

  test('options that cannot be are refused', () => {
    for (const options of [
      { rate: 0 },
      { delay: -1 },
      { duplicate: 1.5 },
      { loss: -0.1 },
      { loss: { model: 'periodic', every: 0 } as const },
    ]) {
      assert.throws(() => new LineRig(options), RangeError);
    }
  });
});
