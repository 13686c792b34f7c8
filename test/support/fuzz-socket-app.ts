// Node's own HTTP server and net servers over ring3/net, on the stack that is fuzzed: whatever frames do, streams must end in order.
// Called by fuzz-rig.ts after every pass (virtual time) and by fuzz-sockets.test.ts between Node's turns; calls socket.

import type { Server as HttpServer } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { SeededRng } from '../../src/base/rng.ts';
import type { Driver } from '../../src/base/time.ts';
import { createDgram } from '../../src/socket/dgram.ts';
import { createHttp } from '../../src/socket/http.ts';
import { createNet } from '../../src/socket/net.ts';
import { Network } from '../../src/socket/network.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { ATTACKERS, attacker } from './forge-ip.ts';
import { TCP_PORT, UDP_PORT } from './forge-l4.ts';
import type { Innocent } from './fuzz-innocent.ts';
import type { App } from './fuzz-rig.ts';

export class FuzzSocketApp implements App {
  busy = false;
  readonly network: Network;
  /** Requests answered, connections that ended with an error, datagrams echoed. */
  readonly seen = { requests: 0, connections: 0, errors: 0, datagrams: 0 };
  readonly #rng: SeededRng;
  readonly #innocent: Innocent;
  readonly #callbacks: (() => void)[] = [];
  readonly #http: HttpServer;
  readonly #echo: Server;
  readonly #sockets: Set<Socket> = new Set();
  readonly #connect: (host: string, port: number) => Socket;

  constructor(stack: Stack, rng: SeededRng, innocent: Innocent, now: () => number) {
    this.#rng = rng;
    this.#innocent = innocent;
    const driver: Driver = {
      clock: { monotonic: now, wall: () => now() / 1000 },
      poke: () => {
        this.busy = true;
      },
      onPass: (fn) => {
        this.#callbacks.push(fn);
        return () => {};
      },
    };
    this.network = new Network(stack, driver);
    const net = createNet(this.network);
    const { http } = createHttp(this.network);
    this.#http = http.createServer({ keepAliveTimeout: 1000 }, (request, response) => {
      this.seen.requests++;
      request.resume();
      response.end('x'.repeat(1 + this.#rng.below(40_000)));
    });
    this.#http.on('connection', (socket) => this.#keep(socket));
    this.#http.listen(TCP_PORT);
    this.#echo = net.createServer({ allowHalfOpen: true }, (socket) => this.#keep(socket).pipe(socket));
    this.#echo.listen(TCP_PORT + 7);
    this.#connect = (host, port) => net.connect({ host, port });
    const udp = createDgram(this.network).createSocket('udp6');
    udp.on('message', (message, from) => {
      this.seen.datagrams++;
      if (from.port !== 0) udp.send(message, from.port, from.address, () => {});
    });
    udp.bind(UDP_PORT);
    udp.unref();
  }

  get rowsAtRest(): number {
    return 2 + this.#innocent.rows;
  }

  get socketsAtRest(): number {
    return 1;
  }

  #keep(socket: Socket): Socket {
    this.seen.connections++;
    this.#sockets.add(socket);
    socket.on('error', () => this.seen.errors++);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }

  act(): void {
    this.busy = false;
    for (const fn of this.#callbacks) fn();
  }

  /** Between two of Node's turns: connects, and ends some connections one way or another. */
  initiative(): void {
    const rng = this.#rng;
    const [, , , w3] = attacker(4, rng.below(ATTACKERS));
    if (rng.below(4) === 0) {
      const socket = this.#keep(
        this.#connect([24, 16, 8, 0].map((n) => (w3 >> n) & 255).join('.'), 1024 + rng.below(64)),
      );
      socket.write('hello');
      socket.resume();
    }
    for (const socket of this.#sockets) {
      if (rng.below(40) !== 0) continue;
      if (rng.below(3) === 0) socket.destroy();
      else if (rng.below(2) === 0) socket.end();
      else socket.resetAndDestroy();
    }
  }

  /** Connections that are open as Node sees it. */
  get open(): number {
    return this.#sockets.size;
  }

  goHome(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#http.close();
    this.#echo.close();
    this.network.close();
  }
}
