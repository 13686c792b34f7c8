// ring3/net: createNet(network) gives an object in the shape of the module node:net, on the stack of `network`.
// Called by users, examples and src/servers; calls Socket and Server.

import nodeNet from 'node:net';
import { normalize } from './arguments.ts';
import type { ConnectOptions } from './connect.ts';
import type { SocketClass } from './listener.ts';
import type { Network } from './network.ts';
import { Server } from './server.ts';
import { type AcceptedOptions, Socket, type SocketOptions } from './socket.ts';

export { Network } from './network.ts';
export type { TcpControls, TcpInfo, TcpOptionName } from './tcp-options.ts';

/** The module node:net, as a type: what createNet() returns can stand wherever the module does. */
export type Net = typeof nodeNet;

/** One module a network: `instanceof net.Socket` holds for every socket of it. */
const modules = new WeakMap<Network, Net>();
const insides = new WeakMap<Net, { network: Network; Socket: SocketClass }>();

/** The network and the socket class behind a Net that createNet() made. Throws on any other. */
export function inside(net: Net): { network: Network; Socket: SocketClass } {
  const found = insides.get(net);
  if (found === undefined) throw new TypeError('not a net made by createNet()');
  return found;
}

/**
 * The module node:net on a stack: Server, Socket, createServer, connect, createConnection as there. Differences: no Unix
 * sockets and file descriptors; a peer with an IPv4 address is shown by it also on a server that listens on ::.
 */
export function createNet(network: Network): Net {
  const known = modules.get(network);
  if (known !== undefined) return known;
  class BoundSocket extends Socket {
    constructor(options?: SocketOptions | AcceptedOptions) {
      super(network, options);
    }
  }
  Object.defineProperty(BoundSocket, 'name', { value: 'Socket' });

  class BoundServer extends Server {
    constructor(...args: [options?: nodeNet.ServerOpts, listener?: (socket: nodeNet.Socket) => void]) {
      super(network, BoundSocket, ...args);
    }
  }
  Object.defineProperty(BoundServer, 'name', { value: 'Server' });

  function connect(...args: unknown[]): Socket {
    const { options } = normalize<ConnectOptions & SocketOptions & { timeout?: number }>(args);
    const socket = new BoundSocket(options);
    if (options.timeout) socket.setTimeout(options.timeout);
    return socket.connect(...args);
  }

  function createServer(...args: ConstructorParameters<typeof BoundServer>): Server {
    return new BoundServer(...args);
  }

  const own = {
    Socket: BoundSocket,
    Stream: BoundSocket,
    Server: BoundServer,
    createServer,
    connect,
    createConnection: connect,
  };
  const net = Object.create(nodeNet, Object.getOwnPropertyDescriptors(own)) as Net;
  modules.set(network, net);
  insides.set(net, { network, Socket: BoundSocket as SocketClass });
  return net;
}
