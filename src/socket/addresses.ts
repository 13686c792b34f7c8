// Addresses between the stack's four words and the text that Node's users see.
// Called by net and dgram; calls base/address.

import type { AddressInfo } from 'node:net';
import { formatAddress, isMapped, parseAddress } from '../base/address.ts';

/** fe80::/10 (RFC 4291 section 2.5.6), and ff02::/16: addresses that mean something on one interface only. */
function isScoped(w0: number): boolean {
  return (w0 & 0xffc00000) === (0xfe800000 | 0) || (w0 & 0xff0f0000) === (0xff020000 | 0);
}

/** Four words and a zone: a register to be filled by `read`. */
export class AddressWords {
  readonly words: Int32Array = new Int32Array(4);
  /** Index of the interface a scoped address belongs to (RFC 4007 section 11), 0: none given. */
  zone = 0;

  /** Reads an address literal, with its zone as an interface index ("fe80::1%2"). False if it is none. */
  read(text: string): boolean {
    const percent = text.indexOf('%');
    this.zone = 0;
    if (percent < 0) return parseAddress(text, this.words, 0);
    const zone = Number(text.slice(percent + 1));
    if (!Number.isInteger(zone) || zone < 1 || !parseAddress(text.slice(0, percent), this.words, 0)) return false;
    this.zone = zone;
    return true;
  }

  /** The unspecified address of a family, as listeners and binders use it. */
  any(family: number): void {
    this.words.fill(0);
    if (family === 4) this.words[2] = 0x0000ffff;
    this.zone = 0;
  }

  get w0(): number {
    return this.words[0]!;
  }

  get w1(): number {
    return this.words[1]!;
  }

  get w2(): number {
    return this.words[2]!;
  }

  get w3(): number {
    return this.words[3]!;
  }
}

/** 'IPv4' or 'IPv6'. A mapped address is IPv4: a client is shown as what it is, also by a listener on ::. */
export function familyName(w0: number, w1: number, w2: number): 'IPv4' | 'IPv6' {
  return isMapped(w0, w1, w2) ? 'IPv4' : 'IPv6';
}

/** An address with its zone where it needs one. */
export function addressText(w0: number, w1: number, w2: number, w3: number, zone: number): string {
  const text = formatAddress(w0, w1, w2, w3);
  return zone !== 0 && isScoped(w0) ? `${text}%${zone}` : text;
}

/** What address() returns. */
export function addressInfo(w0: number, w1: number, w2: number, w3: number, zone: number, port: number): AddressInfo {
  return { address: addressText(w0, w1, w2, w3, zone), family: familyName(w0, w1, w2), port };
}
