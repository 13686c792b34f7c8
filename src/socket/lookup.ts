// Names to addresses: literals and localhost are answered here, everything else by the lookup given (default: node:dns).
// Called by connect, listen and dgram through Network.lookup; calls node:dns.

import dns, { type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** RFC 6761 section 6.3: localhost and names below it never go to a server. */
function isLocalhost(name: string): boolean {
  const lower = name.toLowerCase().replace(/\.$/, '');
  return lower === 'localhost' || lower.endsWith('.localhost');
}

const LOOPBACK: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

function wantedFamily(options: LookupOptions): number {
  if (options.family === 'IPv4') return 4;
  return options.family === 'IPv6' ? 6 : (options.family ?? 0);
}

/** A lookup that asks `outside` only for names that need asking. Answers on the next tick, as node:dns does. */
export function makeLookup(outside?: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    const literal = isIP(hostname);
    const family = wantedFamily(options);
    let known: readonly LookupAddress[] | null = null;
    if (literal !== 0) known = [{ address: hostname, family: literal }];
    else if (isLocalhost(hostname)) known = LOOPBACK.filter((a) => family === 0 || a.family === family);
    if (known === null) {
      // Read at call time: tests and instrumentation replace dns.lookup.
      const ask = outside ?? (dns.lookup as unknown as LookupFunction);
      ask(hostname, options, callback);
    } else if (options.all === true) {
      process.nextTick(callback, null, [...known]);
    } else {
      process.nextTick(callback, null, known[0]!.address, known[0]!.family);
    }
  };
}
