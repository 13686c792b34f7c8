// The sender against receivers: an honest one behind a path that loses, delays and doubles, and one that says whatever comes to its mind.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRng } from '../../base/rng.ts';
import { pattern } from '../pair.test-support.ts';
import { Peer } from './probe.test-support.ts';

const MSS = 1000;
const SIZE = 60_000;
const DATA: Uint8Array = pattern(SIZE);

interface Case {
  readonly sackOK: boolean;
  readonly ts: boolean;
  readonly tcpCongestion: string;
  readonly v6: boolean;
}
const CASES: readonly Case[] = [
  { sackOK: true, ts: true, tcpCongestion: 'cubic', v6: false },
  { sackOK: true, ts: false, tcpCongestion: 'newreno', v6: true },
  { sackOK: false, ts: true, tcpCongestion: 'cubic', v6: false },
  { sackOK: false, ts: false, tcpCongestion: 'newreno', v6: false },
];

function open(c: Case, mss: number = MSS): Peer {
  const p = new Peer({ v6: c.v6, settings: { tcpCongestion: c.tcpCongestion } });
  if (c.ts) p.ts = 1;
  p.establish({ mss, sackOK: c.sackOK });
  return p;
}

/** What must hold whatever the peer says. */
function checkSums(p: Peer, what: string): void {
  const i = p.tcp.info(p.h);
  if (i === null) return;
  for (const n of [i.sacked, i.lost, i.retransmitting]) assert.ok(n >= 0 && n <= i.inFlight, what);
  assert.ok(i.sacked + i.lost <= i.inFlight, what);
  assert.ok(i.cwnd >= 0 && i.ssthresh > 0 && i.rto > 0, what);
}

/** Acknowledges what it has, with blocks as RFC 2018 and RFC 2883 ask for. */
class Receiver {
  readonly have: Uint8Array = new Uint8Array(SIZE + 2);
  next = 1;
  /** Starts of what came last, newest first. */
  #recent: number[] = [];

  take(seq: number, length: number): [number, number][] {
    const duplicate = length > 0 && this.have.subarray(seq, seq + length).every((v) => v === 1);
    this.have.fill(1, seq, seq + length);
    while (this.have[this.next] === 1) this.next++;
    this.#recent = [seq, ...this.#recent].slice(0, 16);
    const blocks: [number, number][] = duplicate ? [[seq, seq + length]] : [];
    for (const at of this.#recent) {
      if (at < this.next || this.have[at] !== 1) continue;
      let [from, to] = [at, at];
      while (this.have[from - 1] === 1) from--;
      while (this.have[to] === 1) to++;
      if (!blocks.some(([a, b], i) => a === from && b === to && !(duplicate && i === 0))) blocks.push([from, to]);
    }
    return blocks.slice(0, 3);
  }
}

/** Sends SIZE bytes over a bad path; returns the virtual seconds it took. */
function transfer(c: Case, seed: number, loss: number, late: number): number {
  const rng = new SeededRng(seed);
  const p = open(c, MSS + (c.ts ? 12 : 0));
  const receiver = new Receiver();
  const chance = (percent: number): boolean => rng.below(100) < percent;
  const inPath: { at: number; seq: number; length: number }[] = [];
  const back: { at: number; ack: number; sack: [number, number][] }[] = [];
  const what = `seed ${seed}, ${JSON.stringify(c)}`;
  let now = 0;
  p.write(SIZE);
  for (let steps = 0; receiver.next <= SIZE || p.tcp.info(p.h)!.inFlight > 0; steps++) {
    assert.ok(steps < 20_000, `does not end: ${what}, at ${receiver.next}`);
    for (const s of p.take()) {
      const length = s.data.length;
      assert.deepEqual(Buffer.from(s.data), Buffer.from(DATA.subarray(s.seq - 1, s.seq - 1 + length)), what);
      if (length > 0 && !chance(loss))
        inPath.push({ at: now + 20 + (chance(late) ? rng.below(30) : 0), seq: s.seq, length });
      if (chance(1)) inPath.push({ at: now + 21, seq: s.seq, length });
    }
    inPath.sort((a, b) => a.at - b.at);
    while (inPath.length > 0 && inPath[0]!.at <= now) {
      const { seq, length } = inPath.shift()!;
      const blocks = receiver.take(seq, length);
      const sack = c.sackOK ? blocks : [];
      if (!chance(loss)) back.push({ at: now + 20, ack: receiver.next, sack });
    }
    while (back.length > 0 && back[0]!.at <= now) {
      const { ack, sack } = back.shift()!;
      if (c.ts) p.ts = 1 + now;
      p.inject('A', { ack, ...(sack.length > 0 && { sack }) });
      checkSums(p, what);
    }
    p.advance(1000);
    now++;
  }
  const end = p.tcp.info(p.h)!;
  assert.deepEqual([end.sacked, end.lost, end.retransmitting, end.unackedSegments], [0, 0, 0, 0], what);
  return now / 1000;
}

describe('an honest receiver', () => {
  for (const c of CASES) {
    test(`gets every byte over a path that loses and delays: ${JSON.stringify(c)}`, () => {
      for (let seed = 1; seed <= 12; seed++) transfer(c, seed, (seed % 4) * 5, (seed % 3) * 20);
    });
  }

  test('over a path that only delays, little is sent twice', () => {
    const took = transfer(CASES[0]!, 99, 0, 30);
    assert.ok(took < 2, `${took} s`);
  });
});

describe('a hostile receiver', () => {
  for (const c of CASES) {
    test(`cannot spoil the sums, whatever it acknowledges: ${JSON.stringify(c)}`, () => {
      for (let seed = 1; seed <= 40; seed++) {
        const rng = new SeededRng(seed);
        const p = open({ ...c, sackOK: true });
        const what = `seed ${seed}, ${JSON.stringify(c)}`;
        p.write(SIZE);
        let una = 1;
        for (let step = 0; step < 120; step++) {
          p.take();
          const near = (): number => una - 3000 + rng.below(20_000);
          const sack: [number, number][] = [];
          for (let n = rng.below(c.ts ? 4 : 5); n > 0; n--) {
            const from = rng.below(10) === 0 ? rng.int32() : near();
            sack.push([from, rng.below(8) === 0 ? near() : (from + rng.below(6000)) | 0]);
          }
          const ack = rng.below(4) === 0 ? near() : una + (rng.below(3) === 0 ? rng.below(1500) : 0);
          if (c.ts) p.ts = 2 + step;
          const flags = rng.below(8) === 0 ? 'EA' : 'A';
          p.inject(flags, {
            seq: 1,
            ack,
            win: rng.below(6) === 0 ? rng.below(3000) : 60_000,
            ...(sack.length > 0 && { sack }),
          });
          checkSums(p, what);
          if (p.tcp.info(p.h) === null) break;
          una = Math.max(1, p.tcp.info(p.h)!.bytesAcked + 1);
          if (rng.below(3) === 0) p.advance(rng.below(400_000));
          checkSums(p, what);
        }
        p.abort();
      }
    });
  }
});
