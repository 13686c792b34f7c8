// Segment sizes that the path takes: doubtful packet-too-big messages (RFC 5927 section 7.2), black holes (RFC 4821, RFC 8899), and
// what routes and sockets say about sizes (advmss, a locked MTU, OPT_MAXSEG).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EINVAL } from '../../base/errno.ts';
import type { RouteSpec } from '../route-table.ts';
import { OPT_MAXSEG } from './flags.ts';
import { Peer, type ProbeOptions } from './probe.test-support.ts';

const SECOND = 1_000_000;

function tooBig(p: Peer, mtu: number, seq: number): void {
  if (p.probe.version === 6) p.icmp(2, 0, { seq, word: mtu });
  else p.icmp(3, 4, { seq, word: mtu });
}

const mss = (p: Peer): number => p.tcp.info(p.h)!.mss;

/** A connection on which a full segment has been acknowledged. */
function proven(o: ProbeOptions = {}): Peer {
  const p = new Peer({ ...o, settings: { tcpTailLossProbe: false, ...o.settings } }).establish({ mss: 1460 });
  p.write(1460);
  p.take();
  p.inject('A');
  return p;
}

describe('a packet-too-big for less than has been acknowledged (RFC 5927 section 7.2)', () => {
  for (const v6 of [false, true]) {
    test(`waits for a timeout that bears it out, IPv${v6 ? 6 : 4}`, () => {
      const p = new Peer({ v6, settings: { tcpTailLossProbe: false } }).establish({ mss: 1440 });
      p.write(1440);
      p.take();
      p.inject('A');
      p.write(1440);
      p.expect('A', { length: 1440 });
      tooBig(p, 1300, 1441);
      p.expectNothing();
      assert.equal(mss(p), 1440);
      p.advance(198_000);
      p.expectNothing();
      p.advance(4000);
      p.expect('A', { seq: 1441, length: v6 ? 1240 : 1260 });
    });
  }

  test('is refuted by the ACK of the segment that it quotes', () => {
    const p = proven();
    p.write(1460);
    p.take();
    tooBig(p, 600, 1461);
    p.inject('A');
    p.write(1460);
    p.expect('A', { length: 1460 });
    p.advance(300_000);
    p.expect('A', { length: 1460 });
    assert.equal(mss(p), 1460, 'a later timeout has nothing to do with it');
  });

  test('counts at once where nothing of that size was acknowledged: small segments prove nothing', () => {
    const p = new Peer().establish({ mss: 1460 });
    p.write(1000);
    p.take();
    p.inject('A');
    p.write(1460);
    p.take();
    tooBig(p, 1300, 1001);
    p.expect('A', { seq: 1001, length: 1260 });
  });

  test('and of what was acknowledged before the path changed none counts', () => {
    const p = proven();
    p.write(1460);
    p.take();
    tooBig(p, 1300, 1461);
    p.advance(201_000);
    p.expect('A', { length: 1260 });
    tooBig(p, 1200, 1461);
    p.expect('A', { length: 1160 });
  });

  test('without the setting it is believed at once', () => {
    const p = proven({ settings: { tcpDoubtTooBig: false } });
    p.write(1460);
    p.take();
    tooBig(p, 1300, 1461);
    p.expect('A', { seq: 1461, length: 1260 });
  });

  test('a flood of them, for the least MTU, with every number in flight, does not slow a transfer', () => {
    const p = proven();
    for (let n = 0; n < 50; n++) {
      p.write(1460);
      p.take();
      for (let seq = p.ack - 1460; seq < p.ack; seq += 100) tooBig(p, 552, seq);
      p.advance(1000);
      p.inject('A');
    }
    assert.equal(mss(p), 1460);
    assert.equal(p.tcp.info(p.h)!.bytesRetransmitted, 0);
  });
});

test('the least path MTU believed is a setting', () => {
  const p = new Peer({ settings: { pathMtuMin: 1000 } }).establish({ mss: 1460 });
  p.write(1460);
  p.take();
  tooBig(p, 68, 1);
  assert.equal(mss(p), 960);
});

describe('a black hole (RFC 8899 section 4.3, RFC 4821 section 7.7)', () => {
  for (const v6 of [false, true]) {
    test(`after two timeouts of a full segment a smaller one is tried, IPv${v6 ? 6 : 4}`, () => {
      const p = new Peer({ v6, settings: { tcpTailLossProbe: false } }).establish({ mss: 1440 });
      p.write(3 * 1440);
      p.take();
      p.advance(201_000);
      p.expect('A', { seq: 1, length: 1440 });
      p.advance(402_000);
      p.expect('A', { seq: 1, length: v6 ? 1220 : 1024 });
      p.inject('A', { ack: v6 ? 1221 : 1025 });
      assert.ok(p.take().every((s) => s.data.length <= (v6 ? 1220 : 1024)));
      assert.equal(p.probe.stack.core.counters.get('tcp_black_holes'), 1);
    });
  }

  /** In a black hole, with the connection going on. */
  function small(settings: ProbeOptions['settings'] = {}): Peer {
    const p = new Peer({ settings: { tcpTailLossProbe: false, tcpMtuRaise: 600 * SECOND, ...settings } }).establish({
      mss: 1460,
    });
    p.write(1460);
    p.take();
    p.advance(603_500);
    p.take();
    p.ack = 1461;
    p.inject('A');
    p.take();
    assert.equal(mss(p), 1024);
    return p;
  }

  test('the full size comes back after a tenth of tcpMtuRaise, and then after twice as long each time', () => {
    const p = small();
    for (const wait of [60, 120, 240, 480, 600, 600]) {
      p.advance((wait - 1) * SECOND);
      p.write(100);
      p.take();
      p.inject('A');
      assert.equal(mss(p), 1024, `${wait} s`);
      p.advance(1.2 * SECOND);
      p.write(100);
      p.take();
      p.inject('A');
      assert.equal(mss(p), 1460, `${wait} s`);
      p.write(1460);
      p.take();
      p.advance(603_500);
      p.take();
      assert.equal(mss(p), 1024);
      p.inject('A');
    }
  });

  test('an idle connection tries nothing', () => {
    const p = small();
    p.advance(7200 * SECOND);
    p.expectNothing();
    assert.equal(mss(p), 1024);
  });

  test('is not suspected of small segments, of a closed window, or when the setting is 0', () => {
    const little = new Peer().establish({ mss: 1460 });
    little.write(1000);
    little.advance(10 * SECOND);
    assert.equal(mss(little), 1460);
    const off = new Peer({ settings: { tcpMtuProbing: 0 } }).establish({ mss: 1460 });
    off.write(1460);
    off.advance(10 * SECOND);
    assert.equal(mss(off), 1460);
    const shut = new Peer().establish({ mss: 1460 });
    shut.inject('A', { win: 0 });
    shut.write(3000);
    shut.advance(10 * SECOND);
    assert.equal(mss(shut), 1460);
    const shrunk = new Peer().establish({ mss: 1460 });
    shrunk.write(1460);
    shrunk.take();
    shrunk.inject('A', { ack: 1, win: 0 });
    shrunk.advance(10 * SECOND);
    assert.equal(mss(shrunk), 1460);
  });
});

describe('a route', () => {
  function withRoute(f: Partial<RouteSpec>): Peer {
    const p = new Peer();
    const words = { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a000002, prefix: 128, iface: 1 };
    assert.equal(p.probe.stack.routes.add({ ...words, ...f }), 0);
    return p;
  }

  test('with advmss caps the MSS that we name and what we send (RFC 9293 section 3.7.1)', () => {
    const p = withRoute({ advmss: 900 });
    p.listen();
    p.inject('S', { mss: 1460 });
    p.expect('SA', { mss: 900 });
    p.inject('A');
    p.accept();
    p.write(2000);
    p.expect('A', { length: 900 });
    const q = new Peer(p.probe, 6000);
    q.connect({ mss: 900 });
    const cookies = withRoute({ advmss: 900 });
    cookies.listen(1);
    new Peer(cookies.probe, 1).inject('S');
    cookies.inject('S', { mss: 1460 });
    cookies.expect('SA', { mss: 900 });
    assert.equal(p.probe.stack.routes.list()[0]!.advmss, 900);
  });

  test('with a locked MTU believes no packet-too-big', () => {
    const p = withRoute({ mtu: 1300, mtuLock: true });
    p.establish({ mss: 1460 });
    p.write(5000);
    p.expect('A', { length: 1260 });
    tooBig(p, 600, 1);
    assert.equal(mss(p), 1260);
  });

  test('with initcwnd opens with so many segments (RFC 6928)', () => {
    const p = withRoute({ initcwnd: 3 });
    p.establish({ mss: 1460 });
    p.write(20_000);
    assert.equal(p.take().length, 3);
  });
});

describe('OPT_MAXSEG', () => {
  test('on a listener caps what its connections name and send; reads as what is in use', () => {
    const p = new Peer();
    p.listen();
    assert.equal(p.tcp.set(p.listener, OPT_MAXSEG, 700), 0);
    assert.equal(p.tcp.get(p.listener, OPT_MAXSEG), 700);
    p.inject('S', { mss: 1460 });
    p.expect('SA', { mss: 700 });
    p.inject('A');
    p.accept();
    p.write(2000);
    p.expect('A', { length: 700 });
    assert.equal(p.tcp.get(p.h, OPT_MAXSEG), 700);
    assert.equal(p.tcp.info(p.h)!.advmss, 700);
  });

  test('before the SYN goes out: names it', () => {
    const p = new Peer();
    p.h = p.tcp.connect(0, 0, 0, 0, 0, ...p.words, p.port, 0);
    assert.equal(p.tcp.set(p.h, OPT_MAXSEG, 1000), 0);
    p.probe.settle();
    p.expect('S', { mss: 1000 });
  });

  test('takes 88 to 32767, or 0 for none', () => {
    const p = new Peer().establish();
    for (const bad of [1, 87, 32768]) assert.equal(p.tcp.set(p.h, OPT_MAXSEG, bad), -EINVAL);
    for (const good of [88, 32767, 0]) assert.equal(p.tcp.set(p.h, OPT_MAXSEG, good), 0);
    assert.equal(mss(p), 1460);
  });
});
