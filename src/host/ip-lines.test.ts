// Tests of the ip(8) lines for the kernel's end of a device.
// Run by node:test; calls ip-lines.ts. What ip makes of them is tested in tuntap.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipLines } from './ip-lines.ts';

test('ip lines leave the stack its addresses', () => {
  const lines = (...addresses: string[]): string[] => ipLines({ name: 't0', addresses });
  assert.deepEqual(lines('10.0.0.2/24'), ['ip link set t0 up', 'ip addr add 10.0.0.1/24 dev t0']);
  assert.deepEqual(lines('10.0.0.1/24')[1], 'ip addr add 10.0.0.2/24 dev t0');
  assert.deepEqual(lines('10.0.0.129/25')[1], 'ip addr add 10.0.0.130/25 dev t0');
  assert.deepEqual(lines('10.0.0.6/31')[1], 'ip addr add 10.0.0.7/31 dev t0');
  assert.deepEqual(lines('fd00::2/64')[1], 'ip addr add fd00::1/64 dev t0 nodad');
  assert.deepEqual(lines('fd00::/127')[1], 'ip addr add fd00::1/127 dev t0 nodad');
  assert.deepEqual(lines('10.0.0.2/32')[1], 'ip route add 10.0.0.2/32 dev t0');
  assert.deepEqual(lines('nonsense'), ['ip link set t0 up']);
});
