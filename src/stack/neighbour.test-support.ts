// Test support: interfaces, neighbours, routes and autoconfiguration without the rest of a stack, on a link that
// records frames, in virtual time; and frames of ARP and NDP as a peer would send them. Called by the tests beside it;
// calls wire.
// Length: a link that records, a stack around it and a writer for each kind of packet, used by seven test files.

import { formatAddress, formatMac, parseAddress, parseCidr, parseMac } from '../base/address.ts';
import { Arena } from '../base/arena.ts';
import { put16 } from '../base/bytes.ts';
import type { Link, LinkCaps, LinkCounters, LinkMemory, RxBatch, TxBatch } from '../base/link.ts';
import { BATCH, linkCounters } from '../base/link.ts';
import { HEADROOM } from '../base/pool.ts';
import { SeededRng } from '../base/rng.ts';
import {
  ARP_LENGTH,
  arpOp,
  arpSenderHi,
  arpSenderIp,
  arpSenderLo,
  arpTargetHi,
  arpTargetIp,
  arpTargetLo,
  putArp,
} from '../wire/arp.ts';
import { fold, pseudo6At, sumPlain } from '../wire/checksum.ts';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IP6,
  ethDstHi,
  ethDstLo,
  etherType,
  ethSrcHi,
  ethSrcLo,
  putEthHeader,
} from '../wire/eth.ts';
import {
  ip6Dst,
  ip6HopLimit,
  ip6NextHeader,
  ip6PayloadLength,
  ip6Src,
  putIp6Dst,
  putIp6Header,
  putIp6Src,
} from '../wire/ip6.ts';
import {
  ndpNaFlags,
  ndpTarget,
  putNdpNa,
  putNdpNs,
  putNdpRa,
  putNdpRedirect,
  putNdpRedirectDestination,
} from '../wire/ndp.ts';
import {
  NdpOptions,
  ndpLinkHi,
  ndpLinkLo,
  ndpParseOptions,
  putNdpLinkOption,
  putNdpMtuOption,
  putNdpPrefix,
  putNdpPrefixOption,
} from '../wire/ndp-options.ts';
import { Arp } from './arp.ts';
import { Autoconf } from './autoconf.ts';
import { Core, StackMemory } from './core.ts';
import { ethernetInput } from './ethernet.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import { Interfaces } from './interfaces.ts';
import { Ndp } from './ndp.ts';
import { ADVERTISED_OVERRIDE, ADVERTISED_SOLICITED, Neighbours } from './neighbours.ts';
import type { RouteSpec } from './route-table.ts';
import { Routes } from './routes.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import type { Way } from './way.ts';

export const SECOND = 1_000_000;

/** The words of an address in text. */
export function ip(text: string): [number, number, number, number] {
  const w = new Int32Array(4);
  if (!parseAddress(text, w, 0)) throw new Error(`no address: ${text}`);
  return [w[0]!, w[1]!, w[2]!, w[3]!];
}

/** "address/length" as the arguments of addAddress: four words and the prefix of 128. */
export function cidr(text: string): [number, number, number, number, number] {
  const w = new Int32Array(4);
  const prefix = parseCidr(text, w, 0);
  if (prefix < 0) throw new Error(`no prefix: ${text}`);
  return [w[0]!, w[1]!, w[2]!, w[3]!, prefix];
}

/** A route from text. */
export function route(
  prefix: string,
  via: string | null,
  iface: number,
  o: { mtu?: number; metric?: number } = {},
): RouteSpec {
  const [w0, w1, w2, w3, bits] = cidr(prefix);
  return { w0, w1, w2, w3, prefix: bits, via: via === null ? null : ip(via), iface, ...o };
}

export function mac(text: string): [number, number] {
  const w = new Int32Array(2);
  if (!parseMac(text, w, 0)) throw new Error(`no MAC: ${text}`);
  return [w[0]!, w[1]!];
}

/** Sets a way's destination, and clears the rest. */
export function to(way: Way, dst: string, o: { src?: string; iface?: number } = {}): Way {
  const src = o.src === undefined ? [0, 0, 0, 0] : ip(o.src);
  [way.dst0, way.dst1, way.dst2, way.dst3] = ip(dst);
  [way.src0, way.src1, way.src2, way.src3] = src as [number, number, number, number];
  way.iface = o.iface ?? 0;
  way.neighbour = 0;
  return way;
}

export function source(way: Way): string {
  return formatAddress(way.src0, way.src1, way.src2, way.src3);
}

export function text(a: InterfaceAddress): string {
  return formatAddress(a.w0, a.w1, a.w2, a.w3);
}

/** A link that keeps what is sent and receives nothing by itself. */
export class RecordingLink implements Link {
  readonly caps: LinkCaps;
  readonly memory: LinkMemory;
  readonly counters: LinkCounters = linkCounters();
  readonly sent: Uint8Array[] = [];

  constructor(memory: LinkMemory, caps: Partial<LinkCaps>) {
    this.memory = memory;
    this.caps = { medium: 'ethernet', mtu: 1500, gso: 0, txChecksum: 'full', gather: false, loopback: false, ...caps };
  }

  receive(_batch: RxBatch): number {
    return 0;
  }

  release(_batch: RxBatch): void {}

  room(): number {
    return BATCH;
  }

  transmit(batch: TxBatch): number {
    const n = batch.count;
    for (let i = 0; i < n; i++) {
      const at = batch.offset[i]!;
      this.sent.push(this.memory.arena.u8.slice(at, at + batch.length[i]!));
      this.memory.frames.free(at);
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

/** A frame in words: `arp request 02:..:01 > ff:..:ff 10.0.0.1 asks 10.0.0.2`, `ns ...`, and so on. */
export function describe(f: Uint8Array): string {
  const head = `${formatMac(ethSrcHi(f, 0), ethSrcLo(f, 0))} > ${formatMac(ethDstHi(f, 0), ethDstLo(f, 0))}`;
  if (etherType(f, 0) === ETHERTYPE_ARP) return `arp ${describeArp(f, 14)} | ${head}`;
  if (etherType(f, 0) !== ETHERTYPE_IP6 || ip6NextHeader(f, 14) !== 58) return `ip | ${head}`;
  return `${describeNdp(f, 14)} | ${head}`;
}

function describeArp(b: Uint8Array, o: number): string {
  const sender = `${formatAddress(0, 0, 0xffff, arpSenderIp(b, o))} at ${formatMac(arpSenderHi(b, o), arpSenderLo(b, o))}`;
  const target = formatAddress(0, 0, 0xffff, arpTargetIp(b, o));
  if (arpOp(b, o) === 1) return `who-has ${target} tell ${sender}`;
  return `reply ${sender} to ${target} at ${formatMac(arpTargetHi(b, o), arpTargetLo(b, o))}`;
}

function describeNdp(b: Uint8Array, o: number): string {
  const t = o + 40;
  const src = formatAddress(ip6Src(b, o, 0), ip6Src(b, o, 1), ip6Src(b, o, 2), ip6Src(b, o, 3));
  const dst = formatAddress(ip6Dst(b, o, 0), ip6Dst(b, o, 1), ip6Dst(b, o, 2), ip6Dst(b, o, 3));
  const length = ip6PayloadLength(b, o);
  const sum = fold(pseudo6At(b, o, 58, length) + sumPlain(b, t, length));
  const wrong = `${sum === 0xffff ? '' : ' BAD CHECKSUM'}${ip6HopLimit(b, o) === 255 ? '' : ' BAD HOP LIMIT'}`;
  const type = b[t]!;
  const options = new NdpOptions();
  ndpParseOptions(b, t + (type === 133 ? 8 : 24), t + length, options);
  const link = (at: number, name: string) =>
    at < 0 ? '' : ` ${name} ${formatMac(ndpLinkHi(b, at), ndpLinkLo(b, at))}`;
  const tail = `${link(options.sourceLinkAddress, 'source')}${link(options.targetLinkAddress, 'target')} ${src} > ${dst}${wrong}`;
  if (type === 133) return `rs${tail}`;
  const target = formatAddress(ndpTarget(b, t, 0), ndpTarget(b, t, 1), ndpTarget(b, t, 2), ndpTarget(b, t, 3));
  if (type === 135) return `ns ${target}${tail}`;
  const flags = ndpNaFlags(b, t);
  const letters = `${flags < 0 ? 'R' : ''}${(flags & 0x40000000) !== 0 ? 'S' : ''}${(flags & 0x20000000) !== 0 ? 'O' : ''}`;
  return type === 136 ? `na ${target} ${letters}${tail}` : `icmp ${type}${tail}`;
}

export interface HostOptions {
  settings?: Partial<Settings>;
  caps?: Partial<LinkCaps>;
  mac?: string;
  seed?: number;
}

export const OUR_MAC = '02:00:00:00:00:01';
export const PEER_MAC = '02:00:00:00:00:02';

/** One host with one recording link (more by addLink), at virtual time `now`. */
export class Host {
  readonly core: Core;
  readonly interfaces: Interfaces;
  readonly neighbours: Neighbours;
  readonly routes: Routes;
  readonly autoconf: Autoconf;
  readonly arp: Arp;
  readonly ndp: Ndp;
  readonly link: RecordingLink;
  readonly iface: Interface;
  readonly memory: StackMemory;
  now: number = 1000 * SECOND;

  constructor(o: HostOptions = {}) {
    this.memory = new StackMemory(new Arena(8 << 20), { small: 1024, large: 8, chunks: 16 });
    const settings = { ...DEFAULT_SETTINGS, neighbours: 64, routes: 32, dadDelay: 0, ...o.settings };
    const core = new Core(this.memory, settings, new SeededRng(o.seed ?? 1), Int32Array.of(1, 2, 3, 4, 5, 6));
    this.core = core;
    core.now.set(this.now);
    this.interfaces = new Interfaces(core);
    this.neighbours = new Neighbours(core, this.interfaces);
    this.routes = new Routes(core, this.interfaces, this.neighbours);
    this.autoconf = new Autoconf(core, this.interfaces, this.neighbours, this.routes);
    this.arp = new Arp(core, this.interfaces, this.neighbours, this.routes, this.autoconf.dad);
    this.ndp = new Ndp(core, this.interfaces, this.neighbours, this.autoconf);
    this.link = new RecordingLink(this.memory, o.caps ?? {});
    this.iface = this.interfaces.add(this.link, { mac: o.mac ?? OUR_MAC });
  }

  /** Another interface. */
  addLink(caps: Partial<LinkCaps> = {}): Interface {
    return this.interfaces.add(new RecordingLink(this.memory, caps));
  }

  /** Moves time to `us` from now, stopping at every deadline on the way. */
  run(us: number): void {
    const until = this.now + us;
    for (;;) {
      const next = Math.min(this.neighbours.pollAt(), this.autoconf.pollAt(), until);
      this.now = Math.max(this.now, next);
      this.core.now.set(this.now);
      this.neighbours.tick();
      this.autoconf.tick();
      if (this.now >= until && Math.min(this.neighbours.pollAt(), this.autoconf.pollAt()) > until) return;
    }
  }

  /** What was sent since the last call, in words. */
  sent(iface: Interface = this.iface): string[] {
    iface.flush();
    return (iface.link as RecordingLink).sent.splice(0).map(describe);
  }

  /** Takes a frame as stack.ingress would: Ethernet, then IPv6 and NDP. Returns what was returned last. */
  receive(frame: Uint8Array, iface: Interface = this.iface): number {
    const { core } = this;
    const at = core.frames.alloc(frame.length) + HEADROOM;
    core.u8.set(frame, at);
    const p = core.packet;
    p.iface = iface.index;
    p.flags = 0;
    p.frame = at;
    p.end = at + frame.length;
    p.reassembled = 0;
    let result = ethernetInput(core, this.interfaces, this.arp, p);
    if (result === 0 && p.version === 6 && p.end - p.l3 >= 40 && core.u8[p.l3 + 6] === 58) {
      p.l4 = p.l3 + 40;
      p.end = Math.min(p.end, p.l4 + ip6PayloadLength(core.u8, p.l3));
      p.src0 = ip6Src(core.u8, p.l3, 0);
      p.src1 = ip6Src(core.u8, p.l3, 1);
      p.src2 = ip6Src(core.u8, p.l3, 2);
      p.src3 = ip6Src(core.u8, p.l3, 3);
      result = this.ndp.input(p);
    }
    core.frames.free(at);
    return result;
  }

  /** The neighbour of that address as `state mac`, or `-`. */
  neighbour(address: string, iface: Interface = this.iface): string {
    const [w0, w1, w2, w3] = ip(address);
    const n = this.neighbours
      .list()
      .find(
        (e) =>
          e.iface === iface.index && e.words[0] === w0 && e.words[1] === w1 && e.words[2] === w2 && e.words[3] === w3,
      );
    if (n === undefined) return '-';
    const at = (n.macHi | n.macLo) === 0 ? '' : ` ${formatMac(n.macHi, n.macLo)}`;
    return `${n.state}${at}${n.router ? ' router' : ''}`;
  }

  /** The entry of a neighbour, created if need be. */
  entry(address: string): number {
    return this.neighbours.find(this.iface.index, ...ip(address));
  }

  /** A small IP packet in a frame of its own, as output leaves one to the queue: offset of its header. */
  packet(src: string, dst: string, fragment = -1): number {
    const b = this.core.u8;
    const at = this.core.frames.alloc(100) + HEADROOM + 14;
    b.fill(0, at, at + 60);
    const four = !dst.includes(':');
    if (four) {
      b[at] = 0x45;
      b[at + 3] = 60;
      if (fragment >= 0) b[at + 7] = fragment;
      new DataView(b.buffer).setInt32(at + 12, ip(src)[3]);
      new DataView(b.buffer).setInt32(at + 16, ip(dst)[3]);
    } else {
      putIp6Header(b, at, 0, 0, 20, fragment >= 0 ? 44 : 59, 64);
      if (fragment >= 0) put16(b, at + 42, fragment << 3);
      putIp6Src(b, at, ...ip(src));
      putIp6Dst(b, at, ...ip(dst));
    }
    return at;
  }

  /** The state of each of our addresses on the first interface. */
  addresses(): string[] {
    return this.iface.addresses.map((a) => `${text(a)} ${a.state}`);
  }
}

/** An ARP packet in a frame. `op` 1 asks, 2 answers. */
export function arpFrame(o: {
  op: 1 | 2;
  sender: string;
  target: string;
  from?: string;
  to?: string;
  targetMac?: string;
}): Uint8Array {
  const f = new Uint8Array(14 + ARP_LENGTH);
  const from = mac(o.from ?? PEER_MAC);
  const dst = mac(o.to ?? (o.op === 1 ? 'ff:ff:ff:ff:ff:ff' : OUR_MAC));
  putEthHeader(f, 0, ...dst, ...from, ETHERTYPE_ARP);
  putArp(f, 14, o.op, ...from, ip(o.sender)[3], ...mac(o.targetMac ?? '00:00:00:00:00:00'), ip(o.target)[3]);
  return f;
}

/** An NDP message in a frame, with its checksum; `body` writes the message at its offset and returns its length. */
export function ndpFrame(
  o: { src: string; dst: string; from?: string; to?: string; hopLimit?: number },
  body: (b: Uint8Array, at: number) => number,
): Uint8Array {
  const room = new Uint8Array(14 + 40 + 1200);
  const length = body(room, 54);
  const f = room.slice(0, 54 + length);
  const dst = ip(o.dst);
  const group = `33:33:${formatMac(0, dst[3]).slice(6)}`;
  putEthHeader(
    f,
    0,
    ...mac(o.to ?? (o.dst.startsWith('ff') ? group : OUR_MAC)),
    ...mac(o.from ?? PEER_MAC),
    ETHERTYPE_IP6,
  );
  putIp6Header(f, 14, 0, 0, length, 58, o.hopLimit ?? 255);
  putIp6Src(f, 14, ...ip(o.src));
  putIp6Dst(f, 14, ...dst);
  const sum = ~fold(pseudo6At(f, 14, 58, length) + sumPlain(f, 54, length));
  f[56] = sum >> 8;
  f[57] = sum;
  return f;
}

/** The solicited-node group of an address. */
export function solicitedNode(address: string): string {
  return formatAddress(0xff020000 | 0, 0, 1, 0xff000000 | (ip(address)[3] & 0xffffff));
}

export function nsFrame(o: {
  src: string;
  target: string;
  dst?: string;
  from?: string;
  slla?: string | null;
}): Uint8Array {
  return ndpFrame(
    { src: o.src, dst: o.dst ?? solicitedNode(o.target), ...(o.from ? { from: o.from } : {}) },
    (b, at) => {
      putNdpNs(b, at, ...ip(o.target));
      const slla = o.slla === undefined ? (o.src === '::' ? null : (o.from ?? PEER_MAC)) : o.slla;
      if (slla === null) return 24;
      putNdpLinkOption(b, at + 24, 1, ...mac(slla));
      return 32;
    },
  );
}

/** `flags`: letters of R, S, O. */
export function naFrame(o: {
  target: string;
  flags: string;
  src?: string;
  dst?: string;
  from?: string;
  tlla?: string | null;
}): Uint8Array {
  const head = { src: o.src ?? o.target, dst: o.dst ?? 'ff02::1', ...(o.from ? { from: o.from } : {}) };
  return ndpFrame(head, (b, at) => {
    let flags = 0;
    if (o.flags.includes('R')) flags |= 0x80000000;
    if (o.flags.includes('S')) flags |= 0x40000000;
    if (o.flags.includes('O')) flags |= 0x20000000;
    putNdpNa(b, at, flags, ...ip(o.target));
    const tlla = o.tlla === undefined ? (o.from ?? PEER_MAC) : o.tlla;
    if (tlla === null) return 24;
    putNdpLinkOption(b, at + 24, 2, ...mac(tlla));
    return 32;
  });
}

export interface PrefixOption {
  prefix: string;
  flags: string;
  valid: number;
  preferred: number;
}

export const ROUTER = 'fe80::ff';
export const ROUTER_MAC = '02:00:00:00:00:ff';

/** A router advertisement; lifetimes in seconds, timers in milliseconds, prefix flags letters of L, A. */
export function raFrame(
  o: {
    src?: string;
    from?: string;
    dst?: string;
    lifetime?: number;
    hopLimit?: number;
    flags?: number;
    reachable?: number;
    retransmit?: number;
    mtu?: number;
    slla?: string | null;
    prefixes?: PrefixOption[];
  } = {},
): Uint8Array {
  const from = o.from ?? ROUTER_MAC;
  return ndpFrame({ src: o.src ?? ROUTER, dst: o.dst ?? 'ff02::1', from }, (b, at) => {
    putNdpRa(b, at, o.hopLimit ?? 0, o.flags ?? 0, o.lifetime ?? 1800, o.reachable ?? 0, o.retransmit ?? 0);
    let n = 16;
    if (o.slla !== null) {
      putNdpLinkOption(b, at + n, 1, ...mac(o.slla ?? from));
      n += 8;
    }
    if (o.mtu !== undefined) {
      putNdpMtuOption(b, at + n, o.mtu);
      n += 8;
    }
    for (const p of o.prefixes ?? []) {
      const [w0, w1, w2, w3, bits] = cidr(p.prefix);
      const flags = (p.flags.includes('L') ? 0x80 : 0) | (p.flags.includes('A') ? 0x40 : 0);
      putNdpPrefixOption(b, at + n, bits, flags, p.valid, p.preferred);
      putNdpPrefix(b, at + n, w0, w1, w2, w3);
      n += 32;
    }
    return n;
  });
}

export function redirectFrame(o: {
  dst: string;
  target: string;
  destination: string;
  src?: string;
  from?: string;
  tlla?: string;
}): Uint8Array {
  return ndpFrame({ src: o.src ?? ROUTER, dst: o.dst, from: o.from ?? ROUTER_MAC }, (b, at) => {
    putNdpRedirect(b, at, ...ip(o.target));
    putNdpRedirectDestination(b, at, ...ip(o.destination));
    if (o.tlla === undefined) return 40;
    putNdpLinkOption(b, at + 40, 2, ...mac(o.tlla));
    return 48;
  });
}

/** A host with 10.0.0.1/24, fd00::1/64 and fe80::1/64, at once usable. */
export function ourHost(o: HostOptions = {}): Host {
  const h = new Host(o);
  for (const a of ['10.0.0.1/24', 'fd00::1/64', 'fe80::1/64']) h.interfaces.addAddress(1, ...cidr(a));
  return h;
}

/** An entry for `address` brought to REACHABLE by an answer. */
export function reachable(h: Host, address: string, from: string = PEER_MAC): number {
  const entry = h.entry(address);
  h.neighbours.ready(entry);
  h.neighbours.advertised(entry, true, ...mac(from), ADVERTISED_SOLICITED | ADVERTISED_OVERRIDE);
  h.sent();
  return entry;
}
