// Somebody who only wants to work while others attack: a peer on a wire of his own, with a TCP connection, UDP and ping.
// Called by fuzz-rig.ts and fuzz.test.ts; calls both stacks.

import assert from 'node:assert/strict';
import { EAGAIN } from '../../src/base/errno.ts';
import type { SeededRng } from '../../src/base/rng.ts';
import { memoryLink } from '../../src/link/memory.ts';
import { createMemory, Stack } from '../../src/stack/stack.ts';
import { UDP_PORT } from './forge-l4.ts';
import type { Neighbour } from './fuzz-app.ts';

const SERVER: [number, number, number, number] = [0, 0, 0xffff, 0x0a010001];
const ECHO_PORT = 81;
const CHUNK = 5000;

/** What moves time on: the rig. */
export interface Timekeeper {
  run(us: number): void;
}

export class Innocent implements Neighbour {
  /** The peer's stack. */
  readonly stack: Stack;
  /** Rows and sockets on the stack that is attacked: the listener and the connection. */
  rows = 1;
  readonly sockets = 0;
  readonly #server: Stack;
  readonly #rng: SeededRng;
  readonly #listener: number;
  readonly #buffer: Uint8Array = new Uint8Array(16384);
  #connection = 0;
  #client = 0;
  #udp = 0;
  #ping = 0;
  #busy = false;

  constructor(server: Stack, rng: SeededRng, secret: Int32Array) {
    this.#server = server;
    this.#rng = rng;
    this.stack = new Stack(createMemory({ arenaBytes: 32 << 20, small: 2048, large: 16, chunks: 1024 }), {
      settings: { tcpRows: 64, udpRows: 16, neighbours: 64 },
      rng,
      secret,
    });
    const [a, b] = memoryLink({ a: server.memory, b: this.stack.memory, medium: 'ethernet' });
    server.attach(a, { mac: '02:00:00:00:02:01', addresses: ['10.1.0.1/24'] });
    this.stack.attach(b, { mac: '02:00:00:00:02:02', addresses: ['10.1.0.2/24'] });
    this.#listener = server.tcp.listen(...SERVER, ECHO_PORT, 4, false);
  }

  /** Connects: before the attack. */
  open(time: Timekeeper): void {
    this.#client = this.stack.tcp.connect(0, 0, 0, 0, 0, ...SERVER, ECHO_PORT, 0);
    this.#udp = this.stack.udp.open({ family: 4 });
    this.#ping = this.stack.udp.open({ family: 4, protocol: 'icmp' });
    time.run(3_000_000);
    assert.ok(this.#connection > 0, 'the innocent connection is open');
    this.rows = 2;
  }

  tcpReady(h: number, _flags: number): boolean {
    const { tcp } = this.#server;
    if (h === this.#listener) this.#connection = tcp.accept(h);
    else if (h === this.#connection) {
      for (let n = tcp.read(h, this.#buffer, 0, 16384); n !== -EAGAIN; n = tcp.read(h, this.#buffer, 0, 16384)) {
        assert.ok(n > 0, `the innocent connection broke: ${n}`);
        assert.equal(tcp.write(h, this.#buffer, 0, n), n);
      }
    } else return false;
    return true;
  }

  udpReady(): boolean {
    return false;
  }

  /** A pass of the peer's stack; whether something happened. */
  pass(now: number): boolean {
    const busy = this.#busy;
    this.#busy = false;
    const before = this.stack.core.counters.get('frames_received');
    const more = this.stack.poll(now);
    return more || busy || this.stack.core.counters.get('frames_received') !== before;
  }

  /** Echoes over TCP, UDP and ping: all must come back as they were sent, soon. */
  check(time: Timekeeper): void {
    const { tcp, udp } = this.stack;
    const out = this.#buffer;
    const back = new Uint8Array(CHUNK);
    const mark = this.#rng.below(256);
    const sent = Uint8Array.from({ length: CHUNK }, (_, i) => i * 7 + mark);
    assert.equal(tcp.write(this.#client, sent, 0, CHUNK), CHUNK);
    out.set(sent.subarray(0, 700));
    assert.equal(udp.send(this.#udp, out, 0, 700, ...SERVER, UDP_PORT), 700);
    out.set([8, 0, 0, 0, 0, 0, 0, 1, mark]);
    assert.equal(udp.send(this.#ping, out, 0, 64, ...SERVER, 0), 64);
    let got = 0;
    let datagrams = 0;
    let pongs = 0;
    for (let tries = 0; tries < 40 && (got < CHUNK || datagrams === 0 || pongs === 0); tries++) {
      this.#busy = true;
      time.run(tries === 0 ? 0 : 50_000);
      for (let n = 1; n > 0; got += Math.max(0, n)) {
        n = tcp.read(this.#client, back, got, CHUNK - got);
        assert.ok(n > 0 || n === -EAGAIN, `the innocent client's connection broke: ${n}`);
      }
      for (let n = udp.receive(this.#udp, out, 0, 2000); n >= 0; n = udp.receive(this.#udp, out, 0, 2000)) {
        assert.deepEqual(out.slice(0, n), sent.slice(0, 700));
        datagrams++;
      }
      for (let n = udp.receive(this.#ping, out, 0, 2000); n >= 0; n = udp.receive(this.#ping, out, 0, 2000)) {
        if (out[0] === 0 && out[8] === mark) pongs++;
      }
    }
    while (this.stack.tcp.nextReady() !== 0 || this.stack.udp.nextReady() !== 0);
    assert.deepEqual(back, sent, `innocent TCP: ${got} of ${CHUNK} bytes came back`);
    assert.equal(datagrams, 1, 'innocent UDP');
    assert.equal(pongs, 1, 'innocent ping');
  }
}
