// The link layer's input: Ethernet headers, and what there is instead of them on an 'ip' medium.
// Called by stack.ingress for every frame; calls arp.

import {
  DROP_BAD_VERSION,
  DROP_MALFORMED,
  DROP_NOT_OURS,
  DROP_SHORT,
  DROP_UNKNOWN_ETHERTYPE,
  DROP_VLAN,
} from '../base/drop.ts';
import {
  ETH_HEADER_LENGTH,
  ETHERTYPE_ARP,
  ETHERTYPE_IP4,
  ETHERTYPE_IP6,
  ethCheck,
  ethDstHi,
  ethDstIsGroup,
  ethDstLo,
  etherType,
  ethHasVlanTag,
  ethSrcHi,
  ethSrcIsGroup,
  ethSrcLo,
} from '../wire/eth.ts';
import type { Arp } from './arp.ts';
import type { Core } from './core.ts';
import type { Interfaces } from './interfaces.ts';
import type { Packet } from './packet.ts';

/**
 * Reads the head of the frame [p.frame, p.end) that came in by p.iface: fills p.linkGroup, p.mac*, p.l3 and p.version
 * (4 or 6: what the frame's type says; ip compares it with the header's own). Returns 0: an IP packet starts at p.l3;
 * CONSUMED: it was ARP; or a drop reason. Group addresses are let through whole: ip knows the groups joined.
 */
export function ethernetInput(core: Core, interfaces: Interfaces, arp: Arp, p: Packet): number {
  const b = core.u8;
  const iface = interfaces.get(p.iface);
  if (!iface.ethernet) {
    if (p.end <= p.frame) return DROP_SHORT;
    p.linkGroup = false;
    p.macHi = 0;
    p.macLo = 0;
    p.l3 = p.frame;
    p.version = b[p.frame]! >> 4;
    return p.version === 4 || p.version === 6 ? 0 : DROP_BAD_VERSION;
  }
  const bad = ethCheck(b, p.frame, p.end);
  if (bad !== 0) return bad;
  p.linkGroup = ethDstIsGroup(b, p.frame);
  // A switch floods what it has not learned, and a tap may be promiscuous.
  if (!p.linkGroup && (ethDstLo(b, p.frame) !== iface.macLo || ethDstHi(b, p.frame) !== iface.macHi))
    return DROP_NOT_OURS;
  if (ethSrcIsGroup(b, p.frame)) return DROP_MALFORMED;
  p.macHi = ethSrcHi(b, p.frame);
  p.macLo = ethSrcLo(b, p.frame);
  p.l3 = p.frame + ETH_HEADER_LENGTH;
  const type = etherType(b, p.frame);
  if (type === ETHERTYPE_IP4) {
    p.version = 4;
    return 0;
  }
  if (type === ETHERTYPE_IP6) {
    p.version = 6;
    return 0;
  }
  if (type === ETHERTYPE_ARP) return arp.input(p);
  return ethHasVlanTag(b, p.frame) ? DROP_VLAN : DROP_UNKNOWN_ETHERTYPE;
}
