// What a device would have done, in software: find the transport header of a frame, and complete its checksum.
// Called by wrappers that hide or undo offloads (fault, shape, capture) and by segment.ts; calls wire.

import { put16 } from '../base/bytes.ts';
import type { Checksum } from '../wire/checksum.ts';
import { ETH_HEADER_LENGTH, ETHERTYPE_IP4, ETHERTYPE_IP6, etherType } from '../wire/eth.ts';
import { ip4Check, ip4Ihl, ip4IsFragment, ip4Protocol, ip4TotalLength, PROTO_TCP, PROTO_UDP } from '../wire/ip4.ts';
import { IP6_HEADER_LENGTH, ip6Check, ip6PayloadLength, PROTO_ICMP6 } from '../wire/ip6.ts';
import { Ip6Chain, ip6Walk } from '../wire/ip6-chain.ts';
import { TCP_CHECKSUM_OFFSET } from '../wire/tcp.ts';
import { UDP_CHECKSUM_OFFSET } from '../wire/udp.ts';

const ICMP6_CHECKSUM_OFFSET = 2;

/** Where the transport header of a frame lies. One object, allocated once by whoever looks, refilled by each look. */
export class Transport {
  /** IP version, 4 or 6. */
  version = 0;
  /** PROTO_TCP, PROTO_UDP or PROTO_ICMP6. */
  protocol = 0;
  /** Offset of the IP header in the bytes. */
  ip = 0;
  /** Offset of the transport header. */
  start = 0;
  /** Offset of its checksum field. */
  field = 0;
  /** Where the IP packet ends: before the frame's end where the link padded it. */
  end = 0;
  readonly #chain: Ip6Chain = new Ip6Chain();

  /**
   * Finds the transport header of the frame [offset, offset + length). False where there is none with a checksum over a
   * pseudo-header that one frame could complete: other protocols, fragments, VLAN tags, malformed packets.
   */
  find(b: Uint8Array, offset: number, length: number, medium: 'ethernet' | 'ip'): boolean {
    const frameEnd = offset + length;
    this.ip = offset;
    if (medium === 'ethernet') {
      if (length < ETH_HEADER_LENGTH) return false;
      const type = etherType(b, offset);
      if (type !== ETHERTYPE_IP4 && type !== ETHERTYPE_IP6) return false;
      this.ip = offset + ETH_HEADER_LENGTH;
    }
    const { ip } = this;
    if (ip4Check(b, ip, frameEnd) === 0) {
      if (ip4IsFragment(b, ip)) return false;
      this.version = 4;
      this.protocol = ip4Protocol(b, ip);
      this.start = ip + ip4Ihl(b, ip);
      this.end = ip + ip4TotalLength(b, ip);
    } else if (ip6Check(b, ip, frameEnd) === 0) {
      if (ip6Walk(b, ip, this.#chain) !== 0 || this.#chain.isFragment) return false;
      this.version = 6;
      this.protocol = this.#chain.protocol;
      this.start = this.#chain.offset;
      this.end = ip + IP6_HEADER_LENGTH + ip6PayloadLength(b, ip);
    } else return false;
    return this.#findField();
  }

  #findField(): boolean {
    if (this.protocol === PROTO_TCP) this.field = this.start + TCP_CHECKSUM_OFFSET;
    else if (this.protocol === PROTO_UDP) this.field = this.start + UDP_CHECKSUM_OFFSET;
    else if (this.protocol === PROTO_ICMP6 && this.version === 6) this.field = this.start + ICMP6_CHECKSUM_OFFSET;
    else return false;
    return this.field + 2 <= this.end;
  }
}

/**
 * The checksum to be written where the field holds the pseudo-header's sum and `sum` is that of everything from the
 * transport header on, field included. For UDP (told by the field's place) 0 is sent as 0xffff: zero means "none" (RFC 768).
 */
export function finishChecksum(sum: number, csumOffset: number): number {
  const checksum = ~sum & 0xffff;
  return checksum === 0 && csumOffset === UDP_CHECKSUM_OFFSET ? 0xffff : checksum;
}

/**
 * Completes a partial checksum in the arena: the sum of [start, end), which holds the pseudo-header's sum at
 * start + csumOffset, goes into that field.
 */
export function completeChecksum(b: Uint8Array, sums: Checksum, start: number, csumOffset: number, end: number): void {
  put16(b, start + csumOffset, finishChecksum(sums.sum(start, end - start), csumOffset));
}

/**
 * Completes the checksum of a received frame that a local kernel deferred (RX_SUM_PARTIAL). Nothing happens where
 * `transport` finds no checksum.
 */
export function completeReceived(
  b: Uint8Array,
  sums: Checksum,
  transport: Transport,
  offset: number,
  length: number,
  medium: 'ethernet' | 'ip',
): void {
  if (!transport.find(b, offset, length, medium)) return;
  completeChecksum(b, sums, transport.start, transport.field - transport.start, transport.end);
}
