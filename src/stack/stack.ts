// The stack: assembles its parts, takes frames from links up to TCP, UDP and ICMP, and what these send down to the links.
// Made by host, sim, tests and the browser; called by a driver (poll) and by the floors above (tcp, udp, configuration).
//
//   poll(now):  for each link: receive ─► ethernet ─► ip ─► tcp | udp | icmp ─► release
//               ─► timers ─► tcp output ─► flush the batches to the links
//
// Ingress marks work, egress does it; what ingress answers by itself (ARP, echo, resets) waits in the same batches.

import { parseAddress, parseCidr } from '../base/address.ts';
import { Arena } from '../base/arena.ts';
import { BLOCK } from '../base/blocks.ts';
import { errnoName } from '../base/errno.ts';
import { type Link, RxBatch } from '../base/link.ts';
import type { Rng } from '../base/time.ts';
import { PROTO_TCP, PROTO_UDP } from '../wire/ip4.ts';
import { isIp4, isLoopback } from './address-kinds.ts';
import { Arp } from './arp.ts';
import { Autoconf } from './autoconf.ts';
import { Core, StackMemory } from './core.ts';
import { counter } from './counters.ts';
import { ethernetInput } from './ethernet.ts';
import { Icmp } from './icmp.ts';
import { IcmpErrors } from './icmp-errors.ts';
import type { Interface } from './interface.ts';
import { Interfaces } from './interfaces.ts';
import { IpInput } from './ip-input.ts';
import { Ndp } from './ndp.ts';
import { Neighbours } from './neighbours.ts';
import { Output } from './output.ts';
import { ICMP_ERROR, type IcmpError } from './packet.ts';
import { PathMtu } from './path-mtu.ts';
import { Ports } from './ports.ts';
import { Reassembly } from './reassembly.ts';
import { Routes } from './routes.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import { Tcp } from './tcp/tcp.ts';
import { Udp } from './udp.ts';

/** Passes in a row that may find frames before timers are looked at all the same. */
const PASSES_WITHOUT_TIMERS = 16;
/** When to look again after output found no frame or no room, if no link calls before (us). */
const STALL_RETRY = 1000;

const FRAMES_RECEIVED: number = counter('frames_received');

/** Frames and chunks of a stack. Pages that are never touched cost nothing, so the defaults are generous. */
export interface MemorySizes {
  /** Bytes of the whole arena. Default: what the rest needs. */
  arenaBytes?: number | undefined;
  /** 2 KiB frames, 66 KiB frames, 4 KiB payload chunks, 256 KiB blocks (files on their way out). */
  small?: number | undefined;
  large?: number | undefined;
  chunks?: number | undefined;
  blocks?: number | undefined;
}

/** Bytes that connection tables and the like need besides frames and chunks, with the default settings. */
const TABLES = 96 << 20;

/** An arena with pools in it. The default takes about 500 MB of address space, and of memory what is used. */
export function createMemory(sizes: MemorySizes = {}): StackMemory {
  const small = sizes.small ?? 8192;
  const large = sizes.large ?? 512;
  const chunks = sizes.chunks ?? 80 * 1024;
  const blocks = sizes.blocks ?? (sizes.arenaBytes === undefined ? 256 : 0);
  const bytes = sizes.arenaBytes ?? small * 2100 + large * 67700 + chunks * 4140 + blocks * (BLOCK + 64) + TABLES;
  return new StackMemory(new Arena(bytes), { small, large, chunks, blocks });
}

/** What a stack is made with. */
export interface StackOptions {
  readonly settings?: Partial<Settings> | undefined;
  readonly rng: Rng;
  /** At least six random words that nobody else knows. */
  readonly secret: Int32Array;
}

/** How a link is attached. */
export interface AttachOptions {
  /** MAC address on an Ethernet link: text, "02:00:00:00:00:01". A random locally administered one by default. */
  readonly mac?: string | undefined;
  /** Addresses with prefix lengths: "10.0.0.2/24", "fd00::2/64". */
  readonly addresses?: readonly string[] | undefined;
  /** Default routers, by address. */
  readonly gateways?: readonly string[] | undefined;
  /** Start IPv6 with a link-local address; and listen to routers and make addresses from what they say (implies ip6). */
  readonly ip6?: boolean | undefined;
  readonly slaac?: boolean | undefined;
}

export class Stack {
  readonly memory: StackMemory;
  readonly core: Core;
  readonly interfaces: Interfaces;
  readonly neighbours: Neighbours;
  readonly routes: Routes;
  readonly autoconf: Autoconf;
  readonly icmp: Icmp;
  readonly udp: Udp;
  readonly tcp: Tcp;
  readonly output: Output;
  readonly pathMtu: PathMtu;
  readonly ports: Ports;
  readonly #errors: IcmpErrors;
  readonly #reassembly: Reassembly;
  readonly #ip: IpInput;
  readonly #arp: Arp;
  readonly #rx: RxBatch = new RxBatch();
  #passesWithoutTimers = 0;
  #onWork: () => void = () => {};

  constructor(memory: StackMemory, options: StackOptions) {
    const core = new Core(memory, { ...DEFAULT_SETTINGS, ...options.settings }, options.rng, options.secret);
    this.memory = memory;
    this.core = core;
    this.interfaces = new Interfaces(core);
    this.neighbours = new Neighbours(core, this.interfaces);
    this.routes = new Routes(core, this.interfaces, this.neighbours);
    this.pathMtu = new PathMtu(core, this.routes);
    this.routes.pathMtus = this.pathMtu;
    this.output = new Output(core, this.interfaces, this.neighbours);
    this.#errors = new IcmpErrors(core, this.interfaces, this.routes, this.output);
    this.#reassembly = new Reassembly(core, this.#errors);
    this.#ip = new IpInput(core, this.interfaces, this.#reassembly, this.#errors);
    this.autoconf = new Autoconf(core, this.interfaces, this.neighbours, this.routes);
    this.#arp = new Arp(core, this.interfaces, this.neighbours, this.routes, this.autoconf.dad);
    const ndp = new Ndp(core, this.interfaces, this.neighbours, this.autoconf);
    this.icmp = new Icmp(core, this.interfaces, this.routes, this.output);
    this.ports = new Ports(core);
    this.udp = new Udp(core, this.interfaces, this.routes, this.output, this.ports, this.#errors, this.pathMtu);
    this.tcp = new Tcp(this);
    this.icmp.onNdp = (p) => ndp.input(p);
    this.icmp.onEchoReply = (p) => this.udp.ping(p);
    this.tcp.onWork = () => this.#onWork();
    this.udp.onWork = () => this.#onWork();
  }

  /** Called, maybe often, when there is work for poll(): set by the driver. It only schedules. */
  get onWork(): () => void {
    return this.#onWork;
  }
  set onWork(fn: () => void) {
    this.#onWork = fn;
  }

  /** Makes `link` an interface with addresses and routers. RangeError with one line for text that is no address, or one that cannot be used. */
  attach(link: Link, options: AttachOptions = {}): Interface {
    const iface = this.interfaces.add(link, { mac: options.mac });
    if (options.ip6 || options.slaac) {
      this.autoconf.ip6Enable(iface.index, { routers: options.slaac ?? false, slaac: options.slaac ?? false });
    }
    for (const text of options.addresses ?? []) this.#addAddress(iface, text);
    for (const text of options.gateways ?? []) this.#addGateway(iface, text);
    link.wake(() => this.#onWork());
    this.#onWork();
    return iface;
  }

  #addAddress(iface: Interface, text: string): void {
    const w = new Int32Array(4);
    const prefix = parseCidr(text, w, 0);
    if (prefix < 0)
      throw new RangeError(`${text}: not an address with a prefix length, such as 10.0.0.2/24 or fd00::2/64`);
    const [w0, w1, w2, w3] = [w[0]!, w[1]!, w[2]!, w[3]!];
    // Nobody else can be on a point-to-point or loopback link: nothing to detect there.
    const unique = !iface.ethernet || isLoopback(w0, w1, w2, w3);
    const result = unique
      ? this.interfaces.addAddress(iface.index, w0, w1, w2, w3, prefix)
      : this.autoconf.addAddress(iface.index, w0, w1, w2, w3, prefix);
    if (result !== 0) throw new RangeError(`${text}: cannot be an address of this interface (${errnoName(result)})`);
  }

  #addGateway(iface: Interface, text: string): void {
    const w = new Int32Array(4);
    if (!parseAddress(text, w, 0)) throw new RangeError(`${text}: not an address`);
    const v4 = isIp4(w[0]!, w[1]!, w[2]!);
    const result = this.routes.add({
      w0: 0,
      w1: 0,
      w2: v4 ? 0xffff : 0,
      w3: 0,
      prefix: v4 ? 96 : 0,
      via: [w[0]!, w[1]!, w[2]!, w[3]!],
      iface: iface.index,
    });
    if (result !== 0) throw new RangeError(`gateway ${text}: cannot be used (${errnoName(result)})`);
  }

  /**
   * One pass at monotonic time `now` (us): a batch of frames from every link, timers, output, flush. Returns true if there
   * is more to do at once. Never throws on what arrived.
   *
   * Timers wait until what has arrived is taken: after a process has stood still, the ACK that cancels a retransmission
   * often lies on the link already. Not for long, though: a link that is never empty must not stop time.
   */
  poll(now: number): boolean {
    this.core.now.set(now);
    let more = false;
    const list = this.interfaces.list;
    for (let i = 1; i < list.length; i++) {
      const iface = list[i];
      // A link calls wake() only after receive() has said 0.
      if (iface && this.ingress(iface) > 0) more = true;
    }
    if (!more || ++this.#passesWithoutTimers === PASSES_WITHOUT_TIMERS) {
      this.#passesWithoutTimers = 0;
      this.#timers();
    }
    if (this.tcp.output()) more = true;
    this.udp.egress();
    this.output.flush();
    return more;
  }

  /** Takes one batch of frames from an interface's link through the stack; returns how many there were. */
  ingress(iface: Interface): number {
    const rx = this.#rx;
    const n = iface.link.receive(rx);
    for (let i = 0; i < n; i++) {
      const drop = this.#frame(iface.index, rx.offset[i]!, rx.length[i]!, rx.flags[i]!);
      if (drop > 0) this.core.counters.drop(drop);
    }
    if (n > 0) {
      this.core.counters.add(FRAMES_RECEIVED, n);
      iface.link.release(rx);
    }
    return n;
  }

  /** One frame, as far up as it gets. Returns a drop reason, or 0 or less. */
  #frame(iface: number, offset: number, length: number, flags: number): number {
    const p = this.core.packet;
    p.iface = iface;
    p.flags = flags;
    p.frame = offset;
    p.end = offset + length;
    let result = ethernetInput(this.core, this.interfaces, this.#arp, p);
    if (result !== 0) return result;
    result = this.#ip.input(p, p.version);
    if (result === 0) result = this.#deliver();
    if (p.reassembled !== 0) {
      this.core.frames.free(p.reassembled);
      p.reassembled = 0;
    }
    return result;
  }

  /** The packet in hand to its protocol: one of these, ip has answered others. */
  #deliver(): number {
    const p = this.core.packet;
    if (p.protocol === PROTO_TCP) return this.tcp.input(p);
    if (p.protocol === PROTO_UDP) return this.udp.input(p);
    const result = this.icmp.input(p);
    return result === ICMP_ERROR ? this.#icmpError(this.icmp.error) : result;
  }

  #icmpError(error: IcmpError): number {
    return error.protocol === PROTO_TCP ? this.tcp.icmpError(error) : this.udp.error(error);
  }

  #timers(): void {
    this.neighbours.tick();
    this.udp.failedNeighbours(this.neighbours);
    this.routes.tick();
    this.autoconf.tick();
    this.pathMtu.tick();
    this.#reassembly.tick();
    this.tcp.timers();
  }

  /** When poll() wants to be called next (us), if nothing arrives before: Infinity for never. */
  pollAt(): number {
    let at = Math.min(
      this.tcp.stalled ? this.core.now.us + STALL_RETRY : Infinity,
      this.tcp.pollAt(),
      this.neighbours.pollAt(),
      this.routes.pollAt(),
      this.autoconf.pollAt(),
      this.pathMtu.pollAt(),
      this.#reassembly.pollAt(),
    );
    const list = this.interfaces.list;
    for (let i = 1; i < list.length; i++) {
      const iface = list[i];
      if (iface) at = Math.min(at, iface.link.pollAt());
    }
    return at;
  }

  /** Resets every connection, sends what that takes, and closes the links. */
  close(): void {
    this.tcp.closeAll();
    this.udp.clear();
    this.output.flush();
    this.#reassembly.clear();
    for (const iface of this.interfaces.list) iface?.link.close();
  }
}
