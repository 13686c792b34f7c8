// Tests of the helpers that start programs and make network namespaces.
// Run by node:test; calls run.ts, netns.ts and privileges.ts.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { namespace, veth } from './netns.ts';
import { needs } from './privileges.ts';
import { run, start } from './run.ts';

describe('run', () => {
  test('returns output and exit code of a program', async () => {
    const script =
      'process.stdin.on("data", (d) => { process.stdout.write("<" + d + ">"); console.error("e"); process.exitCode = 3 })';
    const result = await run(process.execPath, ['-e', script], { input: 'in' });
    assert.deepEqual({ ...result }, { stdout: '<in>', stderr: 'e\n', code: 3, signal: null });
  });

  test('kills a program that takes too long, and says so', async () => {
    await assert.rejects(run('sleep', ['60'], { timeout: 50 }), /sleep 60 took more than 50 ms/);
  });

  test('rejects when the program does not exist', async () => {
    await assert.rejects(run('/nonexistent/program'), { code: 'ENOENT' });
  });

  test('start: waits for output, stops the program', async () => {
    const script = 'setTimeout(() => console.log("listening at 4711"), 20); setInterval(() => {}, 1000)';
    const running = start(process.execPath, ['-e', script]);
    const found = await running.output(/listening at (\d+)/);
    assert.equal(found[1], '4711');
    const result = await running.stop();
    assert.equal(result.signal, 'SIGTERM');
    await assert.rejects(running.output(/never/), /ended without writing/);
  });
});

describe('needs', () => {
  test('names everything that is missing', () => {
    const { skip } = needs({ programs: ['no-such-program', 'sh', 'nor-this'], device: '/dev/no-such-device' });
    assert.equal(skip, 'needs the programs no-such-program, nor-this and the device /dev/no-such-device');
    assert.equal(needs({ programs: ['sh'], device: '/dev/null' }).skip, false);
  });
});

describe('namespaces', needs({ root: true, programs: ['ip', 'ping'] }), () => {
  test('two of them, joined by a veth pair, reach each other and are gone afterwards', async (t) => {
    const dead = start('true'); // a process that is gone when the first namespace is made, as if it had left one behind
    await dead.done;
    const stale = `ring3-test-${dead.child.pid}-1`;
    await run('ip', ['netns', 'add', stale]);
    const names: string[] = [stale];
    await t.test('inside', async (inner) => {
      const a = await namespace(inner);
      const b = await namespace(inner);
      names.push(a.name, b.name);
      await veth(a, 'eth0', b, 'eth0', { mtu: 1400 });
      await a.ip('addr add 10.1.0.1/24 dev eth0');
      await b.ip('addr add 10.1.0.2/24 dev eth0');
      await a.sysctl('net/ipv4/tcp_sack', 0);
      assert.equal(await a.runOk('cat', ['/proc/sys/net/ipv4/tcp_sack']), '0\n');
      assert.equal(await b.runOk('cat', ['/proc/sys/net/ipv4/tcp_sack']), '1\n');
      const ping = await a.run('ping', ['-c', '1', '-W', '2', '10.1.0.2']);
      assert.equal(ping.code, 0, ping.stdout + ping.stderr);
      a.start('sleep', ['600']); // removing the namespace ends it
    });
    const left = readdirSync('/run/netns').filter((name) => names.includes(name));
    assert.deepEqual(left, []);
  });
});
