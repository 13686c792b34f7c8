// ring3/http: node:http, node:https and node:http2 on the stack of a network, servers and clients, and undici's connector.
// Called by users, examples and src/servers; calls Node's own modules, with listen.ts under their servers and net under their clients.

import nodeHttp, { type ClientRequest, type IncomingMessage } from 'node:http';
import nodeHttp2 from 'node:http2';
import nodeHttps from 'node:https';
import { isIP, type Server as NetServer, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { ETIMEDOUT } from '../base/errno.ts';
import { hostPortError } from './errors.ts';
import { lend } from './lend.ts';
import { type Listening, listen } from './listen.ts';
import { createNet, inside, type Net } from './net.ts';
import type { Network } from './network.ts';

/** What undici gives its connector, and the connector's answer: undici's own types, without needing undici. */
export interface ConnectorOptions {
  readonly hostname: string;
  readonly protocol: string;
  readonly port: string;
  readonly host?: string | undefined;
  readonly servername?: string | undefined;
  readonly localAddress?: string | null | undefined;
  readonly httpSocket?: unknown;
}
export type Connector = (
  options: ConnectorOptions,
  // biome-ignore lint/suspicious/noExplicitAny: undici's type of the callback is a union of tuples; the socket is a Socket or TLSSocket
  callback: (...answer: any) => void,
) => void;

/** Node's HTTP modules over a network. */
export interface Http {
  readonly http: typeof nodeHttp;
  readonly https: typeof nodeHttps;
  readonly http2: typeof nodeHttp2;
  /** Makes any server of Node's (net, tls, http, https, http2) listen on the network instead of the kernel; returns it. */
  adopt<T extends NetServer>(server: T): T;
  /** For `new undici.Agent({ connect: connector(options) })`. `timeout` in ms, 10 s by default; `allowH2` offers HTTP/2 over TLS. */
  connector(options?: tls.ConnectionOptions & { allowH2?: boolean }): Connector;
}

/** An object that answers like `module`, but for what is in `own`. Nothing of `module` is read or written now. */
function over<T extends object>(module: T, own: object): T {
  return Object.create(module, Object.getOwnPropertyDescriptors(own)) as T;
}

/** Makes `server` listen on `network`; see Http.adopt. Its close(), address(), ref() and the rest are its own. */
export function adopt<T extends NetServer>(network: Network, server: T): T {
  const { Socket } = inside(createNet(network));
  const listening = server as unknown as Listening;
  const own = {
    listen(...args: unknown[]): T {
      listen(listening, network, Socket, args);
      return server;
    },
  };
  Object.assign(server, own);
  // TLS and HTTP/2 hide our socket from their users: its addresses must be there before anybody looks.
  server.prependListener('secureConnection', (socket: object) => lend(socket));
  server.prependListener('tlsClientError', (_error: Error, socket: object) => lend(socket));
  server.prependListener('session', (session: { socket: object }) => lend(session.socket));
  return server;
}

/** A TLS client over a ring3 connection, in place of tls.connect(options). */
function connectTls(net: Net, options: tls.ConnectionOptions): tls.TLSSocket {
  const socket = options.socket ?? net.connect({ ...options, path: undefined } as unknown as TcpNetConnectOpts);
  const secure = tls.connect({ ...options, socket, path: undefined } as tls.ConnectionOptions);
  lend(secure);
  return secure;
}

type RequestArgs = [url: string | URL, options?: object | RequestListener, listener?: RequestListener];
type RequestListener = (response: IncomingMessage) => void;

/** Puts our agent where a request names none: (url[, options][, listener]) or (options[, listener]). */
function withAgent<A>(args: readonly unknown[], agent: A, fresh: () => A): RequestArgs {
  const at = typeof args[0] === 'string' || args[0] instanceof URL ? 1 : 0;
  const given = typeof args[at] === 'object' && args[at] !== null;
  const options = (given ? args[at] : {}) as { agent?: unknown };
  const chosen = options.agent === false ? fresh() : (options.agent ?? agent);
  const merged = { ...options, agent: chosen };
  return [...args.slice(0, at), merged, ...args.slice(given ? at + 1 : at)] as unknown as RequestArgs;
}

function httpModule(network: Network, net: Net): typeof nodeHttp {
  class Agent extends nodeHttp.Agent {
    override createConnection(options: object): Duplex {
      return net.connect({ ...options, path: undefined } as unknown as TcpNetConnectOpts);
    }
  }
  const globalAgent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 });
  class Server extends nodeHttp.Server {
    constructor(options?: nodeHttp.ServerOptions | nodeHttp.RequestListener, listener?: nodeHttp.RequestListener) {
      super(options as nodeHttp.ServerOptions, listener);
      adopt(network, this);
    }
  }
  const request = (...args: unknown[]): ClientRequest =>
    nodeHttp.request(...(withAgent(args, globalAgent, () => new Agent()) as [string]));
  const get = (...args: unknown[]): ClientRequest => ended(request(...args));
  const createServer = (...args: ConstructorParameters<typeof Server>): Server => new Server(...args);
  return over(nodeHttp, { Agent, globalAgent, Server, createServer, request, get });
}

function ended(request: ClientRequest): ClientRequest {
  request.end();
  return request;
}

function httpsModule(network: Network, net: Net): typeof nodeHttps {
  class Agent extends nodeHttps.Agent {
    override createConnection(options: tls.ConnectionOptions): Duplex {
      const socket = net.connect({ ...options, path: undefined } as unknown as TcpNetConnectOpts);
      // Node's own keeps TLS sessions for the next connection.
      const secure = super.createConnection({ ...options, socket, path: undefined } as object) as tls.TLSSocket;
      lend(secure);
      return secure;
    }
  }
  const globalAgent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 });
  class Server extends nodeHttps.Server {
    constructor(options: nodeHttps.ServerOptions | nodeHttp.RequestListener, listener?: nodeHttp.RequestListener) {
      super(options as nodeHttps.ServerOptions, listener);
      adopt(network, this);
    }
  }
  const request = (...args: unknown[]): ClientRequest =>
    nodeHttps.request(...(withAgent(args, globalAgent, () => new Agent()) as [string]));
  const get = (...args: unknown[]): ClientRequest => ended(request(...args));
  const createServer = (...args: ConstructorParameters<typeof Server>): Server => new Server(...args);
  return over(nodeHttps, { Agent, globalAgent, Server, createServer, request, get });
}

function http2Module(network: Network, net: Net): typeof nodeHttp2 {
  type Listener = (session: nodeHttp2.ClientHttp2Session) => void;

  const createConnection = (authority: URL, options: tls.ConnectionOptions): Duplex => {
    const host = authority.hostname.replace(/^\[|\]$/g, '') || 'localhost';
    const plain = authority.protocol === 'http:';
    const port = Number(authority.port) || (plain ? 80 : 443);
    if (plain) return net.connect({ ...options, host, port } as TcpNetConnectOpts);
    const named = isIP(host) === 0 ? { servername: host } : {};
    return connectTls(net, { ALPNProtocols: ['h2'], ...named, ...options, host, port });
  };
  const connect = (
    authority: string | URL,
    options?: object | Listener,
    listener?: Listener,
  ): nodeHttp2.ClientHttp2Session => {
    const done = typeof options === 'function' ? (options as Listener) : listener;
    const given = typeof options === 'object' ? options : {};
    const session = nodeHttp2.connect(
      authority,
      { createConnection, ...given } as nodeHttp2.ClientSessionOptions,
      done as never,
    );
    lend(session.socket);
    return session;
  };
  const createServer = (...args: [never, never]): nodeHttp2.Http2Server =>
    adopt(network, nodeHttp2.createServer(...args));
  const createSecureServer = (...args: [never, never]): nodeHttp2.Http2SecureServer =>
    adopt(network, nodeHttp2.createSecureServer(...args));
  return over(nodeHttp2, { connect, createServer, createSecureServer });
}

/** undici's connector over `net`; see Http.connector. */
export function connector(net: Net, options: tls.ConnectionOptions & { allowH2?: boolean } = {}): Connector {
  const { allowH2 = false, timeout = 10_000, ...rest } = options;
  return ({ hostname, protocol, port, servername, localAddress, httpSocket }, callback) => {
    const secure = protocol === 'https:';
    const where = {
      ...rest,
      host: hostname,
      port: Number(port) || (secure ? 443 : 80),
      localAddress: localAddress ?? undefined,
    };
    const name = servername || rest.servername || (isIP(hostname) === 0 ? hostname : undefined);
    const socket = secure
      ? connectTls(net, {
          ...where,
          ...(name === undefined ? {} : { servername: name }),
          ...(httpSocket ? { socket: httpSocket as Duplex } : {}),
          ALPNProtocols: allowH2 ? ['http/1.1', 'h2'] : ['http/1.1'],
        })
      : net.connect(where as TcpNetConnectOpts);
    const late = setTimeout(() => socket.destroy(hostPortError(ETIMEDOUT, 'connect', hostname, where.port)), timeout);
    const failed = (error: Error): void => {
      clearTimeout(late);
      callback(error, null);
    };
    socket.setNoDelay(true);
    socket.once('error', failed);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(late);
      socket.off('error', failed);
      callback(null, socket);
    });
  };
}

/**
 * node:http, node:https and node:http2 on a stack: `const { http } = createHttp(network)`, and code written for the
 * module runs unchanged. `req.socket` says the client's own address in each, and `encrypted` over TLS.
 */
export function createHttp(network: Network): Http {
  const net = createNet(network);
  return {
    http: httpModule(network, net),
    https: httpsModule(network, net),
    http2: http2Module(network, net),
    adopt: (server) => adopt(network, server),
    connector: (options) => connector(net, options),
  };
}
