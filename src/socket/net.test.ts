import assert from 'node:assert/strict';
import nodeNet from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createNet } from './net.ts';
import { type Stage, scenarios } from './net-scenarios.test.util.ts';
import { type Two, twoNetworks } from './pair.test.util.ts';

const kernel: Stage = { server: nodeNet, client: nodeNet, host: '127.0.0.1', other: '127.0.0.9', closedPort: 1 };

describe('what a program observes on ring3 is what it observes on node:net', { concurrency: false }, () => {
  let two: Two;
  let ring3: Stage;
  before(() => {
    two = twoNetworks();
    ring3 = { server: createNet(two.b), client: createNet(two.a), host: '10.0.0.2', other: '10.0.0.9', closedPort: 1 };
  });
  after(() => two.close());
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(name, { timeout: 20_000 }, async () => {
      const [expected, seen] = [await scenario(kernel), await scenario(ring3)];
      assert.deepEqual(seen, expected);
    });
  }
});
