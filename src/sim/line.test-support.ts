// Test support: a line alone, fed with packets at chosen times, and what came out of it when.
// Used by the tests of lines, CoDel and routers; calls line and net.

import { Line, type LineOptions } from './line.ts';
import { Net, type Node, PacketMemory, START } from './net.ts';

/** A packet that has arrived: its number, and when (us). */
export interface Arrival {
  readonly number: number;
  readonly at: number;
  readonly length: number;
  readonly slotBytes: Uint8Array;
}

/** Packets bear their number in bytes 4 to 7, and look like IPv4 with the ECN bits given. */
export class LineRig implements Node {
  readonly name = 'sink';
  readonly net: Net;
  readonly line: Line;
  readonly arrivals: Arrival[] = [];
  #next = 0;

  constructor(options: LineOptions, seed = 1, mtu = 1500) {
    this.net = new Net(seed, new PacketMemory({ small: 4096, large: 4 }));
    this.line = new Line(this.net, 'line', this, 0, mtu, options);
  }

  get now(): number {
    return this.net.time[0]! - START;
  }

  receive(_port: number, slot: number, length: number): void {
    const b = this.net.u8;
    const number = (b[slot + 4]! << 24) | (b[slot + 5]! << 16) | (b[slot + 6]! << 8) | b[slot + 7]!;
    this.arrivals.push({ number, at: this.now, length, slotBytes: b.slice(slot, slot + length) });
    this.net.free(slot);
  }

  flush(): void {}

  /** Sends `count` packets of `length` bytes now. */
  send(length: number, count = 1, ecn = 0): void {
    for (let i = 0; i < count; i++) {
      const slot = this.net.take(length);
      const n = this.#next++;
      this.net.u8.fill(0, slot, slot + length);
      this.net.u8.set([0x45, ecn, length >> 8, length, n >> 24, n >> 16, n >> 8, n], slot);
      this.line.send(slot, length);
    }
  }

  /** Lets time pass until `until` (us). */
  run(until: number): void {
    const { schedule, time, actors } = this.net;
    while (schedule.due <= until + START) {
      time[0] = Math.max(time[0]!, schedule.due);
      const id = schedule.first;
      schedule.set(id, Infinity);
      actors[id]!.fire();
    }
    time[0] = until + START;
  }

  /** Sends a packet every `interval` us, `count` times, and waits for all. */
  stream(length: number, count: number, interval: number, ecn = 0): void {
    const from = this.now;
    for (let i = 0; i < count; i++) {
      this.run(from + i * interval);
      this.send(length, 1, ecn);
    }
    this.run(this.now + 1e9);
  }
}
