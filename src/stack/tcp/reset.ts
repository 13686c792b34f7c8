// Resets for segments that belong to no connection (RFC 9293 section 3.10.7.1).
// Called by input, input-open, input-listen, ack and data; calls routes and output.

import { PROTO_TCP } from '../../wire/ip4.ts';
import { putTcpHeader, TCP_ACK, TCP_CHECKSUM_OFFSET, TCP_HEADER_LENGTH, TCP_RST } from '../../wire/tcp.ts';
import { counter } from '../counters.ts';
import type { Packet } from '../packet.ts';
import type { Way } from '../way.ts';
import type { Engine } from './engine.ts';

const RESETS_SENT: number = counter('tcp_resets_sent');
const SENT: number = counter('tcp_sent');

/** Fills `way` with the addresses of an answer to packet `p` that belongs to no connection. */
export function loadReplyWay(way: Way, p: Packet): void {
  way.iface = p.src0 >>> 22 === 0xfe80 >>> 6 ? p.iface : 0;
  way.src0 = p.dst0;
  way.src1 = p.dst1;
  way.src2 = p.dst2;
  way.src3 = p.dst3;
  way.dst0 = p.src0;
  way.dst1 = p.src1;
  way.dst2 = p.src2;
  way.dst3 = p.src3;
  way.trafficClass = 0;
  way.flowLabel = 0;
  way.dontFragment = true;
}

/** Answers the segment in hand (packet `p`) with a reset that its sender will accept; never one reset with another. */
export function sendResetFor(e: Engine, p: Packet): void {
  const seg = e.seg;
  if (seg.has(TCP_RST) || p.group) return;
  const way = e.replyWay;
  loadReplyWay(way, p);
  if (e.floor.routes.findWay(way) !== 0) return;
  const l4 = e.floor.output.open(TCP_HEADER_LENGTH);
  if (l4 === 0) return;
  const withAck = (seg.flags & TCP_ACK) !== 0;
  const seq = withAck ? seg.ack : 0;
  const ack = withAck ? 0 : (seg.seq + seg.space) | 0;
  const flags = withAck ? TCP_RST : TCP_RST | TCP_ACK;
  putTcpHeader(e.core.u8, l4, seg.dstPort, seg.srcPort, seq, ack, TCP_HEADER_LENGTH, flags, 0, 0);
  e.core.counters.add(RESETS_SENT, 1);
  e.core.counters.add(SENT, 1);
  e.floor.output.send(way, l4, TCP_HEADER_LENGTH, PROTO_TCP, TCP_CHECKSUM_OFFSET);
}
