// Tests of the loop with a stack of the right shape: passes, order within a turn, alarms, spinning, rest, letting go.
// Run by node:test; calls loop.ts, and a child process for what concerns the end of a process.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { ffiAvailable } from './ffi.ts';
import { HostLoop, type Turnable } from './loop.ts';

class FakeStack implements Turnable {
  polls: number[] = [];
  at = Infinity;
  more = 0;
  onWork: () => void = () => {};
  onPoll: () => void = () => {};
  poll(now: number): boolean {
    this.polls.push(now);
    if (now >= this.at) this.at = Infinity;
    this.onPoll();
    return this.more-- > 0;
  }
  pollAt(): number {
    return this.at;
  }
}

/** A loop that sleeps at once, with one stack whose first pass is over. */
async function setUp(t: { after(fn: () => void): void }, spin = 0): Promise<{ loop: HostLoop; stack: FakeStack }> {
  const loop = new HostLoop({ spin });
  t.after(() => loop.close());
  const stack = new FakeStack();
  loop.add(stack);
  await turn();
  await turn();
  stack.polls.length = 0;
  return { loop, stack };
}

test('many pokes of a turn make one pass, after the other JavaScript of that turn', async (t) => {
  const { loop, stack } = await setUp(t);
  const order: string[] = [];
  stack.onPoll = () => order.push('pass');
  const done = turn();
  loop.poke();
  process.nextTick(() => {
    order.push('tick');
    loop.poke();
  });
  void Promise.resolve()
    .then(() => Promise.resolve())
    .then(() => {
      order.push('promise');
      stack.onWork();
    });
  loop.poke();
  assert.equal(stack.polls.length, 0);
  await done;
  await turn();
  assert.deepEqual([order.length, order.at(-1)], [3, 'pass'], String(order));
});

test('work marked by callbacks after a pass is flushed in the same turn', async (t) => {
  const { loop, stack } = await setUp(t);
  let replies = 3;
  loop.onPass(() => {
    if (replies-- > 0) stack.onWork();
  });
  loop.poke();
  await turn();
  assert.equal(stack.polls.length, 4);
});

test('passes go on while there is more to do, but other input gets its turn', async (t) => {
  const { loop, stack } = await setUp(t);
  stack.more = Infinity;
  let timers = 0;
  const timer = setInterval(() => timers++, 1);
  t.after(() => clearInterval(timer));
  loop.poke();
  await wait(30);
  stack.more = 0;
  assert.ok(timers >= 5, `${timers} timers in 30 ms`);
  assert.ok(stack.polls.length > 100);
});

test('all stacks of a loop have their pass before the callbacks', async (t) => {
  const { loop, stack } = await setUp(t);
  const other = new FakeStack();
  loop.add(other);
  await turn();
  const order: string[] = [];
  stack.onPoll = () => order.push('one');
  other.onPoll = () => order.push('other');
  loop.onPass(() => order.push('callback'));
  stack.onWork();
  await turn();
  assert.deepEqual(order, ['one', 'other', 'callback']);
  loop.remove(stack);
  order.length = 0;
  stack.onWork(); // nobody listens
  await turn();
  assert.deepEqual(order, []);
});

test('a callback that throws is reported as uncaught, and the others have their turn', async (t) => {
  const { loop, stack } = await setUp(t);
  const caught: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => caught.push(error));
  let called = 0;
  const off = loop.onPass(() => {
    throw new Error('mine');
  });
  loop.onPass(() => called++);
  loop.poke();
  await turn();
  await turn();
  process.removeAllListeners('uncaughtException');
  for (const listener of listeners) process.on('uncaughtException', listener);
  assert.deepEqual(caught.map(String), ['Error: mine']);
  assert.equal(called, 1);
  off();
  loop.poke();
  await turn();
  assert.deepEqual([called, stack.polls.length], [2, 2]);
});

test('a callback that takes out another, or itself, costs nobody a turn', async (t) => {
  const { loop } = await setUp(t);
  const called: string[] = [];
  const offSelf = loop.onPass(() => {
    called.push('self');
    offSelf();
    offOther();
  });
  const offOther = loop.onPass(() => called.push('other'));
  loop.onPass(() => called.push('last'));
  loop.poke();
  await turn();
  assert.deepEqual(called, ['self', 'last']);
});

test('the pass that pollAt() asks for comes at its time, not before', async (t) => {
  const { loop, stack } = await setUp(t);
  const late: number[] = [];
  for (let i = 0; i < 20; i++) {
    const at = loop.clock.monotonic() + 2300;
    stack.at = at;
    loop.poke();
    await new Promise<void>((resolve) => {
      stack.onPoll = () => {
        if (stack.at !== Infinity) return;
        late.push(stack.polls.at(-1)! - at);
        resolve();
      };
    });
  }
  assert.ok(Math.min(...late) >= 0, `${late} us late`);
  // One of them meets an idle machine: what we test is that the alarm is finer than the 1 ms of libuv's timers.
  if (ffiAvailable()) assert.ok(Math.min(...late) < 500, `${late} us late`);
});

test('an earlier time replaces a later one; a later one costs one look at the clock and no pass', async (t) => {
  const { loop, stack } = await setUp(t);
  stack.at = loop.clock.monotonic() + 60e6;
  loop.poke();
  await turn();
  stack.at = loop.clock.monotonic() + 5_000;
  loop.poke();
  await turn();
  stack.polls.length = 0;
  await wait(20);
  assert.equal(stack.polls.length, 1);

  stack.at = loop.clock.monotonic() + 5_000;
  loop.poke();
  await turn();
  stack.at = loop.clock.monotonic() + 60e6;
  loop.poke();
  await turn();
  stack.polls.length = 0;
  await wait(20);
  assert.equal(stack.polls.length, 0);
});

test('an idle loop takes no processor time', async (t) => {
  const { loop, stack } = await setUp(t, 50);
  // An alarm that has gone off, then one that is far away.
  for (const next of [5_000, 60e6]) {
    stack.at = loop.clock.monotonic() + next;
    loop.poke();
    await wait(20);
    stack.polls.length = 0;
    const used = await processorTime(500);
    assert.equal(stack.polls.length, 0);
    assert.ok(used < 25_000, `${used} us of processor time in half a second`);
  }
});

/** Microseconds of processor time that this process takes in the next `ms`. */
async function processorTime(ms: number): Promise<number> {
  const before = process.cpuUsage();
  await wait(ms);
  const used = process.cpuUsage(before);
  return used.user + used.system;
}

test('after work the loop stays awake for a while, after a mere alarm it does not', async (t) => {
  const { loop, stack } = await setUp(t, 150_000);
  const monotonic = loop.clock.monotonic.bind(loop.clock);
  let looks = 0;
  loop.clock.monotonic = () => {
    looks++;
    return monotonic();
  };
  stack.at = monotonic() + 300_000;
  loop.poke();
  await wait(50);
  assert.ok(looks > 10, `${looks} looks at the clock after work`);
  while (stack.at !== Infinity) await wait(10);
  await turn();
  looks = 0;
  await wait(100);
  assert.equal(looks, 0, 'awake after an alarm');
});

test('close() ends passes and callbacks, also in the middle of one', async (t) => {
  const { loop, stack } = await setUp(t);
  let called = 0;
  loop.onPass(() => called++);
  stack.onPoll = () => loop.close();
  stack.more = Infinity;
  loop.poke();
  await turn();
  await turn();
  loop.poke();
  loop.close();
  await turn();
  assert.deepEqual([stack.polls.length, called], [1, 0]);
});

/** Runs a module in a process of its own; how long it lived (ms) and how it ended. */
function child(code: string): { code: number | null; ms: number; output: string } {
  const source = `
    import { HostLoop } from ${JSON.stringify(new URL('loop.js', import.meta.url).href)};
    const stack = { poll: () => false, pollAt: () => Infinity, onWork() {} };
    const loop = new HostLoop();
    loop.add(stack);
    ${code}`;
  const start = performance.now();
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  return { code: result.status, ms: performance.now() - start, output: result.stdout + result.stderr };
}

test('the process lives while the loop is referred to, and ends cleanly when it is not', () => {
  const text = 'console.log("bye")';
  for (const [name, code] of Object.entries({
    'close()': `setTimeout(() => { loop.close(); ${text} }, 50);`,
    'unref()': `setTimeout(() => { loop.unref(); ${text} }, 50);`,
    'unref() at once': `loop.unref(); ${text}`,
    'process.exit()': `setTimeout(() => { ${text}; process.exit(0) }, 50);`,
    'ref() again': `loop.unref(); loop.ref(); setTimeout(() => { loop.close(); ${text} }, 50).unref();`,
  })) {
    const end = child(code);
    assert.deepEqual([end.code, end.output.trim()], [0, 'bye'], `${name}: ${end.output}`);
    assert.ok(end.ms < 5000, `${name} took ${end.ms} ms`);
  }
});

test('a loop in a worker that ends without closing it does not abort the process', () => {
  const end = child(`
    import { Worker } from 'node:worker_threads';
    loop.close();
    const worker = new Worker(\`
      import(${JSON.stringify(new URL('loop.js', import.meta.url).href)}).then(({ HostLoop }) => {
        const loop = new HostLoop();
        loop.add({ poll: () => false, pollAt: () => Infinity, onWork() {} });
        setTimeout(() => process.exit(7), 20);
      });\`, { eval: true });
    worker.on('exit', (code) => console.log('worker', code));`);
  assert.deepEqual([end.code, end.output.trim()], [0, 'worker 7']);
});
