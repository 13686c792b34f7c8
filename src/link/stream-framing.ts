// How frames are told apart on a byte stream: by the IP header's own length, or by a length before each frame.
// Called by stream; calls base/bytes.

import { get16, get32 } from '../base/bytes.ts';

/** One way to find the end of a frame. Has no state but the text of the last problem. */
export interface Framing {
  /** Bytes from which every length can be told. */
  readonly head: number;
  /** Whether those bytes belong to the frame. */
  readonly keepsHead: boolean;
  /** Bytes that the sender puts before each frame. */
  readonly prefix: number;
  /** What is wrong, after length() said -1. */
  readonly problem: string;
  /** Length of the frame that begins with the `have` bytes at `o`; 0: more are needed; -1: no frame begins so. */
  length(b: Uint8Array, o: number, have: number): number;
}

/** Raw IP packets: total length of IPv4 (RFC 791), payload length + 40 of IPv6 (RFC 8200; no jumbograms). */
export class IpFraming implements Framing {
  readonly head = 6;
  readonly keepsHead = true;
  readonly prefix = 0;
  problem = '';

  length(b: Uint8Array, o: number, have: number): number {
    if (have === 0) return 0;
    const version = b[o]! >> 4;
    if (version === 6) return have < 6 ? 0 : 40 + get16(b, o + 4);
    if (version !== 4) return this.#fail(`IP version ${version}`);
    const header = (b[o]! & 15) * 4;
    if (header < 20) return this.#fail(`IPv4 header of ${header} bytes`);
    if (have < 4) return 0;
    const total = get16(b, o + 2);
    return total < header ? this.#fail(`IPv4 packet of ${total} bytes with a header of ${header}`) : total;
  }

  #fail(problem: string): -1 {
    this.problem = problem;
    return -1;
  }
}

/** Ethernet frames behind their length, four bytes big-endian, as QEMU's `-netdev stream` and `-netdev socket` have it. */
export class EthernetFraming implements Framing {
  readonly head = 4;
  readonly keepsHead = false;
  readonly prefix = 4;
  problem = '';

  length(b: Uint8Array, o: number, have: number): number {
    if (have < 4) return 0;
    const length = get32(b, o);
    // An Ethernet header at least; at most the largest IP packet with a header and two VLAN tags.
    if (length >= 14 && length <= 65535 + 22) return length;
    this.problem = `Ethernet frame of ${length >>> 0} bytes`;
    return -1;
  }
}
