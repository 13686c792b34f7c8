// Tests of ethernet.ts: which frames are taken, what they are told to be.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  DROP_BAD_VERSION,
  DROP_MALFORMED,
  DROP_NOT_OURS,
  DROP_SHORT,
  DROP_UNKNOWN_ETHERTYPE,
  DROP_VLAN,
} from '../base/drop.ts';
import { putEthHeader } from '../wire/eth.ts';
import {
  arpFrame,
  cidr,
  Host,
  mac,
  nsFrame,
  OUR_MAC,
  PEER_MAC,
  raFrame,
  redirectFrame,
} from './neighbour.test-support.ts';
import { CONSUMED } from './packet.ts';

function frame(dst: string, src: string, type: number, payload: number[] = [0x45, 0, 0, 0]): Uint8Array {
  const f = new Uint8Array(14 + payload.length);
  putEthHeader(f, 0, ...mac(dst), ...mac(src), type);
  f.set(payload, 14);
  return f;
}

describe('on Ethernet', () => {
  test('IP packets to us, to groups and to all are let through with the sender’s address', () => {
    for (const [dst, group] of [
      [OUR_MAC, false],
      ['ff:ff:ff:ff:ff:ff', true],
      ['33:33:00:00:00:01', true],
      ['01:00:5e:00:00:01', true],
    ] as const) {
      const h = new Host();
      assert.equal(h.receive(frame(dst, PEER_MAC, 0x0800)), 0, dst);
      const p = h.core.packet;
      assert.deepEqual([p.version, p.linkGroup, p.l3 - p.frame, p.macHi, p.macLo], [4, group, 14, ...mac(PEER_MAC)]);
      assert.equal(h.receive(frame(dst, PEER_MAC, 0x86dd)), 0, dst);
      assert.equal(p.version, 6);
    }
  });

  const refused: [string, Uint8Array, number][] = [
    ['a frame for another station', frame('02:00:00:00:00:99', PEER_MAC, 0x0800), DROP_NOT_OURS],
    ['a group as sender', frame(OUR_MAC, '01:00:5e:00:00:01', 0x0800), DROP_MALFORMED],
    ['a VLAN tag', frame(OUR_MAC, PEER_MAC, 0x8100), DROP_VLAN],
    ['a service tag', frame(OUR_MAC, PEER_MAC, 0x88a8), DROP_VLAN],
    ['an unknown type', frame(OUR_MAC, PEER_MAC, 0x88cc), DROP_UNKNOWN_ETHERTYPE],
    ['an IEEE 802.3 length', frame('01:80:c2:00:00:00', PEER_MAC, 38), DROP_UNKNOWN_ETHERTYPE],
    ['a header cut short', frame(OUR_MAC, PEER_MAC, 0x0800).slice(0, 13), DROP_SHORT],
    ['nothing', new Uint8Array(0), DROP_SHORT],
  ];
  for (const [what, f, reason] of refused) {
    test(`${what} is dropped`, () => assert.equal(new Host().receive(f), reason));
  }
});

describe('on an "ip" medium', () => {
  test('the version stands in the first four bits', () => {
    const h = new Host({ caps: { medium: 'ip' } });
    for (const [first, result, version] of [
      [0x45, 0, 4],
      [0x60, 0, 6],
      [0x50, DROP_BAD_VERSION, 5],
      [0, DROP_BAD_VERSION, 0],
    ] as const) {
      assert.equal(h.receive(Uint8Array.of(first, 0, 0, 0)), result);
      assert.equal(h.core.packet.version, version);
      assert.equal(h.core.packet.l3, h.core.packet.frame);
      assert.equal(h.core.packet.macHi | h.core.packet.macLo, 0);
    }
    assert.equal(h.receive(new Uint8Array(0)), DROP_SHORT);
  });
});

describe('whatever arrives', () => {
  const seeds = [
    arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.1' }),
    arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1' }),
    nsFrame({ src: 'fe80::2', target: 'fd00::1' }),
    raFrame({ mtu: 1400, prefixes: [{ prefix: 'fd00::/64', flags: 'LA', valid: 1000, preferred: 500 }] }),
    redirectFrame({ dst: 'fd00::1', target: 'fe80::7', destination: '2001:db8::1', tlla: PEER_MAC }),
  ];

  test('nothing throws, no frame is lost, no state grows beyond its bounds', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat(seeds.length - 1),
            fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }),
            fc.nat(220),
          ),
          { minLength: 1, maxLength: 60 },
        ),
        (steps) => {
          const h = new Host();
          h.interfaces.addAddress(1, ...cidr('10.0.0.1/24'));
          h.interfaces.addAddress(1, ...cidr('fd00::1/64'));
          h.autoconf.ip6Enable(1);
          h.run(3_000_000);
          for (const [which, changes, cut] of steps) {
            const f = seeds[which]!.slice(0, cut < 20 ? cut * 7 : undefined);
            for (const [at, value] of changes) if (at < f.length) f[at] = value;
            assert.ok(h.receive(f) >= CONSUMED);
            h.run(100_000);
          }
          h.sent();
          assert.equal(h.core.frames.used, 0);
          assert.ok(h.iface.addresses.length <= 3 + 16);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('every truncation of every message is refused or consumed', () => {
    for (const seed of seeds) {
      for (let n = 0; n < seed.length; n++) {
        const h = new Host();
        h.interfaces.addAddress(1, ...cidr('10.0.0.1/24'));
        h.autoconf.ip6Enable(1);
        assert.notEqual(h.receive(seed.slice(0, n)), undefined);
      }
    }
  });
});
