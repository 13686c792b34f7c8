// A server of node:http2 on a stack of one's own; HTTP/1.1 for those who do not speak HTTP/2. Reached through the host link.
// Run: node dist/examples/http2-server.js [port], then curl -k --http2 it. In a program of your own, import from 'ring3' and 'ring3/host'.

import { hostLink } from '../src/host/index.ts';
import { createHttp, createStack, HostLoop, Network } from '../src/index.ts';
import { cert, key } from './certificate.ts';

const loop = new HostLoop();
const stack = createStack();
loop.add(stack);

const host = await hostLink({ tcp: [Number(process.argv[2] ?? 8443)], memory: stack.memory, loop });
host.attach(stack);

const { http2 } = createHttp(new Network(stack, loop));
const server = http2.createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
  const { remoteAddress, remotePort } = request.socket;
  response.setHeader('content-type', 'text/plain');
  response.end(`HTTP/${request.httpVersion} ${request.url} from ${remoteAddress} port ${remotePort}\n`);
});

server.listen(host.tcp[0], () => console.log(`https://127.0.0.1:${host.tcp[0]}`));
