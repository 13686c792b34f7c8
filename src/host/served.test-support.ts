// For tests of the host link: a served stack in real time, and small servers on its bare TCP and UDP.
// Called by *.test.ts beside it; calls Stack, HostLoop and hostLink.

import { EAGAIN } from '../base/errno.ts';
import type { Settings } from '../stack/settings.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import { READY_ACCEPT, READY_CLOSED, READY_ERROR } from '../stack/tcp/flags.ts';
import { Endpoints, type Endpoints as EndpointsType } from '../stack/tcp/tcp.ts';
import { type HostLink, type HostLinkOptions, hostLink } from './host-link.ts';
import { HostLoop } from './loop.ts';
import { SystemRng, secretWords } from './random.ts';

/** A connection on the served side. Not reading it closes its window. */
export class Connection {
  readonly ends: EndpointsType = new Endpoints();
  readonly received: Buffer[] = [];
  /** Everything up to the client's FIN has been read. */
  ended = false;
  /** Reset or timed out: a positive errno. */
  error = 0;
  closed = false;
  reading = true;
  readonly handle: number;
  readonly #served: Served;
  #queue: Uint8Array = new Uint8Array(0);
  #shut = false;

  constructor(served: Served, handle: number) {
    this.handle = handle;
    this.#served = served;
    served.stack.tcp.endpoints(handle, this.ends);
  }

  /** Queues bytes; they go out as the stack takes them. */
  write(bytes: Uint8Array): void {
    this.#queue = Buffer.concat([this.#queue, bytes]);
    this.turn();
  }

  /** Bytes that the stack has not taken. */
  get waiting(): number {
    return this.#queue.length;
  }

  end(): void {
    this.#shut = true;
    this.turn();
  }

  abort(): void {
    this.#served.stack.tcp.abort(this.handle);
  }

  /** The program is done with it: what is unread makes a reset. */
  close(): void {
    this.#served.stack.tcp.close(this.handle);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  /** Moves what can be moved. */
  turn(): void {
    const { tcp } = this.#served.stack;
    const into = new Uint8Array(65536);
    while (this.reading && !this.ended) {
      const n = tcp.read(this.handle, into, 0, into.length);
      if (n > 0) this.received.push(Buffer.from(into.subarray(0, n)));
      else {
        this.ended = n === 0;
        break;
      }
    }
    if (this.#queue.length > 0) {
      const n = tcp.write(this.handle, this.#queue, 0, this.#queue.length);
      if (n > 0) this.#queue = this.#queue.subarray(n);
    }
    if (this.#shut && this.#queue.length === 0) tcp.shutdown(this.handle);
  }
}

/** A stack behind a host link. `onConnection` is told of every connection, `onTurn` after each pass that changed one. */
export class Served {
  readonly loop: HostLoop = new HostLoop();
  readonly stack: Stack;
  readonly connections: Map<number, Connection> = new Map();
  readonly all: Connection[] = [];
  onConnection: (connection: Connection) => void = () => {};
  onTurn: (connection: Connection) => void = () => {};
  host!: HostLink;
  readonly #listeners: Set<number> = new Set();

  constructor(settings: Partial<Settings> = {}) {
    this.stack = new Stack(createMemory({ small: 8192, large: 256, chunks: 16384 }), {
      settings: { tcpRows: 4096, udpRows: 64, ...settings },
      rng: new SystemRng(),
      secret: secretWords(8),
    });
    this.loop.add(this.stack);
    this.loop.onPass(() => this.#dispatch());
  }

  /** Opens the host link and listens on its TCP ports (unless `listen` is false). */
  async open(options: Partial<HostLinkOptions>, listen = true): Promise<HostLink> {
    this.host = await hostLink({ memory: this.stack.memory, loop: this.loop, ...options });
    this.host.attach(this.stack);
    if (listen) for (const port of this.host.tcp) this.listen(port);
    return this.host;
  }

  listen(port: number): void {
    this.#listeners.add(this.stack.tcp.listen(0, 0, 0, 0, port, 511, false));
  }

  #dispatch(): void {
    const { tcp } = this.stack;
    for (let handle = tcp.nextReady(); handle !== 0; handle = tcp.nextReady()) {
      const ready = tcp.readyFlags;
      if ((ready & READY_ACCEPT) !== 0) this.#accept(handle);
      const connection = this.connections.get(handle);
      if (connection === undefined) continue;
      connection.turn();
      if ((ready & READY_ERROR) !== 0) connection.error = tcp.error(handle);
      if ((ready & READY_CLOSED) !== 0) connection.closed = true;
      this.onTurn(connection);
      if (connection.closed || connection.error !== 0) {
        this.connections.delete(handle);
        tcp.close(handle);
      }
    }
  }

  #accept(listener: number): void {
    for (let handle = this.stack.tcp.accept(listener); handle > 0; handle = this.stack.tcp.accept(listener)) {
      const connection = new Connection(this, handle);
      this.connections.set(handle, connection);
      this.all.push(connection);
      this.onConnection(connection);
      connection.turn();
      this.onTurn(connection);
    }
  }

  /** A UDP socket on `port` of every address that sends each datagram back, with `prefix` before it. */
  udpEcho(port: number, prefix = ''): void {
    const { udp } = this.stack;
    const handle = udp.open({ family: 6 });
    if (udp.bind(handle, 0, 0, 0, 0, port) < 0) throw new Error('bind');
    const into = new Uint8Array(70_000);
    const head = Buffer.from(prefix);
    this.loop.onPass(() => {
      udp.nextReady();
      for (
        let n = udp.receive(handle, into, 0, into.length);
        n >= 0 && n !== -EAGAIN;
        n = udp.receive(handle, into, 0, into.length)
      ) {
        const { from } = udp;
        const out = Buffer.concat([head, into.subarray(0, n)]);
        udp.send(handle, out, 0, out.length, from.src0, from.src1, from.src2, from.src3, from.port);
      }
    });
  }

  close(): void {
    this.host?.close();
    this.stack.close();
    this.loop.close();
  }
}
