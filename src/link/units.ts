// Numbers as people write them: rates (10mbit), times (50ms), sizes (100kB), probabilities (0.02 or 2%); and lists key=value.
// Called by the parsers of fault and shape and by the command line; calls nothing.
//
// All throw a RangeError whose one line says what was given and what is wanted: this is configuration, not input of a peer.

const RATES: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };
const TIMES: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1e3, s: 1e6, min: 6e7, h: 3.6e9 };
const SIZES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

function parse(text: string, units: Readonly<Record<string, number>>, bare: number, wanted: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-zµ]*)$/i.exec(text.trim());
  const unit = match?.[2]?.toLowerCase() ?? '';
  const factor = unit === '' ? bare : Object.hasOwn(units, unit) ? units[unit]! : Number.NaN;
  const value = Number(match?.[1]) * factor;
  if (!Number.isFinite(value)) throw new RangeError(`${JSON.stringify(text)} is no ${wanted}`);
  return value;
}

/** Bits a second: `10mbit`, `1.5gbit`, `64000` (bare: bits a second). Decimal units. */
export function parseRate(text: string): number {
  const rate = parse(text, RATES, 1, 'rate, such as 10mbit (bit, kbit, mbit, gbit)');
  if (rate === 0) throw new RangeError('a rate of 0 lets nothing through');
  return rate;
}

/** Microseconds: `50ms`, `200us`, `1.5s`, `2min`, `2h`. A bare number other than 0 is refused: nobody knows its unit. */
export function parseTime(text: string): number {
  return parse(text, TIMES, /^0*(\.0*)?$/.test(text.trim()) ? 1 : Number.NaN, 'time, such as 50ms (us, ms, s, min, h)');
}

/** Bytes, whole: `100kB`, `1MB` (decimal), `64KiB` (binary), `1500`. */
export function parseSize(text: string): number {
  return Math.round(parse(text, SIZES, 1, 'size, such as 100kB (B, kB, MB, GB, KiB, MiB, GiB)'));
}

/** A number from 0 to 1: `0.02`, `2%`. */
export function parseProbability(text: string): number {
  const percent = text.trim().endsWith('%');
  const number = percent ? text.trim().slice(0, -1) : text;
  const wanted = 'probability from 0 to 1, such as 0.02 or 2%';
  if (!/^\s*\d*\.?\d+\s*$/.test(number)) throw new RangeError(`${JSON.stringify(text)} is no ${wanted}`);
  const value = Number(number) / (percent ? 100 : 1);
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${JSON.stringify(text)} is no ${wanted}`);
  return value;
}

/** A whole number that fits 32 bits: a seed. */
export function parseSeed(text: string): number {
  if (!/^\s*\d{1,10}\s*$/.test(text) || Number(text) > 0xffffffff) {
    throw new RangeError(`${JSON.stringify(text)} is no seed: a whole number from 0 to 4294967295`);
  }
  return Number(text);
}

/** The directions that a key of a list may be for: `rx.drop=0.1` is for what is received; without a prefix it is for both. */
export type Way = 'rx' | 'tx' | 'both';

/**
 * Reads `key=value,rx.key=value,…` and calls `set` for each pair. `what` begins the message of every error; `keys` is the
 * table of readers; keys in `whole` take no direction.
 */
export function parsePairs(
  text: string,
  what: string,
  keys: Readonly<Record<string, (text: string) => number>>,
  whole: readonly string[],
  set: (way: Way, key: string, value: number) => void,
): void {
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at < 0) throw new RangeError(`${what}: ${JSON.stringify(part)} is not of the form key=value`);
    const name = part.slice(0, at).trim();
    const dot = /^(rx|tx)\./.exec(name);
    const key = dot === null ? name : name.slice(3);
    if (!Object.hasOwn(keys, key) || (dot !== null && whole.includes(key))) {
      throw new RangeError(`${what}: unknown key ${JSON.stringify(name)}; known: ${Object.keys(keys).join(', ')}`);
    }
    if (seen.has(name)) throw new RangeError(`${what}: ${name} is given twice`);
    seen.add(name);
    try {
      set(dot === null ? 'both' : (dot[1] as Way), key, keys[key]!(part.slice(at + 1)));
    } catch (error) {
      throw new RangeError(`${what}: ${name}: ${(error as Error).message}`);
    }
  }
}
