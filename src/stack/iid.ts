// Interface identifiers: the lower 64 bits of the IPv6 addresses that we make for ourselves.
// Called by autoconf and slaac; calls the keyed hash.

import type { SipHash } from '../base/siphash.ts';
import type { Interface } from './interface.ts';

/**
 * How identifiers are made: 'stable' is RFC 7217 (opaque, the same for one prefix and interface), 'eui64' RFC 4291
 * appendix A.
 */
export type IidKind = 'stable' | 'eui64';

/** Identifiers tried before a prefix is given up (RFC 7217 section 6, IDGEN_RETRIES). */
export const IID_RETRIES = 3;

/** Registers of the last identifier made. */
export class Iid {
  w2 = 0;
  w3 = 0;
  readonly #input: Int32Array = new Int32Array(6);

  /**
   * Makes the identifier for the 64-bit prefix p0, p1 on `iface` and leaves it in w2, w3. 'eui64' needs a MAC address:
   * without one, and after a conflict, it is 'stable' all the same.
   */
  make(kind: IidKind, hash: SipHash, iface: Interface, p0: number, p1: number, dadCounter: number): void {
    if (kind === 'eui64' && iface.ethernet) {
      this.w2 = ((iface.macHi ^ 0x0200) << 16) | ((iface.macLo >>> 16) & 0xff00) | 0xff;
      this.w3 = 0xfe000000 | (iface.macLo & 0xffffff);
      return;
    }
    const input = this.#input;
    input[0] = p0;
    input[1] = p1;
    input[2] = iface.macHi;
    input[3] = iface.ethernet ? iface.macLo : iface.index;
    input[4] = dadCounter;
    // Reserved identifiers are skipped; a fifth word counts the tries, so that the result stays a function of its
    // input.
    input[5] = 0;
    do {
      this.w3 = hash.hash(input, 0, 6);
      this.w2 = hash.high;
      input[5]!++;
    } while (isReserved(this.w2, this.w3));
  }
}

/** Identifiers that no host may choose (RFC 5453: subnet-router anycast, IANA's Ethernet block, subnet anycast). */
export function isReserved(w2: number, w3: number): boolean {
  if (w2 === 0 && w3 === 0) return true;
  if (w2 === 0x02005eff && w3 >>> 24 === 0xfe) return true;
  return w2 === 0xfdffffff >> 0 && w3 >>> 7 === 0x1ffffff;
}
