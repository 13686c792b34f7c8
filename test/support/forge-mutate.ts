// Mutations of a frame that was valid: bits, bytes, lengths, truncation, padding, pieces of other frames; and checksums made right again.
// Called by forge.ts; calls wire/checksum and a seeded generator.

import { get16, put16 } from '../../src/base/bytes.ts';
import type { SeededRng } from '../../src/base/rng.ts';
import { combine, fold, pseudo4At, pseudo6At, sumPlain } from '../../src/wire/checksum.ts';
import { PROTO_ICMP4, PROTO_TCP, PROTO_UDP, putIp4Checksum } from '../../src/wire/ip4.ts';
import { PROTO_ICMP6 } from '../../src/wire/ip6.ts';

/** A frame under construction. Offsets count from the start of `bytes`; l3 < 0: no IP in it. */
export class Draft {
  readonly bytes: Uint8Array;
  length = 0;
  l3 = -1;
  l4 = -1;
  /** What stands at l4: PROTO_*, or -1 where that is not known. */
  protocol = -1;

  constructor(size: number = 1 << 17) {
    this.bytes = new Uint8Array(size);
  }
}

/** Where the checksum lies in the upper layer's header. */
const FIELDS: ReadonlyMap<number, number> = new Map([
  [PROTO_TCP, 16],
  [PROTO_UDP, 6],
  [PROTO_ICMP4, 2],
  [PROTO_ICMP6, 2],
]);
const EDGES_8 = [0, 1, 4, 5, 6, 0x0f, 0x10, 0x44, 0x45, 0x60, 0x7f, 0x80, 0xf0, 0xfe, 0xff];
const EDGES_16 = [
  0, 1, 7, 8, 19, 20, 39, 40, 41, 0x100, 0x1fff, 0x2000, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xfff8, 0xffff,
];

/** One of the array's values. */
export function pick<T>(rng: SeededRng, values: readonly T[]): T {
  return values[rng.below(values.length)]!;
}

/** Changes `d` in one to three ways. `other` is a frame of before, to take pieces from. */
export function mutate(d: Draft, rng: SeededRng, other: Uint8Array, limit: number): void {
  for (let n = 1 + rng.below(3); n > 0; n--) mutateOnce(d, rng, other, limit);
}

function mutateOnce(d: Draft, rng: SeededRng, other: Uint8Array, limit: number): void {
  const b = d.bytes;
  if (d.length === 0) return;
  // Headers are where decisions are made: three of four changes happen there.
  const reach = rng.below(4) === 0 ? d.length : Math.min(d.length, 120);
  const at = rng.below(reach);
  switch (rng.below(9)) {
    case 0:
      b[at]! ^= 1 << rng.below(8);
      return;
    case 1:
      for (let n = 1 + rng.below(8); n > 0; n--) b[rng.below(reach)]! ^= 1 << rng.below(8);
      return;
    case 2:
      b[at] = pick(rng, EDGES_8);
      return;
    case 3:
      if (at + 1 < d.length) put16(b, at & ~1, pick(rng, EDGES_16));
      return;
    case 4:
      d.length = rng.below(d.length + 1);
      return;
    case 5: {
      const end = Math.min(limit, d.length + 1 + rng.below(64));
      for (; d.length < end; d.length++) b[d.length] = rng.int32();
      return;
    }
    case 6: {
      const n = Math.min(1 + rng.below(40), d.length - at);
      b.copyWithin(at, rng.below(d.length - n + 1), at + n);
      return;
    }
    case 7: {
      const n = Math.min(1 + rng.below(40), d.length - at, other.length);
      const from = rng.below(other.length - n + 1);
      for (let i = 0; i < n; i++) b[at + i] = other[from + i]!;
      return;
    }
    default: {
      // A length field a little off: IPv4's total, IPv6's payload, or UDP's.
      if (d.l3 < 0) return;
      const field = rng.below(3) === 0 && d.l4 > 0 ? d.l4 + 4 : d.l3 + (b[d.l3]! >> 4 === 4 ? 2 : 4);
      if (field + 2 <= d.length) put16(b, field, get16(b, field) + rng.below(33) - 16);
    }
  }
}

/** Makes the checksums right for what the frame says now, as far as its lengths let them be found. */
export function fixChecksums(d: Draft): void {
  const { bytes: b, l3, l4, length } = d;
  if (l3 < 0 || l3 + 20 > length) return;
  const v4 = b[l3]! >> 4 === 4;
  if (v4) {
    const header = (b[l3]! & 15) * 4;
    if (header >= 20 && l3 + header <= length) putIp4Checksum(b, l3);
  } else if (l3 + 40 > length) {
    return;
  }
  const field = FIELDS.get(d.protocol) ?? -1;
  const said = v4 ? l3 + get16(b, l3 + 2) : l3 + 40 + get16(b, l3 + 4);
  const end = Math.min(said, length);
  if (field < 0 || l4 < 0 || l4 + field + 2 > end) return;
  put16(b, l4 + field, 0);
  let sum = sumPlain(b, l4, end - l4);
  if (d.protocol !== PROTO_ICMP4) {
    const pseudo = v4 ? pseudo4At(b, l3, d.protocol, end - l4) : pseudo6At(b, l3, d.protocol, end - l4);
    sum = combine(sum, pseudo, false);
  }
  const checksum = ~fold(sum) & 0xffff;
  put16(b, l4 + field, checksum === 0 && d.protocol === PROTO_UDP ? 0xffff : checksum);
}
