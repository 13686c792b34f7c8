// What the forge puts into its packets: TCP of known and unknown connections, UDP, ICMP with its errors, neighbour discovery.
// Called by forge.ts between beginPacket and endPacket: writes at d.l4, sets d.protocol and d.length. Calls the writers of src/wire.

import { put32 } from '../../src/base/bytes.ts';
import type { SeededRng } from '../../src/base/rng.ts';
import { seqGt, seqLe } from '../../src/base/seq.ts';
import { ICMP4_ECHO, ICMP4_ECHO_REPLY, putIcmpEcho, putIcmpHeader } from '../../src/wire/icmp4.ts';
import { PROTO_ICMP4, PROTO_TCP, PROTO_UDP } from '../../src/wire/ip4.ts';
import { PROTO_ICMP6 } from '../../src/wire/ip6.ts';
import {
  NDP_NA_OVERRIDE,
  NDP_NA_ROUTER,
  NDP_NA_SOLICITED,
  putNdpNa,
  putNdpNs,
  putNdpRa,
  putNdpRedirect,
  putNdpRedirectDestination,
  putNdpRs,
} from '../../src/wire/ndp.ts';
import { putNdpLinkOption, putNdpMtuOption, putNdpPrefix, putNdpPrefixOption } from '../../src/wire/ndp-options.ts';
import { putTcpHeader, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG } from '../../src/wire/tcp.ts';
import { putTcpSack, putTcpSynOptions, putTcpTimestamps } from '../../src/wire/tcp-options.ts';
import { putUdpHeader } from '../../src/wire/udp.ts';
import type { Flow } from './forge-ear.ts';
import { type Address, ATTACKERS, attacker, attackerMac, payload, type Wire } from './forge-ip.ts';
import { type Draft, pick } from './forge-mutate.ts';

/** Ports at which the rig serves. */
export const TCP_PORT = 80;
export const UDP_PORT = 7000;

const SACK_EDGES: Int32Array = new Int32Array(8);

/** A number near `n`: mostly itself, else a little off, rarely far. */
function near(rng: SeededRng, n: number, reach: number): number {
  const r = rng.below(100);
  if (r < 62) return n;
  if (r < 72) return (n + rng.below(3) - 1) | 0;
  if (r < 95) return (n + rng.below(2 * reach) - reach) | 0;
  return pick(rng, [rng.int32(), (n + 0x7fffffff) | 0, (n - 0x80000000) | 0, (n + 65535) | 0]);
}

/** A segment of a connection that exists, or existed: in sequence or beside it, of any flags and options. */
export function tcpOfFlow(d: Draft, rng: SeededRng, flow: Flow, wire: Wire): void {
  let flags = TCP_ACK;
  const r = rng.below(100);
  if (flow.opening) flags = r < 80 ? TCP_SYN | TCP_ACK : pick(rng, [TCP_SYN, TCP_RST | TCP_ACK, TCP_ACK, TCP_RST]);
  else if (r < 30) flags = TCP_ACK | TCP_PSH;
  else if (r < 36) flags = TCP_ACK | TCP_FIN;
  else if (r < 38) flags = pick(rng, [TCP_RST, TCP_RST | TCP_ACK]);
  else if (r < 40) flags = pick(rng, [TCP_SYN, TCP_SYN | TCP_ACK]);
  else if (r < 43) flags = TCP_ACK | TCP_URG;
  else if (r < 46) flags = rng.below(256);
  const most = rng.below(4) === 0 ? wire.limit - d.l4 - 60 : Math.min(1400, wire.limit - d.l4 - 60);
  const text = (flags & TCP_SYN) !== 0 || rng.below(3) === 0 ? 0 : 1 + rng.below(rng.below(3) === 0 ? 16 : most);
  // Ahead of a gap, now and then; and the same acknowledgement again, as who misses something sends it.
  const seq = rng.below(8) === 0 ? (flow.seq + 100 * (1 + rng.below(40))) | 0 : near(rng, flow.seq, 3000);
  const ack = rng.below(4) === 0 ? flow.acked : near(rng, flow.ack, 3000);
  if (seq === flow.seq && seqGt(ack, flow.acked) && seqLe(ack, flow.ack)) flow.acked = ack;
  if (!flow.opening && rng.below(4) === 0) {
    // Duplicate ACKs, as many as it takes.
    segment(d, rng, flow.myPort, flow.yourPort, flow.seq, flow.acked, TCP_ACK, 65535, 0, flow);
    return;
  }
  const window = pick(rng, [65535, 65535, 0xfaf0, 4096, rng.below(3000), rng.below(65536), 0]);
  segment(d, rng, flow.myPort, flow.yourPort, seq, ack, flags, window, text, flow);
  if (rng.below(2) === 0) flow.tsVal = (flow.tsVal + rng.below(10)) | 0;
}

/** Opens a connection to the listener, or to nobody. */
export function tcpSyn(d: Draft, rng: SeededRng): void {
  const port = rng.below(12) === 0 ? rng.below(65536) : TCP_PORT;
  segment(d, rng, 1024 + rng.below(3000), port, rng.int32(), 0, TCP_SYN, 65535, rng.below(20) === 0 ? 10 : 0);
}

/** A segment out of nowhere. */
export function tcpWild(d: Draft, rng: SeededRng): void {
  const port = rng.below(3) === 0 ? rng.below(65536) : TCP_PORT;
  segment(d, rng, rng.below(65536), port, rng.int32(), rng.int32(), rng.below(256), rng.below(65536), rng.below(100));
}

function segment(
  d: Draft,
  rng: SeededRng,
  from: number,
  to: number,
  seq: number,
  ack: number,
  flags: number,
  window: number,
  text: number,
  flow?: Flow,
): void {
  const b = d.bytes;
  const at = d.l4 + 20;
  let n = 0;
  if ((flags & TCP_SYN) !== 0) {
    const mss = pick(rng, [1460, 1460, 1440, 8960, 536, 65495, 1, 0, 40]);
    const scale = pick(rng, [7, 7, 0, -1, 14, 15, 255]);
    const stamps = rng.below(4) !== 0;
    if (rng.below(12) !== 0) {
      n = putTcpSynOptions(b, at, mss, scale, rng.below(2) === 0, stamps, flow?.tsVal ?? rng.int32(), flow?.tsEcr ?? 0);
    }
  } else if (flow?.timestamps) {
    const odd = rng.below(24) === 0;
    putTcpTimestamps(b, at, odd ? near(rng, flow.tsVal, 100000) : flow.tsVal, odd ? rng.int32() : flow.tsEcr);
    n = 12;
    if (rng.below(16) === 0) {
      for (let i = 0; i < SACK_EDGES.length; i++) SACK_EDGES[i] = near(rng, flow.ack, 20000);
      n += putTcpSack(b, at + n, SACK_EDGES, 0, 1 + rng.below(3));
    }
  }
  if (rng.below(24) === 0) {
    // Options of no kind that we know, or of a length that cannot be.
    const more = 4 * rng.below(11 - n / 4);
    for (let i = 0; i < more; i++) b[at + n + i] = pick(rng, [0, 1, 2, 3, 4, 5, 8, 10, rng.below(256)]);
    n += more;
  }
  putTcpHeader(b, d.l4, from, to, seq, ack, 20 + n, flags, window, rng.below(64) === 0 ? rng.below(65536) : 0);
  payload(b, at + n, text, rng);
  d.length = at + n + text;
  d.protocol = PROTO_TCP;
}

export function udp(d: Draft, rng: SeededRng): void {
  const port = rng.below(4) === 0 ? rng.below(65536) : UDP_PORT + rng.below(2);
  const n = rng.below(rng.below(4) === 0 ? 1200 : 64);
  const length = rng.below(24) === 0 ? rng.below(65536) : 8 + n;
  putUdpHeader(d.bytes, d.l4, rng.below(64) === 0 ? 0 : 1024 + rng.below(5000), port, length);
  payload(d.bytes, d.l4 + 8, n, rng);
  d.length = d.l4 + 8 + n;
  d.protocol = PROTO_UDP;
}

/** Quotes (a part of) a packet that the stack has sent, else something made up; returns the bytes written. */
function quote(d: Draft, rng: SeededRng, at: number, heard: Uint8Array | undefined, wire: Wire): number {
  const from = wire.ethernet ? 14 : 0;
  const most = Math.max(0, Math.min(1200, wire.limit - at));
  if (heard !== undefined && heard.length > from && rng.below(8) !== 0) {
    const n = Math.min(heard.length - from, pick(rng, [28, 48, 8, 64, 576, 1200, rng.below(80)]), most);
    d.bytes.set(heard.subarray(from, from + n), at);
    return n;
  }
  const n = rng.below(Math.min(120, most));
  payload(d.bytes, at, n, rng);
  return n;
}

export function icmp4(d: Draft, rng: SeededRng, heard: Uint8Array | undefined, wire: Wire): void {
  const b = d.bytes;
  const at = d.l4;
  d.protocol = PROTO_ICMP4;
  const kind = rng.below(10);
  if (kind < 4) {
    const type = kind < 3 ? ICMP4_ECHO : ICMP4_ECHO_REPLY;
    const n = rng.below(rng.below(3) === 0 ? 1400 : 64);
    putIcmpEcho(b, at, type, rng.below(65536), rng.below(65536));
    payload(b, at + 8, n, rng);
    d.length = at + 8 + n;
    return;
  }
  const type = kind < 9 ? pick(rng, [3, 3, 3, 4, 5, 11, 12]) : rng.below(256);
  const code = kind < 9 && rng.below(2) === 0 ? 4 : rng.below(17);
  putIcmpHeader(b, at, type, code, pick(rng, [0, 68, 296, 552, 576, 1280, 1400, 1499, 1500, 65535, rng.int32()]));
  d.length = at + 8 + quote(d, rng, at + 8, heard, wire);
}

export function icmp6(d: Draft, rng: SeededRng, heard: Uint8Array | undefined, wire: Wire): void {
  const b = d.bytes;
  const at = d.l4;
  d.protocol = PROTO_ICMP6;
  const kind = rng.below(10);
  if (kind < 4) {
    const n = rng.below(rng.below(3) === 0 ? 1400 : 64);
    putIcmpEcho(b, at, kind < 3 ? 128 : 129, rng.below(65536), rng.below(65536));
    payload(b, at + 8, n, rng);
    d.length = at + 8 + n;
    return;
  }
  const type = kind < 9 ? pick(rng, [1, 2, 2, 3, 4]) : pick(rng, [130, 131, 132, 143, 0, 100, 127, rng.below(256)]);
  putIcmpHeader(
    b,
    at,
    type,
    type === 2 ? 0 : rng.below(7),
    pick(rng, [1280, 1279, 0, 1400, 1500, 68, -1, rng.int32()]),
  );
  d.length = at + 8 + quote(d, rng, at + 8, heard, wire);
}

/** Router and neighbour discovery, as valid as it can be (hop limit 255), or not. */
export function ndp(d: Draft, rng: SeededRng): void {
  const b = d.bytes;
  const at = d.l4;
  const k = rng.below(ATTACKERS);
  if (rng.below(16) !== 0) b[d.l3 + 7] = 255;
  d.protocol = PROTO_ICMP6;
  const target: Address = pick<Address>(rng, [
    [0xfd000000 | 0, 0, 0, 1],
    [0xfd000000 | 0, 0, 0, 1],
    attacker(6, k),
    attacker(6, k),
    [0xfe800000 | 0, 0, 0, 0x10 + k],
    [0xff020000 | 0, 0, 0, 1],
  ]);
  const kind = rng.below(10);
  if (kind < 3) {
    putNdpNs(b, at, ...target);
    d.length = at + 24;
    options(d, rng, 1, k);
  } else if (kind < 6) {
    const flags = [NDP_NA_ROUTER, NDP_NA_SOLICITED, NDP_NA_OVERRIDE].reduce((all, f) => all | (rng.below(2) && f), 0);
    putNdpNa(b, at, flags, ...target);
    d.length = at + 24;
    options(d, rng, 2, k);
  } else if (kind < 9) {
    // From a link-local address, or it is not believed.
    if (rng.below(8) !== 0) source(d, [0xfe800000 | 0, 0, 0, 0x10 + k]);
    if (kind < 8) {
      putNdpRa(
        b,
        at,
        pick(rng, [0, 64, 64, 1, 255]),
        rng.below(256),
        pick(rng, [0, 30, 1800, 65535]),
        stamp(rng),
        stamp(rng),
      );
      d.length = at + 16;
      options(d, rng, 1, k);
    } else {
      putNdpRedirect(b, at, ...target);
      putNdpRedirectDestination(b, at, ...attacker(6, rng.below(ATTACKERS)));
      d.length = at + 40;
      options(d, rng, 2, k);
    }
  } else {
    putNdpRs(b, at);
    d.length = at + 8;
    options(d, rng, 1, k);
  }
}

function stamp(rng: SeededRng): number {
  return pick(rng, [0, 0, 1, 1000, 30_000, 3_600_000, -1, rng.int32()]);
}

function source(d: Draft, w: Address): void {
  for (let i = 0; i < 4; i++) put32(d.bytes, d.l3 + 8 + 4 * i, w[i]!);
}

/** NDP options: `link` is the kind of link address that belongs here. */
function options(d: Draft, rng: SeededRng, link: number, k: number): void {
  const b = d.bytes;
  for (let n = rng.below(rng.below(16) === 0 ? 20 : 4); n > 0; n--) {
    const at = d.length;
    switch (rng.below(6)) {
      case 0:
      case 1: {
        const [hi, lo] = rng.below(16) === 0 ? [rng.below(65536), rng.int32()] : attackerMac(k);
        putNdpLinkOption(b, at, rng.below(12) === 0 ? 3 - link : link, hi, lo);
        d.length += 8;
        break;
      }
      case 2:
        putNdpMtuOption(b, at, pick(rng, [1280, 1400, 1500, 9000, 1279, 0, rng.int32()]));
        d.length += 8;
        break;
      case 3:
      case 4: {
        const length = pick(rng, [64, 64, 64, 0, 128, 129, 60, rng.below(256)]);
        putNdpPrefixOption(b, at, length, rng.below(256), stamp(rng), stamp(rng));
        const prefix = pick(rng, [0xfd000000 | 0, 0xfd020000 | 0, rng.int32(), 0xfe800000 | 0, 0xff020000 | 0]);
        putNdpPrefix(b, at, prefix, rng.below(2) === 0 ? 0 : rng.int32(), 0, 0);
        d.length += 32;
        break;
      }
      default: {
        // Any kind and length, zero among them.
        const units = rng.below(5);
        b[at] = rng.below(40);
        b[at + 1] = rng.below(8) === 0 ? rng.below(256) : units;
        payload(b, at + 2, Math.max(6, units * 8 - 2), rng);
        d.length += Math.max(8, units * 8);
      }
    }
  }
}

/** IGMP, an IPv4 protocol over IPv6 and the other way round, and numbers that nobody speaks here. */
export function oddProtocol(d: Draft, rng: SeededRng): void {
  const v4 = d.bytes[d.l3]! >> 4 === 4;
  d.protocol = pick(rng, [2, 4, 41, 50, 51, 59, 132, v4 ? PROTO_ICMP6 : PROTO_ICMP4, rng.below(256)]);
  const n = rng.below(100);
  payload(d.bytes, d.l4, n, rng);
  d.length = d.l4 + n;
}
