// Tests of the fault option of the command line: what it reads, and the one line it says about what it cannot.
// Run by node:test; calls fault.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultLink, parseFaults } from './fault.ts';
import { memoryLink } from './memory.ts';
import { ManualClock, makeMemory } from './packets.test-support.ts';

describe('parseFaults', () => {
  test('reads what the command line gives', () => {
    const all = { drop: 0.02, reorder: 0.02, duplicate: 0.01, corrupt: 0.001, delay: 5000 };
    assert.deepEqual(parseFaults('drop=0.02,reorder=0.02,duplicate=0.01,corrupt=0.001,delay=5ms,seed=7'), {
      seed: 7,
      rx: all,
      tx: all,
    });
    assert.deepEqual(parseFaults('drop=2%'), { seed: 1, rx: { drop: 0.02 }, tx: { drop: 0.02 } });
  });

  test('a direction before a key is for that direction, and goes before both', () => {
    assert.deepEqual(parseFaults('rx.drop=0.5, drop=0.1 ,tx.delay=1s'), {
      seed: 1,
      rx: { drop: 0.5 },
      tx: { drop: 0.1, delay: 1_000_000 },
    });
  });

  const bad: [string, string][] = [
    ['', 'fault: "" is not of the form key=value'],
    ['drop', 'fault: "drop" is not of the form key=value'],
    ['drop=0.1,,', 'fault: "" is not of the form key=value'],
    ['loss=1', 'fault: unknown key "loss"; known: drop, duplicate, reorder, corrupt, delay, seed'],
    ['rx.seed=1', 'fault: unknown key "rx.seed"; known: drop, duplicate, reorder, corrupt, delay, seed'],
    ['toString=1', 'fault: unknown key "toString"; known: drop, duplicate, reorder, corrupt, delay, seed'],
    ['drop=2', 'fault: drop: "2" is no probability from 0 to 1, such as 0.02 or 2%'],
    ['tx.delay=5', 'fault: tx.delay: "5" is no time, such as 50ms (us, ms, s, min, h)'],
    ['seed=x', 'fault: seed: "x" is no seed: a whole number from 0 to 4294967295'],
    ['drop=0.1,drop=0.2', 'fault: drop is given twice'],
  ];
  for (const [text, message] of bad) {
    test(`says what is wrong with ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseFaults(text), { name: 'RangeError', message });
    });
  }
});

describe('faultLink', () => {
  test('refuses chances that are none', () => {
    const [a] = memoryLink({ a: makeMemory(), b: makeMemory() });
    for (const rx of [{ drop: 1.5 }, { corrupt: -0.1 }, { duplicate: Number.NaN }, { delay: -1 }]) {
      assert.throws(() => faultLink(a, new ManualClock(), { rx }), RangeError);
    }
  });
});
