// The example site's script: how the page arrived, the measured download, the links tried. Works without it, too.
'use strict';

const byId = (id) => document.getElementById(id);

function showTiming() {
  const [entry] = performance.getEntriesByType('navigation');
  if (!entry) return;
  const ms = (value) => `${value.toFixed(1)} ms`;
  byId('timing').textContent =
    `${entry.nextHopProtocol || 'HTTP'}, connected in ${ms(entry.connectEnd - entry.connectStart)}, ` +
    `first byte after ${ms(entry.responseStart - entry.requestStart)}, ` +
    `all ${entry.encodedBodySize} bytes after ${ms(entry.responseEnd - entry.requestStart)}.`;
}

async function measure() {
  const button = byId('measure');
  const out = byId('measured');
  button.disabled = true;
  out.textContent = 'Fetching…';
  try {
    const start = performance.now();
    const response = await fetch('download.bin', { cache: 'no-store' });
    if (!response.ok) throw new Error(`the server said ${response.status}`);
    const pieces = [];
    let bytes = 0;
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      bytes += value.length;
      byId('progress').value = bytes;
    }
    const seconds = (performance.now() - start) / 1000;
    const rate = (bytes / 1e6 / seconds).toFixed(1);
    out.textContent = `${bytes} bytes in ${seconds.toFixed(2)} s: ${rate} MB/s. ${await compare(new Blob(pieces))}`;
  } catch (error) {
    out.textContent = `It failed: ${error.message}`;
  }
  button.disabled = false;
}

/** Browsers hash only on pages from this machine or over TLS. */
async function compare(blob) {
  if (!globalThis.crypto?.subtle) return 'This browser does not hash on a page like this one.';
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
  const hex = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const wanted = (await (await fetch('download.sha256')).text()).split(' ')[0];
  return hex === wanted ? 'The SHA-256 is right.' : `The SHA-256 is WRONG: ${hex}`;
}

async function tryLinks() {
  const out = byId('tried');
  const wrong = [];
  const links = [...document.querySelectorAll('main a')];
  for (const link of links) {
    const { status } = await fetch(link.href, { method: 'HEAD', cache: 'no-store' });
    const expected = 'missing' in link.dataset ? 404 : 200;
    if (status !== expected) wrong.push(`${link.getAttribute('href')}: ${status}`);
  }
  out.textContent = wrong.length === 0 ? `All ${links.length} are as they should be.` : `Wrong: ${wrong.join(', ')}`;
}

if (byId('timing')) addEventListener('load', () => setTimeout(showTiming));
for (const [id, action] of [['measure', measure], ['try', tryLinks]]) {
  const button = byId(id);
  if (!button) continue;
  button.disabled = false;
  button.addEventListener('click', action);
}
