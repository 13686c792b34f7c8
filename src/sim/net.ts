// What the parts of one simulation share: the virtual time, the schedule, the memory of packets on their way, seeds, the record.
// Made by sim.ts; used by hosts, routers and lines; calls base.

import { Arena } from '../base/arena.ts';
import type { LinkMemory } from '../base/link.ts';
import { Frames, HEADROOM } from '../base/pool.ts';
import { SeededRng } from '../base/rng.ts';
import { Checksum } from '../wire/checksum.ts';
import type { Recorder } from './recorder.ts';
import { Schedule } from './schedule.ts';

/** Virtual time when a simulation begins: the stack takes a deadline of 0 for none. */
export const START = 1_000_000;

/** Somebody with a deadline in the schedule. */
export interface Actor {
  /** Its deadline has come. It sets its next one; the one that has come is taken out. */
  fire(): void;
}

/** Where a line leads to. */
export interface Node {
  readonly name: string;
  /** A packet of `length` bytes has arrived through `port`: its slot is the node's now. */
  receive(port: number, slot: number, length: number): void;
  /** All packets that have arrived through a line at this moment have been received. */
  flush(): void;
}

/** The memory that packets on their way lie in: 2 KiB or 66 KiB each. Untouched pages cost nothing. */
export interface NetSizes {
  /** Packets up to 1920 bytes, default 65,536. */
  readonly small?: number | undefined;
  /** Larger ones, default 1,024. */
  readonly large?: number | undefined;
}

/** That memory, made: simulations that run one after the other may share it, which saves its making. */
export class PacketMemory implements LinkMemory {
  readonly arena: Arena;
  readonly frames: Frames;
  readonly sums: Checksum;

  constructor(sizes: NetSizes = {}) {
    const { small = 65_536, large = 1024 } = sizes;
    this.arena = new Arena(small * 2100 + large * 67_700 + 65_536);
    this.frames = new Frames(this.arena, small, large);
    this.sums = new Checksum(this.arena.memory);
  }
}

export class Net {
  /** Virtual monotonic microseconds, in a cell: a double passed from call to call would be allocated. */
  readonly time: Float64Array = new Float64Array(1);
  readonly schedule: Schedule = new Schedule();
  readonly actors: Actor[] = [];
  readonly seed: number;
  readonly memory: PacketMemory;
  readonly frames: Frames;
  readonly u8: Uint8Array;
  recorder: Recorder | null = null;
  #streams = 0;

  constructor(seed: number, memory: PacketMemory) {
    this.memory = memory;
    this.frames = memory.frames;
    this.u8 = memory.arena.u8;
    this.seed = seed;
    this.time[0] = START;
  }

  /** A generator of its own for one purpose: what is drawn elsewhere does not change it. */
  rng(): SeededRng {
    return new SeededRng(Math.imul(this.seed, 0x9e3779b1) ^ Math.imul(++this.#streams, 0x85ebca6b));
  }

  /** A number in the schedule for `actor`. */
  enter(actor: Actor): number {
    this.actors.push(actor);
    return this.schedule.add();
  }

  /** A slot for a packet of `length` bytes: where they go. An Error if the net's memory is used up: a fault of the set-up. */
  take(length: number): number {
    const frame = this.frames.alloc(length);
    if (frame === 0) {
      throw new Error(
        `the simulation has no memory for a packet of ${length} bytes: give it more (memory.small, memory.large)`,
      );
    }
    return frame + HEADROOM;
  }

  /** Gives back the slot of a packet that has arrived or is lost. */
  free(slot: number): void {
    this.frames.free(slot);
  }
}
