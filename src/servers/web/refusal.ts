// Answers to what is no request that node:http could read: written on the bare connection, which ends with them.
// Called by server.ts; calls the socket.

import type { Duplex } from 'node:stream';
import { errorPage } from './handler.ts';

/** How long a refused client may go on sending before its connection is cut. */
const LINGER = 2_000;

/**
 * Answers with `status` and closes: our end at once, the rest when the client has stopped sending, as an earlier end would
 * reset the connection and could take the answer away from it (RFC 9112 section 9.6).
 */
export function refuse(socket: Duplex, status: number): void {
  const body = errorPage(status);
  const head = [
    `HTTP/1.1 ${body.trimEnd()}`,
    `Date: ${new Date().toUTCString()}`,
    'Server: ring3',
    'X-Content-Type-Options: nosniff',
    "Content-Security-Policy: default-src 'none'",
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    ...(status === 405 ? ['Allow: GET, HEAD, OPTIONS'] : []),
    'Connection: close',
  ];
  const timer = setTimeout(() => socket.destroy(), LINGER);
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  socket.on('error', () => {});
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.resume();
}

/** The status for an error of node:http's parser or its watch; 0 where it is none of those. */
export function statusOf(error: NodeJS.ErrnoException): number {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return 431;
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    default:
      return error.code?.startsWith('HPE_') ? 400 : 0;
  }
}
