// Tests of source-choice.ts: the examples of RFC 6724 section 10.1 and its rules one by one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cidr, Host, ip, text } from './neighbour.test-support.ts';
import { chooseSource4, chooseSource6, commonBits, label, scope } from './source-choice.ts';

/** The source for `dst` of a host with these addresses; a `-` in front marks a deprecated one, `?` a tentative one. */
function choose(addresses: string[], dst: string, elsewhere: string[] = []): string {
  const h = new Host();
  const other = h.addLink();
  const add = (iface: number, a: string) => {
    const [w0, w1, w2, w3, prefix] = cidr(a.replace(/^[-?]/, ''));
    const state = a.startsWith('-') ? 'deprecated' : a.startsWith('?') ? 'tentative' : 'preferred';
    h.interfaces.addAddress(iface, w0, w1, w2, w3, prefix, 'static', state);
  };
  for (const a of addresses) add(1, a);
  for (const a of elsewhere) add(other.index, a);
  const [d0, d1, d2, d3] = ip(dst);
  const chosen = dst.includes(':')
    ? chooseSource6(h.interfaces, h.iface, d0, d1, d2, d3)
    : chooseSource4(h.interfaces, h.iface, d3);
  return chosen === undefined ? 'none' : text(chosen);
}

describe('the examples of RFC 6724 section 10.1', () => {
  const cases: [string, string[], string][] = [
    ['2001:db8:1::1', ['2001:db8:3::1/64', 'fe80::1/64'], '2001:db8:3::1'],
    ['ff05::1', ['2001:db8:3::1/64', 'fe80::1/64'], '2001:db8:3::1'],
    ['2001:db8:1::1', ['-2001:db8:1::1/64', '2001:db8:2::1/64'], '2001:db8:1::1'],
    ['fe80::1', ['-fe80::2/64', '2001:db8:1::1/64'], 'fe80::2'],
    ['2001:db8:1::1', ['2001:db8:1::2/64', '2001:db8:3::2/64'], '2001:db8:1::2'],
    ['2001:db8:1::1', ['2001:db8:1::2/64', '2001:db8:3::2/64'].reverse(), '2001:db8:1::2'],
    [
      '2002:c633:6401::1',
      ['2002:c633:6401::d5e3:7953:13eb:22e8/64', '2001:db8:1::2/64'],
      '2002:c633:6401:0:d5e3:7953:13eb:22e8',
    ],
  ];
  for (const [dst, addresses, expected] of cases) {
    test(`${dst} from ${addresses.join(', ')}`, () => assert.equal(choose(addresses, dst), expected));
  }
});

describe('the rules', () => {
  test('1: the same address, even against a preferred one', () => {
    assert.equal(choose(['fd00::1/64', '-fd00::2/64'], 'fd00::2'), 'fd00::2');
  });
  test('2: the smallest scope that reaches', () => {
    assert.equal(choose(['fd00::1/64', 'fe80::1/64'], 'fe80::9'), 'fe80::1');
    assert.equal(choose(['fd00::1/64', 'fe80::1/64'], 'ff02::1'), 'fe80::1');
    assert.equal(choose(['fe80::1/64', 'fd00::1/64'], 'fd00::9'), 'fd00::1');
  });
  test('3: deprecated addresses last, but rather than none', () => {
    assert.equal(choose(['-fd00::1/64', 'fd01::1/64'], 'fd00::9'), 'fd01::1');
    assert.equal(choose(['-fd00::1/64'], 'fd00::9'), 'fd00::1');
  });
  test('6: the label of the destination', () => {
    assert.equal(choose(['2001:db8::1/64', 'fd00::1/64'], 'fd99::9'), 'fd00::1');
    assert.equal(choose(['fd00::1/64', '2001:db8::1/64'], '2600::9'), '2001:db8::1');
  });
  test('8: the longest match, counted only within the source’s prefix', () => {
    assert.equal(choose(['2001:db8:1::1/64', '2001:db8:2::1/64'], '2001:db8:2::9'), '2001:db8:2::1');
    // Both match in all 64 bits of their prefix: the first one stays.
    assert.equal(choose(['2001:db8::1/64', '2001:db8::8/64'], '2001:db8::9'), '2001:db8::1');
  });
  test('tentative and IPv4 addresses are no candidates', () => {
    assert.equal(choose(['?fd00::1/64', '10.0.0.1/24'], 'fd00::9'), 'none');
  });
  test('an interface with nothing but a link-local address borrows one for destinations beyond, not for groups', () => {
    assert.equal(choose(['fe80::1/64'], '2001:db8::9', ['2001:db8::1/64']), '2001:db8::1');
    assert.equal(choose(['fe80::1/64'], 'ff0e::9', ['2001:db8::1/64']), 'fe80::1');
  });
});

describe('IPv4', () => {
  test('the subnet of the next hop, else the first, else another interface’s', () => {
    assert.equal(choose(['10.0.0.1/24', '10.0.1.1/24'], '10.0.1.9'), '10.0.1.1');
    assert.equal(choose(['10.0.0.1/8', '10.0.1.1/24'], '10.0.1.9'), '10.0.1.1');
    assert.equal(choose(['10.0.0.1/24', '10.0.1.1/24'], '192.0.2.1'), '10.0.0.1');
    assert.equal(choose(['fd00::1/64'], '192.0.2.1', ['10.0.1.1/24']), '10.0.1.1');
    assert.equal(choose(['fd00::1/64'], '192.0.2.1'), 'none');
  });
});

test('scopes and labels', () => {
  const s = (a: string) => scope(...ip(a));
  assert.deepEqual(
    [s('fe80::1'), s('::1'), s('fec0::1'), s('2001::1'), s('fd00::1'), s('ff02::1'), s('ff05::1'), s('ff0e::1')],
    [2, 2, 5, 14, 14, 2, 5, 14],
  );
  const l = (a: string) => label(...ip(a));
  assert.deepEqual(
    [
      l('::1'),
      l('2001:db8::1'),
      l('2002:101::1'),
      l('::1.2.3.4'),
      l('1.2.3.4'),
      l('2001:0:1::1'),
      l('3ffe::1'),
      l('fd00::1'),
      l('fec0::1'),
    ],
    [0, 1, 2, 3, 4, 5, 12, 13, 11],
  );
});

test('the bits two addresses have in common', () => {
  const h = new Host();
  h.interfaces.addAddress(1, ...cidr('2001:db8:1:2:3:4:5:6/64'));
  const a = h.iface.addresses[0]!;
  for (let bit = 0; bit < 128; bit++) {
    const w: [number, number, number, number] = [a.w0, a.w1, a.w2, a.w3];
    w[bit >> 5]! ^= 1 << (31 - (bit & 31));
    assert.equal(commonBits(a, ...w), bit);
  }
  assert.equal(commonBits(a, a.w0, a.w1, a.w2, a.w3), 128);
});
