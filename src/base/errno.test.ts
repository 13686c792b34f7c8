// Tests of error numbers: they are this platform's own, and each has its name.
// Run by node:test; calls errno.ts.

import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import * as errno from './errno.ts';

describe('errno', () => {
  const numbers = Object.entries(errno).filter(([, value]) => typeof value === 'number') as [string, number][];

  test('numbers are those of Linux', { skip: process.platform !== 'linux' && 'not on Linux' }, () => {
    assert.ok(numbers.length > 25);
    // Node knows most of them; the rest is in errno(3).
    const known: Readonly<Record<string, number>> = { ENONET: 64, EHOSTDOWN: 112, ...constants.errno };
    for (const [name, value] of numbers) assert.equal(value, known[name], name);
  });

  test('every constant has its name, positive or negated', () => {
    for (const [name, value] of numbers) {
      assert.equal(errno.errnoName(value), name);
      assert.equal(errno.errnoName(-value), name);
    }
  });

  test('an unknown number keeps its value', () => {
    assert.equal(errno.errnoName(-9999), 'E9999');
  });
});
