// A simulated TCP connection: a listener for it alone, and a program at each end.
// Made by Sim.connect and Sim.bulk; calls the hosts' TCP and peer.

import { parseCidr } from '../base/address.ts';
import { errnoName } from '../base/errno.ts';
import { READY_ACCEPT } from '../stack/tcp/flags.ts';
import type { Host } from './host.ts';
import type { Net } from './net.ts';
import { Peer, type Plan, type Timers } from './peer.ts';

export interface ConnectOptions {
  /** What the end that connects does, and the other one. */
  readonly client?: Plan;
  readonly server?: Plan;
  /** Default: ports from 1024 on, one for each connection of a host. */
  readonly port?: number;
  /** 4 (default) or 6. */
  readonly version?: 4 | 6;
  /** OPT_* of the stack and their values, for both ends. */
  readonly options?: readonly (readonly [option: number, value: number])[];
}

/** The most that a phase of the pattern differs. */
const PHASES = 65_536;
const FIRST_PORT = 1024;

export class Connection {
  readonly from: Host;
  readonly to: Host;
  readonly client: Peer;
  /** Null until it is accepted. */
  server: Peer | null = null;
  /** Called once, when both ends are done. */
  onDone: () => void = () => {};
  #listener = 0;

  constructor(from: Host, to: Host, client: Peer, listener: number) {
    this.from = from;
    this.to = to;
    this.client = client;
    this.#listener = listener;
  }

  /** Both ends are done; or the client is, and the server has never heard of it. */
  get done(): boolean {
    return this.client.done && (this.server?.done ?? true);
  }

  /** Bits of the client's payload a second that the server has received, from the connection's opening to the last byte (or to `until` us). */
  goodput(until?: number): number {
    const server = this.server;
    if (server === null || server.received === 0) return 0;
    return (server.received * 8e6) / ((until ?? server.lastReceivedAt) - this.client.openedAt);
  }

  /** Closes the listener: a connection that is not complete is reset. */
  stopListening(): void {
    if (this.#listener === 0) return;
    this.to.forget(this.#listener);
    this.to.tcp.close(this.#listener);
    this.#listener = 0;
  }

  /** The ends call it when they are done. */
  ended(): void {
    if (this.client.done) this.stopListening();
    if (this.done) this.onDone();
  }
}

/** Opens a connection; an Error if a stack refuses. */
export function connect(timers: Timers, net: Net, from: Host, to: Host, options: ConnectOptions): Connection {
  const { client = {}, server = {}, version = 4 } = options;
  const port = options.port ?? FIRST_PORT + to.nextPort++;
  const words = new Int32Array(4);
  const wanted = to.addresses.find((text) => text.includes(':') === (version === 6));
  if (wanted === undefined) throw new RangeError(`${to.name} has no IPv${version} address`);
  parseCidr(wanted, words, 0);
  const listener = to.tcp.listen(0, 0, 0, 0, port, 8, false);
  if (listener < 0) throw new Error(`${to.name} cannot listen on port ${port}: ${errnoName(-listener)}`);
  const handle = from.tcp.connect(0, 0, 0, 0, 0, words[0]!, words[1]!, words[2]!, words[3]!, port, 0);
  if (handle < 0) throw new Error(`${from.name} cannot connect to ${to.name}: ${errnoName(-handle)}`);
  for (const [option, value] of options.options ?? []) {
    to.tcp.set(listener, option, value);
    from.tcp.set(handle, option, value);
  }
  const rng = net.rng();
  const clientPhase = rng.below(PHASES);
  const serverPhase = rng.below(PHASES);
  const peer = new Peer(from, handle, client, timers, clientPhase, serverPhase);
  const connection = new Connection(from, to, peer, listener);
  peer.onDone = () => connection.ended();
  to.watch(listener, {
    ready(flags) {
      if ((flags & READY_ACCEPT) === 0 || connection.server !== null) return;
      const accepted = to.tcp.accept(listener);
      if (accepted <= 0) return;
      const other = new Peer(to, accepted, server, timers, serverPhase, clientPhase);
      connection.server = other;
      other.onDone = () => connection.ended();
      connection.stopListening();
      other.start();
    },
  });
  return connection;
}
