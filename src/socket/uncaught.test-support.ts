// Test support, a program of its own: listeners that throw, and what becomes of everybody else. Prints what it saw as JSON.
// Run by net-ring3.test.ts; calls two.test-support.

import { once } from 'node:events';
import { createNet } from './net.ts';
import { twoNetworks } from './two.test-support.ts';

const two = twoNetworks();
const seen: string[] = [];
process.on('uncaughtException', (error) => seen.push(`uncaught ${error.message}`));

const server = createNet(two.b).createServer((socket) => {
  socket.on('data', (data) => {
    socket.write(data);
    if (String(data) === 'bad') throw new Error('in data');
  });
  socket.on('end', () => socket.end());
  if (seen.filter((line) => line.startsWith('connection')).push() === 0) seen.push('connection');
  else throw new Error('in connection');
});
server.listen(80, '10.0.0.2');
await once(server, 'listening');
const net = createNet(two.a);
const clients = ['good', 'bad', 'fine'].map((word) => {
  const client = net.connect({ port: 80, host: '10.0.0.2' });
  client.on('data', (data) => seen.push(`answer ${data}`));
  client.write(word);
  return client;
});
await Promise.all(clients.map((client) => once(client, 'data')));
for (const client of clients) client.end();
await Promise.all(clients.map((client) => once(client, 'close')));
server.close();
await once(server, 'close');
process.stdout.write(JSON.stringify(seen.sort()));
