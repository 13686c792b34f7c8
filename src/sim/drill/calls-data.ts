// read, write and their relatives: bytes in and out, blocking as on Linux.
// Called by calls.ts; calls stack.tcp and stack.udp through Process.

import type { SysCall, Value } from './ast.ts';
import type { Begun, Call } from './calls.ts';
import { onSock } from './calls-open.ts';
import { EAGAIN, EINVAL, ENOTCONN, EOPNOTSUPP, EPIPE } from './errnos.ts';
import { Mismatch } from './errors.ts';
import type { Process } from './process.ts';
import { type Sock, udpEnds } from './sock.ts';
import { setStackOption } from './sockopts.ts';
import { MSG_DONTWAIT, MSG_MORE, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, SYMBOLS } from './symbols.ts';
import { addressOf, member, numberOf, numberOr, structsOf, textOf } from './values.ts';

const CLOSED = 0;
const SYN_RECEIVED = 3;
const CLOSE_WAIT = 7;
const ESTABLISHED = 4;
/** CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT. */
export const FIN_SEEN: ReadonlySet<number> = new Set([7, 8, 9, 10]);
/** What is written and read: the bytes do not matter, their number does. */
const buffer = new Uint8Array(1 << 20);

/** Takes the pending error of a connection: told once, as Linux does. */
export function takeError(process: Process, sock: Sock): number {
  const error = sock.error || process.world.stack.tcp.error(sock.handle);
  sock.error = 0;
  if (error !== 0) sock.told = true;
  return error;
}

/** Sends `length` bytes; in pieces, as room comes, if the socket waits. */
function sending(process: Process, sock: Sock, length: number, flags: number, to?: Value): Begun {
  if (sock.state === 'datagram') return { attempt: () => sendDatagram(process, sock, length, to) };
  const waits = !sock.nonblocking && (flags & MSG_DONTWAIT) === 0;
  const { tcp } = process.world.stack;
  const deadline = deadlineOf(process, sock, 'SO_SNDTIMEO');
  const more = (flags & MSG_MORE) !== 0;
  let done = 0;
  return {
    deadline,
    attempt: () => {
      if (sock.handle === 0 || sock.state === 'listening') return -EPIPE;
      for (;;) {
        const state = tcp.state(sock.handle);
        if (state > CLOSED && state <= SYN_RECEIVED) return waits ? undefined : -EAGAIN;
        if (state !== ESTABLISHED && state !== CLOSE_WAIT) return done || -(takeError(process, sock) || EPIPE);
        if (length === 0) return 0;
        if (more && !sock.corked) cork(process, sock, true);
        const n = tcp.write(sock.handle, buffer, 0, Math.min(length - done, buffer.length));
        if (n < 0) return done || -(takeError(process, sock) || EPIPE);
        done += n;
        if (done >= length) {
          if (sock.corked && !more) cork(process, sock, false);
          return done;
        }
        if (n > 0) continue;
        sock.blocked++;
        if (!waits || process.world.now >= deadline) return done || -EAGAIN;
        return undefined;
      }
    },
  };
}

/** MSG_MORE: what does not fill a segment waits for the next write, as with TCP_CORK. */
function cork(process: Process, sock: Sock, on: boolean): void {
  const own = sock.options.get('TCP_CORK') === 1;
  sock.corked = on;
  setStackOption(process.world, sock, 'TCP_CORK', on || own ? 1 : 0);
}

function sendDatagram(process: Process, sock: Sock, length: number, to: Value | undefined): number | undefined {
  const { address, port } = addressOf(to);
  const { udp } = process.world.stack;
  const given = to !== undefined && !(to.kind === 'number' && to.value === 0);
  const connected = sock.flow !== undefined;
  if (!given && connected) return udp.send(sock.handle, buffer, 0, length, 0, 0, 0, 0, 0);
  const remote = address ?? process.world.remote;
  const remotePort = port ?? process.config.connectPort;
  const n = udp.send(sock.handle, buffer, 0, length, ...remote, remotePort);
  process.flows.open(17, process.world.local, udpEnds(process, sock).localPort, remote, remotePort);
  return n === -EAGAIN && !sock.nonblocking ? undefined : n;
}

/** Receives up to `length` bytes. */
function receiving(process: Process, sock: Sock, length: number, flags: number, after?: (n: number) => void): Begun {
  const waits = !sock.nonblocking && (flags & MSG_DONTWAIT) === 0;
  const deadline = deadlineOf(process, sock, 'SO_RCVTIMEO');
  let done = 0;
  const attempt = (): number | undefined => {
    if (sock.state === 'datagram') {
      const n = process.world.stack.udp.receive(sock.handle, buffer, 0, Math.min(length, buffer.length));
      return n === -EAGAIN && waits && process.world.now < deadline ? undefined : n;
    }
    if (sock.handle === 0 || sock.state === 'listening') return -ENOTCONN;
    for (;;) {
      const n = (flags & MSG_PEEK) !== 0 ? peek(process, sock, length) : readSome(process, sock, length - done);
      if (n > 0) done += n;
      if (done >= length || (n > 0 && (flags & (MSG_WAITALL | MSG_PEEK)) !== MSG_WAITALL)) return done;
      if (n > 0) continue;
      if (n !== -EAGAIN || done > 0) {
        if (n !== -EAGAIN || !waits) return done || n;
      }
      if (!waits || process.world.now >= deadline) return done || -EAGAIN;
      return undefined;
    }
  };
  return {
    deadline,
    attempt: () => {
      if (waits && process.world.now < deadline && belowLowWater(process, sock, length)) return undefined;
      const result = attempt();
      if (result !== undefined && result >= 0) after?.(result);
      return result;
    },
  };
}

/** When a call on `sock` that begins now gives up, by SO_RCVTIMEO or SO_SNDTIMEO: seconds, or seconds and microseconds. */
function deadlineOf(process: Process, sock: Sock, option: string): number {
  const timeout = sock.options.get(option) ?? 0;
  const wait = Array.isArray(timeout) ? timeout[0] * 1e6 + (timeout[1] ?? 0) : Number(timeout) * 1e6;
  return wait > 0 ? process.world.now + wait : Infinity;
}

/** SO_RCVLOWAT: fewer bytes are there than a read, or poll(), waits for, and more may come. */
export function belowLowWater(process: Process, sock: Sock, length: number): boolean {
  const least = sock.options.get('SO_RCVLOWAT');
  if (typeof least !== 'number' || least <= 1 || !sock.stream || sock.shutRead) return false;
  const { tcp } = process.world.stack;
  const state = tcp.state(sock.handle);
  if (state === CLOSED || FIN_SEEN.has(state)) return false;
  return tcp.readable(sock.handle) + sock.peeked < Math.min(least, length);
}

/** What a read finds now: bytes, 0 at the end, -EAGAIN, or the connection's error, told once. */
function readSome(process: Process, sock: Sock, length: number): number {
  const { tcp } = process.world.stack;
  let done = Math.min(sock.peeked, length);
  sock.peeked -= done;
  while (done < length) {
    const n = tcp.read(sock.handle, buffer, 0, Math.min(length - done, buffer.length));
    if (n > 0) {
      done += n;
      continue;
    }
    if (done > 0 || n === -EAGAIN) break;
    if (n === 0) return 0;
    const error = takeError(process, sock);
    if (error !== 0) return -error;
    // The error has been told, or both directions have ended.
    return sock.told || sock.state !== 'fresh' ? 0 : n;
  }
  if (done > 0 || length === 0) return done;
  return sock.shutRead ? 0 : -EAGAIN;
}

/** MSG_PEEK: the stack has none, so what is seen is taken, and kept for the next read. */
function peek(process: Process, sock: Sock, length: number): number {
  if (sock.peeked < length) {
    const before = sock.peeked;
    sock.peeked = 0;
    const n = readSome(process, sock, length - before);
    sock.peeked = before + Math.max(0, n);
    if (sock.peeked === 0) return n;
  }
  return Math.min(sock.peeked, length);
}

/** The length of what a call sends or receives: its own argument, or its string's. */
function lengthOf(call: SysCall, at: number): number {
  const given = numberOf(call.args[at]);
  if (!Number.isNaN(given)) return Math.max(0, given);
  const text = textOf(call.args[at - 1]);
  if (text !== undefined) return text.length;
  const expected = numberOf(call.result);
  return Number.isNaN(expected) ? 0 : Math.max(0, expected);
}

/** Bytes of an iovec: of each piece the length it is given. */
function vectorLength(value: Value | undefined): number {
  return structsOf(value).reduce((sum, piece) => {
    const length = numberOf(member(piece, 1, 'iov_len'));
    return sum + (Number.isNaN(length) ? (textOf(member(piece, 0, 'iov_base'))?.length ?? 0) : length);
  }, 0);
}

const write: Call = (process, call) =>
  onSock(process, call, (sock) => (sock.type === 0 ? lengthOf(call, 2) : sending(process, sock, lengthOf(call, 2), 0)));
const read: Call = (process, call) =>
  onSock(process, call, (sock) =>
    sock.type === 0 ? lengthOf(call, 2) : receiving(process, sock, lengthOf(call, 2), 0),
  );
const send: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const flags = numberOr(call.args[3], 0);
    // TCP Fast Open is not here.
    if ((flags & SYMBOLS['MSG_FASTOPEN']!) !== 0 && sock.stream) return -EOPNOTSUPP;
    return sending(process, sock, lengthOf(call, 2), flags, call.args[4]);
  });
const recv: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const flags = numberOr(call.args[3], 0);
    return receiving(process, sock, lengthOf(call, 2), flags & ~MSG_TRUNC);
  });
const writev: Call = (process, call) =>
  onSock(process, call, (sock) => sending(process, sock, vectorLength(call.args[1]), 0));
const readv: Call = (process, call) =>
  onSock(process, call, (sock) => receiving(process, sock, vectorLength(call.args[1]), 0));

const sendmsg: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const iov = member(call.args[1], -1, 'msg_iov');
    const name = member(call.args[1], -1, 'msg_name');
    const to = name === undefined || name.kind === 'any' ? undefined : name;
    return sending(process, sock, vectorLength(iov), numberOr(call.args[2], 0), to);
  });

const recvmsg: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const flags = numberOr(call.args[2], 0);
    // Notifications of zero copy and timestamps are not made here.
    if ((flags & SYMBOLS['MSG_ERRQUEUE']!) !== 0) return { attempt: () => noteOf(call) };
    const message = call.args[1];
    const length = vectorLength(member(message, -1, 'msg_iov'));
    return receiving(process, sock, length, flags, () => checkControl(process, sock, message));
  });

/** What the error queue would have told: taken as the script has it. */
function noteOf(call: SysCall): number {
  const expected = numberOf(call.result);
  return Number.isNaN(expected) || expected < 0 ? -EAGAIN : expected;
}

/** Control messages that recvmsg should have brought: bytes left in the queue are compared, others taken as they are. */
function checkControl(process: Process, sock: Sock, message: Value | undefined): void {
  for (const item of structsOf(member(message, -1, 'msg_control'))) {
    const level = numberOr(member(item, 0, 'cmsg_level'), 0);
    const type = numberOr(member(item, 1, 'cmsg_type'), 0);
    if (level !== SYMBOLS['SOL_TCP'] || type !== SYMBOLS['TCP_CM_INQ']) continue;
    const expected = numberOf(member(item, 2, 'cmsg_data'));
    const { tcp } = process.world.stack;
    // With nothing left and the peer's FIN seen, Linux says 1: there is an end to be read.
    const left = tcp.readable(sock.handle) + sock.peeked || (FIN_SEEN.has(tcp.state(sock.handle)) ? 1 : 0);
    if (!Number.isNaN(expected) && expected !== left) {
      throw new Mismatch(`TCP_CM_INQ: expected ${expected}, actual ${left}`);
    }
  }
}

const sendfile: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const length = numberOr(call.args[3], Math.max(0, numberOr(call.result, 0)));
    if (length < 0) return -EINVAL;
    return sending(process, sock, length, 0);
  });

export const ioCalls: Readonly<Record<string, Call>> = {
  write,
  read,
  send,
  sendto: send,
  recv,
  recvfrom: recv,
  writev,
  readv,
  sendmsg,
  recvmsg,
  sendfile,
  sendfile64: sendfile,
};
