// The two forms of a fuzzer's actions: what one says, the other says; any bytes are actions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { action, fromBytes, fromText, toBytes, toText } from './fuzz-actions.test-support.ts';
import { generate } from './fuzz-generate.test-support.ts';

test('actions come back from bytes and from text as they were', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const actions = generate(seed);
    assert.deepEqual(fromText(toText(actions)), actions);
    assert.deepEqual(fromBytes(toBytes(actions), 1000), actions);
  }
});

test('any bytes are a list of actions that begins with a world', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(50), (bytes, limit) => {
      const actions = fromBytes(bytes, limit + 1);
      assert.equal(actions[0]!.op, 'world');
      assert.ok(actions.length <= limit + 1);
      assert.deepEqual(fromText(toText(actions)), actions);
      assert.deepEqual(fromBytes(toBytes(actions), limit + 1), actions);
    }),
  );
});

test('a byte that is lost changes one action', () => {
  const bytes = toBytes([action('world', { sack: 1 }), action('write', { size: 3 }), action('advance', { time: 5 })]);
  const names = fromBytes(bytes.subarray(2), 10).map(({ op }) => op);
  assert.deepEqual(names, ['world', 'write', 'advance']);
});

test('a comment, an unknown operation and an unknown parameter in a text', () => {
  assert.deepEqual(fromText('# why\nworld sack=1 # here\n\nfin\n'), [action('world', { sack: 1 }), action('fin')]);
  assert.throws(() => fromText('world\nfly'), /line 2: no operation fly/);
  assert.throws(() => fromText('fin to=3'), /line 1: to=3/);
  assert.throws(() => fromText('fin conn=192'), /line 1: conn=192/);
});
