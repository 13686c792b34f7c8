// Whether an address is ours alone: duplicate address detection (RFC 4862 section 5.4) and its counterpart for IPv4,
// address conflict detection (RFC 5227). Called by autoconf (start, tick) and by arp and ndp (conflict); calls solicit
// and interfaces.
//
// IPv4 probes are as many as settings.dadTransmits, RetransTimer apart, as IPv6's are: fewer and closer than RFC 5227's
// three, which its section 2.2 says harms nobody; what they miss, the detection that goes on for ever finds.

import { ARP_REQUEST } from '../wire/arp.ts';
import { isIp4 } from './address-kinds.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import { sendArp, sendNs } from './solicit.ts';

/** RFC 5227 section 1.1: two announcements, two seconds apart; one defence in ten seconds. */
const ANNOUNCE_NUM = 2;
const ANNOUNCE_INTERVAL = 2_000_000;
const DEFEND_INTERVAL = 10_000_000;

const CONFLICTS = counter('address_conflicts');

export class Dad {
  /** Addresses found to be duplicates since autoconf last looked. */
  readonly failed: { readonly iface: Interface; readonly address: InterfaceAddress }[] = [];
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  /** When the first probe of each interface may go out (us), by index. */
  readonly #first: number[] = [];
  #next = Infinity;

  constructor(core: Core, interfaces: Interfaces) {
    this.#core = core;
    this.#interfaces = interfaces;
  }

  /**
   * Begins to check a tentative address. Where there is nobody to ask (an 'ip' medium, a loopback link) or nobody shall
   * be asked (settings.dadTransmits 0), it is usable at once. `delay`: wait a random time even if others have been
   * probed before (RFC 4862 section 5.4.2: for addresses made from a multicast advertisement).
   */
  start(iface: Interface, a: InterfaceAddress, delay: boolean): void {
    const { now, rng, settings } = this.#core;
    if (!iface.ethernet || iface.loopback) this.#use(a);
    else if (settings.dadTransmits === 0) this.#assign(iface, a);
    else {
      const wait = (rng.below(1024) * settings.dadDelay) / 1024;
      this.#first[iface.index] ??= now.us + wait;
      a.probes = settings.dadTransmits;
      this.#schedule(a, Math.max(this.#first[iface.index]!, delay ? now.us + wait : now.us));
    }
  }

  /**
   * Somebody else uses our address `a` on `iface`, or wants to while we do. A tentative address is given up; one in use
   * is kept and, for IPv4, defended by one announcement in ten seconds (RFC 5227 section 2.4 (c)): a server keeps its
   * address.
   */
  conflict(iface: Interface, a: InterfaceAddress): void {
    a.conflicts++;
    this.#core.counters.add(CONFLICTS, 1);
    if (a.state === 'duplicate') return;
    if (a.state === 'tentative') {
      a.timer = Infinity;
      this.#interfaces.setState(a, 'duplicate');
      this.failed.push({ iface, address: a });
      return;
    }
    const now = this.#core.now.us;
    if (!isIp4(a.w0, a.w1, a.w2) || now < a.defendedAt + DEFEND_INTERVAL) return;
    a.defendedAt = now;
    this.#announce(iface, a);
  }

  /** Sends the probes and announcements that are due; takes addresses into use. */
  tick(): void {
    const now = this.#core.now.us;
    if (now < this.#next) return;
    this.#next = Infinity;
    for (const iface of this.#interfaces.list) {
      if (iface === null) continue;
      for (const a of iface.addresses) {
        if (a.timer <= now) this.#step(iface, a);
        if (a.timer < this.#next) this.#next = a.timer;
      }
    }
  }

  /** When tick() has something to do (us), or Infinity. */
  pollAt(): number {
    return this.#next;
  }

  #step(iface: Interface, a: InterfaceAddress): void {
    a.timer = Infinity;
    if (a.state === 'tentative' && a.probes === 0) this.#assign(iface, a);
    else if (a.state === 'tentative') {
      a.probes--;
      this.#probe(iface, a);
      this.#schedule(a, this.#core.now.us + iface.retransmit);
    } else if (a.announcements > 0) {
      a.announcements--;
      this.#announce(iface, a);
      if (a.announcements > 0) this.#schedule(a, this.#core.now.us + ANNOUNCE_INTERVAL);
    }
  }

  #schedule(a: InterfaceAddress, at: number): void {
    a.timer = at;
    if (at < this.#next) this.#next = at;
  }

  #assign(iface: Interface, a: InterfaceAddress): void {
    this.#use(a);
    if (!isIp4(a.w0, a.w1, a.w2)) return;
    a.announcements = ANNOUNCE_NUM - 1;
    this.#announce(iface, a);
    this.#schedule(a, this.#core.now.us + ANNOUNCE_INTERVAL);
  }

  #use(a: InterfaceAddress): void {
    this.#interfaces.setState(a, a.preferredUntil <= this.#core.now.us ? 'deprecated' : 'preferred');
  }

  #probe(iface: Interface, a: InterfaceAddress): void {
    if (isIp4(a.w0, a.w1, a.w2)) sendArp(this.#core, iface, 0xffff, -1, ARP_REQUEST, 0, 0, 0, a.w3);
    else sendNs(this.#core, iface, undefined, a.w0, a.w1, a.w2, a.w3, false, 0, 0);
  }

  #announce(iface: Interface, a: InterfaceAddress): void {
    sendArp(this.#core, iface, 0xffff, -1, ARP_REQUEST, a.w3, 0, 0, a.w3);
  }
}
