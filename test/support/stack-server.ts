// A program for tests: a stack of ring3 on a TUN or TAP device with small services on it, and orders taken over a connection.
// Started by kernel-rig.ts inside a namespace, with its options as one JSON argument; calls host, link, stack and socket.
//
//   TCP 7    echo, half-open                           UDP 7    echo
//   TCP 9    takes all, then answers "BYTES SHA256"     TCP 19   a line "BYTES" in, as many bytes of pattern out
//   TCP 99   one JSON order a line, one JSON answer a line

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { formatAddress } from '../../src/base/address.ts';
import type { Link } from '../../src/base/link.ts';
import { CaptureFile } from '../../src/host/capture-file.ts';
import { ipLines } from '../../src/host/ip-lines.ts';
import { HostLoop } from '../../src/host/loop.ts';
import { SystemRng, secretWords } from '../../src/host/random.ts';
import { openTap, openTun } from '../../src/host/tuntap.ts';
import { CaptureLink } from '../../src/link/capture.ts';
import { faultLink, parseFaults } from '../../src/link/fault.ts';
import { createDgram } from '../../src/socket/dgram.ts';
import { createNet } from '../../src/socket/net.ts';
import { Network } from '../../src/socket/network.ts';
import { createMemory, Stack } from '../../src/stack/stack.ts';
import { patternStream } from './pattern.ts';

/** What the program is started with. */
export interface StackServerOptions {
  readonly link: 'tun' | 'tap';
  readonly dev: string;
  readonly addresses: readonly string[];
  readonly offload: boolean;
  readonly mtu?: number;
  readonly slaac?: boolean;
  readonly gateways?: readonly string[];
  /** As `ring3 serve --fault` has it. */
  readonly fault?: string;
  readonly capture?: string;
}

/** Orders over TCP 99. */
export type Order =
  | {
      readonly do: 'connect';
      readonly host: string;
      readonly port: number;
      readonly bytes: number;
      readonly read?: 'slow';
    }
  | { readonly do: 'state' };

const o = JSON.parse(process.argv[2] ?? '{}') as StackServerOptions;
const stack = new Stack(createMemory(), { rng: new SystemRng(), secret: secretWords(8) });
const loop = new HostLoop();
const device = (o.link === 'tun' ? openTun : openTap)({
  name: o.dev,
  memory: stack.memory,
  offload: o.offload,
  ...(o.mtu === undefined ? {} : { mtu: o.mtu }),
});
let link: Link = device;
if (o.fault !== undefined) link = faultLink(link, loop.clock, parseFaults(o.fault));
const file = o.capture === undefined ? undefined : new CaptureFile(o.capture);
if (file !== undefined) link = new CaptureLink(link, { sink: file.sink, clock: loop.clock, name: o.dev });
stack.attach(link, { addresses: o.addresses, gateways: o.gateways, ip6: true, slaac: o.slaac ?? false });
loop.add(stack);
const network = new Network(stack, loop);
const net = createNet(network);
const dgram = createDgram(network);

net.createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket)).listen(7);

net
  .createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    let bytes = 0;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    socket.on('end', () => socket.end(`${bytes} ${hash.digest('hex')}\n`));
  })
  .listen(9);

net
  .createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    createInterface({ input: socket }).once('line', (line) => patternStream(Number(line)).pipe(socket));
  })
  .listen(19);

const udp = dgram.createSocket({ type: 'udp6', reuseAddr: false });
udp.on('message', (message, from) => udp.send(message, from.port, from.address));
udp.bind(7);

net
  .createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on('error', () => {});
    for await (const line of createInterface({ input: socket })) {
      const answer = await obey(JSON.parse(line) as Order).catch((error: Error) => ({ error: error.message }));
      socket.write(`${JSON.stringify(answer)}\n`);
    }
    socket.end();
  })
  .listen(99);

async function obey(order: Order): Promise<object> {
  if (order.do === 'connect') return connectOut(order.host, order.port, order.bytes);
  const { counters, drops } = stack.core.counters.snapshot();
  return {
    counters,
    drops: Object.fromEntries(Object.entries(drops).filter(([, n]) => n > 0)),
    link: link.counters,
    tcpRows: stack.tcp.used,
    frames: stack.memory.frames.used,
    chunks: stack.memory.spans.used,
    rss: process.memoryUsage().rss,
    heap: process.memoryUsage().heapUsed,
    addresses: stack.interfaces.list.flatMap((iface) =>
      (iface?.addresses ?? []).map((a) => `${formatAddress(a.w0, a.w1, a.w2, a.w3)} ${a.state}`),
    ),
    neighbours: stack.neighbours.list(),
  };
}

/** Sends pattern to a server of the kernel's, ends, and reads what it answers. */
function connectOut(host: string, port: number, bytes: number): Promise<object> {
  return new Promise((resolve, reject) => {
    const socket: Socket = net.connect({ host, port, allowHalfOpen: true });
    const hash = createHash('sha256');
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
      hash.update(chunk);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code, message: error.message }));
    socket.on('end', () => resolve({ received, sha256: hash.digest('hex'), from: socket.localAddress }));
    socket.on('close', () => reject(new Error('closed')));
    patternStream(bytes).pipe(socket);
  });
}

async function addressesUsable(): Promise<void> {
  while (stack.autoconf.tentative(0) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
}

process.stdout.write(`${ipLines({ name: device.name, addresses: o.addresses }).join('\n')}\nopen\n`);
addressesUsable().then(() => process.stdout.write('ready\n'));

process.once('SIGTERM', async () => {
  stack.close();
  loop.close();
  await file?.close();
  process.exit(0);
});
