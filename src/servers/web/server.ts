// The web server around the handler: listeners on any net-shaped stack, HTTP/1, TLS and HTTP/2, limits, and draining.
// Called by users (ring3/web) and cli; calls handler.ts, node:http, node:http2 and node:tls on sockets it is given.
//
//   net.Server --connection--> (first byte, if there is a certificate) --> node:http
//                                       \--> node:tls --ALPN--> node:http2 or node:http
//
// No server of node's listens itself: accepted sockets are handed to them, so that the same code runs on any stack.

import http from 'node:http';
import http2 from 'node:http2';
import nodeNet from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { lend } from '../../socket/lend.ts';
import { Folder } from './files.ts';
import { Handler, type Peer, type WebRequest, type WebResponse, type WebStats } from './handler.ts';
import { AccessLog } from './log.ts';
import {
  DEFAULT_LIMITS,
  type Listening,
  type ListenOptions,
  type NetModule,
  type NetServer,
  type WebLimits,
  type WebOptions,
} from './options.ts';
import { refuse, statusOf } from './refusal.ts';
import { sniff } from './sniff.ts';

/** Makes a server for a folder; throws Node's error if the folder is not there, or an error of node:tls for a bad certificate. */
export function createWeb(options: WebOptions): Web {
  return new Web(options);
}

/** What is known of a connection: the accepted socket, what speaks on it, and how many answers are under way. */
interface Connection {
  readonly raw: Duplex;
  socket: Duplex;
  session: http2.Http2Session | null;
  active: number;
  refused: boolean;
}

const BACKLOG = 4096;

export class Web {
  /** A request listener: for a server of one's own. */
  readonly handler: (req: WebRequest, res: WebResponse) => void;
  readonly limits: Readonly<WebLimits>;
  readonly log: AccessLog | undefined;
  readonly #handler: Handler;
  readonly #http1: http.Server;
  readonly #http2: http2.Http2Server;
  readonly #tls: tls.Server | undefined;
  readonly #listening: Set<NetServer> = new Set();
  readonly #connections: Map<Duplex, Connection> = new Map();
  /** By the socket that HTTP is spoken on: the accepted one, or the TLS socket over it. */
  readonly #bySocket: WeakMap<object, Connection> = new WeakMap();
  readonly #onError: (error: unknown) => void;
  /** The connection that is being handed to node:http2: its session is announced during that call. */
  #opening: Connection | undefined;
  #accepted = 0;
  #drained: (() => void) | null = null;

  constructor(options: WebOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#onError = options.onError ?? (() => {});
    this.log = options.log && new AccessLog(options.log.format, options.log.stream);
    this.#handler = new Handler({
      folder: new Folder(options.root, options.index),
      log: this.log,
      maxHeaders: this.limits.maxHeaders,
      now: Date.now,
      peer: (socket) => this.#peer(socket),
      onError: this.#onError,
      store: options.store,
    });
    this.handler = (req, res) => this.#handler.handle(req, res);
    this.#http1 = this.#makeHttp1();
    this.#http2 = this.#makeHttp2();
    this.#tls = options.tls && this.#makeTls(options.tls);
  }

  /** What has been answered. */
  get stats(): Readonly<WebStats> {
    return this.#handler.stats;
  }

  /** Connections open now, and accepted since the start. */
  get connections(): { readonly open: number; readonly accepted: number } {
    return { open: this.#connections.size, accepted: this.#accepted };
  }

  /** Serves a port of a stack; rejects with Node's error (EADDRINUSE, EACCES, EADDRNOTAVAIL) where that is impossible. */
  listen(options: ListenOptions): Promise<Listening> {
    const net = options.net ?? (nodeNet as unknown as NetModule);
    const server = net.createServer({ allowHalfOpen: true, noDelay: true });
    return new Promise((resolve, reject) => {
      let listening = false;
      server.on('connection', (socket) => this.serve(socket));
      server.on('error', (error) => {
        if (listening) this.#onError(error);
        else reject(error);
      });
      server.once('listening', () => {
        listening = true;
        this.#listening.add(server);
        const at = server.address() as { address: string; port: number };
        const close = (): void => {
          if (this.#listening.delete(server)) server.close();
        };
        resolve({ address: at.address, port: at.port, close });
      });
      const host = options.host === undefined ? {} : { host: options.host };
      server.listen({ port: options.port, backlog: BACKLOG, ...host });
    });
  }

  /** Serves one accepted connection; `socket` is a Duplex in the shape of net.Socket. */
  serve(socket: Duplex): void {
    if (this.#connections.size >= this.limits.maxConnections || this.#handler.draining) {
      socket.destroy();
      return;
    }
    this.#accepted++;
    const connection: Connection = { raw: socket, socket, session: null, active: 0, refused: false };
    this.#connections.set(socket, connection);
    this.#bySocket.set(socket, connection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      if (this.#connections.size === 0) this.#drained?.();
    });
    if (this.#tls === undefined) this.#http1.emit('connection', socket);
    else {
      const { headersTimeout, handshakeTimeout } = this.limits;
      sniff(socket, headersTimeout || handshakeTimeout, (secure) => {
        (secure ? this.#tls! : this.#http1).emit('connection', socket);
      });
    }
  }

  /**
   * Stops accepting, closes idle connections, lets running answers finish for `timeout` milliseconds, and then cuts what
   * is left. Resolves to how many connections had to be cut.
   */
  async drain(timeout: number): Promise<number> {
    this.#handler.draining = true;
    this.#stopListening();
    for (const connection of this.#connections.values()) {
      if (connection.session !== null) connection.session.close();
      else if (connection.active === 0) endSoon(connection.socket);
    }
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout);
        this.#drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#drained = null;
    }
    const left = this.#connections.size;
    this.close();
    return left;
  }

  /** Stops at once: every connection is cut. */
  close(): void {
    this.#handler.draining = true;
    this.#stopListening();
    for (const connection of this.#connections.values()) {
      connection.session?.destroy();
      connection.socket.destroy();
      connection.raw.destroy();
    }
    this.#http1.close(() => {}); // ends its timers; that it never listened is no error of ours
    this.log?.flush();
  }

  #stopListening(): void {
    for (const server of this.#listening) server.close();
    this.#listening.clear();
  }

  #peer(socket: object): Peer {
    const raw = (this.#bySocket.get(socket)?.raw ?? socket) as Partial<nodeNet.Socket>;
    return { address: raw.remoteAddress, port: raw.remotePort };
  }

  #makeHttp1(): http.Server {
    const limits = this.limits;
    const server = http.createServer({
      headersTimeout: Math.min(limits.headersTimeout, limits.requestTimeout || limits.headersTimeout),
      requestTimeout: limits.requestTimeout,
      keepAliveTimeout: limits.keepAliveTimeout,
      maxHeaderSize: limits.maxHeaderSize,
      connectionsCheckingInterval: Math.min(5_000, Math.max(50, limits.headersTimeout / 4)),
      insecureHTTPParser: false,
      requireHostHeader: false, // the handler refuses its absence as it refuses everything else
    });
    server.timeout = limits.stallTimeout;
    // A client that ends its side once it has asked still gets its answers; node:http by itself would cut them off.
    (server as http.Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    server.maxHeadersCount = 0; // node:http would drop what is beyond it without a word; the handler counts and refuses
    server.on('request', (req, res) => this.#request(req, res));
    server.on('checkContinue', (req: http.IncomingMessage, res: http.ServerResponse) => {
      // RFC 9110 section 10.1.1: content that will not be used is not asked for.
      if (req.method === 'GET' || req.method === 'HEAD') res.writeContinue();
      else res.setHeader('Connection', 'close');
      this.#request(req, res);
    });
    server.on('connect', (_req, socket: Duplex) => this.#refuse(socket, 405));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => this.#clientError(error, socket));
    // This is what starts node:http's watch over headersTimeout and requestTimeout; nothing else listens to it.
    server.emit('listening');
    return server;
  }

  #makeHttp2(): http2.Http2Server {
    const server = http2.createServer({
      settings: { maxConcurrentStreams: this.limits.maxStreams, maxHeaderListSize: this.limits.maxHeaderSize },
      maxHeaderListPairs: this.limits.maxHeaders + 4, // with the pseudo-header fields
    });
    server.setTimeout(Math.max(this.limits.keepAliveTimeout, this.limits.stallTimeout));
    server.on('request', (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => {
      const { stream } = res;
      stream.setTimeout(this.limits.stallTimeout, () => stream.close(http2.constants.NGHTTP2_CANCEL));
      this.handler(req, res);
    });
    server.on('connect', (_req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => {
      res.writeHead(405, { allow: 'GET, HEAD, OPTIONS' });
      res.end();
    });
    server.on('session', (session) => {
      if (this.#opening !== undefined) this.#opening.session = session;
      // What a client does to its session ends that session, and concerns nobody else.
      session.on('error', () => {});
    });
    return server;
  }

  #makeTls(pem: NonNullable<WebOptions['tls']>): tls.Server {
    const key = typeof pem.key === 'string' ? pem.key : Buffer.from(pem.key);
    const cert = typeof pem.cert === 'string' ? pem.cert : Buffer.from(pem.cert);
    const server = tls.createServer({
      key,
      cert,
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: 'TLSv1.2',
      handshakeTimeout: this.limits.handshakeTimeout,
    });
    server.on('secureConnection', (socket) => {
      lend(socket);
      const connection = this.#connections.get(rawOf(socket));
      if (connection !== undefined) {
        connection.socket = socket;
        this.#bySocket.set(socket, connection);
      }
      if (socket.alpnProtocol === 'h2') {
        this.#opening = connection;
        this.#http2.emit('connection', socket);
        this.#opening = undefined;
      } else {
        this.#http1.emit('connection', socket);
      }
    });
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  #request(req: http.IncomingMessage, res: http.ServerResponse): void {
    const connection = this.#bySocket.get(req.socket);
    if (connection !== undefined) {
      connection.active++;
      res.once('close', () => {
        connection.active--;
        if (connection.active === 0 && this.#handler.draining) endSoon(connection.socket);
      });
    }
    this.handler(req, res);
  }

  /** A request that is malformed, too large or too slow. Errors of the network are none of these. */
  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = this.#bySocket.get(socket);
    if (connection?.refused) return; // what it goes on sending
    const silent = (socket as Partial<nodeNet.Socket>).bytesRead === 0;
    const status = statusOf(error);
    // In the middle of an answer there is no room for another.
    if (status === 0 || silent || !socket.writable || (connection !== undefined && connection.active > 0)) {
      socket.destroy();
    } else {
      this.#refuse(socket, status);
    }
  }

  #refuse(socket: Duplex, status: number): void {
    const connection = this.#bySocket.get(socket);
    if (connection !== undefined) connection.refused = true;
    this.#handler.refused(socket, status);
    refuse(socket, status);
  }
}

/** The accepted socket under a TLS socket. Over a socket without a handle of libuv's, node:tls puts an adapter between. */
function rawOf(socket: tls.TLSSocket): Duplex {
  const under = socket as unknown as {
    _parent?: Duplex;
    _handle?: { _parentWrap?: Duplex & { stream?: Duplex } };
  };
  const wrap = under._handle?._parentWrap;
  return wrap?.stream ?? wrap ?? under._parent ?? socket;
}

/** Ends a connection once what was written has gone out. */
function endSoon(socket: Duplex): void {
  const soon = socket as Duplex & { destroySoon?: () => void };
  if (typeof soon.destroySoon === 'function') soon.destroySoon();
  else socket.end(() => socket.destroy());
}
