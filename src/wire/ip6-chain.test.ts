// The walk over IPv6 extension headers: order, limits, option actions, fragments, quotes. Run by node:test.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  DROP_BAD_OPTION,
  DROP_EXTENSION_LIMIT,
  DROP_EXTENSION_ORDER,
  DROP_FRAGMENT_HEADERS,
  DROP_FRAGMENT_LENGTH,
  DROP_ROUTING_HEADER,
  DROP_SHORT,
} from '../base/drop.ts';
import { bounded, boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import { ip6Check, putIp6Dst, putIp6Header, putIp6PayloadLength } from './ip6.ts';
import { IP6_MAX_EXTENSIONS, Ip6Chain, ip6UnknownProtocol, ip6Walk, ip6WalkQuote } from './ip6-chain.ts';

const HOP = 0;
const TCP = 6;
const UDP = 17;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;

/** A packet whose base header names `next`, with this payload in hexadecimal. */
function packet(next: number, payload: string, multicast: boolean = false): Uint8Array {
  const bytes = unhex(payload);
  const b = new Uint8Array(40 + bytes.length);
  putIp6Header(b, 0, 0, 0, bytes.length, next, 64);
  putIp6Dst(b, 0, multicast ? 0xff020000 | 0 : 0xfd000000 | 0, 0, 0, 1);
  b.set(bytes, 40);
  return b;
}

const used = new Ip6Chain();

/** Walks with a used and with a fresh register object, which must agree; offsets are returned as counted from `o`. */
function walk(b: Uint8Array, o: number = 0): Ip6Chain & { drop: number } {
  const fresh = new Ip6Chain();
  const drop = ip6Walk(b, o, fresh);
  assert.equal(ip6Walk(b, o, used), drop);
  if (drop === 0) assert.deepEqual(used, fresh, 'a used register object must hold nothing of the last walk');
  else return Object.assign(new Ip6Chain(), { drop, ...problemOf(fresh) });
  const fragment = fresh.fragment < 0 ? -1 : fresh.fragment - o;
  const fragmentField = fresh.fragment < 0 ? 0 : fresh.fragmentField - o;
  const offsets = { offset: fresh.offset - o, protocolField: fresh.protocolField - o, fragment, fragmentField };
  return Object.assign(fresh, { drop, ...offsets });
}

function problemOf(chain: Ip6Chain): Pick<Ip6Chain, 'problemCode' | 'problemPointer' | 'problemForMulticast'> {
  const { problemCode, problemPointer, problemForMulticast } = chain;
  return { problemCode, problemPointer, problemForMulticast };
}

/** The parameter problem of a packet that must be dropped: [reason, code, pointer, even if multicast]. */
function refused(b: Uint8Array): [number, number, number, boolean] {
  const chain = walk(b);
  return [chain.drop, chain.problemCode, chain.problemPointer, chain.problemForMulticast];
}

const UDP_HEADER = ' 0001 0002 0008 0000';
const PADN = '0104 00000000';

describe('the chain', () => {
  test('without extension headers ends at the upper protocol', () => {
    const chain = walk(packet(UDP, UDP_HEADER));
    assert.deepEqual([chain.drop, chain.protocol, chain.offset, chain.protocolField], [0, UDP, 40, 6]);
    assert.deepEqual([chain.headers, chain.fragment, chain.isFragment], [0, -1, false]);
  });

  test('through every kind reaches the upper protocol and knows where it was named', () => {
    const b = packet(
      HOP,
      `3c00 ${PADN} 2b00 ${PADN} 3c00 0000 00000000 1101 0000 0000 0000 010600000000 0000 ${UDP_HEADER}`,
    );
    const chain = walk(b);
    assert.deepEqual([chain.drop, chain.protocol, chain.offset], [0, UDP, 40 + 8 + 8 + 8 + 16]);
    assert.deepEqual([chain.protocolField, chain.headers], [40 + 24, 4]);
  });

  test('stops at what is no extension header: no next header, ESP, AH, anything unknown', () => {
    for (const next of [59, 50, 51, 135, 139, 140, 253, 255]) {
      const chain = walk(packet(next, ''));
      assert.deepEqual([chain.drop, chain.protocol, chain.offset], [0, next, 40]);
    }
  });

  test('an unknown protocol is answered by a pointer to the field that names it (RFC 8200 section 4)', () => {
    const chain = walk(packet(DESTINATION, `fd00 ${PADN}`));
    ip6UnknownProtocol(0, chain);
    assert.deepEqual([chain.protocol, chain.problemCode, chain.problemPointer], [0xfd, 1, 40]);
    const plain = walk(packet(0xfd, ''));
    ip6UnknownProtocol(0, plain);
    assert.deepEqual([plain.problemCode, plain.problemPointer], [1, 6]);
  });

  test('hop-by-hop options anywhere but first are refused with a pointer to where they are named', () => {
    assert.deepEqual(refused(packet(DESTINATION, `0000 ${PADN} 1100 ${PADN}`)), [DROP_EXTENSION_ORDER, 1, 40, false]);
    assert.deepEqual(refused(packet(HOP, `0000 ${PADN} 1100 ${PADN}`)), [DROP_EXTENSION_ORDER, 1, 40, false]);
  });

  test('other headers may come in any order and repeatedly, up to a limit', () => {
    const headers = (count: number): Uint8Array =>
      packet(DESTINATION, `3c00 ${PADN}`.repeat(count - 1) + `1100 ${PADN}` + UDP_HEADER);
    assert.equal(walk(headers(IP6_MAX_EXTENSIONS)).drop, 0);
    assert.deepEqual(refused(headers(IP6_MAX_EXTENSIONS + 1)), [DROP_EXTENSION_LIMIT, -1, 0, false]);
  });

  test('a header that leaves the packet is refused in silence', () => {
    assert.deepEqual(refused(packet(DESTINATION, '1101 010400000000')), [DROP_SHORT, -1, 0, false]);
    assert.deepEqual(refused(packet(DESTINATION, '1100 0104000000')), [DROP_SHORT, -1, 0, false]);
    assert.deepEqual(refused(packet(HOP, '')), [DROP_SHORT, -1, 0, false]);
  });

  test('bytes after the payload length are not read', () => {
    const b = packet(DESTINATION, `1100 ${PADN} ${UDP_HEADER}`);
    putIp6PayloadLength(b, 0, 7);
    assert.equal(walk(b).drop, DROP_SHORT);
  });
});

describe('routing headers', () => {
  test('with segments left are refused with a pointer to their type, of any type', () => {
    for (const type of ['00', '02', '04', 'fe']) {
      assert.deepEqual(refused(packet(ROUTING, `1100 ${type}01 00000000 ${UDP_HEADER}`)), [
        DROP_ROUTING_HEADER,
        0,
        42,
        false,
      ]);
    }
  });

  test('without are passed', () =>
    assert.equal(walk(packet(ROUTING, `1100 0000 00000000 ${UDP_HEADER}`)).protocol, UDP));
});

describe('options (RFC 8200 section 4.2)', () => {
  const inHeader = (options: string, multicast: boolean = false): Uint8Array =>
    packet(HOP, `1100 ${options} ${UDP_HEADER}`, multicast);

  test('padding and router alert are passed', () => {
    for (const options of [PADN, '0000 0000 0000', '0502 0000 0100', '0100 0102 0000']) {
      assert.equal(walk(inHeader(options)).drop, 0, options);
    }
  });

  test('unknown ones do what their two high bits say', () => {
    const at = 42;
    assert.equal(walk(inHeader('1e04 00000000')).drop, 0);
    assert.deepEqual(refused(inHeader('5e04 00000000')), [DROP_BAD_OPTION, -1, 0, false]);
    assert.deepEqual(refused(inHeader('9e04 00000000')), [DROP_BAD_OPTION, 2, at, true]);
    assert.deepEqual(refused(inHeader('9e04 00000000', true)), [DROP_BAD_OPTION, 2, at, true]);
    assert.deepEqual(refused(inHeader('de04 00000000')), [DROP_BAD_OPTION, 2, at, false]);
    assert.deepEqual(refused(inHeader('de04 00000000', true)), [DROP_BAD_OPTION, -1, 0, false]);
    assert.deepEqual(refused(inHeader('0100 de02 0000')), [DROP_BAD_OPTION, 2, at + 2, false]);
  });

  test('a length that leaves the header is a parameter problem', () => {
    assert.deepEqual(refused(inHeader('1e05 00000000')), [DROP_BAD_OPTION, 0, 43, false]);
    assert.deepEqual(refused(inHeader('01ff 00000000')), [DROP_BAD_OPTION, 0, 43, false]);
    assert.deepEqual(refused(inHeader('0103 000000 1e')), [DROP_BAD_OPTION, 0, 47, false]);
  });

  test('many of them, and much Pad1, are refused in silence (RFC 8504 section 5.3)', () => {
    const two = (options: string): Uint8Array => packet(HOP, `1102 ${options} ${UDP_HEADER}`);
    assert.equal(walk(two('1e00'.repeat(8) + '01040000 0000')).drop, 0);
    assert.deepEqual(refused(two('1e00'.repeat(9) + '01020000')), [DROP_EXTENSION_LIMIT, -1, 0, false]);
    assert.equal(walk(two('00'.repeat(7) + '0100' + '00'.repeat(7) + '0104 00000000')).drop, 0);
    assert.deepEqual(refused(two('00'.repeat(8) + '010c' + '00'.repeat(12))), [DROP_EXTENSION_LIMIT, -1, 0, false]);
  });
});

describe('fragments (RFC 8200 section 4.5)', () => {
  const SIXTEEN = '00'.repeat(16);

  test('the first one stops the walk behind its header', () => {
    const chain = walk(packet(HOP, `2c00 ${PADN} 1100 0001 12345678 ${UDP_HEADER} ${SIXTEEN}`));
    assert.deepEqual([chain.drop, chain.isFragment, chain.protocol], [0, true, UDP]);
    assert.deepEqual([chain.fragment, chain.fragmentField, chain.offset, chain.protocolField], [48, 40, 56, 48]);
  });

  test('a later one needs no headers', () => {
    const chain = walk(packet(FRAGMENT, `0600 0010 12345678 01`));
    assert.deepEqual([chain.drop, chain.isFragment, chain.protocol, chain.fragmentField], [0, true, TCP, 6]);
  });

  test('an atomic one is read through, and seen', () => {
    const chain = walk(packet(FRAGMENT, `3c00 0000 12345678 1100 ${PADN} ${UDP_HEADER}`));
    assert.deepEqual(
      [chain.drop, chain.isFragment, chain.protocol, chain.offset, chain.fragment],
      [0, false, UDP, 56, 40],
    );
  });

  test('a piece that is no multiple of 8 bytes, though more follow, points to the payload length', () => {
    const wanted = [DROP_FRAGMENT_LENGTH, 0, 4, false];
    assert.deepEqual(refused(packet(FRAGMENT, `1100 0001 00000001 ${UDP_HEADER} 00`)), wanted);
    assert.deepEqual(refused(packet(FRAGMENT, `1100 0009 00000001 00`)), wanted);
  });

  test('an empty one is refused in silence', () => {
    assert.deepEqual(refused(packet(FRAGMENT, '1100 0008 00000001')), [DROP_FRAGMENT_LENGTH, -1, 0, false]);
    assert.deepEqual(refused(packet(FRAGMENT, '1100 0001 00000001')), [DROP_FRAGMENT_LENGTH, -1, 0, false]);
  });

  test('one that ends beyond 65535 bytes of payload points to its offset', () => {
    // Offset 65528 and 7 bytes end at 65535; 8 bytes, or a header before, are too many.
    assert.equal(walk(packet(FRAGMENT, `1100 fff8 00000001 ${'00'.repeat(7)}`)).drop, 0);
    assert.deepEqual(refused(packet(FRAGMENT, `1100 fff8 00000001 ${'00'.repeat(8)}`)), [
      DROP_FRAGMENT_LENGTH,
      0,
      42,
      false,
    ]);
    assert.deepEqual(refused(packet(HOP, `2c00 ${PADN} 1100 fff8 00000001 ${'00'.repeat(7)}`)), [
      DROP_FRAGMENT_LENGTH,
      0,
      50,
      false,
    ]);
  });

  test('a first one without all headers is answered by code 3, pointer 0', () => {
    const wanted = [DROP_FRAGMENT_HEADERS, 3, 0, false];
    assert.deepEqual(refused(packet(FRAGMENT, `0600 0001 00000001 ${SIXTEEN}`)), wanted);
    assert.equal(walk(packet(FRAGMENT, `0600 0001 00000001 ${SIXTEEN} ${SIXTEEN}`)).drop, 0);
    assert.deepEqual(refused(packet(FRAGMENT, `3c00 0001 00000001 1100 ${PADN}`)), wanted);
    assert.deepEqual(refused(packet(FRAGMENT, `3c00 0001 00000001 1102 ${PADN} ${UDP_HEADER}`)), wanted);
    assert.equal(walk(packet(FRAGMENT, `3c00 0001 00000001 1100 ${PADN} ${UDP_HEADER}`)).drop, 0);
    assert.equal(
      walk(packet(FRAGMENT, `3c00 0001 00000001 3b00 ${PADN}`)).drop,
      0,
      'all headers, and nothing after them',
    );
  });
});

test('a chain built at random from legal headers is walked to its end', () => {
  const header = fc.record({ kind: fc.constantFrom(ROUTING, FRAGMENT, DESTINATION), units: fc.nat(3) });
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(header, { maxLength: 7 }),
      fc.constantFrom(TCP, UDP, 58, 59),
      (hop, headers, upper) => {
        const chain = hop ? [{ kind: HOP, units: 0 }, ...headers] : headers;
        let payload = '';
        for (const [i, { kind, units }] of chain.entries()) {
          const next = (chain[i + 1]?.kind ?? upper).toString(16).padStart(2, '0');
          const extra = kind === FRAGMENT ? 0 : units;
          const pad =
            kind === HOP || kind === DESTINATION ? `01${(4 + 8 * extra).toString(16).padStart(2, '0')}` : '0000';
          payload += `${next}0${extra}${pad}${'00'.repeat(4 + 8 * extra)}`;
        }
        const result = walk(packet(chain[0]?.kind ?? upper, payload));
        assert.deepEqual([result.drop, result.protocol, result.headers], [0, upper, chain.length]);
        assert.equal(result.offset, 40 + payload.length / 2);
      },
    ),
  );
});

describe('quotes in ICMPv6 errors', () => {
  const quote = (b: Uint8Array, end: number = b.length): [number, number, number, boolean] => {
    const out = new Ip6Chain();
    const drop = ip6WalkQuote(b, 0, end, out);
    return [drop, out.protocol, out.offset, out.isFragment];
  };

  test('are followed whatever their payload length says', () => {
    const b = packet(DESTINATION, `2c00 ${PADN} 0600 0001 12345678 0001 0002`);
    putIp6PayloadLength(b, 0, 60000);
    assert.deepEqual(quote(b), [0, TCP, 56, false]);
  });

  test('of a later fragment have no upper header', () => {
    assert.deepEqual(quote(packet(FRAGMENT, '0600 0010 12345678 0001')), [0, TCP, 48, true]);
  });

  test('cut off within the headers are short', () => {
    const b = packet(DESTINATION, `1100 ${PADN}`);
    for (let end = 0; end < 48; end++) assert.equal(quote(b, end)[0], DROP_SHORT, `${end}`);
    assert.deepEqual(quote(b), [0, UDP, 48, false]);
  });

  test('chains beyond the limit are not followed', () => {
    assert.equal(quote(packet(DESTINATION, `3c00 ${PADN}`.repeat(IP6_MAX_EXTENSIONS + 1)))[0], DROP_SHORT);
  });
});

function read(b: Uint8Array, o: number, end: number): unknown {
  const quoted = new Ip6Chain();
  const drop = end - o < 1 ? DROP_SHORT : ip6WalkQuote(b, o, end, quoted);
  const seen = drop === 0 ? [quoted.protocol, quoted.offset - o, quoted.isFragment] : drop;
  if (ip6Check(b, o, end) !== 0) return seen;
  const chain = walk(b, o);
  const unknown = new Ip6Chain();
  if (ip6Walk(b, o, unknown) === 0) ip6UnknownProtocol(o, unknown);
  return [seen, chain, problemOf(unknown)];
}

const SAMPLES = [
  packet(HOP, `3c00 ${PADN} 2b00 9e04 00000000 3c00 0000 00000000 1101 0000 0000 0000 010600000000 0000 ${UDP_HEADER}`),
  packet(HOP, `2c00 0502 0000 0100 1100 0001 12345678 ${UDP_HEADER} ${'00'.repeat(16)}`),
  packet(FRAGMENT, `3c00 0001 00000001 1100 ${PADN} ${UDP_HEADER}`),
];

test('cut off anywhere, with the payload length as it was or corrected, it does not look outside', () => {
  for (const sample of SAMPLES) {
    boundedAtEveryLength(sample, read);
    for (let length = 0; length < sample.length - 40; length++) {
      const b = sample.slice(0, 40 + length);
      putIp6PayloadLength(b, 0, length);
      bounded(b, read);
    }
  }
});

test('random bytes never make it throw or look outside', () => {
  fuzz(9, 20_000, 120, SAMPLES, read);
  // Random payload behind a valid base header, small values that make for headers and options.
  fuzz(10, 10_000, 80, [], (payload, o, end) => {
    const b = new Uint8Array(40 + end - o);
    const kinds = [HOP, ROUTING, FRAGMENT, DESTINATION, UDP, 1, 2, 0];
    putIp6Header(b, 0, 0, 0, end - o, kinds[(end - o) & 3]!, 64);
    b.set(
      payload.subarray(o, end).map((byte, i) => (i % 8 === 0 ? kinds[byte & 7]! : byte & 0xc7)),
      40,
    );
    return walk(b);
  });
});
