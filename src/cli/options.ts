// Options that every command with a stack has: which link, which addresses, what happens on the way; and their checks.
// Called by program.ts and the commands; calls units.ts, own-address.ts, base/address.ts and link/fault.ts.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseAddress } from '../base/address.ts';
import { type FaultOptions, parseFaults } from '../link/fault.ts';
import { usage } from './errors.ts';
import { checkOwnAddresses } from './own-address.ts';
import { parseCount, parsePort, parseSize, parseTime } from './units.ts';

/** `kernel` is not a link of ring3: the same server on the kernel's stack, for comparison. */
export type LinkKind = 'host' | 'tun' | 'tap' | 'kernel';

/** What the options of addLinkOptions() come out as. */
export interface LinkOptions {
  readonly link: LinkKind;
  readonly dev?: string;
  readonly address?: readonly string[];
  readonly gateway?: readonly string[];
  readonly slaac?: boolean;
  readonly capture?: string;
  readonly fault?: FaultOptions;
  /** Bytes. */
  readonly memory?: number;
}

export const DEFAULT_DEVICE = 'ring0';
export const DEFAULT_ADDRESS = '10.3.0.2/24';

/** Makes a reader for commander of one that throws RangeErrors. */
export function reader<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (error instanceof RangeError) throw new InvalidArgumentError(`${error.message}.`);
      throw error;
    }
  };
}

/** The same for an option that may be given several times. */
export function several<T>(read: (text: string) => T): (text: string, before?: readonly T[]) => T[] {
  const one = reader(read);
  return (text, before = []) => [...before, one(text)];
}

export const readPort: (text: string) => number = reader(parsePort);
/** A port that is given twice is one; each 0 is a port of its own. */
export const readPorts: (text: string, before?: readonly number[]) => number[] = (text, before = []) => {
  const port = readPort(text);
  return port !== 0 && before.includes(port) ? [...before] : [...before, port];
};
export const readSize: (text: string) => number = reader(parseSize);
/** Microseconds. */
export const readTime: (text: string) => number = reader(parseTime);
export const readCount: (text: string) => number = reader(parseCount);

/** Adds the options of LinkOptions to a command. */
export function addLinkOptions(command: Command, byDefault: LinkKind): Command {
  return command
    .addOption(
      new Option('--link <kind>', 'where frames come from and go to')
        .choices(['host', 'tun', 'tap', 'kernel'])
        .default(byDefault),
    )
    .option('--dev <name>', `tun and tap: the device, made if it is not there (default: "${DEFAULT_DEVICE}")`)
    .option(
      '--address <cidr>',
      `an address of the stack with its prefix length; repeatable (default on tun and tap: ${DEFAULT_ADDRESS}); on host and kernel: an address of this machine to listen at (default: 127.0.0.1 and ::1)`,
      (text: string, before: readonly string[] = []) => [...new Set([...before, text])],
    )
    .option('--gateway <address>', 'tun and tap: a default router; repeatable', several(checkedGateway))
    .option('--slaac', 'tun and tap: take IPv6 addresses from routers as well')
    .option('--capture <file>', 'record every frame as pcapng, for Wireshark')
    .option(
      '--fault <list>',
      'make the link bad: drop=0.02,reorder=0.02,duplicate=0.01,corrupt=0.001,delay=5ms,seed=7; rx. or tx. before a key for one direction',
      reader(parseFaults),
    )
    .option('--memory <size>', 'memory of the stack, such as 512MB', readSize);
}

/** Refuses the links through which nothing can be reached from inside. */
export function inwardOnly(command: string, link: LinkKind): void {
  if (link === 'host') {
    throw usage(
      `the host link is inward only, and ${command} goes out from the stack: give it a device, with --link tap or --link tun`,
    );
  }
}

function checkedGateway(text: string): string {
  if (!parseAddress(text, new Int32Array(4), 0)) {
    throw new RangeError(`${JSON.stringify(text)} is no IP address, such as 10.3.0.1`);
  }
  return text;
}

/** Checks what single readers cannot: options that do not go together. Throws usage errors. */
export function checkLinkOptions(options: LinkOptions): void {
  const { link } = options;
  const device = link === 'tun' || link === 'tap';
  if (!device) {
    for (const name of ['dev', 'gateway', 'slaac'] as const) {
      if (options[name] !== undefined) throw usage(`--${name} is for --link tun and tap, not for ${link}`);
    }
  }
  if (link === 'kernel') {
    for (const name of ['capture', 'fault', 'memory'] as const) {
      if (options[name] !== undefined) throw usage(`--${name} needs a stack of ring3's: --link kernel has none`);
    }
  }
  if (device) checkOwnAddresses(options.address ?? []);
  else checkListenAddresses(link, options.address ?? []);
}

/** The addresses of a server on the kernel's side. */
function checkListenAddresses(link: LinkKind, addresses: readonly string[]): void {
  const words = new Int32Array(4);
  for (const text of addresses) {
    if (!parseAddress(text, words, 0)) {
      throw usage(`--address ${text}: on ${link}, write an IP address of this machine, such as 127.0.0.1 or 0.0.0.0`);
    }
  }
}
