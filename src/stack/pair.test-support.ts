// Test support: two stacks on a memory link in virtual time, and helpers to move bytes between them.
// Called by tests of this floor and by the benchmark; calls stack, link/memory.

import { EAGAIN } from '../base/errno.ts';
import type { Link } from '../base/link.ts';
import { SeededRng } from '../base/rng.ts';
import { type MemoryLinkSettings, memoryLink } from '../link/memory.ts';
import type { Settings } from './settings.ts';
import { createMemory, type MemorySizes, Stack } from './stack.ts';

export interface PairOptions {
  readonly settings?: Partial<Settings>;
  readonly settingsB?: Partial<Settings>;
  readonly memory?: MemorySizes;
  readonly link?: MemoryLinkSettings;
  readonly addressesA?: string[];
  readonly addressesB?: string[];
  /** Wraps the links of both ends (faults, shaping). `now` is the pair's virtual clock. */
  readonly wrap?: (link: Link, end: 'a' | 'b', now: () => number) => Link;
  readonly seed?: number;
}

const SMALL: MemorySizes = { arenaBytes: 64 << 20, small: 4096, large: 64, chunks: 8192 };
const TABLES: Partial<Settings> = { tcpRows: 1024, udpRows: 64, neighbours: 64 };

export const A4: [number, number, number, number] = [0, 0, 0xffff, 0x0a000001];
export const B4: [number, number, number, number] = [0, 0, 0xffff, 0x0a000002];

/** 10.0.0.1 (a) and 10.0.0.2 (b), fd00::1 and fd00::2, on one wire. Time stands until run() or step() moves it. */
export class Pair {
  readonly a: Stack;
  readonly b: Stack;
  now = 1_000_000;

  constructor(o: PairOptions = {}) {
    const rng = new SeededRng(o.seed ?? 1);
    const secret = () => Int32Array.from({ length: 8 }, () => rng.int32());
    this.a = new Stack(createMemory({ ...SMALL, ...o.memory }), {
      settings: { ...TABLES, ...o.settings },
      rng,
      secret: secret(),
    });
    this.b = new Stack(createMemory({ ...SMALL, ...o.memory }), {
      settings: { ...TABLES, ...o.settings, ...o.settingsB },
      rng,
      secret: secret(),
    });
    const [la, lb] = memoryLink({ a: this.a.memory, b: this.b.memory, ...o.link });
    const wrap = o.wrap ?? ((link: Link) => link);
    this.a.attach(
      wrap(la, 'a', () => this.now),
      { mac: '02:00:00:00:00:0a', addresses: o.addressesA ?? ['10.0.0.1/24', 'fd00::1/64'] },
    );
    this.b.attach(
      wrap(lb, 'b', () => this.now),
      { mac: '02:00:00:00:00:0b', addresses: o.addressesB ?? ['10.0.0.2/24', 'fd00::2/64'] },
    );
  }

  /** Passes of both stacks at the present time until neither has more to do. */
  step(): void {
    for (let n = 0; n < 10_000; n++) {
      const before = this.#frames();
      const more = this.a.poll(this.now);
      if (!(this.b.poll(this.now) || more) && this.#frames() === before) return;
    }
    throw new Error('the stacks do not come to rest');
  }

  #frames(): number {
    const count = (s: Stack) => s.core.counters.get('frames_received') + s.core.counters.get('frames_sent');
    return count(this.a) + count(this.b);
  }

  /** Lets `us` microseconds go by, stopping at every deadline on the way. */
  run(us: number): void {
    const until = this.now + us;
    for (;;) {
      this.step();
      const next = Math.min(this.a.pollAt(), this.b.pollAt());
      if (next > until) break;
      this.now = Math.max(next, this.now + 0.001);
    }
    this.now = until;
    this.step();
  }

  /** Lets time go by, deadline after deadline, until `done` says so; false if `us` microseconds did not do. */
  runUntil(done: () => boolean, us: number): boolean {
    const until = this.now + us;
    for (;;) {
      this.step();
      if (done()) return true;
      const next = Math.min(this.a.pollAt(), this.b.pollAt());
      if (next > until) return false;
      this.now = Math.max(next, this.now + 0.001);
    }
  }

  /** A connection from a to b's `port`: [client handle on a, server handle on b, listener on b]. */
  connect(port = 80): [number, number, number] {
    const listener = this.b.tcp.listen(0, 0, 0, 0, port, 16, false);
    const client = this.a.tcp.connect(0, 0, 0, 0, 0, ...B4, port, 0);
    let server = 0;
    const done = this.runUntil(() => (server = this.b.tcp.accept(listener)) > 0, 10_000_000);
    if (!done) throw new Error('no connection');
    this.step();
    return [client, server, listener];
  }
}

/** `n` bytes that tell their place: a wrong, lost or doubled one is seen. */
export function pattern(n: number, seed = 1): Uint8Array {
  const out = new Uint8Array(n);
  let x = seed | 1;
  for (let i = 0; i < n; i++) {
    x = (Math.imul(x, 1103515245) + 12345) | 0;
    out[i] = x >>> 16;
  }
  return out;
}

/**
 * Moves `data` from handle `from` on `s` to handle `to` on `d` in virtual time; returns what arrived. The writer closes
 * its direction at the end.
 */
export function transfer(
  pair: Pair,
  s: Stack,
  from: number,
  d: Stack,
  to: number,
  data: Uint8Array,
  limit = 600_000_000,
): Uint8Array {
  const got = new Uint8Array(data.length + 16);
  let sent = 0;
  let received = 0;
  let ended = false;
  let shut = false;
  const move = (): boolean => {
    const before = sent + received;
    while (sent < data.length) {
      const n = s.tcp.write(from, data, sent, Math.min(65536, data.length - sent));
      if (n < 0) throw new Error(`write: ${n}`);
      if (n === 0) break;
      sent += n;
    }
    if (sent === data.length && !shut) {
      shut = true;
      s.tcp.shutdown(from);
    }
    for (;;) {
      const n = d.tcp.read(to, got, received, got.length - received);
      if (n > 0) received += n;
      else if (n === 0) {
        ended = true;
        return false;
      } else if (n === -EAGAIN) break;
      else throw new Error(`read: ${n}`);
    }
    return sent + received > before;
  };
  pair.runUntil(() => {
    while (move()) pair.step();
    return ended;
  }, limit);
  return got.subarray(0, received);
}
