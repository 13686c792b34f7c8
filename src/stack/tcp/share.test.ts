// Payload memory under pressure: peers that take nothing, or send what nobody reads, leave enough for the others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHUNK } from '../../base/spans.ts';
import { Peer, type Probe } from './probe.test-support.ts';

const CHUNKS = 512;
const PEERS = 100;

function more(first: Peer, n: number): Peer[] {
  const peers = [];
  for (let i = 0; i < n; i++) {
    const p = new Peer(first.probe, 10_000 + i);
    p.listener = first.listener;
    peers.push(p.establish({ mss: 1460, ws: 5 }));
  }
  return peers;
}

function used(probe: Probe): number {
  return probe.stack.core.spans.used;
}

test('any number of peers that never read leave memory to send from and to receive into', () => {
  const first = new Peer({ memory: { chunks: CHUNKS } }).establish();
  const idle = more(first, PEERS);
  for (const p of idle) p.inject('A', { win: 0 });
  for (const p of idle) for (let n = 0; n < 10; n++) p.write(64 * 1024);
  assert.ok(used(first.probe) > CHUNKS / 2, 'a few may take much');
  assert.ok(used(first.probe) <= CHUNKS * 0.75 + PEERS, 'the last quarter goes chunk by chunk');
  first.take();
  for (let n = 0; n < 20; n++) {
    first.inject('A', { data: 'a request' });
    assert.equal(first.readText(), 'a request');
    assert.ok(first.write(1000) === 1000);
    first.take();
  }
  for (const p of [first, ...idle]) p.abort();
  assert.equal(used(first.probe), 0);
});

test('what nobody reads is taken up to a share, and what is beyond is taken once there is memory again', () => {
  const first = new Peer({ memory: { chunks: CHUNKS } }).establish({ mss: 1460, ws: 5 });
  const greedy = more(first, PEERS);
  // Windows were promised while there was plenty.
  for (const p of greedy) for (let at = 0; at < 64; at++) p.inject('A', { seq: 1 + at * 1024, data: 1024 });
  assert.ok(used(first.probe) <= CHUNKS * 0.75 + PEERS);
  const last = greedy[PEERS - 1]!;
  assert.ok(last.tcp.readable(last.h) <= CHUNK);
  first.inject('A', { data: 'a request' });
  assert.equal(first.readText(), 'a request');
  for (const p of greedy.slice(0, -1)) p.abort();
  const got = last.tcp.readable(last.h);
  last.take();
  last.inject('A', { seq: 1 + got, data: 1024 });
  last.advance(100_000);
  assert.equal(last.tcp.readable(last.h), got + 1024);
  assert.ok(last.take().at(-1)!.win > 0);
  for (const p of [first, last]) p.abort();
  assert.equal(used(first.probe), 0);
});
