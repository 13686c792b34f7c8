// The row of a connection: where each field lies, and the view through which the code reads it by its RFC name.
// Used by every file of tcp/; calls base/rows. Another program may read the rows: a change of layout raises LAYOUT_VERSION.
// Length: one line a field and one accessor pair a field; it has no logic to split.

import type { Arena } from '../../base/arena.ts';
import { Rows } from '../../base/rows.ts';

/** Bytes of a row. Cells 0 and 1 belong to Rows. */
export const TCB_BYTES = 512;

const WHEEL_NEXT = 2;
const WHEEL_PREV = 3;
const WHEEL_SLOT = 4;
const STATE = 5;
const FLAGS = 6;
const HASH_NEXT = 7;
const LOCAL0 = 8;
const LOCAL1 = 9;
const LOCAL2 = 10;
const LOCAL3 = 11;
const LOCAL_PORT = 12;
const REMOTE0 = 13;
const REMOTE1 = 14;
const REMOTE2 = 15;
const REMOTE3 = 16;
const REMOTE_PORT = 17;
const IFACE = 18;
const NEIGHBOUR = 19;
const ROUTE_EPOCH = 20;
const PATH_MTU = 21;
const PEER_MSS = 22;
const MSS = 23;
const ISS = 24;
const IRS = 25;
const SND_UNA = 26;
const SND_NXT = 27;
const SND_MAX = 28;
const SND_WND = 29;
const SND_WL1 = 30;
const SND_WL2 = 31;
const MAX_SND_WND = 32;
const RCV_NXT = 33;
const RCV_ADV = 34;
const RCV_FIN = 35;
const RCV_UP = 36;
const SND_SCALE = 37;
const RCV_SCALE = 38;
const TS_RECENT = 39;

const LAST_ACK_SENT = 41;
const TS_OFFSET = 42;
const SRTT = 43;
const RTTVAR = 44;
const RTO = 45;
const TIMED_SEQ = 46;
const TIMED_AT = 47;
const CWND = 48;
const SSTHRESH = 49;
const RECOVER = 50;
const DUP_ACKS = 51;
const CC_CELL0 = 52;
const CC_CELL1 = 53;
const RETRIES = 54;
const PROBES = 55;
const SND_HEAD = 56;
const SND_TAIL = 57;
const SND_BYTES = 58;
const RCV_HEAD = 59;
const RCV_TAIL = 60;
const RCV_BYTES = 61;
const RANGES = 62;
const RANGE_COUNT = 63;
const SND_LIMIT = 64;
const RCV_LIMIT = 65;
const ERROR = 66;
const READY = 67;
const READY_NEXT = 68;
const ACTIVE_NEXT = 69;
const PARENT = 70;
const ACCEPT_NEXT = 71;
const ACCEPT_HEAD = 72;
const ACCEPT_TAIL = 73;
const ACCEPT_COUNT = 74;
const SYN_COUNT = 75;
const BACKLOG = 76;
const KEEP_IDLE = 77;
const KEEP_INTERVAL = 78;
const KEEP_COUNT = 79;
const TTL = 80;
const TOS = 81;
const FLOW_LABEL = 82;
const CURSOR_SPAN = 83;
const CURSOR_AT = 84;
const CURSOR_SEQ = 85;
const UNACKED_SEGMENTS = 86;
const READY_PREVIOUS = 87;
const ACTIVE_PREVIOUS = 88;
const CHALLENGE_AT = 89;
const SOFT_ERROR = 90;
const RCV_MSS = 91;
const WHEEL_AT = 52;
const RTX_AT = 53;
const ACK_AT = 54;
const LONG_AT = 55;
const LAST_RECEIVED_AT = 56;
const LAST_SENT_AT = 57;
const OPENED_AT = 58;
const BYTES_RECEIVED = 59;
const BYTES_ACKED = 60;
const BYTES_RETRANSMITTED = 61;

/** Places of the wheel's and the demultiplexer's cells in a row. */
export const TCB_WHEEL: { readonly links: number; readonly deadline: number } = {
  links: WHEEL_NEXT,
  deadline: WHEEL_AT,
};
export const TCB_HASH_NEXT: number = HASH_NEXT;
export const TCB_READY: { readonly next: number; readonly previous: number } = {
  next: READY_NEXT,
  previous: READY_PREVIOUS,
};
export const TCB_ACTIVE: { readonly next: number; readonly previous: number } = {
  next: ACTIVE_NEXT,
  previous: ACTIVE_PREVIOUS,
};
/** The queues of TIME-WAIT and of half-open rows use cells that only listeners and rows to be accepted need otherwise. */
export const TCB_TIME_WAIT: { readonly next: number; readonly previous: number } = {
  next: ACCEPT_NEXT,
  previous: ACCEPT_HEAD,
};
export const TCB_ACCEPT_NEXT: number = ACCEPT_NEXT;
export const TCB_LOCAL0: number = LOCAL0;
export const TCB_LOCAL_PORT: number = LOCAL_PORT;
export const TCB_REMOTE0: number = REMOTE0;
export const TCB_REMOTE_PORT: number = REMOTE_PORT;
export const TCB_STATE: number = STATE;
export const TCB_FLAGS: number = FLAGS;

/** Where a reader from outside finds each field: int32 cells by cell number, doubles by the number of the double. */
export const TCB_FIELDS: Readonly<Record<string, { cell?: number; double?: number }>> = {
  wheelNext: { cell: WHEEL_NEXT },
  wheelPrev: { cell: WHEEL_PREV },
  wheelSlot: { cell: WHEEL_SLOT },
  state: { cell: STATE },
  flags: { cell: FLAGS },
  hashNext: { cell: HASH_NEXT },
  local0: { cell: LOCAL0 },
  local1: { cell: LOCAL1 },
  local2: { cell: LOCAL2 },
  local3: { cell: LOCAL3 },
  localPort: { cell: LOCAL_PORT },
  remote0: { cell: REMOTE0 },
  remote1: { cell: REMOTE1 },
  remote2: { cell: REMOTE2 },
  remote3: { cell: REMOTE3 },
  remotePort: { cell: REMOTE_PORT },
  iface: { cell: IFACE },
  neighbour: { cell: NEIGHBOUR },
  routeEpoch: { cell: ROUTE_EPOCH },
  pathMtu: { cell: PATH_MTU },
  peerMss: { cell: PEER_MSS },
  mss: { cell: MSS },
  iss: { cell: ISS },
  irs: { cell: IRS },
  sndUna: { cell: SND_UNA },
  sndNxt: { cell: SND_NXT },
  sndMax: { cell: SND_MAX },
  sndWnd: { cell: SND_WND },
  sndWl1: { cell: SND_WL1 },
  sndWl2: { cell: SND_WL2 },
  maxSndWnd: { cell: MAX_SND_WND },
  rcvNxt: { cell: RCV_NXT },
  rcvAdv: { cell: RCV_ADV },
  rcvFin: { cell: RCV_FIN },
  rcvUp: { cell: RCV_UP },
  sndScale: { cell: SND_SCALE },
  rcvScale: { cell: RCV_SCALE },
  tsRecent: { cell: TS_RECENT },

  lastAckSent: { cell: LAST_ACK_SENT },
  tsOffset: { cell: TS_OFFSET },
  srtt: { cell: SRTT },
  rttvar: { cell: RTTVAR },
  rto: { cell: RTO },
  timedSeq: { cell: TIMED_SEQ },
  timedAt: { cell: TIMED_AT },
  cwnd: { cell: CWND },
  ssthresh: { cell: SSTHRESH },
  recover: { cell: RECOVER },
  dupAcks: { cell: DUP_ACKS },
  ccCell0: { cell: CC_CELL0 },
  ccCell1: { cell: CC_CELL1 },
  retries: { cell: RETRIES },
  probes: { cell: PROBES },
  sndHead: { cell: SND_HEAD },
  sndTail: { cell: SND_TAIL },
  sndBytes: { cell: SND_BYTES },
  rcvHead: { cell: RCV_HEAD },
  rcvTail: { cell: RCV_TAIL },
  rcvBytes: { cell: RCV_BYTES },
  ranges: { cell: RANGES },
  rangeCount: { cell: RANGE_COUNT },
  sndLimit: { cell: SND_LIMIT },
  rcvLimit: { cell: RCV_LIMIT },
  error: { cell: ERROR },
  ready: { cell: READY },
  readyNext: { cell: READY_NEXT },
  activeNext: { cell: ACTIVE_NEXT },
  parent: { cell: PARENT },
  acceptNext: { cell: ACCEPT_NEXT },
  acceptHead: { cell: ACCEPT_HEAD },
  acceptTail: { cell: ACCEPT_TAIL },
  acceptCount: { cell: ACCEPT_COUNT },
  synCount: { cell: SYN_COUNT },
  backlog: { cell: BACKLOG },
  keepIdle: { cell: KEEP_IDLE },
  keepInterval: { cell: KEEP_INTERVAL },
  keepCount: { cell: KEEP_COUNT },
  ttl: { cell: TTL },
  tos: { cell: TOS },
  flowLabel: { cell: FLOW_LABEL },
  cursorSpan: { cell: CURSOR_SPAN },
  cursorAt: { cell: CURSOR_AT },
  cursorSeq: { cell: CURSOR_SEQ },
  unackedSegments: { cell: UNACKED_SEGMENTS },
  challengeAt: { cell: CHALLENGE_AT },
  softError: { cell: SOFT_ERROR },
  rcvMss: { cell: RCV_MSS },
  wheelAt: { double: WHEEL_AT },
  rtxAt: { double: RTX_AT },
  ackAt: { double: ACK_AT },
  longAt: { double: LONG_AT },
  lastReceivedAt: { double: LAST_RECEIVED_AT },
  lastSentAt: { double: LAST_SENT_AT },
  openedAt: { double: OPENED_AT },
  bytesReceived: { double: BYTES_RECEIVED },
  bytesAcked: { double: BYTES_ACKED },
  bytesRetransmitted: { double: BYTES_RETRANSMITTED },
};

/** A cursor over the connection table: `at(row)` aims it. Times are us, sizes bytes, sequence numbers int32. */
export class Tcb {
  readonly rows: Rows;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  /** The row aimed at, and its first int32 cell. */
  row = 0;
  c = 0;

  constructor(rows: Rows) {
    this.rows = rows;
    this.i32 = rows.i32;
    this.f64 = rows.f64;
  }

  at(row: number): this {
    this.row = row;
    this.c = this.rows.cell(row);
    return this;
  }

  /** The lists of Spans, as they are named to it. */
  get sendList(): number {
    return this.c + SND_HEAD;
  }
  get receiveList(): number {
    return this.c + RCV_HEAD;
  }

  /** STATE_*. */
  get state(): number {
    return this.i32[this.c + STATE]!;
  }
  set state(v: number) {
    this.i32[this.c + STATE] = v;
  }
  /** F_* bits. */
  get flags(): number {
    return this.i32[this.c + FLAGS]!;
  }
  set flags(v: number) {
    this.i32[this.c + FLAGS] = v;
  }
  /** Next row of the demultiplexer's chain. */
  get hashNext(): number {
    return this.i32[this.c + HASH_NEXT]!;
  }
  set hashNext(v: number) {
    this.i32[this.c + HASH_NEXT] = v;
  }
  get local0(): number {
    return this.i32[this.c + LOCAL0]!;
  }
  set local0(v: number) {
    this.i32[this.c + LOCAL0] = v;
  }
  get local1(): number {
    return this.i32[this.c + LOCAL1]!;
  }
  set local1(v: number) {
    this.i32[this.c + LOCAL1] = v;
  }
  get local2(): number {
    return this.i32[this.c + LOCAL2]!;
  }
  set local2(v: number) {
    this.i32[this.c + LOCAL2] = v;
  }
  get local3(): number {
    return this.i32[this.c + LOCAL3]!;
  }
  set local3(v: number) {
    this.i32[this.c + LOCAL3] = v;
  }
  get localPort(): number {
    return this.i32[this.c + LOCAL_PORT]!;
  }
  set localPort(v: number) {
    this.i32[this.c + LOCAL_PORT] = v;
  }
  get remote0(): number {
    return this.i32[this.c + REMOTE0]!;
  }
  set remote0(v: number) {
    this.i32[this.c + REMOTE0] = v;
  }
  get remote1(): number {
    return this.i32[this.c + REMOTE1]!;
  }
  set remote1(v: number) {
    this.i32[this.c + REMOTE1] = v;
  }
  get remote2(): number {
    return this.i32[this.c + REMOTE2]!;
  }
  set remote2(v: number) {
    this.i32[this.c + REMOTE2] = v;
  }
  get remote3(): number {
    return this.i32[this.c + REMOTE3]!;
  }
  set remote3(v: number) {
    this.i32[this.c + REMOTE3] = v;
  }
  get remotePort(): number {
    return this.i32[this.c + REMOTE_PORT]!;
  }
  set remotePort(v: number) {
    this.i32[this.c + REMOTE_PORT] = v;
  }
  /** Interface the connection is bound to or leaves by. */
  get iface(): number {
    return this.i32[this.c + IFACE]!;
  }
  set iface(v: number) {
    this.i32[this.c + IFACE] = v;
  }
  /** Neighbour entry of the next hop. */
  get neighbour(): number {
    return this.i32[this.c + NEIGHBOUR]!;
  }
  set neighbour(v: number) {
    this.i32[this.c + NEIGHBOUR] = v;
  }
  /** Routes.epoch when iface, neighbour and pathMtu were found. */
  get routeEpoch(): number {
    return this.i32[this.c + ROUTE_EPOCH]!;
  }
  set routeEpoch(v: number) {
    this.i32[this.c + ROUTE_EPOCH] = v;
  }
  /** Largest IP packet, bytes. */
  get pathMtu(): number {
    return this.i32[this.c + PATH_MTU]!;
  }
  set pathMtu(v: number) {
    this.i32[this.c + PATH_MTU] = v;
  }
  /** MSS option of the peer, or the default (RFC 9293 section 3.7.1). */
  get peerMss(): number {
    return this.i32[this.c + PEER_MSS]!;
  }
  set peerMss(v: number) {
    this.i32[this.c + PEER_MSS] = v;
  }
  /** Bytes of payload in a full segment now. */
  get mss(): number {
    return this.i32[this.c + MSS]!;
  }
  set mss(v: number) {
    this.i32[this.c + MSS] = v;
  }
  /** ISS. */
  get iss(): number {
    return this.i32[this.c + ISS]!;
  }
  set iss(v: number) {
    this.i32[this.c + ISS] = v;
  }
  /** IRS. */
  get irs(): number {
    return this.i32[this.c + IRS]!;
  }
  set irs(v: number) {
    this.i32[this.c + IRS] = v;
  }
  /** SND.UNA. */
  get sndUna(): number {
    return this.i32[this.c + SND_UNA]!;
  }
  set sndUna(v: number) {
    this.i32[this.c + SND_UNA] = v;
  }
  /** SND.NXT. */
  get sndNxt(): number {
    return this.i32[this.c + SND_NXT]!;
  }
  set sndNxt(v: number) {
    this.i32[this.c + SND_NXT] = v;
  }
  /** Highest SND.NXT ever: what a go-back has not undone. */
  get sndMax(): number {
    return this.i32[this.c + SND_MAX]!;
  }
  set sndMax(v: number) {
    this.i32[this.c + SND_MAX] = v;
  }
  /** SND.WND in bytes, unscaled. */
  get sndWnd(): number {
    return this.i32[this.c + SND_WND]!;
  }
  set sndWnd(v: number) {
    this.i32[this.c + SND_WND] = v;
  }
  /** SND.WL1. */
  get sndWl1(): number {
    return this.i32[this.c + SND_WL1]!;
  }
  set sndWl1(v: number) {
    this.i32[this.c + SND_WL1] = v;
  }
  /** SND.WL2. */
  get sndWl2(): number {
    return this.i32[this.c + SND_WL2]!;
  }
  set sndWl2(v: number) {
    this.i32[this.c + SND_WL2] = v;
  }
  /** Largest SND.WND seen (silly window avoidance, RFC 9293 section 3.8.6.2.1). */
  get maxSndWnd(): number {
    return this.i32[this.c + MAX_SND_WND]!;
  }
  set maxSndWnd(v: number) {
    this.i32[this.c + MAX_SND_WND] = v;
  }
  /** RCV.NXT. */
  get rcvNxt(): number {
    return this.i32[this.c + RCV_NXT]!;
  }
  set rcvNxt(v: number) {
    this.i32[this.c + RCV_NXT] = v;
  }
  /** Right edge of the window last advertised: never moved back. */
  get rcvAdv(): number {
    return this.i32[this.c + RCV_ADV]!;
  }
  set rcvAdv(v: number) {
    this.i32[this.c + RCV_ADV] = v;
  }
  /** Sequence number of the peer's FIN, if F_FIN_KNOWN. */
  get rcvFin(): number {
    return this.i32[this.c + RCV_FIN]!;
  }
  set rcvFin(v: number) {
    this.i32[this.c + RCV_FIN] = v;
  }
  /** RCV.UP. */
  get rcvUp(): number {
    return this.i32[this.c + RCV_UP]!;
  }
  set rcvUp(v: number) {
    this.i32[this.c + RCV_UP] = v;
  }
  /** Shift of windows received. */
  get sndScale(): number {
    return this.i32[this.c + SND_SCALE]!;
  }
  set sndScale(v: number) {
    this.i32[this.c + SND_SCALE] = v;
  }
  /** Shift of windows sent. */
  get rcvScale(): number {
    return this.i32[this.c + RCV_SCALE]!;
  }
  set rcvScale(v: number) {
    this.i32[this.c + RCV_SCALE] = v;
  }
  /** TS.Recent (RFC 7323 section 4.3). */
  get tsRecent(): number {
    return this.i32[this.c + TS_RECENT]!;
  }
  set tsRecent(v: number) {
    this.i32[this.c + TS_RECENT] = v;
  }

  /** Last.ACK.sent. */
  get lastAckSent(): number {
    return this.i32[this.c + LAST_ACK_SENT]!;
  }
  set lastAckSent(v: number) {
    this.i32[this.c + LAST_ACK_SENT] = v;
  }
  /** Added to ms32 to give TSval. */
  get tsOffset(): number {
    return this.i32[this.c + TS_OFFSET]!;
  }
  set tsOffset(v: number) {
    this.i32[this.c + TS_OFFSET] = v;
  }
  /** SRTT, us; 0: no sample yet. */
  get srtt(): number {
    return this.i32[this.c + SRTT]!;
  }
  set srtt(v: number) {
    this.i32[this.c + SRTT] = v;
  }
  /** RTTVAR, us. */
  get rttvar(): number {
    return this.i32[this.c + RTTVAR]!;
  }
  set rttvar(v: number) {
    this.i32[this.c + RTTVAR] = v;
  }
  /** RTO, us, without backoff. */
  get rto(): number {
    return this.i32[this.c + RTO]!;
  }
  set rto(v: number) {
    this.i32[this.c + RTO] = v;
  }
  /** The ACK that ends the RTT measurement under way. */
  get timedSeq(): number {
    return this.i32[this.c + TIMED_SEQ]!;
  }
  set timedSeq(v: number) {
    this.i32[this.c + TIMED_SEQ] = v;
  }
  /** When it began, us32. */
  get timedAt(): number {
    return this.i32[this.c + TIMED_AT]!;
  }
  set timedAt(v: number) {
    this.i32[this.c + TIMED_AT] = v;
  }
  /** Congestion window, bytes. */
  get cwnd(): number {
    return this.i32[this.c + CWND]!;
  }
  set cwnd(v: number) {
    this.i32[this.c + CWND] = v;
  }
  /** Bytes. */
  get ssthresh(): number {
    return this.i32[this.c + SSTHRESH]!;
  }
  set ssthresh(v: number) {
    this.i32[this.c + SSTHRESH] = v;
  }
  /** RFC 6582 recover. */
  get recover(): number {
    return this.i32[this.c + RECOVER]!;
  }
  set recover(v: number) {
    this.i32[this.c + RECOVER] = v;
  }
  /** Duplicate ACKs in a row. */
  get dupAcks(): number {
    return this.i32[this.c + DUP_ACKS]!;
  }
  set dupAcks(v: number) {
    this.i32[this.c + DUP_ACKS] = v;
  }
  /** Owned by the congestion control. */
  get ccCell0(): number {
    return this.i32[this.c + CC_CELL0]!;
  }
  set ccCell0(v: number) {
    this.i32[this.c + CC_CELL0] = v;
  }
  /** Owned by the congestion control. */
  get ccCell1(): number {
    return this.i32[this.c + CC_CELL1]!;
  }
  set ccCell1(v: number) {
    this.i32[this.c + CC_CELL1] = v;
  }
  /** Timeouts in a row. */
  get retries(): number {
    return this.i32[this.c + RETRIES]!;
  }
  set retries(v: number) {
    this.i32[this.c + RETRIES] = v;
  }
  /** Keepalive probes in a row. */
  get probes(): number {
    return this.i32[this.c + PROBES]!;
  }
  set probes(v: number) {
    this.i32[this.c + PROBES] = v;
  }
  /** Send list: head, tail, bytes (Spans). */
  get sndHead(): number {
    return this.i32[this.c + SND_HEAD]!;
  }
  set sndHead(v: number) {
    this.i32[this.c + SND_HEAD] = v;
  }
  get sndTail(): number {
    return this.i32[this.c + SND_TAIL]!;
  }
  set sndTail(v: number) {
    this.i32[this.c + SND_TAIL] = v;
  }
  get sndBytes(): number {
    return this.i32[this.c + SND_BYTES]!;
  }
  set sndBytes(v: number) {
    this.i32[this.c + SND_BYTES] = v;
  }
  /** Receive list. */
  get rcvHead(): number {
    return this.i32[this.c + RCV_HEAD]!;
  }
  set rcvHead(v: number) {
    this.i32[this.c + RCV_HEAD] = v;
  }
  get rcvTail(): number {
    return this.i32[this.c + RCV_TAIL]!;
  }
  set rcvTail(v: number) {
    this.i32[this.c + RCV_TAIL] = v;
  }
  get rcvBytes(): number {
    return this.i32[this.c + RCV_BYTES]!;
  }
  set rcvBytes(v: number) {
    this.i32[this.c + RCV_BYTES] = v;
  }
  /** Out-of-order ranges: first. */
  get ranges(): number {
    return this.i32[this.c + RANGES]!;
  }
  set ranges(v: number) {
    this.i32[this.c + RANGES] = v;
  }
  get rangeCount(): number {
    return this.i32[this.c + RANGE_COUNT]!;
  }
  set rangeCount(v: number) {
    this.i32[this.c + RANGE_COUNT] = v;
  }
  /** Send buffer limit, bytes. */
  get sndLimit(): number {
    return this.i32[this.c + SND_LIMIT]!;
  }
  set sndLimit(v: number) {
    this.i32[this.c + SND_LIMIT] = v;
  }
  /** Receive buffer limit, bytes. */
  get rcvLimit(): number {
    return this.i32[this.c + RCV_LIMIT]!;
  }
  set rcvLimit(v: number) {
    this.i32[this.c + RCV_LIMIT] = v;
  }
  /** Pending error, positive errno. */
  get error(): number {
    return this.i32[this.c + ERROR]!;
  }
  set error(v: number) {
    this.i32[this.c + ERROR] = v;
  }
  /** READY_* flags not yet taken. */
  get ready(): number {
    return this.i32[this.c + READY]!;
  }
  set ready(v: number) {
    this.i32[this.c + READY] = v;
  }
  /** Next row in the ready queue. */
  get readyNext(): number {
    return this.i32[this.c + READY_NEXT]!;
  }
  set readyNext(v: number) {
    this.i32[this.c + READY_NEXT] = v;
  }
  /** Next row in the active or blocked queue. */
  get activeNext(): number {
    return this.i32[this.c + ACTIVE_NEXT]!;
  }
  set activeNext(v: number) {
    this.i32[this.c + ACTIVE_NEXT] = v;
  }
  /** Listener of a connection not yet accepted. */
  get parent(): number {
    return this.i32[this.c + PARENT]!;
  }
  set parent(v: number) {
    this.i32[this.c + PARENT] = v;
  }
  /** Next in the accept queue. */
  get acceptNext(): number {
    return this.i32[this.c + ACCEPT_NEXT]!;
  }
  set acceptNext(v: number) {
    this.i32[this.c + ACCEPT_NEXT] = v;
  }
  /** Listener: accept queue. */
  get acceptHead(): number {
    return this.i32[this.c + ACCEPT_HEAD]!;
  }
  set acceptHead(v: number) {
    this.i32[this.c + ACCEPT_HEAD] = v;
  }
  get acceptTail(): number {
    return this.i32[this.c + ACCEPT_TAIL]!;
  }
  set acceptTail(v: number) {
    this.i32[this.c + ACCEPT_TAIL] = v;
  }
  get acceptCount(): number {
    return this.i32[this.c + ACCEPT_COUNT]!;
  }
  set acceptCount(v: number) {
    this.i32[this.c + ACCEPT_COUNT] = v;
  }
  /** Listener: connections in SYN-RECEIVED. */
  get synCount(): number {
    return this.i32[this.c + SYN_COUNT]!;
  }
  set synCount(v: number) {
    this.i32[this.c + SYN_COUNT] = v;
  }
  /** Listener. */
  get backlog(): number {
    return this.i32[this.c + BACKLOG]!;
  }
  set backlog(v: number) {
    this.i32[this.c + BACKLOG] = v;
  }
  /** Ms. */
  get keepIdle(): number {
    return this.i32[this.c + KEEP_IDLE]!;
  }
  set keepIdle(v: number) {
    this.i32[this.c + KEEP_IDLE] = v;
  }
  /** Ms. */
  get keepInterval(): number {
    return this.i32[this.c + KEEP_INTERVAL]!;
  }
  set keepInterval(v: number) {
    this.i32[this.c + KEEP_INTERVAL] = v;
  }
  /** Probes. */
  get keepCount(): number {
    return this.i32[this.c + KEEP_COUNT]!;
  }
  set keepCount(v: number) {
    this.i32[this.c + KEEP_COUNT] = v;
  }
  get ttl(): number {
    return this.i32[this.c + TTL]!;
  }
  set ttl(v: number) {
    this.i32[this.c + TTL] = v;
  }
  get tos(): number {
    return this.i32[this.c + TOS]!;
  }
  set tos(v: number) {
    this.i32[this.c + TOS] = v;
  }
  get flowLabel(): number {
    return this.i32[this.c + FLOW_LABEL]!;
  }
  set flowLabel(v: number) {
    this.i32[this.c + FLOW_LABEL] = v;
  }
  /** Where sndNxt lies in the send list, if cursorSeq === sndNxt. */
  get cursorSpan(): number {
    return this.i32[this.c + CURSOR_SPAN]!;
  }
  set cursorSpan(v: number) {
    this.i32[this.c + CURSOR_SPAN] = v;
  }
  get cursorAt(): number {
    return this.i32[this.c + CURSOR_AT]!;
  }
  set cursorAt(v: number) {
    this.i32[this.c + CURSOR_AT] = v;
  }
  get cursorSeq(): number {
    return this.i32[this.c + CURSOR_SEQ]!;
  }
  set cursorSeq(v: number) {
    this.i32[this.c + CURSOR_SEQ] = v;
  }
  /** Full segments received since our last ACK. */
  get unackedSegments(): number {
    return this.i32[this.c + UNACKED_SEGMENTS]!;
  }
  set unackedSegments(v: number) {
    this.i32[this.c + UNACKED_SEGMENTS] = v;
  }
  /** Retransmission or persist timer, us; 0: off. */
  get rtxAt(): number {
    return this.f64[(this.c >> 1) + RTX_AT]!;
  }
  set rtxAt(v: number) {
    this.f64[(this.c >> 1) + RTX_AT] = v;
  }
  /** Delayed ACK. */
  get ackAt(): number {
    return this.f64[(this.c >> 1) + ACK_AT]!;
  }
  set ackAt(v: number) {
    this.f64[(this.c >> 1) + ACK_AT] = v;
  }
  /** Keepalive, TIME-WAIT or FIN-WAIT-2 timer. */
  get longAt(): number {
    return this.f64[(this.c >> 1) + LONG_AT]!;
  }
  set longAt(v: number) {
    this.f64[(this.c >> 1) + LONG_AT] = v;
  }
  /** When a segment of this connection last arrived. */
  get lastReceivedAt(): number {
    return this.f64[(this.c >> 1) + LAST_RECEIVED_AT]!;
  }
  set lastReceivedAt(v: number) {
    this.f64[(this.c >> 1) + LAST_RECEIVED_AT] = v;
  }
  /** When data was last sent. */
  get lastSentAt(): number {
    return this.f64[(this.c >> 1) + LAST_SENT_AT]!;
  }
  set lastSentAt(v: number) {
    this.f64[(this.c >> 1) + LAST_SENT_AT] = v;
  }
  /** When the row was made. */
  get openedAt(): number {
    return this.f64[(this.c >> 1) + OPENED_AT]!;
  }
  set openedAt(v: number) {
    this.f64[(this.c >> 1) + OPENED_AT] = v;
  }
  /** Payload delivered in order. */
  get bytesReceived(): number {
    return this.f64[(this.c >> 1) + BYTES_RECEIVED]!;
  }
  set bytesReceived(v: number) {
    this.f64[(this.c >> 1) + BYTES_RECEIVED] = v;
  }
  /** Payload acknowledged by the peer. */
  get bytesAcked(): number {
    return this.f64[(this.c >> 1) + BYTES_ACKED]!;
  }
  set bytesAcked(v: number) {
    this.f64[(this.c >> 1) + BYTES_ACKED] = v;
  }
  get bytesRetransmitted(): number {
    return this.f64[(this.c >> 1) + BYTES_RETRANSMITTED]!;
  }
  set bytesRetransmitted(v: number) {
    this.f64[(this.c >> 1) + BYTES_RETRANSMITTED] = v;
  }
  /** When an ACK to something unacceptable last went out, ms32. */
  get challengeAt(): number {
    return this.i32[this.c + CHALLENGE_AT]!;
  }
  set challengeAt(v: number) {
    this.i32[this.c + CHALLENGE_AT] = v;
  }
  /** Errno of an ICMP error that may pass (RFC 1122 section 4.2.3.9): reported if the connection times out. */
  get softError(): number {
    return this.i32[this.c + SOFT_ERROR]!;
  }
  set softError(v: number) {
    this.i32[this.c + SOFT_ERROR] = v;
  }
  /** The largest segment received: what a full one is to the peer. */
  get rcvMss(): number {
    return this.i32[this.c + RCV_MSS]!;
  }
  set rcvMss(v: number) {
    this.i32[this.c + RCV_MSS] = v;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }
  set(flag: number): void {
    this.flags |= flag;
  }
  unset(flag: number): void {
    this.flags &= ~flag;
  }
}

/** The table of connections and listeners of a stack. */
export function tcbRows(arena: Arena, count: number): Rows {
  return new Rows(arena, 'tcp.rows', count, TCB_BYTES);
}
