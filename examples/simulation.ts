// A node:http server and its client under loss, delay and a dead link, in virtual time: what a unit test of a networked program can do.
// Run: node --test dist/examples/simulation.js. In a program of your own, import from 'ring3/http' and 'ring3/sim'.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { NodeDrive, Sim } from '../src/sim/index.ts';
import { createHttp } from '../src/socket/http.ts';

/** The program under test: a megabyte, a piece at a time. */
const serve: RequestListener = (_request, response) => {
  for (let i = 0; i < 16; i++) response.write(Buffer.alloc(65_536, i));
  response.end();
};

/** Downloads from `serve` over a phone's bad connection; how long it takes in virtual seconds, and what arrives. */
async function download(seed: number): Promise<{ seconds: number; bytes: number; hash: string }> {
  const sim = new Sim({ seed });
  const phone = sim.host('phone');
  const tower = sim.router('tower');
  const origin = sim.host('origin');
  const radio = sim.link(phone, tower, { rate: 20e6, delay: 30_000, jitter: 5000, loss: 0.02 });
  sim.link(tower, origin, { rate: 1e9, delay: 5000 });
  // A tunnel: two seconds without any connection.
  sim.partition(radio, 500_000, 2_500_000);

  const drive = new NodeDrive(sim);
  const server = createHttp(drive.network(origin)).http.createServer(serve).listen(80);
  const { http } = createHttp(drive.network(phone));
  const body = new Promise<Buffer>((resolve, reject) => {
    const request = http.get({ host: '10.0.0.3', agent: false }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part as Buffer);
      resolve(Buffer.concat(parts));
    });
    request.on('error', reject);
  });
  const bytes = await drive.until(body);
  const result = {
    seconds: sim.now / 1e6,
    bytes: bytes.length,
    hash: createHash('sha256').update(bytes).digest('hex'),
  };
  server.close();
  drive.close();
  return result;
}

test('a download survives loss and two seconds in a tunnel, and takes the same time whenever it is run', async () => {
  const first = await download(7);
  assert.equal(first.bytes, 1 << 20);
  assert.ok(first.seconds > 2.5 && first.seconds < 30, `${first.seconds} s`);
  assert.deepEqual(await download(7), first);
  assert.notEqual((await download(8)).seconds, first.seconds);
});
