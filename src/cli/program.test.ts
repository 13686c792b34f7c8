// Tests of the command line: what options come out as, what --help says, and how errors are told. Nothing is started.
// Run by node:test; calls program.ts with commands of its own.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failure } from './errors.ts';
import { type Commands, run } from './program.ts';

/** Runs a command line; what the command was called with, the exit code, and what went to stderr. */
async function call(
  line: string,
  result: number | Error = 0,
): Promise<{ code: number; stderr: string; calls: unknown[][] }> {
  const calls: unknown[][] = [];
  let stderr = '';
  const command =
    (name: string) =>
    async (...args: unknown[]): Promise<number> => {
      calls.push([name, ...args]);
      if (typeof result !== 'number') throw result;
      return result;
    };
  const commands = { serve: command('serve'), ping: command('ping'), fetch: command('fetch') } as unknown as Commands;
  const code = await run(line === '' ? [] : line.split(' '), commands, (text) => {
    stderr += text;
  });
  return { code, stderr, calls };
}

describe('options', () => {
  test('serve: defaults', async () => {
    assert.deepEqual(
      (await call('serve site')).calls,
      [['serve', 'site', { link: 'host', drain: 30_000_000 }]].map(([...a]) => a),
    );
  });

  test('serve: everything', async () => {
    const line =
      'serve site --link tap --dev x0 --address 10.0.0.2/24 --address fd00::2/64 --gateway 10.0.0.1 --gateway fd00::1 --slaac ' +
      '--port 80 --port 8080 --tls-cert c --tls-key k --capture f --fault drop=0.02,seed=7 --log json --metrics 9100 ' +
      '--memory 512MB --drain 5s';
    const { code, calls, stderr } = await call(line);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    const [, , options] = calls[0] as [string, string, Record<string, unknown>];
    assert.deepEqual(options, {
      link: 'tap',
      dev: 'x0',
      address: ['10.0.0.2/24', 'fd00::2/64'],
      gateway: ['10.0.0.1', 'fd00::1'],
      slaac: true,
      port: [80, 8080],
      tlsCert: 'c',
      tlsKey: 'k',
      capture: 'f',
      fault: { seed: 7, rx: { drop: 0.02 }, tx: { drop: 0.02 } },
      log: 'json',
      metrics: 9100,
      memory: 512e6,
      drain: 5e6,
    });
  });

  test("ping: a bare number is seconds; the exit code is the command's", async () => {
    const { code, calls } = await call('ping 10.0.0.1 --link tap -c 3 -s 100 -i 0.2 -W 500ms -t 9 -q', 1);
    assert.equal(code, 1);
    assert.deepEqual(calls, [
      ['ping', '10.0.0.1', { link: 'tap', count: 3, size: 100, interval: 200_000, wait: 500_000, ttl: 9, quiet: true }],
    ]);
  });

  test('ping: --size takes a unit', async () => {
    const { calls } = await call('ping x -s 1kB');
    assert.equal((calls[0]![2] as { size: number }).size, 1000);
  });

  test('what is given twice is given once; but every port 0 is one of its own', async () => {
    const { calls } = await call(
      'serve a --port 81 --port 0 --port 81 --port 0 --address 127.0.0.1 --address 127.0.0.1',
    );
    const { port, address } = calls[0]![2] as { port: number[]; address: string[] };
    assert.deepEqual([port, address], [[81, 0, 0], ['127.0.0.1']]);
  });

  test('fetch', async () => {
    const { calls } = await call('fetch http://x/ -o f -H a:b -H c:d -k --timeout 1s');
    assert.deepEqual(calls, [
      ['fetch', 'http://x/', { link: 'host', output: 'f', header: ['a:b', 'c:d'], insecure: true, timeout: 1e6 }],
    ]);
  });
});

describe('usage errors are one line, and the exit code is 2', () => {
  const table: [line: string, message: RegExp][] = [
    ['frob', /^ring3: unknown command 'frob'; see "ring3 --help"$/],
    ['serv', /Did you mean serve\?/],
    ['--frob', /^ring3: unknown option '--frob'; see "ring3 --help"$/],
    ['serve', /^ring3 serve: missing required argument 'dir'; see "ring3 serve --help"$/],
    ['serve a b', /too many arguments/],
    ['serve a --prt 1', /^ring3 serve: unknown option '--prt' \(Did you mean --port\?\)/],
    ['serve a --port', /argument missing/],
    ['serve a --port 99999', /^ring3 serve: --port: "99999" is no port: a whole number from 0 to 65535; see/],
    ['serve a --port x', /^ring3 serve: --port: "x" is no port/],
    ['serve a --link wire', /^ring3 serve: --link: "wire" is none of host, tun, tap, kernel; see/],
    ['serve a --log apache', /--log: "apache" is none of combined, json; see/],
    ['serve a --fault drop=2', /^ring3 serve: --fault: drop: "2" is no probability/],
    ['serve a --fault loss=0.1', /unknown key "loss"/],
    ['serve a --memory lots', /^ring3 serve: --memory: "lots" is no size/],
    ['serve a --gateway here', /^ring3 serve: --gateway: "here" is no IP address/],
    ['serve a --drain 5', /^ring3 serve: --drain: "5" is no time/],
    ['ping x -s big', /^ring3 ping: --size: "big" is no size/],
    ['ping', /^ring3 ping: missing required argument 'address'/],
    ['ping x -c many', /^ring3 ping: --count: "many" is no whole number/],
    ['fetch', /^ring3 fetch: missing required argument 'url'/],
  ];
  for (const [line, message] of table) {
    test(`ring3 ${line}`, async () => {
      const { code, stderr, calls } = await call(line);
      assert.equal(code, 2);
      assert.match(stderr.trimEnd(), message);
      assert.equal(stderr.split('\n').length, 2, stderr);
      assert.deepEqual(calls, []);
    });
  }

  test('no command at all: the help, on stderr', async () => {
    const { code, stderr } = await call('');
    assert.equal(code, 2);
    assert.match(stderr, /^Usage: ring3/);
  });
});

describe('failures are one line, and the exit code is 1', () => {
  const table: [error: Error, line: string][] = [
    [failure('the cat is on the keyboard'), 'ring3 serve: the cat is on the keyboard\n'],
    [
      Object.assign(new Error('device x is in use\nby somebody.'), { code: 'EBUSY' }),
      'ring3 serve: device x is in use by somebody\n',
    ],
    [new TypeError('x is not a function'), 'ring3 serve: x is not a function\n'],
  ];
  for (const [error, line] of table) {
    test(line.trim(), async () => {
      assert.deepEqual(await call('serve a', error), {
        code: 1,
        stderr: line,
        calls: [['serve', 'a', { link: 'host', drain: 30_000_000 }]],
      });
    });
  }
});
