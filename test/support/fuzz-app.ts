// The programs on the stack that is fuzzed: servers and clients that do everything an API lets them do, in random order.
// Called by fuzz-rig.ts after every pass; calls the stack's tcp and udp.

import assert from 'node:assert/strict';
import { EAGAIN } from '../../src/base/errno.ts';
import type { SeededRng } from '../../src/base/rng.ts';
import type { Stack } from '../../src/stack/stack.ts';
import {
  OPT_KEEPALIVE,
  OPT_KEEPIDLE,
  OPT_LINGER0,
  OPT_NODELAY,
  READY_ACCEPT,
  READY_CLOSED,
  READY_ERROR,
} from '../../src/stack/tcp/flags.ts';
import { ATTACKERS, attacker } from './forge-ip.ts';
import { TCP_PORT, UDP_PORT } from './forge-l4.ts';

/** Connections that the programs hold at once. */
const MOST_HANDLES = 120;
const BUFFER = 4096;
const ECHO_HEADER = [8, 0, 0, 0, 0, 0, 0, 1];

/** What else gets the stack's news: handles that it owns. */
export interface Neighbour {
  /** True if it was his. */
  tcpReady(handle: number, flags: number): boolean;
  udpReady(handle: number): boolean;
  readonly rows: number;
  readonly sockets: number;
}

export class FuzzApp {
  /** Something was done that may have made work for another pass. */
  busy = false;
  readonly #stack: Stack;
  readonly #rng: SeededRng;
  readonly #other: Neighbour;
  readonly #listener: number;
  readonly #handles: number[] = [];
  readonly #udp: number;
  readonly #connectedUdp: number;
  readonly #pings: readonly number[];
  readonly #buffer: Uint8Array = new Uint8Array(BUFFER);
  #calls = 0;

  constructor(stack: Stack, rng: SeededRng, other: Neighbour) {
    this.#stack = stack;
    this.#rng = rng;
    this.#other = other;
    this.#listener = stack.tcp.listen(0, 0, 0, 0, TCP_PORT, 200, false);
    this.#udp = stack.udp.open({ family: 6 });
    assert.equal(stack.udp.bind(this.#udp, 0, 0, 0, 0, UDP_PORT), 0);
    this.#connectedUdp = stack.udp.open({ family: 4 });
    assert.equal(stack.udp.bind(this.#connectedUdp, 0, 0, 0xffff, 0, UDP_PORT + 1), 0);
    this.#pings = [stack.udp.open({ family: 4, protocol: 'icmp' }), stack.udp.open({ family: 6, protocol: 'icmp' })];
    assert.ok(this.#listener > 0 && this.#pings.every((h) => h > 0));
  }

  get rowsAtRest(): number {
    return 1 + this.#other.rows;
  }

  get socketsAtRest(): number {
    return 4 + this.#other.sockets;
  }

  /** News first, then something of its own accord. */
  act(): void {
    const { tcp, udp } = this.#stack;
    this.busy = false;
    for (let h = tcp.nextReady(); h !== 0; h = tcp.nextReady()) this.#tcpReady(h, tcp.readyFlags);
    for (let h = udp.nextReady(); h !== 0; h = udp.nextReady()) this.#udpReady(h);
    if (this.#calls++ % 16 === 0) this.#initiative();
  }

  #tcpReady(h: number, flags: number): void {
    if (h === this.#listener) {
      assert.ok((flags & READY_ACCEPT) !== 0);
      for (let c = this.#stack.tcp.accept(h); c !== 0; c = this.#stack.tcp.accept(h)) this.#keep(c);
      this.busy = true;
    } else if (!this.#other.tcpReady(h, flags)) {
      const at = this.#handles.indexOf(h);
      assert.ok(at >= 0, 'news for a handle that nobody holds');
      if ((flags & (READY_ERROR | READY_CLOSED)) !== 0) this.#end(at);
      else this.#use(h, at);
    } else this.busy = true;
  }

  #keep(h: number): void {
    assert.ok(h > 0);
    this.#handles.push(h);
    if (this.#handles.length > MOST_HANDLES) this.#end(this.#rng.below(this.#handles.length));
    const { tcp } = this.#stack;
    const r = this.#rng.below(64);
    if (r === 0) tcp.set(h, OPT_LINGER0, 1);
    else if (r < 8) tcp.set(h, OPT_NODELAY, 1);
    else if (r < 12) {
      tcp.set(h, OPT_KEEPIDLE, 30_000_000);
      tcp.set(h, OPT_KEEPALIVE, 1);
    }
  }

  /** The user lets go, one way or the other. */
  #end(at: number): void {
    const h = this.#handles[at]!;
    this.#handles.splice(at, 1);
    if (this.#rng.below(4) === 0) this.#stack.tcp.abort(h);
    else {
      while (this.#rng.below(2) === 0 && this.#stack.tcp.read(h, this.#buffer, 0, BUFFER) > 0);
      this.#stack.tcp.close(h);
    }
    this.busy = true;
  }

  /** Each connection has its habits: its number says which. */
  #use(h: number, at: number): void {
    const { tcp } = this.#stack;
    const habit = h % 8;
    if (habit === 7) return; // never reads
    if (habit === 6 && this.#rng.below(4) === 0) {
      this.#end(at);
      return;
    }
    for (let rounds = 0; rounds < 8; rounds++) {
      const n = tcp.read(h, this.#buffer, 0, 1 + this.#rng.below(BUFFER));
      if (n === -EAGAIN) break;
      if (n <= 0) {
        if (this.#rng.below(4) !== 0) this.#end(at);
        else tcp.shutdown(h);
        this.busy = true;
        return;
      }
      this.busy = true;
      if (habit < 3) tcp.write(h, this.#buffer, 0, n);
      if (habit === 3) tcp.write(h, this.#buffer, 0, BUFFER);
    }
    if (this.#rng.below(64) === 0) tcp.shutdown(h);
  }

  #udpReady(h: number): void {
    if (this.#other.udpReady(h)) {
      this.busy = true;
      return;
    }
    const { udp } = this.#stack;
    for (let rounds = 0; rounds < 64; rounds++) {
      const n = udp.receive(h, this.#buffer, 0, BUFFER);
      if (n === -EAGAIN) return;
      if (n < 0) continue;
      this.busy = true;
      if (h !== this.#udp && h !== this.#connectedUdp) continue;
      const f = udp.from;
      assert.ok(f.length >= n && f.length <= 65535);
      udp.send(h, this.#buffer, 0, n, f.src0, f.src1, f.src2, f.src3, f.port, f.iface);
    }
  }

  /** Opens, pings, connects, writes, closes: without being asked. */
  #initiative(): void {
    const rng = this.#rng;
    const { tcp, udp } = this.#stack;
    const version = rng.below(2) === 0 ? 4 : 6;
    const to = attacker(version, rng.below(ATTACKERS));
    this.busy = true;
    switch (rng.below(6)) {
      case 0:
      case 1: {
        const h = tcp.connect(0, 0, 0, 0, 0, ...to, 1024 + rng.below(64), 0);
        if (h > 0) {
          this.#keep(h);
          if (rng.below(2) === 0) tcp.write(h, this.#buffer, 0, 2000);
        }
        return;
      }
      case 2:
        this.#buffer.set(ECHO_HEADER);
        udp.send(this.#pings[version === 4 ? 0 : 1]!, this.#buffer, 0, 8 + rng.below(3000), ...to, 0);
        return;
      case 3:
        udp.disconnect(this.#connectedUdp);
        udp.connect(this.#connectedUdp, ...attacker(4, rng.below(ATTACKERS)), 2000);
        udp.send(this.#connectedUdp, this.#buffer, 0, rng.below(4000), 0, 0, 0, 0, 0);
        return;
      default: {
        if (this.#handles.length === 0) return;
        const at = rng.below(this.#handles.length);
        const h = this.#handles[at]!;
        const what = rng.below(8);
        if (what === 0) this.#end(at);
        else if (what === 1) tcp.shutdown(h);
        else if (what < 4) tcp.read(h, this.#buffer, 0, BUFFER);
        else tcp.write(h, this.#buffer, 0, 1 + rng.below(BUFFER));
      }
    }
  }

  /** Resets every connection that is held. */
  goHome(): void {
    for (const h of this.#handles.splice(0)) this.#stack.tcp.abort(h);
    this.act = () => {
      this.busy = false;
      const { tcp, udp } = this.#stack;
      for (let h = tcp.nextReady(); h !== 0; h = tcp.nextReady()) this.#tcpReady(h, tcp.readyFlags);
      for (let h = udp.nextReady(); h !== 0; h = udp.nextReady()) this.#udpReady(h);
    };
  }
}
