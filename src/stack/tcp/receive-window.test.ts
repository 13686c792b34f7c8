// The window that we offer: what it says, when it moves, what of a segment lies in it (RFC 9293 sections 3.8.6 and 3.10.7.4).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OPT_RCVBUF } from './flags.ts';
import { Peer } from './probe.test-support.ts';
import type { Tcb } from './tcb.ts';
import { receiveWindow, scaleFor } from './window.ts';

const MSS = 1460;

/** A connection of ours with a receive buffer of `bytes`. */
function buffer(bytes: number, ws?: number): Peer {
  const p = new Peer({ settings: { tcpReceiveBuffer: bytes } });
  return p.establish({ mss: MSS, ...(ws !== undefined && { ws }) });
}

test('it is the free part of the buffer', () => {
  const p = buffer(8000);
  p.inject('A', { data: MSS });
  p.inject('A', { data: MSS });
  p.expect('A', { ack: 2 * MSS + 1, win: 8000 - 2 * MSS });
});

test('a SYN offers at most 65,535 bytes, unscaled; what follows is scaled (RFC 7323 section 2.2)', () => {
  const p = new Peer({ settings: { tcpReceiveBuffer: 1 << 20 } });
  p.listen();
  p.inject('S', { mss: MSS, ws: 2 });
  p.expect('SA', { win: 65535, ws: 5 });
  p.inject('A');
  p.accept();
  p.write('x');
  p.expect('A', { win: (1 << 20) >> 5 });
});

test('without scaling it stays at 65,535 however large the buffer, and reading says nothing new', () => {
  const p = buffer(1 << 20);
  p.inject('A', { data: 10 });
  p.read();
  p.expectNothing();
  p.inject('A', { data: MSS });
  p.inject('A', { data: MSS });
  p.expect('A', { ack: 2 * MSS + 11, win: 65535 });
});

test('the scale fits the buffer (RFC 7323 section 2.2)', () => {
  assert.deepEqual([1, 65535, 65536, 131_070, 131_071, 1 << 20, 1 << 30].map(scaleFor), [0, 0, 1, 1, 2, 5, 14]);
});

describe('what lies in the window', () => {
  test('a segment that crosses the right edge is cut there', () => {
    const p = buffer(4096);
    p.inject('A', { data: 4000 });
    p.expect('A', { win: 96 });
    p.inject('A', { data: 'z'.repeat(200), seq: 4001 });
    p.expect('A', { ack: 4097, win: 0 });
    assert.equal(p.tcp.readable(p.h), 4096);
  });

  test('a segment that crosses the left edge is cut there', () => {
    const p = buffer(8000);
    p.inject('A', { data: 'abcdef' });
    p.inject('A', { seq: 3, data: 'cdefGHI' });
    assert.equal(p.readText(), 'abcdefGHI');
  });

  test('one that crosses both gives its middle', () => {
    const p = buffer(4096);
    p.inject('A', { data: 4000 });
    p.take();
    p.inject('A', { seq: 3901, data: 'y'.repeat(300) });
    p.expect('A', { ack: 4097, win: 0 });
    const data = p.read() as Uint8Array;
    assert.equal(data.length, 4096);
    assert.equal(data[4000], 'y'.charCodeAt(0));
  });

  test('a closed window takes no text; its ACK is looked at all the same (section 3.10.7.4)', () => {
    const p = buffer(4096);
    p.inject('A', { data: 4096 });
    p.expect('A', { win: 0 });
    p.write('mine');
    p.expect('A', { data: 'mine' });
    p.inject('A', { seq: 4097, data: 'probe', ack: 5 });
    p.expect('A', { ack: 4097, win: 0, length: 0 });
    assert.equal(p.tcp.unacked(p.h), 0);
    assert.equal(p.tcp.readable(p.h), 4096);
  });

  test('a FIN beyond a closed window is not taken, one at its edge is', () => {
    const p = buffer(4096);
    p.inject('A', { data: 4096 });
    p.take();
    p.inject('FA', { seq: 4097, data: 'more' });
    p.expect('A', { ack: 4097, win: 0 });
    assert.equal(p.state, 'ESTABLISHED');
    p.inject('FA', { seq: 4097 });
    p.expect('A', { ack: 4098 });
    assert.equal(p.state, 'CLOSE-WAIT');
  });
});

describe('silly windows: the receiver’s part (section 3.8.6.2.2)', () => {
  test('a closed window opens by half the buffer or two segments, not before', () => {
    const p = buffer(8000);
    for (let n = 0; n < 8; n++) p.inject('A', { data: 1000 });
    assert.equal(p.take().at(-1)!.win, 0);
    p.read(1000);
    p.expectNothing();
    p.inject('A', { seq: 8001, data: 'p' });
    p.expect('A', { ack: 8001, win: 0 });
    p.read(459);
    p.expectNothing();
    p.inject('A', { seq: 8001, data: 'p' });
    p.expect('A', { ack: 8001, win: 0 });
    p.read(1);
    p.inject('A', { seq: 8001 });
    p.advance(1_000_000);
    p.expectNothing();
    p.read(1460);
    p.expect('A', { ack: 8001, win: 2920 });
  });

  test('with a small buffer it is half of that', () => {
    const p = buffer(4096);
    p.tcp.set(p.h, OPT_RCVBUF, 4096);
    for (let n = 0; n < 4; n++) p.inject('A', { data: 1024 });
    assert.equal(p.take().at(-1)!.win, 0);
    p.read(1400);
    p.expectNothing();
    p.read(647);
    p.expectNothing();
    p.read(1);
    p.expect('A', { win: 2048 });
  });
});

test('it never shrinks: its right edge does not go back, but for the bits that scaling cuts off', () => {
  const step = fc.record({
    kind: fc.constantFrom('data', 'data', 'data', 'ahead', 'read', 'ack', 'buffer'),
    n: fc.nat(6000),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(undefined, 0, 7),
      fc.integer({ min: 4096, max: 600_000 }),
      fc.array(step),
      (ws, bytes, steps) => {
        const p = buffer(bytes, ws);
        const scale = ws === undefined ? 0 : scaleFor(bytes);
        let edge = 0;
        const look = (): void => {
          for (const s of p.take()) {
            const now = s.ack + s.win * 2 ** scale;
            assert.ok(now > edge - 2 ** scale, `edge ${edge} goes back to ${now}`);
            edge = Math.max(edge, now);
          }
        };
        let next = 1;
        for (const { kind, n } of steps) {
          if (kind === 'data') {
            const length = Math.min(n % 1461, Math.max(0, edge - next));
            p.inject('A', { seq: next, data: length });
            next += length;
          } else if (kind === 'ahead') p.inject('A', { seq: next + n, data: n % 1461 });
          else if (kind === 'read') p.read(n);
          else if (kind === 'ack') p.inject('A', { seq: next - 1 });
          else p.tcp.set(p.h, OPT_RCVBUF, 4096 + n * 10);
          look();
          p.advance(n * 100);
          look();
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('what was promised is taken, though the buffer has been made smaller since', () => {
  const p = buffer(60_000);
  p.tcp.set(p.h, OPT_RCVBUF, 4096);
  p.inject('A', { data: MSS });
  for (let n = 1; n < 41; n++) p.inject('A', { data: MSS });
  p.advance(50_000);
  assert.equal(p.tcp.readable(p.h), 41 * MSS);
  assert.equal(p.take().at(-1)!.win, 60_000 - 41 * MSS);
});

test('receiveWindow is what is left of the promise, never negative', () => {
  assert.equal(receiveWindow({ rcvAdv: 10, rcvNxt: 4 } as Tcb), 6);
  assert.equal(receiveWindow({ rcvAdv: 10, rcvNxt: 11 } as Tcb), 0);
  assert.equal(receiveWindow({ rcvAdv: -(2 ** 31) + 5, rcvNxt: 2 ** 31 - 5 } as Tcb), 10);
});
