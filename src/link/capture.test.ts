// Tests of the recorder: the contract, what is in the file, times, cut records, completed checksums, and Wireshark's word.
// Run by node:test; calls capture.ts, reads by wire/pcapng-reader and, where it is installed, tshark.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { needs } from '../../test/support/privileges.ts';
import { type Link, RxBatch, TxBatch } from '../base/link.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW, PCAPNG_INBOUND, PCAPNG_OUTBOUND } from '../wire/pcapng.ts';
import { type PcapngFile, readPcapng } from '../wire/pcapng-reader.ts';
import { type CaptureOptions, captureLink } from './capture.ts';
import { linkContract } from './contract.test-support.ts';
import { faultLink } from './fault.ts';
import { type MemoryLinkSettings, memoryLink } from './memory.ts';
import {
  decode,
  ManualClock,
  makeMemory,
  markPartial,
  markSuperframe,
  packet,
  pattern,
  pushFrame,
  tcp,
  testFrame,
} from './packets.test-support.ts';

const veth: MemoryLinkSettings = { medium: 'ethernet', gso: 65535, txChecksum: 'partial' };

linkContract('capture', () => {
  const clock = new ManualClock();
  const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), ...veth });
  return { a: captureLink(a, { clock, sink: () => {} }), b: captureLink(b, { clock, sink: () => {}, snapLength: 20 }) };
});

linkContract('capture in fault in capture', () => {
  const clock = new ManualClock();
  const [a, b] = memoryLink({ a: makeMemory(), b: makeMemory(), ...veth });
  const inner = captureLink(a, { clock, sink: () => {} });
  return { a: captureLink(faultLink(inner, clock, { tx: { delay: 50 } }), { clock, sink: () => {} }), b, clock };
});

const rx = new RxBatch();
const tx = new TxBatch();

/** A recorded link, its other end, and the file so far. */
class World {
  readonly clock = new ManualClock();
  readonly link: Link;
  readonly peer: Link;
  readonly pieces: Uint8Array[] = [];

  constructor(settings: MemoryLinkSettings = veth, options: Partial<CaptureOptions> = {}) {
    const [a, b] = memoryLink({ a: makeMemory(256, 8), b: makeMemory(256, 8), ...settings });
    this.link = captureLink(a, { clock: this.clock, sink: (bytes) => this.pieces.push(bytes), ...options });
    this.peer = b;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.pieces));
  }

  file(): PcapngFile {
    const file = readPcapng(this.bytes());
    assert.ok(file.complete);
    return file;
  }

  receive(): void {
    this.link.receive(rx);
    this.link.release(rx);
  }
}

describe('capture', () => {
  test('begins with its interface: link type by medium, name, longest record', () => {
    const [ethernet] = new World(veth, { name: 'tap7', snapLength: 96 }).file().interfaces;
    assert.deepEqual(
      [ethernet!.linkType, ethernet!.name, ethernet!.snapLength, ethernet!.unitsPerSecond],
      [LINKTYPE_ETHERNET, 'tap7', 96, 1_000_000_000n],
    );
    const [raw] = new World({ medium: 'ip' }).file().interfaces;
    assert.deepEqual([raw!.linkType, raw!.name, raw!.snapLength], [LINKTYPE_RAW, 'ring3', 0]);
  });

  test('records both directions, in order, whole, and passes the frames on', () => {
    const w = new World();
    const sent = [60, 61, 900].map((n, i) => testFrame('ethernet', i, n));
    const answers = [62, 1514].map((n, i) => testFrame('ethernet', 10 + i, n));
    for (const frame of sent) pushFrame(w.link.memory, tx, frame);
    assert.equal(w.link.transmit(tx), 3);
    for (const frame of answers) pushFrame(w.peer.memory, tx, frame);
    w.peer.transmit(tx);
    w.receive();
    const { packets } = w.file();
    assert.deepEqual(
      packets.map((p) => p.data),
      [...sent, ...answers],
    );
    assert.deepEqual(
      packets.map((p) => p.flags & 3),
      [PCAPNG_OUTBOUND, PCAPNG_OUTBOUND, PCAPNG_OUTBOUND, PCAPNG_INBOUND, PCAPNG_INBOUND],
    );
    assert.equal(w.peer.receive(rx), 3);
    w.peer.release(rx);
  });

  test('the sink has whole blocks, one call a batch, and may keep them', () => {
    const w = new World();
    for (let i = 0; i < 5; i++) pushFrame(w.link.memory, tx, testFrame('ethernet', i, 80));
    w.link.transmit(tx);
    assert.equal(w.pieces.length, 3); // section, interface, one batch
    const before = w.bytes().slice();
    for (let i = 0; i < 5; i++) pushFrame(w.link.memory, tx, testFrame('ethernet', 50 + i, 80));
    w.link.transmit(tx);
    assert.deepEqual(w.bytes().subarray(0, before.length), before);
    w.link.transmit(tx);
    w.receive();
    assert.equal(w.pieces.length, 4, 'nothing for nothing');
  });

  test('times are wall-clock nanoseconds with the steps of the monotonic clock', () => {
    const w = new World();
    w.clock.wallOffset = 1_755_000_000_000;
    w.clock.now = 123.456;
    const times: bigint[] = [];
    for (const step of [0, 0.001, 999.999, 1e6, 86_400e6]) {
      w.clock.now += step;
      pushFrame(w.link.memory, tx, testFrame('ethernet', 1, 60));
      w.link.transmit(tx);
      times.push(w.file().packets.at(-1)!.time);
    }
    // A wall clock in milliseconds is good for a quarter of a microsecond.
    assert.ok(Math.abs(Number(times[0]! - 1_755_000_000_000_123_456n)) < 300);
    assert.deepEqual(
      times.slice(1).map((t, i) => t - times[i]!),
      [1n, 999_999n, 1_000_000_000n, 86_400_000_000_000n],
    );
  });

  test('when somebody sets the wall clock, times follow', () => {
    const w = new World();
    const at = (): bigint => {
      pushFrame(w.link.memory, tx, testFrame('ethernet', 1, 60));
      w.link.transmit(tx);
      return w.file().packets.at(-1)!.time;
    };
    const first = at();
    w.clock.wallOffset += 0.4; // slewed: the steps stay even
    assert.equal(at(), first);
    w.clock.wallOffset += 3_600_000;
    assert.ok(Math.abs(Number(at() - first - 3_600_000_400_000n)) < 300);
    w.clock.wallOffset -= 7_200_000;
    assert.ok(at() < first);
  });

  test('a snap length cuts the record and keeps the length', () => {
    const w = new World(veth, { snapLength: 100 });
    const long = testFrame('ethernet', 1, 1000);
    const short = testFrame('ethernet', 2, 99);
    const at = w.link.memory.arena.region('pieces', 1000);
    pushFrame(w.link.memory, tx, long, 42, [
      { offset: at, length: 30 },
      { offset: at + 30, length: 928 },
    ]);
    pushFrame(w.link.memory, tx, short);
    w.link.transmit(tx);
    pushFrame(w.peer.memory, tx, long);
    w.peer.transmit(tx);
    w.receive();
    const { packets } = w.file();
    assert.deepEqual(
      packets.map((p) => [p.data, p.originalLength]),
      [
        [long.slice(0, 100), 1000],
        [short, 99],
        [long.slice(0, 100), 1000],
      ],
    );
  });

  test('checksums left to the link are complete in the record, not in the frame, whatever the pieces', () => {
    for (const version of [4, 6] as const) {
      for (const cuts of [[], [300], [1, 299], [7, 0, 13, 280]]) {
        const w = new World();
        const at = w.link.memory.arena.region('pieces', 1000);
        const parts = {
          medium: 'ethernet' as const,
          version,
          protocol: 6 as const,
          transport: tcp(1, 16, [], pattern(301)),
        };
        const start = version === 4 ? 34 : 54;
        const bytes = packet({ ...parts, partial: true });
        let next = at;
        const pieces = cuts.map((length) => ({ offset: (next += length) - length, length }));
        const i = pushFrame(w.link.memory, tx, bytes, bytes.length - (next - at), pieces);
        markPartial(tx, i, start, 16);
        w.link.transmit(tx);
        assert.deepEqual(w.file().packets[0]!.data, packet(parts), `${version} ${cuts}`);
        // The peer hears of the partial checksum; sent back, it is recorded complete as well.
        w.peer.receive(rx);
        assert.deepEqual(w.peer.memory.arena.u8.slice(rx.offset[0]!, rx.offset[0]! + rx.length[0]!), bytes);
        w.peer.release(rx);
        markPartial(tx, pushFrame(w.peer.memory, tx, bytes), start, 16);
        w.peer.transmit(tx);
        w.link.receive(rx);
        assert.deepEqual(w.file().packets[1]!.data, packet(parts));
        assert.deepEqual(w.link.memory.arena.u8.slice(rx.offset[0]!, rx.offset[0]! + rx.length[0]!), bytes);
        w.link.release(rx);
      }
    }
  });

  test('a checksum whose field a cut record keeps is that of the whole frame', () => {
    const parts = { medium: 'ethernet' as const, protocol: 6 as const, transport: tcp(1, 16, [], pattern(900)) };
    for (const snapLength of [49, 50, 51, 52, 200]) {
      const w = new World(veth, { snapLength });
      markPartial(tx, pushFrame(w.link.memory, tx, packet({ ...parts, partial: true })), 34, 16);
      w.link.transmit(tx);
      markPartial(tx, pushFrame(w.peer.memory, tx, packet({ ...parts, partial: true })), 34, 16);
      w.peer.transmit(tx);
      w.receive();
      const expected = packet(snapLength >= 52 ? parts : { ...parts, partial: true }).slice(0, snapLength);
      for (const { data } of w.file().packets) assert.deepEqual(data, expected);
    }
  });

  test('a superframe is one packet with a right checksum', () => {
    const w = new World();
    const data = pattern(50000);
    const parts = {
      medium: 'ethernet' as const,
      version: 6 as const,
      protocol: 6 as const,
      transport: tcp(1, 24, [], data),
    };
    const i = pushFrame(w.link.memory, tx, packet({ ...parts, partial: true }));
    markSuperframe(tx, i, 6, 54, 74, 1428);
    w.link.transmit(tx);
    const [recorded] = w.file().packets;
    assert.deepEqual(decode(recorded!.data, 'ethernet').data, data);
  });

  test('frames beyond the room of the link are not recorded', () => {
    const w = new World({ medium: 'ip', queue: 3 });
    for (let i = 0; i < 5; i++) pushFrame(w.link.memory, tx, testFrame('ip', i, 60));
    assert.equal(w.link.transmit(tx), 3);
    assert.equal(w.file().packets.length, 3);
  });

  test('tshark opens it and finds nothing wrong', needs({ programs: ['tshark'] }), () => {
    const w = new World();
    const kinds = [4, 6].flatMap((version) =>
      [6, 17].map((protocol) => ({ version, protocol }) as { version: 4 | 6; protocol: 6 | 17 }),
    );
    for (const { version, protocol } of kinds) {
      const data = pattern(101);
      const transport = protocol === 6 ? tcp(1, 24, [], data) : [0x30, 0x39, 0x30, 0x3a, 0, 109, 0, 0, ...data];
      const bytes = packet({ medium: 'ethernet', version, protocol, transport, partial: true });
      markPartial(tx, pushFrame(w.link.memory, tx, bytes), version === 4 ? 34 : 54, protocol === 6 ? 16 : 6);
      w.link.transmit(tx);
      w.clock.now += 1.5;
    }
    const folder = mkdtempSync(join(tmpdir(), 'ring3-capture-'));
    try {
      const file = join(folder, 'a.pcapng');
      writeFileSync(file, w.bytes());
      const options = [
        '-o',
        'tcp.check_checksum:TRUE',
        '-o',
        'udp.check_checksum:TRUE',
        '-o',
        'ip.check_checksum:TRUE',
      ];
      const read = (...more: string[]): string =>
        execFileSync('tshark', ['-r', file, ...options, ...more], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      const fields = [
        '-T',
        'fields',
        '-e',
        'frame.time_epoch',
        '-e',
        'tcp.checksum.status',
        '-e',
        'udp.checksum.status',
      ];
      const lines = read(...fields)
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'));
      assert.equal(lines.length, kinds.length);
      lines.forEach((line, i) => {
        assert.equal(line[0], `1700000001.00000${['0000', '1500', '3000', '4500'][i]}`);
        assert.equal(line[kinds[i]!.protocol === 6 ? 1 : 2], '1', 'checksum status good');
      });
      assert.equal(read('-Y', '_ws.malformed || ip.checksum.status == 0 || _ws.expert.severity >= 6291456'), '');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
