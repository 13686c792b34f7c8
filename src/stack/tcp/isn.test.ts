// Initial sequence numbers (RFC 9293 section 3.4.1, RFC 6528) and the choice of ports (RFC 6056).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EADDRINUSE } from '../../base/errno.ts';
import { Peer, Probe } from './probe.test-support.ts';

/** The ISN that the stack answers a SYN from `port` with; the connection is reset again. */
function isn(probe: Probe, port: number): number {
  const p = new Peer(probe, port);
  p.inject('S', { seq: 0 });
  p.expect('SA');
  p.inject('R', { seq: 1 });
  return p.stackIss;
}

function listening(): Probe {
  const p = new Peer();
  p.listen();
  return p.probe;
}

test('the ISN of one tuple goes up by one every 4 us (MUST-8)', () => {
  const probe = listening();
  const first = isn(probe, 1);
  probe.advance(1_000_000);
  assert.equal((isn(probe, 1) - first) | 0, 250_000);
  probe.advance(10_000_000);
  assert.equal((isn(probe, 1) - first) | 0, 2_750_000);
});

test('ISNs of different tuples tell nothing about each other', () => {
  const probe = listening();
  const seen = Array.from({ length: 200 }, (_, n) => isn(probe, 1000 + n));
  assert.equal(new Set(seen).size, 200);
  const steps = seen.slice(1).map((v, n) => (v - seen[n]!) | 0);
  assert.equal(new Set(steps).size, 199, 'no constant step');
  const high = seen.filter((v) => v < 0).length;
  assert.ok(high > 60 && high < 140, `${high} of 200 in the upper half`);
});

test('they depend on the secret, the tuple and the time alone', () => {
  const [a, b, c] = [1, 1, 2].map((seed) => {
    const p = new Peer({ seed });
    p.listen();
    return isn(p.probe, 1);
  });
  assert.equal(a, b);
  assert.notEqual(a, c);
});

test('automatic ports are in the range, differ for one remote end, and end with EADDRINUSE', () => {
  const probe = new Probe({ settings: { portFirst: 40_000, portLast: 40_009 } });
  const ports = new Set<number>();
  for (let n = 0; n < 10; n++) {
    const p = new Peer(probe);
    p.connect();
    ports.add(p.stackPort);
  }
  assert.equal(ports.size, 10);
  assert.ok([...ports].every((port) => port >= 40_000 && port <= 40_009));
  assert.equal(probe.stack.tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000002, 5555, 0), -EADDRINUSE);
  assert.ok(probe.stack.tcp.connect(0, 0, 0, 0, 0, 0, 0, 0xffff, 0x0a000002, 5556, 0) > 0, 'another remote port');
});
