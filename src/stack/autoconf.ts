// Addresses come and go here: static ones with their check for uniqueness, IPv6's link-local one, and what routers
// bring about.
// Called by the stack (configuration, time) and by ndp and arp (through dad and routers); calls dad, slaac, routers,
// routes, interfaces.

import { EEXIST } from '../base/errno.ts';
import { SipHash } from '../base/siphash.ts';
import { isLinkLocal } from './address-kinds.ts';
import type { Core } from './core.ts';
import { Dad } from './dad.ts';
import type { IidKind } from './iid.ts';
import type { Interfaces } from './interfaces.ts';
import type { Neighbours } from './neighbours.ts';
import { Routers } from './routers.ts';
import type { Routes } from './routes.ts';
import { type Ip6Config, Slaac } from './slaac.ts';

/** How IPv6 is started on an interface. */
export interface Ip6Options {
  /** How identifiers are made; 'stable' (RFC 7217) by default. */
  readonly iid?: IidKind | undefined;
  /**
   * Four random words that key stable identifiers. The stack's own secret by default: addresses then change with every
   * start.
   */
  readonly iidSecret?: Int32Array | undefined;
  /** Ask for routers and believe them: default routes, prefixes, parameters. True by default. */
  readonly routers?: boolean | undefined;
  /** Make addresses from the prefixes that routers advertise. True by default, where routers are believed. */
  readonly slaac?: boolean | undefined;
}

export class Autoconf {
  readonly dad: Dad;
  readonly routers: Routers;
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #routes: Routes;
  readonly #slaac: Slaac;
  readonly #configs: Ip6Config[] = [];

  constructor(core: Core, interfaces: Interfaces, neighbours: Neighbours, routes: Routes) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#routes = routes;
    this.dad = new Dad(core, interfaces);
    this.#slaac = new Slaac(core, interfaces, this.dad);
    this.routers = new Routers(core, interfaces, neighbours, routes, this.#slaac);
  }

  /**
   * Gives an interface an address of one's own choosing, IPv4 or IPv6, after checking that nobody on the link has it:
   * until then, and for ever if somebody has, it is not used (see its state). `prefix` of 128. 0 or -errno as
   * interfaces.addAddress.
   */
  addAddress(iface: number, w0: number, w1: number, w2: number, w3: number, prefix: number): number {
    const result = this.#interfaces.addAddress(iface, w0, w1, w2, w3, prefix, 'static', 'tentative');
    if (result !== 0) return result;
    const f = this.#interfaces.get(iface);
    this.dad.start(f, f.address(w0, w1, w2, w3)!, false);
    return 0;
  }

  /** Takes an address away: 0 or -EADDRNOTAVAIL. */
  removeAddress(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    return this.#interfaces.removeAddress(iface, w0, w1, w2, w3);
  }

  /** Addresses of an interface (0: of all) whose check is still going on. */
  tentative(iface: number): number {
    let n = 0;
    for (const f of this.#interfaces.list) {
      if (f === null || (iface !== 0 && f.index !== iface)) continue;
      for (const a of f.addresses) if (a.state === 'tentative') n++;
    }
    return n;
  }

  /**
   * Starts IPv6 on an interface: a link-local address and, unless told otherwise, router discovery and SLAAC. 0, or
   * -EEXIST: it was.
   */
  ip6Enable(iface: number, o: Ip6Options = {}): number {
    if (this.config(iface) !== undefined) return -EEXIST;
    const routers = o.routers ?? true;
    const config: Ip6Config = {
      iface: this.#interfaces.get(iface),
      iid: o.iid ?? 'stable',
      hash: o.iidSecret === undefined ? this.#core.sip : new SipHash(o.iidSecret),
      routers,
      slaac: routers && (o.slaac ?? true),
      solicitations: routers ? -1 : 0,
      solicitAt: Infinity,
    };
    this.#configs.push(config);
    const result = this.#slaac.linkLocal(config, 0);
    this.#discover();
    return result;
  }

  /** How IPv6 was started on an interface, if it was. */
  config(iface: number): Ip6Config | undefined {
    return this.#configs.find((c) => c.iface.index === iface);
  }

  /** Does what is due: probes, announcements, lifetimes of addresses and routes, router solicitations. */
  tick(): void {
    this.dad.tick();
    for (let f = this.dad.failed.pop(); f !== undefined; f = this.dad.failed.pop())
      this.#duplicate(f.iface.index, f.address);
    this.#slaac.tick();
    this.#routes.tick();
    this.#discover();
    this.routers.tick(this.#configs);
  }

  /** When tick() has something to do (us), or Infinity. */
  pollAt(): number {
    if (this.dad.failed.length > 0) return 0;
    return Math.min(this.dad.pollAt(), this.#slaac.pollAt(), this.#routes.pollAt(), this.routers.pollAt());
  }

  /** Once a link-local address is usable, routers are asked for. */
  #discover(): void {
    for (const config of this.#configs) {
      if (config.solicitations !== -1) continue;
      if (config.iface.addresses.some((a) => isLinkLocal(a.w0) && a.state === 'preferred')) this.routers.start(config);
    }
  }

  /**
   * RFC 4862 section 5.4.5: another identifier where we chose it; without any link-local address IPv6 ends on the
   * interface.
   */
  #duplicate(iface: number, a: Parameters<Slaac['retry']>[1]): void {
    const config = this.config(iface);
    if (config === undefined || a.origin === 'static') return;
    if (!this.#slaac.retry(config, a) && a.origin === 'linklocal') config.iface.ip6 = false;
  }
}
