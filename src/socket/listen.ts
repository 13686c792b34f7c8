// listen(): the forms of Server.listen(), the same for ring3's own Server and for node:http's, https's and http2's.
// Called by Server and http.adopt; calls Listener and Network.lookup.

import { isIP } from 'node:net';
import { EADDRNOTAVAIL, EINVAL } from '../base/errno.ts';
import { AddressWords } from './addresses.ts';
import { checkPort, normalize, onAbort, toNumber } from './arguments.ts';
import { listenError, nodeError } from './errors.ts';
import { Listener, type ListenOwner, type SocketClass } from './listener.ts';
import type { Network } from './network.ts';

/** A server that can listen: the fields of net.Server that its own methods (close, address, ref) go by. */
export interface Listening extends ListenOwner {
  _handle: unknown;
  _listeningId: number;
  _unref: boolean;
  close(callback?: (error?: Error) => void): unknown;
  unref(): unknown;
}

/** Options of Server.listen() that have a meaning here; `exclusive` and the rest of node:net's are ignored. */
interface ListenOptions {
  port?: number | string | null | undefined;
  host?: string | undefined;
  path?: string | undefined;
  backlog?: number | undefined;
  ipv6Only?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** node:net's backlog where none is given. */
const BACKLOG = 511;
const words = new AddressWords();

/** Makes the server's handle and announces it; errors are emitted on the next tick. `host` is a literal, or '' for any. */
function open(
  server: Listening,
  listener: Listener,
  host: string,
  port: number,
  backlog: number,
  ipv6Only: boolean,
): void {
  let address = host || '::';
  words.any(6);
  let result = host === '' || words.read(host) ? listener.listen(words, port, backlog, ipv6Only) : -EINVAL;
  if (host === '' && !ipv6Only && result === -EADDRNOTAVAIL) {
    address = '0.0.0.0';
    words.any(4);
    result = listener.listen(words, port, backlog, false);
  }
  if (result < 0) {
    process.nextTick(() => server.emit('error', listenError(result, address, port)));
    return;
  }
  server._handle = listener;
  if (server._unref) server.unref();
  process.nextTick(() => {
    if (server._handle === listener) server.emit('listening');
  });
}

function portOf(options: ListenOptions, args: readonly unknown[]): number {
  const { port } = options;
  const omitted =
    args.length === 0 || typeof args[0] === 'function' || port === null || ('port' in options && port === undefined);
  if (omitted) return 0;
  if (typeof port === 'number' || typeof port === 'string') return checkPort(port, 'options.port');
  if (options.path !== undefined) {
    throw nodeError('ERR_INVALID_ARG_VALUE', `There are no Unix sockets on this stack: ${options.path}`);
  }
  throw nodeError('ERR_INVALID_ARG_VALUE', `The argument 'options' must have the property "port"`);
}

/**
 * As net.Server.listen: ([port][, host][, backlog][, listener]) or (options[, listener]). Without a host it listens on ::,
 * both families. Throws ERR_SERVER_ALREADY_LISTEN and argument errors.
 */
export function listen(server: Listening, network: Network, Socket: SocketClass, args: readonly unknown[]): void {
  const { options, callback } = normalize<ListenOptions>(args);
  if (server._handle) throw nodeError('ERR_SERVER_ALREADY_LISTEN');
  const port = portOf(options, args);
  if (callback !== null) server.once('listening', callback);
  const backlog =
    options.backlog || toNumber(args.length > 1 && args[1]) || toNumber(args.length > 2 && args[2]) || BACKLOG;
  const { host = '', ipv6Only = false, signal } = options;
  if (signal !== undefined)
    server.once(
      'close',
      onAbort(signal, () => void server.close()),
    );
  const id = ++server._listeningId;
  const listener = new Listener(network, Socket, server);
  if (!host || isIP(host) !== 0) {
    open(server, listener, host, port, backlog, ipv6Only);
    return;
  }
  network.lookup(host, {}, (error, address) => {
    // Closed, or told to listen elsewhere, in the meantime.
    if (id !== server._listeningId) return;
    if (error !== null) server.emit('error', error);
    else open(server, listener, address as string, port, backlog, ipv6Only);
  });
}
