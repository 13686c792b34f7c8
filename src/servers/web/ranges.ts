// The Range field: from its text to the parts to send, with a bound on what a client can make us do (RFC 9110 section 14).
// Called by handler.ts; calls nothing.

/** Bytes [start, end) of the representation. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Ranges in one request; more are taken for an attack (RFC 9110 section 17.15) and Range is ignored. */
export const MAX_RANGES = 64;
/**
 * What a Range field asks of a representation of `size` bytes:
 *
 *   null      Range is to be ignored: answer 200. Another unit, not of the grammar, more than MAX_RANGES, or an empty
 *             representation.
 *   []        valid, and nothing of it satisfiable: answer 416.
 *   [a, …]    answer 206 with these parts: in the order asked for, those that overlap or touch joined into one in the
 *             place of the first of them. So an answer is never longer than the representation and MAX_RANGES heads.
 */
export function readRange(value: string, size: number): ByteRange[] | null {
  const equals = value.indexOf('=');
  if (equals < 0 || value.slice(0, equals).toLowerCase() !== 'bytes' || size === 0) return null;
  const specs = value.slice(equals + 1).split(',', 2 * MAX_RANGES + 1);
  const ranges: ByteRange[] = [];
  let count = 0;
  for (const spec of specs) {
    const text = spec.replace(/^[ \t]+|[ \t]+$/g, '');
    // A recipient accepts empty members of a list (section 5.6.1.2).
    if (text === '') continue;
    if (++count > MAX_RANGES) return null;
    const range = readSpec(text, size);
    if (range === null) return null;
    if (range.start < range.end) ranges.push(range);
  }
  if (count === 0 || specs.length > 2 * MAX_RANGES) return null;
  return coalesce(ranges);
}

/** One range-spec against `size`; an empty range where it is valid but not satisfiable; null where it is invalid. */
function readSpec(text: string, size: number): ByteRange | null {
  const m = /^(\d*)-(\d*)$/.exec(text);
  if (m === null) return null;
  const first = m[1]!.replace(/^0+(?=\d)/, '');
  const last = m[2]!.replace(/^0+(?=\d)/, '');
  if (first === '') {
    if (last === '') return null;
    return { start: Math.max(0, size - Number(last)), end: size };
  }
  // Compared as text first: numerals may be longer than any number type (section 14.1.2).
  if (last !== '' && (last.length < first.length || (last.length === first.length && last < first))) return null;
  const start = Math.min(Number(first), size);
  return { start, end: last === '' ? size : Math.min(Number(last), size - 1) + 1 };
}

/** Joins ranges that overlap or touch; the order is that of the first member of each (section 15.3.7.2). */
function coalesce(ranges: readonly ByteRange[]): ByteRange[] {
  const sorted = ranges.map((range, order) => ({ ...range, order })).sort((a, b) => a.start - b.start);
  const joined: { start: number; end: number; order: number }[] = [];
  for (const range of sorted) {
    const previous = joined[joined.length - 1];
    if (previous !== undefined && range.start <= previous.end) {
      previous.end = Math.max(previous.end, range.end);
      previous.order = Math.min(previous.order, range.order);
    } else {
      joined.push(range);
    }
  }
  return joined.sort((a, b) => a.order - b.order).map(({ start, end }) => ({ start, end }));
}

/** The value of Content-Range for a part (RFC 9110 section 14.4). */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`;
}

/** The text around the parts of a multipart/byteranges body (RFC 9110 section 14.6). */
export interface Multipart {
  /** The value of Content-Type. */
  readonly contentType: string;
  /** What stands before part i. */
  readonly heads: readonly string[];
  /** What stands after the last part. */
  readonly tail: string;
  /** Bytes of the whole body. */
  readonly length: number;
}

/** Lays out a multipart/byteranges body; `boundary` must not occur in the content (a long random one). ASCII only. */
export function multipart(parts: readonly ByteRange[], size: number, type: string, boundary: string): Multipart {
  const heads = parts.map(
    (part, i) =>
      `${i === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(part, size)}\r\n\r\n`,
  );
  const tail = `\r\n--${boundary}--\r\n`;
  const length = parts.reduce((sum, part, i) => sum + heads[i]!.length + part.end - part.start, tail.length);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, heads, tail, length };
}
