// One stack in virtual time on a link that keeps what it sends and delivers what the script says.
// Made by run.ts; called by every file that touches the stack; calls stack and linux.ts.

import { parseAddress } from '../../base/address.ts';
import { BATCH, type Link, linkCounters, type RxBatch, type TxBatch } from '../../base/link.ts';
import { HEADROOM } from '../../base/pool.ts';
import { SeededRng } from '../../base/rng.ts';
import type { RouteSpec } from '../../stack/route-table.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../stack/settings.ts';
import { createMemory, Stack } from '../../stack/stack.ts';
import { type Config, localAddress, remoteAddress, wireVersion } from './config.ts';
import { Mismatch } from './errors.ts';
import { known, LINUX, type Profile } from './linux.ts';

/** Four words. */
export type Words = readonly [number, number, number, number];

/** A packet that went by: at which moment of the script (us), and its bytes from the IP header on. */
export interface Seen {
  readonly at: number;
  readonly inbound: boolean;
  readonly bytes: Uint8Array;
}

/** Virtual time at which scripts begin: not 0, for 0 means "never" in some cells. */
const EPOCH = 1_000_000_000;
/** Passes without rest before we say that the stack does not come to one. */
const MOST_PASSES = 20_000;
/** Timers that stay due in a row before we say the same. */
const MOST_STUCK = 1000;
const SIZES = { arenaBytes: 20 << 20, small: 512, large: 32, chunks: 4096, blocks: 0 } as const;
const TABLES = { tcpRows: 128, udpRows: 32, neighbours: 16, routes: 16, reassemblies: 8, pathMtus: 64 } as const;

export class World {
  readonly stack: Stack;
  readonly local: Words;
  readonly remote: Words;
  readonly version: 4 | 6;
  /** Everything that the stack has sent and nobody has looked at. */
  readonly sent: Seen[] = [];
  /** Called for every packet, both ways: for a capture. */
  onPacket: (seen: Seen) => void = () => {};
  readonly #incoming: Uint8Array[] = [];
  #now = EPOCH;

  /** `extra`: settings that commands before the first event have asked for. */
  constructor(config: Config, extra: Profile = {}) {
    const rng = new SeededRng(1);
    this.version = wireVersion(config);
    this.local = words(localAddress(config));
    this.remote = words(remoteAddress(config));
    const settings: Partial<Settings> = known({ ...LINUX, ...extra }, DEFAULT_SETTINGS);
    this.stack = new Stack(createMemory(SIZES), {
      settings: { ...settings, ...TABLES },
      rng,
      secret: Int32Array.from({ length: 8 }, () => rng.int32()),
    });
    const iface = this.stack.attach(this.#link(config.mtu));
    const [w0, w1, w2, w3] = this.local;
    if (this.stack.interfaces.addAddress(iface.index, w0, w1, w2, w3, this.version === 4 ? 112 : 64) !== 0)
      throw new Mismatch(`${localAddress(config)} cannot be the local address`);
    this.stack.routes.add(this.#defaultRoute(0));
    this.settle();
  }

  /** The moment now, in microseconds since the script began. */
  get now(): number {
    return this.#now - EPOCH;
  }

  /** Delivers a packet, and lets the stack do what there is to do at once. */
  deliver(bytes: Uint8Array): void {
    this.onPacket({ at: this.now, inbound: true, bytes });
    this.#incoming.push(bytes);
    this.settle();
  }

  /** Passes at the present time until there is nothing more to do. */
  settle(): void {
    for (let n = 0; n < MOST_PASSES; n++) {
      if (!this.stack.poll(this.#now) && this.#incoming.length === 0) return;
    }
    throw new Mismatch('the stack does not come to rest: it goes on sending at one moment');
  }

  /**
   * Lets time go by until `until` (us of the script), or until `done` says so, which is asked whenever something may have
   * happened. True: it did. With `until` Infinity: until nothing will ever happen by itself, or a day has gone.
   */
  advance(until: number, done: () => boolean = () => false): boolean {
    const end = until === Infinity ? this.#now + 86_400e6 : until + EPOCH;
    if (done()) return true;
    let stuck = 0;
    for (let at = this.stack.pollAt(); at <= end; at = this.stack.pollAt()) {
      this.#now = Math.max(at, this.#now);
      this.settle();
      if (done()) return true;
      // A timer that fires early by a fraction is asked again, but not for ever.
      if (this.stack.pollAt() > this.#now) stuck = 0;
      else if (++stuck > MOST_STUCK) throw new Mismatch('the stack does not come to rest: a timer stays due');
      else this.#now += 1;
    }
    if (until !== Infinity && this.#now < end) this.#now = end;
    this.settle();
    return done();
  }

  /** The MTU of the way to everybody from now on. */
  changeRoute(mtu: number): void {
    this.stack.routes.remove(this.#defaultRoute(0));
    this.stack.routes.add(this.#defaultRoute(mtu));
  }

  #defaultRoute(mtu: number): RouteSpec {
    const four = this.version === 4;
    const route = { w0: 0, w1: 0, w2: four ? 0xffff : 0, w3: 0, prefix: four ? 96 : 0, iface: 1 };
    // As Linux has it, our MSS fits the route as well.
    return mtu === 0 ? route : { ...route, mtu, advmss: Math.max(1, mtu - (four ? 40 : 60)) };
  }

  #link(mtu: number): Link {
    const world = this;
    return {
      caps: { medium: 'ip', mtu, gso: 0, txChecksum: 'full', gather: false, loopback: false },
      get memory() {
        return world.stack.memory;
      },
      counters: linkCounters(),
      receive: (batch) => this.#receive(batch),
      release: (batch) => {
        for (let i = 0; i < batch.count; i++) {
          if (batch.offset[i] !== 0) this.stack.memory.frames.free(batch.offset[i]!);
        }
        batch.count = 0;
      },
      room: () => BATCH,
      transmit: (batch) => this.#transmit(batch),
      wake: () => {},
      pollAt: () => Infinity,
      close: () => {},
    };
  }

  #receive(batch: RxBatch): number {
    batch.count = 0;
    while (batch.count < BATCH && this.#incoming.length > 0) {
      const packet = this.#incoming.shift()!;
      const frame = this.stack.memory.frames.alloc(packet.length);
      if (frame === 0) continue;
      this.stack.core.u8.set(packet, frame + HEADROOM);
      batch.offset[batch.count] = frame + HEADROOM;
      batch.length[batch.count] = packet.length;
      batch.flags[batch.count++] = 0;
    }
    return batch.count;
  }

  #transmit(batch: TxBatch): number {
    const { u8 } = this.stack.core;
    const n = batch.count;
    for (let i = 0; i < n; i++) {
      const bytes = new Uint8Array(batch.total(i));
      bytes.set(u8.subarray(batch.offset[i]!, batch.offset[i]! + batch.length[i]!));
      let at = batch.length[i]!;
      for (let p = batch.firstPiece[i]!; p < batch.firstPiece[i]! + batch.pieces[i]!; p++) {
        bytes.set(u8.subarray(batch.pieceOffset[p]!, batch.pieceOffset[p]! + batch.pieceLength[p]!), at);
        at += batch.pieceLength[p]!;
      }
      this.stack.memory.frames.free(batch.offset[i]!);
      const seen = { at: this.now, inbound: false, bytes };
      this.onPacket(seen);
      this.sent.push(seen);
    }
    batch.clear();
    return n;
  }
}

/** The words of an address as text. */
export function words(text: string): Words {
  const w = new Int32Array(4);
  if (!parseAddress(text, w, 0)) throw new Mismatch(`${JSON.stringify(text)} is no address`);
  return [w[0]!, w[1]!, w[2]!, w[3]!];
}
