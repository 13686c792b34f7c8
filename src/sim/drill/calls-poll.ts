// poll, select's successors and epoll: what a program can learn without trying.
// Called by calls.ts; calls stack.tcp and stack.udp through Process.

import type { Value } from './ast.ts';
import type { Begun, Call } from './calls.ts';
import { belowLowWater, FIN_SEEN } from './calls-data.ts';
import { onSock } from './calls-open.ts';
import { EBADF, EEXIST, EINVAL } from './errnos.ts';
import { Mismatch } from './errors.ts';
import type { Process } from './process.ts';
import type { Sock, Watched } from './sock.ts';
import * as S from './symbols.ts';
import { member, numberOf, numberOr, structsOf } from './values.ts';

const ENOENT = 2;
const EPOLLET = 2 ** 31;
const EPOLLONESHOT = 2 ** 30;
const SYN_RECEIVED = 3;
const FIN_SENT: ReadonlySet<number> = new Set([5, 6, 8, 9, 10]);
const ALWAYS = S.POLLERR | S.POLLHUP | S.POLLNVAL;

/** What poll() would say of a descriptor, all events asked for. */
export function readiness(process: Process, sock: Sock): number {
  const { tcp, udp } = process.world.stack;
  if (sock.type === 0) return S.POLLIN | S.POLLOUT;
  if (sock.state === 'datagram')
    return (udp.nextLength(sock.handle) >= 0 ? S.POLLIN | S.POLLRDNORM : 0) | S.POLLOUT | S.POLLWRNORM;
  if (sock.handle === 0) return S.POLLOUT | S.POLLWRNORM | S.POLLHUP;
  if (sock.state === 'listening') {
    const next = sock.accepted.length > 0 ? 0 : tcp.accept(sock.handle);
    if (next > 0) sock.accepted.push(next);
    return sock.accepted.length > 0 ? S.POLLIN | S.POLLRDNORM : 0;
  }
  const state = tcp.state(sock.handle);
  if (state > 0 && state <= SYN_RECEIVED) return 0;
  let mask = 0;
  const readEnd = sock.shutRead || FIN_SEEN.has(state) || state === 0;
  if (readEnd) mask |= S.POLLIN | S.POLLRDNORM | S.POLLRDHUP;
  if (state === 0 || (readEnd && FIN_SENT.has(state))) mask |= S.POLLHUP;
  if (tcp.readable(sock.handle) + sock.peeked > 0 && !belowLowWater(process, sock, Infinity))
    mask |= S.POLLIN | S.POLLRDNORM;
  if (state === 0 || FIN_SENT.has(state) || roomy(process, sock)) mask |= S.POLLOUT | S.POLLWRNORM;
  if (state === 0 && !sock.told && failed(process, sock)) mask |= S.POLLERR;
  return mask;
}

/** Linux says "writable" when a third of the buffer is free, and less than notsent_lowat waits. */
function roomy(process: Process, sock: Sock): boolean {
  const { tcp } = process.world.stack;
  const room = tcp.writable(sock.handle);
  const used = tcp.unacked(sock.handle);
  const lowat = sock.options.get('TCP_NOTSENT_LOWAT');
  if (typeof lowat === 'number' && lowat > 0 && (tcp.info(sock.handle)?.unsent ?? 0) >= lowat) return false;
  return room > 0 && room * 2 >= used;
}

/** Whether a dead connection has an error that nobody has taken. It is kept for whoever takes it. */
function failed(process: Process, sock: Sock): boolean {
  sock.error ||= process.world.stack.tcp.error(sock.handle);
  return sock.error !== 0;
}

const poll: Call = (process, call) => {
  const wanted = structsOf(call.args[0]);
  const timeout = numberOr(call.args[2], -1);
  const deadline = timeout < 0 ? Infinity : process.world.now + timeout * 1000;
  const attempt = (): number | undefined => {
    const found = wanted.map((one) => {
      const sock = process.sock(numberOf(member(one, 0, 'fd')));
      const events = numberOr(member(one, 1, 'events'), 0);
      return sock === undefined ? S.POLLNVAL : readiness(process, sock) & (events | ALWAYS);
    });
    const count = found.filter((mask) => mask !== 0).length;
    if (count === 0 && process.world.now < deadline) return undefined;
    wanted.forEach((one, i) => {
      const expected = numberOf(member(one, 2, 'revents'));
      if (!Number.isNaN(expected) && expected !== found[i]) {
        throw new Mismatch(`revents: expected ${expected}, actual ${found[i]}`);
      }
    });
    return count;
  };
  return deadline === Infinity ? { attempt } : { attempt, deadline };
};

const epollCreate: Call = (process, call) => {
  const sock = process.open(numberOf(call.result), 0, 0);
  sock.state = 'file';
  return { attempt: () => sock.fd };
};

const epollCtl: Call = (process, call) =>
  onSock(process, call, (sock) => {
    const fd = numberOf(call.args[2]);
    const operation = numberOf(call.args[1]);
    if (process.sock(fd) === undefined) return -EBADF;
    const known = sock.watched.has(fd);
    if (operation === 1 && known) return -EEXIST;
    if (operation !== 1 && !known) return -ENOENT;
    if (operation === 2) sock.watched.delete(fd);
    else {
      const event = call.args[3];
      const events = numberOr(member(event, 0, 'events'), 0);
      sock.watched.set(fd, { events, data: numberOr(dataOf(event), fd), toldIn: '', toldOut: -1 });
    }
    return operation >= 1 && operation <= 3 ? 0 : -EINVAL;
  });

function dataOf(event: Value | undefined): Value | undefined {
  return member(event, 1, 'fd', 'ptr', 'u32', 'u64', 'data');
}

const IN = S.POLLIN | S.POLLRDNORM | S.POLLRDHUP;
const OUT = S.POLLOUT | S.POLLWRNORM;

/** What epoll tells of a descriptor now. EPOLLET: only what is new; EPOLLONESHOT: once. */
function eventsOf(process: Process, sock: Sock, watched: Watched): number {
  const { events } = watched;
  if (events === 0) return 0;
  let mask = readiness(process, sock) & (events | ALWAYS);
  if (events >= EPOLLET) {
    const { tcp } = process.world.stack;
    const news = `${tcp.state(sock.handle)} ${tcp.info(sock.handle)?.bytesReceived ?? 0} ${sock.accepted.length}`;
    const oldIn = news === watched.toldIn;
    if (oldIn) mask &= ~(IN | ALWAYS);
    if (sock.blocked === watched.toldOut && oldIn) mask &= ~OUT;
    if (mask !== 0) {
      // What is told of one kind is told with all that holds.
      mask = readiness(process, sock) & (events | ALWAYS);
      watched.toldIn = news;
      if ((mask & OUT) !== 0) watched.toldOut = sock.blocked;
    }
  }
  if (mask !== 0 && (events & EPOLLONESHOT) !== 0) watched.events = 0;
  return mask;
}

const epollWait: Call = (process, call) =>
  onSock(process, call, (sock): Begun => {
    const most = numberOr(call.args[2], 1);
    const timeout = numberOr(call.args[3], -1);
    const deadline = timeout < 0 ? Infinity : process.world.now + timeout * 1000;
    const attempt = (): number | undefined => {
      const found: { mask: number; data: number }[] = [];
      for (const [fd, watched] of sock.watched) {
        const target = process.sock(fd);
        if (target === undefined || found.length >= most) continue;
        const mask = eventsOf(process, target, watched);
        if (mask !== 0) found.push({ mask, data: watched.data });
      }
      if (found.length === 0 && process.world.now < deadline) return undefined;
      structsOf(call.args[1]).forEach((event, i) => {
        const expected = numberOf(member(event, 0, 'events'));
        const actual = found[i]?.mask ?? 0;
        if (!Number.isNaN(expected) && i < found.length && expected !== actual) {
          throw new Mismatch(`events: expected ${expected}, actual ${actual}`);
        }
      });
      return found.length;
    };
    return deadline === Infinity ? { attempt } : { attempt, deadline };
  });

export const pollCalls: Readonly<Record<string, Call>> = {
  poll,
  ppoll: poll,
  epoll_create: epollCreate,
  epoll_create1: epollCreate,
  epoll_ctl: epollCtl,
  epoll_wait: epollWait,
  epoll_pwait: epollWait,
};
