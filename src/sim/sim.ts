// A simulated network: hosts with a stack each, routers and links, in virtual time. The same seed gives the same run.
// Made by users and tests; calls host, router, line, peer and the schedule.
//
//   run(until):  the first deadline ──► time moves there ──► line: packets arrive at a host or a router
//                       ▲                                    host: a pass of its stack, then its programs
//                       └──────────────────────────────────  agenda: what at() and after() were given
//
// Times are microseconds since the simulation began.

import { Agenda } from './agenda.ts';
import { type Connection, type ConnectOptions, connect } from './connection.ts';
import { Host, type HostOptions } from './host.ts';
import { IcmpWriter } from './icmp-error.ts';
import { Line, type LineOptions } from './line.ts';
import { Net, type NetSizes, PacketMemory, START } from './net.ts';
import type { Plan } from './peer.ts';
import { EPOCH, Recorder } from './recorder.ts';
import { Router } from './router.ts';
import { findRoutes, type Link } from './topology.ts';

export interface SimOptions {
  /** Of everything that is left to chance, default 1. */
  readonly seed?: number;
  /** For packets on their way. */
  readonly memory?: NetSizes | PacketMemory;
  /** Takes a pcapng file of the whole run, block after block: an interface for each end of a link, and one for losses. */
  readonly record?: (bytes: Uint8Array) => void;
}

/** A link: what both directions have, and what one has otherwise. */
export interface LinkOptions extends LineOptions {
  /** The largest IP packet, default 1500. */
  readonly mtu?: number;
  /** From the first node to the second, and back. */
  readonly forward?: LineOptions;
  readonly back?: LineOptions;
}

export class Sim {
  readonly seed: number;
  readonly hosts: Host[] = [];
  readonly routers: Router[] = [];
  readonly links: Link[] = [];
  readonly connections: Connection[] = [];
  readonly #net: Net;
  readonly #agenda: Agenda;
  readonly #icmp: IcmpWriter;
  #nodes = 0;
  #stale = true;
  #stopped = false;

  constructor(options: SimOptions = {}) {
    this.seed = options.seed ?? 1;
    const { memory } = options;
    this.#net = new Net(this.seed, memory instanceof PacketMemory ? memory : new PacketMemory(memory));
    if (options.record !== undefined) this.#net.recorder = new Recorder(options.record, this.#net.time);
    this.#agenda = new Agenda(this.#net);
    this.#icmp = new IcmpWriter(this.#net);
  }

  /** Microseconds since the beginning. */
  get now(): number {
    return this.#net.time[0]! - START;
  }

  /** When something happens next, or Infinity. */
  get next(): number {
    return this.#net.schedule.due - START;
  }

  /** A host named `name`, with a stack of its own. */
  host(name: string, options: HostOptions = {}): Host {
    const net = this.#net;
    const clock = {
      monotonic: () => net.time[0]!,
      wall: () => EPOCH * 1000 + (net.time[0]! - START) / 1000,
    };
    const host = new Host(net, name, ++this.#nodes, options, clock);
    this.hosts.push(host);
    return host;
  }

  /** A router named `name`. */
  router(name: string): Router {
    const router = new Router(this.#net, name, ++this.#nodes, this.#icmp);
    this.routers.push(router);
    this.#stale = true;
    return router;
  }

  /** A link between two nodes. A host has one link: more than one is a router's business. */
  link(a: Host | Router, b: Host | Router, options: LinkOptions = {}): Link {
    const { mtu = 1500, forward, back, ...both } = options;
    for (const node of [a, b]) {
      if (node instanceof Host && node.nic !== null)
        throw new RangeError(`${node.name} has a link already: put a router between`);
    }
    const link: Link = {
      a,
      b,
      forward: new Line(this.#net, `${a.name}>${b.name}`, b, ports(b), mtu, { ...both, ...forward }),
      back: new Line(this.#net, `${b.name}>${a.name}`, a, ports(a), mtu, { ...both, ...back }),
    };
    const { recorder } = this.#net;
    if (recorder !== null) {
      const atA = recorder.add(`${a.name}:${b.name}`);
      const atB = recorder.add(`${b.name}:${a.name}`);
      link.forward.record(atA, atB);
      link.back.record(atB, atA);
    }
    plug(a, link.forward);
    plug(b, link.back);
    this.links.push(link);
    this.#stale = true;
    return link;
  }

  /** Calls `fn` at time `at` (us; now if that has passed). */
  at(at: number, fn: () => void): void {
    this.#agenda.at(Math.max(at, this.now) + START, fn);
  }

  /** Calls `fn` in `delay` us. */
  after(delay: number, fn: () => void): void {
    this.#agenda.at(this.#net.time[0]! + Math.max(0, delay), fn);
  }

  /** A link is down from `from` to `to`. */
  partition(link: Link, from: number, to: number): void {
    this.at(from, () => setUp(link, false));
    this.at(to, () => setUp(link, true));
  }

  /** Opens a TCP connection from `a` to `b`, with a program at each end. */
  connect(a: Host, b: Host, options: ConnectOptions = {}): Connection {
    const connection = connect(this, this.#net, a, b, options);
    this.connections.push(connection);
    return connection;
  }

  /** Sends `bytes` bytes from `a` to `b` over a connection of its own, and checks each. Its client is done when all have arrived. */
  bulk(a: Host, b: Host, bytes: number, plan: Plan = {}): Connection {
    return this.connect(a, b, { client: { ...plan, bytes }, server: { end: 'wait' } });
  }

  /** Lets time pass until `until` (us), or until stop() is called. Returns whether it got there. */
  run(until: number): boolean {
    const { schedule, time, actors } = this.#net;
    const end = until + START;
    this.#prepare();
    this.#stopped = false;
    while (!this.#stopped) {
      const due = schedule.due;
      if (due > end || due === Infinity) {
        if (end !== Infinity && end > time[0]!) time[0] = end;
        return true;
      }
      if (due > time[0]!) time[0] = due;
      const id = schedule.first;
      schedule.set(id, Infinity);
      actors[id]!.fire();
    }
    return false;
  }

  /** One deadline, if there is one until `until`: for drives that do something between. */
  step(until: number): boolean {
    const { schedule, time, actors } = this.#net;
    this.#prepare();
    const due = schedule.due;
    if (due > until + START || due === Infinity) return false;
    if (due > time[0]!) time[0] = due;
    const id = schedule.first;
    schedule.set(id, Infinity);
    actors[id]!.fire();
    return true;
  }

  /** Makes run() return after what happens now. */
  stop(): void {
    this.#stopped = true;
  }

  /** Runs until every connection of connect() and bulk() is done at both ends, at most to `limit` (us). Returns whether they are. */
  settle(limit: number): boolean {
    const open = (): boolean => this.connections.some((c) => !c.done);
    for (const c of this.connections) {
      c.onDone = () => {
        if (!open()) this.stop();
      };
    }
    if (open()) this.run(limit);
    return !open();
  }

  /** Packets in queues and on wires. */
  get inFlight(): number {
    return this.#net.frames.used;
  }

  /** Resets every connection, lets go of the stacks and of all packets. */
  close(): void {
    for (const host of this.hosts) if (host.nic !== null) host.stack.close();
    for (const link of this.links) {
      link.forward.clear();
      link.back.clear();
    }
  }

  #prepare(): void {
    if (!this.#stale) return;
    this.#stale = false;
    findRoutes(this.#nodes, this.routers, this.links);
  }
}

function ports(node: Host | Router): number {
  return node instanceof Router ? node.lines.length : 0;
}

function plug(node: Host | Router, line: Line): void {
  if (node instanceof Router) node.lines.push(line);
  else node.plug(line);
}

function setUp(link: Link, up: boolean): void {
  link.forward.setUp(up);
  link.back.setUp(up);
}
