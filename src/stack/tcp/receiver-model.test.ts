// The receiving side against a reference that is obviously right: one cell for each sequence number.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Peer } from './probe.test-support.ts';

/** Keeps every byte where it belongs; the first to come wins; delivers what is in order. Numbers start at 1. */
class Reference {
  readonly cells: Int16Array = new Int16Array(100_000).fill(-1);
  next = 1;
  edge: number;
  fin = -1;
  closed = false;
  readonly delivered: number[] = [];

  constructor(window: number) {
    this.edge = 1 + window;
  }

  segment(seq: number, data: Uint8Array, fin: boolean): void {
    if (this.closed) return;
    const length = data.length + (fin ? 1 : 0);
    const acceptable = seq < this.next ? seq + length > this.next : seq < this.edge || seq === this.next;
    if (!acceptable) return;
    for (let i = 0; i < data.length; i++) {
      const at = seq + i;
      if (at < this.next || at >= this.edge || (this.fin >= 0 && at >= this.fin)) continue;
      if (this.cells[at]! < 0) this.cells[at] = data[i]!;
    }
    const end = seq + data.length;
    const beyond = this.cells.subarray(end).some((cell) => cell >= 0);
    if (fin && this.fin < 0 && end >= this.next && end <= this.edge && !beyond) this.fin = end;
    while (this.cells[this.next]! >= 0) this.delivered.push(this.cells[this.next++]!);
    if (this.next === this.fin) {
      this.next++;
      this.closed = true;
    }
  }
}

const operation = fc.record({
  kind: fc.constantFrom('data', 'data', 'data', 'data', 'fin', 'read', 'wait'),
  /** Where it starts, from what is next in order. */
  offset: fc.oneof(fc.integer({ min: -300, max: 300 }), fc.constant(0), fc.integer({ min: -3000, max: 6000 })),
  length: fc.oneof(fc.nat(400), fc.constant(0), fc.constant(1460)),
});

for (const [buffer, iss] of [
  [1 << 20, -1000],
  [5000, 2 ** 31 - 2000],
  [4096, -3],
] as const) {
  test(`any segments, whatever their order and overlap, with a buffer of ${buffer}`, () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const p = new Peer({ settings: { tcpReceiveBuffer: buffer, tcpMaxRanges: 1000 } }, 5555, iss).establish();
        const reference = new Reference(Math.min(buffer, 65535));
        const got: number[] = [];
        const read = (): void => {
          const data = p.read();
          if (typeof data !== 'number') got.push(...data);
        };
        let tag = 0;
        for (const { kind, offset, length } of operations) {
          if (kind === 'wait') p.advance(100_000);
          else if (kind === 'read') read();
          else {
            tag = (tag + 1) & 255;
            const seq = Math.max(1, reference.next + offset);
            const data = new Uint8Array(length).fill(tag);
            p.inject(kind === 'fin' ? 'FA' : 'A', { seq, data });
            reference.segment(seq, data, kind === 'fin');
          }
          for (const s of p.take()) {
            assert.ok(s.ack <= reference.next, 'acknowledged, not received');
            reference.edge = Math.max(reference.edge, s.ack + s.win);
          }
        }
        p.advance(100_000);
        const last = p.take().at(-1);
        if (last) assert.equal(last.ack, reference.next);
        read();
        assert.deepEqual(got, reference.delivered);
        assert.equal(p.state, reference.closed ? 'CLOSE-WAIT' : 'ESTABLISHED');
        p.abort();
        p.closeListener();
        p.take();
        p.probe.assertClean();
      }),
      { numRuns: 80 },
    );
  });
}
