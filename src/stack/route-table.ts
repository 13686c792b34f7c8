// The route table as data: rows of the arena, and the order in which they are tried. Configured routes, the subnets of
// our addresses, and what routers say (default routers, prefixes on the link, redirects) with its lifetimes.
// Called by routes (look-ups, configuration) and routers; calls interfaces (the epoch that every change raises).
//
//   order: [row | row | ...]   by prefix length, longest first, then by metric

import { prefixMask } from '../base/address.ts';
import { EEXIST, EINVAL, ENOMEM } from '../base/errno.ts';
import { Rows } from '../base/rows.ts';
import { isIp4, isMulticast, samePrefix, type Words } from './address-kinds.ts';
import type { Core } from './core.ts';
import type { Interfaces } from './interfaces.ts';

/** Where a route comes from: configured, the subnet of an address of ours, or from routers (RFC 4861). */
export const ROUTE_STATIC = 0;
export const ROUTE_CONNECTED = 1;
export const ROUTE_PREFIX = 2;
export const ROUTE_ROUTER = 3;
export const ROUTE_REDIRECT = 4;
const ORIGINS = ['static', 'connected', 'prefix', 'router', 'redirect'] as const;

/**
 * `w0..w3`/`prefix` (of 128; an IPv4 prefix + 96) by `iface`, through the router `via` unless the subnet is on the
 * link.
 */
export interface RouteSpec {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  readonly prefix: number;
  readonly via?: Words | null | undefined;
  /** Interface index; 0 with `via`: the one to whose subnet the router belongs. */
  readonly iface: number;
  /** Largest packet on this route, or 0: the interface's. */
  readonly mtu?: number | undefined;
  /** With `mtu`: packets are never larger, whatever routers say, and go without DF. */
  readonly mtuLock?: boolean | undefined;
  /** TCP: largest MSS to advertise and to send; 0: what the MTU allows. */
  readonly advmss?: number | undefined;
  /** TCP: initial congestion window, segments; 0: the stack's. */
  readonly initcwnd?: number | undefined;
  /** Lower wins among equal prefixes. */
  readonly metric?: number | undefined;
}

/** A route as list() shows it. `expires` is monotonic microseconds, or Infinity. */
export interface Route extends RouteSpec {
  readonly via: Words | null;
  readonly origin: (typeof ORIGINS)[number];
  readonly expires: number;
}

// Int32 cells of a row, after the two of Rows; prefix and router are four words each. EXPIRES is a float64 cell.
export const PREFIX = 2;
export const BITS = 6;
export const IFACE = 7;
export const HAS_VIA = 8;
export const VIA = 9;
export const MTU = 13;
export const METRIC = 14;
export const ORIGIN = 15;
const EXPIRES = 8;
export const MTU_LOCK = 18;
export const ADVMSS = 19;
export const INITCWND = 20;
const ROW_BYTES = 88;
/** Room for the subnets of our own addresses and for what routers say, beside the configured routes. */
const EXTRA_ROWS = 384;

export class RouteTable {
  /** Routes in the table. */
  count = 0;
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #rows: Rows;
  readonly #i32: Int32Array;
  readonly #order: number;
  #next = Infinity;

  constructor(core: Core, interfaces: Interfaces) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#rows = new Rows(core.arena, 'routes', core.settings.routes + EXTRA_ROWS, ROW_BYTES);
    this.#i32 = core.i32;
    this.#order = core.arena.region('routes.order', this.#rows.count * 4) >> 2;
  }

  /** The row tried as number `i` (0..count - 1). */
  at(i: number): number {
    return this.#i32[this.#order + i]!;
  }

  /** Index of a row's first int32 cell. */
  cell(row: number): number {
    return this.#rows.cell(row);
  }

  /**
   * Adds a route until `expires` (us). Host bits of the prefix are cleared. 0; -EINVAL for what makes no route, -EEXIST
   * for one of the same origin, prefix, interface and router, -ENOMEM.
   */
  put(route: RouteSpec, origin: number, expires: number): number {
    const { w0, w1, w2, prefix, iface } = route;
    const via = route.via ?? null;
    const four = isIp4(w0, w1, w2);
    if (!(prefix >= 0 && prefix <= 128) || (four && prefix < 96)) return -EINVAL;
    if (iface <= 0 || iface >= this.#interfaces.list.length) return -EINVAL;
    if (via !== null && (isIp4(via[0], via[1], via[2]) !== four || isMulticast(...via) || via[3] === 0)) return -EINVAL;
    if (this.find(route, origin) !== 0) return -EEXIST;
    if (origin === ROUTE_STATIC && this.countOf(ROUTE_STATIC, 0) >= this.#core.settings.routes) return -ENOMEM;
    const row = this.#rows.alloc();
    if (row === 0) return -ENOMEM;
    this.#write(row, route, via, origin);
    this.setExpires(row, expires);
    this.#interfaces.epoch++;
    return 0;
  }

  /** The row of the route with this origin, prefix, interface and router, or 0. */
  find(route: RouteSpec, origin: number): number {
    const i32 = this.#i32;
    const via = route.via ?? null;
    for (let i = 0; i < this.count; i++) {
      const row = this.at(i);
      const c = this.#rows.cell(row);
      if (i32[c + ORIGIN] !== origin || i32[c + BITS] !== route.prefix || i32[c + IFACE] !== route.iface) continue;
      if (!this.matches(c, route.w0, route.w1, route.w2, route.w3)) continue;
      if (via === null ? i32[c + HAS_VIA] === 0 : this.viaIs(c, via)) return row;
    }
    return 0;
  }

  /** The row of a redirect for this destination on `iface`, whatever its router, or 0. */
  findRedirect(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    for (let i = 0; i < this.count; i++) {
      const row = this.at(i);
      const c = this.#rows.cell(row);
      if (this.#i32[c + ORIGIN] !== ROUTE_REDIRECT || this.#i32[c + IFACE] !== iface) continue;
      if (this.matches(c, w0, w1, w2, w3)) return row;
    }
    return 0;
  }

  /** How many routes of an origin there are on `iface` (0: on all). */
  countOf(origin: number, iface: number): number {
    let n = 0;
    for (let i = 0; i < this.count; i++) {
      const c = this.#rows.cell(this.at(i));
      if (this.#i32[c + ORIGIN] === origin && (iface === 0 || this.#i32[c + IFACE] === iface)) n++;
    }
    return n;
  }

  metric(row: number): number {
    return this.#i32[this.#rows.cell(row) + METRIC]!;
  }

  /** Another lifetime for a route. */
  setExpires(row: number, expires: number): void {
    this.#core.f64[(this.#rows.cell(row) >> 1) + EXPIRES] = expires;
    if (expires < this.#next) this.#next = expires;
  }

  /** Removes a row. */
  drop(row: number): void {
    const i32 = this.#i32;
    let at = 0;
    while (this.at(at) !== row) at++;
    this.count--;
    for (; at < this.count; at++) i32[this.#order + at] = i32[this.#order + at + 1]!;
    this.#rows.free(row);
    this.#interfaces.epoch++;
  }

  /** Removes the routes of one origin on `iface` (0: on all), and with `via` only those through this router. */
  dropAll(origin: number, iface: number, via: Words | null): void {
    for (let i = this.count - 1; i >= 0; i--) {
      const row = this.at(i);
      const c = this.#rows.cell(row);
      if (this.#i32[c + ORIGIN] !== origin || (iface !== 0 && this.#i32[c + IFACE] !== iface)) continue;
      if (via === null || this.viaIs(c, via)) this.drop(row);
    }
  }

  /** The route of `origin` that expires first, or 0: what a full list gives up. */
  firstToExpire(origin: number): number {
    let best = 0;
    let bestAt = Infinity;
    for (let i = 0; i < this.count; i++) {
      const row = this.at(i);
      const c = this.#rows.cell(row);
      const expires = this.#core.f64[(c >> 1) + EXPIRES]!;
      if (this.#i32[c + ORIGIN] !== origin || (best !== 0 && expires >= bestAt)) continue;
      best = row;
      bestAt = expires;
    }
    return best;
  }

  /** Whether an address lies in the prefix of the route at cell `c`. */
  matches(c: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const i32 = this.#i32;
    const p0 = i32[c + PREFIX]!;
    const p1 = i32[c + PREFIX + 1]!;
    const p2 = i32[c + PREFIX + 2]!;
    // IPv4 lives in ::ffff:0:0/96: an IPv6 route above it is not meant.
    if (isIp4(w0, w1, w2) && !isIp4(p0, p1, p2)) return false;
    return samePrefix(p0, p1, p2, i32[c + PREFIX + 3]!, w0, w1, w2, w3, i32[c + BITS]!);
  }

  /** Whether the route at cell `c` leads through this router. */
  viaIs(c: number, via: Words): boolean {
    const i32 = this.#i32;
    const v = c + VIA;
    if (i32[c + HAS_VIA] === 0) return false;
    return i32[v + 3] === via[3] && i32[v] === via[0] && i32[v + 1] === via[1] && i32[v + 2] === via[2];
  }

  /** All routes in the order in which they are tried, for people. */
  list(): Route[] {
    const i32 = this.#i32;
    const out: Route[] = [];
    for (let i = 0; i < this.count; i++) {
      const c = this.#rows.cell(this.at(i));
      const v = c + VIA;
      out.push({
        w0: i32[c + PREFIX]!,
        w1: i32[c + PREFIX + 1]!,
        w2: i32[c + PREFIX + 2]!,
        w3: i32[c + PREFIX + 3]!,
        prefix: i32[c + BITS]!,
        via: i32[c + HAS_VIA] === 0 ? null : [i32[v]!, i32[v + 1]!, i32[v + 2]!, i32[v + 3]!],
        iface: i32[c + IFACE]!,
        mtu: i32[c + MTU]!,
        mtuLock: i32[c + MTU_LOCK] === 1,
        advmss: i32[c + ADVMSS]!,
        initcwnd: i32[c + INITCWND]!,
        metric: i32[c + METRIC]!,
        origin: ORIGINS[i32[c + ORIGIN]!]!,
        expires: this.#core.f64[(c >> 1) + EXPIRES]!,
      });
    }
    return out;
  }

  /** Removes what has expired. */
  tick(): void {
    const now = this.#core.now.us;
    if (now < this.#next) return;
    let next = Infinity;
    for (let i = this.count - 1; i >= 0; i--) {
      const row = this.at(i);
      const expires = this.#core.f64[(this.#rows.cell(row) >> 1) + EXPIRES]!;
      if (expires <= now) this.drop(row);
      else if (expires < next) next = expires;
    }
    this.#next = next;
  }

  /** When tick() has something to do (us), or Infinity; maybe early. */
  pollAt(): number {
    return this.#next;
  }

  #write(row: number, route: RouteSpec, via: Words | null, origin: number): void {
    const i32 = this.#i32;
    const c = this.#rows.cell(row);
    const { prefix } = route;
    const metric = route.metric ?? 0;
    i32[c + PREFIX] = route.w0 & prefixMask(prefix, 0);
    i32[c + PREFIX + 1] = route.w1 & prefixMask(prefix, 1);
    i32[c + PREFIX + 2] = route.w2 & prefixMask(prefix, 2);
    i32[c + PREFIX + 3] = route.w3 & prefixMask(prefix, 3);
    i32[c + BITS] = prefix;
    i32[c + IFACE] = route.iface;
    i32[c + HAS_VIA] = via === null ? 0 : 1;
    if (via !== null) i32.set(via, c + VIA);
    i32[c + MTU] = route.mtu ?? 0;
    i32[c + MTU_LOCK] = route.mtuLock && route.mtu ? 1 : 0;
    i32[c + ADVMSS] = route.advmss ?? 0;
    i32[c + INITCWND] = route.initcwnd ?? 0;
    i32[c + METRIC] = metric;
    i32[c + ORIGIN] = origin;
    let at = this.count++;
    for (; at > 0; at--) {
      const p = this.#rows.cell(this.at(at - 1));
      if (i32[p + BITS]! > prefix || (i32[p + BITS] === prefix && i32[p + METRIC]! <= metric)) break;
      i32[this.#order + at] = i32[this.#order + at - 1]!;
    }
    i32[this.#order + at] = row;
  }
}
