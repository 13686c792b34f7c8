// What kind of address four int32 words are.
// Called by every file of this floor; calls base/address only.

import { isMapped } from '../base/address.ts';

/** An address: four int32 words, IPv4 mapped (0, 0, 0xffff, a.b.c.d). */
export type Words = readonly [number, number, number, number];

/** True for an IPv4 address in its mapped form. */
export const isIp4: (w0: number, w1: number, w2: number) => boolean = isMapped;

/**
 * True for 127.0.0.0/8 and ::1, legal on loopback links only (RFC 1122 section 3.2.1.3 (g), RFC 4291 section 2.5.3).
 */
export function isLoopback(w0: number, w1: number, w2: number, w3: number): boolean {
  if ((w0 | w1) !== 0) return false;
  return w2 === 0xffff ? w3 >>> 24 === 127 : w2 === 0 && w3 === 1;
}

/** True for fe80::/10 (RFC 4291 section 2.5.6). 169.254/16 is an ordinary subnet here. */
export function isLinkLocal(w0: number): boolean {
  return w0 >>> 22 === 0x3fa;
}

/** True for 224.0.0.0/4 and ff00::/8. Broadcast addresses of IPv4 are Interfaces.isBroadcast's. */
export function isMulticast(w0: number, w1: number, w2: number, w3: number): boolean {
  return w0 >>> 24 === 0xff || (w3 >>> 28 === 14 && isIp4(w0, w1, w2));
}

/** Whether two addresses agree in their first `bits` bits of 128. */
export function samePrefix(
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  bits: number,
): boolean {
  if (bits >= 32 && a0 !== b0) return false;
  if (bits >= 64 && a1 !== b1) return false;
  if (bits >= 96 && a2 !== b2) return false;
  const rest = bits & 31;
  if (rest === 0) return bits < 128 || a3 === b3;
  const x = bits < 32 ? a0 ^ b0 : bits < 64 ? a1 ^ b1 : bits < 96 ? a2 ^ b2 : a3 ^ b3;
  return x >>> (32 - rest) === 0;
}
