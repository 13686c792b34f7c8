// Neighbour discovery input (RFC 4861 sections 6 to 8): solicitations answered, advertisements believed, routers heard.
// Called by icmp for types 133 to 137, after the checksum was verified; calls neighbours, routers, dad and solicit.

import { DROP_NDP_INVALID, DROP_NOT_OURS } from '../base/drop.ts';
import { ETH_IP6_MULTICAST_HI } from '../wire/eth.ts';
import {
  ICMP6_NEIGHBOUR_ADVERTISEMENT,
  ICMP6_NEIGHBOUR_SOLICITATION,
  ICMP6_REDIRECT,
  ICMP6_ROUTER_ADVERTISEMENT,
} from '../wire/icmp6.ts';
import { NDP_NA_OVERRIDE, NDP_NA_ROUTER, NDP_NA_SOLICITED, ndpCheck, ndpNaFlags, ndpTarget } from '../wire/ndp.ts';
import { NdpOptions, ndpLinkHi, ndpLinkLo } from '../wire/ndp-options.ts';
import type { Autoconf } from './autoconf.ts';
import type { Core } from './core.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import { ADVERTISED_OVERRIDE, ADVERTISED_ROUTER, ADVERTISED_SOLICITED, type Neighbours } from './neighbours.ts';
import { CONSUMED, type Packet } from './packet.ts';
import { sendNa } from './solicit.ts';

export class Ndp {
  readonly #core: Core;
  readonly #interfaces: Interfaces;
  readonly #neighbours: Neighbours;
  readonly #autoconf: Autoconf;
  readonly #options: NdpOptions = new NdpOptions();

  constructor(core: Core, interfaces: Interfaces, neighbours: Neighbours, autoconf: Autoconf) {
    this.#core = core;
    this.#interfaces = interfaces;
    this.#neighbours = neighbours;
    this.#autoconf = autoconf;
  }

  /**
   * The message at [p.l4, p.end) of the IPv6 packet at p.l3, whose addresses are in p. Returns CONSUMED or a drop
   * reason. Messages that came in fragments are refused before (RFC 6980): by ip6, or here where it was reassembled.
   */
  input(p: Packet): number {
    const b = this.#core.u8;
    const iface = this.#interfaces.get(p.iface);
    if (p.reassembled !== 0) return DROP_NDP_INVALID;
    if (!iface.ip6) return DROP_NOT_OURS;
    const bad = ndpCheck(b, p.l3, p.l4, p.end, this.#options);
    if (bad !== 0) return bad;
    const type = b[p.l4]!;
    if (type === ICMP6_NEIGHBOUR_SOLICITATION) return this.#solicitation(iface, p);
    if (type === ICMP6_NEIGHBOUR_ADVERTISEMENT) return this.#advertisement(iface, p);
    if (type === ICMP6_ROUTER_ADVERTISEMENT) {
      const config = this.#autoconf.config(p.iface);
      if (config === undefined || !config.routers) return DROP_NOT_OURS;
      this.#autoconf.routers.advertisement(config, p, this.#options);
      return CONSUMED;
    }
    if (type === ICMP6_REDIRECT) {
      return this.#autoconf.routers.redirect(iface, p, this.#options) ? CONSUMED : DROP_NDP_INVALID;
    }
    // Router solicitations are for routers (section 6.2.6 is not ours).
    return DROP_NOT_OURS;
  }

  /** Section 7.2.3; RFC 4862 section 5.4.3 for what concerns an address that we are checking ourselves. */
  #solicitation(iface: Interface, p: Packet): number {
    const a = this.#target(iface, p);
    if (a === undefined) return DROP_NOT_OURS;
    const probe = (p.src0 | p.src1 | p.src2 | p.src3) === 0;
    // Our own, echoed by the link.
    if (iface.ethernet && p.macHi === iface.macHi && p.macLo === iface.macLo) return CONSUMED;
    if (a.state === 'tentative') {
      if (probe) this.#autoconf.dad.conflict(iface, a);
      return CONSUMED;
    }
    if (probe) {
      // Section 7.2.4: whoever has no address is told, with all others, that this one is taken.
      sendNa(this.#core, iface, a, 0xff020000 >> 0, 0, 0, 1, ETH_IP6_MULTICAST_HI, 1, NDP_NA_OVERRIDE);
      return CONSUMED;
    }
    const b = this.#core.u8;
    const at = this.#options.sourceLinkAddress;
    let hi = p.macHi;
    let lo = p.macLo;
    if (at >= 0 && iface.ethernet) {
      hi = ndpLinkHi(b, at);
      lo = ndpLinkLo(b, at);
      if ((hi & 0x100) !== 0) return DROP_NDP_INVALID;
      this.#neighbours.hear(p.iface, p.src0, p.src1, p.src2, p.src3, hi, lo, true, false);
    }
    sendNa(this.#core, iface, a, p.src0, p.src1, p.src2, p.src3, hi, lo, NDP_NA_SOLICITED | NDP_NA_OVERRIDE);
    return CONSUMED;
  }

  /** Section 7.2.5; RFC 4862 section 5.4.4 for our own addresses. */
  #advertisement(iface: Interface, p: Packet): number {
    const b = this.#core.u8;
    const own = this.#target(iface, p);
    if (own !== undefined) {
      if (!iface.ethernet || p.macHi !== iface.macHi || p.macLo !== iface.macLo)
        this.#autoconf.dad.conflict(iface, own);
      return CONSUMED;
    }
    const w0 = ndpTarget(b, p.l4, 0);
    const w1 = ndpTarget(b, p.l4, 1);
    const w2 = ndpTarget(b, p.l4, 2);
    const w3 = ndpTarget(b, p.l4, 3);
    const entry = this.#neighbours.lookup(p.iface, w0, w1, w2, w3);
    // Nobody here has anything to say to it: no entry is made.
    if (entry === 0) return CONSUMED;
    const said = ndpNaFlags(b, p.l4);
    let flags = (said & NDP_NA_SOLICITED) !== 0 ? ADVERTISED_SOLICITED : 0;
    if ((said & NDP_NA_OVERRIDE) !== 0) flags |= ADVERTISED_OVERRIDE;
    if ((said & NDP_NA_ROUTER) !== 0) flags |= ADVERTISED_ROUTER;
    const at = this.#options.targetLinkAddress;
    const hi = at < 0 ? 0 : ndpLinkHi(b, at);
    const lo = at < 0 ? 0 : ndpLinkLo(b, at);
    const ceased = this.#neighbours.advertised(entry, at >= 0, hi, lo, flags);
    if (ceased === 1) this.#autoconf.routers.lost(p.iface, w0, w1, w2, w3);
    return CONSUMED;
  }

  /** The address of ours that a message is about, in whatever state but found to be somebody else's. */
  #target(iface: Interface, p: Packet): InterfaceAddress | undefined {
    const b = this.#core.u8;
    const t = p.l4;
    const a = iface.address(ndpTarget(b, t, 0), ndpTarget(b, t, 1), ndpTarget(b, t, 2), ndpTarget(b, t, 3));
    return a?.state === 'duplicate' ? undefined : a;
  }
}
