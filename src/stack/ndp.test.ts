// Tests of ndp.ts: solicitations answered, advertisements believed or not, what is refused.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DROP_NDP_INVALID, DROP_NOT_OURS } from '../base/drop.ts';
import {
  cidr,
  Host,
  type HostOptions,
  naFrame,
  ndpFrame,
  nsFrame,
  OUR_MAC,
  PEER_MAC,
  ROUTER,
  ROUTER_MAC,
  raFrame,
  SECOND,
} from './neighbour.test-support.ts';
import { CONSUMED } from './packet.ts';

function host(o: HostOptions = {}): Host {
  const h = new Host({ settings: { dadTransmits: 0 }, ...o });
  h.interfaces.addAddress(1, ...cidr('fe80::1/64'));
  h.interfaces.addAddress(1, ...cidr('fd00::1/64'));
  return h;
}

describe('neighbour solicitations', () => {
  test('are answered to the address in their source option, whose owner is learned as STALE', () => {
    const h = host();
    assert.equal(h.receive(nsFrame({ src: 'fd00::2', target: 'fd00::1' })), CONSUMED);
    assert.deepEqual(h.sent(), [`na fd00::1 SO target ${OUR_MAC} fd00::1 > fd00::2 | ${OUR_MAC} > ${PEER_MAC}`]);
    assert.equal(h.neighbour('fd00::2'), `stale ${PEER_MAC}`);
  });

  test('without source option are answered to the frame’s sender, and teach nothing', () => {
    const h = host();
    h.receive(nsFrame({ src: 'fd00::2', target: 'fd00::1', dst: 'fd00::1', slla: null }));
    assert.deepEqual(h.sent(), [`na fd00::1 SO target ${OUR_MAC} fd00::1 > fd00::2 | ${OUR_MAC} > ${PEER_MAC}`]);
    assert.equal(h.neighbours.count, 0);
  });

  test('that probe for our address are answered to all', () => {
    const h = host();
    h.receive(nsFrame({ src: '::', target: 'fd00::1' }));
    assert.deepEqual(h.sent(), [`na fd00::1 O target ${OUR_MAC} fd00::1 > ff02::1 | ${OUR_MAC} > 33:33:00:00:00:01`]);
  });

  test('for others, or for addresses of another interface, are not answered', () => {
    const h = host();
    h.addLink();
    h.interfaces.addAddress(2, ...cidr('fd01::1/64'));
    assert.equal(h.receive(nsFrame({ src: 'fd00::2', target: 'fd00::3' })), DROP_NOT_OURS);
    assert.equal(h.receive(nsFrame({ src: 'fd00::2', target: 'fd01::1' })), DROP_NOT_OURS);
    assert.deepEqual(h.sent(), []);
    assert.equal(h.neighbours.count, 0);
  });

  test('with a group’s address as source option are refused', () => {
    const h = host();
    assert.equal(
      h.receive(nsFrame({ src: 'fd00::2', target: 'fd00::1', slla: '33:33:00:00:00:01' })),
      DROP_NDP_INVALID,
    );
    assert.deepEqual(h.sent(), []);
  });

  test('on an "ip" medium are answered without link-layer addresses', () => {
    const h = host({ caps: { medium: 'ip' } });
    h.receive(nsFrame({ src: 'fd00::2', target: 'fd00::1', dst: 'fd00::1', slla: null }).slice(14));
    h.iface.flush();
    const packet = h.link.sent.pop()!;
    assert.equal(packet.length, 40 + 24);
    assert.equal(packet[40], 136);
  });
});

describe('neighbour advertisements', () => {
  test('answer our question', () => {
    const h = host();
    h.neighbours.ready(h.entry('fd00::2'));
    assert.equal(h.receive(naFrame({ target: 'fd00::2', flags: 'SO', dst: 'fd00::1' })), CONSUMED);
    assert.equal(h.neighbour('fd00::2'), `reachable ${PEER_MAC}`);
  });

  test('that nobody asked for create no entry', () => {
    const h = host();
    assert.equal(h.receive(naFrame({ target: 'fd00::2', flags: 'SO', dst: 'fd00::1' })), CONSUMED);
    assert.equal(h.neighbours.count, 0);
  });

  test('without target option serve to confirm, not to resolve', () => {
    const h = host();
    h.neighbours.ready(h.entry('fd00::2'));
    h.receive(naFrame({ target: 'fd00::2', flags: 'SO', dst: 'fd00::1', tlla: null }));
    assert.equal(h.neighbour('fd00::2'), 'incomplete');
    h.receive(naFrame({ target: 'fd00::2', flags: 'SO', dst: 'fd00::1' }));
    h.run(100 * SECOND);
    h.receive(naFrame({ target: 'fd00::2', flags: 'S', dst: 'fd00::1', tlla: null }));
    assert.equal(h.neighbour('fd00::2'), `reachable ${PEER_MAC}`);
  });

  test('an unsolicited one with override changes the address at once and makes it STALE (no lock as in ARP)', () => {
    const h = host();
    h.neighbours.ready(h.entry('fd00::2'));
    h.receive(naFrame({ target: 'fd00::2', flags: 'SO', dst: 'fd00::1' }));
    h.receive(naFrame({ target: 'fd00::2', flags: 'O', from: '02:00:00:00:00:77' }));
    assert.equal(h.neighbour('fd00::2'), 'stale 02:00:00:00:00:77');
  });

  test('of a router that is none any more end its default route', () => {
    const h = new Host({ settings: { dadTransmits: 0 } });
    h.autoconf.ip6Enable(1);
    h.receive(raFrame());
    assert.equal(h.routes.list().filter((r) => r.origin === 'router').length, 1);
    assert.equal(h.neighbour(ROUTER), `stale ${ROUTER_MAC} router`);
    h.receive(naFrame({ target: ROUTER, flags: 'RO', from: ROUTER_MAC }));
    assert.equal(h.routes.list().filter((r) => r.origin === 'router').length, 1);
    h.receive(naFrame({ target: ROUTER, flags: 'O', from: ROUTER_MAC }));
    assert.equal(h.routes.list().filter((r) => r.origin === 'router').length, 0);
    assert.equal(h.neighbour(ROUTER), `stale ${ROUTER_MAC}`);
  });
});

describe('what is refused', () => {
  const ok = { src: 'fd00::2', target: 'fd00::1' };

  test('any message that may have passed a router', () => {
    const h = host();
    for (const frame of [nsFrame(ok), naFrame({ target: 'fd00::2', flags: 'S', dst: 'fd00::1' }), raFrame()]) {
      frame[14 + 7] = 254;
      assert.equal(h.receive(frame), DROP_NDP_INVALID);
    }
  });

  test('a code other than 0, an option of length 0, a group as target', () => {
    const h = host();
    const change = (at: number, value: number) => {
      const f = nsFrame(ok);
      f[at] = value;
      return h.receive(f);
    };
    assert.equal(change(55, 1), DROP_NDP_INVALID);
    assert.equal(change(54 + 25, 0), DROP_NDP_INVALID);
    assert.equal(change(54 + 8, 0xff), DROP_NDP_INVALID);
    assert.deepEqual(h.sent(), []);
  });

  test('messages that came in fragments (RFC 6980)', () => {
    const h = host();
    h.receive(nsFrame(ok));
    h.core.packet.reassembled = 4096;
    assert.equal(h.ndp.input(h.core.packet), DROP_NDP_INVALID);
  });

  test('router solicitations, and everything where IPv6 is not spoken', () => {
    const h = host();
    const rs = ndpFrame({ src: 'fe80::2', dst: 'ff02::2' }, (b, at) => {
      b[at] = 133;
      return 8;
    });
    assert.equal(h.receive(rs), DROP_NOT_OURS);
    const without = new Host();
    assert.equal(without.receive(nsFrame(ok)), DROP_NOT_OURS);
  });

  test('router advertisements where routers are not believed', () => {
    const h = host();
    assert.equal(h.receive(raFrame()), DROP_NOT_OURS);
    const static6 = new Host({ settings: { dadTransmits: 0 } });
    static6.autoconf.ip6Enable(1, { routers: false });
    assert.equal(
      static6.receive(raFrame({ prefixes: [{ prefix: 'fd09::/64', flags: 'LA', valid: 100, preferred: 100 }] })),
      DROP_NOT_OURS,
    );
    assert.equal(static6.iface.addresses.length, 1);
    assert.equal(static6.routes.list().filter((r) => r.origin !== 'connected').length, 0);
  });
});
