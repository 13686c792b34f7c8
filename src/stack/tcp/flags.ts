// The flag bits of a connection's row, the readiness bits that sockets see, and the option numbers.
// Used by every file of tcp/ and by socket; calls nothing.

/** An ACK must go out in this pass. */
export const F_ACK_NOW: number = 1 << 0;
/** Something to acknowledge; the delayed-ACK timer runs. */
export const F_ACK_PENDING: number = 1 << 1;
/** The user has shut down sending: a FIN follows the last byte. */
export const F_FIN_QUEUED: number = 1 << 2;
/** Our FIN has gone out at least once. */
export const F_FIN_SENT: number = 1 << 3;
/** The peer's FIN has been seen, maybe ahead of data: it lies at rcvFin. */
export const F_FIN_KNOWN: number = 1 << 4;
/** The peer's FIN has been taken in order. */
export const F_FIN_RECEIVED: number = 1 << 5;
/** Timestamps were agreed on (RFC 7323 section 3.2). */
export const F_TIMESTAMPS: number = 1 << 6;
/** Window scaling was agreed on. */
export const F_SCALING: number = 1 << 7;
export const F_NODELAY: number = 1 << 8;
export const F_KEEPALIVE: number = 1 << 9;
/** The user has closed: nobody holds the handle. */
export const F_ORPHAN: number = 1 << 10;
/** A user (not only an accept queue) holds the handle. */
export const F_OWNED: number = 1 << 11;
/** Came from a listener (RFC 9293 section 3.10.7.4: a reset in SYN-RECEIVED goes back to LISTEN). */
export const F_PASSIVE: number = 1 << 12;
/** A write came back short: say when there is room. */
export const F_WANT_WRITE: number = 1 << 13;
/** Close with a reset (SO_LINGER 0). */
export const F_LINGER0: number = 1 << 14;
/** The retransmission timer runs as persist timer: the peer's window is closed. */
export const F_PERSIST: number = 1 << 16;
/** A SYN (or SYN-ACK) is to be sent. */
export const F_SEND_SYN: number = 1 << 17;
/** An RTT measurement is under way (timedSeq, timedAt). */
export const F_TIMING: number = 1 << 18;
/** In the active queue; in the blocked queue; in the ready queue. */
export const F_ACTIVE: number = 1 << 19;
export const F_BLOCKED: number = 1 << 20;
export const F_READY: number = 1 << 21;
/** Listener on :: that takes IPv6 only. */
export const F_V6ONLY: number = 1 << 22;
/** The segment at SND.UNA is to be sent again in this pass. */
export const F_RETRANSMIT: number = 1 << 24;
/** A zero-window or keepalive probe is to be sent. */
export const F_PROBE: number = 1 << 25;
/** In the queue of connections that came from a listener and are not established yet. */
export const F_HALF_OPEN: number = 1 << 26;
/** In its listener's accept queue. */
export const F_QUEUED: number = 1 << 29;
/** In the queue of TIME-WAIT rows. */
export const F_TIME_WAIT: number = 1 << 27;
/** The persist timer fired with a small window open: send what fits in spite of silly window avoidance. */
export const F_FORCE: number = 1 << 28;

// The second word, flags2.

/** SACK was agreed on (RFC 2018 section 2). */
export const F2_SACK: number = 1 << 0;
/** ECN was agreed on (RFC 3168 section 6.1.1). */
export const F2_ECN: number = 1 << 1;
/** Marked packets have come: ECE goes out until CWR comes (RFC 3168 section 6.1.3). */
export const F2_ECE: number = 1 << 2;
/** cwnd was reduced for an ECE: the next new data bears CWR (section 6.1.2). */
export const F2_CWR_DUE: number = 1 << 3;
/** dsackStart and dsackEnd are to be reported (RFC 2883). */
export const F2_DSACK: number = 1 << 4;
/** The user has fixed the receive, the send buffer: no tuning. */
export const F2_RCVBUF_SET: number = 1 << 5;
export const F2_SNDBUF_SET: number = 1 << 6;
/** Question and answer: the user answers what arrives, so ACKs wait to ride on data. */
export const F2_PINGPONG: number = 1 << 16;
/** Less than a full segment has come since our last ACK: the peer may have no more. */
export const F2_PUSHED: number = 1 << 17;
/** An ACK goes in the next pass, when the user has had its turn and may have answered. */
export const F2_ACK_SOON: number = 1 << 18;
/** Memory was short: the peer has been told a window of 0, whatever rcvAdv promises. */
export const F2_SHUT: number = 1 << 19;
/** We have offered ECN: marks that arrive are echoed, even where we must not send marked ourselves (RFC 3168 section 6.1.1). */
export const F2_ECN_ECHO: number = 1 << 20;

/** RACK.reordering_seen (RFC 8985 section 5.2). */
export const F2_REORDERED: number = 1 << 7;
/** A tail loss probe is out (tlpEnd); it was a retransmission; one is to be sent in this pass. */
export const F2_TLP: number = 1 << 8;
export const F2_TLP_RETRANS: number = 1 << 9;
export const F2_SEND_TLP: number = 1 << 10;
/** A timeout is being looked at whether it was spurious (RFC 5682). */
export const F2_FRTO: number = 1 << 11;
/** cwnd, not the application or the peer, was the limit in this round trip. */
export const F2_CWND_LIMITED: number = 1 << 12;
/** undoMarker holds: the last reduction of cwnd may yet prove needless. */
export const F2_UNDO: number = 1 << 13;
/** Text waits for paceAt. */
export const F2_PACED: number = 1 << 14;
/** What is sent now is sent because of room that nobody filled before: rate samples of it say nothing of the path. */
export const F2_APP_LIMITED: number = 1 << 15;

/** retransStamp holds. */
export const F2_STAMPED: number = 1 << 29;

/** F-RTO's step 2.b: new text goes out, and what counts as lost waits for what it brings (RFC 5682 section 3.1). */
export const F2_FRTO_PROBE: number = 1 << 30;

// What the congestion state is (phase). The numbers are those that TCP_INFO shows elsewhere.

/** Nothing suspicious; duplicate ACKs or SACKs have come; cwnd is being reduced for ECN; loss recovery; after a timeout. */
export const PHASE_OPEN: number = 0;
export const PHASE_DISORDER: number = 1;
export const PHASE_CWR: number = 2;
export const PHASE_RECOVERY: number = 3;
export const PHASE_LOSS: number = 4;

/** ssthresh before any loss, and the largest cwnd. */
export const NO_THRESHOLD: number = 1 << 30;

// What rtxAt is for (timer), unless F_PERSIST is set.

export const TIMER_RTO: number = 0;
/** Tail loss probe (RFC 8985 section 7.2). */
export const TIMER_TLP: number = 1;
/** RACK's reordering timer (section 6.2). */
export const TIMER_REO: number = 2;
/** Segments that are not full wait for more (OPT_CORK). */
export const F2_CORK: number = 1 << 22;
/** A full segment larger than provenMss is out: see provingSeq. */
export const F2_PROVING: number = 1 << 23;
/** The handshake is complete but for text: see OPT_DEFER_ACCEPT. */
export const F2_DEFERRED: number = 1 << 24;
/** The route's MTU is fixed: no path MTU discovery, no DF. */
export const F2_MTU_LOCK: number = 1 << 25;
/** There is a pendingMtu or a mssCap. */
export const F2_SIZES: number = 1 << 26;

/** Data arrived. */
export const READY_READ = 1;
/** Room in the send buffer after a write that came back short. */
export const READY_WRITE = 2;
export const READY_CONNECTED = 4;
/** A listener has a connection to accept. */
export const READY_ACCEPT = 8;
/** The peer's FIN has arrived in order. */
export const READY_END = 16;
/** Reset, refused or timed out: error(h) says which. The connection is dead. */
export const READY_ERROR = 32;
/** Both directions are closed and acknowledged. */
export const READY_CLOSED = 64;

/** Options of set() and get(). Values are 0 or 1 unless the line says otherwise. */
export const OPT_NODELAY = 1;
export const OPT_KEEPALIVE = 2;
/** Microseconds of silence before the first probe, and between probes. */
export const OPT_KEEPIDLE = 3;
export const OPT_KEEPINTVL = 4;
/** Number of probes. */
export const OPT_KEEPCNT = 5;
/** Bytes. */
export const OPT_RCVBUF = 6;
export const OPT_SNDBUF = 7;
export const OPT_LINGER0 = 8;
/** TTL or hop limit, 1 to 255; the DSCP byte. */
export const OPT_TTL = 9;
export const OPT_TOS = 10;
/** Most bytes of text in a segment, 88 to 32767, advertised and sent; before the SYN goes out. 0: none. Reads as what is in use. */
export const OPT_MAXSEG = 20;
/** Us that text, or a probe of a closed window, may go unacknowledged (RFC 9293 section 3.8.3, RFC 5482); 0: by retransmissions. */
export const OPT_USER_TIMEOUT = 21;
/** Us after close() in which everything must be acknowledged, else a reset ends it; 0: no such limit. */
export const OPT_LINGER = 22;
/** The user is told to write only while fewer bytes than this have not been sent; 0: no such limit. */
export const OPT_NOTSENT_LOWAT = 23;
/** 1: a segment that is not full waits for more, for 200 ms at most. */
export const OPT_CORK = 24;
/** Retransmissions of a SYN, 1 to 127. */
export const OPT_SYNCNT = 25;
/** Us that FIN-WAIT-2 lasts after close(), up to two minutes; 0: the stack's setting. */
export const OPT_LINGER2 = 26;
/** Listener: us that a connection waits for its first text before it is accepted; as sums of SYN-ACK timeouts, 1, 3, 7… s. */
export const OPT_DEFER_ACCEPT = 27;
/** Most bytes of window to offer, at least 1152; 0: no such limit. */
export const OPT_WINDOW_CLAMP = 28;
/** 1: acknowledge at once for a while, and what is pending now; 0: leave ACKs to ride on data. */
export const OPT_QUICKACK = 30;
/** Microseconds that the first ACKs of a connection wait (setting tcpFirstAckDelay). */
export const OPT_FIRST_ACK_DELAY = 31;
/** The congestion control: its number in cc/controls.ts (controlNumber). A change begins with the window there is. */
export const OPT_CONGESTION = 32;
/** Bytes a second that are sent at most; 0, or 2^32 - 1 as elsewhere: no limit. */
export const OPT_MAX_PACING_RATE = 33;
