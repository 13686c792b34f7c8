// Transfers both ways at once over links that drop, reorder, duplicate, corrupt and delay: every byte arrives, once, in order, and
// nothing is left behind. A failure names its faults and seed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EAGAIN } from '../../base/errno.ts';
import { type Faults, faultLink } from '../../link/fault.ts';
import { B4, Pair, type PairOptions, pattern } from '../pair.test-support.ts';
import type { Stack } from '../stack.ts';

const B6: [number, number, number, number] = [0xfd000000 | 0, 0, 0, 2];

/** One end's part in an exchange: writes all of `data`, closes its direction, reads to the end. */
class End {
  readonly got: Uint8Array;
  received = 0;
  ended = false;
  #sent = 0;
  #shut = false;
  readonly stack: Stack;
  readonly h: number;
  readonly data: Uint8Array;

  constructor(stack: Stack, h: number, data: Uint8Array, expected: number) {
    this.stack = stack;
    this.h = h;
    this.data = data;
    this.got = new Uint8Array(expected + 16);
  }

  /** Whether anything moved. */
  move(): boolean {
    const { tcp } = this.stack;
    const before = this.#sent + this.received;
    while (this.#sent < this.data.length) {
      const n = tcp.write(this.h, this.data, this.#sent, Math.min(50_000, this.data.length - this.#sent));
      assert.ok(n >= 0, `write: ${n}`);
      if (n === 0) break;
      this.#sent += n;
    }
    if (this.#sent === this.data.length && !this.#shut) {
      this.#shut = true;
      tcp.shutdown(this.h);
    }
    for (;;) {
      const n = tcp.read(this.h, this.got, this.received, this.got.length - this.received);
      if (n === 0) this.ended = true;
      if (n === 0 || n === -EAGAIN) break;
      assert.ok(n > 0, `read: ${n}`);
      this.received += n;
    }
    return this.#sent + this.received > before;
  }
}

interface Case {
  readonly faults: Faults;
  readonly seed: number;
  readonly v6?: boolean;
  readonly gso?: number;
  readonly bytes?: number;
  readonly settings?: PairOptions['settings'];
}

/** Opens, exchanges, closes; returns the virtual time that took, in seconds. */
function exchange(c: Case): number {
  const clock = (now: () => number) => ({ monotonic: now, wall: () => 0 });
  const pair = new Pair({
    seed: c.seed,
    link: { gso: c.gso ?? 0, txChecksum: c.gso ? 'partial' : 'full' },
    wrap: (link, end, now) =>
      end === 'a' ? faultLink(link, clock(now), { seed: c.seed, rx: c.faults, tx: c.faults }) : link,
    ...(c.settings && { settings: c.settings }),
  });
  const stacks = [pair.a, pair.b] as const;
  const frames = stacks.map((s) => s.core.frames.used);
  const listener = pair.b.tcp.listen(0, 0, 0, 0, 80, 4, false);
  const client = pair.a.tcp.connect(0, 0, 0, 0, 0, ...(c.v6 ? B6 : B4), 80, 0);
  let server = 0;
  const began = pair.now;
  assert.ok(
    pair.runUntil(() => (server = pair.b.tcp.accept(listener)) > 0, 300e6),
    'no connection',
  );
  const bytes = c.bytes ?? 2 << 20;
  const up = pattern(bytes, c.seed);
  const down = pattern(bytes, c.seed + 1);
  const a = new End(pair.a, client, up, bytes);
  const b = new End(pair.b, server, down, bytes);
  pair.runUntil(() => {
    for (let moved = true; moved; pair.step()) {
      const first = a.move();
      moved = b.move() || first;
    }
    return a.ended && b.ended;
  }, 3600e6);
  assert.equal(Buffer.compare(b.got.subarray(0, b.received), up), 0, `up: ${b.received} of ${bytes} bytes`);
  assert.equal(Buffer.compare(a.got.subarray(0, a.received), down), 0, `down: ${a.received} of ${bytes} bytes`);
  const took = (pair.now - began) / 1e6;
  pair.a.tcp.close(client);
  pair.b.tcp.close(server);
  pair.b.tcp.close(listener);
  pair.run(2000e6);
  for (const [i, s] of stacks.entries()) {
    assert.deepEqual([s.tcp.used, s.core.spans.used, s.core.frames.used], [0, 0, frames[i]], `left in stack ${i}`);
    assert.equal(s.pollAt(), Infinity);
  }
  return took;
}

const KINDS: Record<string, Faults> = {
  'nothing wrong': { delay: 2000 },
  'drops 2 %': { drop: 0.02, delay: 5000 },
  'drops 15 %': { drop: 0.15, delay: 5000 },
  'reorders 30 %': { reorder: 0.3, delay: 5000 },
  'duplicates 30 %': { duplicate: 0.3, delay: 5000 },
  'corrupts 5 %': { corrupt: 0.05, delay: 5000 },
  everything: { drop: 0.03, reorder: 0.05, duplicate: 0.05, corrupt: 0.01, delay: 10_000 },
};

for (const [name, faults] of Object.entries(KINDS)) {
  describe(`a link: ${name}`, () => {
    for (const [n, v6] of [false, true].entries()) {
      for (const gso of [0, 65535]) {
        const seed = 100 * Object.keys(KINDS).indexOf(name) + 10 * n + (gso ? 1 : 0);
        const bytes = faults.drop === 0.15 ? 300_000 : 2 << 20;
        test(`${v6 ? 'IPv6' : 'IPv4'}${gso ? ', superframes' : ''}, seed ${seed}`, () => {
          exchange({ faults, seed, v6, gso, bytes });
        });
      }
    }
  });
}

describe('many seeds, small transfers, all faults', () => {
  for (let first = 1000; first < 1060; first += 20) {
    test(`seeds ${first} to ${first + 19}`, () => {
      for (let seed = first; seed < first + 20; seed++) {
        const faults = { drop: 0.1, reorder: 0.2, duplicate: 0.1, corrupt: 0.02, delay: 20_000 };
        try {
          exchange({ faults, seed, v6: seed % 2 === 0, gso: seed % 3 === 0 ? 65535 : 0, bytes: 20_000 });
        } catch (error) {
          throw new Error(`seed ${seed}: ${error}`);
        }
      }
    });
  }
});

describe('small buffers', () => {
  for (const [tcpReceiveBuffer, tcpSendBuffer] of [
    [4096, 1 << 20],
    [1 << 20, 4096],
    [3000, 3000],
  ] as const) {
    test(`receive ${tcpReceiveBuffer}, send ${tcpSendBuffer}, seed 5`, () => {
      const faults = { drop: 0.02, reorder: 0.05, delay: 1000 };
      exchange({ faults, seed: 5, bytes: 200_000, settings: { tcpReceiveBuffer, tcpSendBuffer } });
    });
  }
});

describe('without options', () => {
  for (const [tcpWindowScaling, tcpTimestamps] of [
    [false, false],
    [true, false],
    [false, true],
  ] as const) {
    test(`window scaling ${tcpWindowScaling}, timestamps ${tcpTimestamps}, seed 6`, () => {
      const settings = { tcpWindowScaling, tcpTimestamps };
      exchange({ faults: { drop: 0.02, reorder: 0.05, delay: 5000 }, seed: 6, bytes: 500_000, settings });
    });
  }
});

test('2 % of loss on a path of 10 ms does not stop a transfer: 2 MB both ways in some 3.5 s, seeds 7 to 9', () => {
  const took = [7, 8, 9].map((seed) => exchange({ faults: { drop: 0.02, delay: 5000 }, seed }));
  assert.ok(Math.max(...took) < 4.2, `${took} s`);
});
