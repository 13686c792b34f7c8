// The first things that the README says, as a new user does them: without root, over the `host` link, with curl.
// Run by node:test; starts `npm start`'s script where this is its build output, else the command; as nobody where we are root.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { folder, START } from './support/kernel-rig.ts';
import { built, builtRoot, project } from './support/paths.ts';
import { findProgram, needs } from './support/privileges.ts';
import { type Running, type RunResult, run, start } from './support/run.ts';

const NEEDS = needs({ programs: ['curl'] });
const SITE = project('examples/site');
const [SUM = ''] = readFileSync(join(SITE, 'download.sha256'), 'utf8').split(' ');

/** The program and arguments that serve the example site; `npm start` where that needs no building. */
function serving(...options: string[]): string[] {
  if (builtRoot === project('dist')) return [process.execPath, project('scripts/start.mjs'), ...options];
  return [process.execPath, built('src/cli/main.js'), 'serve', SITE, ...options];
}

/** The same without root's rights, if root we are and others may read the project at all. */
async function unprivileged(command: string[]): Promise<string[]> {
  const setpriv = findProgram('setpriv');
  if (process.getuid?.() !== 0 || setpriv === undefined) return command;
  const prefix = [setpriv, '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--no-new-privs'];
  const [program, ...args] = [...prefix, process.execPath, built('src/cli/main.js'), '--version'];
  const { code } = await run(program!, args);
  return code === 0 ? [...prefix, ...command] : command;
}

function begin(command: string[]): Running {
  const [program, ...args] = command;
  return start(program!, args);
}

function curl(...args: string[]): Promise<RunResult> {
  return run('curl', ['-sS', '-m', '30', '-g', ...args], { timeout: 40_000 });
}

describe('npm start, without root', NEEDS, () => {
  let server: Running;
  let base = '';
  before(async () => {
    // What the first start makes belongs to whoever owns the project, not to nobody.
    if (builtRoot === project('dist') && !existsSync(join(SITE, 'download.bin'))) {
      const { makeDownload } = (await import(project('scripts/download.mjs'))) as { makeDownload(): void };
      makeDownload();
    }
    const command = await unprivileged(serving('--port', '0'));
    server = begin(command);
    [, base = ''] = await server.output(/(http:\/\/127\.0\.0\.1:\d+)\//, START);
    await server.output(/Stop with Ctrl-C/);
  });
  after(() => server?.stop());

  test('it says where, over which link, and how to stop; nothing on stderr', () => {
    assert.match(server.stdout(), /link host/);
    assert.match(server.stdout(), /Stop with Ctrl-C/);
    assert.equal(server.stderr(), '');
  });

  test('pages with their types', async () => {
    const index = readFileSync(join(SITE, 'index.html'), 'utf8');
    assert.equal((await curl(`${base}/`)).stdout, index);
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/style.css', 'text/css; charset=utf-8'],
      ['/images/rings.png', 'image/png'],
      ['/logo.svg', 'image/svg+xml'],
      ['/notes/', 'text/html; charset=utf-8'],
      ['/notes/plain.txt', 'text/plain; charset=utf-8'],
      ['/notes/a%20file%20with%20spaces.txt', 'text/plain; charset=utf-8'],
    ] as const) {
      const { stdout } = await curl('-o', '/dev/null', '-w', '%{http_code} %{content_type}', base + path);
      assert.equal(stdout, `200 ${type}`, path);
    }
    assert.match((await curl('-I', `${base}/notes`)).stdout, /^HTTP\/1\.1 30[18]/);
  });

  test('the download is whole, many times at once', async (t) => {
    const files = Array.from({ length: 4 }, () => join(folder(t), 'download.bin'));
    await Promise.all(files.map((file) => curl('-o', file, `${base}/download.bin`)));
    for (const file of files) assert.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), SUM);
  });

  test('ranges: first bytes, last bytes, several; conditions', async (t) => {
    const file = readFileSync(join(SITE, 'download.bin'));
    const got = join(folder(t), 'part');
    for (const [range, expected] of [
      ['0-99', file.subarray(0, 100)],
      ['5000000-5000999', file.subarray(5_000_000, 5_001_000)],
      ['-500', file.subarray(-500)],
      [`${file.length - 1}-`, file.subarray(-1)],
    ] as const) {
      const { stdout } = await curl('-r', range, '-o', got, '-w', '%{http_code}', `${base}/download.bin`);
      assert.equal(stdout, '206');
      assert.ok(readFileSync(got).equals(expected), range);
    }
    const several = await curl('-r', '0-1,4-5', '-I', `${base}/download.bin`);
    assert.match(several.stdout, /^HTTP\/1\.1 (200|206)/);
    const beyond = await curl('-r', `${file.length}-`, '-o', '/dev/null', '-w', '%{http_code}', `${base}/download.bin`);
    assert.equal(beyond.stdout, '416');
    const [, etag] = /^etag: (.+?)\r$/im.exec((await curl('-I', `${base}/`)).stdout)!;
    const same = await curl('-H', `If-None-Match: ${etag}`, '-o', '/dev/null', '-w', '%{http_code}', `${base}/`);
    assert.equal(same.stdout, '304');
    // A download that broke off goes on where it ended.
    await curl('-r', '0-3999999', '-o', got, `${base}/download.bin`);
    await curl('-C', '-', '-o', got, `${base}/download.bin`);
    assert.equal(statSync(got).size, file.length);
    assert.equal(createHash('sha256').update(readFileSync(got)).digest('hex'), SUM);
  });

  test('what is not there, or not for others, is 404; what is no address is 400', async () => {
    for (const path of [
      '/missing.html',
      '/notes/missing/',
      '/images/',
      '/.hidden',
      '/../package.json',
      '/%2e%2e/%2e%2e/package.json',
      '/..%2f..%2fpackage.json',
      '/notes/../../../package.json',
      '/....//package.json',
      '/%2e%2e%5cpackage.json',
      '//etc/passwd',
      '/index.html%00.png',
      '/%c0%ae%c0%ae/',
    ]) {
      const { stdout } = await curl('--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', base + path);
      assert.equal(stdout, '404', path);
    }
    for (const path of ['/%', '/%zz', '/%a']) {
      const { stdout } = await curl('--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', base + path);
      assert.equal(stdout, '400', path);
    }
  });

  test('other methods are refused, and noise is answered by 400', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { stdout } = await curl('-X', method, '-d', 'x', '-o', '/dev/null', '-w', '%{http_code}', `${base}/`);
      assert.equal(stdout, '405', method);
    }
    const { hostname, port } = new URL(base);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write('\u0000\u0001 what is this\r\n\r\n'));
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', reject);
      socket.on('end', () => resolve(text));
    });
    assert.match(answer, /^HTTP\/1\.1 400/);
  });

  test('a second server on the same port: one line that says what to do', async () => {
    const [program, ...args] = serving('--port', new URL(base).port);
    const { code, stdout, stderr } = await run(program!, args);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(
      stderr,
      /^ring3 serve: TCP port \d+ of 127\.0\.0\.1 is in use by another program: stop that, or choose another port\n$/,
    );
  });

  test('SIGTERM in the middle of a download: it finishes, and the server ends with 0', async (t) => {
    const file = join(folder(t), 'download.bin');
    const running = curl('--limit-rate', '3M', '-o', file, `${base}/download.bin`);
    await begun(file);
    server.child.kill('SIGTERM');
    await server.output(/1 answer is still running/);
    const late = await curl('-o', '/dev/null', `${base}/`);
    assert.equal(late.code, 7, 'nobody new is let in');
    assert.equal((await running).code, 0);
    assert.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), SUM);
    assert.equal((await server.done).code, 0);
  });
});

async function begun(file: string): Promise<void> {
  for (let tries = 0; !statSync(file, { throwIfNoEntry: false })?.size; tries++) {
    assert.ok(tries < 300, 'the download does not begin');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a second signal ends it at once', NEEDS, async (t: TestContext) => {
  const server = begin(serving('--port', '0'));
  t.after(() => server.stop());
  const [, base] = await server.output(/(http:\/\/127\.0\.0\.1:\d+)\//, START);
  const file = join(folder(t), 'download.bin');
  const running = curl('--limit-rate', '1M', '-o', file, `${base}/download.bin`);
  await begun(file);
  server.child.kill('SIGINT');
  await server.output(/still running/);
  server.child.kill('SIGINT');
  const { code } = await server.done;
  assert.equal(code, 130);
  assert.notEqual((await running).code, 0);
});
