// How the memory of a stack is divided, from the one number of --memory.
// Called by assemble.ts; calls nothing but types of stack.

import type { Settings } from '../stack/settings.ts';
import type { MemorySizes } from '../stack/stack.ts';
import { usage } from './errors.ts';
import { formatSize } from './units.ts';

/** The least that gives a stack which can do something, and the most that offsets reach (2 GiB). */
const LEAST = 16e6;
const MOST = 2 ** 31 - 65536;
/** Bytes of one frame and one chunk with what is kept about them; see base/pool.ts and base/spans.ts. */
const SMALL = 2100;
const LARGE = 67_700;
const CHUNK = 4140;
/** Bytes of tables for one TCP connection (row, segment records, ranges, chains), and of those that do not depend on them. */
const ROW = 1150;
const OTHER = 4e6;
const MOST_ROWS = 65_536;

/** What to give createMemory() and the stack for `bytes` in all; undefined: the defaults. Throws a usage error outside 16 MB to 2 GiB. */
export function stackMemory(bytes: number | undefined): { sizes: MemorySizes; settings: Partial<Settings> } {
  if (bytes === undefined) return { sizes: {}, settings: {} };
  if (bytes < LEAST || bytes > MOST) {
    throw usage(`--memory ${formatSize(bytes)}: a stack has from ${formatSize(LEAST)} to 2.1 GB`);
  }
  const tcpRows = Math.min(MOST_ROWS, Math.floor((bytes - OTHER) / 4 / ROW));
  let rest = bytes - OTHER - tcpRows * ROW;
  const small = Math.min(16_384, Math.floor(rest / 10 / SMALL));
  const large = Math.min(1024, Math.max(16, Math.floor(rest / 10 / LARGE)));
  rest -= small * SMALL + large * LARGE;
  const chunks = Math.floor(rest / CHUNK);
  // A connection's buffer is at most a sixteenth of what all have together.
  const buffer = Math.min(1 << 20, Math.max(65_536, Math.floor((chunks * 4096) / 16)));
  return {
    sizes: { arenaBytes: bytes, small, large, chunks },
    settings: { tcpRows, tcpReceiveBuffer: buffer, tcpSendBuffer: buffer },
  };
}
