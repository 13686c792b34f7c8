// One connection as a script sees it: its numbers there and on the wire, its timestamps, and what the stack has sent on it.
// Made by flows.ts and the calls; used by compare.ts; calls encode.ts.
//
//   script's local number  = live number - live ISN + ISN in the script      (known from the stack's SYN on)
//   script's remote number = live number                                     (we choose them ourselves)

import type { TcpOption, TcpPacket } from './ast.ts';
import type { Decoded, DecodedTcp } from './decode.ts';
import type { Words } from './world.ts';

const WRAP = 2 ** 32;

/** A packet of the stack's that waits to be looked at. */
export interface Waiting {
  readonly at: number;
  readonly packet: Decoded;
}

export class Flow {
  readonly protocol: number;
  readonly local: Words;
  readonly localPort: number;
  readonly remote: Words;
  readonly remotePort: number;
  readonly sent: Waiting[] = [];
  /** The handle of the stack's connection once the script has it by accept() or connect(). */
  handle = 0;
  /** Live minus script, of our (the stack's) sequence numbers. */
  #offset = 0;
  /** TS val in the script to TS val on the wire. */
  readonly #stamps: Map<number, number> = new Map();
  #firstScript: number | undefined;
  #firstLive = 0;
  #firstAt = 0;

  constructor(protocol: number, local: Words, localPort: number, remote: Words, remotePort: number) {
    this.protocol = protocol;
    this.local = local;
    this.localPort = localPort;
    this.remote = remote;
    this.remotePort = remotePort;
  }

  /** A number of the stack's side, of the script, as it is on the wire. */
  toLive(seq: number): number {
    return (seq + this.#offset + WRAP) % WRAP;
  }

  /** The stack has sent a SYN with live number `live`, which the script writes as `script`. */
  learnIsn(script: number, live: number): void {
    this.#offset = (live - script + WRAP) % WRAP;
  }

  /** A TS val that the script says was sent, and the one that was. */
  learnStamp(script: number, live: number, at: number): void {
    if (this.#firstScript === undefined) {
      this.#firstScript = script;
      this.#firstLive = live;
      this.#firstAt = at;
    }
    this.#stamps.set(script, live);
  }

  /** What TS val the script would have at this moment with ticks of `tick` us; undefined before the first. */
  expectedStamp(at: number, tick: number): number | undefined {
    if (this.#firstScript === undefined) return undefined;
    return this.#firstScript + Math.round((at - this.#firstAt) / tick);
  }

  /** TS ecr of the script, as it goes on the wire: of a TS val not seen by the same distance from the first. */
  #toLiveStamp(ecr: number): number {
    const exact = this.#stamps.get(ecr);
    if (exact !== undefined || this.#firstScript === undefined) return exact ?? ecr;
    return ecr === 0 ? 0 : (this.#firstLive + ecr - this.#firstScript + WRAP) % WRAP;
  }

  /** Options that the script sends, as they go on the wire. */
  liveOptions(packet: TcpPacket): TcpOption[] {
    return (packet.options ?? []).map((option) => {
      if (option.kind === 'sack') {
        return { kind: 'sack', blocks: option.blocks.map(([l, r]) => [this.toLive(l), this.toLive(r)] as const) };
      }
      if (option.kind === 'TS') {
        const syn = (packet.flags & 2) !== 0 && (packet.flags & 16) === 0;
        return { kind: 'TS', val: option.val ?? 0, ecr: syn ? (option.ecr ?? 0) : this.#toLiveStamp(option.ecr ?? 0) };
      }
      return option;
    });
  }

  /** A packet of the stack's with the script's numbers. */
  relative(p: Decoded): Decoded {
    if (p.tcp === undefined) return p;
    const seq = (p.tcp.seq - this.#offset + WRAP) % WRAP;
    const options = p.tcp.options.map((option): TcpOption => {
      if (option.kind !== 'TS' || this.#firstScript === undefined) return option;
      const val = ((option.val ?? 0) - this.#firstLive + this.#firstScript + WRAP) % WRAP;
      return { kind: 'TS', val, ecr: option.ecr };
    });
    return { ...p, tcp: { ...p.tcp, seq, options } };
  }

  /**
   * The packet sent first and, where the script writes several segments as one (as a host that leaves segmenting to the
   * device shows them), those that follow it without a gap at the same moment, up to `length` bytes.
   */
  take(length: number | undefined): Waiting | undefined {
    const first = this.sent.shift();
    if (first?.packet.tcp === undefined || length === undefined) return first;
    let whole = first;
    for (let next = this.sent[0]; next !== undefined; next = this.sent[0]) {
      const joined = join(whole, next);
      if (joined === undefined || joined.packet.length > length) break;
      whole = joined;
      this.sent.shift();
    }
    return whole;
  }
}

const FIN = 1;
const PUSH_FIN = 8 | FIN;

function join(a: Waiting, b: Waiting): Waiting | undefined {
  const [s, t] = [a.packet.tcp, b.packet.tcp] as [DecodedTcp, DecodedTcp | undefined];
  if (t === undefined || a.at !== b.at || a.packet.length === 0 || b.packet.length === 0) return undefined;
  if ((s.seq + a.packet.length) % WRAP !== t.seq || s.ack !== t.ack) return undefined;
  // A device that segments shows one PSH for several writes.
  if ((s.flags & ~PUSH_FIN) !== (t.flags & ~PUSH_FIN) || (s.flags & FIN) !== 0) return undefined;
  if (a.packet.tos !== b.packet.tos || s.options.length !== t.options.length) return undefined;
  const tcp = { ...s, flags: s.flags | t.flags, win: t.win };
  return { at: a.at, packet: { ...a.packet, tcp, length: a.packet.length + b.packet.length } };
}
