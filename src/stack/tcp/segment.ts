// The segment in hand: the fields of a received TCP header, read once, and its options.
// Filled by input; read by the steps of segment arrival. One instance a stack.

import {
  TCP_FIN,
  TCP_SYN,
  tcpAck,
  tcpDataOffset,
  tcpDstPort,
  tcpFlags,
  tcpSeq,
  tcpSrcPort,
  tcpWindow,
} from '../../wire/tcp.ts';
import { TcpOptions, tcpParseOptions } from '../../wire/tcp-options.ts';

/** SEG.* of RFC 9293 section 3.3.1. `payload` is an arena offset, `length` counts payload bytes only. */
export class Segment {
  srcPort = 0;
  dstPort = 0;
  seq = 0;
  ack = 0;
  flags = 0;
  /** The window field as it stands, unscaled. */
  window = 0;
  payload = 0;
  length = 0;
  readonly options: TcpOptions = new TcpOptions();

  /** Reads the header at `o`, which has passed tcpCheck; the segment ends at `end`. */
  read(b: Uint8Array, o: number, end: number): void {
    this.srcPort = tcpSrcPort(b, o);
    this.dstPort = tcpDstPort(b, o);
    this.seq = tcpSeq(b, o);
    this.ack = tcpAck(b, o);
    this.flags = tcpFlags(b, o);
    this.window = tcpWindow(b, o);
    this.payload = o + tcpDataOffset(b, o);
    this.length = end - this.payload;
    tcpParseOptions(b, o, this.options);
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** SEG.LEN: payload, SYN and FIN. */
  get space(): number {
    return this.length + ((this.flags & TCP_SYN) >> 1) + (this.flags & TCP_FIN);
  }
}
