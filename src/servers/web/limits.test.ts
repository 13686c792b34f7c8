// Tests of what one client can hold and for how long, of draining, and of files that change under way; on both stacks.
// Run by node:test; calls server.ts through the helpers of the common suite.

import assert from 'node:assert/strict';
import { appendFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import type http2 from 'node:http2';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client, TEST_CERTIFICATE, TEST_KEY } from './client.test-support.ts';
import { type TestFolder, testFolder } from './folder.test-support.ts';
import { createWeb, type WebOptions } from './index.ts';
import { ask2, kernelStack, ring3Stack, type Served, serveOn, until } from './served.test-support.ts';

const certificate = { cert: TEST_CERTIFICATE, key: TEST_KEY };

for (const [name, make] of [
  ["the kernel's stack", kernelStack],
  ["ring3's stack", ring3Stack],
] as const) {
  const stack = make();
  after(() => stack.close());

  describe(`limits on ${name}`, () => {
    let folder: TestFolder;
    before(() => {
      folder = testFolder();
    });
    after(() => folder.remove());

    /** Runs `body` with a server and closes it. */
    async function using(options: Partial<WebOptions>, body: (served: Served) => Promise<void>): Promise<void> {
      const served = await serveOn(stack, { root: folder.root, ...options });
      try {
        await body(served);
      } finally {
        served.web.close();
      }
    }

    test('a header that does not come to its end: 408', async () => {
      await using({ limits: { headersTimeout: 100 } }, async (served) => {
        const client = await served.client();
        client.send('GET / HTTP/1.1\r\nHost: x\r\n');
        const drip = setInterval(() => client.send('X: y\r\n'), 20);
        assert.equal((await client.answer()).status, 408);
        clearInterval(drip);
        assert.equal((await client.rest()).length, 0);
        await until(() => served.log.length === 1, 'a log line');
        assert.deepEqual([served.log[0]!['status'], served.log[0]!['method']], [408, undefined]);
      });
    });

    test('the same over TLS; and a client that says nothing is just cut', async () => {
      await using({ limits: { headersTimeout: 100, handshakeTimeout: 100 }, tls: certificate }, async (served) => {
        const secure = new Client(await served.tls());
        secure.send('GET / HTTP/1.1\r\n');
        assert.equal((await secure.answer()).status, 408);
        const silent = await served.client();
        assert.equal((await silent.rest()).length, 0);
        const half = await served.client();
        half.send('\x16\x03\x01');
        await half.rest();
      });
    });

    test('a client that ends before it has said anything is let go at once, with a certificate too', async () => {
      for (const tls of [undefined, certificate]) {
        await using(tls === undefined ? {} : { tls }, async (served) => {
          const client = await served.client();
          client.socket.end();
          assert.equal((await client.rest()).length, 0);
          await until(() => served.web.connections.open === 0, 'no connection');
        });
      }
    });

    test('a client that says nothing on a plain port is cut without an answer', async () => {
      await using({ limits: { headersTimeout: 100 } }, async (served) => {
        const client = await served.client();
        assert.equal((await client.rest()).length, 0);
      });
    });

    test('a second request that does not come to its end: 408', async () => {
      await using({ limits: { headersTimeout: 100 } }, async (served) => {
        const client = await served.client();
        assert.equal((await client.get('/text.txt')).status, 200);
        client.send('GET / HT');
        assert.equal((await client.answer()).status, 408);
      });
    });

    test('content that does not come is not waited for longer than requestTimeout', async () => {
      await using({ limits: { headersTimeout: 100, requestTimeout: 200 } }, async (served) => {
        const client = await served.client();
        client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');
        assert.equal((await client.answer()).status, 405);
        await client.rest();
      });
    });

    test('content that is announced with Expect is not asked for where it is not used', async () => {
      await using({}, async (served) => {
        const client = await served.client();
        client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n');
        const text = (await client.rest()).toString();
        assert.match(text, /^HTTP\/1\.1 405 /);
      });
    });

    test('a kept connection is closed after keepAliveTimeout', async () => {
      await using({ limits: { keepAliveTimeout: 50 } }, async (served) => {
        const client = await served.client();
        assert.equal((await client.get('/text.txt')).status, 200);
        await client.rest();
        await until(() => served.web.connections.open === 0, 'no connection');
      });
    });

    test('a client that stops reading is cut after stallTimeout, and its file closed', async () => {
      const large = join(folder.root, 'large.bin');
      writeFileSync(large, '');
      truncateSync(large, 200_000_000);
      await using({ limits: { stallTimeout: 500 }, tls: certificate }, async (served) => {
        const client = await served.client();
        client.send('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n');
        await client.bytes(1000);
        client.socket.pause();
        await until(() => served.log.length === 1, 'a log line');
        assert.equal(served.log[0]!['aborted'], true);
        client.close();
        const session = await served.h2();
        const stream = session.request({ ':path': '/large.bin' });
        stream.once('response', () => stream.pause());
        stream.on('error', () => {});
        session.on('error', () => {});
        await until(() => served.log.length === 2, 'a second log line');
        assert.equal(served.log[1]!['aborted'], true);
        session.destroy();
      });
    });

    test('connections beyond maxConnections are closed at once', async () => {
      await using({ limits: { maxConnections: 2 } }, async (served) => {
        const [one, two] = [await served.client(), await served.client()];
        assert.equal((await one.get('/text.txt')).status, 200);
        assert.equal((await two.get('/text.txt')).status, 200);
        const three = await served.client();
        assert.equal((await three.rest()).length, 0);
        one.close();
        await until(() => served.web.connections.open === 1, 'room');
        const four = await served.client();
        assert.equal((await four.get('/text.txt')).status, 200);
      });
    });

    test('a flood of pipelined requests is cut; the server goes on', async () => {
      await using({}, async (served) => {
        const flood = await served.client();
        flood.socket.on('error', () => {});
        for (let i = 0; i < 20; i++) flood.send('GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200));
        flood.socket.pause();
        const client = await served.client();
        assert.equal((await client.get('/text.txt')).status, 200);
        assert.ok(served.web.stats.active <= 2);
        flood.close();
      });
    });

    test('HTTP/2: no more than maxStreams at once, and headers within their limits', async () => {
      await using({ tls: certificate, limits: { maxStreams: 3 } }, async (served) => {
        const session = await served.h2();
        await ask2(session, {});
        assert.equal(session.remoteSettings.maxConcurrentStreams, 3);
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask2(session, { ':path': '/text.txt' })));
        assert.ok(answers.every(({ status }) => status === 200));
        await assert.rejects(ask2(session, Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`x${i}`, 'y']))));
        session.destroy();
      });
    });

    test('a certificate that is none is refused when the server is made', () => {
      assert.throws(() => createWeb({ root: folder.root, tls: { cert: 'x', key: 'y' } }));
    });

    test('a folder that is not there is refused when the server is made', () => {
      assert.throws(() => createWeb({ root: join(folder.root, 'nowhere') }), { code: 'ENOENT' });
      assert.throws(() => createWeb({ root: join(folder.root, 'text.txt') }), { code: 'ENOTDIR' });
    });

    test('a port that is taken rejects with EADDRINUSE', async () => {
      await using({}, async (served) => {
        const port = served.listening.port;
        await assert.rejects(served.web.listen({ net: stack.net, port, host: stack.host }), { code: 'EADDRINUSE' });
      });
    });
  });

  describe(`draining on ${name}`, () => {
    let folder: TestFolder;
    before(() => {
      folder = testFolder();
      truncateSync(join(folder.root, 'text.txt'), 0);
      appendFileSync(join(folder.root, 'text.txt'), 'x'.repeat(20_000_000));
    });
    after(() => folder.remove());

    test('idle connections close, running answers come whole, new ones are not taken', async () => {
      const served = await serveOn(stack, { root: folder.root, tls: certificate });
      const idle = await served.client();
      await idle.get('/index.html');
      const fresh = await served.client();
      const shaking = await served.client();
      shaking.send('\x16');
      const busy = await served.client();
      busy.send('GET /text.txt HTTP/1.1\r\nHost: x\r\n\r\n');
      await busy.bytes(1);
      busy.socket.pause();
      const secure = new Client(await served.tls());
      await secure.get('/index.html');
      const session = await served.h2();
      const stream = session.request({ ':path': '/text.txt' });
      await new Promise((resolve) => stream.once('response', resolve));
      await until(() => served.web.connections.open === 6, 'six connections');

      const drained = served.web.drain(10_000);
      for (const one of [idle, fresh, shaking, secure]) await one.rest();
      await assert.rejects(served.client(), { code: 'ECONNREFUSED' });
      await until(() => served.web.connections.open === 2, 'only the busy ones');
      busy.socket.resume();
      let length = 0;
      stream.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      await new Promise((resolve) => stream.once('end', resolve));
      assert.equal(length, 20_000_000);
      const rest = await busy.rest();
      assert.ok(rest.subarray(-20_000_000).equals(Buffer.alloc(20_000_000, 'x')));
      assert.equal(await drained, 0);
    });

    test('what is not done by the deadline is cut, and counted', async () => {
      const served = await serveOn(stack, { root: folder.root, tls: certificate });
      const busy = await served.client();
      busy.send('GET /text.txt HTTP/1.1\r\nHost: x\r\n\r\n');
      await busy.bytes(1);
      busy.socket.pause();
      const session = await served.h2();
      session.on('error', () => {});
      const stream: http2.ClientHttp2Stream = session.request({ ':path': '/text.txt' });
      stream.on('error', () => {});
      stream.once('response', () => stream.pause());
      await new Promise((resolve) => stream.once('response', resolve));
      assert.equal(await served.web.drain(50), 2);
      await until(() => served.web.connections.open === 0, 'no connection');
      await until(() => served.log.length === 2, 'two lines');
      assert.ok(served.log.every((line) => line['aborted'] === true));
      busy.close();
      session.destroy();
    });

    test('a request that arrives on a kept connection during draining is the last one on it', async () => {
      const served = await serveOn(stack, { root: folder.root });
      const client = await served.client();
      client.send('GET /text.txt HTTP/1.1\r\nHost: x\r\n\r\n');
      client.send('GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n');
      const first = await client.bytes(1);
      assert.equal(first.toString(), 'H');
      const drained = served.web.drain(5_000);
      const rest = (await client.rest()).toString('latin1');
      assert.equal(rest.match(/TTP\/1\.1 200 OK/g)?.length, 2);
      assert.match(rest, /Connection: close/);
      assert.equal(await drained, 0);
    });
  });

  describe(`files that change while they are sent over ${name}`, () => {
    let folder: TestFolder;
    before(() => {
      folder = testFolder();
    });
    after(() => folder.remove());

    for (const [what, change] of [
      ['becomes shorter', (path: string) => truncateSync(path, 1_000_000)],
      ['is written to', (path: string) => writeFileSync(path, Buffer.alloc(50_000_000, 'b'))],
      ['grows', (path: string) => appendFileSync(path, 'more')],
    ] as const) {
      test(`a file that ${what}: the answer ends early, in HTTP/1.1 and HTTP/2`, async () => {
        const served = await serveOn(stack, { root: folder.root, tls: certificate });
        const path = join(folder.root, 'changing.bin');
        const make = (): void => {
          writeFileSync(path, Buffer.alloc(50_000_000, 'a'));
          utimesSync(path, 1000, 1000);
        };
        make();
        const client = await served.client();
        client.send('GET /changing.bin HTTP/1.1\r\nHost: x\r\n\r\n');
        await client.bytes(1000);
        client.socket.pause();
        await until(() => (client.socket as Socket).bytesRead > 0, 'bytes');
        change(path);
        client.socket.resume();
        assert.ok((await client.rest()).length < 50_000_000);
        make();
        const session = await served.h2();
        const stream = session.request({ ':path': '/changing.bin' });
        await new Promise((resolve) => stream.once('response', resolve));
        change(path);
        let length = 0;
        stream.on('data', (chunk: Buffer) => {
          length += chunk.length;
        });
        const error = await new Promise<NodeJS.ErrnoException>((resolve) => stream.once('error', resolve));
        assert.equal(error.code, 'ERR_HTTP2_STREAM_ERROR');
        assert.ok(length < 50_000_000);
        assert.equal((await ask2(session, { ':path': '/index.html' })).status, 200); // only the stream was ended
        session.close();
        served.web.close();
      });
    }
  });
}
