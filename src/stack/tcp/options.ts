// What a socket can be told: the options OPT_* of flags.ts.
// Called by tcp.ts; calls engine for what takes effect at once.

import { EINVAL } from '../../base/errno.ts';
import { CONTROLS } from './cc/controls.ts';
import { hystartEnd } from './cc/hystart.ts';
import { noControl } from './cc/none.ts';
import { finWait2 } from './close.ts';
import { setQuick } from './delayed-ack.ts';
import type { Engine } from './engine.ts';
import * as F from './flags.ts';
import { updatePacing } from './rate.ts';
import { updateMss } from './route.ts';
import { CLOSE_WAIT, ESTABLISHED, LISTEN } from './state.ts';
import type { Tcb } from './tcb.ts';

/** Bounds of OPT_MAXSEG and OPT_WINDOW_CLAMP, bytes, and of OPT_LINGER2, ms. */
const LEAST_MAXSEG = 88;
const MOST_MAXSEG = 32767;
const LEAST_CLAMP = 1152;
const MOST_FIN_WAIT_2 = 120_000;
const MOST = 2 ** 31 - 1;

function setFlag(t: Tcb, flag: number, value: number): number {
  if (value) t.set(flag);
  else t.unset(flag);
  return 0;
}

/** Another congestion control takes over, with the window that there is. */
function changeControl(e: Engine, t: Tcb, value: number): number {
  if (!(value < CONTROLS.length)) return -EINVAL;
  t.cc = value;
  if (t.state < ESTABLISHED) return 0;
  const { cwnd, ssthresh } = t;
  e.control(t).init(e, t);
  if (ssthresh < F.NO_THRESHOLD) hystartEnd(t);
  if (CONTROLS[value] !== noControl) {
    t.cwnd = Math.min(cwnd, F.NO_THRESHOLD);
    t.ssthresh = ssthresh;
  }
  return 0;
}

/** Sets OPT_* of a connection, or of a listener for the connections it will make. 0, or -EINVAL. */
export function setOption(e: Engine, t: Tcb, option: number, value: number): number {
  if (!Number.isFinite(value) || value < 0) return -EINVAL;
  switch (option) {
    case F.OPT_NODELAY:
      if (value && t.state !== LISTEN) {
        e.activate(t);
        e.onWork();
      }
      return setFlag(t, F.F_NODELAY, value);
    case F.OPT_KEEPALIVE:
      setFlag(t, F.F_KEEPALIVE, value);
      if (value && t.longAt === 0 && (t.state === ESTABLISHED || t.state === CLOSE_WAIT)) {
        t.longAt = e.core.now.us + t.keepIdle * 1000;
        e.arm(t);
      }
      return 0;
    case F.OPT_KEEPIDLE:
      t.keepIdle = Math.max(1, Math.min(2 ** 31 - 1, value / 1000));
      if (t.has(F.F_KEEPALIVE) && (t.state === ESTABLISHED || t.state === CLOSE_WAIT)) {
        t.longAt = e.core.now.us + t.keepIdle * 1000;
        e.arm(t);
      }
      return 0;
    case F.OPT_KEEPINTVL:
      t.keepInterval = Math.max(1, Math.min(2 ** 31 - 1, value / 1000));
      return 0;
    case F.OPT_KEEPCNT:
      t.keepCount = Math.max(1, Math.min(127, value));
      return 0;
    case F.OPT_RCVBUF:
      t.rcvLimit = Math.max(4096, Math.min(1 << 30, value));
      t.set2(F.F2_RCVBUF_SET);
      return 0;
    case F.OPT_SNDBUF:
      t.sndLimit = Math.max(4096, Math.min(1 << 30, value));
      t.set2(F.F2_SNDBUF_SET);
      return 0;
    case F.OPT_LINGER0:
      return setFlag(t, F.F_LINGER0, value);
    case F.OPT_TTL:
      if (value < 1 || value > 255) return -EINVAL;
      t.ttl = value;
      return 0;
    case F.OPT_TOS:
      if (value > 255) return -EINVAL;
      t.tos = value & 0xfc; // the ECN bits are TCP's own
      return 0;
    case F.OPT_QUICKACK:
      setQuick(e, t, value !== 0);
      return 0;
    case F.OPT_FIRST_ACK_DELAY:
      if (value > 500_000) return -EINVAL; // RFC 1122 section 4.2.3.2
      t.firstAckDelay = value;
      return 0;
    default:
      return setLimit(e, t, option, value);
  }
}

/** The options that bound something; their rounding is Linux's, as far as a program can see it. */
function setLimit(e: Engine, t: Tcb, option: number, value: number): number {
  switch (option) {
    case F.OPT_MAXSEG:
      if (value !== 0 && (value < LEAST_MAXSEG || value > MOST_MAXSEG)) return -EINVAL;
      t.userMss = value;
      if (t.state !== LISTEN && t.peerMss !== 0) updateMss(t);
      return 0;
    case F.OPT_USER_TIMEOUT:
      t.userTimeout = milliseconds(value);
      return 0;
    case F.OPT_LINGER:
      t.linger = milliseconds(value);
      return 0;
    case F.OPT_NOTSENT_LOWAT:
      t.notsentLow = Math.min(MOST, value);
      return 0;
    case F.OPT_CORK:
      if (value) t.set2(F.F2_CORK);
      else {
        t.unset2(F.F2_CORK);
        if (t.state !== LISTEN) uncork(e, t);
      }
      return 0;
    case F.OPT_SYNCNT:
      if (value < 1 || value > 127) return -EINVAL;
      t.synRetries = value;
      return 0;
    case F.OPT_LINGER2:
      t.finWait2 = Math.min(MOST_FIN_WAIT_2, milliseconds(value));
      return 0;
    case F.OPT_DEFER_ACCEPT:
      t.deferAccept = deferAccept(value);
      return 0;
    case F.OPT_CONGESTION:
      return changeControl(e, t, value);
    case F.OPT_MAX_PACING_RATE:
      t.maxRate = value >= 0xffffffff ? 0 : value;
      if (t.bytesAcked > 0) updatePacing(e, t);
      return 0;
    case F.OPT_WINDOW_CLAMP:
      if (value === 0 && t.state >= ESTABLISHED) return -EINVAL;
      t.windowClamp = value === 0 ? 0 : Math.min(MOST, Math.max(LEAST_CLAMP, value));
      return 0;
    default:
      return -EINVAL;
  }
}

/** What waited for a full segment goes now, and not when the timer of OPT_CORK says. */
function uncork(e: Engine, t: Tcb): void {
  if (t.has(F.F_PERSIST) && t.sndWnd > 0) {
    t.unset(F.F_PERSIST);
    t.rtxAt = 0;
  }
  e.activate(t);
  e.onWork();
}

function milliseconds(us: number): number {
  return Math.min(MOST, Math.ceil(us / 1000));
}

/** The least sum of SYN-ACK timeouts (1, 2, 4… s, none beyond 120) that reaches so many microseconds; ms. */
function deferAccept(us: number): number {
  if (us === 0) return 0;
  let timeout = 1;
  let sum = 1;
  for (let n = 1; n < 255 && sum * 1e6 < us; n++) {
    timeout = Math.min(120, timeout * 2);
    sum += timeout;
  }
  return sum * 1000;
}

/** The value of OPT_*, or -EINVAL. */
export function getOption(e: Engine, t: Tcb, option: number): number {
  switch (option) {
    case F.OPT_NODELAY:
      return t.has(F.F_NODELAY) ? 1 : 0;
    case F.OPT_KEEPALIVE:
      return t.has(F.F_KEEPALIVE) ? 1 : 0;
    case F.OPT_KEEPIDLE:
      return t.keepIdle * 1000;
    case F.OPT_KEEPINTVL:
      return t.keepInterval * 1000;
    case F.OPT_KEEPCNT:
      return t.keepCount;
    case F.OPT_RCVBUF:
      return t.rcvLimit;
    case F.OPT_SNDBUF:
      return t.sndLimit;
    case F.OPT_LINGER0:
      return t.has(F.F_LINGER0) ? 1 : 0;
    case F.OPT_TTL:
      return t.ttl;
    case F.OPT_TOS:
      return t.tos;
    case F.OPT_MAXSEG:
      // As getsockopt says it: what is in use, or before that what was asked for.
      return t.state === LISTEN || t.peerMss === 0 ? t.userMss : t.mss;
    case F.OPT_USER_TIMEOUT:
      return t.userTimeout * 1000;
    case F.OPT_LINGER:
      return t.linger * 1000;
    case F.OPT_NOTSENT_LOWAT:
      return t.notsentLow;
    case F.OPT_CORK:
      return t.has2(F.F2_CORK) ? 1 : 0;
    case F.OPT_SYNCNT:
      return t.synRetries || e.core.settings.tcpSynRetries;
    case F.OPT_LINGER2:
      return finWait2(e, t);
    case F.OPT_DEFER_ACCEPT:
      return t.deferAccept * 1000;
    case F.OPT_CONGESTION:
      return t.cc;
    case F.OPT_MAX_PACING_RATE:
      return t.maxRate;
    case F.OPT_WINDOW_CLAMP:
      return t.windowClamp;
    case F.OPT_QUICKACK:
      return t.has2(F.F2_PINGPONG) ? 0 : 1;
    case F.OPT_FIRST_ACK_DELAY:
      return t.firstAckDelay;
    default:
      return -EINVAL;
  }
}
