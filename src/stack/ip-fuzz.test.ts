// Fuzz: random and mutated packets into ip, icmp and udp. Nothing throws, nothing is read or written outside, all memory comes back.
// Run by node:test; calls the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { SeededRng } from '../base/rng.ts';
import { putIp4Checksum } from '../wire/ip4.ts';
import {
  fixSum,
  fragment,
  icmp4,
  icmp6,
  ip4,
  ip6,
  join,
  OWN4,
  OWN6,
  PEER4,
  PEER6,
  pattern,
  readSummed,
  udp4,
  udp6,
  udpBytes,
  words,
} from './ip-packets.test-support.ts';
import { Rig } from './ip-rig.test-support.ts';

/** Packets of every kind that the stack knows. */
function corpus(): Uint8Array[] {
  const data = pattern(60);
  const sent4 = ip4(udpBytes(1000, 53, data), { src: OWN4, dst: PEER4 });
  const sent6 = ip6(udpBytes(1000, 53, data), { src: OWN6, dst: PEER6 });
  const options = Uint8Array.from([17, 0, 1, 4, 0, 0, 0, 0]);
  const udp = udp6(9, 53, data).subarray(40);
  return [
    udp4(9, 53, data),
    udp4(9, 54, data),
    udp4(9, 53, data, { options: [7, 7, 4, 0, 0, 0, 0, 0] }),
    udp4(9, 53, data, { dst: '239.0.0.1' }),
    udp6(9, 53, data),
    udp6(9, 54, data),
    udp6(9, 53, data, { dst: 'ff02::5' }),
    ip6(join([options, udp]), { next: 60 }),
    ip6(join([Uint8Array.from([60, 0, 1, 4, 0, 0, 0, 0]), options, udp]), { next: 0 }),
    ip6(join([Uint8Array.from([17, 0, 0, 0, 0, 0, 0, 1]), udp]), { next: 44 }),
    icmp4(8, 0, 0x10001, data),
    icmp6(128, 0, 0x10001, data),
    icmp4(0, 0, 0x10001, data),
    icmp4(3, 3, 0, sent4),
    icmp4(3, 4, 1000, sent4),
    icmp4(11, 1, 0, sent4),
    icmp6(1, 4, 0, sent6),
    icmp6(2, 0, 1300, sent6),
    icmp6(135, 0, 0, join([Uint8Array.from([0xfd, ...new Array(14).fill(0), 1])]), { hopLimit: 255 }),
    ip4(data, { protocol: 132 }),
    ip6(data, { next: 132 }),
    ...fragment(udp4(9, 53, pattern(400)), 128),
    ...fragment(udp6(9, 53, pattern(400)), 128),
  ];
}

/** One change of the kind that a fuzzer makes: bits, bytes, lengths; sometimes with the checksums put right again. */
function mutate(rng: SeededRng, packet: Uint8Array): Uint8Array {
  let p: Uint8Array = packet.slice();
  const times = 1 + rng.below(3);
  for (let i = 0; i < times; i++) {
    const kind = rng.below(5);
    if (kind === 0) p[rng.below(p.length)] = rng.below(256);
    else if (kind === 1) p[rng.below(Math.min(48, p.length))]! ^= 1 << rng.below(8);
    else if (kind === 2) p = p.slice(0, 1 + rng.below(p.length));
    else if (kind === 3) p = join([p, pattern(rng.below(30))]);
    else p[rng.below(Math.min(70, p.length))] = [0, 1, 0x7f, 0x80, 0xff][rng.below(5)]!;
  }
  if (rng.below(2) === 0) return p;
  if (p.length >= 20 && p[0]! >> 4 === 4 && (p[0]! & 15) * 4 <= p.length && (p[0]! & 15) >= 5) putIp4Checksum(p, 0);
  const l4 = p[0]! >> 4 === 4 ? (p[0]! & 15) * 4 : 40;
  const protocol = p[0]! >> 4 === 4 ? p[9]! : p[6]!;
  if (p.length >= l4 + 8 && (protocol === 1 || protocol === 58)) fixSum(p, l4, protocol, 2);
  if (p.length >= l4 + 8 && protocol === 17) fixSum(p, l4, protocol, 6);
  return p;
}

function rigWithSockets(seed: number): Rig {
  const rig = new Rig({
    small: 200,
    large: 20,
    chunks: 60,
    seed,
    settings: { reassemblies: 8, icmpErrorsPerSecond: 1e6, icmpErrorBurst: 1e6 },
  });
  const { udp } = rig;
  const h = udp.open({ family: 6 });
  assert.equal(udp.bind(h, 0, 0, 0, 0, 53), 0);
  assert.equal(udp.join(h, ...words('239.0.0.1'), 1), 0);
  assert.equal(udp.join(h, ...words('ff02::5'), 1), 0);
  for (const peer of ['::ffff:10.0.0.2', PEER6]) {
    const c = udp.open({ family: 6 });
    udp.set(c, 6, 1);
    assert.equal(udp.bind(c, ...words(peer === PEER6 ? OWN6 : '::ffff:10.0.0.1'), 1000), 0);
    assert.equal(udp.connect(c, ...words(peer), 53), 0);
  }
  const ping = udp.open({ family: 4, protocol: 'icmp' });
  assert.equal(udp.bind(ping, ...words('0.0.0.0'), 1), 0);
  return rig;
}

/** Empties the receive queues and takes what was sent; every packet sent is well formed. */
function drain(rig: Rig): void {
  const into = new Uint8Array(2000);
  for (const h of rig.udp.list()) while (rig.udp.receive(h, into, 0, into.length) !== -11);
  while (rig.udp.nextReady() !== 0);
  for (const p of rig.take()) {
    const fragmented = p[0]! >> 4 === 4 ? ((p[6]! & 0x3f) | p[7]!) !== 0 : p[6] === 44;
    if (!fragmented) readSummed(p);
  }
}

function finish(rig: Rig): void {
  rig.pass(700_000_000);
  drain(rig);
  rig.udp.clear();
  assert.equal(rig.reassembly.used, 0);
  assert.equal(rig.pathMtu.used, 0);
  rig.assertNothingHeld();
}

describe('fuzz', () => {
  for (const seed of [1, 2, 3]) {
    test(`30,000 mutated packets, seed ${seed}`, () => {
      const rig = rigWithSockets(seed);
      const rng = new SeededRng(seed);
      const packets = corpus();
      for (let i = 0; i < 30_000; i++) {
        const flags = rng.below(20) === 0 ? 1 + rng.below(2) : 0;
        rig.inject(mutate(rng, packets[rng.below(packets.length)]!), flags);
        if (i % 200 === 0) {
          rig.pass(rng.below(3_000_000));
          drain(rig);
        }
      }
      finish(rig);
    });
  }

  test('20,000 packets of random bytes', () => {
    const rig = rigWithSockets(9);
    const rng = new SeededRng(9);
    for (let i = 0; i < 20_000; i++) {
      const p = new Uint8Array(1 + rng.below(120));
      for (let at = 0; at < p.length; at++) p[at] = rng.below(256);
      if (rng.below(4) !== 0) p[0] = rng.below(2) === 0 ? 0x45 : 0x60;
      rig.inject(p, rng.below(2));
      if (i % 500 === 0) drain(rig);
    }
    finish(rig);
  });

  test('every packet of the corpus, truncated everywhere', () => {
    const rig = rigWithSockets(4);
    for (const packet of corpus()) {
      for (let n = 1; n <= packet.length; n++) {
        const p = packet.slice(0, n);
        rig.inject(p);
        // And with a length that agrees, so that what is missing is the upper layer's.
        if (p[0]! >> 4 === 4 && n >= 20) {
          p[2] = n >> 8;
          p[3] = n;
          putIp4Checksum(p, 0);
        } else if (n >= 40) {
          p[4] = (n - 40) >> 8;
          p[5] = n - 40;
        }
        rig.inject(p, 1);
      }
      drain(rig);
    }
    finish(rig);
  });

  test('with hardly any memory, nothing is lost either', () => {
    const rng = new SeededRng(5);
    const rig = rigWithSockets(5);
    const held: number[] = [];
    while (rig.memory.frames.small.available > 2) held.push(rig.memory.frames.small.alloc());
    while (rig.memory.frames.large.available > 2) held.push(rig.memory.frames.large.alloc());
    const packets = corpus();
    for (let i = 0; i < 5_000; i++) {
      rig.inject(mutate(rng, packets[rng.below(packets.length)]!));
      if (rng.below(3) === 0) drain(rig);
      rig.pass(rng.below(100_000));
    }
    for (const f of held) rig.memory.frames.free(f);
    finish(rig);
  });
});
