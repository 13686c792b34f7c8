// From a Duplex of Node's to a link over a byte stream: pumps bytes both ways, with backpressure both ways.
// Called by whoever has a stream to a tunnel, a phone or an emulator; calls the link through StreamCore (src/link/stream.ts has it).

import type { Duplex } from 'node:stream';

/** What is needed of a link over a byte stream. */
export interface StreamCore {
  /** Takes all of `bytes`; false: hold the stream up until the port's `resume` is called. */
  push(bytes: Uint8Array): boolean;
  /** The stream takes more after the port's `write` said false. */
  drained(): void;
  /** The stream has ended; `reason` in one line. */
  end(reason: string): void;
}

/** What the link is made with. */
export interface StreamPort {
  /** Takes bytes to be sent; false: no more until drained() is called. */
  readonly write: (bytes: Uint8Array) => boolean;
  /** The link has room again after push() said false. */
  readonly resume: () => void;
  /** The link has closed by itself: the stream is destroyed. */
  readonly closed: (reason: string) => void;
}

/**
 * Makes a link over `duplex`: `duplexLink(socket, (port) => streamLink({ memory, ...port }))`. The stream's end or error ends
 * the link; a link that closes by itself (out of step) destroys the stream with an error that says why. Errors of the stream
 * reach its own 'error' listeners, too.
 */
export function duplexLink<L extends StreamCore>(duplex: Duplex, make: (port: StreamPort) => L): L {
  let ended = false;
  const link = make({
    write: (bytes) => !duplex.writable || duplex.write(bytes),
    resume: () => void duplex.resume(),
    closed: (reason) => {
      if (!ended) duplex.destroy(new Error(reason));
      ended = true;
    },
  });
  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    link.end(reason);
  };
  duplex.on('data', (bytes: Uint8Array) => {
    if (!link.push(bytes)) duplex.pause();
  });
  duplex.on('drain', () => link.drained());
  duplex.once('end', () => end('the stream has ended'));
  duplex.on('error', (error) => end(error.message));
  duplex.once('close', () => end('the stream was closed'));
  return link;
}
