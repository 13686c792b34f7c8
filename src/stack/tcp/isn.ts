// Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 section 5.4): a keyed hash of the four-tuple.
// Called when a connection is made, and for SYN cookies; calls SipHash.

import type { Core } from '../core.ts';
import type { Tcb } from './tcb.ts';

const words = new Int32Array(10);

/**
 * The keyed hash of a tuple: its low half (F of RFC 6528), and in core.sip.high the offset of TSval. IPv4 has a message of
 * four words, IPv6 of ten.
 */
export function tupleHash(
  core: Core,
  l0: number,
  l1: number,
  l2: number,
  l3: number,
  localPort: number,
  r0: number,
  r1: number,
  r2: number,
  r3: number,
  remotePort: number,
): number {
  words[0] = 0x49534e; // "ISN"
  words[1] = (localPort << 16) | remotePort;
  words[2] = l3;
  words[3] = r3;
  if (r0 === 0 && r1 === 0 && r2 === 0xffff) return core.sip.hash(words, 0, 4);
  words[4] = l0;
  words[5] = l1;
  words[6] = l2;
  words[7] = r0;
  words[8] = r1;
  words[9] = r2;
  return core.sip.hash(words, 0, 10);
}

/** Sets ISS = M + F(tuple, secret), M a 4 us clock, and the offset of TSval. The tuple of `t` is complete. */
export function chooseIsn(core: Core, t: Tcb): void {
  const hash = tupleHash(
    core,
    t.local0,
    t.local1,
    t.local2,
    t.local3,
    t.localPort,
    t.remote0,
    t.remote1,
    t.remote2,
    t.remote3,
    t.remotePort,
  );
  t.iss = (hash + Math.floor(core.now.us / 4)) | 0;
  t.tsOffset = core.sip.high;
}
