// The `host` link: chosen TCP and UDP ports of this machine's kernel, served by a stack. No device and no privilege needed.
// Called by cli and by whoever serves without a device; calls node:net, node:dgram, splice-tcp and splice-udp.
//
// The kernel's end of each connection or flow is continued by an inner stack over a memory link that may carry loopback
// addresses, from the client's own address and port to the same destination in the served stack. Inward only.

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isMapped, parseAddress } from '../base/address.ts';
import type { Link, LinkMemory } from '../base/link.ts';
import { memoryLink } from '../link/memory.ts';
import type { Interface } from '../stack/interface.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import { errorCode, type HostError, hostError } from './errors.ts';
import type { HostLoop } from './loop.ts';
import { SystemRng, secretWords } from './random.ts';
import { type ClientAddress, ClientAddresses, endpointText } from './splice-addresses.ts';
import { TcpSplice } from './splice-tcp.ts';
import { UdpSplice } from './splice-udp.ts';

/** Options of hostLink(). */
export interface HostLinkOptions {
  /** TCP and UDP ports. 0: one that is free (see HostLink.tcp and .udp). */
  readonly tcp?: readonly number[];
  readonly udp?: readonly number[];
  /**
   * Addresses of this machine, or 0.0.0.0 and :: for all that it has now. Default: 127.0.0.1, and ::1 where there is IPv6.
   */
  readonly address?: string | readonly string[];
  /** The served stack's memory. */
  readonly memory: LinkMemory;
  /** Turns the inner stack. */
  readonly loop: HostLoop;
  /** TCP connections at once, default 16,384 or what the limit of open files allows; what comes beyond is reset. */
  readonly maxConnections?: number;
  /** UDP clients at once, default 4,096; the one that was silent longest makes way. */
  readonly maxUdpClients?: number;
  /** Milliseconds after which a silent UDP client is forgotten, default 60,000. */
  readonly udpIdle?: number;
  /** Told, at most once in ten seconds each, what people should know: too many connections, for instance. One line. */
  readonly onWarning?: (message: string) => void;
}

/** How long the same warning is not repeated, ms. */
const QUIET = 10_000;
/** Buffers of the inner stack: what is on its way lies in the served stack or in the kernel. */
const BUFFER = 256 * 1024;
const BACKLOG = 511;
/** Descriptors that are left for everything else. */
const OTHER_FILES = 64;

/** Opens the ports. Rejects with a HostError of one line (EADDRINUSE, EACCES, EADDRNOTAVAIL, EINVAL) and leaves none open then. */
export async function hostLink(options: HostLinkOptions): Promise<HostLink> {
  const link = new HostLink(options);
  try {
    await link.open(options);
    return link;
  } catch (error) {
    link.close();
    throw error;
  }
}

export class HostLink {
  /** The end for the served stack: attach() it, wrapped or as it is. */
  readonly link: Link;
  /** The ports as they were opened, in the order of the options. */
  readonly tcp: number[] = [];
  readonly udp: number[] = [];
  /** The addresses they are open at, which attach() gives to the served stack. */
  readonly addresses: string[] = [];
  readonly #inner: Stack;
  readonly #loop: HostLoop;
  readonly #tcpSplice: TcpSplice;
  readonly #udpSplice: UdpSplice;
  readonly #onWarning: ((message: string) => void) | undefined;
  readonly #warned: Map<string, number> = new Map();
  readonly #leave: () => void;
  /** Closes the kernel's ports. */
  readonly #ports: (() => void)[] = [];
  #closed = false;

  /** Use hostLink(). */
  constructor(options: HostLinkOptions) {
    const { maxUdpClients = 4096, udpIdle = 60_000 } = options;
    const files = openFilesLimit() - OTHER_FILES;
    const maxConnections = options.maxConnections ?? Math.max(1, Math.min(16_384, files));
    const tooMany =
      `more than ${maxConnections} connections at once: the ones beyond are reset` +
      (maxConnections === files ? '; "ulimit -n" allows no more' : '');
    this.#loop = options.loop;
    this.#onWarning = options.onWarning;
    this.#inner = new Stack(createMemory({ small: 8192, large: 512, chunks: 32 * 1024 }), {
      settings: {
        tcpRows: maxConnections + 64,
        udpRows: maxUdpClients + 1,
        tcpReceiveBuffer: BUFFER,
        tcpSendBuffer: BUFFER,
        tcpReceiveBufferMax: BUFFER,
        tcpSendBufferMax: BUFFER,
        udpReceiveBuffer: 1 << 20,
      },
      rng: new SystemRng(),
      secret: secretWords(8),
    });
    const [inner, served] = memoryLink({
      a: this.#inner.memory,
      b: options.memory,
      mtu: 65535,
      gso: 65535,
      txChecksum: 'partial',
      loopback: true,
    });
    this.link = served;
    const iface = this.#inner.attach(inner, { addresses: ['127.0.0.1/8', '::1/128'] });
    defaultRoutes(this.#inner, iface.index);
    const clients = new ClientAddresses(this.#inner, iface.index);
    this.#tcpSplice = new TcpSplice(this.#inner, clients, maxConnections, tooMany, (message) => this.#warn(message));
    this.#udpSplice = new UdpSplice(this.#inner, clients, maxUdpClients, udpIdle);
    this.#leave = this.#loop.onPass(() => {
      this.#tcpSplice.dispatch();
      this.#udpSplice.dispatch();
    });
    this.#loop.add(this.#inner);
  }

  /** Opens the ports: hostLink() does. */
  async open(options: HostLinkOptions): Promise<void> {
    const { tcp = [], udp = [], address } = options;
    const wanted = address === undefined ? ['127.0.0.1', '::1'] : typeof address === 'string' ? [address] : address;
    for (const text of new Set(wanted.flatMap(expand))) {
      const server = words(text);
      try {
        for (const [i, port] of tcp.entries()) this.tcp[i] = await this.#listenTcp(text, server, this.tcp[i] ?? port);
        for (const [i, port] of udp.entries()) this.udp[i] = await this.#bindUdp(text, server, this.udp[i] ?? port);
        this.addresses.push(text);
      } catch (error) {
        // A machine without IPv6 has no ::1; only who has asked for it wants to know.
        const missing = errorCode(error) === 'EADDRNOTAVAIL' || errorCode(error) === 'EAFNOSUPPORT';
        if (address === undefined && text === '::1' && missing) continue;
        throw error;
      }
    }
  }

  async #listenTcp(address: string, server: ClientAddress, port: number): Promise<number> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error) => reject(portError(error, 'TCP', server, port)));
      listener.listen({ host: address, port, backlog: BACKLOG, ipv6Only: true }, resolve);
    });
    this.#ports.push(() => listener.close());
    listener.removeAllListeners('error');
    listener.on('error', (error) => this.#acceptFailed(error));
    const actual = (listener.address() as { port: number }).port;
    listener.on('connection', (socket) => this.#tcpSplice.accept(socket, server, actual));
    return actual;
  }

  async #bindUdp(address: string, server: ClientAddress, port: number): Promise<number> {
    const socket = createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', ipv6Only: address.includes(':') });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(portError(error, 'UDP', server, port));
      });
      socket.bind({ address, port, exclusive: true }, resolve);
    });
    this.#ports.push(() => socket.close());
    socket.removeAllListeners('error');
    socket.on('error', (error) => this.#warn(`UDP on ${address}: ${error.message}`));
    const actual = socket.address().port;
    this.#udpSplice.add(socket, server, actual);
    return actual;
  }

  /** An accept that failed. The port stays open. (Without descriptors libuv accepts and closes, and tells nobody: hence the bound.) */
  #acceptFailed(error: Error): void {
    this.#warn(`a connection could not be accepted: ${errorCode(error)}`);
  }

  #warn(message: string): void {
    const now = performance.now();
    if (now - (this.#warned.get(message) ?? -QUIET) < QUIET) return;
    if (this.#warned.size > 100) this.#warned.clear();
    this.#warned.set(message, now);
    this.#onWarning?.(message);
  }

  /** Attaches `link` (this.link, or a wrapper around it) to the served stack, with the addresses of the ports. */
  attach(stack: Stack, link: Link = this.link): Interface {
    // Loopback addresses last: the first one is the source for whatever lies in no subnet of ours.
    const loopback = (text: string): number => (text.startsWith('127.') || text === '::1' ? 1 : 0);
    const addresses = [...this.addresses].sort((a, b) => loopback(a) - loopback(b));
    const iface = stack.attach(link, { addresses: addresses.map(withPrefix) });
    defaultRoutes(stack, iface.index);
    return iface;
  }

  /** TCP connections, those of them for whose client the kernel has not got everything yet, UDP clients, and datagrams lost, now. */
  get counts(): { connections: number; undelivered: number; udpClients: number; udpDropped: number } {
    return {
      connections: this.#tcpSplice.size,
      undelivered: this.#tcpSplice.undelivered,
      udpClients: this.#udpSplice.size,
      udpDropped: this.#udpSplice.dropped,
    };
  }

  /** Closes the ports: nobody new comes in. What is connected goes on. */
  stop(): void {
    for (const close of this.#ports.splice(0)) close();
  }

  /** stop(), resets every connection on both sides, and lets go of the link. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stop();
    this.#tcpSplice.close();
    this.#udpSplice.close();
    this.#leave();
    this.#loop.remove(this.#inner);
    this.#inner.close();
  }
}

/** How many files this process may have open. */
function openFilesLimit(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return limit === null ? Infinity : Number(limit[1]);
  } catch {
    return Infinity; // not Linux
  }
}

/** To the rest of the world by this interface too: clients of a port that is open to a network come from anywhere. */
function defaultRoutes(stack: Stack, iface: number): void {
  stack.routes.add({ w0: 0, w1: 0, w2: 0xffff, w3: 0, prefix: 96, via: null, iface, metric: 1024 });
  stack.routes.add({ w0: 0, w1: 0, w2: 0, w3: 0, prefix: 0, via: null, iface, metric: 1024 });
}

/** An address of this machine with the prefix length that it has here. */
function withPrefix(text: string): string {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const cidr = own.find((one) => one.address === text)?.cidr;
  return cidr ?? `${text}/${text.startsWith('127.') ? 8 : text.includes(':') ? 128 : 32}`;
}

/** 0.0.0.0 and :: as this machine's addresses; link-local ones need a zone and are left out. */
function expand(text: string): string[] {
  if (text !== '0.0.0.0' && text !== '::') return [text];
  const family = text === '::' ? 'IPv6' : 'IPv4';
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((one) => one.family === family && !/^fe[89ab]/i.test(one.address))
    .map((one) => one.address);
}

function words(text: string): ClientAddress {
  const w = new Int32Array(4);
  if (!parseAddress(text, w, 0) || (text.includes(':') && isMapped(w[0]!, w[1]!, w[2]!))) {
    throw hostError('EINVAL', `"${text}" is no IP address to open ports at: write one like 127.0.0.1 or ::1`);
  }
  return { w0: w[0]!, w1: w[1]!, w2: w[2]!, w3: w[3]!, users: 0 };
}

function portError(error: Error, protocol: string, server: ClientAddress, port: number): HostError {
  const code = errorCode(error);
  const where = `${protocol} port ${port} of ${endpointText(server, port).replace(/:\d+$/, '')}`;
  const say = (message: string): HostError => hostError(code, message, protocol === 'TCP' ? 'listen' : 'bind');
  if (code === 'EADDRINUSE') return say(`${where} is in use by another program: stop that, or choose another port`);
  if (code === 'EACCES') return say(`${where} may not be opened by this user: choose a port of 1024 or above`);
  if (code === 'EADDRNOTAVAIL') return say(`${where}: this machine has no such address`);
  return say(`${where} cannot be opened: ${code || error.message}`);
}
