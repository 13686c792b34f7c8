// What users pass: the forms of connect() and listen(), ports, functions, signals, durations, checked as node:net checks them.
// Called by net's Socket and Server and by dgram; calls errors.

import { argTypeError, nodeError, received } from './errors.ts';

/** The options object that every form of connect() and listen() comes down to, and its callback. */
export interface Normalized<T> {
  readonly options: T;
  readonly callback: (() => void) | null;
}

/** As node:net: what reads as a number >= 0, or false. */
export function toNumber(value: unknown): number | false {
  const n = Number(value);
  return n >= 0 ? n : false;
}

/**
 * (options[, ...][, callback]), (port[, host][, ...][, callback]) or (path[, ...][, callback]): the forms of connect()
 * and listen(). What stands between is for listen() to read (its backlog).
 */
export function normalize<T extends object>(args: readonly unknown[]): Normalized<T> {
  const first = args[0];
  const last = args.at(-1);
  const callback = typeof last === 'function' ? (last as () => void) : null;
  if (args.length === 0) return { options: {} as T, callback };
  if (typeof first === 'object' && first !== null) return { options: first as T, callback };
  if (typeof first === 'string' && toNumber(first) === false)
    return { options: { path: first } as unknown as T, callback };
  const options: { port: unknown; host?: string } = { port: first };
  if (typeof args[1] === 'string') options.host = args[1];
  return { options: options as unknown as T, callback };
}

/** A port as a number. ERR_SOCKET_BAD_PORT outside 0..65535 (or 1..65535) and for anything that is no integer. */
export function checkPort(port: unknown, name: string, allowZero = true): number {
  const n = typeof port === 'string' && port.trim() !== '' ? +port : port;
  if (typeof n !== 'number' || n !== n >>> 0 || n > 0xffff || (n === 0 && !allowZero)) {
    throw nodeError(
      'ERR_SOCKET_BAD_PORT',
      `${name} should be ${allowZero ? '>=' : '>'} 0 and < 65536.${received(port)}.`,
    );
  }
  return n;
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw argTypeError(name, 'of type function', value);
}

export function checkNumber(value: unknown, name: string): void {
  if (typeof value !== 'number') throw argTypeError(name, 'of type number', value);
}

export function checkString(value: unknown, name: string): void {
  if (typeof value !== 'string') throw argTypeError(name, 'of type string', value);
}

/** A duration of setTimeout() in ms: finite and not negative; what a timer cannot hold is cut to what it can. */
export function checkDuration(value: unknown, name: string): number {
  if (typeof value !== 'number') throw argTypeError(name, 'of type number', value);
  if (value < 0 || !Number.isFinite(value)) {
    const message = `The value of "${name}" is out of range. It must be a non-negative finite number.${received(value)}`;
    throw nodeError('ERR_OUT_OF_RANGE', message);
  }
  return Math.min(value, 2 ** 31 - 1);
}

/** Calls `abort` when `signal` is aborted (at once on the next tick if it is already); returns what takes that back. */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  if (signal === null || typeof signal !== 'object' || !('aborted' in signal)) {
    throw argTypeError('options.signal', 'an instance of AbortSignal', signal);
  }
  if (signal.aborted) {
    process.nextTick(abort);
    return () => {};
  }
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}
