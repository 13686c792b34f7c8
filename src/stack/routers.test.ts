// Tests of routers.ts: default routers, prefixes on the link, parameters, redirects; and that all of it is bounded.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAddress, formatCidr } from '../base/address.ts';
import { DROP_NDP_INVALID } from '../base/drop.ts';
import {
  cidr,
  Host,
  type HostOptions,
  ip,
  PEER_MAC,
  ROUTER,
  ROUTER_MAC,
  raFrame,
  redirectFrame,
  SECOND,
  to,
} from './neighbour.test-support.ts';
import { CONSUMED } from './packet.ts';
import { MAX_PREFIXES, MAX_REDIRECTS, MAX_ROUTERS } from './routers.ts';
import { Way } from './way.ts';

function host(o: HostOptions = {}): Host {
  const h = new Host({ ...o, settings: { dadTransmits: 0, ...o.settings } });
  h.autoconf.ip6Enable(1, { iid: 'eui64' });
  h.interfaces.addAddress(1, ...cidr('fd00::1/64'));
  h.run(0);
  h.sent();
  return h;
}

/** What routers have said, as `prefix via`. */
function learned(h: Host, origin: string): string[] {
  return h.routes
    .list()
    .filter((r) => r.origin === origin)
    .map(
      (r) => `${formatCidr(r.w0, r.w1, r.w2, r.w3, r.prefix)}${r.via === null ? '' : ` ${formatAddress(...r.via)}`}`,
    );
}

/** The next hop to dst, or the errno. */
function hop(h: Host, dst: string): string {
  const w = to(new Way(), dst);
  const result = h.routes.findWay(w);
  if (result !== 0) return String(result);
  const n = h.neighbours.list().find((e) => h.neighbours.lookup(1, ...e.words) === w.neighbour)!;
  return formatAddress(...n.words);
}

describe('default routers', () => {
  test('are believed for their lifetime, and their MAC address with them', () => {
    const h = host();
    assert.equal(h.receive(raFrame({ lifetime: 100 })), CONSUMED);
    assert.deepEqual(learned(h, 'router'), [`::/0 ${ROUTER}`]);
    assert.equal(h.neighbour(ROUTER), `stale ${ROUTER_MAC} router`);
    assert.equal(hop(h, '2001:db8::1'), ROUTER);
    h.run(60 * SECOND);
    h.receive(raFrame({ lifetime: 100 }));
    h.run(99.9 * SECOND);
    assert.equal(hop(h, '2001:db8::1'), ROUTER);
    h.run(0.1 * SECOND);
    assert.deepEqual(learned(h, 'router'), []);
    assert.match(hop(h, '2001:db8::1'), /^-/);
  });

  test('advertised again change nothing but their lifetime: no way has to be found anew', () => {
    const h = host();
    const frame = raFrame({ prefixes: [{ prefix: 'fd07::/64', flags: 'LA', valid: 1000, preferred: 500 }] });
    h.receive(frame);
    hop(h, '2001:db8::1');
    const epoch = h.routes.epoch;
    h.run(10 * SECOND);
    h.receive(frame);
    assert.equal(h.routes.epoch, epoch);
  });

  test('end at once with a lifetime of 0, and none begins with one', () => {
    const h = host();
    h.receive(raFrame({ lifetime: 0 }));
    assert.deepEqual(learned(h, 'router'), []);
    h.receive(raFrame());
    h.receive(raFrame({ lifetime: 0 }));
    assert.deepEqual(learned(h, 'router'), []);
  });

  test('without source option are known as routers where they are neighbours', () => {
    const h = host();
    h.receive(raFrame({ slla: null }));
    assert.equal(h.neighbour(ROUTER), '-');
    assert.equal(hop(h, '2001:db8::1'), ROUTER);
    h.receive(raFrame({ slla: null }));
    assert.equal(h.neighbour(ROUTER), 'none router');
  });

  test('are chosen by preference (RFC 4191), configured ones before all', () => {
    const h = host();
    h.receive(raFrame({ src: 'fe80::a1', flags: 0x18 }));
    assert.equal(hop(h, '2001:db8::1'), 'fe80::a1');
    h.receive(raFrame({ src: 'fe80::a2' }));
    assert.equal(hop(h, '2001:db8::1'), 'fe80::a2');
    h.receive(raFrame({ src: 'fe80::a3', flags: 0x08 }));
    assert.equal(hop(h, '2001:db8::1'), 'fe80::a3');
    // The same router with another preference, and with the reserved one, which means medium.
    h.receive(raFrame({ src: 'fe80::a3', flags: 0x10 }));
    assert.equal(hop(h, '2001:db8::1'), 'fe80::a2');
    assert.equal(learned(h, 'router').length, 3);
    h.routes.add({ w0: 0, w1: 0, w2: 0, w3: 0, prefix: 0, via: ip('fe80::a9'), iface: 1 });
    assert.equal(hop(h, '2001:db8::1'), 'fe80::a9');
  });

  test('that do not answer give way to others', () => {
    const h = host();
    h.receive(raFrame({ src: 'fe80::a1', slla: null }));
    h.receive(raFrame({ src: 'fe80::a2', slla: null }));
    const first = hop(h, '2001:db8::1');
    const epoch = h.routes.epoch;
    h.neighbours.ready(h.entry(first));
    h.run(3 * SECOND);
    assert.notEqual(h.routes.epoch, epoch);
    assert.notEqual(hop(h, '2001:db8::1'), first);
  });

  test('end the asking for routers', () => {
    const h = host();
    h.receive(raFrame());
    h.run(100 * SECOND);
    assert.deepEqual(h.sent(), []);
    const other = host();
    other.receive(raFrame({ lifetime: 0 }));
    other.run(100 * SECOND);
    assert.equal(other.sent().length, 2);
  });

  test('are bounded', () => {
    const h = host();
    for (let i = 1; i < 50; i++) h.receive(raFrame({ src: `fe80::${i}:1` }));
    assert.equal(learned(h, 'router').length, MAX_ROUTERS);
  });
});

describe('prefixes on the link', () => {
  const option = (o: { prefix?: string; flags?: string; valid?: number } = {}) => ({
    prefix: 'fd07::/64',
    flags: 'L',
    valid: 100,
    preferred: 100,
    ...o,
  });

  test('make their addresses neighbours, for their lifetime', () => {
    const h = host();
    h.receive(raFrame({ prefixes: [option()] }));
    assert.deepEqual(learned(h, 'prefix'), ['fd07::/64']);
    assert.equal(hop(h, 'fd07::9'), 'fd07::9');
    h.run(60 * SECOND);
    h.receive(raFrame({ prefixes: [option()] }));
    h.run(60 * SECOND);
    assert.equal(hop(h, 'fd07::9'), 'fd07::9');
    h.run(40 * SECOND);
    assert.equal(hop(h, 'fd07::9'), ROUTER);
  });

  test('end at once with a lifetime of 0, not by the flag being gone', () => {
    const h = host();
    h.receive(raFrame({ prefixes: [option()] }));
    h.receive(raFrame({ prefixes: [option({ flags: '' })] }));
    assert.deepEqual(learned(h, 'prefix'), ['fd07::/64']);
    h.receive(raFrame({ prefixes: [option({ valid: 0 })] }));
    assert.deepEqual(learned(h, 'prefix'), []);
  });

  test('may have any length, and may last for ever', () => {
    const h = host();
    h.receive(
      raFrame({ prefixes: [option({ prefix: 'fd07:1::/32', valid: -1 }), option({ prefix: 'fd07::8:0/112' })] }),
    );
    h.run(1e9 * SECOND);
    assert.deepEqual(learned(h, 'prefix'), ['fd07:1::/32']);
  });

  test('that are link-local, multicast, empty or too long are ignored', () => {
    const h = host();
    h.receive(
      raFrame({
        prefixes: [option({ prefix: 'fe80::/64' }), option({ prefix: 'ff02::/16' }), option({ prefix: '::/0' })],
      }),
    );
    const long = raFrame({ prefixes: [option()] });
    long[long.length - 30] = 129;
    h.receive(long);
    assert.deepEqual(learned(h, 'prefix'), []);
  });

  test('are bounded', () => {
    const h = host();
    for (let i = 1; i < 50; i++) h.receive(raFrame({ prefixes: [option({ prefix: `fd07:${i}::/64` })] }));
    assert.equal(learned(h, 'prefix').length, MAX_PREFIXES);
  });
});

describe('parameters', () => {
  test('hop limit, timers and MTU are taken where given, and kept where not', () => {
    const h = host();
    h.receive(raFrame({ hopLimit: 77, reachable: 60_000, retransmit: 2000, mtu: 1400 }));
    const check = () => {
      assert.equal(h.iface.hopLimit, 77);
      assert.equal(h.iface.baseReachable, 60 * SECOND);
      assert.equal(h.iface.retransmit, 2 * SECOND);
      assert.equal(h.iface.mtu6, 1400);
      assert.equal(h.iface.mtu, 1500);
    };
    check();
    h.receive(raFrame());
    check();
    const w = to(new Way(), 'fd00::9');
    assert.equal(h.routes.findWay(w), 0);
    assert.deepEqual([w.mtu, w.hopLimit], [1400, 77]);
  });

  test('an MTU below 1280 or above the link’s is ignored; a new one makes ways be found anew', () => {
    const h = host();
    const epoch = h.routes.epoch;
    for (const mtu of [1279, 1501, -1, 0]) h.receive(raFrame({ mtu, lifetime: 0 }));
    assert.equal(h.iface.mtu6, 1500);
    assert.equal(h.routes.epoch, epoch);
    h.receive(raFrame({ mtu: 1280, lifetime: 0 }));
    assert.equal(h.iface.mtu6, 1280);
    assert.notEqual(h.routes.epoch, epoch);
  });

  test('timers that would flood the link, or never end, are held within bounds', () => {
    const h = host();
    h.receive(raFrame({ reachable: 1, retransmit: 1 }));
    assert.equal(h.iface.retransmit, 250_000);
    assert.equal(h.iface.baseReachable, 1 * SECOND);
    h.receive(raFrame({ reachable: -1, retransmit: -1 }));
    assert.equal(h.iface.retransmit, 10 * SECOND);
    assert.equal(h.iface.baseReachable, 3600 * SECOND);
  });

  test('the base of ReachableTime is drawn upon', () => {
    const h = host();
    h.receive(raFrame({ reachable: 100_000 }));
    const entry = h.entry('fd00::2');
    h.neighbours.ready(entry);
    h.neighbours.advertised(entry, true, 0x0200, 2, 3);
    assert.ok(h.iface.reachable >= 50 * SECOND && h.iface.reachable <= 150 * SECOND);
  });
});

describe('redirects', () => {
  const dst = 'fd00::1';
  const destination = '2001:db8::1';

  test('to a better router are followed, for that destination only', () => {
    const h = host();
    h.receive(raFrame());
    assert.equal(h.receive(redirectFrame({ dst, target: 'fe80::7', destination, tlla: PEER_MAC })), CONSUMED);
    assert.equal(hop(h, destination), 'fe80::7');
    assert.equal(hop(h, '2001:db8::2'), ROUTER);
    assert.equal(h.neighbour('fe80::7'), `stale ${PEER_MAC} router`);
  });

  test('to the destination itself say that it is on the link', () => {
    const h = host();
    h.receive(raFrame());
    h.receive(redirectFrame({ dst, target: destination, destination, tlla: PEER_MAC }));
    assert.equal(hop(h, destination), destination);
    assert.equal(h.neighbour(destination), `stale ${PEER_MAC}`);
  });

  test('may be redirected again, by the new first hop', () => {
    const h = host();
    h.receive(raFrame());
    h.receive(redirectFrame({ dst, target: 'fe80::7', destination, tlla: PEER_MAC }));
    assert.equal(h.receive(redirectFrame({ dst, target: 'fe80::8', destination, src: ROUTER })), DROP_NDP_INVALID);
    assert.equal(
      h.receive(redirectFrame({ dst, target: 'fe80::8', destination, src: 'fe80::7', from: PEER_MAC })),
      CONSUMED,
    );
    assert.equal(hop(h, destination), 'fe80::8');
    assert.equal(learned(h, 'redirect').length, 1);
  });

  for (const [what, frame] of [
    [
      'from a router that is not the first hop',
      redirectFrame({ dst, target: 'fe80::7', destination, src: 'fe80::66' }),
    ],
    ['from an address that is not link-local', redirectFrame({ dst, target: 'fe80::7', destination, src: 'fd00::66' })],
    [
      'to a target that is neither link-local nor the destination',
      redirectFrame({ dst, target: 'fd00::7', destination }),
    ],
    ['for a multicast destination', redirectFrame({ dst, target: 'fe80::7', destination: 'ff0e::1' })],
    ['for a neighbour', redirectFrame({ dst, target: 'fe80::7', destination: 'fd00::9' })],
    ['to ourselves', redirectFrame({ dst, target: 'fe80::ff:fe00:1', destination })],
    ['for ourselves', redirectFrame({ dst, target: 'fe80::7', destination: 'fd00::1' })],
    ['for an IPv4 destination', redirectFrame({ dst, target: 'fe80::7', destination: '::ffff:192.0.2.1' })],
  ] as const) {
    test(`${what} are refused`, () => {
      const h = host();
      h.receive(raFrame());
      assert.equal(h.receive(frame), DROP_NDP_INVALID);
      assert.deepEqual(learned(h, 'redirect'), []);
    });
  }

  test('end when their target does not answer', () => {
    const h = host();
    h.receive(raFrame());
    h.receive(redirectFrame({ dst, target: 'fe80::7', destination }));
    h.neighbours.ready(h.entry('fe80::7'));
    assert.equal(hop(h, destination), 'fe80::7');
    h.run(3 * SECOND);
    assert.equal(hop(h, destination), ROUTER);
    assert.deepEqual(learned(h, 'redirect'), []);
  });

  test('end with their router, and in half an hour', () => {
    const h = host();
    h.receive(raFrame({ lifetime: 9000 }));
    h.receive(redirectFrame({ dst, target: 'fe80::7', destination }));
    h.receive(raFrame({ src: 'fe80::7', lifetime: 100 }));
    h.receive(raFrame({ src: 'fe80::7', lifetime: 0 }));
    assert.deepEqual(learned(h, 'redirect'), []);
    h.receive(redirectFrame({ dst, target: 'fe80::8', destination }));
    h.run(1800 * SECOND - 1);
    assert.equal(learned(h, 'redirect').length, 1);
    h.run(1);
    assert.deepEqual(learned(h, 'redirect'), []);
  });

  test('are bounded: the oldest goes', () => {
    const h = host();
    h.receive(raFrame());
    for (let i = 0; i < 100; i++) {
      h.run(1000);
      h.receive(redirectFrame({ dst, target: 'fe80::7', destination: `2001:db8::${(i + 16).toString(16)}` }));
    }
    assert.equal(learned(h, 'redirect').length, MAX_REDIRECTS);
    assert.equal(hop(h, '2001:db8::10'), ROUTER);
    assert.equal(hop(h, '2001:db8::73'), 'fe80::7');
  });
});
