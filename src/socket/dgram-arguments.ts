// The many forms of dgram's send(), read into one.
// Called by the dgram Socket; calls arguments and errors.

import { checkPort, checkString } from './arguments.ts';
import { argTypeError, nodeError } from './errors.ts';

/** What one send() says. Port 0: the peer of a connected socket. */
export interface SendArguments {
  readonly list: Uint8Array[];
  readonly port: number;
  readonly address: string | undefined;
  readonly callback: ((error: Error | null, bytes: number) => void) | undefined;
}

const MESSAGE = 'of type string or an instance of Buffer, TypedArray, or DataView';

function bytesOf(message: unknown, name: string): Uint8Array {
  if (typeof message === 'string') return Buffer.from(message);
  if (ArrayBuffer.isView(message)) return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  throw argTypeError(name, MESSAGE, message);
}

function slice(message: unknown, offset: unknown, length: unknown): Uint8Array {
  const bytes = bytesOf(message, 'buffer');
  const from = Number(offset) >>> 0;
  const n = Number(length) >>> 0;
  if (from > bytes.length) throw nodeError('ERR_BUFFER_OUT_OF_BOUNDS', '"offset" is outside of buffer bounds');
  if (from + n > bytes.length) throw nodeError('ERR_BUFFER_OUT_OF_BOUNDS', '"length" is outside of buffer bounds');
  return bytes.subarray(from, from + n);
}

/** Not connected: (message, [offset, length,] port[, address][, callback]); connected: (message[, offset, length][, callback]). */
export function readDestination(args: readonly unknown[], connected: boolean): SendArguments {
  let [message, offset, length, port, address, callback] = args;
  if (connected) {
    if (typeof length === 'number') {
      message = slice(message, offset, length);
      if (typeof port === 'function') {
        callback = port;
        port = undefined;
      }
    } else {
      callback = offset;
    }
    if (port || address) throw nodeError('ERR_SOCKET_DGRAM_IS_CONNECTED');
  } else if (address || (port && typeof port !== 'function')) {
    message = slice(message, offset, length);
  } else {
    callback = port;
    port = offset;
    address = length;
  }
  const list = Array.isArray(message)
    ? message.map((part) => bytesOf(part, 'buffer list arguments'))
    : [bytesOf(message, 'buffer')];
  const to = connected ? 0 : checkPort(port, 'Port', false);
  if (typeof address === 'function') {
    callback = address;
    address = undefined;
  } else if (!connected && address != null) {
    checkString(address, 'address');
  }
  return {
    list,
    port: to,
    address: connected ? undefined : ((address ?? undefined) as string | undefined),
    callback: typeof callback === 'function' ? (callback as SendArguments['callback']) : undefined,
  };
}
