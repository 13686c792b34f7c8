// Tests of the stream link: the contract over both framings, streams cut anywhere, backpressure both ways, lost step.
// Run by node:test; calls stream.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Link, RxBatch, TxBatch } from '../base/link.ts';
import { linkContract } from './contract.test-support.ts';
import { type Medium, makeMemory, packet, pattern, pushFrame, tcp, testFrame } from './packets.test-support.ts';
import { StreamLink, type StreamLinkOptions, streamLink } from './stream.ts';

/** Two links joined by two streams that hold up to `limit` bytes each and hand them over in pieces of `piece`. */
function joined(
  medium: Medium,
  limit: number,
  piece: number,
  queue = 512,
): { a: StreamLink; b: StreamLink; settle: () => void } {
  class Pipe {
    to: StreamLink | undefined;
    from: StreamLink | undefined;
    bytes = 0;
    paused = false;
    readonly waiting: Uint8Array[] = [];

    write(bytes: Uint8Array): boolean {
      this.waiting.push(bytes);
      this.bytes += bytes.length;
      return this.bytes < limit;
    }

    move(): void {
      const full = this.bytes >= limit;
      while (this.waiting.length > 0 && !this.paused) {
        const chunk = this.waiting.shift()!;
        const take = Math.min(piece, chunk.length);
        if (take < chunk.length) this.waiting.unshift(chunk.subarray(take));
        this.bytes -= take;
        this.paused = !this.to!.push(chunk.subarray(0, take));
        // Its memory is the stream's again.
        chunk.fill(0xee, 0, take);
      }
      if (full && this.bytes < limit) this.from!.drained();
    }
  }
  const there = new Pipe();
  const back = new Pipe();
  const make = (out: Pipe, into: Pipe): StreamLink =>
    streamLink({
      memory: makeMemory(),
      medium,
      queue,
      write: (bytes) => out.write(bytes),
      resume: () => {
        into.paused = false;
      },
    });
  const a = make(there, back);
  const b = make(back, there);
  there.from = back.to = a;
  there.to = back.from = b;
  return {
    a,
    b,
    settle: () => {
      there.move();
      back.move();
    },
  };
}

linkContract('stream of IP packets', () => joined('ip', 1e5, 1000));
linkContract('stream of IP packets, byte by byte', () => joined('ip', 3000, 1));
linkContract('stream of Ethernet frames', () => joined('ethernet', 1e5, 1e9));
linkContract('stream of Ethernet frames with short queues', () => joined('ethernet', 2000, 777, 4));

const rx = new RxBatch();
const tx = new TxBatch();

/** A link into which a test pushes bytes, and what it says. */
class World {
  readonly link: StreamLink;
  readonly written: Uint8Array[] = [];
  readonly reasons: string[] = [];
  resumed = 0;
  accept = true;

  constructor(options: Partial<StreamLinkOptions> = {}) {
    this.link = streamLink({
      memory: makeMemory(64, 4),
      write: (bytes) => {
        this.written.push(bytes);
        return this.accept;
      },
      resume: () => this.resumed++,
      closed: (reason) => this.reasons.push(reason),
      ...options,
    });
  }

  take(): Uint8Array[] {
    const out: Uint8Array[] = [];
    while (this.link.receive(rx) > 0) {
      const { u8 } = this.link.memory.arena;
      for (let i = 0; i < rx.count; i++) out.push(u8.slice(rx.offset[i]!, rx.offset[i]! + rx.length[i]!));
      this.link.release(rx);
    }
    return out;
  }

  end(): void {
    this.link.close();
    assert.equal(this.link.memory.frames.used, 0);
  }
}

/** `bytes` in pieces whose lengths `cuts` gives over and over. */
function chop(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const n = cuts[i % cuts.length]!;
    out.push(bytes.slice(at, at + n));
    at += n;
  }
  return out;
}

const tcp6 = (n: number): Uint8Array => packet({ version: 6, protocol: 6, transport: tcp(1, 16, [], pattern(n)) });
/** QEMU's form of a frame. */
const prefixed = (frame: Uint8Array): Uint8Array =>
  Uint8Array.from([0, 0, frame.length >> 8, frame.length & 255, ...frame]);

describe('stream', () => {
  test('finds every packet, wherever the stream is cut', () => {
    const lengths = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 2500 })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        lengths,
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        (list, cuts, ethernet) => {
          const w = new World({ medium: ethernet ? 'ethernet' : 'ip' });
          const frames = list.map(([six, n], i) =>
            six && !ethernet ? tcp6(n) : testFrame(ethernet ? 'ethernet' : 'ip', i, n + 60),
          );
          const bytes = Buffer.concat(ethernet ? frames.map(prefixed) : frames);
          const got: Uint8Array[] = [];
          for (const piece of chop(bytes, cuts)) {
            w.link.push(piece);
            piece.fill(0xee);
            got.push(...w.take());
          }
          assert.deepEqual(got, frames);
          assert.deepEqual(w.reasons, []);
          w.end();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('writes what another reads: packets as they are, frames behind their length', () => {
    for (const medium of ['ip', 'ethernet'] as const) {
      const w = new World({ medium });
      const frames = [1, 2, 3].map((i) => testFrame(medium, i, 100 * i));
      for (const frame of frames) pushFrame(w.link.memory, tx, frame);
      assert.equal(w.link.transmit(tx), 3);
      assert.equal(w.written.length, 1, 'one write a batch');
      assert.deepEqual(w.written[0], new Uint8Array(Buffer.concat(medium === 'ip' ? frames : frames.map(prefixed))));
      w.end();
    }
  });

  test('packets of up to 65,535 bytes are received, whatever the MTU', () => {
    const w = new World({ mtu: 1500 });
    const big = testFrame('ip', 1, 65535);
    w.link.push(big);
    assert.deepEqual(w.take(), [big]);
    w.end();
    const e = new World({ medium: 'ethernet' });
    const jumbo = testFrame('ethernet', 1, 65535 + 14);
    e.link.push(Buffer.concat([Uint8Array.of(0, 1, 0, 13), jumbo]));
    assert.deepEqual(e.take(), [jumbo]);
    e.end();
  });

  const lost: [string, Medium, number[], RegExp][] = [
    ['another IP version', 'ip', [0x00], /IP version 0/],
    ['text', 'ip', [...Buffer.from('SSH-2.0-')], /IP version 5/],
    ['an IPv4 header that is too short', 'ip', [0x44, 0, 0, 20, 0, 0], /IPv4 header of 16 bytes/],
    ['an IPv4 length below its header', 'ip', [0x46, 0, 0, 20, 0, 0], /packet of 20 bytes with a header of 24/],
    ['a frame that is too short', 'ethernet', [0, 0, 0, 13], /Ethernet frame of 13 bytes/],
    ['a frame that is too long', 'ethernet', [0, 2, 0, 0], /Ethernet frame of 131072 bytes/],
    ['a negative length', 'ethernet', [255, 255, 255, 255], /Ethernet frame of 4294967295 bytes/],
  ];
  for (const [what, medium, bytes, reason] of lost) {
    test(`${what} closes the link, with the reason`, () => {
      const w = new World({ medium });
      const good = testFrame(medium, 1, 100);
      w.link.push(medium === 'ip' ? good : prefixed(good));
      w.link.push(Uint8Array.from([...bytes, ...new Array<number>(60).fill(1)]));
      assert.equal(w.reasons.length, 1);
      assert.match(w.reasons[0]!, /^the stream is out of step: /);
      assert.match(w.reasons[0]!, reason);
      assert.equal(w.link.room(), 0);
      assert.ok(w.link.push(good), 'what comes after is taken and forgotten');
      assert.deepEqual(w.take(), []);
      w.end();
      assert.equal(w.reasons.length, 1);
    });
  }

  test('the end of the stream closes the link with the reason given, once', () => {
    const w = new World();
    w.link.push(testFrame('ip', 1, 500).slice(0, 200));
    assert.equal(w.link.memory.frames.used, 1);
    w.link.end('the peer has gone');
    w.link.end('again');
    assert.deepEqual(w.reasons, ['the peer has gone']);
    assert.equal(w.link.memory.frames.used, 0);
  });

  test('closing it oneself is no reason', () => {
    const w = new World();
    w.link.close();
    w.link.end('late');
    assert.deepEqual(w.reasons, []);
  });

  test('while write says false there is no room; drained() brings it back', () => {
    const w = new World();
    let woken = 0;
    w.link.wake(() => woken++);
    w.accept = false;
    pushFrame(w.link.memory, tx, testFrame('ip', 1, 60));
    assert.equal(w.link.transmit(tx), 1);
    assert.equal(w.link.room(), 0);
    pushFrame(w.link.memory, tx, testFrame('ip', 2, 60));
    assert.equal(w.link.transmit(tx), 0);
    assert.deepEqual(w.link.counters.drops, { link_full: 1 });
    assert.equal(w.written.length, 1);
    w.accept = true;
    w.link.drained();
    assert.equal(woken, 1);
    assert.ok(w.link.room() > 0);
    w.link.drained();
    assert.equal(woken, 1, 'nobody had been told that there is no room');
    w.end();
  });

  test('push says false when enough waits, and resume is called when half of it has been received', () => {
    const w = new World({ queue: 8 });
    for (let i = 0; i < 7; i++) assert.ok(w.link.push(testFrame('ip', i, 60)));
    assert.equal(w.link.push(testFrame('ip', 7, 60)), false);
    assert.equal(w.resumed, 0);
    assert.equal(w.take().length, 8);
    assert.equal(w.resumed, 1);
    assert.ok(w.link.push(testFrame('ip', 8, 60)));
    w.end();
  });

  test('a long queue is resumed at its half, not at its end', () => {
    const w = new World({ memory: makeMemory(700, 1), queue: 600 });
    for (let i = 0; i < 600; i++) assert.equal(w.link.push(testFrame('ip', i, 60)), i < 599);
    for (const [left, resumed] of [
      [344, 0],
      [88, 1],
    ] as const) {
      assert.equal(w.link.receive(rx), 256);
      w.link.release(rx);
      assert.equal(w.resumed, resumed, `${left} left`);
    }
    w.end();
  });

  test('what does not fit is dropped and counted, and the stream stays in step', () => {
    const w = new World({ memory: makeMemory(4, 1), queue: 100 });
    const frames = Array.from({ length: 9 }, (_, i) => testFrame('ip', i, 300));
    for (const piece of chop(Buffer.concat(frames), [111])) w.link.push(piece);
    assert.deepEqual(w.link.counters.drops, { no_memory: 4 });
    assert.deepEqual(w.take(), frames.slice(0, 5));
    w.link.push(frames[8]!);
    assert.deepEqual(w.take(), [frames[8]]);
    w.end();
  });

  test('a packet whose header lies about its length is not put on the stream', () => {
    const w = new World();
    const short = testFrame('ip', 1, 100);
    pushFrame(w.link.memory, tx, short.slice(0, 99));
    pushFrame(w.link.memory, tx, testFrame('ip', 2, 100));
    pushFrame(w.link.memory, tx, Uint8Array.from([1, 2, 3]));
    pushFrame(w.link.memory, tx, testFrame('ip', 3, 1501));
    assert.equal(w.link.transmit(tx), 1);
    assert.deepEqual(w.written, [testFrame('ip', 2, 100)]);
    assert.deepEqual(w.link.counters.drops, { bad_length: 2, too_big: 1 });
    w.end();
  });

  test('noise by the thousand never throws and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 40 }), fc.boolean(), (pieces, ethernet) => {
        const w = new World({ medium: ethernet ? 'ethernet' : 'ip', queue: 4 });
        for (const piece of pieces) w.link.push(piece);
        w.take();
        w.end();
      }),
    );
  });

  test('can do no more than a stream can', () => {
    const { caps } = new World({ mtu: 1280 }).link;
    assert.deepEqual(caps, { medium: 'ip', mtu: 1280, gso: 0, txChecksum: 'full', gather: false, loopback: false });
    const link: Link = new StreamLink({ memory: makeMemory(1, 1), write: () => true });
    assert.equal(link.pollAt(), Infinity);
  });
});
