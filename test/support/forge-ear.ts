// What the forge has heard from the stack: open connections with their numbers, recent frames, and questions, which it answers.
// Called by fuzz-rig.ts for every frame of the stack (listen), and by forge.ts; calls the readers of src/wire.

import { get16, get32, put16 } from '../../src/base/bytes.ts';
import type { SeededRng } from '../../src/base/rng.ts';
import { ARP_LENGTH, ARP_REPLY, ARP_REQUEST, arpOp, arpSenderIp, arpTargetIp, putArp } from '../../src/wire/arp.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IP6, etherType, putEthHeader } from '../../src/wire/eth.ts';
import { ICMP6_NEIGHBOUR_SOLICITATION } from '../../src/wire/icmp6.ts';
import { ip4Ihl, PROTO_TCP } from '../../src/wire/ip4.ts';
import { ip6Src, PROTO_ICMP6, putIp6Dst, putIp6Header, putIp6Src } from '../../src/wire/ip6.ts';
import { NDP_NA_OVERRIDE, NDP_NA_SOLICITED, ndpTarget, putNdpNa } from '../../src/wire/ndp.ts';
import { NDP_OPTION_TARGET_LINK, putNdpLinkOption } from '../../src/wire/ndp-options.ts';
import {
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
  tcpAck,
  tcpDataOffset,
  tcpDstPort,
  tcpFlags,
  tcpSegLen,
  tcpSeq,
  tcpSrcPort,
} from '../../src/wire/tcp.ts';
import { TcpOptions, tcpParseOptions } from '../../src/wire/tcp-options.ts';
import {
  type Address,
  attackerMac,
  type Ends,
  STACK_MAC_HI,
  STACK_MAC_LO,
  type Wire,
  whichAttacker,
} from './forge-ip.ts';
import { Draft, fixChecksums } from './forge-mutate.ts';

/** A TCP connection between an attacker and the stack. seq: what the stack expects; ack: what it sends next; acked: our last ACK. */
export interface Flow extends Ends {
  readonly myPort: number;
  readonly yourPort: number;
  seq: number;
  ack: number;
  acked: number;
  /** The stack has sent a SYN and nobody has answered. */
  opening: boolean;
  timestamps: boolean;
  tsVal: number;
  tsEcr: number;
}

const FLOWS = 48;
const FRAMES = 64;

export class Ear {
  readonly #rng: SeededRng;
  readonly #wire: Wire;
  readonly #answer: (frame: Uint8Array) => void;
  readonly #flows: Flow[] = [];
  readonly #frames: Uint8Array[] = [];
  readonly #options: TcpOptions = new TcpOptions();
  #heard = 0;
  #favourite: Flow | undefined;

  constructor(rng: SeededRng, wire: Wire, answer: (frame: Uint8Array) => void) {
    this.#rng = rng;
    this.#wire = wire;
    this.#answer = answer;
  }

  /** A connection to go on with: for a while the same, so that it gets somewhere. */
  flow(): Flow | undefined {
    if (this.#favourite === undefined || this.#rng.below(4) === 0)
      this.#favourite = this.#flows[this.#rng.below(Math.max(1, this.#flows.length))];
    return this.#favourite;
  }

  /** A frame that the stack has sent. */
  frame(): Uint8Array | undefined {
    return this.#frames.length === 0 ? undefined : this.#frames[this.#rng.below(this.#frames.length)];
  }

  /** Takes note of a frame of the stack's, [o, o + length) of `b`. */
  listen(b: Uint8Array, o: number, length: number): void {
    if (this.#heard++ % 7 === 0) {
      const copy = b.slice(o, o + Math.min(length, 1600));
      if (this.#frames.length < FRAMES) this.#frames.push(copy);
      else this.#frames[this.#rng.below(FRAMES)] = copy;
    }
    if (!this.#wire.ethernet) this.#packet(b, o, o + length);
    else if (etherType(b, o) === ETHERTYPE_ARP) this.#arp(b, o + 14);
    else this.#packet(b, o + 14, o + length);
  }

  #packet(b: Uint8Array, o: number, end: number): void {
    const version = b[o]! >> 4;
    if (version === 4) {
      if (b[o + 9] === PROTO_TCP && (get16(b, o + 6) & 0x1fff) === 0) this.#tcp(b, o, o + ip4Ihl(b, o), end, 4);
    } else if (b[o + 6] === PROTO_TCP) this.#tcp(b, o, o + 40, end, 6);
    else if (b[o + 6] === PROTO_ICMP6 && b[o + 40] === ICMP6_NEIGHBOUR_SOLICITATION) this.#solicitation(b, o);
  }

  #tcp(b: Uint8Array, l3: number, l4: number, end: number, version: 4 | 6): void {
    const myPort = tcpDstPort(b, l4);
    const yourPort = tcpSrcPort(b, l4);
    const mine = address(b, l3, version, true);
    const at = this.#flows.findIndex(
      (f) => f.myPort === myPort && f.yourPort === yourPort && f.mine[3] === mine[3] && f.version === version,
    );
    const flags = tcpFlags(b, l4);
    if ((flags & TCP_RST) !== 0) {
      // Keep some: segments to connections that are gone have paths of their own.
      if (at >= 0 && this.#rng.below(4) !== 0) this.#flows.splice(at, 1);
      return;
    }
    let flow = this.#flows[at];
    if (flow === undefined) {
      flow = {
        version,
        mine,
        yours: address(b, l3, version, false),
        myPort,
        yourPort,
        seq: this.#rng.int32(),
        ack: 0,
        acked: tcpSeq(b, l4),
        opening: false,
        timestamps: false,
        tsVal: this.#rng.int32(),
        tsEcr: 0,
      };
      if (this.#flows.length >= FLOWS) this.#flows.splice(this.#rng.below(FLOWS), 1);
      this.#flows.push(flow);
    }
    flow.opening = (flags & (TCP_SYN | TCP_ACK)) === TCP_SYN;
    if ((flags & TCP_ACK) !== 0) flow.seq = tcpAck(b, l4);
    flow.ack = (tcpSeq(b, l4) + tcpSegLen(b, l4, end)) | 0;
    if (tcpDataOffset(b, l4) > 20) {
      tcpParseOptions(b, l4, this.#options);
      if (this.#options.hasTimestamps) {
        flow.timestamps = true;
        flow.tsEcr = this.#options.tsVal;
        if ((flags & TCP_ACK) !== 0 && this.#rng.below(4) !== 0) flow.tsVal = this.#options.tsEcr;
      }
    }
    if ((flags & TCP_FIN) !== 0 && this.#rng.below(64) === 0) this.#flows.splice(this.#flows.indexOf(flow), 1);
  }

  #arp(b: Uint8Array, o: number): void {
    const asked = arpTargetIp(b, o);
    const k = whichAttacker(0, asked);
    if (arpOp(b, o) !== ARP_REQUEST || k < 0 || this.#rng.below(8) === 0) return;
    const [hi, lo] = attackerMac(k);
    const out = new Uint8Array(14 + ARP_LENGTH);
    putEthHeader(out, 0, STACK_MAC_HI, STACK_MAC_LO, hi, lo, ETHERTYPE_ARP);
    putArp(out, 14, ARP_REPLY, hi, lo, asked, STACK_MAC_HI, STACK_MAC_LO, arpSenderIp(b, o));
    this.#answer(out);
  }

  #solicitation(b: Uint8Array, o: number): void {
    const w = [0, 1, 2, 3].map((i) => ndpTarget(b, o + 40, i)) as [number, number, number, number];
    const k = whichAttacker(w[0], w[3]);
    if (k < 0 || w[1] !== 0 || w[2] !== 0 || !this.#wire.ethernet || this.#rng.below(8) === 0) return;
    const [hi, lo] = attackerMac(k);
    const d = new Draft(14 + 40 + 32);
    putEthHeader(d.bytes, 0, STACK_MAC_HI, STACK_MAC_LO, hi, lo, ETHERTYPE_IP6);
    putIp6Header(d.bytes, 14, 0, 0, 32, PROTO_ICMP6, 255);
    putIp6Src(d.bytes, 14, ...w);
    putIp6Dst(d.bytes, 14, ip6Src(b, o, 0), ip6Src(b, o, 1), ip6Src(b, o, 2), ip6Src(b, o, 3));
    putNdpNa(d.bytes, 54, NDP_NA_SOLICITED | NDP_NA_OVERRIDE, ...w);
    putNdpLinkOption(d.bytes, 78, NDP_OPTION_TARGET_LINK, hi, lo);
    put16(d.bytes, 56, 0);
    d.length = d.bytes.length;
    d.l3 = 14;
    d.l4 = 54;
    d.protocol = PROTO_ICMP6;
    fixChecksums(d);
    this.#answer(d.bytes);
  }
}

/** The peer's address (destination) or the stack's (source) of a packet that the stack has sent. */
function address(b: Uint8Array, l3: number, version: 4 | 6, destination: boolean): Address {
  if (version === 4) return [0, 0, 0xffff, get32(b, l3 + (destination ? 16 : 12))];
  const at = l3 + (destination ? 24 : 8);
  return [get32(b, at), get32(b, at + 4), get32(b, at + 8), get32(b, at + 12)];
}
