// Tests of ip6-input.ts: what is taken, what is dropped and why, extension headers and their parameter problems.
// Run by node:test; calls the parts of a stack through ip-rig.

import { strict as assert } from 'node:assert';
import { describe, test } from 'node:test';
import { get16, get32 } from '../base/bytes.ts';
import {
  DROP_BAD_LENGTH,
  DROP_BAD_OPTION,
  DROP_EXTENSION_ORDER,
  DROP_MARTIAN,
  DROP_NDP_INVALID,
  DROP_NO_SOCKET,
  DROP_NOT_OURS,
  DROP_ROUTING_HEADER,
  DROP_SHORT,
  DROP_UNKNOWN_PROTOCOL,
} from '../base/drop.ts';
import {
  fixSum,
  icmp6,
  ip6,
  join,
  OWN6,
  PEER6,
  pattern,
  readSummed,
  udp6,
  udpBytes,
  words,
} from './ip-packets.test-support.ts';
import { RecordingLink, Rig, receive } from './ip-rig.test-support.ts';

const data = pattern(10);

function listening(rig: Rig = new Rig()): { rig: Rig; h: number } {
  const h = rig.udp.open({ family: 6 });
  assert.equal(rig.udp.bind(h, 0, 0, 0, 0, 53), 0);
  return { rig, h };
}

/** A UDP datagram behind extension headers: pairs of protocol number and whole header, whose first byte is filled in. */
function chained(headers: readonly (readonly [number, readonly number[]])[], last = 17, dst = OWN6): Uint8Array {
  const udp = fixSum(ip6(udpBytes(1000, 53, data), { dst }), 40, 17, 6).subarray(40);
  const parts = headers.map(([, bytes], i) => Uint8Array.from([headers[i + 1]?.[0] ?? last, ...bytes.slice(1)]));
  return ip6(join([...parts, udp]), { next: headers[0]?.[0] ?? last, dst });
}

const PAD = [0, 0, 1, 4, 0, 0, 0, 0];

/** The one error that was sent: type, code, bytes 4..7. */
function theError(rig: Rig): number[] {
  const sent = rig.take();
  assert.equal(sent.length, 1);
  const r = readSummed(sent[0]!);
  assert.equal(r.protocol, 58);
  return [r.payload[0]!, r.payload[1]!, get32(r.payload, 4)];
}

describe('IPv6 input', () => {
  test('delivers a datagram, and cuts off what the link has padded', () => {
    const { rig, h } = listening();
    assert.equal(rig.inject(join([udp6(1000, 53, data, { hopLimit: 1, trafficClass: 0x48 }), new Uint8Array(9)])), 0);
    assert.deepEqual(receive(rig.udp, h), data);
    assert.equal(rig.udp.from.hopLimit, 1);
    assert.equal(rig.udp.from.trafficClass, 0x48);
    rig.assertNothingHeld();
  });

  test('refuses every truncation', () => {
    const { rig } = listening();
    const good = udp6(1000, 53, data);
    for (let n = 1; n < 40; n++) assert.equal(rig.inject(good.slice(0, n)), DROP_SHORT);
    for (let n = 40; n < good.length; n++) assert.equal(rig.inject(good.slice(0, n)), DROP_BAD_LENGTH);
  });

  test('drops martians: groups, ourselves, loopback and mapped addresses as source or destination', () => {
    const { rig } = listening();
    for (const src of ['ff02::1', OWN6, '::1', '::ffff:10.0.0.2', 'fe80::1', '::']) {
      assert.equal(rig.inject(udp6(1, 53, data, { src })), DROP_MARTIAN, src);
    }
    for (const dst of ['::1', '::ffff:10.0.0.1', 'ff00::1', 'ff01::1']) {
      assert.equal(rig.inject(udp6(1, 53, data, { dst })), DROP_MARTIAN, dst);
    }
    for (const dst of ['fd00::9', 'ff02::99', 'fe80::9', '::']) {
      assert.equal(rig.inject(udp6(1, 53, data, { dst })), DROP_NOT_OURS, dst);
    }
    assert.equal(rig.take().length, 0);
  });

  test('a link-local address is ours only on its interface, ::1 only on a loopback link', () => {
    const { rig, h } = listening();
    const other = rig.attach(new RecordingLink(rig.memory, {}), ['fd01::1/64']);
    assert.equal(rig.inject(udp6(1, 53, data, { src: 'fe80::2', dst: 'fe80::1' })), 0);
    assert.equal(rig.inject(udp6(1, 53, data, { src: 'fe80::2', dst: 'fe80::1' }), 0, other.index), DROP_NOT_OURS);
    assert.equal(rig.inject(udp6(1, 53, data), 0, other.index), 0);
    const lo = rig.attach(new RecordingLink(rig.memory, { loopback: true }), ['::1/128']);
    assert.equal(rig.inject(udp6(1, 53, data, { src: '::1', dst: '::1' }), 0, lo.index), 0);
    for (let i = 0; i < 3; i++) assert.deepEqual(receive(rig.udp, h), data);
  });

  test('passes hop-by-hop, destination options and a routing header that is used up', () => {
    const { rig, h } = listening();
    const routing = [0, 0, 4, 0, 0, 0, 0, 0];
    assert.equal(
      rig.inject(
        chained([
          [0, PAD],
          [60, PAD],
          [43, routing],
          [60, PAD],
        ]),
      ),
      0,
    );
    assert.deepEqual(receive(rig.udp, h), data);
    assert.equal(rig.take().length, 0);
  });

  test('answers what the headers do wrong by parameter problems, with code and pointer', () => {
    const { rig } = listening();
    const late: [number, number[]][] = [
      [60, PAD],
      [0, PAD],
    ];
    assert.equal(rig.inject(chained(late)), DROP_EXTENSION_ORDER);
    assert.deepEqual(theError(rig), [4, 1, 40]);
    assert.equal(rig.inject(chained([[43, [0, 0, 0, 1, 0, 0, 0, 0]]])), DROP_ROUTING_HEADER);
    assert.deepEqual(theError(rig), [4, 0, 42]);
    assert.equal(rig.inject(chained([[60, [0, 0, 0x80 | 5, 4, 0, 0, 0, 0]]])), DROP_BAD_OPTION);
    assert.deepEqual(theError(rig), [4, 2, 42]);
    assert.equal(rig.inject(chained([[60, [0, 0, 0x40 | 5, 4, 0, 0, 0, 0]]])), DROP_BAD_OPTION);
    assert.equal(rig.take().length, 0);
    assert.equal(rig.inject(chained([], 200)), DROP_UNKNOWN_PROTOCOL);
    assert.deepEqual(theError(rig), [4, 1, 6]);
    assert.equal(rig.inject(chained([[60, PAD]], 200)), DROP_UNKNOWN_PROTOCOL);
    assert.deepEqual(theError(rig), [4, 1, 40]);
    assert.equal(rig.inject(chained([], 59)), DROP_UNKNOWN_PROTOCOL);
    assert.equal(rig.take().length, 0);
  });

  test('to a group only the unknown option that wants it is answered', () => {
    const { rig } = listening();
    assert.equal(rig.inject(chained([[60, [0, 0, 0x80 | 5, 4, 0, 0, 0, 0]]], 17, 'ff02::1')), DROP_BAD_OPTION);
    assert.deepEqual(theError(rig), [4, 2, 42]);
    assert.equal(rig.inject(chained([[60, [0, 0, 0xc0 | 5, 4, 0, 0, 0, 0]]], 17, 'ff02::1')), DROP_BAD_OPTION);
    assert.equal(rig.inject(chained([], 200, 'ff02::1')), DROP_UNKNOWN_PROTOCOL);
    assert.equal(rig.take().length, 0);
  });

  test('an atomic fragment is a whole packet (RFC 6946), but not for neighbour discovery (RFC 6980)', () => {
    const { rig, h } = listening();
    assert.equal(rig.inject(chained([[44, [0, 0, 0, 0, 1, 2, 3, 4]]])), 0);
    assert.deepEqual(receive(rig.udp, h), data);
    assert.equal(rig.reassembly.used, 0);
    const ns = icmp6(135, 0, 0, join([Uint8Array.from([0xfd, ...new Array(14).fill(0), 1])]), { hopLimit: 255 });
    const fragmented = ip6(join([Uint8Array.from([58, 0, 0, 0, 0, 0, 0, 1]), ns.subarray(40)]), {
      next: 44,
      hopLimit: 255,
    });
    assert.equal(rig.inject(fragmented), DROP_NDP_INVALID);
    assert.equal(rig.inject(ns), -1);
  });

  test('a UDP port nobody has is port unreachable, quoting no more than fits 1280', () => {
    const { rig } = listening();
    const packet = udp6(1000, 54, pattern(1400));
    assert.equal(rig.inject(packet), DROP_NO_SOCKET);
    const [error] = rig.take();
    assert.equal(error!.length, 1280);
    const r = readSummed(error!);
    assert.deepEqual([r.payload[0], r.payload[1]], [1, 4]);
    assert.deepEqual(r.payload.subarray(8), packet.subarray(0, 1232));
    assert.equal(get16(error!, 4), 1240);
    assert.deepEqual(r.dst, words(PEER6));
  });
});
