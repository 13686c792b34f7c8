// Many connections to `ring3 serve` over TAP: ten thousand kept open and each served twice, and thousands that come and go.
// Run by node:test; calls test/support/kernel-rig.ts.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { client, DEVICE_NEEDS, folder, STACK4, STACK6, serveRig, stopped } from './support/kernel-rig.ts';
import { needsAll } from './support/privileges.ts';

const NEEDS = needsAll(DEVICE_NEEDS, { programs: ['sh'] });
const PAGE = 'a small page\n'.repeat(40);

interface Round {
  readonly failed: number;
  readonly why: string;
}

test('ten thousand open connections are each served twice', NEEDS, async (t) => {
  const site = folder(t);
  writeFileSync(join(site, 'page.txt'), PAGE);
  const rig = await serveRig(t, [site, '--link', 'tap']);
  const count = 10_000;
  const result = await client<{
    open: number;
    opened: Round;
    served: Round[];
    bytes: number;
    openMs: number;
    serveMs: number;
  }>(rig.ns, 'keepAlive', STACK4, 80, '/page.txt', count);
  assert.equal(result.opened.failed, 0, result.opened.why);
  assert.equal(result.open, count);
  for (const { failed, why } of result.served) assert.equal(failed, 0, why);
  assert.equal(result.bytes, 2 * count * PAGE.length);
  t.diagnostic(`opened in ${Math.round(result.openMs)} ms, served twice in ${Math.round(result.serveMs)} ms`);
  // Ten thousand goodbyes at once fill the device's queue: a single ping might be lost in it.
  assert.match((await rig.ns.run('ping', ['-c', '6', '-i', '0.5', '-W', '10', STACK4])).stdout, /[1-6] received/);
  await stopped(rig.program);
});

test('thousands of short connections come and go', NEEDS, async (t) => {
  const site = folder(t);
  writeFileSync(join(site, 'page.txt'), PAGE);
  const rig = await serveRig(t, [site, '--link', 'tap']);
  const count = 2500;
  for (const address of [STACK4, STACK6]) {
    const result = await client<Round & { bytes: number; ms: number }>(
      rig.ns,
      'churn',
      address,
      80,
      '/page.txt',
      count,
    );
    assert.equal(result.failed, 0, result.why);
    assert.equal(result.bytes, count * PAGE.length);
    t.diagnostic(`${count} connections to ${address} in ${Math.round(result.ms)} ms`);
  }
  await stopped(rig.program);
});
