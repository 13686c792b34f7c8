// Tests of fault injection: the contract without faults and with delay, each fault, its chance, its count and its seed.
// Run by node:test; calls fault.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Link, RX_SUM_GOOD, RxBatch, TxBatch } from '../base/link.ts';
import { linkContract } from './contract.test-support.ts';
import { FaultLink, type FaultOptions, faultLink } from './fault.ts';
import { type MemoryLinkSettings, memoryLink } from './memory.ts';
import {
  decode,
  ManualClock,
  makeMemory,
  markPartial,
  markSuperframe,
  packet,
  pattern,
  pushFrame,
  tcp,
  testFrame,
} from './packets.test-support.ts';
import { WrappedLink } from './wrapped.ts';

const veth: MemoryLinkSettings = { medium: 'ethernet', gso: 65535, txChecksum: 'partial' };

linkContract('fault without faults', () => {
  const clock = new ManualClock();
  const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), ...veth });
  return { a: faultLink(a, clock, {}), b: faultLink(b, clock, {}) };
});

linkContract('fault around one end', () => {
  const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), queue: 5 });
  return { a: faultLink(a, new ManualClock(), {}), b };
});

linkContract('fault with a delay', () => {
  const clock = new ManualClock();
  const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), ...veth });
  const both = [a, b].map((link) => faultLink(link, clock, { rx: { delay: 500 }, tx: { delay: 700 } }));
  return { a: both[0]!, b: both[1]!, clock };
});

interface Got {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly flags: number;
  readonly at: number;
}

/** Two ends, the faults on B's, and how frames sent by A or B fare. */
class World {
  readonly clock = new ManualClock();
  readonly plain: Link;
  readonly bad: FaultLink;
  readonly tx = new TxBatch();
  readonly rx = new RxBatch();

  constructor(options: FaultOptions, settings: MemoryLinkSettings = {}) {
    const [a, b] = memoryLink({ a: makeMemory(4096), b: makeMemory(4096), ...settings });
    this.plain = a;
    this.bad = new FaultLink(b, this.clock, options);
  }

  send(from: Link, count: number, first = 0): void {
    for (let i = 0; i < count; i++) {
      const k = first + i;
      pushFrame(from.memory, this.tx, testFrame('ip', k, 60 + (k % 50)));
      if (this.tx.count === 100 || i === count - 1) from.transmit(this.tx);
    }
  }

  /** What `link` has at this moment. */
  take(link: Link): Got[] {
    const out: Got[] = [];
    while (link.receive(this.rx) > 0) {
      for (let i = 0; i < this.rx.count; i++) {
        const offset = this.rx.offset[i]!;
        const bytes = link.memory.arena.u8.slice(offset, offset + this.rx.length[i]!);
        const index = (bytes[28]! << 24) | (bytes[29]! << 16) | (bytes[30]! << 8) | bytes[31]!;
        out.push({ index, bytes, flags: this.rx.flags[i]!, at: this.clock.now });
      }
      link.release(this.rx);
    }
    return out;
  }

  /** Goes from one pollAt to the next until nothing moves, and gives what `link` receives, with its time. */
  run(link: Link): Got[] {
    const out = this.take(link);
    for (let at = this.bad.pollAt(); at !== Infinity; at = this.bad.pollAt()) {
      assert.ok(at > this.clock.now, 'pollAt is what is still to come');
      this.clock.now = at;
      if (link !== this.bad) assert.deepEqual(this.take(this.bad), []);
      out.push(...this.take(link));
    }
    return out;
  }

  /** Frames of each index that were not harmed. */
  whole(got: readonly Got[]): number[] {
    return got
      .filter((g) => Buffer.compare(g.bytes, testFrame('ip', g.index, 60 + (g.index % 50))) === 0)
      .map((g) => g.index);
  }

  end(): void {
    this.plain.close();
    this.bad.close();
    assert.equal(this.plain.memory.frames.used + this.bad.memory.frames.used, 0);
  }
}

/** The world after `n` frames towards the bad end in batches, each received at once, and what came. */
function receiveMany(options: FaultOptions, n: number): { world: World; got: Got[] } {
  const world = new World(options);
  const got: Got[] = [];
  for (let i = 0; i < n; i += 50) {
    world.send(world.plain, 50, i);
    got.push(...world.take(world.bad));
  }
  got.push(...world.run(world.bad));
  return { world, got };
}

/** Whether `n` of `of` is what a chance `p` gives, within five standard deviations. */
function assertChance(n: number, of: number, p: number): void {
  const sigma = Math.sqrt(of * p * (1 - p));
  assert.ok(Math.abs(n - of * p) < 5 * sigma, `${n} of ${of} with a chance of ${p}`);
}

describe('fault', () => {
  test('hides what a device would do below it', () => {
    const [a] = memoryLink({ a: makeMemory(), b: makeMemory(), ...veth });
    const { caps } = faultLink(a, new ManualClock(), {});
    assert.deepEqual(caps, { ...a.caps, gso: 0, txChecksum: 'full', gather: false });
  });

  test('drop loses frames by chance and counts them', () => {
    const { world, got } = receiveMany({ rx: { drop: 0.1 } }, 5000);
    assertChance(5000 - got.length, 5000, 0.1);
    assert.equal(world.bad.faults.drop, 5000 - got.length);
    assert.deepEqual(world.bad.counters.drops, { fault_drop: 5000 - got.length });
    assert.deepEqual(
      world.whole(got),
      got.map((g) => g.index),
    );
    assert.deepEqual(
      got.map((g) => g.index),
      got.map((g) => g.index).sort((a, b) => a - b),
    );
    world.end();
  });

  test('a chance of 1 loses all, a chance of 0 none', () => {
    assert.equal(receiveMany({ rx: { drop: 1 } }, 300).got.length, 0);
    assert.equal(receiveMany({ rx: { drop: 0 } }, 300).got.length, 300);
  });

  test('duplicate gives a frame twice, whole both times', () => {
    const { world, got } = receiveMany({ rx: { duplicate: 0.2 } }, 2000);
    assert.equal(got.length, 2000 + world.bad.faults.duplicate);
    assertChance(world.bad.faults.duplicate, 2000, 0.2);
    assert.equal(world.whole(got).length, got.length);
    assert.equal(new Set(got.map((g) => g.index)).size, 2000);
    world.end();
  });

  test('corrupt flips one bit, and only that', () => {
    const { world, got } = receiveMany({ rx: { corrupt: 0.3 } }, 1000);
    assert.equal(got.length, 1000);
    let harmed = 0;
    got.forEach((g, i) => {
      const sent = testFrame('ip', i, 60 + (i % 50));
      let bits = 0;
      sent.forEach((b, k) => {
        for (let x = b ^ g.bytes[k]!; x !== 0; x &= x - 1) bits++;
      });
      assert.ok(bits <= 1);
      harmed += bits;
    });
    assertChance(harmed, 1000, 0.3);
    assert.equal(world.bad.faults.corrupt, harmed);
    world.end();
  });

  test('a twin of a corrupted frame is whole', () => {
    const { world, got } = receiveMany({ rx: { corrupt: 1, duplicate: 1 } }, 100);
    assert.equal(got.length, 200);
    assert.equal(world.whole(got).length, 100);
    world.end();
  });

  test('reorder lets one to three later frames pass, and loses none', () => {
    const { world, got } = receiveMany({ rx: { reorder: 0.1 } }, 3000);
    const order = got.map((g) => g.index);
    assert.deepEqual(
      order.slice().sort((a, b) => a - b),
      Array.from({ length: 3000 }, (_, i) => i),
    );
    assertChance(world.bad.faults.reorder, 3000, 0.1);
    let late = 0;
    order.forEach((index, place) => {
      const passed = order.slice(Math.max(0, place - 40), place).filter((other) => other > index).length;
      // Frames that are held back themselves do not count as passing until they go on.
      assert.ok(passed <= 3 + 16, `${passed} frames passed`);
      if (passed > 0) late++;
    });
    assert.ok(late > 200 && late <= world.bad.faults.reorder);
    world.end();
  });

  test('a reordered frame that nothing follows goes on after 10 ms', () => {
    const world = new World({ rx: { reorder: 1 } });
    const start = world.clock.now;
    world.send(world.plain, 1);
    assert.deepEqual(world.take(world.bad), []);
    assert.equal(world.bad.pollAt(), start + 10_000);
    world.clock.now = start + 9_999;
    assert.deepEqual(world.take(world.bad), []);
    world.clock.now = start + 10_000;
    assert.equal(world.take(world.bad).length, 1);
    assert.equal(world.bad.pollAt(), Infinity);
    world.end();
  });

  test('delay holds every frame for exactly its time, in both directions', () => {
    for (const way of ['rx', 'tx'] as const) {
      const world = new World({ [way]: { delay: 5000 } });
      const [from, to] = way === 'rx' ? [world.plain, world.bad] : [world.bad, world.plain];
      const start = world.clock.now;
      const got: Got[] = [];
      for (let i = 0; i < 5; i++) {
        world.send(from, 1, i);
        got.push(...world.take(to));
        world.clock.now += 100;
      }
      // What A sent is known to the wrapper from when it is asked.
      got.push(...world.run(to));
      assert.deepEqual(
        got.map((g) => [g.index, g.at - start]),
        [0, 1, 2, 3, 4].map((i) => [i, 5000 + i * 100]),
      );
      assert.equal(world.bad.faults.delay, 5);
      world.end();
    }
  });

  test('what is to be sent suffers as what is received', () => {
    const world = new World({ tx: { drop: 0.2, duplicate: 0.1, reorder: 0.1, corrupt: 0.1, delay: 50 } });
    const got: Got[] = [];
    for (let i = 0; i < 2000; i += 50) {
      world.send(world.bad, 50, i);
      got.push(...world.run(world.plain));
    }
    const { faults } = world.bad;
    assert.equal(got.length, 2000 - faults.drop + faults.duplicate);
    assertChance(faults.drop, 2000, 0.2);
    assertChance(faults.reorder, 1600, 0.1);
    assert.equal(world.bad.counters.txFrames, 2000);
    assert.equal(world.plain.counters.rxFrames, got.length);
    world.end();
  });

  test('the same seed does the same, another seed something else, and one direction knows nothing of the other', () => {
    const options: FaultOptions = {
      seed: 7,
      rx: { drop: 0.1, duplicate: 0.1, reorder: 0.1, corrupt: 0.1 },
      tx: { drop: 0.5 },
    };
    const run = (o: FaultOptions, traffic: boolean): string => {
      const world = new World(o);
      const got: Got[] = [];
      for (let i = 0; i < 500; i += 50) {
        if (traffic) world.send(world.bad, 20, i);
        world.send(world.plain, 50, i);
        got.push(...world.take(world.bad));
      }
      got.push(...world.run(world.bad));
      const text = got.map((g) => Buffer.from(g.bytes).toString('hex')).join();
      world.end();
      return text;
    };
    const first = run(options, false);
    assert.equal(run(options, false), first);
    assert.equal(run(options, true), first);
    assert.notEqual(run({ ...options, seed: 8 }, false), first);
  });

  test('a deferred checksum is completed before a bit is flipped: damage shows', () => {
    const parts = { medium: 'ethernet' as const, protocol: 6 as const, transport: tcp(1, 16, [], pattern(200)) };
    for (const corrupt of [0, 1]) {
      const world = new World({ rx: { corrupt } }, veth);
      markPartial(world.tx, pushFrame(world.plain.memory, world.tx, packet({ ...parts, partial: true })), 34, 16);
      world.plain.transmit(world.tx);
      const [got] = world.take(world.bad);
      assert.equal(got!.flags, 0);
      if (corrupt === 0) assert.deepEqual(got!.bytes, packet(parts));
      else {
        const different = [...packet(parts)].filter((b, i) => b !== got!.bytes[i]);
        assert.equal(different.length, 1);
      }
      world.end();
    }
  });

  test('a corrupted frame is no longer one whose checksum the device vouches for', () => {
    class Trusting extends WrappedLink {
      override receive(batch: RxBatch): number {
        const n = super.receive(batch);
        batch.flags.fill(RX_SUM_GOOD, 0, n);
        return n;
      }
    }
    for (const corrupt of [0, 1]) {
      const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory() });
      const bad = faultLink(new Trusting(b), new ManualClock(), { rx: { corrupt } });
      const [tx, rx] = [new TxBatch(), new RxBatch()];
      pushFrame(a.memory, tx, testFrame('ip', 1, 100));
      a.transmit(tx);
      assert.equal(bad.receive(rx), 1);
      assert.equal(rx.flags[0], corrupt === 1 ? 0 : RX_SUM_GOOD);
      bad.release(rx);
    }
  });

  test('what befalls one direction does not befall the other alike', () => {
    const world = new World({ rx: { drop: 0.5 }, tx: { drop: 0.5 } });
    world.send(world.plain, 100);
    world.send(world.bad, 100);
    const order = (got: readonly Got[]): string => got.map((g) => g.index).join();
    assert.notEqual(order(world.take(world.bad)), order(world.take(world.plain)));
    world.end();
  });

  test('a superframe from below is cut to packets of the MTU, each with a fate of its own', () => {
    const data = pattern(40000);
    const parts = { medium: 'ethernet' as const, protocol: 6 as const, transport: tcp(1, 24, [1, 1, 1, 1], data) };
    const world = new World({}, veth);
    const i = pushFrame(world.plain.memory, world.tx, packet({ ...parts, partial: true }));
    markSuperframe(world.tx, i, 4, 34, 58, 1000);
    world.plain.transmit(world.tx);
    const got = world.take(world.bad);
    assert.equal(got.length, Math.ceil(40000 / 1456));
    assert.ok(got.every((g) => g.bytes.length <= 1514 && g.flags === 0));
    assert.deepEqual(
      got.flatMap((g) => decode(g.bytes, 'ethernet').data),
      data,
    );
    world.end();
  });

  test('frames that the inner link has no room for wait, and hold up what comes behind', () => {
    const world = new World({}, { queue: 10 });
    world.send(world.bad, 100);
    assert.equal(world.bad.counters.txFrames, 100);
    assert.equal(world.bad.pollAt(), Infinity, 'the inner link will wake us');
    let woken = 0;
    world.bad.wake(() => woken++);
    const got: Got[] = [];
    for (let round = 0; round < 20; round++) {
      got.push(...world.take(world.plain));
      world.take(world.bad);
    }
    assert.deepEqual(
      got.map((g) => g.index),
      Array.from({ length: 100 }, (_, i) => i),
    );
    assert.ok(woken > 0);
    assert.deepEqual(world.bad.counters.drops, {});
    world.end();
  });

  test('wake is called at once where frames wait in the wrapper alone', () => {
    const world = new World({ rx: { duplicate: 1 } });
    world.send(world.plain, 200);
    assert.equal(world.bad.receive(world.rx), 256);
    world.bad.release(world.rx);
    let woken = 0;
    world.bad.wake(() => woken++);
    assert.equal(woken, 1);
    assert.equal(world.take(world.bad).length, 144);
    world.bad.wake(() => woken++);
    assert.equal(woken, 1);
    world.end();
  });

  test('close frees what is delayed and what is held back', () => {
    const world = new World({ rx: { reorder: 0.5, delay: 1000 }, tx: { reorder: 0.5, delay: 1000 } });
    world.send(world.plain, 100);
    world.send(world.bad, 100);
    world.take(world.bad);
    assert.ok(world.bad.memory.frames.used > 150);
    world.end();
  });
});
