// What a socket can be told: the options OPT_* of flags.ts.
// Called by tcp.ts; calls engine for what takes effect at once.

import { EINVAL } from '../../base/errno.ts';
import { CONTROLS } from './cc/controls.ts';
import { setQuick } from './delayed-ack.ts';
import type { Engine } from './engine.ts';
import * as F from './flags.ts';
import { updatePacing } from './rate.ts';
import { CLOSE_WAIT, ESTABLISHED, LISTEN } from './state.ts';
import type { Tcb } from './tcb.ts';

function setFlag(t: Tcb, flag: number, value: number): number {
  if (value) t.set(flag);
  else t.unset(flag);
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
    case F.OPT_CONGESTION:
      return setControl(e, t, value);
    case F.OPT_MAX_PACING_RATE:
      t.maxPacingRate = value;
      if (t.bytesAcked > 0) updatePacing(e, t);
      return 0;
    case F.OPT_FIRST_ACK_DELAY:
      if (value > 500_000) return -EINVAL; // RFC 1122 section 4.2.3.2
      t.firstAckDelay = value;
      return 0;
    default:
      return -EINVAL;
  }
}

/** Another control takes over: it begins anew, with the windows as they are. */
function setControl(e: Engine, t: Tcb, value: number): number {
  const control = CONTROLS[value];
  if (control === undefined) return -EINVAL;
  if (t.cc === value) return 0;
  t.cc = value;
  if (t.state < ESTABLISHED) return 0;
  const { cwnd, ssthresh } = t;
  control.init(e, t);
  if (cwnd >= F.NO_THRESHOLD || t.cwnd >= F.NO_THRESHOLD) return 0;
  t.cwnd = cwnd;
  t.ssthresh = ssthresh;
  return 0;
}

/** The value of OPT_*, or -EINVAL. */
export function getOption(t: Tcb, option: number): number {
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
    case F.OPT_QUICKACK:
      return t.has2(F.F2_PINGPONG) ? 0 : 1;
    case F.OPT_CONGESTION:
      return t.cc;
    case F.OPT_MAX_PACING_RATE:
      return t.maxPacingRate;
    case F.OPT_FIRST_ACK_DELAY:
      return t.firstAckDelay;
    default:
      return -EINVAL;
  }
}
