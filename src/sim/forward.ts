// What a router does to the header of a packet: its destination, TTL or hop limit, the congestion mark.
// Called by router.ts and by lines with CoDel; calls wire.

import { get16, put16 } from '../base/bytes.ts';
import { update16 } from '../wire/checksum.ts';
import {
  ECN_CE,
  ECN_NOT_ECT,
  IP4_FLAG_MF,
  ip4Checksum,
  ip4Ecn,
  ip4Ihl,
  ipVersion,
  putIp4Checksum,
} from '../wire/ip4.ts';
import { ip6Ecn } from '../wire/ip6.ts';
import type { Line } from './line.ts';
import type { Net } from './net.ts';

/** Sets Congestion Experienced (RFC 3168 section 5) in the packet at `o`; false if its transport is not ECN-capable. */
export function markCongestion(b: Uint8Array, o: number): boolean {
  if (ipVersion(b, o) === 4) {
    if (ip4Ecn(b, o) === ECN_NOT_ECT) return false;
    const before = get16(b, o);
    b[o + 1]! |= ECN_CE;
    put16(b, o + 10, update16(ip4Checksum(b, o), before, get16(b, o)));
    return true;
  }
  if (ipVersion(b, o) !== 6 || ip6Ecn(b, o) === ECN_NOT_ECT) return false;
  b[o + 1]! |= ECN_CE << 4;
  return true;
}

/** One hop less (RFC 1812 section 5.3.1, RFC 8200 section 3). False if there is none left: the packet may not go on. */
export function hop(b: Uint8Array, o: number): boolean {
  if (ipVersion(b, o) === 4) {
    if (b[o + 8]! <= 1) return false;
    const before = get16(b, o + 8);
    b[o + 8]!--;
    put16(b, o + 10, update16(ip4Checksum(b, o), before, get16(b, o + 8)));
    return true;
  }
  if (b[o + 7]! <= 1) return false;
  b[o + 7]!--;
  return true;
}

/** Sends the IPv4 packet at `slot` into `line` in pieces that fit (RFC 791 section 3.2), and frees it. Every piece repeats all options. */
export function fragment4(net: Net, slot: number, length: number, line: Line): void {
  const b = net.u8;
  const header = ip4Ihl(b, slot);
  const flags = get16(b, slot + 6);
  const most = (line.mtu - header) & ~7;
  for (let from = 0; from < length - header; from += most) {
    const n = Math.min(most, length - header - from);
    const at = net.take(header + n);
    b.copyWithin(at, slot, slot + header);
    b.copyWithin(at + header, slot + header + from, slot + header + from + n);
    put16(b, at + 2, header + n);
    const more = from + n < length - header ? IP4_FLAG_MF : flags & IP4_FLAG_MF;
    put16(b, at + 6, more | ((flags & 0x1fff) + (from >> 3)));
    putIp4Checksum(b, at);
    line.send(at, header + n);
  }
  net.free(slot);
}
