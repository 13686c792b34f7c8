// What is missing for a while: room on the link, frames, chunks, rows, a route, a neighbour. And sending by reference.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EBADF, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOBUFS, EPIPE, ETIMEDOUT } from '../../base/errno.ts';
import { SeededRng } from '../../base/rng.ts';
import type { SendSource } from '../../base/source.ts';
import { memoryLink } from '../../link/memory.ts';
import { Pair, pattern } from '../pair.test-support.ts';
import { createMemory, Stack } from '../stack.ts';
import { READY_ERROR } from './flags.ts';
import { Peer, Probe } from './probe.test-support.ts';
import { readPacket, tcpPacket } from './segments.test-support.ts';

const SECOND = 1_000_000;

/** Every kind of segment: what brings it about, and what it is. */
const KINDS: Record<string, [prepare: () => Peer, cause: (p: Peer) => void, flags: string]> = {
  SYN: [() => new Peer(), (p) => void (p.h = p.tcp.connect(0, 0, 0, 0, 0, ...p.words, p.port, 0)), 'S'],
  'SYN-ACK': [
    () => {
      const p = new Peer();
      p.listen();
      return p;
    },
    (p) => p.inject('S'),
    'SA',
  ],
  'an ACK in SYN-RECEIVED': [
    () => {
      const p = new Peer();
      p.listen();
      p.inject('S');
      p.expect('SA');
      return p;
    },
    (p) => p.inject('A', { seq: 900_000, data: 'x' }),
    'A',
  ],
  data: [() => new Peer().establish(), (p) => void p.write('data'), 'A'],
  FIN: [() => new Peer().establish(), (p) => p.shutdown(), 'FA'],
  'an ACK': [() => new Peer().establish(), (p) => p.inject('A', { seq: 9, data: 'x' }), 'A'],
  'a fast retransmission': [
    () => {
      const p = new Peer().establish();
      p.write(4 * 1460);
      p.take();
      for (let n = 0; n < 2; n++) p.inject('A', { ack: 1 });
      return p;
    },
    (p) => p.inject('A', { ack: 1 }),
    'A',
  ],
  'a window probe': [
    () => {
      const p = new Peer().establish();
      p.inject('A', { win: 0 });
      p.write('x');
      p.advance(200_000);
      return p;
    },
    (p) => p.advance(1),
    'A',
  ],
};

for (const [name, [prepare, cause, flags]] of Object.entries(KINDS)) {
  test(`${name} waits for room on the link`, () => {
    const p = prepare();
    p.probe.room = 0;
    cause(p);
    p.probe.settle();
    p.expectNothing();
    p.probe.room = 100;
    p.probe.settle();
    p.expect(flags);
    p.expectNothing();
  });

  test(`${name} waits for a free frame`, () => {
    const p = prepare();
    const { frames } = p.probe.stack.core;
    const taken: number[] = [];
    const take = (): void => {
      for (let f = frames.alloc(1500); f !== 0; f = frames.alloc(1500)) taken.push(f);
    };
    const receive = p.probe.deliver.bind(p.probe);
    // What arrives must have a frame of its own.
    p.probe.deliver = (...packets) => {
      frames.free(taken.pop()!);
      receive(...packets);
      take();
    };
    take();
    cause(p);
    p.probe.settle();
    for (const f of taken) frames.free(f);
    p.probe.deliver = receive;
    p.probe.settle();
    assert.ok(p.take().some((s) => s.flags.replace('P', '') === flags));
  });
}

describe('no memory', () => {
  test('many peers whose data nobody reads leave enough for others', () => {
    const p = new Peer({ memory: { chunks: 512 } }).establish({ mss: 1460, ws: 7 });
    for (let port = 1; port <= 60; port++) {
      const q = new Peer(p.probe, port);
      q.listener = p.listener;
      q.establish({ mss: 1460, ws: 7 });
      for (let n = 0; n < 60; n++) q.inject('A', { data: 1460 });
      q.take();
    }
    assert.ok(p.probe.stack.core.spans.availableBytes > 0);
    for (let n = 0; n < 50; n++) {
      p.inject('A', { data: 1000 });
      assert.deepEqual(p.read(), pattern(1000));
      assert.equal(p.write(1000), 1000);
      p.inject('A', { ack: 1 + 1000 * (n + 1) });
      p.take();
    }
  });

  test('write() takes what fits; with nothing queued it is ENOBUFS', () => {
    const p = new Peer({ memory: { chunks: 1 } }).establish();
    p.inject('A', { win: 0 });
    assert.equal(p.write(20_000), 4096);
    assert.equal(p.write(1), 0);
    const q = new Peer(p.probe, 6000);
    q.listener = p.listener;
    q.establish();
    assert.equal(q.write(1), -ENOBUFS);
    p.abort();
    assert.equal(q.write(1), 1);
  });

  test('no row: connect() and listen() are ENOBUFS', () => {
    const { tcp } = new Probe({ settings: { tcpRows: 1 } }).stack;
    const h = tcp.listen(0, 0, 0, 0, 80, 1, false);
    assert.ok(h > 0);
    assert.equal(tcp.listen(0, 0, 0, 0, 81, 1, false), -ENOBUFS);
    assert.equal(tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000002, 80, 0), -ENOBUFS);
    tcp.close(h);
    assert.ok(tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000002, 80, 0) > 0);
  });
});

describe('no way to the peer', () => {
  const FAR: [number, number, number, number] = [0, 0, 0xffff, 0x0a630001]; // 10.99.0.1
  const route = { w0: 0, w1: 0, w2: 0xffff, w3: 0x0a630000, prefix: 112, iface: 1 };

  test('connections wait for a route, and go on by the next', () => {
    const p = new Peer();
    assert.equal(p.tcp.connect(0, 0, 0, 0, 0, ...FAR, p.port, 0), -ENETUNREACH);
    assert.equal(p.probe.stack.routes.add(route), 0);
    p.h = p.tcp.connect(0, 0, 0, 0, 0, ...FAR, p.port, 0);
    p.probe.settle();
    p.expect('S');
    assert.equal(p.probe.stack.routes.remove(route), 0);
    p.advance(2 * SECOND);
    p.expectNothing();
    assert.equal(p.probe.stack.routes.add(route), 0);
    p.probe.settle();
    p.expect('S', { seq: 0 });
  });

  test('or time out', () => {
    const p = new Peer();
    p.probe.stack.routes.add(route);
    p.h = p.tcp.connect(0, 0, 0, 0, 0, ...FAR, p.port, 0);
    p.probe.settle();
    p.expect('S');
    p.probe.stack.routes.remove(route);
    p.advance(300 * SECOND);
    assert.equal(p.tcp.error(p.h), ETIMEDOUT);
    p.close();
    p.probe.assertClean();
  });

  test('a neighbour that does not answer refuses a connection being opened: EHOSTUNREACH', () => {
    const pair = new Pair({ link: { medium: 'ethernet' } });
    pair.run(5 * SECOND);
    const h = pair.a.tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000063, 80, 0);
    pair.run(5 * SECOND);
    assert.equal(pair.a.tcp.nextReady(), h);
    assert.equal(pair.a.tcp.readyFlags, READY_ERROR);
    assert.equal(pair.a.tcp.error(h), EHOSTUNREACH);
  });
});

test('a full link does not hold up what goes by another', () => {
  const rng = new SeededRng(3);
  const secret = Int32Array.from({ length: 8 }, () => rng.int32());
  const make = (): Stack =>
    new Stack(createMemory({ arenaBytes: 16 << 20, small: 128, large: 8, chunks: 64 }), {
      rng,
      secret,
      settings: { tcpRows: 64, udpRows: 4 },
    });
  const [a, b, mute] = [make(), make(), make()];
  const [toMute] = memoryLink({ a: a.memory, b: mute.memory, queue: 1 });
  const [toB, toA] = memoryLink({ a: a.memory, b: b.memory });
  a.attach(toMute, { addresses: ['10.1.0.1/24'] });
  a.attach(toB, { addresses: ['10.0.0.1/24'] });
  b.attach(toA, { addresses: ['10.0.0.2/24'] });
  for (let n = 0; n < 5; n++) a.tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a010002, 80, 0);
  const listener = b.tcp.listen(0, 0, 0, 0, 80, 4, false);
  a.tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000002, 80, 0);
  for (let n = 0; n < 3; n++) {
    a.poll(1000);
    b.poll(1000);
  }
  assert.ok(b.tcp.accept(listener) > 0);
});

test('a link-local peer is answered by the interface it came from', () => {
  const p = new Peer({ v6: true });
  const ours = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const peer = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
  assert.equal(p.probe.stack.interfaces.addAddress(1, 0xfe800000 | 0, 0, 0, 1, 64), 0);
  p.probe.deliver(tcpPacket(peer, ours, [7, 80], 2, 100, 0, new Uint8Array(0), {}));
  p.listen();
  p.probe.deliver(tcpPacket(peer, ours, [7, 80], 2, 100, 0, new Uint8Array(0), {}));
  assert.deepEqual(
    p.probe.sent.map((s) => [s.flags, s.ack]),
    [
      ['RA', 101],
      ['SA', 101],
    ],
  );
});

describe('sending by reference', () => {
  /** 5000 bytes of the arena in three slices. */
  class Source implements SendSource {
    readonly length = 5000;
    readonly released: number[] = [];
    readonly at: number;
    readonly names: number;
    constructor(at: number, names: number = 5000) {
      this.at = at;
      this.names = names;
    }
    copyTo(): void {
      throw new Error('nobody copies');
    }
    partialSum(): number {
      throw new Error('nobody asks');
    }
    reference(from: number, length: number, sink: { slice(offset: number, length: number): void }): number {
      const end = Math.min(from + length, this.names);
      for (let i = from; i < end; i += 2000) sink.slice(this.at + i, Math.min(2000, end - i));
      return end - from;
    }
    release(upTo: number): void {
      this.released.push(upTo);
    }
  }

  const probe = (): [Peer, number] => {
    const p = new Peer().establish();
    const at = p.probe.stack.core.arena.region('file', 5000);
    p.probe.stack.core.u8.set(pattern(5000), at);
    return [p, at];
  };

  test('the bytes go out as they lie, between others; release() follows the ACKs', () => {
    const [p, at] = probe();
    const source = new Source(at);
    p.write('head');
    p.expect('A', { data: 'head' });
    assert.equal(p.tcp.writeSource(p.h, source), 0);
    p.tcp.write(p.h, Buffer.from('tail'), 0, 4);
    p.probe.settle();
    p.inject('A');
    const sent = p.take();
    const got = Buffer.concat(sent.map((s) => s.data));
    assert.deepEqual(got.subarray(0, 5000), Buffer.from(pattern(5000)).subarray(0, got.length));
    p.inject('A', { ack: 5 + 1460 });
    assert.equal(source.released.at(-1), 1460);
    p.take();
    p.inject('A');
    p.take();
    p.inject('A');
    assert.equal(source.released.at(-1), 5000);
    assert.equal(p.tcp.unacked(p.h), 0);
  });

  test('a source whose bytes are not all there is refused', () => {
    const [p, at] = probe();
    assert.equal(p.tcp.writeSource(p.h, new Source(at, 3000)), -ENOBUFS);
    assert.equal(p.tcp.unacked(p.h), 0);
  });

  test('a reset releases all of it', () => {
    const [p, at] = probe();
    const source = new Source(at);
    p.tcp.writeSource(p.h, source);
    p.probe.settle();
    p.inject('R');
    assert.equal(source.released.at(-1), 5000);
  });

  test('a retransmission reads the same bytes', () => {
    const [p, at] = probe();
    p.tcp.writeSource(p.h, new Source(at));
    p.probe.settle();
    const first = p.take();
    p.advance(200_001);
    const again = p.expect('A', { seq: 1 });
    assert.deepEqual(again.data, first[0]!.data);
  });

  test('not on a closed or void handle, not what lies in no block', () => {
    const [p, at] = probe();
    assert.equal(p.tcp.writeBlock(p.h, at, 10), -EINVAL);
    p.shutdown();
    assert.equal(p.tcp.writeSource(p.h, new Source(at)), -EPIPE);
    p.close();
    assert.equal(p.tcp.writeSource(p.h, new Source(at)), -EBADF);
    assert.equal(p.tcp.writeBlock(p.h, at, 10), -EBADF);
  });
});

test('what the recorder reads is what was written (a check of the tests themselves)', () => {
  const packet = tcpPacket([1, 2, 3, 4], [5, 6, 7, 8], [9, 10], 18, 11, 12, pattern(13), {
    mss: 14,
    ws: 15,
    ts: [16, 17],
    win: 18,
  });
  const s = readPacket(packet, 0, true)!;
  const { srcPort, dstPort, seq, ack, flags, mss, ws, tsVal, tsEcr, win } = s;
  assert.deepEqual(
    [srcPort, dstPort, seq, ack, flags, mss, ws, tsVal, tsEcr, win],
    [9, 10, 11, 12, 'SA', 14, 15, 16, 17, 18],
  );
  assert.deepEqual(s.data, pattern(13));
  packet[45]! ^= 1;
  assert.throws(() => readPacket(packet, 0, true), /checksum/);
});
