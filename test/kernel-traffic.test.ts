// A stack of ring3 against the kernel over TUN and TAP, with and without superframes: ping, UDP, TCP both ways, half-close, refusals.
// Run by node:test; calls test/support/kernel-rig.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  client,
  clients,
  DEVICE,
  DEVICE_NEEDS,
  KERNEL4,
  KERNEL6,
  listening,
  order,
  type Rig,
  STACK4,
  STACK6,
  stackRig,
  stopped,
} from './support/kernel-rig.ts';
import { patternHash } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';

const NEEDS = needsAll(DEVICE_NEEDS, { programs: ['nc'] });
const BULK = 20_000_000;
const HASH: string = patternHash(BULK);

interface Moved {
  readonly received: number;
  readonly sha256: string;
  readonly error?: string;
  readonly from?: string;
}

// Two at a time: mostly they wait.
describe('everyday traffic with the kernel', { ...NEEDS, concurrency: 2 }, () => {
  for (const link of ['tap', 'tun'] as const) {
    for (const offload of [true, false]) {
      test(`over ${link} with ${offload ? 'superframes' : 'plain frames'}`, async (t) => {
        const rig = await stackRig(t, { link, offload });
        await t.test('ping of every size from 0 to 65,000 bytes', () => pingSizes(rig));
        await t.test('ping as fast as it goes', () => pingFlood(rig));
        await t.test('UDP echoes of 1 byte to 60 kB', () => udpEchoes(rig));
        await t.test(`${BULK} bytes from the stack arrive whole`, () => bulk(rig, 'download', 19));
        await t.test(`${BULK} bytes to the stack arrive whole`, () => bulk(rig, 'upload', 9));
        await t.test('a reader that pauses closes the window, and gets all in the end', () => slowReader(rig));
        await t.test('half-close: the answer to what was sent comes after our end', () => halfClose(rig));
        await t.test('the stack connects to the kernel', () => outward(rig));
        await t.test('closed ports refuse', () => refusals(rig));
        await t.test('neighbours know each other', () => neighbours(rig, link));
        await t.test('nothing is left of it', () => nothingLeft(rig));
      });
    }
  }
});

async function pingSizes({ ns }: Rig): Promise<void> {
  for (const address of [STACK4, STACK6]) {
    for (const size of [0, 1, 56, 1472, 1473, 2952, 9000, 32_768, 65_000]) {
      // One at a time: with answers at hand, ping waits for the rest no longer than two round trips.
      const { stdout, code } = await ns.run('ping', ['-c', '1', '-W', '3', '-s', String(size), address]);
      assert.equal(code, 0, `${address}, ${size} bytes:\n${stdout}`);
      assert.match(stdout, new RegExp(`^${size + 8} bytes from`, 'm'));
    }
  }
}

async function pingFlood({ ns }: Rig): Promise<void> {
  const { stdout } = await ns.run('ping', ['-f', '-c', '2000', '-W', '2', STACK4]);
  assert.match(stdout, /(1999|2000) received/, stdout);
}

async function udpEchoes({ ns }: Rig): Promise<void> {
  const jobs = [STACK4, STACK6].flatMap((address) =>
    [1, 1400, 1473, 60_000].map((size) => ['udp', address, 7, size, 5] as const),
  );
  const results = await clients<{ echoed: number }>(ns, ...jobs);
  for (const [i, { echoed }] of results.entries()) assert.equal(echoed, 5, jobs[i]!.join(' '));
}

async function bulk({ ns }: Rig, mode: 'download' | 'upload', port: number): Promise<void> {
  for (const got of await clients<Moved>(ns, [mode, STACK4, port, BULK], [mode, STACK6, port, BULK])) {
    assert.equal(got.received, BULK);
    assert.equal(got.sha256, HASH);
  }
}

async function slowReader({ ns }: Rig): Promise<void> {
  const got = await client<Moved>(ns, 'download', STACK4, 19, BULK, 2);
  assert.equal(got.sha256, HASH);
}

async function halfClose({ ns }: Rig): Promise<void> {
  for (const address of [STACK4, STACK6]) {
    const text = 'all that there is\n'.repeat(10_000);
    assert.equal(await ns.runOk('nc', ['-N', address, '7'], { input: text }), text);
    const [bytes] = (await ns.runOk('nc', ['-N', address, '9'], { input: text })).split(' ');
    assert.equal(Number(bytes), text.length);
  }
}

async function outward(rig: Rig): Promise<void> {
  for (const [address, mine] of [
    [KERNEL4, STACK4],
    [KERNEL6, STACK6],
  ] as const) {
    const server = client<{ from: string }>(rig.ns, 'echoServer', 5000);
    await listening(rig.ns, 5000);
    const got = await order<Moved>(rig, { do: 'connect', host: address, port: 5000, bytes: 3_000_000 });
    assert.equal(got.error, undefined);
    assert.equal(got.received, 3_000_000);
    assert.equal(got.sha256, patternHash(3_000_000));
    assert.equal(got.from, mine);
    assert.equal((await server).from.replace('::ffff:', ''), mine);
  }
  const refused = await order<Moved>(rig, { do: 'connect', host: KERNEL4, port: 5001, bytes: 10 });
  assert.equal(refused.error, 'ECONNREFUSED');
}

async function refusals({ ns }: Rig): Promise<void> {
  for (const address of [STACK4, STACK6]) {
    const start = performance.now();
    const tcp = await ns.run('nc', ['-v', '-w', '5', address, '4242']);
    assert.notEqual(tcp.code, 0);
    assert.match(tcp.stderr, /refused/);
    assert.ok(performance.now() - start < 2000, 'a reset comes at once');
    const udp = await client<{ error: string }>(ns, 'udpConnected', address, 4242);
    assert.equal(udp.error, 'ECONNREFUSED', 'port unreachable arrives');
  }
}

async function neighbours(rig: Rig, link: 'tap' | 'tun'): Promise<void> {
  if (link === 'tun') {
    assert.equal(await rig.ns.ip(`neigh show dev ${DEVICE}`), '');
    return;
  }
  // Entries get stale in time; traffic makes them reachable again.
  await rig.ns.runOk('ping', ['-c', '1', STACK4]);
  await rig.ns.runOk('ping', ['-c', '1', STACK6]);
  const table = await rig.ns.ip(`neigh show dev ${DEVICE}`);
  for (const address of [STACK4, STACK6]) {
    assert.match(table, new RegExp(`^${address} lladdr [0-9a-f:]{17} (router )?(REACHABLE|DELAY|STALE|PROBE)`, 'm'));
  }
  // Asked anew, the stack answers, for itself only.
  await rig.ns.ip(`neigh flush dev ${DEVICE}`);
  await rig.ns.runOk('ping', ['-c', '1', STACK4]);
  await rig.ns.runOk('ping', ['-c', '1', STACK6]);
  assert.match(await rig.ns.ip(`neigh show ${STACK4} dev ${DEVICE}`), /REACHABLE/);
  assert.match(await rig.ns.ip(`neigh show ${STACK6} dev ${DEVICE}`), /REACHABLE/);
  await rig.ns.run('ping', ['-c', '1', '-W', '1', '10.3.0.77']);
  assert.doesNotMatch(await rig.ns.ip(`neigh show 10.3.0.77 dev ${DEVICE}`), /lladdr/);
  const { error } = await order<Moved>(rig, { do: 'connect', host: '10.3.0.77', port: 1, bytes: 0 });
  assert.equal(error, 'EHOSTUNREACH');
}

async function nothingLeft(rig: Rig): Promise<void> {
  const { chunks, drops, link } = await order<{
    chunks: number;
    drops: Record<string, number>;
    link: { drops: object };
  }>(rig, {
    do: 'state',
  });
  // The order itself may lie there.
  assert.ok(chunks <= 2, `${chunks} chunks of payload are held`);
  for (const name of ['bad_checksum', 'bad_length', 'malformed', 'no_memory', 'short']) {
    assert.equal(drops[name] ?? 0, 0, `dropped: ${JSON.stringify(drops)}`);
  }
  assert.equal(Object.keys(link.drops).filter((name) => name !== 'link_down').length, 0, JSON.stringify(link));
  await stopped(rig.program);
}
