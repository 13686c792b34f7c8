// An outbound packet of the script against the one that the stack has sent.
// Called by run.ts; calls flow.ts for numbers, encode.ts for options, show.ts for messages.

import type { IcmpPacket, TcpOption, TcpPacket, UdpPacket } from './ast.ts';
import type { Decoded } from './decode.ts';
import { optionBytes } from './encode.ts';
import type { Flow } from './flow.ts';
import { showFlags, showOptions } from './show.ts';

/** How timestamps are looked at: microseconds a tick, 0 for not at all, and the tolerance in ticks. */
export interface StampCheck {
  readonly tick: number;
  readonly tolerance: number;
}

/** What differs, a line each. Learns numbers and timestamps of the flow from it. */
export function compareTcp(script: TcpPacket, live: Decoded, flow: Flow, at: number, stamps: StampCheck): string[] {
  const wrong = compareIp(script.ip, live);
  const tcp = live.tcp;
  if (tcp === undefined) return ['no TCP segment'];
  const check = (name: string, expected: number | undefined, actual: number): void => {
    if (expected !== undefined && expected !== actual) wrong.push(`${name}: expected ${expected}, actual ${actual}`);
  };
  if ((script.flags & tcp.flags & 2) !== 0 && script.seq !== undefined) flow.learnIsn(script.seq, tcp.seq);
  const seen = flow.relative(live).tcp!;
  if (script.flags !== seen.flags) {
    wrong.push(`flags: expected ${showFlags(script.flags)}, actual ${showFlags(seen.flags)}`);
  }
  check('sequence number', script.seq === undefined ? undefined : script.seq % 2 ** 32, seen.seq);
  check('payload bytes', script.length, live.length);
  if ((script.flags & 16) !== 0) check('ack', script.ack, seen.ack);
  check('window', script.win, seen.win);
  check('urgent pointer', script.urg, seen.urg);
  if (script.options !== undefined) wrong.push(...compareOptions(script.options, live, flow, at, stamps));
  if (live.fault !== '') wrong.push(`${live.fault} is wrong`);
  return wrong;
}

function compareIp(ip: TcpPacket['ip'], live: Decoded): string[] {
  const wrong: string[] = [];
  if (ip.ecn !== undefined && ip.ecn !== (live.tos & 3)) wrong.push(`ECN: expected ${ip.ecn}, actual ${live.tos & 3}`);
  if (ip.tos !== undefined && ip.tos !== live.tos) {
    // Where only the DSCP is written, the ECN bits are TCP's.
    if ((ip.tos & 3) !== 0 || ip.tos !== (live.tos & 0xfc)) wrong.push(`TOS: expected ${ip.tos}, actual ${live.tos}`);
  }
  if (ip.ttl !== undefined && ip.ttl !== live.ttl) wrong.push(`TTL: expected ${ip.ttl}, actual ${live.ttl}`);
  if (ip.flowLabel !== undefined && ip.flowLabel !== live.flowLabel) {
    wrong.push(`flow label: expected ${ip.flowLabel}, actual ${live.flowLabel}`);
  }
  return wrong;
}

/** Options byte for byte, in their order; TS val apart, and what the script leaves open. */
function compareOptions(
  script: readonly TcpOption[],
  packet: Decoded,
  flow: Flow,
  at: number,
  stamps: StampCheck,
): string[] {
  const wrong: string[] = [];
  const live = packet.tcp?.options ?? [];
  const filled = script.map((option, i): TcpOption => {
    const other = live[i];
    if (option.kind === 'TS' && other?.kind === 'TS') {
      if (option.val !== undefined) {
        const expected = stamps.tick === 0 ? undefined : flow.expectedStamp(at, stamps.tick);
        if (expected !== undefined && Math.abs(expected - option.val) > stamps.tolerance) {
          wrong.push(`TS val: the script's ${option.val} would be ${expected} at this moment`);
        }
        flow.learnStamp(option.val, other.val ?? 0, at);
      }
      return { kind: 'TS', val: other.val, ecr: option.ecr ?? other.ecr };
    }
    if (
      (option.kind === 'mss' || option.kind === 'wscale') &&
      option.value === undefined &&
      other?.kind === option.kind
    ) {
      return other;
    }
    return option;
  });
  const [a, b] = [optionBytes(filled), optionBytes(live)];
  if (a.length !== b.length || a.some((byte, i) => byte !== b[i])) {
    const seen = flow.relative(packet).tcp?.options ?? [];
    wrong.push(`options: expected${showOptions(script) || ' none'}, actual${showOptions(seen) || ' none'}`);
  }
  return wrong;
}

/** What differs. */
export function compareUdp(script: UdpPacket, live: Decoded): string[] {
  const wrong = compareIp(script.ip, live);
  if (live.protocol !== 17) wrong.push('no UDP datagram');
  if (script.length !== undefined && script.length !== live.length) {
    wrong.push(`payload bytes: expected ${script.length}, actual ${live.length}`);
  }
  if (live.fault !== '') wrong.push(`${live.fault} is wrong`);
  return wrong;
}

/** What differs. */
export function compareIcmp(script: IcmpPacket, live: Decoded): string[] {
  const wrong = compareIp(script.ip, live);
  const { type = -1, code = -1, word = 0 } = live.icmp ?? {};
  if (type !== script.type) wrong.push(`ICMP type: expected ${script.type}, actual ${type}`);
  if (code !== script.code) wrong.push(`ICMP code: expected ${script.code}, actual ${code}`);
  if (script.mtu !== undefined && script.mtu !== word) wrong.push(`mtu: expected ${script.mtu}, actual ${word}`);
  if (live.fault !== '') wrong.push(`${live.fault} is wrong`);
  return wrong;
}
