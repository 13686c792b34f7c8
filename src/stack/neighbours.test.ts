// Tests of neighbours.ts: states in virtual time, what is sent, what is believed.
// Length: a test for each row of the state table of RFC 4861 section 7.2.5, and for each bound.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SeededRng } from '../base/rng.ts';
import { cidr, Host, ip, mac, OUR_MAC, ourHost, PEER_MAC, reachable, SECOND } from './neighbour.test-support.ts';
import { ADVERTISED_OVERRIDE, ADVERTISED_ROUTER, ADVERTISED_SOLICITED } from './neighbours.ts';

const PEER = '10.0.0.2';
const ASK = `arp who-has 10.0.0.2 tell 10.0.0.1 at ${OUR_MAC} | ${OUR_MAC} > ff:ff:ff:ff:ff:ff`;
const PROBE = `arp who-has 10.0.0.2 tell 10.0.0.1 at ${OUR_MAC} | ${OUR_MAC} > ${PEER_MAC}`;
const SOLICITED = ADVERTISED_SOLICITED | ADVERTISED_OVERRIDE;

describe('resolution', () => {
  test('finding creates an entry and asks nothing; being ready for it asks', () => {
    const h = ourHost();
    const entry = h.entry(PEER);
    assert.equal(h.neighbour(PEER), 'none');
    assert.deepEqual(h.sent(), []);
    assert.equal(h.neighbours.ready(entry), 0);
    assert.equal(h.neighbours.ready(entry), 0);
    assert.deepEqual(h.sent(), [ASK]);
    assert.equal(h.entry(PEER), entry);
    assert.equal(h.neighbour(PEER), 'incomplete');
  });

  test('entry 0 is always ready', () => assert.equal(ourHost().neighbours.ready(0), 1));

  test('three questions, a second apart, then failure; a second later it is tried again', () => {
    const h = ourHost();
    const entry = h.entry(PEER);
    const epoch = h.neighbours.epoch;
    h.neighbours.ready(entry);
    assert.deepEqual(h.sent(), [ASK]);
    for (const _ of [2, 3]) {
      h.run(0.999 * SECOND);
      assert.deepEqual(h.sent(), []);
      h.run(0.001 * SECOND);
      assert.deepEqual(h.sent(), [ASK]);
    }
    assert.equal(h.neighbours.epoch, epoch);
    h.run(1 * SECOND);
    assert.equal(h.neighbour(PEER), 'failed');
    assert.notEqual(h.neighbours.epoch, epoch);
    assert.equal(h.neighbours.ready(entry), -1);
    h.run(0.999 * SECOND);
    assert.equal(h.neighbours.ready(entry), -1);
    assert.deepEqual(h.sent(), []);
    h.run(0.001 * SECOND);
    assert.equal(h.neighbours.ready(entry), 0);
    assert.deepEqual(h.sent(), [ASK]);
  });

  test('no more than one multicast question a second goes to a neighbour, however often it is wanted', () => {
    const h = ourHost({ settings: { neighbourRetransmit: 100_000 } });
    const entry = h.entry(PEER);
    let asked = 0;
    for (let i = 0; i < 1000; i++) {
      h.neighbours.ready(entry);
      h.run(20_000);
      asked += h.sent().length;
    }
    assert.ok(asked >= 10 && asked <= 20, String(asked));
  });

  test('IPv6 asks the solicited-node group from the address in the target’s subnet', () => {
    const h = ourHost();
    h.neighbours.ready(h.entry('fd00::12:3456'));
    h.neighbours.ready(h.entry('fe80::12:3456'));
    assert.deepEqual(h.sent(), [
      `ns fd00::12:3456 source ${OUR_MAC} fd00::1 > ff02::1:ff12:3456 | ${OUR_MAC} > 33:33:ff:12:34:56`,
      `ns fe80::12:3456 source ${OUR_MAC} fe80::1 > ff02::1:ff12:3456 | ${OUR_MAC} > 33:33:ff:12:34:56`,
    ]);
  });

  test('the source of the packet that waits asks, if it is ours', () => {
    const h = ourHost();
    h.interfaces.addAddress(1, ...cidr('10.0.7.7/24'));
    const entry = h.entry(PEER);
    h.neighbours.ready(entry);
    h.neighbours.enqueue(entry, h.packet('10.0.7.7', PEER), 60);
    h.sent();
    h.run(1 * SECOND);
    assert.match(h.sent()[0]!, /tell 10\.0\.7\.7/);
  });

  test('without a usable address of ours nobody is asked', () => {
    const h = new Host();
    h.interfaces.addAddress(1, ...cidr('10.0.0.1/24'), 'static', 'tentative');
    h.neighbours.ready(h.entry(PEER));
    h.run(5 * SECOND);
    assert.deepEqual(h.sent(), []);
    assert.equal(h.neighbour(PEER), 'failed');
  });
});

describe('unreachability detection', () => {
  test('REACHABLE ends by itself, DELAY waits five seconds for a sign of life, three probes go to the address known', () => {
    const h = ourHost();
    const entry = reachable(h, PEER);
    assert.equal(h.neighbours.pollAt(), Infinity);
    h.run(h.iface.reachable);
    assert.equal(h.neighbour(PEER), `reachable ${PEER_MAC}`);
    h.run(1);
    assert.equal(h.neighbour(PEER), `stale ${PEER_MAC}`);
    h.run(1000 * SECOND);
    assert.deepEqual(h.sent(), []);
    assert.equal(h.neighbours.ready(entry), 1);
    assert.equal(h.neighbour(PEER), `delay ${PEER_MAC}`);
    h.run(4.999 * SECOND);
    assert.deepEqual(h.sent(), []);
    h.run(0.001 * SECOND);
    assert.equal(h.neighbour(PEER), `probe ${PEER_MAC}`);
    assert.deepEqual(h.sent(), [PROBE]);
    h.run(2 * SECOND);
    assert.deepEqual(h.sent(), [PROBE, PROBE]);
    assert.equal(h.neighbours.ready(entry), 1);
    h.run(1 * SECOND);
    assert.equal(h.neighbour(PEER), 'failed');
    assert.equal(h.neighbours.ready(entry), -1);
  });

  test('ReachableTime is between half and one and a half times its base, and drawn again after hours', () => {
    const h = ourHost();
    const seen = new Set<number>();
    for (let i = 0; i < 50; i++) {
      reachable(h, `10.0.0.${2 + i}`);
      assert.ok(h.iface.reachable >= 15 * SECOND && h.iface.reachable <= 45 * SECOND);
      seen.add(h.iface.reachable);
      h.run(3600 * SECOND);
    }
    assert.ok(seen.size > 10);
  });

  test('IPv6 probes go to the neighbour alone', () => {
    const h = ourHost();
    const entry = reachable(h, 'fd00::2');
    h.run(100 * SECOND);
    h.neighbours.ready(entry);
    h.run(5 * SECOND);
    assert.deepEqual(h.sent(), [`ns fd00::2 source ${OUR_MAC} fd00::1 > fd00::2 | ${OUR_MAC} > ${PEER_MAC}`]);
  });

  test('an answer to a probe makes it REACHABLE again and ends the probing', () => {
    const h = ourHost();
    const entry = reachable(h, PEER);
    h.run(100 * SECOND);
    h.neighbours.ready(entry);
    h.run(6 * SECOND);
    h.neighbours.advertised(entry, true, ...mac(PEER_MAC), SOLICITED);
    h.sent();
    h.run(10 * SECOND);
    assert.equal(h.neighbour(PEER), `reachable ${PEER_MAC}`);
    assert.deepEqual(h.sent(), []);
  });

  test('progress of upper layers keeps a neighbour REACHABLE and needs no probes', () => {
    const h = ourHost();
    const entry = reachable(h, PEER);
    for (let i = 0; i < 100; i++) {
      h.run(10 * SECOND);
      assert.equal(h.neighbours.ready(entry), 1);
      h.neighbours.confirm(entry);
    }
    assert.deepEqual(h.sent(), []);
    h.run(100 * SECOND);
    h.neighbours.ready(entry);
    h.neighbours.confirm(entry);
    assert.equal(h.neighbour(PEER), `reachable ${PEER_MAC}`);
    h.run(6 * SECOND);
    assert.deepEqual(h.sent(), []);
  });

  test('confirming what is not known, or entry 0, does nothing', () => {
    const h = ourHost();
    const entry = h.entry(PEER);
    h.neighbours.confirm(entry);
    h.neighbours.ready(entry);
    h.neighbours.confirm(entry);
    h.neighbours.confirm(0);
    assert.equal(h.neighbour(PEER), 'incomplete');
  });

  test('an answer that comes late is not lost', () => {
    const h = ourHost();
    const entry = h.entry(PEER);
    h.neighbours.ready(entry);
    h.run(4 * SECOND);
    assert.equal(h.neighbour(PEER), 'failed');
    h.neighbours.advertised(entry, true, ...mac(PEER_MAC), SOLICITED);
    assert.equal(h.neighbours.ready(entry), 1);
  });
});

describe('the table of RFC 4861 appendix C', () => {
  const OTHER = '02:00:00:00:00:77';
  const S = ADVERTISED_SOLICITED;
  const O = ADVERTISED_OVERRIDE;
  type Start = 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe';

  function start(h: Host, state: Start): number {
    const entry = h.entry(PEER);
    h.neighbours.ready(entry);
    if (state === 'incomplete') return entry;
    h.neighbours.advertised(entry, true, ...mac(PEER_MAC), SOLICITED);
    if (state === 'reachable') return entry;
    h.run(100 * SECOND);
    if (state === 'stale') return entry;
    h.neighbours.ready(entry);
    if (state === 'probe') h.run(5 * SECOND);
    return entry;
  }

  // state, MAC in the advertisement (null: none), flags -> state and MAC afterwards
  const same = PEER_MAC;
  const rows: [Start, string | null, number, string][] = [
    ['incomplete', null, S | O, 'incomplete'],
    ['incomplete', same, 0, `stale ${same}`],
    ['incomplete', same, O, `stale ${same}`],
    ['incomplete', same, S, `reachable ${same}`],
    ['incomplete', same, S | O, `reachable ${same}`],
    ['reachable', same, 0, `reachable ${same}`],
    ['reachable', same, O, `reachable ${same}`],
    ['reachable', OTHER, 0, `stale ${same}`],
    ['reachable', OTHER, S, `stale ${same}`],
    ['reachable', OTHER, O, `stale ${OTHER}`],
    ['reachable', OTHER, S | O, `reachable ${OTHER}`],
  ];
  for (const state of ['stale', 'delay', 'probe'] as const) {
    rows.push(
      [state, same, S, `reachable ${same}`],
      [state, same, S | O, `reachable ${same}`],
      [state, null, S, `reachable ${same}`],
      [state, same, 0, `${state} ${same}`],
      [state, same, O, `${state} ${same}`],
      [state, null, O, `${state} ${same}`],
      [state, OTHER, 0, `${state} ${same}`],
      [state, OTHER, S, `${state} ${same}`],
      [state, OTHER, O, `stale ${OTHER}`],
      [state, OTHER, S | O, `reachable ${OTHER}`],
    );
  }
  for (const [state, from, flags, expected] of rows) {
    const what = `${from === null ? 'no' : from === same ? 'the known' : 'another'} address, ${(flags & S) !== 0 ? 'S' : ''}${(flags & O) !== 0 ? 'O' : ''}`;
    test(`${state}: ${what} -> ${expected}`, () => {
      const h = ourHost();
      const entry = start(h, state);
      const [hi, lo] = from === null ? [0, 0] : mac(from);
      h.neighbours.advertised(entry, from !== null, hi, lo, flags);
      assert.equal(h.neighbour(PEER), expected);
    });
  }

  for (const state of ['incomplete', 'reachable', 'stale', 'delay', 'probe'] as const) {
    test(`${state}: a solicitation or the like from another address makes it STALE, from the same one nothing`, () => {
      const h = ourHost();
      start(h, state);
      h.neighbours.hear(1, ...ip(PEER), ...mac(same), true, false);
      assert.equal(h.neighbour(PEER), state === 'incomplete' ? `stale ${same}` : `${state} ${same}`);
      h.neighbours.hear(1, ...ip(PEER), ...mac(OTHER), true, false);
      assert.equal(h.neighbour(PEER), `stale ${OTHER}`);
    });
  }

  test('the router flag follows, and its loss is told once', () => {
    const h = ourHost();
    const entry = start(h, 'incomplete');
    assert.equal(h.neighbours.advertised(entry, true, ...mac(same), SOLICITED | ADVERTISED_ROUTER), 0);
    assert.equal(h.neighbours.isRouter(entry), true);
    assert.equal(h.neighbours.advertised(entry, true, ...mac(OTHER), 0), 0);
    assert.equal(h.neighbours.isRouter(entry), true);
    assert.equal(h.neighbours.advertised(entry, true, ...mac(same), SOLICITED), 1);
    assert.equal(h.neighbours.advertised(entry, true, ...mac(same), SOLICITED), 0);
  });

  test('group and zero MAC addresses are never learned', () => {
    const h = ourHost();
    const entry = start(h, 'incomplete');
    for (const bad of ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01', '33:33:00:00:00:01', '00:00:00:00:00:00']) {
      h.neighbours.advertised(entry, true, ...mac(bad), SOLICITED);
      h.neighbours.hear(1, ...ip(PEER), ...mac(bad), true, false);
      h.neighbours.hear(1, ...ip('10.0.0.77'), ...mac(bad), true, false);
    }
    assert.equal(h.neighbour(PEER), 'incomplete');
    assert.equal(h.neighbour('10.0.0.77'), '-');
  });
});

describe('hearing', () => {
  test('creates an entry only where it may, and leaves one being resolved usable at once', () => {
    const h = ourHost();
    assert.equal(h.neighbours.hear(1, ...ip(PEER), ...mac(PEER_MAC), false, true), 0);
    assert.equal(h.neighbour(PEER), '-');
    h.neighbours.hear(1, ...ip(PEER), ...mac(PEER_MAC), true, true);
    assert.equal(h.neighbour(PEER), `stale ${PEER_MAC}`);
  });

  test('lets go what waits, and then wants proof', () => {
    const h = ourHost();
    const entry = h.entry(PEER);
    h.neighbours.ready(entry);
    h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER), 60);
    h.sent();
    h.neighbours.hear(1, ...ip(PEER), ...mac(PEER_MAC), true, true);
    assert.deepEqual(h.sent(), [`ip | ${OUR_MAC} > ${PEER_MAC}`]);
    assert.equal(h.neighbour(PEER), `delay ${PEER_MAC}`);
    h.run(5 * SECOND);
    assert.deepEqual(h.sent(), [PROBE]);
  });

  test('a locked entry keeps its address for a second after an answer', () => {
    const h = ourHost();
    reachable(h, PEER);
    const other = mac('02:00:00:00:00:77');
    h.run(0.9 * SECOND);
    h.neighbours.hear(1, ...ip(PEER), ...other, false, true);
    assert.equal(h.neighbour(PEER), `reachable ${PEER_MAC}`);
    h.run(0.2 * SECOND);
    h.neighbours.hear(1, ...ip(PEER), ...other, false, true);
    assert.equal(h.neighbour(PEER), 'stale 02:00:00:00:00:77');
  });
});

test('removing an entry frees its packets', () => {
  const h = ourHost();
  const entry = h.entry(PEER);
  h.neighbours.ready(entry);
  h.neighbours.enqueue(entry, h.packet('10.0.0.1', PEER), 60);
  h.neighbours.remove(entry);
  h.neighbours.remove(entry);
  h.sent();
  assert.equal(h.core.frames.used, 0);
  assert.equal(h.neighbours.count, 0);
  h.run(10 * SECOND);
  assert.deepEqual(h.sent(), []);
});

test('any sequence of events leaves the table findable, the queue bounded and every frame accounted for', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const rng = new SeededRng(seed);
      const h = ourHost({ settings: { neighbours: 8 }, seed });
      for (let step = 0; step < 300; step++) {
        const address = `10.0.0.${2 + rng.below(12)}`;
        const from: [number, number] = [0x0200, rng.below(3) + 1];
        const action = rng.below(8);
        const entry = h.entry(address);
        if (action === 0) h.neighbours.hear(1, ...ip(address), ...from, rng.below(2) === 0, rng.below(2) === 0);
        else if (entry === 0) h.run(rng.below(SECOND));
        else if (action === 1) h.neighbours.advertised(entry, rng.below(4) > 0, ...from, rng.below(8));
        else if (action === 2) h.neighbours.confirm(entry);
        else if (action === 3) h.run(rng.below(20 * SECOND));
        else if (action === 4 && rng.below(4) === 0) h.neighbours.remove(entry);
        else if (h.neighbours.ready(entry) === 0)
          h.neighbours.enqueue(entry, h.packet('10.0.0.1', address, rng.below(3)), 60);
        for (let at = h.neighbours.nextFailed(); at !== 0; at = h.neighbours.nextFailed()) h.core.frames.free(at);
      }
      h.sent();
      assert.equal(h.core.frames.used, h.neighbours.queued);
      for (const n of h.neighbours.list()) {
        const entry = h.neighbours.lookup(n.iface, ...n.words);
        assert.notEqual(entry, 0);
        h.neighbours.remove(entry);
      }
      assert.equal(h.core.frames.used, 0);
      assert.equal(h.neighbours.count, 0);
      assert.equal(h.neighbours.pollAt(), Infinity);
    }),
    { numRuns: 40 },
  );
});
