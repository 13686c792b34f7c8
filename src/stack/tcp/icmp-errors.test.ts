// ICMP errors about our segments: which end a connection, which are remembered, which are not ours (RFC 9293 section 3.9.2.2, RFC 5927).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT } from '../../base/errno.ts';
import { Peer } from './probe.test-support.ts';

const SECOND = 1_000_000;
const HARD: Record<4 | 6, [type: number, code: number]> = { 4: [3, 3], 6: [1, 4] }; // port unreachable
const SOFT: Record<4 | 6, [type: number, code: number]> = { 4: [3, 1], 6: [1, 3] }; // host unreachable

for (const version of [4, 6] as const) {
  const v6 = version === 6;
  describe(`over IPv${version}`, () => {
    test('a hard error refuses a connection that is being opened', () => {
      const p = new Peer({ v6 });
      p.connect();
      p.icmp(...HARD[version], { seq: 0 });
      assert.equal(p.state, 'CLOSED');
      assert.equal(p.tcp.error(p.h), ECONNREFUSED);
      p.close();
      p.probe.assertClean();
    });

    test('a soft one does not (MUST-56); it is what a timeout says in the end', () => {
      const p = new Peer({ v6 });
      p.connect();
      p.icmp(...SOFT[version], { seq: 0 });
      assert.equal(p.state, 'SYN-SENT');
      p.advance(200 * SECOND);
      assert.equal(p.tcp.error(p.h), EHOSTUNREACH);
    });

    test('neither ends an established connection (RFC 5927 section 6.1)', () => {
      const p = new Peer({ v6 }).establish();
      p.write('x');
      p.expect('A');
      p.icmp(...HARD[version], { seq: 1 });
      p.icmp(...SOFT[version], { seq: 1 });
      assert.equal(p.state, 'ESTABLISHED');
      p.inject('A');
      p.write('y');
      p.advance(2000 * SECOND);
      assert.equal(p.tcp.error(p.h), ETIMEDOUT, 'an ACK since has shown that it passed');
    });

    test('one about a number that is not in flight is nobody’s (RFC 5927 section 4.1)', () => {
      for (const seq of [-1, 1, 12345, 2 ** 31]) {
        const p = new Peer({ v6 });
        p.connect();
        p.icmp(...HARD[version], { seq });
        assert.equal(p.state, 'SYN-SENT');
      }
    });

    test('one about a SYN-ACK frees the row and the place in the backlog', () => {
      const p = new Peer({ v6 });
      p.listen(1);
      p.inject('S');
      p.expect('SA');
      p.icmp(...HARD[version], { seq: 0 });
      assert.equal(p.tcp.used, 1);
      const q = new Peer(p.probe, 2);
      q.inject('S');
      q.expect('SA');
    });
  });
}

test('a source quench is ignored (MUST-55), and so is one about no connection', () => {
  const p = new Peer().establish();
  p.write('x');
  p.expect('A');
  p.icmp(4, 0, { seq: 1 });
  const q = new Peer(p.probe, 9999);
  q.icmp(3, 3, { seq: 0 });
  p.expectNothing();
  assert.equal(p.state, 'ESTABLISHED');
});
