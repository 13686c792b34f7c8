// What ring3 and Linux say to each other over a bad WAN, segment by segment: SACK, D-SACK and ECN as seen on the wire and counted by Linux.
// Run by node:test; calls test/support/wan.ts, wan-segments.ts, dissect.ts.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { DEFAULT_SETTINGS } from '../src/stack/settings.ts';
import { complaints } from './support/dissect.ts';
import { patternHash } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';
import { WAN_NEEDS, type WanHostOptions, type WanOptions, wan } from './support/wan.ts';
import type { Transfer } from './support/wan-app.ts';
import { judge, type Verdict } from './support/wan-segments.ts';

const NEEDS = needsAll(WAN_NEEDS, { programs: ['tshark'] });
const BYTES = 2_000_000;
const LOSSY = { rate: 100e6, rtt: 20_000, loss: 0.01, seed: 21 };

type Kind = 'linux' | 'ring3';
type Counters = Record<string, number>;

interface Seen {
  readonly verdict: Verdict;
  /** Of the sender, as it counts itself. */
  readonly sender: Counters;
  readonly receiver: Counters;
  readonly lost: number;
  readonly marked: number;
}

/** Moves BYTES from `from` to `to`, whose wire is recorded, and judges what was said. */
async function moved(
  t: TestContext,
  from: Kind,
  to: Kind,
  wire: Partial<WanOptions>,
  linux: Partial<WanHostOptions> = {},
): Promise<Seen> {
  const host = (kind: Kind): WanHostOptions =>
    kind === 'linux' ? ({ kind, ...linux } as WanHostOptions) : { kind, settings: { tcpEcn: 1 } };
  const net = await wan(t, { ...wire, left: [host(from)], right: host(to), capture: true });
  const [left] = net.left;
  const got = await net.right.order<Transfer>({ do: 'pull', host: left!.address, bytes: BYTES }, 60_000);
  assert.deepEqual(got.received, { bytes: BYTES, sha256: patternHash(BYTES) });
  const sender = (await left!.order<{ counters: Counters }>({ do: 'state' })).counters;
  const receiver = (await net.right.order<{ counters: Counters }>({ do: 'state' })).counters;
  const { drops, marked } = await net.state();
  await net.program.stop();
  const file = join(net.folder, 'wire.pcapng');
  assert.deepEqual(await complaints(file, 'tcp'), []);
  const verdict = await judge(file, net.right.address, to === 'linux');
  assert.deepEqual(verdict.complaints.slice(0, 5), []);
  t.diagnostic(`${Math.round(got.ms)} ms; ${JSON.stringify({ ...verdict, complaints: undefined })}`);
  const lost = (drops['fault_drop'] ?? 0) + (drops['shape_queue'] ?? 0);
  return { verdict, sender, receiver, lost, marked };
}

describe('SACK between ring3 and Linux', { ...NEEDS, concurrency: 2 }, () => {
  for (const from of ['linux', 'ring3'] as const) {
    for (const to of ['linux', 'ring3'] as const) {
      if ((from === 'ring3' || to === 'ring3') && !DEFAULT_SETTINGS.tcpSack) continue;
      test(`from ${from} to ${to}: 1 % lost is repaired by what the blocks say`, async (t) => {
        const { verdict, sender, lost } = await moved(t, from, to, LOSSY);
        assert.ok(verdict.sackAgreed);
        assert.ok(lost >= 10 && verdict.sacks >= lost, `${verdict.sacks} ACKs with blocks for ${lost} losses`);
        const [again, timeouts] =
          from === 'linux'
            ? [sender['TcpRetransSegs']!, sender['TcpExtTCPTimeouts']!]
            : [sender['tcp_retransmitted']!, sender['tcp_timeouts']!];
        // Without SACK a window with two losses waits for a timer. (A machine under load makes ACKs late: some room for that.)
        assert.ok(timeouts <= 2, `${timeouts} timeouts`);
        assert.ok(again <= 1.5 * lost + 5, `${again} segments sent again for ${lost} lost`);
        if (from === 'linux') {
          assert.ok(sender['TcpExtTCPSackRecovery']! > 3, 'Linux has repaired by SACK');
          assert.equal(sender['TcpExtTCPRenoRecovery'], 0);
          assert.equal(sender['TcpExtTCPSACKReneging'], 0);
          assert.equal(sender['TcpExtTCPSACKDiscard'], 0);
        }
      });

      test(`from ${from} to ${to}: a doubled segment is reported by D-SACK`, async (t) => {
        const { verdict, sender, receiver } = await moved(t, from, to, { rate: 100e6, rtt: 20_000, duplicate: 0.02 });
        assert.ok(verdict.dsacks >= 10, `${verdict.dsacks} D-SACKs`);
        if (from === 'linux') assert.ok(sender['TcpExtTCPDSACKRecv']! >= 10, 'Linux has understood them');
        if (to === 'linux') assert.ok(receiver['TcpExtTCPDSACKOldSent']! >= 10);
      });
    }
  }
});

describe('ECN between ring3 and Linux', { ...NEEDS, concurrency: 2 }, () => {
  for (const from of ['linux', 'ring3'] as const) {
    for (const to of ['linux', 'ring3'] as const) {
      if ((from === 'ring3' || to === 'ring3') && !('tcpEcn' in DEFAULT_SETTINGS)) continue;
      test(`from ${from} to ${to}: marks slow the sender down, and nothing is lost`, async (t) => {
        const wire = { rate: 100e6, rtt: 20_000, mark: 0.02, seed: 9 };
        const linux = { sysctls: { 'net/ipv4/tcp_ecn': 1 } };
        const { verdict, sender, marked } = await moved(t, from, to, wire, linux);
        assert.ok(verdict.ecnAgreed, 'both want ECN');
        assert.ok(marked >= 10 && verdict.ce >= 10, `${verdict.ce} marks`);
        assert.ok(verdict.ece >= verdict.cwr && verdict.cwr >= 3, `ECE ${verdict.ece}, CWR ${verdict.cwr}`);
        assert.ok(sender[from === 'linux' ? 'TcpRetransSegs' : 'tcp_retransmitted']! <= 2);
        if (from === 'linux') assert.ok(sender['TcpExtTCPDeliveredCE']! >= 3);
      });
    }
  }
});
