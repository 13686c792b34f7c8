// The clients' addresses, owned by the inner stack of a host link so that it can speak as each client.
// Called by splice-tcp and splice-udp; calls interfaces of the inner stack.
//
// 127.0.0.0/8 and ::1 are its own anyway. Others (clients of a port that is open to a network) come and go: kept while
// something uses them, and after that until room is needed, since taking one away makes every way be found anew.

import { formatAddress, parseAddress } from '../base/address.ts';
import type { Stack } from '../stack/stack.ts';

/** An address as four words, and how many flows speak as it. */
export interface ClientAddress {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  users: number;
}

export class ClientAddresses {
  readonly #stack: Stack;
  readonly #iface: number;
  readonly #limit: number;
  readonly #known: Map<string, ClientAddress> = new Map();

  /** At most `limit` addresses besides the loopback ones are owned at a time. */
  constructor(stack: Stack, iface: number, limit = 1024) {
    this.#stack = stack;
    this.#iface = iface;
    this.#limit = limit;
  }

  /** The address in Node's text, for one more user; undefined if it is none that can be spoken as, or all are in use. */
  acquire(text: string): ClientAddress | undefined {
    const known = this.#known.get(text);
    if (known !== undefined) {
      known.users++;
      // The order of the map is that of last use.
      this.#known.delete(text);
      this.#known.set(text, known);
      return known;
    }
    const words = new Int32Array(4);
    if (!parseAddress(text, words, 0)) return undefined;
    const [w0, w1, w2, w3] = [words[0]!, words[1]!, words[2]!, words[3]!];
    if (!this.#own(w0, w1, w2, w3)) return undefined;
    const address = { w0, w1, w2, w3, users: 1 };
    this.#known.set(text, address);
    return address;
  }

  /** One user less. */
  release(address: ClientAddress): void {
    address.users--;
  }

  #own(w0: number, w1: number, w2: number, w3: number): boolean {
    const { interfaces } = this.#stack;
    if (interfaces.isLocal(this.#iface, w0, w1, w2, w3)) return true;
    if (this.#known.size >= this.#limit && !this.#forgetOne()) return false;
    return interfaces.addAddress(this.#iface, w0, w1, w2, w3, 128) === 0;
  }

  /** Gives up the address that was used longest ago, of those that nobody uses now. */
  #forgetOne(): boolean {
    for (const [text, address] of this.#known) {
      if (address.users > 0) continue;
      this.#known.delete(text);
      const { w0, w1, w2, w3 } = address;
      // 127.x.y.z came without an address of its own; then this says so and changes nothing.
      this.#stack.interfaces.removeAddress(this.#iface, w0, w1, w2, w3);
      return true;
    }
    return false;
  }
}

/** Text of the destination of a flow, for messages. */
export function endpointText(address: ClientAddress, port: number): string {
  const text = formatAddress(address.w0, address.w1, address.w2, address.w3);
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}
