// Puts a stack together: link, wrappers, memory, loop and sockets, as the options say. The one place where that is done.
// Called by serve, ping and fetch; calls host, link, stack and socket.
//
//   device or host ports ── fault ── capture ── Stack ── Network ── net
//
// The recorder is next to the stack: it shows what the stack sends and what reaches it, as tcpdump on that host would.

import nodeNet from 'node:net';
import type { Link } from '../base/link.ts';
import { CaptureFile } from '../host/capture-file.ts';
import { type HostLink, hostLink } from '../host/host-link.ts';
import { ipLines } from '../host/ip-lines.ts';
import { HostLoop } from '../host/loop.ts';
import { SystemRng, secretWords } from '../host/random.ts';
import { openTap, openTun, type TunTap } from '../host/tuntap.ts';
import { CaptureLink } from '../link/capture.ts';
import { faultLink } from '../link/fault.ts';
import { createNet } from '../socket/net.ts';
import { Network } from '../socket/network.ts';
import { createMemory, Stack } from '../stack/stack.ts';
import { failure } from './errors.ts';
import { stackMemory } from './memory.ts';
import { checkLinkOptions, DEFAULT_ADDRESS, DEFAULT_DEVICE, type LinkOptions } from './options.ts';

/** What assemble() is to make. */
export interface AssembleOptions extends LinkOptions {
  /** TCP ports to open on the `host` link. */
  readonly ports?: readonly number[];
  /** Told what people should know, one line at a time. */
  readonly warn: (message: string) => void;
  /** Told when the device has been removed, where going on makes no sense. Default: as warn. */
  readonly gone?: (message: string) => void;
}

/** A stack with everything around it; or, for `kernel`, only Node's own net. */
export interface Assembled {
  /** The module whose sockets run on it. */
  readonly net: typeof nodeNet;
  /** Absent for `kernel`. */
  readonly inside?: Inside;
  /** Addresses at which a server can be reached, without prefix lengths. */
  readonly addresses: readonly string[];
  /** Where a server is to listen: for `kernel` its addresses, for a stack one that means all of its own. */
  readonly listenAt: readonly (string | undefined)[];
  /** Ports to listen on in place of AssembleOptions.ports: the `host` link may have chosen some. */
  readonly ports: readonly number[];
  /** The commands that give the kernel its end of the device; empty for links without one. */
  readonly ipLines: readonly string[];
  /** Nobody new comes in from the kernel's ports. */
  stop(): void;
  /** Waits, up to `timeout` ms, until the peers have what was sent to them; then lets go of everything. */
  close(timeout: number): Promise<void>;
}

/** A stack of ring3's. */
export interface Inside {
  readonly stack: Stack;
  readonly loop: HostLoop;
  readonly network: Network;
  /** The link as the stack sees it, wrappers included. */
  readonly link: Link;
  /** The name that its counters go by: the device, or "host". */
  readonly linkName: string;
}

/** Opens the link and builds the stack. Throws CliErrors for options, HostErrors for devices and ports. */
export async function assemble(options: AssembleOptions): Promise<Assembled> {
  checkLinkOptions(options);
  return options.link === 'kernel' ? kernel(options) : await inside(options);
}

function kernel(options: AssembleOptions): Assembled {
  const addresses = options.address ?? ['127.0.0.1'];
  return {
    net: nodeNet,
    addresses,
    listenAt: addresses,
    ports: options.ports ?? [],
    ipLines: [],
    stop: () => {},
    close: async () => {},
  };
}

async function inside(options: AssembleOptions): Promise<Assembled> {
  // The file first: that it cannot be written should be known before a device is made.
  const capture =
    options.capture === undefined
      ? undefined
      : new CaptureFile(options.capture, { onError: (error) => options.warn(error.message) });
  const stack = makeStack(options.memory);
  const loop = new HostLoop();
  let host: HostLink | undefined;
  let device: TunTap | undefined;
  try {
    if (options.link === 'host') {
      host = await hostLink({
        tcp: options.ports ?? [],
        memory: stack.memory,
        loop,
        onWarning: options.warn,
        ...(options.address === undefined ? {} : { address: options.address }),
      });
    } else {
      device = openDevice(options, stack);
    }
  } catch (error) {
    loop.close();
    await capture?.close();
    throw error;
  }
  const linkName = device?.name ?? 'host';
  const link = wrap(device ?? host!.link, linkName, options, loop, capture);
  const cidrs = options.address ?? (options.slaac ? [] : [DEFAULT_ADDRESS]);
  const letGo = async (): Promise<void> => {
    stack.close();
    host?.close();
    link.close();
    loop.close();
    await capture?.close();
    if (capture !== undefined && capture.dropped > 0) {
      options.warn(`${capture.dropped} frames are missing in ${capture.path}: the disk did not keep up`);
    }
  };
  try {
    if (host !== undefined) host.attach(stack, link);
    else {
      const ip6 = cidrs.some((cidr) => cidr.includes(':'));
      stack.attach(link, { addresses: cidrs, gateways: options.gateway ?? [], slaac: options.slaac ?? false, ip6 });
    }
  } catch (error) {
    await letGo();
    throw error instanceof RangeError ? failure(error.message) : error;
  }
  loop.add(stack);
  const network = new Network(stack, loop);
  return {
    net: createNet(network),
    inside: { stack, loop, network, link, linkName },
    addresses: host?.addresses ?? cidrs.map((cidr) => cidr.replace(/\/.*/, '')),
    listenAt: [undefined],
    ports: host?.tcp ?? options.ports ?? [],
    ipLines: device === undefined ? [] : ipLines({ name: device.name, addresses: cidrs }),
    stop: () => host?.stop(),
    close: async (timeout) => {
      await settled(stack, host, timeout);
      network.close();
      await letGo();
    },
  };
}

function makeStack(bytes: number | undefined): Stack {
  const { sizes, settings } = stackMemory(bytes);
  return new Stack(createMemory(sizes), {
    // The random wait before the first probe is for networks whose hosts all start at once (RFC 4862 section 5.4.2). Two
    // probes: the kernel may let the answer to the first one fall while the device that we have just opened comes up.
    settings: { ...settings, dadDelay: 0, dadTransmits: 2 },
    rng: new SystemRng(),
    secret: secretWords(8),
  });
}

function openDevice(options: AssembleOptions, stack: Stack): TunTap {
  const open = options.link === 'tun' ? openTun : openTap;
  return open({
    name: options.dev ?? DEFAULT_DEVICE,
    memory: stack.memory,
    // A wire that loses or shows frames shows them as they are on a wire: whole, and no larger than its MTU.
    offload: options.fault === undefined && options.capture === undefined,
    onGone: () => (options.gone ?? options.warn)(`the device ${options.dev ?? DEFAULT_DEVICE} has been removed`),
  });
}

function wrap(
  inner: Link,
  name: string,
  options: AssembleOptions,
  loop: HostLoop,
  file: CaptureFile | undefined,
): Link {
  let link = inner;
  if (options.fault !== undefined) link = faultLink(link, loop.clock, options.fault);
  if (file !== undefined) link = new CaptureLink(link, { sink: file.sink, clock: loop.clock, name });
  return link;
}

/** How often to look whether all is settled, ms. */
const LOOK = 10;
/** How long a client of the `host` link may keep its end open after ours has ended, ms. */
const HALF_CLOSED = 1000;

/** Waits until every peer has acknowledged all that was written, and our FIN. */
async function settled(stack: Stack, host: HostLink | undefined, timeout: number): Promise<void> {
  const deadline = performance.now() + timeout;
  const until = async (time: number, done: () => boolean): Promise<void> => {
    while (!done() && performance.now() < time) await new Promise((resolve) => setTimeout(resolve, LOOK));
  };
  await until(deadline, () => stack.tcp.unsettled === 0);
  // Behind the `host` link the bytes still have to reach the kernel's end, which then delivers them by itself.
  if (host !== undefined) {
    await until(deadline, () => host.counts.undelivered === 0);
    await until(Math.min(deadline, performance.now() + HALF_CLOSED), () => host.counts.connections === 0);
  }
}
