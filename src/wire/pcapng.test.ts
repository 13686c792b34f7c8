// pcapng: what is written is read back; a cut or broken file never throws; tshark agrees where there is one.
// Run by node:test.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bounded, fuzz, unhex } from './bounded.test-support.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  PCAPNG_INBOUND,
  PCAPNG_MAX_COMMENT,
  PCAPNG_OUTBOUND,
  PCAPNG_PACKET_HEAD,
  pcapngInterface,
  pcapngPacketRoom,
  pcapngSection,
  putPcapngHead,
  putPcapngPacket,
  putPcapngTail,
} from './pcapng.ts';
import { type PcapngFile, readPcapng } from './pcapng-reader.ts';

function concat(...blocks: Uint8Array[]): Uint8Array {
  return new Uint8Array(blocks.flatMap((block) => [...block]));
}

/** The block of a packet at 1,700,000,000.123456789 s on interface `iface`. */
function packet(data: Uint8Array, flags: number, comment: string, iface: number = 0): Uint8Array {
  const out = new Uint8Array(pcapngPacketRoom(data.length, comment));
  const length = putPcapngPacket(out, 0, iface, 1.7e9, 123456789, data, 0, data.length, data.length, flags, comment);
  return out.subarray(0, length);
}

const FRAME = unhex('ffffffffffff 02005e100001 0806 0001 0800 0604 0001 02005e100001 0a000001 000000000000 0a000002');
const FILE = concat(
  pcapngSection('ring3'),
  pcapngInterface(LINKTYPE_ETHERNET, 0, 'memory0'),
  pcapngInterface(LINKTYPE_RAW, 128, ''),
  packet(FRAME, PCAPNG_INBOUND, 'kept'),
  packet(unhex('45'), 0, '', 1),
  packet(new Uint8Array(0), PCAPNG_OUTBOUND, ''),
);

/** A file as JSON can hold it. */
function plain(file: PcapngFile): unknown {
  const packets = file.packets.map((p) => [
    ...[file.interfaces.indexOf(p.interface), String(p.time), Array.from(p.data), p.originalLength, p.flags, p.comment],
  ]);
  return [
    file.interfaces.map((i) => [i.linkType, i.snapLength, i.name, String(i.unitsPerSecond)]),
    packets,
    file.complete,
  ];
}

function read(b: Uint8Array, o: number, end: number): unknown {
  return plain(readPcapng(b.subarray(o, end)));
}

describe('writing and reading', () => {
  test('the section header and an interface, byte for byte', () => {
    const section = '0a0d0d0a 2c000000 4d3c2b1a 01000000 ffffffffffffffff 04000500 72696e6733000000 00000000 2c000000';
    assert.deepEqual(pcapngSection('ring3'), unhex(section));
    const iface = '01000000 28000000 65000000 00010000 02000300 74756e00 09000100 09000000 00000000 28000000';
    assert.deepEqual(pcapngInterface(LINKTYPE_RAW, 256, 'tun'), unhex(iface));
  });

  test('a file', () => {
    const file = readPcapng(FILE);
    assert.deepEqual(file.interfaces, [
      { linkType: 1, snapLength: 0, name: 'memory0', unitsPerSecond: 1_000_000_000n },
      { linkType: 101, snapLength: 128, name: '', unitsPerSecond: 1_000_000_000n },
    ]);
    assert.equal(file.complete, true);
    assert.equal(file.packets.length, 3);
    const [first, second, third] = file.packets;
    assert.deepEqual([first!.data, first!.flags, first!.comment], [FRAME, PCAPNG_INBOUND, 'kept']);
    assert.deepEqual([first!.time, first!.originalLength], [1_700_000_000_123_456_789n, FRAME.length]);
    assert.deepEqual([second!.interface, second!.flags, second!.comment], [file.interfaces[1], 0, '']);
    assert.deepEqual([third!.data.length, third!.flags], [0, PCAPNG_OUTBOUND]);
  });

  test('a packet without options and one with, byte for byte', () => {
    const head = '00000000 fe9c9717 15cd853d 01000000 01000000 45000000';
    const bare = '06000000 24000000' + head + '24000000';
    const full = '06000000 38000000' + head + '02000400 02000000 01000200 68690000 00000000 38000000';
    assert.deepEqual(packet(unhex('45'), 0, ''), unhex(bare));
    assert.deepEqual(packet(unhex('45'), PCAPNG_OUTBOUND, 'hi'), unhex(full));
  });

  test('any packet, with its time to the nanosecond', () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    const nanoseconds = fc.nat(999_999_999);
    const flags = fc.constantFrom(0, PCAPNG_INBOUND, PCAPNG_OUTBOUND);
    const comment = fc.string({ unit: 'grapheme', maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.nat(0xffffffff), nanoseconds, flags, comment, fc.nat(9), (data, s, ns, flag, text, at) => {
        const out = new Uint8Array(at + pcapngPacketRoom(data.length, text)).fill(0xee);
        const length = putPcapngPacket(out, at, 0, s, ns, data, 0, data.length, data.length + 5, flag, text);
        assert.ok(length > 0 && length % 4 === 0);
        assert.ok(out.subarray(0, at).every((byte) => byte === 0xee));
        assert.ok(out.subarray(at + length).every((byte) => byte === 0xee));
        const head = [pcapngSection('x'), pcapngInterface(LINKTYPE_RAW, 0, 'y')];
        const file = readPcapng(concat(...head, out.subarray(at, at + length)));
        assert.equal(file.complete, true);
        const { time, data: read, originalLength, flags: f, comment: c } = file.packets[0]!;
        assert.equal(time, BigInt(s) * 1_000_000_000n + BigInt(ns));
        assert.deepEqual([read, originalLength, f, c], [data, data.length + 5, flag, text]);
      }),
    );
  });

  test('a packet of several pieces', () => {
    const out = new Uint8Array(100);
    putPcapngHead(out, 0, 0, 1, 2, 5, 5);
    out.set([1, 2], PCAPNG_PACKET_HEAD);
    out.set([3, 4, 5], PCAPNG_PACKET_HEAD + 2);
    const length = putPcapngTail(out, 0, 5, PCAPNG_OUTBOUND, '');
    const whole = new Uint8Array(100);
    assert.equal(
      putPcapngPacket(whole, 0, 0, 1, 2, Uint8Array.of(0, 1, 2, 3, 4, 5), 1, 5, 5, PCAPNG_OUTBOUND, ''),
      length,
    );
    assert.deepEqual(out, whole);
  });

  test('a buffer without room is left alone', () => {
    const room = pcapngPacketRoom(FRAME.length, '');
    const out = new Uint8Array(room - 1);
    assert.equal(putPcapngPacket(out, 0, 0, 1, 1, FRAME, 0, FRAME.length, FRAME.length, 0, ''), 0);
    assert.ok(out.every((byte) => byte === 0));
    assert.ok(putPcapngPacket(new Uint8Array(room), 0, 0, 1, 1, FRAME, 0, FRAME.length, FRAME.length, 0, '') > 0);
  });

  test('a long comment is cut at a whole character', () => {
    const data = packet(FRAME, 0, '€'.repeat(3000));
    const file = readPcapng(concat(pcapngSection('x'), pcapngInterface(1, 0, 'y'), data));
    assert.equal(file.packets[0]!.comment, '€'.repeat(Math.floor(PCAPNG_MAX_COMMENT / 3)));
  });
});

describe('other writers', () => {
  test('big-endian, microseconds by default, a simple packet, an unknown block, a second section', () => {
    const b = unhex(`0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
      00000001 00000014 0001 0000 00000003 00000014
      00000bad 00000010 01020304 00000010
      00000006 00000024 00000000 00000000 000f4241 00000002 00000003 aabb0000 00000024
      00000003 00000014 00000009 01020304 00000014`);
    const file = readPcapng(concat(b, FILE));
    assert.equal(file.complete, true);
    assert.equal(file.interfaces.length, 3);
    const [first, simple, third] = file.packets;
    assert.deepEqual([first!.time, first!.data, first!.originalLength], [1_000_001_000n, unhex('aabb'), 3]);
    assert.deepEqual([simple!.time, simple!.data, simple!.originalLength], [0n, unhex('010203'), 9]);
    assert.equal(third!.interface.name, 'memory0');
  });

  test('a resolution in powers of two', () => {
    const b = concat(pcapngSection('x'), pcapngInterface(1, 0, 'y'), packet(FRAME, 0, ''));
    const at = b.indexOf(9, b.length - packet(FRAME, 0, '').length - 20);
    b[at + 4] = 0x80 | 21;
    assert.equal(readPcapng(b).interfaces[0]!.unitsPerSecond, 1n << 21n);
  });
});

describe('broken files', () => {
  test('cut off anywhere give the packets before the cut', () => {
    let packets = 0;
    for (let length = 0; length <= FILE.length; length++) {
      const file = readPcapng(FILE.slice(0, length));
      assert.ok(file.packets.length >= packets);
      packets = file.packets.length;
      bounded(FILE.slice(0, length), read);
    }
    assert.equal(packets, 3);
    assert.equal(readPcapng(FILE.slice(0, -1)).complete, false);
    assert.equal(readPcapng(new Uint8Array(0)).complete, false);
  });

  test('a block that is too short for what it says it is ends the reading', () => {
    for (const block of [
      '01000000 0c000000 0c000000',
      '06000000 10000000 00000000 10000000',
      '03000000 0c000000 0c000000',
    ]) {
      const file = readPcapng(concat(pcapngSection('x'), pcapngInterface(1, 0, 'y'), unhex(block)));
      assert.deepEqual([file.interfaces.length, file.packets.length, file.complete], [1, 0, false], block);
    }
    const noInterface = readPcapng(concat(pcapngSection('x'), packet(FRAME, 0, '')));
    assert.deepEqual([noInterface.packets.length, noInterface.complete], [0, false]);
  });

  test('random bytes never make it throw', () => fuzz(15, 10_000, 100, [FILE, FILE.slice(0, 200)], read));
});

test('tshark reads it without complaint', (t) => {
  if (spawnSync('tshark', ['--version']).error !== undefined) return t.skip('tshark is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'ring3-pcapng-'));
  try {
    const file = join(folder, 'one.pcapng');
    const capture = [pcapngSection('ring3'), pcapngInterface(LINKTYPE_ETHERNET, 0, 'memory0')];
    writeFileSync(file, concat(...capture, packet(FRAME, PCAPNG_INBOUND, 'kept')));
    const fields = [
      'frame.time_epoch',
      'arp.dst.proto_ipv4',
      'frame.comment',
      'frame.interface_name',
      'frame.packet_flags',
    ];
    const args = ['-r', file, '-T', 'fields', ...fields.flatMap((field) => ['-e', field])];
    const run = spawnSync('tshark', args, { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    assert.equal(run.stdout.trim(), '1700000000.123456789\t10.0.0.2\tkept\tmemory0\t0x00000001');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
