// Tests of the memory link and of loopback: the contract in every configuration, and what is theirs alone.
// Run by node:test; calls memory.ts, loopback.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BATCH, type Link, RX_SUM_PARTIAL, RxBatch, TxBatch } from '../base/link.ts';
import { HEADROOM, SMALL_FRAME } from '../base/pool.ts';
import { linkContract } from './contract.test-support.ts';
import { loopbackLink } from './loopback.ts';
import { type MemoryLinkSettings, memoryLink } from './memory.ts';
import {
  decode,
  makeMemory,
  markPartial,
  markSuperframe,
  packet,
  pattern,
  pushFrame,
  tcp,
  testFrame,
  transportStart,
} from './packets.test-support.ts';

const veth: MemoryLinkSettings = { medium: 'ethernet', gso: 65535, txChecksum: 'partial' };

function pairOf(settings: MemoryLinkSettings & { wholeToB?: boolean }, shared: boolean): { a: Link; b: Link } {
  const one = makeMemory();
  const [a, b] = memoryLink({ a: one, b: shared ? one : makeMemory(), ...settings });
  return { a, b };
}

linkContract('memory (raw IP)', () => pairOf({}, false));
linkContract('memory with shared frames', () => pairOf({}, true));
linkContract('memory like veth', () => pairOf(veth, false));
linkContract('memory like veth with shared frames', () => pairOf(veth, true));
linkContract('memory that cuts superframes', () => pairOf({ ...veth, wholeToB: false }, false));
linkContract('memory that cuts superframes, with shared frames', () => pairOf({ ...veth, wholeToB: false }, true));
linkContract('memory with a short queue', () => pairOf({ queue: 3, mtu: 9000 }, false));

// What is sent comes back: one link is both ends.
linkContract('loopback', () => {
  const link = loopbackLink(makeMemory(1024, 16));
  return { a: link, b: link };
});
linkContract('loopback on Ethernet, without offloads', () => {
  const link = loopbackLink(makeMemory(), { medium: 'ethernet', mtu: 1500, gso: 0, txChecksum: 'full' });
  return { a: link, b: link };
});

describe('memory link', () => {
  const rx = new RxBatch();
  const tx = new TxBatch();

  test('ends that share their frames pass the frame on, payload copied behind the header', () => {
    const memory = makeMemory();
    const [a, b] = memoryLink({ a: memory, b: memory });
    const at = memory.arena.region('payload', 2048);
    const bytes = testFrame('ip', 1, 1500);
    const i = pushFrame(memory, tx, bytes, 40, [{ offset: at, length: 1460 }]);
    const offset = tx.offset[i]!;
    a.transmit(tx);
    assert.equal(memory.frames.used, 1);
    assert.equal(b.receive(rx), 1);
    assert.equal(rx.offset[0], offset);
    assert.deepEqual(memory.arena.u8.slice(offset, offset + 1500), bytes);
    b.release(rx);
    assert.equal(memory.frames.used, 0);
  });

  test('pieces that do not fit behind the header move the frame to a larger one', () => {
    const memory = makeMemory(4, 2);
    const [a, b] = memoryLink({ a: memory, b: memory, mtu: 9000 });
    const at = memory.arena.region('payload', 9000);
    const bytes = testFrame('ip', 1, 9000);
    pushFrame(memory, tx, bytes, 40, [{ offset: at, length: 8960 }]);
    a.transmit(tx);
    assert.equal(memory.frames.small.used, 0);
    b.receive(rx);
    assert.deepEqual(memory.arena.u8.slice(rx.offset[0]!, rx.offset[0]! + 9000), bytes);
    b.release(rx);
    assert.equal(memory.frames.used, 0);
  });

  test('a receiver without memory loses the frame, and counts it', () => {
    const [a, b] = memoryLink({ a: makeMemory(8, 1), b: makeMemory(1, 1) });
    for (let i = 0; i < 4; i++) pushFrame(a.memory, tx, testFrame('ip', i, 100));
    assert.equal(a.transmit(tx), 4);
    assert.equal(b.receive(rx), 2);
    assert.deepEqual(b.counters.drops, { no_memory: 2 });
    assert.deepEqual(a.counters.drops, {});
    b.release(rx);
  });

  test('room is what the queue of the other end has left', () => {
    const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), queue: 5 });
    assert.equal(a.room(), 5);
    for (let i = 0; i < 7; i++) pushFrame(a.memory, tx, testFrame('ip', i, 100));
    assert.equal(a.transmit(tx), 5);
    assert.equal(a.room(), 0);
    assert.deepEqual(a.counters.drops, { link_full: 2 });
    b.receive(rx);
    assert.equal(a.room(), 5);
    b.release(rx);
  });

  test('an end whose other end is closed has room, and loses what it sends', () => {
    const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), queue: 1 });
    let calls = 0;
    pushFrame(a.memory, tx, testFrame('ip', 0, 100));
    a.transmit(tx);
    assert.equal(a.room(), 0);
    a.wake(() => calls++);
    b.close();
    assert.equal(calls, 1);
    assert.equal(a.room(), BATCH);
    pushFrame(a.memory, tx, testFrame('ip', 0, 100));
    assert.equal(a.transmit(tx), 1);
    assert.deepEqual(a.counters.drops, { link_closed: 1 });
    assert.equal(a.memory.frames.used + b.memory.frames.used, 0);
  });

  test('what was sent before its sender closed still arrives', () => {
    const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory() });
    pushFrame(a.memory, tx, testFrame('ip', 0, 100));
    a.transmit(tx);
    a.close();
    assert.equal(b.receive(rx), 1);
    b.release(rx);
  });

  test('a partial checksum is passed on as such, and only where the link says it takes them', () => {
    const parts = { protocol: 6 as const, transport: tcp(1, 16, [], [1, 2, 3]) };
    for (const txChecksum of ['partial', 'full'] as const) {
      const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), txChecksum });
      markPartial(tx, pushFrame(a.memory, tx, packet({ ...parts, partial: true })), 20, 16);
      a.transmit(tx);
      b.receive(rx);
      assert.equal(rx.flags[0], txChecksum === 'partial' ? RX_SUM_PARTIAL : 0);
      b.release(rx);
    }
  });

  test('a superframe passes whole, or is cut to the segment size it names', () => {
    const data = pattern(5000);
    const parts = { protocol: 6 as const, transport: tcp(77, 25, [1, 1, 1, 0], data), medium: 'ethernet' as const };
    const start = transportStart(parts);
    for (const wholeToB of [true, false]) {
      const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), ...veth, wholeToB });
      const i = pushFrame(a.memory, tx, packet({ ...parts, partial: true }));
      markSuperframe(tx, i, 4, start, start + 24, 1000);
      a.transmit(tx);
      const n = b.receive(rx);
      const lengths = [...rx.length.subarray(0, n)];
      assert.deepEqual(lengths, wholeToB ? [start + 24 + 5000] : new Array(5).fill(start + 24 + 1000));
      assert.equal(rx.flags[0], wholeToB ? RX_SUM_PARTIAL : 0);
      if (!wholeToB) {
        for (let k = 0; k < n; k++) {
          const bytes = b.memory.arena.u8.slice(rx.offset[k]!, rx.offset[k]! + rx.length[k]!);
          assert.equal(decode(bytes, 'ethernet').id, 0x1234 + k);
        }
      }
      b.release(rx);
      assert.equal(a.memory.frames.used + b.memory.frames.used, 0);
    }
  });

  test('segments of a superframe that found room all arrive, though they are more than the queue takes', () => {
    const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), gso: 65535, queue: 2, wholeToB: false });
    markSuperframe(
      tx,
      pushFrame(a.memory, tx, packet({ protocol: 6, transport: tcp(1, 16, [], pattern(9000)) })),
      4,
      20,
      40,
      1000,
    );
    assert.equal(a.transmit(tx), 1);
    assert.equal(a.room(), 0);
    assert.equal(b.receive(rx), 9);
    b.release(rx);
    assert.deepEqual(b.counters.drops, {});
    assert.equal(a.room(), 2);
  });

  test('a frame may be filled to its last byte, not beyond', () => {
    const memory = makeMemory(4, 2);
    const [a, b] = memoryLink({ a: memory, b: memory, mtu: 9000 });
    const at = memory.arena.region('payload', 4000);
    for (const length of [SMALL_FRAME - HEADROOM, SMALL_FRAME - HEADROOM + 1]) {
      pushFrame(memory, tx, testFrame('ip', 1, length), 40, [{ offset: at, length: length - 40 }]);
      a.transmit(tx);
      assert.equal(memory.frames.small.used, length <= SMALL_FRAME - HEADROOM ? 1 : 0);
      b.receive(rx);
      b.release(rx);
    }
  });

  test('wake is not called for room that nobody has missed', () => {
    const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), queue: 2 });
    let calls = 0;
    a.wake(() => calls++);
    const turn = (ask: boolean): void => {
      for (let i = 0; i < 2; i++) pushFrame(a.memory, tx, testFrame('ip', i, 60));
      a.transmit(tx);
      if (ask) assert.equal(a.room(), 0);
      b.receive(rx);
      b.release(rx);
    };
    turn(true);
    assert.equal(calls, 1);
    turn(false);
    assert.equal(calls, 1);
  });

  test('a superframe larger than the link takes, or on a link that takes none, is dropped', () => {
    const parts = { protocol: 6 as const, transport: tcp(1, 16, [], pattern(5000)) };
    for (const gso of [0, 4000]) {
      const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), gso });
      markSuperframe(tx, pushFrame(a.memory, tx, packet(parts)), 4, 20, 40, 1000);
      assert.equal(a.transmit(tx), 0);
      assert.equal(b.receive(rx), 0);
      assert.deepEqual(a.counters.drops, { too_big: 1 });
    }
  });

  test('what calls itself a superframe and is none is dropped by the side that would cut it', () => {
    const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), gso: 65535, wholeToB: false });
    markSuperframe(tx, pushFrame(a.memory, tx, testFrame('ip', 0, 3000)), 4, 20, 40, 1000);
    a.transmit(tx);
    assert.equal(b.receive(rx), 0);
    assert.deepEqual(b.counters.drops, { malformed: 1 });
    assert.equal(a.memory.frames.used + b.memory.frames.used, 0);
  });

  test('a received frame can be sent back from where it lies', () => {
    const memory = makeMemory();
    const [a, b] = memoryLink({ a: memory, b: memory });
    const bytes = testFrame('ip', 5, 700);
    pushFrame(memory, tx, bytes);
    a.transmit(tx);
    for (let turn = 0; turn < 10; turn++) {
      const [from, to] = turn % 2 === 0 ? [b, a] : [a, b];
      assert.equal(from.receive(rx), 1);
      tx.push(rx.offset[0]!, rx.length[0]!);
      rx.offset[0] = 0;
      from.release(rx);
      from.transmit(tx);
      if (turn === 9) {
        to.receive(rx);
        assert.equal(rx.offset[0]! - memory.frames.small.start(rx.offset[0]!), HEADROOM);
        assert.deepEqual(memory.arena.u8.slice(rx.offset[0]!, rx.offset[0]! + 700), bytes);
        to.release(rx);
      }
    }
    assert.equal(memory.frames.used, 0);
  });

  test('says that 127.0.0.0/8 is legal only where it was made so', () => {
    assert.equal(memoryLink({ a: makeMemory(), b: makeMemory() })[0].caps.loopback, false);
    assert.equal(memoryLink({ a: makeMemory(), b: makeMemory(), loopback: true })[1].caps.loopback, true);
    assert.equal(loopbackLink(makeMemory(), { loopback: false }).caps.loopback, true);
  });
});
