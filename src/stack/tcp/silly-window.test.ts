// Windows below a segment, on both sides: text waits for more room, but not for ever (RFC 9293 section 3.8.6.2.1), and a window that
// has been used up opens again (section 3.8.6.2.2).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPT_WINDOW_CLAMP } from './flags.ts';
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

test('a window that is kept below a segment opens again when it has been read', () => {
  for (const [first, clamp] of [
    [1 << 30, 1152],
    [1000, 0],
  ] as const) {
    const p = new Peer({ settings: { tcpInitialReceiveWindow: first } }).establish({ mss: 1460, ws: 0 });
    if (clamp > 0) assert.equal(p.tcp.set(p.h, OPT_WINDOW_CLAMP, clamp), 0);
    let left = 70_000; // beyond what had been offered before the clamp
    while (left > 0) {
      const data = Math.min(500, left, p.tcp.info(p.h)!.receiveWindow);
      if (data === 0) break;
      p.inject('A', { data });
      left -= data;
      p.read();
      p.advance(1_000_000);
    }
    assert.equal(left, 0, `${left} bytes were not let in`);
  }
});
