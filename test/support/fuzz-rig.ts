// The rig for fuzzing: a whole stack with servers and clients on it, a hostile wire, and an innocent peer on another one.
// Called by fuzz.test.ts; calls Stack, the memory link, forge.ts (what is sent) and emitted.ts (what may come back).

import assert from 'node:assert/strict';
import { Arena } from '../../src/base/arena.ts';
import { type Link, RxBatch, TxBatch } from '../../src/base/link.ts';
import { Frames, HEADROOM } from '../../src/base/pool.ts';
import { SeededRng } from '../../src/base/rng.ts';
import { memoryLink } from '../../src/link/memory.ts';
import { WrappedLink } from '../../src/link/wrapped.ts';
import { createMemory, Stack } from '../../src/stack/stack.ts';
import { faultOf } from './emitted.ts';
import { Forge } from './forge.ts';
import type { Wire } from './forge-ip.ts';
import { FuzzApp } from './fuzz-app.ts';
import { Innocent } from './fuzz-innocent.ts';

/** A kind of wire to fuzz. */
export interface Variant {
  readonly name: string;
  readonly medium: 'ethernet' | 'ip';
  readonly gso: boolean;
  /** So little memory that it is used up all the time. The innocent peer is not served then, but nothing may be lost for good. */
  readonly starved?: boolean;
}

/** Programs on the stack. */
export interface App {
  /** act() has made work for another pass. */
  readonly busy: boolean;
  /** Called after every pass. */
  act(): void;
  /** Lets go of every connection. */
  goHome(): void;
  /** TCP rows and UDP sockets that stay then. */
  readonly rowsAtRest: number;
  readonly socketsAtRest: number;
}

/** Makes the programs; `now` tells the virtual time. */
export type AppMaker = (stack: Stack, rng: SeededRng, innocent: Innocent, now: () => number) => App;

/** Sizes that an attacker cannot be allowed to outgrow. */
const MTU = 1500;
const PLENTY = { small: 4096, large: 192, chunks: 16_384 };
const STARVED = { small: 48, large: 6, chunks: 40 };
/** Passes after one batch of hostile frames: far more than there can be reasons for. */
const MOST_PASSES = 400;
const HOUR = 3_600_000_000;

/** Lies behind every frame received: no byte of it may ever be sent. */
const POISON: Buffer = Buffer.from('d1ce0ff5ee1de57cab00d1e5b16b00b5', 'hex');
const POISON_REACH = 2048;

/** Puts poison between the end of each received frame and the end of its place in the arena. */
class PoisonedLink extends WrappedLink {
  override receive(batch: RxBatch): number {
    const n = this.inner.receive(batch);
    const { frames, arena } = this.memory;
    for (let i = 0; i < n; i++) {
      const from = batch.offset[i]! + batch.length[i]!;
      const end = Math.min(frames.end(batch.offset[i]!), from + POISON_REACH);
      for (let at = from; at + POISON.length <= end; at += POISON.length) arena.u8.set(POISON, at);
    }
    return n;
  }
}

export class FuzzRig {
  readonly stack: Stack;
  readonly app: App;
  readonly innocent: Innocent;
  readonly forge: Forge;
  readonly wire: Wire;
  now = 1_000_000;
  injected = 0;
  /** The most frames and payload chunks that the stack held after a batch. */
  mostFrames = 0;
  mostChunks = 0;
  readonly #rng: SeededRng;
  readonly #starved: boolean;
  readonly #sizes: typeof PLENTY;
  readonly #link: Link;
  readonly #ours: Link;
  readonly #frames: Frames;
  readonly #u8: Uint8Array;
  readonly #tx: TxBatch = new TxBatch();
  readonly #rx: RxBatch = new RxBatch();
  /** Frames that the stack had taken when it was at rest, before any harm. */
  readonly #baseline: number;

  constructor(
    variant: Variant,
    seed: number,
    makeApp: AppMaker = (stack, r, innocent) => new FuzzApp(stack, r, innocent),
  ) {
    const rng = new SeededRng(seed);
    this.#rng = rng;
    this.#starved = variant.starved ?? false;
    this.#sizes = this.#starved ? STARVED : PLENTY;
    const ethernet = variant.medium === 'ethernet';
    const limit = (variant.gso ? 65535 : MTU) + (ethernet ? 14 : 0);
    this.wire = { ethernet, limit, mtu: MTU };
    const secret = (): Int32Array => Int32Array.from({ length: 8 }, () => rng.int32());
    this.stack = new Stack(createMemory({ arenaBytes: 160 << 20, ...this.#sizes }), {
      settings: {
        tcpRows: 512,
        udpRows: 64,
        neighbours: 128,
        reassemblies: 32,
        pathMtus: 64,
        tcpReceiveBuffer: 65536,
        tcpSendBuffer: 65536,
      },
      rng,
      secret: secret(),
    });
    const arena = new Arena(80 << 20);
    this.#frames = new Frames(arena, 8192, 512);
    this.#u8 = arena.u8;
    const [hostile, ours] = memoryLink({
      a: { arena, frames: this.#frames },
      b: this.stack.memory,
      medium: variant.medium,
      mtu: MTU,
      gso: variant.gso ? 65535 : 0,
      txChecksum: variant.gso ? 'partial' : 'full',
      queue: 4096,
    });
    this.#link = hostile;
    this.#ours = new PoisonedLink(ours);
    this.stack.attach(this.#ours, {
      ...(ethernet ? { mac: '02:00:00:00:00:01' } : {}),
      addresses: ['10.0.0.1/24', 'fd00::1/64'],
      slaac: true,
    });
    this.innocent = new Innocent(this.stack, rng, secret());
    this.app = makeApp(this.stack, rng, this.innocent, () => this.now);
    this.forge = new Forge(rng, this.wire);
    this.run(10_000_000);
    if (this.app instanceof FuzzApp) this.innocent.open(this);
    this.run(10_000_000);
    this.#baseline = this.stack.memory.frames.used;
  }

  /** Sends `n` hostile frames in one batch, at one time, and lets the stack come to rest. */
  batch(n: number): void {
    const d = this.forge.draft;
    for (let i = 0; i < n; i++) {
      this.forge.next();
      this.injected++;
      if (d.length === 0) continue;
      const frame = this.#frames.alloc(d.length);
      assert.notEqual(frame, 0, 'the attacker has no frames left: the stack keeps them');
      this.#u8.set(d.bytes.subarray(0, d.length), frame + HEADROOM);
      const at = this.#tx.push(frame + HEADROOM, d.length);
      if (d.length > this.wire.mtu + 14) this.#asSuperframe(at);
    }
    this.#link.transmit(this.#tx);
    this.settle();
    const { memory, tcp } = this.stack;
    this.mostFrames = Math.max(this.mostFrames, memory.frames.used);
    this.mostChunks = Math.max(this.mostChunks, memory.spans.used);
    assert.ok(tcp.used <= 512);
    if (this.#starved) return;
    assert.ok(memory.frames.large.available > 0, 'all large frames are taken');
    assert.ok(memory.frames.small.available > 0, 'all small frames are taken');
  }

  /** What is longer than the MTU goes as a superframe of a kernel would: the flags say so, whatever the bytes say. */
  #asSuperframe(at: number): void {
    this.#tx.flags[at] = 2 | 1;
    this.#tx.gsoSize[at] = 1448;
    this.#tx.csumStart[at] = 34;
    this.#tx.csumOffset[at] = 16;
    this.#tx.headerLength[at] = 54;
  }

  /** Passes at the present time until there is nothing more to do. Fails if that has no end. */
  settle(): void {
    for (let n = 0; n < MOST_PASSES; n++) {
      const more = this.stack.poll(this.now);
      this.app.act();
      const busy = this.innocent.pass(this.now);
      if (!this.#drain() && !more && !busy && !this.app.busy) return;
    }
    assert.fail(`the stack does not come to rest in ${MOST_PASSES} passes`);
  }

  /** Takes what the stack has sent, checks it, and shows it to the forge. */
  #drain(): boolean {
    let some = false;
    while (this.#link.receive(this.#rx) > 0) {
      some = true;
      for (let i = 0; i < this.#rx.count; i++) {
        const o = this.#rx.offset[i]!;
        const length = this.#rx.length[i]!;
        const fault = faultOf(this.#u8, o, length, this.#rx.flags[i]!, this.wire);
        if (fault !== '')
          assert.fail(
            `the stack sent: ${fault}\n${Buffer.from(this.#u8.subarray(o, o + Math.min(length, 128))).toString('hex')}`,
          );
        const leaked = Buffer.from(this.#u8.buffer, o, length).indexOf(POISON);
        assert.equal(leaked, -1, 'the stack sent bytes from behind the end of a frame that it had received');
        this.forge.ear.listen(this.#u8, o, length);
      }
      this.#link.release(this.#rx);
    }
    return some;
  }

  /** Lets time go by, deadline after deadline. */
  run(us: number): void {
    const until = this.now + us;
    for (let n = 0; ; n++) {
      assert.ok(n < 2_000_000, 'deadlines without end');
      this.settle();
      const next = Math.min(this.stack.pollAt(), this.innocent.stack.pollAt());
      if (next > until) break;
      this.now = Math.max(next, this.now + 1);
    }
    this.now = until;
    this.settle();
  }

  /** A little time, mostly; now and then enough for timers of every kind. */
  elapse(): void {
    const r = this.#rng.below(1000);
    if (r < 960) this.now += this.#rng.below(3000);
    else this.run(r < 990 ? 50_000 : r < 998 ? 1_000_000 : r < 999 ? 20_000_000 : 100_000_000);
  }

  /** The attack is over: everybody goes home, all timeouts pass. Then nothing may be left. */
  calm(): void {
    this.app.goHome();
    this.run(2 * HOUR);
    const { stack } = this;
    assert.equal(stack.neighbours.queued, 0, 'packets wait for neighbours');
    assert.equal(stack.memory.frames.used, this.#baseline, 'frames are lost');
    assert.equal(stack.tcp.used, this.app.rowsAtRest, 'TCP rows are lost');
    assert.equal(stack.memory.spans.used, 0, 'payload chunks are lost');
    assert.equal(stack.udp.used, this.app.socketsAtRest, 'UDP rows are lost');
    assert.equal(this.#frames.used, 0, 'frames of the wire are lost');
    assert.equal(this.#ours.counters.drops['too_big'] ?? 0, 0, 'frames that are too big for the link');
  }
}
