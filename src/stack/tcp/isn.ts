// Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 section 5.4): keyed hashes of the four-tuple.
// Called when a connection is made, and by SYN cookies; calls SipHash and FlowHash.

import type { Core } from '../core.ts';
import type { Tcb } from './tcb.ts';

const words = new Int32Array(10);

/** Sets ISS = M + F(tuple, secret), M a 4 us clock, and the offset of TSval. The tuple of `t` is complete. */
export function chooseIsn(core: Core, t: Tcb): void {
  words[0] = t.local0;
  words[1] = t.local1;
  words[2] = t.local2;
  words[3] = t.local3;
  words[4] = t.remote0;
  words[5] = t.remote1;
  words[6] = t.remote2;
  words[7] = t.remote3;
  words[8] = (t.localPort << 16) | t.remotePort;
  words[9] = 0x49534e; // "ISN"
  t.iss = (core.sip.hash(words, 0, 10) + Math.floor(core.now.us / 4)) | 0;
  t.tsOffset = stampOffset(core, t.remote0, t.remote1, t.remote2, t.remote3, t.local3, words[8]);
}

/** What is added to ms32 to give TSval: the same whenever this tuple is used, so that timestamps go on over its incarnations. */
export function stampOffset(
  core: Core,
  r0: number,
  r1: number,
  r2: number,
  r3: number,
  local3: number,
  ports: number,
): number {
  return core.stampHash.hash(r0, r1, r2, r3, local3, ports);
}
