// How a network tells sockets what has happened, on a stack and a driver that are played by the test.
import assert from 'node:assert/strict';
import { AsyncResource } from 'node:async_hooks';
import { mock, test } from 'node:test';
import type { Driver } from '../base/time.ts';
import { Network, type ReadySink, type SocketStack } from './network.ts';

/** A stack that has news of handles 1, 2 and 3, and one of UDP's handle 1. */
function played(): { stack: SocketStack; driver: Driver; pass: () => void; left: () => boolean } {
  const queue = (handles: number[]): object => ({ readyFlags: 5, nextReady: () => handles.shift() ?? 0 });
  let run: (() => void) | null = null;
  const driver = {
    clock: { monotonic: () => 0, wall: () => 0 },
    poke() {},
    onPass(fn: () => void) {
      run = fn;
      return () => void (run = null);
    },
  };
  const stack = { tcp: queue([1, 2, 3]), udp: queue([1]), interfaces: {} } as unknown as SocketStack;
  return { stack, driver, pass: () => run?.(), left: () => run === null };
}

function sink(ready: (flags: number) => void): ReadySink {
  return { scope: new AsyncResource('TEST'), ready };
}

test('everybody hears in the same pass, whatever the others throw; what is thrown is uncaught later', () => {
  const { stack, driver, pass } = played();
  const network = new Network(stack, driver);
  const heard: unknown[] = [];
  network.watchTcp(
    1,
    sink(() => {
      throw new Error('mine');
    }),
  );
  network.watchTcp(
    3,
    sink((flags) => heard.push(['tcp 3', flags])),
  );
  network.watchUdp(
    1,
    sink((flags) => heard.push(['udp 1', flags])),
  );
  const later: (() => void)[] = [];
  const tick = mock.method(process, 'nextTick', (fn: (e: unknown) => void, e: unknown) => later.push(() => fn(e)));
  try {
    pass();
  } finally {
    tick.mock.restore();
  }
  assert.deepEqual(heard, [
    ['tcp 3', 5],
    ['udp 1', 5],
  ]);
  assert.throws(() => later[0]!(), /mine/);
  network.close();
});

test('who found no memory tries again after the pass, once', () => {
  const { stack, driver, pass } = played();
  const network = new Network(stack, driver);
  let tries = 0;
  const hungry = {
    retry(): void {
      tries++;
      if (tries < 3) network.starve(hungry);
    },
  };
  network.starve(hungry);
  for (const expected of [1, 2, 3, 3]) {
    pass();
    assert.equal(tries, expected);
  }
  network.close();
});

test('close is final, happens once, and gives the stack back', () => {
  const { stack, driver, left } = played();
  const first = new Network(stack, driver);
  assert.throws(() => new Network(stack, driver), /has a network already/);
  first.close();
  assert.ok(left());
  const second = new Network(stack, driver);
  first.close();
  assert.throws(() => new Network(stack, driver), /has a network already/);
  second.close();
});
