// Tests of capture files: all blocks in order, bounded memory, complete at close, at exit, and after a partial write.
// Run by node:test; calls capture-file.ts and, for the end of a process, a child.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pcapngSection, putPcapngHead, putPcapngTail } from '../wire/pcapng.ts';
import { CaptureFile } from './capture-file.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'ring3-capture-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** One packet's block of `bytes` data, all of them `value`. */
function block(bytes: number, value: number): Uint8Array {
  const out = new Uint8Array(bytes + 100);
  putPcapngHead(out, 0, 0, 1, 2, bytes, bytes);
  out.fill(value, 28, 28 + bytes);
  return out.subarray(0, putPcapngTail(out, 0, bytes, 0, ''));
}

test('all blocks are in the file, in order, once it is closed', async (t) => {
  const path = join(folder(t), 'a.pcapng');
  const file = new CaptureFile(path);
  const blocks = [pcapngSection('test'), ...Array.from({ length: 3000 }, (_, i) => block(1 + (i % 1500), i))];
  for (const [i, one] of blocks.entries()) {
    file.sink(one);
    if (i % 500 === 0) await new Promise(setImmediate);
  }
  await file.close();
  await file.close();
  const all = Buffer.concat(blocks);
  assert.ok(readFileSync(path).equals(all));
  assert.deepEqual([file.written, file.dropped], [all.length, 0]);
  file.sink(block(10, 1));
  assert.equal(file.dropped, 1);
});

test('what the disk is too slow for is counted, and the file stays whole', async (t) => {
  const path = join(folder(t), 'a.pcapng');
  const file = new CaptureFile(path, { bufferBytes: 100_000 });
  const two = Buffer.concat([block(1000, 1), block(1000, 2)]);
  for (let i = 0; i < 100; i++) file.sink(two); // in one turn: nothing is written meanwhile
  await file.close();
  const fitted = Math.floor(100_000 / two.length);
  assert.equal(readFileSync(path).length, fitted * two.length);
  assert.equal(file.dropped, 2 * (100 - fitted));
});

test('a process that exits leaves a complete file', (t) => {
  const path = join(folder(t), 'a.pcapng');
  const code = `
    import { CaptureFile } from ${JSON.stringify(new URL('capture-file.js', import.meta.url).href)};
    const file = new CaptureFile(${JSON.stringify(path)});
    const bytes = new Uint8Array(100_000);
    for (let i = 0; i < 50; i++) file.sink(bytes.map(() => i));
    setImmediate(() => { for (let i = 50; i < 100; i++) file.sink(bytes.map(() => i)); process.exit(0); });`;
  const end = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', timeout: 10_000 });
  assert.equal(end.status, 0, end.stderr);
  const all = readFileSync(path);
  assert.equal(all.length, 10_000_000);
  for (let i = 0; i < 100; i++)
    assert.ok(
      all.subarray(i * 1e5, (i + 1) * 1e5).every((value) => value === i),
      `block ${i}`,
    );
});

test('a file that cannot be made is an error of one line', (t) => {
  const path = folder(t);
  mkdirSync(join(path, 'folder'));
  assert.throws(() => new CaptureFile(join(path, 'none', 'a')), {
    code: 'ENOENT',
    message: /capture to .*folder does not exist$/,
  });
  assert.throws(() => new CaptureFile(join(path, 'folder')), { code: 'EISDIR', message: /that is a folder$/ });
});

test('a full disk ends the capture and is told once', {
  skip: !existsSync('/dev/full') && 'needs /dev/full',
}, async () => {
  const errors: Error[] = [];
  const file = new CaptureFile('/dev/full', { onError: (error) => errors.push(error) });
  for (let i = 0; i < 10; i++) file.sink(block(100, i));
  await file.close();
  file.sink(block(100, 1));
  assert.equal(errors.length, 1);
  assert.match(errors[0]!.message, /^the capture ends: \/dev\/full cannot be written \(ENOSPC\)$/);
  assert.equal(file.dropped, 11);
});
