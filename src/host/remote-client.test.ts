// Test of the host link open to all addresses: clients, of other machines too, are served, and seen, as themselves.
// Run by node:test; calls a child that serves. Needs root.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { namespace, veth } from '../../test/support/netns.ts';
import { needs } from '../../test/support/privileges.ts';

const server = `
  import { formatAddress } from ${JSON.stringify(new URL('../base/address.js', import.meta.url).href)};
  import { Served } from ${JSON.stringify(new URL('served.test-support.js', import.meta.url).href)};
  const served = new Served();
  served.onConnection = (connection) => {
    const { remote0, remote1, remote2, remote3 } = connection.ends;
    connection.write(Buffer.from(formatAddress(remote0, remote1, remote2, remote3)));
    connection.end();
  };
  const host = await served.open({ tcp: [7777], udp: [7777], address: ['0.0.0.0', '::'] });
  served.udpEcho(7777, 'echo ');
  console.log('open at', host.addresses.join(' '));
  process.on('SIGTERM', () => served.close());`;

const client = `
  import { connect } from 'node:net';
  import { createSocket } from 'node:dgram';
  const [host, localAddress] = process.argv.slice(1);
  connect({ port: 7777, host, localAddress }).on('data', (data) => console.log(String(data)));
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, localAddress);
  socket.on('message', (message, from) => { console.log(String(message), from.address); socket.close(); });
  socket.send('hello', 7777, host);`;

describe('the host link open to a network', needs({ root: true, programs: ['ip'] }), () => {
  test('remote clients keep their addresses', async (t) => {
    const a = await namespace(t);
    const b = await namespace(t);
    await veth(a, 'eth0', b, 'eth0');
    for (const [ns, n] of [
      [a, 1],
      [b, 2],
    ] as const) {
      await ns.ip(`addr add 10.9.0.${n}/24 dev eth0`);
      await ns.ip(`addr add fd09::${n}/64 dev eth0 nodad`);
    }
    const child = a.startNode(['--input-type=module', '-e', server]);
    assert.match((await child.output(/open at (.*)/))[1]!, /10\.9\.0\.1/);
    // Clients from beyond the subnets of ours.
    await b.ip('addr add 10.8.0.2/32 dev lo');
    await b.ip('addr add fd08::2/128 dev lo');
    await a.ip('route add 10.8.0.0/24 via 10.9.0.2');
    await a.ip('route add fd08::/64 via fd09::2');
    for (const [ns, address, own] of [
      [b, '10.9.0.1', '10.9.0.2'],
      [b, '10.9.0.1', '10.8.0.2'],
      [b, 'fd09::1', 'fd09::2'],
      [b, 'fd09::1', 'fd08::2'],
      [a, '10.9.0.1', '10.9.0.1'],
    ] as const) {
      const lines = await ns.runOk(process.execPath, ['--input-type=module', '-e', client, address, own]);
      assert.deepEqual(lines.trim().split('\n').sort(), [`echo hello ${address}`, own].sort());
    }
    // On the machine itself, by an address of another interface: over TCP as itself, too.
    const lines = await a.runOk(process.execPath, ['--input-type=module', '-e', client, '10.9.0.1', '127.0.0.1']);
    assert.ok(lines.split('\n').includes('127.0.0.1'), lines);
    assert.equal((await child.stop()).code, 0);
  });
});
