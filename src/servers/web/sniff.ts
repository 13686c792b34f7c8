// Which protocol a client speaks: the first byte tells TLS from HTTP.
// Called by server.ts for ports with a certificate; reads the socket and puts back what it has read.

import type { Duplex } from 'node:stream';

/** First byte of a TLS record that carries a handshake (RFC 8446 section 5.1). An HTTP request begins with a letter. */
const TLS_HANDSHAKE = 22;

/**
 * Waits for the first byte of `socket` and calls `found` with whether it begins TLS; the byte is still to be read then.
 * A client that says nothing for `timeout` ms is cut, one that ends or fails before is forgotten.
 */
export function sniff(socket: Duplex, timeout: number, found: (secure: boolean) => void): void {
  const timer = setTimeout(() => socket.destroy(), timeout);
  const stop = (): void => {
    clearTimeout(timer);
    socket.removeListener('readable', look);
    socket.removeListener('error', ignore);
    socket.removeListener('close', stop);
    socket.removeListener('end', end);
  };
  const ignore = (): void => {};
  const end = (): void => void socket.destroy();
  const look = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    stop();
    socket.unshift(chunk);
    // After the removal of 'readable' has taken effect, which streams do in their next tick.
    setImmediate(() => {
      if (!socket.destroyed) found(chunk[0] === TLS_HANDSHAKE);
    });
  };
  socket.on('error', ignore);
  socket.on('close', stop);
  socket.on('end', end);
  socket.on('readable', look);
}
