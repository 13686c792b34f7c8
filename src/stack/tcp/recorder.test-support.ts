// Test support: one stack in virtual time on a link that keeps what the stack sends and delivers what the test says.
// Called by probe.test-support.ts and tests of tcp/; calls stack and segments.test-support.

import assert from 'node:assert/strict';
import {
  BATCH,
  type Link,
  type LinkCaps,
  linkCounters,
  type RxBatch,
  TX_SUM_PARTIAL,
  type TxBatch,
} from '../../base/link.ts';
import { HEADROOM } from '../../base/pool.ts';
import { SeededRng } from '../../base/rng.ts';
import { DEFAULT_SETTINGS, type Settings } from '../settings.ts';
import { createMemory, type MemorySizes, Stack } from '../stack.ts';
import { internetSum, readPacket, type Sent } from './segments.test-support.ts';

export interface ProbeOptions {
  readonly v6?: boolean;
  readonly mtu?: number;
  readonly gso?: number;
  readonly settings?: Partial<Settings>;
  readonly memory?: MemorySizes;
  /** Of the stack's secret and generator. */
  readonly seed?: number;
  /** false: checksums are not looked at, for tests that move gigabytes. */
  readonly summed?: boolean;
}

/** Unless a test is about them: no tuning, so that a buffer is what it is said to be, and no quick ACKs, as after a while. */
function asLater(s: Partial<Settings> = {}): Partial<Settings> {
  return {
    tcpReceiveBufferMax: s.tcpReceiveBuffer ?? DEFAULT_SETTINGS.tcpReceiveBuffer,
    tcpSendBufferMax: s.tcpSendBuffer ?? DEFAULT_SETTINGS.tcpSendBuffer,
    tcpQuickAcks: 0,
  };
}

/** A stack with one link of medium 'ip' that keeps what is sent and delivers what the test says. */
export class Probe {
  readonly stack: Stack;
  readonly version: 4 | 6;
  now = 10_000_000;
  /** TCP segments sent by the stack and not looked at yet; other packets. */
  readonly sent: Sent[] = [];
  readonly other: Uint8Array[] = [];
  /** Frames that the link takes: 0 makes it full. */
  room: number = BATCH;
  /** Frames in use when nothing is going on. */
  readonly baseline: number;
  readonly #incoming: Uint8Array[] = [];
  readonly #summed: boolean;

  constructor(o: ProbeOptions = {}) {
    const rng = new SeededRng(o.seed ?? 7);
    const memory = createMemory({ arenaBytes: 32 << 20, small: 512, large: 64, chunks: 4096, ...o.memory });
    this.version = o.v6 ? 6 : 4;
    this.#summed = o.summed ?? true;
    this.stack = new Stack(memory, {
      settings: { tcpRows: 1024, udpRows: 16, neighbours: 16, ...asLater(o.settings), ...o.settings },
      rng,
      secret: Int32Array.from({ length: 8 }, () => rng.int32()),
    });
    this.stack.attach(this.#link(o), { addresses: ['10.0.0.1/24', 'fd00::1/64'] });
    this.settle();
    this.baseline = memory.frames.used;
  }

  #link(o: ProbeOptions): Link {
    const probe = this;
    const gso = o.gso ?? 0;
    const caps: LinkCaps = {
      medium: 'ip',
      mtu: o.mtu ?? 1500,
      gso,
      txChecksum: gso > 0 ? 'partial' : 'full',
      gather: false,
      loopback: false,
    };
    return {
      caps,
      get memory() {
        return probe.stack.memory;
      },
      counters: linkCounters(),
      receive: (batch) => this.#receive(batch),
      release: (batch) => {
        for (let i = 0; i < batch.count; i++)
          if (batch.offset[i] !== 0) this.stack.memory.frames.free(batch.offset[i]!);
        batch.count = 0;
      },
      room: () => this.room,
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
      const packet = new Uint8Array(batch.total(i));
      packet.set(u8.subarray(batch.offset[i]!, batch.offset[i]! + batch.length[i]!));
      let at = batch.length[i]!;
      for (let p = batch.firstPiece[i]!; p < batch.firstPiece[i]! + batch.pieces[i]!; p++) {
        packet.set(u8.subarray(batch.pieceOffset[p]!, batch.pieceOffset[p]! + batch.pieceLength[p]!), at);
        at += batch.pieceLength[p]!;
      }
      this.stack.memory.frames.free(batch.offset[i]!);
      if (this.#summed && (batch.flags[i]! & TX_SUM_PARTIAL) !== 0)
        completeSum(packet, batch.csumStart[i]!, batch.csumOffset[i]!);
      const segment = readPacket(packet, this.now, this.#summed);
      if (segment) this.sent.push(segment);
      else this.other.push(packet);
    }
    batch.clear();
    return n;
  }

  /** Delivers packets, and lets the stack do what there is to do. */
  deliver(...packets: Uint8Array[]): void {
    this.#incoming.push(...packets);
    this.settle();
  }

  /** Passes at the present time until there is nothing more to do. */
  settle(): void {
    for (let n = 0; n < 10_000; n++) if (!this.stack.poll(this.now) && this.#incoming.length === 0) return;
    throw new Error('the stack does not come to rest');
  }

  /** Lets `us` microseconds go by, stopping at every deadline on the way. */
  advance(us: number): void {
    const until = this.now + us;
    this.settle();
    for (let at = this.stack.pollAt(); at <= until; at = this.stack.pollAt()) {
      this.now = Math.max(at, this.now + 0.001);
      this.settle();
    }
    this.now = until;
    this.settle();
  }

  /** After the test has closed everything: nothing is left of any connection. */
  assertClean(): void {
    this.settle();
    assert.equal(this.stack.tcp.used, 0, 'rows in use');
    assert.equal(this.stack.core.spans.used, 0, 'chunks in use');
    assert.equal(this.stack.core.frames.used, this.baseline, 'frames in use');
    assert.equal(this.stack.pollAt(), Infinity, 'a timer runs');
  }
}

/** What a link does for a checksum that was left to it (TX_SUM_PARTIAL). */
function completeSum(packet: Uint8Array, start: number, offset: number): void {
  const sum = ~internetSum(packet.subarray(start));
  packet[start + offset] = sum >> 8;
  packet[start + offset + 1] = sum;
}
