// Tests of the served folder: what is opened and what never, under both ways of opening, and what tags say of content.
// Run by node:test; calls files.ts.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { entityTag, Folder, type Found, OpenFile, type OpenMethod } from './files.ts';
import { readTarget } from './paths.ts';

const base = mkdtempSync(join(tmpdir(), 'ring3-files-'));
chmodSync(base, 0o755);
after(() => rmSync(base, { recursive: true, force: true }));

const root = join(base, 'root');
mkdirSync(join(root, 'sub/empty'), { recursive: true });
mkdirSync(join(base, 'outside'));
mkdirSync(join(base, 'root-evil'));
const write = (path: string, text: string): void => writeFileSync(join(base, path), text);
write('outside/secret.txt', 'SECRET');
write('outside/index.html', 'SECRET');
write('root-evil/secret.txt', 'SECRET');
write('root/index.html', 'root index');
write('root/sub/index.html', 'sub index');
write('root/a.txt', 'a');
write('root/.hidden', 'SECRET');
writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'bytes');
symlinkSync('a.txt', join(root, 'inner'));
symlinkSync('../root/a.txt', join(root, 'round'));
symlinkSync('../outside/secret.txt', join(root, 'link'));
symlinkSync(join(base, 'outside/secret.txt'), join(root, 'absolute'));
symlinkSync('../outside', join(root, 'linkdir'));
symlinkSync('../root-evil', join(root, 'sibling'));
symlinkSync('..', join(root, 'up'));
symlinkSync('loop', join(root, 'loop'));
symlinkSync('nowhere', join(root, 'dangling'));
symlinkSync('/dev/zero', join(root, 'zero'));
symlinkSync('/proc/self/environ', join(root, 'environ'));
write('root/unreadable', 'SECRET');
chmodSync(join(root, 'unreadable'), 0);
execFileSync('mkfifo', [join(root, 'fifo')]);

async function find(folder: Folder, target: string): Promise<Found> {
  const read = readTarget(target);
  assert.ok(typeof read !== 'number');
  return folder.find(read);
}

async function content(found: Found): Promise<string> {
  if (!(found instanceof OpenFile)) return String(found);
  const buffer = Buffer.alloc(100);
  const n = await found.read(buffer, 100, 0);
  found.close();
  return buffer.toString('latin1', 0, n);
}

/** Descriptors of this process that name something in the test's folder. */
function openThere(): string[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // the one of this very listing
    }
  });
  return links.filter((link) => link.startsWith(base));
}

for (const method of ['o_path', 'identity'] as const satisfies OpenMethod[]) {
  describe(`folder, opened by ${method}`, { skip: process.platform !== 'linux' && 'needs Linux' }, () => {
    const folder = new Folder(root, ['index.html'], method);
    const table: [target: string, result: string][] = [
      ['/', 'root index'],
      ['/a.txt', 'a'],
      ['/index.html', 'root index'],
      ['/sub/', 'sub index'],
      ['/sub', 'redirect'],
      ['/sub/empty', 'null'],
      ['/sub/empty/', 'null'],
      ['/a.txt/', 'null'],
      ['/a.txt/x', 'null'],
      ['/nothing', 'null'],
      ['/inner', 'a'],
      ['/round', 'a'],
      ['/%ff%fe', 'bytes'],
      ['/link', 'null'],
      ['/absolute', 'null'],
      ['/linkdir/secret.txt', 'null'],
      ['/linkdir/', 'null'],
      ['/linkdir', 'null'],
      ['/sibling/secret.txt', 'null'],
      ['/up/outside/secret.txt', 'null'],
      ['/up/root/a.txt', 'a'],
      ['/loop', 'null'],
      ['/dangling', 'null'],
      ['/zero', 'null'],
      ['/environ', 'null'],
      ['/fifo', 'null'],
      ['/sub/index.html/', 'null'],
      [`/${'x'.repeat(255)}`, 'null'],
    ];
    for (const [target, result] of table) {
      test(`${target.slice(0, 30)} is ${result}`, async () => {
        assert.equal(await content(await find(folder, target)), result);
      });
    }

    test('a file that may not be read is not there', async () => {
      const root = process.geteuid?.() === 0; // who may read all
      if (root) process.seteuid?.(65534);
      try {
        assert.equal(await find(folder, '/unreadable'), null);
        assert.equal(await content(await find(folder, '/a.txt')), 'a');
      } finally {
        if (root) process.seteuid?.(0);
      }
    });

    test('a socket is not there', async () => {
      const server = createServer().listen(join(root, 'sock'));
      await new Promise((resolve) => server.once('listening', resolve));
      assert.equal(await find(folder, '/sock'), null);
      await new Promise((resolve) => server.close(resolve));
    });

    test('a link that is swapped all the time never leads outside', async () => {
      const at = join(root, 'swapped');
      const dir = join(root, 'swapdir');
      mkdirSync(join(root, 'real'), { recursive: true });
      writeFileSync(join(root, 'real/secret.txt'), 'a');
      const swap = (i: number): void => {
        symlinkSync(i % 2 ? '../outside/secret.txt' : 'a.txt', at + '.new');
        renameSync(at + '.new', at);
        symlinkSync(i % 2 ? '../outside' : 'real', dir + '.new');
        renameSync(dir + '.new', dir);
      };
      let swaps = 0;
      let stop = false;
      const swapper = (async () => {
        while (!stop) {
          swap(swaps++);
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const seen = new Set<string>();
      for (let i = 0; i < 300; i++) {
        seen.add(await content(await find(folder, '/swapped')));
        seen.add(await content(await find(folder, '/swapdir/secret.txt')));
      }
      stop = true;
      await swapper;
      seen.delete('null');
      assert.deepEqual([...seen], ['a']);
      for (const path of [at, dir]) unlinkSync(path);
    });

    test('no descriptor is left open', async () => {
      // close() goes through the thread pool: give it its turns.
      for (let i = 0; i < 1000 && openThere().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 1));
      assert.deepEqual(openThere(), []);
    });

    test('a target of root serves everything below it', async () => {
      const all = new Folder('/', [], method);
      assert.equal(await content(await find(all, join(root, 'a.txt'))), 'a');
      assert.equal(await find(all, '/'), null);
    });
  });
}

describe('folder', () => {
  test('must be one', () => {
    assert.throws(() => new Folder(join(base, 'nowhere')), { code: 'ENOENT' });
    assert.throws(() => new Folder(join(root, 'a.txt')), { code: 'ENOTDIR' });
  });

  test('index names are tried in order', async () => {
    const folder = new Folder(root, ['missing.html', 'a.txt', 'index.html']);
    assert.equal(await content(await find(folder, '/')), 'a');
  });
});

describe('an open file', () => {
  const open = async (name: string): Promise<OpenFile> => {
    const found = await find(new Folder(root), `/${name}`);
    assert.ok(found instanceof OpenFile);
    return found;
  };

  test('says when it has been written to, cut or touched, and not when its name now belongs to another', async () => {
    for (const [change, unchanged] of [
      [(path: string) => writeFileSync(path, 'other text'), false],
      [(path: string) => truncateSync(path, 1), false],
      [(path: string) => utimesSync(path, 1, 1), false],
      [(path: string) => renameSync(join(root, 'new'), path), true],
      [(path: string) => unlinkSync(path), true],
      [(path: string) => chmodSync(path, 0o600), true],
    ] as const) {
      writeFileSync(join(root, 'changing'), 'some text');
      writeFileSync(join(root, 'new'), 'some text');
      utimesSync(join(root, 'changing'), 1000, 1000);
      const file = await open('changing');
      assert.equal(await file.isUnchanged(), true);
      change(join(root, 'changing'));
      assert.equal(await file.isUnchanged(), unchanged, String(change));
      file.close();
    }
  });

  test('closed in the middle of a read, it lets the read finish first', async () => {
    const file = await open('a.txt');
    const buffer = Buffer.alloc(10);
    const reading = file.read(buffer, 10, 0);
    file.close();
    file.close();
    assert.equal(await reading, 1);
    await assert.rejects(file.read(buffer, 10, 0), /closed/);
    assert.equal(await file.isUnchanged(), false);
  });

  test('last modified: whole seconds, never in the future', async () => {
    utimesSync(join(root, 'a.txt'), 1000.9, 1000.9);
    let file = await open('a.txt');
    assert.equal(file.lastModified(5_000_000), 1000);
    assert.equal(file.lastModified(999_999), 999);
    file.close();
    const future = Date.now() / 1000 + 10_000;
    utimesSync(join(root, 'a.txt'), future, future);
    file = await open('a.txt');
    assert.equal(file.lastModified(1_234_567), 1234);
    file.close();
  });
});

describe('entity tags', () => {
  const path = join(root, 'tagged');
  const tag = (later = 10_000): string => {
    const stat = statSync(path, { bigint: true });
    return entityTag(stat, Number(stat.ctimeMs) + later);
  };
  /** Waits for the file system's clock to tick. */
  const tick = async (): Promise<void> => {
    const before = statSync(path, { bigint: true }).ctimeNs;
    do {
      await new Promise((resolve) => setTimeout(resolve, 1));
      chmodSync(path, 0o644);
    } while (statSync(path, { bigint: true }).ctimeNs === before);
  };

  test('stay while the content stays, and are strong', () => {
    writeFileSync(path, 'version 1');
    assert.match(tag(), /^"[A-Za-z0-9_-]{20}"$/);
    assert.equal(tag(), tag(20_000));
  });

  test('change with every change of the content, even where size and modification time are put back', async () => {
    writeFileSync(path, 'version 1');
    utimesSync(path, 1000, 1000);
    const one = tag();
    await tick();
    writeFileSync(path, 'version 2');
    utimesSync(path, 1000, 1000);
    assert.notEqual(tag(), one);
  });

  test('differ between files that are alike in size and times', () => {
    linkSync(path, path + '-2');
    const [a, b] = [fstatSync, fstatSync].map(() => statSync(path, { bigint: true }));
    Object.assign(b!, { ino: b!.ino + 1n });
    assert.notEqual(entityTag(a!, 0), entityTag(b!, 0));
    unlinkSync(path + '-2');
  });

  test('are weak within the tick of the last change, in which another change would not show', () => {
    const fine = { ...statSync(path, { bigint: true }), ctimeNs: 5_000_123_456n, ctimeMs: 5_000n };
    const coarse = { ...fine, ctimeNs: 5_000_000_000n };
    const at = (stat: object, now: number): boolean =>
      entityTag(stat as Parameters<typeof entityTag>[0], now).startsWith('W/');
    assert.deepEqual(
      [5000, 5019, 5020, 4970].map((now) => at(fine, now)),
      [true, true, false, false],
    );
    assert.deepEqual(
      [5000, 6999, 7000].map((now) => at(coarse, now)),
      [true, true, false],
    );
  });
});
