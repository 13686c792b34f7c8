// Judges the ACKs of a receiver by what it got, both read by tshark from a capture taken right beside it: RFC 2018, 2883, 3168.
// Called by tests behind needs({ programs: ['tshark'] }); calls run.ts. Judges Linux by the same rules: they are no stricter than that.

import { runOk } from './run.ts';

/** What was seen of one connection whose data flows towards the receiver. */
export interface Verdict {
  /** One line for each rule broken. */
  readonly complaints: string[];
  readonly dataSegments: number;
  readonly acks: number;
  /** ACKs with at least one SACK block, and those whose first block is a D-SACK. */
  readonly sacks: number;
  readonly dsacks: number;
  /** SYN and SYN-ACK carried SACK-permitted; and asked for and granted ECN. */
  readonly sackAgreed: boolean;
  readonly ecnAgreed: boolean;
  /** Of the data: packets marked ECT, CE; of the segments: CWR towards the receiver, ECE from it. */
  readonly ect: number;
  readonly ce: number;
  readonly cwr: number;
  readonly ece: number;
}

const FIELDS = [
  'frame.time_relative',
  'ip.src',
  'tcp.seq',
  'tcp.len',
  'tcp.ack',
  'tcp.flags',
  'tcp.options.sack_le',
  'tcp.options.sack_re',
  'ip.dsfield.ecn',
  'tcp.options.sack_perm',
];
const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const ECE = 64;
const CWR = 128;
/** An ACK may have been made before the last segments of the capture were taken in: its newest block may be so old, s. */
const LAG = 0.5;

/** Ranges of sequence space that have arrived, ascending and apart. */
class Arrived {
  readonly ranges: [number, number][] = [];

  /** Adds one; true if none of it is new. */
  add(from: number, to: number): boolean {
    if (this.has(from, to)) return true;
    const touching = this.ranges.filter(([a, b]) => a <= to && b >= from);
    const rest = this.ranges.filter(([a, b]) => a > to || b < from);
    rest.push([Math.min(from, ...touching.map(([a]) => a)), Math.max(to, ...touching.map(([, b]) => b))]);
    rest.sort(([a], [b]) => a - b);
    this.ranges.splice(0, this.ranges.length, ...rest);
    return false;
  }

  has(from: number, to: number): boolean {
    return this.ranges.some(([a, b]) => a <= from && to <= b);
  }
}

/** A segment, as tshark reads it; sequence numbers count from the SYN's. */
export interface Packet {
  /** Seconds since the first. */
  readonly at: number;
  readonly src: string;
  readonly seq: number;
  readonly len: number;
  readonly ack: number;
  readonly flags: number;
  readonly blocks: [number, number][];
  readonly ecn: number;
  readonly sackPermitted: boolean;
}

async function read(file: string): Promise<Packet[]> {
  const out = await runOk(
    'tshark',
    ['-n', '-r', file, '-Y', 'tcp.port == 5001', '-T', 'fields', ...FIELDS.flatMap((name) => ['-e', name])],
    { timeout: 90_000 },
  );
  const lines = out.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [at, src, seq, len, ack, flags, left, right, ecn, permitted] = line.split('\t') as string[];
    const rights = right === '' ? [] : right!.split(',').map(Number);
    const blocks = left === '' ? [] : left!.split(',').map((edge, i): [number, number] => [Number(edge), rights[i]!]);
    return {
      ...{
        at: Number(at),
        src: src!,
        seq: Number(seq),
        len: Number(len),
        ack: Number(ack),
        flags: Number(flags),
        blocks,
      },
      ...{ ecn: Number(ecn), sackPermitted: permitted !== '' },
    };
  });
}

/**
 * Reads `file` (IPv4, one connection on port 5001) and judges what `receiver` has answered. `leftovers`: a D-SACK sent when
 * all has arrived may still list blocks from before; Linux does so now and then (RFC 2018 section 4 has none below the ACK).
 */
export async function judge(file: string, receiver: string, leftovers = false): Promise<Verdict> {
  const packets = await read(file);
  const toIt = packets.filter((p) => p.src !== receiver);
  const byIt = packets.filter((p) => p.src === receiver);
  const syns = packets.filter((p) => (p.flags & SYN) !== 0);
  const asked = syns.find((p) => (p.flags & ACK) === 0);
  const granted = syns.find((p) => (p.flags & ACK) !== 0);
  const data = toIt.filter((p) => p.len > 0);
  const { complaints, sacks, dsacks } = replay(packets, receiver, leftovers);
  return {
    complaints,
    dataSegments: data.length,
    acks: byIt.length,
    sacks,
    dsacks,
    sackAgreed: syns.length > 1 && syns.every((p) => p.sackPermitted),
    ecnAgreed: ((asked?.flags ?? 0) & (ECE | CWR)) === (ECE | CWR) && ((granted?.flags ?? 0) & (ECE | CWR)) === ECE,
    ect: data.filter((p) => p.ecn === 1 || p.ecn === 2).length,
    ce: data.filter((p) => p.ecn === 3).length,
    cwr: toIt.filter((p) => (p.flags & CWR) !== 0 && (p.flags & SYN) === 0).length,
    ece: byIt.filter((p) => (p.flags & ECE) !== 0 && (p.flags & SYN) === 0).length,
  };
}

/** Follows what arrives at `receiver`, and holds each of its ACKs against that. */
export function replay(
  packets: readonly Packet[],
  receiver: string,
  leftovers = false,
): { complaints: string[]; sacks: number; dsacks: number } {
  const arrived = new Arrived();
  const latest: [number, number, number][] = [];
  const complaints: string[] = [];
  let sacks = 0;
  let dsacks = 0;
  for (const [i, p] of packets.entries()) {
    if ((p.flags & RST) !== 0) continue;
    if (p.src !== receiver) {
      const end = p.seq + p.len + (p.flags & (SYN | FIN) ? 1 : 0);
      if (end > p.seq) {
        arrived.add(p.seq, end);
        latest.push([p.seq, end, p.at]);
      }
      continue;
    }
    if ((p.flags & ACK) === 0) continue;
    const complain = (what: string): void => {
      const blocks = p.blocks.map(([a, b]) => `${a}:${b}`).join(' ');
      complaints.push(`packet ${i + 1}: ack ${p.ack}, sack ${blocks}: ${what}; got ${JSON.stringify(arrived.ranges)}`);
    };
    if (p.ack > (arrived.ranges[0]?.[1] ?? 0)) complain('acknowledges what has not arrived');
    if (p.blocks.length === 0) continue;
    sacks++;
    const [first, second] = p.blocks as [[number, number], [number, number]?];
    // RFC 2883 section 4: a first block below the ACK, or within the second, reports a duplicate.
    const duplicate = first[1] <= p.ack || (second !== undefined && second[0] <= first[0] && first[1] <= second[1]);
    if (duplicate) dsacks++;
    while (latest.length > 0 && latest[0]![2] < p.at - LAG) latest.shift();
    if (!latest.some(([a, b]) => a < first[1] && b > first[0])) complain('the first block is of no recent segment');
    for (const [at, [a, b]] of p.blocks.entries()) {
      if (b <= a) complain('an empty block');
      if (!arrived.has(a, b)) complain(`${a}:${b} has not arrived`);
      const left = leftovers && duplicate && arrived.ranges.length === 1 && arrived.ranges[0]![1] === p.ack;
      if (a <= p.ack && !(at === 0 && duplicate) && !left) complain(`${a}:${b} does not lie above the ACK`);
    }
    const apart = p.blocks.slice(duplicate ? 1 : 0);
    if (apart.some(([a, b], x) => apart.some(([c, d], y) => x < y && a < d && c < b))) complain('blocks overlap');
  }
  return { complaints, sacks, dsacks };
}
