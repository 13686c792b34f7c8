// Makes frames for fuzzing: valid packets of every protocol that the stack speaks, some of them then mutated, from a seed.
// Called by fuzz-rig.ts; calls forge-ip, forge-l4 (what packets are made of), forge-mutate, and forge-ear (what it has heard).
//
// Blind packets die at the first check. So the forge listens to what the stack says: it knows the numbers of open
// connections, answers questions about its addresses, quotes real packets in its ICMP errors, and replays.

import { put16 } from '../../src/base/bytes.ts';
import type { SeededRng } from '../../src/base/rng.ts';
import { Ear } from './forge-ear.ts';
import { arpFrame, beginPacket, endPacket, extend, fragments, type Wire } from './forge-ip.ts';
import { icmp4, icmp6, ndp, oddProtocol, tcpOfFlow, tcpSyn, tcpWild, udp } from './forge-l4.ts';
import { Draft, fixChecksums, mutate } from './forge-mutate.ts';

/** How often each kind of packet is made, in parts of the sum. */
const KINDS: readonly (readonly [number, string])[] = [
  [40, 'flow'],
  [6, 'syn'],
  [3, 'tcp'],
  [14, 'udp'],
  [7, 'icmp4'],
  [7, 'icmp6'],
  [8, 'ndp'],
  [4, 'arp'],
  [3, 'odd'],
  [3, 'replay'],
  [2, 'noise'],
];
const PARTS: number = KINDS.reduce((sum, [parts]) => sum + parts, 0);

/** The frames of one run: the same seed and the same answers give the same frames. */
export class Forge {
  readonly draft: Draft = new Draft();
  readonly ear: Ear;
  /** How many frames of each kind were made; `mutated` and `fragments` count besides. */
  readonly made: Record<string, number> = { mutated: 0, fragments: 0 };
  readonly #rng: SeededRng;
  readonly #wire: Wire;
  readonly #waiting: Uint8Array[] = [];
  #last: Uint8Array = new Uint8Array(64);

  constructor(rng: SeededRng, wire: Wire) {
    this.#rng = rng;
    this.#wire = wire;
    this.ear = new Ear(rng, wire, (frame) => this.#waiting.push(frame));
  }

  /** Makes the next frame in `draft`: its bytes are [0, draft.length). */
  next(): void {
    const rng = this.#rng;
    const d = this.draft;
    if (this.#waiting.length > 0 && rng.below(2) === 0) {
      // Answers and fragments: mostly in order, sometimes not, sometimes twice, sometimes never.
      const at = rng.below(4) === 0 ? rng.below(this.#waiting.length) : 0;
      const frame = this.#waiting[at]!;
      if (rng.below(16) !== 0) this.#waiting.splice(at, 1);
      if (this.#waiting.length > 300) this.#waiting.splice(0, 100);
      d.bytes.set(frame);
      d.length = frame.length;
      d.l3 = this.#wire.ethernet ? 14 : 0;
      d.l4 = -1;
      d.protocol = -1;
      if (rng.below(40) === 0) this.#spoil();
      return;
    }
    let part = rng.below(PARTS);
    const [, kind] = KINDS.find(([parts]) => (part -= parts) < 0)!;
    this.made[kind] = (this.made[kind] ?? 0) + 1;
    this.#build(kind);
    if (rng.below(100) < 40) this.#spoil();
    if (rng.below(8) === 0) this.#last = d.bytes.slice(0, Math.min(d.length, 1500));
    if (rng.below(24) === 0 && d.l3 >= 0) this.#fragment();
    if (d.length > this.#wire.limit) d.length = this.#wire.limit;
  }

  #spoil(): void {
    this.made['mutated']!++;
    mutate(this.draft, this.#rng, this.#last, this.#wire.limit);
    if (this.#rng.below(2) === 0) fixChecksums(this.draft);
  }

  /** Sends the packet in hand as fragments from now on; the frame in hand is the first of them. */
  #fragment(): void {
    const made = fragments(this.draft, this.#rng, this.#wire);
    if (made.length === 0) return;
    this.made['fragments']! += made.length;
    const first = made.shift()!;
    this.draft.bytes.set(first);
    this.draft.length = first.length;
    this.#waiting.push(...made);
  }

  #build(kind: string): void {
    const { draft: d } = this;
    const rng = this.#rng;
    const wire = this.#wire;
    d.length = 0;
    d.l3 = -1;
    d.l4 = -1;
    d.protocol = -1;
    if (kind === 'arp' && wire.ethernet) {
      arpFrame(d, rng, wire);
      return;
    }
    if (kind === 'noise') {
      d.length = rng.below(200);
      for (let i = 0; i < d.length; i++) d.bytes[i] = rng.int32();
      return;
    }
    const heard = this.ear.frame();
    if (kind === 'replay' && heard !== undefined) {
      d.bytes.set(heard);
      d.length = heard.length;
      d.l3 = wire.ethernet ? 14 : 0;
      return;
    }
    const flow = this.ear.flow();
    if (kind === 'flow' && flow !== undefined) {
      beginPacket(d, rng, wire, flow.version, flow);
      tcpOfFlow(d, rng, flow, wire);
    } else {
      const version = kind === 'icmp4' ? 4 : kind === 'icmp6' || kind === 'ndp' ? 6 : rng.below(2) === 0 ? 4 : 6;
      beginPacket(d, rng, wire, version);
      if (kind === 'syn' || kind === 'flow') tcpSyn(d, rng);
      else if (kind === 'udp') udp(d, rng);
      else if (kind === 'icmp4') icmp4(d, rng, heard, wire);
      else if (kind === 'icmp6') icmp6(d, rng, heard, wire);
      else if (kind === 'ndp') ndp(d, rng);
      else if (kind === 'odd') oddProtocol(d, rng);
      else tcpWild(d, rng);
    }
    endPacket(d);
    fixChecksums(d);
    // Without a checksum: legal over IPv4 only.
    if (kind === 'udp' && rng.below(16) === 0) put16(d.bytes, d.l4 + 6, 0);
    if (rng.below(16) === 0) extend(d, rng);
  }
}
