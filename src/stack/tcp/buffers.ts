// Buffers that fit the path: the receive buffer grows with what the user reads in a round trip, the send buffer with cwnd.
// Called by tcp.ts (read), delayed-ack (arrivals), ack (advance) and input-open; calls nothing.

import { seqDiff, seqGe } from '../../base/seq.ts';
import type { Engine } from './engine.ts';
import { F_TIMESTAMPS, F2_RCVBUF_SET, F2_SNDBUF_SET } from './flags.ts';
import type { Tcb } from './tcb.ts';
import { receiveWindow } from './window.ts';

/**
 * A buffer never grows beyond what 8 Gbit/s put into it in a round trip: more would only lie in memory, outside of the caches.
 * Bytes a microsecond, and the size up to which no RTT is asked for.
 */
const FASTEST = 1024;
const FREE_GROWTH: number = 1 << 20;
const MILLISECOND = 1000;
/** Echoes that are older tell of a silent peer, not of the path (us). */
const LONGEST_RTT = 60_000_000;

/** The connection is established: measurements begin. */
export function startTuning(e: Engine, t: Tcb): void {
  t.rcvSpace = Math.max(t.mss, Math.min(10 * t.mss, receiveWindow(t)));
  t.rcvSpaceSeq = t.rcvNxt;
  t.rcvSpaceAt = e.core.now.us;
}

/**
 * Text has arrived that is acknowledged at once: the receiver's RTT. With timestamps it is the age of the echo, once for each; without, the time
 * in which a window of data comes, which is no less than a round trip.
 */
export function receiverRtt(e: Engine, t: Tcb): void {
  const { seg } = e;
  const { now } = e.core;
  if (t.has(F_TIMESTAMPS)) {
    const { tsEcr } = seg.options;
    if (tsEcr === t.rcvRttSeq || seg.length < t.rcvMss) return;
    t.rcvRttSeq = tsEcr;
    sample(t, ((now.ms32 + t.tsOffset - tsEcr) | 0) * MILLISECOND, true);
    return;
  }
  if (t.rcvRttAt !== 0) {
    if (!seqGe(t.rcvNxt, t.rcvRttSeq)) return;
    sample(t, now.us - t.rcvRttAt, false);
  }
  t.rcvRttSeq = (t.rcvNxt + receiveWindow(t)) | 0;
  t.rcvRttAt = now.us;
}

/** A smaller sample counts at once, lest the buffer grows for a round trip that queues have made long; larger ones slowly. */
function sample(t: Tcb, us: number, exact: boolean): void {
  if (us < 0 || us > LONGEST_RTT) return;
  const rtt = Math.max(MILLISECOND, us) | 0;
  if (t.rcvRtt === 0 || rtt < t.rcvRtt) t.rcvRtt = rtt;
  else if (exact) t.rcvRtt += (rtt - t.rcvRtt) >> 3;
}

/**
 * The user has read. Once a round trip: if it took more than ever before, the buffer becomes twice that, for what a loss holds
 * back, and three times the growth besides, for a sender whose window doubles meanwhile.
 */
export function tuneReceive(e: Engine, t: Tcb): void {
  const now = e.core.now.us;
  const elapsed = now - t.rcvSpaceAt;
  if (t.rcvRtt === 0 || elapsed < t.rcvRtt) return;
  const read = (t.rcvNxt - t.i32[t.receiveList + 2]!) | 0;
  // Of a user that reads seldom, what would have been that of two round trips.
  const copied = seqDiff(read, t.rcvSpaceSeq) * Math.min(1, (2 * t.rcvRtt) / elapsed);
  t.rcvSpaceSeq = read;
  t.rcvSpaceAt = now;
  if (copied <= t.rcvSpace) return;
  const max = e.core.settings.tcpReceiveBufferMax;
  if (t.rcvLimit < max && !t.has2(F2_RCVBUF_SET)) {
    const wanted = 2 * copied + 16 * t.mss;
    const grown = wanted + (2 * wanted * (copied - t.rcvSpace)) / t.rcvSpace;
    // rcvRtt counts milliseconds: of a path that is faster than one the handshake tells more.
    const rtt = t.rcvRtt > MILLISECOND || t.minRtt === 0 ? t.rcvRtt : Math.min(t.rcvRtt, t.minRtt);
    const limit = Math.min(grown, max, bound(rtt));
    if (limit > t.rcvLimit) t.rcvLimit = limit | 0;
  }
  t.rcvSpace = copied | 0;
}

/** cwnd may have grown: the send buffer holds two windows, one in flight and one to follow it. */
export function tuneSend(e: Engine, t: Tcb): void {
  const wanted = 2 * Math.min(t.cwnd, t.sndWnd);
  if (wanted <= t.sndLimit || t.has2(F2_SNDBUF_SET)) return;
  const limit = Math.min(wanted, e.core.settings.tcpSendBufferMax, bound(t.srtt));
  if (limit > t.sndLimit) t.sndLimit = limit | 0;
}

function bound(rtt: number): number {
  return Math.max(FREE_GROWTH, rtt * FASTEST);
}
