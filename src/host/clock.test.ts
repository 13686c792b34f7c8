// Tests of the real clocks and of the system's randomness.
// Run by node:test; calls clock.ts and random.ts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SystemClock } from './clock.ts';
import { SystemRng, secretWords } from './random.ts';

test('monotonic() is CLOCK_MONOTONIC in microseconds', () => {
  const clock = new SystemClock();
  for (let i = 0; i < 10; i++) {
    const before = Number(process.hrtime.bigint()) / 1000;
    const now = clock.monotonic();
    const after = Number(process.hrtime.bigint()) / 1000;
    assert.ok(now >= before - 5 && now <= after + 5, `${now} is not between ${before} and ${after}`);
  }
  // /proc/uptime counts from boot as CLOCK_MONOTONIC does, unless the machine was suspended.
  if (process.platform === 'linux') {
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    assert.ok(clock.monotonic() / 1e6 <= uptime + 1);
  }
});

test('two clocks agree to a few microseconds', () => {
  const [a, b] = [new SystemClock(), new SystemClock()];
  const gap = Math.min(...Array.from({ length: 10 }, () => Math.abs(b.monotonic() - a.monotonic())));
  assert.ok(gap < 10, `${gap} us apart`);
});

test('monotonic() never goes back', () => {
  const clock = new SystemClock();
  let last = 0;
  for (let i = 0; i < 10_000; i++) {
    const now = clock.monotonic();
    assert.ok(now >= last);
    last = now;
  }
});

test('wall() stays within the millisecond of Date.now() and tells times within it apart', () => {
  const clock = new SystemClock();
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const before = Date.now();
    const wall = clock.wall();
    assert.ok(wall >= before && wall < Date.now() + 1, `${wall} is not in ${before}`);
    seen.add(wall);
  }
  assert.ok(seen.size > 100, `only ${seen.size} different times`);
});

test('wall() follows a clock that is set', (t) => {
  const clock = new SystemClock();
  clock.wall();
  for (const step of [3_600_000, -7_200_000]) {
    const real = Date.now;
    t.mock.method(Date, 'now', () => real.call(Date) + step);
    assert.ok(Math.abs(clock.wall() - Date.now()) < 2);
    t.mock.restoreAll();
  }
});

test('random numbers stay in their bounds, reach all of them, and do not repeat', () => {
  const rng = new SystemRng();
  for (const bound of [1, 2, 3, 7, 10, 256]) {
    const seen = new Set(Array.from({ length: 5000 }, () => rng.below(bound)));
    assert.equal(seen.size, bound);
    assert.ok([...seen].every((n) => Number.isInteger(n) && n >= 0 && n < bound));
  }
  const wide = Array.from({ length: 2000 }, () => rng.below(2 ** 31));
  assert.ok(wide.every((n) => n >= 0 && n < 2 ** 31) && wide.some((n) => n >= 2 ** 30));
  const words = new Set(Array.from({ length: 5000 }, () => rng.int32()));
  assert.ok(words.size > 4990);
  assert.ok([...words].every((n) => n === (n | 0)));
});

test('below() favours nobody', () => {
  const rng = new SystemRng();
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[rng.below(3)]!++;
  for (const count of counts) assert.ok(count > 9_500 && count < 10_500, String(counts));
});

test('secrets differ', () => {
  assert.equal(secretWords(6).length, 6);
  assert.notDeepEqual(secretWords(6), secretWords(6));
});
