// Tests of routes.ts and route-table.ts: longest prefix, next hops, sources, MTUs, groups, failing routers.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EADDRNOTAVAIL, EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOMEM } from '../base/errno.ts';
import { arpFrame, cidr, Host, type HostOptions, ip, route, SECOND, source, to } from './neighbour.test-support.ts';
import { ROUTE_PREFIX } from './route-table.ts';
import { Way } from './way.ts';

function host(addresses: string[], o: HostOptions = {}): Host {
  const h = new Host(o);
  for (const a of addresses) assert.equal(h.interfaces.addAddress(1, ...cidr(a)), 0, a);
  return h;
}

/** `interface next-hop` of the way to dst, or the errno. */
function way(h: Host, dst: string, o: { src?: string; iface?: number } = {}): string {
  const w = to(new Way(), dst, o);
  const result = h.routes.findWay(w);
  if (result !== 0) return String(result);
  const n =
    w.neighbour === 0
      ? '-'
      : h.neighbours.list().find((e) => h.neighbours.lookup(w.iface, ...e.words) === w.neighbour)!.words;
  const names = new Map(
    ['10.0.0.1', '10.0.0.2', '10.0.0.254', '10.0.0.253', 'fe80::ff', 'fe80::fe', 'fd00::9', dst].map((t) => [
      ip(t).join(),
      t,
    ]),
  );
  return `${w.iface} ${n === '-' ? n : names.get(n.join())}`;
}

describe('the choice of a route', () => {
  test('the subnet of an address is on the link; all else needs a router', () => {
    const h = host(['10.0.0.1/24', 'fd00::1/64']);
    assert.equal(way(h, '10.0.0.9'), '1 10.0.0.9');
    assert.equal(way(h, 'fd00::9'), '1 fd00::9');
    assert.equal(way(h, '10.0.1.9'), String(-ENETUNREACH));
    assert.equal(way(h, 'fd01::9'), String(-ENETUNREACH));
    assert.equal(h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1)), 0);
    assert.equal(h.routes.add(route('::/0', 'fe80::ff', 1)), 0);
    assert.equal(way(h, '10.0.1.9'), '1 10.0.0.254');
    assert.equal(way(h, 'fd01::9'), '1 fe80::ff');
    assert.equal(way(h, '10.0.0.9'), '1 10.0.0.9');
  });

  test('an IPv6 default route is none for IPv4', () => {
    const h = host(['10.0.0.1/24', 'fd00::1/64']);
    h.routes.add(route('::/0', 'fe80::ff', 1));
    assert.equal(way(h, '192.0.2.1'), String(-ENETUNREACH));
  });

  test('the longest prefix wins, whatever the order in which routes came', () => {
    const h = host(['10.0.0.1/24']);
    const routes = [
      route('0.0.0.0/0', '10.0.0.254', 1),
      route('192.0.2.0/24', '10.0.0.253', 1),
      route('192.0.2.128/25', '10.0.0.2', 1),
    ];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      for (const i of order) assert.equal(h.routes.add(routes[i]!), 0);
      assert.equal(way(h, '192.0.2.1'), '1 10.0.0.253');
      assert.equal(way(h, '192.0.2.200'), '1 10.0.0.2');
      assert.equal(way(h, '192.0.3.1'), '1 10.0.0.254');
      for (const i of order) assert.equal(h.routes.remove(routes[i]!), 0);
    }
  });

  test('random tables agree with a plain search for the longest match', () => {
    const prefix = fc.record({
      a: fc.integer(),
      bits: fc.integer({ min: 0, max: 32 }),
      via: fc.integer({ min: 1, max: 250 }),
    });
    fc.assert(
      fc.property(
        fc.array(prefix, { maxLength: 20 }),
        fc.array(fc.integer(), { maxLength: 20 }),
        (prefixes, destinations) => {
          const h = host(['10.0.0.1/24']);
          const added: typeof prefixes = [];
          for (const p of prefixes) {
            const spec = {
              w0: 0,
              w1: 0,
              w2: 0xffff,
              w3: p.a,
              prefix: 96 + p.bits,
              via: [0, 0, 0xffff, 0x0a000000 | p.via] as const,
              iface: 1,
            };
            if (h.routes.add(spec) === 0) added.push(p);
          }
          for (const d of [...destinations, ...prefixes.map((p) => p.a)]) {
            if (d >>> 24 === 0 || d >>> 28 >= 14 || d >>> 24 === 127 || d >>> 8 === 0x0a0000) continue;
            const w = new Way();
            [w.dst0, w.dst1, w.dst2, w.dst3] = [0, 0, 0xffff, d | 0];
            const result = h.routes.findWay(w);
            const fits = added.filter((p) => p.bits === 0 || (p.a ^ d) >>> (32 - p.bits) === 0).map((p) => p.bits);
            if (fits.length === 0) assert.equal(result, -ENETUNREACH);
            else {
              const longest = Math.max(...fits);
              const vias = added
                .filter((p) => p.bits === longest && (longest === 0 || (p.a ^ d) >>> (32 - longest) === 0))
                .map((p) => p.via);
              assert.equal(result, 0);
              const hop = h.neighbours.list().find((e) => h.neighbours.lookup(1, ...e.words) === w.neighbour)!.words[3];
              assert.ok(vias.includes(hop & 255));
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('among equal prefixes the lower metric wins', () => {
    const h = host(['10.0.0.1/24']);
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1, { metric: 20 }));
    h.routes.add(route('0.0.0.0/0', '10.0.0.253', 1, { metric: 10 }));
    assert.equal(way(h, '192.0.2.1'), '1 10.0.0.253');
  });

  test('a given interface, and one that is down, are heeded', () => {
    const h = host(['10.0.0.1/24']);
    const second = h.addLink();
    h.interfaces.addAddress(2, ...cidr('10.0.0.2/24'));
    assert.equal(way(h, '10.0.0.9', { iface: 2 }), '2 10.0.0.9');
    assert.equal(way(h, '10.0.0.9', { src: '10.0.0.2' }), '2 10.0.0.9');
    assert.equal(way(h, '10.0.0.9', { src: '10.0.0.1' }), '1 10.0.0.9');
    h.interfaces.setUp(1, false);
    assert.equal(way(h, '10.0.0.9'), '2 10.0.0.9');
    h.interfaces.setUp(second.index, false);
    assert.equal(way(h, '10.0.0.9'), String(-ENETUNREACH));
  });

  test('an address that is checked or refused routes nothing away from where it was', () => {
    const h = host(['10.0.0.1/24']);
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1));
    h.interfaces.addAddress(1, ...cidr('192.0.2.1/24'), 'static', 'duplicate');
    assert.equal(way(h, '192.0.2.9'), '1 10.0.0.254');
  });

  test('on an "ip" medium no neighbour is needed', () => {
    const h = host(['10.0.0.1/24'], { caps: { medium: 'ip' } });
    h.routes.add(route('0.0.0.0/0', null, 1));
    assert.equal(way(h, '192.0.2.1'), '1 -');
    assert.equal(h.neighbours.count, 0);
  });

  test('a way to nowhere in particular is none', () => {
    const h = host(['10.0.0.1/24', 'fd00::1/64']);
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1));
    h.routes.add(route('::/0', 'fe80::ff', 1));
    for (const bad of ['0.0.0.0', '0.1.2.3', '240.0.0.1', '::', '127.0.0.1', '::1'])
      assert.equal(way(h, bad), String(-ENETUNREACH), bad);
  });
});

describe('our own addresses and loopback', () => {
  test('without a loopback link our own address is unreachable; with one it is the way, from that same address', () => {
    const h = host(['10.0.0.1/24']);
    assert.equal(way(h, '10.0.0.1'), String(-EHOSTUNREACH));
    const loopback = h.addLink({ loopback: true, medium: 'ip', mtu: 65535 });
    const w = to(new Way(), '10.0.0.1');
    assert.equal(h.routes.findWay(w), 0);
    assert.equal(w.iface, loopback.index);
    assert.equal(source(w), '10.0.0.1');
    assert.equal(w.mtu, 65535);
  });

  test('127/8 stays on the loopback link and is no source elsewhere', () => {
    const h = host(['10.0.0.1/24']);
    const loopback = h.addLink({ loopback: true, medium: 'ip' });
    h.interfaces.addAddress(loopback.index, ...cidr('127.0.0.1/8'));
    assert.equal(way(h, '127.0.0.1'), '2 -');
    assert.equal(way(h, '127.4.5.6'), '2 -');
    assert.equal(way(h, '10.0.0.9', { src: '127.0.0.1' }), String(-EADDRNOTAVAIL));
  });

  test('a peer in 127/8 that is not us is reached over the loopback link', () => {
    const h = new Host();
    const loopback = h.addLink({ loopback: true, medium: 'ip' });
    h.interfaces.addAddress(loopback.index, ...cidr('10.9.9.9/32'));
    h.routes.add(route('0.0.0.0/0', null, loopback.index));
    assert.equal(way(h, '127.0.0.1'), '2 -');
    assert.equal(way(h, '127.0.0.1', { src: '10.9.9.9' }), '2 -');
  });
});

describe('sources', () => {
  test('a source that is not ours, or of the other family, is refused', () => {
    const h = host(['10.0.0.1/24', 'fd00::1/64']);
    assert.equal(way(h, '10.0.0.9', { src: '10.0.0.3' }), String(-EADDRNOTAVAIL));
    assert.equal(way(h, '10.0.0.9', { src: 'fd00::1' }), String(-EADDRNOTAVAIL));
    assert.equal(way(h, 'fd00::9', { src: '10.0.0.1' }), String(-EADDRNOTAVAIL));
  });

  test('a family without an address cannot send', () => {
    const h = host(['10.0.0.1/24']);
    h.routes.add(route('fd00::/64', null, 1));
    assert.equal(way(h, 'fd00::9'), String(-EADDRNOTAVAIL));
  });

  test('IPv4 takes the address in the next hop’s subnet', () => {
    const h = host(['10.0.0.1/24', '10.0.1.1/24']);
    h.routes.add(route('192.0.2.0/24', '10.0.1.254', 1));
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1));
    const from = (dst: string) => {
      const w = to(new Way(), dst);
      assert.equal(h.routes.findWay(w), 0);
      return source(w);
    };
    assert.equal(from('10.0.1.9'), '10.0.1.1');
    assert.equal(from('192.0.2.9'), '10.0.1.1');
    assert.equal(from('198.51.100.1'), '10.0.0.1');
  });
});

describe('link-local destinations', () => {
  test('need an interface, a link-local source, or there being only one interface', () => {
    const h = host(['fe80::1/64']);
    assert.equal(way(h, 'fe80::9'), '1 fe80::9');
    h.addLink();
    assert.equal(way(h, 'fe80::9'), '1 fe80::9');
    h.interfaces.addAddress(2, ...cidr('fe80::2/64'));
    assert.equal(way(h, 'fe80::9'), String(-ENETUNREACH));
    assert.equal(way(h, 'fe80::9', { iface: 2 }), '2 fe80::9');
    assert.equal(way(h, 'fe80::9', { src: 'fe80::2' }), '2 fe80::9');
    assert.equal(way(h, 'fe80::9', { src: 'fe80::2', iface: 1 }), String(-EADDRNOTAVAIL));
  });
});

describe('groups and broadcasts', () => {
  test('go out without a neighbour, by the interface given, the source’s, the route’s, or the first', () => {
    const h = host(['10.0.0.1/24', 'fe80::1/64']);
    h.addLink();
    h.interfaces.addAddress(2, ...cidr('10.0.1.1/24'));
    assert.equal(way(h, '224.0.0.251'), '1 -');
    assert.equal(way(h, '224.0.0.251', { src: '10.0.1.1' }), '2 -');
    assert.equal(way(h, '255.255.255.255', { iface: 2 }), '2 -');
    assert.equal(way(h, '10.0.1.255'), '2 -');
    assert.equal(way(h, 'ff02::fb'), '1 -');
    h.routes.add(route('224.0.0.0/4', null, 2));
    assert.equal(way(h, '224.0.0.251'), '2 -');
    assert.equal(way(h, 'ff02::fb', { iface: 2 }), String(-EADDRNOTAVAIL));
  });
});

describe('the MTU of a way', () => {
  test('is the least of interface, route and path', () => {
    const h = host(['10.0.0.1/24', 'fd00::1/64']);
    h.routes.add(route('192.0.2.0/24', '10.0.0.254', 1, { mtu: 1400 }));
    h.iface.mtu6 = 1280;
    const mtu = (dst: string) => {
      const w = to(new Way(), dst);
      assert.equal(h.routes.findWay(w), 0);
      return w.mtu;
    };
    assert.equal(mtu('10.0.0.9'), 1500);
    assert.equal(mtu('fd00::9'), 1280);
    assert.equal(mtu('192.0.2.9'), 1400);
    h.routes.pathMtus = { get: (_0, _1, _2, w3) => (w3 === ip('192.0.2.9')[3] ? 1300 : 0) };
    assert.equal(mtu('192.0.2.9'), 1300);
    assert.equal(mtu('192.0.2.8'), 1400);
  });
});

describe('the table', () => {
  test('refuses what makes no route, and what is there', () => {
    const h = host(['10.0.0.1/24']);
    assert.equal(h.routes.add(route('10.1.0.0/16', '10.0.0.254', 7)), -EINVAL);
    assert.equal(h.routes.add({ ...route('10.1.0.0/16', '10.0.0.254', 1), prefix: 129 }), -EINVAL);
    assert.equal(h.routes.add({ ...route('10.1.0.0/16', '10.0.0.254', 1), prefix: 16 }), -EINVAL);
    assert.equal(h.routes.add(route('10.1.0.0/16', 'fe80::ff', 1)), -EINVAL);
    assert.equal(h.routes.add(route('10.1.0.0/16', '224.0.0.1', 1)), -EINVAL);
    assert.equal(h.routes.add(route('10.1.2.3/16', '10.0.0.254', 1)), 0);
    assert.equal(h.routes.add(route('10.1.0.0/16', '10.0.0.254', 1)), -EEXIST);
    assert.equal(h.routes.list().find((r) => r.origin === 'static')!.w3, ip('10.1.0.0')[3]);
    assert.equal(h.routes.remove(route('10.1.0.0/16', '10.0.0.253', 1)), -EADDRNOTAVAIL);
  });

  test('finds the interface of a router by its subnet', () => {
    const h = host(['10.0.0.1/24']);
    h.addLink();
    h.interfaces.addAddress(2, ...cidr('10.0.1.1/24'));
    assert.equal(h.routes.add(route('0.0.0.0/0', '10.0.1.254', 0)), 0);
    assert.equal(h.routes.list().at(-1)!.iface, 2);
    assert.equal(h.routes.add(route('0.0.0.0/0', '172.16.0.1', 0)), -EINVAL);
  });

  test('is bounded', () => {
    const h = host(['10.0.0.1/24'], { settings: { routes: 8 } });
    for (let i = 0; i < 8; i++) assert.equal(h.routes.add(route(`10.1.${i}.0/24`, '10.0.0.254', 1)), 0);
    assert.equal(h.routes.add(route('10.2.0.0/16', '10.0.0.254', 1)), -ENOMEM);
  });

  test('every change raises the epoch, and looking does not', () => {
    const h = host(['10.0.0.1/24']);
    way(h, '10.0.0.9');
    let epoch = h.routes.epoch;
    const raised = (what: string, yes = true) => {
      assert.equal(h.routes.epoch !== epoch, yes, what);
      epoch = h.routes.epoch;
    };
    way(h, '10.0.0.8');
    h.routes.list();
    raised('look', false);
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1));
    raised('add');
    way(h, '192.0.2.1');
    raised('look', false);
    h.routes.remove(route('0.0.0.0/0', '10.0.0.254', 1));
    raised('remove');
    h.interfaces.addAddress(1, ...cidr('10.0.5.1/24'));
    raised('address');
    way(h, '10.0.5.2');
    raised('look', false);
    h.routes.touch();
    raised('touch');
  });

  test('routes with a lifetime end in time', () => {
    const h = host(['fd00::1/64']);
    h.routes.table.put(route('fd01::/64', null, 1), ROUTE_PREFIX, h.now + 10 * SECOND);
    assert.equal(h.routes.pollAt(), h.now + 10 * SECOND);
    h.run(9.9 * SECOND);
    assert.equal(way(h, 'fd01::9'), '1 fd01::9');
    h.run(0.1 * SECOND);
    assert.equal(way(h, 'fd01::9'), String(-ENETUNREACH));
    assert.equal(h.routes.pollAt(), Infinity);
  });
});

describe('routers that do not answer', () => {
  /** Sends to `dst` until its router is known to have failed. */
  function fail(h: Host, dst: string): void {
    const w = to(new Way(), dst);
    assert.equal(h.routes.findWay(w), 0);
    assert.equal(h.neighbours.ready(w.neighbour), 0);
    h.run(3 * SECOND);
    assert.equal(h.neighbours.ready(w.neighbour), -1);
  }

  test('another router of the same prefix is taken, the ways change, and the first is taken again when all have failed', () => {
    const h = host(['10.0.0.1/24']);
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1));
    h.routes.add(route('0.0.0.0/0', '10.0.0.253', 1, { metric: 5 }));
    const before = h.routes.epoch;
    fail(h, '192.0.2.1');
    assert.notEqual(h.routes.epoch, before);
    assert.equal(way(h, '192.0.2.1'), '1 10.0.0.253');
    fail(h, '192.0.2.1');
    assert.equal(way(h, '192.0.2.1'), '1 10.0.0.254');
    fail(h, '192.0.2.1');
    assert.equal(way(h, '192.0.2.1'), '1 10.0.0.253');
  });

  test('a router that is heard of again is taken again', () => {
    const h = host(['10.0.0.1/24']);
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1));
    h.routes.add(route('0.0.0.0/0', '10.0.0.253', 1, { metric: 5 }));
    fail(h, '192.0.2.1');
    h.receive(arpFrame({ op: 1, sender: '10.0.0.254', target: '10.0.0.1' }));
    assert.equal(way(h, '192.0.2.1'), '1 10.0.0.254');
  });

  test('a router known to be there is preferred to one of the same metric that is not', () => {
    const h = host(['10.0.0.1/24']);
    h.routes.add(route('0.0.0.0/0', '10.0.0.254', 1));
    h.routes.add(route('0.0.0.0/0', '10.0.0.253', 1));
    assert.equal(way(h, '192.0.2.1'), '1 10.0.0.254');
    h.receive(arpFrame({ op: 1, sender: '10.0.0.253', target: '10.0.0.1' }));
    assert.equal(way(h, '192.0.2.1'), '1 10.0.0.253');
  });
});

test('when the neighbour table is full of entries in use, there is no way to another', () => {
  const h = host(['10.0.0.1/24'], { settings: { neighbours: 4 } });
  for (let i = 2; i < 6; i++) assert.equal(way(h, `10.0.0.${i}`), `1 10.0.0.${i}`);
  assert.equal(way(h, '10.0.0.7'), String(-EHOSTUNREACH));
});
