// Numbers as people write and read them, for the command line: what src/link/units.ts reads, ports and counts, and the way back.
// Called by options.ts, status.ts and the commands; calls src/link/units.ts.
//
// All readers throw a RangeError whose one line says what was given and what is wanted.

export { parseRate, parseSize, parseTime } from '../link/units.ts';

/** A port number from 0 to 65535; 0 lets one be chosen. */
export function parsePort(text: string): number {
  const port = parseCount(text, 'port: a whole number from 0 to 65535');
  if (port > 65535) throw new RangeError(`${JSON.stringify(text)} is no port: a whole number from 0 to 65535`);
  return port;
}

/** A whole number, not negative. `wanted` completes "… is no". */
export function parseCount(text: string, wanted = 'whole number'): number {
  if (!/^\d{1,9}$/.test(text.trim())) throw new RangeError(`${JSON.stringify(text)} is no ${wanted}`);
  return Number(text);
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in decimal units with up to three digits: `0 B`, `999 B`, `1.5 kB`, `12 MB`, `123 GB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit < SIZES.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${formatNumber(value, unit > 0)} ${SIZES[unit]}`;
}

/** A count with up to three digits where it is small, in thousands beyond: `0`, `999`, `1.5k`, `12M`. */
export function formatCount(count: number): string {
  for (const [factor, name] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (count >= factor * 0.9995) return formatNumber(count / factor, true) + name;
  }
  return String(Math.round(count));
}

/** One decimal below ten. */
function formatNumber(value: number, fraction: boolean): string {
  return fraction && value < 9.95 ? value.toFixed(1) : String(Math.round(value));
}
