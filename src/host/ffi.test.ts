// Tests of a machine without koffi: everything that needs no device works, and what needs one says what to do.
// Run by node:test; calls child processes in which koffi cannot be found.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/** Runs a module in a process that has no koffi; what it printed. */
function withoutKoffi(code: string): string {
  const here = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href);
  const source = `
    import Module from 'node:module';
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (name, ...rest) => {
      if (name === 'koffi') throw new Error("Cannot find module 'koffi'\\nRequire stack: ...");
      return resolve(name, ...rest);
    };
    const { HostLoop } = await import(${here('loop.js')});
    const { openTap } = await import(${here('tuntap.js')});
    const { ffiAvailable } = await import(${here('ffi.js')});
    const { Served } = await import(${here('served.test-support.js')});
    ${code}`;
  const end = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(end.status, 0, end.stderr);
  return end.stdout.trim();
}

test('without koffi a device is an error of one line that says what to do', () => {
  const output = withoutKoffi(`
    console.log(ffiAvailable());
    for (let i = 0; i < 2; i++) try { openTap({ offload: true }); } catch (error) { console.log(error.code, error.message); }`);
  const line =
    process.platform === 'linux'
      ? `ERR_RING3_NO_FFI devices need the package koffi, which could not be loaded (Cannot find module 'koffi'); run "npm install koffi", or use --link host`
      : `ERR_RING3_NO_FFI devices are opened on Linux only (this is ${process.platform}); use --link host`;
  assert.equal(output, `false\n${line}\n${line}`);
});

test('without koffi the loop keeps time to a millisecond or two, and rests', () => {
  const output = withoutKoffi(`
    const late = [];
    let at = Infinity;
    const loop = new HostLoop();
    const stack = {
      poll(now) { if (now >= at) { late.push(now - at); at = late.length < 10 ? now + 700 * late.length : Infinity; } return false; },
      pollAt: () => at,
      onWork() {},
    };
    at = loop.clock.monotonic() + 5000;
    loop.add(stack);
    setTimeout(() => {
      const before = process.cpuUsage();
      setTimeout(() => {
        const used = process.cpuUsage(before);
        console.log(JSON.stringify({ late, idle: used.user + used.system }));
        loop.close();
      }, 300);
    }, 200);`);
  const { late, idle } = JSON.parse(output) as { late: number[]; idle: number };
  assert.equal(late.length, 10);
  assert.ok(Math.min(...late) >= 0 && Math.min(...late) < 2500, String(late));
  assert.ok(idle < 50_000, `${idle} us of processor time`);
});

test('without koffi the host link serves', () => {
  const output = withoutKoffi(`
    import { connect } from 'node:net';
    const served = new Served();
    served.onConnection = (connection) => { connection.write(Buffer.from('hello')); connection.end(); };
    const host = await served.open({ tcp: [0], address: '127.0.0.1' });
    const socket = connect(host.tcp[0], '127.0.0.1');
    socket.on('data', (data) => console.log(String(data)));
    socket.on('close', () => served.close());`);
  assert.equal(output, 'hello');
});
