// The program that a script plays: its descriptors, and the stack they lead to.
// Made by run.ts; passed to every call; calls flows.ts and world.ts.

import type { Config } from './config.ts';
import { Mismatch } from './errors.ts';
import type { Flows } from './flows.ts';
import { endpointsOf, Sock } from './sock.ts';
import type { World } from './world.ts';

const FIRST_FD = 3;

export class Process {
  readonly world: World;
  readonly flows: Flows;
  readonly config: Config;
  readonly socks: Map<number, Sock> = new Map();
  /** Descriptor that %{ }% asks about: the connection used last. */
  current: Sock | undefined;

  constructor(world: World, flows: Flows, config: Config) {
    this.world = world;
    this.flows = flows;
    this.config = config;
  }

  /** An open descriptor, or undefined. */
  sock(fd: number): Sock | undefined {
    return this.socks.get(fd);
  }

  /** A new descriptor: the number that the script expects, or the lowest free one. */
  open(expected: number, family: number, type: number): Sock {
    let fd = expected;
    if (!(fd >= 0)) for (fd = FIRST_FD; this.socks.has(fd); ) fd++;
    if (this.socks.has(fd)) throw new Mismatch(`the script uses descriptor ${fd} twice: it is still open`);
    const sock = new Sock(fd, family, type);
    this.socks.set(fd, sock);
    return sock;
  }

  /** Connects a stream socket to the flow of its handle. */
  adopt(sock: Sock, handle: number): void {
    const ends = endpointsOf(this.world.stack.tcp, handle);
    sock.handle = handle;
    sock.local = [ends.local0, ends.local1, ends.local2, ends.local3];
    sock.localPort = ends.localPort;
    sock.flow = this.flows.open(
      6,
      sock.local,
      ends.localPort,
      [ends.remote0, ends.remote1, ends.remote2, ends.remote3],
      ends.remotePort,
    );
    sock.flow.handle = handle;
    this.current = sock;
  }
}
