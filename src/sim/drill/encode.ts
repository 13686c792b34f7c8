// The bytes of packets that a script sends to the stack: IP header, TCP, UDP or ICMP, checksums.
// Called by flows.ts; calls nothing of the stack, whose own code is what is being tested.

import type { IpInfo, TcpOption } from './ast.ts';
import { optionLength } from './parse-options.ts';
import type { Words } from './world.ts';

/** Where a packet goes from and to. */
export interface Ends {
  readonly version: 4 | 6;
  readonly src: Words;
  readonly dst: Words;
}

/** Internet checksum's sum over bytes, folded to 16 bits. */
export function internetSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (bytes.length % 2 === 1) sum += bytes[bytes.length - 1]! << 8;
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** An IP packet with `payload`, whose checksum at `sumAt` is filled in (over the pseudo-header unless it is ICMPv4's). */
export function ipPacket(ends: Ends, protocol: number, payload: Uint8Array, sumAt: number, ip: IpInfo): Uint8Array {
  const four = ends.version === 4;
  const header = four ? 20 : 40;
  const out = new Uint8Array(header + payload.length);
  const view = new DataView(out.buffer);
  const tos = (ip.tos ?? 0) | (ip.ecn ?? 0);
  if (four) {
    out[0] = 0x45;
    out[1] = tos;
    view.setUint16(2, out.length);
    view.setUint16(6, 0x4000);
    out[8] = ip.ttl ?? 255;
    out[9] = protocol;
    view.setInt32(12, ends.src[3]);
    view.setInt32(16, ends.dst[3]);
    view.setUint16(10, ~internetSum(out.subarray(0, 20)) & 0xffff);
  } else {
    view.setUint32(0, ((6 << 28) | (tos << 20) | (ip.flowLabel ?? 0)) >>> 0);
    view.setUint16(4, payload.length);
    out[6] = protocol;
    out[7] = ip.ttl ?? 255;
    for (let i = 0; i < 4; i++) {
      view.setInt32(8 + 4 * i, ends.src[i]!);
      view.setInt32(24 + 4 * i, ends.dst[i]!);
    }
  }
  out.set(payload, header);
  const addresses = four ? out.subarray(12, 20) : out.subarray(8, 40);
  const pseudo = protocol === 1 ? 0 : internetSum(addresses) + protocol + payload.length;
  const sum = ~internetSum(out.subarray(header), pseudo) & 0xffff;
  view.setUint16(header + sumAt, protocol === 17 && sum === 0 ? 0xffff : sum);
  return out;
}

/** Fields of a TCP header, as they go on the wire. */
export interface TcpFields {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  /** Bit 8 is AE. */
  readonly flags: number;
  readonly win: number;
  readonly urg: number;
  readonly options: readonly TcpOption[];
}

/** A TCP segment with `length` bytes of payload, checksum 0. */
export function tcpSegment(f: TcpFields, length: number): Uint8Array {
  const options = optionBytes(f.options);
  const header = 20 + options.length;
  const out = new Uint8Array(header + length);
  const view = new DataView(out.buffer);
  view.setUint16(0, f.srcPort);
  view.setUint16(2, f.dstPort);
  view.setUint32(4, f.seq >>> 0);
  view.setUint32(8, f.ack >>> 0);
  out[12] = (header << 2) | (f.flags >> 8);
  out[13] = f.flags;
  view.setUint16(14, f.win);
  view.setUint16(18, f.urg);
  out.set(options, 20);
  return out;
}

/** Options on the wire, padded with zeros to a multiple of 4. SACK edges and timestamps are live ones already. */
export function optionBytes(options: readonly TcpOption[]): Uint8Array {
  const length = options.reduce((sum, option) => sum + optionLength(option), 0);
  const out = new Uint8Array((length + 3) & ~3);
  const view = new DataView(out.buffer);
  let at = 0;
  for (const option of options) {
    const size = optionLength(option);
    if (option.kind === 'nop') out[at] = 1;
    else if (option.kind !== 'eol') {
      out[at] = KINDS[option.kind] ?? (option.kind === 'raw' ? option.code : 0);
      out[at + 1] = size;
      putOption(view, at + 2, option);
    }
    at += size;
  }
  return out;
}

const KINDS: Readonly<Record<string, number>> = { mss: 2, wscale: 3, sackOK: 4, sack: 5, TS: 8 };

function putOption(view: DataView, at: number, option: TcpOption): void {
  switch (option.kind) {
    case 'mss':
      view.setUint16(at, option.value ?? 0);
      break;
    case 'wscale':
      view.setUint8(at, option.value ?? 0);
      break;
    case 'sack':
      option.blocks.forEach(([left, right], i) => {
        view.setUint32(at + 8 * i, left >>> 0);
        view.setUint32(at + 8 * i + 4, right >>> 0);
      });
      break;
    case 'TS':
      view.setUint32(at, (option.val ?? 0) >>> 0);
      view.setUint32(at + 4, (option.ecr ?? 0) >>> 0);
      break;
    case 'raw':
      option.data.forEach((byte, i) => {
        view.setUint8(at + i, byte);
      });
      break;
    default:
  }
}

/** A UDP datagram with `length` bytes of payload, checksum 0. */
export function udpDatagram(srcPort: number, dstPort: number, length: number): Uint8Array {
  const out = new Uint8Array(8 + length);
  const view = new DataView(out.buffer);
  view.setUint16(0, srcPort);
  view.setUint16(2, dstPort);
  view.setUint16(4, out.length);
  return out;
}

/** An ICMP message: `word` is the rest of its header. */
export function icmpMessage(type: number, code: number, word: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(8 + body.length);
  out[0] = type;
  out[1] = code;
  new DataView(out.buffer).setUint32(4, word >>> 0);
  out.set(body, 8);
  return out;
}
