// Tests of dad.ts through autoconf.addAddress: probes, announcements and conflicts in virtual time.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EEXIST, EINVAL } from '../base/errno.ts';
import { arpFrame, cidr, Host, naFrame, nsFrame, OUR_MAC, SECOND } from './neighbour.test-support.ts';

const PROBE4 = `arp who-has 10.0.0.1 tell 0.0.0.0 at ${OUR_MAC} | ${OUR_MAC} > ff:ff:ff:ff:ff:ff`;
const ANNOUNCE = `arp who-has 10.0.0.1 tell 10.0.0.1 at ${OUR_MAC} | ${OUR_MAC} > ff:ff:ff:ff:ff:ff`;
const PROBE6 = `ns fd00::1 :: > ff02::1:ff00:1 | ${OUR_MAC} > 33:33:ff:00:00:01`;

describe('an IPv4 address', () => {
  test('is probed, taken into use a second later, and announced twice', () => {
    const h = new Host();
    assert.equal(h.autoconf.addAddress(1, ...cidr('10.0.0.1/24')), 0);
    h.run(0);
    assert.deepEqual(h.sent(), [PROBE4]);
    assert.deepEqual(h.addresses(), ['10.0.0.1 tentative']);
    assert.equal(h.autoconf.tentative(0), 1);
    h.run(0.999 * SECOND);
    assert.deepEqual(h.addresses(), ['10.0.0.1 tentative']);
    h.run(0.001 * SECOND);
    assert.deepEqual(h.addresses(), ['10.0.0.1 preferred']);
    assert.equal(h.autoconf.tentative(1), 0);
    assert.deepEqual(h.sent(), [ANNOUNCE]);
    h.run(2 * SECOND);
    assert.deepEqual(h.sent(), [ANNOUNCE]);
    h.run(100 * SECOND);
    assert.deepEqual(h.sent(), []);
    assert.equal(h.autoconf.pollAt(), Infinity);
  });

  test('is probed as often as the settings say, after a random wait', () => {
    const starts = new Set<number>();
    for (let seed = 1; seed < 12; seed++) {
      const h = new Host({ settings: { dadTransmits: 3, dadDelay: 1 * SECOND }, seed });
      h.autoconf.addAddress(1, ...cidr('10.0.0.1/24'));
      const wait = h.autoconf.pollAt() - h.now;
      assert.ok(wait >= 0 && wait < 1 * SECOND);
      starts.add(wait);
      h.run(wait + 2 * SECOND);
      assert.deepEqual(h.sent(), [PROBE4, PROBE4, PROBE4]);
      h.run(0.999 * SECOND);
      assert.deepEqual(h.addresses(), ['10.0.0.1 tentative']);
      h.run(0.001 * SECOND);
      assert.deepEqual(h.addresses(), ['10.0.0.1 preferred']);
    }
    assert.ok(starts.size > 5);
  });

  test('is in use and announced at once when probes are turned off', () => {
    const h = new Host({ settings: { dadTransmits: 0 } });
    h.autoconf.addAddress(1, ...cidr('10.0.0.1/24'));
    assert.deepEqual(h.addresses(), ['10.0.0.1 preferred']);
    h.run(10 * SECOND);
    assert.deepEqual(h.sent(), [ANNOUNCE, ANNOUNCE]);
  });

  for (const [what, frame] of [
    ['a reply to the probe', arpFrame({ op: 2, sender: '10.0.0.1', target: '0.0.0.0' })],
    ['a request from it', arpFrame({ op: 1, sender: '10.0.0.1', target: '10.0.0.9' })],
    ['somebody else’s probe for it', arpFrame({ op: 1, sender: '0.0.0.0', target: '10.0.0.1' })],
  ] as const) {
    test(`is given up after ${what}`, () => {
      const h = new Host();
      h.autoconf.addAddress(1, ...cidr('10.0.0.1/24'));
      h.run(0.5 * SECOND);
      h.sent();
      h.receive(frame);
      h.run(100 * SECOND);
      assert.deepEqual(h.addresses(), ['10.0.0.1 duplicate']);
      assert.deepEqual(h.sent(), []);
      assert.equal(h.iface.addresses[0]!.conflicts, 1);
      assert.equal(
        h.interfaces.isLocal(0, ...(cidr('10.0.0.1/24').slice(0, 4) as [number, number, number, number])),
        false,
      );
    });
  }

  test('survives the echo of its own probe and requests for others', () => {
    const h = new Host();
    h.autoconf.addAddress(1, ...cidr('10.0.0.1/24'));
    h.run(0);
    h.receive(arpFrame({ op: 1, sender: '0.0.0.0', target: '10.0.0.1', from: OUR_MAC }));
    h.receive(arpFrame({ op: 1, sender: '0.0.0.0', target: '10.0.0.2' }));
    h.receive(arpFrame({ op: 1, sender: '10.0.0.3', target: '10.0.0.1' }));
    h.run(1 * SECOND);
    assert.deepEqual(h.addresses(), ['10.0.0.1 preferred']);
  });
});

describe('an IPv6 address', () => {
  test('is probed from the unspecified address without source option, and then in use', () => {
    const h = new Host();
    h.autoconf.addAddress(1, ...cidr('fd00::1/64'));
    h.run(0);
    assert.deepEqual(h.sent(), [PROBE6]);
    h.run(1 * SECOND);
    assert.deepEqual(h.addresses(), ['fd00::1 preferred']);
    assert.deepEqual(h.sent(), []);
  });

  for (const [what, frame] of [
    ['an advertisement of it', naFrame({ target: 'fd00::1', flags: 'O' })],
    ['a probe for it by somebody else', nsFrame({ src: '::', target: 'fd00::1' })],
  ] as const) {
    test(`is given up after ${what}, and not answered for`, () => {
      const h = new Host();
      h.autoconf.addAddress(1, ...cidr('fd00::1/64'));
      h.run(0);
      h.sent();
      h.receive(frame);
      h.run(10 * SECOND);
      assert.deepEqual(h.addresses(), ['fd00::1 duplicate']);
      assert.deepEqual(h.sent(), []);
    });
  }

  test('is given up even before the first probe went out', () => {
    const h = new Host({ settings: { dadDelay: 1 * SECOND } });
    h.autoconf.addAddress(1, ...cidr('fd00::1/64'));
    h.receive(nsFrame({ src: '::', target: 'fd00::1' }));
    h.run(3 * SECOND);
    assert.deepEqual(h.addresses(), ['fd00::1 duplicate']);
    assert.deepEqual(h.sent(), []);
  });

  test('survives somebody who wants to talk to it, and the echo of its own probe', () => {
    const h = new Host();
    h.autoconf.addAddress(1, ...cidr('fd00::1/64'));
    h.run(0);
    h.sent();
    h.receive(nsFrame({ src: 'fe80::2', target: 'fd00::1' }));
    h.receive(nsFrame({ src: '::', target: 'fd00::1', from: OUR_MAC }));
    assert.deepEqual(h.sent(), []);
    h.run(1 * SECOND);
    assert.deepEqual(h.addresses(), ['fd00::1 preferred']);
  });

  test('in use is kept when somebody advertises it, and the conflict is counted', () => {
    const h = new Host({ settings: { dadTransmits: 0 } });
    h.autoconf.addAddress(1, ...cidr('fd00::1/64'));
    h.receive(naFrame({ target: 'fd00::1', flags: 'O', src: 'fe80::2' }));
    assert.deepEqual(h.addresses(), ['fd00::1 preferred']);
    assert.equal(h.core.counters.get('address_conflicts'), 1);
  });
});

describe('nobody is asked', () => {
  for (const caps of [{ medium: 'ip' }, { loopback: true }] as const) {
    test(`on a link that is ${JSON.stringify(caps)}`, () => {
      const h = new Host({ caps });
      h.autoconf.addAddress(1, ...cidr('10.0.0.1/24'));
      h.autoconf.addAddress(1, ...cidr('fd00::1/64'));
      assert.deepEqual(h.addresses(), ['10.0.0.1 preferred', 'fd00::1 preferred']);
      h.run(10 * SECOND);
      assert.deepEqual(h.sent(), []);
    });
  }
});

test('several addresses are checked side by side; one interface waits its random time only once', () => {
  const h = new Host({ settings: { dadDelay: 1 * SECOND } });
  for (const a of ['10.0.0.1/24', '10.0.0.2/24', 'fd00::1/64']) h.autoconf.addAddress(1, ...cidr(a));
  h.run(h.autoconf.pollAt() - h.now);
  assert.equal(h.sent().length, 3);
  h.autoconf.addAddress(1, ...cidr('10.0.0.3/24'));
  h.run(0);
  assert.equal(h.sent().length, 1);
});

test('an address can be removed while it is checked, and errors come back', () => {
  const h = new Host();
  h.autoconf.addAddress(1, ...cidr('10.0.0.1/24'));
  assert.equal(h.autoconf.addAddress(1, ...cidr('10.0.0.1/24')), -EEXIST);
  assert.equal(h.autoconf.addAddress(1, ...cidr('224.0.0.1/24')), -EINVAL);
  h.autoconf.removeAddress(1, ...(cidr('10.0.0.1/24').slice(0, 4) as [number, number, number, number]));
  h.run(10 * SECOND);
  assert.deepEqual(h.addresses(), []);
  assert.deepEqual(h.sent(), []);
});
