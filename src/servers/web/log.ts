// The access log: one line a request, Apache's combined format or JSON, that no client can forge or break.
// Called by handler.ts and server.ts; writes to a stream it is given, with a bound on what waits for a slow one.

/** One request and how it was answered. Times in milliseconds since 1970; texts as the client sent them. */
export interface LogEntry {
  readonly time: number;
  readonly duration: number;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Absent where the request could not be read. */
  readonly method?: string | undefined;
  readonly target?: string | undefined;
  /** "1.0", "1.1" or "2.0". */
  readonly version?: string | undefined;
  readonly status: number;
  /** Bytes of content given to the connection. */
  readonly bytes: number;
  /** The answer did not go out whole. */
  readonly aborted: boolean;
  readonly tls: boolean;
  readonly host?: string | undefined;
  readonly referer?: string | undefined;
  readonly userAgent?: string | undefined;
}

export type LogFormat = 'combined' | 'json';

/** Where lines go: the part of a Writable that is used. */
export interface LogStream {
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** Characters held for a stream that does not keep up; further lines are dropped and counted. */
const MAX_WAITING = 1 << 20;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Writes entries to a stream: many lines at a time, never more than MAX_WAITING in memory. */
export class AccessLog {
  /** Lines that were thrown away because the stream did not keep up. */
  dropped = 0;
  readonly #format: (entry: LogEntry) => string;
  readonly #stream: LogStream;
  #waiting = '';
  #scheduled = false;
  #blocked = false;

  constructor(format: LogFormat, stream: LogStream) {
    this.#format = format === 'json' ? formatJson : formatCombined;
    this.#stream = stream;
  }

  /** Adds a line; it is written by the end of this turn of the event loop, or when the stream has room again. */
  add(entry: LogEntry): void {
    if (this.#waiting.length >= MAX_WAITING) {
      this.dropped++;
      return;
    }
    this.#waiting += this.#format(entry) + '\n';
    if (this.#scheduled || this.#blocked) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Writes what waits, unless the stream has said that it is full. */
  flush(): void {
    if (this.#blocked || this.#waiting === '') return;
    const text = this.#waiting;
    this.#waiting = '';
    if (this.#stream.write(text)) return;
    this.#blocked = true;
    this.#stream.once('drain', () => {
      this.#blocked = false;
      this.flush();
    });
  }
}

/** Apache's combined format: `%h - - [%t] "%r" %>s %b "%{Referer}i" "%{User-agent}i"`. */
export function formatCombined(entry: LogEntry): string {
  const request =
    entry.method === undefined ? '-' : `${entry.method} ${entry.target ?? ''} HTTP/${entry.version ?? '?'}`;
  const fields = [entry.referer, entry.userAgent].map((text) => `"${text ? escapeField(text) : '-'}"`).join(' ');
  const bytes = entry.bytes === 0 ? '-' : entry.bytes;
  const remote = escapeField(entry.remoteAddress ?? '-');
  return `${remote} - - [${clfTime(entry.time)}] "${escapeField(request)}" ${entry.status} ${bytes} ${fields}`;
}

/** One JSON object a line; absent facts are left out. */
export function formatJson(entry: LogEntry): string {
  const text = JSON.stringify({
    time: new Date(entry.time).toISOString(),
    remote: entry.remoteAddress,
    port: entry.remotePort,
    method: entry.method,
    target: entry.target,
    version: entry.version,
    status: entry.status,
    bytes: entry.bytes,
    ms: Math.round(entry.duration * 1000) / 1000,
    aborted: entry.aborted || undefined,
    tls: entry.tls || undefined,
    host: entry.host,
    referer: entry.referer,
    agent: entry.userAgent,
  });
  // JSON lets DEL, the C1 controls and Unicode's line ends stand; a terminal or a line reader may act on them.
  return text.replace(/[\x7f-\x9f\u2028\u2029]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
}

/** As Apache: quotes and backslashes with a backslash, everything outside printable ASCII as \xHH. */
function escapeField(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, (c) => {
    if (c === '"' || c === '\\') return '\\' + c;
    const bytes = c.charCodeAt(0) < 256 ? [c.charCodeAt(0)] : [...Buffer.from(c)];
    return bytes.map((byte) => '\\x' + byte.toString(16).padStart(2, '0')).join('');
  });
}

/** `10/Oct/2000:13:55:36 +0000`; in UTC, as all of ring3's times are. */
function clfTime(time: number): string {
  const at = new Date(time);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
