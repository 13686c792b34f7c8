// SYN cookies: when they are sent, what they keep, which ACKs bring them back (RFC 4987 section 3.6), and that SYNs take nothing.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Peer, Probe, type ProbeOptions } from './probe.test-support.ts';
import type { Fields } from './segments.test-support.ts';

const SECOND = 1_000_000;
const ALWAYS: ProbeOptions = { settings: { tcpSynCookies: 2 } };

/** Options of a SYN: MSS, SACK-permitted, timestamps, window scale, as bytes. */
function synOptions(mss: number, ws: number, ts: number): Fields {
  const be = (v: number): number[] => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255];
  return { raw: [2, 4, mss >> 8, mss & 255, 4, 2, 8, 10, ...be(ts), 0, 0, 0, 0, 1, 3, 3, ws] };
}

/** A handshake by cookie, up to the peer's ACK. */
function handshake(p: Peer, f: Fields = { mss: 1460 }, ack: Fields = {}): Peer {
  if (p.listener === 0) p.listen();
  p.inject('S', f);
  p.expect('SA', { seq: 0, ack: 1 });
  p.inject('A', ack);
  return p;
}

for (const v6 of [false, true]) {
  describe(`over IPv${v6 ? 6 : 4}`, () => {
    test('a SYN takes no row; the ACK of its cookie makes a connection, which carries text both ways', () => {
      const p = new Peer({ ...ALWAYS, v6 });
      p.listen();
      p.inject('S', { mss: 1460 });
      p.expect('SA', { seq: 0, ack: 1, win: 65535 });
      assert.equal(p.tcp.used, 1);
      p.inject('A', { data: 'hello' });
      assert.ok(p.accept() > 0);
      assert.equal(p.readText(), 'hello');
      p.write('you, too');
      p.expect('A', { seq: 1, ack: 6, data: 'you, too' });
      p.inject('A');
      p.abort();
      p.closeListener();
      p.take();
      p.probe.assertClean();
    });

    test('MSS, window scale, SACK and timestamps are kept where the peer has timestamps', () => {
      const p = new Peer({ v6, settings: { tcpSynCookies: 2, tcpSack: true } });
      p.ts = 5000;
      p.listen();
      p.inject('S', synOptions(1460, 9, 5000));
      const sa = p.expect('SA', { ack: 1 });
      assert.equal(sa.tsEcr, 5000);
      assert.equal(sa.sackOK, true);
      assert.ok(sa.ws !== undefined && sa.ws >= 0);
      p.inject('A', { win: 100 });
      assert.ok(p.accept() > 0);
      const info = p.tcp.info(p.h)!;
      assert.equal(info.sendWindow, 100 << 9);
      assert.equal(info.mss, (v6 ? 1440 : 1460) - 12);
      assert.equal(info.sack, true);
      assert.equal(info.timestamps, true);
      p.write('x');
      const first = p.expect('A', { data: 'x' });
      assert.ok(((first.tsVal! - sa.tsVal!) | 0) >= 0, 'TSval does not go back');
    });
  });
}

describe('what is kept', () => {
  for (const [mss, kept] of [
    [1460, 1460],
    [1459, 1452],
    [1400, 1360],
    [9000, 1460],
    [600, 536],
    [100, 64],
    [undefined, 536],
  ] as const) {
    test(`an MSS of ${mss ?? 'none'} becomes ${kept}`, () => {
      const p = handshake(new Peer(ALWAYS), mss === undefined ? {} : { mss });
      assert.ok(p.accept() > 0);
      assert.equal(p.tcp.info(p.h)!.mss, kept);
    });
  }

  test('without timestamps there is neither window scale nor SACK, in the SYN-ACK nor after', () => {
    const p = new Peer({ settings: { tcpSynCookies: 2, tcpSack: true } });
    p.listen();
    p.inject('S', { mss: 1460, ws: 7 });
    const sa = p.expect('SA');
    assert.deepEqual([sa.ws, sa.sackOK, sa.tsVal], [undefined, false, undefined]);
    p.inject('A', { win: 1000 });
    assert.ok(p.accept() > 0);
    assert.equal(p.tcp.info(p.h)!.sendWindow, 1000);
  });

  test('a scale that the peer has not offered is not made up', () => {
    const p = new Peer(ALWAYS);
    p.ts = 5000;
    p.listen();
    p.inject('S', { mss: 1460 });
    assert.equal(p.expect('SA').ws, undefined);
    p.inject('A', { win: 1000 });
    assert.ok(p.accept() > 0);
    assert.equal(p.tcp.info(p.h)!.sendWindow, 1000);
  });
});

test('TSval never goes back behind that of the cookie', () => {
  const p = new Peer(ALWAYS);
  p.listen();
  for (let n = 0; n < 70; n++) {
    const q = new Peer(p.probe, 100 + n);
    q.ts = 5000;
    q.inject('S', synOptions(1460, 14, 5000));
    const { tsVal } = q.expect('SA');
    q.inject('A');
    q.h = p.accept();
    q.write('x');
    const next = q.expect('A');
    assert.ok(((next.tsVal! - tsVal!) | 0) >= 0 && ((next.tsVal! - tsVal!) | 0) < 128);
    q.abort();
    p.advance(7000);
  }
});

describe('the ACK', () => {
  test('is good for the rest of a period of 64 s and the next one, then it is answered by a reset', () => {
    for (const [wait, good] of [
      [64, true],
      [129, false],
    ] as const) {
      const p = new Peer(ALWAYS);
      p.listen();
      p.inject('S', { mss: 1460 });
      p.expect('SA');
      const keep = new Peer(p.probe, 77);
      p.advance((wait - 20) * SECOND);
      keep.inject('S', { mss: 1460 }); // cookies are still being sent
      p.advance(20 * SECOND);
      p.inject('A');
      assert.equal(p.accept() > 0, good, `${wait} s`);
      if (!good) p.expect('R', { seq: 1 });
    }
  });

  test('with any other number is none: of 100,000 guesses not one makes a connection', () => {
    const p = new Peer({ ...ALWAYS, summed: false });
    p.listen();
    p.inject('S', { mss: 1460 });
    p.expect('SA');
    for (let n = 1; n <= 100_000; n++) {
      p.probe.deliver(p.packet('A', { seq: 1, ack: 1 + n * 8 }));
      p.probe.sent.length = 0;
    }
    assert.equal(p.accept(), 0);
    assert.equal(p.tcp.used, 1);
    assert.equal(p.probe.stack.core.counters.get('tcp_cookies_failed'), 100_000);
  });

  test('from another port, or for another initial number, is none', () => {
    const p = new Peer(ALWAYS);
    p.listen();
    p.inject('S', { mss: 1460 });
    p.expect('SA');
    p.inject('A', { seq: 2 });
    p.expect('R', { seq: 1 });
    const q = new Peer(p.probe, 5556);
    q.stackIss = p.stackIss;
    q.seq = 1;
    q.inject('A', { ack: 1 });
    q.expect('R');
    assert.equal(p.accept(), 0);
  });

  test('is not looked at when none was sent lately', () => {
    const p = new Peer();
    p.listen();
    p.inject('A', { seq: 1, ack: 1 });
    p.expect('R');
    assert.equal(p.probe.stack.core.counters.get('tcp_cookies_failed'), 0);
  });

  test('may be lost: text is enough, also that which comes again after later text', () => {
    const p = new Peer(ALWAYS);
    p.listen();
    p.inject('S', { mss: 1460 });
    p.expect('SA');
    p.inject('A', { seq: 4, data: 'def' });
    p.expectNothing();
    p.inject('A', { seq: 1, data: 'abc' });
    assert.ok(p.accept() > 0);
    assert.equal(p.readText(), 'abc');
  });
});

describe('with the setting 1', () => {
  test('cookies go out when the backlog is full, and who answers is accepted before those who do not', () => {
    const p = new Peer();
    p.listen(2);
    for (const port of [1, 2]) {
      const silent = new Peer(p.probe, port);
      silent.inject('S', { mss: 1460 });
      silent.expect('SA');
    }
    assert.equal(p.tcp.used, 3);
    handshake(p);
    assert.equal(p.tcp.used, 4);
    assert.ok(p.accept() > 0);
    assert.equal(p.endpoints().remotePort, p.port);
  });

  test('also when all listeners together have tcpMaxHalfOpen', () => {
    const p = new Peer({ settings: { tcpMaxHalfOpen: 1 } });
    p.listen(100);
    const silent = new Peer(p.probe, 1);
    silent.inject('S');
    silent.expect('SA');
    p.inject('S', { mss: 1460 });
    p.expect('SA');
    assert.equal(p.tcp.used, 2);
    p.inject('A');
    assert.ok(p.accept() > 0);
  });

  test('a full accept queue takes no ACK, in silence: neither a cookie’s nor another’s; they come again (tcp_abort_on_overflow 0)', () => {
    const p = new Peer();
    p.listen(1);
    const slow = new Peer(p.probe, 1);
    slow.inject('S', { mss: 1460 });
    slow.expect('SA');
    const cookies = [2, 3].map((port) => new Peer(p.probe, port));
    for (const q of cookies) {
      q.inject('S', { mss: 1460 });
      q.expect('SA');
    }
    cookies[0]!.inject('A');
    for (const q of [slow, cookies[1]!]) {
      q.inject('A', { seq: 1 });
      q.expectNothing();
    }
    const late = new Peer(p.probe, 4);
    late.inject('S', { mss: 1460 });
    late.expectNothing();
    assert.equal(p.tcp.used, 3, 'one accepted, one half open');
    assert.ok(p.accept() > 0);
    cookies[1]!.inject('A', { seq: 1 });
    assert.ok(p.accept() > 0);
    p.advance(1 * SECOND);
    slow.expect('SA'); // its SYN-ACK again, since its ACK was not taken
    slow.inject('A', { seq: 1 });
    assert.ok(p.accept() > 0);
  });

  test('a SYN for a connection in TIME-WAIT gets no cookie, whose number could lie before the old one’s', () => {
    const p = new Peer();
    p.listen(1);
    p.establish();
    p.close();
    p.expect('FA');
    p.inject('FA');
    p.expect('A');
    const silent = new Peer(p.probe, 1);
    silent.inject('S');
    silent.expect('SA');
    p.inject('S', { seq: 9000, mss: 1460 });
    p.expect('A', { seq: 2, ack: 2 });
    silent.inject('R');
    p.advance(SECOND);
    p.inject('S', { seq: 9000, mss: 1460 });
    p.expect('SA', { ack: 9001 });
    assert.equal(p.tcp.used, 2);
    const always = handshake(new Peer(ALWAYS));
    always.accept();
    always.close();
    always.expect('FA');
    always.inject('FA');
    always.expect('A');
    always.inject('S', { seq: 9000, mss: 1460 });
    always.expect('SA', { ack: 9001 });
    assert.equal(always.tcp.used, 2, 'a row, and no TIME-WAIT');
  });
});

test('with the setting 0 what is beyond the backlog gets no answer', () => {
  const p = new Peer({ settings: { tcpSynCookies: 0 } });
  p.listen(1);
  new Peer(p.probe, 1).inject('S');
  p.inject('S');
  p.expectNothing();
});

test('a flood of SYNs takes rows up to the backlog and not a byte more; a download goes on and new clients come in', () => {
  const probe = new Probe({ summed: false });
  const p = new Peer(probe, 9);
  p.listen(64);
  p.establish();
  const { tcp, core } = probe.stack;
  const frames = core.frames.used;
  let got = 0;
  const flood = new Peer(probe, 1);
  for (let n = 0; n < 300; n++) {
    const burst = Array.from({ length: 100 }, (_, i) => {
      const q = new Peer(probe, 1024 + ((n * 100 + i) % 60_000), n * 7919 + i);
      return q.packet('S', { mss: 1460 });
    });
    p.write(1460 * 4);
    probe.deliver(...burst);
    p.advance(1000);
    got += p.take().reduce((sum, s) => sum + s.data.length, 0);
    p.inject('A');
    if (n % 30 === 29) {
      const client = new Peer(probe, 60_000 + n);
      client.listener = p.listener;
      client.inject('S', { mss: 1460 });
      client.expect('SA');
      client.inject('A');
      assert.ok(client.accept() > 0, `client of round ${n}`);
      client.abort();
    }
    probe.sent.length = 0;
  }
  assert.ok(got >= 290 * 1460 * 4, `${got} bytes`);
  assert.ok(tcp.used <= 2 + 64, `${tcp.used} rows`);
  assert.equal(core.frames.used, frames);
  assert.ok(core.counters.get('tcp_cookies_sent') > 29_000);
  assert.equal(flood.tcp, tcp);
});
