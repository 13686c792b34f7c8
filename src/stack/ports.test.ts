// Tests of ports.ts: the range, free ports found, starts that differ by remote and by secret.
// Run by node:test; calls the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { Rig } from './ip-rig.test-support.ts';
import { Ports } from './ports.ts';

const free = (): boolean => false;

function forRemote(ports: Ports, last: number, port = 80, inUse: (port: number) => boolean = free): number {
  return ports.forConnection(6, 0, 0, 0xffff, 1, 0, 0, 0xffff, last, port, inUse);
}

describe('ephemeral ports', () => {
  test('ports for one remote follow one another, for others they start elsewhere', () => {
    const ports = new Ports(new Rig().core);
    const a = Array.from({ length: 5 }, () => forRemote(ports, 99));
    for (let i = 1; i < 5; i++) assert.equal((a[i]! - a[i - 1]! + 16384) % 16384, 1);
    const starts = new Set(Array.from({ length: 50 }, (_, i) => forRemote(ports, 1000 + i)));
    assert.ok(starts.size > 45);
    assert.notEqual(forRemote(ports, 99, 80), forRemote(ports, 99, 81));
  });

  test('every port lies in the range, and the only free one is found', () => {
    const rig = new Rig({ settings: { portFirst: 5000, portLast: 5099 } });
    const ports = new Ports(rig.core);
    for (let i = 0; i < 300; i++) {
      const port = i % 2 === 0 ? forRemote(ports, i) : ports.random(free);
      assert.ok(port >= 5000 && port <= 5099);
    }
    const only = (port: number): boolean => port !== 5042;
    assert.equal(forRemote(ports, 1, 80, only), 5042);
    assert.equal(ports.random(only), 5042);
    assert.equal(
      forRemote(ports, 1, 80, () => true),
      0,
    );
    assert.equal(
      ports.random(() => true),
      0,
    );
  });

  test('random ports spread over the range', () => {
    const ports = new Ports(new Rig().core);
    const seen = Array.from({ length: 400 }, () => ports.random(free));
    assert.ok(new Set(seen).size > 380);
    assert.ok(Math.min(...seen) < 51000 && Math.max(...seen) > 64000);
  });
});
