// Listeners: what they take, backlog, retransmission of SYN-ACK, and what their end does (RFC 9293 sections 3.9.1.1, 3.10.7.2).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EADDRINUSE, EBADF, ECONNRESET } from '../../base/errno.ts';
import { OPT_KEEPALIVE, OPT_KEEPCNT, OPT_KEEPIDLE, OPT_NODELAY, OPT_RCVBUF, OPT_TOS, OPT_TTL } from './flags.ts';
import { Peer, Probe } from './probe.test-support.ts';
import { tcpPacket } from './segments.test-support.ts';

const SECOND = 1_000_000;

/** Another peer of the same listener. */
function another(p: Peer, port: number): Peer {
  const q = new Peer(p.probe, port);
  q.listener = p.listener;
  return q;
}

function open(p: Peer): Peer {
  p.inject('S', { mss: 1460 });
  p.expect('SA');
  p.inject('A');
  return p;
}

describe('the backlog', () => {
  test('bounds connections not yet accepted, complete or not; what is beyond gets no answer without cookies, and may come again', () => {
    const p = new Peer({ settings: { tcpSynCookies: 0 } });
    p.listen(2);
    open(p);
    const second = another(p, 2);
    second.inject('S', { mss: 1460 });
    second.expect('SA');
    const third = another(p, 3);
    third.inject('S', { seq: 0, mss: 1460 });
    third.expectNothing();
    assert.ok(p.accept() > 0);
    third.inject('S', { seq: 0, mss: 1460 });
    third.expect('SA');
    second.inject('A');
    assert.ok(second.accept() > 0);
    third.inject('A', { seq: 1 });
    assert.ok(third.accept() > 0);
  });

  test('gives a place back when a connection in SYN-RECEIVED is reset or times out', () => {
    const p = new Peer({ settings: { tcpSynAckRetries: 0 } });
    p.listen(1);
    p.inject('S');
    p.expect('SA');
    p.inject('R');
    const second = another(p, 2);
    second.inject('S');
    second.expect('SA');
    p.advance(2 * SECOND);
    open(another(p, 3));
    assert.ok(p.accept() > 0);
  });

  test('connections come out of accept() in the order in which they were completed', () => {
    const p = new Peer();
    p.listen(8);
    const peers = [1, 2, 3, 4].map((port) => another(p, port));
    for (const q of peers) q.inject('S');
    for (const q of peers) q.expect('SA');
    for (const n of [2, 0, 3, 1]) peers[n]!.inject('A');
    for (const port of [3, 1, 4, 2]) {
      p.accept();
      assert.equal(p.endpoints().remotePort, port);
    }
    assert.equal(p.accept(), 0);
  });

  test('a connection that dies in the queue is accepted all the same, and says why', () => {
    const p = new Peer();
    p.listen(2);
    open(p).inject('A', { data: 'last words' });
    p.inject('R');
    assert.ok(p.accept() > 0);
    assert.equal(p.state, 'CLOSED');
    assert.equal(p.readText(), 'last words');
    assert.equal(p.read(), -ECONNRESET);
    p.close();
    p.closeListener();
    p.probe.assertClean();
  });
});

test('the SYN-ACK is retransmitted with exponential backoff, then the row is forgotten (RFC 6298 section 5)', () => {
  const p = new Peer({ settings: { tcpSynAckRetries: 3 } });
  p.listen();
  p.inject('S', { mss: 1460 });
  const first = p.expect('SA');
  for (const wait of [1, 2, 4]) {
    p.advance(wait * SECOND - 1);
    p.expectNothing();
    p.advance(1);
    const again = p.expect('SA', { seq: 0, ack: 1, mss: 1460 });
    assert.equal(again.win, first.win);
  }
  assert.equal(p.tcp.used, 2);
  p.advance(8 * SECOND);
  p.expectNothing();
  assert.equal(p.tcp.used, 1);
  p.inject('A');
  p.expect('R');
});

test('the end of a listener resets what was not accepted, complete or not', () => {
  const p = new Peer();
  p.listen();
  open(p);
  const second = another(p, 2);
  second.inject('S');
  second.expect('SA');
  const accepted = open(another(p, 3));
  assert.ok(p.accept() > 0, 'the first is the user’s');
  p.closeListener();
  p.expectNothing();
  second.expect('RA', { seq: 1, ack: 1 });
  accepted.expect('RA', { seq: 1, ack: 1 });
  assert.equal(p.state, 'ESTABLISHED');
  second.inject('S', { seq: 0 });
  second.expect('RA');
  p.abort();
  assert.equal(p.tcp.accept(p.listener), -EBADF);
  p.probe.assertClean();
});

test('the end of a listener with dead connections in its queue leaves nothing', () => {
  const p = new Peer();
  p.listen();
  const peers = [1, 2, 3].map((port) => open(another(p, port)));
  peers[0]!.inject('A', { data: 'x' });
  peers[0]!.inject('R');
  peers[2]!.inject('R');
  p.closeListener();
  peers[1]!.expect('RA');
  p.probe.assertClean();
});

test('the end of a listener is not disturbed by a SYN that could not be answered: no route back', () => {
  const p = new Peer();
  p.listen();
  const syn = tcpPacket([8, 8, 8, 8], [10, 0, 0, 1], [1, 80], 2, 0, 0, new Uint8Array(0), {});
  p.probe.deliver(syn);
  assert.equal(p.tcp.used, 1);
  p.closeListener();
  p.probe.assertClean();
});

test('the end of the stack finds a connection in an accept queue before its listener', () => {
  const p = new Peer();
  p.connect();
  p.listen();
  p.close();
  open(another(p, 2));
  p.probe.stack.tcp.closeAll();
  p.probe.assertClean();
});

describe('which listener', () => {
  const ANY4 = [0, 0, 0xffff, 0] as const;
  const OURS4 = [0, 0, 0xffff, 0x0a000001] as const;

  test('one bound to the address goes before one bound to all of its family, and that before one bound to all', () => {
    const p = new Peer();
    const all = p.tcp.listen(0, 0, 0, 0, 80, 4, true);
    const any4 = p.tcp.listen(...ANY4, 80, 4, false);
    assert.ok(all > 0 && any4 > 0);
    open(p);
    assert.equal(p.tcp.accept(all), 0);
    assert.ok(p.tcp.accept(any4) > 0);
  });

  test('one on :: takes both families, unless it is IPv6 only', () => {
    for (const only of [false, true]) {
      for (const v6 of [false, true]) {
        const p = new Peer({ v6 });
        p.listener = p.tcp.listen(0, 0, 0, 0, 80, 4, only);
        p.inject('S');
        p.expect(only && !v6 ? 'RA' : 'SA');
      }
    }
  });

  test('one on another address of ours does not take it', () => {
    const p = new Peer({ v6: true });
    p.listener = p.tcp.listen(...OURS4, 80, 4, false);
    p.inject('S');
    p.expect('RA');
  });

  test('two cannot share a port where both would take the same segment', () => {
    const { tcp } = new Probe().stack;
    assert.ok(tcp.listen(...OURS4, 80, 4, false) > 0);
    assert.equal(tcp.listen(...OURS4, 80, 4, false), -EADDRINUSE);
    assert.equal(tcp.listen(...ANY4, 80, 4, false), -EADDRINUSE);
    assert.equal(tcp.listen(0, 0, 0, 0, 80, 4, false), -EADDRINUSE);
    assert.ok(tcp.listen(0, 0, 0, 0, 80, 4, true) > 0);
    assert.equal(tcp.listen(0xfd000000 | 0, 0, 0, 1, 80, 4, false), -EADDRINUSE);
    assert.ok(tcp.listen(...ANY4, 81, 4, false) > 0);
    assert.ok(tcp.listen(0, 0, 0, 0, 81, 4, true) > 0);
    assert.equal(tcp.listen(0, 0, 0, 0, 81, 4, false), -EADDRINUSE);
  });

  test('port 0 gets a free one of the dynamic range', () => {
    const p = new Peer({ settings: { portFirst: 50_000, portLast: 50_002 } });
    const ports = [1, 2, 3].map(() => {
      p.h = p.tcp.listen(0, 0, 0, 0, 0, 4, false);
      return p.endpoints().localPort;
    });
    assert.deepEqual(ports.sort(), [50_000, 50_001, 50_002]);
    assert.equal(p.tcp.listen(0, 0, 0, 0, 0, 4, false), -EADDRINUSE);
  });
});

test('connections take over the options of their listener', () => {
  const p = new Peer();
  p.listen();
  const options: [number, number][] = [
    [OPT_NODELAY, 1],
    [OPT_KEEPALIVE, 1],
    [OPT_KEEPIDLE, 5 * SECOND],
    [OPT_KEEPCNT, 2],
    [OPT_RCVBUF, 20_000],
    [OPT_TTL, 7],
    [OPT_TOS, 0x20],
  ];
  for (const [option, value] of options) assert.equal(p.tcp.set(p.listener, option, value), 0);
  p.inject('S', { mss: 1460 });
  const synAck = p.expect('SA', { win: 20_000 });
  assert.deepEqual([synAck.ttl, synAck.tos], [7, 0x20]);
  p.inject('A');
  p.accept();
  for (const [option, value] of options) assert.equal(p.tcp.get(p.h, option), value);
  p.advance(5 * SECOND);
  p.expect('A', { seq: 0, ack: 1 });
});

test('a SYN when no row is free is dropped; connections in TIME-WAIT make way first', () => {
  const p = new Peer({ settings: { tcpRows: 3 } });
  p.listen();
  open(p);
  p.accept();
  const second = open(another(p, 2));
  second.accept();
  const third = another(p, 3);
  third.inject('S', { seq: 0 });
  third.expectNothing();
  second.close();
  second.expect('FA');
  second.inject('FA');
  second.expect('A');
  third.inject('S', { seq: 0 });
  third.expect('SA');
});
