// Tests of reading request targets: a table of attacks and oddities, and properties over random targets.
// Run by node:test; calls paths.ts.

import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readTarget, type Target } from './paths.ts';

function names(target: string): readonly string[] {
  const read = readTarget(target);
  assert.ok(typeof read !== 'number', `${target} was refused with ${read}`);
  return read.names;
}

describe('request targets', () => {
  const good: [target: string, names: string[], folder: boolean, path: string, query: string][] = [
    ['/', [], true, '/', ''],
    ['/index.html', ['index.html'], false, '/index.html', ''],
    ['/a/b/', ['a', 'b'], true, '/a/b', ''],
    ['/a?x=1&y=%2e%2e/../', ['a'], false, '/a', '?x=1&y=%2e%2e/../'],
    ['/?/..', [], true, '/', '?/..'],
    ['/a%20b', ['a b'], false, '/a%20b', ''],
    ['/%41', ['A'], false, '/A', ''],
    ['/%C3%BC.txt', ['\xc3\xbc.txt'], false, '/%C3%BC.txt', ''],
    ['/\xc3\xbc.txt', ['\xc3\xbc.txt'], false, '/%C3%BC.txt', ''],
    ['/ü\u0416', ['\xfc\u0416'].map((s) => Buffer.from(s).toString('latin1')), false, '/%C3%BC%D0%96', ''],
    ['/%ff', ['\xff'], false, '/%FF', ''],
    ['/a%3fb', ['a?b'], false, '/a%3Fb', ''],
    ['/%252e%252e/x', ['%2e%2e', 'x'], false, '/%252e%252e/x', ''],
    ['/a..b/c..', ['a..b', 'c..'], false, '/a..b/c..', ''],
    ['http://example.org/x', ['x'], false, '/x', ''],
    ['HTTPS://[::1]:443', [], true, '/', ''],
    ['http://example.org?q', [], true, '/', '?q'],
    ['/a:b', ['a:b'], false, '/a:b', ''],
    ['/x?"<>', ['x'], false, '/x', '?%22%3C%3E'],
  ];
  for (const [target, expected, folder, path, query] of good) {
    test(`${JSON.stringify(target)} names ${JSON.stringify(expected)}`, () => {
      const wanted: Target = { names: expected, folder, path, query };
      assert.deepEqual(readTarget(target), wanted);
    });
  }

  const absent = [
    '/..',
    '/../etc/passwd',
    '/a/../../etc/passwd',
    '/a/../b',
    '/%2e%2e/etc/passwd',
    '/%2E%2e/etc/passwd',
    '/.%2e/etc/passwd',
    '/%2e%2e%2fetc%2fpasswd',
    '/a%2f..%2f..%2fetc',
    '/..%5c..%5cetc',
    '/..\\..\\etc',
    '/a\\b',
    '/a%5cb',
    '/./a',
    '/.',
    '/%2e',
    '/.git/config',
    '/a/.env',
    '/%2eenv',
    '/a%00.html',
    '/%00',
    '//etc/passwd',
    '//evil.example/%2e%2e',
    '/a//b',
    '/a//',
    '/' + 'x'.repeat(256),
    '/' + 'x/'.repeat(2100),
    '/' + '%41'.repeat(4096),
    'http://example.org/../etc/passwd',
    'http://example.org//etc/passwd',
  ];
  for (const target of absent) {
    test(`${JSON.stringify(target.slice(0, 40))} names nothing`, () => assert.equal(readTarget(target), 404));
  }

  const malformed = [
    '',
    '*',
    'index.html',
    'example.org:80',
    'ftp://example.org/x',
    'file:///etc/passwd',
    'http:///x',
    '/%',
    '/%1',
    '/%zz',
    '/a%2',
    '/%2e%2e/%',
    '/%u002e',
    '/a#b',
    '/a b',
    '/a\tb',
    '/a\nb',
    '/a\0b',
    '/\x7f',
  ];
  for (const target of malformed) {
    test(`${JSON.stringify(target)} is malformed`, () => assert.equal(readTarget(target), 400));
  }

  const windows = [
    '/con',
    '/NUL.txt',
    '/com1',
    '/lpt\xb9.x',
    '/a.',
    '/a%20',
    '/x::$DATA',
    '/c:',
    '/a%3ab',
    '/a*',
    '/a%22',
  ];
  for (const target of windows) {
    test(`${target} names nothing on Windows, and a file elsewhere`, () => {
      assert.equal(readTarget(target, 'win32'), 404);
      assert.equal(typeof readTarget(target, 'linux'), 'object');
    });
  }

  test('whatever comes in, the names stay below the folder', () => {
    const piece = fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2E',
      '%2f',
      '%5c',
      '\\',
      '%00',
      '%25',
      '%',
      'a',
      'b',
      '?',
      '#',
      'é',
    );
    const target = fc.oneof(
      fc.array(piece, { maxLength: 24 }).map((parts) => '/' + parts.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(target, (text) => {
        const read = readTarget(text);
        if (typeof read === 'number') return read === 400 || read === 404;
        const path = posix.join('/root', ...read.names);
        assert.ok(path === '/root' || path.startsWith('/root/'), path);
        assert.equal(path, ['/root', ...read.names].join('/')); // nothing was there to normalise
        assert.match(read.path + read.query, /^\/(?!\/)[\x21-\x7e]*$/); // no header is split, no host is named
        return true;
      }),
      { numRuns: 3000 },
    );
  });

  test('every name of bytes can be asked for, and the path made anew means the same', () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 20 })
      .map((bytes) => Buffer.from(bytes).toString('latin1'))
      .filter((text) => !/^\.|[\0/\\]/.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (wanted) => {
        const target =
          '/' + wanted.map((n) => n.replace(/./gs, (c) => '%' + Buffer.from(c, 'latin1').toString('hex'))).join('/');
        const read = readTarget(target) as Target;
        assert.deepEqual(read.names, wanted);
        assert.deepEqual(names(read.path), wanted);
      }),
    );
  });
});
