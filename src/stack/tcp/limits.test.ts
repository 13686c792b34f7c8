// The limits that a user sets: user timeout, linger, FIN-WAIT-2, retransmissions of a SYN, unsent bytes, cork, window clamp, deferred
// accept; with what a program reads back.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EINVAL, ETIMEDOUT } from '../../base/errno.ts';
import * as F from './flags.ts';
import { Peer, type ProbeOptions } from './probe.test-support.ts';

const SECOND = 1_000_000;

function established(o: ProbeOptions = {}): Peer {
  return new Peer(o).establish({ mss: 1460 });
}

function set(p: Peer, option: number, value: number): void {
  assert.equal(p.tcp.set(p.h, option, value), 0);
}

describe('the user timeout (RFC 9293 section 3.8.3, RFC 5482)', () => {
  test('ends a connection whose text has not been acknowledged for so long, to the millisecond', () => {
    const p = established();
    set(p, F.OPT_USER_TIMEOUT, 5 * SECOND);
    p.write('x');
    p.advance(5 * SECOND - 1);
    assert.equal(p.state, 'ESTABLISHED');
    p.advance(1);
    assert.equal(p.state, 'CLOSED');
    assert.equal(p.tcp.error(p.h), ETIMEDOUT);
  });

  test('takes the place of the number of retransmissions, also where it is longer', () => {
    const p = established({ settings: { tcpRetries: 2 } });
    set(p, F.OPT_USER_TIMEOUT, 60 * SECOND);
    p.write('x');
    p.advance(59 * SECOND);
    assert.equal(p.state, 'ESTABLISHED');
    p.advance(1 * SECOND);
    assert.equal(p.state, 'CLOSED');
  });

  test('begins anew with every ACK of new text', () => {
    const p = established();
    set(p, F.OPT_USER_TIMEOUT, 5 * SECOND);
    for (let n = 0; n < 4; n++) {
      p.write('x');
      p.advance(4 * SECOND);
      p.take();
      p.inject('A');
    }
    assert.equal(p.state, 'ESTABLISHED');
  });

  test('is that of the stack unless the socket has its own', () => {
    const p = established({ settings: { tcpUserTimeout: 3 * SECOND } });
    assert.equal(p.tcp.get(p.h, F.OPT_USER_TIMEOUT), 3 * SECOND);
    p.write('x');
    p.advance(3 * SECOND);
    assert.equal(p.state, 'CLOSED');
  });

  test('ends a connection whose window stays closed, though the peer answers every probe', () => {
    const p = established();
    set(p, F.OPT_USER_TIMEOUT, 10 * SECOND);
    p.inject('A', { win: 0 });
    p.write('x');
    for (let n = 0; n < 100; n++) {
      assert.equal(p.state, 'ESTABLISHED', `${n / 10} s`);
      p.advance(SECOND / 10);
      if (p.take().length > 0) p.inject('A', { win: 0 });
    }
    assert.equal(p.state, 'CLOSED');
    assert.equal(p.tcp.error(p.h), ETIMEDOUT);
  });

  test('without it such a connection lives (section 3.8.6.1)', () => {
    const p = established();
    p.inject('A', { win: 0 });
    p.write('x');
    for (let n = 0; n < 600; n++) {
      p.advance(10 * SECOND);
      if (p.take().length > 0) p.inject('A', { win: 0 });
    }
    assert.equal(p.state, 'ESTABLISHED');
  });

  test('decides over keepalive instead of the number of probes; the peer gets a reset', () => {
    const p = established();
    set(p, F.OPT_KEEPALIVE, 1);
    set(p, F.OPT_KEEPIDLE, 10 * SECOND);
    set(p, F.OPT_KEEPINTVL, 3 * SECOND);
    set(p, F.OPT_KEEPCNT, 2);
    set(p, F.OPT_USER_TIMEOUT, 25 * SECOND);
    p.advance(25 * SECOND - 1);
    assert.deepEqual(
      p.take().map((s) => s.flags),
      ['A', 'A', 'A', 'A', 'A'],
    );
    p.advance(1);
    p.expect('RA');
    assert.equal(p.tcp.error(p.h), ETIMEDOUT);
  });

  test('a SYN is given up after the sooner of it and OPT_SYNCNT', () => {
    for (const [timeout, count, ends] of [
      [0, 1, 3],
      [2, 6, 2],
      [60, 2, 7],
    ] as const) {
      const p = new Peer();
      p.connect();
      set(p, F.OPT_SYNCNT, count);
      set(p, F.OPT_USER_TIMEOUT, timeout * SECOND);
      p.advance(ends * SECOND - 1);
      assert.equal(p.state, 'SYN-SENT', `${timeout} ${count}`);
      p.advance(1);
      assert.equal(p.state, 'CLOSED', `${timeout} ${count}`);
    }
  });
});

describe('linger', () => {
  test('close() stays graceful; when the time is over a reset ends what is left', () => {
    const p = established();
    set(p, F.OPT_LINGER, 3 * SECOND);
    p.write('x');
    p.expect('A', { data: 'x' });
    p.close();
    p.expect('FA', { seq: 2 });
    p.advance(3 * SECOND - 1);
    p.take();
    p.advance(1);
    p.expect('RA');
    p.closeListener();
    p.probe.assertClean();
  });

  test('does not touch a close that goes well', () => {
    const p = established();
    set(p, F.OPT_LINGER, 3 * SECOND);
    p.close();
    p.expect('FA');
    p.inject('A');
    p.advance(4 * SECOND);
    p.expectNothing();
    p.inject('FA');
    p.expect('A');
    p.advance(30 * SECOND);
    p.expectNothing();
    assert.equal(p.tcp.used, 2, 'TIME-WAIT');
  });

  test('without it a close waits for as long as the text is sent again', () => {
    const p = established();
    p.write('x');
    p.close();
    p.advance(100 * SECOND);
    assert.ok(p.take().every((s) => !s.flags.includes('R')));
  });
});

test('OPT_LINGER2: how long FIN-WAIT-2 lasts after close()', () => {
  const p = established();
  set(p, F.OPT_LINGER2, 5 * SECOND);
  p.close();
  p.expect('FA');
  p.inject('A');
  p.closeListener();
  p.advance(5 * SECOND - 1);
  assert.equal(p.tcp.used, 1);
  p.advance(1);
  p.probe.assertClean();
});

describe('OPT_NOTSENT_LOWAT', () => {
  test('the user may write while less than that is unsent, and is told when half of it is left', () => {
    const p = established();
    set(p, F.OPT_NOTSENT_LOWAT, 7 * 1460);
    assert.equal(p.write(100_000), 7 * 1460, 'nothing was in flight yet');
    assert.equal(p.tcp.info(p.h)!.unsent, 0);
    assert.equal(p.ready() & F.READY_WRITE, F.READY_WRITE);
    assert.equal(p.write(100_000), 7 * 1460);
    assert.equal(p.tcp.info(p.h)!.unsent, 4 * 1460);
    assert.equal(p.ready() & F.READY_WRITE, 0, 'more than half waits');
    assert.equal(p.tcp.writable(p.h), 3 * 1460);
    p.take();
    p.inject('A', { ack: 2921 });
    p.take();
    assert.equal(p.ready() & F.READY_WRITE, F.READY_WRITE);
  });

  test('is that of the stack unless the socket has its own; 0: only the buffer counts', () => {
    const p = established({ settings: { tcpNotsentLowat: 5000 } });
    assert.equal(p.tcp.get(p.h, F.OPT_NOTSENT_LOWAT), 5000);
    set(p, F.OPT_NOTSENT_LOWAT, 0);
    assert.equal(p.write(100_000), 100_000);
  });
});

describe('OPT_CORK', () => {
  test('holds what is no full segment, 200 ms at most', () => {
    const p = established();
    set(p, F.OPT_CORK, 1);
    p.write(1460 + 100);
    p.expect('A', { length: 1460 });
    p.expectNothing();
    p.inject('A');
    p.advance(199_999);
    p.expectNothing();
    p.advance(1);
    p.expect('A', { seq: 1461, length: 100 });
  });

  test('and lets it go with what makes it full, without the option, or with a FIN; no Nagle in between', () => {
    const p = established();
    set(p, F.OPT_CORK, 1);
    set(p, F.OPT_NODELAY, 1);
    p.write(1000);
    p.write(460);
    p.expect('A', { length: 1460 });
    p.write(10);
    p.expectNothing();
    set(p, F.OPT_CORK, 0);
    p.probe.settle();
    p.expect('A', { length: 10 });
    set(p, F.OPT_CORK, 1);
    p.write(10);
    p.shutdown();
    p.expect('FA', { length: 10 });
  });
});

describe('OPT_DEFER_ACCEPT', () => {
  function deferring(us: number): Peer {
    const p = new Peer();
    p.listen();
    assert.equal(p.tcp.set(p.listener, F.OPT_DEFER_ACCEPT, us), 0);
    p.inject('S', { mss: 1460 });
    p.expect('SA');
    p.inject('A');
    return p;
  }

  test('a connection is accepted with its first text, not before', () => {
    const p = deferring(7 * SECOND);
    assert.equal(p.accept(), 0);
    p.advance(5 * SECOND);
    p.expectNothing();
    p.inject('A', { data: 'GET' });
    assert.ok(p.accept() > 0);
    assert.equal(p.readText(), 'GET');
  });

  test('or, without any, when the time is over: the SYN-ACK goes again, and its ACK counts', () => {
    const p = deferring(7 * SECOND);
    p.advance(7 * SECOND - 1);
    p.expectNothing();
    p.advance(1);
    p.expect('SA', { seq: 0 });
    p.inject('A');
    assert.ok(p.accept() > 0);
  });

  test('a FIN counts like text', () => {
    const p = deferring(7 * SECOND);
    p.inject('FA');
    assert.ok(p.accept() > 0);
    assert.equal(p.read(), 0);
  });
});

test('OPT_WINDOW_CLAMP bounds the window that is offered', () => {
  const p = established();
  set(p, F.OPT_WINDOW_CLAMP, 5000);
  p.inject('A', { data: 1460 });
  p.inject('A', { data: 1460 });
  const offered = p.expect('A');
  assert.equal(offered.ack, 2921);
  assert.ok(p.tcp.info(p.h)!.receiveWindow <= 65535 - 2920, 'what was promised is kept');
  for (let n = 0; n < 40; n++) {
    p.inject('A', { data: 1460 });
    p.inject('A', { data: 1460 });
    p.read();
    p.take();
  }
  const { receiveWindow } = p.tcp.info(p.h)!;
  assert.ok(receiveWindow > 2000 && receiveWindow <= 5000, `${receiveWindow}`);
});

describe('what is set is read back', () => {
  for (const [name, option, value, reads] of [
    ['USER_TIMEOUT', F.OPT_USER_TIMEOUT, 3_000_000, 3_000_000],
    ['USER_TIMEOUT, in whole ms', F.OPT_USER_TIMEOUT, 1500.5, 2000],
    ['LINGER', F.OPT_LINGER, 2_000_000, 2_000_000],
    ['NOTSENT_LOWAT', F.OPT_NOTSENT_LOWAT, 16384, 16384],
    ['CORK', F.OPT_CORK, 5, 1],
    ['SYNCNT', F.OPT_SYNCNT, 3, 3],
    ['LINGER2', F.OPT_LINGER2, 5_000_000, 5_000_000],
    ['LINGER2, at most two minutes', F.OPT_LINGER2, 500_000_000, 120_000_000],
    ['LINGER2, 0: the default', F.OPT_LINGER2, 0, 60_000_000],
    ['DEFER_ACCEPT 1', F.OPT_DEFER_ACCEPT, 1_000_000, 1_000_000],
    ['DEFER_ACCEPT 2', F.OPT_DEFER_ACCEPT, 2_000_000, 3_000_000],
    ['DEFER_ACCEPT 7', F.OPT_DEFER_ACCEPT, 7_000_000, 7_000_000],
    ['DEFER_ACCEPT 8', F.OPT_DEFER_ACCEPT, 8_000_000, 15_000_000],
    ['DEFER_ACCEPT 0', F.OPT_DEFER_ACCEPT, 0, 0],
    ['WINDOW_CLAMP', F.OPT_WINDOW_CLAMP, 30_000, 30_000],
    ['WINDOW_CLAMP, not below 1152', F.OPT_WINDOW_CLAMP, 1, 1152],
  ] as const) {
    test(name, () => {
      const p = established();
      set(p, option, value);
      assert.equal(p.tcp.get(p.h, option), reads);
      set(p, option, reads);
      assert.equal(p.tcp.get(p.h, option), reads, 'again');
    });
  }

  test('and what cannot be is EINVAL', () => {
    const p = established();
    for (const [option, value] of [
      [F.OPT_SYNCNT, 0],
      [F.OPT_SYNCNT, 128],
      [F.OPT_WINDOW_CLAMP, 0],
      [F.OPT_USER_TIMEOUT, -1],
      [F.OPT_LINGER, Number.NaN],
    ] as const) {
      assert.equal(p.tcp.set(p.h, option, value), -EINVAL);
    }
  });

  test('by connections what their listener was told', () => {
    const p = new Peer();
    p.listen();
    const told = [
      [F.OPT_USER_TIMEOUT, 3_000_000],
      [F.OPT_LINGER, 4_000_000],
      [F.OPT_NOTSENT_LOWAT, 9999],
      [F.OPT_CORK, 1],
      [F.OPT_LINGER2, 5_000_000],
      [F.OPT_WINDOW_CLAMP, 30_000],
    ] as const;
    for (const [option, value] of told) assert.equal(p.tcp.set(p.listener, option, value), 0);
    p.establish();
    for (const [option, value] of told) assert.equal(p.tcp.get(p.h, option), value);
  });
});
