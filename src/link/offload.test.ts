// Tests of finding transport headers and completing checksums, against packets whose answers are known.
// Run by node:test; calls offload.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Checksum } from '../wire/checksum.ts';
import { completeChecksum, completeReceived, finishChecksum, Transport } from './offload.ts';
import { packet, pattern, slowChecksum, tcp, transportStart } from './packets.test-support.ts';

const memory = new WebAssembly.Memory({ initial: 2 });
const u8 = new Uint8Array(memory.buffer);
const sums = new Checksum(memory);
const transport = new Transport();

const EXTENSIONS = { 4: [148, 4, 0, 0], 6: [17, 0, 1, 4, 0, 0, 0, 0] };

/** Every combination that has a checksum. */
const kinds = fc.record({
  medium: fc.constantFrom('ip' as const, 'ethernet' as const),
  version: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom(6 as const, 17 as const, 58 as const),
  options: fc.boolean(),
  bytes: fc.nat(1500),
  seed: fc.nat(255),
  at: fc.nat(300),
  padding: fc.nat(40),
});

function build(k: typeof kinds extends fc.Arbitrary<infer T> ? T : never, partial: boolean): Uint8Array {
  const data = pattern(k.bytes, k.seed);
  const udp = [1, 2, 3, 4, (k.bytes + 8) >> 8, (k.bytes + 8) & 255, 0, 0];
  const body =
    k.protocol === 6
      ? tcp(1, 16, [], data)
      : k.protocol === 17
        ? [...udp, ...data]
        : [128, 0, 0, 0, 0, 1, 0, 1, ...data];
  const options = k.options ? EXTENSIONS[k.version].slice() : [];
  if (k.options && k.version === 6) options[0] = k.protocol;
  return packet({ ...k, options, transport: body, partial });
}

describe('Transport', () => {
  test('finds header, checksum field and end in every kind of packet, and completes it', () => {
    fc.assert(
      fc.property(kinds, (k) => {
        fc.pre(!(k.protocol === 58 && k.version === 4));
        const bytes = build(k, true);
        u8.fill(0xee, k.at, k.at + bytes.length + k.padding);
        u8.set(bytes, k.at);
        assert.ok(transport.find(u8, k.at, bytes.length + k.padding, k.medium));
        const start = transportStart({
          medium: k.medium,
          version: k.version,
          options: k.options ? EXTENSIONS[k.version] : [],
        });
        assert.equal(transport.start, k.at + start);
        assert.equal(transport.field, transport.start + { 6: 16, 17: 6, 58: 2 }[k.protocol]);
        assert.equal(transport.end, k.at + bytes.length);
        assert.deepEqual([transport.version, transport.protocol], [k.version, k.protocol]);
        completeReceived(u8, sums, transport, k.at, bytes.length + k.padding, k.medium);
        assert.deepEqual(u8.slice(k.at, k.at + bytes.length), build(k, false));
        assert.ok(u8.subarray(k.at + bytes.length, k.at + bytes.length + k.padding).every((b) => b === 0xee));
      }),
    );
  });

  test('finds nothing where one frame cannot complete a checksum', () => {
    const base = packet({ medium: 'ethernet', protocol: 6, transport: tcp(1, 16, [], [1, 2, 3]) });
    const refuse = (what: string, change: (b: Uint8Array) => void, from = base): void => {
      const b = from.slice();
      change(b);
      assert.equal(transport.find(b, 0, b.length, 'ethernet'), false, what);
    };
    assert.ok(transport.find(base, 0, base.length, 'ethernet'));
    refuse('ARP', (b) => b.set([8, 6], 12));
    refuse('a VLAN tag', (b) => b.set([0x81, 0], 12));
    refuse('a first fragment', (b) => b.set([0x20], 20));
    refuse('a later fragment', (b) => b.set([0, 1], 20));
    refuse('another protocol', (b) => b.set([47], 23));
    refuse('ICMPv6 over IPv4', (b) => b.set([58], 23));
    refuse('a wrong version', (b) => b.set([0x55], 14));
    refuse('a total length beyond the frame', (b) => b.set([255, 255], 16));
    refuse('a total length that ends in the TCP header', (b) => b.set([0, 36], 16));
    const fragment = packet({
      medium: 'ethernet',
      version: 6,
      protocol: 6,
      options: [6, 0, 0, 1, 0, 0, 0, 9],
      extension: 44,
      transport: tcp(1, 16, [], [1]),
    });
    refuse('an IPv6 fragment', () => {}, fragment);
    for (let length = 0; length < base.length; length++)
      assert.equal(transport.find(base, 0, length, 'ethernet'), false);
  });

  test('never reads outside, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(0x45, 0x60, 0x4f, 0x08), (noise, first) => {
        if (noise.length > 0) noise[0] = first;
        for (const medium of ['ip', 'ethernet'] as const) {
          if (!transport.find(noise, 0, noise.length, medium)) continue;
          assert.ok(
            transport.start >= transport.ip && transport.field + 2 <= transport.end && transport.end <= noise.length,
          );
        }
      }),
    );
  });
});

describe('checksums in software', () => {
  test('completes a field that holds the sum of the pseudo-header', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 3000, size: 'max' }), fc.nat(16), (bytes, field) => {
        const at = 4096 + (field & 3);
        u8.set(bytes, at);
        completeChecksum(u8, sums, at, field, at + bytes.length);
        const got = u8[at + field]! * 256 + u8[at + field + 1]!;
        assert.equal(got, field === 6 && slowChecksum([...bytes]) === 0 ? 0xffff : slowChecksum([...bytes]));
      }),
    );
  });

  test('a UDP checksum of zero is sent as 0xffff, others as they are', () => {
    assert.equal(finishChecksum(0xffff, 6), 0xffff);
    assert.equal(finishChecksum(0xffff, 16), 0);
    assert.equal(finishChecksum(0x1234, 6), 0xedcb);
  });
});
