// `ring3 fetch`: gets a URL from the stack's side, over HTTP or HTTPS, to a file or standard output.
// Called by program.ts; calls assemble.ts, ring3/http (or node:http for --link kernel) and node:fs.

import { createWriteStream } from 'node:fs';
import nodeHttp, { type IncomingMessage } from 'node:http';
import nodeHttps, { type RequestOptions } from 'node:https';
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createHttp } from '../socket/http.ts';
import { type Assembled, assemble } from './assemble.ts';
import { readyToSend } from './device.ts';
import { type CliError, EXIT_FAILURE, failure, meaning, usage } from './errors.ts';
import { inwardOnly, type LinkOptions } from './options.ts';
import { onSignal } from './signals.ts';
import { formatSize } from './units.ts';
import { VERSION } from './version.ts';

/** Options of the command. */
export interface FetchOptions extends LinkOptions {
  readonly output?: string;
  readonly insecure?: boolean;
  readonly header?: readonly string[];
  readonly quiet?: boolean;
  /** Microseconds without progress. */
  readonly timeout: number;
}

const MOST_REDIRECTS = 10;

/** Runs the command; resolves to its exit code. */
export async function fetchUrl(text: string, options: FetchOptions): Promise<number> {
  inwardOnly('fetch', options.link);
  const url = readUrl(text);
  const headers = readHeaders(options.header ?? []);
  // Before there is a device: who sees it may interrupt us at once.
  const abort = new AbortController();
  const release = onSignal(() => abort.abort(failure('interrupted')));
  let assembled: Assembled | undefined;
  try {
    assembled = await assemble({ ...options, warn: (line) => process.stderr.write(`ring3 fetch: ${line}\n`) });
    await readyToSend(assembled, abort.signal);
    abort.signal.throwIfAborted();
    const answer = await request(assembled, url, headers, options, abort.signal);
    return (await save(answer, options, abort.signal)) ? 0 : EXIT_FAILURE;
  } catch (error) {
    throw abort.signal.aborted ? (abort.signal.reason as CliError) : error;
  } finally {
    release();
    await assembled?.close(1000);
  }
}

function readUrl(text: string): URL {
  const port = /^https?:\/\/[^/?#]*:(\d+)(?:[/?#]|$)/i.exec(text)?.[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    throw usage(`${JSON.stringify(text)}: the port ${port} is out of range: from 1 to 65535`);
  }
  if (!URL.canParse(text)) throw usage(`${JSON.stringify(text)} is no URL: write one like http://10.3.0.1/path`);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw usage(`${JSON.stringify(text)}: only http and https can be fetched, such as http://10.3.0.1/path`);
  }
  return url;
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': `ring3/${VERSION}`, accept: '*/*' };
  for (const line of lines) {
    const at = line.indexOf(':');
    if (at < 1) throw usage(`--header ${JSON.stringify(line)}: write "Name: value"`);
    headers[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
  }
  return headers;
}

/** Asks, and follows redirects. Rejects with a CliError, for answers of 400 and above too. */
async function request(
  assembled: Assembled,
  url: URL,
  headers: Record<string, string>,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const own = assembled.inside === undefined ? undefined : createHttp(assembled.inside.network);
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const module = url.protocol === 'https:' ? (own?.https ?? nodeHttps) : (own?.http ?? nodeHttp);
    const answer = await ask(
      module,
      url,
      { headers, rejectUnauthorized: !options.insecure, signal },
      options.timeout / 1000,
    );
    const status = answer.statusCode ?? 0;
    const location = answer.headers.location;
    if (status >= 300 && status < 400 && location !== undefined && URL.canParse(location, url)) {
      answer.resume();
      const next = new URL(location, url);
      // What was meant for one host alone goes to no other.
      if (next.host !== url.host) for (const name of ['authorization', 'cookie']) delete headers[name];
      url = next;
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw failure(`${url.href}: a redirect out of HTTP`);
      continue;
    }
    if (status >= 400) {
      answer.destroy();
      throw failure(`${url.href}: ${status} ${answer.statusMessage ?? ''}`.trimEnd());
    }
    return answer;
  }
  throw failure(`${url.href}: more than ${MOST_REDIRECTS} redirects`);
}

function ask(
  module: typeof nodeHttp | typeof nodeHttps,
  url: URL,
  options: RequestOptions,
  timeout: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = module.get(url, { ...options, agent: false, timeout }, resolve);
    asked.on('timeout', () => asked.destroy(failure(`${url.href}: no answer in time`)));
    asked.on('error', (error) => reject(failed(url, error)));
  });
}

function failed(url: URL, error: Error & { code?: string }): CliError {
  if ('exitCode' in error) return error as CliError;
  if (error.code?.startsWith('ERR_TLS') || /certificate/i.test(error.message)) {
    return failure(
      `${url.href}: the certificate is not trusted (${error.code ?? error.message}): --insecure takes it as it is`,
    );
  }
  // What OpenSSL says of bytes that are no TLS records at all.
  if (/wrong.version.number|packet.length.too.long|http.request/i.test(`${error.code} ${error.message}`)) {
    return failure(`${url.href}: what answers there does not speak TLS: try http:// in place of https://`);
  }
  if (error.code === 'EPROTO' || error.code?.startsWith('ERR_SSL')) {
    return failure(`${url.href}: the TLS handshake failed (${error.code}): the server wants it otherwise`);
  }
  if (error.code?.startsWith('HPE_')) {
    return failure(`${url.href}: what answers there does not speak HTTP: if that port is for HTTPS, try https://`);
  }
  return failure(`${url.href}: ${meaning(error)}`);
}

/** Writes the content out; it must come whole. False if the reader of our output has left before that. */
async function save(answer: IncomingMessage, options: FetchOptions, signal: AbortSignal): Promise<boolean> {
  const toFile = options.output !== undefined && options.output !== '-';
  const out: Writable = toFile ? createWriteStream(options.output!) : process.stdout;
  const start = performance.now();
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      bytes += chunk.length;
      callback(null, chunk);
    },
  });
  try {
    await pipeline(answer, count, out, { signal, end: toFile });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if ((error as NodeJS.ErrnoException).path !== undefined)
      throw failure(`cannot write ${options.output}: ${meaning(error)}`);
    if (code === 'EPIPE') return false; // who reads us has had enough
    if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
      throw failure(`the connection ended early, after ${formatSize(bytes)}`);
    }
    throw 'exitCode' in (error as object) ? error : failure(meaning(error));
  }
  if (toFile && !options.quiet) {
    const seconds = (performance.now() - start) / 1000;
    process.stderr.write(
      `${options.output}: ${formatSize(bytes)} in ${seconds.toFixed(2)} s (${formatSize(bytes / seconds)}/s)\n`,
    );
  }
  return true;
}
