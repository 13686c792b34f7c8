// Tests of interfaces.ts: who owns which address, groups, broadcasts, what may be owned at all.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EADDRNOTAVAIL, EEXIST, EINVAL } from '../base/errno.ts';
import { BATCH } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { samePrefix } from './address-kinds.ts';
import { cidr, Host, ip, RecordingLink } from './neighbour.test-support.ts';

describe('addresses', () => {
  test('an address is ours on its interface and on "any", and no other is', () => {
    const h = new Host();
    const second = h.addLink();
    assert.equal(h.interfaces.addAddress(1, ...cidr('10.0.0.1/24')), 0);
    assert.equal(h.interfaces.addAddress(2, ...cidr('fd00::1/64')), 0);
    assert.equal(h.interfaces.isLocal(0, ...ip('10.0.0.1')), true);
    assert.equal(h.interfaces.isLocal(1, ...ip('10.0.0.1')), true);
    assert.equal(h.interfaces.isLocal(2, ...ip('10.0.0.1')), false);
    assert.equal(h.interfaces.isLocal(0, ...ip('10.0.0.2')), false);
    assert.equal(h.interfaces.owner(0, ...ip('fd00::1')), second.index);
  });

  test('the same address may belong to two interfaces', () => {
    const h = new Host();
    h.addLink();
    h.interfaces.addAddress(1, ...cidr('fe80::1/64'));
    h.interfaces.addAddress(2, ...cidr('fe80::1/64'));
    assert.equal(h.interfaces.owner(1, ...ip('fe80::1')), 1);
    assert.equal(h.interfaces.owner(2, ...ip('fe80::1')), 2);
    assert.equal(h.interfaces.removeAddress(1, ...ip('fe80::1')), 0);
    assert.equal(h.interfaces.isLocal(1, ...ip('fe80::1')), false);
    assert.equal(h.interfaces.isLocal(0, ...ip('fe80::1')), true);
  });

  test('tentative and duplicate addresses are not ours; every change raises the epoch', () => {
    const h = new Host();
    h.interfaces.addAddress(1, ...cidr('10.0.0.1/24'), 'static', 'tentative');
    const a = h.iface.address(...ip('10.0.0.1'))!;
    for (const [state, local] of [
      ['tentative', false],
      ['preferred', true],
      ['deprecated', true],
      ['duplicate', false],
    ] as const) {
      const before = h.interfaces.epoch;
      const changes = a.state !== state;
      h.interfaces.setState(a, state);
      assert.equal(h.interfaces.isLocal(0, ...ip('10.0.0.1')), local, state);
      assert.equal(h.interfaces.epoch > before, changes);
    }
  });

  test('what can be nobody’s address is refused, and loopback addresses outside loopback links', () => {
    const h = new Host();
    const loopback = h.addLink({ loopback: true, medium: 'ip' });
    for (const bad of [
      '0.0.0.0/24',
      '224.0.0.1/4',
      '255.255.255.255/32',
      '240.0.0.1/8',
      'ff02::1/64',
      '::/64',
      '127.0.0.1/8',
      '::1/128',
    ]) {
      assert.equal(h.interfaces.addAddress(1, ...cidr(bad)), -EINVAL, bad);
    }
    assert.equal(h.interfaces.addAddress(1, ...ip('10.0.0.1'), 24), -EINVAL);
    assert.equal(h.interfaces.addAddress(loopback.index, ...cidr('127.0.0.1/8')), 0);
    assert.equal(h.interfaces.addAddress(loopback.index, ...cidr('::1/128')), 0);
    assert.equal(h.interfaces.addAddress(loopback.index, ...cidr('::1/128')), -EEXIST);
    assert.equal(h.interfaces.removeAddress(1, ...ip('::1')), -EADDRNOTAVAIL);
  });

  test('a loopback link with an address in 127/8 owns all of it', () => {
    const h = new Host();
    const loopback = h.addLink({ loopback: true, medium: 'ip' });
    assert.equal(h.interfaces.isLocal(0, ...ip('127.9.9.9')), false);
    h.interfaces.addAddress(loopback.index, ...cidr('127.0.0.1/8'));
    assert.equal(h.interfaces.isLocal(0, ...ip('127.9.9.9')), true);
    assert.equal(h.interfaces.isLocal(loopback.index, ...ip('127.9.9.9')), true);
    assert.equal(h.interfaces.isLocal(1, ...ip('127.9.9.9')), false);
  });

  test('thousands of addresses are found, and their neighbours are not', () => {
    const h = new Host();
    for (let i = 0; i < 4000; i++) h.interfaces.addAddress(1, 0, 0, 0xffff, 0x0a000000 | (i * 2 + 1), 104);
    for (let i = 0; i < 4000; i++) {
      assert.equal(h.interfaces.isLocal(1, 0, 0, 0xffff, 0x0a000000 | (i * 2 + 1)), true);
      assert.equal(h.interfaces.isLocal(1, 0, 0, 0xffff, 0x0a000000 | (i * 2 + 2)), false);
    }
  });
});

describe('groups', () => {
  test('the all-nodes groups are always joined, others while somebody uses them', () => {
    const h = new Host();
    for (const all of ['224.0.0.1', 'ff02::1', 'ff01::1']) assert.equal(h.interfaces.joined(1, ...ip(all)), true, all);
    const group = ip('239.1.2.3');
    assert.equal(h.interfaces.joined(1, ...group), false);
    assert.equal(h.interfaces.join(1, ...group), 0);
    assert.equal(h.interfaces.join(1, ...group), 0);
    assert.equal(h.interfaces.leave(1, ...group), 0);
    assert.equal(h.interfaces.joined(1, ...group), true);
    assert.equal(h.interfaces.leave(1, ...group), 0);
    assert.equal(h.interfaces.joined(1, ...group), false);
    assert.equal(h.interfaces.leave(1, ...group), -EADDRNOTAVAIL);
    assert.equal(h.interfaces.join(1, ...ip('10.0.0.1')), -EINVAL);
  });

  test('groups that differ in one word only are different groups', () => {
    const h = new Host();
    const groups = ['ff0e::1', 'ff0e:0:0:1::1', 'ff0e:0:1::1', 'ff0f::1', 'ff0e::2'];
    for (const g of groups) h.interfaces.join(1, ...ip(g));
    for (const g of groups) {
      assert.equal(h.interfaces.leave(1, ...ip(g)), 0);
      assert.equal(h.interfaces.joined(1, ...ip(g)), false, g);
    }
  });

  test('the solicited-node group of each IPv6 address is joined, once for addresses that share it', () => {
    const h = new Host();
    h.interfaces.addAddress(1, ...cidr('fd00::12:3456/64'), 'static', 'tentative');
    h.interfaces.addAddress(1, ...cidr('fd01::12:3456/64'));
    assert.equal(h.interfaces.joined(1, ...ip('ff02::1:ff12:3456')), true);
    assert.equal(h.interfaces.joined(1, ...ip('ff02::1:ff12:3457')), false);
    h.interfaces.removeAddress(1, ...ip('fd00::12:3456'));
    assert.equal(h.interfaces.joined(1, ...ip('ff02::1:ff12:3456')), true);
    h.interfaces.removeAddress(1, ...ip('fd01::12:3456'));
    assert.equal(h.interfaces.joined(1, ...ip('ff02::1:ff12:3456')), false);
  });
});

test('broadcast addresses follow from the subnets of an interface', () => {
  const h = new Host();
  h.addLink();
  h.interfaces.addAddress(1, ...cidr('10.1.2.3/24'));
  h.interfaces.addAddress(1, ...cidr('192.0.2.1/31'));
  h.interfaces.addAddress(1, ...cidr('198.51.100.7/32'));
  const is = (iface: number, a: string) => h.interfaces.isBroadcast(iface, ip(a)[3]);
  assert.equal(is(1, '255.255.255.255'), true);
  assert.equal(is(1, '10.1.2.255'), true);
  assert.equal(is(0, '10.1.2.255'), true);
  assert.equal(is(2, '10.1.2.255'), false);
  assert.equal(is(1, '10.1.3.255'), false);
  assert.equal(is(1, '192.0.2.1'), false);
  assert.equal(is(1, '198.51.100.7'), false);
});

describe('MAC addresses', () => {
  test('one is made up where none is given: unicast, administered locally', () => {
    const h = new Host();
    for (let i = 0; i < 20; i++) {
      const f = h.addLink();
      assert.equal(f.macHi & 0x0300, 0x0200);
    }
  });

  test('a group’s, an empty or a malformed one is refused; an "ip" medium has none', () => {
    const h = new Host();
    const link = new RecordingLink(h.memory, {});
    for (const bad of ['01:00:5e:00:00:01', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', '02:00:00:00:00', 'nonsense']) {
      assert.throws(() => h.interfaces.add(link, { mac: bad }), RangeError, bad);
    }
    assert.equal(h.addLink({ medium: 'ip' }).macHi, 0);
  });
});

test('a full batch goes to the link before the next frame is added', () => {
  const h = new Host();
  for (let i = 0; i < BATCH + 3; i++) h.iface.push(h.core.frames.alloc(100) + HEADROOM, 100);
  assert.equal(h.link.sent.length, BATCH);
  h.iface.flush();
  assert.equal(h.link.sent.length, BATCH + 3);
  assert.equal(h.core.counters.get('frames_sent'), BATCH + 3);
  assert.equal(h.core.frames.used, 0);
});

test('samePrefix agrees with comparing bit by bit', () => {
  const words = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer()).map((w) => w.map((x) => x | 0));
  const bit = (w: number[], i: number) => (w[i >> 5]! >>> (31 - (i & 31))) & 1;
  fc.assert(
    fc.property(words, fc.integer({ min: 0, max: 128 }), fc.integer({ min: 0, max: 127 }), (a, bits, flip) => {
      const b = [...a];
      b[flip >> 5]! ^= 1 << (31 - (flip & 31));
      let same = true;
      for (let i = 0; i < bits; i++) if (bit(a, i) !== bit(b, i)) same = false;
      assert.equal(samePrefix(a[0]!, a[1]!, a[2]!, a[3]!, b[0]!, b[1]!, b[2]!, b[3]!, bits), same);
    }),
  );
});
