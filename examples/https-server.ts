// A server of node:https on a stack of one's own, reached through the kernel's loopback (the host link): no device, no root.
// Run: node dist/examples/https-server.js [port], then curl -k it. In a program of your own, import from 'ring3' and 'ring3/host'.

import { hostLink } from '../src/host/index.ts';
import { createHttp, createStack, HostLoop, Network } from '../src/index.ts';
import { cert, key } from './certificate.ts';

const loop = new HostLoop();
const stack = createStack();
loop.add(stack);

const host = await hostLink({ tcp: [Number(process.argv[2] ?? 8443)], memory: stack.memory, loop });
host.attach(stack);

const { https } = createHttp(new Network(stack, loop));
const server = https.createServer({ key, cert }, (request, response) => {
  // The TLS socket knows the client, although it does not lie on a socket of the kernel's.
  const { remoteAddress, remotePort } = request.socket;
  const encrypted = 'encrypted' in request.socket && request.socket.encrypted;
  response.setHeader('content-type', 'text/plain');
  response.end(`${request.url} from ${remoteAddress} port ${remotePort}, encrypted: ${encrypted}\n`);
});

server.listen(host.tcp[0], () => console.log(`https://127.0.0.1:${host.tcp[0]}`));
