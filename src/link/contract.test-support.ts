// The contract of Link, as tests: what every link and every wrapper must do, whatever it is made of.
// Run by the tests of each link on a pair of connected links; calls the links and packets.test-support.
// Length: one contract, read as a whole by whoever writes a link.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BATCH, type Link, RX_SUM_GOOD, RX_SUM_PARTIAL, RxBatch, TxBatch } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { Checksum } from '../wire/checksum.ts';
import { completeReceived, Transport } from './offload.ts';
import {
  decode,
  type Medium,
  markPartial,
  markSuperframe,
  packet,
  pattern,
  pushFrame,
  shortestFrame,
  tcp,
  testFrame,
  transportStart,
} from './packets.test-support.ts';

/** Two links of which each receives what the other sends; both new, with memory that nobody else uses. */
export interface LinkPair {
  readonly a: Link;
  readonly b: Link;
  /** Lets everything that was sent arrive, where that takes real time. */
  readonly settle?: () => void | Promise<void>;
  /** The virtual clock of links that have one: moved on to the time at which one of them wants a pass. */
  readonly clock?: { now: number };
  /** Takes down what close() of both does not. */
  readonly done?: () => void | Promise<void>;
  /** Whether a received frame is one of ours: a kernel sends some of its own accord. Default: all are. */
  readonly ours?: (frame: Uint8Array) => boolean;
  /** The ordinary frame of `length` bytes, where addresses matter. Default: testFrame of packets.test-support. */
  readonly frame?: (index: number, length: number) => Uint8Array;
}

interface Received {
  readonly bytes: Uint8Array;
  readonly flags: number;
}

/** A pair, and what tests do with it. */
class Bench {
  readonly pair: LinkPair;
  readonly medium: Medium;
  readonly rx: RxBatch = new RxBatch();
  readonly tx: TxBatch = new TxBatch();
  readonly #nothing: TxBatch = new TxBatch();
  readonly header: number;

  constructor(pair: LinkPair) {
    this.pair = pair;
    this.medium = pair.a.caps.medium;
    this.header = this.medium === 'ethernet' ? 14 : 0;
  }

  frame(index: number, length: number): Uint8Array {
    return this.pair.frame?.(index, length) ?? testFrame(this.medium, index, length);
  }

  /** Memory for pieces, in the sender's arena. */
  scratch(bytes: number): number {
    return this.pair.a.memory.arena.region('scratch', bytes);
  }

  /** Sends whole frames, as many at a time as there is room for. */
  async send(frames: readonly Uint8Array[]): Promise<Received[]> {
    const { a } = this.pair;
    const got: Received[] = [];
    for (let at = 0; at < frames.length; ) {
      const room = Math.min(a.room(), BATCH, frames.length - at);
      for (let i = 0; i < room; i++) pushFrame(a.memory, this.tx, frames[at + i]!);
      assert.equal(a.transmit(this.tx), room, 'frames taken within room()');
      assert.equal(this.tx.count, 0);
      at += room;
      got.push(...(await this.drain()));
      if (room === 0) assert.ok(a.room() > 0, 'room after everything was received');
    }
    return got;
  }

  /** Lets everything that A has sent come to B, as passes of A would, without receiving any of it. */
  async arrive(): Promise<void> {
    const { a, clock } = this.pair;
    await this.pair.settle?.();
    a.transmit(this.#nothing);
    while (clock !== undefined && a.pollAt() !== Infinity) {
      clock.now = Math.max(clock.now, a.pollAt());
      a.transmit(this.#nothing);
    }
  }

  /** Receives one batch, once B says that it has one; 0 if there is nothing more. */
  async receive(): Promise<number> {
    const { b, clock } = this.pair;
    for (;;) {
      await this.arrive();
      const n = b.receive(this.rx);
      if (n > 0 || clock === undefined || b.pollAt() === Infinity) return n;
      clock.now = Math.max(clock.now, b.pollAt());
    }
  }

  /** Receives until there is nothing more. */
  async drain(): Promise<Received[]> {
    const { b } = this.pair;
    const out: Received[] = [];
    while ((await this.receive()) > 0) {
      out.push(...this.look(b));
      b.release(this.rx);
      assert.equal(this.rx.count, 0);
    }
    return out;
  }

  /** Copies of the frames of the batch that was received. */
  look(link: Link): Received[] {
    const { u8 } = link.memory.arena;
    const out: Received[] = [];
    assert.ok(this.rx.count <= BATCH);
    for (let i = 0; i < this.rx.count; i++) {
      const offset = this.rx.offset[i]!;
      const end = offset + this.rx.length[i]!;
      assert.ok(end <= link.memory.frames.end(offset), 'a frame ends inside its frame');
      assert.ok(link.memory.frames.end(offset - HEADROOM + 64) === link.memory.frames.end(offset), 'headroom');
      const bytes = u8.slice(offset, end);
      if (this.pair.ours?.(bytes) ?? true) out.push({ bytes, flags: this.rx.flags[i]! });
    }
    return out;
  }

  async close(): Promise<void> {
    const { a, b } = this.pair;
    if (this.rx.count > 0) b.release(this.rx);
    a.close();
    b.close();
    await this.pair.done?.();
    assert.equal(a.memory.frames.used, 0, 'frames of A not returned');
    assert.equal(b.memory.frames.used, 0, 'frames of B not returned');
  }
}

function assertSame(got: readonly Received[], sent: readonly Uint8Array[]): void {
  assert.equal(got.length, sent.length);
  got.forEach((one, i) => {
    assert.deepEqual(one.bytes, sent[i], `frame ${i}`);
  });
}

/** Sum of all drops of a link. */
function drops(link: Link): number {
  return Object.values(link.counters.drops).reduce((a, b) => a + b, 0);
}

/**
 * Declares the tests of the contract for the links that `makePair` makes; `skip` gives the reason why they cannot run here.
 */
export function linkContract(
  name: string,
  makePair: () => LinkPair | Promise<LinkPair>,
  skip: string | false = false,
): void {
  describe(`${name} keeps the contract of a link`, { skip }, () => {
    const check = (what: string, run: (bench: Bench) => Promise<void> | void): void => {
      test(what, async () => {
        const bench = new Bench(await makePair());
        await run(bench);
        await bench.close();
      });
    };
    frameTests(check);
    ownershipTests(check);
    roomTests(check);
    wakeTests(check);
    offloadTests(check);
  });
}

type Check = (what: string, run: (bench: Bench) => Promise<void> | void) => void;

function frameTests(check: Check): void {
  check('frames arrive in order, with their lengths and bytes, in both directions', async (bench) => {
    const { a, b, ...rest } = bench.pair;
    for (const pair of [bench.pair, { ...rest, a: b, b: a }]) {
      const longest = bench.header + a.caps.mtu;
      const shortest = shortestFrame(bench.medium);
      const frames = Array.from({ length: 2 * BATCH + 3 }, (_, i) =>
        bench.frame(i, Math.min(longest, shortest + 4 + ((i * 89) % 1400))),
      );
      assertSame(await new Bench(pair).send(frames), frames);
    }
  });

  check('a frame of the largest size passes; one byte more is dropped and counted', async (bench) => {
    const { a } = bench.pair;
    const largest = bench.frame(1, bench.header + Math.min(a.caps.mtu, 65535));
    assertSame(await bench.send([largest]), [largest]);
    if (a.caps.mtu >= 65535) return;
    const before = drops(a);
    pushFrame(a.memory, bench.tx, bench.frame(2, largest.length + 1));
    a.transmit(bench.tx);
    assertSame(await bench.drain(), []);
    assert.equal(drops(a), before + 1);
  });

  check('pieces are joined, however they are cut', async (bench) => {
    const { a } = bench.pair;
    const at = bench.scratch(65536);
    const cuts = [[1], [1, 1, 1], [0, 5, 0], [63, 64, 65], [700, 1, 300], new Array<number>(20).fill(30), [1200], []];
    const sent: Uint8Array[] = [];
    const got: Received[] = [];
    for (const [i, cut] of cuts.entries()) {
      const first = bench.header + 28 + (i % 3);
      // Pieces lie backwards and apart in memory.
      const pieces = cut.map((length, p) => ({ offset: at + i * 4000 + (cut.length - p) * (length + 3), length }));
      const bytes = bench.frame(i, first + cut.reduce((x, y) => x + y, 0));
      pushFrame(a.memory, bench.tx, bytes, first, pieces);
      sent.push(bytes);
      if (i < cuts.length - 1 && bench.tx.count < a.room()) continue;
      const n = bench.tx.count;
      assert.equal(a.transmit(bench.tx), n);
      // They are the sender's again.
      a.memory.arena.u8.fill(0xee, at, at + 65536);
      got.push(...(await bench.drain()));
    }
    assertSame(got, sent);
  });

  check('an empty batch sends nothing, an empty link gives nothing', async (bench) => {
    const { a, b } = bench.pair;
    assert.equal(a.transmit(bench.tx), 0);
    await bench.drain();
    bench.rx.count = 5;
    bench.rx.offset.fill(0);
    assert.equal(b.receive(bench.rx), 0);
    assert.equal(bench.rx.count, 0);
    b.release(bench.rx);
  });

  check('counts frames and bytes', async (bench) => {
    const { a, b } = bench.pair;
    const before = { tx: { ...a.counters }, rx: { ...b.counters } };
    const frames = [100, 200, 300].map((length, i) => bench.frame(i, length));
    assertSame(await bench.send(frames), frames);
    assert.equal(a.counters.txFrames, before.tx.txFrames + 3);
    assert.equal(a.counters.txBytes, before.tx.txBytes + 600);
    // A real device may have received more than ours.
    assert.ok(b.counters.rxFrames >= before.rx.rxFrames + 3);
    assert.ok(b.counters.rxBytes >= before.rx.rxBytes + 600);
    if (bench.pair.ours === undefined) assert.equal(b.counters.rxFrames, before.rx.rxFrames + 3);
    assert.equal(drops(a), 0);
  });

  check('says what it can do, and stays with it', (bench) => {
    for (const link of [bench.pair.a, bench.pair.b]) {
      const { caps } = link;
      assert.ok(caps.mtu >= 68);
      assert.ok(caps.gso === 0 || caps.gso > caps.mtu || caps.mtu >= 65535);
      assert.equal(link.caps, caps);
      assert.equal(link.memory, link.memory);
      assert.equal(link.counters, link.counters);
    }
    assert.equal(bench.pair.a.pollAt(), Infinity);
  });
}

function ownershipTests(check: Check): void {
  check('a received frame is its receiver’s until release, and beyond if its offset is 0', async (bench) => {
    const { a, b } = bench.pair;
    const frames = [0, 1, 2].map((i) => bench.frame(i, 100 + i));
    for (const frame of frames) pushFrame(a.memory, bench.tx, frame);
    a.transmit(bench.tx);
    const kept: [number, Uint8Array][] = [];
    while (kept.length < 3) {
      assert.ok((await bench.receive()) > 0);
      for (let i = 0; i < bench.rx.count; i++) {
        const offset = bench.rx.offset[i]!;
        const bytes = b.memory.arena.u8.slice(offset, offset + bench.rx.length[i]!);
        if (!(bench.pair.ours?.(bytes) ?? true)) continue;
        kept.push([offset, bytes]);
        bench.rx.offset[i] = 0;
      }
      b.release(bench.rx);
    }
    // More traffic does not touch what was kept.
    await bench.send(Array.from({ length: 50 }, (_, i) => bench.frame(90 + i, 200)));
    kept.forEach(([offset, bytes], i) => {
      assert.deepEqual(bytes, frames[i]);
      assert.deepEqual(b.memory.arena.u8.slice(offset, offset + bytes.length), bytes);
      b.memory.frames.free(offset);
    });
  });

  check('close returns every frame, in whatever state, and may be called again', async (bench) => {
    const { a, b } = bench.pair;
    for (let i = 0; i < 20; i++) pushFrame(a.memory, bench.tx, bench.frame(i, 300));
    a.transmit(bench.tx);
    await bench.arrive();
    b.close();
    a.close();
    b.close();
    for (const link of [a, b]) {
      assert.equal(link.receive(bench.rx), 0);
      assert.equal(link.room(), 0);
      assert.equal(link.pollAt(), Infinity);
      pushFrame(link.memory, bench.tx, bench.frame(0, 100));
      assert.equal(link.transmit(bench.tx), 0);
      assert.equal(bench.tx.count, 0);
    }
  });

  check('frames received before close can be released after it', async (bench) => {
    const { a, b } = bench.pair;
    pushFrame(a.memory, bench.tx, bench.frame(0, 300));
    a.transmit(bench.tx);
    assert.ok((await bench.receive()) > 0);
    b.close();
    b.release(bench.rx);
  });
}

function roomTests(check: Check): void {
  check('takes as many frames as room() says; what is beyond is dropped, counted and freed', async (bench) => {
    const { a } = bench.pair;
    let sent = 0;
    // A link whose other end always takes more never says 0.
    for (let room = a.room(); room > 0 && sent < 20000; room = a.room()) {
      const n = Math.min(room, BATCH, 400);
      if (a.memory.frames.small.available < n + 10) break;
      for (let i = 0; i < n; i++) pushFrame(a.memory, bench.tx, bench.frame(sent + i, 60));
      assert.equal(a.transmit(bench.tx), n);
      sent += n;
    }
    let beyond = 0;
    const before = drops(a);
    if (a.room() === 0) {
      beyond = 7;
      for (let i = 0; i < beyond; i++) pushFrame(a.memory, bench.tx, bench.frame(i, 60));
      assert.equal(a.transmit(bench.tx), 0);
      assert.equal(drops(a), before + beyond);
    }
    const got = await bench.drain();
    assert.equal(got.length, sent);
    assert.ok(a.room() > 0);
  });
}

function wakeTests(check: Check): void {
  check('wake is called when frames arrive after receive said 0', async (bench) => {
    const { b } = bench.pair;
    let calls = 0;
    await bench.drain();
    b.wake(() => calls++);
    for (let round = 1; round <= 3; round++) {
      const before = calls;
      assert.equal((await bench.send([bench.frame(round, 100)])).length, 1);
      assert.ok(calls > before, `round ${round}`);
      assert.equal(b.receive(bench.rx), 0);
    }
  });

  check('wake is called at once where frames wait already', async (bench) => {
    const { a, b } = bench.pair;
    let calls = 0;
    pushFrame(a.memory, bench.tx, bench.frame(0, 100));
    a.transmit(bench.tx);
    await bench.arrive();
    b.wake(() => calls++);
    await bench.pair.settle?.();
    assert.ok(calls > 0);
  });

  check('wake is called when there is room again after room said 0', async (bench) => {
    const { a } = bench.pair;
    let calls = 0;
    a.wake(() => calls++);
    let sent = 0;
    while (a.room() > 0 && sent < 20000 && a.memory.frames.small.available > 200) {
      const n = Math.min(a.room(), 100);
      for (let i = 0; i < n; i++) pushFrame(a.memory, bench.tx, bench.frame(i, 60));
      a.transmit(bench.tx);
      sent += n;
    }
    const full = a.room() === 0;
    calls = 0;
    await bench.drain();
    if (full) assert.ok(calls > 0);
    assert.ok(a.room() > 0);
  });
}

function offloadTests(check: Check): void {
  check('a partial checksum arrives complete, or is marked as partial', async (bench) => {
    const { a } = bench.pair;
    if (a.caps.txChecksum !== 'partial') return;
    for (const version of [4, 6] as const) {
      for (const protocol of [6, 17] as const) {
        const data = pattern(333, version);
        const transport =
          protocol === 6 ? tcp(7, 24, [], data) : [0x30, 0x39, 0, 53, (333 + 8) >> 8, (333 + 8) & 255, 0, 0, ...data];
        const parts = { medium: bench.medium, version, protocol, transport };
        const i = pushFrame(a.memory, bench.tx, packet({ ...parts, partial: true }));
        markPartial(bench.tx, i, transportStart(parts), protocol === 6 ? 16 : 6);
        a.transmit(bench.tx);
        const got = (await bench.drain()).map((one) => completed(one, bench.medium));
        assertSame(got, [packet(parts)]);
      }
    }
  });

  check('a superframe arrives whole with a partial checksum, or as right segments', async (bench) => {
    const { a } = bench.pair;
    if (a.caps.gso === 0) return;
    const at = bench.scratch(65536);
    for (const version of [4, 6] as const) {
      const data = pattern(Math.min(a.caps.gso, 60000) - 100, version);
      const parts = { medium: bench.medium, version, protocol: 6 as const, transport: tcp(1000, 24, [], data) };
      const start = transportStart(parts);
      const bytes = packet({ ...parts, partial: true });
      const i = pushFrame(a.memory, bench.tx, bytes, start + 20, [{ offset: at, length: data.length }]);
      markSuperframe(bench.tx, i, version, start, start + 20, 1448);
      assert.equal(a.transmit(bench.tx), 1);
      const got = (await bench.drain()).map((one) => decode(completed(one, bench.medium).bytes, bench.medium));
      assert.deepEqual(
        got.flatMap((one) => one.data),
        data,
      );
      let seq = 1000;
      for (const one of got) {
        assert.equal(one.seq, seq);
        seq += one.data.length;
      }
    }
  });

  check('flags say no more than the link knows', async (bench) => {
    const frames = [0, 1, 2].map((i) => bench.frame(i, 200));
    for (const one of await bench.send(frames)) {
      assert.equal(one.flags & ~(RX_SUM_GOOD | RX_SUM_PARTIAL), 0);
      if ((one.flags & RX_SUM_PARTIAL) === 0) decode(one.bytes, bench.medium);
    }
  });
}

/** A received frame with its checksum completed, if that was left to us. */
function completed(one: Received, medium: Medium): Received {
  if ((one.flags & RX_SUM_PARTIAL) === 0) return one;
  const memory = new WebAssembly.Memory({ initial: 2 });
  const u8 = new Uint8Array(memory.buffer);
  u8.set(one.bytes);
  completeReceived(u8, new Checksum(memory), new Transport(), 0, one.bytes.length, medium);
  return { bytes: u8.slice(0, one.bytes.length), flags: 0 };
}
