// A real browser opens the example site: over TAP in a namespace, over HTTPS with HTTP/2, and over the `host` link.
// Run by node:test; starts headless Chromium and `ring3 serve` on a copy of the site with one page more, which looks at the others.

import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { makeCertificate } from './support/certificate.ts';
import { DEVICE_NEEDS, folder, STACK4, START, serveRig, stopped } from './support/kernel-rig.ts';
import { built, project } from './support/paths.ts';
import { needs, needsAll } from './support/privileges.ts';
import { type RunResult, run, start } from './support/run.ts';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-sync',
  '--ignore-certificate-errors',
];

/** What the extra page finds out. */
interface Findings {
  readonly error?: string;
  readonly title: string;
  readonly images: [string, number][];
  /** Rules of each style sheet, and what one of them has done. */
  readonly rules: number[];
  readonly width: string;
  readonly protocol: string;
  readonly timing: string;
  readonly links: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Looks at the first page and the links page in frames, and downloads the file: writes what it finds as JSON. */
const LOOKER = `<!doctype html><title>looking</title><meta charset="utf-8">
<iframe id="first" src="index.html" width="1000" height="800"></iframe>
<iframe id="links" src="links.html" width="1000" height="800"></iframe>
<pre id="found"></pre>
<script>
async function until(done) {
  for (let n = 0; n < 400 && !done(); n++) await new Promise((resolve) => setTimeout(resolve, 25));
  return done();
}
async function look() {
  const page = first.contentDocument;
  const download = await (await fetch('download.bin')).arrayBuffer();
  const digest = crypto.subtle ? new Uint8Array(await crypto.subtle.digest('SHA-256', download)) : [];
  links.contentDocument.getElementById('try').click();
  return {
    title: page.title,
    images: [...page.images].map((image) => [image.getAttribute('src'), image.naturalWidth]),
    rules: [...page.styleSheets].map((sheet) => sheet.cssRules.length),
    width: first.contentWindow.getComputedStyle(page.querySelector('main')).maxWidth,
    protocol: first.contentWindow.performance.getEntriesByType('navigation')[0].nextHopProtocol,
    timing: (await until(() => page.getElementById('timing').textContent.includes('connected'))) && page.getElementById('timing').textContent,
    links: (await until(() => links.contentDocument.getElementById('tried').textContent)) && links.contentDocument.getElementById('tried').textContent,
    bytes: download.byteLength,
    sha256: [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
  };
}
addEventListener('load', () => look().catch((error) => ({ error: String(error) })).then((result) => {
  found.textContent = JSON.stringify(result);
  document.title = 'looked';
}));
</script>
`;

/** A copy of the example site with the extra page. */
async function makeSite(t: TestContext): Promise<string> {
  const site = join(folder(t), 'site');
  cpSync(project('examples/site'), site, { recursive: true });
  if (!existsSync(join(site, 'download.bin'))) {
    const script = (await import(project('scripts/download.mjs'))) as { downloadContent(): Buffer };
    writeFileSync(join(site, 'download.bin'), script.downloadContent());
  }
  writeFileSync(join(site, 'look.html'), LOOKER);
  return site;
}

type Runner = (program: string, args: readonly string[], options: { timeout: number }) => Promise<RunResult>;

/** Opens a page and returns its document as it is after its scripts have run. */
async function open(t: TestContext, runner: Runner, url: string): Promise<string> {
  const profile = folder(t);
  const args = [...FLAGS, `--user-data-dir=${profile}`, '--virtual-time-budget=30000', '--dump-dom', url];
  const result = await runner('chromium', args, { timeout: 150_000 });
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
}

/** Opens the first page as people do, then the extra page; all that it finds must be in order. */
async function visit(t: TestContext, runner: Runner, base: string, protocol: string): Promise<void> {
  const dom = await open(t, runner, base);
  assert.match(dom, /<title>ring3: a TCP\/IP stack outside the kernel<\/title>/);
  assert.match(dom, /<output id="timing">\S+, connected in [\d.]+ ms/, 'the script of the page has run');
  const looked = await open(t, runner, `${base}look.html`);
  const text = /<pre id="found">(.+?)<\/pre>/s
    .exec(looked)?.[1]
    ?.replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  assert.ok(text, looked);
  const found = JSON.parse(text) as Findings;
  assert.equal(found.error, undefined);
  assert.match(found.title, /ring3/);
  assert.ok(found.images.length >= 2);
  for (const [name, width] of found.images) assert.ok(width > 0, `${name} is not shown`);
  assert.ok(found.rules.length > 0 && found.rules.every((n) => n > 5), 'style sheets are there');
  assert.match(found.width, /^\d+(\.\d+)?px$/, 'and applied');
  assert.equal(found.protocol, protocol);
  assert.ok(found.timing.startsWith(protocol), found.timing);
  assert.match(found.links, /^All \d+ are as they should be/);
  const [sum] = readFileSync(project('examples/site/download.sha256'), 'utf8').split(' ');
  assert.ok(found.bytes > 9_000_000);
  if (found.sha256 !== '') assert.equal(found.sha256, sum);
}

const TAP = needsAll(DEVICE_NEEDS, { programs: ['chromium'] });

describe('the example site in a browser', { concurrency: 2 }, () => {
  test('over TAP', TAP, async (t) => {
    const rig = await serveRig(t, [await makeSite(t), '--link', 'tap']);
    await visit(t, rig.ns.run, `http://${STACK4}/`, 'http/1.1');
    await stopped(rig.program);
  });

  test('over TAP with HTTPS and HTTP/2', needsAll(DEVICE_NEEDS, { programs: ['chromium', 'openssl'] }), async (t) => {
    const { certificate, key } = await makeCertificate(folder(t), STACK4);
    const rig = await serveRig(t, [await makeSite(t), '--link', 'tap', '--tls-cert', certificate, '--tls-key', key]);
    await visit(t, rig.ns.run, `https://${STACK4}/`, 'h2');
    await stopped(rig.program);
  });

  test('over the host link', needs({ programs: ['chromium'] }), async (t) => {
    const server = start(process.execPath, [built('src/cli/main.js'), 'serve', await makeSite(t), '--port', '0']);
    t.after(() => server.stop());
    const [, base] = await server.output(/(http:\/\/127\.0\.0\.1:\d+\/)/, START);
    await visit(t, run, base!, 'http/1.1');
    await stopped(server);
  });
});
