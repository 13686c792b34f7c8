// Goodput over a grid of loss, delay and rate, and how flows share a bottleneck: against a table that people have read.
// `RING3_SNAPSHOT=write npm test -- test/sim-throughput` writes the table anew; its change belongs into the commit that causes it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { projectRoot } from './support/paths.ts';
import { CONTROLS, grid, type Row } from './support/sim-grid.ts';

const FILE = join(projectRoot, 'test/snapshots/sim-throughput.txt');
const HEAD = `# What sim-throughput.test.ts measured. One value a line: Mbit/s of payload in 10 s of virtual time, or as it says.
# A run may differ by 15 % or 0.05 from it, whichever is more. RING3_SNAPSHOT=write npm test -- test/sim-throughput
`;
const RELATIVE = 0.15;
const ABSOLUTE = 0.05;

function read(): Map<string, number> {
  const out = new Map<string, number>();
  if (!existsSync(FILE)) return out;
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    const colon = line.lastIndexOf(': ');
    if (!line.startsWith('#') && colon > 0) out.set(line.slice(0, colon), Number(line.slice(colon + 2)));
  }
  return out;
}

const write = process.env['RING3_SNAPSHOT'] === 'write';
const known = read();
const measured: Row[] = [];

describe('throughput', { timeout: 600_000 }, () => {
  for (const control of CONTROLS) {
    test(`${control}: goodput and shares are those of the table`, () => {
      const rows = grid(control);
      measured.push(...rows);
      if (write) return;
      const off = rows
        .map(({ key, value }) => ({ key, value, was: known.get(key) ?? Number.NaN }))
        .filter(({ value, was }) => !(Math.abs(value - was) <= Math.max(ABSOLUTE, RELATIVE * was)))
        .map(({ key, value, was }) => `${key}: ${value.toFixed(3)}, was ${was}`);
      assert.deepEqual(off, []);
    });
  }

  if (write) {
    test('the table is written, with every control', () => {
      writeFileSync(FILE, HEAD + measured.map(({ key, value }) => `${key}: ${value.toFixed(3)}\n`).join(''));
    });
  }
});
