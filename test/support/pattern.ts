// Bytes that tell their place, to be sent and compared by hash: the same for everybody who asks for as many.
// Called by tests, stack-server.ts and kernel-client.ts; calls node:crypto for the hash.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

const BLOCK = 65536;
const noise: Buffer = Buffer.alloc(BLOCK);
for (let i = 0, x = 1; i < BLOCK; i++) {
  x = (Math.imul(x, 1103515245) + 12345) | 0;
  noise[i] = x >>> 16;
}

/** Block number `index` of the pattern. */
function block(index: number): Buffer {
  const out = Buffer.from(noise);
  // Every 256 bytes bear the number of their block.
  for (let at = 0; at < BLOCK; at += 256) out.writeUInt32LE(index, at);
  return out;
}

/** The first `bytes` of the pattern. */
export function patternStream(bytes: number): Readable {
  let sent = 0;
  return new Readable({
    highWaterMark: 4 * BLOCK,
    read() {
      if (sent >= bytes) this.push(null);
      else {
        const piece = block(sent / BLOCK).subarray(0, Math.min(BLOCK, bytes - sent));
        sent += piece.length;
        this.push(piece);
      }
    },
  });
}

/** SHA-256 of the first `bytes` of the pattern, hexadecimal. */
export function patternHash(bytes: number): string {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes; at += BLOCK) hash.update(block(at / BLOCK).subarray(0, Math.min(BLOCK, bytes - at)));
  return hash.digest('hex');
}
