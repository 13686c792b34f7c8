// CoDel: against a second reading of RFC 8289 section 5 that owns its queue, and in a line.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRng } from '../base/rng.ts';
import { Codel, type CodelQueue } from './codel.ts';
import { LineRig } from './line.test-support.ts';

const TARGET = 5000;
const INTERVAL = 100_000;
const MTU = 1500;

/** The RFC's text step by step, with packets as objects: slow and plain. */
class Reference {
  readonly queue: { at: number; n: number; size: number }[] = [];
  readonly drops: number[] = [];
  firstAbove = 0;
  dropNext = 0;
  count = 0;
  lastCount = 0;
  dropping = false;

  bytes(): number {
    return this.queue.reduce((sum, p) => sum + p.size, 0);
  }

  dodequeue(now: number): { p: { at: number; n: number } | undefined; ok: boolean } {
    const p = this.queue.shift();
    let ok = false;
    if (!p) this.firstAbove = 0;
    else if (now - p.at < TARGET || this.bytes() <= MTU) this.firstAbove = 0;
    else if (this.firstAbove === 0) this.firstAbove = now + INTERVAL;
    else if (now >= this.firstAbove) ok = true;
    return { p, ok };
  }

  deque(now: number): number {
    let r = this.dodequeue(now);
    if (this.dropping) {
      if (!r.ok) this.dropping = false;
      while (now >= this.dropNext && this.dropping) {
        this.drops.push(r.p!.n);
        r = this.dodequeue(now);
        if (!r.ok) this.dropping = false;
        else {
          this.count++;
          this.dropNext += INTERVAL / Math.sqrt(this.count);
        }
      }
    } else if (r.ok) {
      this.drops.push(r.p!.n);
      r = this.dodequeue(now);
      this.dropping = true;
      const delta = this.count - this.lastCount;
      this.count = 1;
      if (delta > 1 && now - this.dropNext < 16 * INTERVAL) this.count = delta;
      this.dropNext = now + INTERVAL / Math.sqrt(this.count);
      this.lastCount = this.count;
    }
    return r.p?.n ?? -1;
  }
}

/** A queue of the form that Codel asks for. */
class Queue implements CodelQueue {
  readonly packets: { at: number; n: number; size: number }[] = [];
  readonly drops: number[] = [];
  hand = -1;

  get bytes(): number {
    return this.packets.reduce((sum, p) => sum + p.size, 0);
  }

  take(now: number): number {
    const p = this.packets.shift();
    this.hand = p?.n ?? -1;
    return p ? now - p.at : -1;
  }

  drop(): boolean {
    this.drops.push(this.hand);
    return true;
  }
}

describe('CoDel', () => {
  test('drops the packets that the pseudo-code of the RFC drops, under loads that come and go', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const rng = new SeededRng(seed);
      const reference = new Reference();
      const queue = new Queue();
      const codel = new Codel({}, MTU);
      let now = 1_000_000;
      let n = 0;
      for (let step = 0; step < 8000; step++) {
        // Phases of overload, balance and idling.
        const load = [1.6, 1, 0.3, 2.5][(step / 500) & 3]!;
        for (let k = rng.unit() < load % 1 ? Math.ceil(load) : Math.floor(load); k > 0; k--) {
          const size = 40 + rng.below(1461);
          reference.queue.push({ at: now, n, size });
          queue.packets.push({ at: now, n: n++, size });
        }
        now += 500 + rng.below(1500);
        const expected = reference.deque(now);
        const some = codel.deque(queue, now);
        assert.equal(some ? queue.hand : -1, expected, `seed ${seed}, step ${step}`);
        assert.equal(codel.dropping, reference.dropping);
        assert.equal(codel.count, reference.count);
      }
      assert.deepEqual(queue.drops, reference.drops);
      assert.ok(reference.drops.length > 50, `${reference.drops.length}`);
    }
  });

  test('leaves bursts alone that drain within an interval', () => {
    const rig = new LineRig({ rate: 12e6, queue: { packets: 1000, codel: true } });
    rig.send(1500, 90); // 90 ms of line
    rig.run(1e7);
    assert.equal(rig.arrivals.length, 90);
    assert.equal(rig.line.counters.codel, 0);
  });

  test('a standing queue loses a packet after an interval above target, then at shrinking distances', () => {
    const rig = new LineRig({ rate: 12e6, queue: { packets: 10_000, codel: true } });
    // One packet takes 1000 us; they come at 10 % more than the rate.
    rig.stream(1500, 2000, 909);
    const missing: number[] = [];
    for (let n = 0, i = 0; n < 2000; n++) {
      if (rig.arrivals[i]?.number === n) i++;
      else missing.push(n);
    }
    assert.equal(missing.length, rig.line.counters.codel);
    assert.ok(missing.length > 20, `${missing.length}`);
    // Above target from about 5 ms / 10 % on, and an interval more; the second drop about an interval later.
    assert.ok(missing[0]! > 140 && missing[0]! < 180, `${missing[0]}`);
    const gaps = missing.slice(1, 12).map((n, i) => n - missing[i]!);
    assert.ok(gaps[0]! > gaps[10]! * 2, `${gaps}`);
  });

  test('marks what is ECN-capable instead, and drops what is not', () => {
    const marked = new LineRig({ rate: 12e6, queue: { packets: 10_000, codel: true, ecn: true } });
    marked.stream(1500, 1000, 909, 2);
    assert.equal(marked.line.counters.codel, 0);
    const ce = marked.arrivals.filter((a) => (a.slotBytes[1]! & 3) === 3).length;
    assert.equal(ce, marked.line.counters.marked);
    assert.ok(ce > 5, `${ce}`);
    const plain = new LineRig({ rate: 12e6, queue: { packets: 10_000, codel: true, ecn: true } });
    plain.stream(1500, 1000, 909, 0);
    assert.ok(plain.line.counters.codel > 5);
    assert.equal(plain.line.counters.marked, 0);
  });
});
