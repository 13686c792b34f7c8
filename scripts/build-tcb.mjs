// The table of a connection's row, and the script that makes src/stack/tcp/tcb.ts of it: a cell and an accessor pair a field.
// Run by hand after a change (node scripts/build-tcb.mjs); npm run check calls generate() and compares with what is checked in.
// Length: most of it is the table, a line a field.

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Kind, name, documentation. int and double have accessors; cell and doublecell are reached only by their place, by queues
 * and the wheel. Order is layout: what a segment touches together lies together. Cells 0 and 1 belong to Rows.
 */
const TABLE = `
-- places in tables, queues and the wheel
cell       wheelNext
cell       wheelPrev
cell       wheelSlot
int        state              STATE_*.
int        flags              F_* bits.
int        flags2             F2_* bits.
int        hashNext           Next row of the demultiplexer's chain.
int        readyNext          Next row in the ready queue.
cell       readyPrevious
int        activeNext         Next row in the active or blocked queue.
cell       activePrevious
int        ready              READY_* flags not yet taken.
int        error              Pending error, positive errno.
int        softError          Errno of an ICMP error that may pass (RFC 1122 section 4.2.3.9): reported if the connection times out.

-- who and where
int        local0
int        local1
int        local2
int        local3
int        localPort
int        remote0
int        remote1
int        remote2
int        remote3
int        remotePort
int        iface              Interface the connection is bound to or leaves by.
int        neighbour          Neighbour entry of the next hop.
int        routeEpoch         Routes.epoch when iface, neighbour and pathMtu were found.
int        pathMtu            Largest IP packet, bytes.
int        peerMss            MSS option of the peer, or the default (RFC 9293 section 3.7.1).
int        mss                Bytes of payload in a full segment now.
int        ttl
int        tos
int        flowLabel

-- sequence numbers and windows
int        iss                ISS.
int        irs                IRS.
int        sndUna             SND.UNA.
int        sndNxt             SND.NXT.
int        sndWnd             SND.WND in bytes, unscaled.
int        sndWl1             SND.WL1.
int        sndWl2             SND.WL2.
int        sndSml             End of the last segment sent that was not full (Minshall's form of Nagle's rule).
int        maxSndWnd          Largest SND.WND seen (silly window avoidance, RFC 9293 section 3.8.6.2.1).
int        rcvNxt             RCV.NXT.
int        rcvAdv             Right edge of the window last advertised: never moved back.
int        rcvFin             Sequence number of the peer's FIN, if F_FIN_KNOWN.
int        sndScale           Shift of windows received.
int        rcvScale           Shift of windows sent.
int        tsRecent           TS.Recent (RFC 7323 section 4.3).
int        lastAckSent        Last.ACK.sent.
int        tsOffset           Added to ms32 to give TSval.

-- buffers
int        sndHead            Send list: head, tail, bytes (Spans).
int        sndTail
int        sndBytes
int        sndLimit           Send buffer limit, bytes.
int        cursorSpan         Where sndNxt lies in the send list, if cursorSeq === sndNxt.
int        cursorAt
int        cursorSeq
int        rcvHead            Receive list.
int        rcvTail
int        rcvBytes
int        rcvLimit           Receive buffer limit, bytes.
int        ranges             Out-of-order ranges: first.
int        rangeCount

-- round-trip time and timers
int        srtt               SRTT, us; 0: no sample yet.
int        rttvar             RTTVAR, us.
int        rto                RTO, us, backoff included.
int        rtoVar             The deviation that RTO counts with, us: the largest of a round trip, decaying.
int        mdevMax            Largest deviation in the present round trip, us.
int        rttSeq             The ACK that ends the present round trip for rttvar.
int        minRtt             Least RTT of the last minutes, us; 0: no sample yet.
int        timedSeq           The ACK that ends the RTT measurement under way.
int        timedAt            When it began, us32.
int        retries            Timeouts in a row.
int        probes             Keepalive probes in a row.
int        timer              What rtxAt is for: TIMER_*.

-- what has been sent: segment records (scoreboard.ts)
int        segHead            Records in sequence order: first and last (arena offsets).
int        segTail
int        timeHead           Records in order of sending, those that are neither SACKed nor lost: first and last.
int        timeTail
int        lostHint           No lost record that waits to be sent again lies before this one; 0: none waits.
int        sackHint           The last record that a SACK block has reached.
int        sackedBytes        Bytes in flight that are SACKed, that count as lost, and those sent again.
int        lostBytes
int        sackedSegments     Segments SACKed, as they were sent (RFC 8985 section 6.2, RACK.segs_sacked).
int        retransBytes
int        waitingBytes       Those that are lost and not sent again.
int        sackSeen0          The SACK blocks of the last ACK: they tell nothing new.
int        sackSeen1
int        sackSeen2
int        sackSeen3
int        sackSeen4
int        sackSeen5
int        sackSeen6
int        sackSeen7
int        highSacked         End of the highest bytes SACKed.

-- loss recovery
int        phase              PHASE_*.
int        recover            RFC 6582 recover.
int        dupAcks            Duplicate ACKs in a row.
int        rackEnd            RACK.end_seq, RACK.rtt (us) (RFC 8985 section 5.2).
int        rackRtt
int        reoWndMult         RACK.reo_wnd_mult, RACK.reo_wnd_persist, RACK.dsack_round.
int        reoWndPersist
int        dsackRound
int        reordering         Degree of reordering seen, bytes.
int        prrDelivered       prr_delivered, prr_out (RFC 9937 section 6); RecoverFS is priorCwnd.
int        prrOut
int        tlpEnd             TLP.end_seq (RFC 8985 section 7.1).
int        undoMarker         SND.UNA when cwnd was reduced; what was retransmitted since and not reported as duplicate.
int        undoRetrans
int        undoCount          How many were; where the first four began.
int        undoStart0
int        undoStart1
int        undoStart2
int        undoStart3
int        priorCwnd          cwnd and ssthresh before the reduction.
int        priorSsthresh
int        retransStamp       TSval of the first retransmission of this recovery (RFC 3522).

-- congestion control
int        cwnd               Congestion window, bytes.
int        ssthresh           Bytes.
int        cc                 Which control: its number in the table of cc/.
int        ccCell0            Owned by the congestion control.
int        ccCell1
int        ccCell2
int        ccCell3
int        ccCell4
int        ccCell5
int        ccCell6
int        ccCell7
int        maxOut             Most bytes in flight in the present round trip, and the ACK that ends it.
int        cwndSeq
int        cwndUsed           Most bytes in flight while the application left room in cwnd.
int        deliveredSegments  Segments delivered, and delivered with an ECN mark, since the start.
int        deliveredCe

-- acknowledging
int        unackedSegments    Full segments received since our last ACK.
int        rcvMss             The largest segment received: what a full one is to the peer.
int        quick              ACKs that still go out at once.
int        ato                Delay of a delayed ACK, us; 0: no data has come yet.
int        firstAckDelay      Delay of the first ACKs (while quick > 0), us; 0: until the user has had its turn.
int        dataAt             When data last came, us32.
int        dsackStart         The duplicate that the next ACK reports (RFC 2883), if F2_DSACK.
int        dsackEnd
int        sackRecent         The ranges that changed last, latest first (arena offsets): the order of SACK blocks (RFC 2018 section 4).
int        sackRecent1
int        sackRecent2
int        sackRecent3
int        rcvClamp           The window offered grows up to this: raised as data comes (tcpInitialReceiveWindow).
int        rcvSpace           Receive buffer tuning: bytes read in a round trip, from where it counts, its RTT (us).
int        rcvSpaceSeq
int        rcvRtt
int        rcvRttSeq          With timestamps the last TSecr, else the number whose arrival ends the measurement of rcvRtt.

-- listeners, and who is to be accepted
int        parent             Listener of a connection not yet accepted.
int        acceptNext         Next in the accept queue.
int        acceptHead         Listener: accept queue.
int        acceptTail
int        acceptCount
int        synCount           Listener: connections in SYN-RECEIVED.
int        backlog            Listener.

-- settings of the socket, limits
int        keepIdle           Ms.
int        keepInterval       Ms.
int        keepCount          Probes.
int        userTimeout        Ms; 0: none (RFC 5482).
int        notsentLow         Bytes unsent above which the user is not told to write; 0: no such limit.
int        challengeAt        When an ACK to something unacceptable last went out, ms32.
int        linger             Ms that a close may take before it becomes a reset; 0: for ever.
int        synRetries         Retransmissions of a SYN; 0: the stack's setting.
int        finWait2           Ms of FIN-WAIT-2 after the user has gone; 0: the stack's setting.
int        deferAccept        Listener, and its connections: ms that a bare ACK of our SYN-ACK waits for text; 0: none.
int        windowClamp        Most bytes of window to offer; 0: no such limit.
int        userMss            MSS set by the user: caps what we advertise and send; 0: none.
int        advMss             MSS of the route: the same; 0: none.
int        initCwnd           Initial window of the route, segments; 0: the stack's setting.
int        mssCap             A smaller MSS, since full segments vanish without a word (RFC 8899 section 4.3); 0: none.
int        mtuFailures        How often that was found.
int        provenMss          The largest full segment that has been acknowledged, its size (RFC 5927 section 7.2 maxsizeacked).
int        provingMss         The full segment whose ACK is awaited for that, and where it ends; if F2_PROVING.
int        provingSeq
int        pendingMtu         A packet-too-big that contradicts provenMss: believed after a timeout; 0: none. The number it quotes.
int        pendingSeq
int        retransmits        Segments sent again, since the start.
int        segsIn             Segments received and sent, and those with text.
int        segsOut
int        dataSegsIn
int        dataSegsOut

-- times and counts
doublecell wheelAt
double     rtxAt              Retransmission or persist timer, us; 0: off.
double     ackAt              Delayed ACK.
double     longAt             Keepalive, TIME-WAIT or FIN-WAIT-2 timer.
double     lastReceivedAt     When a segment of this connection last arrived.
double     lastDataAt         When text last arrived.
double     raiseAt            When mssCap is tried without.
double     lastSentAt         When data was last sent.
double     openedAt           When the row was made.
double     paceAt             Not before this moment is more to be sent (pacing).
double     pacingRate         Bytes a second; 0: unpaced.
double     maxRate            The user's limit of it; 0: none.
double     rackAt             RACK.xmit_ts.
double     cwndAt             When cwnd was last in full use (RFC 7661).
double     minRttAt           When minRtt was measured.
double     rcvSpaceAt         When the measurement of rcvSpace, of rcvRtt began.
double     rcvRttAt
double     stuckAt            When what is now at SND.UNA was first sent again (user timeout).
double     delivered          Bytes delivered; when that was last raised; when the segment was sent that raised it; delivered + in flight when the application ran dry (delivery rate).
double     deliveredAt
double     firstSentAt
double     appLimited
double     deliveryRate       The last rate sample, bytes a second.
double     ccReal0            Owned by the congestion control.
double     ccReal1
double     ccReal2
double     ccReal3
double     bytesReceived      Payload delivered in order.
double     bytesAcked         Payload acknowledged by the peer.
double     bytesRetransmitted
double     bytesDuplicate     Reported as duplicates by the peer (D-SACK).
`;

const FIRST_CELL = 2;
const OUTPUT = 'src/stack/tcp/tcb.ts';

const HEAD = `// The row of a connection: where each field lies, and the view through which the code reads it by its RFC name.
// Used by every file of tcp/; calls base/rows. Another program may read the rows: a change of layout raises LAYOUT_VERSION.
// Made by scripts/build-tcb.mjs, which has the table of fields: change that.
// Length: one line a field and one accessor pair a field; it has no logic to split.

import type { Arena } from '../../base/arena.ts';
import { Rows } from '../../base/rows.ts';
`;

const PLACES = `/** Places of the wheel's and the demultiplexer's cells in a row. */
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
`;

const VIEW = `/** A cursor over the connection table: \`at(row)\` aims it. Times are us, sizes bytes, sequence numbers int32. */
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

`;

const TAIL = `  has(flag: number): boolean {
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
`;

/** The text of src/stack/tcp/tcb.ts. */
export function generate() {
  const fields = TABLE.trim()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('--'))
    .map((line) => {
      const [, kind, name, doc = ''] = /^(\w+) +(\w+) *(.*)$/.exec(line);
      const constant = name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
      return { name, doc, constant, double: kind.startsWith('double'), hidden: kind.endsWith('cell') };
    });
  const cells = fields.filter(({ double }) => !double);
  const doubles = fields.filter(({ double }) => double);
  const firstDouble = (FIRST_CELL + cells.length + 1) >> 1;
  cells.forEach((field, i) => {
    field.place = FIRST_CELL + i;
  });
  doubles.forEach((field, i) => {
    field.place = firstDouble + i;
  });
  const bytes = Math.ceil(((firstDouble + doubles.length) * 8) / 64) * 64;
  const all = [...cells, ...doubles];
  return [
    HEAD,
    `/** Bytes of a row. Cells 0 and 1 belong to Rows. */\nexport const TCB_BYTES = ${bytes};\n`,
    all.map(({ constant, place }) => `const ${constant} = ${place};\n`).join(''),
    PLACES,
    '/** Where a reader from outside finds each field: int32 cells by cell number, doubles by the number of the double. */\n' +
      'export const TCB_FIELDS: Readonly<Record<string, { cell?: number; double?: number }>> = {\n' +
      all.map(({ name, constant, double }) => `  ${name}: { ${double ? 'double' : 'cell'}: ${constant} },\n`).join('') +
      '};\n',
    VIEW +
      all
        .filter(({ hidden }) => !hidden)
        .map(accessors)
        .join('') +
      '\n' +
      TAIL,
  ].join('\n');
}

function accessors({ name, doc, constant, double }) {
  const at = double ? `this.f64[(this.c >> 1) + ${constant}]` : `this.i32[this.c + ${constant}]`;
  return (
    (doc === '' ? '' : `  /** ${doc} */\n`) +
    `  get ${name}(): number {\n    return ${at}!;\n  }\n` +
    `  set ${name}(v: number) {\n    ${at} = v;\n  }\n`
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(dirname(dirname(fileURLToPath(import.meta.url))), OUTPUT), generate());
}
