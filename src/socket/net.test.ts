// What programs observe on ring3/net is what they observe on node:net: two independent answers must agree.
import assert from 'node:assert/strict';
import nodeNet from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createNet } from './net.ts';
import { failures } from './net-failure.test-support.ts';
import { data, life } from './net-life.test-support.ts';
import { servers, timers } from './net-server.test-support.ts';
import type { Stage } from './net-stage.test-support.ts';
import { type Two, twoNetworks } from './two.test-support.ts';

const scenarios = { ...life, ...data, ...failures, ...timers, ...servers };
const hosts: [kernel: string, ring3: string][] = [
  ['127.0.0.1', '10.0.0.2'],
  ['::1', 'fd00::2'],
];

for (const [kernelHost, ring3Host] of hosts) {
  describe(`on ring3 as on node:net (${ring3Host})`, { concurrency: false }, () => {
    const kernel: Stage = { server: nodeNet, client: nodeNet, host: kernelHost, other: '127.0.0.9', closedPort: 1 };
    let two: Two;
    let ring3: Stage;
    before(() => {
      two = twoNetworks();
      ring3 = { server: createNet(two.b), client: createNet(two.a), host: ring3Host, other: '10.0.0.9', closedPort: 1 };
    });
    after(() => two.close());
    for (const [name, scenario] of Object.entries(scenarios)) {
      test(name, { timeout: 20_000 }, async () => {
        const [expected, seen] = [await scenario(kernel), await scenario(ring3)];
        assert.deepEqual(seen, expected);
      });
    }
    test('no handle, no memory and no connection is left', async () => {
      await two.settled();
      assert.equal(two.a.open + two.b.open, 0);
      assert.equal(two.stackA.memory.spans.used + two.stackB.memory.spans.used, 0);
    });
  });
}
