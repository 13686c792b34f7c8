// Tests of arp.ts: what is answered, what is learned, what is a conflict. Frames as bytes, read back by wire.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DROP_ARP_FORMAT, DROP_MARTIAN, DROP_SHORT } from '../base/drop.ts';
import {
  arpFrame,
  cidr,
  Host,
  type HostOptions,
  ip,
  mac,
  OUR_MAC,
  PEER_MAC,
  SECOND,
} from './neighbour.test-support.ts';
import { ADVERTISED_OVERRIDE, ADVERTISED_SOLICITED } from './neighbours.ts';
import { CONSUMED } from './packet.ts';

const OTHER_MAC = '02:00:00:00:00:77';

function host(o: HostOptions = {}): Host {
  const h = new Host(o);
  h.interfaces.addAddress(1, ...cidr('10.0.0.1/24'));
  return h;
}

function asked(h: Host, address: string): void {
  h.neighbours.ready(h.entry(address));
  h.sent();
}

describe('requests', () => {
  test('for our address are answered to their sender, who is learned as STALE', () => {
    const h = host();
    assert.equal(h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.1' })), CONSUMED);
    assert.deepEqual(h.sent(), [
      `arp reply 10.0.0.1 at ${OUR_MAC} to 10.0.0.2 at ${PEER_MAC} | ${OUR_MAC} > ${PEER_MAC}`,
    ]);
    assert.equal(h.neighbour('10.0.0.2'), `stale ${PEER_MAC}`);
    assert.equal(h.core.counters.get('arp_received'), 1);
    assert.equal(h.core.counters.get('arp_sent'), 1);
  });

  test('are answered byte for byte as RFC 826 has it', () => {
    const h = host();
    h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.1' }));
    h.iface.flush();
    const hex = [...h.link.sent[0]!].map((b) => b.toString(16).padStart(2, '0')).join('');
    assert.equal(
      hex,
      '020000000002' +
        '020000000001' +
        '0806' +
        '0001080006040002' +
        '020000000001' +
        '0a000001' +
        '020000000002' +
        '0a000002',
    );
  });

  test('to us alone are answered too', () => {
    const h = host();
    h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.1', to: OUR_MAC }));
    assert.equal(h.sent().length, 1);
  });

  test('for others are not, and create nobody, but update who is known', () => {
    const h = host();
    h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.3' }));
    assert.equal(h.neighbour('10.0.0.2'), '-');
    h.neighbours.hear(1, ...ip('10.0.0.2'), ...mac(PEER_MAC), true, true);
    h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.3', from: OTHER_MAC }));
    assert.equal(h.neighbour('10.0.0.2'), `stale ${OTHER_MAC}`);
    assert.deepEqual(h.sent(), []);
  });

  test('for an address of another interface, or one that is still checked, are not answered', () => {
    const h = host();
    h.addLink();
    h.interfaces.addAddress(2, ...cidr('10.0.9.1/24'));
    h.interfaces.addAddress(1, ...cidr('10.0.0.5/24'), 'static', 'tentative');
    h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.9.1' }));
    h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.5' }));
    assert.deepEqual(h.sent(), []);
  });

  test('probes (RFC 5227) are answered, and teach nothing', () => {
    const h = host();
    h.receive(arpFrame({ op: 1, sender: '0.0.0.0', target: '10.0.0.1' }));
    assert.deepEqual(h.sent(), [
      `arp reply 10.0.0.1 at ${OUR_MAC} to 0.0.0.0 at ${PEER_MAC} | ${OUR_MAC} > ${PEER_MAC}`,
    ]);
    assert.equal(h.neighbours.count, 0);
  });

  test('from an address that is not on the link are answered but not learned', () => {
    const h = host();
    h.receive(arpFrame({ op: 1, sender: '192.0.2.9', target: '10.0.0.1' }));
    assert.equal(h.sent().length, 1);
    assert.equal(h.neighbours.count, 0);
  });

  test('while we resolve their sender resolve it', () => {
    const h = host();
    asked(h, '10.0.0.2');
    h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.1' }));
    assert.equal(h.neighbour('10.0.0.2'), `stale ${PEER_MAC}`);
  });
});

describe('replies', () => {
  test('to a question of ours make the neighbour REACHABLE', () => {
    const h = host();
    asked(h, '10.0.0.2');
    h.receive(arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1', targetMac: OUR_MAC }));
    assert.equal(h.neighbour('10.0.0.2'), `reachable ${PEER_MAC}`);
  });

  test('that nobody asked for create nothing and confirm nothing', () => {
    const h = host();
    h.receive(arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1' }));
    assert.equal(h.neighbours.count, 0);
    h.neighbours.hear(1, ...ip('10.0.0.2'), ...mac(PEER_MAC), true, true);
    h.receive(arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1' }));
    assert.equal(h.neighbour('10.0.0.2'), `stale ${PEER_MAC}`);
  });

  test('to everybody, or for another address of theirs, are no answers', () => {
    const h = host();
    asked(h, '10.0.0.2');
    h.receive(arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.2', to: 'ff:ff:ff:ff:ff:ff' }));
    assert.equal(h.neighbour('10.0.0.2'), `stale ${PEER_MAC}`);
  });

  test('with another address for a REACHABLE neighbour are refused for a second and make it STALE after', () => {
    const h = host();
    asked(h, '10.0.0.2');
    h.receive(arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1' }));
    const forged = arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1', from: OTHER_MAC });
    h.receive(forged);
    assert.equal(h.neighbour('10.0.0.2'), `reachable ${PEER_MAC}`);
    h.run(1 * SECOND);
    h.receive(forged);
    assert.equal(h.neighbour('10.0.0.2'), `stale ${OTHER_MAC}`);
  });

  test('to a unicast probe bring the neighbour back', () => {
    const h = host();
    asked(h, '10.0.0.2');
    h.receive(arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1' }));
    h.run(100 * SECOND);
    h.neighbours.ready(h.entry('10.0.0.2'));
    h.run(5 * SECOND);
    assert.deepEqual(h.sent(), [`arp who-has 10.0.0.2 tell 10.0.0.1 at ${OUR_MAC} | ${OUR_MAC} > ${PEER_MAC}`]);
    h.receive(arpFrame({ op: 2, sender: '10.0.0.2', target: '10.0.0.1' }));
    assert.equal(h.neighbour('10.0.0.2'), `reachable ${PEER_MAC}`);
  });
});

test('an announcement updates who is known and creates nobody', () => {
  const h = host();
  h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.2' }));
  assert.equal(h.neighbours.count, 0);
  const entry = h.entry('10.0.0.2');
  h.neighbours.ready(entry);
  h.neighbours.advertised(entry, true, ...mac(PEER_MAC), ADVERTISED_SOLICITED | ADVERTISED_OVERRIDE);
  h.run(2 * SECOND);
  h.receive(arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.2', from: OTHER_MAC }));
  assert.equal(h.neighbour('10.0.0.2'), `stale ${OTHER_MAC}`);
});

describe('what is refused', () => {
  for (const sender of ['127.0.0.1', '224.0.0.1', '255.255.255.255', '10.0.0.255', '240.0.0.1', '0.1.2.3']) {
    test(`a sender ${sender}`, () => {
      const h = host();
      assert.equal(h.receive(arpFrame({ op: 1, sender, target: '10.0.0.1' })), DROP_MARTIAN);
      assert.deepEqual(h.sent(), []);
      assert.equal(h.neighbours.count, 0);
    });
  }

  test('a group MAC address, another protocol, another operation, too few bytes', () => {
    const h = host();
    const f = arpFrame({ op: 1, sender: '10.0.0.2', target: '10.0.0.1' });
    const change = (at: number, value: number) => {
      const g = f.slice();
      g[at] = value;
      return h.receive(g);
    };
    assert.equal(change(22, 0x03), DROP_ARP_FORMAT);
    assert.equal(change(15, 6), DROP_ARP_FORMAT);
    assert.equal(change(16, 0x86), DROP_ARP_FORMAT);
    assert.equal(change(21, 3), DROP_ARP_FORMAT);
    assert.equal(h.receive(f.slice(0, 41)), DROP_SHORT);
    assert.deepEqual(h.sent(), []);
  });

  test('our own packets, echoed', () => {
    const h = host();
    h.receive(arpFrame({ op: 1, sender: '10.0.0.1', target: '10.0.0.1', from: OUR_MAC }));
    assert.equal(h.iface.addresses[0]!.conflicts, 0);
    assert.deepEqual(h.sent(), []);
  });
});

describe('somebody else with our address in use', () => {
  const announcement = `arp who-has 10.0.0.1 tell 10.0.0.1 at ${OUR_MAC} | ${OUR_MAC} > ff:ff:ff:ff:ff:ff`;

  for (const [what, frame] of [
    ['an announcement', arpFrame({ op: 1, sender: '10.0.0.1', target: '10.0.0.1' })],
    ['a request', arpFrame({ op: 1, sender: '10.0.0.1', target: '10.0.0.9' })],
    ['a reply', arpFrame({ op: 2, sender: '10.0.0.1', target: '10.0.0.9', to: OUR_MAC })],
  ] as const) {
    test(`shown by ${what}: counted, defended once in ten seconds, kept`, () => {
      const h = host();
      assert.equal(h.receive(frame), CONSUMED);
      assert.deepEqual(h.sent(), [announcement]);
      h.run(9.9 * SECOND);
      h.receive(frame);
      assert.deepEqual(h.sent(), []);
      h.run(0.1 * SECOND);
      h.receive(frame);
      assert.deepEqual(h.sent(), [announcement]);
      const a = h.iface.addresses[0]!;
      assert.equal(a.conflicts, 3);
      assert.equal(a.state, 'preferred');
      assert.equal(h.core.counters.get('address_conflicts'), 3);
      assert.equal(h.neighbours.count, 0);
    });
  }

  test('an address that was found to be another’s is that neighbour’s', () => {
    const h = host();
    h.interfaces.addAddress(1, ...cidr('10.0.0.5/24'), 'static', 'duplicate');
    h.receive(arpFrame({ op: 1, sender: '10.0.0.5', target: '10.0.0.1' }));
    assert.equal(h.sent().length, 1);
    assert.equal(h.neighbour('10.0.0.5'), `stale ${PEER_MAC}`);
  });
});
