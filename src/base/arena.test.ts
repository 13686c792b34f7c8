// Tests of the arena: sizes, regions, and the header that a reader from outside sees.
// Run by node:test; calls arena.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena, LAYOUT_VERSION, MAX_ARENA_BYTES } from './arena.ts';

describe('Arena', () => {
  test('is rounded up to whole pages and is zero but for its header', () => {
    const arena = new Arena(1);
    assert.equal(arena.bytes, 65536);
    assert.equal(arena.memory.buffer.byteLength, 65536);
    assert.equal(arena.i32[0], 0x33474e52);
    assert.equal(arena.i32[1], LAYOUT_VERSION);
    assert.equal(arena.i32[2], 65536);
    assert.ok(arena.u8.subarray(12).every((b) => b === 0));
  });

  test('refuses sizes that no int32 offset reaches, and none at all', () => {
    for (const bytes of [0, -1, Number.NaN, MAX_ARENA_BYTES + 1, 2 ** 31, Infinity]) {
      assert.throws(() => new Arena(bytes), RangeError, String(bytes));
    }
  });

  test('never grows', () => {
    const arena = new Arena(65536);
    assert.throws(() => arena.memory.grow(1), RangeError);
  });

  test('regions are aligned, apart from one another, inside, and behind the header', () => {
    const shapes = fc.array(fc.tuple(fc.nat(5000), fc.constantFrom(4, 8, 16, 64, 4096)), { maxLength: 12 });
    fc.assert(
      fc.property(shapes, (list) => {
        const arena = new Arena(16 * 65536);
        let end = 4096;
        list.forEach(([bytes, align], i) => {
          const at = arena.region(`r${i}`, bytes, align);
          assert.equal(at % align, 0);
          assert.ok(at >= end && at - end < align);
          end = at + bytes;
        });
        assert.equal(arena.unassigned, arena.bytes - end);
        assert.deepEqual(
          arena.regions().map((r) => [r.name, r.bytes]),
          list.map(([bytes], i) => [`r${i}`, bytes]),
        );
      }),
    );
  });

  test('a region that does not fit is refused by name and changes nothing', () => {
    const arena = new Arena(65536);
    const before = arena.unassigned;
    assert.throws(() => arena.region('frames.large', 65536), /region frames\.large needs 65536/);
    assert.equal(arena.unassigned, before);
    assert.deepEqual(arena.regions(), []);
    assert.equal(arena.region('rest', before), 4096);
    assert.equal(arena.unassigned, 0);
  });

  test('a name of 24 characters is kept whole, a longer one refused', () => {
    const arena = new Arena(65536);
    arena.region('a'.repeat(24), 8);
    arena.region('b', 8);
    assert.deepEqual(
      arena.regions().map((r) => r.name),
      ['a'.repeat(24), 'b'],
    );
    assert.throws(() => arena.region('c'.repeat(25), 8), /name too long/);
  });

  test('the table of regions ends before the first region', () => {
    const arena = new Arena(65536);
    for (let i = 0; i < 126; i++) arena.region(`r${i}`, 0);
    assert.throws(() => arena.region('one more', 0), /table full/);
    assert.equal(arena.regions().length, 126);
  });
});
