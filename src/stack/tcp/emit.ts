// Writes one TCP segment of a connection: header, options, payload by reference, checksum; and the bookkeeping of having sent it.
// Called by output only; calls the floor's output.segment, Spans and window.

import { put16 } from '../../base/bytes.ts';
import { TX_GSO_TCP4, TX_GSO_TCP6, TX_SUM_PARTIAL, type TxBatch } from '../../base/link.ts';
import { seqDiff, seqGt, seqLt } from '../../base/seq.ts';
import { SpanCursor } from '../../base/spans.ts';
import { combine, fold, pseudo4, pseudo6At } from '../../wire/checksum.ts';
import { PROTO_TCP } from '../../wire/ip4.ts';
import {
  putTcpHeader,
  TCP_ACK,
  TCP_CHECKSUM_OFFSET,
  TCP_CWR,
  TCP_FIN,
  TCP_HEADER_LENGTH,
  TCP_RST,
  TCP_SYN,
} from '../../wire/tcp.ts';
import {
  putTcpSynOptions,
  putTcpTimestamps,
  TCP_TIMESTAMPS_LENGTH,
  tcpSynOptionsLength,
} from '../../wire/tcp-options.ts';
import { counter } from '../counters.ts';
import { acknowledged, answers } from './delayed-ack.ts';
import { mark } from './ecn.ts';
import type { Engine } from './engine.ts';
import {
  F_ACK_NOW,
  F_ACK_PENDING,
  F_SCALING,
  F_TIMESTAMPS,
  F_TIMING,
  F2_CWR_DUE,
  F2_DSACK,
  F2_ECN_ECHO,
  F2_SACK,
  F2_SHUT,
} from './flags.ts';
import { sizeSent } from './path-size.ts';
import { advertisedMss, headerBytes } from './route.ts';
import { sackBlocks, sackLength, sackRoom, writeSack } from './sack.ts';
import { SYN_RECEIVED, SYN_SENT } from './state.ts';
import type { Tcb } from './tcb.ts';
import { offerWindow, sameWindow, synWindow } from './window.ts';

const SENT: number = counter('tcp_sent');
const SENT_BYTES: number = counter('tcp_sent_bytes');
const RETRANSMITTED: number = counter('tcp_retransmitted');
const RESETS_SENT: number = counter('tcp_resets_sent');
const MAX_PACKET = 65535;

const cursor = new SpanCursor();

/**
 * Sends <SEQ=seq><ACK=RCV.NXT><CTL=flags> with `length` bytes of the send list from sequence number `seq` on. e.way is
 * loaded, its neighbour ready, its interface has room. False when no frame was free: nothing has changed then.
 */
export function emit(e: Engine, t: Tcb, seq: number, flags: number, length: number): boolean {
  const b = e.core.u8;
  const options = optionBytes(e, t, flags);
  const blocks = t.rangeCount !== 0 || t.has2(F2_DSACK) ? blocksFor(t, flags, options, length) : 0;
  const sack = sackLength(blocks);
  const header = TCP_HEADER_LENGTH + options + sack;
  const l4 = e.floor.output.open(header);
  if (l4 === 0) return false;
  const window = windowField(e, t, flags);
  const ack = (flags & TCP_ACK) !== 0 ? t.rcvNxt : 0;
  const bits = t.has2(F2_ECN_ECHO) ? mark(e, t, seq, flags, length) : flags;
  putTcpHeader(b, l4, t.localPort, t.remotePort, seq, ack, header, bits, window, 0);
  writeOptions(e, t, l4 + TCP_HEADER_LENGTH, flags);
  if (blocks > 0) writeSack(e, t, l4 + TCP_HEADER_LENGTH + options, blocks);
  const iface = e.floor.interfaces.get(t.iface);
  const entry = e.floor.output.segment(e.way, l4, header, length);
  if (length > 0) addPayload(e, t, iface.tx, seq, length);
  checksum(e, t, iface.tx, entry, l4, header, length, iface.link.caps.txChecksum === 'partial', t.mss - sack);
  if ((bits & TCP_CWR) !== 0) t.unset2(F2_CWR_DUE);
  if (length > 0 && t.ato !== 0 && seq === t.sndNxt) answers(e, t);
  sent(e, t, seq, flags, length);
  return true;
}

/** SACK blocks of a segment with `options` bytes of others and `length` of text: not in SYNs and resets, nor where the packet would be too large. */
function blocksFor(t: Tcb, flags: number, options: number, length: number): number {
  if ((flags & (TCP_SYN | TCP_RST)) !== 0) return 0;
  return sackBlocks(t, Math.min(sackRoom(t, length), MAX_PACKET - headerBytes(t) - options - length));
}

/**
 * SEG.SEQ of a segment without text: SND.NXT, but neither where a timeout has taken it back to (the peer may be further
 * and would not look at the segment), nor beyond a window that has shrunk.
 */
export function emptySeq(t: Tcb): number {
  if (t.state === SYN_RECEIVED) return t.sndNxt; // no window yet
  const edge = (t.sndUna + t.sndWnd) | 0;
  return seqLt(edge, t.sndNxt) ? edge : t.sndNxt;
}

function optionBytes(e: Engine, t: Tcb, flags: number): number {
  if ((flags & TCP_SYN) !== 0) {
    return tcpSynOptionsLength(scaleOffered(e, t), sackOffered(e, t), timestampsOffered(e, t));
  }
  return t.has(F_TIMESTAMPS) ? TCP_TIMESTAMPS_LENGTH : 0;
}

/** In a SYN of ours everything is offered; in an answer only what the peer has offered. */
function scaleOffered(e: Engine, t: Tcb): number {
  const on = t.state === SYN_SENT ? e.core.settings.tcpWindowScaling : t.has(F_SCALING);
  return on ? t.rcvScale : -1;
}

function timestampsOffered(e: Engine, t: Tcb): boolean {
  return t.state === SYN_SENT ? e.core.settings.tcpTimestamps : t.has(F_TIMESTAMPS);
}

function sackOffered(e: Engine, t: Tcb): boolean {
  return t.state === SYN_SENT ? e.core.settings.tcpSack : t.has2(F2_SACK);
}

function writeOptions(e: Engine, t: Tcb, at: number, flags: number): void {
  const tsVal = (e.core.now.ms32 + t.tsOffset) | 0;
  const tsEcr = (flags & TCP_ACK) !== 0 ? t.tsRecent : 0;
  if ((flags & TCP_SYN) !== 0) {
    const mss = advertisedMss(e, e.way, t);
    putTcpSynOptions(e.core.u8, at, mss, scaleOffered(e, t), sackOffered(e, t), timestampsOffered(e, t), tsVal, tsEcr);
  } else if (t.has(F_TIMESTAMPS)) {
    putTcpTimestamps(e.core.u8, at, tsVal, tsEcr);
  }
}

/** Whether text went out at this moment already, and nothing has come since: that segment has said what the window is. */
function followsInTrain(e: Engine, t: Tcb): boolean {
  if (t.lastSentAt !== e.core.now.us || t.lastAckSent !== t.rcvNxt || seqDiff(t.sndNxt, t.iss) <= 1) return false;
  return !t.has(F_ACK_NOW) && !t.has2(F2_SHUT);
}

/** The window field; never scaled in a SYN (RFC 7323 section 2.2). Sets what the peer may send. */
function windowField(e: Engine, t: Tcb, flags: number): number {
  if ((flags & TCP_RST) !== 0) return 0;
  if ((flags & TCP_SYN) === 0) {
    if (followsInTrain(e, t)) return sameWindow(t, t.rcvScale);
    // No chunk: share() promises one to everybody all the same.
    if (t.has2(F2_SHUT) && e.core.spans.availableBytes === 0) return 0;
    return offerWindow(t, t.rcvScale, e.share());
  }
  const options = (flags & TCP_ACK) !== 0 && t.has(F_TIMESTAMPS) ? TCP_TIMESTAMPS_LENGTH : 0;
  const window = synWindow(t, e.core.settings.tcpInitialReceiveWindow, advertisedMss(e, e.way, t) - options);
  if (t.state === SYN_RECEIVED) t.rcvAdv = (t.rcvNxt + window) | 0;
  return window;
}

/** Refers to the payload where it lies. The cursor kept in the row makes the common case, sending on, independent of the list's length. */
function addPayload(e: Engine, t: Tcb, tx: TxBatch, seq: number, length: number): void {
  const spans = e.core.spans;
  if (t.cursorSpan !== 0 && t.cursorSeq === seq) {
    cursor.span = t.cursorSpan;
    cursor.at = t.cursorAt;
  } else {
    spans.seek(t.sendList, (seq - t.sndUna) | 0, cursor);
  }
  let left = length;
  while (left > 0) {
    const piece = Math.min(spans.contiguous(cursor), left);
    tx.pushPiece(cursor.at, piece);
    cursor.at += piece;
    left -= piece;
  }
  t.cursorSpan = cursor.span;
  t.cursorAt = cursor.at;
  t.cursorSeq = (seq + length) | 0;
}

/** The checksum, or the pseudo-header's part of it for a link that does the rest. A superframe, of more than `segment` bytes, is marked as one. */
function checksum(
  e: Engine,
  t: Tcb,
  tx: TxBatch,
  entry: number,
  l4: number,
  header: number,
  length: number,
  partial: boolean,
  segment: number,
): void {
  const b = e.core.u8;
  const total = header + length;
  const v4 = e.way.version === 4;
  let sum = v4 ? pseudo4(t.local3, t.remote3, PROTO_TCP, total) : pseudo6At(b, l4 - 40, PROTO_TCP, total);
  if (partial) {
    put16(b, l4 + TCP_CHECKSUM_OFFSET, sum);
    tx.flags[entry] = TX_SUM_PARTIAL;
    tx.csumStart[entry] = l4 - tx.offset[entry]!;
    tx.csumOffset[entry] = TCP_CHECKSUM_OFFSET;
    tx.headerLength[entry] = tx.length[entry]!;
    if (length > segment) {
      tx.flags[entry] = TX_SUM_PARTIAL | (v4 ? TX_GSO_TCP4 : TX_GSO_TCP6);
      tx.gsoSize[entry] = segment;
    }
    return;
  }
  sum = combine(sum, e.core.sum.sum(l4, header), false);
  let odd = false;
  const first = tx.firstPiece[entry]!;
  for (let p = first; p < first + tx.pieces[entry]!; p++) {
    const n = tx.pieceLength[p]!;
    sum = combine(sum, e.core.sum.sum(tx.pieceOffset[p]!, n), odd);
    odd = odd !== ((n & 1) !== 0);
  }
  put16(b, l4 + TCP_CHECKSUM_OFFSET, ~fold(sum));
}

/** SND.NXT, timing of the handshake, and everything an ACK carries with it. What is in flight is the scoreboard's (output.ts). */
function sent(e: Engine, t: Tcb, seq: number, flags: number, length: number): void {
  const counters = e.core.counters;
  counters.add(SENT, 1);
  t.segsOut = (t.segsOut + 1) | 0;
  // In a train the first has acknowledged everything.
  if ((flags & TCP_ACK) !== 0 && (t.lastAckSent !== t.rcvNxt || t.has(F_ACK_NOW | F_ACK_PENDING))) acknowledged(t);
  if ((flags & TCP_RST) !== 0) {
    counters.add(RESETS_SENT, 1);
    return;
  }
  const syn = (flags & TCP_SYN) !== 0;
  const space = length + (syn ? 1 : 0) + (flags & TCP_FIN);
  if (space === 0) return;
  counters.add(SENT_BYTES, length);
  t.lastSentAt = e.core.now.us;
  if (length > 0) {
    t.dataSegsOut = (t.dataSegsOut + (length > t.mss ? Math.ceil(length / t.mss) : 1)) | 0;
    sizeSent(t, length, (seq + space) | 0);
  }
  const again = seqLt(seq, t.sndNxt);
  if (again) {
    counters.add(RETRANSMITTED, 1);
    t.bytesRetransmitted += length;
    t.retransmits++;
  }
  if (syn) {
    // Karn: of a SYN that was sent twice nobody knows which was answered (RFC 6298 section 3).
    if (again) t.unset(F_TIMING);
    else {
      t.set(F_TIMING);
      t.timedSeq = (seq + space) | 0;
      t.timedAt = e.core.now.us32;
    }
  }
  const end = (seq + space) | 0;
  if (seqGt(end, t.sndNxt)) t.sndNxt = end;
}
