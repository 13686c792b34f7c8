// Tests of the command on devices: serve, ping and fetch over tap and tun, in a network namespace of their own.
// Run by node:test; starts the built main.js, ip, curl and ping. Needs root.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Namespace, namespace } from '../../test/support/netns.ts';
import { built } from '../../test/support/paths.ts';
import { needs } from '../../test/support/privileges.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../servers/web/client.test-support.ts';
import { type TestFolder, testFolder } from '../servers/web/folder.test-support.ts';

const main = built('src/cli/main.js');
const wanted = needs({ root: true, programs: ['ip', 'curl', 'ping'], device: '/dev/net/tun', koffi: true });

/** The ip commands that the program has printed, run in the namespace. */
async function configure(ns: Namespace, text: string): Promise<void> {
  const lines = [...text.matchAll(/^ {2}ip (.*)$/gm)].map((m) => m[1]!);
  assert.ok(lines.length >= 2, text);
  for (const line of lines) await ns.ip(line);
}

describe('on devices', wanted, () => {
  let folder: TestFolder;
  before(() => {
    folder = testFolder();
    writeFileSync(join(folder.root, 'cert.pem'), TEST_CERTIFICATE);
    writeFileSync(join(folder.root, 'key.pem'), TEST_KEY);
  });
  after(() => folder.remove());

  for (const link of ['tap', 'tun']) {
    test(`serve --link ${link}: makes the device, says how to reach it, and is reached`, async (t) => {
      const ns = await namespace(t);
      const pem = ['--tls-cert', join(folder.root, 'cert.pem'), '--tls-key', join(folder.root, 'key.pem')];
      const addresses = ['--address', '10.3.0.2/24', '--address', 'fd03::2/64'];
      const running = ns.startNode([main, 'serve', folder.root, '--link', link, ...addresses, ...pem, '--log', 'json']);
      await running.output(/Stop with Ctrl-C/);
      for (const url of ['http://10.3.0.2/', 'https://10.3.0.2/', 'http://[fd03::2]/', 'https://[fd03::2]/']) {
        assert.ok(running.stderr().includes(`  ${url}\n`), url);
      }
      await configure(ns, running.stderr());
      const curl = [
        '-s',
        '-S',
        '-g',
        '--cacert',
        join(folder.root, 'cert.pem'),
        '--connect-timeout',
        '10',
        '--retry',
        '5',
        '--retry-all-errors',
      ];
      const page = await ns.runOk('curl', [...curl, 'http://10.3.0.2/']);
      assert.equal(page, '<h1>root</h1>\n');
      const out = join(folder.root, `got-${link}`);
      for (const [url, host] of [
        ['http://10.3.0.2/big.bin', '10.3.0.2'],
        ['https://10.0.0.2/big.bin', '10.3.0.2'],
        ['http://[fd03::2]/big.bin', 'fd03::2'],
      ] as const) {
        const to = url.startsWith('https') ? ['--connect-to', `10.0.0.2:443:${host}:443`] : [];
        await ns.runOk('curl', [...curl, ...to, '-o', out, url]);
        assert.ok(readFileSync(out).equals(folder.big), url);
      }
      const ping = await ns.run('ping', ['-c', '2', '-i', '0.2', '-W', '5', '10.3.0.2']);
      assert.equal(ping.code, 0, ping.stdout);
      const large = await ns.run('ping', ['-c', '1', '-s', '20000', '-W', '5', '10.3.0.2']);
      assert.equal(large.code, 0, large.stdout);
      const lines = running
        .stdout()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(
        lines.map(({ remote }) => remote),
        ['10.3.0.1', '10.3.0.1', '10.3.0.1', 'fd03::1'],
      );
      const result = await running.stop();
      assert.equal(result.code, 0, result.stderr);
    });
  }

  test('serve: a device that is in use, one of another kind, and one that is removed', async (t) => {
    const ns = await namespace(t);
    const running = ns.startNode([main, 'serve', folder.root, '--link', 'tap']);
    await running.output(/Stop with Ctrl-C/);
    const second = await ns.run(process.execPath, [main, 'serve', folder.root, '--link', 'tap']);
    assert.deepEqual([second.code, second.stdout], [1, '']);
    assert.match(second.stderr, /^ring3 serve: device ring0 is in use by another program[^\n]*\n$/);
    await ns.ip('tuntap add dev ring1 mode tun');
    const third = await ns.run(process.execPath, [main, 'serve', folder.root, '--link', 'tap', '--dev', 'ring1']);
    assert.match(third.stderr, /^ring3 serve: device ring1 exists and is no tap device[^\n]*\n$/);
    await ns.ip('link del ring0');
    const result = await running.done;
    assert.equal(result.code, 1);
    assert.match(result.stderr, /ring3 serve: the device ring0 has been removed\n/);
  });

  test('serve: an address that another host has is told', async (t) => {
    const ns = await namespace(t);
    await ns.ip('tuntap add dev ring0 mode tap');
    await ns.ip('addr add 10.3.0.2/24 dev ring0');
    await ns.ip('link set ring0 up');
    const running = ns.startNode([main, 'serve', folder.root, '--link', 'tap'], { timeout: 30_000 });
    const result = await running.done; // there is nothing else to serve at
    assert.match(result.stderr, /another host on ring0 has the address 10\.3\.0\.2: choose another/);
    assert.equal(result.code, 1);
    const two = ns.startNode([
      ...[main, 'serve', folder.root, '--link', 'tap', '--address', '10.3.0.2/24', '--address', '10.3.0.3/24'],
    ]);
    await two.output(/another host on ring0 has the address 10\.3\.0\.2: choose another/);
    await ns.runOk('curl', ['-s', '--retry', '5', '--retry-all-errors', 'http://10.3.0.3/']);
    assert.equal((await two.stop()).code, 0);
  });

  test('serve --slaac without an address: no hint that cannot work', async (t) => {
    const ns = await namespace(t);
    const running = ns.startNode([main, 'serve', folder.root, '--link', 'tap', '--slaac']);
    await running.output(/Stop with Ctrl-C/);
    assert.match(running.stdout(), /at an address that the network's router is to give/);
    assert.doesNotMatch(running.stdout(), /undefined|curl/);
    assert.equal((await running.stop()).code, 0);
  });

  test('serve: the hint with a certificate is for HTTPS, and a link-local address has its zone', async (t) => {
    const ns = await namespace(t);
    const pem = ['--tls-cert', join(folder.root, 'cert.pem'), '--tls-key', join(folder.root, 'key.pem')];
    const running = ns.startNode([main, 'serve', folder.root, '--link', 'tap', '--address', 'fe80::2/64', ...pem]);
    await running.output(/Stop with Ctrl-C/);
    const [, hint] = /and try\n\n {2}curl (.*)\n/.exec(running.stdout()) ?? [];
    assert.equal(hint, '-k https://[fe80::2%25ring0]/');
    await configure(ns, running.stdout());
    const page = await ns.runOk('curl', ['-s', '-g', '--retry', '5', '--retry-all-errors', ...hint.split(' ')]);
    assert.equal(page, '<h1>root</h1>\n');
    await running.stop();
  });

  test('ping: Ctrl-C while addresses are being checked ends it quietly, and so does a reader that leaves', async (t) => {
    const ns = await namespace(t);
    await ns.ip('tuntap add dev ring0 mode tap');
    await ns.ip('addr add 10.3.0.1/24 dev ring0');
    await ns.ip('link set ring0 up');
    const early = ns.startNode([main, 'ping', '--link', 'tap', '10.3.0.1']);
    // The device has its carrier as soon as the program has opened it.
    while (!/state UP|LOWER_UP/.test(await ns.ip('link show ring0'))) await new Promise((r) => setTimeout(r, 20));
    const { stdout, stderr, code } = await early.stop('SIGINT');
    assert.deepEqual([stdout, stderr, code], ['', '', 1]);
    const left = ns.startNode([main, 'ping', '--link', 'tap', '-i', '50ms', '10.3.0.1']);
    await left.output(/icmp_seq=1 /);
    left.child.stdout!.destroy();
    const end = await left.done;
    assert.deepEqual([end.stderr, end.code], ['', 0]);
  });

  test('ping and fetch, through a device that lasts', async (t) => {
    const ns = await namespace(t);
    await ns.ip('tuntap add dev ring0 mode tap');
    await ns.ip('addr add 10.3.0.1/24 dev ring0');
    await ns.ip('addr add fd03::1/64 dev ring0 nodad');
    await ns.ip('link set ring0 up');
    const ring3 = (...args: string[]): ReturnType<Namespace['run']> => ns.run(process.execPath, [main, ...args]);

    const ping = await ring3('ping', '--link', 'tap', '-c', '3', '-i', '100ms', '10.3.0.1');
    assert.match(ping.stdout, /^PING 10\.3\.0\.1 \(10\.3\.0\.1\) 56\(84\) bytes of data\.\n/);
    assert.equal(ping.stdout.match(/^64 bytes from 10\.3\.0\.1: icmp_seq=\d ttl=64 time=[\d.]+ ms$/gm)?.length, 3);
    assert.match(
      ping.stdout,
      /\n3 packets transmitted, 3 received, 0% packet loss, time \d+ms\nrtt min\/avg\/max\/mdev = /,
    );
    assert.deepEqual([ping.code, ping.stderr], [0, '']);
    const six = await ring3('ping', '--link', 'tap', '--address', 'fd03::2/64', '-c', '1', '-s', '65000', 'fd03::1');
    assert.match(six.stdout, /^65008 bytes from fd03::1: icmp_seq=1 ttl=64 time=/m);
    assert.equal(six.code, 0);
    const nobody = await ring3('ping', '--link', 'tap', '-c', '1', '-W', '100ms', '-q', '10.3.0.77');
    assert.match(nobody.stdout, /1 packets transmitted, 0 received.*100% packet loss/);
    assert.equal(nobody.code, 1);
    const nowhere = await ring3('ping', '--link', 'tap', '-c', '1', '192.0.2.1');
    assert.deepEqual([nowhere.code, nowhere.stderr], [1, 'ring3 ping: 192.0.2.1: there is no route to it\n']);

    const script = `
      const http = require('node:http');
      http.createServer((req, res) => require('node:fs').createReadStream(${JSON.stringify(folder.root)} + req.url).pipe(res))
        .listen(8000, '::', () => console.log('listening'));`;
    const server = ns.startNode(['-e', script]);
    await server.output(/listening/);
    const out = join(folder.root, 'fetched');
    const fetched = await ring3('fetch', '--link', 'tap', '-o', out, 'http://10.3.0.1:8000/big.bin');
    assert.equal(fetched.code, 0, fetched.stderr);
    assert.ok(readFileSync(out).equals(folder.big));
    const lossy = await ring3(
      ...['fetch', '--link', 'tap', '--fault', 'drop=0.02,reorder=0.02,seed=3', '-q', '-o', out],
      'http://10.3.0.1:8000/big.bin',
    );
    assert.deepEqual([lossy.code, lossy.stderr], [0, '']);
    assert.ok(readFileSync(out).equals(folder.big));
    const closed = await ring3('fetch', '--link', 'tap', 'http://10.3.0.1:8001/');
    assert.deepEqual([closed.code, closed.stderr], [1, 'ring3 fetch: http://10.3.0.1:8001/: nothing listens there\n']);
    await server.stop();
  });

  test('ping waits for a device that was just made, and says how to bring it up', async (t) => {
    const ns = await namespace(t);
    const running = ns.startNode([main, 'ping', '--link', 'tun', '-c', '1', '-W', '10', '10.3.0.1']);
    await running.output(/Waiting for the kernel's end of the device; as root:\n\n {2}ip link set ring0 up\n/);
    // The address before the device goes up: the first request is to be answered.
    const lines = [...running.stderr().matchAll(/^ {2}ip (.*)$/gm)].map((m) => m[1]!);
    for (const line of lines.reverse()) await ns.ip(line);
    const result = await running.done;
    assert.equal(result.code, 0, result.stdout + result.stderr);
  });
});
