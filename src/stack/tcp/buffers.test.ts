// Buffers that fit the path: receive and send buffer tuning, their bounds, the first window, windows and huge segments (RFC 7323 section 2, RFC 9293 section 3.8.6.2).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OPT_RCVBUF, OPT_SNDBUF } from './flags.ts';
import { Peer, type ProbeOptions } from './probe.test-support.ts';

const MSS = 1460;
const RTT = 100_000;

const SIZES: ProbeOptions = { memory: { arenaBytes: 256 << 20, chunks: 40_000 }, summed: false };

/**
 * A peer that sends for `rounds` round trips as much as the window lets it, twice as much each time, to a user who reads at once;
 * returns the receive buffer after each.
 */
function receive(p: Peer, rounds: number, scale: number, read = true): number[] {
  const sizes: number[] = [];
  let edge = p.seq + 65535;
  let cwnd = 10 * MSS;
  for (let n = 0; n < rounds; n++) {
    const start = p.probe.now;
    if (p.ts !== undefined) p.ts += RTT / 1000;
    let sent = 0;
    while (sent < cwnd && p.seq + MSS <= edge) {
      p.inject('A', { data: MSS });
      if (read) p.read();
      sent += MSS;
    }
    for (const s of p.take()) edge = Math.max(edge, s.ack + s.win * 2 ** scale);
    p.advance(start + RTT - p.probe.now);
    for (const s of p.take()) edge = Math.max(edge, s.ack + s.win * 2 ** scale);
    cwnd = Math.min(2 * cwnd, 1 << 20);
    sizes.push(p.tcp.get(p.h, OPT_RCVBUF));
  }
  return sizes;
}

function peer(settings: ProbeOptions['settings'], ts = true): Peer {
  const p = new Peer({ ...SIZES, settings: { ...settings } });
  if (ts) p.ts = 1000;
  p.listen();
  p.inject('S', { mss: MSS, ws: 7 });
  p.advance(RTT);
  p.expect('SA');
  p.inject('A');
  p.accept();
  return p;
}

describe('the receive buffer', () => {
  for (const ts of [true, false]) {
    test(`grows with what is read in a round trip, ${ts ? 'with' : 'without'} timestamps`, () => {
      const p = peer({ tcpReceiveBuffer: 65536, tcpReceiveBufferMax: 4 << 20 }, ts);
      const sizes = receive(p, 10, 7);
      assert.ok(sizes[0]! <= 200_000, 'not at once');
      // From the round on in which it first was read as much, it does not hold up a sender that doubles.
      for (let n = 3; n < sizes.length; n++) {
        assert.ok(sizes[n]! >= Math.min(2 << 20, 2 * 10 * MSS * 2 ** n), String(sizes));
      }
      assert.ok(sizes.at(-1)! <= 4 << 20);
      p.abort();
    });
  }

  test('stays where it is when the user does not read, or reads slowly', () => {
    const p = peer({ tcpReceiveBuffer: 65536, tcpReceiveBufferMax: 4 << 20 });
    assert.equal(receive(p, 8, 7, false).at(-1), 65536);
    const q = peer({ tcpReceiveBuffer: 65536, tcpReceiveBufferMax: 4 << 20 });
    receive(q, 1, 7);
    for (let n = 0; n < 30; n++) {
      q.inject('A', { data: MSS });
      q.inject('A', { data: MSS });
      q.advance(10 * RTT);
      q.read();
    }
    assert.ok(q.tcp.get(q.h, OPT_RCVBUF) <= 65536);
  });

  test('stays where the user has set it', () => {
    const p = peer({ tcpReceiveBuffer: 65536, tcpReceiveBufferMax: 4 << 20 });
    p.tcp.set(p.h, OPT_RCVBUF, 100_000);
    assert.equal(receive(p, 8, 7).at(-1), 100_000);
  });

  test('set on a listener, it is that of its connections, and of their window scale', () => {
    const p = new Peer({ ...SIZES, settings: { tcpReceiveBufferMax: 4 << 20 } });
    p.listen();
    p.tcp.set(p.listener, OPT_RCVBUF, 100_000);
    p.inject('S', { mss: MSS, ws: 7 });
    p.expect('SA', { ws: 1 });
    p.inject('A');
    p.accept();
    assert.equal(receive(p, 6, 1).at(-1), 100_000);
  });

  test('does not grow beyond 1 MiB on a path of a millisecond: more would lie in no cache', () => {
    const p = peer({ tcpReceiveBuffer: 65536, tcpReceiveBufferMax: 32 << 20 });
    for (let n = 0; n < 1000; n++) {
      p.ts = 1000 + (n >> 5);
      for (let k = 0; k < 8; k++) p.inject('A', { data: MSS });
      p.read();
      p.take();
      p.advance(30);
    }
    assert.ok(p.tcp.get(p.h, OPT_RCVBUF) <= 1100 * 1024, String(p.tcp.get(p.h, OPT_RCVBUF)));
    assert.ok(p.tcp.get(p.h, OPT_RCVBUF) > 200_000);
  });

  test('the window scale offered lets it grow to its most, up to 1 GiB', () => {
    for (const [max, ws] of [
      [65535, 4],
      [6 << 20, 7],
      [32 << 20, 10],
    ] as const) {
      const p = new Peer({ ...SIZES, settings: { tcpReceiveBuffer: 1 << 20, tcpReceiveBufferMax: max } });
      p.connect({ ws: max === 65535 ? 5 : ws });
    }
    const p = new Peer({ settings: { tcpReceiveBuffer: 1 << 30 } });
    p.connect({ ws: 14 });
  });
});

describe('the first window', () => {
  test('can be bounded to whole segments, and grows by two with each that comes', () => {
    const p = new Peer({ settings: { tcpReceiveBuffer: 1 << 20, tcpInitialReceiveWindow: 65535 } });
    p.connect({ win: 64_240 });
    p.inject('SA', { mss: MSS, ws: 7 });
    const unit = 2 ** 5;
    p.expect('A', { win: Math.ceil(64_240 / unit) });
    p.inject('A', { data: MSS });
    p.inject('A', { data: MSS });
    p.expect('A', { win: Math.ceil((64_240 + 4 * MSS) / unit) });
    for (let n = 0; n < 400; n++) {
      p.inject('A', { data: MSS });
      p.read();
    }
    const { win } = p.take().at(-1)!;
    assert.ok(win <= (1 << 20) / unit && win > ((1 << 20) - 2 * MSS) / unit, `${win}`);
  });

  test('of a SYN-ACK with timestamps it counts segments without them', () => {
    const p = new Peer({ settings: { tcpInitialReceiveWindow: 65535 } });
    p.listen();
    p.inject('S', { mss: MSS, ts: [5, 0], ws: 7 });
    p.expect('SA', { win: 65_160 });
  });

  test('small ones do not make it grow', () => {
    const p = new Peer({ settings: { tcpInitialReceiveWindow: 14_600 } });
    p.establish();
    for (let n = 0; n < 50; n++) p.inject('A', { data: 100 });
    p.advance(300_000);
    const { win } = p.take().at(-1)!;
    assert.ok(win <= 14_600 && win > 14_600 - MSS, `${win}`);
  });
});

describe('the send buffer', () => {
  function grow(p: Peer, rounds: number): void {
    for (let n = 0; n < rounds; n++) {
      while (p.write(1 << 20) === 1 << 20);
      p.advance(RTT);
      p.take();
      p.inject('A');
      p.take();
    }
  }

  test('grows with cwnd, up to its most', () => {
    const p = new Peer({ ...SIZES, settings: { tcpSendBuffer: 65536, tcpSendBufferMax: 1 << 20 } });
    p.establish({ mss: MSS, ws: 7 });
    p.win = 65535;
    grow(p, 12);
    assert.equal(p.tcp.get(p.h, OPT_SNDBUF), 1 << 20);
  });

  test('stays where the user has set it, and not above what the window of the peer needs', () => {
    const p = new Peer({ ...SIZES, settings: { tcpSendBuffer: 65536, tcpSendBufferMax: 1 << 20 } });
    p.establish({ mss: MSS, ws: 7 });
    p.tcp.set(p.h, OPT_SNDBUF, 50_000);
    grow(p, 8);
    assert.equal(p.tcp.get(p.h, OPT_SNDBUF), 50_000);
    const q = new Peer({ ...SIZES, settings: { tcpSendBuffer: 65536, tcpSendBufferMax: 1 << 20 } });
    q.win = 40_000;
    q.establish({ mss: MSS });
    grow(q, 8);
    assert.equal(q.tcp.get(q.h, OPT_SNDBUF), 80_000);
  });
});

describe('an MTU of 64 KB', () => {
  const HUGE: ProbeOptions = { ...SIZES, mtu: 65535 };
  const FULL = 65_495;

  test('a window of less than two segments is filled by halves: the peer’s delayed ACK does not stop us', () => {
    const p = new Peer(HUGE);
    p.win = 65535;
    p.establish({ mss: FULL });
    p.write(200_000);
    const sent = p.take();
    assert.deepEqual(
      sent.map((s) => s.data.length),
      [32_767, 32_767],
    );
  });

  test('a segment that fills half of our window is acknowledged at once', () => {
    const p = new Peer({ ...HUGE, settings: { tcpReceiveBuffer: 100_000 } });
    p.establish({ mss: FULL, ws: 7 });
    p.inject('A', { data: FULL });
    p.expect('A', { ack: FULL + 1 });
  });

  test('the window moves in steps worth telling', () => {
    const p = new Peer({ ...HUGE, settings: { tcpReceiveBuffer: 131_072 } });
    p.establish({ mss: FULL, ws: 7 });
    p.inject('A', { data: FULL });
    p.inject('A', { data: FULL });
    p.take();
    for (let n = 0; n < 7; n++) p.read(8192);
    p.expectNothing();
    p.read();
    assert.ok(p.take().length <= 2);
  });
});
