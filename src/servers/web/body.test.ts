// Tests of sending bodies: order, bounds on memory, and what happens when the file changes or the client leaves.
// Run by node:test; calls body.ts with a response that it controls.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { type BodyTarget, Buffers, ClientGone, FileChanged, type Piece, sendBody } from './body.ts';
import type { OpenFile } from './files.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A response that keeps every chunk until release() is called, or takes all at once. */
class Target extends EventEmitter {
  text = '';
  pending: (() => void)[] = [];
  ended = false;
  most = 0;
  readonly #hold: boolean;
  constructor(hold = false) {
    super();
    this.#hold = hold;
  }
  write(chunk: string | Uint8Array, callback: (error?: Error | null) => void): void {
    const view = chunk;
    // The bytes are taken when the write completes, as a kernel does: a buffer reused too early would show.
    this.pending.push(() => {
      this.text += typeof view === 'string' ? view : Buffer.from(view).toString('latin1');
      callback();
    });
    this.most = Math.max(this.most, this.pending.length);
    if (!this.#hold) setImmediate(() => this.release());
  }
  end(chunk: string | Uint8Array, callback: () => void): void {
    this.write(chunk, callback);
    this.ended = true;
  }
  release(): void {
    this.pending.shift()?.();
  }
}

/** A file of `size` bytes whose byte i is a function of i; reads come back short now and then. */
function fakeFile(size: number, changes: { cutAt?: number; changedAfter?: number } = {}): OpenFile {
  let reads = 0;
  const file = {
    size,
    read: async (buffer: Uint8Array, length: number, position: number) => {
      await turn();
      reads++;
      const end = Math.min(size, changes.cutAt ?? size);
      const n = Math.max(0, Math.min(length, end - position, reads % 3 === 0 ? 1000 : Infinity));
      for (let i = 0; i < n; i++) buffer[i] = byteAt(position + i);
      return n;
    },
    isUnchanged: async () => reads <= (changes.changedAfter ?? Infinity),
  };
  return file as unknown as OpenFile;
}

const byteAt = (i: number): number => 97 + (i % 23);
const textOf = (start: number, end: number): string =>
  Array.from({ length: end - start }, (_, i) => String.fromCharCode(byteAt(start + i))).join('');

async function send(to: Target, file: OpenFile, pieces: Piece[], tail = ''): Promise<{ sent: number; lent: number }> {
  const buffers = new Buffers();
  let sent = 0;
  await sendBody(to as unknown as BodyTarget, file, pieces, tail, buffers, (n) => {
    sent += n;
  });
  return { sent, lent: buffers.lent };
}

describe('bodies', () => {
  test('are sent whole and in order, and every buffer comes back', async () => {
    for (const size of [1, 1000, 32 * 1024, 256 * 1024, 256 * 1024 + 1, 1_000_000]) {
      const to = new Target();
      const result = await send(to, fakeFile(size), [{ text: '', start: 0, end: size }]);
      assert.ok(to.ended);
      assert.ok(to.text === textOf(0, size), `size ${size}`);
      assert.deepEqual(result, { sent: size, lent: 0 });
    }
  });

  test('a small file is one write, which ends the response', async () => {
    const to = new Target();
    await send(to, fakeFile(5000), [{ text: '', start: 0, end: 5000 }]);
    assert.equal(to.most, 1);
  });

  test('pieces with text between and after', async () => {
    const to = new Target();
    const pieces = [
      { text: '<1>', start: 10, end: 20 },
      { text: '<2>', start: 0, end: 3 },
    ];
    const { sent } = await send(to, fakeFile(100), pieces, '<end>');
    assert.equal(to.text, `<1>${textOf(10, 20)}<2>${textOf(0, 3)}<end>`);
    assert.equal(sent, to.text.length);
    assert.ok(to.ended);
  });

  test('a client that does not read holds two buffers, one of them under way', async () => {
    const to = new Target(true);
    const buffers = new Buffers();
    const sending = sendBody(
      to as unknown as BodyTarget,
      fakeFile(10_000_000),
      [{ text: '', start: 0, end: 10_000_000 }],
      '',
      buffers,
      () => {},
    );
    for (let i = 0; i < 50; i++) await turn();
    assert.equal(to.pending.length, 1);
    assert.equal(buffers.lent, 2 * 256 * 1024);
    to.emit('close');
    await assert.rejects(sending, ClientGone);
    assert.equal(buffers.lent, 0);
    assert.equal(to.listenerCount('close'), 0);
  });

  test('many bodies at once get small buffers', () => {
    const buffers = new Buffers();
    const taken = Array.from({ length: 1000 }, () => buffers.take(1 << 30).length);
    assert.equal(taken[0], 256 * 1024);
    assert.equal(taken[999], 32 * 1024);
    assert.ok(buffers.lent < 100 * 1024 * 1024);
    for (let n = 0; n < 10_000; n++) taken.push(buffers.take(1 << 30).length);
    assert.equal(taken.at(-1), 4 * 1024);
    assert.ok(buffers.lent < 170 * 1024 * 1024);
  });

  test('a file that becomes shorter: the end is never sent', async () => {
    const to = new Target();
    await assert.rejects(
      send(to, fakeFile(1_000_000, { cutAt: 700_000 }), [{ text: '', start: 0, end: 1_000_000 }]),
      FileChanged,
    );
    assert.ok(!to.ended);
    assert.ok(to.text.length <= 700_000);
  });

  test('a file that changes: its last bytes are withheld', async () => {
    const to = new Target();
    await assert.rejects(
      send(to, fakeFile(1_000_000, { changedAfter: 1 }), [{ text: '', start: 0, end: 1_000_000 }]),
      FileChanged,
    );
    assert.ok(!to.ended);
    assert.ok(to.text.length < 1_000_000);
  });

  test('a file that changes before its first bytes are sent leaves the response untouched', async () => {
    const to = new Target();
    await assert.rejects(
      send(to, fakeFile(1000, { changedAfter: 0 }), [{ text: '', start: 0, end: 1000 }]),
      FileChanged,
    );
    assert.equal(to.most, 0);
  });

  test('a changed file withholds the tail of several parts too', async () => {
    const to = new Target();
    const pieces = [
      { text: '<1>', start: 0, end: 10 },
      { text: '<2>', start: 20, end: 30 },
    ];
    await assert.rejects(send(to, fakeFile(100, { changedAfter: 1 }), pieces, '<end>'), FileChanged);
    assert.equal(to.text.includes('<end>'), false);
    assert.ok(!to.ended);
  });

  test('an error of the connection is the client leaving', async () => {
    const to = new Target();
    to.write = (_chunk, callback) => callback(new Error('EPIPE'));
    await assert.rejects(send(to, fakeFile(600_000), [{ text: '', start: 0, end: 600_000 }]), ClientGone);
  });
});
