// Where a capture goes: a file, written beside the packets' way, with bounded memory; complete at close and at exit.
// Its sink is called by the capture link wrapper; made by cli; calls node:fs.

import { close, closeSync, fstatSync, openSync, writeSync, writev } from 'node:fs';
import { errorCode, hostError } from './errors.ts';

/** Options of a CaptureFile. */
export interface CaptureFileOptions {
  /** Bytes that may wait for the disk, default 16 MiB; what comes beyond is not recorded, and counted. */
  readonly bufferBytes?: number;
  /** Told once if the file cannot be written any more (a full disk): the capture ends there. One line. */
  readonly onError?: (error: Error) => void;
}

/** Buffers given to one writev; the kernel takes 1,024. */
const MAX_BUFFERS = 512;

/**
 * A file of pcapng blocks. Writes say where they go, so that at the process's exit what may or may not have been
 * written yet can simply be written again.
 */
export class CaptureFile {
  readonly path: string;
  /** Bytes known to be in the file. */
  written = 0;
  /** Packets that were not recorded. */
  dropped = 0;
  readonly #fd: number;
  readonly #limit: number;
  readonly #onError: ((error: Error) => void) | undefined;
  /** A pipe or terminal has no positions. */
  readonly #seekable: boolean;
  /** Blocks that wait, the first `#flying` of them handed to the system. */
  #queue: Uint8Array[] = [];
  #queued = 0;
  #flying = 0;
  #failed = false;
  #closed = false;
  #whenEmpty: (() => void)[] = [];
  readonly #atExit: () => void = () => this.#writeAllNow();

  /** Creates or empties the file. Throws a HostError, one line, if that cannot be. */
  constructor(path: string, options: CaptureFileOptions = {}) {
    this.path = path;
    this.#limit = options.bufferBytes ?? 1 << 24;
    this.#onError = options.onError;
    try {
      this.#fd = openSync(path, 'w');
    } catch (error) {
      const code = errorCode(error);
      const why: Record<string, string> = {
        ENOENT: 'its folder does not exist',
        EACCES: 'no permission to write there',
        EISDIR: 'that is a folder',
        EROFS: 'the file system is read-only',
      };
      throw hostError(code, `cannot write the capture to ${path}: ${why[code] ?? code}`, 'open');
    }
    this.#seekable = fstatSync(this.#fd).isFile();
    process.on('exit', this.#atExit);
  }

  /** Takes whole pcapng blocks to keep. Never throws, never waits. */
  readonly sink = (bytes: Uint8Array): void => {
    if (this.#closed || this.#failed || this.#queued + bytes.length > this.#limit) {
      this.dropped += countPackets(bytes);
      return;
    }
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (this.#flying === 0) this.#write();
  };

  #write(): void {
    if (this.#queue.length === 0) {
      for (const resolve of this.#whenEmpty.splice(0)) resolve();
      return;
    }
    const buffers = this.#queue.slice(0, MAX_BUFFERS);
    this.#flying = buffers.length;
    writev(this.#fd, buffers, this.#seekable ? this.written : null, (error, n) => {
      this.#flying = 0;
      if (error !== null) this.#fail(error);
      else this.#done(n);
      this.#write();
    });
  }

  /** Forgets the first `n` bytes of the queue, which are in the file now. */
  #done(n: number): void {
    this.written += n;
    this.#queued -= n;
    let whole = 0;
    while (whole < this.#queue.length && this.#queue[whole]!.length <= n) n -= this.#queue[whole++]!.length;
    this.#queue.splice(0, whole);
    if (n > 0) this.#queue[0] = this.#queue[0]!.subarray(n);
  }

  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    for (const bytes of this.#queue) this.dropped += countPackets(bytes);
    this.#queue.length = 0;
    this.#queued = 0;
    this.#onError?.(
      hostError(errorCode(error), `the capture ends: ${this.path} cannot be written (${errorCode(error)})`),
    );
  }

  /** Writes what waits and closes the file. Idempotent; never rejects. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#queue.length > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
    process.off('exit', this.#atExit);
    await new Promise<void>((resolve) => close(this.#fd, () => resolve()));
  }

  /** The process ends: everything that waits, at once. */
  #writeAllNow(): void {
    // What was handed over to a pipe is on its way; in a file it is written again at its place.
    const from = this.#seekable ? 0 : this.#flying;
    let position = this.written;
    try {
      for (const bytes of this.#queue.slice(from)) {
        for (let at = 0; at < bytes.length; ) {
          const n = writeSync(this.#fd, bytes, at, bytes.length - at, this.#seekable ? position : null);
          at += n;
          position += n;
        }
      }
      closeSync(this.#fd);
    } catch {
      // Nobody is left to be told.
    }
  }
}

const PACKET = 6;

/** Packets among whole pcapng blocks: type and length stand at the start of each. */
function countPackets(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let packets = 0;
  for (let at = 0; at + 12 <= bytes.length; at += Math.max(view.getUint32(at + 4, true), 12)) {
    if (view.getUint32(at, true) === PACKET) packets++;
  }
  return packets;
}
