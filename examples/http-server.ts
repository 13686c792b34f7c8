// A server of node:http on a stack of one's own, reached through the kernel's loopback (the host link): no device, no root.
// Run: node dist/examples/http-server.js [port], then curl it. In a program of your own, import from 'ring3' and 'ring3/host'.

import { hostLink } from '../src/host/index.ts';
import { createHttp, createStack, HostLoop, Network } from '../src/index.ts';

const loop = new HostLoop();
const stack = createStack();
loop.add(stack);

// Connections to this port of the kernel's are continued over a memory link, from the client's own address and port.
const host = await hostLink({ tcp: [Number(process.argv[2] ?? 8080)], memory: stack.memory, loop });
host.attach(stack);

const { http } = createHttp(new Network(stack, loop));
const server = http.createServer((request, response) => {
  const { remoteAddress, remotePort } = request.socket;
  response.setHeader('content-type', 'text/plain');
  response.end(`${request.method} ${request.url} from ${remoteAddress} port ${remotePort}\n`);
});

server.listen(host.tcp[0], () => console.log(`http://127.0.0.1:${host.tcp[0]}`));
