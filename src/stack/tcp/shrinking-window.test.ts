// A peer that takes back what its window has promised: never stuck, nothing lost (RFC 9293 section 3.8.6, RFC 7323 section 2.4).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { pattern } from '../pair.test-support.ts';
import { Peer } from './probe.test-support.ts';
import type { Sent } from './segments.test-support.ts';

const MSS = 1460;
const SECOND = 1_000_000;
const TOTAL = 60_000;

/** A receiver that takes nothing beyond its present window, whatever it said before, and acknowledges each segment. */
class Receiver {
  readonly p: Peer;
  readonly got: number[] = [];
  next = 1;
  window: number;

  constructor(p: Peer, window: number) {
    this.p = p;
    this.window = window;
  }

  take(segments: Sent[]): void {
    for (const s of segments) {
      const from = this.next - s.seq;
      const until = Math.min(s.data.length, this.next + this.window - s.seq);
      if (from >= 0 && until > from) {
        this.got.push(...s.data.subarray(from, until));
        this.next += until - from;
      }
      if (s.data.length > 0 || s.seq < this.next) this.say();
    }
  }

  say(): void {
    this.p.inject('A', { seq: 1, ack: this.next, win: this.window });
  }

  /** Lets time go by, answering what comes, until everything is there. */
  finish(seconds: number): void {
    for (let n = 0; n < seconds && this.got.length < TOTAL; n++) {
      this.take(this.p.take());
      this.p.advance(SECOND);
    }
    assert.equal(this.got.length, TOTAL);
    assert.deepEqual(Uint8Array.from(this.got), pattern(TOTAL));
  }
}

function sending(window: number): Receiver {
  const p = new Peer();
  p.win = window;
  p.establish();
  assert.equal(p.write(TOTAL), TOTAL);
  return new Receiver(p, window);
}

describe('a window that is taken back while it is full', () => {
  for (const [name, rest] of [
    ['in part', 3 * MSS],
    ['to less than a segment', 700],
    ['wholly', 0],
  ] as const) {
    test(`${name}: what lay beyond is sent again when it opens`, () => {
      const r = sending(10 * MSS);
      const sent = r.p.take();
      r.window = rest;
      r.take(sent);
      r.p.advance(30 * SECOND);
      r.take(r.p.take());
      r.window = 20_000;
      r.say();
      r.finish(120);
    });
  }

  test('what is sent meanwhile is retransmission: nothing new', () => {
    const r = sending(10 * MSS);
    r.p.take();
    r.window = 0;
    r.next = MSS + 1;
    r.say();
    for (let n = 0; n < 60; n++) {
      r.p.advance(SECOND);
      for (const s of r.p.take()) assert.ok(s.seq + s.data.length <= 10 * MSS + 1, 'beyond what was in flight');
    }
  });

  test('everything acknowledged, nothing left of it: probes ask until it opens, and the update may be lost', () => {
    const r = sending(10 * MSS);
    const sent = r.p.take();
    r.take(sent);
    r.take(r.p.take());
    r.window = 0;
    for (let n = 0; n < 20; n++) {
      r.take(r.p.take());
      r.p.advance(SECOND);
    }
    r.window = 30_000; // not said: the next probe learns it
    r.finish(300);
  });
});

test('whatever windows a peer names, and takes back, all bytes arrive once it makes up its mind', () => {
  const step = fc.record({
    window: fc.oneof(fc.constant(0), fc.nat(3000), fc.nat(40_000)),
    wait: fc.constantFrom(0, 0, 1000, 300_000, 3 * SECOND),
    say: fc.boolean(),
    lose: fc.nat(9).map((n) => n === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1000, max: 65_535 }), (steps, window) => {
      const r = sending(window);
      for (const { window, wait, say, lose } of steps) {
        const sent = r.p.take();
        r.window = window;
        if (!lose) r.take(sent);
        if (say) r.say();
        r.p.advance(wait);
      }
      r.window = 65_535;
      r.finish(600);
      assert.equal(r.p.state, 'ESTABLISHED');
    }),
    { numRuns: 60 },
  );
});
