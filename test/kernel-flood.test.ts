// A flood of SYNs from addresses that nobody has, during a download: the download goes on, and new clients get their page.
// Run by node:test; calls test/support/kernel-rig.ts, syn-flood.ts.
//
//   RING3_FLOOD=100000 npm test -- test/kernel-flood     SYNs a second

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_SETTINGS } from '../src/stack/settings.ts';
import { DEVICE, DEVICE_NEEDS, folder, KERNEL4, STACK4, serveRig, stopped } from './support/kernel-rig.ts';
import type { Namespace } from './support/netns.ts';
import { built } from './support/paths.ts';
import { patternStream } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';
import type { FloodOptions, FloodResult } from './support/syn-flood.ts';

const NEEDS = needsAll(DEVICE_NEEDS, { programs: ['curl'] });
/** Without SYN cookies new clients find the backlog full of invented ones, from some rate on. */
const COOKIES: boolean = 'tcpSynCookies' in DEFAULT_SETTINGS;
const RATE = Number(process.env['RING3_FLOOD'] ?? (COOKIES ? 50_000 : 2000));
const MS = 5000;
const SIZE = 60_000_000;
/** Bytes a second that curl takes, so that the download lasts as long as the flood. */
const LIMIT = 12_000_000;
const PAGE = 'a page\n';

async function flood(ns: Namespace): Promise<FloodResult> {
  const neighbour = await ns.ip(`neigh show ${STACK4} dev ${DEVICE}`);
  const mac = /lladdr (\S+)/.exec(neighbour)![1]!;
  const options: FloodOptions = { dev: DEVICE, mac, address: STACK4, port: 80, rate: RATE, ms: MS };
  const out = await ns.startNode([built('test/support/syn-flood.js'), JSON.stringify(options)]).done;
  assert.equal(out.code, 0, out.stderr);
  return JSON.parse(out.stdout) as FloodResult;
}

/** Clients one after the other while the flood lasts: how long each took, ms; -1 for one that got no page. */
async function clientsDuring(ns: Namespace, until: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let over = false;
  void until.finally(() => {
    over = true;
  });
  // Not before the backlog is full.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  while (!over) {
    const start = performance.now();
    const { stdout } = await ns.run('curl', ['-sS', '-m', '10', `http://${STACK4}/`]);
    times.push(stdout === PAGE ? performance.now() - start : -1);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return times;
}

test(`${RATE} SYNs a second during a download`, NEEDS, async (t) => {
  const site = folder(t);
  const content = Buffer.concat(await patternStream(SIZE).toArray());
  writeFileSync(join(site, 'index.html'), PAGE);
  writeFileSync(join(site, 'large.bin'), content);
  const rig = await serveRig(t, [site, '--link', 'tap', '--gateway', KERNEL4]);
  const to = join(rig.folder, 'large.bin');
  const download = rig.ns.run(
    'curl',
    [
      '-sS',
      '-f',
      '-m',
      '60',
      '--limit-rate',
      String(LIMIT),
      '-o',
      to,
      '-w',
      '%{time_total}',
      `http://${STACK4}/large.bin`,
    ],
    { timeout: 70_000 },
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  const syns = flood(rig.ns);
  const times = await clientsDuring(rig.ns, syns);
  const { sent, refused, ms } = await syns;
  const got = await download;
  const served = times.filter((time) => time >= 0).sort((a, b) => a - b);
  t.diagnostic(
    `${sent} SYNs in ${Math.round(ms)} ms (${refused} found the queue full); download ${got.stdout} s; ` +
      `${served.length} of ${times.length} clients served, median ${Math.round(served[served.length >> 1] ?? -1)} ms, ` +
      `slowest ${Math.round(served.at(-1) ?? -1)} ms`,
  );
  assert.equal(got.code, 0, got.stderr);
  const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  assert.equal(hash(readFileSync(to)), hash(content));
  assert.ok(Number(got.stdout) < (4 * SIZE) / LIMIT, `the download took ${got.stdout} s`);
  assert.ok(sent > (RATE * MS) / 1000 / 2, `only ${sent} SYNs were sent`);
  // One after the other: a client that is shut out takes all the time there is.
  assert.ok(times.length >= 2, `clients took ${times} ms`);
  assert.equal(served.length, times.length, `clients were turned away: ${times}`);
  await stopped(rig.program);
});
