// The folder that is served: opens regular files inside it and nothing else, and says what identifies their content.
// Called by handler.ts; calls node:fs and paths.ts' Target. Nothing here trusts that the folder stands still meanwhile.
//
// Opening, on Linux, in this order, so that no moment is left in which a link could be put in between:
//   1. open with O_PATH: finds the file, follows links, has no effect on it: no FIFO blocks, no device wakes up
//   2. fstat of that descriptor: a regular file or a folder, or else nothing
//   3. /proc/self/fd/N of that descriptor: its real path, which must lie inside the real path of the folder
//   4. open /proc/self/fd/N for reading: the very file that was looked at
// Elsewhere: realpath, lstat, open without following, and the identity (device, inode) must be the same throughout.

import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  close,
  closeSync,
  constants,
  fstat,
  lstat,
  open,
  openSync,
  read,
  readlinkSync,
  realpath,
  realpathSync,
  statSync,
} from 'node:fs';
import { sep } from 'node:path';
import { promisify } from 'node:util';
import type { Target } from './paths.ts';

const openFd: (path: Buffer | string, flags: number) => Promise<number> = promisify(open);

/** O_PATH of Linux (asm-generic and every architecture that Node runs on): a descriptor that only names the file. */
const O_PATH = 0o10000000;
// O_NONBLOCK, O_NOFOLLOW and O_NOCTTY do not exist on Windows.
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);
const READ_NOFOLLOW = READ | (constants.O_NOFOLLOW ?? 0);

/** Errors that mean: there is no such file for us. What may not be read is not there. */
const ABSENT = new Set(
  'ENOENT ENOTDIR EACCES EPERM ELOOP ENAMETOOLONG EINVAL EISDIR ENXIO ENODEV EOPNOTSUPP ETXTBSY'.split(' '),
);

/** What a target names: a file (the caller closes it), a folder whose name wants a trailing slash, or nothing. */
export type Found = OpenFile | 'redirect' | null;

/** How to open: by descriptors that only name (Linux with /proc), or by comparing identities. */
export type OpenMethod = 'o_path' | 'identity';

/** A folder to serve. Its real path is taken once, when it is made. */
export class Folder {
  /** The real path of the folder, as a byte string. */
  readonly root: string;
  readonly method: OpenMethod;
  readonly #index: readonly string[];

  /** `root` must be a folder: throws Node's errors (ENOENT, EACCES) or ENOTDIR. `index`: file names that answer for a folder, in order. */
  constructor(root: string, index: readonly string[] = ['index.html'], method: OpenMethod = bestMethod()) {
    if (!statSync(root).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a directory, '${root}'`), { code: 'ENOTDIR', path: root });
    }
    this.root = realpathSync.native(root, 'buffer').toString('latin1');
    this.method = method;
    this.#index = index;
  }

  /** Finds what a target names. Rejects only where the machine is at fault: EMFILE, ENFILE, ENOMEM, EIO. */
  async find(target: Target): Promise<Found> {
    const path = [this.root === '/' ? '' : this.root, ...target.names].join('/');
    const found = await this.#open(path || '/');
    if (found === null) return null;
    if (found !== 'folder') {
      if (!target.folder) return found;
      found.close(); // a file has nothing below it
      return null;
    }
    for (const name of this.#index) {
      const file = await this.#open(`${path}/${name}`);
      if (file === null || file === 'folder') continue;
      if (target.folder || target.names.length === 0) return file;
      file.close();
      return 'redirect';
    }
    return null;
  }

  async #open(path: string): Promise<OpenFile | 'folder' | null> {
    try {
      return await (this.method === 'o_path' ? this.#openByDescriptor(path) : this.#openByIdentity(path));
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return null;
      throw error;
    }
  }

  async #openByDescriptor(path: string): Promise<OpenFile | 'folder' | null> {
    const name = await openFd(Buffer.from(path, 'latin1'), O_PATH);
    try {
      const stat = await statOf(name);
      const link = `/proc/self/fd/${name}`;
      // procfs answers from memory: no need for another turn of the thread pool.
      if (!this.#contains(readlinkSync(link, 'latin1'))) return null;
      if (stat.isDirectory()) return 'folder';
      if (!stat.isFile()) return null;
      return new OpenFile(await openFd(link, READ), stat, path);
    } finally {
      closeSync(name);
    }
  }

  async #openByIdentity(path: string): Promise<OpenFile | 'folder' | null> {
    const real = await realPathOf(Buffer.from(path, 'latin1'));
    if (!this.#contains(real.toString('latin1'))) return null;
    const seen = await lstatOf(real);
    if (seen.isDirectory()) return 'folder';
    if (!seen.isFile()) return null;
    const fd = await openFd(real, READ_NOFOLLOW);
    try {
      const stat = await statOf(fd);
      const again = await realPathOf(real);
      if (stat.dev !== seen.dev || stat.ino !== seen.ino || !again.equals(real)) {
        closeSync(fd);
        return null;
      }
      return new OpenFile(fd, stat, path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Whether a real path is that of the folder or of something in it. */
  #contains(real: string): boolean {
    return real === this.root || real.startsWith(this.root.endsWith(sep) ? this.root : this.root + sep);
  }
}

/** A regular file, open for reading. close() must be called once its user is done, and may be called at any time. */
export class OpenFile {
  readonly size: number;
  /** The path that led to it, as a byte string: its extension says what it is. */
  readonly path: string;
  readonly #fd: number;
  readonly #stat: BigIntStats;
  #reading = 0;
  #closed = false;

  constructor(fd: number, stat: BigIntStats, path: string) {
    this.#fd = fd;
    this.#stat = stat;
    this.size = Number(stat.size);
    this.path = path;
  }

  /** The entity tag; `now` in milliseconds since 1970. */
  etag(now: number): string {
    return entityTag(this.#stat, now);
  }

  /** Whole seconds since 1970; never later than `now` (RFC 9110 section 8.8.2.1). */
  lastModified(now: number): number {
    return Math.floor(Math.min(Number(this.#stat.mtimeMs), now) / 1000);
  }

  /** Reads up to `length` bytes at `position` into `buffer`; returns how many, 0 at the end of the file. */
  async read(buffer: Uint8Array, length: number, position: number): Promise<number> {
    if (this.#closed) throw new Error('read of a closed file');
    this.#reading++;
    try {
      return await new Promise<number>((resolve, reject) => {
        read(this.#fd, buffer, 0, length, position, (error, n) => (error === null ? resolve(n) : reject(error)));
      });
    } finally {
      this.#done();
    }
  }

  /**
   * Whether the content is still what it was when the file was opened, as far as size and modification time tell. Not
   * the change time: that moves too when the name is replaced by a newer file, and what we read is still the old one.
   */
  async isUnchanged(): Promise<boolean> {
    if (this.#closed) return false;
    this.#reading++;
    try {
      const stat = await statOf(this.#fd);
      return stat.size === this.#stat.size && stat.mtimeNs === this.#stat.mtimeNs;
    } finally {
      this.#done();
    }
  }

  /** Calls `read` with the descriptor, for reads that end at once; -1 if the file has been closed. */
  readNow(read: (fd: number) => number): number {
    return this.#closed ? -1 : read(this.#fd);
  }

  /** Gives the descriptor back, as soon as no call on it is under way (its number may be another file's right after). */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#reading === 0) close(this.#fd);
  }

  #done(): void {
    this.#reading--;
    if (this.#closed && this.#reading === 0) close(this.#fd);
  }
}

const FINE_TICK = 20;
const COARSE_TICK = 2000;

/**
 * A strong entity tag (RFC 9110 section 8.8.1) from what the file system keeps: device, inode, size, modification time
 * and change time in nanoseconds, hashed so that they are not shown. The change time is what makes it strong: it moves
 * with every write, and, unlike the modification time, no program can set it back (files that are unpacked with fixed
 * times have the same modification time and often the same size in every version). A hash of the content would need the
 * whole file read before the first byte is sent, or a cache of hashes whose keys would be just these values.
 *
 * Clocks of file systems move in ticks: within the tick of its last change a file may change again and keep its times.
 * So a file that young gets a weak tag, which is good for If-None-Match and nothing else. Times in whole seconds show a
 * file system with coarse ticks.
 */
export function entityTag(stat: BigIntStats, now: number): string {
  const facts = `${stat.dev}.${stat.ino}.${stat.size}.${stat.mtimeNs}.${stat.ctimeNs}`;
  const tag = `"${createHash('sha256').update(facts).digest('base64url').slice(0, 20)}"`;
  const tick = stat.ctimeNs % 1_000_000_000n === 0n ? COARSE_TICK : FINE_TICK;
  return Math.abs(now - Number(stat.ctimeMs)) < tick ? `W/${tag}` : tag;
}

function statOf(fd: number): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fstat(fd, { bigint: true }, (error, stat) => (error === null ? resolve(stat) : reject(error)));
  });
}

function lstatOf(path: Buffer): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    lstat(path, { bigint: true }, (error, stat) => (error === null ? resolve(stat) : reject(error)));
  });
}

function realPathOf(path: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    realpath.native(path, 'buffer', (error, real) => (error === null ? resolve(real) : reject(error)));
  });
}

let method: OpenMethod | undefined;

/** O_PATH where the system has it and shows real paths in /proc; found out once. */
function bestMethod(): OpenMethod {
  if (method === undefined) {
    method = 'identity';
    if (process.platform === 'linux') {
      try {
        const fd = openSync('/proc/self', O_PATH);
        if (readlinkSync(`/proc/self/fd/${fd}`) === `/proc/${process.pid}`) method = 'o_path';
        closeSync(fd);
      } catch {
        // no /proc here
      }
    }
  }
  return method;
}
