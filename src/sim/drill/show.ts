// Packets as lines of text, in the notation that scripts use.
// Called by compare.ts, run.ts and others for messages; calls icmp-names.ts.

import type { TcpOption } from './ast.ts';
import type { Decoded } from './decode.ts';
import { icmpName } from './icmp-names.ts';

const LETTERS = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W', 'A'] as const;
/** SYN, FIN and RST first, as people write them. */
const ORDER = [1, 0, 2, 3, 5, 6, 7, 8, 4] as const;

/** Flag letters, `-` for none. */
export function showFlags(flags: number): string {
  return ORDER.map((bit) => ((flags >> bit) & 1 ? LETTERS[bit]! : '')).join('') || '-';
}

function showOption(option: TcpOption): string {
  switch (option.kind) {
    case 'mss':
    case 'wscale':
      return `${option.kind} ${option.value ?? '*'}`;
    case 'sack':
      return `sack ${option.blocks.map(([left, right]) => `${left}:${right}`).join(' ')}`;
    case 'TS':
      return `TS val ${option.val ?? '*'} ecr ${option.ecr ?? '*'}`;
    case 'raw':
      return `kind ${option.code} 0x${[...option.data].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    default:
      return option.kind;
  }
}

/** `<…>`, or nothing where there are none. */
export function showOptions(options: readonly TcpOption[]): string {
  return options.length === 0 ? '' : ` <${options.map(showOption).join(',')}>`;
}

/** A packet that went by, numbers as they are given (relative ones, where the caller has made them so). */
export function showPacket(p: Decoded): string {
  const ecn = ['', '[ect1] ', '[ect0] ', '[ce] '][p.tos & 3];
  if (p.icmp !== undefined) {
    const name = p.protocol === 1 ? 'icmp' : 'icmpv6';
    return `${ecn}${name} ${icmpName(p.version, p.icmp.type, p.icmp.code)}`;
  }
  if (p.tcp === undefined) return p.protocol === 17 ? `${ecn}udp (${p.length})` : `${ecn}protocol ${p.protocol}`;
  const { seq, ack, flags, win, urg, options } = p.tcp;
  const acked = flags & 16 ? ` ack ${ack}` : '';
  const end = (seq + p.length) % 2 ** 32;
  return `${ecn}${showFlags(flags)} ${seq}:${end}(${p.length})${acked} win ${win}${urg ? ` urg ${urg}` : ''}${showOptions(options)}`;
}

/** Seconds with six digits. */
export function showTime(us: number): string {
  return (us / 1e6).toFixed(6);
}
