// TCP options and tcp_info beside Node's own methods: setTcpOption, getTcpOption and tcpInfo of Socket and Server.
// Used by Socket, Server and Listener; calls tcp through Network. Options set before there is a connection wait for it.

import { errnoName } from '../base/errno.ts';
import { CONTROLS, controlNumber } from '../stack/tcp/cc/controls.ts';
import * as F from '../stack/tcp/flags.ts';
import type { TcpInfo } from '../stack/tcp/info.ts';
import { nodeError } from './errors.ts';
import type { Network } from './network.ts';

/** Option of the stack, its units in one of ours (times are ms here, us there), least and largest value. */
type Entry = readonly [option: number, unit: number, least: number, most: number];

const MOST = 2 ** 31 - 1;
const BOOLEAN = [1, 0, 1] as const;
const BYTES = [1, 0, MOST] as const;
const MS = [1000, 0, MOST] as const;

/** The options by name. What Linux calls it stands at the end of each line; times have other units there. */
export interface TcpOptionValues {
  /** Most bytes in a segment, named to the peer and sent: 88 to 32767; 0: what route and peer allow. Before the connection. TCP_MAXSEG. */
  maxSeg: number;
  /** Ms that what was written, or a probe of a closed window, may go unacknowledged; 0: until retransmissions are used up. TCP_USER_TIMEOUT. */
  userTimeout: number;
  /** Ms after destroy() or the end of both sides within which all must be acknowledged, else a reset; 0: no limit. SO_LINGER. */
  linger: number;
  /** 1: destroy() resets the connection. SO_LINGER with a time of 0. */
  lingerZero: number;
  /** The stack takes bytes only while fewer than so many have not been sent; 0: while the send buffer has room. TCP_NOTSENT_LOWAT. */
  notsentLowat: number;
  /** 1: segments that are not full wait for more, for 200 ms at most. TCP_CORK. */
  cork: number;
  /** Retransmissions of a SYN, 1 to 127. TCP_SYNCNT. */
  synCount: number;
  /** Ms of FIN-WAIT-2 after destroy(), at most 120,000; 0: the stack's. TCP_LINGER2. */
  finWait2: number;
  /** Server: ms that a connection waits for its first bytes before 'connection'; rounded up to 1, 3, 7, 15… s. TCP_DEFER_ACCEPT. */
  deferAccept: number;
  /** Most bytes of receive window to offer, at least 1152. TCP_WINDOW_CLAMP. */
  windowClamp: number;
  /** Keepalive: ms of silence before the first probe, ms between probes, their number. TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. */
  keepIdle: number;
  keepInterval: number;
  keepCount: number;
  /** Congestion control: 'cubic', 'newreno' (or 'reno'), 'none'. TCP_CONGESTION. */
  congestion: string;
  /** Bytes a second that are sent at most; 0: no limit. SO_MAX_PACING_RATE. */
  maxPacingRate: number;
  /** Bytes. SO_RCVBUF, SO_SNDBUF, not doubled. */
  receiveBuffer: number;
  sendBuffer: number;
  /** TTL or hop limit; the DSCP byte. IP_TTL, IP_TOS. */
  ttl: number;
  tos: number;
}

/** The names that setTcpOption and getTcpOption take. */
export type TcpOptionName = keyof TcpOptionValues;

const OPTIONS: Readonly<Record<TcpOptionName, Entry>> = {
  maxSeg: [F.OPT_MAXSEG, ...BYTES],
  userTimeout: [F.OPT_USER_TIMEOUT, ...MS],
  linger: [F.OPT_LINGER, ...MS],
  lingerZero: [F.OPT_LINGER0, ...BOOLEAN],
  notsentLowat: [F.OPT_NOTSENT_LOWAT, ...BYTES],
  cork: [F.OPT_CORK, ...BOOLEAN],
  synCount: [F.OPT_SYNCNT, 1, 1, 127],
  finWait2: [F.OPT_LINGER2, ...MS],
  deferAccept: [F.OPT_DEFER_ACCEPT, ...MS],
  windowClamp: [F.OPT_WINDOW_CLAMP, ...BYTES],
  keepIdle: [F.OPT_KEEPIDLE, ...MS],
  keepInterval: [F.OPT_KEEPINTVL, ...MS],
  keepCount: [F.OPT_KEEPCNT, 1, 1, 127],
  congestion: [F.OPT_CONGESTION, 1, 0, CONTROLS.length - 1],
  maxPacingRate: [F.OPT_MAX_PACING_RATE, 1, 0, Number.MAX_SAFE_INTEGER],
  receiveBuffer: [F.OPT_RCVBUF, ...BYTES],
  sendBuffer: [F.OPT_SNDBUF, ...BYTES],
  ttl: [F.OPT_TTL, 1, 1, 255],
  tos: [F.OPT_TOS, 1, 0, 255],
};

/** What sockets and servers of ring3 have beside those of node:net. */
export interface TcpControls {
  /** Sets an option; before there is a connection, for the next one. Throws ERR_INVALID_ARG_VALUE for a name or value that cannot be. */
  setTcpOption<N extends TcpOptionName>(name: N, value: TcpOptionValues[N]): this;
  /** The value in use, or the one waiting for a connection; undefined where there is neither. */
  getTcpOption<N extends TcpOptionName>(name: N): TcpOptionValues[N] | undefined;
}

function entry(name: string): Entry {
  const found = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as TcpOptionName] : undefined;
  if (found === undefined) {
    const known = Object.keys(OPTIONS).join(', ');
    throw nodeError('ERR_INVALID_ARG_VALUE', `${name} is no TCP option; there are: ${known}`);
  }
  return found;
}

/** The options that a user has set, kept for connections to come. */
export class TcpOptions {
  readonly #network: Network;
  readonly #set = new Map<Entry, number>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** Remembers an option and sets it on `handle`, if that is not 0. */
  set(handle: number, name: string, given: number | string): void {
    const option = entry(name);
    const [number, unit, least, most] = option;
    const value = option === OPTIONS.congestion ? controlNumber(String(given)) : given;
    if (option === OPTIONS.congestion && value === -1) {
      const known = CONTROLS.map((control) => control.name).join(', ');
      throw nodeError('ERR_INVALID_ARG_VALUE', `${String(given)} is no congestion control; there are: ${known}`);
    }
    if (typeof value !== 'number' || !(value >= least && value <= most)) {
      throw nodeError('ERR_INVALID_ARG_VALUE', `${name} is a number from ${least} to ${most}, not ${String(value)}`);
    }
    const error = handle === 0 ? 0 : this.#network.tcp.set(handle, number, value * unit);
    if (error < 0) throw nodeError('ERR_INVALID_ARG_VALUE', `${name} cannot be ${value} (${errnoName(error)})`);
    this.#set.set(option, value);
  }

  get<N extends TcpOptionName>(handle: number, name: N): TcpOptionValues[N] | undefined {
    const option = entry(name);
    const value = handle === 0 ? this.#set.get(option) : this.#network.tcp.get(handle, option[0]) / option[1];
    if (value === undefined || value < 0) return undefined;
    return (option === OPTIONS.congestion ? CONTROLS[value]!.name : value) as TcpOptionValues[N];
  }

  /** Sets all that was remembered on a fresh connection or listener. */
  apply(handle: number): void {
    for (const [[number, unit], value] of this.#set) this.#network.tcp.set(handle, number, value * unit);
  }
}

/** What tcpInfo() returns. */
export type { TcpInfo };
