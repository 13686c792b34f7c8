// Sends pieces of a file as the body of a response: two buffers at a time, and never a wrong byte passed off as right.
// Called by handler.ts; calls files.ts (OpenFile) and the response's write and end.

import type { OpenFile } from './files.ts';

/** The part of a response (node:http's or node:http2's) that is used here. */
export interface BodyTarget {
  write(chunk: string | Uint8Array, callback: (error?: Error | null) => void): unknown;
  end(chunk: string | Uint8Array, callback: () => void): unknown;
  once(event: 'close', listener: () => void): unknown;
  removeListener(event: 'close', listener: () => void): unknown;
}

/** Some text, then bytes [start, end) of the file. */
export interface Piece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The file is not what it was when the answer to it was decided: what was announced cannot be sent. */
export class FileChanged extends Error {}

/** The client has gone before everything was sent. */
export class ClientGone extends Error {}

const LARGE = 256 * 1024;
const SMALL = 32 * 1024;
const TINY = 4 * 1024;
/**
 * With more than these lent out, further bodies get small buffers, and tiny ones: one HTTP/2 client can ask for many
 * bodies and take none.
 */
const LENT_LIMIT = 64 * 1024 * 1024;
const LENT_MUCH = 128 * 1024 * 1024;
/** Large buffers kept for the next body. */
const KEPT = 64;
/** How many buffers of a long body between two looks at whether the file has changed. */
const LOOK_EVERY = 64;

/** Memory of a stack, from which bodies are sent without being copied. A buffer that is given back may still be being sent. */
export interface BlockStore {
  takeBlock(): Buffer | null;
  giveBlock(block: Buffer): void;
  /** Reads into a block what needs no waiting: bytes read, 0 at the file's end, negative: read it the ordinary way. */
  readCached?(fd: number, block: Buffer, length: number, position: number): number;
}

/** Buffers for bodies: lent, given back, lent again. Many slow clients get small ones, few fast ones large ones. */
export class Buffers {
  readonly #kept: Buffer[] = [];
  readonly #store: BlockStore | undefined;
  /** Blocks of #store that are lent. */
  readonly #blocks = new Set<Buffer>();
  #lent = 0;

  constructor(store?: BlockStore) {
    this.#store = store;
  }

  /** A buffer for up to `wanted` bytes, or smaller. `direct`: nothing lies between the response and a socket of the store's stack. */
  take(wanted: number, direct = false): Buffer {
    const block = direct && wanted > SMALL ? (this.#store?.takeBlock() ?? null) : null;
    if (block !== null) {
      this.#blocks.add(block);
      return block;
    }
    const most = this.#lent < LENT_LIMIT ? LARGE : this.#lent < LENT_MUCH ? SMALL : TINY;
    const size = Math.min(wanted > SMALL ? LARGE : wanted, most);
    const buffer = (size === LARGE ? this.#kept.pop() : undefined) ?? Buffer.allocUnsafeSlow(size);
    this.#lent += buffer.length;
    return buffer;
  }

  /** Takes a buffer back that nobody looks at any more. */
  give(buffer: Buffer): void {
    if (this.#returned(buffer)) return;
    this.lose(buffer);
    if (buffer.length === LARGE && this.#kept.length < KEPT) this.#kept.push(buffer);
  }

  /** The same for a buffer that a broken connection may still hold: it is left to the collector. */
  lose(buffer: Buffer): void {
    // What a socket has taken of a block it keeps by itself.
    if (!this.#returned(buffer)) this.#lent -= buffer.length;
  }

  #returned(buffer: Buffer): boolean {
    if (!this.#blocks.delete(buffer)) return false;
    this.#store!.giveBlock(buffer);
    return true;
  }

  /** Fills a block with what can be had of the file without waiting; negative: nothing, or not a block. */
  readCached(file: OpenFile, buffer: Buffer, length: number, position: number): number {
    const store = this.#store;
    if (store?.readCached === undefined || !this.#blocks.has(buffer)) return -1;
    const { readCached } = store;
    return file.readNow((fd) => readCached.call(store, fd, buffer, length, position));
  }

  /** Bytes lent at the moment. */
  get lent(): number {
    return this.#lent;
  }
}

/**
 * Sends `pieces` of `file` and then `tail` as the whole body, and ends the response; `sent` is called with the number
 * of bytes whenever some have been handed over. Before the last bytes go out, the file is looked at again: where it is
 * no longer what it was, the end is withheld and FileChanged thrown, so that the client can see that its copy is not
 * whole. If nothing had been sent by then, the response is still untouched. Throws ClientGone when the client leaves.
 * The response must not have closed before the call. `direct`: see Buffers.take.
 */
export async function sendBody(
  to: BodyTarget,
  file: OpenFile,
  pieces: readonly Piece[],
  tail: string,
  buffers: Buffers,
  sent: (bytes: number) => void,
  direct = false,
): Promise<void> {
  const writer = new Writer(to, buffers, sent);
  try {
    let chunks = 0;
    for (const [i, piece] of pieces.entries()) {
      if (piece.text !== '') await writer.text(piece.text);
      for (let at = piece.start; at < piece.end; ) {
        const buffer = buffers.take(piece.end - at, direct);
        let n = 0;
        try {
          const wanted = Math.min(buffer.length, piece.end - at);
          n = buffers.readCached(file, buffer, wanted, at);
          if (n < 0) n = await file.read(buffer, wanted, at);
          if (n === 0) throw new FileChanged('the file has become shorter');
          at += n;
          const last = i === pieces.length - 1 && at === piece.end;
          if ((last || ++chunks % LOOK_EVERY === 0) && !(await file.isUnchanged())) {
            throw new FileChanged('the file has been changed');
          }
          if (last && tail === '') {
            await writer.end(buffer, n);
            return;
          }
        } catch (error) {
          buffers.lose(buffer);
          throw error;
        }
        await writer.buffer(buffer, n);
      }
    }
    await writer.endText(tail);
  } finally {
    writer.close();
  }
}

/** Writes to a response with at most one buffer under way; every wait also ends when the response closes. */
class Writer {
  readonly #to: BodyTarget;
  readonly #buffers: Buffers;
  readonly #sent: (bytes: number) => void;
  readonly #onClose: () => void;
  /** The buffer under way, and what is called when it has been written or the response has closed. */
  #busy: Buffer | null = null;
  #written = true;
  #gone = false;
  #wake: (() => void) | null = null;

  constructor(to: BodyTarget, buffers: Buffers, sent: (bytes: number) => void) {
    this.#to = to;
    this.#buffers = buffers;
    this.#sent = sent;
    this.#onClose = () => {
      this.#gone = true;
      this.#wake?.();
    };
    to.once('close', this.#onClose);
  }

  /** Writes the first `n` bytes of a buffer, which is the writer's from now on, once the one before has been written. */
  async buffer(buffer: Buffer, n: number): Promise<void> {
    await this.#ready(buffer);
    this.#begin(buffer);
    this.#to.write(buffer.subarray(0, n), this.#callback());
    this.#sent(n);
  }

  async text(text: string): Promise<void> {
    await this.#ready(null);
    this.#begin(null);
    this.#to.write(text, this.#callback());
    this.#sent(text.length);
  }

  /** Writes the last bytes and ends the response; resolves when all has been handed to the connection. */
  async end(buffer: Buffer, n: number): Promise<void> {
    await this.#ready(null);
    this.#begin(buffer);
    this.#to.end(buffer.subarray(0, n), this.#callback());
    this.#sent(n);
    await this.#ready(null);
  }

  async endText(text: string): Promise<void> {
    await this.#ready(null);
    this.#begin(null);
    this.#to.end(text, this.#callback());
    this.#sent(text.length);
    await this.#ready(null);
  }

  close(): void {
    this.#to.removeListener('close', this.#onClose);
    if (this.#busy !== null) this.#buffers.lose(this.#busy);
    this.#busy = null;
  }

  #begin(buffer: Buffer | null): void {
    this.#busy = buffer;
    this.#written = false;
  }

  #callback(): (error?: Error | null) => void {
    return (error) => {
      if (error) this.#gone = true;
      this.#written = true;
      this.#wake?.();
    };
  }

  /** Waits until the write before this one is done. `mine` is let go of where that fails. */
  async #ready(mine: Buffer | null): Promise<void> {
    while (!this.#written && !this.#gone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    if (!this.#written || this.#gone) {
      if (mine !== null) this.#buffers.lose(mine);
      throw new ClientGone('the client has gone');
    }
    if (this.#busy !== null) this.#buffers.give(this.#busy);
    this.#busy = null;
  }
}
