// Tests of autoconf.ts and slaac.ts: link-local addresses, addresses from prefixes, lifetimes, conflicts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatAddress } from '../base/address.ts';
import { EEXIST } from '../base/errno.ts';
import {
  Host,
  type HostOptions,
  naFrame,
  OUR_MAC,
  type PrefixOption,
  raFrame,
  SECOND,
  source,
  text,
  to,
} from './neighbour.test-support.ts';
import { MAX_SLAAC_ADDRESSES } from './slaac.ts';
import { Way } from './way.ts';

const HOUR = 3600;

/** A host whose link-local address is in use, and which asked for routers. */
function host(o: HostOptions = {}): Host {
  const h = new Host({ ...o, settings: { dadTransmits: 0, ...o.settings } });
  assert.equal(h.autoconf.ip6Enable(1, { iid: 'eui64' }), 0);
  h.run(0);
  h.sent();
  return h;
}

const prefix = (o: Partial<PrefixOption> = {}): PrefixOption => ({
  prefix: 'fd00::/64',
  flags: 'LA',
  valid: 4 * HOUR,
  preferred: 2 * HOUR,
  ...o,
});
const slaac = (h: Host) => h.iface.addresses.filter((a) => a.origin === 'slaac');
const valid = (h: Host) => slaac(h).map((a) => (a.validUntil - h.now) / SECOND);
const preferred = (h: Host) => slaac(h).map((a) => (a.preferredUntil - h.now) / SECOND);

describe('the link-local address', () => {
  test('is probed before use; then routers are asked from it', () => {
    const h = new Host();
    assert.equal(h.autoconf.ip6Enable(1, { iid: 'eui64' }), 0);
    const group = `ff02::1:ff00:1 | ${OUR_MAC} > 33:33:ff:00:00:01`;
    h.run(0);
    assert.deepEqual(h.sent(), [`ns fe80::ff:fe00:1 :: > ${group}`]);
    assert.deepEqual(h.addresses(), ['fe80::ff:fe00:1 tentative']);
    h.run(1 * SECOND);
    assert.deepEqual(h.addresses(), ['fe80::ff:fe00:1 preferred']);
    const rs = `rs source ${OUR_MAC} fe80::ff:fe00:1 > ff02::2 | ${OUR_MAC} > 33:33:00:00:00:02`;
    assert.deepEqual(h.sent(), [rs]);
    h.run(3.9 * SECOND);
    assert.deepEqual(h.sent(), []);
    h.run(0.1 * SECOND);
    assert.deepEqual(h.sent(), [rs]);
    h.run(100 * SECOND);
    assert.deepEqual(h.sent(), [rs]);
    assert.equal(h.autoconf.pollAt(), Infinity);
    assert.equal(h.autoconf.ip6Enable(1), -EEXIST);
  });

  test('is opaque and the same each time by default, given the same secret', () => {
    const make = (secret: Int32Array | undefined) => {
      const h = new Host();
      h.autoconf.ip6Enable(1, { iidSecret: secret });
      return text(h.iface.addresses[0]!);
    };
    assert.equal(make(undefined), make(undefined));
    assert.notEqual(make(Int32Array.of(9, 9, 9, 9)), make(undefined));
    assert.match(make(undefined), /^fe80::/);
    assert.doesNotMatch(make(undefined), /fe00:1$/);
  });

  test('found taken is replaced by another identifier, three times, then IPv6 ends there', () => {
    const h = new Host();
    h.autoconf.ip6Enable(1);
    const seen: string[] = [];
    for (let i = 0; i < 4; i++) {
      h.run(0);
      const a = text(h.iface.addresses.find((x) => x.state === 'tentative')!);
      seen.push(a);
      h.receive(naFrame({ target: a, flags: 'O' }));
      h.run(0);
    }
    assert.equal(new Set(seen).size, 4);
    assert.deepEqual(h.addresses(), [`${seen[3]} duplicate`]);
    assert.equal(h.iface.ip6, false);
    h.run(100 * SECOND);
    assert.equal(h.sent().filter((s) => s.startsWith('rs')).length, 0);
  });

  test('made from the MAC address and found taken ends IPv6 at once (RFC 4862 section 5.4.5)', () => {
    const h = new Host();
    h.autoconf.ip6Enable(1, { iid: 'eui64' });
    h.run(0);
    h.receive(naFrame({ target: 'fe80::ff:fe00:1', flags: 'O' }));
    h.run(10 * SECOND);
    assert.deepEqual(h.addresses(), ['fe80::ff:fe00:1 duplicate']);
    assert.equal(h.iface.ip6, false);
  });

  test('without router discovery nobody is asked', () => {
    const h = new Host();
    h.autoconf.ip6Enable(1, { routers: false });
    h.run(100 * SECOND);
    assert.equal(h.sent().length, 1);
  });
});

describe('addresses from prefixes', () => {
  test('are formed, probed with a random wait where all were told, and used', () => {
    const h = host({ settings: { dadTransmits: 1, dadDelay: 1 * SECOND } });
    h.run(3 * SECOND);
    h.sent();
    h.receive(raFrame({ prefixes: [prefix()] }));
    const wait = h.autoconf.dad.pollAt() - h.now;
    assert.ok(wait > 0 && wait < 1 * SECOND, String(wait));
    assert.deepEqual(
      slaac(h).map((a) => `${text(a)} ${a.state}`),
      ['fd00::ff:fe00:1 tentative'],
    );
    h.run(2 * SECOND);
    assert.deepEqual(h.sent(), [`ns fd00::ff:fe00:1 :: > ff02::1:ff00:1 | ${OUR_MAC} > 33:33:ff:00:00:01`]);
    assert.equal(slaac(h)[0]!.state, 'preferred');
    assert.deepEqual(valid(h), [4 * HOUR - 2]);
  });

  test('say nothing about what is on the link: the L flag does', () => {
    const h = host();
    h.receive(raFrame({ prefixes: [prefix({ flags: 'A' })] }));
    const w = to(new Way(), 'fd00::9');
    assert.equal(h.routes.findWay(w), 0);
    assert.equal(source(w), 'fd00::ff:fe00:1');
    assert.equal(w.neighbour, h.entry('fe80::ff'));
    h.receive(raFrame({ prefixes: [prefix({ flags: 'L' })] }));
    assert.equal(h.routes.findWay(to(w, 'fd00::9')), 0);
    assert.equal(w.neighbour, h.entry('fd00::9'));
  });

  test('are deprecated and removed in time; deprecated ones are still ours, but no longer chosen', () => {
    const h = host();
    h.receive(
      raFrame({ prefixes: [prefix(), prefix({ prefix: 'fd01::/64', valid: 10 * HOUR, preferred: 10 * HOUR })] }),
    );
    h.run(2 * HOUR * SECOND);
    assert.deepEqual(
      slaac(h).map((a) => a.state),
      ['deprecated', 'preferred'],
    );
    const w = to(new Way(), 'fd00::9');
    assert.equal(h.routes.findWay(w), 0);
    assert.equal(source(w), 'fd01::ff:fe00:1');
    assert.equal(h.routes.findWay(to(w, 'fd00::9', { src: 'fd00::ff:fe00:1' })), 0);
    h.run(2 * HOUR * SECOND - 1);
    assert.equal(slaac(h).length, 2);
    h.run(1);
    assert.deepEqual(slaac(h).map(text), ['fd01::ff:fe00:1']);
  });

  test('become preferred again when their prefix is advertised again', () => {
    const h = host();
    h.receive(raFrame({ prefixes: [prefix({ preferred: 60 })] }));
    h.run(60 * SECOND);
    assert.equal(slaac(h)[0]!.state, 'deprecated');
    h.receive(raFrame({ prefixes: [prefix({ preferred: 60 })] }));
    assert.equal(slaac(h)[0]!.state, 'preferred');
    h.run(60 * SECOND);
    assert.equal(slaac(h)[0]!.state, 'deprecated');
  });

  test('may be deprecated from the start, and live for ever', () => {
    const h = host();
    h.receive(
      raFrame({ prefixes: [prefix({ preferred: 0 }), prefix({ prefix: 'fd01::/64', valid: -1, preferred: -1 })] }),
    );
    assert.deepEqual(
      slaac(h).map((a) => a.state),
      ['deprecated', 'preferred'],
    );
    h.run(1e6 * HOUR * SECOND);
    assert.deepEqual(slaac(h).map(text), ['fd01::ff:fe00:1']);
  });

  test('a lifetime of 2^31 seconds and more is long, not negative', () => {
    const h = host();
    h.receive(raFrame({ prefixes: [prefix({ valid: 0x80000000 | 0, preferred: 0x80000000 | 0 })] }));
    assert.deepEqual(valid(h), [2 ** 31]);
  });

  for (const [what, option] of [
    ['without the A flag', prefix({ flags: 'L' })],
    ['with the link-local prefix', prefix({ prefix: 'fe80::/64' })],
    ['with a preferred lifetime above the valid one', prefix({ valid: 10, preferred: 11 })],
    ['with a prefix length other than 64', prefix({ prefix: 'fd00::/63' })],
    ['with a valid lifetime of 0', prefix({ valid: 0, preferred: 0 })],
    ['with a multicast prefix', prefix({ prefix: 'ff02::/64' })],
    ['with the IPv4-mapped prefix', prefix({ prefix: '::ffff:0:0/64' })],
  ] as const) {
    test(`are not made from an option ${what}`, () => {
      const h = host();
      h.receive(raFrame({ prefixes: [option] }));
      assert.deepEqual(slaac(h), []);
    });
  }

  test('are not made where SLAAC is off', () => {
    const h = new Host({ settings: { dadTransmits: 0 } });
    h.autoconf.ip6Enable(1, { slaac: false });
    h.receive(raFrame({ prefixes: [prefix()] }));
    assert.deepEqual(slaac(h), []);
    assert.equal(h.routes.list().filter((r) => r.origin === 'router').length, 1);
  });

  test('are bounded, however many prefixes are advertised', () => {
    const h = host();
    for (let i = 0; i < 50; i++) h.receive(raFrame({ prefixes: [prefix({ prefix: `fd00:${i}::/64` })] }));
    assert.equal(slaac(h).length, MAX_SLAAC_ADDRESSES);
  });

  test('found taken get another identifier with the same lifetimes; the last stays listed, and is not tried again', () => {
    const h = new Host();
    h.autoconf.ip6Enable(1);
    h.run(2 * SECOND);
    h.receive(raFrame({ prefixes: [prefix()] }));
    const seen = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const a = slaac(h).find((x) => x.state === 'tentative')!;
      assert.equal(a.validUntil - h.now, 4 * HOUR * SECOND);
      seen.add(text(a));
      h.receive(naFrame({ target: text(a), flags: 'O' }));
      h.run(0);
    }
    assert.equal(seen.size, 4);
    assert.deepEqual(
      slaac(h).map((a) => a.state),
      ['duplicate'],
    );
    h.receive(raFrame({ prefixes: [prefix()] }));
    assert.deepEqual(
      slaac(h).map((a) => a.state),
      ['duplicate'],
    );
  });
});

describe('the two-hour rule (RFC 4862 section 5.5.3 e)', () => {
  // remaining valid lifetime, advertised one -> what it is then (hours)
  for (const [before, advertised, after] of [
    [4, 6, 6],
    [4, 3, 3],
    [4, 1, 2],
    [4, 0, 2],
    [1, 3, 3],
    [1, 1.5, 1.5],
    [1, 0.5, 1],
    [1, 0, 1],
    [2, 1, 2],
    [Infinity, 0, 2],
  ] as const) {
    test(`${before} h left, ${advertised} h advertised: ${after} h`, () => {
      const h = host();
      const seconds = (hours: number) => (hours === Infinity ? -1 : hours * HOUR);
      h.receive(raFrame({ prefixes: [prefix({ valid: seconds(before), preferred: 600 })] }));
      h.receive(raFrame({ prefixes: [prefix({ valid: seconds(advertised), preferred: 0 })] }));
      assert.deepEqual(valid(h), [after * HOUR]);
      // The preferred lifetime is always taken.
      assert.deepEqual(preferred(h), [0]);
      assert.equal(slaac(h)[0]!.state, 'deprecated');
    });
  }
});

test('a static address in an advertised prefix stays static', () => {
  const h = host();
  const [w0, w1, w2, w3] = [0xfd000000 | 0, 0, 0, 0x99];
  h.autoconf.addAddress(1, w0, w1, w2, w3, 64);
  h.receive(raFrame({ prefixes: [prefix({ valid: 10, preferred: 10 })] }));
  h.run(20 * SECOND);
  assert.deepEqual(
    h.iface.addresses
      .filter((a) => a.origin === 'static')
      .map((a) => `${formatAddress(a.w0, a.w1, a.w2, a.w3)} ${a.state}`),
    ['fd00::99 preferred'],
  );
});
