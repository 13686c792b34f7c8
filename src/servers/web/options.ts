// What a web server is made with: the folder, limits, certificate, log, and the shape of the sockets that it runs on.
// Used by server.ts and by whoever makes one; calls nothing.

import type { Duplex } from 'node:stream';
import type { BlockStore } from './body.ts';
import type { LogFormat, LogStream } from './log.ts';

/** Limits on what one client can hold. Times in milliseconds. */
export interface WebLimits {
  /** From the connection, or the first byte of a request, to the end of its header. Default 60 s. */
  headersTimeout: number;
  /** The same to the end of its content. Default 120 s. */
  requestTimeout: number;
  /** A kept connection without a request. Default 75 s. */
  keepAliveTimeout: number;
  /** A connection on which nothing moves while it is being answered. Default 120 s. */
  stallTimeout: number;
  /** The TLS handshake. Default 15 s. */
  handshakeTimeout: number;
  /** Bytes of a request's header section; more: 431. Default 16 KiB. */
  maxHeaderSize: number;
  /** Fields in it; more: 431. Default 100. */
  maxHeaders: number;
  /** Connections at once; further ones are closed at once. Default 65,536. */
  maxConnections: number;
  /** Requests at once on one HTTP/2 connection. Default 100. */
  maxStreams: number;
}

/** The limits where WebOptions say nothing. */
export const DEFAULT_LIMITS: Readonly<WebLimits> = {
  headersTimeout: 60_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 75_000,
  stallTimeout: 120_000,
  handshakeTimeout: 15_000,
  maxHeaderSize: 16_384,
  maxHeaders: 100,
  maxConnections: 65_536,
  maxStreams: 100,
};

/** A net.Server, of node:net or of ring3/net: the part of it that is used. */
export interface NetServer {
  on(event: 'connection', listener: (socket: Duplex) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'listening', listener: () => void): unknown;
  listen(options: { port: number; host?: string; backlog?: number }): unknown;
  close(): unknown;
  address(): unknown;
}

/** node:net or ring3/net: the part of it that is used. */
export interface NetModule {
  createServer(options: { allowHalfOpen: boolean; noDelay: boolean }): NetServer;
}

export interface WebOptions {
  /** The folder to serve. It must exist. */
  readonly root: string;
  /** Names of files that answer for a folder. Default index.html. */
  readonly index?: readonly string[];
  /** A certificate (chain) and its key in PEM: every port then speaks TLS (HTTP/2 and HTTP/1.1) as well as plain HTTP, as the client begins. */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array };
  readonly log?: { readonly format: LogFormat; readonly stream: LogStream };
  readonly limits?: Partial<WebLimits>;
  /** The stack whose sockets are served (a Network), if there is one: bodies then go out from its memory, without copies. */
  readonly store?: BlockStore | undefined;
  /** Told of errors that are not the client's. Default: none is told. */
  readonly onError?: (error: unknown) => void;
}

/** One port that is served. */
export interface Listening {
  readonly address: string;
  readonly port: number;
  /** Stops accepting; connections go on. */
  close(): void;
}

export interface ListenOptions {
  /** Whose sockets: default node:net, the kernel's. */
  readonly net?: NetModule;
  readonly port: number;
  readonly host?: string;
}
