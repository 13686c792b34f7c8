// No congestion control: for links that lose nothing, where the peer's window is limit enough. Loss is still repaired.
// Called through CongestionControl; calls nothing.

import { NO_THRESHOLD } from '../flags.ts';
import type { CongestionControl } from './congestion.ts';

export const noControl: CongestionControl = {
  name: 'none',
  init(_e, t) {
    t.cwnd = NO_THRESHOLD;
    t.ssthresh = NO_THRESHOLD;
  },
  acked(_e, t) {
    t.cwnd = NO_THRESHOLD;
  },
  reduce() {
    return NO_THRESHOLD;
  },
  timeout() {},
  undo() {
    return NO_THRESHOLD;
  },
  restart() {
    return NO_THRESHOLD;
  },
  idle() {},
};
