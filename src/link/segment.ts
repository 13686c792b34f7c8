// Software segmentation: cuts a TCP superframe into the segments that a device with segmentation offload would send.
// Called by memory (towards a side that takes no superframes) and holding (what a local kernel hands over); calls offload, wire.

import { get32, put16, put32 } from '../base/bytes.ts';
import type { LinkMemory } from '../base/link.ts';
import { Checksum, combine, pseudo4At, pseudo6At } from '../wire/checksum.ts';
import { ip4Id, PROTO_TCP, putIp4Checksum } from '../wire/ip4.ts';
import { IP6_HEADER_LENGTH, putIp6PayloadLength } from '../wire/ip6.ts';
import {
  TCP_CHECKSUM_OFFSET,
  TCP_CWR,
  TCP_FIN,
  TCP_PSH,
  TCP_SYN,
  TCP_URG,
  tcpCheck,
  tcpDataOffset,
  tcpFlags,
} from '../wire/tcp.ts';
import { Transport } from './offload.ts';

/**
 * Cuts superframes that lie in one piece in the arena: begin() with one, then write() each segment to a place of its own.
 * Segments are independent of one another; the superframe stays as it is until the caller frees it.
 *
 * Each segment has the superframe's headers with its own lengths, IPv4 identification (counted up), sequence number and
 * complete checksums; FIN and PSH go with the last, CWR with the first (RFC 3168 section 6.1.2).
 */
export class Segmenter {
  readonly #u8: Uint8Array;
  readonly #sums: Checksum;
  readonly #medium: 'ethernet' | 'ip';
  readonly #transport: Transport = new Transport();
  #offset = 0;
  /** Bytes of all headers: link, IP, TCP. */
  #headers = 0;
  #payload = 0;
  #size = 0;
  #count = 0;

  constructor(memory: LinkMemory, medium: 'ethernet' | 'ip', sums: Checksum = new Checksum(memory.arena.memory)) {
    this.#u8 = memory.arena.u8;
    this.#sums = sums;
    this.#medium = medium;
  }

  /**
   * Takes the superframe [offset, offset + length) to be cut into `size` bytes of payload a segment. Returns how many there
   * are (1 for one that needs no cutting), or 0 if it is no TCP packet that could be cut: then nothing may be written.
   */
  begin(offset: number, length: number, size: number): number {
    const transport = this.#transport;
    this.#count = 0;
    if (size <= 0 || !transport.find(this.#u8, offset, length, this.#medium)) return 0;
    const { start, end } = transport;
    if (transport.protocol !== PROTO_TCP || tcpCheck(this.#u8, start, end) !== 0) return 0;
    // An urgent pointer or a SYN would be wrong in all segments but one; nobody makes superframes of them.
    if ((tcpFlags(this.#u8, start) & (TCP_SYN | TCP_URG)) !== 0 && end - start > tcpDataOffset(this.#u8, start) + size)
      return 0;
    this.#offset = offset;
    this.#headers = start - offset + tcpDataOffset(this.#u8, start);
    this.#payload = end - offset - this.#headers;
    this.#size = size;
    this.#count = Math.max(1, Math.ceil(this.#payload / size));
    return this.#count;
  }

  /** The same, cut so that no packet exceeds `mtu` bytes. */
  beginMtu(offset: number, length: number, mtu: number): number {
    if (this.begin(offset, length, 65535) === 0) return 0;
    return this.begin(offset, length, mtu - (this.#headers - (this.#transport.ip - offset)));
  }

  /** Bytes of segment `i` (from 0), headers included. */
  length(i: number): number {
    return this.#headers + Math.min(this.#size, this.#payload - i * this.#size);
  }

  /** Writes segment `i` to `at` in the arena, where length(i) bytes are free, and returns its length. */
  write(i: number, at: number): number {
    const b = this.#u8;
    const from = i * this.#size;
    const length = this.length(i);
    b.copyWithin(at, this.#offset, this.#offset + this.#headers);
    const data = this.#offset + this.#headers + from;
    b.copyWithin(at + this.#headers, data, data + length - this.#headers);
    const move = at - this.#offset;
    this.#patchIp(this.#transport.ip + move, at + length, i);
    this.#patchTcp(this.#transport.start + move, this.#transport.ip + move, at + length, i, from);
    return length;
  }

  #patchIp(ip: number, end: number, i: number): void {
    const b = this.#u8;
    if (this.#transport.version === 6) {
      putIp6PayloadLength(b, ip, end - ip - IP6_HEADER_LENGTH);
      return;
    }
    put16(b, ip + 2, end - ip);
    put16(b, ip + 4, ip4Id(b, ip) + i);
    putIp4Checksum(b, ip);
  }

  #patchTcp(tcp: number, ip: number, end: number, i: number, from: number): void {
    const b = this.#u8;
    put32(b, tcp + 4, get32(b, tcp + 4) + from);
    if (i > 0) b[tcp + 13]! &= ~TCP_CWR;
    if (i < this.#count - 1) b[tcp + 13]! &= ~(TCP_FIN | TCP_PSH);
    const length = end - tcp;
    const pseudo =
      this.#transport.version === 6 ? pseudo6At(b, ip, PROTO_TCP, length) : pseudo4At(b, ip, PROTO_TCP, length);
    put16(b, tcp + TCP_CHECKSUM_OFFSET, 0);
    put16(b, tcp + TCP_CHECKSUM_OFFSET, ~combine(pseudo, this.#sums.sum(tcp, length), false));
  }
}
