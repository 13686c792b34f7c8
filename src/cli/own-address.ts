// Checks of the addresses that a stack is to have on a device: what is wrong with one, in a line.
// Called by options.ts; calls base/address.ts and stack/address-kinds.ts.

import { formatCidr, isMapped, parseCidr, prefixMask } from '../base/address.ts';
import { isLoopback, isMulticast } from '../stack/address-kinds.ts';
import { usage } from './errors.ts';

/** Throws a usage error for the first of the CIDRs that a stack on a device cannot have. */
export function checkOwnAddresses(cidrs: readonly string[]): void {
  const words = new Int32Array(4);
  const seen = new Map<string, string>();
  for (const text of cidrs) {
    const length = parseCidr(text, words, 0);
    if (length < 0) {
      throw usage(`--address ${text}: write an address with a prefix length, such as 10.3.0.2/24 or fd03::2/64`);
    }
    const problem = problemOf(words, length);
    if (problem !== undefined) throw usage(`--address: ${text} is ${problem}; choose a host address`);
    const key = words.join();
    const before = seen.get(key);
    if (before !== undefined) throw usage(`--address: ${before} and ${text} are one address; give it once`);
    seen.set(key, text);
  }
}

/** What kind of address it is that no host on a device can have; undefined if one can. `length` of 128. */
function problemOf(words: Int32Array, length: number): string | undefined {
  const [w0, w1, w2, w3] = [words[0]!, words[1]!, words[2]!, words[3]!];
  if (isLoopback(w0, w1, w2, w3)) return 'a loopback address, which never leaves its host';
  if (isMulticast(w0, w1, w2, w3)) return 'a multicast address, which names a group';
  const onlyNetwork = [w0, w1, w2, w3].every((word, i) => (word & ~prefixMask(length, i)) === 0);
  if (!isMapped(w0, w1, w2)) {
    if ((w0 | w1 | w2 | w3) === 0) return 'the unspecified address';
    // RFC 4291 section 2.6.1; RFC 6164 takes prefixes of 127 out of it.
    return onlyNetwork && length < 127 ? "the address of all the subnet's routers" : undefined;
  }
  if (length < 96) return `no IPv4 address with a prefix length (did you mean ${formatCidr(w0, w1, w2, w3, 120)}?)`;
  if (w3 >>> 24 === 0 || w3 >>> 28 === 15) return 'in a reserved range';
  // Both hosts of a prefix of 31 are hosts (RFC 3021).
  if (length >= 127) return undefined;
  if (onlyNetwork) return "the subnet's own address";
  return (w3 | prefixMask(length, 3)) === -1 ? "the subnet's broadcast address" : undefined;
}
