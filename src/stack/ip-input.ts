// The door to IP: by the version in the first four bits to ip4-input or ip6-input.
// Called by stack.ingress for every IP packet; calls ip4-input and ip6-input.

import { DROP_BAD_VERSION, DROP_SHORT } from '../base/drop.ts';
import type { Core } from './core.ts';
import type { IcmpErrors } from './icmp-errors.ts';
import type { Interfaces } from './interfaces.ts';
import { Ip4Input } from './ip4-input.ts';
import { Ip6Input } from './ip6-input.ts';
import type { Packet } from './packet.ts';
import type { Reassembly } from './reassembly.ts';

export class IpInput {
  readonly #core: Core;
  readonly #ip4: Ip4Input;
  readonly #ip6: Ip6Input;

  constructor(core: Core, interfaces: Interfaces, reassembly: Reassembly, errors: IcmpErrors) {
    this.#core = core;
    this.#ip4 = new Ip4Input(core, interfaces, reassembly, errors);
    this.#ip6 = new Ip6Input(core, interfaces, reassembly, errors);
  }

  /**
   * The packet at [p.l3, p.end), with p.iface, p.flags and p.linkGroup set; `version` is what the EtherType promised (4 or 6),
   * or 0 where nothing did. Returns 0: deliver p.protocol at [p.l4, p.end), the rest of `p` filled in; CONSUMED: it is a
   * fragment that waits for others; or a drop reason, not yet counted. Whatever it returns and whatever becomes of the
   * packet: if p.reassembled is not 0 afterwards, the caller frees that frame when done.
   */
  input(p: Packet, version: number): number {
    p.reassembled = 0;
    if (p.end <= p.l3) return DROP_SHORT;
    const first = this.#core.u8[p.l3]! >> 4;
    if ((version !== 0 && first !== version) || (first !== 4 && first !== 6)) return DROP_BAD_VERSION;
    return first === 4 ? this.#ip4.input(p) : this.#ip6.input(p);
  }
}
