// Tests of what ping prints, against the output of ping(8).
// Run by node:test; calls ping-report.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, PingReport } from './ping-report.ts';

const answer: Answer = { bytes: 64, source: '10.3.0.1', sequence: 1, ttl: 64, time: 123, duplicate: false, bad: -1 };

function report(v4 = true, quiet = false): { report: PingReport; lines: string[] } {
  const lines: string[] = [];
  return { report: new PingReport('gw', '10.3.0.1', 56, v4, quiet, (line) => lines.push(line)), lines };
}

describe('ping report', () => {
  test('reads like ping(8)', () => {
    const { report: r, lines } = report();
    r.begin();
    r.sent = 4;
    r.answer(answer);
    r.answer({ ...answer, sequence: 2, time: 2_345 });
    r.answer({ ...answer, sequence: 2, time: 34_567, duplicate: true });
    r.answer({ ...answer, sequence: 3, time: 456_789, bad: 7 });
    r.error(4, 'EHOSTUNREACH');
    r.end();
    assert.deepEqual(lines.slice(0, 8), [
      'PING gw (10.3.0.1) 56(84) bytes of data.',
      '64 bytes from 10.3.0.1: icmp_seq=1 ttl=64 time=0.123 ms',
      '64 bytes from 10.3.0.1: icmp_seq=2 ttl=64 time=2.35 ms',
      '64 bytes from 10.3.0.1: icmp_seq=2 ttl=64 time=34.6 ms (DUP!)',
      '64 bytes from 10.3.0.1: icmp_seq=3 ttl=64 time=457 ms (wrong data byte #7)',
      'ping: icmp_seq=4 Destination Host Unreachable',
      '',
      '--- gw ping statistics ---',
    ]);
    assert.match(
      lines[8]!,
      /^4 packets transmitted, 3 received, \+1 duplicates, \+1 corrupted, \+1 errors, 25% packet loss, time \d+ms$/,
    );
    assert.equal(lines[9], 'rtt min/avg/max/mdev = 0.123/123.456/456.789/192.932 ms');
    assert.equal(lines.length, 10);
  });

  test('without any answer there are no times', () => {
    const { report: r, lines } = report(false);
    r.begin();
    r.sent = 3;
    r.end();
    assert.equal(lines[0], 'PING gw (10.3.0.1) 56 data bytes');
    assert.match(lines[3]!, /^3 packets transmitted, 0 received, 100% packet loss, time \d+ms$/);
    assert.equal(lines.length, 4);
  });

  test('quiet: the statistics alone', () => {
    const { report: r, lines } = report(true, true);
    r.sent = 2;
    r.answer(answer);
    r.answer({ ...answer, time: Number.NaN });
    r.error(2, 'EHOSTUNREACH');
    assert.deepEqual(lines, []);
    r.end();
    assert.equal(lines.length, 4);
  });
});
