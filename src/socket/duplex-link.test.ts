// Two stacks whose wire is a stream of Node's: bytes both ways with backpressure, and the stream's end is the link's.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { Duplex, type Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { SeededRng } from '../base/rng.ts';
import { HostLoop } from '../host/loop.ts';
import { streamLink } from '../link/stream.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import { duplexLink } from './duplex-link.ts';
import { createNet, type Net } from './net.ts';
import { Network } from './network.ts';

/** Two streams, each the other's far end, that buffer next to nothing. */
function duplexPair(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const reads: ((() => void) | null)[] = [null, null];
  for (const i of [0, 1]) {
    ends[i] = new Duplex({
      highWaterMark: 2000,
      read() {
        const go = reads[i];
        reads[i] = null;
        go?.();
      },
      write(chunk, _encoding, callback) {
        const far = ends[1 - i]!;
        if (far.push(chunk)) callback();
        else reads[1 - i] = callback;
      },
      final(callback) {
        ends[1 - i]!.push(null);
        callback();
      },
    });
  }
  return [ends[0]!, ends[1]!];
}

function stackOver(duplex: Duplex, loop: HostLoop, address: string, seed: number): [Stack, Net, Network] {
  const rng = new SeededRng(seed);
  const stack = new Stack(createMemory({ arenaBytes: 32 << 20, small: 1024, large: 16, chunks: 2048 }), {
    settings: { tcpRows: 64, udpRows: 16 },
    rng,
    secret: Int32Array.from({ length: 8 }, () => rng.int32()),
  });
  stack.attach(
    duplexLink(duplex, (port) => streamLink({ memory: stack.memory, ...port })),
    { addresses: [address] },
  );
  loop.add(stack);
  const network = new Network(stack, loop);
  return [stack, createNet(network), network];
}

describe('a link over a Duplex', { timeout: 20_000 }, () => {
  test('carries a connection whole, through a narrow stream, until the stream ends', async () => {
    const loop = new HostLoop();
    loop.unref();
    const [one, two] = duplexPair();
    const [stackA, netA, a] = stackOver(one, loop, '10.9.0.1/24', 1);
    const [stackB, netB, b] = stackOver(two, loop, '10.9.0.2/24', 2);
    const server = netB.createServer((s) => s.pipe(s)).listen(80);
    await once(server, 'listening');
    const c: Socket = netA.connect((server.address() as AddressInfo).port, '10.9.0.2');
    const body = Buffer.alloc(1_000_000, 'over a stream ');
    c.end(body);
    const parts: Buffer[] = [];
    for await (const part of c as Readable) parts.push(part);
    assert.ok(Buffer.concat(parts).equals(body));
    server.close();
    await once(server, 'close');
    one.end();
    two.end();
    await Promise.all([once(one, 'close'), once(two, 'close')]);
    for (const stack of [stackA, stackB]) {
      assert.equal(stack.interfaces.get(1)!.link.room(), 0, 'the link has ended with its stream');
      stack.close();
    }
    a.close();
    b.close();
    loop.close();
  });

  test('a stream out of step is destroyed, with the reason', async () => {
    const loop = new HostLoop();
    loop.unref();
    const [one, two] = duplexPair();
    const [stack, , network] = stackOver(one, loop, '10.9.0.1/24', 1);
    two.write('this is not an IP packet');
    const [error] = await once(one, 'error');
    assert.match(error.message, /out of step/);
    assert.ok(one.destroyed);
    network.close();
    stack.close();
    loop.close();
  });

  test("the stream's own error ends the link and is nobody else's business", async () => {
    const [one] = duplexPair();
    const reasons: string[] = [];
    const core = { push: () => true, drained() {}, end: (reason: string) => void reasons.push(reason) };
    assert.equal(
      duplexLink(one, () => core),
      core,
    );
    one.destroy(new Error('pulled out'));
    await new Promise((resolve) => one.once('close', resolve));
    assert.deepEqual(reasons, ['pulled out']);
  });

  test('backpressure: a full link pauses the stream, a full stream says so and then drained()', async () => {
    const [one, two] = duplexPair();
    let room = false;
    let drained = 0;
    let taken = 0;
    let port: { write(b: Uint8Array): boolean; resume(): void } | undefined;
    duplexLink(one, (p) => {
      port = p;
      return {
        push(bytes) {
          taken += bytes.length;
          return room;
        },
        drained: () => void drained++,
        end() {},
      };
    });
    two.write(Buffer.alloc(1000));
    two.write(Buffer.alloc(1000));
    await new Promise(setImmediate);
    assert.equal(taken, 1000);
    room = true;
    port!.resume();
    await new Promise(setImmediate);
    assert.equal(taken, 2000);
    assert.equal(port!.write(new Uint8Array(5000)), false);
    two.resume();
    await new Promise(setImmediate);
    assert.equal(drained, 1);
    assert.equal(port!.write(new Uint8Array(10)), true);
  });
});
