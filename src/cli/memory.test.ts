// Tests of dividing the memory of a stack: whatever is asked for, a stack fits and works in it.
// Run by node:test; calls memory.ts and builds stacks.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRng } from '../base/rng.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import { stackMemory } from './memory.ts';

describe('memory of a stack', () => {
  for (const bytes of [16e6, 20e6, 64e6, 100e6, 512e6, 1e9, 2 ** 31 - 65536]) {
    test(`${bytes / 1e6} MB is enough for all that is put into it`, () => {
      const { sizes, settings } = stackMemory(bytes);
      const secret = Int32Array.from({ length: 8 }, (_, i) => i + 1);
      const stack = new Stack(createMemory(sizes), { settings, rng: new SeededRng(1), secret });
      const { arena } = stack.memory;
      assert.ok(arena.bytes <= bytes + 65536);
      assert.ok(arena.unassigned < bytes / 4, `${arena.unassigned} bytes of ${bytes} are left over`);
      assert.ok(settings.tcpRows! >= 2500);
      assert.ok(stack.memory.spans.availableBytes > bytes / 3);
      stack.close();
    });
  }

  test('too little and too much are refused', () => {
    for (const bytes of [0, 1e6, 15.9e6, 2 ** 31, 1e12]) {
      assert.throws(() => stackMemory(bytes), /--memory .*: a stack has from 16 MB to 2\.1 GB/);
    }
  });

  test('nothing asked for: the defaults', () => assert.deepEqual(stackMemory(undefined), { sizes: {}, settings: {} }));
});
