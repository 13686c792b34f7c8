// Tests of iid.ts: identifiers of addresses that we make for ourselves.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SipHash } from '../base/siphash.ts';
import { Iid, isReserved } from './iid.ts';
import { Host, ip } from './neighbour.test-support.ts';

const hash = new SipHash(Int32Array.of(1, 2, 3, 4));

function make(o: {
  mac?: string;
  prefix?: string;
  counter?: number;
  key?: SipHash;
  kind?: 'stable' | 'eui64';
  medium?: 'ethernet' | 'ip';
}): string {
  const h = new Host({ mac: o.mac ?? '00:11:22:33:44:55', caps: { medium: o.medium ?? 'ethernet' } });
  const iid = new Iid();
  const [p0, p1] = ip(o.prefix ?? 'fe80::');
  iid.make(o.kind ?? 'stable', o.key ?? hash, h.iface, p0, p1, o.counter ?? 0);
  return `${(iid.w2 >>> 0).toString(16).padStart(8, '0')}${(iid.w3 >>> 0).toString(16).padStart(8, '0')}`;
}

test('EUI-64: ff:fe in the middle, the universal bit turned over (RFC 4291 appendix A)', () => {
  assert.equal(make({ kind: 'eui64' }), '021122fffe334455');
  assert.equal(make({ kind: 'eui64', mac: 'f6:ee:dd:cc:bb:aa' }), 'f4eeddfffeccbbaa');
});

describe('stable identifiers (RFC 7217)', () => {
  test('are the same for the same prefix, interface and key', () => assert.equal(make({}), make({})));

  test('change with each of prefix, MAC address, counter and key', () => {
    const all = [
      make({}),
      make({ prefix: 'fd00::' }),
      make({ prefix: 'fe80:0:0:1::' }),
      make({ mac: '00:11:22:33:44:56' }),
      make({ counter: 1 }),
      make({ key: new SipHash(Int32Array.of(1, 2, 3, 5)) }),
      make({ medium: 'ip' }),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  test('serve where there is no MAC address', () =>
    assert.equal(make({ kind: 'eui64', medium: 'ip' }), make({ medium: 'ip' })));
});

test('reserved identifiers are known (RFC 5453)', () => {
  for (const [a, reserved] of [
    ['::', true],
    ['::1', false],
    ['::200:5eff:fe00:0', true],
    ['::200:5eff:feff:ffff', true],
    ['::200:5eff:fd00:0', false],
    ['::fdff:ffff:ffff:ff80', true],
    ['::fdff:ffff:ffff:ffff', true],
    ['::fdff:ffff:ffff:ff7f', false],
  ] as const) {
    const [, , w2, w3] = ip(a);
    assert.equal(isReserved(w2, w3), reserved, a);
  }
});
