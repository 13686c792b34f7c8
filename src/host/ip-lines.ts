// The ip(8) commands that give the kernel its end of a TUN or TAP device: printed for the user, run by tests.
// Called by cli and tests; calls base/address.

import { formatCidr, parseCidr, prefixMask } from '../base/address.ts';

/** The device, and the stack's own addresses on it ("10.0.0.2/24", "fd00::2/64"). */
export interface IpLinesOptions {
  readonly name: string;
  readonly addresses: readonly string[];
}

/**
 * The commands, one a line, without "sudo": an address for the kernel beside each of the stack's (a route where the
 * prefix leaves no room for one), and the device up. Texts that are no CIDR are left out.
 */
export function ipLines(options: IpLinesOptions): string[] {
  const { name, addresses } = options;
  const lines = addresses.map((cidr) => {
    const kernel = kernelCidr(cidr);
    const v6 = cidr.includes(':');
    // Without nodad the kernel's IPv6 address is not usable for a second or two.
    if (kernel !== undefined) return `ip addr add ${kernel} dev ${name}${v6 ? ' nodad' : ''}`;
    return parseCidr(cidr, new Int32Array(4), 0) < 0 ? '' : `ip route add ${cidr} dev ${name}`;
  });
  // The device goes up first: routes need it, and an address brings its own route once it is.
  return [`ip link set ${name} up`, ...lines.filter((line) => line !== '')];
}

/**
 * An address for the kernel in the prefix of the stack's: the prefix's first host, or the second if that is the stack's
 * (RFC 4291 section 2.6.1: ::0 is the routers'). Undefined for a /32 or /128, and for what is no CIDR.
 */
export function kernelCidr(cidr: string): string | undefined {
  const words = new Int32Array(4);
  const length = parseCidr(cidr, words, 0);
  if (length < 0 || length === 128) return undefined;
  const [w0, w1, w2] = [words[0]!, words[1]!, words[2]!];
  const own = words[3]!;
  const network = own & prefixMask(length, 3);
  const host = own - network;
  // A pair (RFC 3021, RFC 6164): the other one. Prefixes shorter than 96 have other words that are the stack's own: kept.
  const kernel = length === 127 ? own ^ 1 : host === 1 ? network + 2 : network + 1;
  return formatCidr(w0, w1, w2, kernel, length);
}
