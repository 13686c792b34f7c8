// Socket options: one table that says which of Linux's names lead to which option of the stack, and how values change on the way.
// Called by the calls; calls stack.tcp and stack.udp. What is not in the table, or not in the stack, is remembered.

import { controlNumber } from '../../stack/tcp/cc/controls.ts';
import * as F from '../../stack/tcp/flags.ts';
import { UDP_OPTION_DONT_FRAGMENT, UDP_OPTION_TRAFFIC_CLASS, UDP_OPTION_TTL } from '../../stack/udp-options.ts';
import type { Sock } from './sock.ts';
import { SYMBOLS } from './symbols.ts';
import type { World } from './world.ts';

/** Values of an option: a number; a name (congestion control); several numbers (linger). */
export type OptionValue = number | string | readonly number[];

interface Known {
  readonly level: 'SOL_SOCKET' | 'SOL_TCP' | 'SOL_IP' | 'SOL_IPV6';
  /** Name of the stack's OPT_*; where the stack has none of that name, the value is only remembered. */
  readonly stack?: string;
  /** UDP_OPTION_*. */
  readonly udp?: number;
  readonly toStack?: (value: OptionValue) => number | string;
  readonly fromStack?: (value: number) => number;
  /** What getsockopt says of an option that nobody has set and the stack does not know. */
  readonly initial?: OptionValue;
}

const SECOND = 1_000_000;
const seconds = {
  toStack: (v: OptionValue): number => (v as number) * SECOND,
  fromStack: (v: number): number => Math.round(v / SECOND),
};
const milliseconds = {
  toStack: (v: OptionValue): number => (v as number) * 1000,
  fromStack: (v: number): number => Math.round(v / 1000),
};
/** Linux doubles what is asked for, to have room for its own book-keeping. */
const double = (v: OptionValue): number => (v as number) * 2;
const doubled = { fromStack: (v: number): number => v * 2 };

/** One line an option. A name of the stack that it does not have yet is harmless, and begins to work when it has. */
export const OPTIONS: Readonly<Record<string, Known>> = {
  SO_REUSEADDR: { level: 'SOL_SOCKET', initial: 0 },
  SO_REUSEPORT: { level: 'SOL_SOCKET', initial: 0 },
  SO_KEEPALIVE: { level: 'SOL_SOCKET', stack: 'OPT_KEEPALIVE', initial: 0 },
  SO_SNDBUF: { level: 'SOL_SOCKET', stack: 'OPT_SNDBUF', toStack: double, fromStack: (v) => v, initial: 16_384 },
  SO_RCVBUF: { level: 'SOL_SOCKET', stack: 'OPT_RCVBUF', ...doubled, initial: 131_072 },
  SO_SNDBUFFORCE: { level: 'SOL_SOCKET', stack: 'OPT_SNDBUF', toStack: double, fromStack: (v) => v },
  SO_RCVBUFFORCE: { level: 'SOL_SOCKET', stack: 'OPT_RCVBUF', ...doubled },
  SO_LINGER: {
    level: 'SOL_SOCKET',
    stack: 'OPT_LINGER0',
    toStack: (v) => (Array.isArray(v) && v[0] !== 0 && v[1] === 0 ? 1 : 0),
    initial: [0, 0],
  },
  SO_MAX_PACING_RATE: {
    level: 'SOL_SOCKET',
    stack: 'OPT_MAX_PACING_RATE',
    // ~0: no limit.
    toStack: (v) => ((v as number) >= 0 && (v as number) < 0xffffffff ? (v as number) : 0),
    fromStack: (v) => (v === 0 ? 0xffffffff : v),
    initial: 0xffffffff,
  },
  SO_RCVTIMEO: { level: 'SOL_SOCKET', initial: [0, 0] },
  SO_SNDTIMEO: { level: 'SOL_SOCKET', initial: [0, 0] },
  SO_RCVLOWAT: { level: 'SOL_SOCKET', initial: 1 },
  SO_SNDLOWAT: { level: 'SOL_SOCKET', initial: 1 },
  SO_ZEROCOPY: { level: 'SOL_SOCKET', initial: 0 },
  SO_PRIORITY: { level: 'SOL_SOCKET', initial: 0 },
  SO_MARK: { level: 'SOL_SOCKET', initial: 0 },
  TCP_NODELAY: { level: 'SOL_TCP', stack: 'OPT_NODELAY', initial: 0 },
  TCP_CORK: { level: 'SOL_TCP', stack: 'OPT_CORK', initial: 0 },
  TCP_MAXSEG: { level: 'SOL_TCP', stack: 'OPT_MAXSEG', initial: 536 },
  TCP_KEEPIDLE: { level: 'SOL_TCP', stack: 'OPT_KEEPIDLE', ...seconds, initial: 7200 },
  TCP_KEEPINTVL: { level: 'SOL_TCP', stack: 'OPT_KEEPINTVL', ...seconds, initial: 75 },
  TCP_KEEPCNT: { level: 'SOL_TCP', stack: 'OPT_KEEPCNT', initial: 9 },
  TCP_SYNCNT: { level: 'SOL_TCP', stack: 'OPT_SYNCNT', initial: 6 },
  TCP_LINGER2: { level: 'SOL_TCP', stack: 'OPT_LINGER2', ...seconds, initial: 60 },
  TCP_DEFER_ACCEPT: { level: 'SOL_TCP', stack: 'OPT_DEFER_ACCEPT', ...seconds, initial: 0 },
  TCP_WINDOW_CLAMP: { level: 'SOL_TCP', stack: 'OPT_WINDOW_CLAMP', initial: 0 },
  TCP_QUICKACK: { level: 'SOL_TCP', stack: 'OPT_QUICKACK', initial: 1 },
  TCP_CONGESTION: {
    level: 'SOL_TCP',
    stack: 'OPT_CONGESTION',
    toStack: (v) => controlNumber(String(v)),
    initial: 'cubic',
  },
  TCP_USER_TIMEOUT: { level: 'SOL_TCP', stack: 'OPT_USER_TIMEOUT', ...milliseconds, initial: 0 },
  TCP_NOTSENT_LOWAT: { level: 'SOL_TCP', stack: 'OPT_NOTSENT_LOWAT', initial: 0 },
  TCP_INQ: { level: 'SOL_TCP', initial: 0 },
  TCP_RTO_MAX_MS: { level: 'SOL_TCP', stack: 'OPT_RTO_MAX', ...milliseconds, initial: 120_000 },
  TCP_RTO_MIN_US: { level: 'SOL_TCP', stack: 'OPT_RTO_MIN', initial: 200_000 },
  TCP_FASTOPEN: { level: 'SOL_TCP', initial: 0 },
  TCP_FASTOPEN_CONNECT: { level: 'SOL_TCP', initial: 0 },
  TCP_SAVE_SYN: { level: 'SOL_TCP', initial: 0 },
  IP_TOS: { level: 'SOL_IP', stack: 'OPT_TOS', udp: UDP_OPTION_TRAFFIC_CLASS, initial: 0 },
  IP_TTL: { level: 'SOL_IP', stack: 'OPT_TTL', udp: UDP_OPTION_TTL, initial: 64 },
  IP_MTU_DISCOVER: {
    level: 'SOL_IP',
    stack: 'OPT_MTU_DISCOVER',
    udp: UDP_OPTION_DONT_FRAGMENT,
    toStack: (v) => (v === 2 || v === 3 ? 1 : 0),
    initial: 1,
  },
  IP_RECVERR: { level: 'SOL_IP', stack: 'OPT_RECVERR', initial: 0 },
  IP_MINTTL: { level: 'SOL_IP', stack: 'OPT_MIN_TTL', initial: 0 },
  IPV6_TCLASS: { level: 'SOL_IPV6', stack: 'OPT_TOS', udp: UDP_OPTION_TRAFFIC_CLASS, initial: 0 },
  IPV6_UNICAST_HOPS: { level: 'SOL_IPV6', stack: 'OPT_TTL', udp: UDP_OPTION_TTL, initial: 64 },
  IPV6_V6ONLY: { level: 'SOL_IPV6', initial: 0 },
  IPV6_MTU_DISCOVER: { level: 'SOL_IPV6', stack: 'OPT_MTU_DISCOVER', toStack: (v) => (v === 2 ? 1 : 0), initial: 1 },
  IPV6_RECVERR: { level: 'SOL_IPV6', stack: 'OPT_RECVERR', initial: 0 },
};

const BY_NUMBER: ReadonlyMap<string, string> = new Map(
  Object.entries(OPTIONS).map(([name, known]) => [`${SYMBOLS[known.level]}/${SYMBOLS[name]}`, name]),
);

/** The name of an option by level and number; one that is not in the table gets a name of its own. */
export function optionName(level: number, option: number): string {
  return BY_NUMBER.get(`${level}/${option}`) ?? `${level}/${option}`;
}

/** Number of the stack's option, or 0 where it has none. */
function stackOption(known: Known | undefined): number {
  const value = known?.stack === undefined ? 0 : (F as unknown as Record<string, unknown>)[known.stack];
  return typeof value === 'number' ? value : 0;
}

/** Sets an option; the stack's answer, or 0 where it is only remembered. */
export function setSockOption(world: World, sock: Sock, name: string, value: OptionValue): number {
  sock.options.set(name, value);
  return sock.handle === 0 ? 0 : setStackOption(world, sock, name, value);
}

/** Passes an option to the stack, if it has it, without remembering it; the stack's answer, or 0. */
export function setStackOption(world: World, sock: Sock, name: string, value: OptionValue): number {
  const known = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  const changed = known?.toStack?.(value) ?? value;
  // A name that is not known here, such as a congestion control that we do not have: remembered.
  if (typeof changed !== 'number' || (typeof value === 'string' && changed < 0)) return 0;
  if (sock.state === 'datagram') {
    return known?.udp === undefined ? 0 : world.stack.udp.set(sock.handle, known.udp as never, changed);
  }
  const option = stackOption(known);
  return option === 0 ? 0 : world.stack.tcp.set(sock.handle, option, changed);
}

/** All that was set before there was a handle. */
export function applyOptions(world: World, sock: Sock): void {
  for (const [name, value] of sock.options) setStackOption(world, sock, name, value);
}

/** The value of an option as getsockopt tells it: the stack's where it has one, else what was set, else Linux's first. */
export function getSockOption(world: World, sock: Sock, name: string): OptionValue {
  const known = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  const option = sock.stream && sock.handle !== 0 ? stackOption(known) : 0;
  // What changes on the way there and has no way back is only remembered.
  if (option !== 0 && (known?.toStack === undefined || known.fromStack !== undefined)) {
    const value = world.stack.tcp.get(sock.handle, option);
    return known?.fromStack?.(value) ?? value;
  }
  const set = sock.options.get(name);
  if (set === undefined) return known?.initial ?? 0;
  return name.endsWith('BUF') && typeof set === 'number' ? set * 2 : set;
}

/** Runs `open` with buffer sizes that were set on `sock`, on which the window scale of its SYN depends. */
export function withBuffers(world: World, sock: Sock, open: () => number): number {
  const { settings } = world.stack.core;
  const before = { ...settings };
  const receive = sock.options.get('SO_RCVBUF') ?? sock.options.get('SO_RCVBUFFORCE');
  if (typeof receive === 'number') {
    // A buffer that the user has fixed is not tuned: the scale is made for it.
    settings.tcpReceiveBuffer = Math.max(1152, receive);
    if ('tcpReceiveBufferMax' in settings) Object.assign(settings, { tcpReceiveBufferMax: settings.tcpReceiveBuffer });
  }
  const result = open();
  Object.assign(settings, before);
  return result;
}
