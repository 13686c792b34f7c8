// Tests of the readers of rates, times, sizes and chances: what people write, and one line for what they should not.
// Run by node:test; calls units.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseProbability, parseRate, parseSeed, parseSize, parseTime } from './units.ts';

function refuses(parse: (text: string) => number, texts: readonly string[], wanted: RegExp): void {
  for (const text of texts) {
    assert.throws(
      () => parse(text),
      (error: Error) => {
        assert.ok(error instanceof RangeError);
        assert.match(error.message, wanted);
        assert.ok(!error.message.includes('\n'));
        return true;
      },
      JSON.stringify(text),
    );
  }
}

describe('units', () => {
  test('rates are bits a second', () => {
    const cases: [string, number][] = [
      ['10mbit', 1e7],
      ['1.5gbit', 1.5e9],
      ['64kbit', 64000],
      ['9600bit', 9600],
      ['9600', 9600],
      ['10 Mbit', 1e7],
    ];
    for (const [text, value] of cases) assert.equal(parseRate(text), value, text);
    refuses(
      parseRate,
      ['', 'fast', '10mb', '10 mbit/s', '-1mbit', '1e6', 'mbit', 'NaN', 'Infinity'],
      /no rate, such as 10mbit/,
    );
    refuses(parseRate, ['0', '0mbit'], /nothing through/);
  });

  test('times are microseconds, and need a unit', () => {
    const cases: [string, number][] = [
      ['50ms', 50_000],
      ['200us', 200],
      ['200µs', 200],
      ['1.5s', 1_500_000],
      ['.5s', 500_000],
      ['2min', 120e6],
      ['1h', 3600e6],
      ['0', 0],
      ['0ms', 0],
    ];
    for (const [text, value] of cases) assert.equal(parseTime(text), value, text);
    refuses(
      parseTime,
      ['50', '', 'ms', '5 days', '-5ms', '5..5ms', 'constructor', '1toString'],
      /no time, such as 50ms/,
    );
  });

  test('sizes are bytes: kB is decimal, KiB binary', () => {
    const cases: [string, number][] = [
      ['100kB', 100_000],
      ['1MB', 1e6],
      ['64KiB', 65536],
      ['1.5GiB', 1.5 * 2 ** 30],
      ['1500', 1500],
      ['1500B', 1500],
      ['0', 0],
    ];
    for (const [text, value] of cases) assert.equal(parseSize(text), value, text);
    refuses(parseSize, ['big', '10kbit', '-1', '1,5MB'], /no size, such as 100kB/);
  });

  test('chances lie between 0 and 1', () => {
    const cases: [string, number][] = [
      ['0', 0],
      ['1', 1],
      ['0.02', 0.02],
      ['.5', 0.5],
      ['2%', 0.02],
      ['100%', 1],
    ];
    for (const [text, value] of cases) assert.equal(parseProbability(text), value, text);
    refuses(
      parseProbability,
      ['2', '1.01', '-0.1', '101%', '', '%', 'often', '1e-3', '0x1'],
      /no probability from 0 to 1/,
    );
  });

  test('seeds are whole and fit 32 bits', () => {
    assert.equal(parseSeed('0'), 0);
    assert.equal(parseSeed('4294967295'), 4294967295);
    refuses(parseSeed, ['-1', '4294967296', '1.5', 'x', ''], /no seed/);
  });
});
