// Test support: TCP segments as values, written to and read from packets by plain code that shares nothing with the stack.
// Called by probe.test-support.ts; calls nothing of the stack.

import assert from 'node:assert/strict';

/** What a test says of a segment. `seq` and `ack` count from the initial numbers; options are named by field. */
export interface Fields {
  readonly seq?: number;
  readonly ack?: number;
  /** The window field as it stands. */
  readonly win?: number;
  readonly data?: number | string | Uint8Array;
  readonly mss?: number;
  readonly ws?: number | undefined;
  /** TSval, or TSval and TSecr as they stand. */
  readonly ts?: number | readonly [number, number];
  readonly sackOK?: boolean;
  /** SACK blocks [left, right]; relative numbers where tests use those. */
  readonly sack?: readonly (readonly [number, number])[];
  /** The ECN codepoint of the IP header: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
  readonly ecn?: number;
  readonly urgent?: number;
  /** Options as bytes, instead of those by name. */
  readonly raw?: readonly number[];
}

/** A segment that the stack has sent. */
export interface Sent {
  readonly at: number;
  readonly version: 4 | 6;
  readonly srcPort: number;
  readonly dstPort: number;
  /** Letters of SFRPAUEW. */
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly win: number;
  readonly data: Uint8Array;
  readonly mss: number | undefined;
  readonly ws: number | undefined;
  readonly tsVal: number | undefined;
  readonly tsEcr: number | undefined;
  readonly sackOK: boolean;
  readonly sack: readonly (readonly [number, number])[];
  /** Bytes of the TCP options. */
  readonly options: number;
  readonly ttl: number;
  readonly tos: number;
  /** Bytes of the whole IP packet. */
  readonly bytes: number;
}

/** IPv4 or IPv6 addresses as bytes. */
export type Address = readonly number[];

const LETTERS = 'FSRPAUEW';

/** The flag byte of letters. */
export function flagBits(letters: string): number {
  return [...letters].reduce((bits, c) => bits | (1 << LETTERS.indexOf(c)), 0);
}

function flagLetters(bits: number): string {
  return [...'SFRPAUEW'].filter((c) => (bits & flagBits(c)) !== 0).join('');
}

function be(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * (bytes - 1 - i))) & 255);
}

/** RFC 1071, byte by byte. */
export function internetSum(bytes: ArrayLike<number>, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i]! << 8 : bytes[i]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** An IP packet around an upper layer's bytes, whose checksum (at `sumAt`) is filled in; `pseudo`: with a pseudo-header. */
export function ipPacket(
  src: Address,
  dst: Address,
  protocol: number,
  body: number[],
  sumAt: number,
  pseudo: boolean,
  ecn = 0,
): Uint8Array {
  const header = [...src, ...dst, ...be(protocol, 2), ...be(body.length, 2)];
  const sum = ~internetSum(body, pseudo ? internetSum(header) : 0);
  body.splice(sumAt, 2, ...be(sum & 0xffff, 2));
  if (src.length === 16) {
    return Uint8Array.from([0x60, ecn << 4, 0, 0, ...be(body.length, 2), protocol, 64, ...src, ...dst, ...body]);
  }
  const ip = [0x45, ecn, ...be(20 + body.length, 2), 0, 0, 0x40, 0, 64, protocol, 0, 0, ...src, ...dst];
  ip.splice(10, 2, ...be(~internetSum(ip) & 0xffff, 2));
  return Uint8Array.from([...ip, ...body]);
}

function optionBytes(f: Fields): number[] {
  if (f.raw) return [...f.raw];
  const out: number[] = [];
  if (f.mss !== undefined) out.push(2, 4, ...be(f.mss, 2));
  if (f.ws !== undefined) out.push(1, 3, 3, f.ws);
  if (typeof f.ts === 'object') out.push(1, 1, 8, 10, ...be(f.ts[0], 4), ...be(f.ts[1], 4));
  if (f.sackOK) out.push(1, 1, 4, 2);
  if (f.sack) out.push(1, 1, 5, 2 + 8 * f.sack.length, ...f.sack.flat().flatMap((n) => be(n, 4)));
  return out;
}

/** A TCP segment with absolute numbers, in an IP packet. */
export function tcpPacket(
  src: Address,
  dst: Address,
  ports: readonly [number, number],
  flags: number,
  seq: number,
  ack: number,
  data: Uint8Array,
  f: Fields,
): Uint8Array {
  const options = optionBytes(f);
  while (options.length % 4 !== 0) options.push(0);
  const offset = (20 + options.length) << 2;
  const head = [...be(ports[0], 2), ...be(ports[1], 2), ...be(seq, 4), ...be(ack, 4), offset, flags];
  head.push(...be(f.win ?? 65535, 2), 0, 0, ...be(f.urgent ?? 0, 2), ...options);
  return ipPacket(src, dst, 6, [...head, ...data], 16, true, f.ecn);
}

/** Reads a packet that the stack has sent; numbers absolute. Null if it is not TCP. Checks lengths and, if asked, checksums. */
export function readPacket(packet: Uint8Array, at: number, summed: boolean): Sent | null {
  const version = packet[0]! >> 4 === 4 ? 4 : 6;
  const header = version === 4 ? 20 : 40;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (version === 4) {
    assert.equal(internetSum(packet.subarray(0, 20)), 0xffff, 'IPv4 header checksum');
    assert.equal(view.getUint16(2), packet.length, 'IPv4 total length');
  } else {
    assert.equal(view.getUint16(4) + 40, packet.length, 'IPv6 payload length');
  }
  if (packet[version === 4 ? 9 : 6] !== 6) return null;
  const tcp = packet.subarray(header);
  if (summed) {
    const addresses = version === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
    const pseudo = internetSum([...addresses, 0, 6, ...be(tcp.length, 2)]);
    assert.equal(internetSum(tcp, pseudo), 0xffff, 'TCP checksum');
  }
  const length = (tcp[12]! >> 4) * 4;
  const sent = {
    at,
    version,
    srcPort: view.getUint16(header),
    dstPort: view.getUint16(header + 2),
    seq: view.getInt32(header + 4),
    ack: view.getInt32(header + 8),
    flags: flagLetters(tcp[13]!),
    win: view.getUint16(header + 14),
    data: tcp.slice(length),
    mss: undefined as number | undefined,
    ws: undefined as number | undefined,
    tsVal: undefined as number | undefined,
    tsEcr: undefined as number | undefined,
    sackOK: false as boolean,
    sack: [] as [number, number][],
    options: length - 20,
    ttl: packet[version === 4 ? 8 : 7]!,
    tos: version === 4 ? packet[1]! : (view.getUint16(0) >> 4) & 255,
    bytes: packet.length,
  } as const satisfies Sent;
  return { ...sent, ...readOptions(tcp.subarray(20, length)) };
}

function readOptions(b: Uint8Array): Partial<Sent> {
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const out: {
    mss?: number;
    ws?: number;
    tsVal?: number;
    tsEcr?: number;
    sackOK?: boolean;
    sack?: [number, number][];
  } = {};
  for (let i = 0; i < b.length && b[i] !== 0; ) {
    if (b[i] === 1) {
      i++;
      continue;
    }
    const n = b[i + 1]!;
    assert.ok(n >= 2 && i + n <= b.length, 'option length');
    if (b[i] === 2) out.mss = view.getUint16(i + 2);
    else if (b[i] === 3) out.ws = b[i + 2]!;
    else if (b[i] === 8) {
      out.tsVal = view.getInt32(i + 2);
      out.tsEcr = view.getInt32(i + 6);
    } else if (b[i] === 4) out.sackOK = true;
    else if (b[i] === 5) {
      out.sack = [];
      for (let at = i + 2; at < i + n; at += 8) out.sack.push([view.getInt32(at), view.getInt32(at + 4)]);
    } else assert.fail(`option ${b[i]}`);
    i += n;
  }
  return out;
}
