// A reduction of cwnd that proves needless is taken back: by timestamps (Eifel, RFC 3522 and 4015), by D-SACK (RFC 3708), by F-RTO.
// Called by recovery and tlp; calls scoreboard and the congestion control.

import { seqDiff, seqGt, seqLt } from '../../base/seq.ts';
import { counter } from '../counters.ts';
import type { Engine } from './engine.ts';
import {
  F_TIMESTAMPS,
  F2_CWR_DUE,
  F2_FRTO,
  F2_FRTO_PROBE,
  F2_SACK,
  F2_STAMPED,
  F2_UNDO,
  PHASE_DISORDER,
  PHASE_OPEN,
} from './flags.ts';
import { noteReordering, recoveryWasNeeded } from './rack.ts';
import { TCB_UNDO_START, type Tcb } from './tcb.ts';

/** Retransmissions of a recovery that are remembered one by one. */
const UNDO_STARTS = 4;

const UNDONE: number = counter('tcp_recoveries_undone');

/** Remembers what a reduction that begins now would have to be taken back to. */
export function beginUndo(t: Tcb): void {
  t.set2(F2_UNDO);
  t.undoMarker = t.sndUna;
  // -1: nothing has been sent again yet, so no report can say that all of it was needless.
  t.undoRetrans = t.retransBytes > 0 ? t.retransBytes : -1;
  t.undoCount = t.retransBytes > 0 ? UNDO_STARTS + 1 : 0; // of those in flight already it is not known where they began
}

/** `bytes` from `start` on go out again. */
export function countRetransmission(e: Engine, t: Tcb, start: number, bytes: number): void {
  if (t.undoCount < UNDO_STARTS) t.i32[t.c + TCB_UNDO_START + t.undoCount] = start;
  t.undoCount++;
  t.undoRetrans = Math.max(0, t.undoRetrans) + bytes;
  if (t.has2(F2_STAMPED)) return;
  t.set2(F2_STAMPED);
  t.retransStamp = (e.core.now.ms32 + t.tsOffset) | 0;
}

/** Eifel: the ACK echoes a timestamp from before the first retransmission, so the original has arrived (RFC 3522 section 3.2). */
function originalArrived(e: Engine, t: Tcb): boolean {
  if (!t.has2(F2_STAMPED)) return true; // nothing was sent again at all
  const { options } = e.seg;
  return t.has(F_TIMESTAMPS) && options.hasTimestamps && options.tsEcr !== 0 && seqLt(options.tsEcr, t.retransStamp);
}

function mayUndo(e: Engine, t: Tcb): boolean {
  return t.has2(F2_UNDO) && (t.undoRetrans === 0 || originalArrived(e, t));
}

/** cwnd and ssthresh as they were (RFC 4015 section 3.2); with `losses` nothing counts as lost any more. */
function undo(e: Engine, t: Tcb, losses: boolean): void {
  if (losses) e.scoreboard.forgetLosses(t);
  if (t.priorSsthresh !== 0) {
    t.cwnd = Math.max(t.cwnd, e.control(t).undo(t));
    if (t.priorSsthresh > t.ssthresh) {
      t.ssthresh = t.priorSsthresh;
      t.unset2(F2_CWR_DUE);
    }
  }
  t.cwndAt = e.core.now.us;
  t.unset2(F2_UNDO);
  e.core.counters.add(UNDONE, 1);
}

/** Everything up to RECOVER is acknowledged. Returns true if the phase must be held all the same. */
export function undoRecovery(e: Engine, t: Tcb): boolean {
  if (mayUndo(e, t)) undo(e, t, false);
  else recoveryWasNeeded(t);
  // Without SACK an ACK just at RECOVER may be followed by duplicates of what was sent twice: they must not start it all
  // again (RFC 6582 section 3.2, "avoiding multiple fast retransmits").
  if (t.sndUna === t.recover && !t.has2(F2_SACK)) return true;
  t.phase = PHASE_OPEN;
  return false;
}

/** All that was sent again since the reduction was reported as duplicate. */
export function undoByDsack(e: Engine, t: Tcb): boolean {
  if (!t.has2(F2_UNDO) || t.undoRetrans !== 0) return false;
  undo(e, t, false);
  return true;
}

/** A partial ACK in recovery. Returns true if nothing more is to be sent again now: what was thought lost is late. */
export function undoPartial(e: Engine, t: Tcb): boolean {
  if (!t.has2(F2_UNDO) || !t.has2(F2_STAMPED) || !originalArrived(e, t)) return false;
  noteReordering(t, e.news.priorUna);
  if (t.retransBytes > 0) return true; // wait for what those bring
  t.unset2(F2_STAMPED);
  undo(e, t, true);
  tryKeepOpen(t);
  return true;
}

/** A timeout that was spurious: by the evidence of mayUndo(), or F-RTO's (`sure`). */
export function undoLoss(e: Engine, t: Tcb, sure: boolean): boolean {
  if (!sure && !mayUndo(e, t)) return false;
  undo(e, t, true);
  t.retries = 0;
  if (sure || t.has2(F2_SACK)) {
    t.phase = PHASE_OPEN;
    t.unset2(F2_FRTO | F2_FRTO_PROBE);
  }
  return true;
}

/** Open, or Disorder while something is outstanding that makes it so. */
export function tryKeepOpen(t: Tcb): void {
  const disorder = t.sackedBytes > 0 || t.retransBytes > 0 || t.lostBytes > 0;
  const phase = disorder ? PHASE_DISORDER : PHASE_OPEN;
  if (t.phase !== phase) {
    t.phase = phase;
    t.recover = t.sndNxt;
  }
}

/** The peer reports [start, end) as a duplicate: was it of ours, of what was sent again since the reduction (RFC 3708)? */
export function countDuplicate(t: Tcb, start: number, end: number): void {
  if (!t.has2(F2_UNDO) || t.undoRetrans <= 0 || !seqGt(end, t.undoMarker)) return;
  // The network makes duplicates, too: while few were sent again, only those count.
  let ours = t.undoCount > UNDO_STARTS;
  for (let i = 0; i < t.undoCount && !ours; i++) ours = t.i32[t.c + TCB_UNDO_START + i] === start;
  if (ours) t.undoRetrans = Math.max(0, t.undoRetrans - seqDiff(end, start));
}
