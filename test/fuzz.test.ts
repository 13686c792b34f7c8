// A whole stack on a hostile wire: random, truncated and mutated frames of every protocol. Nothing may throw, hang or leak, and
// innocent traffic goes on. Run by node:test; calls test/support/fuzz-rig.ts.
//
//   RING3_FUZZ=1000000 npm test -- test/fuzz      frames over all kinds of wire (default 450,000)
//   RING3_FUZZ_SEED=7 npm test -- test/fuzz       another seed (default 1)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DROP_TABLE } from '../src/base/drop.ts';
import { FuzzRig, type Variant } from './support/fuzz-rig.ts';

const FRAMES = Number(process.env['RING3_FUZZ'] ?? 450_000);
const SEED = Number(process.env['RING3_FUZZ_SEED'] ?? 1);
const VARIANTS: readonly Variant[] = [
  { name: 'Ethernet', medium: 'ethernet', gso: false },
  { name: 'IP', medium: 'ip', gso: false },
  { name: 'Ethernet with superframes', medium: 'ethernet', gso: true },
  { name: 'IP, without memory', medium: 'ip', gso: false, starved: true },
];
/** Frames between two visits to the innocent peer. */
const VISIT = 500;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function heap(): number {
  gc();
  return process.memoryUsage().heapUsed;
}

VARIANTS.forEach((variant, i) => {
  const seed = SEED * 1000 + i;
  const frames = Math.ceil(FRAMES / VARIANTS.length);

  test(`${frames} hostile frames over ${variant.name}, seed ${seed}`, (t) => {
    const rig = new FuzzRig(variant, seed);
    let visit = 0;
    let before = 0;
    try {
      while (rig.injected < frames) {
        rig.batch(1 + (rig.injected % 61));
        rig.elapse();
        if (rig.injected >= visit && !variant.starved) {
          visit += VISIT;
          rig.innocent.check(rig);
        }
        if (before === 0 && rig.injected > frames / 3) before = heap();
      }
      const grown = heap() - before;
      assert.ok(grown < 4 << 20, `the heap has grown by ${grown} bytes`);
      rig.calm();
      rig.innocent.check(rig);
    } catch (error) {
      t.diagnostic(`seed ${seed}, frame ${rig.injected}, time ${rig.now} us`);
      throw error;
    }
    const { counters, drops } = rig.stack.core.counters.snapshot();
    t.diagnostic(`made ${JSON.stringify(rig.forge.made)}; at most ${rig.mostFrames} frames, ${rig.mostChunks} chunks`);
    t.diagnostic(`counters ${JSON.stringify(counters)}`);
    t.diagnostic(`drops ${JSON.stringify(drops)}`);
    // The frames got deep: connections opened both ways, packets reassembled, most reasons to drop one were met.
    if (variant.starved) {
      assert.ok(drops['no_memory']! > frames / 1000);
      return;
    }
    assert.ok(counters['tcp_accepted']! > frames / 1000 && counters['tcp_connected']! > 10);
    assert.ok(counters['reassembled']! > 10 && counters['icmp_errors_received']! > 10);
    const met = DROP_TABLE.filter((row) => drops[row.name]! > 0).length;
    assert.ok(met > 30, `only ${met} reasons met`);
  });
});
