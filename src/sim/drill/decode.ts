// The fields of a packet that the stack has sent.
// Called by flows.ts, compare.ts and show.ts; calls nothing of the stack, whose own code is what is being tested.

import type { TcpOption } from './ast.ts';
import { internetSum } from './encode.ts';
import type { Words } from './world.ts';

export interface Decoded {
  readonly version: 4 | 6;
  readonly src: Words;
  readonly dst: Words;
  readonly tos: number;
  readonly ttl: number;
  readonly flowLabel: number;
  readonly protocol: number;
  /** Of TCP and UDP. */
  readonly srcPort: number;
  readonly dstPort: number;
  readonly tcp: DecodedTcp | undefined;
  readonly icmp: { readonly type: number; readonly code: number; readonly word: number } | undefined;
  /** Bytes behind the transport header. */
  readonly length: number;
  /** What is wrong with it: a checksum or a length. */
  readonly fault: string;
}

export interface DecodedTcp {
  readonly seq: number;
  readonly ack: number;
  /** Bit 8 is AE. */
  readonly flags: number;
  readonly win: number;
  readonly urg: number;
  readonly options: readonly TcpOption[];
}

const MAPPED = 0xffff;

/** Reads a packet of ours; one that is no IP packet has protocol -1. */
export function decode(b: Uint8Array): Decoded {
  const version = b[0]! >> 4 === 6 ? 6 : 4;
  const header = version === 4 ? (b[0]! & 15) * 4 : 40;
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const word = (at: number): number => view.getInt32(at);
  const four = version === 4;
  const protocol = four ? b[9]! : b[6]!;
  const payload = b.subarray(header);
  const addresses = four ? b.subarray(12, 20) : b.subarray(8, 40);
  let fault = '';
  if (four && internetSum(b.subarray(0, header)) !== 0xffff) fault = 'IPv4 header checksum';
  if ((four ? view.getUint16(2) : view.getUint16(4) + 40) !== b.length) fault = 'IP length';
  const pseudo = protocol === 1 ? 0 : internetSum(addresses) + protocol + payload.length;
  if (internetSum(payload, pseudo) !== 0xffff) fault ||= 'checksum';
  const tcp = protocol === 6 ? decodeTcp(payload) : undefined;
  const ports = protocol === 6 || protocol === 17;
  const icmp = protocol === 1 || protocol === 58;
  const transport = protocol === 6 ? (payload[12]! >> 4) * 4 : 8;
  return {
    version,
    src: four ? [0, 0, MAPPED, word(12)] : [word(8), word(12), word(16), word(20)],
    dst: four ? [0, 0, MAPPED, word(16)] : [word(24), word(28), word(32), word(36)],
    tos: four ? b[1]! : (view.getUint16(0) >> 4) & 255,
    ttl: four ? b[8]! : b[7]!,
    flowLabel: four ? 0 : view.getUint32(0) & 0xfffff,
    protocol,
    srcPort: ports ? view.getUint16(header) : 0,
    dstPort: ports ? view.getUint16(header + 2) : 0,
    tcp,
    icmp: icmp ? { type: payload[0]!, code: payload[1]!, word: view.getUint32(header + 4) } : undefined,
    length: payload.length - transport,
    fault,
  };
}

function decodeTcp(b: Uint8Array): DecodedTcp {
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  return {
    seq: view.getUint32(4),
    ack: view.getUint32(8),
    flags: ((b[12]! & 1) << 8) | b[13]!,
    win: view.getUint16(14),
    urg: view.getUint16(18),
    options: decodeOptions(b.subarray(20, (b[12]! >> 4) * 4)),
  };
}

function decodeOptions(b: Uint8Array): TcpOption[] {
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const out: TcpOption[] = [];
  for (let at = 0; at < b.length; ) {
    const code = b[at]!;
    if (code === 0) break;
    if (code === 1) {
      out.push({ kind: 'nop' });
      at++;
      continue;
    }
    const size = b[at + 1] ?? 0;
    if (size < 2 || at + size > b.length) {
      out.push({ kind: 'raw', code, data: b.slice(at + 2) });
      break;
    }
    out.push(decodeOption(view, b, at, code, size));
    at += size;
  }
  return out;
}

function decodeOption(view: DataView, b: Uint8Array, at: number, code: number, size: number): TcpOption {
  if (code === 2 && size === 4) return { kind: 'mss', value: view.getUint16(at + 2) };
  if (code === 3 && size === 3) return { kind: 'wscale', value: b[at + 2]! };
  if (code === 4 && size === 2) return { kind: 'sackOK' };
  if (code === 8 && size === 10) return { kind: 'TS', val: view.getUint32(at + 2), ecr: view.getUint32(at + 6) };
  if (code === 5 && size % 8 === 2) {
    const blocks = Array.from({ length: (size - 2) / 8 }, (_, i): [number, number] => [
      view.getUint32(at + 2 + 8 * i),
      view.getUint32(at + 6 + 8 * i),
    ]);
    return { kind: 'sack', blocks };
  }
  return { kind: 'raw', code, data: b.slice(at + 2, at + size) };
}
