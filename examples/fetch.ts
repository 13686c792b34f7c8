// fetch() over a stack of one's own: undici 7 with ring3's connector, against node:http and node:http2 on another stack.
// Run: node dist/examples/fetch.js. In a program of your own, import from 'ring3'; undici is its own package.

import { once } from 'node:events';
import { Agent, fetch } from 'undici';
import { createHttp } from '../src/index.ts';
import { cert, key } from './certificate.ts';
import { twoStacks } from './two-stacks.ts';

const { client, server } = twoStacks();

const { http, http2 } = createHttp(server);
const plain = http.createServer((request, response) => response.end(`hello, ${request.socket.remoteAddress}`));
const secure = http2.createSecureServer({ key, cert }, (request, response) => {
  response.end(`hello, ${request.socket.remoteAddress}, over HTTP/${request.httpVersion}`);
});
await once(plain.listen(80, '10.0.0.2'), 'listening');
await once(secure.listen(443, '10.0.0.2'), 'listening');

const { connector } = createHttp(client);
const dispatcher = new Agent({ connect: connector({ ca: cert, allowH2: true }), allowH2: true });
for (const url of ['http://10.0.0.2/', 'https://10.0.0.2/']) {
  const response = await fetch(url, { dispatcher });
  console.log(`${url} ${response.status} ${await response.text()}`);
}

await dispatcher.close();
plain.close();
secure.close();
