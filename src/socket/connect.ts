// Connecting: from the options of Socket.connect() to attempts on addresses, one after another, until one succeeds.
// Made by Socket.connect(); calls Network.lookup and the socket's _attempt; the socket reports done() or failed().

import type { LookupAddress, LookupOptions } from 'node:dns';
import dns from 'node:dns';
import {
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  type LookupFunction,
} from 'node:net';
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ETIMEDOUT } from '../base/errno.ts';
import { AddressWords } from './addresses.ts';
import { checkFunction, checkNumber, checkPort } from './arguments.ts';
import { argTypeError, hostPortError, nodeError } from './errors.ts';
import type { Network } from './network.ts';
import type { Socket } from './socket.ts';

/** Options of Socket.connect(), as node:net has them for TCP. */
export interface ConnectOptions {
  port?: number | string | undefined;
  host?: string | undefined;
  /** node:net's Unix sockets: refused. */
  path?: string | null | undefined;
  localAddress?: string | undefined;
  localPort?: number | undefined;
  family?: number | 'IPv4' | 'IPv6' | undefined;
  hints?: number | undefined;
  lookup?: LookupFunction | undefined;
  autoSelectFamily?: boolean | undefined;
  /** Milliseconds that an attempt has before the next address is tried; at least 10. */
  autoSelectFamilyAttemptTimeout?: number | undefined;
}

const local = new AddressWords();
const remote = new AddressWords();

function family(option: ConnectOptions['family']): number {
  if (option === 'IPv4') return 4;
  return option === 'IPv6' ? 6 : (option ?? 0);
}

/** Alternating between the families, that of the first address first (RFC 8305 section 4), none twice. */
export function interleave(addresses: readonly LookupAddress[]): LookupAddress[] {
  const usable = addresses.filter((a) => isIP(a.address) !== 0 && (a.family === 4 || a.family === 6));
  const unique = usable.filter((a, i) => usable.findIndex((b) => b.address === a.address) === i);
  const first = unique.filter((a) => a.family === unique[0]!.family);
  const other = unique.filter((a) => a.family !== unique[0]!.family);
  const out: LookupAddress[] = [];
  for (let i = 0; i < Math.max(first.length, other.length); i++) {
    if (first[i] !== undefined) out.push(first[i]!);
    if (other[i] !== undefined) out.push(other[i]!);
  }
  return out;
}

export class Connecting {
  readonly #socket: Socket;
  readonly #network: Network;
  readonly #options: ConnectOptions;
  readonly #port: number;
  readonly #host: string;
  readonly #errors: Error[] = [];
  #addresses: LookupAddress[] = [];
  #current = -1;
  #timer: NodeJS.Timeout | null = null;
  #over = false;

  /** Throws node:net's argument errors. */
  constructor(socket: Socket, network: Network, options: ConnectOptions) {
    this.#socket = socket;
    this.#network = network;
    this.#options = options;
    this.#host = options.host || 'localhost';
    if (options.localAddress && isIP(options.localAddress) === 0) {
      throw nodeError('ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${options.localAddress}`);
    }
    if (options.localPort) checkNumber(options.localPort, 'options.localPort');
    if (typeof options.port !== 'number' && typeof options.port !== 'string') {
      throw argTypeError('options.port', 'one of type number or string', options.port);
    }
    this.#port = checkPort(options.port, 'Port');
    if (options.lookup != null) checkFunction(options.lookup, 'options.lookup');
  }

  start(): void {
    const literal = isIP(this.#host);
    if (literal !== 0) {
      this.#addresses = [{ address: this.#host, family: literal }];
      process.nextTick(() => this.#next());
      return;
    }
    const { autoSelectFamily, hints, localAddress } = this.#options;
    const wanted = family(this.#options.family);
    const lookup = this.#options.lookup ?? this.#network.lookup;
    const options: LookupOptions = { family: wanted, hints: hints ?? 0 };
    if (wanted !== 4 && wanted !== 6) {
      options.hints ||= dns.ADDRCONFIG;
      if (!localAddress && (autoSelectFamily ?? getDefaultAutoSelectFamily())) options.all = true;
    }
    lookup(this.#host, options, (error, address, version) => {
      // A lookup of the user may not know of `all`, and answer with one address.
      if (error === null && Array.isArray(address)) this.#found(address);
      else this.#foundOne(error, address as string | undefined, version);
    });
  }

  /** The socket still waits for this attempt. */
  get #wanted(): boolean {
    return !this.#over && this.#socket.connecting;
  }

  #foundOne(error: Error | null, address: string | undefined, version: number | undefined): void {
    const socket = this.#socket;
    socket.emit('lookup', error, address, version, this.#host);
    if (!this.#wanted) return;
    if (error !== null) process.nextTick(() => socket.destroy(error));
    else this.#use([{ address: address ?? '', family: version ?? 0 }]);
  }

  #found(addresses: readonly LookupAddress[]): void {
    for (const { address, family } of addresses) {
      if (!this.#wanted) return;
      this.#socket.emit('lookup', null, address, family, this.#host);
    }
    if (this.#wanted) this.#use(addresses);
  }

  #use(found: readonly LookupAddress[]): void {
    this.#addresses = interleave(found);
    if (this.#addresses.length > 0) {
      if (this.#addresses.length > 1) this.#socket.autoSelectFamilyAttemptedAddresses = [];
      this.#next();
      return;
    }
    const { address, family } = found[0] ?? { address: '', family: 0 };
    const error =
      isIP(address) === 0
        ? nodeError('ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${address}`)
        : nodeError('ERR_INVALID_ADDRESS_FAMILY', `Invalid address family: ${family} ${this.#host}:${this.#port}`);
    process.nextTick(() => this.#socket.destroy(error));
  }

  /** Tries the next address; after the last, the socket is destroyed with what went wrong. */
  #next(): void {
    const socket = this.#socket;
    if (!this.#wanted) return;
    this.#current++;
    const target = this.#addresses[this.#current];
    if (target === undefined) {
      this.#giveUp();
      return;
    }
    socket.emit('connectionAttempt', target.address, this.#port, target.family);
    if (!this.#wanted) return;
    if (this.#addresses.length > 1) socket.autoSelectFamilyAttemptedAddresses.push(`${target.address}:${this.#port}`);
    const result = this.#attempt(target);
    if (result < 0) this.#note(this.#errorOf(-result, target, true));
    else if (this.#current + 1 < this.#addresses.length) this.#limit(target);
  }

  #attempt(target: LookupAddress): number {
    local.any(6);
    const { localAddress, localPort } = this.#options;
    if (localAddress) {
      if (!local.read(localAddress)) return -EINVAL;
    } else if (localPort) {
      local.any(target.family);
    }
    if (!remote.read(target.address)) return -EINVAL;
    return this.#socket._attempt(local, localPort ?? 0, remote, this.#port);
  }

  /** An attempt that is not the last has only so long; then the next address gets its turn. */
  #limit(target: LookupAddress): void {
    const { autoSelectFamilyAttemptTimeout } = this.#options;
    const limit = Math.max(autoSelectFamilyAttemptTimeout ?? getDefaultAutoSelectFamilyAttemptTimeout(), 10);
    this.#timer = setTimeout(() => {
      const socket = this.#socket;
      socket.emit('connectionAttemptTimeout', target.address, this.#port, target.family);
      if (!this.#wanted) return;
      socket._giveUp();
      this.#errors.push(this.#errorOf(ETIMEDOUT, target, false));
      this.#next();
    }, limit);
  }

  /** As node:net does: a local end that cannot be had is bind's error, everything else connect's. */
  #errorOf(errno: number, { address, family }: LookupAddress, atOnce: boolean): Error {
    const { localAddress, localPort } = this.#options;
    const own = localAddress || localPort ? (localAddress ?? (family === 6 ? '::' : '0.0.0.0')) : undefined;
    if (atOnce && own !== undefined && (errno === EADDRINUSE || errno === EADDRNOTAVAIL)) {
      return hostPortError(errno, 'bind', own, localPort);
    }
    const end = localAddress && localPort ? { address: localAddress, port: localPort } : undefined;
    return hostPortError(errno, 'connect', address, this.#port, end);
  }

  #note(error: Error): void {
    const target = this.#addresses[this.#current]!;
    this.#errors.push(error);
    this.#socket.emit('connectionAttemptFailed', target.address, this.#port, target.family, error);
    this.#next();
  }

  #giveUp(): void {
    const [first] = this.#errors;
    if (this.#addresses.length === 1) this.#socket.destroy(first);
    else
      this.#socket.destroy(
        Object.assign(new AggregateError(this.#errors), { code: (first as { code?: string }).code }),
      );
  }

  /** The attempt under way has failed: `errno`, positive. */
  failed(errno: number): void {
    this.#stopTimer();
    const target = this.#addresses[this.#current]!;
    this.#note(this.#errorOf(errno, target, false));
  }

  /** Connected, destroyed, or told to connect elsewhere: whatever is still under way here counts no more. */
  done(): void {
    this.#over = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
