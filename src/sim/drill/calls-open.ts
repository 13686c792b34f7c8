// socket, bind, listen, connect, accept, shutdown, close: how sockets come, go, and get their ends.
// Called by calls.ts; calls stack.tcp and stack.udp through Process, and sockopts.ts.

import type { SysCall, Value } from './ast.ts';
import type { Attempt, Begun, Call } from './calls.ts';
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EBADF,
  ECONNABORTED,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EOPNOTSUPP,
} from './errnos.ts';
import { Mismatch } from './errors.ts';
import type { Process } from './process.ts';
import { endpointsOf, type Sock, udpEnds } from './sock.ts';
import { applyOptions, withBuffers } from './sockopts.ts';
import { AF_INET6, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } from './symbols.ts';
import { addressOf, member, numberOf, numberOr } from './values.ts';
import type { Words } from './world.ts';

const CLOSED = 0;
const SYN_RECEIVED = 3;
const TIME_WAIT = 10;
const ANY: Words = [0, 0, 0, 0];
const ANY_4: Words = [0, 0, 0xffff, 0];

const now = (result: number): Begun => ({ attempt: () => result });

/** The socket of a call's first argument; `run` for it, or -EBADF. */
export function onSock(process: Process, call: SysCall, run: (sock: Sock) => Begun | number): Begun {
  const sock = process.sock(numberOf(call.args[0]));
  if (sock === undefined) return now(-EBADF);
  const begun = run(sock);
  return typeof begun === 'number' ? now(begun) : begun;
}

const socket: Call = (process, call) => {
  const family = numberOr(call.args[0], process.config.ipVersion === 'ipv4' ? 2 : AF_INET6);
  if (family !== 2 && family !== AF_INET6) return now(-EAFNOSUPPORT);
  const flags = numberOr(call.args[1], SOCK_STREAM);
  const type = flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (type !== SOCK_STREAM && type !== SOCK_DGRAM)
    throw new Mismatch('only stream and datagram sockets are known here');
  const expected = numberOf(call.result);
  if (expected < 0) return now(0); // the script expects a failure that we do not have
  const sock = process.open(expected, family, type);
  sock.nonblocking = (flags & SOCK_NONBLOCK) !== 0;
  if (type === SOCK_DGRAM) {
    sock.state = 'datagram';
    sock.handle = process.world.stack.udp.open({ family: family === AF_INET6 ? 6 : 4 });
  }
  process.current = sock;
  return now(sock.fd);
};

const bind: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const given = addressOf(call.args[1]);
    const port = given.port ?? process.config.bindPort;
    const address = given.address ?? (sock.family === AF_INET6 ? ANY : ANY_4);
    if (sock.local !== undefined || sock.state === 'listening' || sock.state === 'connected') return -EINVAL;
    const [w0, w1, w2, w3] = address;
    if (sock.state === 'datagram') {
      const error = process.world.stack.udp.bind(sock.handle, w0, w1, w2, w3, port);
      if (error !== 0) return error;
      process.flows.open(17, process.world.local, port, process.world.remote, process.config.connectPort);
    } else if (!isAny(address) && !process.world.stack.interfaces.isLocal(0, w0, w1, w2, w3)) {
      return -EADDRNOTAVAIL;
    } else if (taken(process, sock, port)) return -EADDRINUSE;
    sock.local = address;
    sock.localPort = port;
    return 0;
  });

/** A port that another socket has: the stack itself sees it only when one of them listens. */
function taken(process: Process, sock: Sock, port: number): boolean {
  if (port === 0) return false;
  const reuse = (s: Sock): boolean => s.options.get('SO_REUSEADDR') === 1 && s.state !== 'listening';
  const both = (s: Sock): boolean => s.options.get('SO_REUSEPORT') === 1;
  for (const other of process.socks.values()) {
    if (other === sock || !other.stream || other.localPort !== port || other.local === undefined) continue;
    if (other.state !== 'fresh' && other.state !== 'listening') continue;
    if ((reuse(other) && reuse(sock)) || (both(other) && both(sock))) continue;
    return true;
  }
  return false;
}

function isAny(w: Words): boolean {
  return w[3] === 0 && (w[0] | w[1]) === 0 && (w[2] === 0 || w[2] === 0xffff);
}

const listen: Call = (process, call) =>
  onSock(process, call, (sock) => {
    if (!sock.stream) return -EOPNOTSUPP;
    if (sock.state === 'listening') return 0;
    if (sock.state !== 'fresh') return -EINVAL;
    const [w0, w1, w2, w3] = sock.local ?? (sock.family === AF_INET6 ? ANY : ANY_4);
    const { tcp } = process.world.stack;
    const only6 = sock.options.get('IPV6_V6ONLY') === 1;
    // Linux has one connection more than asked for.
    const backlog = Math.max(0, numberOr(call.args[1], 1)) + 1;
    const handle = withBuffers(process.world, sock, () => tcp.listen(w0, w1, w2, w3, sock.localPort, backlog, only6));
    if (handle < 0) return handle;
    sock.handle = handle;
    sock.state = 'listening';
    sock.localPort = endpointsOf(tcp, handle).localPort;
    applyOptions(process.world, sock);
    process.flows.listening(sock.localPort);
    return 0;
  });

const connect: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const given = addressOf(call.args[1]);
    const address = given.address ?? process.world.remote;
    const port = given.port ?? process.config.connectPort;
    if (numberOr(member(call.args[1], 0, 'sa_family'), -1) === 0) return disconnect(process, sock);
    if (sock.state === 'datagram') return connectDatagram(process, sock, address, port);
    if (sock.state === 'listening' || sock.state === 'connected') return -EISCONN;
    if (sock.state === 'connecting' && sock.told) forget(process, sock);
    if (sock.state === 'fresh') {
      const error = openActively(process, sock, address, port);
      if (error !== 0) return error;
      return { attempt: connecting(process, sock, EINPROGRESS) };
    }
    return { attempt: connecting(process, sock, EALREADY) };
  });

function openActively(process: Process, sock: Sock, remote: Words, port: number): number {
  const { tcp } = process.world.stack;
  const local = sock.local === undefined || isAny(sock.local) ? ANY : sock.local;
  const handle = withBuffers(process.world, sock, () => tcp.connect(...local, sock.localPort, ...remote, port, 0));
  if (handle < 0) return handle;
  sock.state = 'connecting';
  process.adopt(sock, handle);
  applyOptions(process.world, sock);
  process.world.settle();
  return 0;
}

/** Waits for the end of a handshake; a socket that does not wait says `errno` meanwhile. */
function connecting(process: Process, sock: Sock, errno: number): Attempt {
  return () => {
    const { tcp } = process.world.stack;
    const state = tcp.state(sock.handle);
    if (state > CLOSED && state <= SYN_RECEIVED) return sock.nonblocking ? -errno : undefined;
    if (state !== CLOSED) {
      sock.state = 'connected';
      return 0;
    }
    const error = sock.error || tcp.error(sock.handle);
    forget(process, sock);
    return -(error || ECONNABORTED);
  };
}

/** connect() to AF_UNSPEC: the connection is aborted, and the socket can be used again. */
function disconnect(process: Process, sock: Sock): number {
  const { tcp, udp } = process.world.stack;
  if (sock.state === 'datagram') {
    udp.disconnect(sock.handle);
    return 0;
  }
  if (sock.handle !== 0) tcp.abort(sock.handle);
  forget(process, sock);
  return 0;
}

/** A connection that failed: the socket can be connected anew. */
function forget(process: Process, sock: Sock): void {
  process.world.stack.tcp.close(sock.handle);
  sock.handle = 0;
  sock.error = 0;
  sock.told = false;
  sock.state = 'fresh';
}

function connectDatagram(process: Process, sock: Sock, remote: Words, port: number): number {
  const { udp } = process.world.stack;
  const [w0, w1, w2, w3] = remote;
  const error = udp.connect(sock.handle, w0, w1, w2, w3, port);
  if (error !== 0) return error;
  const out = udpEnds(process, sock);
  sock.flow = process.flows.open(17, [out.local0, out.local1, out.local2, out.local3], out.localPort, remote, port);
  return 0;
}

const accept: Call = (process, call) =>
  onSock(process, call, (sock) => {
    if (sock.state !== 'listening') return sock.stream ? -EINVAL : -EOPNOTSUPP;
    const flags = call.name === 'accept4' ? numberOr(call.args[3], 0) : 0;
    return {
      attempt: () => {
        const handle = sock.accepted.shift() ?? process.world.stack.tcp.accept(sock.handle);
        if (handle === 0) return sock.nonblocking ? -EAGAIN : undefined;
        if (handle < 0) return handle;
        const child = process.open(numberOf(call.result), sock.family, SOCK_STREAM);
        child.state = 'connected';
        child.nonblocking = (flags & SOCK_NONBLOCK) !== 0;
        for (const [name, value] of sock.options) child.options.set(name, value);
        process.adopt(child, handle);
        const ends = endpointsOf(process.world.stack.tcp, handle);
        checkAddress(call.args[1], [ends.remote0, ends.remote1, ends.remote2, ends.remote3], ends.remotePort);
        return child.fd;
      },
    };
  });

/** What a call has told about an address, against what the script says. */
export function checkAddress(script: Value | undefined, address: Words, port: number): void {
  const given = addressOf(script);
  if (given.port !== undefined && given.port !== port)
    throw new Mismatch(`port: expected ${given.port}, actual ${port}`);
  const expected = given.address;
  if (expected?.some((word, i) => word !== address[i])) throw new Mismatch('the address is another one');
}

const shutdown: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const how = numberOr(call.args[1], 2);
    if (how < 0 || how > 2) return -EINVAL;
    const { tcp } = process.world.stack;
    if (sock.state === 'listening') {
      if (how === 1) return 0;
      // It listens no more, and is as it was before listen().
      tcp.close(sock.handle);
      sock.handle = 0;
      sock.state = 'fresh';
      process.flows.listening(0);
      return 0;
    }
    if (sock.state !== 'connected' && sock.state !== 'connecting') return -ENOTCONN;
    const state = tcp.state(sock.handle);
    if (state === CLOSED || state === TIME_WAIT) return -ENOTCONN; // of TIME-WAIT a socket of Linux knows nothing
    if (how !== 1) sock.shutRead = true;
    return how === 0 ? 0 : tcp.shutdown(sock.handle);
  });

const close: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const { tcp, udp } = process.world.stack;
    process.socks.delete(sock.fd);
    if (sock.state === 'datagram') udp.close(sock.handle);
    if (!sock.stream || sock.handle === 0) return 0;
    for (const handle of sock.accepted) tcp.abort(handle);
    if (sock.state === 'listening') process.flows.listening(0);
    const linger = sock.options.get('SO_LINGER');
    if (sock.peeked > 0) tcp.abort(sock.handle);
    else if (Array.isArray(linger) && linger[0] > 0 && linger[1] > 0)
      return lingering(process, sock, linger[1] as number);
    else tcp.close(sock.handle);
    return 0;
  });

/** close() that waits until the peer has everything, or for so many seconds. */
function lingering(process: Process, sock: Sock, seconds: number): Begun {
  const { tcp } = process.world.stack;
  const deadline = process.world.now + seconds * 1e6;
  if (tcp.readable(sock.handle) > 0) tcp.close(sock.handle);
  else tcp.shutdown(sock.handle);
  return {
    deadline,
    attempt: () => {
      const FIN_WAIT_2 = 6;
      const state = tcp.state(sock.handle);
      const done = state === CLOSED || state === FIN_WAIT_2 || state === TIME_WAIT;
      if (!done && process.world.now < deadline && !sock.nonblocking) return undefined;
      tcp.close(sock.handle);
      return 0;
    },
  };
}

export const openCalls: Readonly<Record<string, Call>> = {
  socket,
  bind,
  listen,
  connect,
  accept,
  accept4: accept,
  shutdown,
  close,
};
