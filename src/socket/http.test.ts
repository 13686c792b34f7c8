// node:http, node:https, node:http2 and fetch run on ring3's sockets unchanged, and say who is at the other end.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type nodeHttp from 'node:http';
import type nodeHttp2 from 'node:http2';
import { type AddressInfo, connect as kernelConnect, type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { Agent, fetch } from 'undici';
import { cert, key } from '../../examples/certificate.ts';
import { createHttp, type Http } from './http.ts';
import { lend } from './lend.ts';
import { createNet, type Net } from './net.ts';
import { type Two, twoNetworks } from './two.test-support.ts';

const HOST = '10.0.0.2';

/** What a server can say of its client, and the client of the server. */
interface Ends {
  remoteAddress?: string;
  remotePort?: number;
  remoteFamily?: string;
  localAddress?: string;
  localPort?: number;
  encrypted?: boolean;
}

function endsOf(socket: unknown): Ends {
  const { remoteAddress, remotePort, remoteFamily, localAddress, localPort, encrypted } = socket as Required<Ends>;
  return { remoteAddress, remotePort, remoteFamily, localAddress, localPort, encrypted: Boolean(encrypted) };
}

/** A handler that answers with what it knows of the connection, the request's body hashed, and the protocol. */
function handler(
  req: nodeHttp.IncomingMessage | nodeHttp2.Http2ServerRequest,
  res: { end(body: string): unknown },
): void {
  const hash = createHash('sha1');
  req.on('data', (d) => hash.update(d));
  req.on('end', () =>
    res.end(JSON.stringify({ ...endsOf(req.socket), version: req.httpVersion, body: hash.digest('hex') })),
  );
}

const EMPTY = createHash('sha1').digest('hex');

async function bodyOf(stream: NodeJS.ReadableStream): Promise<string> {
  let out = '';
  for await (const chunk of stream) out += chunk;
  return out;
}

describe('HTTP over ring3', { concurrency: false, timeout: 30_000 }, () => {
  let two: Two;
  let net: Net;
  let a: Http;
  let b: Http;
  const open: { close(): unknown }[] = [];
  before(() => {
    two = twoNetworks();
    net = createNet(two.a);
    a = createHttp(two.a);
    b = createHttp(two.b);
  });
  after(() => two.close());
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });

  function keep<T extends { close(): unknown }>(one: T): T {
    open.push(one);
    return one;
  }

  async function listen<T extends { listen(port: number, host: string): unknown; address(): unknown }>(
    server: T,
  ): Promise<number> {
    server.listen(0, HOST);
    await once(server as never, 'listening');
    return (server.address() as AddressInfo).port;
  }

  test('node:http: a server as one writes it, a client as one writes it', async () => {
    const server = keep(b.http.createServer(handler));
    const port = await listen(server);
    const response = await new Promise<nodeHttp.IncomingMessage>((resolve, reject) => {
      a.http.get(`http://${HOST}:${port}/x`, resolve).on('error', reject);
    });
    // A socket that goes back to its agent is no longer the response's.
    const own = endsOf(response.socket);
    const seen = JSON.parse(await bodyOf(response));
    assert.deepEqual([own.remoteAddress, own.remotePort], [HOST, port]);
    assert.deepEqual(seen, {
      remoteAddress: '10.0.0.1',
      remotePort: own.localPort,
      remoteFamily: 'IPv4',
      localAddress: HOST,
      localPort: port,
      encrypted: false,
      version: '1.1',
      body: EMPTY,
    });
    a.http.globalAgent.destroy();
  });

  test('node:http: keep-alive uses a connection again; a large body goes both ways whole', async () => {
    const body = Buffer.alloc(3_000_000, 'ring3');
    const server = keep(b.http.createServer((req, res) => req.pipe(res)));
    let connections = 0;
    server.on('connection', () => connections++);
    const port = await listen(server);
    const agent = new a.http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 3; i++) {
      const request = a.http.request({ host: HOST, port, method: 'POST', agent });
      request.end(body);
      const [response] = (await once(request, 'response')) as [nodeHttp.IncomingMessage];
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      assert.ok(Buffer.concat(parts).equals(body));
    }
    assert.equal(connections, 1);
    agent.destroy();
  });

  test("node:http: the server's own close, address, limits and events go on working", async () => {
    const server = b.http.createServer({ keepAliveTimeout: 60_000 }, (_req, res) => res.end('ok'));
    assert.equal(server.listening, false);
    assert.equal(server.address(), null);
    const port = await listen(server);
    assert.equal(server.listening, true);
    assert.deepEqual(server.address(), { address: HOST, family: 'IPv4', port });
    const agent = new a.http.Agent({ keepAlive: true });
    const [response] = (await once(a.http.get({ host: HOST, port, agent }), 'response')) as [nodeHttp.IncomingMessage];
    assert.equal(await bodyOf(response), 'ok');
    const count = await new Promise((resolve) => server.getConnections((_e, n) => resolve(n)));
    assert.equal(count, 1);
    const taken = b.http.createServer().listen(port, HOST);
    const [error] = await once(taken, 'error');
    assert.equal(error.message, `listen EADDRINUSE: address already in use ${HOST}:${port}`);
    assert.throws(() => server.listen(0), { code: 'ERR_SERVER_ALREADY_LISTEN' });
    // It closes idle connections, as http.Server does since Node 19.
    await new Promise((resolve) => server.close(resolve));
    assert.equal(server.listening, false);
    agent.destroy();
  });

  test('node:http: maxConnections drops, a reset client ends its request', async () => {
    const server = keep(b.http.createServer());
    server.maxConnections = 1;
    const port = await listen(server);
    const closed = new Promise<string>((resolve) =>
      server.on('request', (req: nodeHttp.IncomingMessage) =>
        req.on('error', (e: NodeJS.ErrnoException) => resolve(e.code!)),
      ),
    );
    const dropped = once(server, 'drop');
    const first = net.connect(port, HOST);
    first.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab');
    await once(first, 'connect');
    const second = net.connect(port, HOST);
    second.on('error', () => {});
    assert.equal((await dropped)[0].remoteAddress, '10.0.0.1');
    second.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    first.resetAndDestroy();
    assert.equal(await closed, 'ECONNRESET');
  });

  test('node:http: upgrade hands over the ring3 socket', async () => {
    const server = keep(b.http.createServer());
    server.on('upgrade', (_req, socket, head) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.write(head);
      socket.pipe(socket);
    });
    const port = await listen(server);
    const request = a.http.get({ host: HOST, port, headers: { connection: 'Upgrade', upgrade: 'echo' }, agent: false });
    const [, socket] = await once(request, 'upgrade');
    socket.end('over and over');
    assert.equal(await bodyOf(socket), 'over and over');
    assert.ok(socket instanceof net.Socket);
  });

  test('node:http: errors of a request are those of node:net', async () => {
    const [refused] = await once(a.http.get({ host: HOST, port: 1 }), 'error');
    assert.equal(refused.message, `connect ECONNREFUSED ${HOST}:1`);
    const timeouts = keep(b.http.createServer(() => {}));
    const port = await listen(timeouts);
    const request = a.http.get({ host: HOST, port, timeout: 30, agent: false });
    await once(request, 'timeout');
    request.destroy(new Error('too slow'));
    assert.equal((await once(request, 'error'))[0].message, 'too slow');
  });

  test('node:https: addresses and encrypted on both sides, sessions and keep-alive', async () => {
    const server = keep(b.https.createServer({ key, cert }, handler));
    const port = await listen(server);
    const agent = new a.https.Agent({ ca: cert, keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 2; i++) {
      const [response] = (await once(a.https.get({ host: HOST, port, agent }), 'response')) as [
        nodeHttp.IncomingMessage,
      ];
      const own = endsOf(response.socket);
      assert.deepEqual(response.socket.address(), { address: '10.0.0.1', family: 'IPv4', port: own.localPort });
      assert.deepEqual(JSON.parse(await bodyOf(response)), {
        remoteAddress: '10.0.0.1',
        remotePort: own.localPort,
        remoteFamily: 'IPv4',
        localAddress: HOST,
        localPort: port,
        encrypted: true,
        version: '1.1',
        body: EMPTY,
      });
      assert.equal(own.remoteAddress, HOST);
      assert.equal(own.remotePort, port);
      assert.equal(own.encrypted, true);
    }
    agent.destroy();
  });

  test('node:https: who is refused is told, and tlsClientError knows the address', async () => {
    const [refused] = await once(a.https.get({ host: HOST, port: 1 }), 'error');
    assert.equal(refused.code, 'ECONNREFUSED');
    const server = keep(b.https.createServer({ key, cert }, handler));
    const port = await listen(server);
    const [untrusted] = await once(a.https.get({ host: HOST, port, agent: false }), 'error');
    assert.equal(untrusted.code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    const failed = new Promise((resolve) =>
      server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: tls.TLSSocket) => {
        // The client before has gone, too.
        if (error.code === 'ERR_SSL_HTTP_REQUEST') resolve(socket.remoteAddress);
      }),
    );
    const plain = net.connect(port, HOST);
    plain.on('error', () => {});
    plain.write('GET / HTTP/1.0\r\n\r\n');
    assert.equal(await failed, '10.0.0.1');
    plain.destroy();
  });

  test('node:tls: options and references reach the ring3 socket', async () => {
    const server = keep(b.adopt(tls.createServer({ key, cert }, (socket) => socket.end('over TLS'))));
    const port = await listen(server);
    const raw = net.connect(port, HOST);
    const calls: unknown[] = [];
    for (const name of ['setNoDelay', 'setKeepAlive', 'ref', 'unref'] as const) {
      const own = raw[name] as (...args: unknown[]) => unknown;
      Object.assign(raw, {
        [name](...args: unknown[]) {
          calls.push([name, ...args]);
          return own.apply(raw, args);
        },
      });
    }
    const secure = tls.connect({ socket: raw, ca: cert, host: HOST, servername: 'server.example' });
    lend(secure);
    lend(secure);
    await once(secure, 'secureConnect');
    secure.setNoDelay(true).setKeepAlive(true, 3000).unref().ref();
    assert.deepEqual(calls, [['setNoDelay', true], ['setKeepAlive', true, 3000], ['unref'], ['ref']]);
    assert.equal(await bodyOf(secure), 'over TLS');
  });

  test('node:http2 without TLS', async () => {
    const server = keep(b.http2.createServer(handler));
    const port = await listen(server);
    const client = a.http2.connect(`http://${HOST}:${port}`);
    await once(client, 'connect');
    const seen = JSON.parse(await bodyOf(client.request({ ':path': '/' })));
    const own = endsOf(client.socket);
    assert.equal(seen.version, '2.0');
    assert.deepEqual([seen.remoteAddress, seen.remotePort, seen.encrypted], ['10.0.0.1', own.localPort, false]);
    assert.deepEqual([own.remoteAddress, own.remotePort, own.encrypted], [HOST, port, false]);
    client.close();
    await once(client, 'close');
  });

  test('node:http2 over TLS, with HTTP/1.1 beside it; many streams with bodies', async () => {
    const server = keep(b.http2.createSecureServer({ key, cert, allowHTTP1: true }, handler as never));
    const port = await listen(server);
    const client = a.http2.connect(`https://${HOST}:${port}`, { ca: cert });
    await once(client, 'connect');
    assert.equal(client.encrypted, true);
    assert.equal(client.alpnProtocol, 'h2');
    const body = Buffer.alloc(200_000, 'stream');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => {
        const stream = client.request({ ':path': '/', ':method': 'POST' });
        stream.end(body);
        return bodyOf(stream).then(JSON.parse);
      }),
    );
    const own = endsOf(client.socket);
    for (const seen of answers) {
      assert.deepEqual(
        [seen.remoteAddress, seen.remotePort, seen.encrypted, seen.version],
        ['10.0.0.1', own.localPort, true, '2.0'],
      );
      assert.equal(seen.body, createHash('sha1').update(body).digest('hex'));
    }
    assert.deepEqual([own.remoteAddress, own.remotePort, own.encrypted], [HOST, port, true]);
    client.close();
    const agent = new a.https.Agent({ ca: cert });
    const [one] = (await once(a.https.get({ host: HOST, port, agent }), 'response')) as [nodeHttp.IncomingMessage];
    const seen = JSON.parse(await bodyOf(one));
    assert.deepEqual([seen.version, seen.remoteAddress, seen.encrypted], ['1.1', '10.0.0.1', true]);
    agent.destroy();
  });

  test('node:http2: a server that is not there is an error of the session', async () => {
    const client = a.http2.connect(`http://${HOST}:1`);
    const [error] = await once(client, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });

  test('fetch through undici: HTTP, HTTPS and HTTP/2', async () => {
    const plain = keep(b.http.createServer(handler));
    const secure = keep(b.http2.createSecureServer({ key, cert, allowHTTP1: true }, handler as never));
    const [port, securePort] = [await listen(plain), await listen(secure)];
    const body = 'x'.repeat(100_000);
    for (const [options, url, version, encrypted] of [
      [{}, `http://${HOST}:${port}/`, '1.1', false],
      [{ ca: cert }, `https://${HOST}:${securePort}/`, '1.1', true],
      [{ ca: cert, allowH2: true }, `https://${HOST}:${securePort}/`, '2.0', true],
    ] as const) {
      const dispatcher = new Agent({ connect: a.connector(options), allowH2: 'allowH2' in options });
      for (let i = 0; i < 2; i++) {
        const response = await fetch(url, { dispatcher, method: 'POST', body });
        const seen = (await response.json()) as Record<string, unknown>;
        assert.deepEqual([seen['remoteAddress'], seen['version'], seen['encrypted']], ['10.0.0.1', version, encrypted]);
        assert.equal(seen['body'], createHash('sha1').update(body).digest('hex'));
      }
      await dispatcher.close();
    }
  });

  test('fetch: refused, and no answer in time', async () => {
    const dispatcher = new Agent({ connect: a.connector({ timeout: 50 }) });
    const refused = await fetch(`http://${HOST}:8081/`, { dispatcher }).catch((e) => e);
    assert.equal(refused.cause.code, 'ECONNREFUSED');
    // An address that nobody has: the wire leads to the other stack, which is no router.
    const late = await fetch('http://10.0.0.77/', { dispatcher }).catch((e) => e);
    assert.equal(late.cause.code, 'ETIMEDOUT');
    await dispatcher.close();
  });

  test("the connector calls back once, later, and leaves the socket's errors to its user", async () => {
    const server = keep(b.http.createServer());
    const port = String(await listen(server));
    const answers: unknown[][] = [];
    const answered = new Promise<void>((resolve) => {
      a.connector({ timeout: 100 })({ hostname: HOST, protocol: 'http:', port }, (...answer: unknown[]) => {
        answers.push(answer);
        resolve();
      });
    });
    assert.deepEqual(answers, []);
    await answered;
    const socket = answers[0]![1] as Socket;
    const failed = once(socket, 'error');
    socket.destroy(new Error('later'));
    assert.equal((await failed)[0].message, 'later');
    await new Promise((resolve) => setTimeout(resolve, 120));
    assert.equal(answers.length, 1);
  });

  test("a server of the kernel's is left alone", async () => {
    const { default: http } = await import('node:http');
    const server = keep(http.createServer((_req, res) => res.end('kernel')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = kernelConnect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.end('GET / HTTP/1.0\r\n\r\n');
    assert.match(await bodyOf(socket), /kernel$/);
    assert.notEqual(b.http.createServer, http.createServer);
    assert.equal(b.http.STATUS_CODES, http.STATUS_CODES);
  });
});
