// The file of the example site that is big enough to watch: 10 MB that never change, made instead of stored.
// Called by start.mjs and by tests; calls node:fs. Run alone, it makes the file and prints its sum.

import { createHash } from 'node:crypto';
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Bytes of the file. Its SHA-256 stands in examples/site/download.sha256, for `sha256sum -c`. */
export const DOWNLOAD_BYTES = 10_000_000;

const FILE = join(dirname(fileURLToPath(import.meta.url)), '..', 'examples', 'site', 'download.bin');

/** The content: xorshift32 (Marsaglia 2003) from a fixed seed, its words in little-endian order. */
export function downloadContent() {
  const bytes = Buffer.allocUnsafe(DOWNLOAD_BYTES);
  let x = 0x52494e47;
  for (let at = 0; at < DOWNLOAD_BYTES; at += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes.writeInt32LE(x, at);
  }
  return bytes;
}

/** Makes the file if it is absent or incomplete. It appears whole or not at all. */
export function makeDownload(file = FILE) {
  if (existsSync(file) && statSync(file).size === DOWNLOAD_BYTES) return;
  const partial = join(dirname(file), `.download.${process.pid}`); // a dotfile: never served
  writeFileSync(partial, downloadContent());
  renameSync(partial, file);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  makeDownload();
  console.log(`${createHash('sha256').update(downloadContent()).digest('hex')}  download.bin`);
}
