// Blocks: large pieces of the arena with a count of users each, for payload that is sent from where it was read into.
// Taken by socket for its users; held by Spans while bytes of them are unacknowledged; calls Pool.

import type { Arena } from './arena.ts';
import { Pool } from './pool.ts';

/** Bytes of a block. */
export const BLOCK: number = 256 * 1024;

/** A block is named by its byte offset; 0 means none. It is free again when its last user has released it. */
export class Blocks {
  readonly #i32: Int32Array;
  readonly #pool: Pool;
  readonly #users: number;

  constructor(arena: Arena, count: number) {
    this.#i32 = arena.i32;
    this.#pool = new Pool(arena, 'blocks', count, BLOCK, 4096);
    this.#users = arena.region('blocks.users', Math.max(4, count * 4)) >> 2;
  }

  /** A block with one user, the caller; 0 when there is none left. */
  alloc(): number {
    const block = this.#pool.alloc();
    if (block !== 0) this.#i32[this.#cell(block)] = 1;
    return block;
  }

  /** One more user of the block in which `offset` lies. */
  retain(offset: number): void {
    this.#i32[this.#cell(offset)]!++;
  }

  /** One user less. Throws if there was none: a bug of ours. */
  release(offset: number): void {
    const cell = this.#cell(offset);
    if (this.#i32[cell]! <= 0) throw new Error(`blocks: offset ${offset} has no user`);
    if (--this.#i32[cell]! === 0) this.#pool.free(offset);
  }

  /** Whether [offset, offset + length) lies in one block that somebody uses. */
  holds(offset: number, length: number): boolean {
    if (length <= 0 || !this.#pool.owns(offset) || this.#i32[this.#cell(offset)]! <= 0) return false;
    return offset + length <= this.#pool.start(offset) + BLOCK;
  }

  get used(): number {
    return this.#pool.used;
  }

  #cell(offset: number): number {
    return this.#users + (((offset - this.#pool.base) / BLOCK) | 0);
  }
}
