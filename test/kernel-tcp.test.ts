// ring3's TCP with Linux's as the peer, rule by rule: options left out, tiny windows, outages, swallowed packets, cookies, ports used again.
// Run by node:test; calls test/support/wan.ts.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DEFAULT_SETTINGS } from '../src/stack/settings.ts';
import { packets } from './support/dissect.ts';
import { patternHash } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';
import { WAN_NEEDS, type Wan, type WanHost, type WanHostOptions, wan } from './support/wan.ts';
import type { Transfer, WanOrder } from './support/wan-app.ts';

const NEEDS = needsAll(WAN_NEEDS);
const SHARK = needsAll(WAN_NEEDS, { programs: ['tshark'] });
const RING3: WanHostOptions = { kind: 'ring3' };
const LINUX: WanHostOptions = { kind: 'linux' };

type Bulk = Extract<WanOrder, { bytes: number }>['do'];

/** Carries out a transfer; every byte is right, and it took no longer than `within` ms. */
async function whole(from: WanHost, to: string, what: Bulk, bytes: number, within: number): Promise<Transfer> {
  const got = await from.order<Transfer>({ do: what, host: to, bytes }, within);
  assert.equal(got.error, undefined);
  const right = { bytes, sha256: patternHash(bytes) };
  if (what !== 'push') assert.deepEqual(got.received, right);
  if (what !== 'pull') assert.deepEqual(got.sent, right);
  return got;
}

function hosts(net: Wan): { linux: WanHost; ring3: WanHost } {
  const all = [...net.left, net.right];
  return { linux: all.find((one) => one.kind === 'linux')!, ring3: all.find((one) => one.kind === 'ring3')! };
}

describe('TCP with Linux as the peer', { ...NEEDS, concurrency: 2 }, () => {
  test('every set of options that Linux may leave out', async (t) => {
    const wire = { rate: 100e6, rtt: 4000, loss: 0.01, bothWays: true };
    const net = await wan(t, { left: [LINUX], right: RING3, ...wire });
    const { linux, ring3 } = hosts(net);
    const times: string[] = [];
    for (const timestamps of [1, 0]) {
      for (const scaling of [1, 0]) {
        for (const sack of [1, 0]) {
          await linux.ns!.sysctl('net/ipv4/tcp_timestamps', timestamps);
          await linux.ns!.sysctl('net/ipv4/tcp_window_scaling', scaling);
          await linux.ns!.sysctl('net/ipv4/tcp_sack', sack);
          const a = await whole(linux, ring3.address, 'swap', 300_000, 20_000);
          const b = await whole(ring3, linux.address6, 'swap', 300_000, 20_000);
          times.push(`${timestamps}${scaling}${sack}: ${Math.round(a.ms)} ${Math.round(b.ms)}`);
        }
      }
    }
    t.diagnostic(`timestamps, scaling, SACK: ms when Linux, ring3 opens: ${times.join(', ')}`);
  });

  for (const opener of ['linux', 'ring3'] as const) {
    test(`an outage of two seconds in the middle, ${opener} having opened`, async (t) => {
      const net = await wan(t, { left: [LINUX], right: RING3, rate: 10e6, rtt: 10_000 });
      const { linux, ring3 } = hosts(net);
      const [from, to] = opener === 'linux' ? [linux, ring3] : [ring3, linux];
      const transfer = whole(from, to.address, 'swap', 3_000_000, 30_000);
      await delay(800);
      await linux.ns!.ip('link set eth0 carrier off');
      await delay(2000);
      await linux.ns!.ip('link set eth0 carrier on');
      const { ms } = await transfer;
      t.diagnostic(`${Math.round(ms)} ms, of which some 2,500 without the outage`);
      assert.ok(ms < 25_000, `${Math.round(ms)} ms`);
    });
  }

  test('forty flows at once, both ways, share a narrow line', async (t) => {
    const net = await wan(t, { left: [LINUX], right: RING3, rate: 50e6, rtt: 20_000, queue: 60_000 });
    const { linux, ring3 } = hosts(net);
    const all = Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0
        ? whole(linux, ring3.address, 'swap', 200_000, 60_000)
        : whole(ring3, linux.address6, 'swap', 200_000, 60_000),
    );
    const times = (await Promise.all(all)).map(({ ms }) => ms).sort((a, b) => a - b);
    t.diagnostic(`fastest ${Math.round(times[0]!)} ms, slowest ${Math.round(times.at(-1)!)} ms`);
  });

  // RFC 6191: TIME-WAIT makes way for a SYN with a later timestamp.
  test('a port whose connection ring3 has closed serves the next connection at once', async (t) => {
    const net = await wan(t, { left: [LINUX], right: RING3, rtt: 2000 });
    const { linux, ring3 } = hosts(net);
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const got = await linux.order<Transfer>({ do: 'pull', host: ring3.address, bytes: 1000, from: 40_123 });
      assert.equal(got.error, undefined);
      assert.equal(got.received?.sha256, patternHash(1000));
      times.push(Math.round(got.ms));
      await delay(50);
    }
    t.diagnostic(`ms: ${times}`);
    // A SYN that TIME-WAIT does not let in comes again after a second.
    assert.ok(times.every((ms) => ms < 900));
  });
});

describe('small windows of Linux', SHARK, () => {
  test('a receive buffer of 4 kB is filled without silly segments', async (t) => {
    const linux: WanHostOptions = { kind: 'linux', sysctls: { 'net/ipv4/tcp_rmem': '4096 4096 4096' } };
    const net = await wan(t, { left: [RING3], right: linux, rate: 100e6, rtt: 1000, capture: true });
    const { ring3 } = hosts(net);
    const { ms } = await whole(net.right, ring3.address, 'pull', 400_000, 40_000);
    await net.program.stop();
    const from = `ip.src == ${ring3.address} && tcp.len > 0`;
    const [all, silly] = await packets(join(net.folder, 'wire.pcapng'), from, `${from} && tcp.len < 300`);
    t.diagnostic(`${Math.round(ms)} ms, ${all} segments, ${silly} of less than 300 bytes`);
    // RFC 9293 section 3.8.6.2.1: at least half the largest window, or all there is, or what a timeout forces.
    assert.ok(silly! <= all! / 20 + 3, `${silly} of ${all} segments are silly`);
  });
});

describe('paths that swallow long packets', { ...NEEDS, concurrency: 2 }, () => {
  const wire = { left: [{ kind: 'linux', sysctls: { 'net/ipv4/tcp_mtu_probing': 1 } } as const], right: RING3 };
  for (const from of ['linux', 'ring3'] as const) {
    if (from === 'ring3' && !('tcpMtuProbing' in DEFAULT_SETTINGS)) continue;
    for (const six of [false, true]) {
      test(`from ${from} over ${six ? 'IPv6' : 'IPv4'}: nothing above 1,300 bytes passes, and nobody says so`, async (t) => {
        const net = await wan(t, { ...wire, rate: 100e6, rtt: 5000, longest: 1300 });
        const { linux, ring3 } = hosts(net);
        const [sender, receiver] = from === 'linux' ? [linux, ring3] : [ring3, linux];
        const { ms } = await whole(receiver, six ? sender.address6 : sender.address, 'pull', 500_000, 30_000);
        const { tooLong } = await net.state();
        t.diagnostic(`${Math.round(ms)} ms, ${tooLong} packets swallowed`);
        assert.ok(tooLong > 0);
      });
    }
  }
});

describe('SYN cookies', SHARK, () => {
  if (!('tcpSynCookies' in DEFAULT_SETTINGS)) return;
  test('a connection made by a cookie keeps window scale, SACK and timestamps', async (t) => {
    const always: WanHostOptions = { kind: 'ring3', settings: { tcpSynCookies: 2 } };
    const wire = { rate: 100e6, rtt: 20_000, loss: 0.01, seed: 4, capture: true };
    const net = await wan(t, { left: [LINUX], right: always, ...wire });
    const { linux, ring3 } = hosts(net);
    const { ms } = await whole(linux, ring3.address, 'push', 2_000_000, 30_000);
    const theirs = (await ring3.order<{ counters: Record<string, number> }>({ do: 'state' })).counters;
    const ours = (await linux.order<{ counters: Record<string, number> }>({ do: 'state' })).counters;
    await net.program.stop();
    const by = `ip.src == ${ring3.address} && tcp`;
    const [all, stamped, wide] = await packets(
      join(net.folder, 'wire.pcapng'),
      by,
      `${by} && tcp.options.timestamp.tsval`,
      `${by} && tcp.window_size > 65535`,
    );
    t.diagnostic(`${Math.round(ms)} ms; of ${all} segments ${stamped} bear timestamps, ${wide} open wide windows`);
    assert.ok(theirs['tcp_cookies_received']! >= 1, 'a cookie came back');
    assert.equal(stamped, all);
    assert.ok(wide! > all! / 2, 'the window is scaled');
    if (!DEFAULT_SETTINGS.tcpSack) return;
    assert.ok(ours['TcpExtTCPSackRecovery']! >= 3, 'Linux repairs by SACK');
    assert.equal(ours['TcpExtTCPRenoRecovery'], 0);
  });
});

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
