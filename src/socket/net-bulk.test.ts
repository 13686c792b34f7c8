// Much of it: long streams both ways, many connections, little memory, lossy links; and nothing is left afterwards.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, test } from 'node:test';
import { SeededRng } from '../base/rng.ts';
import { faultLink } from '../link/fault.ts';
import { createNet } from './net.ts';
import { type Two, type TwoOptions, twoNetworks } from './two.test-support.ts';

/** `bytes` of a stream that never repeats itself soon, in pieces of changing size. */
function* noise(bytes: number): Generator<Buffer> {
  const rng = new SeededRng(bytes);
  const pool = Buffer.from(Int32Array.from({ length: 1 << 16 }, () => rng.int32()).buffer);
  for (let sent = 0; sent < bytes; ) {
    const n = Math.min(1 + rng.below(100_000), bytes - sent);
    const at = rng.below(pool.length - n);
    yield pool.subarray(at, at + n);
    sent += n;
  }
}

function hashOf(bytes: number): string {
  const hash = createHash('sha1');
  for (const part of noise(bytes)) hash.update(part);
  return hash.digest('hex');
}

async function receive(socket: Socket): Promise<[string, number]> {
  const hash = createHash('sha1');
  let n = 0;
  // Not by iteration: when it ends, it destroys the socket, with what is still to be written.
  socket.on('data', (part) => {
    hash.update(part);
    n += part.length;
  });
  await once(socket, 'end');
  return [hash.digest('hex'), n];
}

/** Runs `fn` on two networks, and checks that everything they held is back. */
async function on(options: TwoOptions, fn: (two: Two) => Promise<void>): Promise<void> {
  const two = twoNetworks(options);
  try {
    await fn(two);
    await two.settled();
    assert.equal(two.a.open + two.b.open, 0, 'handles');
    assert.equal(two.stackA.memory.spans.used + two.stackB.memory.spans.used, 0, 'chunks');
  } finally {
    two.close();
  }
}

async function bothWays({ a, b }: Two, bytes: number): Promise<void> {
  const server = createNet(b).createServer({ allowHalfOpen: true });
  server.listen(80, '10.0.0.2');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const c = createNet(a).connect({ port: 80, host: '10.0.0.2', allowHalfOpen: true });
  const [s] = await accepted;
  const [atServer, atClient] = await Promise.all([
    receive(s),
    receive(c),
    pipeline(Readable.from(noise(bytes)), c, { end: true }),
    pipeline(Readable.from(noise(bytes + 1)), s, { end: true }),
  ]);
  assert.deepEqual(atServer, [hashOf(bytes), bytes]);
  assert.deepEqual(atClient, [hashOf(bytes + 1), bytes + 1]);
  assert.deepEqual([c.bytesRead, c.bytesWritten], [bytes + 1, bytes]);
  assert.deepEqual([s.bytesRead, s.bytesWritten], [bytes, bytes + 1]);
  server.close();
  await once(server, 'close');
}

describe('bulk', { concurrency: false, timeout: 60_000 }, () => {
  test('200 MB each way at once over 1500-byte packets: equal hashes', () =>
    on({}, (two) => bothWays(two, 200_000_000)));

  test('100 MB each way over superframes', () =>
    on(
      { link: { mtu: 9000, gso: 65535, txChecksum: 'partial' }, memory: { large: 256, arenaBytes: 128 << 20 } },
      (two) => bothWays(two, 100_000_000),
    ));

  test('2 MB each way over a link that loses, doubles and reorders 2 % of everything', () =>
    on(
      {
        settings: { tcpRtoMin: 10_000, tcpDelayedAck: 1000 },
        // One of the two ends is enough: it harms what comes and what goes.
        wrap: (link, loop, end) => {
          const faults = { drop: 0.02, duplicate: 0.02, reorder: 0.02 };
          return end === 'a' ? faultLink(link, loop.clock, { seed: 3, rx: faults, tx: faults }) : link;
        },
      },
      (two) => bothWays(two, 2_000_000),
    ));

  test('a stack with hardly any memory for payload goes slower, not wrong', () =>
    on({ memory: { chunks: 24 } }, async ({ a, b }) => {
      const sums: Promise<[string, number]>[] = [];
      const server = createNet(b).createServer((s) => void sums.push(receive(s)));
      server.listen(80, '10.0.0.2');
      const sizes = Array.from({ length: 12 }, (_v, i) => 300_000 + i);
      const clients = sizes.map((n) => pipeline(Readable.from(noise(n)), createNet(a).connect(80, '10.0.0.2')));
      await Promise.all(clients);
      server.close();
      await once(server, 'close');
      const got = (await Promise.all(sums)).sort((x, y) => x[1] - y[1]);
      assert.deepEqual(
        got,
        sizes.map((n) => [hashOf(n), n]),
      );
    }));

  test('1000 connections at once, each answered twice', () =>
    on({}, async ({ a, b }) => {
      const server = createNet(b).createServer((s) => s.pipe(s));
      server.listen(80, '10.0.0.2', 2000);
      const net = createNet(a);
      const clients = Array.from({ length: 1000 }, () => net.connect(80, '10.0.0.2'));
      await Promise.all(clients.map((c) => once(c, 'connect')));
      const count = (): Promise<number> => new Promise((resolve) => server.getConnections((_e, n) => resolve(n)));
      for (let i = 0; (await count()) < 1000 && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(await count(), 1000);
      for (const round of ['one', 'two']) {
        const answers = clients.map(async (c, i) => {
          c.write(`${round} ${i}`);
          const [answer] = await once(c, 'data');
          return String(answer) === `${round} ${i}`;
        });
        assert.ok((await Promise.all(answers)).every(Boolean));
      }
      const ports = new Set(clients.map((c) => (c.address() as AddressInfo).port));
      assert.equal(ports.size, 1000);
      const closed = clients.map((c) => once(c, 'close'));
      for (const c of clients) c.end();
      await Promise.all(closed);
      server.close();
      await once(server, 'close');
    }));
});
