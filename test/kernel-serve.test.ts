// `ring3 serve`, `ping` and `fetch` on devices, with curl and the kernel as the other end, as a user with root would run them.
// Run by node:test; calls test/support/kernel-rig.ts and dissect.ts.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { makeCertificate } from './support/certificate.ts';
import { complaints, packets } from './support/dissect.ts';
import {
  DEVICE,
  DEVICE_NEEDS,
  folder,
  KERNEL4,
  listening,
  type Rig,
  STACK4,
  STACK6,
  START,
  serveRig,
  stopped,
} from './support/kernel-rig.ts';
import { type Namespace, namespace } from './support/netns.ts';
import { built } from './support/paths.ts';
import { patternStream } from './support/pattern.ts';
import { needsAll } from './support/privileges.ts';
import type { Running } from './support/run.ts';

const NEEDS = needsAll(DEVICE_NEEDS, { programs: ['curl'] });
const SHARK = needsAll(DEVICE_NEEDS, { programs: ['curl', 'tshark'] });
const SECURE = needsAll(DEVICE_NEEDS, { programs: ['curl', 'openssl'] });
const SIZE = 10_000_001;
const PAGE = '<!doctype html><title>ring3</title><p>a page</p>\n';

/** A small site with a large file; the file's hash. */
async function makeSite(t: TestContext): Promise<{ site: string; hash: string }> {
  const site = folder(t);
  writeFileSync(join(site, 'index.html'), PAGE);
  const content = Buffer.concat(await patternStream(SIZE).toArray());
  writeFileSync(join(site, 'large.bin'), content);
  return { site, hash: createHash('sha256').update(content).digest('hex') };
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function url(address: string, path = '/', scheme = 'http'): string {
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}${path}`;
}

/** curl to a file, quiet, failing on HTTP errors. */
async function download(ns: Namespace, from: string, to: string, ...more: string[]): Promise<void> {
  const result = await ns.run('curl', ['-sS', '-f', '-m', '150', '-g', ...more, '-o', to, from], { timeout: 160_000 });
  assert.equal(result.code, 0, `${from}: ${result.stderr}`);
}

function status(ns: Namespace, path: string, ...more: string[]): Promise<string> {
  return ns.runOk('curl', ['-sS', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', ...more, url(STACK4, path)]);
}

/** Waits until a download has begun. */
async function begun(file: string): Promise<void> {
  for (let tries = 0; !statSync(file, { throwIfNoEntry: false })?.size; tries++) {
    assert.ok(tries < 500, 'the download does not begin');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function pages({ ns }: Rig): Promise<void> {
  for (const address of [STACK4, STACK6]) {
    assert.equal(await ns.runOk('curl', ['-sS', '-g', '-m', '20', url(address)]), PAGE);
  }
  assert.match(await ns.runOk('curl', ['-sS', '-I', url(STACK4)]), /^HTTP\/1\.1 200 OK/);
  assert.equal(await ns.runOk('curl', ['-sS', '-r', '0-14', url(STACK4)]), PAGE.slice(0, 15));
  assert.equal(await status(ns, '/missing'), '404');
  for (const path of ['/../../../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd', '/.hidden']) {
    assert.equal(await status(ns, path, '--path-as-is'), '404', path);
  }
}

describe('ring3 serve', { concurrency: 2 }, () => {
  for (const link of ['tap', 'tun'] as const) {
    test(`over ${link}: pages, ranges, whole downloads one by one and at once`, NEEDS, async (t) => {
      const { site, hash } = await makeSite(t);
      const rig = await serveRig(t, [site, '--link', link]);
      await pages(rig);
      for (const address of [STACK4, STACK6]) {
        const file = join(rig.folder, 'got');
        await download(rig.ns, url(address, '/large.bin'), file);
        assert.equal(hashOf(file), hash);
      }
      const files = Array.from({ length: 12 }, (_, i) => join(rig.folder, `got${i}`));
      await Promise.all(files.map((file, i) => download(rig.ns, url(i % 2 ? STACK6 : STACK4, '/large.bin'), file)));
      for (const file of files) assert.equal(hashOf(file), hash);
      await stopped(rig.program);
    });
  }

  test('over a device whose kernel end has a small MTU', NEEDS, async (t) => {
    const { site, hash } = await makeSite(t);
    const rig = await serveRig(t, [site, '--link', 'tap']);
    const file = join(rig.folder, 'got');
    for (const mtu of [1280, 1500, 576]) {
      await rig.ns.ip(`link set ${DEVICE} mtu ${mtu}`);
      await download(rig.ns, url(STACK4, '/large.bin'), file);
      assert.equal(hashOf(file), hash, `MTU ${mtu}`);
    }
    await stopped(rig.program);
  });

  test('SIGTERM in the middle of downloads: they finish, nobody new comes in', NEEDS, async (t) => {
    const { site, hash } = await makeSite(t);
    const rig = await serveRig(t, [site, '--link', 'tap']);
    const files = [1, 2, 3].map((i) => join(rig.folder, `got${i}`));
    const running = files.map((file) => download(rig.ns, url(STACK4, '/large.bin'), file, '--limit-rate', '3M'));
    for (const file of files) await begun(file);
    rig.program.child.kill('SIGTERM');
    await rig.program.output(/\d answers? (is|are) still running/);
    const late = await rig.ns.run('curl', ['-sS', '-m', '5', url(STACK4)]);
    assert.notEqual(late.code, 0, 'a new connection is refused');
    await Promise.all(running);
    for (const file of files) assert.equal(hashOf(file), hash);
    const end = await rig.program.done;
    assert.equal(end.code, 0, end.stderr);
  });

  test('a device that is down for a while: the download goes on when it is up again', NEEDS, async (t) => {
    const { site, hash } = await makeSite(t);
    const rig = await serveRig(t, [site, '--link', 'tap']);
    const file = join(rig.folder, 'got');
    const running = download(rig.ns, url(STACK4, '/large.bin'), file, '--limit-rate', '4M');
    await begun(file);
    await rig.ns.ip(`link set ${DEVICE} down`);
    // Longer than the stack believes in a neighbour that does not answer.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    await rig.ns.ip(`link set ${DEVICE} up`);
    await running;
    assert.equal(hashOf(file), hash);
    await stopped(rig.program);
  });

  test('a client that goes away in the middle leaves nothing behind', NEEDS, async (t) => {
    const { site } = await makeSite(t);
    const rig = await serveRig(t, [site, '--link', 'tap', '--metrics', '9100']);
    for (let i = 0; i < 10; i++) {
      const options = ['-sS', '-m', '0.3', '--limit-rate', '1M', '-o', '/dev/null', url(STACK4, '/large.bin')];
      assert.equal((await rig.ns.run('curl', options)).code, 28, 'curl runs out of its time');
    }
    const metrics = await rig.ns.runOk('curl', ['-sS', 'http://127.0.0.1:9100/metrics']);
    assert.match(metrics, /^# EOF$/m);
    assert.match(metrics, /tcp_resets_received\S* [1-9]/);
    assert.equal(await rig.ns.runOk('curl', ['-sS', url(STACK4)]), PAGE);
    await stopped(rig.program);
  });

  test('--capture: Wireshark finds no fault in the file', SHARK, async (t) => {
    const { site, hash } = await makeSite(t);
    const capture = join(folder(t), 'web.pcapng');
    const rig = await serveRig(t, [site, '--link', 'tap', '--capture', capture]);
    const file = join(rig.folder, 'got');
    await download(rig.ns, url(STACK4, '/large.bin'), file, '-r', '0-1999999');
    await pages(rig);
    assert.equal(statSync(file).size, 2_000_000);
    assert.ok(hash);
    await stopped(rig.program);
    assert.deepEqual(await complaints(capture), []);
    const [requests, all] = await packets(capture, 'http.request', 'frame');
    assert.ok(requests! >= 9 && all! > 1400, `${requests} requests in ${all} packets`);
  });

  test('--fault: a bad wire changes nothing but the time', NEEDS, async (t) => {
    const { site, hash } = await makeSite(t);
    const rig = await serveRig(t, [
      site,
      '--link',
      'tun',
      '--fault',
      'drop=0.01,reorder=0.02,duplicate=0.01,corrupt=0.005,seed=3',
    ]);
    const file = join(rig.folder, 'got');
    await download(rig.ns, url(STACK4, '/large.bin'), file);
    assert.equal(hashOf(file), hash);
    await stopped(rig.program);
  });

  test('HTTPS with HTTP/2', SECURE, async (t) => {
    const { site, hash } = await makeSite(t);
    const { certificate, key } = await makeCertificate(folder(t), STACK4);
    const rig = await serveRig(t, [site, '--link', 'tap', '--tls-cert', certificate, '--tls-key', key]);
    const file = join(rig.folder, 'got');
    for (const [version, shown] of [
      ['--http2', '2'],
      ['--http1.1', '1.1'],
    ] as const) {
      const trust = ['--cacert', certificate, version];
      const used = await rig.ns.runOk('curl', [
        '-sS',
        ...trust,
        '-o',
        '/dev/null',
        '-w',
        '%{http_version}',
        url(STACK4, '/', 'https'),
      ]);
      assert.equal(used, shown);
      await download(rig.ns, url(STACK4, '/large.bin', 'https'), file, ...trust);
      assert.equal(hashOf(file), hash);
    }
    assert.equal(await rig.ns.runOk('curl', ['-sS', url(STACK4)]), PAGE, 'HTTP beside it, on port 80');
    await stopped(rig.program);
  });

  test('a device in use, or of another kind: one line', NEEDS, async (t) => {
    const { site } = await makeSite(t);
    const rig = await serveRig(t, [site, '--link', 'tap']);
    for (const [link, message] of [
      ['tap', /device ring0 is in use by another program/],
      ['tun', /device ring0 (exists and is no tun device|is in use)/],
    ] as const) {
      const result = await rig.ns.run(process.execPath, [
        built('src/cli/main.js'),
        'serve',
        site,
        '--link',
        link,
        '--dev',
        DEVICE,
      ]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, message);
      assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
    }
    await stopped(rig.program);
  });
});

describe('from the stack outward', { ...NEEDS, concurrency: 2 }, () => {
  const main = built('src/cli/main.js');

  /** Starts a command that waits for its device to be configured, and does what it says. */
  async function outward(ns: Namespace, ...args: string[]): Promise<Running> {
    const program = ns.startNode([main, ...args, '--dev', DEVICE]);
    await program.output(/ip addr add \S+ dev \S+\n/, START);
    const lines = program
      .stderr()
      .split('\n')
      .flatMap((line) => /^\s*ip (.+)$/.exec(line)?.[1] ?? []);
    // Pings begin when the device is up: its address first.
    for (const words of lines.sort((a, b) => Number(a.startsWith('link')) - Number(b.startsWith('link'))))
      await ns.ip(words);
    return program;
  }

  test('ring3 ping', async (t) => {
    for (const link of ['tap', 'tun']) {
      const ns = await namespace(t);
      const pings = await outward(ns, 'ping', '--link', link, '-c', '3', '-i', '100ms', '-s', '3000', KERNEL4);
      const { stdout, code } = await pings.done;
      assert.equal(code, 0, stdout);
      assert.match(stdout, /3 received/);
    }
  });

  test('ring3 fetch', async (t) => {
    const { site, hash } = await makeSite(t);
    const ns = await namespace(t);
    const kernel = ns.startNode([main, 'serve', site, '--link', 'kernel', '--address', '::', '--port', '8000']);
    await listening(ns, 8000);
    const file = join(folder(t), 'got');
    const fetched = await outward(ns, 'fetch', '--link', 'tap', '-o', file, `http://${KERNEL4}:8000/large.bin`);
    const { stderr, code } = await fetched.done;
    assert.equal(code, 0, stderr);
    assert.equal(hashOf(file), hash);
    await kernel.stop();
  });
});
