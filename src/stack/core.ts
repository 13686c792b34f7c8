// What the parts of a stack share: memory, time, randomness, keyed hashes, settings, counters and the packet in hand.
// Made by stack.ts; used by every file of this floor. It has no behaviour of its own.

import type { Arena } from '../base/arena.ts';
import { Blocks } from '../base/blocks.ts';
import { Frames } from '../base/pool.ts';
import { FlowHash, SipHash } from '../base/siphash.ts';
import { Spans } from '../base/spans.ts';
import { Now, type Rng } from '../base/time.ts';
import { Checksum } from '../wire/checksum.ts';
import { Counters } from './counters.ts';
import { Packet } from './packet.ts';
import type { Settings } from './settings.ts';

/** The memory of one stack and its links, carved from one arena before any link is opened. */
export class StackMemory {
  readonly arena: Arena;
  readonly frames: Frames;
  readonly spans: Spans;
  readonly blocks: Blocks;

  /** Small frames, large (64 KiB) frames, 4 KiB payload chunks and 256 KiB blocks: how many of each. */
  constructor(arena: Arena, sizes: { small: number; large: number; chunks: number; blocks?: number }) {
    this.arena = arena;
    this.frames = new Frames(arena, sizes.small, sizes.large);
    this.blocks = new Blocks(arena, sizes.blocks ?? 0);
    this.spans = new Spans(arena, sizes.chunks, this.blocks);
  }
}

/** "TS": what the keys of stampHash are made from. */
const STAMP: Int32Array = Int32Array.of(0x5453);

export class Core {
  readonly arena: Arena;
  readonly frames: Frames;
  readonly spans: Spans;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly sum: Checksum;
  readonly now: Now;
  readonly rng: Rng;
  /** Keyed with the stack's secret: for sequence numbers, ports and identification fields. */
  readonly sip: SipHash;
  readonly flowHash: FlowHash;
  /** For offsets of timestamps, which peers see: with keys of its own, so that nothing is told of those of tables. */
  readonly stampHash: FlowHash;
  readonly settings: Settings;
  readonly counters: Counters;
  readonly packet: Packet = new Packet();

  /** `secret`: at least six random words; host takes them from the operating system, tests from a seeded generator. */
  constructor(memory: StackMemory, settings: Settings, rng: Rng, secret: Int32Array) {
    this.arena = memory.arena;
    this.frames = memory.frames;
    this.spans = memory.spans;
    this.u8 = memory.arena.u8;
    this.i32 = memory.arena.i32;
    this.f64 = memory.arena.f64;
    this.sum = new Checksum(memory.arena.memory);
    this.now = new Now(memory.arena);
    this.rng = rng;
    this.sip = new SipHash(secret);
    this.flowHash = new FlowHash(secret[4]!, secret[5]!);
    this.stampHash = new FlowHash(this.sip.hash(STAMP, 0, 1), this.sip.high);
    this.settings = settings;
    this.counters = new Counters(memory.arena);
  }
}
