// Tests of the metrics: the text is OpenMetrics, and says what has happened.
// Run by node:test; calls metrics.ts over a stack and a web server that nobody uses.

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { DROP_BAD_CHECKSUM } from '../base/drop.ts';
import { SeededRng } from '../base/rng.ts';
import { HostLoop } from '../host/loop.ts';
import { memoryLink } from '../link/memory.ts';
import { createWeb } from '../servers/web/index.ts';
import { Network } from '../socket/network.ts';
import { counter } from '../stack/counters.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import type { Inside } from './assemble.ts';
import { stackMemory } from './memory.ts';
import { makeRegistry, serveMetrics } from './metrics.ts';

function inside(): Inside {
  const { sizes, settings } = stackMemory(16e6);
  const stack = new Stack(createMemory(sizes), { settings, rng: new SeededRng(1), secret: new Int32Array(8) });
  const [link] = memoryLink({ a: stack.memory, b: stack.memory });
  stack.attach(link, { addresses: ['10.0.0.1/24'] });
  const loop = new HostLoop();
  loop.unref();
  return { stack, loop, network: new Network(stack, loop), link, linkName: 'ring0' };
}

/** Reads OpenMetrics text strictly: families with HELP and TYPE before their samples, names that fit the type, an EOF. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  const lines = text.split('\n');
  assert.equal(lines.pop(), '');
  assert.equal(lines.pop(), '# EOF');
  let family = '';
  for (const line of lines) {
    const meta = /^# (HELP|TYPE) ([a-z_][a-z0-9_]*) (.+)$/.exec(line);
    if (meta !== null) {
      if (meta[1] === 'HELP') {
        family = meta[2]!;
        assert.ok(!types.has(family), `${family} comes twice`);
      } else {
        assert.equal(meta[2], family);
        assert.match(meta[3]!, /^(counter|gauge)$/);
        types.set(family, meta[3]!);
      }
      continue;
    }
    const sample = /^([a-z_][a-z0-9_]*)(\{[a-z_]+="[^"\\\n]*"(?:,[a-z_]+="[^"\\\n]*")*\})? (-?[0-9.e+]+)$/.exec(line);
    assert.ok(sample !== null, `no sample: ${line}`);
    assert.equal(sample[1], family + (types.get(family) === 'counter' ? '_total' : ''));
    assert.ok(!samples.has(sample[1]! + (sample[2] ?? '')), `${line} comes twice`);
    samples.set(sample[1]! + (sample[2] ?? ''), Number(sample[3]));
  }
  return samples;
}

describe('metrics', () => {
  test('are OpenMetrics, and count what has happened', async () => {
    const one = inside();
    const web = createWeb({ root: tmpdir() });
    one.stack.core.counters.add(counter('tcp_sent_bytes'), 12_345);
    one.stack.core.counters.drop(DROP_BAD_CHECKSUM);
    one.link.counters.rxFrames = 7;
    one.link.counters.drops['queue_full'] = 3;
    web.stats.statuses.set(200, 5);
    const registry = makeRegistry({ link: 'tap', inside: one, web });
    const samples = parse(await registry.metrics());
    const wanted: [name: string, value: number][] = [
      ['ring3_tcp_sent_bytes_total', 12_345],
      ['ring3_drops_total{reason="bad_checksum"}', 1],
      ['ring3_drops_total{reason="no_socket"}', 0],
      ['ring3_link_received_frames_total{link="ring0"}', 7],
      ['ring3_link_drops_total{link="ring0",reason="queue_full"}', 3],
      ['ring3_web_requests_total{status="200"}', 5],
      ['ring3_web_connections', 0],
      ['ring3_tcp_connections', 0],
    ];
    for (const [name, value] of wanted) assert.equal(samples.get(name), value, name);
    assert.ok(samples.get('process_resident_memory_bytes')! > 1e6);
    // Asked again, they are what they are then, not the sum.
    one.stack.core.counters.add(counter('tcp_sent_bytes'), 5);
    assert.equal(parse(await registry.metrics()).get('ring3_tcp_sent_bytes_total'), 12_350);
    one.stack.close();
    one.loop.close();
    web.close();
  });

  test('without a stack there are those of the server', async () => {
    const web = createWeb({ root: tmpdir() });
    const samples = parse(await makeRegistry({ link: 'kernel', inside: undefined, web }).metrics());
    assert.equal(samples.get('ring3_web_active_requests'), 0);
    assert.equal(samples.has('ring3_tcp_sent_total'), false);
    web.close();
  });

  test('are served on 127.0.0.1 to who asks for them, and for nothing else', async () => {
    const web = createWeb({ root: tmpdir() });
    const registry = makeRegistry({ link: 'kernel', inside: undefined, web });
    const server = await serveMetrics(registry, 0);
    const { port, address } = server.address() as { port: number; address: string };
    assert.equal(address, '127.0.0.1');
    const got = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.equal(got.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    parse(await got.text());
    assert.equal((await fetch(`http://127.0.0.1:${port}/other`)).status, 404);
    assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST', body: 'x' })).status, 405);
    await assert.rejects(
      serveMetrics(registry, port),
      /127\.0\.0\.1 port \d+, for the metrics, is in use by another program/,
    );
    server.close();
    server.closeAllConnections();
    web.close();
  });
});
