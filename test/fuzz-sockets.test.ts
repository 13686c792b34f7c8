// Node's HTTP server and streams over ring3/net on a hostile wire: no frame may make a socket throw, hang or stay behind.
// Run by node:test; calls test/support/fuzz-rig.ts with fuzz-socket-app.ts. RING3_FUZZ and RING3_FUZZ_SEED as in fuzz.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FuzzRig } from './support/fuzz-rig.ts';
import { FuzzSocketApp } from './support/fuzz-socket-app.ts';

const FRAMES = Math.ceil(Number(process.env['RING3_FUZZ'] ?? 450_000) / 15);
const SEED = Number(process.env['RING3_FUZZ_SEED'] ?? 1) * 1000 + 100;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test(`${FRAMES} hostile frames at sockets, seed ${SEED}`, async (t) => {
  let app!: FuzzSocketApp;
  const rig = new FuzzRig({ name: 'IP', medium: 'ip', gso: false }, SEED, (...args) => {
    app = new FuzzSocketApp(...args);
    return app;
  });
  let most = 0;
  try {
    while (rig.injected < FRAMES) {
      rig.batch(1 + (rig.injected % 31));
      for (let n = 0; n < 3; n++) {
        await turn();
        rig.settle();
      }
      app.initiative();
      rig.elapse();
      most = Math.max(most, app.open);
    }
    // Streams end in turns of Node's, connections in virtual time.
    app.goHome();
    for (let n = 0; n < 10; n++) {
      await turn();
      rig.settle();
    }
    assert.equal(app.open, 0, 'sockets that never closed');
    assert.equal(app.network.open, 3, 'handles: two listeners and a datagram socket');
    rig.calm();
  } catch (error) {
    t.diagnostic(`seed ${SEED}, frame ${rig.injected}, time ${rig.now} us`);
    throw error;
  } finally {
    app.close();
  }
  t.diagnostic(`${JSON.stringify(app.seen)}, at most ${most} open`);
  const { requests, connections, errors, datagrams } = app.seen;
  assert.ok(requests > FRAMES / 3000 && connections > FRAMES / 300 && errors > 0 && datagrams > 0);
});
