// Tests of TCP over the host link: real clients of this machine's loopback against a stack behind it.
// Run by node:test; calls hostLink through served.test-support.ts. Needs no privilege.
// Length: a test for each way in which a spliced connection can begin, wait and end.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { formatAddress } from '../base/address.ts';
import { ECONNRESET } from '../base/errno.ts';
import { client, echo, ipv6, serve, stillness, until } from './clients.test-support.ts';
import { Served } from './served.test-support.ts';
import { resetSocket } from './splice-tcp.ts';
import { StubbornSocket, spliceTo } from './stubborn.test-support.ts';

describe('TCP over the host link', () => {
  test("carries bytes both ways, whole, with the client's own address and port", async (t) => {
    const { served, port } = await serve(t);
    echo(served);
    const data = randomBytes(5_000_000);
    const { socket, bytes, end, gone } = client({ port });
    socket.end(data);
    await end;
    assert.ok(bytes().equals(data));
    assert.equal(await gone, '');
    const { ends } = served.all[0]!;
    assert.equal(formatAddress(ends.remote0, ends.remote1, ends.remote2, ends.remote3), '127.0.0.1');
    assert.equal(formatAddress(ends.local0, ends.local1, ends.local2, ends.local3), '127.0.0.1');
    assert.equal(ends.localPort, port);
    assert.ok(ends.remotePort > 1023);
  });

  test('tells clients of different addresses and equal ports apart', async (t) => {
    const { served, port } = await serve(t);
    echo(served);
    const one = client({ port, localAddress: '127.0.0.1', localPort: 0 });
    await once(one.socket, 'connect');
    const localPort = (one.socket.address() as { port: number }).port;
    const other = client({ port, localAddress: '127.5.6.7', localPort });
    one.socket.end('one');
    other.socket.end('other');
    await Promise.all([one.gone, other.gone]);
    assert.deepEqual([String(one.bytes()), String(other.bytes())], ['one', 'other']);
    const remotes = served.all.map(
      ({ ends }) => `${formatAddress(ends.remote0, ends.remote1, ends.remote2, ends.remote3)} ${ends.remotePort}`,
    );
    assert.deepEqual(remotes.sort(), [`127.0.0.1 ${localPort}`, `127.5.6.7 ${localPort}`]);
  });

  test('IPv6 at ::1 as well, by default', { skip: !ipv6 && 'needs IPv6' }, async (t) => {
    const served = new Served();
    t.after(() => served.close());
    echo(served);
    const host = await served.open({ tcp: [0] });
    assert.deepEqual(host.addresses, ['127.0.0.1', '::1']);
    for (const address of host.addresses) {
      const { socket, bytes, gone } = client({ port: host.tcp[0]!, host: address });
      socket.end(address);
      await gone;
      assert.equal(String(bytes()), address);
    }
    const { ends } = served.all[1]!;
    assert.equal(formatAddress(ends.remote0, ends.remote1, ends.remote2, ends.remote3), '::1');
  });

  test('each direction ends by itself', async (t) => {
    const { served, port } = await serve(t);
    // The server ends first and still hears the client.
    served.onConnection = (connection) => {
      connection.write(Buffer.from('bye'));
      connection.end();
    };
    const first = client({ port });
    await first.end;
    assert.equal(String(first.bytes()), 'bye');
    first.socket.write('still here');
    await until(() => String(served.all[0]!.bytes) === 'still here');
    assert.equal(served.all[0]!.ended, false);
    first.socket.end();
    await until(() => served.all[0]!.closed);
    // The client ends first and still hears the server.
    served.onConnection = () => {};
    const second = client({ port });
    second.socket.end('question');
    await until(() => served.all[1]?.ended);
    await wait(5);
    served.all[1]!.write(Buffer.from('answer'));
    served.all[1]!.end();
    assert.equal(await second.gone, '');
    assert.equal(String(second.bytes()), 'answer');
    await until(() => served.host.counts.connections === 0);
  });

  test("a client's reset is a reset in the stack", async (t) => {
    const { served, port } = await serve(t);
    const { socket } = client({ port });
    socket.write('x');
    await until(() => served.all[0]?.received.length === 1);
    socket.resetAndDestroy();
    await until(() => served.all[0]!.error !== 0);
    assert.equal(served.all[0]!.error, ECONNRESET);
    assert.equal(served.host.counts.connections, 0);
  });

  test("the stack's reset is a reset for the client", async (t) => {
    const { served, port } = await serve(t);
    served.onConnection = (connection) => connection.write(Buffer.from('last words'));
    const { bytes, gone } = client({ port });
    await until(() => bytes().length === 10);
    served.all[0]!.abort();
    assert.equal(await gone, 'ECONNRESET');
    await until(() => served.host.counts.connections === 0);
  });

  test('and comes after what came before it, however soon', async (t) => {
    const { served, port } = await serve(t);
    served.onConnection = (connection) => {
      connection.write(Buffer.from('last words'));
      // As soon as it has been acknowledged.
      const off = served.loop.onPass(() => {
        if (served.stack.tcp.unacked(connection.handle) !== 0) return;
        connection.abort();
        off();
      });
    };
    const { bytes, end } = client({ port });
    // Where data and reset arrive at once, libuv tells the client of an end (uv__stream_io, POLLHUP after a partial read).
    await end;
    assert.equal(String(bytes()), 'last words');
    await until(() => served.host.counts.connections === 0);
  });

  test('a port on which the stack does not listen resets', async (t) => {
    const { served, port } = await serve(t, {}, {}, false);
    assert.equal(await client({ port }).gone, 'ECONNRESET');
    assert.equal(served.host.counts.connections, 0);
  });

  test('data written before the reset of a close with unread bytes arrives', async (t) => {
    const { served, port } = await serve(t);
    served.onConnection = (connection) => {
      connection.reading = false;
    };
    const { socket, bytes, gone } = client({ port });
    socket.write('never read');
    await until(() => served.all.length === 1 && served.stack.tcp.readable(served.all[0]!.handle) > 0);
    served.all[0]!.write(Buffer.from('413'));
    await until(() => bytes().length === 3);
    served.all[0]!.close();
    assert.equal(await gone, 'ECONNRESET');
  });

  test('a client that does not read stops the server, within bounds; reading on loses nothing', async (t) => {
    const { served, port } = await serve(t);
    const data = randomBytes(24_000_000);
    served.onConnection = (connection) => {
      connection.write(data);
      connection.end();
    };
    const { socket, bytes, gone } = client({ port });
    socket.pause();
    // Its own direction is over: the inner connection then ends before the client has read everything.
    socket.end();
    await until(() => served.all.length === 1);
    const waiting = await stillness(() => served.all[0]!.waiting);
    // Kernel socket buffers grow to some megabytes; ours are 1 MB + 256 KB + 256 KB.
    assert.ok(waiting > 8_000_000, `${24_000_000 - waiting} bytes were taken for a client that reads nothing`);
    socket.resume();
    assert.equal(await gone, '');
    assert.ok(bytes().equals(data));
  });

  test('what the stack has sent and closed is kept for a client that reads later', async (t) => {
    const served = new Served();
    t.after(() => served.close());
    const { splice, server } = spliceTo(t, served);
    served.listen(80);
    const data = randomBytes(400_000);
    served.onConnection = (connection) => {
      connection.write(data);
      connection.end();
    };
    const socket = new StubbornSocket();
    splice.accept(socket as unknown as Socket, server, 80);
    socket.emit('end');
    await until(() => served.all[0]?.closed);
    // 256 KB are in Node's hands; the rest lies in an inner connection that has nothing more to hear from the stack.
    assert.ok(socket.writableLength < 350_000);
    assert.equal(splice.size, 1);
    socket.drain();
    assert.ok(Buffer.concat(socket.taken).equals(data));
    assert.deepEqual([socket.writableEnded, splice.size], [true, 0]);
  });

  test('an end that comes while bytes still wait for the stack comes after them', async (t) => {
    const served = new Served();
    t.after(() => served.close());
    const { splice, server } = spliceTo(t, served);
    served.listen(80);
    served.onConnection = (connection) => {
      connection.reading = false;
    };
    const data = randomBytes(4_000_000);
    const socket = new StubbornSocket();
    splice.accept(socket as unknown as Socket, server, 80);
    socket.emit('data', data);
    assert.equal(socket.paused, true);
    socket.emit('end');
    await until(() => served.all.length === 1);
    await wait(20);
    served.all[0]!.reading = true;
    served.all[0]!.turn();
    await until(() => served.all[0]!.ended);
    assert.ok(served.all[0]!.bytes.equals(data));
  });

  test('a server that does not read stops the client, within bounds; reading on loses nothing', async (t) => {
    const { served, port } = await serve(t);
    served.onConnection = (connection) => {
      connection.reading = false;
    };
    const data = randomBytes(24_000_000);
    const { socket } = client({ port });
    socket.end(data);
    await until(() => served.all.length === 1);
    await wait(200);
    const connection = served.all[0]!;
    const taken = served.stack.tcp.readable(connection.handle);
    assert.ok(taken > 0 && taken <= (1 << 20) + 65536, `${taken} bytes`);
    assert.ok(socket.writableLength > 0);
    connection.reading = true;
    connection.turn();
    await until(() => connection.ended);
    assert.ok(connection.bytes.equals(data));
  });

  test('a client port that is used again at once works', async (t) => {
    const { served, port } = await serve(t);
    let serverCloses = true;
    served.onTurn = (connection) => {
      if (connection.received.length === 0 || connection.closed) return;
      if (connection.waiting === 0 && served.stack.tcp.unacked(connection.handle) === 0)
        connection.write(connection.bytes);
      if (serverCloses) connection.end();
    };
    // An address of this process's own, on which nobody else is given the port meanwhile.
    const localAddress = `127.1.${(process.pid >> 8) & 255}.${process.pid & 255}`;
    const first = client({ port, localAddress });
    await once(first.socket, 'connect');
    const localPort = (first.socket.address() as { port: number }).port;
    first.socket.resetAndDestroy(); // leaves no TIME-WAIT in the kernel
    await first.gone;
    for (let round = 0; round < 40; round++) {
      serverCloses = round % 2 === 0;
      const { socket, bytes, end, gone } = client({ port, localAddress, localPort });
      socket.write(`round ${round}`);
      if (serverCloses) {
        // The served side is in TIME-WAIT, the kernel's not: it was closed last there.
        await end;
        socket.end();
      } else {
        await until(() => bytes().length > 0);
        socket.resetAndDestroy();
      }
      assert.equal(await gone, '');
      assert.equal(String(bytes()), `round ${round}`);
    }
    await until(() => served.host.counts.connections === 0);
  });

  test('thousands of short connections in a row leave nothing behind', async (t) => {
    // Fewer rows than connections: TIME-WAIT must not use them up.
    const { served, port } = await serve(t, {}, { tcpRows: 128 });
    served.onTurn = (connection) => {
      if (connection.received.length > 0 && !connection.closed) {
        connection.write(Buffer.from('ok'));
        connection.end();
      }
    };
    let done = 0;
    const worker = async (): Promise<void> => {
      while (done < 800) {
        done++;
        const { socket, bytes, end, gone } = client({ port });
        socket.write('GET');
        await end;
        socket.end();
        assert.equal(await gone, '');
        assert.equal(String(bytes()), 'ok');
      }
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    await until(() => served.host.counts.connections === 0);
  });

  test('a reset while a FIN is on its way closes the socket all the same', async (t) => {
    const accepted: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket));
    t.after(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { socket } = client({ port: (server.address() as { port: number }).port });
    t.after(() => socket.destroy());
    await until(() => accepted.length === 1);
    const closed = once(accepted[0]!, 'close');
    accepted[0]!.on('error', () => {});
    accepted[0]!.end();
    await new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)));
    resetSocket(accepted[0]!);
    await closed;
  });

  test('connections beyond the bound are reset, with one warning', async (t) => {
    const warnings: string[] = [];
    const { served, port } = await serve(t, { maxConnections: 3, onWarning: (message) => warnings.push(message) });
    echo(served);
    const clients: ReturnType<typeof client>[] = [];
    for (let i = 0; i < 3; i++) {
      clients.push(client({ port }));
      clients[i]!.socket.write('x');
      await until(() => clients[i]!.bytes().length === 1);
    }
    for (let i = 0; i < 5; i++) assert.equal(await client({ port }).gone, 'ECONNRESET');
    assert.deepEqual(warnings, ['more than 3 connections at once: the ones beyond are reset']);
    clients[0]!.socket.end();
    await clients[0]!.gone;
    const again = client({ port });
    again.socket.end('room again');
    await again.gone;
    assert.equal(String(again.bytes()), 'room again');
    for (const { socket } of clients) socket.destroy();
  });

  test('stop() lets nobody in and nobody down; close() resets both sides', async (t) => {
    const { served, port } = await serve(t);
    echo(served);
    const { socket, bytes, gone } = client({ port });
    socket.write('one');
    await until(() => bytes().length === 3);
    served.host.stop();
    assert.equal(await client({ port }).gone, 'ECONNREFUSED');
    socket.write('two');
    await until(() => bytes().length === 6);
    served.host.close();
    assert.equal(await gone, 'ECONNRESET');
    await until(() => served.all[0]!.error === ECONNRESET);
  });
});
