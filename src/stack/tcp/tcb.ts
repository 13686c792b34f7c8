// The row of a connection: where each field lies, and the view through which the code reads it by its RFC name.
// Used by every file of tcp/; calls base/rows. Another program may read the rows: a change of layout raises LAYOUT_VERSION.
// Made by scripts/build-tcb.mjs, which has the table of fields: change that.
// Length: one line a field and one accessor pair a field; it has no logic to split.

import type { Arena } from '../../base/arena.ts';
import { Rows } from '../../base/rows.ts';

/** Bytes of a row. Cells 0 and 1 belong to Rows. */
export const TCB_BYTES = 1024;

const WHEEL_NEXT = 2;
const WHEEL_PREV = 3;
const WHEEL_SLOT = 4;
const STATE = 5;
const FLAGS = 6;
const FLAGS2 = 7;
const HASH_NEXT = 8;
const READY_NEXT = 9;
const READY_PREVIOUS = 10;
const ACTIVE_NEXT = 11;
const ACTIVE_PREVIOUS = 12;
const READY = 13;
const ERROR = 14;
const SOFT_ERROR = 15;
const LOCAL0 = 16;
const LOCAL1 = 17;
const LOCAL2 = 18;
const LOCAL3 = 19;
const LOCAL_PORT = 20;
const REMOTE0 = 21;
const REMOTE1 = 22;
const REMOTE2 = 23;
const REMOTE3 = 24;
const REMOTE_PORT = 25;
const IFACE = 26;
const NEIGHBOUR = 27;
const ROUTE_EPOCH = 28;
const PATH_MTU = 29;
const PEER_MSS = 30;
const MSS = 31;
const TTL = 32;
const TOS = 33;
const FLOW_LABEL = 34;
const ISS = 35;
const IRS = 36;
const SND_UNA = 37;
const SND_NXT = 38;
const SND_WND = 39;
const SND_WL1 = 40;
const SND_WL2 = 41;
const SND_SML = 42;
const MAX_SND_WND = 43;
const RCV_NXT = 44;
const RCV_ADV = 45;
const RCV_FIN = 46;
const SND_SCALE = 47;
const RCV_SCALE = 48;
const TS_RECENT = 49;
const LAST_ACK_SENT = 50;
const TS_OFFSET = 51;
const SND_HEAD = 52;
const SND_TAIL = 53;
const SND_BYTES = 54;
const SND_LIMIT = 55;
const CURSOR_SPAN = 56;
const CURSOR_AT = 57;
const CURSOR_SEQ = 58;
const RCV_HEAD = 59;
const RCV_TAIL = 60;
const RCV_BYTES = 61;
const RCV_LIMIT = 62;
const RANGES = 63;
const RANGE_COUNT = 64;
const SRTT = 65;
const RTTVAR = 66;
const RTO = 67;
const RTO_VAR = 68;
const MDEV_MAX = 69;
const RTT_SEQ = 70;
const MIN_RTT = 71;
const TIMED_SEQ = 72;
const TIMED_AT = 73;
const RETRIES = 74;
const PROBES = 75;
const TIMER = 76;
const SEG_HEAD = 77;
const SEG_TAIL = 78;
const TIME_HEAD = 79;
const TIME_TAIL = 80;
const LOST_HINT = 81;
const SACK_HINT = 82;
const SACKED_BYTES = 83;
const LOST_BYTES = 84;
const SACKED_SEGMENTS = 85;
const RETRANS_BYTES = 86;
const WAITING_BYTES = 87;
const SACK_SEEN0 = 88;
const SACK_SEEN1 = 89;
const SACK_SEEN2 = 90;
const SACK_SEEN3 = 91;
const SACK_SEEN4 = 92;
const SACK_SEEN5 = 93;
const SACK_SEEN6 = 94;
const SACK_SEEN7 = 95;
const HIGH_SACKED = 96;
const PHASE = 97;
const RECOVER = 98;
const DUP_ACKS = 99;
const RACK_END = 100;
const RACK_RTT = 101;
const REO_WND_MULT = 102;
const REO_WND_PERSIST = 103;
const DSACK_ROUND = 104;
const REORDERING = 105;
const PRR_DELIVERED = 106;
const PRR_OUT = 107;
const TLP_END = 108;
const UNDO_MARKER = 109;
const UNDO_RETRANS = 110;
const UNDO_COUNT = 111;
const UNDO_START0 = 112;
const UNDO_START1 = 113;
const UNDO_START2 = 114;
const UNDO_START3 = 115;
const PRIOR_CWND = 116;
const PRIOR_SSTHRESH = 117;
const RETRANS_STAMP = 118;
const CWND = 119;
const SSTHRESH = 120;
const CC = 121;
const CC_CELL0 = 122;
const CC_CELL1 = 123;
const CC_CELL2 = 124;
const CC_CELL3 = 125;
const CC_CELL4 = 126;
const CC_CELL5 = 127;
const CC_CELL6 = 128;
const CC_CELL7 = 129;
const MAX_OUT = 130;
const CWND_SEQ = 131;
const CWND_USED = 132;
const DELIVERED_SEGMENTS = 133;
const DELIVERED_CE = 134;
const UNACKED_SEGMENTS = 135;
const RCV_MSS = 136;
const QUICK = 137;
const ATO = 138;
const FIRST_ACK_DELAY = 139;
const DATA_AT = 140;
const DSACK_START = 141;
const DSACK_END = 142;
const SACK_RECENT = 143;
const SACK_RECENT1 = 144;
const SACK_RECENT2 = 145;
const SACK_RECENT3 = 146;
const RCV_CLAMP = 147;
const RCV_SPACE = 148;
const RCV_SPACE_SEQ = 149;
const RCV_RTT = 150;
const RCV_RTT_SEQ = 151;
const PARENT = 152;
const ACCEPT_NEXT = 153;
const ACCEPT_HEAD = 154;
const ACCEPT_TAIL = 155;
const ACCEPT_COUNT = 156;
const SYN_COUNT = 157;
const BACKLOG = 158;
const KEEP_IDLE = 159;
const KEEP_INTERVAL = 160;
const KEEP_COUNT = 161;
const USER_TIMEOUT = 162;
const NOTSENT_LOW = 163;
const CHALLENGE_AT = 164;
const LINGER = 165;
const SYN_RETRIES = 166;
const FIN_WAIT2 = 167;
const DEFER_ACCEPT = 168;
const WINDOW_CLAMP = 169;
const USER_MSS = 170;
const ADV_MSS = 171;
const INIT_CWND = 172;
const MSS_CAP = 173;
const MTU_FAILURES = 174;
const PROVEN_MSS = 175;
const PROVING_MSS = 176;
const PROVING_SEQ = 177;
const PENDING_MTU = 178;
const PENDING_SEQ = 179;
const RETRANSMITS = 180;
const SEGS_IN = 181;
const SEGS_OUT = 182;
const DATA_SEGS_IN = 183;
const DATA_SEGS_OUT = 184;
const WHEEL_AT = 93;
const RTX_AT = 94;
const ACK_AT = 95;
const LONG_AT = 96;
const LAST_RECEIVED_AT = 97;
const LAST_DATA_AT = 98;
const RAISE_AT = 99;
const LAST_SENT_AT = 100;
const OPENED_AT = 101;
const PACE_AT = 102;
const PACING_RATE = 103;
const MAX_RATE = 104;
const RACK_AT = 105;
const CWND_AT = 106;
const MIN_RTT_AT = 107;
const RCV_SPACE_AT = 108;
const RCV_RTT_AT = 109;
const STUCK_AT = 110;
const DELIVERED = 111;
const DELIVERED_AT = 112;
const FIRST_SENT_AT = 113;
const APP_LIMITED = 114;
const DELIVERY_RATE = 115;
const CC_REAL0 = 116;
const CC_REAL1 = 117;
const CC_REAL2 = 118;
const CC_REAL3 = 119;
const BYTES_RECEIVED = 120;
const BYTES_ACKED = 121;
const BYTES_RETRANSMITTED = 122;
const BYTES_DUPLICATE = 123;

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
/** Eight cells: edges of four blocks. */
export const TCB_SACK_SEEN: number = SACK_SEEN0;
export const TCB_UNDO_START: number = UNDO_START0;

/** Where a reader from outside finds each field: int32 cells by cell number, doubles by the number of the double. */
export const TCB_FIELDS: Readonly<Record<string, { cell?: number; double?: number }>> = {
  wheelNext: { cell: WHEEL_NEXT },
  wheelPrev: { cell: WHEEL_PREV },
  wheelSlot: { cell: WHEEL_SLOT },
  state: { cell: STATE },
  flags: { cell: FLAGS },
  flags2: { cell: FLAGS2 },
  hashNext: { cell: HASH_NEXT },
  readyNext: { cell: READY_NEXT },
  readyPrevious: { cell: READY_PREVIOUS },
  activeNext: { cell: ACTIVE_NEXT },
  activePrevious: { cell: ACTIVE_PREVIOUS },
  ready: { cell: READY },
  error: { cell: ERROR },
  softError: { cell: SOFT_ERROR },
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
  ttl: { cell: TTL },
  tos: { cell: TOS },
  flowLabel: { cell: FLOW_LABEL },
  iss: { cell: ISS },
  irs: { cell: IRS },
  sndUna: { cell: SND_UNA },
  sndNxt: { cell: SND_NXT },
  sndWnd: { cell: SND_WND },
  sndWl1: { cell: SND_WL1 },
  sndWl2: { cell: SND_WL2 },
  sndSml: { cell: SND_SML },
  maxSndWnd: { cell: MAX_SND_WND },
  rcvNxt: { cell: RCV_NXT },
  rcvAdv: { cell: RCV_ADV },
  rcvFin: { cell: RCV_FIN },
  sndScale: { cell: SND_SCALE },
  rcvScale: { cell: RCV_SCALE },
  tsRecent: { cell: TS_RECENT },
  lastAckSent: { cell: LAST_ACK_SENT },
  tsOffset: { cell: TS_OFFSET },
  sndHead: { cell: SND_HEAD },
  sndTail: { cell: SND_TAIL },
  sndBytes: { cell: SND_BYTES },
  sndLimit: { cell: SND_LIMIT },
  cursorSpan: { cell: CURSOR_SPAN },
  cursorAt: { cell: CURSOR_AT },
  cursorSeq: { cell: CURSOR_SEQ },
  rcvHead: { cell: RCV_HEAD },
  rcvTail: { cell: RCV_TAIL },
  rcvBytes: { cell: RCV_BYTES },
  rcvLimit: { cell: RCV_LIMIT },
  ranges: { cell: RANGES },
  rangeCount: { cell: RANGE_COUNT },
  srtt: { cell: SRTT },
  rttvar: { cell: RTTVAR },
  rto: { cell: RTO },
  rtoVar: { cell: RTO_VAR },
  mdevMax: { cell: MDEV_MAX },
  rttSeq: { cell: RTT_SEQ },
  minRtt: { cell: MIN_RTT },
  timedSeq: { cell: TIMED_SEQ },
  timedAt: { cell: TIMED_AT },
  retries: { cell: RETRIES },
  probes: { cell: PROBES },
  timer: { cell: TIMER },
  segHead: { cell: SEG_HEAD },
  segTail: { cell: SEG_TAIL },
  timeHead: { cell: TIME_HEAD },
  timeTail: { cell: TIME_TAIL },
  lostHint: { cell: LOST_HINT },
  sackHint: { cell: SACK_HINT },
  sackedBytes: { cell: SACKED_BYTES },
  lostBytes: { cell: LOST_BYTES },
  sackedSegments: { cell: SACKED_SEGMENTS },
  retransBytes: { cell: RETRANS_BYTES },
  waitingBytes: { cell: WAITING_BYTES },
  sackSeen0: { cell: SACK_SEEN0 },
  sackSeen1: { cell: SACK_SEEN1 },
  sackSeen2: { cell: SACK_SEEN2 },
  sackSeen3: { cell: SACK_SEEN3 },
  sackSeen4: { cell: SACK_SEEN4 },
  sackSeen5: { cell: SACK_SEEN5 },
  sackSeen6: { cell: SACK_SEEN6 },
  sackSeen7: { cell: SACK_SEEN7 },
  highSacked: { cell: HIGH_SACKED },
  phase: { cell: PHASE },
  recover: { cell: RECOVER },
  dupAcks: { cell: DUP_ACKS },
  rackEnd: { cell: RACK_END },
  rackRtt: { cell: RACK_RTT },
  reoWndMult: { cell: REO_WND_MULT },
  reoWndPersist: { cell: REO_WND_PERSIST },
  dsackRound: { cell: DSACK_ROUND },
  reordering: { cell: REORDERING },
  prrDelivered: { cell: PRR_DELIVERED },
  prrOut: { cell: PRR_OUT },
  tlpEnd: { cell: TLP_END },
  undoMarker: { cell: UNDO_MARKER },
  undoRetrans: { cell: UNDO_RETRANS },
  undoCount: { cell: UNDO_COUNT },
  undoStart0: { cell: UNDO_START0 },
  undoStart1: { cell: UNDO_START1 },
  undoStart2: { cell: UNDO_START2 },
  undoStart3: { cell: UNDO_START3 },
  priorCwnd: { cell: PRIOR_CWND },
  priorSsthresh: { cell: PRIOR_SSTHRESH },
  retransStamp: { cell: RETRANS_STAMP },
  cwnd: { cell: CWND },
  ssthresh: { cell: SSTHRESH },
  cc: { cell: CC },
  ccCell0: { cell: CC_CELL0 },
  ccCell1: { cell: CC_CELL1 },
  ccCell2: { cell: CC_CELL2 },
  ccCell3: { cell: CC_CELL3 },
  ccCell4: { cell: CC_CELL4 },
  ccCell5: { cell: CC_CELL5 },
  ccCell6: { cell: CC_CELL6 },
  ccCell7: { cell: CC_CELL7 },
  maxOut: { cell: MAX_OUT },
  cwndSeq: { cell: CWND_SEQ },
  cwndUsed: { cell: CWND_USED },
  deliveredSegments: { cell: DELIVERED_SEGMENTS },
  deliveredCe: { cell: DELIVERED_CE },
  unackedSegments: { cell: UNACKED_SEGMENTS },
  rcvMss: { cell: RCV_MSS },
  quick: { cell: QUICK },
  ato: { cell: ATO },
  firstAckDelay: { cell: FIRST_ACK_DELAY },
  dataAt: { cell: DATA_AT },
  dsackStart: { cell: DSACK_START },
  dsackEnd: { cell: DSACK_END },
  sackRecent: { cell: SACK_RECENT },
  sackRecent1: { cell: SACK_RECENT1 },
  sackRecent2: { cell: SACK_RECENT2 },
  sackRecent3: { cell: SACK_RECENT3 },
  rcvClamp: { cell: RCV_CLAMP },
  rcvSpace: { cell: RCV_SPACE },
  rcvSpaceSeq: { cell: RCV_SPACE_SEQ },
  rcvRtt: { cell: RCV_RTT },
  rcvRttSeq: { cell: RCV_RTT_SEQ },
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
  userTimeout: { cell: USER_TIMEOUT },
  notsentLow: { cell: NOTSENT_LOW },
  challengeAt: { cell: CHALLENGE_AT },
  linger: { cell: LINGER },
  synRetries: { cell: SYN_RETRIES },
  finWait2: { cell: FIN_WAIT2 },
  deferAccept: { cell: DEFER_ACCEPT },
  windowClamp: { cell: WINDOW_CLAMP },
  userMss: { cell: USER_MSS },
  advMss: { cell: ADV_MSS },
  initCwnd: { cell: INIT_CWND },
  mssCap: { cell: MSS_CAP },
  mtuFailures: { cell: MTU_FAILURES },
  provenMss: { cell: PROVEN_MSS },
  provingMss: { cell: PROVING_MSS },
  provingSeq: { cell: PROVING_SEQ },
  pendingMtu: { cell: PENDING_MTU },
  pendingSeq: { cell: PENDING_SEQ },
  retransmits: { cell: RETRANSMITS },
  segsIn: { cell: SEGS_IN },
  segsOut: { cell: SEGS_OUT },
  dataSegsIn: { cell: DATA_SEGS_IN },
  dataSegsOut: { cell: DATA_SEGS_OUT },
  wheelAt: { double: WHEEL_AT },
  rtxAt: { double: RTX_AT },
  ackAt: { double: ACK_AT },
  longAt: { double: LONG_AT },
  lastReceivedAt: { double: LAST_RECEIVED_AT },
  lastDataAt: { double: LAST_DATA_AT },
  raiseAt: { double: RAISE_AT },
  lastSentAt: { double: LAST_SENT_AT },
  openedAt: { double: OPENED_AT },
  paceAt: { double: PACE_AT },
  pacingRate: { double: PACING_RATE },
  maxRate: { double: MAX_RATE },
  rackAt: { double: RACK_AT },
  cwndAt: { double: CWND_AT },
  minRttAt: { double: MIN_RTT_AT },
  rcvSpaceAt: { double: RCV_SPACE_AT },
  rcvRttAt: { double: RCV_RTT_AT },
  stuckAt: { double: STUCK_AT },
  delivered: { double: DELIVERED },
  deliveredAt: { double: DELIVERED_AT },
  firstSentAt: { double: FIRST_SENT_AT },
  appLimited: { double: APP_LIMITED },
  deliveryRate: { double: DELIVERY_RATE },
  ccReal0: { double: CC_REAL0 },
  ccReal1: { double: CC_REAL1 },
  ccReal2: { double: CC_REAL2 },
  ccReal3: { double: CC_REAL3 },
  bytesReceived: { double: BYTES_RECEIVED },
  bytesAcked: { double: BYTES_ACKED },
  bytesRetransmitted: { double: BYTES_RETRANSMITTED },
  bytesDuplicate: { double: BYTES_DUPLICATE },
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
  /** The first of the cells sackRecent…, as an index. */
  get recentRanges(): number {
    return this.c + SACK_RECENT;
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
  /** F2_* bits. */
  get flags2(): number {
    return this.i32[this.c + FLAGS2]!;
  }
  set flags2(v: number) {
    this.i32[this.c + FLAGS2] = v;
  }
  /** Next row of the demultiplexer's chain. */
  get hashNext(): number {
    return this.i32[this.c + HASH_NEXT]!;
  }
  set hashNext(v: number) {
    this.i32[this.c + HASH_NEXT] = v;
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
  /** READY_* flags not yet taken. */
  get ready(): number {
    return this.i32[this.c + READY]!;
  }
  set ready(v: number) {
    this.i32[this.c + READY] = v;
  }
  /** Pending error, positive errno. */
  get error(): number {
    return this.i32[this.c + ERROR]!;
  }
  set error(v: number) {
    this.i32[this.c + ERROR] = v;
  }
  /** Errno of an ICMP error that may pass (RFC 1122 section 4.2.3.9): reported if the connection times out. */
  get softError(): number {
    return this.i32[this.c + SOFT_ERROR]!;
  }
  set softError(v: number) {
    this.i32[this.c + SOFT_ERROR] = v;
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
  /** End of the last segment sent that was not full (Minshall's form of Nagle's rule). */
  get sndSml(): number {
    return this.i32[this.c + SND_SML]!;
  }
  set sndSml(v: number) {
    this.i32[this.c + SND_SML] = v;
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
  /** Send buffer limit, bytes. */
  get sndLimit(): number {
    return this.i32[this.c + SND_LIMIT]!;
  }
  set sndLimit(v: number) {
    this.i32[this.c + SND_LIMIT] = v;
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
  /** Receive buffer limit, bytes. */
  get rcvLimit(): number {
    return this.i32[this.c + RCV_LIMIT]!;
  }
  set rcvLimit(v: number) {
    this.i32[this.c + RCV_LIMIT] = v;
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
  /** RTO, us, backoff included. */
  get rto(): number {
    return this.i32[this.c + RTO]!;
  }
  set rto(v: number) {
    this.i32[this.c + RTO] = v;
  }
  /** The deviation that RTO counts with, us: the largest of a round trip, decaying. */
  get rtoVar(): number {
    return this.i32[this.c + RTO_VAR]!;
  }
  set rtoVar(v: number) {
    this.i32[this.c + RTO_VAR] = v;
  }
  /** Largest deviation in the present round trip, us. */
  get mdevMax(): number {
    return this.i32[this.c + MDEV_MAX]!;
  }
  set mdevMax(v: number) {
    this.i32[this.c + MDEV_MAX] = v;
  }
  /** The ACK that ends the present round trip for rttvar. */
  get rttSeq(): number {
    return this.i32[this.c + RTT_SEQ]!;
  }
  set rttSeq(v: number) {
    this.i32[this.c + RTT_SEQ] = v;
  }
  /** Least RTT of the last minutes, us; 0: no sample yet. */
  get minRtt(): number {
    return this.i32[this.c + MIN_RTT]!;
  }
  set minRtt(v: number) {
    this.i32[this.c + MIN_RTT] = v;
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
  /** What rtxAt is for: TIMER_*. */
  get timer(): number {
    return this.i32[this.c + TIMER]!;
  }
  set timer(v: number) {
    this.i32[this.c + TIMER] = v;
  }
  /** Records in sequence order: first and last (arena offsets). */
  get segHead(): number {
    return this.i32[this.c + SEG_HEAD]!;
  }
  set segHead(v: number) {
    this.i32[this.c + SEG_HEAD] = v;
  }
  get segTail(): number {
    return this.i32[this.c + SEG_TAIL]!;
  }
  set segTail(v: number) {
    this.i32[this.c + SEG_TAIL] = v;
  }
  /** Records in order of sending, those that are neither SACKed nor lost: first and last. */
  get timeHead(): number {
    return this.i32[this.c + TIME_HEAD]!;
  }
  set timeHead(v: number) {
    this.i32[this.c + TIME_HEAD] = v;
  }
  get timeTail(): number {
    return this.i32[this.c + TIME_TAIL]!;
  }
  set timeTail(v: number) {
    this.i32[this.c + TIME_TAIL] = v;
  }
  /** No lost record that waits to be sent again lies before this one; 0: none waits. */
  get lostHint(): number {
    return this.i32[this.c + LOST_HINT]!;
  }
  set lostHint(v: number) {
    this.i32[this.c + LOST_HINT] = v;
  }
  /** The last record that a SACK block has reached. */
  get sackHint(): number {
    return this.i32[this.c + SACK_HINT]!;
  }
  set sackHint(v: number) {
    this.i32[this.c + SACK_HINT] = v;
  }
  /** Bytes in flight that are SACKed, that count as lost, and those sent again. */
  get sackedBytes(): number {
    return this.i32[this.c + SACKED_BYTES]!;
  }
  set sackedBytes(v: number) {
    this.i32[this.c + SACKED_BYTES] = v;
  }
  get lostBytes(): number {
    return this.i32[this.c + LOST_BYTES]!;
  }
  set lostBytes(v: number) {
    this.i32[this.c + LOST_BYTES] = v;
  }
  /** Segments SACKed, as they were sent (RFC 8985 section 6.2, RACK.segs_sacked). */
  get sackedSegments(): number {
    return this.i32[this.c + SACKED_SEGMENTS]!;
  }
  set sackedSegments(v: number) {
    this.i32[this.c + SACKED_SEGMENTS] = v;
  }
  get retransBytes(): number {
    return this.i32[this.c + RETRANS_BYTES]!;
  }
  set retransBytes(v: number) {
    this.i32[this.c + RETRANS_BYTES] = v;
  }
  /** Those that are lost and not sent again. */
  get waitingBytes(): number {
    return this.i32[this.c + WAITING_BYTES]!;
  }
  set waitingBytes(v: number) {
    this.i32[this.c + WAITING_BYTES] = v;
  }
  /** The SACK blocks of the last ACK: they tell nothing new. */
  get sackSeen0(): number {
    return this.i32[this.c + SACK_SEEN0]!;
  }
  set sackSeen0(v: number) {
    this.i32[this.c + SACK_SEEN0] = v;
  }
  get sackSeen1(): number {
    return this.i32[this.c + SACK_SEEN1]!;
  }
  set sackSeen1(v: number) {
    this.i32[this.c + SACK_SEEN1] = v;
  }
  get sackSeen2(): number {
    return this.i32[this.c + SACK_SEEN2]!;
  }
  set sackSeen2(v: number) {
    this.i32[this.c + SACK_SEEN2] = v;
  }
  get sackSeen3(): number {
    return this.i32[this.c + SACK_SEEN3]!;
  }
  set sackSeen3(v: number) {
    this.i32[this.c + SACK_SEEN3] = v;
  }
  get sackSeen4(): number {
    return this.i32[this.c + SACK_SEEN4]!;
  }
  set sackSeen4(v: number) {
    this.i32[this.c + SACK_SEEN4] = v;
  }
  get sackSeen5(): number {
    return this.i32[this.c + SACK_SEEN5]!;
  }
  set sackSeen5(v: number) {
    this.i32[this.c + SACK_SEEN5] = v;
  }
  get sackSeen6(): number {
    return this.i32[this.c + SACK_SEEN6]!;
  }
  set sackSeen6(v: number) {
    this.i32[this.c + SACK_SEEN6] = v;
  }
  get sackSeen7(): number {
    return this.i32[this.c + SACK_SEEN7]!;
  }
  set sackSeen7(v: number) {
    this.i32[this.c + SACK_SEEN7] = v;
  }
  /** End of the highest bytes SACKed. */
  get highSacked(): number {
    return this.i32[this.c + HIGH_SACKED]!;
  }
  set highSacked(v: number) {
    this.i32[this.c + HIGH_SACKED] = v;
  }
  /** PHASE_*. */
  get phase(): number {
    return this.i32[this.c + PHASE]!;
  }
  set phase(v: number) {
    this.i32[this.c + PHASE] = v;
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
  /** RACK.end_seq, RACK.rtt (us) (RFC 8985 section 5.2). */
  get rackEnd(): number {
    return this.i32[this.c + RACK_END]!;
  }
  set rackEnd(v: number) {
    this.i32[this.c + RACK_END] = v;
  }
  get rackRtt(): number {
    return this.i32[this.c + RACK_RTT]!;
  }
  set rackRtt(v: number) {
    this.i32[this.c + RACK_RTT] = v;
  }
  /** RACK.reo_wnd_mult, RACK.reo_wnd_persist, RACK.dsack_round. */
  get reoWndMult(): number {
    return this.i32[this.c + REO_WND_MULT]!;
  }
  set reoWndMult(v: number) {
    this.i32[this.c + REO_WND_MULT] = v;
  }
  get reoWndPersist(): number {
    return this.i32[this.c + REO_WND_PERSIST]!;
  }
  set reoWndPersist(v: number) {
    this.i32[this.c + REO_WND_PERSIST] = v;
  }
  get dsackRound(): number {
    return this.i32[this.c + DSACK_ROUND]!;
  }
  set dsackRound(v: number) {
    this.i32[this.c + DSACK_ROUND] = v;
  }
  /** Degree of reordering seen, bytes. */
  get reordering(): number {
    return this.i32[this.c + REORDERING]!;
  }
  set reordering(v: number) {
    this.i32[this.c + REORDERING] = v;
  }
  /** prr_delivered, prr_out (RFC 9937 section 6); RecoverFS is priorCwnd. */
  get prrDelivered(): number {
    return this.i32[this.c + PRR_DELIVERED]!;
  }
  set prrDelivered(v: number) {
    this.i32[this.c + PRR_DELIVERED] = v;
  }
  get prrOut(): number {
    return this.i32[this.c + PRR_OUT]!;
  }
  set prrOut(v: number) {
    this.i32[this.c + PRR_OUT] = v;
  }
  /** TLP.end_seq (RFC 8985 section 7.1). */
  get tlpEnd(): number {
    return this.i32[this.c + TLP_END]!;
  }
  set tlpEnd(v: number) {
    this.i32[this.c + TLP_END] = v;
  }
  /** SND.UNA when cwnd was reduced; what was retransmitted since and not reported as duplicate. */
  get undoMarker(): number {
    return this.i32[this.c + UNDO_MARKER]!;
  }
  set undoMarker(v: number) {
    this.i32[this.c + UNDO_MARKER] = v;
  }
  get undoRetrans(): number {
    return this.i32[this.c + UNDO_RETRANS]!;
  }
  set undoRetrans(v: number) {
    this.i32[this.c + UNDO_RETRANS] = v;
  }
  /** How many were; where the first four began. */
  get undoCount(): number {
    return this.i32[this.c + UNDO_COUNT]!;
  }
  set undoCount(v: number) {
    this.i32[this.c + UNDO_COUNT] = v;
  }
  get undoStart0(): number {
    return this.i32[this.c + UNDO_START0]!;
  }
  set undoStart0(v: number) {
    this.i32[this.c + UNDO_START0] = v;
  }
  get undoStart1(): number {
    return this.i32[this.c + UNDO_START1]!;
  }
  set undoStart1(v: number) {
    this.i32[this.c + UNDO_START1] = v;
  }
  get undoStart2(): number {
    return this.i32[this.c + UNDO_START2]!;
  }
  set undoStart2(v: number) {
    this.i32[this.c + UNDO_START2] = v;
  }
  get undoStart3(): number {
    return this.i32[this.c + UNDO_START3]!;
  }
  set undoStart3(v: number) {
    this.i32[this.c + UNDO_START3] = v;
  }
  /** cwnd and ssthresh before the reduction. */
  get priorCwnd(): number {
    return this.i32[this.c + PRIOR_CWND]!;
  }
  set priorCwnd(v: number) {
    this.i32[this.c + PRIOR_CWND] = v;
  }
  get priorSsthresh(): number {
    return this.i32[this.c + PRIOR_SSTHRESH]!;
  }
  set priorSsthresh(v: number) {
    this.i32[this.c + PRIOR_SSTHRESH] = v;
  }
  /** TSval of the first retransmission of this recovery (RFC 3522). */
  get retransStamp(): number {
    return this.i32[this.c + RETRANS_STAMP]!;
  }
  set retransStamp(v: number) {
    this.i32[this.c + RETRANS_STAMP] = v;
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
  /** Which control: its number in the table of cc/. */
  get cc(): number {
    return this.i32[this.c + CC]!;
  }
  set cc(v: number) {
    this.i32[this.c + CC] = v;
  }
  /** Owned by the congestion control. */
  get ccCell0(): number {
    return this.i32[this.c + CC_CELL0]!;
  }
  set ccCell0(v: number) {
    this.i32[this.c + CC_CELL0] = v;
  }
  get ccCell1(): number {
    return this.i32[this.c + CC_CELL1]!;
  }
  set ccCell1(v: number) {
    this.i32[this.c + CC_CELL1] = v;
  }
  get ccCell2(): number {
    return this.i32[this.c + CC_CELL2]!;
  }
  set ccCell2(v: number) {
    this.i32[this.c + CC_CELL2] = v;
  }
  get ccCell3(): number {
    return this.i32[this.c + CC_CELL3]!;
  }
  set ccCell3(v: number) {
    this.i32[this.c + CC_CELL3] = v;
  }
  get ccCell4(): number {
    return this.i32[this.c + CC_CELL4]!;
  }
  set ccCell4(v: number) {
    this.i32[this.c + CC_CELL4] = v;
  }
  get ccCell5(): number {
    return this.i32[this.c + CC_CELL5]!;
  }
  set ccCell5(v: number) {
    this.i32[this.c + CC_CELL5] = v;
  }
  get ccCell6(): number {
    return this.i32[this.c + CC_CELL6]!;
  }
  set ccCell6(v: number) {
    this.i32[this.c + CC_CELL6] = v;
  }
  get ccCell7(): number {
    return this.i32[this.c + CC_CELL7]!;
  }
  set ccCell7(v: number) {
    this.i32[this.c + CC_CELL7] = v;
  }
  /** Most bytes in flight in the present round trip, and the ACK that ends it. */
  get maxOut(): number {
    return this.i32[this.c + MAX_OUT]!;
  }
  set maxOut(v: number) {
    this.i32[this.c + MAX_OUT] = v;
  }
  get cwndSeq(): number {
    return this.i32[this.c + CWND_SEQ]!;
  }
  set cwndSeq(v: number) {
    this.i32[this.c + CWND_SEQ] = v;
  }
  /** Most bytes in flight while the application left room in cwnd. */
  get cwndUsed(): number {
    return this.i32[this.c + CWND_USED]!;
  }
  set cwndUsed(v: number) {
    this.i32[this.c + CWND_USED] = v;
  }
  /** Segments delivered, and delivered with an ECN mark, since the start. */
  get deliveredSegments(): number {
    return this.i32[this.c + DELIVERED_SEGMENTS]!;
  }
  set deliveredSegments(v: number) {
    this.i32[this.c + DELIVERED_SEGMENTS] = v;
  }
  get deliveredCe(): number {
    return this.i32[this.c + DELIVERED_CE]!;
  }
  set deliveredCe(v: number) {
    this.i32[this.c + DELIVERED_CE] = v;
  }
  /** Full segments received since our last ACK. */
  get unackedSegments(): number {
    return this.i32[this.c + UNACKED_SEGMENTS]!;
  }
  set unackedSegments(v: number) {
    this.i32[this.c + UNACKED_SEGMENTS] = v;
  }
  /** The largest segment received: what a full one is to the peer. */
  get rcvMss(): number {
    return this.i32[this.c + RCV_MSS]!;
  }
  set rcvMss(v: number) {
    this.i32[this.c + RCV_MSS] = v;
  }
  /** ACKs that still go out at once. */
  get quick(): number {
    return this.i32[this.c + QUICK]!;
  }
  set quick(v: number) {
    this.i32[this.c + QUICK] = v;
  }
  /** Delay of a delayed ACK, us; 0: no data has come yet. */
  get ato(): number {
    return this.i32[this.c + ATO]!;
  }
  set ato(v: number) {
    this.i32[this.c + ATO] = v;
  }
  /** Delay of the first ACKs (while quick > 0), us; 0: until the user has had its turn. */
  get firstAckDelay(): number {
    return this.i32[this.c + FIRST_ACK_DELAY]!;
  }
  set firstAckDelay(v: number) {
    this.i32[this.c + FIRST_ACK_DELAY] = v;
  }
  /** When data last came, us32. */
  get dataAt(): number {
    return this.i32[this.c + DATA_AT]!;
  }
  set dataAt(v: number) {
    this.i32[this.c + DATA_AT] = v;
  }
  /** The duplicate that the next ACK reports (RFC 2883), if F2_DSACK. */
  get dsackStart(): number {
    return this.i32[this.c + DSACK_START]!;
  }
  set dsackStart(v: number) {
    this.i32[this.c + DSACK_START] = v;
  }
  get dsackEnd(): number {
    return this.i32[this.c + DSACK_END]!;
  }
  set dsackEnd(v: number) {
    this.i32[this.c + DSACK_END] = v;
  }
  /** The ranges that changed last, latest first (arena offsets): the order of SACK blocks (RFC 2018 section 4). */
  get sackRecent(): number {
    return this.i32[this.c + SACK_RECENT]!;
  }
  set sackRecent(v: number) {
    this.i32[this.c + SACK_RECENT] = v;
  }
  get sackRecent1(): number {
    return this.i32[this.c + SACK_RECENT1]!;
  }
  set sackRecent1(v: number) {
    this.i32[this.c + SACK_RECENT1] = v;
  }
  get sackRecent2(): number {
    return this.i32[this.c + SACK_RECENT2]!;
  }
  set sackRecent2(v: number) {
    this.i32[this.c + SACK_RECENT2] = v;
  }
  get sackRecent3(): number {
    return this.i32[this.c + SACK_RECENT3]!;
  }
  set sackRecent3(v: number) {
    this.i32[this.c + SACK_RECENT3] = v;
  }
  /** The window offered grows up to this: raised as data comes (tcpInitialReceiveWindow). */
  get rcvClamp(): number {
    return this.i32[this.c + RCV_CLAMP]!;
  }
  set rcvClamp(v: number) {
    this.i32[this.c + RCV_CLAMP] = v;
  }
  /** Receive buffer tuning: bytes read in a round trip, from where it counts, its RTT (us). */
  get rcvSpace(): number {
    return this.i32[this.c + RCV_SPACE]!;
  }
  set rcvSpace(v: number) {
    this.i32[this.c + RCV_SPACE] = v;
  }
  get rcvSpaceSeq(): number {
    return this.i32[this.c + RCV_SPACE_SEQ]!;
  }
  set rcvSpaceSeq(v: number) {
    this.i32[this.c + RCV_SPACE_SEQ] = v;
  }
  get rcvRtt(): number {
    return this.i32[this.c + RCV_RTT]!;
  }
  set rcvRtt(v: number) {
    this.i32[this.c + RCV_RTT] = v;
  }
  /** With timestamps the last TSecr, else the number whose arrival ends the measurement of rcvRtt. */
  get rcvRttSeq(): number {
    return this.i32[this.c + RCV_RTT_SEQ]!;
  }
  set rcvRttSeq(v: number) {
    this.i32[this.c + RCV_RTT_SEQ] = v;
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
  /** Ms; 0: none (RFC 5482). */
  get userTimeout(): number {
    return this.i32[this.c + USER_TIMEOUT]!;
  }
  set userTimeout(v: number) {
    this.i32[this.c + USER_TIMEOUT] = v;
  }
  /** Bytes unsent above which the user is not told to write; 0: no such limit. */
  get notsentLow(): number {
    return this.i32[this.c + NOTSENT_LOW]!;
  }
  set notsentLow(v: number) {
    this.i32[this.c + NOTSENT_LOW] = v;
  }
  /** When an ACK to something unacceptable last went out, ms32. */
  get challengeAt(): number {
    return this.i32[this.c + CHALLENGE_AT]!;
  }
  set challengeAt(v: number) {
    this.i32[this.c + CHALLENGE_AT] = v;
  }
  /** Ms that a close may take before it becomes a reset; 0: for ever. */
  get linger(): number {
    return this.i32[this.c + LINGER]!;
  }
  set linger(v: number) {
    this.i32[this.c + LINGER] = v;
  }
  /** Retransmissions of a SYN; 0: the stack's setting. */
  get synRetries(): number {
    return this.i32[this.c + SYN_RETRIES]!;
  }
  set synRetries(v: number) {
    this.i32[this.c + SYN_RETRIES] = v;
  }
  /** Ms of FIN-WAIT-2 after the user has gone; 0: the stack's setting. */
  get finWait2(): number {
    return this.i32[this.c + FIN_WAIT2]!;
  }
  set finWait2(v: number) {
    this.i32[this.c + FIN_WAIT2] = v;
  }
  /** Listener, and its connections: ms that a bare ACK of our SYN-ACK waits for text; 0: none. */
  get deferAccept(): number {
    return this.i32[this.c + DEFER_ACCEPT]!;
  }
  set deferAccept(v: number) {
    this.i32[this.c + DEFER_ACCEPT] = v;
  }
  /** Most bytes of window to offer; 0: no such limit. */
  get windowClamp(): number {
    return this.i32[this.c + WINDOW_CLAMP]!;
  }
  set windowClamp(v: number) {
    this.i32[this.c + WINDOW_CLAMP] = v;
  }
  /** MSS set by the user: caps what we advertise and send; 0: none. */
  get userMss(): number {
    return this.i32[this.c + USER_MSS]!;
  }
  set userMss(v: number) {
    this.i32[this.c + USER_MSS] = v;
  }
  /** MSS of the route: the same; 0: none. */
  get advMss(): number {
    return this.i32[this.c + ADV_MSS]!;
  }
  set advMss(v: number) {
    this.i32[this.c + ADV_MSS] = v;
  }
  /** Initial window of the route, segments; 0: the stack's setting. */
  get initCwnd(): number {
    return this.i32[this.c + INIT_CWND]!;
  }
  set initCwnd(v: number) {
    this.i32[this.c + INIT_CWND] = v;
  }
  /** A smaller MSS, since full segments vanish without a word (RFC 8899 section 4.3); 0: none. */
  get mssCap(): number {
    return this.i32[this.c + MSS_CAP]!;
  }
  set mssCap(v: number) {
    this.i32[this.c + MSS_CAP] = v;
  }
  /** How often that was found. */
  get mtuFailures(): number {
    return this.i32[this.c + MTU_FAILURES]!;
  }
  set mtuFailures(v: number) {
    this.i32[this.c + MTU_FAILURES] = v;
  }
  /** The largest full segment that has been acknowledged, its size (RFC 5927 section 7.2 maxsizeacked). */
  get provenMss(): number {
    return this.i32[this.c + PROVEN_MSS]!;
  }
  set provenMss(v: number) {
    this.i32[this.c + PROVEN_MSS] = v;
  }
  /** The full segment whose ACK is awaited for that, and where it ends; if F2_PROVING. */
  get provingMss(): number {
    return this.i32[this.c + PROVING_MSS]!;
  }
  set provingMss(v: number) {
    this.i32[this.c + PROVING_MSS] = v;
  }
  get provingSeq(): number {
    return this.i32[this.c + PROVING_SEQ]!;
  }
  set provingSeq(v: number) {
    this.i32[this.c + PROVING_SEQ] = v;
  }
  /** A packet-too-big that contradicts provenMss: believed after a timeout; 0: none. The number it quotes. */
  get pendingMtu(): number {
    return this.i32[this.c + PENDING_MTU]!;
  }
  set pendingMtu(v: number) {
    this.i32[this.c + PENDING_MTU] = v;
  }
  get pendingSeq(): number {
    return this.i32[this.c + PENDING_SEQ]!;
  }
  set pendingSeq(v: number) {
    this.i32[this.c + PENDING_SEQ] = v;
  }
  /** Segments sent again, since the start. */
  get retransmits(): number {
    return this.i32[this.c + RETRANSMITS]!;
  }
  set retransmits(v: number) {
    this.i32[this.c + RETRANSMITS] = v;
  }
  /** Segments received and sent, and those with text. */
  get segsIn(): number {
    return this.i32[this.c + SEGS_IN]!;
  }
  set segsIn(v: number) {
    this.i32[this.c + SEGS_IN] = v;
  }
  get segsOut(): number {
    return this.i32[this.c + SEGS_OUT]!;
  }
  set segsOut(v: number) {
    this.i32[this.c + SEGS_OUT] = v;
  }
  get dataSegsIn(): number {
    return this.i32[this.c + DATA_SEGS_IN]!;
  }
  set dataSegsIn(v: number) {
    this.i32[this.c + DATA_SEGS_IN] = v;
  }
  get dataSegsOut(): number {
    return this.i32[this.c + DATA_SEGS_OUT]!;
  }
  set dataSegsOut(v: number) {
    this.i32[this.c + DATA_SEGS_OUT] = v;
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
  /** When text last arrived. */
  get lastDataAt(): number {
    return this.f64[(this.c >> 1) + LAST_DATA_AT]!;
  }
  set lastDataAt(v: number) {
    this.f64[(this.c >> 1) + LAST_DATA_AT] = v;
  }
  /** When mssCap is tried without. */
  get raiseAt(): number {
    return this.f64[(this.c >> 1) + RAISE_AT]!;
  }
  set raiseAt(v: number) {
    this.f64[(this.c >> 1) + RAISE_AT] = v;
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
  /** Not before this moment is more to be sent (pacing). */
  get paceAt(): number {
    return this.f64[(this.c >> 1) + PACE_AT]!;
  }
  set paceAt(v: number) {
    this.f64[(this.c >> 1) + PACE_AT] = v;
  }
  /** Bytes a second; 0: unpaced. */
  get pacingRate(): number {
    return this.f64[(this.c >> 1) + PACING_RATE]!;
  }
  set pacingRate(v: number) {
    this.f64[(this.c >> 1) + PACING_RATE] = v;
  }
  /** The user's limit of it; 0: none. */
  get maxRate(): number {
    return this.f64[(this.c >> 1) + MAX_RATE]!;
  }
  set maxRate(v: number) {
    this.f64[(this.c >> 1) + MAX_RATE] = v;
  }
  /** RACK.xmit_ts. */
  get rackAt(): number {
    return this.f64[(this.c >> 1) + RACK_AT]!;
  }
  set rackAt(v: number) {
    this.f64[(this.c >> 1) + RACK_AT] = v;
  }
  /** When cwnd was last in full use (RFC 7661). */
  get cwndAt(): number {
    return this.f64[(this.c >> 1) + CWND_AT]!;
  }
  set cwndAt(v: number) {
    this.f64[(this.c >> 1) + CWND_AT] = v;
  }
  /** When minRtt was measured. */
  get minRttAt(): number {
    return this.f64[(this.c >> 1) + MIN_RTT_AT]!;
  }
  set minRttAt(v: number) {
    this.f64[(this.c >> 1) + MIN_RTT_AT] = v;
  }
  /** When the measurement of rcvSpace, of rcvRtt began. */
  get rcvSpaceAt(): number {
    return this.f64[(this.c >> 1) + RCV_SPACE_AT]!;
  }
  set rcvSpaceAt(v: number) {
    this.f64[(this.c >> 1) + RCV_SPACE_AT] = v;
  }
  get rcvRttAt(): number {
    return this.f64[(this.c >> 1) + RCV_RTT_AT]!;
  }
  set rcvRttAt(v: number) {
    this.f64[(this.c >> 1) + RCV_RTT_AT] = v;
  }
  /** When what is now at SND.UNA was first sent again (user timeout). */
  get stuckAt(): number {
    return this.f64[(this.c >> 1) + STUCK_AT]!;
  }
  set stuckAt(v: number) {
    this.f64[(this.c >> 1) + STUCK_AT] = v;
  }
  /** Bytes delivered; when that was last raised; when the segment was sent that raised it; delivered + in flight when the application ran dry (delivery rate). */
  get delivered(): number {
    return this.f64[(this.c >> 1) + DELIVERED]!;
  }
  set delivered(v: number) {
    this.f64[(this.c >> 1) + DELIVERED] = v;
  }
  get deliveredAt(): number {
    return this.f64[(this.c >> 1) + DELIVERED_AT]!;
  }
  set deliveredAt(v: number) {
    this.f64[(this.c >> 1) + DELIVERED_AT] = v;
  }
  get firstSentAt(): number {
    return this.f64[(this.c >> 1) + FIRST_SENT_AT]!;
  }
  set firstSentAt(v: number) {
    this.f64[(this.c >> 1) + FIRST_SENT_AT] = v;
  }
  get appLimited(): number {
    return this.f64[(this.c >> 1) + APP_LIMITED]!;
  }
  set appLimited(v: number) {
    this.f64[(this.c >> 1) + APP_LIMITED] = v;
  }
  /** The last rate sample, bytes a second. */
  get deliveryRate(): number {
    return this.f64[(this.c >> 1) + DELIVERY_RATE]!;
  }
  set deliveryRate(v: number) {
    this.f64[(this.c >> 1) + DELIVERY_RATE] = v;
  }
  /** Owned by the congestion control. */
  get ccReal0(): number {
    return this.f64[(this.c >> 1) + CC_REAL0]!;
  }
  set ccReal0(v: number) {
    this.f64[(this.c >> 1) + CC_REAL0] = v;
  }
  get ccReal1(): number {
    return this.f64[(this.c >> 1) + CC_REAL1]!;
  }
  set ccReal1(v: number) {
    this.f64[(this.c >> 1) + CC_REAL1] = v;
  }
  get ccReal2(): number {
    return this.f64[(this.c >> 1) + CC_REAL2]!;
  }
  set ccReal2(v: number) {
    this.f64[(this.c >> 1) + CC_REAL2] = v;
  }
  get ccReal3(): number {
    return this.f64[(this.c >> 1) + CC_REAL3]!;
  }
  set ccReal3(v: number) {
    this.f64[(this.c >> 1) + CC_REAL3] = v;
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
  /** Reported as duplicates by the peer (D-SACK). */
  get bytesDuplicate(): number {
    return this.f64[(this.c >> 1) + BYTES_DUPLICATE]!;
  }
  set bytesDuplicate(v: number) {
    this.f64[(this.c >> 1) + BYTES_DUPLICATE] = v;
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
  has2(flag: number): boolean {
    return (this.flags2 & flag) !== 0;
  }
  set2(flag: number): void {
    this.flags2 |= flag;
  }
  unset2(flag: number): void {
    this.flags2 &= ~flag;
  }
}

/** The table of connections and listeners of a stack. */
export function tcbRows(arena: Arena, count: number): Rows {
  return new Rows(arena, 'tcp.rows', count, TCB_BYTES);
}
