// The packet in hand: registers that one pass through the stack fills from floor to floor, instead of an object per packet.
// Written by stack.ingress, ethernet and ip; read by icmp, udp and tcp. One instance a stack.

/** What a floor returns besides 0 (deliver) and drop reasons: the packet was taken, nothing more is to be done with it. */
export const CONSUMED = -1;
/** Of icmp: an error about something we sent has been decoded; icmp.error is for tcp or udp. */
export const ICMP_ERROR = -2;

/** Offsets are arena offsets. Addresses are four int32 words, IPv4 mapped (0, 0, 0xffff, a.b.c.d). */
export class Packet {
  /** Index of the interface it came in by. */
  iface = 0;
  /** RX_* flags of the link. */
  flags = 0;
  /** Start of the frame (Ethernet header, or IP header on an 'ip' medium). */
  frame = 0;
  /** End of the packet: of the frame first, of the IP packet once ip has read its length. */
  end = 0;
  /** The Ethernet destination was a group address. */
  linkGroup = false;
  /** Sender's MAC as 16 + 32 bits; 0 on an 'ip' medium. */
  macHi = 0;
  macLo = 0;
  /** Start of the IP header and of the upper layer. `l3` may lie in a reassembly buffer. */
  l3 = 0;
  l4 = 0;
  /** 4 or 6. */
  version = 0;
  /** Upper protocol (PROTO_*). */
  protocol = 0;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  /** TTL or hop limit; the DSCP + ECN byte. */
  hopLimit = 0;
  trafficClass = 0;
  /** Destination is a multicast or broadcast address. */
  group = false;
  /** Reassembled from fragments: lies in a frame of ours that ingress frees after delivery (0: no). */
  reassembled = 0;
}

/** An ICMP error about something that we sent, decoded: filled by icmp, read by tcp, udp and path MTU. */
export class IcmpError {
  /** 4 or 6. */
  version = 0;
  type = 0;
  code = 0;
  /** What it means to a socket: an errno, positive (ECONNREFUSED, EHOSTUNREACH, EMSGSIZE...). */
  errno = 0;
  /** Protocol unreachable, port unreachable and the like, as against a state of the net that may pass (RFC 1122 section 4.2.3.9). */
  hard = false;
  /** Next-hop MTU of a packet-too-big, already checked against its floor; 0 otherwise. */
  mtu = 0;
  /** The quoted packet: protocol, our address and port (its source), the peer's (its destination), TCP sequence number. */
  protocol = 0;
  local0 = 0;
  local1 = 0;
  local2 = 0;
  local3 = 0;
  remote0 = 0;
  remote1 = 0;
  remote2 = 0;
  remote3 = 0;
  localPort = 0;
  remotePort = 0;
  seq = 0;
  /** Who sent the error. */
  from0 = 0;
  from1 = 0;
  from2 = 0;
  from3 = 0;
}
