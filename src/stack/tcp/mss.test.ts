// Segment sizes: MSS, the interface's MTU, and the path's as ICMP tells it (RFC 9293 section 3.7; RFC 6691, 1191, 8201, 5927).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer } from './probe.test-support.ts';

const SECOND = 1_000_000;

function first(p: Peer): number {
  p.write(20_000);
  return p.take()[0]!.data.length;
}

describe('MSS (section 3.7.1)', () => {
  for (const [v6, mtu, ours] of [
    [false, 1500, 1460],
    [true, 1500, 1440],
    [false, 9000, 8960],
    [true, 1280, 1220],
    [false, 65535, 65495],
    [true, 65575, 65515],
  ] as const) {
    test(`we name what fits an MTU of ${mtu} over ${v6 ? 'IPv6' : 'IPv4'}: ${ours}`, () => {
      const p = new Peer({ v6, mtu });
      p.connect({ mss: ours });
      const q = new Peer({ v6, mtu });
      q.listen();
      q.inject('S');
      q.expect('SA', { mss: ours });
    });
  }

  for (const v6 of [false, true]) {
    test(`a peer that names none gets ${v6 ? 1220 : 536} bytes at most over ${v6 ? 'IPv6' : 'IPv4'} (MUST-15)`, () => {
      assert.equal(first(new Peer({ v6 }).establish({})), v6 ? 1220 : 536);
      assert.equal(first(new Peer({ v6 }).establishActive({})), v6 ? 1220 : 536);
    });
  }

  test('one that names less than fits gets that (MUST-16)', () => {
    assert.equal(first(new Peer().establish({ mss: 500 })), 500);
  });

  test('one that names more gets what fits our side', () => {
    assert.equal(first(new Peer().establish({ mss: 9000 })), 1460);
    assert.equal(first(new Peer({ v6: true }).establish({ mss: 9000 })), 1440);
  });

  test('one that names next to nothing does not make us send headers only', () => {
    assert.equal(first(new Peer().establish({ mss: 1 })), 64);
    assert.equal(first(new Peer().establish({ mss: 0 })), 536);
  });

  test('timestamps are taken off (RFC 6691 section 2)', () => {
    const p = new Peer();
    p.ts = 1;
    assert.equal(first(p.establish({ mss: 1000 })), 988);
  });

  test('no segment is larger than a packet of the MTU', () => {
    const p = new Peer({ mtu: 1300 });
    p.ts = 1;
    p.establish({ mss: 1460 });
    p.write(20_000);
    assert.ok(p.take().every((s) => s.bytes <= 1300));
  });
});

describe('superframes', () => {
  test('carry whole segments and a rest, as many as the link takes', () => {
    const p = new Peer({ gso: 65535 }).establish({ mss: 1460, ws: 7 });
    p.write(100_000);
    const one = p.expect('A', { seq: 1 });
    assert.equal(one.data.length, 10 * 1460);
    p.inject('A');
    p.inject('A');
    assert.ok(p.take().every((s) => s.data.length % 1460 === 0 || s.flags.includes('P')));
  });
});

for (const v6 of [false, true]) {
  /** Packet too big for a packet with the sequence number `seq`. */
  const tooBig = (p: Peer, mtu: number, seq: number, size = 0): void =>
    v6 ? p.icmp(2, 0, { seq, word: mtu, size }) : p.icmp(3, 4, { seq, word: mtu, size });
  const headers = v6 ? 60 : 40;
  const mss = 1500 - headers;

  describe(`path MTU over ${v6 ? 'IPv6 (RFC 8201)' : 'IPv4 (RFC 1191)'}`, () => {
    const sending = (): Peer => {
      const p = new Peer({ v6 }).establish({ mss: 1460, ws: 7 });
      p.write(3 * mss);
      assert.deepEqual(
        p.take().map((s) => s.data.length),
        [mss, mss, mss],
      );
      return p;
    };

    test('a smaller one is taken at once: what was too big goes again in pieces', () => {
      const p = sending();
      tooBig(p, 1300, 1);
      const again = p.take();
      assert.equal(again[0]!.seq, 1);
      assert.ok(again.every((s) => s.bytes <= 1300));
      assert.equal(
        again.reduce((n, s) => n + s.data.length, 0),
        3 * mss,
      );
      assert.equal(p.tcp.info(p.h)!.cwnd, 10 * mss, 'it was no congestion');
    });

    test('and holds for new connections to the same host, until it is forgotten', () => {
      const p = sending();
      tooBig(p, 1300, 1);
      p.take();
      const q = new Peer(p.probe, 6000);
      q.listener = p.listener;
      q.establish({ mss: 1460 });
      assert.equal(first(q), 1300 - headers);
      q.abort();
      p.abort();
      p.advance(601 * SECOND);
      p.take();
      const r = new Peer(p.probe, 6001);
      r.listener = p.listener;
      r.establish({ mss: 1460 });
      assert.equal(first(r), mss);
    });

    test('is not believed about a segment that is not in flight (RFC 5927 section 7.2)', () => {
      for (const seq of [0, 3 * mss + 1, 100_000, -5]) {
        const p = sending();
        tooBig(p, 1300, seq);
        p.expectNothing();
        assert.equal(p.tcp.info(p.h)!.mss, mss);
      }
    });

    test('below the least that can be, is raised to that or not believed', () => {
      const p = sending();
      tooBig(p, 68, 1);
      p.take();
      assert.equal(p.tcp.info(p.h)!.mss, v6 ? mss : 552 - 40);
    });

    test('a larger one than known is not believed', () => {
      const p = sending();
      tooBig(p, 1400, 1);
      p.take();
      tooBig(p, 1450, 1);
      p.expectNothing();
      assert.equal(p.tcp.info(p.h)!.mss, 1400 - headers);
    });
  });
}

test('a router that does not name the MTU: the next lower plateau (RFC 1191 section 5)', () => {
  const p = new Peer().establish({ mss: 1460 });
  p.write(1460);
  p.take();
  p.icmp(3, 4, { seq: 1, word: 0, size: 1460 });
  assert.equal(p.tcp.info(p.h)!.pathMtu, 1492);
});
