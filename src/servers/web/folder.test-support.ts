// Test support: a folder with one of everything a web server meets, beside a secret that it must never show.
// Called by the tests of this floor and of cli; calls node:fs.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What must never come out. */
export const SECRET = 'SECRET-0d9f';

export interface TestFolder {
  readonly root: string;
  /** 3,000,001 bytes of big.bin. */
  readonly big: Buffer;
  /** Seconds since 1970 of text.txt. */
  readonly modified: number;
  remove(): void;
}

/**
 *   root/index.html, text.txt (the alphabet), big.bin, empty.txt, sub/index.html, bare/file.txt, "a b.txt", ü.txt,
 *   100%.txt, %2e%2e (a plain name), README, .env, .git/config, link -> outside, linkdir -> outside, inner -> text.txt,
 *   device -> /dev/zero, fifo; outside/secret.txt
 */
export function testFolder(): TestFolder {
  const base = mkdtempSync(join(tmpdir(), 'ring3-web-'));
  const root = join(base, 'root');
  for (const dir of ['root/sub', 'root/bare', 'root/.git', 'outside']) mkdirSync(join(base, dir), { recursive: true });
  const big = Buffer.alloc(3_000_001);
  for (let i = 0, x = 1; i < big.length; i++) {
    x = Math.imul(x, 1103515245) + 12345;
    big[i] = x >> 16;
  }
  const files: Record<string, string | Buffer> = {
    'root/index.html': '<h1>root</h1>\n',
    'root/text.txt': 'abcdefghijklmnopqrstuvwxyz',
    'root/big.bin': big,
    'root/empty.txt': '',
    'root/sub/index.html': '<h1>sub</h1>\n',
    'root/bare/file.txt': 'bare',
    'root/a b.txt': 'space',
    'root/ü.txt': 'umlaut',
    'root/100%.txt': 'percent',
    'root/%2e%2e': 'twice encoded',
    'root/README': 'read me',
    'root/style.css': 'body {}',
    'root/code.js': '1;',
    'root/data.json': '{}',
    'root/image.PNG': 'png',
    'root/.env': SECRET,
    'root/.git/config': SECRET,
    'outside/secret.txt': SECRET,
    'outside/index.html': SECRET,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(base, name), content);
  symlinkSync('../outside/secret.txt', join(root, 'link'));
  symlinkSync('../outside', join(root, 'linkdir'));
  symlinkSync('text.txt', join(root, 'inner'));
  symlinkSync('/dev/zero', join(root, 'device'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  const modified = 1_600_000_000;
  utimesSync(join(root, 'text.txt'), modified + 0.5, modified + 0.5);
  return { root, big, modified, remove: () => rmSync(base, { recursive: true, force: true }) };
}
