// Test support: what the web server does, as one suite for every stack that can be under it.
// Called by web.test.ts (the kernel) and by the tests of other stacks; calls the server through served.test-support.ts.

import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { Client, TEST_CERTIFICATE, TEST_KEY } from './client.test-support.ts';
import { SECRET, type TestFolder, testFolder } from './folder.test-support.ts';
import { ask2, type Served, type StackUnderTest, serveOn, until } from './served.test-support.ts';

/** Registers the suite. */
export function webSuite(name: string, makeStack: () => Promise<StackUnderTest> | StackUnderTest): void {
  describe(`web server on ${name}`, () => {
    let stack: StackUnderTest;
    let folder: TestFolder;
    let served: Served;
    let client: Client;

    before(async () => {
      stack = await makeStack();
      folder = testFolder();
      served = await serveOn(stack, { root: folder.root, tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } });
      client = await served.client();
    });
    after(async () => {
      client.close();
      served.web.close();
      await stack.close();
      folder.remove();
    });

    const pages: [target: string, status: number, type: string | undefined, body: string | undefined][] = [
      ['/', 200, 'text/html; charset=utf-8', '<h1>root</h1>\n'],
      ['/index.html', 200, 'text/html; charset=utf-8', '<h1>root</h1>\n'],
      ['/?query', 200, 'text/html; charset=utf-8', '<h1>root</h1>\n'],
      ['/text.txt', 200, 'text/plain; charset=utf-8', 'abcdefghijklmnopqrstuvwxyz'],
      ['/empty.txt', 200, 'text/plain; charset=utf-8', ''],
      ['/sub/', 200, 'text/html; charset=utf-8', '<h1>sub</h1>\n'],
      ['/a%20b.txt', 200, 'text/plain; charset=utf-8', 'space'],
      ['/%C3%BC.txt', 200, 'text/plain; charset=utf-8', 'umlaut'],
      ['/100%25.txt', 200, 'text/plain; charset=utf-8', 'percent'],
      ['/%252e%252e', 200, 'application/octet-stream', 'twice encoded'],
      ['/README', 200, 'application/octet-stream', 'read me'],
      ['/style.css', 200, 'text/css; charset=utf-8', 'body {}'],
      ['/code.js', 200, 'text/javascript; charset=utf-8', '1;'],
      ['/data.json', 200, 'application/json; charset=utf-8', '{}'],
      ['/image.PNG', 200, 'image/png', 'png'],
      ['/inner', 200, 'application/octet-stream', 'abcdefghijklmnopqrstuvwxyz'],
      ['http://anywhere.example/text.txt', 200, 'text/plain; charset=utf-8', 'abcdefghijklmnopqrstuvwxyz'],
      ['/nothing', 404, undefined, undefined],
      ['/bare/', 404, undefined, undefined],
      ['/bare', 404, undefined, undefined],
      ['/text.txt/', 404, undefined, undefined],
      ['/../outside/secret.txt', 404, undefined, undefined],
      ['/%2e%2e/outside/secret.txt', 404, undefined, undefined],
      ['/%2e%2e%2foutside%2fsecret.txt', 404, undefined, undefined],
      ['/..%5coutside%5csecret.txt', 404, undefined, undefined],
      ['/..\\outside\\secret.txt', 404, undefined, undefined],
      ['/sub/../../outside/secret.txt', 404, undefined, undefined],
      ['//etc/passwd', 404, undefined, undefined],
      ['http://x/../outside/secret.txt', 404, undefined, undefined],
      ['/link', 404, undefined, undefined],
      ['/linkdir/secret.txt', 404, undefined, undefined],
      ['/linkdir/', 404, undefined, undefined],
      ['/linkdir', 404, undefined, undefined],
      ['/.env', 404, undefined, undefined],
      ['/%2eenv', 404, undefined, undefined],
      ['/.git/config', 404, undefined, undefined],
      ['/text.txt%00', 404, undefined, undefined],
      ['/fifo', 404, undefined, undefined],
      ['/device', 404, undefined, undefined],
      [`/${'x'.repeat(300)}`, 404, undefined, undefined],
      [`/${'x/'.repeat(4000)}`, 404, undefined, undefined],
      ['/%', 400, undefined, undefined],
      ['/%zz', 400, undefined, undefined],
      ['/%2e%2e/%f', 400, undefined, undefined],
    ];
    for (const [target, status, type, body] of pages) {
      test(`GET ${target.slice(0, 40)} is ${status}`, async () => {
        const client = await served.client();
        const answer = await client.get(target);
        assert.equal(answer.status, status);
        assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        assert.ok(!answer.body.includes(SECRET));
        if (body !== undefined) assert.equal(answer.body.toString(), body);
        if (type !== undefined) assert.equal(answer.headers['content-type'], type);
        if (status >= 400) {
          assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
          assert.equal(answer.headers['content-security-policy'], "default-src 'none'");
          assert.match(answer.body.toString(), /^4\d\d [A-Z][A-Za-z ]+\n$/);
          assert.equal(answer.headers['etag'], undefined);
        }
        const head = await client.ask('HEAD', target);
        const { date: _, ...wanted } = answer.headers;
        const { date: __, ...got } = head.headers;
        assert.deepEqual([head.status, got], [answer.status, wanted]);
        client.close();
      });
    }

    test('a large file comes whole, over HTTP/1.1, HTTPS and HTTP/2', async () => {
      assert.ok((await client.get('/big.bin')).body.equals(folder.big));
      const secure = new Client(await served.tls());
      assert.ok((await secure.get('/big.bin')).body.equals(folder.big));
      secure.close();
      const session = await served.h2();
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask2(session, { ':path': '/big.bin' })));
      for (const { status, body } of answers) {
        assert.equal(status, 200);
        assert.ok(body.equals(folder.big));
      }
      session.close();
    });

    test('a folder without its slash is sent there, with its query, and to no other host', async () => {
      const answer = await client.get('/sub?a=1&b=%22');
      assert.equal(answer.status, 301);
      assert.equal(answer.headers['location'], '/sub/?a=1&b=%22');
      assert.equal((await client.get('//evil.example/..')).status, 404);
      assert.equal((await client.get('//sub')).status, 404);
    });

    test('other methods: 405 and what is allowed; OPTIONS', async () => {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND']) {
        const answer = await client.ask(method, '/text.txt');
        assert.equal(answer.status, 405);
        assert.equal(answer.headers['allow'], 'GET, HEAD, OPTIONS');
      }
      for (const target of ['/text.txt', '*', '/nothing']) {
        const answer = await client.ask('OPTIONS', target);
        assert.deepEqual([answer.status, answer.headers['allow']], [204, 'GET, HEAD, OPTIONS']);
      }
      client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello');
      assert.equal((await client.answer()).status, 405);
      assert.equal((await client.get('/text.txt')).status, 200); // the content was not taken for a request
      const connect = await served.client();
      connect.send('CONNECT example.org:80 HTTP/1.1\r\nHost: example.org\r\n\r\n');
      assert.equal((await connect.answer()).status, 405);
      connect.close();
    });

    test('conditions', async () => {
      const { headers } = await client.get('/text.txt');
      const etag = headers['etag']!;
      const modified = headers['last-modified']!;
      assert.match(etag, /^"[\x21\x23-\x7e]+"$/);
      assert.equal(modified, new Date(folder.modified * 1000).toUTCString());
      const later = new Date(Date.now()).toUTCString();
      const table: [fields: Record<string, string>, status: number][] = [
        [{ 'If-None-Match': etag }, 304],
        [{ 'If-None-Match': `"x", W/${etag}` }, 304],
        [{ 'If-None-Match': '*' }, 304],
        [{ 'If-None-Match': '"x"' }, 200],
        [{ 'If-None-Match': '"x"', 'If-Modified-Since': later }, 200],
        [{ 'If-Modified-Since': modified }, 304],
        [{ 'If-Modified-Since': later }, 304],
        [{ 'If-Modified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200],
        [{ 'If-Match': etag }, 200],
        [{ 'If-Match': `W/${etag}` }, 412],
        [{ 'If-Match': '"x"' }, 412],
        [{ 'If-Match': '*', 'If-None-Match': '*' }, 304],
        [{ 'If-Unmodified-Since': modified }, 200],
        [{ 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 412],
        [{ 'If-Match': etag, 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200],
        [{ Range: 'bytes=0-1', 'If-None-Match': etag }, 304],
        [{ Range: 'bytes=0-1', 'If-Range': etag }, 206],
        [{ Range: 'bytes=0-1', 'If-Range': modified }, 206],
        [{ Range: 'bytes=0-1', 'If-Range': '"x"' }, 200],
        [{ Range: 'bytes=0-1', 'If-Range': `W/${etag}` }, 200],
        [{ Range: 'bytes=99-', 'If-Range': '"x"' }, 200],
        [{ 'If-Range': etag }, 200],
      ];
      for (const [fields, status] of table) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await client.ask(method, '/text.txt', fields);
          const wanted = method === 'HEAD' && status === 206 ? 200 : status;
          assert.equal(answer.status, wanted, `${method} ${JSON.stringify(fields)}`);
          if (status === 304) assert.equal(answer.headers['etag'], etag);
          if (status === 304) assert.equal(answer.headers['content-length'], undefined);
        }
      }
      // Two dates are no date (RFC 9110 section 13.1.3), and nothing is compared where there is nothing.
      client.send(
        `GET /text.txt HTTP/1.1\r\nHost: x\r\nIf-Modified-Since: ${later}\r\nIf-Modified-Since: ${later}\r\n\r\n`,
      );
      assert.equal((await client.answer()).status, 200);
      assert.equal((await client.get('/nothing', { 'If-Match': '"x"' })).status, 404);
      assert.equal((await client.get('/sub', { 'If-None-Match': '*' })).status, 301);
    });

    test('one range', async () => {
      const table: [range: string, status: number, contentRange: string | undefined, body: string][] = [
        ['bytes=0-2', 206, 'bytes 0-2/26', 'abc'],
        ['bytes=23-', 206, 'bytes 23-25/26', 'xyz'],
        ['bytes=-1', 206, 'bytes 25-25/26', 'z'],
        ['bytes=0-0', 206, 'bytes 0-0/26', 'a'],
        ['bytes=0-999', 206, 'bytes 0-25/26', 'abcdefghijklmnopqrstuvwxyz'],
        ['bytes=0-2,2-4', 206, 'bytes 0-4/26', 'abcde'],
        ['bytes=26-', 416, 'bytes */26', '416 Range Not Satisfiable\n'],
        ['bytes=-0', 416, 'bytes */26', '416 Range Not Satisfiable\n'],
        ['bytes=2-1', 200, undefined, 'abcdefghijklmnopqrstuvwxyz'],
        ['pages=1-2', 200, undefined, 'abcdefghijklmnopqrstuvwxyz'],
      ];
      for (const [range, status, contentRange, body] of table) {
        const answer = await client.get('/text.txt', { Range: range });
        assert.deepEqual(
          [answer.status, answer.headers['content-range'], answer.body.toString()],
          [status, contentRange, body],
          range,
        );
      }
      assert.equal((await client.get('/empty.txt', { Range: 'bytes=0-1' })).status, 200);
      const part = await client.get('/big.bin', { Range: 'bytes=1000000-2999999' });
      assert.ok(part.body.equals(folder.big.subarray(1_000_000, 3_000_000)));
    });

    test('several ranges come as parts', async () => {
      const ranges: [number, number][] = [
        [2_000_000, 2_500_000],
        [0, 9],
        [3_000_000, 3_000_000],
      ];
      const value = `bytes=${ranges.map(([a, b]) => `${a}-${b}`).join(', ')}`;
      const answer = await client.get('/big.bin', { Range: value });
      assert.equal(answer.status, 206);
      assert.equal(answer.headers['content-range'], undefined);
      const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(answer.headers['content-type']!)![1]!;
      const expected: Buffer[] = [];
      for (const [a, b] of ranges) {
        const head = `Content-Type: application/octet-stream\r\nContent-Range: bytes ${a}-${b}/3000001\r\n\r\n`;
        expected.push(Buffer.from(`\r\n--${boundary}\r\n${head}`), folder.big.subarray(a, b + 1));
      }
      expected.push(Buffer.from(`\r\n--${boundary}--\r\n`));
      assert.ok(answer.body.equals(Buffer.concat(expected).subarray(2)));
    });

    test('HTTP/2: conditions, ranges, errors and methods as in HTTP/1.1', async () => {
      const session = await served.h2();
      const whole = await ask2(session, { ':path': '/text.txt' });
      assert.equal(whole.body.toString(), 'abcdefghijklmnopqrstuvwxyz');
      const table: [fields: http2.OutgoingHttpHeaders, status: number, body: string][] = [
        [{ ':path': '/text.txt', 'if-none-match': whole.headers.etag! }, 304, ''],
        [{ ':path': '/text.txt', range: 'bytes=0-2' }, 206, 'abc'],
        [{ ':path': '/text.txt', range: 'bytes=99-' }, 416, '416 Range Not Satisfiable\n'],
        [{ ':path': '/../x' }, 404, '404 Not Found\n'],
        [{ ':path': '/%zz' }, 400, '400 Bad Request\n'],
        [{ ':path': '/sub' }, 301, '301 Moved Permanently\n'],
        [{ ':path': '/text.txt', ':method': 'POST' }, 405, '405 Method Not Allowed\n'],
        [{ ':path': '/text.txt', ':method': 'HEAD' }, 200, ''],
        [{ ':path': '/empty.txt' }, 200, ''],
        [{ ':path': '*', ':method': 'OPTIONS' }, 204, ''],
      ];
      for (const [fields, status, body] of table) {
        const answer = await ask2(session, fields);
        assert.deepEqual([answer.status, answer.body.toString()], [status, body], JSON.stringify(fields));
      }
      session.close();
    });

    test('pipelined requests are answered in their order', async () => {
      const targets = Array.from({ length: 60 }, (_, i) => ['/text.txt', '/big.bin', '/nothing', '/sub/'][i % 4]!);
      client.send(targets.map((target) => `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
      for (const target of targets) {
        const answer = await client.answer();
        if (target === '/big.bin') assert.ok(answer.body.equals(folder.big));
        else assert.equal(answer.status, target === '/nothing' ? 404 : 200);
      }
    });

    test('a client that ends its side after its requests gets every answer', async () => {
      const ended = await served.client();
      ended.send('GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\nGET /text.txt HTTP/1.1\r\nHost: x\r\n\r\n');
      ended.socket.end();
      assert.ok((await ended.answer()).body.equals(folder.big));
      assert.equal((await ended.answer()).status, 200);
      assert.equal((await ended.rest()).length, 0);
    });

    test('a request byte by byte', async () => {
      for (const c of 'GET /text.txt HTTP/1.1\r\nHost: x\r\n\r\n') {
        client.send(c);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await client.answer()).status, 200);
    });

    test('HTTP/1.0 closes unless it asks otherwise', async () => {
      const old = await served.client();
      old.send('GET /text.txt HTTP/1.0\r\n\r\n');
      const text = (await old.rest()).toString();
      assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
      assert.ok(text.endsWith('\r\n\r\nabcdefghijklmnopqrstuvwxyz'));
    });

    const malformed: [what: string, bytes: string, status: number][] = [
      ['no HTTP', 'hello\r\n\r\n', 400],
      ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
      ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
      ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b"c\r\n\r\n', 400],
      ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
      ['a control character', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n', 400],
      ['a bare CR', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n', 400],
      ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
      ['a target that is no path', 'GET text.txt HTTP/1.1\r\nHost: a\r\n\r\n', 400],
      ['two lengths', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
      [
        'length and chunks',
        'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        400,
      ],
      ['HTTP/3.1', 'GET / HTTP/3.1\r\nHost: a\r\n\r\n', 400],
      ['a header of 20 KB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['a header of 1 MB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(1_000_000)}\r\n\r\n`, 431],
      ['200 fields', `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(200)}\r\n`, 431],
    ];
    for (const [what, bytes, status] of malformed) {
      test(`malformed: ${what} is ${status}`, async () => {
        const one = await served.client();
        one.send(bytes);
        const answer = await one.answer();
        assert.equal(answer.status, status);
        one.close();
      });
    }

    test('the log names the client, the request and what it got', async () => {
      const one = await served.client();
      served.log.length = 0;
      await one.get('/text.txt', { 'User-Agent': 'a"b\\', Referer: 'r' });
      const secure = new Client(await served.tls());
      await secure.get('/nothing');
      const session = await served.h2();
      await ask2(session, { ':path': '/text.txt', range: 'bytes=0-4' });
      await until(() => served.log.length === 3, 'three lines');
      const facts = served.log.map((line) => [
        line['method'],
        line['target'],
        line['version'],
        line['status'],
        line['bytes'],
        line['tls'],
      ]);
      assert.deepEqual(facts, [
        ['GET', '/text.txt', '1.1', 200, 26, undefined],
        ['GET', '/nothing', '1.1', 404, 14, true],
        ['GET', '/text.txt', '2.0', 206, 5, true],
      ]);
      for (const line of served.log) {
        assert.equal(line['remote'], stack.client);
        assert.ok(Number(line['port']) > 0);
        assert.equal(line['aborted'], undefined);
      }
      assert.deepEqual([served.log[0]!['agent'], served.log[0]!['referer']], ['a"b\\', 'r']);
      session.close();
      secure.close();
      one.close();
    });

    test('a client that leaves in the middle is logged as such, and its file is closed', async () => {
      served.log.length = 0;
      const one = await served.client();
      one.send('GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n');
      await one.bytes(1000);
      one.close();
      const session = await served.h2();
      const stream = session.request({ ':path': '/big.bin' });
      await new Promise((resolve) => stream.once('data', resolve));
      stream.close(http2.constants.NGHTTP2_CANCEL);
      await until(() => served.log.length === 2, 'two lines');
      for (const line of served.log) assert.equal(line['aborted'], true, JSON.stringify(line));
      session.close();
      await until(() => served.web.stats.active === 0, 'nothing active');
    });
  });
}
