// The choice of a way out: route, interface, next hop, source address, MTU.
// Called by tcp, udp and icmp (findWay), by arp and routers, and by whoever configures; calls route-table, interfaces,
// neighbours.
//
// The subnets of our addresses are routes as well, made anew when addresses have changed. Look-ups happen when a way is
// made, not for each packet: users keep a way until `epoch` has changed.

import { EADDRNOTAVAIL, EHOSTUNREACH, ENETUNREACH } from '../base/errno.ts';
import { isIp4, isLinkLocal, isLoopback, isMulticast, type Words } from './address-kinds.ts';
import type { Core } from './core.ts';
import type { Interface } from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import { NEIGHBOUR_FAILED, NEIGHBOUR_INCOMPLETE, NEIGHBOUR_NONE } from './neighbour-table.ts';
import type { Neighbours } from './neighbours.ts';
import {
  ADVMSS,
  BITS,
  HAS_VIA,
  IFACE,
  INITCWND,
  METRIC,
  MTU,
  MTU_LOCK,
  ORIGIN,
  PREFIX,
  ROUTE_CONNECTED,
  ROUTE_REDIRECT,
  ROUTE_STATIC,
  type Route,
  type RouteSpec,
  RouteTable,
  VIA,
} from './route-table.ts';
import { chooseSource4, chooseSource6 } from './source-choice.ts';
import type { Way } from './way.ts';

/** Steps of #cost: far above any metric that fits an int32. */
const OTHER_INTERFACE_COST = 2 ** 33;
const FAILED_COST = 2 ** 34;

/** What routes ask of the path MTU cache: the MTU of the path to a destination in bytes, or 0 if nothing is known. */
export interface PathMtus {
  get(w0: number, w1: number, w2: number, w3: number): number;
}

export class Routes {
  /** Set by the stack; without it paths have the MTU of their first link. */
  pathMtus: PathMtus | null = null;
  /** The table itself: for routers.ts, which keeps what routers say in it. */
  readonly table: RouteTable;
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #neighbours: Neighbours;
  readonly #i32: Int32Array;
  #synced = 0;

  constructor(core: Core, interfaces: Interfaces, neighbours: Neighbours) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#neighbours = neighbours;
    this.#i32 = core.i32;
    this.table = new RouteTable(core, interfaces);
  }

  /** Raised at every change of routes, addresses, interfaces and gateways: cached ways are stale then. */
  get epoch(): number {
    return this.#interfaces.epoch;
  }

  /** Says that every way is to be found anew (path-mtu: the MTU of a path has changed). */
  touch(): void {
    this.#interfaces.epoch++;
  }

  /** Adds a configured route: 0; -EINVAL, -EEXIST (the same prefix, router and interface), -ENOMEM. */
  add(route: RouteSpec): number {
    const via = route.via ?? null;
    let iface = route.iface;
    if (iface === 0 && via !== null) {
      this.#sync();
      const row = this.#lookup(0, via[0], via[1], via[2], via[3], 0);
      const c = this.table.cell(row);
      if (row !== 0 && this.#i32[c + HAS_VIA] === 0) iface = this.#i32[c + IFACE]!;
    }
    return this.table.put({ ...route, iface }, ROUTE_STATIC, Infinity);
  }

  /** Takes a configured route away: 0, or -EADDRNOTAVAIL if there is none with this prefix, router and interface. */
  remove(route: RouteSpec): number {
    const row = this.table.find(route, ROUTE_STATIC);
    if (row === 0) return -EADDRNOTAVAIL;
    this.table.drop(row);
    return 0;
  }

  /** All routes in the order in which they are tried, for people. */
  list(): Route[] {
    this.#sync();
    return this.table.list();
  }

  /** Removes what has expired. */
  tick(): void {
    this.table.tick();
  }

  /** When tick() has something to do (us), or Infinity; maybe early. */
  pollAt(): number {
    return this.table.pollAt();
  }

  /**
   * Finds the way to way.dst: in, besides it, way.src (all zero: choose one) and way.iface (0: any). Fills iface,
   * neighbour (created if need be, not yet resolved; 0 where none is needed), version, mtu, hopLimit, src. Whoever asks
   * again with the same registers sets src and iface back first.
   *
   * 0; -ENETUNREACH: no route, or a link-local destination without interface; -EADDRNOTAVAIL: the source is not ours,
   * or we have none; -EHOSTUNREACH: one of our own addresses without a loopback interface, or no room for another
   * neighbour.
   */
  findWay(way: Way): number {
    const four = isIp4(way.dst0, way.dst1, way.dst2);
    way.version = four ? 4 : 6;
    way.neighbour = 0;
    way.advMss = 0;
    way.initCwnd = 0;
    // 0.0.0.0/8, 240.0.0.0/4 (but for the broadcast address) and :: are no destinations (RFC 6890 section 2.2).
    if (four && (way.dst3 >>> 24 === 0 || (way.dst3 >>> 28 === 15 && way.dst3 !== -1))) return -ENETUNREACH;
    if ((way.dst0 | way.dst1 | way.dst2 | way.dst3) === 0) return -ENETUNREACH;
    const given = way.src3 !== 0 || !(isIp4(way.src0, way.src1, way.src2) || (way.src0 | way.src1 | way.src2) === 0);
    let srcOwner = 0;
    if (given) {
      if (isIp4(way.src0, way.src1, way.src2) !== four) return -EADDRNOTAVAIL;
      // A link-local source says by which interface; any other one may leave by another than its own (RFC 1122 section
      // 3.3.4.2, weak).
      srcOwner = this.#interfaces.owner(way.iface, way.src0, way.src1, way.src2, way.src3);
      if (srcOwner === 0) srcOwner = this.#interfaces.owner(0, way.src0, way.src1, way.src2, way.src3);
      if (srcOwner === 0) return -EADDRNOTAVAIL;
      if (isLinkLocal(way.src0)) {
        if (way.iface === 0) way.iface = srcOwner;
        else if (way.iface !== srcOwner) return -EADDRNOTAVAIL;
      }
    }
    if (isMulticast(way.dst0, way.dst1, way.dst2, way.dst3) || (four && way.dst3 === -1)) {
      return this.#groupWay(way, given, srcOwner);
    }
    if (this.#interfaces.isLocal(way.iface, way.dst0, way.dst1, way.dst2, way.dst3)) return this.#localWay(way, given);
    if (!four && isLinkLocal(way.dst0) && way.iface === 0 && (way.iface = this.#onlyIp6()) === 0) return -ENETUNREACH;
    this.#sync();
    const row = this.#lookup(way.iface, way.dst0, way.dst1, way.dst2, way.dst3, srcOwner);
    if (row === 0) return -ENETUNREACH;
    return this.#complete(way, row, given);
  }

  /**
   * Whether packets to dst would now go to the router `from` by `iface`: what a redirect must come from to be believed
   * (RFC 4861 section 8.1, RFC 1122 section 3.2.2.2).
   */
  isFirstHop(iface: number, d0: number, d1: number, d2: number, d3: number, from: Words): boolean {
    this.#sync();
    const row = this.#lookup(iface, d0, d1, d2, d3, 0);
    return row !== 0 && this.table.viaIs(this.table.cell(row), from);
  }

  /** Whether an address lies in a subnet on the link of `iface`. */
  onLink(iface: number, w0: number, w1: number, w2: number, w3: number): boolean {
    this.#sync();
    const table = this.table;
    for (let i = 0; i < table.count; i++) {
      const c = table.cell(table.at(i));
      if (this.#i32[c + IFACE] === iface && this.#i32[c + HAS_VIA] === 0 && this.table.matches(c, w0, w1, w2, w3))
        return true;
    }
    return false;
  }

  /** The route is chosen: next hop, source, MTU. */
  #complete(way: Way, row: number, given: boolean): number {
    const i32 = this.#i32;
    const c = this.table.cell(row);
    const iface = this.#interfaces.get(i32[c + IFACE]!);
    const via = i32[c + HAS_VIA] === 1;
    const four = way.version === 4;
    way.iface = iface.index;
    const hop = via ? i32[c + VIA + 3]! : way.dst3;
    if (!given && !this.#chooseSource(way, iface, hop)) return -EADDRNOTAVAIL;
    // Loopback addresses never leave the host (RFC 1122 section 3.2.1.3 (g)).
    if (!iface.loopback && isLoopback(way.src0, way.src1, way.src2, way.src3)) return -EADDRNOTAVAIL;
    this.#setMtu(way, iface, i32[c + MTU]!, i32[c + MTU_LOCK] === 1);
    way.advMss = i32[c + ADVMSS]!;
    way.initCwnd = i32[c + INITCWND]!;
    const broadcast = four && !via && this.#interfaces.isBroadcast(iface.index, way.dst3);
    if (!iface.ethernet || broadcast) return 0;
    way.neighbour = via
      ? this.#neighbours.find(iface.index, i32[c + VIA]!, i32[c + VIA + 1]!, i32[c + VIA + 2]!, hop)
      : this.#neighbours.find(iface.index, way.dst0, way.dst1, way.dst2, way.dst3);
    if (way.neighbour === 0) return -EHOSTUNREACH;
    if (via) this.#neighbours.markGateway(way.neighbour);
    return 0;
  }

  #chooseSource(way: Way, iface: Interface, hop: number): boolean {
    const a =
      way.version === 4
        ? chooseSource4(this.#interfaces, iface, hop)
        : chooseSource6(this.#interfaces, iface, way.dst0, way.dst1, way.dst2, way.dst3);
    if (a === undefined) return false;
    way.src0 = a.w0;
    way.src1 = a.w1;
    way.src2 = a.w2;
    way.src3 = a.w3;
    return true;
  }

  #setMtu(way: Way, iface: Interface, routeMtu: number, lock: boolean): void {
    let mtu = way.version === 4 ? iface.mtu : Math.min(iface.mtu, iface.mtu6);
    if (routeMtu !== 0 && routeMtu < mtu) mtu = routeMtu;
    const path = lock ? 0 : (this.pathMtus?.get(way.dst0, way.dst1, way.dst2, way.dst3) ?? 0);
    way.mtuLock = lock;
    if (path !== 0 && path < mtu) mtu = path;
    way.mtu = mtu;
    way.hopLimit = way.version === 4 ? this.#core.settings.hopLimit : iface.hopLimit;
  }

  /**
   * To an address of our own: over a loopback interface, its owner first (127/8, and a host link's own net), from that
   * same address.
   */
  #localWay(way: Way, given: boolean): number {
    const owner = this.#interfaces.get(this.#interfaces.owner(way.iface, way.dst0, way.dst1, way.dst2, way.dst3));
    const iface = owner.loopback && owner.up ? owner : this.#interfaces.loopback;
    if (iface === null) return -EHOSTUNREACH;
    way.iface = iface.index;
    if (!given) {
      way.src0 = way.dst0;
      way.src1 = way.dst1;
      way.src2 = way.dst2;
      way.src3 = way.dst3;
    }
    this.#setMtu(way, iface, 0, false);
    if (!iface.ethernet) return 0;
    way.neighbour = this.#neighbours.find(iface.index, way.dst0, way.dst1, way.dst2, way.dst3);
    return way.neighbour === 0 ? -EHOSTUNREACH : 0;
  }

  /** To a group or 255.255.255.255: the interface given, the source's, the route's, or the first that can. */
  #groupWay(way: Way, given: boolean, srcOwner: number): number {
    if (way.iface === 0) way.iface = srcOwner;
    if (way.iface === 0) {
      this.#sync();
      const row = this.#lookup(0, way.dst0, way.dst1, way.dst2, way.dst3, 0);
      if (row !== 0) way.iface = this.#i32[this.table.cell(row) + IFACE]!;
    }
    if (way.iface === 0) {
      for (const f of this.#interfaces.list) {
        if (f === null || !f.up || way.iface !== 0) continue;
        if (f.addresses.some((a) => isIp4(a.w0, a.w1, a.w2) === (way.version === 4))) way.iface = f.index;
      }
    }
    if (way.iface === 0) return -ENETUNREACH;
    const iface = this.#interfaces.get(way.iface);
    if (!iface.up) return -ENETUNREACH;
    if (!given && !this.#chooseSource(way, iface, way.dst3)) return -EADDRNOTAVAIL;
    this.#setMtu(way, iface, 0, false);
    return 0;
  }

  /** The only interface on which IPv6 link-local addresses make sense, or 0 if there are none or several. */
  #onlyIp6(): number {
    let only = 0;
    for (const f of this.#interfaces.list) {
      if (f === null || !f.up || !f.addresses.some((a) => isLinkLocal(a.w0))) continue;
      if (only !== 0) return 0;
      only = f.index;
    }
    return only;
  }

  /**
   * The best route to an address: the longest prefix; among equals one whose router has not failed, then one by the
   * source's own interface, then the lowest metric, then a router known to be there (RFC 4861 section 6.3.6). When all
   * routers have failed, the one that failed longest ago is tried again.
   */
  #lookup(iface: number, w0: number, w1: number, w2: number, w3: number, srcOwner: number): number {
    const i32 = this.#i32;
    let best = 0;
    let bestCost = Infinity;
    let bits = -1;
    for (let i = 0; i < this.table.count; i++) {
      const row = this.table.at(i);
      const c = this.table.cell(row);
      if (best !== 0 && i32[c + BITS] !== bits) break;
      if (iface !== 0 && i32[c + IFACE] !== iface) continue;
      if (!this.table.matches(c, w0, w1, w2, w3)) continue;
      const f = this.#interfaces.get(i32[c + IFACE]!);
      if (!f.up || (isLoopback(w0, w1, w2, w3) && !f.loopback)) continue;
      const cost = this.#cost(c, srcOwner);
      // A redirect ends when its router does (RFC 4861 section 7.3.3).
      if (cost >= FAILED_COST && i32[c + ORIGIN] === ROUTE_REDIRECT) {
        this.table.drop(row);
        i--;
        continue;
      }
      if (cost < bestCost) {
        best = row;
        bestCost = cost;
        bits = i32[c + BITS]!;
      }
    }
    return best;
  }

  #cost(c: number, srcOwner: number): number {
    const i32 = this.#i32;
    let cost = i32[c + METRIC]! * 2 + (srcOwner !== 0 && srcOwner !== i32[c + IFACE] ? OTHER_INTERFACE_COST : 0);
    const f = this.#interfaces.get(i32[c + IFACE]!);
    if (!f.ethernet || (i32[c + HAS_VIA] === 0 && i32[c + ORIGIN] !== ROUTE_REDIRECT)) return cost;
    const at = i32[c + HAS_VIA] === 1 ? c + VIA : c + PREFIX;
    const entry = this.#neighbours.lookup(f.index, i32[at]!, i32[at + 1]!, i32[at + 2]!, i32[at + 3]!);
    const state = entry === 0 ? NEIGHBOUR_NONE : this.#neighbours.state(entry);
    if (state === NEIGHBOUR_FAILED) cost += FAILED_COST + this.#neighbours.failedAt(entry) * OTHER_INTERFACE_COST;
    else if (state === NEIGHBOUR_NONE || state === NEIGHBOUR_INCOMPLETE) cost += 1;
    return cost;
  }

  /**
   * Makes the routes to the subnets of our addresses anew if anything has changed. An address that a router's prefix
   * gave us says nothing about what is on the link (RFC 5942 section 4): only the prefix's own flag does.
   */
  #sync(): void {
    if (this.#synced === this.#interfaces.epoch) return;
    // What is made here follows from a change that has raised the epoch already.
    const epoch = this.#interfaces.epoch;
    this.table.dropAll(ROUTE_CONNECTED, 0, null);
    for (const f of this.#interfaces.list) {
      if (f === null) continue;
      for (const a of f.addresses) {
        if (a.origin === 'slaac' || a.prefix === 128 || a.state === 'duplicate') continue;
        this.table.put({ ...a, iface: f.index }, ROUTE_CONNECTED, Infinity);
      }
    }
    this.#interfaces.epoch = epoch;
    this.#synced = epoch;
  }
}
