// Test support: the stage on which a scenario of node:net plays, and what scenarios have in common. A scenario is run on the
// kernel's sockets and on ring3's and must observe the same. Used by net-*.test-support.ts; calls what stands in for node:net.

import { once } from 'node:events';
import type nodeNet from 'node:net';

type Net = typeof nodeNet;

/** Where a scenario plays: the server's module and address, the client's module. */
export interface Stage {
  readonly server: Net;
  readonly client: Net;
  readonly host: string;
  /** Another address of the same machine, on which nobody listens. */
  readonly other: string;
  /** A port nobody listens on. */
  readonly closedPort: number;
}

/** Everything but addresses and ports, which differ from stage to stage. */
export function describeError(stage: Stage, error: unknown): object {
  const e = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const text = e.message.replaceAll(stage.host, 'HOST').replaceAll(/:\d+/g, ':PORT');
  return {
    name: e.name,
    message: text,
    code: e.code,
    errno: e.errno,
    syscall: e.syscall,
    address: e.address === stage.host ? 'HOST' : e.address,
    port: typeof e.port,
  };
}

export async function listening(
  stage: Stage,
  options: nodeNet.ServerOpts,
  listener?: (s: nodeNet.Socket) => void,
): Promise<{ server: nodeNet.Server; port: number }> {
  const server = stage.server.createServer(options, listener);
  server.listen(0, stage.host);
  await once(server, 'listening');
  const { port } = server.address() as nodeNet.AddressInfo;
  return { server, port };
}

export function logged(log: unknown[], name: string, socket: nodeNet.Socket, stage: Stage): void {
  for (const event of ['connect', 'ready', 'end', 'finish', 'timeout'])
    socket.on(event, () => log.push(`${name} ${event}`));
  socket.on('close', (hadError) => log.push(`${name} close ${hadError}`));
  socket.on('error', (error) => log.push([`${name} error`, describeError(stage, error)]));
}

export async function closed(...sockets: (nodeNet.Socket | nodeNet.Server)[]): Promise<void> {
  const one = (s: nodeNet.Socket | nodeNet.Server): Promise<void> =>
    new Promise((resolve) => {
      s.once('close', () => resolve());
      // Its 'close' may have been emitted already, or come soon.
      if ('closed' in s && s.closed) setTimeout(resolve, 20);
    });
  await Promise.all(sockets.map(one));
}

export async function text(socket: nodeNet.Socket): Promise<string> {
  // Not by iteration: when it ends, it destroys the socket, with what is still to be written.
  let out = '';
  socket.on('data', (part) => (out += part));
  await once(socket, 'end');
  return out;
}

/** A connected pair: the server's end and the client's. */
export async function pair(
  stage: Stage,
  options: { server?: nodeNet.ServerOpts; client?: nodeNet.SocketConstructorOpts & nodeNet.ConnectOpts } = {},
): Promise<{ server: nodeNet.Server; port: number; s: nodeNet.Socket; c: nodeNet.Socket }> {
  const { server, port } = await listening(stage, options.server ?? {});
  const c = stage.client.connect({ port, host: stage.host, ...options.client });
  const [[s]] = (await Promise.all([once(server, 'connection'), once(c, 'connect')])) as [[nodeNet.Socket], unknown];
  return { server, port, s, c };
}

export type Scenario = (stage: Stage) => Promise<unknown>;
