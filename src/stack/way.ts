// The way out: registers that say how a packet leaves (interface, next hop, addresses, path MTU).
// Filled by routes.findWay or from a connection's row; read by output. One instance for each user that keeps one across calls.

/** Addresses are four int32 words, IPv4 mapped. */
export class Way {
  /** Interface index; as input to findWay 0 means any. */
  iface = 0;
  /** Neighbour cache entry of the next hop; 0: none needed ('ip' medium, group addresses). */
  neighbour = 0;
  /** 4 or 6. */
  version = 0;
  /** The largest IP packet towards dst, in bytes: the interface's MTU, a route's, or the path's where known. */
  mtu = 0;
  /** From the route, for TCP: MSS to advertise at most, initial window in segments (0: no such), and whether its MTU is not to be discovered. */
  advMss = 0;
  initCwnd = 0;
  mtuLock = false;
  /** TTL / hop limit and DSCP + ECN byte to send with. */
  hopLimit = 64;
  trafficClass = 0;
  /** IPv6 flow label (RFC 6437); 0 for IPv4. */
  flowLabel = 0;
  /** IPv4: set DF. TCP does always; UDP as its socket says. */
  dontFragment = false;
  /** Source. As input to findWay all zero means: choose (RFC 6724 for IPv6). */
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
}
