// The way of a connection: found once, kept in the row, and found again when routes or the path MTU have changed.
// Called by tcp.ts, input-open and output; calls routes.findWay.

import type { Way } from '../way.ts';
import type { Engine } from './engine.ts';
import { F_TIMESTAMPS, F2_MTU_LOCK } from './flags.ts';
import type { Tcb } from './tcb.ts';

const TCP_HEADER = 20;
const TIMESTAMPS = 12;

/** Fills `way` with the connection's addresses, as output and findWay want them. */
export function loadWay(t: Tcb, way: Way): void {
  way.iface = t.iface;
  way.neighbour = t.neighbour;
  way.version = t.remote0 === 0 && t.remote1 === 0 && t.remote2 === 0xffff ? 4 : 6;
  way.mtu = t.pathMtu;
  way.advMss = t.advMss;
  way.hopLimit = t.ttl;
  way.trafficClass = t.tos;
  way.flowLabel = t.flowLabel;
  way.dontFragment = !t.has2(F2_MTU_LOCK); // path MTU discovery, unless the route forbids it (RFC 1191 section 3)
  way.src0 = t.local0;
  way.src1 = t.local1;
  way.src2 = t.local2;
  way.src3 = t.local3;
  way.dst0 = t.remote0;
  way.dst1 = t.remote1;
  way.dst2 = t.remote2;
  way.dst3 = t.remote3;
}

/** Looks the way up for the row's addresses and keeps it there. 0, or a negative errno. */
export function findRoute(e: Engine, t: Tcb): number {
  const way = e.way;
  const ttl = t.ttl;
  loadWay(t, way);
  if (!isLinkLocal(t)) way.iface = 0;
  const error = e.floor.routes.findWay(way);
  t.routeEpoch = e.floor.routes.epoch;
  if (error !== 0) return error;
  t.iface = way.iface;
  t.neighbour = way.neighbour;
  t.pathMtu = way.mtu;
  t.advMss = way.advMss;
  t.initCwnd = way.initCwnd;
  if (way.mtuLock) t.set2(F2_MTU_LOCK);
  else t.unset2(F2_MTU_LOCK);
  t.ttl = ttl;
  if (t.peerMss !== 0) updateMss(t);
  return 0;
}

/** fe80::/10: reachable only by the interface it came from. */
function isLinkLocal(t: Tcb): boolean {
  return t.remote0 >>> 22 === 0xfe80 >>> 6;
}

/** Bytes of headers of an IP packet of this connection, without TCP options. */
export function headerBytes(t: Tcb): number {
  return (t.remote0 === 0 && t.remote1 === 0 && t.remote2 === 0xffff ? 20 : 40) + TCP_HEADER;
}

/** The MSS option of a SYN that leaves by `way`: from the interface's MTU, without regard to options (RFC 6691), within what `t` allows. */
export function advertisedMss(e: Engine, way: Way, t: Tcb): number {
  const iface = e.floor.interfaces.get(way.iface);
  const v6 = way.version === 6;
  let mss = Math.min(65535, (v6 ? Math.min(iface.mtu, iface.mtu6) : iface.mtu) - (v6 ? 40 : 20) - TCP_HEADER);
  if (way.advMss !== 0 && way.advMss < mss) mss = way.advMss;
  return t.userMss !== 0 && t.userMss < mss ? t.userMss : mss;
}

/** Payload of a full segment: what peer and path allow, less the options that every segment has (RFC 9293 section 3.7.1, RFC 6691). */
export function updateMss(t: Tcb): void {
  const options = t.has(F_TIMESTAMPS) ? TIMESTAMPS : 0;
  let mss = Math.min(t.peerMss, t.pathMtu - headerBytes(t));
  if (t.userMss !== 0 && t.userMss < mss) mss = t.userMss;
  if (t.advMss !== 0 && t.advMss < mss) mss = t.advMss;
  if (t.mssCap !== 0 && t.mssCap < mss) mss = t.mssCap;
  t.mss = Math.max(1, mss - options);
}
