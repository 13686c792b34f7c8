// Tests of numbers as people write and read them.
// Run by node:test; calls units.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatCount, formatSize, parseCount, parsePort, parseRate, parseSize, parseTime } from './units.ts';

describe('units', () => {
  test('what people write', () => {
    assert.equal(parseSize('1MB'), 1_000_000);
    assert.equal(parseSize('64KiB'), 65_536);
    assert.equal(parseTime('50ms'), 50_000);
    assert.equal(parseRate('100mbit'), 100_000_000);
    assert.equal(parsePort('0'), 0);
    assert.equal(parsePort('65535'), 65_535);
    assert.equal(parseCount('12'), 12);
  });

  test('what is none is refused in one line that says what is wanted', () => {
    for (const text of ['', '-1', '65536', '80x', '0x50', '1e3', '8 0', '99999999999']) {
      assert.throws(() => parsePort(text), /^RangeError: .* is no port: a whole number from 0 to 65535$/);
    }
    assert.throws(() => parseCount('1.5'), /^RangeError: "1.5" is no whole number$/);
    assert.throws(() => parseSize('many'), RangeError);
    assert.throws(() => parseTime('5'), RangeError);
  });

  test('sizes for people', () => {
    const table: [bytes: number, text: string][] = [
      [0, '0 B'],
      [999, '999 B'],
      [999.6, '1.0 kB'],
      [1000, '1.0 kB'],
      [1550, '1.6 kB'],
      [9_940, '9.9 kB'],
      [9_960, '10 kB'],
      [999_400, '999 kB'],
      [999_600, '1.0 MB'],
      [12_345_678, '12 MB'],
      [5e9, '5.0 GB'],
      [5e20, '500000 PB'],
    ];
    for (const [bytes, text] of table) assert.equal(formatSize(bytes), text);
  });

  test('counts for people', () => {
    const table: [count: number, text: string][] = [
      [0, '0'],
      [0.4, '0'],
      [999, '999'],
      [999.6, '1.0k'],
      [1000, '1.0k'],
      [12_345, '12k'],
      [999_960, '1.0M'],
      [3_200_000, '3.2M'],
      [7e9, '7.0G'],
    ];
    for (const [count, text] of table) assert.equal(formatCount(count), text);
  });
});
