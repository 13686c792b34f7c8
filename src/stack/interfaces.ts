// Interfaces of a stack: a link each, its MAC address, our addresses and the groups we have joined, and who owns what.
// Called by every file of this floor (isLocal and joined for each packet); calls the link and core only.
//
// Few and long-lived, so plain objects. What each packet asks for is an open-addressing table beside them, made anew
// whenever an address or a group comes or goes:
//
//   slot: [interface (0: free) | kind | w0 | w1 | w2 | w3]   kind: one of our usable addresses, or a group

import { parseMac } from '../base/address.ts';
import { EADDRNOTAVAIL, EEXIST, EINVAL, ENOMEM } from '../base/errno.ts';
import type { Link } from '../base/link.ts';
import { isIp4, isLoopback, isMulticast, type Words } from './address-kinds.ts';
import type { Core } from './core.ts';
import { type AddressOrigin, type AddressState, Interface, type InterfaceAddress } from './interface.ts';

/** Most addresses of one interface. Those that routers bring about are bounded by autoconf, far below. */
export const MAX_ADDRESSES = 4096;

const SLOT = 6;
const KIND_LOCAL = 1;
const KIND_GROUP = 2;

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
