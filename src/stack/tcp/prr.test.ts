// Proportional rate reduction against RFC 9937 section 6.2, in whole segments.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../base/arena.ts';
import type { Engine } from './engine.ts';
import { F2_SACK, F2_UNDO, PHASE_CWR, PHASE_OPEN, PHASE_RECOVERY } from './flags.ts';
import { AckNews } from './news.ts';
import { endReduction, inReduction, reduce } from './prr.ts';
import { Tcb, tcbRows } from './tcb.ts';

const MSS = 1000;

class Fixture {
  readonly t: Tcb;
  readonly e: Engine;
  readonly news: AckNews = new AckNews();

  /** `flight`, `ssthresh`, `prior` in segments. */
  constructor(flight: number, ssthresh: number, prior: number) {
    const rows = tcbRows(new Arena(1 << 20), 2);
    this.t = new Tcb(rows).at(rows.alloc());
    this.e = { news: this.news } as unknown as Engine;
    const { t } = this;
    t.mss = MSS;
    t.sndNxt = flight * MSS;
    t.ssthresh = ssthresh * MSS;
    t.priorCwnd = prior * MSS;
    t.phase = PHASE_RECOVERY;
    t.set2(F2_SACK | F2_UNDO);
  }

  /** An ACK; returns how many segments may go out, which go out. */
  ack(o: { delivered: number; lost?: number; acked?: number }): number {
    const { t, news } = this;
    news.begin(0, 0);
    news.delivered = o.delivered * MSS;
    news.lost = (o.lost ?? 0) * MSS;
    news.acked = (o.acked ?? 0) * MSS;
    t.sackedBytes += news.delivered;
    t.lostBytes += news.lost;
    reduce(this.e, t);
    const flight = t.sndNxt - t.sackedBytes - t.lostBytes;
    const count = Math.max(0, Math.floor((t.cwnd - flight) / MSS));
    t.prrOut += count * MSS;
    t.sndNxt += count * MSS;
    return count;
  }
}

describe('RFC 9937', () => {
  test('while more is in flight than ssthresh, what goes out is to what is delivered as ssthresh is to cwnd before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 200 }), fc.integer({ min: 20, max: 90 }), (prior, percent) => {
        const ssthresh = Math.max(2, Math.floor((prior * percent) / 100));
        const f = new Fixture(prior, ssthresh, prior);
        let delivered = 0;
        let out = 0;
        f.ack({ delivered: 0, lost: 1 });
        for (;;) {
          const flight = (f.t.sndNxt - f.t.sackedBytes - f.t.lostBytes) / MSS;
          if (flight - 1 <= ssthresh) return;
          out += f.ack({ delivered: 1 });
          delivered++;
          assert.equal(out, Math.max(1, Math.ceil((delivered * ssthresh) / prior)));
        }
      }),
    );
  });

  test('the first retransmission goes out whatever the reckoning says', () => {
    const f = new Fixture(100, 2, 100);
    assert.equal(f.ack({ delivered: 1, lost: 1 }), 1);
    assert.equal(f.ack({ delivered: 1 }), 0);
  });

  test('below ssthresh: as much as was delivered; one more where SND.UNA moves and nothing new is lost (SafeACK)', () => {
    const f = new Fixture(20, 14, 20);
    f.ack({ delivered: 1, lost: 12 });
    const out = f.t.prrOut / MSS;
    assert.equal(out, 1);
    assert.equal(f.ack({ delivered: 1 }), 1);
    assert.equal(f.ack({ delivered: 1, acked: 1 }), 2);
    assert.equal(f.ack({ delivered: 1, acked: 1, lost: 1 }), 1);
  });

  test('never beyond ssthresh', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(3), fc.nat(1)), { maxLength: 60 }),
        (acks) => {
          const f = new Fixture(30, 15, 30);
          for (const [delivered, lost, acked] of acks) {
            const flight = (): number => f.t.sndNxt - f.t.sackedBytes - f.t.lostBytes;
            if (flight() < (delivered + lost) * MSS) return;
            const first = f.t.prrOut === 0;
            const before = flight() - (delivered + lost) * MSS;
            f.ack({ delivered, lost, acked: acked * delivered });
            if (!first && before <= 15 * MSS) assert.ok(flight() <= 15 * MSS, `${flight()}`);
          }
        },
      ),
    );
  });

  test('at the end cwnd is ssthresh; after an undo it is left as it is', () => {
    const f = new Fixture(10, 7, 10);
    f.t.cwnd = 3 * MSS;
    endReduction(f.t);
    assert.equal(f.t.cwnd, 7 * MSS);
    f.t.unset2(F2_UNDO);
    f.t.cwnd = 12 * MSS;
    endReduction(f.t);
    assert.equal(f.t.cwnd, 12 * MSS);
    f.t.phase = PHASE_CWR;
    assert.ok(inReduction(f.t));
    endReduction(f.t);
    assert.equal(f.t.cwnd, 7 * MSS);
    f.t.phase = PHASE_OPEN;
    assert.ok(!inReduction(f.t));
  });
});
