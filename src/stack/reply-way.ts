// The way back to whoever sent a packet: for answers that no socket gives.
// Called by icmp, icmp-errors and tcp (resets); calls interfaces and routes.

import { isLinkLocal } from './address-kinds.ts';
import type { Interfaces } from './interfaces.ts';
import type { Packet } from './packet.ts';
import type { Routes } from './routes.ts';
import type { Way } from './way.ts';

/**
 * Fills `way` for an answer to `p`, from the address that was spoken to where that is one of ours (RFC 1122 section
 * 3.2.2.6, RFC 4443 section 2.2). Link-local peers, and those of a loopback link, are answered by the interface they came
 * in by; others by the route. Traffic class, flow label and DF are 0. Returns 0 or routes.findWay's -errno.
 */
export function replyWay(interfaces: Interfaces, routes: Routes, p: Packet, way: Way): number {
  const scoped = p.version === 6 && (isLinkLocal(p.src0) || isLinkLocal(p.dst0));
  const ours = !p.group && interfaces.isLocal(scoped ? p.iface : 0, p.dst0, p.dst1, p.dst2, p.dst3);
  way.iface = scoped || interfaces.get(p.iface).loopback ? p.iface : 0;
  way.dst0 = p.src0;
  way.dst1 = p.src1;
  way.dst2 = p.src2;
  way.dst3 = p.src3;
  way.src0 = ours ? p.dst0 : 0;
  way.src1 = ours ? p.dst1 : 0;
  way.src2 = ours ? p.dst2 : 0;
  way.src3 = ours ? p.dst3 : 0;
  way.trafficClass = 0;
  way.flowLabel = 0;
  way.dontFragment = false;
  return routes.findWay(way);
}
