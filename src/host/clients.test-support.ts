// For tests of the host link: a served stack, clients of this machine's loopback, and waiting.
// Called by *.test.ts beside it; calls served.test-support and node:net.

import assert from 'node:assert/strict';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Settings } from '../stack/settings.ts';
import type { HostLinkOptions } from './host-link.ts';
import { type Connection, Served } from './served.test-support.ts';

/** This machine has ::1. */
export const ipv6: boolean = Object.values(networkInterfaces()).some((list) =>
  list?.some((one) => one.address === '::1'),
);

const clients: Set<Socket> = new Set();

/** A served stack behind a host link on free ports of 127.0.0.1, listening; closed at the end, when every frame must be back. */
export async function serve(
  t: TestContext,
  options: Partial<HostLinkOptions> = {},
  settings: Partial<Settings> = {},
  listen = true,
): Promise<{ served: Served; port: number; udpPort: number }> {
  const served = new Served(settings);
  t.after(() => {
    // A test that failed half-way must not keep the process.
    for (const socket of clients) socket.destroy();
    served.close();
    assert.equal(served.stack.memory.frames.used, 0, 'frames lost');
  });
  const host = await served.open({ tcp: [0], address: '127.0.0.1', ...options }, listen);
  return { served, port: host.tcp[0] ?? 0, udpPort: host.udp[0] ?? 0 };
}

/** A client that collects what comes; `end` when the other side has ended, `gone` with the error's code or ''. */
export function client(options: NetConnectOpts): {
  socket: Socket;
  bytes: () => Buffer;
  end: Promise<unknown>;
  gone: Promise<string>;
} {
  const socket = connect({ host: '127.0.0.1', allowHalfOpen: true, ...options } as NetConnectOpts);
  const pieces: Buffer[] = [];
  let code = '';
  clients.add(socket);
  socket.once('close', () => clients.delete(socket));
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    code = error.code ?? String(error);
  });
  return {
    socket,
    bytes: () => Buffer.concat(pieces),
    end: new Promise((resolve) => socket.once('end', resolve).once('close', resolve)),
    gone: new Promise((resolve) => socket.once('close', () => resolve(code))),
  };
}

/** Waits for something that takes a few turns of the loop. */
export async function until(what: () => unknown, ms = 3000): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    assert.ok(tries < ms / 2, `still not: ${what}`);
    await wait(2);
  }
}

/** Waits until a number has not changed for a while, and returns it. */
export async function stillness(what: () => number): Promise<number> {
  let before = what();
  for (let tries = 0, still = 0; tries < 500 && still < 10; tries++) {
    await wait(20);
    still = what() === before ? still + 1 : 0;
    before = what();
  }
  return before;
}

/** Sends everything back, and ends when the client has ended. */
export function echo(served: Served): void {
  const done = new WeakMap<Connection, number>();
  served.onTurn = (connection) => {
    // Writing may read more.
    let from = done.get(connection) ?? 0;
    while (from < connection.received.length) {
      done.set(connection, from + 1);
      connection.write(connection.received[from++]!);
    }
    if (connection.ended) connection.end();
  };
}
