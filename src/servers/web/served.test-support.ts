// Test support: the web server on a stack, with clients of every kind and a log that can be read.
// Called by the tests of this floor; calls server.ts through connections it is given.

import assert from 'node:assert/strict';
import http2 from 'node:http2';
import nodeNet from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { createNet } from '../../socket/net.ts';
import { twoNetworks } from '../../socket/two.test-support.ts';
import { Client, TEST_CERTIFICATE } from './client.test-support.ts';
import { createWeb, type Listening, type NetModule, type Web, type WebOptions } from './index.ts';

/** A stack to run the server on, and a way in from outside. */
export interface StackUnderTest {
  readonly net: NetModule;
  /** The address that the server listens on. */
  readonly host: string;
  /** The address that the server sees its clients come from. */
  readonly client: string;
  connect(port: number): Promise<Duplex>;
  close(): Promise<void> | void;
}

/** The kernel's loopback as a stack. */
export function kernelStack(): StackUnderTest {
  return {
    net: nodeNet as unknown as NetModule,
    host: '127.0.0.1',
    client: '127.0.0.1',
    connect: (port) =>
      new Promise((resolve, reject) => {
        const socket = nodeNet.connect({ port, host: '127.0.0.1', noDelay: true });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      }),
    close: () => {},
  };
}

/** Two stacks of ring3's on a memory link: the server's and its clients'. */
export function ring3Stack(): StackUnderTest {
  const two = twoNetworks();
  const net = createNet(two.a);
  return {
    net: createNet(two.b) as unknown as NetModule,
    host: '10.0.0.2',
    client: '10.0.0.1',
    connect: (port) =>
      new Promise<Duplex>((resolve, reject) => {
        const socket = net.connect({ port, host: '10.0.0.2', noDelay: true });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      }),
    close: () => two.close(),
  };
}

/** A server on a stack, with clients. */
export interface Served {
  readonly web: Web;
  readonly listening: Listening;
  readonly log: Record<string, unknown>[];
  client(): Promise<Client>;
  tls(options?: tls.ConnectionOptions): Promise<tls.TLSSocket>;
  h2(): Promise<http2.ClientHttp2Session>;
}

/** Starts a server on port 0 of the stack, with a log that is read as JSON. */
export async function serveOn(stack: StackUnderTest, options: WebOptions): Promise<Served> {
  const log: Record<string, unknown>[] = [];
  const stream = {
    write: (text: string) => {
      for (const line of text.trimEnd().split('\n')) log.push(JSON.parse(line));
      return true;
    },
    once: () => {},
  };
  const web = createWeb({
    log: { format: 'json', stream },
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  const listening = await web.listen({ net: stack.net, host: stack.host, port: 0 });
  const secure = async (more: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> => {
    const socket = tls.connect({
      socket: await stack.connect(listening.port),
      ca: TEST_CERTIFICATE,
      servername: 'localhost',
      ...more,
    });
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    return socket;
  };
  return {
    web,
    listening,
    log,
    client: async () => new Client(await stack.connect(listening.port)),
    tls: secure,
    h2: async () => {
      const socket = await secure({ ALPNProtocols: ['h2'] });
      return http2.connect('https://localhost', { createConnection: () => socket });
    },
  };
}

/** One request over HTTP/2. */
export function ask2(
  session: http2.ClientHttp2Session,
  fields: http2.OutgoingHttpHeaders,
): Promise<{ status: number; headers: http2.IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/', ...fields });
    let headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
    const chunks: Buffer[] = [];
    stream.on('response', (got) => {
      headers = got;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve({ status: headers[':status'] ?? 0, headers, body: Buffer.concat(chunks) }));
    stream.on('error', reject);
    stream.end();
  });
}

/** Waits until `check` holds; fails after five seconds. */
export async function until(check: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`in vain: ${what}`);
}
