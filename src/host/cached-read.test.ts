// What the cached reader promises: the same bytes as fs, the file's end, and "not this way" instead of errors.

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Arena } from '../base/arena.ts';
import { EAGAIN } from '../base/errno.ts';
import { cachedReader } from './cached-read.ts';
import { ffiAvailable } from './ffi.ts';

const skip = ffiAvailable() ? false : 'koffi is not there';

test('a cached file is read at once, to its end, at any place', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-cached-'));
  const arena = new Arena(1 << 20);
  const at = arena.region('test', 300_000, 4096);
  const view = arena.u8.subarray(at, at + 300_000);
  const read = cachedReader(arena)!;
  const bytes = Buffer.from(Array.from({ length: 200_001 }, (_, i) => (i * 7) & 255));
  const path = join(folder, 'file');
  writeFileSync(path, bytes);
  readFileSync(path);
  const fd = openSync(path, 'r');
  try {
    const n = read(fd, view, 300_000, 0);
    if (n === -EAGAIN) return; // a file system that cannot say
    assert.deepEqual(Buffer.from(view.subarray(0, n)), bytes.subarray(0, n));
    assert.equal(read(fd, view, 100, 200_000), 1);
    assert.equal(view[0], bytes[200_000]);
    assert.equal(read(fd, view, 100, 200_001), 0);
    assert.equal(read(fd, new Uint8Array(10), 10, 0), -EAGAIN);
    assert.equal(read(-1, view, 10, 0), -EAGAIN);
    // Never beyond the view, whatever length is asked for.
    const small = view.subarray(0, 10);
    view.fill(0xee);
    assert.equal(read(fd, small, 1000, 0), 10);
    assert.equal(view[10], 0xee);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});
