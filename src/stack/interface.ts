// One interface of a stack: its link, its MAC address, our addresses on it, and the batch of frames that it sends next.
// Made by interfaces.ts; used by every file of this floor; calls the link and core.

import { BATCH, BATCH_PIECES, type Link, TxBatch } from '../base/link.ts';
import type { Words } from './address-kinds.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';

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

const FRAMES_SENT = counter('frames_sent');

/** A multicast group, and how many have joined it. */
export interface Group {
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
