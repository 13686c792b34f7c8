// The arena: one fixed-size WebAssembly.Memory that holds connection rows, pools, frames and payload (ARCHITECTURE, "Memory").
// Made by whoever builds a stack (host, sim, tests); every floor keeps its state in regions of it; calls nothing.
//
//   0        header: magic, layout version, size, region count, then the region table (name, offset, bytes)
//   4096     regions, in the order in which they were asked for, each aligned as asked
//
// The memory never grows, so views never detach; pages that nobody touched cost nothing.

const PAGE = 65536;
const MAGIC = 0x33474e52; // "RNG3"
/** Version of the header and of every table in the arena: another program reads them (`ring3 ss`). */
export const LAYOUT_VERSION = 1;
const HEADER_BYTES = 4096;
const REGION_TABLE = 64;
const REGION_ENTRY = 32;
const REGION_NAME = 24;
const MAX_REGIONS = (HEADER_BYTES - REGION_TABLE) / REGION_ENTRY;
/** Offsets are int32: an arena ends at 2 GiB. */
export const MAX_ARENA_BYTES: number = 2 ** 31 - PAGE;

/** Fixed memory with typed views over it. Offsets are bytes from its start; offset 0 is never handed out: it means "none". */
export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly bytes: number;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  #next: number;

  /** `bytes` is rounded up to whole 64 KiB pages; RangeError outside (0, 2 GiB). */
  constructor(bytes: number) {
    const pages = Math.ceil(bytes / PAGE);
    if (!(pages > 0) || pages * PAGE > MAX_ARENA_BYTES)
      throw new RangeError(`an arena has 1 byte to 2 GiB, not ${bytes}`);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = pages * PAGE;
    this.u8 = new Uint8Array(this.memory.buffer);
    this.i32 = new Int32Array(this.memory.buffer);
    this.f64 = new Float64Array(this.memory.buffer);
    this.i32[0] = MAGIC;
    this.i32[1] = LAYOUT_VERSION;
    this.i32[2] = this.bytes;
    this.i32[3] = 0;
    this.#next = HEADER_BYTES;
  }

  /**
   * Takes `bytes` zeroed bytes for good and enters them in the header under `name` (ASCII, up to 24 characters).
   * Only while a stack is being built; RangeError when the arena is too small.
   */
  region(name: string, bytes: number, align = 64): number {
    const at = Math.ceil(this.#next / align) * align;
    if (at + bytes > this.bytes) {
      throw new RangeError(`arena of ${this.bytes} bytes is too small: region ${name} needs ${bytes} more`);
    }
    const count = this.i32[3]!;
    if (count >= MAX_REGIONS || name.length > REGION_NAME)
      throw new RangeError(`region ${name}: table full or name too long`);
    const entry = REGION_TABLE + count * REGION_ENTRY;
    for (let i = 0; i < name.length; i++) this.u8[entry + i] = name.charCodeAt(i);
    this.i32[(entry + REGION_NAME) >> 2] = at;
    this.i32[(entry + REGION_NAME + 4) >> 2] = bytes;
    this.i32[3] = count + 1;
    this.#next = at + bytes;
    return at;
  }

  /** Bytes not yet given to a region. */
  get unassigned(): number {
    return this.bytes - this.#next;
  }

  /** The regions, as a reader from outside sees them in the header. */
  regions(): { name: string; offset: number; bytes: number }[] {
    const out: { name: string; offset: number; bytes: number }[] = [];
    for (let r = 0; r < this.i32[3]!; r++) {
      const entry = REGION_TABLE + r * REGION_ENTRY;
      let name = '';
      for (let i = 0; i < REGION_NAME && this.u8[entry + i] !== 0; i++)
        name += String.fromCharCode(this.u8[entry + i]!);
      const at = (entry + REGION_NAME) >> 2;
      out.push({ name, offset: this.i32[at]!, bytes: this.i32[at + 1]! });
    }
    return out;
  }
}
