// Blocks and what Spans refer to: a block lives as long as its last user, a source hears of every byte that is dropped.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Arena } from './arena.ts';
import { BLOCK, Blocks } from './blocks.ts';
import { SeededRng } from './rng.ts';
import type { SendSource } from './source.ts';
import { Spans } from './spans.ts';

function make(chunks = 64, blocks = 2) {
  const arena = new Arena(4 << 20);
  const pool = new Blocks(arena, blocks);
  const spans = new Spans(arena, chunks, pool);
  const list = arena.region('list', 16) >> 2;
  return { arena, blocks: pool, spans, list };
}

/** A source over arena bytes in slices of `size`. */
function source(at: number, length: number, size: number, named = length): SendSource & { released: number[] } {
  const released: number[] = [];
  return {
    length,
    released,
    copyTo: () => assert.fail('copied'),
    reference(from, n, sink) {
      const end = Math.min(from + n, named);
      for (let p = from; p < end; p += size) sink.slice(at + p, Math.min(size, end - p));
      return end - from;
    },
    partialSum: () => assert.fail('summed'),
    release: (upTo) => void released.push(upTo),
  };
}

describe('blocks', () => {
  test('a block is free again when its last user has released it', () => {
    const { blocks } = make();
    const a = blocks.alloc();
    assert.notEqual(blocks.alloc(), 0);
    assert.equal(blocks.alloc(), 0);
    blocks.retain(a + 5);
    blocks.release(a);
    assert.equal(blocks.used, 2);
    blocks.release(a + BLOCK - 1);
    assert.equal(blocks.used, 1);
    assert.equal(blocks.alloc(), a);
    blocks.release(a);
    assert.throws(() => blocks.release(a), /no user/);
  });

  test('only what lies in one block in use is held', () => {
    const { blocks } = make();
    const a = blocks.alloc();
    assert.ok(blocks.holds(a, BLOCK));
    assert.ok(blocks.holds(a + BLOCK - 1, 1));
    assert.ok(!blocks.holds(a + 1, BLOCK));
    assert.ok(!blocks.holds(a, 0));
    assert.ok(!blocks.holds(a - 1, 1));
    assert.ok(!blocks.holds(a + BLOCK, 1), 'not allocated');
    blocks.release(a);
    assert.ok(!blocks.holds(a, 1));
  });
});

describe('references in a list', () => {
  test('bytes of a block are read in place among copied ones, and hold the block until they are dropped', () => {
    const { arena, blocks, spans, list } = make();
    const block = blocks.alloc();
    arena.u8.fill(7, block, block + 1000);
    spans.append(list, Uint8Array.of(1, 2, 3), 0, 3);
    assert.ok(spans.appendBlock(list, block + 101, 501));
    spans.append(list, Uint8Array.of(4), 0, 1);
    blocks.release(block);
    assert.equal(blocks.used, 1);
    const into = new Uint8Array(505);
    assert.equal(spans.peek(list, into, 0, 505), 505);
    assert.deepEqual([...into.subarray(0, 4)], [1, 2, 3, 7]);
    assert.deepEqual([...into.subarray(503)], [7, 4]);
    spans.drop(list, 503);
    assert.equal(blocks.used, 1);
    spans.drop(list, 2);
    assert.equal(blocks.used, 0);
    assert.equal(spans.used, 0);
    assert.equal(spans.bytes(list), 0);
  });

  test('what lies in no block is refused', () => {
    const { arena, blocks, spans, list } = make();
    assert.ok(!spans.appendBlock(list, arena.bytes - 100, 100));
    const block = blocks.alloc();
    assert.ok(!spans.appendBlock(list, block + BLOCK - 10, 11));
    assert.equal(spans.bytes(list), 0);
  });

  test('a source hears of every byte once, in order, however the list is dropped', () => {
    const rng = new SeededRng(4);
    for (let run = 0; run < 50; run++) {
      const { arena, spans, list } = make();
      const at = arena.region(`data${run}`, 10_000);
      const one = source(at, 1 + rng.below(5000), 100 + rng.below(900));
      const two = source(at, 1 + rng.below(5000), 100 + rng.below(900));
      assert.ok(spans.appendSource(list, one));
      spans.append(list, new Uint8Array(100), 0, 100);
      assert.ok(spans.appendSource(list, two));
      const total = one.length + two.length + 100;
      assert.equal(spans.bytes(list), total);
      let dropped = 0;
      while (spans.bytes(list) > 0) {
        const n = 1 + rng.below(700);
        spans.drop(list, n);
        dropped = Math.min(total, dropped + n);
        assert.equal(one.released.at(-1) ?? 0, Math.min(dropped, one.length));
        assert.equal(two.released.at(-1) ?? 0, Math.max(0, dropped - one.length - 100));
      }
      for (const s of [one, two])
        assert.deepEqual(
          s.released,
          [...s.released].sort((x, y) => x - y),
        );
    }
  });

  test('a source that cannot name all of its bytes, or does not fit, leaves nothing behind', () => {
    const { arena, spans, list } = make(4);
    const at = arena.region('data', 10_000);
    spans.append(list, Uint8Array.of(9), 0, 1);
    assert.ok(!spans.appendSource(list, source(at, 1000, 100, 900)));
    const many = source(at, 10_000, 10);
    assert.ok(!spans.appendSource(list, many));
    assert.deepEqual(many.released, []);
    assert.equal(spans.bytes(list), 1);
    const whole = source(at, 1000, 500);
    assert.ok(spans.appendSource(list, whole));
    spans.clear(list);
    assert.deepEqual(whole.released, [500, 1000]);
    assert.equal(spans.used, 0);
  });
});
