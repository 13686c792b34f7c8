// The drop table: constants and rows agree, without gaps. Run by node:test.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as drop from './drop.ts';

const constants = Object.entries(drop).filter(
  (entry): entry is [string, number] =>
    entry[0].startsWith('DROP_') && !['DROP_TABLE', 'DROP_COUNT'].includes(entry[0]),
);

test('every constant has the row of its code, under its own name', () => {
  for (const [name, code] of constants) {
    assert.equal(drop.DROP_TABLE[code - 1]?.code, code, name);
    assert.equal(drop.dropName(code), name.slice('DROP_'.length).toLowerCase());
  }
});

test('every row has a constant, and codes run from 1 without gaps', () => {
  assert.equal(drop.DROP_TABLE.length, constants.length);
  assert.equal(drop.DROP_COUNT, constants.length + 1);
  for (const [i, row] of drop.DROP_TABLE.entries()) assert.equal(row.code, i + 1, row.name);
});

test('names are metric label values, each once, and each has a meaning of one line', () => {
  const names = new Set(drop.DROP_TABLE.map((row) => row.name));
  assert.equal(names.size, drop.DROP_TABLE.length);
  for (const row of drop.DROP_TABLE) {
    assert.match(row.name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
    assert.match(row.meaning, /^[^\n]{8,}$/);
  }
});

test('a code that is none is called unknown', () => {
  for (const code of [0, -1, drop.DROP_COUNT]) assert.equal(drop.dropName(code), 'unknown');
});
