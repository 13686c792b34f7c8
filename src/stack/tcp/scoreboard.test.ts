// The scoreboard against a model with a cell for each byte: whatever happens, its sums are those of a recount and its lists are whole.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../base/arena.ts';
import { seqDiff } from '../../base/seq.ts';
import { pipe, Scoreboard, SEG_EVER, SEG_LOST, SEG_PUSH, SEG_RETRANS, SEG_SACKED } from './scoreboard.ts';
import { Tcb, tcbRows } from './tcb.ts';

const MSS = 10;
const BITS = SEG_SACKED | SEG_LOST | SEG_RETRANS;
const WAITS = SEG_LOST | SEG_RETRANS;

class Fixture {
  readonly board: Scoreboard;
  readonly t: Tcb;
  readonly #rows: ReturnType<typeof tcbRows>;
  /** SEG_* of each byte sent, from `first` on. */
  readonly model: number[] = [];
  readonly first: number;
  now = 1_000_000;
  /** No forgetting yet: the list of times is in order. */
  ordered = true;

  constructor(first = -25) {
    const arena = new Arena(8 << 20);
    this.#rows = tcbRows(arena, 4);
    this.board = new Scoreboard(arena, 4);
    this.t = this.another();
    this.first = first;
    this.t.sndUna = this.t.sndNxt = first;
    this.t.mss = MSS;
  }

  another(): Tcb {
    return new Tcb(this.#rows).at(this.#rows.alloc());
  }

  /** Offsets of the records in order. */
  records(): number[] {
    const out: number[] = [];
    for (let rec = this.t.segHead; rec !== 0; rec = this.board.next(rec)) out.push(rec);
    return out;
  }

  pick(n: number, fits: (state: number) => boolean): number {
    const some = this.records().filter((rec) => fits(this.board.state(rec)));
    return some.length === 0 ? 0 : some[n % some.length]!;
  }

  /** What happens to the bytes of `rec` in the model. */
  each(rec: number, change: (bits: number) => number): void {
    for (let s = this.board.start(rec); s !== this.board.end(rec); s = (s + 1) | 0) {
      const at = seqDiff(s, this.first);
      this.model[at] = change(this.model[at]!);
    }
  }

  send(length: number): void {
    const start = this.t.sndNxt;
    this.t.sndNxt = (start + length) | 0;
    this.board.sent(this.t, start, this.t.sndNxt, this.now, true);
    for (let i = 0; i < length; i++) this.model.push(0);
  }

  /** As the ACK step does. */
  acknowledge(bytes: number): void {
    const { board, t } = this;
    const ack = (t.sndUna + Math.min(bytes, seqDiff(t.sndNxt, t.sndUna))) | 0;
    for (let rec = t.segHead; rec !== 0 && seqDiff(ack, board.start(rec)) > 0; rec = t.segHead) {
      if (seqDiff(board.end(rec), ack) <= 0) board.shift(t);
      else {
        board.trim(t, ack);
        break;
      }
    }
    t.sndUna = ack;
  }

  check(): void {
    const { board, t } = this;
    const sums = { sacked: 0, lost: 0, again: 0, waiting: 0 };
    let at = t.sndUna;
    let previous = 0;
    let waits = 0;
    const timed = new Set<number>();
    for (const rec of this.records()) {
      assert.equal(board.start(rec), at, 'records follow each other');
      assert.equal(board.previous(rec), previous);
      const state = board.state(rec);
      for (let s = at; s !== board.end(rec); s = (s + 1) | 0) {
        assert.equal(state & BITS, this.model[seqDiff(s, this.first)]!, `state of byte ${seqDiff(s, this.first)}`);
      }
      const bytes = seqDiff(board.end(rec), at);
      assert.ok(bytes > 0);
      if (state & SEG_SACKED) sums.sacked += bytes;
      if (state & SEG_LOST) sums.lost += bytes;
      if (state & SEG_RETRANS) sums.again += bytes;
      if ((state & WAITS) === SEG_LOST) {
        sums.waiting += bytes;
        waits ||= rec;
      } else if (!(state & SEG_SACKED)) timed.add(rec);
      at = board.end(rec);
      previous = rec;
    }
    assert.equal(at, t.sndNxt);
    assert.equal(t.segTail, previous);
    assert.deepEqual(
      { sacked: t.sackedBytes, lost: t.lostBytes, again: t.retransBytes, waiting: t.waitingBytes },
      sums,
    );
    assert.equal(t.sackedSegments > 0, sums.sacked > 0);
    assert.ok(t.sackedSegments >= Math.ceil(sums.sacked / MSS) && t.sackedSegments <= sums.sacked, 'segments SACKed');
    assert.equal(board.firstLost(t), waits, 'the first that waits');
    assert.equal(pipe(t), seqDiff(t.sndNxt, t.sndUna) - sums.sacked - sums.lost + sums.again);
    let last = 0;
    let tail = 0;
    for (let rec = t.timeHead; rec !== 0; rec = board.timeNext(rec)) {
      assert.ok(timed.delete(rec), 'in the list of times once, and only if in flight');
      if (this.ordered) assert.ok(board.sentAt(rec) >= last, 'oldest first');
      last = board.sentAt(rec);
      tail = rec;
    }
    assert.equal(timed.size, 0, 'all that is in flight is in the list of times');
    assert.equal(t.timeTail, tail);
    if (t.sackHint !== 0) assert.ok(this.records().includes(t.sackHint));
  }
}

type Step = readonly [kind: number, a: number, b: number];

function play(f: Fixture, [kind, a, b]: Step): void {
  const { board, t } = f;
  f.now += b;
  const live = (state: number): boolean => (state & SEG_SACKED) === 0;
  const inFlight = (state: number): boolean => live(state) && (state & WAITS) !== SEG_LOST;
  let rec = 0;
  switch (kind) {
    case 0:
    case 1:
    case 2:
      f.send(1 + (a % (3 * MSS)));
      break;
    case 3:
      rec = f.pick(a, live);
      if (rec === 0) return;
      f.each(rec, () => SEG_SACKED);
      t.sackHint = board.sacked(t, rec);
      break;
    case 4:
    case 5:
      rec = f.pick(a, inFlight);
      if (rec === 0) return;
      f.each(rec, (bits) => (bits | SEG_LOST) & ~SEG_RETRANS);
      board.markLost(t, rec);
      break;
    case 6:
      rec = board.firstLost(t);
      if (rec === 0) return;
      board.collapse(t, rec, MSS);
      f.each(rec, (bits) => bits | SEG_RETRANS);
      board.resent(t, rec, f.now);
      break;
    case 7:
      // A tail loss probe: the last, lost or not.
      rec = f.pick(a, live);
      if (rec === 0) return;
      f.each(rec, (bits) => bits | SEG_RETRANS);
      board.resent(t, rec, f.now);
      break;
    case 8:
    case 9:
      f.acknowledge(a % (6 * MSS));
      break;
    case 10: {
      rec = f.pick(a, live); // what is SACKed is never cut
      if (rec === 0) return;
      const bytes = seqDiff(board.end(rec), board.start(rec));
      if (bytes > 1) board.split(t, rec, (board.start(rec) + 1 + (b % (bytes - 1))) | 0);
      break;
    }
    case 11:
      if (a % 3 !== 0) return;
      f.ordered = false;
      if (b % 2 === 0) {
        board.forgetSacks(t);
        for (let i = 0; i < f.model.length; i++) f.model[i]! &= ~SEG_SACKED;
      } else {
        board.forgetLosses(t);
        for (let i = 0; i < f.model.length; i++) f.model[i]! &= ~SEG_LOST;
      }
      break;
  }
}

describe('scoreboard', () => {
  test('whatever happens, the sums are those of a recount, and everything is given back', () => {
    const step = fc.tuple(fc.nat(11), fc.nat(1000), fc.nat(1000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const f = new Fixture();
        for (const each of steps) {
          play(f, each);
          f.check();
        }
        if (steps.length % 2 === 0) f.acknowledge(1 << 20);
        else {
          f.board.clear(f.t);
          f.t.sndUna = f.t.sndNxt;
        }
        f.check();
        assert.equal(f.board.used, 0);
      }),
      { numRuns: 400 },
    );
  });

  test('the end of a run keeps its PSH, the joints inside lose it', () => {
    const f = new Fixture();
    f.send(4);
    f.send(4);
    f.send(MSS);
    for (const rec of f.records()) f.board.markLost(f.t, rec);
    f.board.collapse(f.t, f.t.segHead, MSS);
    assert.deepEqual(
      f.board.list(f.t).map((r) => [r.end - r.start, (r.state & SEG_PUSH) !== 0]),
      [
        [8, true],
        [MSS, true],
      ],
    );
    f.board.split(f.t, f.t.segHead, (f.t.sndUna + 3) | 0);
    assert.deepEqual(
      f.board.list(f.t).map((r) => (r.state & SEG_PUSH) !== 0),
      [false, true, true],
    );
  });

  test('without free records the last one grows, unless that would spoil the sums', () => {
    const f = new Fixture();
    const other = f.another();
    let n = 0;
    for (let used = -1; used !== f.board.used; n++) {
      used = f.board.used;
      f.board.sent(other, n, n + 1, f.now, false);
    }
    f.send(5); // the reserve
    const used = f.board.used;
    f.send(5);
    assert.equal(f.board.used, used);
    f.check();
    // The tail has been probed: it must not grow, as the new bytes were not sent twice.
    f.board.resent(f.t, f.t.segTail, f.now);
    f.each(f.t.segTail, (bits) => bits | SEG_RETRANS);
    f.send(5);
    f.check();
    assert.equal(f.t.retransBytes, 10);
    f.board.clear(other);
    f.board.clear(f.t);
    assert.equal(f.board.used, 0);
  });

  test('what was sent again is known to have been, also when the SACK of it is taken back', () => {
    const f = new Fixture();
    f.send(MSS);
    f.board.sacked(f.t, f.t.segHead);
    f.board.forgetSacks(f.t);
    assert.equal(f.board.state(f.t.segHead) & ~SEG_PUSH, SEG_EVER);
  });
});
