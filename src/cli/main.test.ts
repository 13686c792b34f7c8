// Tests of the command as people run it: a process with arguments, output, signals and an exit code.
// Run by node:test; starts the built main.js. Needs no privilege.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { built, projectRoot } from '../../test/support/paths.ts';
import { findProgram, isRoot, needs } from '../../test/support/privileges.ts';
import { type Running, type RunResult, run, start } from '../../test/support/run.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../servers/web/client.test-support.ts';
import { SECRET, type TestFolder, testFolder } from '../servers/web/folder.test-support.ts';

const main = built('src/cli/main.js');
const ring3 = (...args: string[]): Promise<RunResult> => run(process.execPath, [main, ...args]);

/** Exactly one line on stderr, nothing on stdout, no stack. */
function assertOneLine(result: RunResult, code: number, message: RegExp): void {
  assert.equal(result.stdout, '');
  assert.match(result.stderr, /^ring3[^\n]*\n$/);
  assert.match(result.stderr, message);
  assert.doesNotMatch(result.stderr, /\bat .*:\d+:\d+/);
  assert.equal(result.code, code, result.stderr);
}

/** One answer; its body is read by the caller or by text(). */
function get(url: string, options: http.RequestOptions = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => http.get(url, { agent: false, ...options }, resolve).on('error', reject));
}

async function bytes(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('the command', () => {
  test('--version', async () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };
    const result = await ring3('--version');
    assert.deepEqual([result.stdout, result.stderr, result.code], [`ring3 ${version}\n`, '', 0]);
  });

  test('--help, for it and for every command, with examples', async () => {
    const lines = [['--help'], ['serve', '--help'], ['ping', '--help'], ['fetch', '--help'], ['help', 'serve']];
    for (const result of await Promise.all(lines.map((args) => ring3(...args)))) {
      assert.equal(result.code, 0);
      assert.equal(result.stderr, '');
      assert.match(result.stdout, /^Usage: ring3/);
      assert.match(result.stdout, /Examples:\n {2}\$ (sudo )?ring3 /);
    }
  });

  test('usage errors: exit code 2', async () => {
    const table: [args: string[], message: RegExp][] = [
      [['serve'], /missing required argument 'dir'/],
      [['serve', '.', '--dev', 'x'], /--dev is for --link tun and tap, not for host/],
      [['serve', '.', '--link', 'kernel', '--capture', 'x'], /--link kernel has none/],
      [['serve', '.', '--link', 'tap', '--address', '10.0.0.1'], /with a prefix length/],
      [['serve', '.', '--address', '10.0.0.1/8'], /an IP address of this machine/],
      [['serve', '.', '--tls-cert', 'x'], /--tls-cert needs --tls-key/],
      [['serve', '.', '--memory', '1MB'], /a stack has from 16 MB/],
      [['ping', '10.3.0.1'], /inward only.*--link tap/],
      [['fetch', 'http://10.3.0.1/'], /inward only.*--link tap/],
      [['fetch', 'gopher://x', '--link', 'kernel'], /only http and https can be fetched/],
      [['fetch', 'x', '--link', 'kernel'], /is no URL/],
      [['fetch', 'http://x:99999/', '--link', 'kernel'], /the port 99999 is out of range: from 1 to 65535/],
      [
        ['serve', '.', '--link', 'tap', '--address', '10.3.0.255/24'],
        /is the subnet's broadcast address; choose a host/,
      ],
    ];
    const results = await Promise.all(table.map(([args]) => ring3(...args)));
    for (const [i, [, message]] of table.entries()) assertOneLine(results[i]!, 2, message);
  });
});

describe('failures: exit code 1, and what to do', () => {
  let dir: string;
  let busy: Server;
  let port: string;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'ring3-cli-'));
    busy = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => busy.once('listening', resolve));
    port = String((busy.address() as { port: number }).port);
  });
  after(() => {
    busy.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test('a folder that is not there, or is none', async () => {
    assertOneLine(
      await ring3('serve', join(dir, 'nowhere')),
      1,
      /cannot serve .*nowhere: there is no such file or folder/,
    );
    assertOneLine(await ring3('serve', main), 1, /that is not a folder/);
  });

  test('a busy port, on the host link and on the kernel, and for the metrics', async () => {
    assertOneLine(
      await ring3('serve', dir, '--port', port),
      1,
      /in use by another program: stop that, or choose another port/,
    );
    assertOneLine(await ring3('serve', dir, '--port', port, '--link', 'kernel'), 1, /in use by another program/);
    assertOneLine(await ring3('serve', dir, '--port', '0', '--metrics', port), 1, /for the metrics, is in use/);
  });

  test('an address that this machine does not have', async () => {
    assertOneLine(await ring3('serve', dir, '--port', '0', '--address', '192.0.2.1'), 1, /no such address/);
  });

  test('a certificate that is missing, or none', async () => {
    const missing = await ring3('serve', dir, '--tls-cert', join(dir, 'c'), '--tls-key', join(dir, 'k'));
    assertOneLine(missing, 1, /cannot read the certificate .*: there is no such file/);
    assertOneLine(
      await ring3('serve', dir, '--tls-cert', main, '--tls-key', main),
      1,
      /cannot be used: PEM has a line/,
    );
  });

  test('a capture that cannot be written', async () => {
    assertOneLine(
      await ring3('serve', dir, '--port', '0', '--capture', join(dir, 'no/x')),
      1,
      /its folder does not exist/,
    );
  });

  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  test(
    'a device without the privilege to make it',
    needs({ device: '/dev/net/tun', koffi: true, programs: ['setpriv'] }),
    async () => {
      const args = [main, 'serve', '/', '--link', 'tap', '--dev', `r3x${process.pid % 100000}`];
      const result = isRoot()
        ? await run(findProgram('setpriv')!, [...asNobody, process.execPath, ...args])
        : await run(process.execPath, args);
      assertOneLine(result, 1, /needs CAP_NET_ADMIN: run as root|may not be opened by this user/);
    },
  );

  test('a name for a device that is none', needs({ koffi: true }), async () => {
    assertOneLine(await ring3('serve', dir, '--link', 'tun', '--dev', 'a/b'), 1, /is no name for a network device/);
  });

  test('a fetch from where nothing listens, and of what is not there', async () => {
    assertOneLine(await ring3('fetch', '--link', 'kernel', 'http://127.0.0.1:1/'), 1, /nothing listens there/);
    assertOneLine(
      await ring3('fetch', '--link', 'kernel', 'http://no-such-host.invalid/'),
      1,
      /no such name|could not be looked up/,
    );
  });
});

for (const link of ['host', 'kernel']) {
  describe(`ring3 serve --link ${link}`, () => {
    let folder: TestFolder;
    let large: Buffer;
    const servers: Running[] = [];
    before(() => {
      folder = testFolder();
      large = randomBytes(40_000_000);
      writeFileSync(join(folder.root, 'large.bin'), large);
      mkdirSync(join(folder.root, 'pem'));
      writeFileSync(join(folder.root, 'pem/cert.pem'), TEST_CERTIFICATE);
      writeFileSync(join(folder.root, 'pem/key.pem'), TEST_KEY);
    });
    after(async () => {
      for (const server of servers) await server.stop('SIGKILL');
      folder.remove();
    });

    /** Starts the command; its URL as it prints it. */
    async function serve(...args: string[]): Promise<{ running: Running; url: string }> {
      const running = start(process.execPath, [main, 'serve', folder.root, '--link', link, '--port', '0', ...args]);
      servers.push(running);
      const [, url] = await running.output(/(http:\/\/127\.0\.0\.1:\d+)\/\n.*Stop with Ctrl-C/s);
      return { running, url: url! };
    }

    test('serves the folder, says where, and ends with 0 at SIGTERM', async () => {
      const { running, url } = await serve();
      assert.match(running.stdout(), new RegExp(`^ring3 \\d+\\.\\d+\\.\\d+ serves .*\\n  ${url}/\\n`));
      assert.match(running.stdout(), link === 'host' ? /link host: / : /kernel's own stack/);
      assert.equal((await bytes(await get(`${url}/`))).toString(), '<h1>root</h1>\n');
      const secret = await get(`${url}/%2e%2e/outside/secret.txt`);
      assert.equal(secret.statusCode, 404);
      assert.ok(!(await bytes(secret)).includes(SECRET));
      assert.ok((await bytes(await get(`${url}/large.bin`))).equals(large));
      const result = await running.stop();
      assert.deepEqual([result.code, result.signal, result.stderr], [0, null, '']); // no status line: not a terminal
    });

    test('SIGTERM in the middle of a download: it comes whole, nobody new comes in, then it ends', async () => {
      const { running, url } = await serve();
      const idle = new http.Agent({ keepAlive: true });
      await bytes(await get(`${url}/`, { agent: idle }));
      const answer = await get(`${url}/large.bin`);
      const hash = createHash('sha256');
      let length = 0;
      await new Promise<void>((resolve, reject) => {
        answer.once('data', () => {
          answer.pause();
          running.child.kill('SIGTERM');
          setTimeout(() => answer.resume(), 300);
        });
        answer.on('data', (chunk: Buffer) => {
          hash.update(chunk);
          length += chunk.length;
        });
        answer.on('end', resolve);
        answer.on('error', reject);
        running
          .output(/1 answer is still running/)
          .then(() => get(`${url}/`))
          .then(
            () => reject(new Error('a new connection was accepted')),
            () => {},
          );
      });
      assert.equal(length, large.length);
      assert.equal(hash.digest('hex'), createHash('sha256').update(large).digest('hex'));
      assert.equal((await running.done).code, 0);
      idle.destroy();
    });

    test('an answer that takes longer than --drain is cut, and a second signal ends at once', async () => {
      const one = await serve('--drain', '100ms');
      const answer = await get(`${one.url}/large.bin`);
      answer.on('error', () => {});
      one.running.child.kill('SIGINT');
      const result = await one.running.done;
      assert.equal(result.code, 0);
      assert.match(result.stderr, /1 connection had to be cut/);
      answer.destroy();
      const two = await serve();
      const other = await get(`${two.url}/large.bin`);
      other.on('error', () => {});
      two.running.child.kill('SIGINT');
      await two.running.output(/still running/);
      two.running.child.kill('SIGINT');
      assert.equal((await two.running.done).code, 130);
      other.destroy();
    });

    test('--log json: standard output is the log alone', async () => {
      const { running, url } = await serve('--log', 'json');
      await bytes(await get(`${url}/text.txt`, { headers: { 'user-agent': 'a\tb' } }));
      await bytes(await get(`${url}/nothing`));
      await running.output(/"status":404/);
      const lines = running
        .stdout()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(
        lines.map(({ status, target, remote, agent }) => [status, target, remote, agent]),
        [
          [200, '/text.txt', '127.0.0.1', 'a\tb'],
          [404, '/nothing', '127.0.0.1', undefined],
        ],
      );
      await running.stop();
    });

    test('--log combined', async () => {
      const { running, url } = await serve('--log', 'combined');
      await bytes(await get(`${url}/text.txt`));
      await running.output(/^127\.0\.0\.1 - - \[.*\] "GET \/text\.txt HTTP\/1\.1" 200 26 "-" "-"$/m);
      await running.stop();
    });

    test('--metrics: the counters of what has happened', async () => {
      const { running, url } = await serve('--metrics', '0');
      await bytes(await get(`${url}/large.bin`));
      const [, metrics] = await running.output(/metrics at (http:\S+)/);
      const text = (await bytes(await get(metrics!))).toString();
      assert.match(text, /\nring3_web_requests_total\{status="200"\} 1\n/);
      assert.match(text, /\nring3_web_sent_bytes_total 40000000\n/);
      if (link === 'host') assert.ok(Number(/\nring3_tcp_sent_bytes_total (\d+)/.exec(text)![1]) >= 40_000_000);
      await running.stop();
    });

    test('a certificate: every port speaks HTTPS and HTTP', async () => {
      const pem = join(folder.root, 'pem');
      const { running, url } = await serve('--tls-cert', join(pem, 'cert.pem'), '--tls-key', join(pem, 'key.pem'));
      assert.equal((await bytes(await get(`${url}/text.txt`))).length, 26);
      const out = join(folder.root, 'fetched');
      const target = `${url.replace('http', 'https')}/large.bin`;
      assertOneLine(await ring3('fetch', '--link', 'kernel', target), 1, /the certificate is not trusted.*--insecure/);
      const fetched = await ring3('fetch', '--link', 'kernel', '-k', '-o', out, target);
      assert.match(fetched.stderr, /40 MB in/);
      assert.ok(readFileSync(out).equals(large));
      await running.stop();
    });
  });
}

describe('ring3 serve over the host link', () => {
  let folder: TestFolder;
  before(() => {
    folder = testFolder();
  });
  after(() => folder.remove());

  test('with faults and a recorder: the bytes are right, and the record is there', async () => {
    const capture = join(folder.root, 'capture.pcapng');
    const fault = 'drop=0.02,reorder=0.02,duplicate=0.01,seed=7';
    const args = ['serve', folder.root, '--port', '0', '--fault', fault, '--capture', capture, '--memory', '64MB'];
    const running = start(process.execPath, [main, ...args]);
    const [, url] = await running.output(/(http:\/\/127\.0\.0\.1:\d+)\//);
    assert.ok((await bytes(await get(`${url}/big.bin`))).equals(folder.big));
    assert.equal((await running.stop()).code, 0);
    const record = readFileSync(capture);
    assert.equal(record.readUInt32LE(0), 0x0a0d0d0a);
    assert.ok(record.length > folder.big.length);
  });
});

describe('a reader of the output that leaves', () => {
  /** The command with its standard output closed as soon as something has come; its exit code and stderr. */
  const cut = async (...args: string[]): Promise<RunResult> => {
    const running = start(process.execPath, [main, ...args]);
    running.child.stdout!.once('data', () => running.child.stdout!.destroy());
    return running.done;
  };

  test('help ends quietly', async () => {
    // Closed before anything is written: what is written later finds nobody.
    const running = start(process.execPath, [main, 'help', 'serve']);
    running.child.stdout!.destroy();
    const { stderr, code } = await running.done;
    assert.deepEqual([stderr, code], ['', 0]);
  });

  test('fetch ends with 1: the content was not whole', async (t) => {
    const server = http.createServer((_req, res) => {
      res.on('error', () => {});
      res.end(Buffer.alloc(20_000_000));
    });
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { stderr, code } = await cut('fetch', '--link', 'kernel', `http://127.0.0.1:${port}/`);
    assert.deepEqual([stderr, code], ['', 1]);
    const tls = await ring3('fetch', '--link', 'kernel', `https://127.0.0.1:${port}/`);
    assertOneLine(tls, 1, /does not speak TLS: try http:\/\//);
  });

  test('serve goes on; SIGHUP ends it as SIGTERM does', async () => {
    const folder = testFolder();
    const running = start(process.execPath, [main, 'serve', folder.root, '--port', '0', '--log', 'json']);
    const [, url] = await running.output(/(http:\/\/127\.0\.0\.1:\d+)\/\n.*Stop with Ctrl-C/s);
    running.child.stdout!.destroy();
    for (let i = 0; i < 3; i++) assert.equal((await bytes(await get(`${url}/`))).toString(), '<h1>root</h1>\n');
    const { code, stderr } = await running.stop('SIGHUP');
    folder.remove();
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /EPIPE/);
  });
});

describe('ring3 fetch', () => {
  test('to standard output, through redirects; a content that ends early is an error', async () => {
    const server = http.createServer((req, res) => {
      if (req.url === '/there') res.end('content');
      else if (req.url === '/short') {
        res.setHeader('Content-Length', 100);
        res.write('short');
        setTimeout(() => res.destroy(), 20);
      } else {
        res.writeHead(302, { location: req.url === '/loop' ? '/loop' : '/there' });
        res.end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const got = await ring3('fetch', '--link', 'kernel', `${base}/here`);
    assert.deepEqual([got.stdout, got.stderr, got.code], ['content', '', 0]);
    assertOneLine(await ring3('fetch', '--link', 'kernel', `${base}/loop`), 1, /more than 10 redirects/);
    const short = await ring3('fetch', '--link', 'kernel', `${base}/short`);
    assert.deepEqual([short.stdout, short.code], ['short', 1]);
    assert.match(short.stderr, /^ring3 fetch: the connection ended early, after 5 B\n$/);
    server.close();
    server.closeAllConnections();
  });
});
