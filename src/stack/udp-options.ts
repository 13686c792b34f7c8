// Options of UDP and ping sockets: which cell or flag of a row each one is, and what values it takes.
// Called by udp; calls nothing.

import { EINVAL } from '../base/errno.ts';
import {
  BROADCAST,
  DONT_FRAGMENT,
  FLAGS,
  IFACE,
  IP6,
  IP6_ONLY,
  KEY,
  MULTICAST_IFACE,
  MULTICAST_LOOP,
  MULTICAST_TTL,
  RECEIVE_BUFFER,
  REUSE,
  TRAFFIC_CLASS,
  TTL,
} from './udp-rows.ts';

/** 0 or 1: may send to broadcast addresses (SO_BROADCAST). Off. */
export const UDP_OPTION_BROADCAST = 1;
/** 1..255, or 0: TTL or hop limit of what goes to one host; 0 is the stack's own (and a router's word for IPv6). */
export const UDP_OPTION_TTL = 2;
/** 0..255: the same for groups. 1. */
export const UDP_OPTION_MULTICAST_TTL = 3;
/** 0 or 1: what it sends to groups also reaches members on this stack. On. */
export const UDP_OPTION_MULTICAST_LOOP = 4;
/** 0..255: DSCP and ECN byte. 0. */
export const UDP_OPTION_TRAFFIC_CLASS = 5;
/** 0 or 1: its port may be shared with sockets that allow the same (SO_REUSEADDR). Before bind. Off. */
export const UDP_OPTION_REUSE_ADDRESS = 6;
/** Bytes: bound of the receive queue, 48 a datagram included. */
export const UDP_OPTION_RECEIVE_BUFFER = 7;
/** 0 or 1: DF, and -EMSGSIZE beyond the path MTU instead of fragments. Off. */
export const UDP_OPTION_DONT_FRAGMENT = 8;
/** Interface for groups, where the route is not to choose (0). */
export const UDP_OPTION_MULTICAST_INTERFACE = 9;
/** The only interface to send and receive by, or 0. Before bind. */
export const UDP_OPTION_INTERFACE = 10;
/** 0 or 1: no IPv4 on a family 6 socket. Before bind. */
export const UDP_OPTION_IPV6_ONLY = 11;

export type UdpOption = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11;

const MAX_RECEIVE_BUFFER = 1 << 30;

/** The flag of a switch, or 0. */
function flagOf(option: UdpOption): number {
  if (option === UDP_OPTION_BROADCAST) return BROADCAST;
  if (option === UDP_OPTION_MULTICAST_LOOP) return MULTICAST_LOOP;
  if (option === UDP_OPTION_REUSE_ADDRESS) return REUSE;
  if (option === UDP_OPTION_DONT_FRAGMENT) return DONT_FRAGMENT;
  return option === UDP_OPTION_IPV6_ONLY ? IP6_ONLY : 0;
}

/** Sets an option of the row whose cells begin at `c`. `interfaces`: one more than the highest index. 0 or -EINVAL. */
export function setUdpOption(i32: Int32Array, c: number, option: UdpOption, value: number, interfaces: number): number {
  const bound = i32[c + KEY] !== 0;
  const flag = flagOf(option);
  if (flag !== 0) {
    if (flag === IP6_ONLY && (bound || (i32[c + FLAGS]! & IP6) === 0)) return -EINVAL;
    i32[c + FLAGS] = value !== 0 ? i32[c + FLAGS]! | flag : i32[c + FLAGS]! & ~flag;
    return 0;
  }
  if (!Number.isInteger(value) || value < 0) return -EINVAL;
  if (option === UDP_OPTION_RECEIVE_BUFFER) {
    i32[c + RECEIVE_BUFFER] = Math.min(value, MAX_RECEIVE_BUFFER);
    return 0;
  }
  if (option === UDP_OPTION_MULTICAST_INTERFACE || option === UDP_OPTION_INTERFACE) {
    if (value >= interfaces || (option === UDP_OPTION_INTERFACE && bound)) return -EINVAL;
    i32[c + (option === UDP_OPTION_INTERFACE ? IFACE : MULTICAST_IFACE)] = value;
    return 0;
  }
  if (value > 255) return -EINVAL;
  if (option === UDP_OPTION_TTL) i32[c + TTL] = value;
  else if (option === UDP_OPTION_MULTICAST_TTL) i32[c + MULTICAST_TTL] = value;
  else i32[c + TRAFFIC_CLASS] = value;
  return 0;
}

/** The value of an option; the stack's hop limit where the socket has none of its own. */
export function getUdpOption(i32: Int32Array, c: number, option: UdpOption, hopLimit: number): number {
  const flag = flagOf(option);
  if (flag !== 0) return (i32[c + FLAGS]! & flag) !== 0 ? 1 : 0;
  if (option === UDP_OPTION_RECEIVE_BUFFER) return i32[c + RECEIVE_BUFFER]!;
  if (option === UDP_OPTION_MULTICAST_INTERFACE) return i32[c + MULTICAST_IFACE]!;
  if (option === UDP_OPTION_INTERFACE) return i32[c + IFACE]!;
  if (option === UDP_OPTION_TTL) return i32[c + TTL] !== 0 ? i32[c + TTL]! : hopLimit;
  return option === UDP_OPTION_MULTICAST_TTL ? i32[c + MULTICAST_TTL]! : i32[c + TRAFFIC_CLASS]!;
}
