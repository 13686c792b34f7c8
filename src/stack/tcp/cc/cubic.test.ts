// CUBIC against the formulas of RFC 9438, HyStart++ against those of RFC 9406, round trip by round trip.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Arena } from '../../../base/arena.ts';
import { Now } from '../../../base/time.ts';
import type { Engine } from '../engine.ts';
import { NO_THRESHOLD } from '../flags.ts';
import { AckNews } from '../news.ts';
import { Tcb, tcbRows } from '../tcb.ts';
import { cubic } from './cubic.ts';

const MSS = 1000;
const SECOND = 1e6;

class Flow {
  readonly t: Tcb;
  readonly e: Engine;
  readonly now: Now;
  readonly news: AckNews = new AckNews();
  readonly rtt: number;

  constructor(rtt: number) {
    this.rtt = rtt;
    const arena = new Arena(1 << 20);
    const rows = tcbRows(arena, 2);
    this.t = new Tcb(rows).at(rows.alloc());
    this.now = new Now(arena);
    this.now.set(SECOND);
    const core = { now: this.now, settings: { tcpInitialWindow: 10 } };
    this.e = { core, news: this.news } as unknown as Engine;
    this.t.mss = MSS;
    this.t.srtt = rtt;
    cubic.init(this.e, this.t);
  }

  get cwnd(): number {
    return this.t.cwnd / MSS;
  }

  /** A congestion event at a window of `segments`; cwnd is ssthresh afterwards. */
  lose(segments: number): void {
    this.t.cwnd = segments * MSS;
    this.t.ssthresh = cubic.reduce(this.e, this.t);
    this.t.cwnd = this.t.ssthresh;
  }

  ack(bytes: number, limited = true): void {
    this.news.begin(0, 0);
    this.news.delivered = bytes;
    cubic.acked(this.e, this.t, limited);
  }

  /** A window is acknowledged, segment by segment, in a round trip. */
  round(): void {
    const n = Math.floor(this.cwnd);
    for (let i = 0; i < n; i++) {
      this.now.set(this.now.us + this.rtt / n);
      this.ack(MSS);
    }
  }
}

describe('CUBIC', () => {
  test('a loss takes 0.3 of the window; what is left is whole segments for whole tens (section 4.6)', () => {
    for (const mss of [536, 1220, 1448, 1460, 8960]) {
      const f = new Flow(100_000);
      f.t.mss = mss;
      for (let n = 10; n <= 500; n += 10) {
        f.t.cwnd = n * mss;
        assert.equal(cubic.reduce(f.e, f.t), ((n * 7) / 10) * mss);
      }
    }
  });

  test('after a loss at W_max the window is back there after K = cbrt(0.3 W_max / C), and goes on as C (t - K)^3 (figure 1)', () => {
    for (const rtt of [100_000, 200_000]) {
      const f = new Flow(rtt);
      f.lose(500);
      f.ack(MSS); // the epoch begins
      const began = f.now.us;
      const k = Math.cbrt((500 * 0.3) / 0.4);
      while (f.now.us - began < (k + 4) * SECOND) {
        f.round();
        const t = (f.now.us - began) / SECOND;
        // Where the curve is below Reno's line it does not count.
        const reno = 350 + (3 * 0.3 * (t / (rtt / SECOND))) / 1.7;
        const curve = 0.4 * (t - k) ** 3 + 500;
        // It is set for a round trip ahead, and reached within one.
        const ahead = 0.4 * (t + rtt / SECOND - k) ** 3 + 500;
        const [low, high] = [Math.max(reno, curve), Math.max(reno + 1, ahead)];
        assert.ok(f.cwnd >= low * 0.985 - 2 && f.cwnd <= high * 1.015 + 2, `${t} s: ${f.cwnd}, ${low} to ${high}`);
      }
      assert.ok(f.cwnd > 515, `${f.cwnd}`);
    }
  });

  test('on a short path it grows as Reno with this decrease would: 3 (1 - 0.7) / (1 + 0.7) a round trip (section 4.3)', () => {
    const f = new Flow(10_000);
    f.lose(40);
    for (let n = 0; n < 20; n++) f.round();
    assert.ok(Math.abs(f.cwnd - (28 + 20 * (0.9 / 1.7))) <= 1.5, `${f.cwnd}`);
  });

  test('fast convergence: a loss below the last W_max makes W_max 0.85 of cwnd (section 4.7)', () => {
    const f = new Flow(100_000);
    f.lose(100);
    assert.equal(f.t.ccCell1, 100 * MSS);
    f.lose(80);
    assert.equal(f.t.ccCell1, 68 * MSS);
    f.lose(90);
    assert.equal(f.t.ccCell1, 90 * MSS);
  });

  test('one ACK for much does not let the window leap: at most half of it a round trip (section 4.2)', () => {
    const f = new Flow(100_000);
    f.lose(100);
    f.ack(MSS);
    f.now.set(f.now.us + 60 * SECOND);
    f.ack(70 * MSS);
    assert.ok(f.cwnd <= 106, `${f.cwnd}`);
  });

  test('an undone event leaves W_max as it was; a window that is not used does not grow', () => {
    const f = new Flow(100_000);
    f.lose(100);
    f.t.priorCwnd = 80 * MSS;
    f.lose(80);
    assert.equal(cubic.undo(f.t), 80 * MSS);
    assert.equal(f.t.ccCell1, 100 * MSS);
    const before = f.t.cwnd;
    for (let n = 0; n < 100; n++) f.ack(MSS, false);
    assert.equal(f.t.cwnd, before);
  });

  test('idle time does not count (section 5.8)', () => {
    const f = new Flow(100_000);
    f.lose(100);
    f.ack(MSS);
    const before = f.cwnd;
    cubic.idle(f.e, f.t, 30 * SECOND);
    f.now.set(f.now.us + 30 * SECOND);
    f.ack(MSS);
    assert.ok(f.cwnd - before <= 1);
  });
});

/** Slow start: a round of `rtt` us with `acks` ACKs of a segment. Returns by how much cwnd has grown, segments. */
function slowRound(f: Flow, rtt: number, acks: number): number {
  const before = f.cwnd;
  const { t } = f;
  t.sndNxt = t.sndUna + acks * MSS;
  for (let i = 0; i < acks; i++) {
    t.sndUna += MSS;
    f.news.begin(0, 0);
    f.news.delivered = MSS;
    f.news.rtt = rtt;
    cubic.acked(f.e, t, true);
    t.sndNxt += MSS;
  }
  return f.cwnd - before;
}

describe('HyStart++', () => {
  /** [RTT of the first round, the growth that ends slow start]: an eighth, within 4 and 16 ms. */
  const cases = [
    [10_000, 4_000],
    [80_000, 10_000],
    [400_000, 16_000],
  ] as const;
  for (const [rtt, more] of cases) {
    test(`at ${rtt / 1000} ms, ${more / 1000} ms more make growth a quarter, less does not (section 4.2)`, () => {
      const f = new Flow(rtt);
      slowRound(f, rtt, 10);
      assert.equal(slowRound(f, rtt + more - 1, 20), 20);
      // Against the round before.
      const g = new Flow(rtt);
      slowRound(g, rtt, 10);
      const grown = slowRound(g, rtt + more, 21);
      // The eighth sample decides.
      assert.equal(grown, 7 + 14 / 4);
      assert.equal(g.t.ssthresh, NO_THRESHOLD);
    });
  }

  test('after five rounds of conservative slow start congestion avoidance begins, at the window reached', () => {
    const f = new Flow(100_000);
    slowRound(f, 100_000, 10);
    for (let n = 0; n < 8 && f.t.ssthresh === NO_THRESHOLD; n++) slowRound(f, 130_000, 20);
    assert.ok(f.t.ssthresh < NO_THRESHOLD);
    assert.ok(f.t.cwnd >= f.t.ssthresh);
  });

  test('if the RTT comes down again in between, it was noise: slow start goes on', () => {
    const f = new Flow(100_000);
    slowRound(f, 100_000, 10);
    slowRound(f, 130_000, 20);
    slowRound(f, 130_000, 20);
    slowRound(f, 100_000, 20);
    assert.equal(slowRound(f, 100_000, 20), 20);
    for (let n = 0; n < 10; n++) slowRound(f, 100_000, 20);
    assert.equal(f.t.ssthresh, NO_THRESHOLD);
  });

  test('fewer than eight samples decide nothing; a loss ends it', () => {
    const f = new Flow(100_000);
    slowRound(f, 100_000, 10);
    assert.equal(slowRound(f, 200_000, 7), 7);
    f.t.ssthresh = cubic.reduce(f.e, f.t);
    f.t.cwnd = 2 * MSS;
    f.t.ssthresh = 100 * MSS;
    slowRound(f, 100_000, 10);
    assert.equal(slowRound(f, 300_000, 20), 20);
  });
});
