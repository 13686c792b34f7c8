// Tests of TUN and TAP devices against the kernel, in a namespace of their own; the other end is a packet socket.
// Run by node:test; calls tuntap.ts, ip-lines.ts and, for the kernel's side, ip(8). Needs root, koffi and /dev/net/tun.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Namespace, namespace } from '../../test/support/netns.ts';
import { needs } from '../../test/support/privileges.ts';
import { Arena } from '../base/arena.ts';
import {
  type Link,
  type LinkMemory,
  RX_SUM_PARTIAL,
  RxBatch,
  TX_GSO_TCP4,
  TX_GSO_TCP6,
  TX_SUM_PARTIAL,
  TxBatch,
} from '../base/link.ts';
import { Frames, LARGE_FRAME, SMALL_FRAME } from '../base/pool.ts';
import { ipLines } from './ip-lines.ts';
import { asNobody, inNamespace, openPacket } from './netns.test-support.ts';
import { packet, pseudo, sum } from './packet.test-support.ts';
import { openTap, openTun, type TunTap, type TunTapOptions } from './tuntap.ts';

function memory(): LinkMemory {
  const arena = new Arena(400 * SMALL_FRAME + 60 * LARGE_FRAME + 65536 * 4);
  return { arena, frames: new Frames(arena, 400, 60) };
}

interface Setup {
  ns: Namespace;
  mem: LinkMemory;
  open: (kind: 'tun' | 'tap', options?: Partial<TunTapOptions>) => TunTap;
  packet: (device: TunTap) => Link;
}

/** A namespace that is silent by itself; what is opened is closed at the end, and every frame must be back then. */
async function setUp(t: TestContext): Promise<Setup> {
  const ns = await namespace(t);
  await ns.sysctl('net/ipv6/conf/default/disable_ipv6', 1);
  const mem = memory();
  const links: Link[] = [];
  t.after(() => {
    for (const link of links) link.close();
    assert.equal(mem.frames.used, 0, 'frames lost');
  });
  const keep = <T extends Link>(link: T): T => {
    links.push(link);
    return link;
  };
  return {
    ns,
    mem,
    open: (kind, options = {}) =>
      keep(
        inNamespace(ns.name, () => (kind === 'tun' ? openTun : openTap)({ memory: mem, offload: true, ...options })),
      ),
    packet: (device) => keep(inNamespace(ns.name, () => openPacket(device.name, mem, { ...device.caps, gso: 65535 }))),
  };
}

/** Receives until `count` frames have come; fails after a second. */
async function collect(link: Link, count: number): Promise<{ rx: RxBatch; bytes: Uint8Array[]; flags: number[] }> {
  const rx = new RxBatch();
  const bytes: Uint8Array[] = [];
  const flags: number[] = [];
  for (let tries = 0; bytes.length < count && tries < 200; tries++) {
    const n = link.receive(rx);
    for (let i = 0; i < n; i++) {
      bytes.push(link.memory.arena.u8.slice(rx.offset[i]!, rx.offset[i]! + rx.length[i]!));
      flags.push(rx.flags[i]!);
    }
    link.release(rx);
    if (n === 0) await wait(5);
  }
  assert.equal(bytes.length, count);
  return { rx, bytes, flags };
}

const privileged = needs({ root: true, koffi: true, device: '/dev/net/tun', programs: ['ip'] });

describe('TUN and TAP devices', privileged, () => {
  for (const kind of ['tun', 'tap'] as const) {
    const ethernet = kind === 'tap';

    test(`${kind}: frames pass both ways between us and the kernel's end`, async (t) => {
      const { ns, mem, open, packet: openEnd } = await setUp(t);
      const device = open(kind);
      assert.equal(device.name, `${kind}0`);
      assert.deepEqual(device.caps, {
        medium: ethernet ? 'ethernet' : 'ip',
        mtu: 1500,
        gso: 65535,
        txChecksum: 'partial',
        gather: true,
        loopback: false,
      });
      await ns.ip(`link set ${device.name} up`);
      const end = openEnd(device);
      for (const [from, to] of [
        [device, end],
        [end, device],
      ] as const) {
        const tx = new TxBatch();
        const sizes = [0, 1, 100, 1300, 1460];
        const want = sizes.map((size) => {
          const i = packet(mem, tx, 4, size, ethernet);
          return mem.arena.u8.slice(tx.offset[i]!, tx.offset[i]! + tx.length[i]!);
        });
        assert.equal(from.transmit(tx), sizes.length);
        const { bytes, flags } = await collect(to, sizes.length);
        assert.deepEqual(bytes, want);
        assert.ok(flags.every((f) => (f & RX_SUM_PARTIAL) === 0));
      }
      assert.equal(device.counters.rxFrames, 5);
      assert.equal(device.counters.txFrames, 5);
    });

    for (const version of [4, 6] as const) {
      test(`${kind}: an IPv${version} superframe passes whole both ways, its sum left open`, async (t) => {
        const { ns, mem, open, packet: openEnd } = await setUp(t);
        const device = open(kind);
        await ns.ip(`link set ${device.name} up`);
        const end = openEnd(device);
        const pieces = mem.arena.region('payload', 65536);
        for (let i = 0; i < 65536; i++) mem.arena.u8[pieces + i] = i * 5;
        for (const [from, to] of [
          [device, end],
          [end, device],
        ] as const) {
          const tx = new TxBatch();
          // The kernel's own limit for what it hands over whole counts the Ethernet header.
          const payload = 65535 - 14 - 60;
          const i = packet(mem, tx, version, payload, ethernet);
          tx.flags[i] = TX_SUM_PARTIAL | (version === 4 ? TX_GSO_TCP4 : TX_GSO_TCP6);
          tx.gsoSize[i] = 1440;
          const headers = tx.headerLength[i]!;
          const want = mem.arena.u8.slice(tx.offset[i]!, tx.offset[i]! + tx.length[i]!);
          // The second half as pieces from elsewhere.
          const half = (payload / 2) | 0;
          want.set(mem.arena.u8.subarray(pieces, pieces + half), want.length - half);
          tx.length[i]! -= half;
          for (let at = 0; at < half; at += 4096) tx.pushPiece(pieces + at, Math.min(4096, half - at));
          assert.equal(headers, (ethernet ? 14 : 0) + (version === 4 ? 40 : 60));
          assert.equal(from.transmit(tx), 1);
          const { bytes, flags } = await collect(to, 1);
          assert.deepEqual(bytes[0], want);
          assert.equal(flags[0], RX_SUM_PARTIAL);
        }
      });
    }

    test(`${kind}: without offload the kernel cuts and sums before it hands over`, async (t) => {
      const { ns, mem, open, packet: openEnd } = await setUp(t);
      const device = open(kind, { offload: false });
      assert.deepEqual([device.caps.gso, device.caps.txChecksum], [0, 'full']);
      await ns.ip(`link set ${device.name} up`);
      const end = openEnd(device);
      const tx = new TxBatch();
      const i = packet(mem, tx, 4, 14600, ethernet);
      tx.flags[i] = TX_SUM_PARTIAL | TX_GSO_TCP4;
      tx.gsoSize[i] = 1460;
      assert.equal(end.transmit(tx), 1);
      const { bytes, flags } = await collect(device, 10);
      const l3 = ethernet ? 14 : 0;
      bytes.forEach((frame, n) => {
        assert.equal(frame.length, l3 + 1500);
        assert.equal(flags[n], 0);
        const check = pseudo(frame, l3, 4, 1480);
        assert.equal(sum(frame, l3 + 20, 1480, check), 0xffff, `the sum of segment ${n}`);
        assert.equal(frame[l3 + 40], (n * 1460 * 3) & 255);
      });
    });
  }

  test('a partial sum goes to the kernel as such, and back', async (t) => {
    const { ns, mem, open, packet: openEnd } = await setUp(t);
    const device = open('tap');
    await ns.ip(`link set ${device.name} up`);
    const end = openEnd(device);
    for (const [from, to] of [
      [device, end],
      [end, device],
    ] as const) {
      const tx = new TxBatch();
      tx.flags[packet(mem, tx, 4, 100, true)] = TX_SUM_PARTIAL;
      from.transmit(tx);
      assert.deepEqual((await collect(to, 1)).flags, [RX_SUM_PARTIAL]);
    }
  });

  test('a pass takes no more superframes than the cache bears', async (t) => {
    const { ns, mem, open, packet: openEnd } = await setUp(t);
    const device = open('tap');
    await ns.ip(`link set ${device.name} up`);
    const end = openEnd(device);
    const tx = new TxBatch();
    const rx = new RxBatch();
    for (let n = 0; n < 12; n++) {
      const i = packet(mem, tx, 4, 65_000, true);
      tx.flags[i] = TX_SUM_PARTIAL | TX_GSO_TCP4;
      tx.gsoSize[i] = 1460;
    }
    end.transmit(tx);
    const counts = [1, 2, 3].map(() => {
      const n = device.receive(rx);
      device.release(rx);
      return n;
    });
    assert.deepEqual(counts, [9, 3, 0]);
  });

  test('while the other end is down frames are lost, counted, and nothing throws', async (t) => {
    const { ns, mem, open } = await setUp(t);
    const device = open('tap');
    const tx = new TxBatch();
    packet(mem, tx, 4, 10, true);
    packet(mem, tx, 4, 10, true);
    assert.equal(device.transmit(tx), 2);
    assert.deepEqual(device.counters.drops, { link_down: 2 });
    assert.equal(device.counters.txFrames, 0);
    assert.equal(device.receive(new RxBatch()), 0);
    await ns.ip(`link set ${device.name} up`);
    packet(mem, tx, 4, 10, true);
    device.transmit(tx);
    assert.equal(device.counters.txFrames, 1);
    await ns.ip(`link set ${device.name} down`);
    assert.equal(device.receive(new RxBatch()), 0);
    assert.deepEqual(device.counters.drops, { link_down: 2 });
  });

  test('it wakes when the kernel has sent something, and rests otherwise', async (t) => {
    const { ns, mem, open, packet: openEnd } = await setUp(t);
    const device = open('tap');
    await ns.ip(`link set ${device.name} up`);
    const end = openEnd(device);
    let woken = 0;
    device.wake(() => {
      woken++;
      const rx = new RxBatch();
      device.receive(rx);
      device.release(rx);
    });
    await wait(20);
    assert.equal(woken, 0);
    const tx = new TxBatch();
    packet(mem, tx, 4, 10, true);
    end.transmit(tx);
    await wait(20);
    assert.equal(woken, 1);
  });

  test('a device that somebody deletes closes the link and is told', async (t) => {
    const { ns, mem, open } = await setUp(t);
    let gone = 0;
    const device = open('tap', { onGone: () => gone++ });
    device.wake(() => device.receive(new RxBatch()));
    await ns.ip(`link del ${device.name}`);
    await wait(20);
    assert.equal(gone, 1);
    const tx = new TxBatch();
    packet(mem, tx, 4, 10, true);
    assert.equal(device.transmit(tx), 0);
    assert.equal(device.room(), 0);
  });

  test("the MTU and the MAC of the kernel's end are set when asked for", async (t) => {
    const { ns, open } = await setUp(t);
    assert.equal(open('tap', { name: 'wide', mtu: 9000, mac: '02:00:00:00:aa:01' }).caps.mtu, 9000);
    assert.equal(open('tun', { name: 'narrow', mtu: 1280 }).caps.mtu, 1280);
    const shown = await ns.ip('-o link show');
    assert.match(shown, /wide: .* mtu 9000 .*02:00:00:00:aa:01/);
    assert.match(shown, /narrow: .* mtu 1280 /);
    assert.throws(() => open('tap', { mtu: 70000 }), {
      code: 'EINVAL',
      message: /set the MTU to 70000 of device tap0/,
    });
    assert.throws(() => open('tap', { mac: '01:00:00:00:00:01' }), {
      code: 'EINVAL',
      message: /no MAC address of a single/,
    });
    assert.doesNotMatch(await ns.ip('-o link show'), /tap0/);
  });

  test('a device goes with its link unless it is to persist', async (t) => {
    const { ns, open } = await setUp(t);
    open('tap', { name: 'goes' }).close();
    open('tap', { name: 'stays', persist: true }).close();
    const shown = await ns.ip('-o link show');
    assert.doesNotMatch(shown, /goes/);
    assert.match(shown, /stays/);
    open('tap', { name: 'stays', persist: false }).close();
    assert.doesNotMatch(await ns.ip('-o link show'), /stays/);
  });

  test('what cannot be opened says why in one line, and what to do', async (t) => {
    const { ns, mem, open } = await setUp(t);
    open('tap', { name: 'busy0' });
    open('tun', { name: 'kind0', persist: true }).close();
    const cases: [string, () => unknown, string, RegExp][] = [
      [
        'no privilege',
        () => inNamespace(ns.name, () => asNobody(() => openTap({ memory: mem, offload: true, name: 'x0' }))),
        'EPERM',
        /needs CAP_NET_ADMIN: .*ip tuntap add dev x0 mode tap user/,
      ],
      ['in use', () => open('tap', { name: 'busy0' }), 'EBUSY', /busy0 is in use/],
      ['another kind', () => open('tap', { name: 'kind0' }), 'EINVAL', /kind0 exists and is no tap device/],
      ['not ours', () => open('tap', { name: 'lo' }), 'EINVAL', /lo exists and is no tap/],
      ['too long', () => open('tap', { name: 'sixteen-letters-' }), 'EINVAL', /is no name for a network device/],
      ['a slash', () => open('tap', { name: 'a/b' }), 'EINVAL', /is no name/],
      ['empty', () => open('tap', { name: '' }), 'EINVAL', /is no name/],
    ];
    for (const [name, act, code, message] of cases) {
      assert.throws(act, (error: Error & { code: string }) => {
        assert.equal(error.code, code, name);
        assert.match(error.message, message, name);
        assert.doesNotMatch(error.message, /\n/, name);
        return true;
      });
    }
  });

  test('its owner opens a persistent device without privilege', async (t) => {
    const { ns, mem, open, packet: openEnd } = await setUp(t);
    await ns.ip('tuntap add dev mine0 mode tap user 65534');
    await ns.ip('link set mine0 mtu 1400 up');
    const device = inNamespace(ns.name, () =>
      asNobody(() => openTap({ memory: mem, offload: true, name: 'mine0', mtu: 1400 })),
    );
    t.after(() => device.close());
    assert.deepEqual([device.name, device.caps.mtu], ['mine0', 1400]);
    const end = openEnd(device);
    const tx = new TxBatch();
    packet(mem, tx, 4, 10, true);
    device.transmit(tx);
    await collect(end, 1);
    device.close();
    assert.throws(
      () =>
        inNamespace(ns.name, () => asNobody(() => openTap({ memory: mem, offload: true, name: 'mine0', mtu: 1300 }))),
      { code: 'EPERM', message: /set the MTU to 1300 of device mine0: that needs CAP_NET_ADMIN/ },
    );
    await ns.ip('tuntap add dev theirs0 mode tap user 65533');
    assert.throws(
      () => inNamespace(ns.name, () => asNobody(() => openTap({ memory: mem, offload: true, name: 'theirs0' }))),
      { code: 'EPERM' },
    );
    open('tap', { name: 'theirs0' }); // root may
  });

  test('the ip lines give the kernel its end', async (t) => {
    const { ns, open } = await setUp(t);
    await ns.sysctl('net/ipv6/conf/default/disable_ipv6', 0);
    const device = open('tap');
    for (const line of ipLines({ name: device.name, addresses: ['10.9.0.2/24', 'fd00:9::1/64', '10.8.0.1/32'] })) {
      assert.match(line, /^ip /);
      await ns.ip(line.slice(3));
    }
    const shown = await ns.ip(`-o addr show dev ${device.name}`);
    assert.match(shown, /inet 10\.9\.0\.1\/24/);
    assert.match(shown, /inet6 fd00:9::2\/64/);
    assert.match(await ns.ip('route get 10.8.0.1'), /dev tap0/);
    assert.match(await ns.ip('-o link show dev tap0'), /[<,]UP[,>]/);
  });
});
