// Tests of the host link's ports: what cannot be opened says so, and no more is opened than the process may.
// Run by node:test; calls host-link.ts. Needs no privilege.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { start } from '../../test/support/run.ts';
import { client, until } from './clients.test-support.ts';
import { type HostLinkOptions, hostLink } from './host-link.ts';
import { Served } from './served.test-support.ts';

describe('the host link, ports', () => {
  test('a busy port is an error of one line that says what to do, and leaves no other port open', async (t) => {
    const busy = createServer().listen(0, '127.0.0.1');
    t.after(() => busy.close());
    await once(busy, 'listening');
    const { port } = busy.address() as { port: number };
    const served = new Served();
    t.after(() => served.close());
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const other = (free.address() as { port: number }).port;
    free.close();
    await assert.rejects(served.open({ tcp: [other, port], address: '127.0.0.1' }), {
      code: 'EADDRINUSE',
      message: `TCP port ${port} of 127.0.0.1 is in use by another program: stop that, or choose another port`,
    });
    assert.equal(await client({ port: other }).gone, 'ECONNREFUSED');
  });

  test('other addresses and ports that cannot be had', async (t) => {
    const served = new Served();
    t.after(() => served.close());
    const open = (options: Partial<HostLinkOptions>): Promise<unknown> =>
      hostLink({ memory: served.stack.memory, loop: served.loop, ...options });
    await assert.rejects(open({ tcp: [0], address: '192.0.2.1' }), {
      code: 'EADDRNOTAVAIL',
      message: 'TCP port 0 of 192.0.2.1: this machine has no such address',
    });
    await assert.rejects(open({ tcp: [0], address: 'localhost' }), {
      code: 'EINVAL',
      message: /"localhost" is no IP address/,
    });
    const busy = createSocket('udp4');
    t.after(() => busy.close());
    busy.bind(0, '127.0.0.1');
    await once(busy, 'listening');
    await assert.rejects(open({ udp: [busy.address().port], address: '127.0.0.1' }), {
      code: 'EADDRINUSE',
      message: /^UDP port \d+ of 127\.0\.0\.1 is in use/,
    });
  });

  test('the limit of open files is a bound, with a warning, and no crash', async (t) => {
    const source = `
      import { Served } from ${JSON.stringify(new URL('served.test-support.js', import.meta.url).href)};
      const served = new Served();
      served.onTurn = (connection) => {
        if (connection.ended) connection.end();
        else if (connection.received.splice(0).length > 0) connection.write(Buffer.from('ok'));
      };
      const host = await served.open({ tcp: [0], address: '127.0.0.1', onWarning: (message) => console.log(message) });
      console.log('port', host.tcp[0]);
      process.on('SIGTERM', () => served.close());`;
    const args = ['-c', 'ulimit -n 200; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', source];
    const child = start('sh', args);
    t.after(() => child.stop('SIGKILL'));
    const port = Number((await child.output(/port (\d+)/))[1]);
    const clients = Array.from({ length: 250 }, () => client({ port }));
    for (const { socket } of clients) socket.write('x');
    let reset = 0;
    for (const { gone } of clients) void gone.then((code) => (reset += code === 'ECONNRESET' ? 1 : 0));
    await until(() => clients.filter(({ bytes }) => bytes().length === 2).length === 136 && reset === 114);
    assert.equal(child.stdout().match(/more than 136 .*"ulimit -n" allows no more/g)?.length, 1);
    for (const { socket } of clients) socket.destroy();
    let again = '';
    while (again === '') {
      const { socket, bytes, gone } = client({ port });
      socket.end('y');
      await gone;
      again = String(bytes());
    }
    assert.equal(again, 'ok');
    assert.equal((await child.stop()).code, 0);
  });
});
