// A neighbour that falls silent for longer than resolution takes, with connections to it: they go on when it is back, and are given up when not.
// Run by node:test; calls stack through pair.test-support.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EAGAIN } from '../../base/errno.ts';
import type { Link, RxBatch } from '../../base/link.ts';
import { WrappedLink } from '../../link/wrapped.ts';
import { Pair, pattern } from '../pair.test-support.ts';
import { ESTABLISHED } from './state.ts';

const SECOND = 1_000_000;

/** A wire that can be cut: then nothing arrives at this end. */
class Wire extends WrappedLink {
  cut = false;

  override receive(batch: RxBatch): number {
    const n = this.inner.receive(batch);
    if (!this.cut || n === 0) return n;
    this.inner.release(batch);
    return 0;
  }
}

function cuttable(): { pair: Pair; cut: (off: boolean) => void } {
  const wires: Wire[] = [];
  const wrap = (link: Link): Link => {
    const wire = new Wire(link);
    wires.push(wire);
    return wire;
  };
  const pair = new Pair({ link: { medium: 'ethernet' }, wrap });
  pair.run(10 * SECOND); // addresses are checked
  return {
    pair,
    cut: (off) => {
      for (const wire of wires) wire.cut = off;
    },
  };
}

/** What the reader has got: everything that is there. */
function drain(pair: Pair, handle: number, into: Uint8Array, at: number): number {
  let got = 0;
  for (let n = 1; n > 0; got += Math.max(0, n)) {
    n = pair.b.tcp.read(handle, into, at + got, into.length - at - got);
    assert.ok(n >= 0 || n === -EAGAIN, `read: ${n}`);
  }
  return got;
}

describe('an outage that outlasts address resolution', () => {
  for (const unsent of [false, true]) {
    test(`${unsent ? 'data written meanwhile' : 'data in flight'} arrives once the wire is back, the peer being silent`, () => {
      const { pair, cut } = cuttable();
      const [client, server] = pair.connect();
      pair.run(SECOND);
      const data = pattern(200_000);
      const got = new Uint8Array(data.length);
      if (unsent) {
        // The neighbour is found to be gone by other means, with nothing in flight.
        const udp = pair.a.udp.open({ family: 4 });
        cut(true);
        for (let n = 0; n < 60; n++) {
          pair.a.udp.send(udp, data, 0, 10, 0, 0, 0xffff, 0x0a000002, 9);
          pair.run(SECOND);
        }
        assert.equal(pair.a.tcp.write(client, data, 0, data.length), data.length);
        pair.run(20 * SECOND);
      } else {
        assert.equal(pair.a.tcp.write(client, data, 0, data.length), data.length);
        cut(true);
        pair.run(30 * SECOND);
      }
      assert.equal(pair.a.tcp.state(client), ESTABLISHED);
      cut(false);
      let received = 0;
      const done = pair.runUntil(() => (received += drain(pair, server, got, received)) === data.length, 130 * SECOND);
      assert.ok(done, `${received} of ${data.length} bytes have arrived`);
      assert.deepEqual(got, data);
    });
  }

  test('a connection that its user has closed is given up when the neighbour stays away', () => {
    const { pair, cut } = cuttable();
    const before = pair.a.tcp.used;
    const [client] = pair.connect();
    pair.run(SECOND);
    const udp = pair.a.udp.open({ family: 4 });
    cut(true);
    for (let n = 0; n < 60; n++) {
      pair.a.udp.send(udp, new Uint8Array(10), 0, 10, 0, 0, 0xffff, 0x0a000002, 9);
      pair.run(SECOND);
    }
    pair.a.tcp.close(client);
    pair.run(3600 * SECOND);
    assert.equal(pair.a.tcp.used, before, 'its row is free');
  });
});
