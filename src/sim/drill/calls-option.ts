// getsockopt, setsockopt, fcntl, ioctl and the names of both ends.
// Called by calls.ts; calls sockopts.ts.

import type { SysCall, Value } from './ast.ts';
import type { Call } from './calls.ts';
import { takeError } from './calls-data.ts';
import { checkAddress, onSock } from './calls-open.ts';
import { EINVAL, ENOTCONN } from './errnos.ts';
import { Mismatch } from './errors.ts';
import type { Process } from './process.ts';
import { endpointsOf, type Sock } from './sock.ts';
import { getSockOption, type OptionValue, optionName, setSockOption } from './sockopts.ts';
import * as S from './symbols.ts';
import { fieldsOf, numberOf, numberOr, textOf } from './values.ts';

/** FIN-WAIT-1, CLOSING, LAST-ACK. */
const FIN_UNACKED: ReadonlySet<number> = new Set([5, 8, 9]);

/** The value that setsockopt gives: a number, a name, or the members of a struct. */
function optionValue(value: Value | undefined): OptionValue {
  const fields = fieldsOf(value);
  if (fields.length > 0) return fields.map((field) => numberOr(field.value, 0));
  return textOf(value)?.replace(/\0+$/, '') ?? numberOr(value, 0);
}

const setsockopt: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const name = optionName(numberOr(call.args[1], 0), numberOr(call.args[2], 0));
    return setSockOption(process.world, sock, name, optionValue(call.args[3]));
  });

const getsockopt: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const level = numberOr(call.args[1], 0);
    const option = numberOr(call.args[2], 0);
    if (level === S.SOL_TCP && option === S.TCP_INFO) return 0;
    compareValue(call, read(process, sock, level, option));
    return 0;
  });

function read(process: Process, sock: Sock, level: number, option: number): OptionValue {
  const { tcp, udp } = process.world.stack;
  const is = (l: number, name: string): boolean => level === l && option === S.SYMBOLS[name];
  if (is(S.SOL_SOCKET, 'SO_ERROR')) {
    if (sock.handle === 0) return 0;
    return sock.stream ? takeError(process, sock) : udp.takeError(sock.handle);
  }
  if (is(S.SOL_SOCKET, 'SO_TYPE')) return sock.type;
  if (is(S.SOL_SOCKET, 'SO_DOMAIN')) return sock.family;
  if (is(S.SOL_SOCKET, 'SO_PROTOCOL')) return sock.stream ? 6 : 17;
  if (is(S.SOL_SOCKET, 'SO_ACCEPTCONN')) return sock.state === 'listening' ? 1 : 0;
  const info = sock.stream ? tcp.info(sock.handle) : null;
  if (is(S.SOL_TCP, 'TCP_MAXSEG') && info !== null && sock.state === 'connected') return info.mss;
  if ((is(S.SOL_IP, 'IP_MTU') || is(S.SOL_IPV6, 'IPV6_MTU')) && info !== null) return info.pathMtu;
  if (is(S.SOL_TCP, 'TCP_CONGESTION') && !sock.options.has('TCP_CONGESTION')) {
    const set = (process.world.stack.core.settings as unknown as Record<string, unknown>)['tcpCongestion'];
    const name = info?.congestion ?? (typeof set === 'string' ? set : 'cubic');
    return name === 'newreno' ? 'reno' : name;
  }
  return getSockOption(process.world, sock, optionName(level, option));
}

/** What getsockopt brought, against what the script says. */
function compareValue(call: SysCall, actual: OptionValue): void {
  const script = call.args[3];
  if (script === undefined || script.kind === 'any') return;
  if (script.kind === 'list' && script.items[0]?.kind === 'any') return;
  const expected = optionValue(script);
  const text = (v: OptionValue): string => (Array.isArray(v) ? `{${v.join(', ')}}` : String(v));
  if (text(expected) !== text(actual)) {
    throw new Mismatch(`value of the option: expected ${text(expected)}, actual ${text(actual)}`);
  }
}

const fcntl: Call = (process, call) =>
  onSock(process, call, (sock) => {
    switch (numberOr(call.args[1], -1)) {
      case S.F_GETFL:
        return S.O_RDWR | (sock.nonblocking ? S.O_NONBLOCK : 0);
      case S.F_SETFL:
        sock.nonblocking = (numberOr(call.args[2], 0) & S.O_NONBLOCK) !== 0;
        return 0;
      case S.F_GETFD:
      case S.F_SETFD:
        return numberOr(call.result, 0);
      default:
        return -EINVAL;
    }
  });

const ioctl: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const { tcp, udp } = process.world.stack;
    const request = numberOr(call.args[1], 0);
    if (request === S.SYMBOLS['FIONBIO']) {
      sock.nonblocking = numberOr(call.args[2], 0) !== 0;
      return 0;
    }
    let value: number;
    if (request === S.FIONREAD) {
      if (sock.state === 'listening') return -EINVAL;
      value = sock.stream ? tcp.readable(sock.handle) + sock.peeked : Math.max(0, udp.nextLength(sock.handle));
    } else if (request === S.SIOCOUTQ) value = sock.stream ? unacknowledged(process, sock) : 0;
    else if (request === S.SIOCOUTQNSD) value = tcp.info(sock.handle)?.unsent ?? 0;
    else return numberOr(call.result, 0);
    const expected = numberOf(call.args[2]);
    if (!Number.isNaN(expected) && expected !== value) throw new Mismatch(`expected [${expected}], actual [${value}]`);
    return 0;
  });

/** SIOCOUTQ: what was written and is not acknowledged, a FIN included; nothing before the handshake is over. */
function unacknowledged(process: Process, sock: Sock): number {
  const { tcp } = process.world.stack;
  const state = tcp.state(sock.handle);
  const SYN_RECEIVED = 3;
  if (state <= SYN_RECEIVED) return 0;
  return tcp.unacked(sock.handle) + (FIN_UNACKED.has(state) ? 1 : 0);
}

const getname: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const peer = call.name === 'getpeername';
    if (!sock.stream || sock.handle === 0) {
      if (peer) return -ENOTCONN;
      if (sock.local !== undefined) checkAddress(call.args[1], sock.local, sock.localPort);
      return 0;
    }
    if (peer && sock.state !== 'connected') return -ENOTCONN;
    const e = endpointsOf(process.world.stack.tcp, sock.handle);
    if (peer) checkAddress(call.args[1], [e.remote0, e.remote1, e.remote2, e.remote3], e.remotePort);
    else checkAddress(call.args[1], [e.local0, e.local1, e.local2, e.local3], e.localPort);
    return 0;
  });

export const optionCalls: Readonly<Record<string, Call>> = {
  setsockopt,
  getsockopt,
  fcntl,
  ioctl,
  getsockname: getname,
  getpeername: getname,
};
