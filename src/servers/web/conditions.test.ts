// Tests of conditional requests: the tables of RFC 9110 sections 5.6.7, 8.8.3.2 and 13.2.2.
// Run by node:test; calls conditions.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ConditionFields, evaluate, formatHttpDate, matches, parseHttpDate, rangeApplies } from './conditions.ts';

const NOW = Date.UTC(2026, 5, 1);

describe('entity tags', () => {
  // RFC 9110 section 8.8.3.2
  const table: [a: string, b: string, strong: boolean, weak: boolean][] = [
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', 'W/"1"', false, true],
    ['"1"', '"1"', true, true],
  ];
  for (const [a, b, strong, weak] of table) {
    test(`${a} against ${b}: strong ${strong}, weak ${weak}`, () => {
      assert.equal(matches(a, b, true), strong);
      assert.equal(matches(a, b, false), weak);
    });
  }

  const lists: [value: string, etag: string, found: boolean][] = [
    ['*', '"x"', true],
    [' * ', '"x"', true],
    ['"xyzzy", "r2d2xxxx", "c3piozzzz"', '"r2d2xxxx"', true],
    ['"xyzzy","r2d2xxxx"', '"c3piozzzz"', false],
    ['"a,b"', '"a,b"', true],
    ['"a,b"', '"a"', false],
    [', ,"x",', '"x"', true],
    ['""', '""', true],
    ['"\xe9"', '"\xe9"', true],
    ['', '"x"', false],
    ['x', '"x"', false],
    ['"x', '"x"', false],
    ['"x" "x"', '"x"', false],
    ['"x""y"', '"x"', false],
    ['w/"x"', '"x"', false],
    ['*, "x"', '"x"', false],
    ['"x", *', '"x"', false],
    ['"a b"', '"a b"', false],
  ];
  for (const [value, etag, found] of lists) {
    test(`${JSON.stringify(value)} ${found ? 'names' : 'does not name'} ${etag}`, () => {
      assert.equal(matches(value, etag, false), found);
    });
  }

  test('a list of any length is read in time proportional to it', () => {
    assert.equal(matches('"a", '.repeat(100_000) + '"b"', '"b"', true), true);
    assert.equal(matches(' '.repeat(200_000) + 'x', '"b"', true), false);
  });
});

describe('HTTP dates', () => {
  // RFC 9110 section 5.6.7: one moment in three formats
  const moment = Date.UTC(1994, 10, 6, 8, 49, 37) / 1000;
  const dates: [text: string, seconds: number | null][] = [
    ['Sun, 06 Nov 1994 08:49:37 GMT', moment],
    ['Sunday, 06-Nov-94 08:49:37 GMT', moment],
    ['Sun Nov  6 08:49:37 1994', moment],
    ['Wed, 31 Dec 2008 23:59:60 GMT', Date.UTC(2009, 0, 1) / 1000],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29) / 1000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Wed, 29 Feb 2023 00:00:00 GMT', null],
    ['Sun, 31 Apr 1994 08:49:37 GMT', null],
    ['Sun, 06 Nov 1994 24:00:00 GMT', null],
    ['Sun, 06 Nov 1994 08:60:37 GMT', null],
    ['Sun, 06 Nov 1994 08:49:61 GMT', null],
    ['Sun, 06 Nov 1994 08:49:37 gmt', null],
    ['sun, 06 Nov 1994 08:49:37 GMT', null],
    ['Sun, 6 Nov 1994 08:49:37 GMT', null],
    ['Sun, 06 Nov 1994 08:49:37 +0000', null],
    ['Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT', null],
    ['1994-11-06T08:49:37Z', null],
    ['784111777', null],
    ['', null],
  ];
  for (const [text, seconds] of dates) {
    test(`${JSON.stringify(text)} is ${seconds}`, () => assert.equal(parseHttpDate(text, NOW), seconds));
  }

  test('a two-digit year more than 50 years ahead lies in the past', () => {
    const year = (yy: string): number =>
      new Date(parseHttpDate(`Sunday, 06-Nov-${yy} 08:49:37 GMT`, NOW)! * 1000).getUTCFullYear();
    assert.deepEqual(['26', '76', '77', '99', '00'].map(year), [2026, 2076, 1977, 1999, 2000]);
  });

  test('what is written is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253402300799 }), (t) => parseHttpDate(formatHttpDate(t), NOW) === t),
    );
  });
});

describe('preconditions', () => {
  const lastModified = Date.UTC(2020, 0, 1) / 1000;
  const current = { etag: '"now"', lastModified };
  const before = formatHttpDate(lastModified - 1);
  const same = formatHttpDate(lastModified);
  const after = formatHttpDate(lastModified + 1);

  test('every combination is answered by the order of RFC 9110 section 13.2.2', () => {
    const tags = [undefined, '*', '"now"', 'W/"now"', '"old"', 'garbage'];
    const times = [undefined, before, same, after, 'garbage'];
    for (const ifMatch of tags) {
      for (const ifUnmodifiedSince of times) {
        for (const ifNoneMatch of tags) {
          for (const ifModifiedSince of times) {
            const fields: ConditionFields = { ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince };
            const wanted = oracle(fields);
            assert.equal(evaluate(fields, current, NOW), wanted, JSON.stringify(fields));
          }
        }
      }
    }
  });

  /** The section's steps, word by word, on the few values above. */
  function oracle(f: ConditionFields): 200 | 304 | 412 {
    if (f.ifMatch !== undefined) {
      if (f.ifMatch !== '*' && f.ifMatch !== '"now"') return 412;
    } else if (f.ifUnmodifiedSince === before) {
      return 412;
    }
    if (f.ifNoneMatch !== undefined) {
      if (['*', '"now"', 'W/"now"'].includes(f.ifNoneMatch)) return 304;
    } else if (f.ifModifiedSince === same || f.ifModifiedSince === after) {
      return 304;
    }
    return 200;
  }

  test('a weak tag of ours never satisfies If-Match, and still answers If-None-Match', () => {
    const weak = { etag: 'W/"now"', lastModified };
    assert.equal(evaluate({ ifMatch: 'W/"now"' }, weak, NOW), 412);
    assert.equal(evaluate({ ifMatch: '"now"' }, weak, NOW), 412);
    assert.equal(evaluate({ ifMatch: '*' }, weak, NOW), 200);
    assert.equal(evaluate({ ifNoneMatch: '"now"' }, weak, NOW), 304);
  });

  const ranges: [ifRange: string | undefined, applies: boolean][] = [
    [undefined, true],
    ['"now"', true],
    [' "now" ', true],
    ['W/"now"', false],
    ['"old"', false],
    ['"now", "old"', false],
    ['*', false],
    [same, true],
    [before, false],
    [after, false],
    ['Wednesday, 01-Jan-20 00:00:00 GMT', true],
    ['garbage', false],
    ['', false],
  ];
  for (const [ifRange, applies] of ranges) {
    test(`If-Range ${ifRange ?? 'absent'}: Range ${applies ? 'applies' : 'is ignored'}`, () => {
      assert.equal(rangeApplies(ifRange, current, NOW), applies);
    });
  }

  test('If-Range: neither a weak tag nor the date of this very second is strong enough', () => {
    assert.equal(rangeApplies('W/"now"', { etag: 'W/"now"', lastModified }, NOW), false);
    assert.equal(rangeApplies('"now"', { etag: 'W/"now"', lastModified }, NOW), false);
    assert.equal(rangeApplies(same, current, lastModified * 1000 + 999), false);
    assert.equal(rangeApplies(same, current, lastModified * 1000 + 1000), true);
  });
});
