// Tests of reassembly.ts: packets put together in any order, and everything that fragments are abused for.
// Run by node:test; calls fast-check, the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { get16, get32, put16 } from '../base/bytes.ts';
import {
  DROP_FRAGMENT_HEADERS,
  DROP_FRAGMENT_LENGTH,
  DROP_FRAGMENT_LIMIT,
  DROP_FRAGMENT_OVERLAP,
  DROP_FRAGMENT_TIMEOUT,
  DROP_MALFORMED,
  DROP_NO_MEMORY,
  DROP_NO_SOCKET,
} from '../base/drop.ts';
import { sumPlain } from '../wire/checksum.ts';
import {
  fragment,
  icmp4,
  icmp6,
  ip4,
  ip6,
  join,
  PEER6,
  pattern,
  readSummed,
  reassemble,
  udp4,
  udp6,
  udpBytes,
} from './ip-packets.test-support.ts';
import { Rig, receive } from './ip-rig.test-support.ts';
import { CONSUMED } from './packet.ts';

function listening(o: ConstructorParameters<typeof Rig>[0] = {}): { rig: Rig; h: number } {
  const rig = new Rig(o);
  const h = rig.udp.open({ family: 6 });
  assert.equal(rig.udp.bind(h, 0, 0, 0, 0, 53), 0);
  return { rig, h };
}

/** Sends all in order; returns the results. */
function inject(rig: Rig, packets: readonly Uint8Array[]): number[] {
  return packets.map((p) => rig.inject(p));
}

/** One IPv4 fragment of raw bytes. */
function piece4(offset: number, n: number, more: boolean, id = 1, src = '10.0.0.2'): Uint8Array {
  return ip4(pattern(n, offset), { offset, more, id, src });
}

/** One IPv6 fragment of raw bytes; `next` as its header says. */
function piece6(offset: number, data: Uint8Array, more: boolean, id = 1, next = 17, src = PEER6): Uint8Array {
  const f = new Uint8Array(8);
  f[0] = next;
  put16(f, 2, offset | (more ? 1 : 0));
  f[7] = id;
  return ip6(join([f, data]), { next: 44, src });
}

for (const [name, datagram, size] of [
  ['IPv4', (n: number) => udp4(1000, 53, pattern(n)), 1480],
  ['IPv6', (n: number) => udp6(1000, 53, pattern(n)), 1448],
] as const) {
  describe(`reassembly of ${name}`, () => {
    test('puts packets together in every order, duplicates among them', () => {
      fc.assert(
        fc.property(fc.integer({ min: 1500, max: 12000 }), fc.integer(), fc.integer(), (n, seed, dup) => {
          const { rig, h } = listening({ small: 40, large: 4, chunks: 20 });
          const pieces = fragment(datagram(n), size);
          const order = pieces.map((p, i) => ({ p, key: Math.imul(i + 1, seed | 1) }));
          order.sort((a, b) => a.key - b.key);
          const list = order.map((o) => o.p);
          const again = list[Math.abs(dup) % (list.length - 1)]!;
          list.splice(list.indexOf(again) + 1, 0, again);
          const results = inject(rig, list);
          assert.equal(results.at(-1), 0);
          assert.equal(results.filter((r) => r === DROP_FRAGMENT_OVERLAP).length, 1);
          assert.deepEqual(receive(rig.udp, h), pattern(n));
          assert.equal(rig.reassembly.used, 0);
          rig.assertNothingHeld();
        }),
        { numRuns: 40 },
      );
    });

    test('the largest packet there is', () => {
      const { rig, h } = listening();
      const n = name === 'IPv4' ? 65507 : 65527;
      const pieces = fragment(datagram(n), size);
      assert.equal(inject(rig, pieces.reverse()).at(-1), 0);
      assert.deepEqual(receive(rig.udp, h), pattern(n));
      rig.assertNothingHeld();
    });

    test('an overlap gives the packet up for good, whatever still comes (teardrop)', () => {
      const { rig, h } = listening();
      const whole = datagram(4000);
      const pieces = fragment(whole, 1024);
      const shifted = fragment(whole, 1032);
      assert.equal(rig.inject(pieces[0]!), CONSUMED);
      assert.equal(rig.inject(shifted[1]!), CONSUMED);
      assert.equal(rig.inject(pieces[1]!), DROP_FRAGMENT_OVERLAP);
      assert.equal(rig.memory.frames.used, 0);
      for (const p of pieces) assert.equal(rig.inject(p), DROP_FRAGMENT_OVERLAP);
      assert.equal(receive(rig.udp, h), -11);
      rig.pass(61_000_000);
      assert.equal(rig.reassembly.used, 0);
      assert.equal(rig.take().length, 0);
      assert.equal(inject(rig, pieces).at(-1), 0);
      rig.udp.close(h);
      rig.assertNothingHeld();
    });

    test('a checksum that the link vouches for is verified nevertheless', () => {
      const { rig, h } = listening();
      const bad = datagram(3000);
      bad[bad.length - 1]! ^= 1;
      const results = fragment(bad, size).map((p) => rig.inject(p, 1));
      assert.equal(results.at(-1), 5);
      assert.equal(receive(rig.udp, h), -11);
      rig.assertNothingHeld();
    });

    test('times out after 60 s with "time exceeded" if the first fragment is here', () => {
      const { rig } = listening();
      const pieces = fragment(datagram(4000), 1024);
      assert.equal(rig.inject(pieces[0]!), CONSUMED);
      assert.equal(rig.inject(pieces[2]!), CONSUMED);
      assert.equal(rig.reassembly.pollAt(), rig.now + 60_000_000);
      rig.pass(59_999_999);
      assert.equal(rig.reassembly.used, 1);
      rig.pass(1);
      assert.equal(rig.reassembly.used, 0);
      assert.equal(rig.core.counters.dropped(DROP_FRAGMENT_TIMEOUT), 1);
      const r = readSummed(rig.take()[0]!);
      assert.deepEqual([r.payload[0], r.payload[1]], [name === 'IPv4' ? 11 : 3, 1]);
      assert.deepEqual(r.payload.subarray(8), pieces[0]!.subarray(0, r.payload.length - 8));
      assert.ok(r.payload.length > 500);
      // Without the first one, silence.
      assert.equal(rig.inject(pieces[1]!), CONSUMED);
      rig.pass(60_000_000);
      assert.equal(rig.take().length, 0);
      rig.assertNothingHeld();
    });

    test('one source takes a quarter of the places, all together no more than the setting', () => {
      const { rig } = listening({ settings: { reassemblies: 16 } });
      const start = (host: number, id: number): void => {
        const src = name === 'IPv4' ? `10.0.0.${host}` : `fd00::${host}`;
        const p = name === 'IPv4' ? piece4(8, 8, true, id, src) : piece6(8, pattern(8), true, id, 17, src);
        assert.equal(rig.inject(p), CONSUMED);
      };
      for (let id = 1; id <= 10; id++) start(5, id);
      assert.equal(rig.reassembly.used, 4);
      assert.equal(rig.core.counters.dropped(DROP_FRAGMENT_LIMIT), 6);
      for (let host = 10; host < 60; host++) start(host, 1);
      assert.ok(rig.reassembly.used <= 16);
      assert.equal(rig.memory.frames.used, rig.reassembly.used);
      rig.reassembly.clear();
      rig.assertNothingHeld();
    });

    test('without a large frame the oldest packet makes room; with none at all the fragment is dropped', () => {
      const { rig } = listening({ large: 2 });
      const make = (id: number): Uint8Array =>
        name === 'IPv4' ? piece4(0, 64, true, id) : piece6(0, pattern(64), true, id);
      for (let id = 1; id <= 5; id++) assert.equal(rig.inject(make(id)), CONSUMED);
      assert.equal(rig.reassembly.used, 2);
      rig.reassembly.clear();
      const a = rig.memory.frames.large.alloc();
      const b = rig.memory.frames.large.alloc();
      assert.equal(rig.inject(make(9)), DROP_NO_MEMORY);
      rig.memory.frames.free(a);
      rig.memory.frames.free(b);
      rig.assertNothingHeld();
    });

    test('fragments of two packets, of other sources and of other identifications do not mix', () => {
      const { rig, h } = listening();
      const a = fragment(datagram(3000), size, 1);
      const b = fragment(datagram(3000), size, 2);
      assert.deepEqual(inject(rig, [a[0]!, b[1]!, b[0]!, a[1]!]), [CONSUMED, CONSUMED, CONSUMED, CONSUMED]);
      assert.deepEqual(inject(rig, [a[2]!, b[2]!]), [0, 0]);
      assert.deepEqual(receive(rig.udp, h), pattern(3000));
      assert.deepEqual(receive(rig.udp, h), pattern(3000));
    });

    test('a datagram for nobody is answered by an error that quotes it whole again', () => {
      const rig = new Rig();
      const whole = datagram(3000);
      assert.equal(inject(rig, fragment(whole, size)).at(-1), DROP_NO_SOCKET);
      const r = readSummed(rig.take()[0]!);
      const quote = r.payload.subarray(8);
      assert.equal(get16(quote, name === 'IPv4' ? 2 : 4), name === 'IPv4' ? 3028 : 3008);
      if (name === 'IPv4') assert.equal(sumPlain(quote, 0, 20), 0xffff);
      assert.deepEqual(quote.subarray(40), whole.subarray(40, quote.length));
      rig.assertNothingHeld();
    });

    test('a ping of 65,000 bytes is answered whole', () => {
      const rig = new Rig();
      const body = pattern(65000);
      const ping = name === 'IPv4' ? icmp4(8, 0, 0x00050006, body) : icmp6(128, 0, 0x00050006, body);
      const pieces = fragment(ping, size);
      for (const [i, p] of pieces.entries()) assert.equal(rig.inject(p), CONSUMED, `${i}`);
      const reply = readSummed(reassemble(rig.take()));
      assert.equal(reply.payload[0], name === 'IPv4' ? 0 : 129);
      assert.equal(get32(reply.payload, 4), 0x00050006);
      assert.deepEqual(reply.payload.subarray(8), body);
      rig.assertNothingHeld();
    });
  });
}

describe('fragments that break rules', () => {
  test('IPv4: empty, not a multiple of 8, beyond 65535', () => {
    const { rig } = listening();
    assert.equal(rig.inject(piece4(8, 0, true)), DROP_FRAGMENT_LENGTH);
    assert.equal(rig.inject(piece4(0, 0, true)), DROP_FRAGMENT_LENGTH);
    assert.equal(rig.inject(piece4(0, 12, true)), DROP_FRAGMENT_LENGTH);
    assert.equal(rig.inject(piece4(65528, 8, false)), DROP_FRAGMENT_LENGTH);
    assert.equal(rig.inject(piece4(65512, 4, false)), DROP_FRAGMENT_LENGTH);
    assert.equal(rig.inject(piece4(65512, 3, false)), CONSUMED);
    rig.reassembly.clear();
    rig.assertNothingHeld();
  });

  test('IPv4: longer with the header of the first fragment than a packet can be', () => {
    const { rig } = listening();
    const options = new Array(40).fill(1);
    // Data up to 65515 with a short header is legal; the first fragment's 60 bytes of header make it too long.
    const parts: Uint8Array[] = [];
    for (let at = 1024; at < 65515; at += 1024) {
      parts.push(piece4(at, Math.min(1024, 65515 - at), at + 1024 < 65515, 3));
    }
    for (const p of parts) assert.equal(rig.inject(p), CONSUMED);
    assert.equal(rig.inject(ip4(pattern(1024), { more: true, id: 3, options })), DROP_FRAGMENT_LENGTH);
    assert.equal(rig.memory.frames.used, 0);
  });

  test('IPv4: a tiny first fragment is no way around: the overlap is refused (RFC 1858)', () => {
    const { rig, h } = listening();
    const whole = udp4(1000, 53, pattern(100));
    const tiny = fragment(whole, 8);
    assert.equal(rig.inject(tiny[0]!), CONSUMED);
    assert.equal(rig.inject(ip4(pattern(96), { offset: 0, more: true, id: 77 })), DROP_FRAGMENT_OVERLAP);
    assert.deepEqual(new Set(inject(rig, tiny.slice(1))), new Set([DROP_FRAGMENT_OVERLAP]));
    assert.equal(receive(rig.udp, h), -11);
    // By themselves they are legal.
    assert.equal(inject(rig, fragment(whole, 8, 78)).at(-1), 0);
    assert.deepEqual(receive(rig.udp, h), pattern(100));
  });

  test('two ends of one packet contradict each other', () => {
    for (const second of [piece4(32, 8, false), piece4(16, 8, false), piece4(64, 16, true), piece4(72, 8, true)]) {
      const { rig } = listening();
      assert.equal(rig.inject(piece4(64, 8, false)), CONSUMED);
      const result = rig.inject(second);
      assert.equal(result, DROP_FRAGMENT_OVERLAP);
      assert.equal(rig.memory.frames.used, 0);
    }
    const { rig } = listening();
    assert.equal(rig.inject(piece4(64, 8, true)), CONSUMED);
    assert.equal(rig.inject(piece4(32, 8, false)), DROP_FRAGMENT_OVERLAP);
    assert.equal(rig.memory.frames.used, 0);
  });

  test('more pieces than are kept give the packet up', () => {
    const { rig } = listening();
    const results: number[] = [];
    for (let i = 0; i < 300; i++) results.push(rig.inject(piece4(i * 16, 8, true)));
    assert.equal(results.filter((r) => r === CONSUMED).length, 256);
    assert.equal(results[256], DROP_FRAGMENT_LIMIT);
    assert.equal(rig.memory.frames.used, 0);
  });

  test('at MTU 576 a full datagram still fits', () => {
    const { rig, h } = listening();
    assert.equal(inject(rig, fragment(udp4(1, 53, pattern(65507)), 552).reverse()).at(-1), 0);
    assert.equal((receive(rig.udp, h) as Uint8Array).length, 65507);
  });

  test('IPv6: parameter problems for bad lengths, with their pointers', () => {
    const { rig } = listening();
    assert.equal(rig.inject(piece6(0, pattern(12), true)), DROP_FRAGMENT_LENGTH);
    let r = readSummed(rig.take()[0]!);
    assert.deepEqual([r.payload[0], r.payload[1], get32(r.payload, 4)], [4, 0, 4]);
    assert.equal(rig.inject(piece6(65528, pattern(16), false)), DROP_FRAGMENT_LENGTH);
    r = readSummed(rig.take()[0]!);
    assert.deepEqual([r.payload[0], r.payload[1], get32(r.payload, 4)], [4, 0, 42]);
    assert.equal(rig.inject(piece6(8, pattern(0), true)), DROP_FRAGMENT_LENGTH);
    assert.equal(rig.take().length, 0);
  });

  test('IPv6: a first fragment without all headers is refused with code 3 (RFC 7112)', () => {
    const { rig } = listening();
    assert.equal(rig.inject(piece6(0, Uint8Array.from([17, 1, 1, 4, 0, 0, 0, 0]), true, 1, 60)), DROP_FRAGMENT_HEADERS);
    const r = readSummed(rig.take()[0]!);
    assert.deepEqual([r.payload[0], r.payload[1], get32(r.payload, 4)], [4, 3, 0]);
    assert.equal(rig.reassembly.used, 0);
  });

  test('IPv6: headers before the fragment header stay, those behind it are read when whole', () => {
    const { rig, h } = listening();
    const udp = udp6(1000, 53, pattern(2000)).subarray(40);
    const options = [1, 4, 0, 0, 0, 0];
    const data = join([Uint8Array.from([17, 0, ...options]), udp]);
    const cut = (at: number, to: number, more: boolean): Uint8Array => {
      const f = new Uint8Array(16);
      f.set([44, 0, ...options, 60, 0]);
      put16(f, 10, at | (more ? 1 : 0));
      f[15] = 9;
      return ip6(join([f, data.subarray(at, to)]), { next: 0 });
    };
    assert.equal(rig.inject(cut(1000, 2016, false)), CONSUMED);
    assert.equal(rig.inject(cut(0, 1000, true)), 0);
    assert.deepEqual(receive(rig.udp, h), pattern(2000));
    rig.assertNothingHeld();
  });

  test('IPv6: an unknown header behind a fragment header is refused when the packet is whole', () => {
    const { rig } = listening();
    assert.equal(rig.inject(piece6(0, pattern(64), true, 3, 200)), CONSUMED);
    assert.equal(rig.inject(piece6(64, pattern(64), false, 3, 200)), 20);
    const r = readSummed(rig.take()[0]!);
    assert.deepEqual([r.payload[0], r.payload[1], get32(r.payload, 4)], [4, 1, 6]);
    rig.assertNothingHeld();
  });

  test('IPv6: a fragment within a fragment goes nowhere', () => {
    const { rig } = listening();
    const inner = join([Uint8Array.from([17, 0, 0, 1, 0, 0, 0, 5]), udpBytes(1, 53, pattern(48))]);
    assert.equal(rig.inject(piece6(0, inner, true, 4, 44)), CONSUMED);
    assert.equal(rig.inject(piece6(64, pattern(8), false, 4, 44)), DROP_MALFORMED);
    rig.assertNothingHeld();
  });

  test('congestion marks: CE in any fragment marks the whole; CE among Not-ECT drops it (RFC 3168 section 5.3)', () => {
    for (const [marks, want] of [
      [[2, 2, 2], 2],
      [[2, 3, 2], 3],
      [[0, 0, 0], 0],
      [[0, 3, 0], -1],
    ] as const) {
      for (const version of [4, 6]) {
        const { rig, h } = listening();
        const whole = version === 4 ? udp4(1, 53, pattern(3000)) : udp6(1, 53, pattern(3000));
        const pieces = fragment(whole, 1024).map((p, i) => {
          if (version === 6) {
            p[1] = marks[i]! << 4;
            return p;
          }
          const data = p.subarray(20);
          return ip4(data, { id: 77, offset: i * 1024, more: i < 2, tos: marks[i]! });
        });
        const last = inject(rig, pieces).at(-1);
        assert.equal(last, want < 0 ? DROP_MALFORMED : 0);
        if (want >= 0) {
          assert.deepEqual(receive(rig.udp, h), pattern(3000));
          assert.equal(rig.udp.from.trafficClass, want);
        }
        rig.assertNothingHeld();
      }
    }
  });

  test('random fragments never throw, and everything comes back', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            six: fc.boolean(),
            offset: fc.nat(12).map((x) => x * 8),
            length: fc.nat(40),
            more: fc.boolean(),
            id: fc.nat(2),
          }),
          { maxLength: 40 },
        ),
        (list) => {
          const { rig, h } = listening({ small: 80, large: 4, chunks: 20, settings: { reassemblies: 4 } });
          for (const f of list) {
            rig.inject(
              f.six ? piece6(f.offset, pattern(f.length), f.more, f.id) : piece4(f.offset, f.length, f.more, f.id),
            );
          }
          rig.pass(61_000_000);
          assert.equal(rig.reassembly.used, 0);
          rig.udp.close(h);
          rig.assertNothingHeld();
        },
      ),
      { numRuns: 100 },
    );
  });
});
