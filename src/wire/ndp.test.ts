// Neighbour discovery: validity rules of RFC 4861, fields, options. Run by node:test.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DROP_BAD_LENGTH, DROP_NDP_INVALID, DROP_SHORT } from '../base/drop.ts';
import { bounded, boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import { ICMP6_ECHO, ICMP6_NEIGHBOUR_SOLICITATION } from './icmp6.ts';
import {
  ip6Check,
  ip6PayloadLength,
  PROTO_ICMP6,
  putIp6Dst,
  putIp6Header,
  putIp6PayloadLength,
  putIp6Src,
} from './ip6.ts';
import {
  NDP_NA_OVERRIDE,
  NDP_NA_ROUTER,
  NDP_NA_SOLICITED,
  NDP_RA_MANAGED,
  ndpCheck,
  ndpIs,
  ndpNaFlags,
  ndpRaFlags,
  ndpRaHopLimit,
  ndpRaLifetime,
  ndpRaReachableTime,
  ndpRaRetransTimer,
  ndpRedirectDestination,
  ndpTarget,
  putNdpNa,
  putNdpNs,
  putNdpRa,
  putNdpRedirect,
  putNdpRedirectDestination,
  putNdpRs,
} from './ndp.ts';
import {
  NDP_MAX_PREFIXES,
  NDP_MAX_RDNSS,
  NDP_OPTION_SOURCE_LINK,
  NDP_OPTION_TARGET_LINK,
  NDP_PREFIX_AUTONOMOUS,
  NDP_PREFIX_ON_LINK,
  NdpOptions,
  ndpLinkHi,
  ndpLinkLo,
  ndpPrefix,
  ndpPrefixFlags,
  ndpPrefixLength,
  ndpPrefixPreferred,
  ndpPrefixValid,
  putNdpLinkOption,
  putNdpMtuOption,
  putNdpPrefix,
  putNdpPrefixOption,
} from './ndp-options.ts';

type Words = readonly [number, number, number, number];
const UNSPECIFIED: Words = [0, 0, 0, 0];
const LINK_LOCAL: Words = [0xfe800000 | 0, 0, 0, 1];
const GLOBAL: Words = [0xfd000000 | 0, 0, 0, 5];
const OTHER: Words = [0xfd000000 | 0, 0, 0, 6];
const MULTICAST: Words = [0xff020000 | 0, 0, 0, 1];
const SOLICITED: Words = [0xff020000 | 0, 0, 1, 0xff000005 | 0];

/** Bytes of a message before its options, in whose place these stand. */
const FIXED = { rs: 8, ra: 16, ns: 24, na: 24, redirect: 40 };
type Kind = keyof typeof FIXED;

/** A message from `src` to `dst` with a target (and destination) and options in hexadecimal. */
function message(kind: Kind, src: Words, dst: Words, options: string = '', target: Words = GLOBAL): Uint8Array {
  const bytes = unhex(options);
  const b = new Uint8Array(40 + FIXED[kind] + bytes.length);
  putIp6Header(b, 0, 0, 0, b.length - 40, PROTO_ICMP6, 255);
  putIp6Src(b, 0, ...src);
  putIp6Dst(b, 0, ...dst);
  if (kind === 'rs') putNdpRs(b, 40);
  else if (kind === 'ra') putNdpRa(b, 40, 64, NDP_RA_MANAGED, 1800, 30000, 1000);
  else if (kind === 'ns') putNdpNs(b, 40, ...target);
  else if (kind === 'na') putNdpNa(b, 40, NDP_NA_SOLICITED | NDP_NA_OVERRIDE, ...target);
  else {
    putNdpRedirect(b, 40, ...target);
    putNdpRedirectDestination(b, 40, ...GLOBAL);
  }
  b.set(bytes, 40 + FIXED[kind]);
  return b;
}

const SLLA = '0101 02005e100001';
const TLLA = '0201 02005e100002';

function check(b: Uint8Array, options: NdpOptions = new NdpOptions()): number {
  return ndpCheck(b, 0, 40, b.length, options);
}

const used = new NdpOptions();

/** What the options are, as plain values. */
function plain(b: Uint8Array, out: NdpOptions, o: number = 0): unknown {
  const link = (at: number): unknown => (at < 0 ? at : [ndpLinkHi(b, at), ndpLinkLo(b, at)]);
  const prefixes = Array.from(out.prefixes.subarray(0, out.prefixCount), (p) => [
    ...[ndpPrefixLength(b, p), ndpPrefixFlags(b, p), ndpPrefixValid(b, p), ndpPrefixPreferred(b, p)],
    ...[0, 1, 2, 3].map((i) => ndpPrefix(b, p, i)),
  ]);
  const servers = Array.from({ length: out.rdnssCount }, (_, i) => [
    Array.from(b.subarray(out.rdnss[i]!, out.rdnss[i]! + 16)),
    out.rdnssLifetime[i],
  ]);
  const links = [link(out.sourceLinkAddress), link(out.targetLinkAddress)];
  return [...links, out.mtu, prefixes, servers, out.redirected < 0 ? -1 : out.redirected - o, out.redirectedLength];
}

function read(b: Uint8Array, o: number, end: number): unknown {
  const ip = ip6Check(b, o, end);
  if (ip !== 0) return ip;
  const stop = o + 40 + ip6PayloadLength(b, o);
  const fresh = new NdpOptions();
  const drop = ndpCheck(b, o, o + 40, stop, fresh);
  assert.equal(ndpCheck(b, o, o + 40, stop, used), drop);
  if (drop !== 0) return drop;
  assert.deepEqual(
    plain(b, used, o),
    plain(b, fresh, o),
    'a used register object must hold nothing of the last message',
  );
  return plain(b, fresh, o);
}

describe('validity (RFC 4861)', () => {
  const good: [string, Uint8Array][] = [
    ['router solicitation', message('rs', LINK_LOCAL, MULTICAST, SLLA)],
    ['router solicitation from ::', message('rs', UNSPECIFIED, MULTICAST)],
    ['router advertisement', message('ra', LINK_LOCAL, MULTICAST, SLLA)],
    ['neighbour solicitation', message('ns', GLOBAL, SOLICITED, SLLA)],
    ['neighbour solicitation, unicast', message('ns', GLOBAL, OTHER)],
    ['duplicate address detection', message('ns', UNSPECIFIED, SOLICITED)],
    ['neighbour advertisement', message('na', GLOBAL, OTHER, TLLA)],
    ['redirect to a neighbour', message('redirect', LINK_LOCAL, OTHER, TLLA)],
    ['redirect to a router', message('redirect', LINK_LOCAL, OTHER, TLLA, LINK_LOCAL)],
  ];
  for (const [name, b] of good) {
    test(`${name}: accepted`, () => assert.equal(check(b), 0));

    test(`${name}: refused with another hop limit, code, or an option of length 0 or beyond the end`, () => {
      for (const [at, value] of [
        [7, 254],
        [7, 64],
        [41, 1],
      ] as const) {
        const c = b.slice();
        c[at] = value;
        assert.equal(check(c), DROP_NDP_INVALID, `byte ${at}`);
      }
      for (const bad of ['0000 000000000000', 'fd02 000000000000', '0101 02005e1000', '01']) {
        assert.equal(check(new Uint8Array([...b, ...unhex(bad)])), DROP_NDP_INVALID, bad);
      }
    });
  }

  test('every type has its least length', () => {
    for (const kind of ['ra', 'ns', 'na', 'redirect'] as const) {
      const b = message(kind, LINK_LOCAL, OTHER);
      assert.equal(check(b), 0);
      assert.equal(check(b.slice(0, -1)), DROP_BAD_LENGTH);
      assert.equal(check(b.slice(0, 48)), DROP_BAD_LENGTH);
    }
    assert.equal(check(message('rs', LINK_LOCAL, MULTICAST).slice(0, -1)), DROP_SHORT);
  });

  test('a solicitation of a router from :: has no source link-layer address (6.1.1)', () => {
    assert.equal(check(message('rs', UNSPECIFIED, MULTICAST, SLLA)), DROP_NDP_INVALID);
  });

  test('an advertisement of a router comes from a link-local address (6.1.2)', () => {
    assert.equal(check(message('ra', GLOBAL, MULTICAST)), DROP_NDP_INVALID);
    assert.equal(check(message('ra', [0xfebf0000 | 0, 0, 0, 1], MULTICAST)), 0);
    assert.equal(check(message('ra', [0xfec00000 | 0, 0, 0, 1], MULTICAST)), DROP_NDP_INVALID);
  });

  test('a solicitation from :: goes to a solicited-node address without a link-layer address (7.1.1)', () => {
    assert.equal(check(message('ns', UNSPECIFIED, MULTICAST)), DROP_NDP_INVALID);
    assert.equal(check(message('ns', UNSPECIFIED, GLOBAL)), DROP_NDP_INVALID);
    assert.equal(check(message('ns', UNSPECIFIED, [0xff020000 | 0, 0, 1, 0xfe000005 | 0])), DROP_NDP_INVALID);
    assert.equal(check(message('ns', UNSPECIFIED, SOLICITED, SLLA)), DROP_NDP_INVALID);
  });

  test('no target is a multicast address (7.1.1, 7.1.2), no destination of a redirect either (8.1)', () => {
    assert.equal(check(message('ns', GLOBAL, SOLICITED, '', MULTICAST)), DROP_NDP_INVALID);
    assert.equal(check(message('na', GLOBAL, OTHER, '', MULTICAST)), DROP_NDP_INVALID);
    const b = message('redirect', LINK_LOCAL, OTHER, '', LINK_LOCAL);
    b[40 + 24] = 0xff;
    assert.equal(check(b), DROP_NDP_INVALID);
  });

  test('an advertisement to a multicast address is not solicited (7.1.2)', () => {
    const b = message('na', GLOBAL, MULTICAST, TLLA);
    assert.equal(check(b), DROP_NDP_INVALID);
    putNdpNa(b, 40, NDP_NA_OVERRIDE | NDP_NA_ROUTER, ...GLOBAL);
    assert.equal(check(b), 0);
  });

  test('a redirect comes from a link-local address, to a link-local target or the destination itself (8.1)', () => {
    assert.equal(check(message('redirect', GLOBAL, OTHER)), DROP_NDP_INVALID);
    assert.equal(check(message('redirect', LINK_LOCAL, OTHER, '', OTHER)), DROP_NDP_INVALID);
  });

  test('other types are not neighbour discovery', () => {
    for (let type = 0; type < 256; type++) assert.equal(ndpIs(type), type >= 133 && type <= 137);
    const b = message('ns', GLOBAL, SOLICITED);
    b[40] = ICMP6_ECHO;
    assert.equal(check(b), DROP_NDP_INVALID);
  });
});

describe('fields', () => {
  const words = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer());

  test('of a router advertisement are read back', () => {
    const u16 = fc.nat(0xffff);
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), u16, fc.integer(), fc.integer(), (hops, flags, life, reach, retrans) => {
        const b = new Uint8Array(18);
        putNdpRa(b, 2, hops, flags, life, reach, retrans);
        assert.deepEqual([ndpRaHopLimit(b, 2), ndpRaFlags(b, 2), ndpRaLifetime(b, 2)], [hops, flags, life]);
        assert.deepEqual([ndpRaReachableTime(b, 2), ndpRaRetransTimer(b, 2)], [reach, retrans]);
      }),
    );
  });

  test('of solicitations, advertisements and redirects are read back', () => {
    const target = (b: Uint8Array): number[] => [0, 1, 2, 3].map((i) => ndpTarget(b, 1, i));
    fc.assert(
      fc.property(words, words, fc.integer(), (t, d, flags) => {
        const b = new Uint8Array(42).fill(0xee);
        putNdpNs(b, 1, ...t);
        assert.deepEqual(target(b), t);
        assert.deepEqual([b[1], ndpNaFlags(b, 1)], [ICMP6_NEIGHBOUR_SOLICITATION, 0]);
        putNdpNa(b, 1, flags, ...d);
        assert.deepEqual([target(b), ndpNaFlags(b, 1), b[25]], [d, flags, 0xee]);
        putNdpRedirect(b, 1, ...t);
        putNdpRedirectDestination(b, 1, ...d);
        assert.deepEqual([target(b), [0, 1, 2, 3].map((i) => ndpRedirectDestination(b, 1, i))], [t, d]);
        assert.deepEqual([...b.subarray(1, 9)], [137, 0, 0, 0, 0, 0, 0, 0], 'reserved bytes are cleared');
        b.fill(0xee);
        putNdpRs(b, 1);
        assert.deepEqual([...b.subarray(0, 10)], [0xee, 133, 0, 0, 0, 0, 0, 0, 0, 0xee]);
      }),
    );
  });
});

describe('options', () => {
  const PREFIX = '0304 40c0 00278d00 00093a80 00000000 fd000000000000010000000000000000';
  const RDNSS = '1903 0000 00000708 fd000000000000000000000000000053';

  test('of a router advertisement, all that are known, among unknown ones', () => {
    const b = message('ra', LINK_LOCAL, MULTICAST, `${SLLA} fd01 000000000000 0501 0000 000005dc ${PREFIX} ${RDNSS}`);
    const server = [...unhex('fd000000000000000000000000000053')];
    const prefix = [64, NDP_PREFIX_ON_LINK | NDP_PREFIX_AUTONOMOUS, 2592000, 604800, 0xfd000000 | 0, 1, 0, 0];
    assert.equal(bounded(b, read), JSON.stringify([[0x0200, 0x5e100001], -1, 1500, [prefix], [[server, 1800]], -1, 0]));
  });

  test('that are written are read back', () => {
    const words = fc.tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer());
    const u8 = fc.nat(255);
    fc.assert(
      fc.property(
        fc.constantFrom(NDP_OPTION_SOURCE_LINK, NDP_OPTION_TARGET_LINK),
        fc.nat(0xffff),
        fc.integer(),
        fc.integer({ min: 1, max: 0x7fffffff }),
        fc.tuple(u8, u8, fc.integer(), fc.integer()),
        words,
        (type, hi, lo, mtu, prefix, w) => {
          const b = message('ra', LINK_LOCAL, MULTICAST, 'ee'.repeat(48));
          putNdpLinkOption(b, 56, type, hi, lo);
          putNdpMtuOption(b, 64, mtu);
          putNdpPrefixOption(b, 72, ...prefix);
          putNdpPrefix(b, 72, ...w);
          const links = type === NDP_OPTION_SOURCE_LINK ? [[hi, lo], -1] : [-1, [hi, lo]];
          assert.deepEqual(
            [...b.subarray(66, 68), ...b.subarray(84, 88)],
            [0, 0, 0, 0, 0, 0],
            'reserved bytes are cleared',
          );
          assert.deepEqual(read(b, 0, b.length), [...links, mtu, [[...prefix, ...w]], [], -1, 0]);
        },
      ),
    );
  });

  test('of several servers, and of more prefixes and servers than are kept', () => {
    const four = `1909 0000 00000001 ${'00000000000000000000000000000001'.repeat(4)}`;
    const options = new NdpOptions();
    assert.equal(
      check(message('ra', LINK_LOCAL, MULTICAST, `${PREFIX.repeat(20)} ${four.repeat(3)} ${SLLA}`), options),
      0,
    );
    assert.deepEqual([options.prefixCount, options.rdnssCount], [NDP_MAX_PREFIXES, NDP_MAX_RDNSS]);
    assert.ok(options.sourceLinkAddress > 0, 'what comes after them is read');
  });

  test('of another length than theirs are ignored', () => {
    const longer = '0102 02005e100001 0000000000000000';
    for (const text of [longer, '0301 40c0 00000001', '0502 0000 000005dc 0000000000000000', '1901 0000 00000001']) {
      const empty = [-1, -1, 0, [], [], -1, 0];
      assert.equal(bounded(message('ra', LINK_LOCAL, MULTICAST, text), read), JSON.stringify(empty), text);
    }
    const even = `1902 0000 00000001 0000000000000000 ${SLLA}`;
    assert.deepEqual((JSON.parse(bounded(message('ra', LINK_LOCAL, MULTICAST, even), read)) as unknown[])[4], []);
  });

  test('that may come once count as they came first', () => {
    const b = message('na', GLOBAL, OTHER, `${TLLA} 0201 0a0a0a0a0a0a`);
    assert.deepEqual((read(b, 0, b.length) as unknown[])[1], [0x0200, 0x5e100002]);
  });

  test('the redirected header', () => {
    const b = message('redirect', LINK_LOCAL, OTHER, '0402 000000000000 6000000000000000');
    assert.deepEqual((read(b, 0, b.length) as unknown[]).slice(5), [88, 8]);
  });
});

const SAMPLES = [
  message(
    'ra',
    LINK_LOCAL,
    MULTICAST,
    `${SLLA} 0501 0000 000005dc 0304 40c0 00278d00 00093a80 00000000 ${'fd'.repeat(16)}`,
  ),
  message('ra', LINK_LOCAL, MULTICAST, `1905 0000 00000708 ${'01'.repeat(32)}`),
  message('ns', GLOBAL, SOLICITED, SLLA),
  message('na', GLOBAL, OTHER, TLLA),
  message('redirect', LINK_LOCAL, OTHER, `${TLLA} 0402 000000000000 6000000000000000`),
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
  fuzz(13, 20_000, 120, SAMPLES, read);
  // Random options, small values that make for types and lengths, behind a valid router advertisement.
  fuzz(14, 10_000, 100, [], (options, o, end) => {
    const b = message('ra', LINK_LOCAL, MULTICAST, '00'.repeat(end - o));
    b.set(
      options.subarray(o, end).map((byte, i) => (i % 8 < 2 ? byte % 6 : byte)),
      56,
    );
    return read(b, 0, b.length);
  });
});
