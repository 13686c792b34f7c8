// What a host learns from routers: default routers, prefixes on the link, the link's parameters, redirects (RFC 4861
// sections 6.3 and 8.3). Called by ndp (messages) and autoconf (time); calls routes, neighbours, slaac and solicit.
//
// Default Router List, Prefix List and the redirects of the Destination Cache are routes with lifetimes; so next-hop
// determination is the route table's, and router selection too. All of it is bounded, whatever is advertised.

import { ip6DstIsMulticast, ip6Src } from '../wire/ip6.ts';
import {
  ndpRaFlags,
  ndpRaHopLimit,
  ndpRaLifetime,
  ndpRaReachableTime,
  ndpRaRetransTimer,
  ndpRedirectDestination,
  ndpTarget,
} from '../wire/ndp.ts';
import {
  NDP_PREFIX_AUTONOMOUS,
  NDP_PREFIX_ON_LINK,
  type NdpOptions,
  ndpLinkHi,
  ndpLinkLo,
  ndpPrefix,
  ndpPrefixFlags,
  ndpPrefixLength,
  ndpPrefixPreferred,
  ndpPrefixValid,
} from '../wire/ndp-options.ts';
import { isIp4, isLinkLocal, isMulticast, type Words } from './address-kinds.ts';
import type { Core } from './core.ts';
import type { Interface } from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import type { Neighbours } from './neighbours.ts';
import type { Packet } from './packet.ts';
import { ROUTE_PREFIX, ROUTE_REDIRECT, ROUTE_ROUTER, type RouteSpec } from './route-table.ts';
import type { Routes } from './routes.ts';
import type { Ip6Config, Slaac } from './slaac.ts';
import { sendRs } from './solicit.ts';

/** Bounds of what advertisements and redirects leave behind: the first two on each interface. */
export const MAX_ROUTERS = 8;
export const MAX_PREFIXES = 16;
export const MAX_REDIRECTS = 64;

const SECOND = 1_000_000;
/** A redirect has no lifetime of its own; the better first hop is learned again before long. */
const REDIRECT_LIFETIME: number = 1800 * SECOND;
/**
 * Least of the timers that a router may set: it shall not make us flood the link. Most: one hour (RFC 4861 section
 * 6.2.1).
 */
const MIN_RETRANSMIT = 250_000;
const MIN_REACHABLE = 1 * SECOND;
const MAX_TIMER: number = 3600 * SECOND;
/**
 * Questions are not further apart than this, or one advertisement would keep packets waiting for a silent neighbour for
 * hours.
 */
const MAX_RETRANSMIT: number = 10 * SECOND;
/** Metric of a router of medium preference (RFC 4191 section 2.2); a configured route has a lower one. */
const METRIC_MEDIUM = 1024;
const METRIC_HIGH = 512;
const METRIC_LOW = 2048;
/** The least MTU that IPv6 allows (RFC 8200 section 5). */
const MIN_MTU = 1280;

export class Routers {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #neighbours: Neighbours;
  readonly #routes: Routes;
  readonly #slaac: Slaac;
  #next = Infinity;

  constructor(core: Core, interfaces: Interfaces, neighbours: Neighbours, routes: Routes, slaac: Slaac) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#neighbours = neighbours;
    this.#routes = routes;
    this.#slaac = slaac;
  }

  /** A valid router advertisement at p.l4 (RFC 4861 section 6.3.4). */
  advertisement(config: Ip6Config, p: Packet, options: NdpOptions): void {
    const b = this.#core.u8;
    const { iface } = config;
    const from: Words = [ip6Src(b, p.l3, 0), ip6Src(b, p.l3, 1), ip6Src(b, p.l3, 2), ip6Src(b, p.l3, 3)];
    this.#defaultRouter(config, from, ndpRaLifetime(b, p.l4), ndpRaFlags(b, p.l4));
    const hopLimit = ndpRaHopLimit(b, p.l4);
    if (hopLimit !== 0) iface.hopLimit = hopLimit;
    this.#timers(iface, ndpRaReachableTime(b, p.l4), ndpRaRetransTimer(b, p.l4));
    // A negative value is 2^31 and more: beyond any link.
    if (options.mtu >= MIN_MTU && options.mtu <= iface.link.caps.mtu && options.mtu !== iface.mtu6) {
      iface.mtu6 = options.mtu;
      this.#routes.touch();
    }
    this.#heard(iface, from, options.sourceLinkAddress, true);
    const multicast = ip6DstIsMulticast(b, p.l3);
    for (let i = 0; i < options.prefixCount; i++) this.#prefix(config, options.prefixes[i]!, multicast);
  }

  /**
   * A valid redirect at p.l4, its target option in `options`. Believed only from the router to which packets to that
   * destination go now (RFC 4861 section 8.1).
   */
  redirect(iface: Interface, p: Packet, options: NdpOptions): boolean {
    const b = this.#core.u8;
    const from: Words = [ip6Src(b, p.l3, 0), ip6Src(b, p.l3, 1), ip6Src(b, p.l3, 2), ip6Src(b, p.l3, 3)];
    const target: Words = [ndpTarget(b, p.l4, 0), ndpTarget(b, p.l4, 1), ndpTarget(b, p.l4, 2), ndpTarget(b, p.l4, 3)];
    const w0 = ndpRedirectDestination(b, p.l4, 0);
    const w1 = ndpRedirectDestination(b, p.l4, 1);
    const w2 = ndpRedirectDestination(b, p.l4, 2);
    const w3 = ndpRedirectDestination(b, p.l4, 3);
    if (isMulticast(w0, w1, w2, w3) || isIp4(w0, w1, w2) || isLinkLocal(w0)) return false;
    if (this.#interfaces.isLocal(0, w0, w1, w2, w3) || this.#interfaces.isLocal(iface.index, ...target)) return false;
    const routes = this.#routes;
    if (!routes.isFirstHop(iface.index, w0, w1, w2, w3, from)) return false;
    const onLink = target[0] === w0 && target[1] === w1 && target[2] === w2 && target[3] === w3;
    const { table } = routes;
    const before = table.findRedirect(iface.index, w0, w1, w2, w3);
    if (before !== 0) table.drop(before);
    if (table.countOf(ROUTE_REDIRECT, 0) >= MAX_REDIRECTS) table.drop(table.firstToExpire(ROUTE_REDIRECT));
    const spec = { w0, w1, w2, w3, prefix: 128, via: onLink ? null : target, iface: iface.index };
    table.put(spec, ROUTE_REDIRECT, this.#core.now.us + REDIRECT_LIFETIME);
    // Section 8.3: a target other than the destination is a router.
    this.#heard(iface, target, options.targetLinkAddress, !onLink);
    return true;
  }

  /** A neighbour has ceased to be a router (RFC 4861 section 7.2.5): nothing is sent through it any more. */
  lost(iface: number, w0: number, w1: number, w2: number, w3: number): void {
    this.#routes.table.dropAll(ROUTE_ROUTER, iface, [w0, w1, w2, w3]);
    this.#routes.table.dropAll(ROUTE_REDIRECT, iface, [w0, w1, w2, w3]);
  }

  /**
   * Begins to ask for routers: at once, for the address from which it is asked has waited its random time before its
   * own probe (RFC 4861 section 6.3.7).
   */
  start(config: Ip6Config): void {
    config.solicitations = this.#core.settings.routerSolicitations;
    if (config.solicitations === 0) return;
    config.solicitAt = this.#core.now.us;
    this.#next = Math.min(this.#next, config.solicitAt);
  }

  /** Sends the router solicitations that are due. */
  tick(configs: readonly Ip6Config[]): void {
    const now = this.#core.now.us;
    if (now < this.#next) return;
    this.#next = Infinity;
    for (const config of configs) {
      if (config.solicitations > 0 && config.solicitAt <= now) {
        config.solicitations--;
        config.solicitAt = now + this.#core.settings.routerSolicitationInterval;
        sendRs(this.#core, config.iface);
      }
      if (config.solicitations > 0) this.#next = Math.min(this.#next, config.solicitAt);
    }
  }

  /** When tick() has something to do (us), or Infinity. */
  pollAt(): number {
    return this.#next;
  }

  /**
   * `lifetime` in seconds; 0 ends it at once. Preference: the Prf bits of RFC 4191 section 2.1, of which 10 means 00.
   */
  #defaultRouter(config: Ip6Config, via: Words, lifetime: number, flags: number): void {
    const { table } = this.#routes;
    const prf = (flags >> 3) & 3;
    const metric = prf === 1 ? METRIC_HIGH : prf === 3 ? METRIC_LOW : METRIC_MEDIUM;
    const spec: RouteSpec = { w0: 0, w1: 0, w2: 0, w3: 0, prefix: 0, via, iface: config.iface.index, metric };
    const row = table.find(spec, ROUTE_ROUTER);
    if (lifetime === 0) {
      if (row !== 0) this.lost(config.iface.index, ...via);
      return;
    }
    // An advertisement of a router ends the asking (section 6.3.7).
    config.solicitations = 0;
    const expires = this.#core.now.us + lifetime * SECOND;
    if (row !== 0 && table.metric(row) === metric) {
      table.setExpires(row, expires);
      return;
    }
    if (row !== 0) table.drop(row);
    else if (table.countOf(ROUTE_ROUTER, config.iface.index) >= MAX_ROUTERS) return;
    table.put(spec, ROUTE_ROUTER, expires);
  }

  /** Milliseconds as advertised; 0 leaves things as they are. */
  #timers(iface: Interface, reachable: number, retransmit: number): void {
    if (reachable !== 0) {
      const base = Math.min(Math.max((reachable >>> 0) * 1000, MIN_REACHABLE), MAX_TIMER);
      if (base !== iface.baseReachable) {
        iface.baseReachable = base;
        iface.reachable = base;
        iface.reachableRedraw = 0;
      }
    }
    if (retransmit !== 0) {
      iface.retransmit = Math.min(Math.max((retransmit >>> 0) * 1000, MIN_RETRANSMIT), MAX_RETRANSMIT);
    }
  }

  /**
   * A prefix option at `o`: for the Prefix List (section 6.3.4), and for an address of ours (RFC 4862 section 5.5.3).
   */
  #prefix(config: Ip6Config, o: number, multicast: boolean): void {
    const b = this.#core.u8;
    const w0 = ndpPrefix(b, o, 0);
    const w1 = ndpPrefix(b, o, 1);
    const w2 = ndpPrefix(b, o, 2);
    const w3 = ndpPrefix(b, o, 3);
    const prefix = ndpPrefixLength(b, o);
    const flags = ndpPrefixFlags(b, o);
    // The link-local prefix is ignored; what is no prefix of unicast IPv6 addresses is, too.
    if (prefix === 0 || prefix > 128 || isLinkLocal(w0) || isMulticast(w0, w1, w2, w3) || (w0 | w1) === 0) return;
    const now = this.#core.now.us;
    const valid = lifetime(ndpPrefixValid(b, o));
    if ((flags & NDP_PREFIX_ON_LINK) !== 0) {
      const { table } = this.#routes;
      const spec: RouteSpec = { w0, w1, w2, w3, prefix, iface: config.iface.index };
      const row = table.find(spec, ROUTE_PREFIX);
      if (row !== 0 && valid === 0) table.drop(row);
      else if (row !== 0) table.setExpires(row, now + valid);
      else if (valid !== 0 && table.countOf(ROUTE_PREFIX, config.iface.index) < MAX_PREFIXES) {
        table.put(spec, ROUTE_PREFIX, now + valid);
      }
    }
    if ((flags & NDP_PREFIX_AUTONOMOUS) !== 0 && config.slaac) {
      this.#slaac.prefix(config, w0, w1, prefix, valid, lifetime(ndpPrefixPreferred(b, o)), multicast);
    }
  }

  /**
   * Records a link-layer address that came with a message (`at`: its place in the packet, or -1), and that its owner is
   * a router.
   */
  #heard(iface: Interface, w: Words, at: number, router: boolean): void {
    const b = this.#core.u8;
    const entry =
      at >= 0 && iface.ethernet
        ? this.#neighbours.hear(iface.index, ...w, ndpLinkHi(b, at), ndpLinkLo(b, at), true, false)
        : this.#neighbours.lookup(iface.index, ...w);
    if (entry !== 0 && router) this.#neighbours.setRouter(entry, true);
  }
}

/** Seconds as advertised (all ones: for ever) in microseconds. */
function lifetime(seconds: number): number {
  return seconds === -1 ? Infinity : (seconds >>> 0) * SECOND;
}
