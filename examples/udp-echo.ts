// A UDP echo server and its client with node:dgram's API, each on a stack of its own, in one process.
// Run: node dist/examples/udp-echo.js. In a program of your own, import from 'ring3'.

import { createDgram } from '../src/index.ts';
import { twoStacks } from './two-stacks.ts';

const { client, server } = twoStacks();

const service = createDgram(server).createSocket('udp4');
service.on('message', (message, from) => {
  console.log(`server: ${message.length} bytes from ${from.address} port ${from.port}`);
  service.send(message, from.port, from.address);
});

service.bind(7, '10.0.0.2', () => {
  const socket = createDgram(client).createSocket('udp4');
  socket.on('message', (message, from) => {
    console.log(`client: ${message} from ${from.address}`);
    socket.close();
    service.close();
  });
  socket.send('hello, stack', 7, '10.0.0.2');
});
