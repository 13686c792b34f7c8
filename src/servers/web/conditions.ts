// Conditional requests: entity tags, HTTP dates, and which answer the preconditions of RFC 9110 section 13 ask for.
// Called by handler.ts; calls nothing.

/** What identifies the representation as it is now. */
export interface Validators {
  /** The entity tag as it stands in ETag: `"…"`, or `W/"…"`. */
  readonly etag: string;
  /** Last-Modified in whole seconds since 1970, not later than `now`. */
  readonly lastModified: number;
}

/** The request's conditional fields. `undefined` where a field is absent; several lines of one field are given as a list joined by ", ". */
export interface ConditionFields {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: string | undefined;
  readonly ifUnmodifiedSince?: string | undefined;
  readonly ifRange?: string | undefined;
}

/** What to do: 200 (perform the method), 304 or 412. */
export type Verdict = 200 | 304 | 412;

/**
 * Evaluates the preconditions of a GET or HEAD on a representation that exists, in the order of RFC 9110 section
 * 13.2.2 (steps 1 to 4; If-Range, step 5, is rangeApplies()). `now` in milliseconds since 1970.
 */
export function evaluate(fields: ConditionFields, current: Validators, now: number): Verdict {
  if (fields.ifMatch !== undefined) {
    // Step 1. Section 13.1.1: strong comparison; "*" holds because the representation exists.
    if (!matches(fields.ifMatch, current.etag, true)) return 412;
  } else if (fields.ifUnmodifiedSince !== undefined) {
    // Step 2. Section 13.1.4: ignored unless it is one valid date.
    const date = parseHttpDate(fields.ifUnmodifiedSince, now);
    if (date !== null && current.lastModified > date) return 412;
  }
  if (fields.ifNoneMatch !== undefined) {
    // Step 3. Section 13.1.2: weak comparison. Where it is present, If-Modified-Since is ignored (13.1.3).
    if (matches(fields.ifNoneMatch, current.etag, false)) return 304;
  } else if (fields.ifModifiedSince !== undefined) {
    // Step 4.
    const date = parseHttpDate(fields.ifModifiedSince, now);
    if (date !== null && current.lastModified <= date) return 304;
  }
  return 200;
}

/**
 * Whether Range is to be obeyed, by If-Range (RFC 9110 section 13.1.5): absent, or the very same strong entity tag, or
 * exactly the date of Last-Modified where that date is a strong validator. `now` in milliseconds since 1970.
 */
export function rangeApplies(ifRange: string | undefined, current: Validators, now: number): boolean {
  if (ifRange === undefined) return true;
  const value = ifRange.trim();
  if (value.slice(0, 3).includes('"')) return !current.etag.startsWith('W/') && value === current.etag;
  // Section 8.8.2.2: a date is strong when the second it names had ended before the response it came from was made.
  // The client must have seen to that; what we can check is that this second is over by now.
  return parseHttpDate(value, now) === current.lastModified && now >= (current.lastModified + 1) * 1000;
}

const ENTITY_TAG = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/y;

/**
 * Whether a field value of If-Match or If-None-Match names `etag`: "*" does; a list does if one of its members compares
 * equal, strongly or weakly (RFC 9110 section 8.8.3.2). What is not of the grammar `"*" / #entity-tag` names nothing.
 */
export function matches(value: string, etag: string, strong: boolean): boolean {
  if (value.trim() === '*') return true;
  const weak = etag.startsWith('W/');
  const opaque = weak ? etag.slice(2) : etag;
  let found = false;
  let afterTag = false;
  let at = 0;
  while (at < value.length) {
    const c = value[at];
    if (c === ' ' || c === '\t') {
      at++;
    } else if (c === ',') {
      // A recipient accepts empty members (section 5.6.1.2).
      afterTag = false;
      at++;
    } else {
      ENTITY_TAG.lastIndex = at;
      const tag = afterTag ? null : ENTITY_TAG.exec(value);
      if (tag === null) return false;
      afterTag = true;
      at = ENTITY_TAG.lastIndex;
      found ||= tag[2] === opaque && !(strong && (weak || tag[1] !== undefined));
    }
  }
  return found;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = `(${MONTHS.join('|')})`;
const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)';
const IMF_FIXDATE = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\\d\\d) ${MONTH} (\\d{4}) ${TIME} GMT$`);
const RFC850_DATE = new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\\d\\d)-${MONTH}-(\\d\\d) ${TIME} GMT$`);
const ASCTIME_DATE = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${MONTH} (\\d\\d| \\d) ${TIME} (\\d{4})$`);

/**
 * Reads an HTTP-date (RFC 9110 section 5.6.7) in any of its three formats. Returns seconds since 1970, or null where it
 * is none. A two-digit year more than 50 years in the future means the past; `now` in milliseconds decides that.
 */
export function parseHttpDate(text: string, now: number): number | null {
  const value = text.trim();
  let m = IMF_FIXDATE.exec(value);
  if (m !== null) return seconds(Number(m[3]), m[2]!, m[1]!, m[4]!, m[5]!, m[6]!);
  m = ASCTIME_DATE.exec(value);
  if (m !== null) return seconds(Number(m[6]), m[1]!, m[2]!, m[3]!, m[4]!, m[5]!);
  m = RFC850_DATE.exec(value);
  if (m === null) return null;
  const thisYear = new Date(now).getUTCFullYear();
  let year = thisYear - (thisYear % 100) + Number(m[3]);
  if (year > thisYear + 50) year -= 100;
  else if (year <= thisYear - 50) year += 100;
  return seconds(year, m[2]!, m[1]!, m[4]!, m[5]!, m[6]!);
}

function seconds(
  year: number,
  monthName: string,
  day: string,
  hour: string,
  minute: string,
  second: string,
): number | null {
  const month = MONTHS.indexOf(monthName);
  // 60 is a leap second; POSIX time has none: it is the next second.
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month, Number(day));
  // A day that the month does not have would move to the next month.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== Number(day)) return null;
  return date.getTime() / 1000 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
}

/** Writes seconds since 1970 as IMF-fixdate, the only format a sender may generate. */
export function formatHttpDate(time: number): string {
  return new Date(time * 1000).toUTCString();
}
