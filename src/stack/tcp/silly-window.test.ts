// A window that has become smaller than half of its largest: text waits for more room, but not for ever (RFC 9293 section 3.8.6.2.1).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Peer } from './probe.test-support.ts';

function stinted(): Peer {
  const p = new Peer().establish();
  p.win = 500;
  p.inject('A');
  p.write(960);
  p.expectNothing();
  return p;
}

test('a part of the text goes out when the override time is over', () => {
  const p = stinted();
  p.advance(1_000_000);
  p.expect('A', { seq: 1, length: 500 });
});

test('a peer that goes on talking does not put that off', () => {
  const p = stinted();
  const until = p.probe.now + 1_000_000;
  while (p.probe.now < until && !p.probe.sent.some((s) => s.data.length > 0)) {
    p.advance(100_000);
    p.inject('PA', { data: 10 });
  }
  assert.deepEqual(
    p.take().flatMap((s) => (s.data.length > 0 ? [s.data.length] : [])),
    [500],
  );
});

test('nor does a round trip that takes longer, or a timeout that has backed off', () => {
  const p = new Peer().establish();
  p.write(1);
  p.advance(100_000_000); // the timeout has doubled and doubled
  p.take();
  p.win = 500;
  p.inject('A');
  p.write(960);
  p.expectNothing();
  p.advance(1_000_000);
  p.expect('A', { seq: 2, length: 500 });
});
