// The oracle for frames that a stack sends: well-formed from end to end, lengths and checksums right, within the MTU.
// Called by fuzz-rig.ts for every frame; calls the readers of src/wire.

import { get16 } from '../../src/base/bytes.ts';
import { RX_SUM_PARTIAL } from '../../src/base/link.ts';
import { arpCheck } from '../../src/wire/arp.ts';
import { CHECKSUM_OK, combine, pseudo4At, pseudo6At, sumPlain } from '../../src/wire/checksum.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IP4, ETHERTYPE_IP6, etherType, ethSrcHi, ethSrcLo } from '../../src/wire/eth.ts';
import {
  ip4Check,
  ip4ChecksumOk,
  ip4FragmentCheck,
  ip4Ihl,
  ip4IsFragment,
  ip4Protocol,
  ip4TotalLength,
  PROTO_ICMP4,
  PROTO_TCP,
  PROTO_UDP,
} from '../../src/wire/ip4.ts';
import {
  ip6Check,
  ip6NextHeader,
  ip6PayloadLength,
  PROTO_HOP_BY_HOP,
  PROTO_ICMP6,
  PROTO_IP6_FRAGMENT,
} from '../../src/wire/ip6.ts';
import { TCP_SYN, tcpCheck, tcpFlags } from '../../src/wire/tcp.ts';
import { udpCheck } from '../../src/wire/udp.ts';
import { STACK_MAC_HI, STACK_MAC_LO, type Wire } from './forge-ip.ts';

const FIELDS: ReadonlyMap<number, number> = new Map([
  [PROTO_TCP, 16],
  [PROTO_UDP, 6],
  [PROTO_ICMP4, 2],
  [PROTO_ICMP6, 2],
]);

/** What is wrong with the frame [o, o + length) of `b`, received with `flags`; '' if nothing is. */
export function faultOf(b: Uint8Array, o: number, length: number, flags: number, wire: Wire): string {
  let type = b[o]! >> 4 === 4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6;
  let l3 = o;
  if (wire.ethernet) {
    if (length < 14) return 'shorter than an Ethernet header';
    if (ethSrcHi(b, o) !== STACK_MAC_HI || ethSrcLo(b, o) !== STACK_MAC_LO)
      return 'not from the MAC address of the stack';
    type = etherType(b, o);
    l3 = o + 14;
  }
  const end = o + length;
  const whole = (flags & RX_SUM_PARTIAL) !== 0; // may be a superframe
  if (type === ETHERTYPE_ARP) return arpCheck(b, l3, end) === 0 ? '' : 'bad ARP';
  if (!whole && end - l3 > wire.mtu) return `${end - l3} bytes of packet on a link of ${wire.mtu}`;
  if (type === ETHERTYPE_IP4) return faultOf4(b, l3, end, flags);
  if (type === ETHERTYPE_IP6) return faultOf6(b, l3, end, flags);
  return `EtherType ${type}`;
}

function faultOf4(b: Uint8Array, l3: number, end: number, flags: number): string {
  const bad = ip4Check(b, l3, end);
  if (bad !== 0) return `IPv4 header: drop reason ${bad}`;
  if (ip4TotalLength(b, l3) !== end - l3) return 'IPv4 total length is not that of the frame';
  if (!ip4ChecksumOk(b, l3)) return 'IPv4 checksum';
  if (b[l3 + 8] === 0) return 'TTL 0';
  if (ip4IsFragment(b, l3)) return ip4FragmentCheck(b, l3) === 0 ? '' : 'bad IPv4 fragment';
  return faultOfUpper(b, l3, l3 + ip4Ihl(b, l3), end, ip4Protocol(b, l3), flags);
}

function faultOf6(b: Uint8Array, l3: number, end: number, flags: number): string {
  const bad = ip6Check(b, l3, end);
  if (bad !== 0) return `IPv6 header: drop reason ${bad}`;
  if (ip6PayloadLength(b, l3) !== end - l3 - 40) return 'IPv6 payload length is not that of the frame';
  let protocol = ip6NextHeader(b, l3);
  let l4 = l3 + 40;
  if (protocol === PROTO_IP6_FRAGMENT)
    return end - l4 > 8 && ((end - l4) % 8 === 0 || (b[l4 + 3]! & 1) === 0) ? '' : 'bad IPv6 fragment';
  if (protocol === PROTO_HOP_BY_HOP) {
    if (end - l4 < 8) return 'bad hop-by-hop header';
    protocol = b[l4]!;
    l4 += 8 * (b[l4 + 1]! + 1);
  }
  return faultOfUpper(b, l3, l4, end, protocol, flags);
}

function faultOfUpper(b: Uint8Array, l3: number, l4: number, end: number, protocol: number, flags: number): string {
  const field = FIELDS.get(protocol);
  if (field === undefined) return `protocol ${protocol}`;
  const n = end - l4;
  if (n < 8) return 'upper layer too short';
  const v4 = b[l3]! >> 4 === 4;
  const pseudo = protocol === PROTO_ICMP4 ? 0 : v4 ? pseudo4At(b, l3, protocol, n) : pseudo6At(b, l3, protocol, n);
  if ((flags & RX_SUM_PARTIAL) !== 0) {
    if (get16(b, l4 + field) !== pseudo) return `partial checksum of protocol ${protocol}`;
  } else if (combine(pseudo, sumPlain(b, l4, n), false) !== CHECKSUM_OK) {
    return `checksum of protocol ${protocol}`;
  }
  if (protocol === PROTO_UDP) return udpCheck(b, l4, end) === 0 && get16(b, l4 + 4) === n ? '' : 'UDP length';
  if (protocol !== PROTO_TCP) return '';
  if (tcpCheck(b, l4, end) !== 0) return 'TCP header';
  return (tcpFlags(b, l4) & TCP_SYN) !== 0 && end - l4 > 60 ? 'text on a SYN' : '';
}
