// ARP input (RFC 826): answers for our IPv4 addresses, learns neighbours, notices conflicts (RFC 5227).
// Called by ethernet; calls neighbours, dad, routes and solicit (which writes the packets).
//
// Nothing is learned that was neither asked for nor told in a question to us: a reply creates no entry, nor does a
// request for somebody else; both may change an entry that exists, which has to prove itself then (it becomes STALE).

import { DROP_MARTIAN } from '../base/drop.ts';
import { ARP_REPLY, arpCheck, arpOp, arpSenderHi, arpSenderIp, arpSenderLo, arpTargetIp } from '../wire/arp.ts';
import { isLoopback, isMulticast } from './address-kinds.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { Dad } from './dad.ts';
import type { Interface } from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import { ADVERTISED_OVERRIDE, ADVERTISED_SOLICITED, type Neighbours } from './neighbours.ts';
import { CONSUMED, type Packet } from './packet.ts';
import type { Routes } from './routes.ts';
import { sendArp } from './solicit.ts';

const ARP_RECEIVED = counter('arp_received');

export class Arp {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #neighbours: Neighbours;
  readonly #routes: Routes;
  readonly #dad: Dad;

  constructor(core: Core, interfaces: Interfaces, neighbours: Neighbours, routes: Routes, dad: Dad) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#neighbours = neighbours;
    this.#routes = routes;
    this.#dad = dad;
  }

  /** The ARP packet at [p.l3, p.end). Returns CONSUMED or a drop reason. */
  input(p: Packet): number {
    const b = this.#core.u8;
    this.#core.counters.add(ARP_RECEIVED, 1);
    const bad = arpCheck(b, p.l3, p.end);
    if (bad !== 0) return bad;
    const iface = this.#interfaces.get(p.iface);
    const hi = arpSenderHi(b, p.l3);
    const lo = arpSenderLo(b, p.l3);
    const sender = arpSenderIp(b, p.l3);
    const target = arpTargetIp(b, p.l3);
    // Our own packet, echoed by a repeater (RFC 5227 section 2.1.1, note).
    if (hi === iface.macHi && lo === iface.macLo) return CONSUMED;
    const own = this.#own(iface, sender, target, arpOp(b, p.l3));
    if (own !== undefined) {
      this.#dad.conflict(iface, own);
      return CONSUMED;
    }
    if (sender !== 0 && !this.#credible(iface, sender)) return DROP_MARTIAN;
    const mine = this.#interfaces.isLocal(p.iface, 0, 0, 0xffff, target) && !isLoopback(0, 0, 0xffff, target);
    if (arpOp(b, p.l3) === ARP_REPLY) {
      this.#reply(p, sender, hi, lo, mine);
      return CONSUMED;
    }
    if (sender !== 0) {
      const create = mine && this.#routes.onLink(p.iface, 0, 0, 0xffff, sender);
      this.#neighbours.hear(p.iface, 0, 0, 0xffff, sender, hi, lo, create, true);
    }
    // Probes (sender 0) are answered like any question: that is how their sender learns of the conflict (RFC 5227
    // section 2.1.1).
    if (mine) sendArp(this.#core, iface, hi, lo, ARP_REPLY, target, hi, lo, sender);
    return CONSUMED;
  }

  /**
   * The address of ours (one that was found to be somebody else's is not) that somebody else shows to use as well: as
   * the sender of anything, or, while it is tentative, by probing for it at the same time (RFC 5227 sections 2.1.1 and
   * 2.4).
   */
  #own(iface: Interface, sender: number, target: number, op: number): ReturnType<Interface['address']> {
    if (sender !== 0) {
      const a = iface.address(0, 0, 0xffff, sender);
      return a?.state === 'duplicate' ? undefined : a;
    }
    const a = op === ARP_REPLY ? undefined : iface.address(0, 0, 0xffff, target);
    return a?.state === 'tentative' ? a : undefined;
  }

  /** Whether an address can be a neighbour's: no group's, no broadcast, not loopback, not this-net. */
  #credible(iface: Interface, sender: number): boolean {
    if (isMulticast(0, 0, 0xffff, sender) || sender >>> 28 === 15 || sender >>> 24 === 0) return false;
    return !isLoopback(0, 0, 0xffff, sender) && !this.#interfaces.isBroadcast(iface.index, sender);
  }

  /** ARP has no flag for "you asked": a reply to us alone, while a question of ours is out, counts as an answer. */
  #reply(p: Packet, sender: number, hi: number, lo: number, mine: boolean): void {
    const neighbours = this.#neighbours;
    const entry = neighbours.lookup(p.iface, 0, 0, 0xffff, sender);
    if (entry === 0) return;
    if (mine && !p.linkGroup && neighbours.asked(entry)) {
      neighbours.advertised(entry, true, hi, lo, ADVERTISED_SOLICITED | ADVERTISED_OVERRIDE);
    } else neighbours.hear(p.iface, 0, 0, 0xffff, sender, hi, lo, false, true);
  }
}
