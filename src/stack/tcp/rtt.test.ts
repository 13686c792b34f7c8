// SRTT, RTTVAR and RTO against RFC 6298 section 2, for samples of all kinds.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from '../../base/arena.ts';
import { DEFAULT_SETTINGS } from '../settings.ts';
import { backOff, noteLeast, persistInterval, rttSample } from './rtt.ts';
import { Tcb, tcbRows } from './tcb.ts';

const s = DEFAULT_SETTINGS;

function connection(): Tcb {
  const rows = tcbRows(new Arena(1 << 20), 2);
  const t = new Tcb(rows).at(rows.alloc());
  t.rto = s.tcpRtoInitial;
  return t;
}

/** A sample in a round trip of its own. */
function sample(t: Tcb, rtt: number): void {
  t.sndNxt += 1000;
  t.sndUna = t.sndNxt;
  rttSample(t, rtt, s);
}

describe('RFC 6298 section 2', () => {
  test('the first sample: SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 RTTVAR (2.2)', () => {
    const t = connection();
    sample(t, 400_000);
    assert.deepEqual([t.srtt, t.rttvar, t.rto], [400_000, 200_000, 1_200_000]);
  });

  test('SRTT follows each sample by an eighth; RTTVAR by a quarter of the error where that grows (2.3)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 60 }), (samples) => {
        const t = connection();
        let srtt = 0;
        let rttvar = 0;
        for (const r of samples) {
          if (srtt === 0) [srtt, rttvar] = [r, r / 2];
          else {
            const error = r - srtt;
            srtt += error / 8;
            const change = Math.abs(error) - rttvar;
            // A faster path makes RTTVAR grow by a 32nd only.
            rttvar += error < 0 && change > 0 ? change / 32 : change / 4;
          }
          sample(t, r);
          assert.ok(Math.abs(t.srtt - srtt) <= 9, `SRTT ${t.srtt}, ${srtt}`);
          assert.ok(Math.abs(t.rttvar - rttvar) <= 20, `RTTVAR ${t.rttvar}, ${rttvar}`);
          // RTO never promises more than the deviation says, and is at least 200 ms above SRTT.
          assert.ok(t.rto >= Math.min(s.tcpRtoMax, t.srtt + Math.max(4 * t.rttvar, s.tcpRtoMin)));
          assert.ok(t.rto <= s.tcpRtoMax);
        }
      }),
    );
  });

  test('steady samples bring RTO down to SRTT + 200 ms', () => {
    const t = connection();
    sample(t, 900_000);
    for (let n = 0; n < 200; n++) sample(t, 50_000);
    assert.ok(t.rto >= 250_000 && t.rto <= 251_000, `${t.rto}`);
  });

  test('many equal samples in one round trip do not make RTO forget its largest deviation at once', () => {
    const t = connection();
    sample(t, 100_000);
    sample(t, 900_000);
    const { rto } = t;
    t.sndNxt += 100_000;
    for (let n = 0; n < 50; n++) {
      t.sndUna += 1000;
      rttSample(t, 200_000, s);
    }
    assert.ok(t.rto > rto / 2, `${t.rto} after ${rto}`);
  });

  test('backing off doubles up to 120 s (5.5, 2.5); the persist timer does likewise', () => {
    const t = connection();
    sample(t, 100_000);
    for (let n = 0; n < 20; n++) {
      const before = t.rto;
      backOff(t, s);
      assert.equal(t.rto, Math.min(120e6, 2 * before));
    }
    t.rto = 300_000;
    for (let n = 0; n < 40; n++) {
      t.retries = n;
      assert.equal(persistInterval(t, s), Math.min(120e6, 300_000 * 2 ** Math.min(n, 20)));
    }
  });

  test('the least RTT is remembered for five minutes', () => {
    const t = connection();
    noteLeast(t, 50_000, 1e6);
    noteLeast(t, 80_000, 200e6);
    assert.equal(t.minRtt, 50_000);
    noteLeast(t, 40_000, 250e6);
    assert.equal(t.minRtt, 40_000);
    noteLeast(t, 90_000, 551e6);
    assert.equal(t.minRtt, 90_000);
  });
});
