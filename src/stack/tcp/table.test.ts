// The demultiplexer against a map; and which of several listeners is found.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SeededRng } from '../../base/rng.ts';
import { Core } from '../core.ts';
import { DEFAULT_SETTINGS } from '../settings.ts';
import { createMemory } from '../stack.ts';
import { ESTABLISHED, LISTEN } from './state.ts';
import { TcpTable } from './table.ts';
import { Tcb, tcbRows } from './tcb.ts';

type Words = readonly [number, number, number, number];
type Tuple = readonly [...Words, number, ...Words, number];

class Fixture {
  readonly core: Core;
  readonly rows: ReturnType<typeof tcbRows>;
  readonly table: TcpTable;

  constructor(count: number) {
    const memory = createMemory({ arenaBytes: 4 << 20, small: 1, large: 1, chunks: 1 });
    this.core = new Core(memory, DEFAULT_SETTINGS, new SeededRng(1), Int32Array.from([1, 2, 3, 4, 5, 6]));
    this.rows = tcbRows(this.core.arena, count);
    this.table = new TcpTable(this.core, this.rows);
  }

  add(state: number, l: Words, localPort: number, r: Words = [0, 0, 0, 0], remotePort = 0): number {
    const row = this.rows.alloc();
    const t = new Tcb(this.rows).at(row);
    t.state = state;
    [t.local0, t.local1, t.local2, t.local3] = l;
    t.localPort = localPort;
    [t.remote0, t.remote1, t.remote2, t.remote3] = r;
    t.remotePort = remotePort;
    this.table.insert(row);
    return row;
  }
}

test('find() finds exactly the tuples that are in, whatever was inserted and removed', () => {
  const word = fc.constantFrom(0, 1, -1);
  const words = fc.tuple(word, fc.constant(0), fc.constantFrom(0, 0xffff), word);
  const port = fc.constantFrom(1, 80, 65535);
  const op = fc.tuple(fc.boolean(), words, port, words, port);
  fc.assert(
    fc.property(fc.array(op, { maxLength: 100 }), (ops) => {
      const f = new Fixture(200);
      const model = new Map<string, number>();
      const seen = new Map<string, Tuple>();
      for (const [insert, l, localPort, r, remotePort] of ops) {
        const tuple: Tuple = [...l, localPort, ...r, remotePort];
        const key = tuple.join();
        seen.set(key, tuple);
        const row = model.get(key);
        if (insert && row === undefined) model.set(key, f.add(ESTABLISHED, l, localPort, r, remotePort));
        else if (!insert && row !== undefined) {
          f.table.remove(row);
          f.table.remove(row);
          f.rows.free(row);
          model.delete(key);
        }
        for (const [k, t] of seen) assert.equal(f.table.find(...t), model.get(k) ?? 0);
      }
    }),
    { numRuns: 50 },
  );
});

describe('findListener()', () => {
  const OURS: Words = [0, 0, 0xffff, 0x0a000001];
  const OURS6: Words = [0xfd000000 | 0, 0, 0, 1];
  const ANY4: Words = [0, 0, 0xffff, 0];
  const ANY: Words = [0, 0, 0, 0];

  test('prefers the very address, then the family, then all; 336 and 80 share a bucket', () => {
    const f = new Fixture(16);
    const only = new Set<number>();
    const find = (a: Words, port: number): number => f.table.findListener(...a, port, (row) => only.has(row));
    f.add(LISTEN, OURS, 336);
    assert.equal(find(OURS, 80), 0);
    const any = f.add(LISTEN, ANY, 80);
    assert.deepEqual([find(OURS, 80), find(OURS6, 80)], [any, any]);
    only.add(any);
    assert.deepEqual([find(OURS, 80), find(OURS6, 80)], [0, any]);
    const any4 = f.add(LISTEN, ANY4, 80);
    assert.deepEqual([find(OURS, 80), find(OURS6, 80)], [any4, any]);
    const exact = f.add(LISTEN, OURS, 80);
    const other = f.add(LISTEN, [0, 0, 0xffff, 0x0a000009], 80);
    assert.deepEqual([find(OURS, 80), find(OURS6, 80)], [exact, any]);
    f.table.remove(exact);
    assert.equal(find(OURS, 80), any4);
    f.table.remove(any4);
    f.table.remove(any);
    f.table.remove(other);
    assert.equal(find(OURS, 80), 0);
  });
});
