// Much data over a bad wire: the kernel and ring3, both ways, under loss, reordering and duplication; and over a good one.
// Run by node:test; calls test/support/kernel-rig.ts.
//
//   RING3_BULK=200000000 npm test -- test/kernel-bulk     bytes each way (default 20,000,000)

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clients, DEVICE_NEEDS, order, STACK4, STACK6, stackRig } from './support/kernel-rig.ts';
import { patternHash } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';

const NEEDS = needsAll(DEVICE_NEEDS, { programs: ['nc'] });
/** Moved over a long path. */
const LONG = 10_000_000;
const BYTES = Number(process.env['RING3_BULK'] ?? 20_000_000);

interface Moved {
  readonly received: number;
  readonly sha256: string;
  readonly ms: number;
}

describe('bulk over a bad wire', { ...NEEDS, concurrency: 2 }, () => {
  for (const [link, address] of [
    ['tap', STACK4],
    ['tun', STACK6],
  ] as const) {
    for (const [mode, port] of [
      ['download', 19],
      ['upload', 9],
    ] as const) {
      test(`${link}: ${mode} of ${BYTES} bytes with 2 % lost, 2 % reordered, 1 % doubled each way`, async (t) => {
        const fault = 'drop=0.02,reorder=0.02,duplicate=0.01,seed=7';
        const rig = await stackRig(t, { link, offload: false, fault });
        const [got] = await clients<Moved>(rig.ns, [mode, address, port, BYTES]);
        assert.equal(got!.received, BYTES);
        assert.equal(got!.sha256, patternHash(BYTES));
        const { counters } = await order<{ counters: Record<string, number> }>(rig, { do: 'state' });
        const { tcp_retransmitted, tcp_timeouts, tcp_fast_recoveries, tcp_out_of_order } = counters;
        const seen = JSON.stringify({ tcp_retransmitted, tcp_timeouts, tcp_fast_recoveries, tcp_out_of_order });
        t.diagnostic(`${(got!.ms / 1000).toFixed(1)} s, ${(BYTES / got!.ms / 1000).toFixed(1)} MB/s; ${seen}`);
      });
    }
  }

  test('windows beyond 64 kB fill a long path: 25 ms each way', async (t) => {
    const rig = await stackRig(t, { link: 'tap', offload: false, fault: 'delay=25ms' });
    const jobs = [
      ['download', STACK4, 19, LONG],
      ['upload', STACK6, 9, LONG],
    ] as const;
    for (const [i, got] of (await clients<Moved>(rig.ns, ...jobs)).entries()) {
      assert.equal(got.sha256, patternHash(LONG));
      // With windows of 64 kB, one round trip moves no more than that.
      const unscaled = (LONG / 65_536) * 50;
      assert.ok(got.ms < unscaled * 0.7, `${jobs[i]![0]}: ${Math.round(got.ms)} of ${Math.round(unscaled)} ms`);
      t.diagnostic(`${jobs[i]![0]}: ${Math.round(got.ms)} ms`);
    }
  });
});
