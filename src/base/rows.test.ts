// Tests of row tables against a model of who is taken; handles after reuse.
// Run by node:test; calls rows.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Arena } from './arena.ts';
import { ROW_GENERATION, ROW_LINK, Rows } from './rows.ts';

describe('Rows', () => {
  test('rows and handles follow a model over any order of taking and giving back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -2, max: 9 }), { maxLength: 150, size: 'max' }), (steps) => {
        const rows = new Rows(new Arena(65536), 't', 5, 40);
        const taken = new Map<number, number>();
        const old: number[] = [];
        for (const step of steps) {
          if (step < 0) {
            const row = rows.alloc();
            if (taken.size === 5) assert.equal(row, 0);
            else {
              assert.ok(row >= 1 && row <= 5 && !taken.has(row));
              taken.set(row, rows.handle(row));
            }
          } else if (taken.size > 0) {
            const [row, handle] = [...taken][step % taken.size]!;
            rows.free(row);
            taken.delete(row);
            old.push(handle);
          }
          assert.equal(rows.used, taken.size);
          for (const [row, handle] of taken) {
            assert.ok(row <= rows.highest);
            assert.equal(rows.row(handle), row);
          }
          for (const handle of old) assert.equal(rows.row(handle), 0);
        }
      }),
    );
  });

  test('a row comes zeroed, all but its generation and its mark', () => {
    const rows = new Rows(new Arena(65536), 't', 3, 64);
    const row = rows.alloc();
    rows.i32.fill(-1, rows.cell(row) + 2, rows.cell(row) + 16);
    rows.free(row);
    assert.equal(rows.alloc(), row);
    const cells = [...rows.i32.subarray(rows.cell(row), rows.cell(row + 1))];
    assert.equal(cells[ROW_GENERATION], 1);
    assert.equal(cells[ROW_LINK], 1);
    assert.ok(cells.slice(2).every((c) => c === 0));
  });

  test('the double cells of a row are those of its int32 cells', () => {
    const rows = new Rows(new Arena(65536), 't', 3, 24);
    for (let row = 1; row <= 3; row++) {
      assert.equal(rows.cell(row) % 2, 0);
      rows.f64[(rows.cell(row) >> 1) + 1] = row * 1.5;
    }
    for (let row = 1; row <= 3; row++) assert.equal(rows.f64[(rows.cell(row) >> 1) + 1], row * 1.5);
  });

  test('a handle stays a safe integer at the highest generation, and wraps to the first', () => {
    const rows = new Rows(new Arena(65536), 't', 3, 24);
    const row = rows.alloc();
    rows.i32[rows.cell(row) + ROW_GENERATION] = 0x3fffffff;
    const handle = rows.handle(row);
    assert.ok(Number.isSafeInteger(handle));
    assert.equal(rows.row(handle), row);
    rows.free(row);
    assert.equal(rows.row(handle), 0);
    assert.equal(rows.handle(rows.alloc()), row);
  });

  test('numbers that never were handles name nobody', () => {
    const rows = new Rows(new Arena(65536), 't', 3, 24);
    rows.alloc();
    for (const bad of [0, -1, 2, 4, 1.5, Number.NaN, Infinity, 2 ** 53, 2 ** 21, 2 ** 21 + 1]) {
      assert.equal(rows.row(bad), 0, String(bad));
    }
  });

  test('giving back a row that is not taken is refused', () => {
    const rows = new Rows(new Arena(65536), 't', 3, 24);
    const row = rows.alloc();
    rows.free(row);
    for (const bad of [row, 0, 2, 4, -1, 1e6]) assert.throws(() => rows.free(bad), /not in use/, String(bad));
    assert.equal(rows.used, 0);
  });

  test('sizes that break alignment or the handle are refused', () => {
    assert.throws(() => new Rows(new Arena(65536), 't', 3, 20), RangeError);
    assert.throws(() => new Rows(new Arena(65536), 't', 2 ** 21, 24), RangeError);
  });
});
