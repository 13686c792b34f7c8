// The Link: what a stack needs of a device, and the batches in which frames change hands.
// Implemented by src/link (memory, stream, wrappers) and src/host (tun, tap); called by the stack and by wrappers; calls nothing.

import type { Arena } from './arena.ts';
import type { Frames } from './pool.ts';

/** Frames a batch holds: enough to amortise a pass, few enough to stay in the cache. */
export const BATCH = 256;
/** Payload pieces that a batch of frames to send may refer to, over all its frames. */
export const BATCH_PIECES: number = BATCH * 20;

/** The L4 checksum need not be verified: the link has done it, or the frame never left this machine. */
export const RX_SUM_GOOD = 1;
/** The L4 checksum field holds only the pseudo-header's sum (a local kernel deferred it): do not verify, complete it before the frame goes elsewhere. */
export const RX_SUM_PARTIAL = 2;

/** The L4 checksum field holds the pseudo-header's folded sum; the link completes it from csumStart on. Only if caps.txChecksum is 'partial'. */
export const TX_SUM_PARTIAL = 1;
/** A TCP/IPv4 superframe: the link cuts it into segments of gsoSize bytes of payload. Implies TX_SUM_PARTIAL. Only if caps.gso > 0. */
export const TX_GSO_TCP4 = 2;
/** The same over IPv6. */
export const TX_GSO_TCP6 = 4;

/** What a link can do. Fixed for its life. */
export interface LinkCaps {
  /** What a frame starts with: an Ethernet header, or the IP header at once. */
  readonly medium: 'ethernet' | 'ip';
  /** The largest IP packet in bytes (without the Ethernet header) that goes out as one frame. */
  readonly mtu: number;
  /** The largest superframe in bytes of IP packet, or 0 where the link cannot segment. */
  readonly gso: number;
  /** Who completes the TCP, UDP and ICMP checksums of what we send: we ('full'), or the link where TX_SUM_PARTIAL asks it to ('partial'). */
  readonly txChecksum: 'full' | 'partial';
  /** Whether the link sends pieces from where they lie; otherwise it copies them once. Informative: both accept pieces. */
  readonly gather: boolean;
  /** 127.0.0.0/8 and ::1 are legal addresses on this link. */
  readonly loopback: boolean;
}

/** Counted by every link, since it was opened. `drops` says why: short names, OpenMetrics-friendly. */
export interface LinkCounters {
  rxFrames: number;
  rxBytes: number;
  txFrames: number;
  txBytes: number;
  drops: Record<string, number>;
}

/** Makes a fresh set of link counters. */
export function linkCounters(): LinkCounters {
  return { rxFrames: 0, rxBytes: 0, txFrames: 0, txBytes: 0, drops: {} };
}

/** Counts one frame that the link lost or refused, by its reason: names as in the table of drop reasons where one fits. */
export function countDrop(counters: LinkCounters, why: string): void {
  counters.drops[why] = (counters.drops[why] ?? 0) + 1;
}

/**
 * Frames received: `count` entries of (offset, length, flags). The frames are the caller's until release(); a caller
 * that wants to keep one sets its offset to 0 and frees it itself later (by the link's memory.frames). At least
 * HEADROOM - 64 bytes of its frame lie before each, so that it can be answered in place.
 */
export class RxBatch {
  count = 0;
  readonly offset: Int32Array = new Int32Array(BATCH);
  readonly length: Int32Array = new Int32Array(BATCH);
  readonly flags: Int32Array = new Int32Array(BATCH);
}

/**
 * Frames to send. Entry i is a first piece (offset, length) inside a frame of the arena's Frames, with at least
 * HEADROOM - 64 bytes of its frame free before it, followed by `pieces[i]` further pieces of payload that lie anywhere
 * in the arena:
 *
 *   offset/length[i]   headers (and, for small packets, everything)
 *   firstPiece[i] .. firstPiece[i] + pieces[i]   index into pieceOffset / pieceLength
 *
 * csumStart counts from offset[i]; csumOffset from csumStart. headerLength[i] is length of all headers (link + IP + TCP)
 * of a superframe. The frame of the first piece becomes the link's, which may write to all of it and frees it; further
 * pieces stay the sender's, never lie in the frame of a first piece of the same batch, and hold still only during
 * transmit() (a link that sends later must copy or hold them by agreement).
 */
export class TxBatch {
  count = 0;
  pieceCount = 0;
  readonly offset: Int32Array = new Int32Array(BATCH);
  readonly length: Int32Array = new Int32Array(BATCH);
  readonly flags: Int32Array = new Int32Array(BATCH);
  readonly firstPiece: Int32Array = new Int32Array(BATCH);
  readonly pieces: Int32Array = new Int32Array(BATCH);
  readonly csumStart: Int32Array = new Int32Array(BATCH);
  readonly csumOffset: Int32Array = new Int32Array(BATCH);
  readonly gsoSize: Int32Array = new Int32Array(BATCH);
  readonly headerLength: Int32Array = new Int32Array(BATCH);
  readonly pieceOffset: Int32Array = new Int32Array(BATCH_PIECES);
  readonly pieceLength: Int32Array = new Int32Array(BATCH_PIECES);

  /** Adds a frame that is whole in its first piece; returns its index. The caller has made sure of room. */
  push(offset: number, length: number): number {
    const i = this.count++;
    this.offset[i] = offset;
    this.length[i] = length;
    this.flags[i] = 0;
    this.firstPiece[i] = this.pieceCount;
    this.pieces[i] = 0;
    this.gsoSize[i] = 0;
    return i;
  }

  /** Adds a payload piece to the frame added last. */
  pushPiece(offset: number, length: number): void {
    this.pieceOffset[this.pieceCount] = offset;
    this.pieceLength[this.pieceCount] = length;
    this.pieceCount++;
    this.pieces[this.count - 1]!++;
  }

  /** Bytes of frame i over all its pieces. */
  total(i: number): number {
    let n = this.length[i]!;
    const first = this.firstPiece[i]!;
    for (let p = first; p < first + this.pieces[i]!; p++) n += this.pieceLength[p]!;
    return n;
  }

  clear(): void {
    this.count = 0;
    this.pieceCount = 0;
  }
}

/** The memory a link and its stack share. */
export interface LinkMemory {
  readonly arena: Arena;
  readonly frames: Frames;
}

/**
 * A device as a stack sees it. All calls come from one thread, from the pass; none blocks and none throws on what a
 * peer sent. One contract suite (src/link/contract.test-support.ts) holds for all.
 */
export interface Link {
  readonly caps: LinkCaps;
  readonly memory: LinkMemory;
  readonly counters: LinkCounters;
  /** Fills `batch` from its start with up to BATCH frames that have arrived; returns their number (0: nothing now). */
  receive(batch: RxBatch): number;
  /** Takes back the frames of `batch` (those with offset 0 were kept by the caller) and empties it. */
  release(batch: RxBatch): void;
  /** How many frames transmit() would take now. At least 1 means: go on. After 0, wake() tells when there is room again. */
  room(): number;
  /** Sends the frames of `batch` and empties it. Beyond room() a frame is dropped and counted. Returns how many were taken. */
  transmit(batch: TxBatch): number;
  /**
   * `fn` (one: a second call replaces it) is called when frames have arrived or room has come back since receive() or
   * room() last said 0, and at once if frames wait already. It only marks work: it may be called inside another's transmit().
   */
  wake(fn: () => void): void;
  /**
   * Monotonic microseconds at which receive() will have something to do by itself (delayed frames, either way), or Infinity.
   * A pass at that time that calls receive() is enough.
   */
  pollAt(): number;
  /** Lets go of the device and every frame. Idempotent. */
  close(): void;
}
