// Interfaces of a stack: a link each, its MAC address, our addresses and the groups we have joined, and who owns what.
// Called by every file of this floor (isLocal and joined for each packet); calls the link and core only.
//
// Few and long-lived, so plain objects. What each packet asks for is an open-addressing table beside them, made anew
// whenever an address or a group comes or goes:
//
//   slot: [interface (0: free) | kind | w0 | w1 | w2 | w3]   kind: one of our usable addresses, or a group

import { isMapped, parseMac } from '../base/address.ts';
import { EADDRNOTAVAIL, EEXIST, EINVAL, ENOMEM } from '../base/errno.ts';
import { BATCH, BATCH_PIECES, type Link, TxBatch } from '../base/link.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';

/** An address: four int32 words, IPv4 mapped (0, 0, 0xffff, a.b.c.d). */
export type Words = readonly [number, number, number, number];

/**
 * tentative: uniqueness is being checked; duplicate: somebody else has it; both are not used (RFC 4862 sections 2 and
 * 5.4).
 */
export type AddressState = 'tentative' | 'preferred' | 'deprecated' | 'duplicate';
export type AddressOrigin = 'static' | 'slaac' | 'linklocal';

/** One of our addresses on an interface. Times are monotonic microseconds. */
export interface InterfaceAddress {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  /** Bits of the subnet prefix, of 128 (an IPv4 /24 is 120). */
  readonly prefix: number;
  readonly origin: AddressOrigin;
  /** Change it through Interfaces.setState. */
  state: AddressState;
  /** Until when it is preferred, and valid (RFC 4862 section 5.5.4); Infinity for static ones. */
  preferredUntil: number;
  validUntil: number;
  /**
   * Duplicate address detection, owned by dad.ts: probes and announcements still to send, when something is next to do.
   */
  probes: number;
  announcements: number;
  timer: number;
  /** How often somebody else was seen to use it, and when we last defended it (RFC 5227 section 2.4). */
  conflicts: number;
  defendedAt: number;
  /** DAD_Counter of RFC 7217 section 5: how many identifiers before this one turned out to be taken. */
  dadCounter: number;
}

/** Most addresses of one interface. Those that routers bring about are bounded by autoconf, far below. */
export const MAX_ADDRESSES = 4096;

const FRAMES_SENT = counter('frames_sent');
const SLOT = 6;
const KIND_LOCAL = 1;
const KIND_GROUP = 2;

interface Group {
  readonly words: Words;
  users: number;
}

/** One link of the stack. Made by Interfaces.add. */
export class Interface {
  /** 1 and up; 0 means any or none. */
  readonly index: number;
  readonly link: Link;
  /** Frames bear Ethernet headers and next hops need a MAC address. */
  readonly ethernet: boolean;
  /** 127.0.0.0/8 and ::1 are legal here. */
  readonly loopback: boolean;
  /** Our MAC address: its high 16 bits, its low 32 (signed). 0 on an 'ip' medium. */
  readonly macHi: number;
  readonly macLo: number;
  /** Frames of this pass; use push() where room in it is not known. */
  readonly tx: TxBatch = new TxBatch();
  /** Largest IPv4 packet; <= link.caps.mtu. */
  mtu: number;
  /** Largest IPv6 packet: mtu, or less where a router has said so (RFC 4861 section 6.3.4). */
  mtu6: number;
  /** Hop limit of IPv6 packets sent: the setting, or what a router has said. */
  hopLimit: number;
  /**
   * ReachableTime and RetransTimer of this link in microseconds (RFC 4861 section 6.3.2): the settings', or a router's.
   */
  baseReachable: number;
  reachable: number;
  retransmit: number;
  /** When `reachable` is drawn anew (RFC 4861 section 6.3.4: at least every few hours). */
  reachableRedraw = 0;
  readonly addresses: InterfaceAddress[] = [];
  readonly groups: Group[] = [];
  /** A link that is down is not routed to. Change it through Interfaces.setUp. */
  up = true;
  /**
   * IPv6 is spoken here: set with the first IPv6 address, cleared when no link-local address can be had (RFC 4862
   * section 5.4.5).
   */
  ip6 = false;
  readonly #core: Core;

  constructor(core: Core, index: number, link: Link, macHi: number, macLo: number) {
    this.#core = core;
    this.index = index;
    this.link = link;
    this.ethernet = link.caps.medium === 'ethernet';
    this.loopback = link.caps.loopback;
    this.macHi = this.ethernet ? macHi : 0;
    this.macLo = this.ethernet ? macLo : 0;
    this.mtu = link.caps.mtu;
    this.mtu6 = link.caps.mtu;
    this.hopLimit = core.settings.hopLimit;
    this.baseReachable = core.settings.neighbourReachable;
    this.reachable = this.baseReachable;
    this.retransmit = core.settings.neighbourRetransmit;
  }

  /**
   * Adds a whole frame to `tx`, handing a full batch to the link first; returns its index. What a full link refuses it
   * drops and counts.
   */
  push(offset: number, length: number): number {
    if (this.tx.count === BATCH || this.tx.pieceCount === BATCH_PIECES) this.flush();
    return this.tx.push(offset, length);
  }

  /** Hands `tx` to the link. */
  flush(): void {
    if (this.tx.count > 0) this.#core.counters.add(FRAMES_SENT, this.link.transmit(this.tx));
  }

  /** The address object of one of ours here, in whatever state, or undefined. A walk: not for each packet. */
  address(w0: number, w1: number, w2: number, w3: number): InterfaceAddress | undefined {
    for (const a of this.addresses) if (a.w3 === w3 && a.w2 === w2 && a.w1 === w1 && a.w0 === w0) return a;
    return undefined;
  }
}

/** True for an IPv4 address in its mapped form. */
export const isIp4: (w0: number, w1: number, w2: number) => boolean = isMapped;

/**
 * True for 127.0.0.0/8 and ::1, legal on loopback links only (RFC 1122 section 3.2.1.3 (g), RFC 4291 section 2.5.3).
 */
export function isLoopback(w0: number, w1: number, w2: number, w3: number): boolean {
  if ((w0 | w1) !== 0) return false;
  return w2 === 0xffff ? w3 >>> 24 === 127 : w2 === 0 && w3 === 1;
}

/** True for fe80::/10 (RFC 4291 section 2.5.6). 169.254/16 is an ordinary subnet here. */
export function isLinkLocal(w0: number): boolean {
  return w0 >>> 22 === 0x3fa;
}

/** True for 224.0.0.0/4 and ff00::/8. Broadcast addresses of IPv4 are Interfaces.isBroadcast's. */
export function isMulticast(w0: number, w1: number, w2: number, w3: number): boolean {
  return w0 >>> 24 === 0xff || (w3 >>> 28 === 14 && isIp4(w0, w1, w2));
}

/** Whether two addresses agree in their first `bits` bits of 128. */
export function samePrefix(
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  bits: number,
): boolean {
  if (bits >= 32 && a0 !== b0) return false;
  if (bits >= 64 && a1 !== b1) return false;
  if (bits >= 96 && a2 !== b2) return false;
  const rest = bits & 31;
  if (rest === 0) return bits < 128 || a3 === b3;
  const x = bits < 32 ? a0 ^ b0 : bits < 64 ? a1 ^ b1 : bits < 96 ? a2 ^ b2 : a3 ^ b3;
  return x >>> (32 - rest) === 0;
}

/** The MAC address asked for, or undefined where it is no station's: a group's, all zeros, no address at all. */
function stationMac(mac: string | { hi: number; lo: number }): { hi: number; lo: number } | undefined {
  const words = new Int32Array(2);
  if (typeof mac !== 'string') words.set([mac.hi, mac.lo]);
  else if (!parseMac(mac, words, 0)) return undefined;
  const [hi, lo] = [words[0]! & 0xffff, words[1]!];
  return (hi & 0x100) !== 0 || (hi | lo) === 0 ? undefined : { hi, lo };
}

export class Interfaces {
  /** The interface with index i at list[i]; list[0] is null. */
  readonly list: (Interface | null)[] = [null];
  /** Raised at every change of interfaces, addresses and gateways in use: what was chosen by them is stale then. */
  epoch = 1;
  readonly #core: Core;
  #slots: Int32Array = new Int32Array(SLOT * 2);
  #mask = 1;
  /** The table is to be made anew before it is read. */
  #stale = false;
  /** Interface that owns 127/8, or 0. */
  #net127 = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** The interface with that index (1..). */
  get(index: number): Interface {
    return this.list[index]!;
  }

  /** The first interface whose link has loopback addresses and is up, or null. */
  get loopback(): Interface | null {
    for (const f of this.list) if (f?.loopback && f.up) return f;
    return null;
  }

  /**
   * Adds an interface over `link`. `mac` is ours on an Ethernet link: text or numbers, unicast; without it a random,
   * locally administered one. RangeError on a bad one: options are checked before, by whoever reads them.
   */
  add(link: Link, o: { mac?: string | { hi: number; lo: number } | undefined } = {}): Interface {
    const { rng } = this.#core;
    // Bit 1 of the first byte: administered locally; bit 0 clear: unicast (IEEE 802 section 8.4).
    const mac = stationMac(o.mac ?? { hi: 0x0200 | (rng.int32() & 0xfcff), lo: rng.int32() });
    if (mac === undefined) throw new RangeError(`not a unicast MAC address: ${JSON.stringify(o.mac)}`);
    const iface = new Interface(this.#core, this.list.length, link, mac.hi, mac.lo);
    this.list.push(iface);
    this.#changed();
    return iface;
  }

  /** Takes an interface out of use, or back into it: its addresses stay ours, but nothing is routed there. */
  setUp(iface: number, up: boolean): void {
    this.get(iface).up = up;
    this.epoch++;
  }

  /**
   * Whether the address is one of our unicast addresses that may be used (not tentative, not a duplicate), on `iface`
   * or, with 0, on any. On a loopback link that owns an address in 127.0.0.0/8 all of that net is ours (RFC 1122
   * section 3.2.1.3 (g)).
   */
  isLocal(iface: number, w0: number, w1: number, w2: number, w3: number): boolean {
    return this.owner(iface, w0, w1, w2, w3) !== 0;
  }

  /** As isLocal, but returns the index of an interface that owns the address, or 0. */
  owner(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    if (this.#stale) this.#index();
    if (w3 >>> 24 === 127 && this.#net127 !== 0 && isIp4(w0, w1, w2)) {
      if (iface === 0 || iface === this.#net127) return this.#net127;
    }
    return this.#find(KIND_LOCAL, iface, w0, w1, w2, w3);
  }

  /**
   * Whether packets to this group are wanted on `iface` (0: on any). The all-nodes groups always are (RFC 1112, RFC
   * 4291 section 2.8).
   */
  joined(iface: number, w0: number, w1: number, w2: number, w3: number): boolean {
    if (w3 === 1 && w1 === 0 && w2 === 0 && (w0 === 0xff020000 >> 0 || w0 === 0xff010000 >> 0)) return true;
    if (w3 === 0xe0000001 >> 0 && isIp4(w0, w1, w2)) return true;
    if (this.#stale) this.#index();
    return this.#find(KIND_GROUP, iface, w0, w1, w2, w3) !== 0;
  }

  /** Whether the IPv4 address `a` is 255.255.255.255 or the broadcast address of a subnet of `iface` (0: of any). */
  isBroadcast(iface: number, a: number): boolean {
    if (a === -1) return true;
    for (const f of this.list) {
      if (f === null || (iface !== 0 && f.index !== iface)) continue;
      for (const x of f.addresses) {
        // A /31 and a /32 have no broadcast address (RFC 3021 section 2.1).
        if (x.prefix < 96 || x.prefix > 126 || !isIp4(x.w0, x.w1, x.w2)) continue;
        const host = x.prefix === 96 ? -1 : (1 << (128 - x.prefix)) - 1;
        if ((x.w3 | host) === a) return true;
      }
    }
    return false;
  }

  /**
   * One more user of a group on an interface: 0, or -EINVAL if it is no group. No report goes out: switches that snoop
   * MLD or IGMP are not served.
   */
  join(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    if (!isMulticast(w0, w1, w2, w3)) return -EINVAL;
    const groups = this.get(iface).groups;
    const known = groups.find((g) => sameWords(g.words, w0, w1, w2, w3));
    if (known !== undefined) known.users++;
    else {
      groups.push({ words: [w0, w1, w2, w3], users: 1 });
      this.#stale = true;
    }
    return 0;
  }

  /** One user less: 0, or -EADDRNOTAVAIL if nobody had joined. */
  leave(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    const groups = this.get(iface).groups;
    const at = groups.findIndex((g) => sameWords(g.words, w0, w1, w2, w3));
    if (at < 0) return -EADDRNOTAVAIL;
    if (--groups[at]!.users === 0) {
      groups.splice(at, 1);
      this.#stale = true;
    }
    return 0;
  }

  /**
   * Gives `iface` an address, at once usable unless `state` says otherwise; autoconf.addAddress is the way that checks
   * it for uniqueness. `prefix` of 128. 0; -EINVAL for what can be nobody's (or a loopback address elsewhere), -EEXIST,
   * -ENOMEM.
   */
  addAddress(
    iface: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    prefix: number,
    origin: AddressOrigin = 'static',
    state: AddressState = 'preferred',
  ): number {
    const f = this.get(iface);
    if (!this.#ownable(f, w0, w1, w2, w3, prefix)) return -EINVAL;
    if (f.address(w0, w1, w2, w3) !== undefined) return -EEXIST;
    if (f.addresses.length >= MAX_ADDRESSES) return -ENOMEM;
    f.addresses.push({
      w0,
      w1,
      w2,
      w3,
      prefix,
      origin,
      state,
      preferredUntil: Infinity,
      validUntil: Infinity,
      probes: 0,
      announcements: 0,
      timer: Infinity,
      conflicts: 0,
      defendedAt: -Infinity,
      dadCounter: 0,
    });
    if (!isIp4(w0, w1, w2)) {
      f.ip6 = true;
      // The solicited-node group of each address, tentative ones included (RFC 4291 section 2.8, RFC 4862 section
      // 5.4.2).
      this.join(iface, 0xff020000 >> 0, 0, 1, 0xff000000 | (w3 & 0xffffff));
    }
    this.#changed();
    return 0;
  }

  /** Takes an address away: 0 or -EADDRNOTAVAIL. */
  removeAddress(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    const f = this.get(iface);
    const a = f.address(w0, w1, w2, w3);
    if (a === undefined) return -EADDRNOTAVAIL;
    f.addresses.splice(f.addresses.indexOf(a), 1);
    if (!isIp4(w0, w1, w2)) this.leave(iface, 0xff020000 >> 0, 0, 1, 0xff000000 | (w3 & 0xffffff));
    this.#changed();
    return 0;
  }

  setState(address: InterfaceAddress, state: AddressState): void {
    if (address.state === state) return;
    address.state = state;
    this.#changed();
  }

  #ownable(f: Interface, w0: number, w1: number, w2: number, w3: number, prefix: number): boolean {
    if (!(prefix >= 0 && prefix <= 128) || isMulticast(w0, w1, w2, w3)) return false;
    if (isIp4(w0, w1, w2)) {
      // 0.0.0.0/8 is "this net", 240/4 and up is reserved or broadcast (RFC 6890 section 2.2.2).
      if (prefix < 96 || w3 >>> 24 === 0 || w3 >>> 28 === 15) return false;
    } else if ((w0 | w1 | w2) === 0 && w3 !== 1) return false;
    return f.loopback || !isLoopback(w0, w1, w2, w3);
  }

  #changed(): void {
    this.epoch++;
    this.#stale = true;
  }

  /** Makes the table anew, at most half full. */
  #index(): void {
    let n = 0;
    this.#stale = false;
    this.#net127 = 0;
    for (const f of this.list) if (f !== null) n += f.addresses.length + f.groups.length;
    let size = 8;
    while (size < n * 2) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size * SLOT);
    for (const f of this.list) {
      if (f === null) continue;
      for (const a of f.addresses) {
        if (a.state === 'tentative' || a.state === 'duplicate') continue;
        this.#insert(f.index, KIND_LOCAL, a.w0, a.w1, a.w2, a.w3);
        if (this.#net127 === 0 && a.w3 >>> 24 === 127 && isIp4(a.w0, a.w1, a.w2)) this.#net127 = f.index;
      }
      for (const g of f.groups) this.#insert(f.index, KIND_GROUP, g.words[0], g.words[1], g.words[2], g.words[3]);
    }
  }

  #insert(iface: number, kind: number, w0: number, w1: number, w2: number, w3: number): void {
    const t = this.#slots;
    let at = mix(kind, w0, w1, w2, w3) & this.#mask;
    while (t[at * SLOT] !== 0) at = (at + 1) & this.#mask;
    t.set([iface, kind, w0, w1, w2, w3], at * SLOT);
  }

  #find(kind: number, iface: number, w0: number, w1: number, w2: number, w3: number): number {
    const t = this.#slots;
    let at = mix(kind, w0, w1, w2, w3) & this.#mask;
    for (;;) {
      const s = at * SLOT;
      const owner = t[s]!;
      if (owner === 0) return 0;
      if (t[s + 5] === w3 && t[s + 2] === w0 && t[s + 3] === w1 && t[s + 4] === w2 && t[s + 1] === kind) {
        if (iface === 0 || iface === owner) return owner;
      }
      at = (at + 1) & this.#mask;
    }
  }
}

/** A cheap hash: what the table holds is ours to choose, so nobody else can make it long. */
function mix(kind: number, w0: number, w1: number, w2: number, w3: number): number {
  let h = Math.imul(w3 ^ kind, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ w2, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13) ^ w1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16) ^ w0, 0x27d4eb2f);
  return h ^ (h >>> 15);
}

function sameWords(a: Words, w0: number, w1: number, w2: number, w3: number): boolean {
  return a[0] === w0 && a[1] === w1 && a[2] === w2 && a[3] === w3;
}
