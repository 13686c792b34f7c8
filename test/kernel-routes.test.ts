// A stack of ring3 in a net with a kernel as its router: default routes, path MTU discovery, addresses from advertisements.
// Run by node:test; calls test/support/kernel-rig.ts, and writes router advertisements with src/wire.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parseAddress } from '../src/base/address.ts';
import { Arena } from '../src/base/arena.ts';
import { get16, get32, put16 } from '../src/base/bytes.ts';
import { TxBatch } from '../src/base/link.ts';
import { Frames, HEADROOM } from '../src/base/pool.ts';
import { inNamespace, openPacket } from '../src/host/netns.test-support.ts';
import { fold, pseudo6At, sumPlain } from '../src/wire/checksum.ts';
import { ETHERTYPE_IP6, putEthHeader } from '../src/wire/eth.ts';
import { PROTO_ICMP6, putIp6Dst, putIp6Header, putIp6Src } from '../src/wire/ip6.ts';
import { putNdpRa } from '../src/wire/ndp.ts';
import {
  NDP_OPTION_SOURCE_LINK,
  NDP_PREFIX_AUTONOMOUS,
  NDP_PREFIX_ON_LINK,
  putNdpLinkOption,
  putNdpPrefix,
  putNdpPrefixOption,
} from '../src/wire/ndp-options.ts';
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
} from './support/kernel-rig.ts';
import { type Namespace, namespace, veth } from './support/netns.ts';
import { patternHash } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';

const NEEDS = needsAll(DEVICE_NEEDS, { programs: ['nc'] });
const BYTES = 3_000_000;
/** Where the far host lives. */
const FAR4 = '10.4.0.2';
const FAR6 = 'fd04::2';

interface State {
  readonly addresses: string[];
  readonly counters: Record<string, number>;
}

/** far host --(veth; its link towards the far host takes 1,300 bytes)-- router --(tap)-- stack. Both links offer 1,500. */
async function farHost(t: TestContext, router: Namespace): Promise<Namespace> {
  const far = await namespace(t);
  await veth(router, 'far', far, 'near');
  await router.ip('addr add 10.4.0.1/24 dev far');
  await router.ip('addr add fd04::1/64 dev far nodad');
  await far.ip(`addr add ${FAR4}/24 dev near`);
  await far.ip(`addr add ${FAR6}/64 dev near nodad`);
  await router.sysctl('net/ipv4/ip_forward', 1);
  await router.sysctl('net/ipv6/conf/all/forwarding', 1);
  await far.ip('route add default via 10.4.0.1');
  await far.ip('-6 route add default via fd04::1');
  // The narrow path, one way only: the far host still says that it takes 1,460 bytes a segment.
  await router.ip(`route add ${FAR4}/32 dev far mtu lock 1300`);
  await router.ip(`-6 route add ${FAR6}/128 dev far mtu lock 1300`);
  return far;
}

for (const offload of [true, false]) {
  test(`${offload ? 'superframes' : 'plain frames'}: path MTU discovery through a router`, NEEDS, async (t) => {
    const rig = await stackRig(t, { link: 'tap', offload, gateways: [KERNEL4, KERNEL6] });
    const far = await farHost(t, rig.ns);
    for (const [name, stack, host] of [
      ['IPv4', STACK4, FAR4],
      ['IPv6', STACK6, FAR6],
    ] as const) {
      await t.test(`${name}: TCP finds the narrow path`, async () => {
        const before = (await order<State>(rig, { do: 'state' })).counters;
        const got = await client<{ received: number; sha256: string }>(far, 'download', stack, 19, BYTES);
        assert.equal(got.sha256, patternHash(BYTES));
        const after = (await order<State>(rig, { do: 'state' })).counters;
        assert.ok(
          after['icmp_errors_received']! > before['icmp_errors_received']!,
          'the router said that packets are too big',
        );
        await narrow(rig.ns, host);
      });
      await t.test(`${name}: UDP finds it too, and pings answer`, async () => {
        const [small, large] = await clients<{ echoed: number }>(
          far,
          ['udp', stack, 7, 1250, 3],
          ['udp', stack, 7, 9000, 3],
        );
        assert.equal(small!.echoed, 3);
        assert.equal(large!.echoed, 3);
        assert.equal((await far.run('ping', ['-c', '2', '-W', '3', '-s', '4000', stack])).code, 0);
      });
    }
    await t.test('the stack connects to the far host by its router', async () => {
      for (const host of [FAR4, FAR6]) {
        const server = client(far, 'echoServer', 5000);
        await listening(far, 5000);
        const got = await order<{ sha256: string }>(rig, { do: 'connect', host, port: 5000, bytes: BYTES });
        assert.equal(got.sha256, patternHash(BYTES), JSON.stringify(got));
        await server;
      }
    });
  });
}

/** The path is as narrow as this test thinks: the router passes 1,300 bytes to the far host and no more. */
async function narrow(router: Namespace, host: string): Promise<void> {
  const header = host.includes(':') ? 48 : 28;
  const probe = (bytes: number): Promise<{ code: number | null }> =>
    router.run('ping', ['-c', '1', '-W', '1', '-M', 'do', '-s', String(bytes - header), host]);
  assert.equal((await probe(1300)).code, 0);
  assert.notEqual((await probe(1301)).code, 0);
}

test('a router advertisement gives the stack an address and a default route', NEEDS, async (t) => {
  const rig = await stackRig(t, { link: 'tap', offload: false, slaac: true });
  const far = await farHost(t, rig.ns);
  await rig.ns.ip(`addr add fd05::1/64 dev ${DEVICE} nodad`);
  await advertise(rig);
  let address: string | undefined;
  for (let tries = 0; address === undefined; tries++) {
    assert.ok(tries < 100, 'no address came of it');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { addresses } = await order<State>(rig, { do: 'state' });
    address = addresses.find((text) => /^fd05::\S+ preferred$/.test(text))?.split(' ')[0];
  }
  assert.equal((await rig.ns.run('ping', ['-c', '1', '-W', '2', address])).code, 0);
  const own = (await order<State>(rig, { do: 'state' })).addresses.find((text) => text.startsWith('fe80::'));
  assert.match(own!, /preferred$/);
  assert.equal((await rig.ns.run('ping', ['-c', '1', '-W', '2', `${own!.split(' ')[0]}%${DEVICE}`])).code, 0);
  // The far host is reached by the advertised router, from the advertised prefix or another of ours.
  assert.equal((await far.run('ping', ['-c', '1', '-W', '2', address])).code, 0);
  assert.equal((await far.run('ping', ['-c', '1', '-W', '2', STACK4])).code, 1, 'no router was advertised for IPv4');
});

/** Sends a router advertisement out of the kernel's end of the device, in its name, as radvd would: prefix fd05::/64. */
async function advertise(rig: Rig): Promise<void> {
  const shown = await rig.ns.ip(`addr show dev ${DEVICE}`);
  const mac = /link\/ether ([0-9a-f:]{17})/
    .exec(shown)![1]!
    .split(':')
    .map((text) => Number.parseInt(text, 16));
  const source = new Int32Array(4);
  assert.ok(parseAddress(/inet6 (fe80::[0-9a-f:]+)/.exec(shown)![1]!, source, 0));
  const hi = get16(Uint8Array.from(mac), 0);
  const lo = get32(Uint8Array.from(mac), 2);
  const arena = new Arena(1 << 20);
  const frames = new Frames(arena, 64, 2);
  const caps = { medium: 'ethernet', mtu: 1500, gso: 0, txChecksum: 'full', gather: false, loopback: false } as const;
  const link = inNamespace(rig.ns.name, () => openPacket(DEVICE, { arena, frames }, caps));
  const o = frames.alloc(200) + HEADROOM;
  const b = arena.u8;
  const l3 = o + 14;
  const l4 = l3 + 40;
  const length = 16 + 32 + 8;
  putEthHeader(b, o, 0x3333, 1, hi, lo, ETHERTYPE_IP6);
  putIp6Header(b, l3, 0, 0, length, PROTO_ICMP6, 255);
  putIp6Src(b, l3, source[0]!, source[1]!, source[2]!, source[3]!);
  putIp6Dst(b, l3, 0xff020000 | 0, 0, 0, 1);
  putNdpRa(b, l4, 64, 0, 1800, 0, 0);
  putNdpPrefixOption(b, l4 + 16, 64, NDP_PREFIX_ON_LINK | NDP_PREFIX_AUTONOMOUS, 86_400, 14_400);
  putNdpPrefix(b, l4 + 16, 0xfd050000 | 0, 0, 0, 0);
  putNdpLinkOption(b, l4 + 48, NDP_OPTION_SOURCE_LINK, hi, lo);
  put16(b, l4 + 2, 0);
  put16(b, l4 + 2, ~fold(pseudo6At(b, l3, PROTO_ICMP6, length) + sumPlain(b, l4, length)));
  const tx = new TxBatch();
  tx.push(o, 14 + 40 + length);
  assert.equal(link.transmit(tx), 1);
  link.close();
}
