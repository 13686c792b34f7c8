// TCP headers and options. Run by node:test.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DROP_BAD_HEADER_LENGTH, DROP_SHORT } from '../base/drop.ts';
import { boundedAtEveryLength, fuzz, unhex } from './bounded.test-support.ts';
import { sumPlain } from './checksum.ts';
import {
  putTcpAck,
  putTcpAe,
  putTcpChecksum,
  putTcpFlags,
  putTcpHeader,
  putTcpSeq,
  TCP_ACK,
  TCP_FIN,
  TCP_HEADER_LENGTH,
  TCP_SYN,
  tcpAck,
  tcpAe,
  tcpCheck,
  tcpChecksum,
  tcpDataOffset,
  tcpDstPort,
  tcpFlags,
  tcpSegLen,
  tcpSeq,
  tcpSrcPort,
  tcpUrgent,
  tcpWindow,
} from './tcp.ts';
import {
  putTcpSack,
  putTcpSynOptions,
  putTcpTimestamps,
  TCP_TIMESTAMPS_LENGTH,
  TcpOptions,
  tcpParseOptions,
  tcpSynOptionsLength,
} from './tcp-options.ts';

const u16 = fc.nat(0xffff);
const used = new TcpOptions();

/** The parsed options as plain values; a fresh register object must say the same as a used one. */
function parse(b: Uint8Array, o: number): Record<string, unknown> {
  const plain = (out: TcpOptions): Record<string, unknown> => {
    tcpParseOptions(b, o, out);
    const sack = Array.from(out.sack.subarray(0, 2 * out.sackCount));
    return {
      mss: out.mss,
      windowScale: out.windowScale,
      sackPermitted: out.sackPermitted,
      timestamps: out.hasTimestamps ? [out.tsVal, out.tsEcr] : null,
      sack,
      malformed: out.malformed,
    };
  };
  const result = plain(used);
  assert.deepEqual(result, plain(new TcpOptions()), 'a used register object must hold nothing of the last parse');
  return result;
}

const NOTHING = { mss: 0, windowScale: -1, sackPermitted: false, timestamps: null, sack: [], malformed: false };

/** A header with these option bytes, padded by zeros (end of options). */
function withOptions(options: Uint8Array): Uint8Array {
  const length = 20 + ((options.length + 3) & ~3);
  const b = new Uint8Array(length);
  putTcpHeader(b, 0, 1, 2, 3, 4, length, TCP_ACK, 5, 0);
  b.set(options, 20);
  return b;
}

function options(text: string): Record<string, unknown> {
  return parse(withOptions(unhex(text)), 0);
}

function read(b: Uint8Array, o: number, end: number): unknown {
  const drop = tcpCheck(b, o, end);
  if (drop !== 0) return drop;
  const fields = [tcpSrcPort(b, o), tcpDstPort(b, o), tcpSeq(b, o), tcpAck(b, o), tcpDataOffset(b, o), tcpFlags(b, o)];
  return [
    ...fields,
    tcpAe(b, o),
    tcpWindow(b, o),
    tcpChecksum(b, o),
    tcpUrgent(b, o),
    tcpSegLen(b, o, end),
    parse(b, o),
  ];
}

describe('header', () => {
  test('what is written is read back, with a checksum of 0', () => {
    const offset = fc.integer({ min: 5, max: 15 }).map((words) => 4 * words);
    fc.assert(
      fc.property(
        u16,
        u16,
        fc.integer(),
        fc.integer(),
        offset,
        fc.nat(255),
        u16,
        u16,
        (src, dst, seq, ack, dataOffset, flags, window, urgent) => {
          const b = new Uint8Array(70).fill(0xee);
          putTcpHeader(b, 2, src, dst, seq, ack, dataOffset, flags, window, urgent);
          assert.equal(tcpCheck(b, 2, 70), 0);
          const ports = [tcpSrcPort(b, 2), tcpDstPort(b, 2)];
          assert.deepEqual([...ports, tcpSeq(b, 2), tcpAck(b, 2)], [src, dst, seq, ack]);
          assert.deepEqual([tcpDataOffset(b, 2), tcpFlags(b, 2), tcpAe(b, 2)], [dataOffset, flags, false]);
          assert.deepEqual([tcpWindow(b, 2), tcpChecksum(b, 2), tcpUrgent(b, 2)], [window, 0, urgent]);
        },
      ),
    );
  });

  test('single fields are overwritten alone', () => {
    const b = new Uint8Array(20);
    putTcpHeader(b, 0, 1, 2, 3, 4, 20, TCP_ACK, 6, 7);
    putTcpSeq(b, 0, -9);
    putTcpAck(b, 0, -10);
    putTcpFlags(b, 0, 0xc2);
    putTcpAe(b, 0, true);
    assert.deepEqual(
      [tcpSeq(b, 0), tcpAck(b, 0), tcpFlags(b, 0), tcpAe(b, 0), tcpDataOffset(b, 0)],
      [-9, -10, 0xc2, true, 20],
    );
    putTcpAe(b, 0, false);
    assert.deepEqual([tcpAe(b, 0), tcpDataOffset(b, 0), tcpWindow(b, 0)], [false, 20, 6]);
  });

  test('the checksum completes the sum', () => {
    const b = unhex('0050c001 00000001 00000002 5010 2000 0000 0000 68656c6c6f');
    putTcpChecksum(b, 0, sumPlain(b, 0, b.length));
    assert.equal(sumPlain(b, 0, b.length), 0xffff);
  });

  test('SYN and FIN count in the length of a segment (RFC 9293 section 3.4)', () => {
    const b = new Uint8Array(50);
    for (const [flags, length] of [
      [0, 26],
      [TCP_SYN, 27],
      [TCP_FIN, 27],
      [TCP_SYN | TCP_FIN, 28],
    ] as const) {
      putTcpHeader(b, 0, 1, 2, 3, 4, 24, flags, 6, 7);
      assert.equal(tcpSegLen(b, 0, 50), length);
    }
  });

  test('a data offset below 5 words or beyond the segment is refused', () => {
    const b = new Uint8Array(40);
    for (const words of [0, 1, 4, 11, 15]) {
      b[12] = words << 4;
      assert.equal(tcpCheck(b, 0, 40), DROP_BAD_HEADER_LENGTH, `${words} words`);
    }
    for (const words of [5, 10]) {
      b[12] = words << 4;
      assert.equal(tcpCheck(b, 0, 40), 0);
    }
  });
});

describe('options', () => {
  test('none', () => assert.deepEqual(options(''), NOTHING));

  test('of a SYN: any choice is read back, and the length is what was promised', () => {
    const scale = fc.integer({ min: -1, max: 14 });
    fc.assert(
      fc.property(u16, scale, fc.boolean(), fc.boolean(), fc.integer(), fc.integer(), (mss, ws, sack, ts, val, ecr) => {
        const b = new Uint8Array(44).fill(0xee);
        const length = putTcpSynOptions(b, 20, mss, ws, sack, ts, val, ecr);
        assert.equal(length, tcpSynOptionsLength(ws, sack, ts));
        assert.equal(length % 4, 0);
        assert.ok(b.subarray(20 + length).every((byte) => byte === 0xee));
        b[12] = (20 + length) << 2;
        const wanted = { mss, windowScale: ws, sackPermitted: sack, timestamps: ts ? [val, ecr] : null };
        assert.deepEqual(parse(b, 0), { ...NOTHING, ...wanted });
      }),
    );
  });

  test('timestamps in the common layout, and in any other', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.constantFrom('', '01', '0303 07', '0101 0101'), (val, ecr, before) => {
        const b = withOptions(new Uint8Array([...unhex(before), ...new Uint8Array(TCP_TIMESTAMPS_LENGTH)]));
        putTcpTimestamps(b, 20 + unhex(before).length, val, ecr);
        assert.deepEqual(parse(b, 0)['timestamps'], [val, ecr]);
      }),
    );
    assert.deepEqual(options('080a 00000001 ffffffff 0000')['timestamps'], [1, -1]);
    // Three words that begin like the common layout but are not it.
    assert.deepEqual(options('0101 0402 0101 0402 0101 0101'), { ...NOTHING, sackPermitted: true });
  });

  test('SACK blocks, alone and after timestamps', () => {
    const edges = fc.array(fc.integer(), { minLength: 2, maxLength: 8 }).map((e) => e.slice(0, e.length & ~1));
    fc.assert(
      fc.property(edges, fc.boolean(), (e, ts) => {
        const count = Math.min(e.length / 2, ts ? 3 : 4);
        const b = new Uint8Array(60);
        const at = ts ? 32 : 20;
        if (ts) putTcpTimestamps(b, 20, 7, 8);
        const length = putTcpSack(b, at, Int32Array.of(0, ...e), 1, count);
        assert.equal(length, 4 + 8 * count);
        b[12] = (at + length) << 2;
        const wanted = { timestamps: ts ? [7, 8] : null, sack: e.slice(0, 2 * count) };
        assert.deepEqual(parse(b, 0), { ...NOTHING, ...wanted });
      }),
    );
  });

  test('what Linux sends in a SYN', () => {
    const linux = options('020405b4 0402 080a 12345678 00000000 01 030307');
    const wanted = { mss: 1460, windowScale: 7, sackPermitted: true, timestamps: [0x12345678, 0] };
    assert.deepEqual(linux, { ...NOTHING, ...wanted });
  });

  test('unknown ones are skipped (RFC 9293 MUST-6)', () => {
    assert.deepEqual(options('fd06f989abcd 1e02 0204 0218'), { ...NOTHING, mss: 536 });
  });

  test('what follows the end of options is not read', () => assert.deepEqual(options('00 020405b4'), NOTHING));

  test('a window scale above 14 counts as 14 (RFC 7323 section 2.3)', () => {
    assert.equal(options('03030f')['windowScale'], 14);
    assert.equal(options('0303ff')['windowScale'], 14);
    assert.equal(options('030300')['windowScale'], 0);
  });

  test('a known one of another length is skipped', () => {
    for (const text of [
      '0203ff',
      '02050101ff',
      '0302',
      '03040101',
      '040301',
      '050200',
      '0507010203040500',
      '08030100',
    ]) {
      assert.deepEqual(options(text), NOTHING, text);
    }
    assert.deepEqual(options('0512' + '00'.repeat(16)).sack, [0, 0, 0, 0]);
    assert.deepEqual(options('0526' + '01'.repeat(36)), NOTHING);
  });

  test('an illegal length ends the reading; what came before counts (RFC 9293 MUST-7)', () => {
    const kept = { ...NOTHING, mss: 1460, malformed: true };
    for (const bad of ['0300', '0301', '030a01', 'fd00', 'fdff'])
      assert.deepEqual(options(`020405b4 ${bad}`), kept, bad);
    assert.deepEqual(options('020405b4 010101 03'), kept, 'no length at all');
    assert.deepEqual(options('0101 0204'), { ...NOTHING, malformed: true }, 'a value beyond the header');
  });
});

const LINUX_SYN = withOptions(unhex('020405b4 0402 080a 12345678 00000000 01 030307'));
const LINUX_SACK = withOptions(unhex('0101080a 00000001 00000002 0101 0512 00000001 00000002 00000005 00000009'));

test('cut off anywhere it is refused', () => {
  boundedAtEveryLength(LINUX_SYN, read);
  boundedAtEveryLength(LINUX_SACK, read);
  for (let end = 0; end < TCP_HEADER_LENGTH; end++) assert.equal(tcpCheck(LINUX_SYN, 0, end), DROP_SHORT);
  for (let end = TCP_HEADER_LENGTH; end < LINUX_SYN.length; end++) {
    assert.equal(tcpCheck(LINUX_SYN, 0, end), DROP_BAD_HEADER_LENGTH);
  }
});

test('random bytes never make it throw or look outside', () => {
  fuzz(6, 10_000, 80, [LINUX_SYN, LINUX_SACK, withOptions(unhex('0101080a 00000001 00000002'))], read);
});

test('random options never make it throw, loop or look outside', () => {
  // Small values make for kinds and lengths that mean something.
  const next = (seed: number) => (byte: number) => (byte % 3 === 0 ? (byte ^ seed) % 11 : byte % 40);
  fuzz(7, 20_000, 40, [], (bytes, o, end) => {
    const length = 20 + (Math.min(end - o, 40) & ~3);
    const b = new Uint8Array(length + 64).fill(bytes.length > end ? bytes[end]! : 0);
    b.set(bytes.subarray(o, o + length - 20).map(next(bytes[o] ?? 0)), 20);
    b[12] = length << 2;
    return parse(b, 0);
  });
});
