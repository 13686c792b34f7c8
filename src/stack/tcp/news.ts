// What one ACK has told: registers that the ACK step fills and that recovery, RACK, congestion control and pacing read.
// Filled by ack and sack; read by recovery, rack, tlp, rate and cc/. One instance a stack.

import { seqGt } from '../../base/seq.ts';
import { type Scoreboard, SEG_APP_LIMITED, SEG_EVER } from './scoreboard.ts';

/** The ACK's own block reports a duplicate (RFC 2883). */
export const NEWS_DSACK = 1;
/** That duplicate is the tail loss probe's (RFC 8985 section 7.4.2). */
export const NEWS_DSACK_TLP = 2;
/** Something was delivered that was sent once only, below RECOVER (RFC 5682 section 3.1). */
export const NEWS_ORIGINAL = 4;
/** Something was acknowledged that had been sent again: the time of none of it is known (Karn). */
export const NEWS_RETRANS_ACKED = 8;
/** A duplicate ACK as RFC 5681 section 2 defines it. */
export const NEWS_DUPLICATE = 16;
/** A retransmission has been lost in its turn. */
export const NEWS_LOST_RETRANS = 32;
/** The peer echoes congestion (RFC 3168 section 6.1.2). */
export const NEWS_ECE = 64;
/** The rate sample is of what was sent while the application was the limit. */
export const NEWS_APP_LIMITED = 128;

const LATEST = 0;
const FIRST = 1;
const LAST = 2;
const SACK_FIRST = 3;
const RATE_DELIVERED = 4;
const RATE_AT = 5;
const RATE_SENT = 6;
const RATE_FIRST = 7;

/** Bytes, unless a line says otherwise. */
export class AckNews {
  /** NEWS_* bits. */
  flags = 0;
  /** SND.UNA before, and by how much it has moved. */
  priorUna = 0;
  acked = 0;
  /** Newly SACKed; newly found lost; newly delivered, by ACK or SACK. */
  sacked = 0;
  lost = 0;
  delivered = 0;
  /** Of what was delivered, what had been sent again. */
  again = 0;
  /** The end of the highest bytes SACKed before: what comes below it now, sent once, comes late. */
  priorHigh = 0;
  /** pipe() before the ACK. */
  priorPipe = 0;
  /** The RTT of what was acknowledged, us; -1: not known. */
  rtt = -1;
  /** Without SACK: SND.UNA moves for the first time since the third duplicate ACK. */
  firstPartial = false;
  /** The lowest number that came out of order without having been sent again, if `reordered`. */
  reordered = false;
  lowest = 0;
  /** The record delivered that was sent last: its end, whether it was ever sent again. */
  rackEnd = 0;
  rackEver = false;
  /** Doubles kept unboxed. 0: none. */
  readonly #times: Float64Array = new Float64Array(8);

  begin(una: number, pipe: number): void {
    this.flags = 0;
    this.priorUna = una;
    this.acked = 0;
    this.sacked = 0;
    this.lost = 0;
    this.delivered = 0;
    this.again = 0;
    this.priorPipe = pipe;
    this.rtt = -1;
    this.reordered = false;
    this.firstPartial = false;
    // One by one: fill() costs more than the rest of this.
    const times = this.#times;
    times[LATEST] = 0;
    times[FIRST] = 0;
    times[LAST] = 0;
    times[SACK_FIRST] = 0;
    times[RATE_SENT] = 0;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** When the record delivered that was sent last was sent, us; 0: none was. */
  get latest(): number {
    return this.#times[LATEST]!;
  }
  /** When what was acknowledged first and last was sent; SACKed first. 0: none, or sent again. */
  get firstSent(): number {
    return this.#times[FIRST]!;
  }
  get lastSent(): number {
    return this.#times[LAST]!;
  }
  get sackFirstSent(): number {
    return this.#times[SACK_FIRST]!;
  }
  /** The rate sample's beginning: bytes delivered then, when that was, when its segment and the first of its flight were sent. */
  get rateDelivered(): number {
    return this.#times[RATE_DELIVERED]!;
  }
  get rateAt(): number {
    return this.#times[RATE_AT]!;
  }
  get rateSent(): number {
    return this.#times[RATE_SENT]!;
  }
  get rateFirst(): number {
    return this.#times[RATE_FIRST]!;
  }

  /** Record `rec` of `board` has been delivered: by an ACK, or by SACK. */
  deliver(board: Scoreboard, rec: number, sack: boolean): void {
    const times = this.#times;
    const sentAt = board.sentAt(rec);
    const state = board.state(rec);
    const end = board.end(rec);
    const ever = (state & SEG_EVER) !== 0;
    if (sentAt > times[LATEST]! || (sentAt === times[LATEST]! && seqGt(end, this.rackEnd))) {
      times[LATEST] = sentAt;
      this.rackEnd = end;
      this.rackEver = ever;
      // The sample that is youngest has the least in it that others have too (draft-ietf-ccwg-bbr-05 section 4.1).
      times[RATE_DELIVERED] = board.delivered(rec);
      times[RATE_AT] = board.deliveredAt(rec);
      times[RATE_SENT] = sentAt;
      times[RATE_FIRST] = board.firstSentAt(rec);
      if ((state & SEG_APP_LIMITED) !== 0) this.flags |= NEWS_APP_LIMITED;
      else this.flags &= ~NEWS_APP_LIMITED;
    }
    if (ever) {
      if (!sack) this.flags |= NEWS_RETRANS_ACKED;
    } else if (sack) {
      if (times[SACK_FIRST] === 0) times[SACK_FIRST] = sentAt;
    } else {
      if (times[FIRST] === 0) times[FIRST] = sentAt;
      times[LAST] = sentAt;
    }
  }

  /** Records that were sent once, one after the other, have been acknowledged: `last` of them, the first sent at `firstSent`. */
  deliverTrain(board: Scoreboard, last: number, firstSent: number): void {
    this.deliver(board, last, false);
    this.#times[FIRST] = firstSent;
  }
}
