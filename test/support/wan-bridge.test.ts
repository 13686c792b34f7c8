// The wire between hosts, in memory: who gets which frame, and CE marks with a header checksum that still holds.
// Run by node:test; calls wan-bridge.ts, link/memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Link, RxBatch, TxBatch } from '../../src/base/link.ts';
import { HEADROOM } from '../../src/base/pool.ts';
import { memoryLink } from '../../src/link/memory.ts';
import { createMemory } from '../../src/stack/stack.ts';
import { Bridge } from './wan-bridge.ts';

const memory = createMemory({ small: 256, large: 4, chunks: 4, blocks: 0 });
const u8 = memory.arena.u8;

function frame(link: Link, bytes: readonly number[]): void {
  const at = memory.frames.alloc(64) + HEADROOM;
  u8.fill(0, at, at + 64);
  u8.set(bytes, at);
  const batch = new TxBatch();
  batch.push(at, 64);
  link.transmit(batch);
}

function received(link: Link): number[][] {
  const batch = new RxBatch();
  link.receive(batch);
  const all = Array.from({ length: batch.count }, (_, i) => [...u8.subarray(batch.offset[i]!, batch.offset[i]! + 34)]);
  link.release(batch);
  return all;
}

function rig(mark: number, longest = 1500, jitter = 0): { hosts: Link[]; right: Link; bridge: Bridge } {
  const wires = [0, 1, 2].map(() => memoryLink({ a: memory, b: memory, medium: 'ethernet' }));
  const [a, b, c] = wires as [[Link, Link], [Link, Link], [Link, Link]];
  return {
    hosts: [a[0], b[0]],
    right: c[0],
    bridge: new Bridge([a[1], b[1]], c[1], { mark, longest, jitter, seed: 1 }),
  };
}

const mac = (n: number): number[] => [2, 0, 0, 0, 0, n];
const to = (dst: number, src: number, ...rest: number[]): number[] => [...mac(dst), ...mac(src), ...rest];

test('frames go to the right, come back to whom they name, and to all where they name all', () => {
  const { hosts, right, bridge } = rig(0);
  frame(hosts[0]!, to(9, 1));
  frame(hosts[1]!, to(9, 2));
  bridge.poll(0);
  assert.deepEqual(
    received(right).map((f) => f[11]),
    [1, 2],
  );
  frame(right, to(2, 9));
  frame(right, to(7, 9));
  frame(right, [255, 255, 255, 255, 255, 255, ...mac(9)]);
  bridge.poll(0);
  assert.deepEqual(
    received(hosts[0]!).map((f) => f[0]),
    [255],
  );
  assert.deepEqual(
    received(hosts[1]!).map((f) => f[5]),
    [2, 255],
  );
  assert.equal(memory.frames.used, 0);
});

test('a mark changes the ECN bits and keeps the sum of the IPv4 header; what cannot be marked is left alone', () => {
  for (const [tos, wanted] of [
    [0xb8, 0xb8],
    [0xb9, 0xbb],
    [0xba, 0xbb],
    [2, 3],
    [3, 3],
  ] as const) {
    for (const id of [0, 0x1234, 0xfffd, 0xffff]) {
      const { hosts, right, bridge } = rig(1);
      const ip = [0x45, tos, 0, 50, id >> 8, id & 255, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2];
      const sum = ~fold(ip) & 0xffff;
      ip[10] = sum >> 8;
      ip[11] = sum & 255;
      frame(hosts[0]!, to(9, 1, 8, 0, ...ip));
      bridge.poll(0);
      const [got] = received(right);
      assert.equal(got![15], wanted);
      assert.equal(fold(got!.slice(14, 34)), 0xffff);
      assert.equal(bridge.marked, tos === 0xb8 ? 0 : 1);
    }
  }
  const { hosts, right, bridge } = rig(1);
  frame(hosts[0]!, to(9, 1, 0x86, 0xdd, 0x60, 0x20));
  frame(hosts[0]!, to(9, 1, 0x86, 0xdd, 0x60, 0x00));
  frame(hosts[0]!, to(9, 1, 8, 6, 0, 2));
  bridge.poll(0);
  assert.deepEqual(
    received(right).map((f) => f[15]),
    [0x30, 0, 2],
  );
});

test('what is too long vanishes', () => {
  const { hosts, right, bridge } = rig(0, 49);
  frame(hosts[0]!, to(9, 1));
  frame(right, to(1, 9));
  bridge.poll(0);
  assert.deepEqual([received(right), received(hosts[0]!), bridge.tooLong], [[], [], 2]);
  assert.equal(memory.frames.used, 0);
});

test('jitter keeps the order, and no frame longer than that', () => {
  const { hosts, right, bridge } = rig(0, 1500, 300);
  const arrived: number[] = [];
  let sent = 0;
  for (let now = 1000; sent < 50 || arrived.length < sent; now += 10) {
    if (now % 40 === 0 && sent < 50) frame(hosts[0]!, to(9, 1, sent++));
    bridge.poll(now);
    for (const f of received(right)) {
      const late = now - 1000 - f[12]! * 40;
      assert.ok(late >= 0 && late <= 340, `${late}`);
      arrived.push(f[12]!);
    }
    assert.ok(now < 10_000);
  }
  assert.deepEqual(
    arrived,
    [...arrived].sort((a, b) => a - b),
  );
  assert.equal(memory.frames.used, 0);
});

function fold(bytes: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | bytes[i + 1]!;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
