// The ICMP errors of simulated routers: packet too big, no route, time exceeded (RFC 792, 1191, 4443).
// Called by router.ts; calls wire and the line that leads back to the sender.

import { put16 } from '../base/bytes.ts';
import { combine, pseudo6At } from '../wire/checksum.ts';
import { ICMP4_HEADER_LENGTH, putIcmpChecksum, putIcmpHeader } from '../wire/icmp4.ts';
import { IP4_HEADER_LENGTH, PROTO_ICMP4, putIp4Header } from '../wire/ip4.ts';
import { IP6_HEADER_LENGTH, PROTO_ICMP6, putIp6Dst, putIp6Header, putIp6Src } from '../wire/ip6.ts';
import type { Line } from './line.ts';
import type { Net } from './net.ts';

/** RFC 1812 section 4.3.2.3; RFC 4443 section 2.4 (c). */
const LONGEST4 = 576;
const LONGEST6 = 1280;
const TTL = 64;

export class IcmpWriter {
  /** Of the next message; `rest` is the MTU where there is one. */
  type = 0;
  code = 0;
  rest = 0;
  readonly #net: Net;

  constructor(net: Net) {
    this.#net = net;
  }

  /** Sends an error about the packet at `slot`, from the router of number `from`, into `line`. */
  send(slot: number, length: number, version: number, from: number, line: Line): void {
    const b = this.#net.u8;
    const header = version === 4 ? IP4_HEADER_LENGTH : IP6_HEADER_LENGTH;
    const quote = Math.min(length, (version === 4 ? LONGEST4 : LONGEST6) - header - ICMP4_HEADER_LENGTH);
    const at = this.#net.take(header + ICMP4_HEADER_LENGTH + quote);
    const l4 = at + header;
    const total = ICMP4_HEADER_LENGTH + quote;
    putIcmpHeader(b, l4, this.type, this.code, this.rest);
    b.copyWithin(l4 + ICMP4_HEADER_LENGTH, slot, slot + quote);
    let sum = this.#net.memory.sums.sum(l4, total);
    if (version === 4) {
      const to = (b[slot + 12]! << 24) | (b[slot + 13]! << 16) | (b[slot + 14]! << 8) | b[slot + 15]!;
      putIp4Header(b, at, 0, header + total, 0, 0, TTL, PROTO_ICMP4, 0x0a000000 | from, to);
    } else {
      putIp6Header(b, at, 0, 0, total, PROTO_ICMP6, TTL);
      putIp6Src(b, at, 0xfd00 << 16, 0, 0, from);
      putIp6Dst(b, at, 0, 0, 0, 0);
      b.copyWithin(at + 24, slot + 8, slot + 24);
      sum = combine(sum, pseudo6At(b, at, PROTO_ICMP6, total), false);
    }
    put16(b, l4 + 2, 0);
    putIcmpChecksum(b, l4, sum);
    line.send(at, header + total);
  }
}
