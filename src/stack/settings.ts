// Every per-stack default in one place: value, unit, source. Changed by whoever builds the stack; read by all of src/stack.
// Calls nothing.

/** All settings of a stack. Times in microseconds, sizes in bytes, unless the name says otherwise. */
export interface Settings {
  // -- sizes, fixed when the stack is built ------------------------------------------------------------------------
  /** TCP connections and listeners together (rows). */
  tcpRows: number;
  /** UDP and ping sockets (rows). */
  udpRows: number;
  /** Neighbour cache entries over all interfaces. */
  neighbours: number;
  /** Routes in the table. */
  routes: number;
  /** Datagrams in reassembly at once, over all peers (RFC 8200 section 4.5, RFC 791 section 3.2). */
  reassemblies: number;
  /** Path MTU cache entries (RFC 1191 section 6.3, RFC 8201 section 5.2). */
  pathMtus: number;

  // -- IP ----------------------------------------------------------------------------------------------------------
  /** Hop limit / TTL of packets sent (RFC 1122 section 3.2.1.7 and IANA: 64). */
  hopLimit: number;
  /** How long fragments wait for the rest: 60 s (RFC 8200 section 4.5; RFC 1122 section 3.3.2 asks 60 to 120 s). */
  reassemblyTimeout: number;
  /** ICMP errors sent a second, and the burst above it (RFC 4443 section 2.4 (f), RFC 1812 section 4.3.2.8). */
  icmpErrorsPerSecond: number;
  icmpErrorBurst: number;
  /** Answer echo requests to unicast addresses of ours. */
  answerEcho: boolean;
  /** A path MTU learned from ICMP is forgotten after 10 minutes (RFC 1191 section 6.3, RFC 8201 section 4). */
  pathMtuLifetime: number;

  // -- neighbours (RFC 4861 section 10, used for ARP as well) -----------------------------------------------------------
  neighbourReachable: number;
  neighbourRetransmit: number;
  neighbourDelayFirstProbe: number;
  neighbourMulticastProbes: number;
  neighbourUnicastProbes: number;
  /** Datagrams that wait for one neighbour's address (RFC 4861 section 7.2.2 asks for at least one; the oldest is dropped). */
  neighbourQueue: number;
  /** Probes of duplicate address detection (RFC 4862 section 5.1 DupAddrDetectTransmits); 0 turns it off. ARP: RFC 5227. */
  dadTransmits: number;
  /** The first probe of an interface waits a random time up to this: 1 s (RFC 4862 section 5.4.2, RFC 5227 section 1.1 PROBE_WAIT). */
  dadDelay: number;
  /** Router solicitations and their interval (RFC 4861 section 10). */
  routerSolicitations: number;
  routerSolicitationInterval: number;

  // -- UDP ---------------------------------------------------------------------------------------------------------
  /** Receive queue of a socket, payload bytes. */
  udpReceiveBuffer: number;
  /** First and last port of automatic choice (RFC 6056 section 3.2, IANA's dynamic range). */
  portFirst: number;
  portLast: number;

  // -- TCP ---------------------------------------------------------------------------------------------------------
  /** Receive and send buffer that a connection starts with. */
  tcpReceiveBuffer: number;
  tcpSendBuffer: number;
  /**
   * Up to where tuning raises them, where the user has not fixed them by an option: the receive buffer to twice what is read
   * in a round trip and more, the send buffer to twice cwnd. The window scale offered is made for it (RFC 7323 section 2.2).
   * Not above the buffer at the start: no tuning. A connection never holds more than its share of free memory.
   */
  tcpReceiveBufferMax: number;
  tcpSendBufferMax: number;
  /** Most of the window of a SYN and after it, bytes, in whole segments; grows by two for each segment that comes. From 1 GiB on: at once what the buffer allows. */
  tcpInitialReceiveWindow: number;
  /** Offer window scaling and timestamps (RFC 7323). */
  tcpWindowScaling: boolean;
  tcpTimestamps: boolean;
  /** Offer and use selective acknowledgements (RFC 2018). */
  tcpSack: boolean;
  /** Report duplicates in SACK blocks (RFC 2883). */
  tcpDsack: boolean;
  /** ECN (RFC 3168): 0 off, 1 offered and accepted, 2 accepted only. */
  tcpEcn: number;
  /** Largest accept backlog. */
  tcpMaxBacklog: number;
  /**
   * Initial and largest retransmission timeout (RFC 6298: 1 s (2.1), at least 60 s (2.5)). tcpRtoMin: the least that is added
   * to SRTT, whatever the deviation, 200 ms: common practice where section 2.4 says 1 s, and as safe as a fixed least RTO
   * of 200 ms against delayed ACKs, at any RTT.
   */
  tcpRtoInitial: number;
  tcpRtoMin: number;
  tcpRtoMax: number;
  /** Retransmissions before giving up: of a SYN (RFC 9293 section 3.8.3 (R2 for SYN >= 3 min)), of a SYN-ACK, of data (R2 >= 100 s). */
  tcpSynRetries: number;
  tcpSynAckRetries: number;
  tcpRetries: number;
  /** Delayed ACK: at most 500 ms, at least every second full segment (RFC 1122 section 4.2.3.2; RFC 5681 section 4.2). */
  tcpDelayedAck: number;
  /** The most to which the delay adapts where segments come far apart. */
  tcpDelayedAckMax: number;
  /**
   * ACKs at the start of a connection, and after signs of trouble, that are not delayed (RFC 5681 section 4.2 allows it); 0: none.
   * A peer in slow start, or one that waits by Nagle's rule, goes on at once.
   */
  tcpQuickAcks: number;
  /** How long these wait, microseconds. 0: until the user has had its turn, so that an answer in the same turn bears the ACK and no packet is added. */
  tcpFirstAckDelay: number;
  /** TIME-WAIT: 2 MSL (RFC 9293 section 3.4.2). One minute in all, as most systems have it. */
  tcpTimeWait: number;
  /** FIN-WAIT-2 after the user has closed: not held for ever by a silent peer. */
  tcpFinWait2: number;
  /** Keepalive, where a socket asks for it (RFC 9293 section 3.8.4): idle time >= 2 h, interval, probes. */
  tcpKeepaliveIdle: number;
  tcpKeepaliveInterval: number;
  tcpKeepaliveProbes: number;
  /** Initial congestion window in segments (RFC 6928: 10). */
  tcpInitialWindow: number;
  /** ACKs to what is not acceptable: one a connection in this time, 500 ms (RFC 5961 section 7; ours). */
  tcpInvalidRateLimit: number;
  /** Challenge ACKs a second over all connections, 1000; of every second a random half to one and a half of it (RFC 5961 section 7). */
  tcpChallengeAcksPerSecond: number;
  /** SYN cookies (RFC 4987 section 3.6): 0 never, 1 when there is no room for another half-open connection (default), 2 always. */
  tcpSynCookies: number;
  /** Half-open connections (SYN-RECEIVED, passive) over all listeners, 4096 rows; beyond, as when a backlog is full. */
  tcpMaxHalfOpen: number;
  /** Least MSS believed of a peer, 64 bytes: smaller ones only cost (RFC 9293 section 3.7.1 names no least; CVE-2019-11479). */
  tcpMinMss: number;
  /** Search for a smaller MSS when full segments vanish without a word: 0 off, 1 on (default) (RFC 4821 section 7.7, RFC 8899 section 4.3). */
  tcpMtuProbing: number;
  /** What is tried then: 1024 bytes, over IPv6 no less than 1220 (RFC 4821 section 7.2, RFC 8899 section 5.1.2 BASE_PLPMTU). */
  tcpBaseMss: number;
  /** When the full size is tried again: 10 min (RFC 8899 section 5.1.1 PMTU_RAISE_TIMER); the first times after a tenth of it, doubling. */
  tcpMtuRaise: number;
  /** An ICMP error that only says "not now" ends a connection that is being opened: off (RFC 9293 section 3.9.2.2); Linux has it on (RFC 5461 section 4.1). */
  tcpSynSoftErrors: boolean;
  /** A reset does not end TIME-WAIT: on (RFC 1337 section 3, F1); RFC 9293 section 3.10.7.4 and Linux have it off. */
  tcpRfc1337: boolean;
  /** A packet-too-big for less than what was acknowledged counts only if a timeout bears it out: on (RFC 5927 section 7.2). */
  tcpDoubtTooBig: boolean;
  /** Least path MTU believed over IPv4, 552 bytes: to a path no wider go packets without DF. IPv6: 1280 always (RFC 8201 section 4). */
  pathMtuMin: number;
  /** Bytes not sent above which no user is told to write; 0: only the send buffer counts (default). A socket may have its own. */
  tcpNotsentLowat: number;
  /** How long text may go unacknowledged, us; 0: until tcpRetries are used up (default) (RFC 9293 section 3.8.3, RFC 5482). */
  tcpUserTimeout: number;
  /** Congestion control of new connections: 'cubic' (RFC 9438, with HyStart++, RFC 9406), 'newreno' (RFC 6582), 'none'. */
  tcpCongestion: string;
  /** Send a window evenly over the round trip, where that is longer than tcpPacingMinRtt. */
  tcpPacing: boolean;
  tcpPacingMinRtt: number;
  /** After an idle time longer than the RTO the window shrinks (RFC 5681 section 4.1); likewise one that is used in part. */
  tcpSlowStartAfterIdle: boolean;
  /** Tail loss probes (RFC 8985 section 7), F-RTO (RFC 5682). */
  tcpTailLossProbe: boolean;
  tcpFrto: boolean;
  /** The least time for which RACK's and the probe's timers are set: the clock's resolution and a peer's scheduling, 2 ms. */
  tcpTimerMin: number;
  /** Ranges of out-of-order data held for one connection. */
  tcpMaxRanges: number;
}

const SECOND = 1_000_000;

/** The defaults. */
export const DEFAULT_SETTINGS: Readonly<Settings> = {
  tcpRows: 65536,
  udpRows: 4096,
  neighbours: 1024,
  routes: 256,
  reassemblies: 64,
  pathMtus: 1024,
  hopLimit: 64,
  reassemblyTimeout: 60 * SECOND,
  icmpErrorsPerSecond: 100,
  icmpErrorBurst: 50,
  answerEcho: true,
  pathMtuLifetime: 600 * SECOND,
  neighbourReachable: 30 * SECOND,
  neighbourRetransmit: 1 * SECOND,
  neighbourDelayFirstProbe: 5 * SECOND,
  neighbourMulticastProbes: 3,
  neighbourUnicastProbes: 3,
  neighbourQueue: 8,
  dadTransmits: 1,
  dadDelay: 1 * SECOND,
  routerSolicitations: 3,
  routerSolicitationInterval: 4 * SECOND,
  udpReceiveBuffer: 212_992,
  portFirst: 49152,
  portLast: 65535,
  tcpReceiveBuffer: 1 << 20,
  tcpSendBuffer: 1 << 20,
  tcpReceiveBufferMax: 32 << 20,
  tcpSendBufferMax: 32 << 20,
  tcpInitialReceiveWindow: 1 << 30,
  tcpWindowScaling: true,
  tcpTimestamps: true,
  tcpSack: true,
  tcpDsack: true,
  tcpEcn: 2,
  tcpMaxBacklog: 4096,
  tcpRtoInitial: 1 * SECOND,
  tcpRtoMin: 200_000,
  tcpRtoMax: 120 * SECOND,
  tcpSynRetries: 6,
  tcpSynAckRetries: 5,
  tcpRetries: 15,
  tcpDelayedAck: 40_000,
  tcpDelayedAckMax: 200_000,
  tcpQuickAcks: 16,
  tcpFirstAckDelay: 0,
  tcpTimeWait: 60 * SECOND,
  tcpFinWait2: 60 * SECOND,
  tcpKeepaliveIdle: 7200 * SECOND,
  tcpKeepaliveInterval: 75 * SECOND,
  tcpKeepaliveProbes: 9,
  tcpInitialWindow: 10,
  tcpInvalidRateLimit: 500_000,
  tcpChallengeAcksPerSecond: 1000,
  tcpSynCookies: 1,
  tcpMaxHalfOpen: 4096,
  tcpMinMss: 64,
  tcpMtuProbing: 1,
  tcpBaseMss: 1024,
  tcpMtuRaise: 600 * SECOND,
  tcpSynSoftErrors: false,
  tcpRfc1337: true,
  tcpDoubtTooBig: true,
  pathMtuMin: 552,
  tcpNotsentLowat: 0,
  tcpUserTimeout: 0,
  tcpCongestion: 'cubic',
  tcpPacing: true,
  tcpPacingMinRtt: 2_000,
  tcpSlowStartAfterIdle: true,
  tcpTailLossProbe: true,
  tcpFrto: true,
  tcpTimerMin: 2_000,
  tcpMaxRanges: 256,
};
