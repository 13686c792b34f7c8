// UDP of the host link: datagrams that come to a kernel socket go on from an inner stack that speaks as their sender.
// Made by host-link; called by node:dgram's events and after each pass; calls Udp of the inner stack.
//
// A flow is one client's address and port, whatever ports of ours it talks to. Nobody says when a flow ends: it is
// forgotten after some idle time, or as the oldest when there are too many.

import type { RemoteInfo, Socket } from 'node:dgram';
import type { Stack } from '../stack/stack.ts';
import type { ClientAddress, ClientAddresses } from './splice-addresses.ts';

/** Longest UDP payload, and some more: what is longer is not cut unseen. */
const LARGEST = 65536;
/** Bytes that may wait in a kernel socket's queue; beyond, replies are lost, as UDP's may be. */
const WAITING = 4 << 20;

interface Flow {
  readonly key: string;
  readonly client: ClientAddress;
  readonly address: string;
  readonly port: number;
  readonly handle: number;
  /** performance.now() of the last datagram in either direction. */
  usedAt: number;
}

/** A kernel socket and where it is bound. */
interface Bound {
  readonly socket: Socket;
  readonly server: ClientAddress;
  readonly port: number;
}

export class UdpSplice {
  /** Datagrams lost for want of room or of a flow. */
  dropped = 0;
  readonly #stack: Stack;
  readonly #clients: ClientAddresses;
  readonly #limit: number;
  readonly #idle: number;
  /** In order of last use, to within a second. */
  readonly #flows: Map<string, Flow> = new Map();
  readonly #byHandle: Map<number, Flow> = new Map();
  readonly #bound: Bound[] = [];
  readonly #buffer: Uint8Array = new Uint8Array(LARGEST);
  #sweeper: ReturnType<typeof setInterval> | undefined;

  /** At most `limit` flows; one is forgotten after `idle` ms without a datagram. */
  constructor(stack: Stack, clients: ClientAddresses, limit: number, idle: number) {
    this.#stack = stack;
    this.#clients = clients;
    this.#limit = limit;
    this.#idle = idle;
  }

  get size(): number {
    return this.#flows.size;
  }

  /** Datagrams of `socket`, bound to `server` and `port`, go to the same address and port of the served stack. */
  add(socket: Socket, server: ClientAddress, port: number): void {
    this.#bound.push({ socket, server, port });
    socket.on('message', (bytes, from) => this.#fromClient(bytes, from, server, port));
    this.#sweeper ??= setInterval(() => this.#sweep(), Math.max(this.#idle / 2, 10)).unref();
  }

  #fromClient(bytes: Buffer, from: RemoteInfo, server: ClientAddress, port: number): void {
    const flow = this.#flow(from);
    if (flow === undefined) {
      this.dropped++;
      return;
    }
    this.#touch(flow);
    const { w0, w1, w2, w3 } = server;
    if (this.#stack.udp.send(flow.handle, bytes, 0, bytes.length, w0, w1, w2, w3, port) < 0) this.dropped++;
  }

  #flow(from: RemoteInfo): Flow | undefined {
    const key = `${from.port} ${from.address}`;
    const known = this.#flows.get(key);
    if (known !== undefined) return known;
    if (this.#flows.size >= this.#limit) this.#forget(this.#flows.values().next().value!);
    const client = this.#clients.acquire(from.address);
    if (client === undefined) return undefined;
    const { udp } = this.#stack;
    const handle = udp.open({ family: from.family === 'IPv6' ? 6 : 4, ipv6Only: true });
    const { w0, w1, w2, w3 } = client;
    if (handle < 0 || udp.bind(handle, w0, w1, w2, w3, from.port) < 0) {
      if (handle > 0) udp.close(handle);
      this.#clients.release(client);
      return undefined;
    }
    const flow = { key, client, address: from.address, port: from.port, handle, usedAt: 0 };
    this.#flows.set(key, flow);
    this.#byHandle.set(handle, flow);
    return flow;
  }

  #touch(flow: Flow): void {
    const now = performance.now();
    if (now - flow.usedAt < 1000) return;
    flow.usedAt = now;
    this.#flows.delete(flow.key);
    this.#flows.set(flow.key, flow);
  }

  /** After each pass: what the served stack has sent. */
  dispatch(): void {
    const { udp } = this.#stack;
    for (let handle = udp.nextReady(); handle !== 0; handle = udp.nextReady()) {
      const flow = this.#byHandle.get(handle);
      if (flow === undefined) continue;
      for (
        let n = udp.receive(handle, this.#buffer, 0, LARGEST);
        n >= 0;
        n = udp.receive(handle, this.#buffer, 0, LARGEST)
      ) {
        this.#toClient(flow, n);
      }
    }
  }

  #toClient(flow: Flow, n: number): void {
    const { from } = this.#stack.udp;
    this.#touch(flow);
    for (const { socket, server, port } of this.#bound) {
      if (port !== from.port || server.w3 !== from.src3 || server.w2 !== from.src2) continue;
      if (server.w1 !== from.src1 || server.w0 !== from.src0) continue;
      if (socket.getSendQueueSize() > WAITING) this.dropped++;
      else socket.send(Buffer.from(this.#buffer.subarray(0, n)), flow.port, flow.address, this.#sent);
      return;
    }
    // From a port that the kernel does not lend us: the client would not know it.
    this.dropped++;
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.dropped++;
  };

  #sweep(): void {
    const before = performance.now() - this.#idle;
    for (const flow of this.#flows.values()) {
      if (flow.usedAt > before) return;
      this.#forget(flow);
    }
  }

  #forget(flow: Flow): void {
    this.#flows.delete(flow.key);
    this.#byHandle.delete(flow.handle);
    this.#stack.udp.close(flow.handle);
    this.#clients.release(flow.client);
  }

  /** Forgets every flow. */
  close(): void {
    clearInterval(this.#sweeper);
    for (const flow of [...this.#flows.values()]) this.#forget(flow);
  }
}
