// Every synchronised state against every kind of segment (RFC 9293 section 3.10.7.4), as one table.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer, Probe } from './probe.test-support.ts';
import type { Fields } from './segments.test-support.ts';

/**
 * Cells: what is answered (A: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, R: a reset, -: nothing), then the new state if it is
 * another. N is RCV.NXT, W the window, U is SND.UNA. In FIN-WAIT-1, CLOSING and LAST-ACK our FIN is not acknowledged yet.
 */
const TABLE = `
                     | SYN-RECEIVED  | ESTABLISHED  | FIN-WAIT-1   | FIN-WAIT-2  | CLOSE-WAIT | CLOSING    | LAST-ACK | TIME-WAIT
RST at N             | - CLOSED      | - CLOSED     | - CLOSED     | - CLOSED    | - CLOSED   | - CLOSED   | - CLOSED | -
RST at N+1           | A             | A            | A            | A           | A          | A          | A        | A
RST at N-1           | -             | -            | -            | -           | -          | -          | -        | -
RST at N+W           | -             | -            | -            | -           | -          | -          | -        | -
SYN at N             | A             | A            | A            | A           | A          | A          | A        | A
SYN at N+1           | A             | A            | A            | A           | A          | A          | A        | A
SYN at N-9           | A             | A            | A            | A           | A          | A          | A        | A
SYN at N+W+9         | A             | A            | A            | A           | A          | A          | A        | A
SYN ACK at N         | A             | A            | A            | A           | A          | A          | A        | A
SYN FIN at N         | A             | A            | A            | A           | A          | A          | A        | A
no flags             | -             | -            | -            | -           | -          | -          | -        | -
FIN without ACK      | -             | -            | -            | -           | -          | -          | -        | -
data without ACK     | -             | -            | -            | -           | -          | -          | -        | -
ACK of U-1           | R             | -            | -            | -           | -          | -          | -        | -
ACK of U-70000       | R             | A            | A            | A           | A          | A          | A        | A
ACK of U             | R             | -            | -            | -           | -          | -          | -        | -
ACK of all           | - ESTABLISHED | -            | - FIN-WAIT-2 | -           | -          | - TIME-WAIT| - CLOSED | -
ACK of more          | R             | A            | A            | A           | A          | A          | A        | A
ACK at N-1           | A             | A            | A            | A           | A          | A          | A        | A
ACK at N+W           | - ESTABLISHED | -            | -            | -           | -          | -          | -        | -
ACK at N+W+1         | A             | A            | A            | A           | A          | A          | A        | A
old data             | A             | A            | A            | A           | A          | A          | A        | A
data beyond window   | A             | A            | A            | A           | A          | A          | A        | A
data                 | A ESTABLISHED | A            | A            | A           | -          | -          | -        | A
urgent data          | A ESTABLISHED | A            | A            | A           | -          | -          | -        | A
FIN                  | A CLOSE-WAIT  | A CLOSE-WAIT | A CLOSING    | A TIME-WAIT | A          | A          | A        | A
data and FIN         | A CLOSE-WAIT  | A CLOSE-WAIT | A CLOSING    | A TIME-WAIT | A          | A          | A        | A
FIN acknowledging    | A CLOSE-WAIT  | A CLOSE-WAIT | A TIME-WAIT  | A TIME-WAIT | A          | A TIME-WAIT| - CLOSED | A
FIN ahead of data    | A ESTABLISHED | A            | A            | A           | A          | A          | A        | A
`;

/** A segment by its name in the table, for a connection with RCV.NXT `n` and SND.UNA `u` that has sent up to `all`. */
function segment(name: string, n: number, u: number, all: number): [flags: string, fields: Fields] {
  const W = n === 1 ? 65535 : 65534; // a FIN has taken one
  const at = /at N(\+W)?([+-]\d+)?$/.exec(name);
  const seq = n + (at?.[1] ? W : 0) + Number(at?.[2] ?? 0);
  if (name.startsWith('RST')) return ['R', { seq }];
  if (name.startsWith('SYN ACK')) return ['SA', { seq, ack: all }];
  if (name.startsWith('SYN FIN')) return ['SF', { seq }];
  if (name.startsWith('SYN')) return ['S', { seq }];
  if (name.startsWith('ACK at')) return ['A', { seq, ack: u === 0 ? all : u }];
  const ack = u === 0 ? all : u; // SYN-RECEIVED: our SYN must be acknowledged for anything to be looked at
  const fields: Record<string, [string, Fields]> = {
    'no flags': ['', { seq: n }],
    'FIN without ACK': ['F', { seq: n }],
    'data without ACK': ['', { seq: n, data: 'data' }],
    'ACK of U-1': ['A', { seq: n, ack: u - 1 }],
    'ACK of U-70000': ['A', { seq: n, ack: u - 70_000 }],
    'ACK of U': ['A', { seq: n, ack: u }],
    'ACK of all': ['A', { seq: n, ack: all }],
    'ACK of more': ['A', { seq: n, ack: all + 1 }],
    'old data': ['A', { seq: n - 4, ack, data: 'data' }],
    'data beyond window': ['A', { seq: n + W, ack, data: 'data' }],
    data: ['A', { seq: n, ack, data: 'data' }],
    'urgent data': ['AU', { seq: n, ack, data: 'data', urgent: 2 }],
    FIN: ['FA', { seq: n, ack }],
    'data and FIN': ['FA', { seq: n, ack, data: 'data' }],
    'FIN acknowledging': ['FA', { seq: n, ack: all }],
    'FIN ahead of data': ['FA', { seq: n + 1, ack, data: 'ata' }],
  };
  return fields[name]!;
}

/** Brings a connection into a state; returns [RCV.NXT, SND.UNA, SND.NXT]. */
function reach(p: Peer, state: string): [number, number, number] {
  p.connect();
  if (state === 'SYN-RECEIVED') {
    p.inject('S', { mss: 1460 });
    p.expect('SA');
    return [1, 0, 1];
  }
  p.inject('SA', { mss: 1460 });
  p.expect('A');
  const peerFin = state === 'CLOSE-WAIT' || state === 'LAST-ACK';
  if (peerFin) {
    p.inject('FA');
    p.expect('A');
  }
  if (state === 'ESTABLISHED' || state === 'CLOSE-WAIT') return [p.seq, 1, 1];
  p.shutdown();
  p.expect('FA');
  if (state === 'CLOSING') {
    p.inject('FA', { ack: 1 });
    p.expect('A');
    p.seq = 2;
  } else if (state === 'FIN-WAIT-2' || state === 'TIME-WAIT') p.inject('A');
  if (state === 'TIME-WAIT') {
    p.inject('FA');
    p.expect('A');
  }
  return [p.seq, state === 'FIN-WAIT-2' || state === 'TIME-WAIT' ? 2 : 1, 2];
}

const [head, ...lines] = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));
const probe = new Probe();
let port = 1000;

for (const [column, state] of head!.entries()) {
  if (column === 0) continue;
  describe(state, () => {
    for (const line of lines) {
      const name = line[0]!;
      const [answer, next = state] = line[column]!.split(' ');
      test(`${name}: ${answer === '-' ? 'nothing' : answer === 'A' ? 'ACK' : 'RST'}, ${next}`, () => {
        const p = new Peer(probe, port++);
        const [n, u, all] = reach(p, state!);
        assert.equal(p.state, state);
        p.expectNothing();
        const [flags, fields] = segment(name, n, u, all);
        p.inject(flags, fields);
        p.advance(50_000); // a delayed ACK
        assert.equal(p.state, next);
        if (answer === 'A') {
          const taken = next !== state || (name.includes('data') && !/old|beyond|ahead/.test(name));
          const ack = p.expect('A', { length: 0 });
          if (!taken || /^(RST|SYN|ACK)/.test(name)) assert.equal(ack.ack, n, 'RCV.NXT');
          assert.equal(ack.seq, all, 'SND.NXT');
        } else if (answer === 'R') assert.equal(p.expect('R').seq, fields.ack);
        p.expectNothing();
        p.abort();
      });
    }
  });
}

test('none of them leaves anything behind', () => {
  probe.advance(120_000_000);
  probe.assertClean();
});
