// A socket as a program on Linux has it: over a handle of the stack, what the stack leaves to the floor above it.
// Made by the calls; calls stack.tcp and stack.udp.

import { Endpoints } from '../../stack/tcp/endpoints.ts';
import type { UdpEndpoints } from '../../stack/udp-rows.ts';
import type { Flow } from './flow.ts';
import type { Words, World } from './world.ts';

export type SockState = 'fresh' | 'listening' | 'connecting' | 'connected' | 'datagram' | 'file';

/** One descriptor that an epoll descriptor watches; what it has told last, for EPOLLET. */
export interface Watched {
  events: number;
  readonly data: number;
  toldIn: string;
  toldOut: number;
}

export class Sock {
  readonly fd: number;
  readonly family: number;
  /** 1: stream, 2: datagram; 0: not a socket (a file, an epoll descriptor). */
  readonly type: number;
  state: SockState = 'fresh';
  nonblocking = false;
  /** The stack's handle, 0 before there is one. */
  handle = 0;
  flow: Flow | undefined;
  local: Words | undefined;
  localPort = 0;
  /** Options that were set, by level and name: see sockopts.ts. */
  readonly options: Map<string, number | string | readonly number[]> = new Map();
  /** Connections taken out of the stack's queue to see whether there are any. */
  readonly accepted: number[] = [];
  /** Bytes that MSG_PEEK has taken out of the stack. */
  peeked = 0;
  shutRead = false;
  /** The last write said that more would come. */
  corked = false;
  /** An error that poll() has seen and nobody has taken. */
  error = 0;
  /** Its error has been told: reads end, writes fail. */
  told = false;
  /** What epoll_ctl has been told: descriptor to events and data. */
  readonly watched: Map<number, Watched> = new Map();
  /** Writes that found no room: an edge-triggered EPOLLOUT follows each. */
  blocked = 0;

  constructor(fd: number, family: number, type: number) {
    this.fd = fd;
    this.family = family;
    this.type = type;
  }

  get stream(): boolean {
    return this.type === 1;
  }
}

/** Both ends of a connection of the stack. */
export function endpointsOf(tcp: { endpoints(h: number, out: Endpoints): boolean }, handle: number): Endpoints {
  const ends = new Endpoints();
  tcp.endpoints(handle, ends);
  return ends;
}

/** Both ends of a datagram socket. */
export function udpEnds(process: { readonly world: World }, sock: Sock): UdpEndpoints {
  const ends: UdpEndpoints = {
    iface: 0,
    local0: 0,
    local1: 0,
    local2: 0,
    local3: 0,
    localPort: 0,
    remote0: 0,
    remote1: 0,
    remote2: 0,
    remote3: 0,
    remotePort: 0,
  };
  process.world.stack.udp.endpoints(sock.handle, ends);
  return ends;
}
