// The questions and answers of address resolution as frames: ARP requests and replies, neighbour and router
// solicitations, neighbour advertisements. Called by neighbours, arp, ndp, dad and routers; calls wire and the
// interface's batch.
//
// A frame that can't be had is not sent: timers ask again, and others ask again.

import { put16 } from '../base/bytes.ts';
import { HEADROOM } from '../base/pool.ts';
import { ARP_LENGTH, ARP_REQUEST, putArp } from '../wire/arp.ts';
import { fold, pseudo6At } from '../wire/checksum.ts';
import { ETH_HEADER_LENGTH, ETH_IP6_MULTICAST_HI, ETHERTYPE_ARP, ETHERTYPE_IP6, putEthHeader } from '../wire/eth.ts';
import { ip4Src } from '../wire/ip4.ts';
import { IP6_HEADER_LENGTH, ip6Src, PROTO_ICMP6, putIp6Dst, putIp6Header, putIp6Src } from '../wire/ip6.ts';
import {
  NDP_HOP_LIMIT,
  NDP_NA_LENGTH,
  NDP_NS_LENGTH,
  NDP_RS_LENGTH,
  putNdpNa,
  putNdpNs,
  putNdpRs,
} from '../wire/ndp.ts';
import {
  NDP_LINK_OPTION_LENGTH,
  NDP_OPTION_SOURCE_LINK,
  NDP_OPTION_TARGET_LINK,
  putNdpLinkOption,
} from '../wire/ndp-options.ts';
import { isIp4, isLinkLocal, samePrefix } from './address-kinds.ts';
import type { Core } from './core.ts';
import { counter } from './counters.ts';
import type { Interface, InterfaceAddress } from './interface.ts';

const ARP_SENT = counter('arp_sent');
const ICMP_SENT = counter('icmp_sent');
const IP6_SENT = counter('ip6_sent');
/** ff02::, ff02::1:ff00:0 and so on start with this word (RFC 4291 section 2.7.1). */
const LINK_SCOPE: number = 0xff020000 | 0;

/**
 * Asks for the MAC address of w0..w3: an ARP request or a neighbour solicitation, to everybody (to the solicited-node
 * group), or to the MAC address given where `unicast`. `prompt`: the IP packet that waits for the answer, or 0: its
 * source is used if it is ours here (RFC 4861 section 7.2.2). Without any address of ours nothing is sent.
 */
export function solicit(
  core: Core,
  iface: Interface,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  unicast: boolean,
  macHi: number,
  macLo: number,
  prompt: number,
): void {
  const a = questioner(core, iface, w0, w1, w2, w3, prompt);
  if (a === undefined) return;
  if (isIp4(w0, w1, w2)) {
    // A probe of a known address goes to it alone (RFC 1122 section 2.3.2.1 (2)).
    sendArp(core, iface, unicast ? macHi : 0xffff, unicast ? macLo : -1, ARP_REQUEST, a.w3, 0, 0, w3);
  } else {
    sendNs(core, iface, a, w0, w1, w2, w3, unicast, macHi, macLo);
  }
}

/**
 * Which of our addresses asks: the source of the packet that waits, else one in the target's subnet, else any usable
 * one.
 */
function questioner(
  core: Core,
  iface: Interface,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  prompt: number,
): InterfaceAddress | undefined {
  const four = isIp4(w0, w1, w2);
  const b = core.u8;
  let best: InterfaceAddress | undefined;
  let bestRank = 0;
  for (const a of iface.addresses) {
    if (isIp4(a.w0, a.w1, a.w2) !== four || (a.state !== 'preferred' && a.state !== 'deprecated')) continue;
    let rank = samePrefix(a.w0, a.w1, a.w2, a.w3, w0, w1, w2, w3, a.prefix) ? 2 : 1;
    if (prompt !== 0) {
      const same = four
        ? ip4Src(b, prompt) === a.w3
        : ip6Src(b, prompt, 3) === a.w3 &&
          ip6Src(b, prompt, 2) === a.w2 &&
          ip6Src(b, prompt, 1) === a.w1 &&
          ip6Src(b, prompt, 0) === a.w0;
      if (same) rank = 3;
    }
    if (rank > bestRank) {
      best = a;
      bestRank = rank;
    }
  }
  return best;
}

/** Sends an ARP packet from our MAC address to `dst`. Target MAC and IP as they stand in the packet. */
export function sendArp(
  core: Core,
  iface: Interface,
  dstHi: number,
  dstLo: number,
  op: number,
  senderIp: number,
  targetHi: number,
  targetLo: number,
  targetIp: number,
): void {
  const frame = core.frames.alloc(ETH_HEADER_LENGTH + ARP_LENGTH);
  if (frame === 0) return;
  const at = frame + HEADROOM;
  putEthHeader(core.u8, at, dstHi, dstLo, iface.macHi, iface.macLo, ETHERTYPE_ARP);
  putArp(core.u8, at + ETH_HEADER_LENGTH, op, iface.macHi, iface.macLo, senderIp, targetHi, targetLo, targetIp);
  core.counters.add(ARP_SENT, 1);
  iface.push(at, ETH_HEADER_LENGTH + ARP_LENGTH);
}

/**
 * Sends a neighbour solicitation for w0..w3 from `source`, or from :: without a source option where that is undefined:
 * the probe of duplicate address detection (RFC 4861 section 4.3, RFC 4862 section 5.4.2).
 */
export function sendNs(
  core: Core,
  iface: Interface,
  source: InterfaceAddress | undefined,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  unicast: boolean,
  macHi: number,
  macLo: number,
): void {
  const length = NDP_NS_LENGTH + (source === undefined || !iface.ethernet ? 0 : NDP_LINK_OPTION_LENGTH);
  const l4 = open(core, length);
  if (l4 === 0) return;
  const b = core.u8;
  const l3 = l4 - IP6_HEADER_LENGTH;
  if (source === undefined) putIp6Src(b, l3, 0, 0, 0, 0);
  else putIp6Src(b, l3, source.w0, source.w1, source.w2, source.w3);
  putNdpNs(b, l4, w0, w1, w2, w3);
  if (length > NDP_NS_LENGTH) {
    putNdpLinkOption(b, l4 + NDP_NS_LENGTH, NDP_OPTION_SOURCE_LINK, iface.macHi, iface.macLo);
  }
  if (unicast) {
    putIp6Dst(b, l3, w0, w1, w2, w3);
    finish(core, iface, l4, length, macHi, macLo);
  } else {
    const group = 0xff000000 | (w3 & 0xffffff);
    putIp6Dst(b, l3, LINK_SCOPE, 0, 1, group);
    finish(core, iface, l4, length, ETH_IP6_MULTICAST_HI, group);
  }
}

/**
 * Sends a neighbour advertisement for our address `a`, with the target option, to the IPv6 address d0..d3 at the MAC
 * address given. `flags`: NDP_NA_*.
 */
export function sendNa(
  core: Core,
  iface: Interface,
  a: InterfaceAddress,
  d0: number,
  d1: number,
  d2: number,
  d3: number,
  macHi: number,
  macLo: number,
  flags: number,
): void {
  const length = NDP_NA_LENGTH + (iface.ethernet ? NDP_LINK_OPTION_LENGTH : 0);
  const l4 = open(core, length);
  if (l4 === 0) return;
  const b = core.u8;
  const l3 = l4 - IP6_HEADER_LENGTH;
  putIp6Src(b, l3, a.w0, a.w1, a.w2, a.w3);
  putIp6Dst(b, l3, d0, d1, d2, d3);
  putNdpNa(b, l4, flags, a.w0, a.w1, a.w2, a.w3);
  if (iface.ethernet) putNdpLinkOption(b, l4 + NDP_NA_LENGTH, NDP_OPTION_TARGET_LINK, iface.macHi, iface.macLo);
  finish(core, iface, l4, length, macHi, macLo);
}

/**
 * Sends a router solicitation to all routers, from our link-local address where there is a usable one (RFC 4861 section
 * 6.3.7).
 */
export function sendRs(core: Core, iface: Interface): void {
  const source = iface.addresses.find(
    (a) => isLinkLocal(a.w0) && (a.state === 'preferred' || a.state === 'deprecated'),
  );
  const length = NDP_RS_LENGTH + (source === undefined || !iface.ethernet ? 0 : NDP_LINK_OPTION_LENGTH);
  const l4 = open(core, length);
  if (l4 === 0) return;
  const b = core.u8;
  const l3 = l4 - IP6_HEADER_LENGTH;
  putIp6Src(b, l3, source?.w0 ?? 0, source?.w1 ?? 0, source?.w2 ?? 0, source?.w3 ?? 0);
  putIp6Dst(b, l3, LINK_SCOPE, 0, 0, 2);
  putNdpRs(b, l4);
  if (length > NDP_RS_LENGTH) {
    putNdpLinkOption(b, l4 + NDP_RS_LENGTH, NDP_OPTION_SOURCE_LINK, iface.macHi, iface.macLo);
  }
  finish(core, iface, l4, length, ETH_IP6_MULTICAST_HI, 2);
}

/** A frame for an ICMPv6 message of `length` bytes: where it starts, or 0. */
function open(core: Core, length: number): number {
  const frame = core.frames.alloc(ETH_HEADER_LENGTH + IP6_HEADER_LENGTH + length);
  return frame === 0 ? 0 : frame + HEADROOM + ETH_HEADER_LENGTH + IP6_HEADER_LENGTH;
}

/** The rest of the headers, the checksum, and off it goes. */
function finish(core: Core, iface: Interface, l4: number, length: number, macHi: number, macLo: number): void {
  const b = core.u8;
  const l3 = l4 - IP6_HEADER_LENGTH;
  putIp6Header(b, l3, 0, 0, length, PROTO_ICMP6, NDP_HOP_LIMIT);
  put16(b, l4 + 2, ~fold(pseudo6At(b, l3, PROTO_ICMP6, length) + core.sum.sum(l4, length)));
  core.counters.add(ICMP_SENT, 1);
  core.counters.add(IP6_SENT, 1);
  if (!iface.ethernet) {
    iface.push(l3, IP6_HEADER_LENGTH + length);
    return;
  }
  const at = l3 - ETH_HEADER_LENGTH;
  putEthHeader(b, at, macHi, macLo, iface.macHi, iface.macLo, ETHERTYPE_IP6);
  iface.push(at, ETH_HEADER_LENGTH + IP6_HEADER_LENGTH + length);
}
