// A stack without TCP on recording links, in virtual time: for tests of IP, ICMP and UDP.
// Used by the test files beside it; calls the parts as stack.ts does.

import { strict as assert } from 'node:assert';
import { parseCidr } from '../base/address.ts';
import { Arena } from '../base/arena.ts';
import { type Link, type LinkCaps, type LinkCounters, linkCounters, type RxBatch, type TxBatch } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { SeededRng } from '../base/rng.ts';
import { Arp } from './arp.ts';
import { Autoconf } from './autoconf.ts';
import { Core, StackMemory } from './core.ts';
import { ethernetInput } from './ethernet.ts';
import { Icmp } from './icmp.ts';
import { IcmpErrors } from './icmp-errors.ts';
import type { Interface } from './interface.ts';
import { Interfaces } from './interfaces.ts';
import { IpInput } from './ip-input.ts';
import { join, OWN4, OWN6, words } from './ip-packets.test-support.ts';
import { Ndp } from './ndp.ts';
import { Neighbours } from './neighbours.ts';
import { Output } from './output.ts';
import { ICMP_ERROR } from './packet.ts';
import { PathMtu } from './path-mtu.ts';
import { Ports } from './ports.ts';
import { Reassembly } from './reassembly.ts';
import { Routes } from './routes.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import { Udp, type UdpEndpoints } from './udp.ts';

/** A link that keeps what was sent, whole; frames come in through Rig.inject. */
export class RecordingLink implements Link {
  readonly caps: LinkCaps;
  readonly memory: StackMemory;
  readonly counters: LinkCounters = linkCounters();
  readonly sent: Uint8Array[] = [];
  /** Of each frame sent: its flags, and csumStart and csumOffset where TX_SUM_PARTIAL is among them. */
  readonly flags: { flags: number; csumStart: number; csumOffset: number }[] = [];
  free = 100_000;

  constructor(memory: StackMemory, caps: Partial<LinkCaps>) {
    this.memory = memory;
    this.caps = {
      medium: 'ip',
      mtu: 1500,
      gso: 0,
      txChecksum: 'full',
      gather: false,
      loopback: false,
      ...caps,
    };
  }

  receive(_batch: RxBatch): number {
    return 0;
  }
  release(_batch: RxBatch): void {}
  room(): number {
    return this.free;
  }

  transmit(batch: TxBatch): number {
    const u8 = this.memory.arena.u8;
    const n = Math.min(batch.count, this.free);
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i]!;
      const parts = [u8.slice(at, at + batch.length[i]!)];
      for (let p = batch.firstPiece[i]!; p < batch.firstPiece[i]! + batch.pieces[i]!; p++) {
        parts.push(u8.slice(batch.pieceOffset[p]!, batch.pieceOffset[p]! + batch.pieceLength[p]!));
      }
      this.memory.frames.free(at);
      if (i >= n) continue;
      this.free--;
      this.sent.push(join(parts));
      this.flags.push({
        flags: batch.flags[i]!,
        csumStart: batch.csumStart[i]!,
        csumOffset: batch.csumOffset[i]!,
      });
    }
    batch.clear();
    return n;
  }

  wake(_fn: () => void): void {}
  pollAt(): number {
    return Infinity;
  }
  close(): void {}
}

export interface RigOptions {
  readonly caps?: Partial<LinkCaps>;
  readonly addresses?: readonly string[];
  readonly settings?: Partial<Settings>;
  readonly small?: number;
  readonly large?: number;
  readonly chunks?: number;
  readonly seed?: number;
}

export class Rig {
  readonly core: Core;
  readonly memory: StackMemory;
  readonly interfaces: Interfaces;
  readonly neighbours: Neighbours;
  readonly routes: Routes;
  readonly pathMtu: PathMtu;
  readonly output: Output;
  readonly errors: IcmpErrors;
  readonly reassembly: Reassembly;
  readonly icmp: Icmp;
  readonly udp: Udp;
  readonly link: RecordingLink;
  readonly iface: Interface;
  readonly #ip: IpInput;
  readonly #arp: Arp;
  /** Virtual time, us. */
  now = 1_000_000;

  constructor(o: RigOptions = {}) {
    const small = o.small ?? 600;
    const large = o.large ?? 80;
    const chunks = o.chunks ?? 200;
    this.memory = new StackMemory(new Arena(small * 2100 + large * 67700 + chunks * 4200 + (4 << 20)), {
      small,
      large,
      chunks,
    });
    const settings = { ...DEFAULT_SETTINGS, udpRows: 128, neighbours: 64, routes: 16, pathMtus: 16, ...o.settings };
    const secret = Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const core = new Core(this.memory, settings, new SeededRng(o.seed ?? 1), secret);
    this.core = core;
    this.interfaces = new Interfaces(core);
    this.neighbours = new Neighbours(core, this.interfaces);
    this.routes = new Routes(core, this.interfaces, this.neighbours);
    this.pathMtu = new PathMtu(core, this.routes);
    this.routes.pathMtus = this.pathMtu;
    this.output = new Output(core, this.interfaces, this.neighbours);
    this.errors = new IcmpErrors(core, this.interfaces, this.routes, this.output);
    this.reassembly = new Reassembly(core, this.errors);
    this.#ip = new IpInput(core, this.interfaces, this.reassembly, this.errors);
    const autoconf = new Autoconf(core, this.interfaces, this.neighbours, this.routes);
    this.#arp = new Arp(core, this.interfaces, this.neighbours, this.routes, autoconf.dad);
    const ndp = new Ndp(core, this.interfaces, this.neighbours, autoconf);
    this.icmp = new Icmp(core, this.interfaces, this.routes, this.output);
    this.udp = new Udp(core, this.interfaces, this.routes, this.output, new Ports(core), this.errors, this.pathMtu);
    this.icmp.onNdp = (p) => ndp.input(p);
    this.icmp.onEchoReply = (p) => this.udp.ping(p);
    core.now.set(this.now);
    this.link = new RecordingLink(this.memory, o.caps ?? {});
    this.iface = this.attach(this.link, o.addresses ?? [`${OWN4}/24`, `${OWN6}/64`, 'fe80::1/64']);
    if (o.addresses === undefined) {
      this.routes.add({ w0: 0, w1: 0, w2: 0xffff, w3: 0, prefix: 96, iface: this.iface.index });
      this.routes.add({ w0: 0, w1: 0, w2: 0, w3: 0, prefix: 0, iface: this.iface.index });
    }
  }

  /** Another interface. */
  attach(link: Link, addresses: readonly string[], mac = '02:00:00:00:00:01'): Interface {
    const iface = this.interfaces.add(link, { mac });
    const w = new Int32Array(4);
    for (const text of addresses) {
      const prefix = parseCidr(text, w, 0);
      assert.equal(this.interfaces.addAddress(iface.index, w[0]!, w[1]!, w[2]!, w[3]!, prefix), 0, text);
    }
    return iface;
  }

  /** Lets a frame come in; returns what the stack's ingress would count: a drop reason, or 0 or less. */
  inject(bytes: Uint8Array, flags: number = 0, iface: number = this.iface.index): number {
    const at = this.memory.frames.alloc(bytes.length);
    assert.notEqual(at, 0, 'no frame to inject');
    const p = this.core.packet;
    this.core.u8.set(bytes, at + HEADROOM);
    p.iface = iface;
    p.flags = flags;
    p.frame = at + HEADROOM;
    p.end = p.frame + bytes.length;
    let result = ethernetInput(this.core, this.interfaces, this.#arp, p);
    if (result === 0) {
      result = this.#ip.input(p, p.version);
      if (result === 0) result = this.#deliver();
      if (p.reassembled !== 0) this.memory.frames.free(p.reassembled);
    }
    if (result > 0) this.core.counters.drop(result);
    this.memory.frames.free(at);
    return result;
  }

  #deliver(): number {
    const p = this.core.packet;
    if (p.protocol === 17) return this.udp.input(p);
    if (p.protocol === 6) return 0;
    const result = this.icmp.input(p);
    if (result === ICMP_ERROR && this.icmp.error.protocol !== 6) return this.udp.error(this.icmp.error);
    return result;
  }

  /** Timers and output, `later` microseconds later. */
  pass(later: number = 0): void {
    this.now += later;
    this.core.now.set(this.now);
    this.neighbours.tick();
    this.udp.failedNeighbours(this.neighbours);
    this.routes.tick();
    this.pathMtu.tick();
    this.reassembly.tick();
    this.udp.egress();
    this.output.flush();
  }

  /** What has been sent by a link since the last call. */
  take(link: RecordingLink = this.link): Uint8Array[] {
    this.output.flush();
    link.flags.length = 0;
    return link.sent.splice(0);
  }

  /** Fails unless every frame and chunk has come back. */
  assertNothingHeld(): void {
    this.output.flush();
    assert.equal(this.memory.frames.used, 0, 'frames held');
    assert.equal(this.memory.spans.used, 0, 'chunks held');
  }
}

/** Reads what a UDP socket has, or a negative errno. */
export function receive(udp: Udp, h: number): Uint8Array | number {
  const into = new Uint8Array(66000);
  const n = udp.receive(h, into, 0, into.length);
  return n < 0 ? n : into.slice(0, n);
}

/** Sends text or bytes from a socket. */
export function send(udp: Udp, h: number, data: Uint8Array, to: string, port: number, iface = 0): number {
  return udp.send(h, data, 0, data.length, ...words(to), port, iface);
}

/** A socket bound to an address and port. */
export function bound(udp: Udp, address: string, port: number, o: { family?: 4 | 6; ipv6Only?: boolean } = {}): number {
  const h = udp.open({ family: o.family ?? (address.includes(':') ? 6 : 4), ipv6Only: o.ipv6Only ?? false });
  assert.equal(udp.bind(h, ...words(address), port), 0, `${address} ${port}`);
  return h;
}

/** Both ends of a socket. */
export function ends(udp: Udp, h: number): UdpEndpoints {
  const e = {
    local0: 0,
    local1: 0,
    local2: 0,
    local3: 0,
    localPort: 0,
    remote0: 0,
    remote1: 0,
    remote2: 0,
    remote3: 0,
    remotePort: 0,
    iface: 0,
  };
  assert.ok(udp.endpoints(h, e));
  return e;
}

/** Who of the sockets has something, once for each datagram: their positions. */
export function got(udp: Udp, sockets: readonly number[]): number[] {
  const out: number[] = [];
  sockets.forEach((h, i) => {
    while (typeof receive(udp, h) !== 'number') out.push(i);
  });
  return out;
}
