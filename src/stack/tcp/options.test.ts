// Options of a connection, and its snapshot for people.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EBADF, ECONNRESET, EINVAL, ENOTCONN } from '../../base/errno.ts';
import {
  OPT_KEEPALIVE,
  OPT_KEEPCNT,
  OPT_KEEPIDLE,
  OPT_KEEPINTVL,
  OPT_LINGER0,
  OPT_NODELAY,
  OPT_RCVBUF,
  OPT_SNDBUF,
  OPT_TOS,
  OPT_TTL,
} from './flags.ts';
import { Peer } from './probe.test-support.ts';
import { stateName } from './state.ts';

describe('options', () => {
  test('come back as they were set, within their bounds', () => {
    const p = new Peer().establish();
    for (const [option, value, read] of [
      [OPT_NODELAY, 1, 1],
      [OPT_NODELAY, 0, 0],
      [OPT_KEEPALIVE, 1, 1],
      [OPT_KEEPALIVE, 0, 0],
      [OPT_KEEPIDLE, 5_000_000, 5_000_000],
      [OPT_KEEPIDLE, 0, 1000],
      [OPT_KEEPINTVL, 2_000_000, 2_000_000],
      [OPT_KEEPCNT, 4, 4],
      [OPT_KEEPCNT, 1000, 127],
      [OPT_RCVBUF, 100_000, 100_000],
      [OPT_RCVBUF, 1, 4096],
      [OPT_SNDBUF, 2 ** 40, 1 << 30],
      [OPT_LINGER0, 1, 1],
      [OPT_TTL, 255, 255],
      [OPT_TOS, 0xb9, 0xb8],
    ] as const) {
      assert.equal(p.tcp.set(p.h, option, value), 0);
      assert.equal(p.tcp.get(p.h, option), read, `option ${option}`);
    }
  });

  test('that are none, or values that cannot be, are EINVAL', () => {
    const p = new Peer().establish();
    for (const [option, value] of [
      [OPT_TTL, 0],
      [OPT_TTL, 256],
      [OPT_TOS, 256],
      [OPT_RCVBUF, -1],
      [OPT_SNDBUF, Number.NaN],
      [OPT_KEEPIDLE, Number.POSITIVE_INFINITY],
      [99, 1],
    ] as const) {
      assert.equal(p.tcp.set(p.h, option, value), -EINVAL);
    }
    assert.equal(p.tcp.get(p.h, 99), -EINVAL);
  });

  test('TTL and the DSCP byte go into every packet, over both families', () => {
    for (const v6 of [false, true]) {
      const p = new Peer({ v6 }).establish();
      p.tcp.set(p.h, OPT_TTL, 3);
      p.tcp.set(p.h, OPT_TOS, 0x48);
      p.write('x');
      const s = p.expect('A');
      assert.deepEqual([s.ttl, s.tos], [3, 0x48]);
      p.abort();
      assert.equal(p.expect('RA').ttl, 3);
    }
  });
});

test('a void handle is answered with EBADF, zeros or null', () => {
  const p = new Peer().establish();
  p.abort();
  for (const h of [p.h, 0, -1, 12345, 2 ** 40]) {
    const { tcp } = p;
    const b = new Uint8Array(4);
    assert.deepEqual([tcp.set(h, OPT_NODELAY, 1), tcp.get(h, OPT_NODELAY), tcp.shutdown(h)], [-EBADF, -EBADF, -EBADF]);
    assert.deepEqual([tcp.read(h, b, 0, 4), tcp.write(h, b, 0, 4), tcp.accept(h)], [-EBADF, -EBADF, -EBADF]);
    assert.deepEqual([tcp.readable(h), tcp.writable(h), tcp.unacked(h), tcp.state(h)], [0, 0, 0, 0]);
    assert.equal(tcp.error(h), EBADF);
    assert.equal(tcp.info(h), null);
    assert.equal(tcp.endpoints(h, p.endpoints()), false);
    tcp.close(h);
    tcp.abort(h);
  }
});

test('a row used again has a handle of its own: the old one stays void', () => {
  const p = new Peer();
  p.connect();
  const old = p.h;
  p.abort();
  p.connect();
  assert.notEqual(p.h, old);
  assert.equal(p.tcp.state(old), 0);
  p.tcp.close(old);
  assert.equal(p.state, 'SYN-SENT');
});

test('once the error has been asked for, a dead connection still neither reads nor writes', () => {
  const p = new Peer().establish();
  p.inject('R');
  assert.equal(p.tcp.error(p.h), ECONNRESET);
  assert.equal(p.read(), -ENOTCONN);
  assert.equal(p.write('x'), -ECONNRESET);
});

test('info() says what goes on', () => {
  const p = new Peer().establish({ mss: 1000 });
  p.write(5000);
  p.inject('A', { ack: 1001 });
  p.inject('A', { data: 'unread' });
  p.inject('A', { seq: 100, data: 'ahead' });
  const { state, mss, pathMtu, unsent, inFlight, unread, outOfOrderRanges, bytesAcked, bytesReceived } = p.tcp.info(
    p.h,
  )!;
  assert.deepEqual(
    { state, mss, pathMtu, unsent, inFlight, unread, outOfOrderRanges, bytesAcked, bytesReceived },
    {
      state: 'ESTABLISHED',
      mss: 1000,
      pathMtu: 1500,
      unsent: 0,
      inFlight: 4000,
      unread: 6,
      outOfOrderRanges: 1,
      bytesAcked: 1000,
      bytesReceived: 6,
    },
  );
});

test('states have the RFC’s names', () => {
  assert.deepEqual([0, 1, 4, 10, 11].map(stateName), ['CLOSED', 'LISTEN', 'ESTABLISHED', 'TIME-WAIT', 'state 11']);
});
