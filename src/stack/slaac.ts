// Addresses that routers' prefixes bring about, with their lifetimes (RFC 4862 sections 5.5.3 and 5.5.4).
// Called by routers (prefix options) and autoconf (conflicts, time); calls interfaces, dad and iid.

import type { SipHash } from '../base/siphash.ts';
import type { Core } from './core.ts';
import type { Dad } from './dad.ts';
import { IID_RETRIES, Iid, type IidKind } from './iid.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import type { Interfaces } from './interfaces.ts';

/** How IPv6 was started on an interface, and where its router solicitations stand. Made by autoconf.ip6Enable. */
export interface Ip6Config {
  readonly iface: Interface;
  readonly iid: IidKind;
  /** Key of the identifiers: the stack's, or one that outlives the process, so that addresses stay the same. */
  readonly hash: SipHash;
  /** Listen to router advertisements; make addresses from their prefixes. */
  readonly routers: boolean;
  readonly slaac: boolean;
  /** Router solicitations left (-1: not begun), and when the next is due (us). */
  solicitations: number;
  solicitAt: number;
}

/** Addresses that prefixes may bring about on one interface. */
export const MAX_SLAAC_ADDRESSES = 16;
const TWO_HOURS = 7_200_000_000;

export class Slaac {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #dad: Dad;
  readonly #iid: Iid = new Iid();
  #next = Infinity;

  constructor(core: Core, interfaces: Interfaces, dad: Dad) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#dad = dad;
  }

  /**
   * A prefix option with the A flag: 64-bit prefix, its length in bits, lifetimes in microseconds (Infinity: for ever).
   * `multicast`: its advertisement went to everybody, so that probes wait a random time. RFC 4862 section 5.5.3 by its
   * letters.
   */
  prefix(
    config: Ip6Config,
    p0: number,
    p1: number,
    length: number,
    valid: number,
    preferred: number,
    multicast: boolean,
  ): void {
    // c); and d): prefix and identifier make 128 bits.
    if (preferred > valid || length !== 64) return;
    const now = this.#core.now.us;
    let known = false;
    for (const a of config.iface.addresses) {
      if (a.origin !== 'slaac' || a.w0 !== p0 || a.w1 !== p1) continue;
      known = true;
      // e): a lifetime may be shortened to two hours, no further, by whoever happens to be on the link.
      const remaining = a.validUntil - now;
      if (valid > TWO_HOURS || valid > remaining) a.validUntil = now + valid;
      else if (remaining > TWO_HOURS) a.validUntil = now + TWO_HOURS;
      a.preferredUntil = now + preferred;
      this.#age(a, now);
    }
    if (known || valid === 0) return;
    this.#form(config, p0, p1, now + valid, now + preferred, 0, multicast);
  }

  /** Another link-local address for `config` (RFC 4862 section 5.3): 0 or -errno. */
  linkLocal(config: Ip6Config, dadCounter: number): number {
    return this.#add(config, 0xfe800000 >> 0, 0, 'linklocal', Infinity, Infinity, dadCounter, false);
  }

  /**
   * An address of our making turned out to be taken: tries another identifier in its place (RFC 7217 section 6).
   * Returns false when there is none to try: the address stays listed as a duplicate, so that the next advertisement
   * does not try again.
   */
  retry(config: Ip6Config, a: InterfaceAddress): boolean {
    if (config.iid === 'eui64' || a.dadCounter >= IID_RETRIES) return false;
    const iface = config.iface;
    this.#interfaces.removeAddress(iface.index, a.w0, a.w1, a.w2, a.w3);
    if (a.origin === 'linklocal') return this.linkLocal(config, a.dadCounter + 1) === 0;
    this.#form(config, a.w0, a.w1, a.validUntil, a.preferredUntil, a.dadCounter + 1, false);
    return true;
  }

  /** Deprecates and removes what has aged. */
  tick(): void {
    const now = this.#core.now.us;
    if (now < this.#next) return;
    this.#next = Infinity;
    for (const iface of this.#interfaces.list) {
      if (iface === null) continue;
      for (let i = iface.addresses.length - 1; i >= 0; i--) {
        const a = iface.addresses[i]!;
        if (a.validUntil <= now) this.#interfaces.removeAddress(iface.index, a.w0, a.w1, a.w2, a.w3);
        else this.#age(a, now);
      }
    }
  }

  /** When tick() has something to do (us), or Infinity. */
  pollAt(): number {
    return this.#next;
  }

  #form(
    config: Ip6Config,
    p0: number,
    p1: number,
    validUntil: number,
    preferredUntil: number,
    dadCounter: number,
    delay: boolean,
  ): void {
    let n = 0;
    for (const a of config.iface.addresses) if (a.origin === 'slaac') n++;
    if (n >= MAX_SLAAC_ADDRESSES) return;
    this.#add(config, p0, p1, 'slaac', validUntil, preferredUntil, dadCounter, delay);
  }

  #add(
    config: Ip6Config,
    p0: number,
    p1: number,
    origin: 'slaac' | 'linklocal',
    validUntil: number,
    preferredUntil: number,
    dadCounter: number,
    delay: boolean,
  ): number {
    const { iface } = config;
    const iid = this.#iid;
    iid.make(config.iid, config.hash, iface, p0, p1, dadCounter);
    const result = this.#interfaces.addAddress(iface.index, p0, p1, iid.w2, iid.w3, 64, origin, 'tentative');
    const a = iface.address(p0, p1, iid.w2, iid.w3);
    if (result !== 0 || a === undefined) return result;
    a.validUntil = validUntil;
    a.preferredUntil = preferredUntil;
    a.dadCounter = dadCounter;
    this.#dad.start(iface, a, delay);
    this.#age(a, this.#core.now.us);
    return 0;
  }

  /** The state that the lifetimes ask for, and when to look again. */
  #age(a: InterfaceAddress, now: number): void {
    const old = a.preferredUntil <= now;
    if (a.state === 'preferred' && old) this.#interfaces.setState(a, 'deprecated');
    if (a.state === 'deprecated' && !old) this.#interfaces.setState(a, 'preferred');
    if (!old && a.preferredUntil < this.#next) this.#next = a.preferredUntil;
    if (a.validUntil < this.#next) this.#next = a.validUntil;
  }
}
