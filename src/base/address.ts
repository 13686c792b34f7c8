// Text of addresses: IPv4, IPv6 (RFC 4291 section 2.2, RFC 5952), CIDR and MAC, to and from int32 words.
// Called where people and programs give or read addresses (socket, cli, tests); calls nothing.
//
// An address is four int32 words in network order; IPv4 is mapped (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). A MAC is
// its high 16 bits and its low 32 (int32). Reading is strict: nothing before or after, no octal or hex IPv4, no zones.

/** Word 2 of a mapped IPv4 address; words 0 and 1 are 0 and word 3 is the IPv4 address. */
export const MAPPED_WORD = 0x0000ffff;

/** True if the words are a mapped IPv4 address. */
export function isMapped(w0: number, w1: number, w2: number): boolean {
  return (w0 | w1) === 0 && w2 === MAPPED_WORD;
}

const DOT = 46;
const COLON = 58;

/** Value of a hexadecimal digit's character code, or -1. */
function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** A decimal number of `text` in [from, to), without sign or leading zeros and at most `max`; or -1. */
function decimal(text: string, from: number, to: number, max: number): number {
  if (from >= to || to - from > 5 || (to - from > 1 && text.charCodeAt(from) === 48)) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= max ? value : -1;
}

/** Reads dotted decimal in [from, to) of `text` into out[at]. */
function parseIp4Part(text: string, from: number, to: number, out: Int32Array, at: number): boolean {
  let value = 0;
  for (let part = 0; part < 4; part++) {
    let stop = from;
    while (stop < to && text.charCodeAt(stop) !== DOT) stop++;
    const byte = decimal(text, from, stop, 255);
    if (byte < 0 || part < 3 !== stop < to) return false;
    value = (value << 8) | byte;
    from = stop + 1;
  }
  out[at] = value;
  return true;
}

/** Reads a dotted decimal IPv4 address into out[at] (int32). False, and nothing written, if it is none. */
export function parseIp4(text: string, out: Int32Array, at: number): boolean {
  return parseIp4Part(text, 0, text.length, out, at);
}

function parseIp6(text: string, out: Int32Array, at: number): boolean {
  const groups = new Int32Array(8);
  const tail = new Int32Array(1);
  let count = 0;
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false;
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    if (count === 8) return false;
    let stop = i;
    let value = 0;
    for (let digit = 0; stop < text.length && (digit = hexDigit(text.charCodeAt(stop))) >= 0; stop++) {
      value = (value << 4) | digit;
      if (stop - i === 4) return false;
    }
    if (stop < text.length && text.charCodeAt(stop) === DOT) {
      // The last 32 bits as an IPv4 address.
      if (count > 6 || !parseIp4Part(text, i, text.length, tail, 0)) return false;
      groups[count++] = tail[0]! >>> 16;
      groups[count++] = tail[0]! & 0xffff;
      break;
    }
    if (stop === i) return false;
    groups[count++] = value;
    i = stop;
    if (i === text.length) break;
    if (text.charCodeAt(i) !== COLON || i + 1 === text.length) return false;
    i++;
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return false;
      gap = count;
      i++;
    }
  }
  // "::" stands for at least one group.
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (gap >= 0) {
    groups.copyWithin(8 - (count - gap), gap, count);
    groups.fill(0, gap, 8 - (count - gap));
  }
  for (let word = 0; word < 4; word++) out[at + word] = (groups[2 * word]! << 16) | groups[2 * word + 1]!;
  return true;
}

/** Reads an IPv4 or IPv6 address into out[at..at+3]; IPv4 comes out mapped. False, and nothing written, if it is none. */
export function parseAddress(text: string, out: Int32Array, at: number): boolean {
  if (text.includes(':')) return parseIp6(text, out, at);
  if (!parseIp4Part(text, 0, text.length, out, at + 3)) return false;
  out[at] = 0;
  out[at + 1] = 0;
  out[at + 2] = MAPPED_WORD;
  return true;
}

/** Dotted decimal of an int32 IPv4 address. */
export function formatIp4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** RFC 5952: lower case, the longest run of two or more zero groups (the first of equals) as "::". */
function formatIp6(w0: number, w1: number, w2: number, w3: number): string {
  const groups = [w0, w1, w2, w3].flatMap((w) => [w >>> 16, w & 0xffff]);
  let start = -1;
  let longest = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > longest) {
      start = i;
      longest = run;
    }
    i += run;
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return start < 0 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + longest))}`;
}

/** Text of an address: dotted decimal where it is mapped IPv4, RFC 5952 otherwise. */
export function formatAddress(w0: number, w1: number, w2: number, w3: number): string {
  return isMapped(w0, w1, w2) ? formatIp4(w3) : formatIp6(w0, w1, w2, w3);
}

/**
 * Reads "address/length" into out[at..at+3]; bits beyond the prefix are kept, so that one text can give an interface's
 * address and its network. Returns the prefix length in 128 bits (10.0.0.1/24 gives 120), or -1, and nothing written.
 */
export function parseCidr(text: string, out: Int32Array, at: number): number {
  const slash = text.indexOf('/');
  if (slash < 0) return -1;
  const ip4 = !text.includes(':');
  const length = decimal(text, slash + 1, text.length, ip4 ? 32 : 128);
  if (length < 0 || !parseAddress(text.slice(0, slash), out, at)) return -1;
  return ip4 ? length + 96 : length;
}

/** Text of an address and a prefix length in 128 bits: 10.0.0.1/24 for a mapped address and 120. */
export function formatCidr(w0: number, w1: number, w2: number, w3: number, length: number): string {
  if (isMapped(w0, w1, w2)) {
    // A prefix shorter than the mapping itself cannot be said in dotted decimal.
    if (length >= 96) return `${formatIp4(w3)}/${length - 96}`;
    return `::ffff:${formatIp4(w3)}/${length}`;
  }
  return `${formatIp6(w0, w1, w2, w3)}/${length}`;
}

/** Word `word` (0..3) of the mask of a prefix of `length` bits (0..128), int32. */
export function prefixMask(length: number, word: number): number {
  const bits = length - 32 * word;
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}

/**
 * Reads a MAC address ("02:00:5e:10:00:01", or with "-" throughout) into out[at] (high 16 bits) and out[at+1] (low 32).
 * False, and nothing written, if it is none.
 */
export function parseMac(text: string, out: Int32Array, at: number): boolean {
  if (text.length !== 17) return false;
  const separator = text.charCodeAt(2);
  if (separator !== COLON && separator !== 45) return false;
  let hi = 0;
  let lo = 0;
  for (let i = 0; i < 6; i++) {
    const high = hexDigit(text.charCodeAt(3 * i));
    const low = hexDigit(text.charCodeAt(3 * i + 1));
    if (high < 0 || low < 0 || (i < 5 && text.charCodeAt(3 * i + 2) !== separator)) return false;
    if (i < 2) hi = (hi << 8) | (high << 4) | low;
    else lo = (lo << 8) | (high << 4) | low;
  }
  out[at] = hi;
  out[at + 1] = lo;
  return true;
}

/** Text of a MAC address: six pairs of lower-case digits with ":". */
export function formatMac(hi: number, lo: number): string {
  const bytes = [hi >>> 8, hi, lo >>> 24, lo >>> 16, lo >>> 8, lo];
  return bytes.map((byte) => (byte & 255).toString(16).padStart(2, '0')).join(':');
}
