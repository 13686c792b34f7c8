// Tests of the access log: formats, what clients may try to put into it, and a stream that does not keep up.
// Run by node:test; calls log.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AccessLog, formatCombined, formatJson, type LogEntry } from './log.ts';

const entry: LogEntry = {
  time: Date.UTC(2000, 9, 10, 13, 55, 36, 7),
  duration: 12.34567,
  remoteAddress: '192.0.2.1',
  remotePort: 50000,
  method: 'GET',
  target: '/a?b',
  version: '1.1',
  status: 200,
  bytes: 2326,
  aborted: false,
  tls: false,
  host: 'example.org',
  referer: 'http://example.com/start.html',
  userAgent: 'curl/8',
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('access log', () => {
  test('combined is what Apache writes', () => {
    assert.equal(
      formatCombined(entry),
      '192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a?b HTTP/1.1" 200 2326 "http://example.com/start.html" "curl/8"',
    );
    assert.equal(
      formatCombined({ ...entry, bytes: 0, status: 304, referer: undefined, userAgent: '' }),
      '192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a?b HTTP/1.1" 304 - "-" "-"',
    );
    const unread = { ...entry, method: undefined, target: undefined, version: undefined, status: 400 };
    assert.match(formatCombined(unread), /\] "-" 400 /);
  });

  test('JSON has every fact by name', () => {
    assert.deepEqual(JSON.parse(formatJson({ ...entry, aborted: true, tls: true })), {
      time: '2000-10-10T13:55:36.007Z',
      remote: '192.0.2.1',
      port: 50000,
      method: 'GET',
      target: '/a?b',
      version: '1.1',
      status: 200,
      bytes: 2326,
      ms: 12.346,
      aborted: true,
      tls: true,
      host: 'example.org',
      referer: 'http://example.com/start.html',
      agent: 'curl/8',
    });
  });

  test('quotes, backslashes and control characters are escaped', () => {
    const line = formatCombined({ ...entry, userAgent: 'a"b\\c\r\nd\x1b[2Jé\x9b' });
    assert.ok(line.endsWith('"a\\"b\\\\c\\x0d\\x0ad\\x1b[2J\\xe9\\x9b"'), line);
    const json = formatJson({ ...entry, userAgent: '\x1b\x9b\u2028"' });
    assert.ok(json.includes('\\u001b\\u009b\\u2028\\"'), json);
  });

  test('no client can make a line that is not one line, printable, and the same number of fields', () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 });
    fc.assert(
      fc.property(text, text, text, text, (target, host, referer, userAgent) => {
        const hostile = { ...entry, target, host, referer, userAgent };
        const combined = formatCombined(hostile);
        assert.match(combined, /^[\x20-\x7e]+$/);
        assert.match(combined, /^\S+ - - \[[^\]]+\] "(?:[^"\\]|\\.)*" 200 2326 "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"$/);
        const json = formatJson(hostile);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        assert.doesNotMatch(json, /[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
        const back = JSON.parse(json);
        assert.deepEqual([back.target, back.host], [target, host]);
      }),
    );
  });

  test('lines of one turn are written together, in order', async () => {
    const writes: string[] = [];
    const log = new AccessLog('combined', { write: (text) => writes.push(text) > 0, once: () => {} });
    for (let i = 0; i < 3; i++) log.add({ ...entry, status: 200 + i });
    await turn();
    assert.equal(writes.length, 1);
    assert.deepEqual(writes[0]!.match(/" 20\d /g), ['" 200 ', '" 201 ', '" 202 ']);
  });

  test('a stream that does not keep up costs lines, not memory, and gets the rest when it drains', async () => {
    const writes: string[] = [];
    let drain: (() => void) | undefined;
    const log = new AccessLog('combined', {
      write: (text) => {
        writes.push(text);
        return writes.length > 1;
      },
      once: (_event, listener) => {
        drain = listener;
      },
    });
    log.add(entry);
    await turn();
    for (let i = 0; i < 20_000; i++) log.add(entry);
    await turn();
    assert.equal(writes.length, 1);
    assert.ok(log.dropped > 0);
    drain!();
    assert.equal(writes.length, 2);
    assert.ok(writes[1]!.length <= (1 << 20) + 200);
    assert.equal(writes.join('').split('\n').length - 1 + log.dropped, 20_001);
  });
});
