// Gilbert-Elliott loss has the rate and the bursts that theory gives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRng } from '../base/rng.ts';
import { type GilbertElliottLoss, makeLoss } from './loss.ts';

function measure(model: GilbertElliottLoss, n: number): { rate: number; burst: number } {
  const loss = makeLoss(model, new SeededRng(11))!;
  let lost = 0;
  let bursts = 0;
  let before = false;
  for (let i = 0; i < n; i++) {
    const now = loss.lost();
    if (now) lost++;
    if (now && !before) bursts++;
    before = now;
  }
  return { rate: lost / n, burst: lost / bursts };
}

test('the simple Gilbert model loses toBad / (toBad + toGood), in bursts of 1 / toGood', () => {
  const { rate, burst } = measure({ model: 'gilbert-elliott', toBad: 0.01, toGood: 0.25 }, 1_000_000);
  assert.ok(Math.abs(rate - 0.01 / 0.26) < 0.001, `${rate}`);
  assert.ok(Math.abs(burst - 4) < 0.1, `${burst}`);
});

test('with chances in both states the rate is the mean of both by the time spent in them', () => {
  const { rate } = measure({ model: 'gilbert-elliott', toBad: 0.02, toGood: 0.1, good: 0.001, bad: 0.5 }, 1_000_000);
  const expected = (0.001 * 0.1 + 0.5 * 0.02) / 0.12;
  assert.ok(Math.abs(rate - expected) < 0.002, `${rate} against ${expected}`);
});

test('no loss is no model, and chances lie from 0 to 1', () => {
  assert.equal(makeLoss(0, new SeededRng(1)), null);
  assert.equal(makeLoss(undefined, new SeededRng(1)), null);
  assert.throws(() => makeLoss(1.1, new SeededRng(1)), RangeError);
  assert.throws(() => makeLoss({ model: 'gilbert-elliott', toBad: 2, toGood: 0 }, new SeededRng(1)), RangeError);
});
