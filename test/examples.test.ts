// Every example runs as its header says, and does what it is an example of. They are short: that is half of their point.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { afterEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cert } from '../examples/certificate.ts';
import { project } from './support/paths.ts';

const built = (name: string): string => fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url));

async function output(name: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [built(name)], { timeout: 20_000 });
  return stdout.trimEnd().split('\n');
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let out = '';
  for await (const part of stream) out += part;
  return out;
}

describe('examples', { timeout: 60_000 }, () => {
  const running: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of running.splice(0)) {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    }
  });

  /** Starts a server on a free port; its address. */
  async function serve(name: string): Promise<string> {
    const child = spawn(process.execPath, [built(name), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    running.push(child);
    const [line] = await once(child.stdout, 'data');
    return String(line).trim();
  }

  test('http-server', async () => {
    const url = await serve('http-server');
    const [response] = (await once(http.get(`${url}/some/path`, { agent: false }), 'response')) as [
      http.IncomingMessage,
    ];
    const { localPort } = response.socket;
    assert.equal(await textOf(response), `GET /some/path from 127.0.0.1 port ${localPort}\n`);
  });

  test('https-server', async () => {
    const url = await serve('https-server');
    const [response] = (await once(https.get(`${url}/x`, { agent: false, ca: cert }), 'response')) as [
      http.IncomingMessage,
    ];
    const { localPort } = response.socket;
    assert.equal(await textOf(response), `/x from 127.0.0.1 port ${localPort}, encrypted: true\n`);
  });

  test('http2-server', async () => {
    const url = await serve('http2-server');
    const session = http2.connect(url, { ca: cert });
    const answer = await textOf(session.request({ ':path': '/y' }));
    assert.equal(answer, `HTTP/2.0 /y from 127.0.0.1 port ${session.socket.localPort}\n`);
    session.close();
    const [response] = (await once(https.get(`${url}/z`, { agent: false, ca: cert }), 'response')) as [
      http.IncomingMessage,
    ];
    assert.match(await textOf(response), /^HTTP\/1\.1 \/z from 127\.0\.0\.1 port/);
  });

  test('simulation', async () => {
    // The example is a test itself: it shall not take itself for one of ours.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, [built('simulation')], { env, timeout: 30_000 });
    assert.match(stdout, /pass 1$/m);
    assert.match(stdout, /fail 0$/m);
  });

  test('fetch', async () => {
    assert.deepEqual(await output('fetch'), [
      'http://10.0.0.2/ 200 hello, 10.0.0.1',
      'https://10.0.0.2/ 200 hello, 10.0.0.1, over HTTP/2.0',
    ]);
  });

  test('echo', async () => {
    const [connection, ...rest] = await output('echo');
    assert.match(connection!, /^server: a connection from 10\.0\.0\.1 port \d+$/);
    assert.deepEqual(rest, ['client: hello, stack', 'closed']);
  });

  test('udp-echo', async () => {
    const [received, answer] = await output('udp-echo');
    assert.match(received!, /^server: 12 bytes from 10\.0\.0\.1 port \d+$/);
    assert.equal(answer, 'client: hello, stack from 10.0.0.2');
  });

  test('each has fewer than 60 lines', () => {
    const folder = project('examples');
    const names = readdirSync(folder).filter((name) => name.endsWith('.ts'));
    assert.ok(names.length >= 6);
    for (const name of names) {
      const lines = readFileSync(`${folder}/${name}`, 'utf8').split('\n').length - 1;
      assert.ok(lines < 60, `${name}: ${lines}`);
    }
  });
});
