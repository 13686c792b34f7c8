// Names to addresses for the commands that reach out: literals here, the rest by this machine's own resolver.
// Called by ping.ts; calls node:dns.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { failure, meaning } from './errors.ts';

/** The address of a name; a literal is its own. Throws one line where there is none. */
export async function lookUp(name: string): Promise<string> {
  if (isIP(name) !== 0) return name;
  try {
    return (await lookup(name)).address;
  } catch (error) {
    throw failure(`${name}: ${meaning(error)}`);
  }
}
