// The judge of ACKs finds what it is there for: each rule broken once.
// Run by node:test; calls wan-segments.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Packet, replay } from './wan-segments.ts';

const ACK = 16;

function packet(src: string, rest: Partial<Packet>): Packet {
  return { at: 0, src, seq: 1, len: 0, ack: 1, flags: ACK, blocks: [], ecn: 0, sackPermitted: false, ...rest };
}

const SYN: Packet = packet('a', { seq: 0, ack: 0, flags: 2 });
const data = (seq: number): Packet => packet('a', { seq, len: 100 });
const ack = (to: number, ...blocks: [number, number][]): Packet => packet('b', { ack: to, blocks });

function complaints(...packets: Packet[]): string[] {
  return replay([SYN, ...packets], 'b').complaints;
}

test('what RFC 2018 and 2883 ask for passes, and is counted', () => {
  const seen = replay(
    [SYN, data(1), ack(101), data(201), ack(101, [201, 301]), data(201), ack(101, [201, 301], [201, 301])].concat(
      [data(401), ack(101, [401, 501], [201, 301]), data(101), ack(301, [401, 501])],
      [data(1), ack(301, [1, 101], [401, 501])],
    ),
    'b',
  );
  assert.deepEqual(seen, { complaints: [], sacks: 5, dsacks: 2 });
});

for (const [name, wanted, packets] of [
  ['an ACK of what has not come', /not arrived/, [data(1), ack(201)]],
  ['a block of what has not come', /301:401 has not arrived/, [data(1), data(201), ack(101, [201, 401], [301, 401])]],
  ['an empty block', /empty/, [data(1), data(201), ack(101, [201, 301], [250, 250])]],
  ['blocks that overlap', /overlap/, [data(201), data(301), data(501), ack(0, [501, 601], [201, 301], [201, 401])]],
  ['a block at the ACK', /above the ACK/, [data(1), data(101), data(301), ack(101, [301, 401], [101, 201])]],
  [
    'a first block of an old segment',
    /no recent/,
    [data(201), { ...data(401), at: 1 }, { ...ack(0, [201, 301], [401, 501]), at: 1 }],
  ],
] as const) {
  test(`${name} is found`, () => assert.match(complaints(...packets).join('\n'), wanted));
}
