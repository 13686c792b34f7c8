// An echo server and its client with node:net's API, each on a stack of its own, in one process.
// Run: node dist/examples/echo.js. In a program of your own, import from 'ring3'.

import { createNet } from '../src/index.ts';
import { twoStacks } from './two-stacks.ts';

const { client, server } = twoStacks();

const listener = createNet(server).createServer((socket) => {
  console.log(`server: a connection from ${socket.remoteAddress} port ${socket.remotePort}`);
  socket.pipe(socket);
});

listener.listen(7, '10.0.0.2', () => {
  const socket = createNet(client).connect(7, '10.0.0.2', () => socket.end('hello, stack'));
  socket.on('data', (data) => console.log(`client: ${data}`));
  socket.on('close', () => listener.close(() => console.log('closed')));
});
