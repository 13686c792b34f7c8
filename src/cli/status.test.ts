// Tests of the status line, with a terminal of our own.
// Run by node:test; calls status.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatStatus, type Sample, StatusLine } from './status.ts';

const zero: Sample = { connections: 0, requests: 0, received: 0, sent: 0, drops: 0 };

/** A terminal that shows its last line as a screen would. */
function terminal(
  isTTY: boolean,
  columns = 200,
): { isTTY: boolean; columns: number; text: string; line(): string; write(text: string): void } {
  return {
    isTTY,
    columns,
    text: '',
    write(text) {
      this.text += text;
    },
    line() {
      return this.text.split('\n').pop()!.split('\r\x1b[K').pop()!;
    },
  };
}

describe('status line', () => {
  test('shows connections, rates, requests and drops', () => {
    const now: Sample = { connections: 12, requests: 1500, received: 200_000, sent: 50_000_000, drops: 3 };
    assert.equal(
      formatStatus(now, { ...zero, requests: 500, received: 100_000 }, 2),
      '12 connections   in 50 kB/s   out 25 MB/s   500 requests/s (1.5k)   3 dropped',
    );
    assert.equal(
      formatStatus({ ...zero, connections: 1, received: undefined, drops: undefined }, zero, 0),
      '1 connection   out 0 B/s   0 requests/s (0)',
    );
  });

  test('is silent where there is no terminal', () => {
    const out = terminal(false);
    const status = new StatusLine(out, () => zero);
    status.start();
    status.draw();
    let printed = false;
    status.around(() => {
      printed = true;
    });
    status.stop();
    assert.equal(out.text, '');
    assert.ok(printed);
  });

  test('is drawn over itself, and its rates are those since it was drawn last', () => {
    const out = terminal(true);
    let at = 0;
    let sent = 0;
    const status = new StatusLine(
      out,
      () => ({ ...zero, sent }),
      () => at,
    );
    status.start();
    assert.match(out.line(), /^0 connections/);
    at = 500;
    sent = 1000;
    status.draw();
    assert.match(out.line(), /out 2\.0 kB\/s/);
    at = 1500;
    status.draw();
    assert.match(out.line(), /out 0 B\/s/);
    assert.equal(out.text.includes('\n'), false);
    status.stop();
    assert.equal(out.line(), '');
  });

  test('makes way for other lines, and comes back below them', () => {
    const out = terminal(true);
    const status = new StatusLine(out, () => zero);
    status.start();
    status.around(() => out.write('a line\n'));
    assert.ok(out.text.includes('\r\x1b[Ka line\n'));
    assert.match(out.line(), /^0 connections/);
    status.stop();
    status.around(() => out.write('the last line\n'));
    assert.ok(out.text.endsWith('\r\x1b[Kthe last line\n'));
  });

  test('never wraps', () => {
    const out = terminal(true, 20);
    const status = new StatusLine(out, () => zero);
    status.start();
    assert.equal(out.line().length, 19);
    status.stop();
  });
});
