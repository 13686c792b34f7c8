// Tests of the link over a descriptor, on a pair of sockets that keep messages apart: no device and no privilege needed.
// Run by node:test; calls frame-device.ts.

import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { needs } from '../../test/support/privileges.ts';
import { Arena } from '../base/arena.ts';
import {
  BATCH,
  type LinkCaps,
  type LinkMemory,
  RX_SUM_GOOD,
  RX_SUM_PARTIAL,
  RxBatch,
  TX_GSO_TCP4,
  TX_SUM_PARTIAL,
  TxBatch,
} from '../base/link.ts';
import { Frames, HEADROOM, LARGE_FRAME, SMALL_FRAME } from '../base/pool.ts';
import { FrameDevice } from './frame-device.ts';
import { wire } from './netns.test-support.ts';
import { VNET_HEADER } from './vnet.ts';

const caps: LinkCaps = { medium: 'ip', mtu: 65549, gso: 65535, txChecksum: 'partial', gather: true, loopback: false };

function memory(small = 600, large = 100): LinkMemory {
  const arena = new Arena(small * SMALL_FRAME + large * LARGE_FRAME + 65536 * 4);
  return { arena, frames: new Frames(arena, small, large) };
}

interface Pair {
  a: FrameDevice;
  b: FrameDevice;
  mem: LinkMemory;
}

/** Two devices that share one memory; at the end both are closed and every frame must be back. */
function pair(t: { after(fn: () => void): void }, mem = memory(), trustChecksums = true): Pair {
  const [one, other] = wire();
  const a = new FrameDevice({ fd: one, memory: mem, caps, trustChecksums });
  const b = new FrameDevice({ fd: other, memory: mem, caps, trustChecksums });
  t.after(() => {
    a.close();
    b.close();
    assert.equal(mem.frames.used, 0, 'frames lost');
  });
  return { a, b, mem };
}

/** Adds a frame of `length` bytes in one piece that count up from `seed`. */
function push(mem: LinkMemory, batch: TxBatch, length: number, seed: number): number {
  const frame = mem.frames.alloc(length);
  assert.notEqual(frame, 0);
  for (let i = 0; i < length; i++) mem.arena.u8[frame + HEADROOM + i] = seed + i;
  return batch.push(frame + HEADROOM, length);
}

function checkBytes(mem: LinkMemory, offset: number, length: number, seed: number): void {
  for (let i = 0; i < length; i++) assert.equal(mem.arena.u8[offset + i], (seed + i) & 255, `byte ${i} of ${length}`);
}

describe('a link over a descriptor', needs({ koffi: true }), () => {
  test('frames of every size arrive whole, short ones in small frames', (t) => {
    const { a, b, mem } = pair(t);
    const tx = new TxBatch();
    const rx = new RxBatch();
    const room = SMALL_FRAME - HEADROOM;
    for (const length of [1, 20, 60, 1500, 1514, room - 1, room, room + 1, room + 2, 4096, 65535, 65549]) {
      push(mem, tx, length, length);
      assert.equal(a.transmit(tx), 1);
      assert.equal(tx.count, 0);
      assert.equal(b.receive(rx), 1);
      assert.equal(rx.length[0], length);
      assert.equal(mem.frames.small.owns(rx.offset[0]!), length <= room);
      assert.ok(rx.offset[0]! - mem.frames.small.base >= HEADROOM);
      checkBytes(mem, rx.offset[0]!, length, length);
      b.release(rx);
      assert.equal(mem.frames.used, 0);
    }
    assert.deepEqual([a.counters.txFrames, b.counters.rxFrames], [12, 12]);
    assert.equal(a.counters.txBytes, b.counters.rxBytes);
    assert.equal(b.receive(rx), 0);
  });

  test('pieces go out from where they lie, also very many of them', (t) => {
    const { a, b, mem } = pair(t);
    const at = mem.arena.region('payload', 65536);
    for (let i = 0; i < 65536; i++) mem.arena.u8[at + i] = i * 7;
    const tx = new TxBatch();
    const rx = new RxBatch();
    for (const [pieces, bytes] of [
      [1, 1448],
      [16, 4000],
      [255, 100],
      [256, 100],
      [1200, 50],
    ] as const) {
      push(mem, tx, 40, 9);
      for (let p = 0; p < pieces; p++) tx.pushPiece(at + p, bytes);
      push(mem, tx, 30, 3);
      assert.equal(a.transmit(tx), 2);
      assert.equal(tx.pieceCount, 0);
      assert.equal(b.receive(rx), 2);
      assert.equal(rx.length[0], 40 + pieces * bytes);
      checkBytes(mem, rx.offset[0]!, 40, 9);
      for (let p = 0; p < pieces; p++) {
        for (let i = 0; i < bytes; i += 13) {
          assert.equal(mem.arena.u8[rx.offset[0]! + 40 + p * bytes + i], ((p + i) * 7) & 255);
        }
      }
      checkBytes(mem, rx.offset[1]!, 30, 3);
      b.release(rx);
    }
  });

  test('what is to be summed or cut is said in the header, and nothing else', (t) => {
    const { a, mem } = pair(t);
    const tx = new TxBatch();
    const header = (): number[] => {
      const i = push(mem, tx, 60, 1);
      const at = tx.offset[i]! - VNET_HEADER;
      mem.arena.u8.fill(0xee, at, at + VNET_HEADER);
      return [i, at];
    };
    const [plain, plainAt] = header();
    const [sum, sumAt] = header();
    tx.flags[sum!] = TX_SUM_PARTIAL;
    tx.csumStart[sum!] = 34;
    tx.csumOffset[sum!] = 6;
    tx.headerLength[sum!] = 4711; // of no meaning here
    const [cut, cutAt] = header();
    tx.flags[cut!] = TX_GSO_TCP4 | TX_SUM_PARTIAL;
    tx.csumStart[cut!] = 34;
    tx.csumOffset[cut!] = 16;
    tx.headerLength[cut!] = 0x136;
    tx.gsoSize[cut!] = 1448;
    assert.equal(plain, 0);
    assert.equal(a.transmit(tx), 3);
    const u8 = mem.arena.u8;
    assert.deepEqual([...u8.slice(plainAt, plainAt! + 10)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual([...u8.slice(sumAt, sumAt! + 10)], [1, 0, 0, 0, 0, 0, 34, 0, 6, 0]);
    assert.deepEqual([...u8.slice(cutAt, cutAt! + 10)], [1, 1, 0x36, 1, 0xa8, 5, 34, 0, 16, 0]);
  });

  test('a batch keeps its order, and a full device holds what it has no room for', async (t) => {
    const mem = memory(900, 40);
    const { a, b } = pair(t, mem);
    const tx = new TxBatch();
    const rx = new RxBatch();
    let woken = 0;
    a.wake(() => woken++);
    let sent = 0;
    // The sockets hold some 200 kB: far less than this.
    while (a.room() > 0) {
      for (let i = 0; i < 100; i++) push(mem, tx, 1000, sent + i);
      const at = tx.offset[99]!;
      tx.pushPiece(at, 7); // a piece that holds still only now
      sent += a.transmit(tx);
    }
    assert.equal(a.room(), 0);
    const before = woken;
    push(mem, tx, 10, 0);
    assert.equal(a.transmit(tx), 0);
    assert.deepEqual(a.counters.drops, { link_full: 1 });
    let seen = 0;
    for (let turns = 0; seen < sent && turns < 50; turns++) {
      for (let n = b.receive(rx); n > 0; n = b.receive(rx)) {
        for (let i = 0; i < n; i++, seen++) {
          checkBytes(mem, rx.offset[i]!, 1000, seen);
          assert.equal(rx.length[i], seen % 100 === 99 ? 1007 : 1000);
        }
        b.release(rx);
      }
      await turn(); // past libuv's poll phase
      await turn();
      a.room(); // what a stack does when it is woken
    }
    assert.equal(seen, sent);
    assert.ok(woken > before, 'not woken when room came back');
    assert.equal(a.room(), BATCH);
    const quiet = woken;
    await wait(10);
    assert.equal(woken, quiet, 'woken without need');
  });

  test('closing with frames held gives them back', (t) => {
    const mem = memory(600, 10);
    const { a, b } = pair(t, mem);
    const tx = new TxBatch();
    while (a.room() > 0) {
      for (let i = 0; i < 200; i++) push(mem, tx, 1500, i);
      a.transmit(tx);
    }
    // Some of those held go out after all.
    const rx = new RxBatch();
    b.receive(rx);
    b.release(rx);
    const held = mem.frames.used;
    assert.equal(a.room(), 0);
    assert.ok(mem.frames.used > 0 && mem.frames.used < held);
    a.close();
    assert.equal(mem.frames.used, 0);
    push(mem, tx, 100, 1);
    assert.equal(a.transmit(tx), 0);
    assert.deepEqual([a.room(), a.receive(new RxBatch()), a.counters.drops['link_closed']], [0, 0, 1]);
    a.close();
  });

  test('a pass is bounded in frames and in bytes', (t) => {
    const { a, b, mem } = pair(t);
    const tx = new TxBatch();
    const rx = new RxBatch();
    for (let i = 0; i < 100; i++) push(mem, tx, 40, i);
    assert.equal(a.transmit(tx), 100);
    assert.equal(b.receive(rx), 64);
    b.release(rx);
    assert.equal(b.receive(rx), 36);
    b.release(rx);
  });

  test('without memory frames are dropped and counted; a small pool alone still takes small ones', (t) => {
    const mem = memory(8, 2);
    const { a, b } = pair(t, mem);
    const tx = new TxBatch();
    const rx = new RxBatch();
    push(mem, tx, 5000, 1);
    push(mem, tx, 100, 2);
    push(mem, tx, 200, 3);
    assert.equal(a.transmit(tx), 3);
    const taken = [mem.frames.large.alloc(), mem.frames.large.alloc()];
    assert.equal(b.receive(rx), 2); // 5,000 bytes did not fit
    checkBytes(mem, rx.offset[0]!, 100, 2);
    b.release(rx);
    assert.equal(b.counters.drops['no_memory'], 1);
    push(mem, tx, 300, 4);
    push(mem, tx, 400, 5);
    a.transmit(tx);
    for (let f = mem.frames.small.alloc(); f !== 0; f = mem.frames.small.alloc()) taken.push(f);
    assert.equal(b.receive(rx), 0);
    assert.equal(b.counters.drops['no_memory'], 3);
    mem.frames.free(taken.shift()!);
    push(mem, tx, 100, 6); // takes the large frame that is free
    a.transmit(tx);
    assert.equal(b.receive(rx), 1); // and so does the receiver, after it
    checkBytes(mem, rx.offset[0]!, 100, 6);
    b.release(rx);
    for (const frame of taken) mem.frames.free(frame);
  });

  test('what exceeds the MTU is dropped and counted, a superframe by its own limit', () => {
    const mem = memory();
    const [one, other] = wire();
    const a = new FrameDevice({
      fd: one,
      memory: mem,
      caps: { ...caps, medium: 'ethernet', mtu: 1500 },
      trustChecksums: true,
    });
    const b = new FrameDevice({ fd: other, memory: mem, caps, trustChecksums: true });
    const tx = new TxBatch();
    const rx = new RxBatch();
    for (const length of [1514, 1515]) push(mem, tx, length, 1);
    for (const length of [65549, 65550]) tx.flags[push(mem, tx, length, 1)] = TX_GSO_TCP4 | TX_SUM_PARTIAL;
    a.transmit(tx);
    assert.deepEqual([a.counters.txFrames, a.counters.drops], [2, { too_big: 2 }]);
    b.receive(rx);
    assert.deepEqual([...rx.length.slice(0, rx.count)], [1514, 65549]);
    b.release(rx);
    for (const link of [a, b]) link.close();
    assert.equal(mem.frames.used, 0);
  });

  test('a device that vouches for a checksum is believed only where that is asked for', (t) => {
    const [one, other] = wire();
    const mem = memory();
    const rx = new RxBatch();
    t.after(() => closeSync(one));
    for (const trustChecksums of [true, false]) {
      const link = new FrameDevice({ fd: other, memory: mem, caps, trustChecksums });
      for (const flags of [0, 1, 2, 3]) writeSync(one, Uint8Array.of(flags, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 8, 9));
      assert.equal(link.receive(rx), 4);
      const good = trustChecksums ? RX_SUM_GOOD : 0;
      assert.deepEqual([...rx.flags.slice(0, 4)], [0, RX_SUM_PARTIAL, good, RX_SUM_PARTIAL]);
      link.release(rx);
      if (!trustChecksums) link.close();
    }
  });

  test('frames that the caller keeps stay its own', (t) => {
    const { a, b, mem } = pair(t);
    const tx = new TxBatch();
    const rx = new RxBatch();
    push(mem, tx, 100, 1);
    push(mem, tx, 100, 2);
    a.transmit(tx);
    assert.equal(b.receive(rx), 2);
    const kept = rx.offset[0]!;
    rx.offset[0] = 0;
    b.release(rx);
    assert.equal(mem.frames.used, 1);
    mem.frames.free(kept);
  });

  test('wakes when frames have come, and rests when there are none', async (t) => {
    const { a, b, mem } = pair(t);
    const tx = new TxBatch();
    const rx = new RxBatch();
    let woken = 0;
    b.wake(() => {
      woken++;
      b.receive(rx);
      b.release(rx);
    });
    await wait(5);
    assert.equal(woken, 0);
    push(mem, tx, 100, 1);
    a.transmit(tx);
    await wait(5);
    assert.equal(woken, 1);
  });

  test('an end of the other side closes the link and is told once', async (t) => {
    const [one, other] = wire();
    const mem = memory();
    let gone = 0;
    const a = new FrameDevice({ fd: one, memory: mem, caps, trustChecksums: true, onGone: () => gone++ });
    const b = new FrameDevice({ fd: other, memory: mem, caps, trustChecksums: true });
    t.after(() => a.close());
    a.wake(() => a.receive(new RxBatch()));
    b.close();
    await wait(10);
    assert.equal(gone, 1);
    assert.equal(a.room(), 0);
    const tx = new TxBatch();
    push(mem, tx, 100, 1);
    assert.equal(a.transmit(tx), 0);
    assert.equal(mem.frames.used, 0);
  });

  test('in steady state a frame allocates nothing', (t) => {
    const { a, b, mem } = pair(t);
    const tx = new TxBatch();
    const rx = new RxBatch();
    const round = (): void => {
      for (let i = 0; i < 16; i++) tx.push(mem.frames.alloc(100) + HEADROOM, 100);
      a.transmit(tx);
      b.receive(rx);
      b.release(rx);
    };
    for (let i = 0; i < 1500; i++) round();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) round();
    const grown = process.memoryUsage().heapUsed - before;
    // 8,000 frames both ways; a heap number each would be 128 kB at least.
    assert.ok(grown < 100_000, `${grown} bytes`);
  });
});
