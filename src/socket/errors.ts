// Node's error objects: the only place where an errno of the stack becomes one. Shapes and messages as in node:net and node:dgram.
// Called by every file of this floor; calls base/errno and node:util for the names and texts of system errors.

import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { errnoName } from '../base/errno.ts';

/** A system error as node:net makes it: `errno` is this platform's number for `code`, negated. */
export interface SystemError extends Error {
  code: string;
  errno: number;
  syscall: string;
  address?: string;
  port?: number;
  localAddress?: string;
  localPort?: number;
}

/** The stack's errnos are Linux's; an error object bears the number of the platform it is seen on. */
function platformErrno(code: string): number {
  const numbers: Record<string, number | undefined> = constants.errno;
  return -(numbers[code] ?? 0);
}

function systemError(message: string, code: string, syscall: string): SystemError {
  const error = new Error(message) as SystemError;
  error.errno = platformErrno(code);
  error.code = code;
  error.syscall = syscall;
  return error;
}

/** `read ECONNRESET`: an error without an address. `errno` positive or negated. */
export function errnoError(errno: number, syscall: string): SystemError {
  const code = errnoName(errno);
  return systemError(`${syscall} ${code}`, code, syscall);
}

function withAddress(error: SystemError, address: string | undefined, port: number | undefined): SystemError {
  if (address !== undefined) error.address = address;
  if (port) error.port = port;
  return error;
}

function place(address: string | undefined, port: number | undefined): string {
  if (port) return ` ${address}:${port}`;
  return address ? ` ${address}` : '';
}

/** `connect ECONNREFUSED 10.0.0.1:80`, with `- Local (10.0.0.2:1234)` where the caller had chosen its own end. */
export function hostPortError(
  errno: number,
  syscall: string,
  address: string | undefined,
  port: number | undefined,
  local?: { address: string; port: number },
): SystemError {
  const code = errnoName(errno);
  const at = local === undefined ? '' : ` - Local (${local.address}:${local.port})`;
  const error = systemError(`${syscall} ${code}${place(address, port)}${at}`, code, syscall);
  if (local !== undefined) {
    error.localAddress = local.address;
    error.localPort = local.port;
  }
  return withAddress(error, address, port);
}

/** `listen EADDRINUSE: address already in use 10.0.0.1:80`: listen says the system's own text, too. */
export function listenError(errno: number, address: string, port: number): SystemError {
  const code = errnoName(errno);
  const text = getSystemErrorMap().get(platformErrno(code))?.[1] ?? 'unknown error';
  return withAddress(systemError(`listen ${code}: ${text}${place(address, port)}`, code, 'listen'), address, port);
}

const CLASSES = { Error, RangeError, TypeError };

/** Node's own codes that this floor uses, with their class and text. */
const NODE_ERRORS = {
  ERR_INVALID_ADDRESS_FAMILY: ['RangeError', 'Invalid address family'],
  ERR_INVALID_ARG_TYPE: ['TypeError', 'Invalid argument type'],
  ERR_INVALID_ARG_VALUE: ['TypeError', 'Invalid argument value'],
  ERR_INVALID_IP_ADDRESS: ['TypeError', 'Invalid IP address'],
  ERR_MISSING_ARGS: ['TypeError', 'Missing arguments'],
  ERR_OUT_OF_RANGE: ['RangeError', 'Out of range'],
  ERR_BUFFER_OUT_OF_BOUNDS: ['RangeError', 'Attempt to access memory outside buffer bounds'],
  ERR_SERVER_ALREADY_LISTEN: ['Error', 'Listen method has been called more than once without closing.'],
  ERR_SERVER_NOT_RUNNING: ['Error', 'Server is not running.'],
  ERR_SOCKET_ALREADY_BOUND: ['Error', 'Socket is already bound'],
  ERR_SOCKET_BAD_BUFFER_SIZE: ['TypeError', 'Buffer size must be a positive integer'],
  ERR_SOCKET_BAD_PORT: ['RangeError', 'Port should be >= 0 and < 65536.'],
  ERR_SOCKET_BAD_TYPE: ['TypeError', 'Bad socket type specified. Valid types are: udp4, udp6'],
  ERR_SOCKET_CLOSED: ['Error', 'Socket is closed'],
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION: ['Error', 'Socket closed before the connection was established'],
  ERR_SOCKET_CONNECTION_TIMEOUT: ['Error', 'Socket connection timeout'],
  ERR_SOCKET_DGRAM_IS_CONNECTED: ['Error', 'Already connected'],
  ERR_SOCKET_DGRAM_NOT_CONNECTED: ['Error', 'Not connected'],
  ERR_SOCKET_DGRAM_NOT_RUNNING: ['Error', 'Not running'],
} as const;

/** A code of Node's that is not a system error. */
export type NodeErrorCode = keyof typeof NODE_ERRORS;

/** An error with one of Node's ERR_ codes; `message` replaces the table's text where it names what was wrong. */
export function nodeError(code: NodeErrorCode, message?: string): Error & { code: string } {
  const [name, text] = NODE_ERRORS[code];
  const error = new CLASSES[name](message ?? text) as Error & { code: string };
  error.code = code;
  return error;
}

/** What was received instead, in the words of Node's argument errors. */
export function received(value: unknown): string {
  if (value == null) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') return ` Received an instance of ${value.constructor?.name ?? 'Object'}`;
  return ` Received type ${typeof value} (${typeof value === 'string' ? `'${value}'` : String(value)})`;
}

/** `ERR_INVALID_ARG_TYPE`: argument or property `name` must be `expected`. */
export function argTypeError(name: string, expected: string, value: unknown): Error {
  const kind = name.includes('.') ? 'property' : 'argument';
  return nodeError('ERR_INVALID_ARG_TYPE', `The "${name}" ${kind} must be ${expected}.${received(value)}`);
}
