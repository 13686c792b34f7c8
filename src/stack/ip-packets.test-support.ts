// Whole packets for tests of IP, ICMP and UDP: written field by field, read again with every length and checksum checked.
// Used by the test files beside it and by ip-rig; calls wire and base.

import { strict as assert } from 'node:assert';
import { parseAddress } from '../base/address.ts';
import { get16, get32, put16 } from '../base/bytes.ts';
import { fold, pseudo4At, pseudo6At, sumPlain } from '../wire/checksum.ts';
import { IP4_FLAG_DF, IP4_FLAG_MF, putIp4Checksum, putIp4Header } from '../wire/ip4.ts';
import { putIp6Dst, putIp6Header, putIp6Src } from '../wire/ip6.ts';
import { putUdpHeader } from '../wire/udp.ts';

/** The stack under test and its peer on the wire. */
export const OWN4 = '10.0.0.1';
export const OWN6 = 'fd00::1';
export const PEER4 = '10.0.0.2';
export const PEER6 = 'fd00::2';

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** The four words of an address. */
export function words(text: string): [number, number, number, number] {
  const w = new Int32Array(4);
  assert.ok(parseAddress(text, w, 0), text);
  return [w[0]!, w[1]!, w[2]!, w[3]!];
}

/** Bytes that tell where they belong. */
export function pattern(n: number, seed = 1): Uint8Array {
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = (i * 7 + (i >> 8) * 13 + seed) & 0xff;
  return out;
}

export interface Ip4Fields {
  src?: string;
  dst?: string;
  protocol?: number;
  ttl?: number;
  tos?: number;
  id?: number;
  df?: boolean;
  more?: boolean;
  /** Bytes. */
  offset?: number;
  /** A multiple of four bytes. */
  options?: readonly number[];
}

/** An IPv4 packet, by default from the peer to us. */
export function ip4(payload: Uint8Array, f: Ip4Fields = {}): Uint8Array {
  const options = Uint8Array.from(f.options ?? []);
  const header = new Uint8Array(20 + options.length);
  const flags = ((f.offset ?? 0) >> 3) | (f.more ? IP4_FLAG_MF : 0) | (f.df ? IP4_FLAG_DF : 0);
  const total = header.length + payload.length;
  const src = words(f.src ?? PEER4)[3];
  const dst = words(f.dst ?? OWN4)[3];
  putIp4Header(header, 0, f.tos ?? 0, total, f.id ?? 7, flags, f.ttl ?? 64, f.protocol ?? 17, src, dst);
  header.set(options, 20);
  header[0] = 0x40 | (header.length >> 2);
  putIp4Checksum(header, 0);
  return join([header, payload]);
}

export interface Ip6Fields {
  src?: string;
  dst?: string;
  next?: number;
  hopLimit?: number;
  trafficClass?: number;
}

/** An IPv6 packet, by default from the peer to us. */
export function ip6(payload: Uint8Array, f: Ip6Fields = {}): Uint8Array {
  const header = new Uint8Array(40);
  putIp6Header(header, 0, f.trafficClass ?? 0, 0, payload.length, f.next ?? 17, f.hopLimit ?? 64);
  putIp6Src(header, 0, ...words(f.src ?? PEER6));
  putIp6Dst(header, 0, ...words(f.dst ?? OWN6));
  return join([header, payload]);
}

/** Puts the right checksum at `offset` of the upper layer that starts at `l4` of a packet. */
export function fixSum(packet: Uint8Array, l4: number, protocol: number, offset: number): Uint8Array {
  put16(packet, l4 + offset, 0);
  const n = packet.length - l4;
  const pseudo =
    packet[0]! >> 4 === 6 ? pseudo6At(packet, 0, protocol, n) : protocol === 1 ? 0 : pseudo4At(packet, 0, protocol, n);
  const sum = ~fold(pseudo + sumPlain(packet, l4, n)) & 0xffff;
  put16(packet, l4 + offset, sum === 0 && protocol === 17 ? 0xffff : sum);
  return packet;
}

/** A UDP header and payload, checksum 0. */
export function udpBytes(srcPort: number, dstPort: number, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(8 + payload.length);
  putUdpHeader(out, 0, srcPort, dstPort, out.length);
  out.set(payload, 8);
  return out;
}

export function udp4(srcPort: number, dstPort: number, payload: Uint8Array, f: Ip4Fields = {}): Uint8Array {
  return fixSum(ip4(udpBytes(srcPort, dstPort, payload), f), 20 + (f.options?.length ?? 0), 17, 6);
}

export function udp6(srcPort: number, dstPort: number, payload: Uint8Array, f: Ip6Fields = {}): Uint8Array {
  return fixSum(ip6(udpBytes(srcPort, dstPort, payload), f), 40, 17, 6);
}

/** An ICMP message in an IPv4 packet: type, code, bytes 4..7, the rest. */
export function icmp4(type: number, code: number, rest: number, body: Uint8Array, f: Ip4Fields = {}): Uint8Array {
  return fixSum(ip4(icmpBytes(type, code, rest, body), { protocol: 1, ...f }), 20, 1, 2);
}

export function icmp6(type: number, code: number, rest: number, body: Uint8Array, f: Ip6Fields = {}): Uint8Array {
  return fixSum(ip6(icmpBytes(type, code, rest, body), { next: 58, ...f }), 40, 58, 2);
}

export function icmpBytes(type: number, code: number, rest: number, body: Uint8Array): Uint8Array {
  const head = Uint8Array.from([type, code, 0, 0, rest >>> 24, rest >>> 16, rest >>> 8, rest]);
  return join([head, body]);
}

/** A packet read again. */
export interface Read {
  version: number;
  src: readonly number[];
  dst: readonly number[];
  protocol: number;
  hopLimit: number;
  trafficClass: number;
  /** IPv4. */
  id: number;
  df: boolean;
  more: boolean;
  offset: number;
  /** What follows the IP header. */
  payload: Uint8Array;
}

/** Reads an IP packet that we sent, and fails where a length or a header checksum is wrong. */
export function read(packet: Uint8Array): Read {
  const version = packet[0]! >> 4;
  if (version === 4) {
    assert.equal(get16(packet, 2), packet.length, 'IPv4 total length');
    assert.equal(packet[0], 0x45);
    assert.equal(sumPlain(packet, 0, 20), 0xffff, 'IPv4 header checksum');
    return {
      version,
      src: [0, 0, 0xffff, get32(packet, 12)],
      dst: [0, 0, 0xffff, get32(packet, 16)],
      protocol: packet[9]!,
      hopLimit: packet[8]!,
      trafficClass: packet[1]!,
      id: get16(packet, 4),
      df: (packet[6]! & 0x40) !== 0,
      more: (packet[6]! & 0x20) !== 0,
      offset: (get16(packet, 6) & 0x1fff) * 8,
      payload: packet.subarray(20),
    };
  }
  assert.equal(version, 6);
  assert.equal(get16(packet, 4), packet.length - 40, 'IPv6 payload length');
  const at = (o: number): number[] => [0, 4, 8, 12].map((i) => get32(packet, o + i));
  return {
    version,
    src: at(8),
    dst: at(24),
    protocol: packet[6]!,
    hopLimit: packet[7]!,
    trafficClass: (get16(packet, 0) >> 4) & 0xff,
    id: 0,
    df: false,
    more: false,
    offset: 0,
    payload: packet.subarray(40),
  };
}

/** As read(), and fails where the checksum of UDP or ICMP is wrong. */
export function readSummed(packet: Uint8Array): Read {
  const r = read(packet);
  const n = r.payload.length;
  const l4 = packet.length - n;
  const pseudo =
    r.version === 6 ? pseudo6At(packet, 0, r.protocol, n) : r.protocol === 1 ? 0 : pseudo4At(packet, 0, r.protocol, n);
  assert.equal(fold(pseudo + sumPlain(packet, l4, n)), 0xffff, 'upper checksum');
  return r;
}

/** Puts the fragments that we sent together again; fails on gaps and overlaps. Returns the packet unfragmented. */
export function reassemble(packets: readonly Uint8Array[]): Uint8Array {
  const first = read(packets[0]!);
  if (first.version === 4) {
    const parts = packets.map(read).sort((a, b) => a.offset - b.offset);
    check(parts.map((p) => ({ offset: p.offset, length: p.payload.length, more: p.more })));
    assert.ok(parts.every((p) => p.id === parts[0]!.id && !p.df));
    const whole = join([packets[0]!.slice(0, 20), ...parts.map((p) => p.payload)]);
    put16(whole, 2, whole.length);
    put16(whole, 6, 0);
    putIp4Checksum(whole, 0);
    return whole;
  }
  const parts = packets
    .map((packet) => ({
      next: packet[40]!,
      offset: get16(packet, 42) & 0xfff8,
      more: (packet[43]! & 1) !== 0,
      id: get32(packet, 44),
      data: packet.subarray(48),
      protocol: read(packet).protocol,
    }))
    .sort((a, b) => a.offset - b.offset);
  assert.ok(parts.every((p) => p.protocol === 44 && p.id === parts[0]!.id && p.next === parts[0]!.next));
  check(parts.map((p) => ({ offset: p.offset, length: p.data.length, more: p.more })));
  const whole = join([packets[0]!.slice(0, 40), ...parts.map((p) => p.data)]);
  put16(whole, 4, whole.length - 40);
  whole[6] = parts[0]!.next;
  return whole;
}

function check(parts: readonly { offset: number; length: number; more: boolean }[]): void {
  let at = 0;
  parts.forEach((p, i) => {
    assert.equal(p.offset, at, 'gap or overlap between fragments');
    assert.equal(p.more, i < parts.length - 1, 'MF');
    at += p.length;
  });
}

/** Cuts a packet without options or extension headers into fragments of `size` bytes (a multiple of 8). */
export function fragment(packet: Uint8Array, size: number, id = 77): Uint8Array[] {
  const out: Uint8Array[] = [];
  const four = packet[0]! >> 4 === 4;
  const data = packet.subarray(four ? 20 : 40);
  for (let at = 0; at < data.length; at += size) {
    const piece = data.subarray(at, at + size);
    const more = at + size < data.length;
    if (four) {
      const header = packet.slice(0, 20);
      put16(header, 2, 20 + piece.length);
      put16(header, 4, id);
      put16(header, 6, (at >> 3) | (more ? IP4_FLAG_MF : 0));
      putIp4Checksum(header, 0);
      out.push(join([header, piece]));
    } else {
      const header = packet.slice(0, 48);
      put16(header, 4, piece.length + 8);
      header[40] = header[6]!;
      header[41] = 0;
      header[6] = 44;
      put16(header, 42, at | (more ? 1 : 0));
      header.set([id >>> 24, id >>> 16, id >>> 8, id], 44);
      out.push(join([header, piece]));
    }
  }
  return out;
}
