// What programs observe on ring3/dgram is what they observe on node:dgram, and what only ring3 can show: groups.
import assert from 'node:assert/strict';
import nodeDgram from 'node:dgram';
import { after, before, describe, test } from 'node:test';
import { createDgram } from './dgram.ts';
import { type DgramStage, dgramScenarios } from './dgram-scenarios.test-support.ts';
import { type Two, twoNetworks } from './two.test-support.ts';

const stages: [DgramStage['type'], string, string][] = [
  ['udp4', '127.0.0.1', '10.0.0.2'],
  ['udp6', '::1', 'fd00::2'],
];

for (const [type, kernelHost, ring3Host] of stages) {
  describe(`what a program observes on ring3 is what it observes on node:dgram (${type})`, {
    concurrency: false,
  }, () => {
    const kernel: DgramStage = { server: nodeDgram, client: nodeDgram, host: kernelHost, type, closedPort: 1 };
    let two: Two;
    let ring3: DgramStage;
    before(() => {
      two = twoNetworks();
      ring3 = { server: createDgram(two.b), client: createDgram(two.a), host: ring3Host, type, closedPort: 1 };
    });
    after(() => two.close());
    for (const [name, scenario] of Object.entries(dgramScenarios)) {
      test(name, { timeout: 20_000 }, async () => {
        assert.deepEqual(await scenario(ring3), await scenario(kernel));
      });
    }
  });
}
