// ring3/dgram: createDgram(network) gives an object in the shape of the module node:dgram, on the stack of `network`.
// Called by users, examples and src/servers; calls the dgram Socket.

import nodeDgram from 'node:dgram';
import type { SocketOptions } from './dgram-options.ts';
import { Socket } from './dgram-socket.ts';
import type { Network } from './network.ts';

export { Network } from './network.ts';

/** The module node:dgram, as a type. */
export type Dgram = typeof nodeDgram;

/**
 * The module node:dgram on a stack: createSocket and Socket as there. Differences: a peer with an IPv4 address is shown by it
 * also on a udp6 socket; no source-specific membership; a send buffer size is remembered but means nothing.
 */
export function createDgram(network: Network): Dgram {
  class BoundSocket extends Socket {
    constructor(type: nodeDgram.SocketType | SocketOptions, listener?: unknown) {
      super(network, type, listener);
    }
  }
  Object.defineProperty(BoundSocket, 'name', { value: 'Socket' });
  const createSocket = (type: nodeDgram.SocketType | SocketOptions, listener?: unknown): Socket =>
    new BoundSocket(type, listener);
  const own = { Socket: BoundSocket, createSocket };
  return Object.create(nodeDgram, Object.getOwnPropertyDescriptors(own)) as Dgram;
}
