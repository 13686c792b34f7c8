// The example site holds together: its links lead somewhere, nothing comes from outside, what is generated is as its scripts make it.
// Run by node:test; calls scripts/download.mjs and scripts/site-images.mjs.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inflateSync } from 'node:zlib';
import { project } from './support/paths.ts';

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

const site = project('examples/site');
const MADE_AT_START = 'download.bin';

/** A module of scripts/: plain JavaScript outside the build. */
function script(name: string): Promise<Record<string, () => unknown>> {
  return import(pathToFileURL(project(`scripts/${name}`)).href);
}

describe('the pages', () => {
  const pages = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  for (const page of pages) {
    test(`${page}: every address leads to a file, or is marked as missing`, () => {
      const html = readFileSync(join(site, page), 'utf8');
      const links = [...html.matchAll(/<(?:a|link|img|script)\b[^>]*?\b(?:href|src)="([^"]*)"[^>]*>/g)];
      assert.ok(links.length > 5);
      for (const [tag, address] of links) {
        assert.doesNotMatch(address!, /^([a-z]+:|\/\/)/, 'no address outside the site');
        const found = resolves(page, address!);
        assert.equal(found, !tag.includes('data-missing'), tag);
      }
    });
  }
});

/** Whether a server of the folder would find something at a relative address on a page. */
function resolves(page: string, address: string): boolean {
  const path = decodeURIComponent(new URL(address, `http://site/${page.split('\\').join('/')}`).pathname);
  if (path.split('/').some((part) => part.startsWith('.'))) return false;
  const file = join(site, path);
  if (path === `/${MADE_AT_START}`) return true;
  if (!existsSync(file)) return false;
  return statSync(file).isFile() || existsSync(join(file, 'index.html'));
}

test('the download is the same everywhere: its SHA-256 is the one checked in', async () => {
  const content = (await script('download.mjs'))['downloadContent']!() as Buffer;
  const sum = createHash('sha256').update(content).digest('hex');
  assert.equal(readFileSync(join(site, 'download.sha256'), 'utf8'), `${sum}  ${MADE_AT_START}\n`);
});

test('the pictures are the ones their script draws', async () => {
  const pictures = (await script('site-images.mjs'))['pictures']!() as Record<string, Picture>;
  for (const [name, picture] of Object.entries(pictures)) {
    const read = readPng(readFileSync(join(site, name)));
    assert.deepEqual([read.width, read.height], [picture.width, picture.height], name);
    assert.ok(read.pixels.equals(picture.pixels), `${name} differs: run node scripts/site-images.mjs`);
  }
  const icon = readFileSync(join(site, 'favicon.ico'));
  assert.ok(readPng(icon.subarray(22)).pixels.equals(pictures['images/icon.png']!.pixels), 'favicon.ico');
});

/** The pixels of a PNG as our script writes it: RGB, one IDAT, filter 2. The compressed bytes may differ with the version of zlib. */
function readPng(file: Buffer): Picture {
  assert.equal(file.toString('latin1', 0, 8), '\x89PNG\r\n\x1a\n');
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  assert.equal(file.toString('latin1', 37, 41), 'IDAT');
  const lines = inflateSync(file.subarray(41, 41 + file.readUInt32BE(33)));
  const stride = width * 3;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    assert.equal(lines[y * (stride + 1)], 2);
    for (let i = 0; i < stride; i++) {
      const above = y === 0 ? 0 : pixels[(y - 1) * stride + i]!;
      pixels[y * stride + i] = lines[y * (stride + 1) + 1 + i]! + above;
    }
  }
  return { width, height, pixels };
}
